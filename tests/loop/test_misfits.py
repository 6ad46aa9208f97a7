"""Cells that are not of their column's type: told alike by check and train, never in silence."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from evermodel.loop.beginning import check
from evermodel.loop.profiling import profiled
from evermodel.loop.releasing import promote, register
from evermodel.loop.scoring import score
from evermodel.loop.state import load_version, read_state
from evermodel.loop.training import train
from evermodel.loop.workspace import Workspace
from evermodel.records import ColumnType
from evermodel.tables import Misfits, read, scan
from tests.loop.shop import PROJECT, customers
from tests.tables.test_workbooks import workbook

Begin = Callable[..., Workspace]
_TYPES = '[data.types]\namount = "number"\nsince = "timestamp"\n\n[outcome]'
_TEXT = PROJECT.replace("[outcome]", _TYPES)


def _rows(bad: int, rows: int = 400) -> pl.DataFrame:
    """Return customers with a date each, of which the first `bad` do not exist."""
    days = [date(2023, 1, 1) + timedelta(days=place) for place in range(rows)]
    since = [f"{day:%d/%m/%y}" for day in days]
    since[:bad] = ["31/02/24"] * bad
    frame = customers(rows).with_columns(
        pl.Series("since", since), pl.col("amount").cast(pl.String)
    )
    return frame.with_columns(frame["amount"].scatter(20, "about 5"))


def test_a_few_are_left_missing_and_check_and_train_tell_them_in_the_same_words(
    begin: Begin,
) -> None:
    workspace = begin(_TEXT, _rows(bad=2))
    checked, trained = check(workspace.root.parent, thorough=False), train(workspace)
    for column, example in (("since", "'31/02/24' on line 2"), ("amount", "'about 5' on line 22")):
        found = checked.find("unreadable_cells", column)
        assert found.verdict == "warn"
        assert example in found.why
        assert "data.repairs" in found.why
        assert trained.find("unreadable_cells", column).why == found.why
    assert trained.find("unreadable_cells", "since").value == 2
    assert "run" in trained.facts


def test_more_of_them_than_a_twentieth_are_not_learned_from(begin: Begin) -> None:
    workspace = begin(_TEXT, _rows(bad=21))
    checked, trained = check(workspace.root.parent, thorough=False), train(workspace)
    found = trained.find("unreadable_cells", "since")
    assert (found.verdict, found.value, found.n) == ("fail", 21, 400)
    assert "more than 5% are too many to learn from" in found.why
    assert checked.find("unreadable_cells", "since").why == found.why
    assert "run" not in trained.facts


def test_dates_that_a_file_leaves_open_are_read_as_its_model_learned_them(
    begin: Begin, tmp_path: Path
) -> None:
    workspace = begin(_TEXT, _rows(bad=0))
    train(workspace)
    register("", workspace)
    promote(None, workspace)
    source, target = tmp_path / "new.csv", tmp_path / "out.csv"
    new = customers(2, seed=5).drop("churned")
    new.with_columns(pl.Series("since", ["03/04/24", "05/06/24"])).write_csv(source)
    score(source, target, workspace)
    scored = pl.read_csv(target, try_parse_dates=True)["since"]
    assert scored.dt.date().to_list() == [date(2024, 4, 3), date(2024, 6, 5)]
    state = read_state(workspace)
    mend = load_version(workspace, state.version(state.live)).encoder.mender("since")
    assert mend is not None
    assert mend("03/04/24") == "2024-04-03T00:00:00"


@pytest.mark.parametrize("odd", ["31.02.23", "30.02.22"])
def test_a_date_that_does_not_exist_never_turns_others_nor_becomes_another_day(
    tmp_path: Path, odd: str
) -> None:
    days = [f"2021-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(60)]
    path = tmp_path / "days.csv"
    for written in (days, [f"{d[8:]}.{d[5:7]}.{d[2:4]}" for d in days]):
        path.write_text(
            "day,n\n" + "".join(f"{day},{n}\n" for n, day in enumerate([*written, odd]))
        )
        found = Misfits(most=1.0)
        table = read(path, misfits=found)
        column = table.frame["day"]
        assert column.dt.year().drop_nulls().unique().to_list() == [2021]
        assert column.null_count() == 1
        assert check(path, tmp_path).find("unreadable_cells", "day").value == 1


def _visits(words: list[str], rows: int = 400) -> list[str]:
    return [*words, *(str(place % 30) for place in range(rows - len(words)))]


@pytest.mark.parametrize("ends", [".csv", ".xlsx"])
def test_a_note_among_numbers_is_told_in_a_text_as_in_a_sheet(tmp_path: Path, ends: str) -> None:
    path = tmp_path / f"visits{ends}"
    frame = pl.DataFrame({"who": [f"c{i}" for i in range(400)], "n": _visits(["see the note"])})
    if ends == ".csv":
        frame.write_csv(path)
    else:
        numbers = [int(text) if text.isdigit() else text for text in frame["n"]]
        workbook(path, {"S": [["who", "n"], *zip(frame["who"], numbers, strict=True)]})
    report = check(path, thorough=False)
    found = report.find("unreadable_cells", "n")
    assert (found.verdict, found.value, found.n) == ("warn", 1, 400)
    assert "'see the note' " in found.why
    assert found.evidence["lines"] == [2]


@pytest.mark.parametrize(
    "words",
    [["EG"] * 45, ["studio"], ["x"], ["A12", "B7"], ["a", "b", "c"] * 9],
    ids=["a value of its own", "an amount in words", "one letter", "codes", "too many"],
)
def test_words_that_may_be_values_keep_their_column_one_of_words(
    tmp_path: Path, words: list[str]
) -> None:
    path = tmp_path / "a.csv"
    pl.DataFrame({"n": _visits(words), "y": range(400)}).write_csv(path)
    table = read(path, misfits=Misfits(most=1.0))
    assert [column.type for column in table.schema.columns] == ["category", "number"]


def test_a_profile_tells_what_it_left_missing(begin: Begin) -> None:
    workspace = begin(_TEXT, _rows(bad=2))
    _, notes, _ = profiled(None, workspace.root.parent)
    assert "amount: 1 value not of its type left missing: 'about 5' on line 22" in notes
    assert any(note.startswith("since: 2 values not of its type") for note in notes)


@pytest.mark.parametrize("slip", ["siehe Rechnung", "ca. 50", "49,90-", "45,-"])
def test_one_slip_among_amounts_with_decimal_commas_is_left_missing(
    tmp_path: Path, slip: str
) -> None:
    rows = [f"{row};{row % 90 + 10},{row % 100:02d}" for row in range(300)]
    rows[40] = f"40;{slip}"
    (tmp_path / "a.csv").write_text("\n".join(["nr;preis", *rows]))
    found = check(tmp_path / "a.csv", thorough=False).find("unreadable_cells", "preis")
    assert (found.value, found.evidence["lines"]) == (1, [42])


def test_a_code_among_whole_numbers_keeps_them_words(tmp_path: Path) -> None:
    rows = [f"{row},{row % 90 + 1}" for row in range(300)]
    rows[40] = "40,12a"
    (tmp_path / "a.csv").write_text("\n".join(["nr,house", *rows]))
    names = {each.name for each in check(tmp_path / "a.csv", thorough=False).results}
    assert "unreadable_cells" not in names


@pytest.mark.parametrize("first", [True, False])
def test_few_odd_cells_are_few_wherever_they_stand(tmp_path: Path, first: bool) -> None:
    odd, right = [f"x{row}" for row in range(6)], [f"{row}.5" for row in range(994)]
    cells = odd + right if first else right + odd
    (tmp_path / "a.csv").write_text("\n".join(["n,amount", *(f"1,{cell}" for cell in cells)]))
    misfits = Misfits()
    types: dict[str, ColumnType] = {"amount": "number"}
    batches = scan(tmp_path / "a.csv", types=types, batch_rows=100, misfits=misfits)
    assert sum(batch["amount"].null_count() for batch in batches) == 6
    assert misfits.cells == {"amount": 6}
