"""A review may be filled in sittings; what it corrects is taken as it is meant, or refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evermodel.errors import DataError
from evermodel.loop.beginning import check, read_source
from evermodel.loop.corrections import data_corrections, data_take, data_undo
from evermodel.loop.profiling import data_profile
from evermodel.loop.workspace import Workspace, open_workspace
from evermodel.tables import texts
from evermodel.tables.patches import row_names
from tests.loop.shop import Shop

Make = Callable[..., Shop]
_COLUMNS = ("line", "row", "column", "value", "suggestion", "reason", "correction", "name")


class Sheet:
    """A review of some cells of a project, as it was read when this was made."""

    def __init__(self, workspace: Workspace, path: Path) -> None:
        self._path = path
        self._rows = texts(workspace.project.source)
        self._names = row_names(self._rows)
        self._lines: list[tuple[object, ...]] = []

    def fill(self, row: int, column: str, correction: str, *, suggestion: str = "") -> "Sheet":
        """Correct one cell."""
        value, name = self._rows[column][row], f"r{self._names[row]}"
        self._lines.append((row + 2, row, column, value, suggestion, "odd", correction, name))
        return self

    def saved(self) -> Path:
        """Write it and return where."""
        table = pl.DataFrame(self._lines, schema=list(_COLUMNS), orient="row")
        table.write_csv(self._path)
        return self._path


@pytest.fixture
def place(shop: Make) -> Workspace:
    return shop().workspace


def _sheet(place: Workspace, tmp_path: Path) -> Sheet:
    return Sheet(place, tmp_path / "review.csv")


def test_a_review_is_filled_in_two_sittings(place: Workspace, tmp_path: Path) -> None:
    sheet = _sheet(place, tmp_path).fill(7, "amount", "50.5")
    assert data_take(sheet.saved(), place).find("cells_corrected").value == 1
    # The same sheet, with the row's other cell: the row has another name by now.
    sheet.fill(7, "visits", "97").fill(9, "visits", "98")
    assert data_take(sheet.saved(), place).find("cells_corrected").value == 2
    frame = read_source(place.project).frame
    assert (frame["amount"][7], frame["visits"][7], frame["visits"][9]) == (50.5, 97, 98)
    with pytest.raises(DataError, match="made already"):
        data_take(sheet.saved(), place)
    # What built on a patch that is undone fits no more, and can be made again.
    data_undo(1, place)
    report = data_take(sheet.fill(9, "amount", "60.5").saved(), place)
    assert report.find("cells_corrected").value == 3
    frame = read_source(place.project).frame
    assert (frame["amount"][7], frame["visits"][7], frame["visits"][9]) == (50.5, 97, 98)
    assert frame["amount"][9] == 60.5


def test_of_equal_rows_the_second_sitting_is_of_the_one_of_its_number(
    place: Workspace, tmp_path: Path
) -> None:
    path = Path(place.project.source)
    lines = path.read_text().splitlines()
    lines[8] = lines[4]
    path.write_text("\n".join(lines) + "\n")
    sheet = _sheet(place, tmp_path).fill(3, "amount", "50")
    data_take(sheet.saved(), place)
    data_take(sheet.fill(3, "plan", "pro!").saved(), place)
    assert texts(path)["plan"][7] != "pro!"
    assert read_source(place.project).frame["plan"].to_list().index("pro!") == 3


def test_a_cell_that_was_corrected_to_another_value_since_is_told_with_its_line(
    place: Workspace, tmp_path: Path
) -> None:
    data_take(_sheet(place, tmp_path).fill(7, "amount", "50").saved(), place)
    again = _sheet(place, tmp_path).fill(7, "amount", "60")
    with pytest.raises(DataError, match="to another value since") as caught:
        data_take(again.saved(), place)
    assert caught.value.where.endswith("review.csv:2")
    assert caught.value.found == "line 9 of the data"


def test_what_a_sheet_says_twice_counts_once_and_must_agree(
    place: Workspace, tmp_path: Path
) -> None:
    sheet = _sheet(place, tmp_path).fill(7, "amount", "50").fill(7, "amount", "50")
    assert data_take(sheet.saved(), place).find("cells_corrected").value == 1
    data_undo(1, place)
    with pytest.raises(DataError, match="corrected to two values") as caught:
        data_take(sheet.fill(7, "amount", "60").saved(), place)
    assert caught.value.where.endswith("review.csv:4")
    assert caught.value.found.endswith("review.csv:2")


@pytest.mark.parametrize("suggestion", ["01067", ""])
def test_a_correction_that_lost_its_zero_and_so_is_the_value_is_refused(
    place: Workspace, tmp_path: Path, suggestion: str
) -> None:
    path = Path(place.project.source)
    frame = pl.read_csv(path, infer_schema=False)
    rows = pl.int_range(pl.len())
    zips = pl.when(rows == 7).then(pl.lit("1067")).otherwise(pl.lit("01067"))
    frame.with_columns(zip=zips).write_csv(path)
    sheet = _sheet(place, tmp_path).fill(3, "plan", "plus")
    with pytest.raises(DataError, match="leading zeros") as caught:
        data_take(sheet.fill(7, "zip", "1067", suggestion=suggestion).saved(), place)
    assert caught.value.where.endswith("review.csv:3")
    assert data_corrections(place).results == ()


def test_a_correction_that_is_the_value_is_counted_and_told(
    place: Workspace, tmp_path: Path
) -> None:
    sheet = _sheet(place, tmp_path)
    plan = texts(place.project.source)["plan"][7]
    with pytest.raises(DataError, match="corrects nothing") as caught:
        data_take(sheet.fill(7, "plan", plan).saved(), place)
    assert "stands there already" in caught.value.hint
    report = data_take(sheet.fill(8, "amount", "50").saved(), place)
    assert report.find("cells_unchanged").value == 1
    assert report.find("cells_corrected").value == 1


@pytest.mark.parametrize(
    ("column", "now", "said", "hint"),
    [
        ("churned", "X", "none of the classes", "one of no, yes; (empty) for no outcome"),
        ("churned", "NA", "none of the classes", "one of no, yes"),
        ("amount", "fifty", "is no number", "as the others"),
    ],
)
def test_what_the_data_cannot_hold_is_refused_with_its_line(
    place: Workspace, tmp_path: Path, column: str, now: str, said: str, hint: str
) -> None:
    sheet = _sheet(place, tmp_path).fill(3, "plan", "plus").fill(4, column, "")
    sheet.fill(5, "amount", "5").fill(7, column, now)
    with pytest.raises(DataError, match=said) as caught:
        data_take(sheet.saved(), place)
    assert caught.value.where.endswith("review.csv:5")
    assert (caught.value.found, hint in caught.value.hint) == (now, True)
    assert data_corrections(place).results == ()


def test_an_outcome_may_be_another_class_or_none_or_what_the_sheet_proposes(
    place: Workspace, tmp_path: Path
) -> None:
    sheet = _sheet(place, tmp_path)
    other = {"yes": "no", "no": "yes"}[texts(place.project.source)["churned"][7]]
    sheet.fill(7, "churned", other).fill(8, "churned", "(empty)")
    data_take(sheet.saved(), place)
    assert read_source(place.project).frame["churned"][7:9].to_list() == [other, None]
    assert check(folder=place, thorough=False).verdict != "fail"
    data_take(
        _sheet(place, tmp_path).fill(9, "churned", "maybe", suggestion="maybe").saved(), place
    )
    assert read_source(place.project).frame["churned"][9] == "maybe"


def test_what_a_column_with_a_type_cannot_hold_is_refused_with_the_line_of_the_sheet(
    place: Workspace, tmp_path: Path
) -> None:
    source = Path(place.project.source)
    frame = pl.read_csv(source).with_columns(pl.col("visits").cast(pl.UInt8))
    frame.write_parquet(source.with_suffix(".parquet"))
    file = place.project.root
    toml = Path(file, "evermodel.toml")
    toml.write_text(toml.read_text().replace("customers.csv", "customers.parquet"))
    with open_workspace(file) as workspace:
        sheet = Sheet(workspace, tmp_path / "review.csv").fill(3, "amount", "5.5")
        with pytest.raises(DataError, match="not of its type") as caught:
            data_take(sheet.fill(7, "visits", "300").saved(), workspace)
    assert caught.value.where.endswith("review.csv:3")
    assert caught.value.hint == "it does not fit into UInt8"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(each) for each in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def test_the_projects_source_by_its_name_is_the_projects_data_with_its_corrections(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(place.project.source)
    frame = pl.read_csv(source, infer_schema=False)
    odd = pl.when(pl.int_range(pl.len()) == 7).then(pl.lit("many")).otherwise("amount")
    frame.with_columns(amount=odd).write_csv(source)
    monkeypatch.chdir(source.parent)

    def found(data: object) -> tuple[bool, bool]:
        report = check(data, folder=place.project.root, thorough=False)
        notes = data_profile(data, place.project.root).facts["understood"]
        bad = any(each.name == "mixed_values" for each in report.results)
        return bad, any("'many' on line 9" in note for note in notes)

    named = (None, source, source.name, Path("..", source.parent.name, source.name))
    assert [found(data) for data in named] == [(True, True)] * 4
    before = data_profile(None, place.project.root).facts["profile"]["columns"]
    data_take(_sheet(place, tmp_path).fill(7, "amount", "50").saved(), place)
    assert [found(data) for data in named] == [(False, False)] * 4
    after = data_profile(source.name, place.project.root).facts["profile"]["columns"]
    assert [column["missing"] for column in after if column["name"] == "amount"] == [0]
    others = [[each for each in one if each["name"] != "amount"] for one in (before, after)]
    # In memory and streamed the same sums are made in another order.
    assert _rounded(others[0]) == _rounded(others[1])
    # Another file is read as it stands, were it the same row for row.
    Path("other.csv").write_bytes(source.read_bytes())
    assert found("other.csv") == (True, True)
