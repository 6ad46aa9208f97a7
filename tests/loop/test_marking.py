"""A person marks 20 rows, on a sheet or one by one, and what is wrong in this table is found."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from evermodel.errors import DataError
from evermodel.loop.beginning import check
from evermodel.loop.marking import mark, read_marks

ROWS = pl.DataFrame(
    {
        "id": [str(n) for n in range(120)],
        "day": [f"{1 + n % 28}/{1 + n % 12}/2025" if n % 3 else "" for n in range(120)],
        "row": [f"={n % 5}" for n in range(120)],
    }
)


def _fill(path: Path, wrong: Sequence[str]) -> None:
    frame = pl.read_csv(path, infer_schema=False)
    frame.with_columns(wrong=pl.Series(wrong)).write_csv(path)


def test_a_sheet_is_made_once_and_read_when_it_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    assert mark(ROWS, path, number=4) == {}
    sheet = pl.read_csv(path, infer_schema=False)
    assert sheet.columns == ["row", "line", "name", "wrong", "id", "day", "row (cell)"]
    # What a spreadsheet would run as a formula is written as a text.
    assert sheet["row (cell)"].str.starts_with("'=").all()
    _fill(path, ["day", "none", "", "day, id"])
    marked = mark(ROWS, path)
    rows = [int(row) for row in sheet["row"]]
    assert marked == {
        (rows[0], "id"): False, (rows[0], "day"): True, (rows[0], "row"): False,
        (rows[1], "id"): False, (rows[1], "day"): False, (rows[1], "row"): False,
        (rows[3], "id"): True, (rows[3], "day"): True, (rows[3], "row"): False,
    }  # fmt: skip
    # Sorted anew, the table holds the same rows elsewhere.
    again = read_marks(ROWS.reverse(), path)
    assert {(119 - row, name): said for (row, name), said in marked.items()} == again


def test_each_answer_is_kept_before_the_next_question(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    asked: list[int] = []

    def ask(line: int, cells: Mapping[str, str]) -> Sequence[str] | None:
        asked.append(line)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return ["day"] if not cells["day"] else []

    with pytest.raises(KeyboardInterrupt):
        mark(ROWS, path, number=5, ask=ask)
    assert len({row for row, _ in read_marks(ROWS, path)}) == 2
    marked = mark(ROWS, path, ask=lambda line, cells: [])
    assert len({row for row, _ in marked}) == 5


def test_what_does_not_fit_the_table_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    mark(ROWS, path, number=3)
    _fill(path, ["none", "dya", ""])
    with pytest.raises(DataError, match="not in the table") as caught:
        read_marks(ROWS, path)
    assert "marks.csv:3" in str(caught.value)
    with pytest.raises(DataError, match="not in the table any more"):
        read_marks(ROWS.with_columns(id=pl.col("id") + "x"), path)
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no sheet of rows to mark"):
        read_marks(ROWS, other)


def test_check_finds_what_was_marked_in_rows_that_nobody_looked_at(tmp_path: Path) -> None:
    """A style of writing that only its owner knows to be wrong."""
    days = [f"2025-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(300)]
    days = [day if n % 4 else f"{day[8:]}/{day[5:7]}/{day[:4]}" for n, day in enumerate(days)]
    data, sheet = tmp_path / "a.csv", tmp_path / "marks.csv"
    frame = pl.DataFrame({"id": [str(n) for n in range(300)], "day": days, "x": ["a", "b"] * 150})
    frame.write_csv(data)
    assert check(data, tmp_path, label=sheet).facts["marked_rows"] == 0
    shown = pl.read_csv(sheet, infer_schema=False)
    _fill(sheet, ["day" if "/" in day else "none" for day in shown["day"]])
    report = check(data, tmp_path, label=sheet)
    assert report.facts["marked_rows"] == 20
    found = {(cell["row"], cell["column"]) for cell in report.facts["cells"]}
    assert found == {(row, "day") for row in range(0, 300, 4)}
