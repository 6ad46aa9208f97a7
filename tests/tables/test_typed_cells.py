"""Texts that somebody typed beside the numbers and dates of a sheet."""

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evermodel import tables
from evermodel.data import check
from evermodel.tables import Misfits
from tests.tables.test_workbooks import workbook

_AMOUNTS = [20.5 + place / 8 for place in range(60)]


def _read(tmp_path: Path, cells: list[Any], **how: Any) -> tables.Table:
    path = tmp_path / "book.xlsx"
    rows = [[f"r{place}", cell] for place, cell in enumerate(cells)]
    workbook(path, {"Sheet": [["row", "x"], *rows]})
    return tables.read(path, **how)


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        (["1.234,50", "7,5"], [1234.5, 7.5]),
        (["1,234.50", "7.5"], [1234.5, 7.5]),
        (["1 234,5", "0,25"], [1234.5, 0.25]),
        (["12,50 €", "€ 7"], [12.5, 7.0]),
    ],
)
def test_numbers_typed_as_texts_are_read_by_their_own_marks(
    tmp_path: Path, typed: list[str], values: list[float]
) -> None:
    table = _read(tmp_path, [*_AMOUNTS, *typed])
    assert table.frame["x"].to_list() == [*_AMOUNTS, *values]


def test_three_decimals_of_a_number_cell_are_never_thousands(tmp_path: Path) -> None:
    table = _read(tmp_path, [1.234, 2.345, 12.125, "1.234,5"])
    assert table.frame["x"].to_list() == [1.234, 2.345, 12.125, 1234.5]


def test_a_word_among_number_cells_is_told_with_its_row_and_left_missing(tmp_path: Path) -> None:
    table = _read(tmp_path, [*_AMOUNTS, "7,5", "about 5"], misfits=Misfits(most=1.0))
    assert table.frame["x"].to_list() == [*_AMOUNTS, 7.5, None]
    (found,) = [each for each in check(table).results if each.name == "unreadable_cells"]
    assert (found.verdict, found.value, found.n) == ("warn", 1, 62)
    assert "'about 5' in row 63" in found.why


def test_without_somebody_to_tell_it_to_the_column_stays_as_it_is_written(tmp_path: Path) -> None:
    table = _read(tmp_path, [*_AMOUNTS, "about 5"])
    assert table.schema.columns[1].type == "category"
    assert "'about 5' on line 62" in table.understood.columns[1].doubt


@pytest.mark.parametrize("code", ["1003b", "00123"])
def test_codes_beside_whole_numbers_stay_words(tmp_path: Path, code: str) -> None:
    table = _read(tmp_path, [*range(1000, 1060), code], misfits=Misfits(most=1.0))
    assert table.frame["x"].to_list()[-1] == code
    assert not table.misfits.cells


def test_a_word_among_date_cells_is_told_and_left_missing(tmp_path: Path) -> None:
    days = [datetime(2024, 1, 1 + place % 28) for place in range(60)]
    table = _read(tmp_path, [*days, "24.12.23", "soon"], misfits=Misfits(most=1.0))
    assert table.frame["x"].to_list() == [*days, datetime(2023, 12, 24), None]
    assert table.misfits.shown == {"x": [(63, "soon")]}


def test_a_sheet_with_typed_texts_is_the_same_in_batches(tmp_path: Path) -> None:
    cells = [*_AMOUNTS, "1.234,50", *_AMOUNTS, "7,5"]
    whole = _read(tmp_path, cells).frame
    parts = tables.scan(tmp_path / "book.xlsx", batch_rows=7)
    assert pl.concat(parts).equals(whole)


def test_a_sheet_with_totals_is_the_same_in_batches(tmp_path: Path) -> None:
    numbers = [1000.125, 2000.5, 3000.25]
    rows: list[list[Any]] = [
        ["shop", "n"],
        *(["a", n] for n in numbers),
        ["Subtotal", sum(numbers)],
    ]
    rows += [["b", text] for text in ("1.234,5", "7,25")] + [["b", n] for n in numbers * 4]
    workbook(tmp_path / "book.xlsx", {"Sheet1": rows})
    whole = tables.read(tmp_path / "book.xlsx").frame
    assert whole["n"].dtype == pl.Float64
    assert whole.height == 17
    assert pl.concat(tables.scan(tmp_path / "book.xlsx", batch_rows=4)).equals(whole)
