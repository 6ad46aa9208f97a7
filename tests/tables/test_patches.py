"""Corrections find their rows again, fit nothing else, and never touch the source."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel import tables
from evermodel.errors import DataError
from evermodel.tables import CellPatch, Patch, RowPatch
from evermodel.tables.patches import decoded, row_names

PolarsType = pl.DataType | type[pl.DataType]
HEADER = "id,price,plan\n"
LINES = ["1,10,a", "2,2O,b", "3,30,b", "4,40,c", "4,40,c"]


def _file(folder: Path, lines: list[str] = LINES) -> Path:
    path = folder / "a.csv"
    path.write_text(HEADER + "\n".join(lines) + "\n")
    return path


def _cell(path: Path, row: int, column: str, now: str) -> CellPatch:
    texts = tables.texts(path)
    return CellPatch(
        row=row, name=row_names(texts)[row], column=column, was=texts[column][row], now=now
    )


def test_a_corrected_cell_counts_before_types_are_found(tmp_path: Path) -> None:
    path = _file(tmp_path)
    assert tables.read(path).schema["price"].type == "category"
    patch = Patch(why="review", cells=(_cell(path, 1, "price", "20"),))
    table = tables.read(path, patches=[patch])
    assert table.frame["price"].to_list() == [10, 20, 30, 40, 40]
    assert "1 of 1 cells corrected" in table.understood.notes[-1]
    assert path.read_text() == HEADER + "\n".join(LINES) + "\n"
    assert tables.texts(path, patches=[patch])["price"][1] == "20"


@given(st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_a_correction_finds_its_row_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("shuffled")
    path = _file(folder)
    patch = Patch(cells=(_cell(path, 1, "price", "20"), _cell(path, 3, "plan", "d")))
    lines = [*LINES, "9,90,a"]
    chance.shuffle(lines)
    _file(folder, lines)
    frame = tables.read(path, patches=[patch]).frame
    rows = sorted(map(str, frame.rows()))
    assert "(2, 20, 'b')" in rows
    # Of two equal rows one is corrected, as it was meant.
    assert rows.count("(4, 40, 'd')") == rows.count("(4, 40, 'c')") == 1


def test_of_equal_rows_the_one_of_the_number_is_corrected(tmp_path: Path) -> None:
    path = _file(tmp_path)
    patch = Patch(cells=(_cell(path, 4, "plan", "d"),))
    assert tables.read(path, patches=[patch]).frame["plan"].to_list() == ["a", "b", "b", "c", "d"]


def test_each_of_two_equal_rows_that_moved_is_corrected(tmp_path: Path) -> None:
    path = _file(tmp_path, ["1,10,a", "1,10,a", "2,20,b"])
    patch = Patch(cells=tuple(_cell(path, row, "plan", f"new {row}") for row in (0, 1)))
    _file(tmp_path, ["5,50,c", "1,10,a", "1,10,a", "2,20,b"])
    table = tables.read(path, patches=[patch])
    assert table.frame["plan"].to_list() == ["c", "new 1", "new 0", "b"]
    assert "2 of 2 cells corrected" in table.understood.notes[-1]
    _file(tmp_path, ["5,50,c", "2,20,b", "1,10,a"])
    table = tables.read(path, patches=[patch])
    assert table.frame["plan"].to_list() == ["c", "b", "new 0"]
    assert "1 of 2 cells corrected: the others fit the source no more" in table.understood.notes[-1]


def test_what_fits_no_more_is_told_and_changes_nothing(tmp_path: Path) -> None:
    path = _file(tmp_path)
    patch = Patch(cells=(_cell(path, 1, "price", "20"),))
    path.write_text(path.read_text().replace("2,2O,b", "2,21,b"))
    table = tables.read(path, patches=[patch])
    assert table.frame["price"][1] == 21
    assert "0 of 1 cells corrected: the others fit the source no more" in table.understood.notes[-1]


def test_patches_build_on_one_another(tmp_path: Path) -> None:
    path = _file(tmp_path)
    first = Patch(cells=(_cell(path, 1, "price", "20"),))
    texts = tables.texts(path, patches=[first])
    second = CellPatch(row=1, name=row_names(texts)[1], column="plan", was="b", now="z")
    frame = tables.read(path, patches=[first, Patch(cells=(second,))]).frame
    assert frame.row(1) == (2, 20, "z")
    # Without the first, the second has no row that it knows.
    assert tables.read(path, patches=[Patch(cells=(second,))]).frame["plan"][1] == "b"


def test_repaired_rows_are_taken_in_below_the_others(tmp_path: Path) -> None:
    path = _file(tmp_path, [*LINES, "5,50"])
    seen: list[tables.Rejected] = []
    tables.read(path, rejects=seen.append)
    assert [(row.line, row.text) for row in seen] == [(7, "5,50")]
    row = RowPatch(line=7, cells={"id": "5", "price": "50", "plan": "a"}, was="5,50")
    odd = RowPatch(line=8, cells={"id": "5"}, was="5")
    table = tables.read(path, patches=[Patch(rows=(row, odd))])
    assert table.frame.row(-1) == (5, "50", "a")
    assert table.lines[-1] == 7
    assert table.understood.rejected_rows == 0
    assert any("1 of 2 repaired rows taken in" in note for note in table.understood.notes)


@pytest.mark.parametrize(
    ("lines", "last", "rejected", "done"),
    [
        # The source was mended: its own row counts, and once.
        ([*LINES, "5,50,a"], (5, "50", "a"), [], 0),
        # Another row that cannot be read is on that line.
        ([*LINES, "6,60"], (4, "40", "c"), ["6,60"], 0),
        # Rows came above it.
        (["0,5,a", *LINES, "6,60", "5,50"], (5, "51", "b"), ["6,60"], 1),
        # Of two that are alike one was repaired.
        ([*LINES, "5,50", "5,50"], (5, "51", "b"), ["5,50"], 1),
    ],
)
def test_a_repaired_row_counts_only_while_the_one_that_it_repairs_is_there(
    tmp_path: Path, lines: list[str], last: tuple[object, ...], rejected: list[str], done: int
) -> None:
    path = _file(tmp_path, lines)
    row = RowPatch(line=7, cells={"id": "5", "price": "51", "plan": "b"}, was="5,50")
    seen: list[tables.Rejected] = []
    table = tables.read(path, patches=[Patch(rows=(row,))], rejects=seen.append)
    assert table.frame.row(-1) == last
    assert [one.text for one in seen] == rejected
    assert table.frame.height + len(seen) == len(lines)
    assert table.understood.rejected_rows == len(rejected)
    assert tables.texts(path, patches=[Patch(rows=(row,))]).height == table.frame.height
    (note,) = [note for note in table.understood.notes if note.startswith("correction")]
    assert f"{done} of 1 repaired rows taken in" in note
    assert ("fit the source no more" in note) == (not done)


def test_a_patch_of_the_first_format_is_read_and_knows_a_row_by_its_line(tmp_path: Path) -> None:
    kept = (
        b'{"format": "evermodel.patch/1", "rows": '
        b'[{"line": 7, "cells": {"id": "5", "price": "51", "plan": "b"}}]}'
    )
    patch = decoded(kept)
    path = _file(tmp_path, [*LINES, "5,50"])
    assert tables.read(path, patches=[patch]).frame.row(-1) == (5, "51", "b")
    _file(tmp_path, [*LINES, "5,50,a"])
    assert tables.read(path, patches=[patch]).frame.rows()[-2:] == [(4, "40", "c"), (5, "50", "a")]
    with pytest.raises(DataError, match="cannot be read"):
        decoded(kept.replace(b"patch/1", b"patch/3").replace(b"rows", b"lines"))


def test_columns_with_types_of_their_own_are_corrected_in_these(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"n": [1, 2], "ok": [True, None], "t": ["a", None]}).write_parquet(path)
    cells = (
        _cell(path, 0, "n", "1.5"),
        _cell(path, 1, "ok", "false"),
        _cell(path, 1, "t", "b"),
    )
    frame = tables.read(path, patches=[Patch(cells=cells)]).frame
    assert frame.rows() == [(1.5, True, "a"), (2, False, "b")]
    with pytest.raises(DataError, match="not of its type"):
        tables.read(path, patches=[Patch(cells=(_cell(path, 0, "n", "many"),))])


BERLIN = pl.Datetime("us", "Europe/Berlin")
BEGIN = datetime(2026, 1, 1)


@pytest.mark.parametrize(
    ("kind", "values", "now", "held"),
    [
        (pl.Int64, [1, 2], "9007199254740993", 9007199254740993),
        (pl.Int64, [1, 2], "5.0", 5),
        (pl.Int64, [1, 2], "1.5", 1.5),
        (pl.UInt8, [1, 2], "255", 255),
        (pl.Float32, [1.0, 2.0], "1.5", 1.5),
        (pl.Decimal(10, 2), [Decimal("1.00"), Decimal("2.00")], "1.25", 1.25),
        (pl.Categorical, ["x", "y"], "new", "new"),
        (pl.Enum(["x", "y"]), ["x", "y"], "new", "new"),
        (pl.Date, [BEGIN.date()] * 2, "2026-01-05", datetime(2026, 1, 5)),
        (pl.Datetime("us"), [BEGIN] * 2, "2026-01-05 10:00", datetime(2026, 1, 5, 10)),
        (BERLIN, [BEGIN] * 2, "2026-01-05 10:00+01:00", datetime(2026, 1, 5, 9)),
        (pl.Duration("us"), [timedelta(seconds=1)] * 2, "2.5", 2.5),
        (pl.Int64, [1, 2], "", None),
    ],
)
def test_a_correction_of_a_typed_column_is_what_was_written(
    tmp_path: Path, kind: PolarsType, values: list[object], now: str, held: object
) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"n": [1, 2], "v": pl.Series(values, dtype=kind)}).write_parquet(path)
    patch = Patch(cells=(_cell(path, 1, "v", now),))
    assert tables.read(path, patches=[patch]).frame["v"][1] == held
    assert tables.texts(path, patches=[patch]).height == 2


@pytest.mark.parametrize(
    ("kind", "values", "now", "said"),
    [
        (pl.UInt8, [1, 2], "300", "does not fit into UInt8"),
        (pl.UInt8, [1, 2], "-1", "does not fit into UInt8"),
        (pl.Int64, [1, 2], "9223372036854775808", "does not fit into Int64"),
        (pl.Int64, [1, 2], "nan", "no number"),
        (pl.Int64, [1, 2], "1_0", "the column holds Int64"),
        (pl.Int64, [9007199254740993, 2], "1.5", "no number with decimals"),
        (pl.Float32, [1.0, 2.0], "1e300", "does not fit into Float32"),
        (pl.Float64, [1.0, 2.0], "inf", "no number"),
        (pl.Decimal(10, 2), [Decimal("1.00"), Decimal("2.00")], "1.257", "does not fit"),
        (pl.Date, [BEGIN.date()] * 2, "2026-01-05 10:00", "the column holds days"),
        (pl.Datetime("us"), [BEGIN] * 2, "2026-01-05 10:00+01:00", "no time zone"),
        # Whether UTC is meant, as the sheet shows it, or Berlin's clock, nobody can tell.
        (BERLIN, [BEGIN] * 2, "2026-01-05 10:00", "write its offset"),
        (pl.Boolean, [True, False], "perhaps", "the column holds Boolean"),
    ],
)
def test_a_correction_that_a_typed_column_cannot_hold_is_refused_with_its_row(
    tmp_path: Path, kind: PolarsType, values: list[object], now: str, said: str
) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"n": [1, 2], "v": pl.Series(values, dtype=kind)}).write_parquet(path)
    patch = Patch(cells=(_cell(path, 1, "v", now),))
    with pytest.raises(DataError, match="not of its type") as caught:
        tables.read(path, patches=[patch])
    assert caught.value.where == f"{path}, row 2"
    assert said in caught.value.hint


@pytest.mark.parametrize(
    ("lines", "texts"),
    [
        (['1,"a', 'b",c', "2,3"], ["2,3"]),
        (['1,a"b",c', "2,x,y,z"], ["2,x,y,z"]),
        (["1,b,c", '"x"y,2,3', "5"], ["5"]),
    ],
)
def test_a_row_that_cannot_be_read_is_handed_on_as_it_stands(
    tmp_path: Path, lines: list[str], texts: list[str]
) -> None:
    path = _file(tmp_path, [*LINES, *lines])
    seen: list[tables.Rejected] = []
    table = tables.read(path, rejects=seen.append)
    assert [row.text for row in seen if row.reason.endswith("has 3")] == texts
    assert table.understood.rejected_rows == len(seen)
    assert all(not row.text for row in table.understood.rejected)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('id;price;plan\n1;10;"a; b"\n2;20;b\n3;30;c\n\nid;price;plan\n', ["id;price;plan"]),
        (
            "id;price;plan\n" + "".join(f"{n};1{n};a\n" for n in range(1, 9)) + "Total;116;\n",
            ["Total;116;"],
        ),
        ('id\tsaid\tmore\n1\t5" a\tx\n2\tb\ty\nid\tsaid\tmore\n', ["id\tsaid\tmore"]),
    ],
)
def test_a_row_that_is_none_of_the_table_is_handed_on_as_the_file_writes_it(
    tmp_path: Path, text: str, rows: list[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    seen: list[tables.Rejected] = []
    tables.read(path, rejects=seen.append)
    assert [row.text for row in seen if row.apart] == rows
