"""Rows and cells of a scored file that cannot be read are said, never dropped in silence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evermodel.errors import DataError, InputError
from evermodel.loop import scoring
from evermodel.loop.scoring import score
from evermodel.loop.telling import report
from evermodel.tables import understand
from tests.loop.shop import Shop, customers

Make = Callable[..., Shop]


def _file(one: Shop, rows: int, edit: Callable[[list[str]], list[str]]) -> Path:
    path = one.folder / "new.csv"
    customers(rows, seed=3).drop("churned").write_csv(path)
    path.write_text("\n".join(edit(path.read_text().splitlines())) + "\n")
    return path


def _with_bad_amounts(lines: list[str], at: list[int]) -> list[str]:
    place = lines[0].split(",").index("amount")
    for line in at:
        cells = lines[line - 1].split(",")
        cells[place] = "abc"
        lines[line - 1] = ",".join(cells)
    return lines


def test_malformed_lines_are_counted_and_named(shop: Make) -> None:
    one = shop()
    source = _file(one, 31, lambda lines: [*lines[:5], "only,two", *lines[5:], "1,2,3,4,5,6"])
    said = score(source, one.folder / "out.csv", one.workspace)
    assert (said.facts["rows"], said.facts["rejected"]) == (31, 2)
    found = said.find("rows left out")
    assert (found.value, found.n, found.verdict) == (2, 33, "warn")
    assert "line 6, 34" in found.why
    assert "2 cells where the header has 4" in found.why


def test_a_bad_cell_costs_its_row_that_value_only_and_is_named(shop: Make) -> None:
    one = shop()
    source = _file(one, 300, lambda lines: _with_bad_amounts(lines, [3, 8]))
    said = score(source, one.folder / "out.csv", one.workspace)
    found = said.find("cells taken as missing", "amount")
    assert (found.value, found.n, found.verdict) == (2, 300, "warn")
    assert "'abc' on line 3, 'abc' on line 8" in found.why
    scored = pl.read_csv(one.folder / "out.csv")
    assert scored["amount"].null_count() == 2
    assert scored["probability"].null_count() == 0
    plain = _file(one, 300, list)
    score(plain, one.folder / "plain.csv", one.workspace)
    others = [place for place in range(300) if place not in (1, 6)]
    as_usual = pl.read_csv(one.folder / "plain.csv")["probability"][others]
    assert scored["probability"][others].to_list() == as_usual.to_list()


def test_a_column_of_many_bad_cells_is_refused_and_nothing_is_written(shop: Make) -> None:
    one = shop()
    source = _file(one, 300, lambda lines: _with_bad_amounts(lines, list(range(2, 20))))
    with pytest.raises(DataError, match="18 of 300 values of column 'amount' are not numbers"):
        score(source, one.folder / "out.csv", one.workspace)
    assert not (one.folder / "out.csv").exists()


def test_a_clean_file_gets_no_warning(shop: Make) -> None:
    one = shop()
    said = score(_file(one, 40, list), one.folder / "out.csv", one.workspace)
    assert said.verdict == "pass"


def test_neither_scores_nor_a_page_are_written_over_the_data(shop: Make) -> None:
    one = shop()
    rows = _file(one, 40, list)
    source = one.workspace.project.source
    before = Path(str(source)).read_bytes()
    with pytest.raises(InputError, match="replace the input"):
        score(rows, source, one.workspace)
    with pytest.raises(InputError, match="replace the input"):
        report(one.workspace, output=source)
    assert Path(str(source)).read_bytes() == before


def test_scores_replace_earlier_scores_but_no_other_file(shop: Make) -> None:
    one = shop()
    rows = _file(one, 40, list)
    other = one.folder / "deliveries.csv"
    other.write_text("order,amount\n1,2\n")
    with pytest.raises(InputError, match="holds no predictions"):
        score(rows, other, one.workspace)
    assert other.read_text() == "order,amount\n1,2\n"
    for name in ("out.csv", "out.parquet"):
        for _ in range(2):
            assert score(rows, one.folder / name, one.workspace).facts["rows"] == 40


def test_formulas_are_written_as_texts_where_a_spreadsheet_will_open_them(shop: Make) -> None:
    one = shop()
    rows = customers(40, seed=3).drop("churned").with_columns(note=pl.lit("=1+cmd"))
    rows.write_csv(one.folder / "new.csv")
    for safe, text in ((False, "=1+cmd"), (True, "'=1+cmd")):
        target = one.folder / "out.csv"
        score(one.folder / "new.csv", target, one.workspace, spreadsheet_safe=safe)
        assert set(pl.read_csv(target)["note"]) == {text}


def test_a_file_replaced_between_two_readings_is_refused(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop()
    rows, target = _file(one, 40, list), one.folder / "out.csv"
    real = understand

    def replaced(*asked: Any, **how: Any) -> Any:
        found = real(*asked, **how)
        other = one.folder / "other.csv"
        customers(50, seed=8).drop("churned").write_csv(other)
        other.replace(rows)
        return found

    monkeypatch.setattr(scoring, "understand", replaced)
    with pytest.raises(DataError, match="changed while it was read"):
        score(rows, target, one.workspace)
    assert not target.exists()
    monkeypatch.undo()
    assert score(rows, target, one.workspace).facts["logged"] == 50
