"""Spreadsheets: what people keep their tables in, with all that they write around them."""

import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from evermodel import tables
from evermodel.errors import DataError
from tests.real import real_data

Rows = Sequence[Sequence[Any]]


def workbook(path: Path, sheets: dict[str, Rows], *, hidden: str = "") -> Path:
    """Write a workbook of these sheets; a text that begins with "=" is a formula."""
    book = xlsxwriter.Workbook(str(path))
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for line, row in enumerate(rows):
            for place, value in enumerate(row):
                if isinstance(value, (date, time)):
                    sheet.write_datetime(line, place, value, day)
                elif value is not None:
                    sheet.write(line, place, value)
        if name == hidden:
            sheet.hide()
    if hidden:
        book.worksheets()[-1].activate()
    book.close()
    return path


def test_cells_become_the_values_that_a_person_sees(tmp_path: Path) -> None:
    rows: Rows = [
        ["id", "day", "price", "paid", "note"],
        [1, date(2026, 1, 31), 1.5, True, "a"],
        [2, datetime(2026, 2, 1, 10), 2.25, False, None],
    ]
    table = tables.read(workbook(tmp_path / "a.xlsx", {"Orders": rows}))
    assert table.frame.rows() == [
        (1, datetime(2026, 1, 31), 1.5, True, "a"),
        (2, datetime(2026, 2, 1, 10), 2.25, False, None),
    ]
    assert table.frame["id"].dtype == pl.Int64
    assert (table.understood.kind, table.understood.notes) == ("spreadsheet", ())


def test_titles_totals_and_empty_rows_are_no_rows_of_the_table(tmp_path: Path) -> None:
    rows: Rows = [
        ["Sales of the year"],
        [],
        ["shop", "month", "sales", "visits"],
        ["north", "January", 10, 100],
        [],
        ["south", "January", 20, 200],
        ["east", "January", 30, 300],
        ["Total", None, 60, 600],
    ]
    table = tables.read(workbook(tmp_path / "a.xlsx", {"S": rows}))
    assert table.frame["sales"].to_list() == [10, 20, 30]
    notes = " ".join(table.understood.notes)
    assert "'Sales of the year'" in notes
    assert "line 8: a row of totals" in notes
    assert "empty lines passed over: 1" in notes


def test_a_table_may_begin_anywhere_and_lines_are_those_of_the_sheet(tmp_path: Path) -> None:
    rows: Rows = [[], [], [None, "a", "b"], [None, 1, 2], [None, 3, "oops"], [None, 5, 6]]
    table = tables.read(workbook(tmp_path / "a.xlsx", {"S": rows}))
    assert table.frame["a"].to_list() == [1, 3, 5]
    assert any("'oops' on line 5" in note for note in table.understood.notes)


def test_a_column_that_was_only_formatted_is_none_and_one_with_values_gets_a_name(
    tmp_path: Path,
) -> None:
    rows: Rows = [
        ["a", "b", None, None],
        *[[n, n, None, "x" if n == 7 else None] for n in range(9)],
    ]
    table = tables.read(workbook(tmp_path / "a.xlsx", {"S": rows}))
    assert table.frame.columns == ["a", "b", "column_4"]
    assert "column 4 has no name in the header: named 'column_4'" in table.understood.notes


def test_the_first_visible_sheet_with_rows_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    sheets: dict[str, Rows] = {
        "Codes": [["code"], ["x"]],
        "Empty": [],
        "Orders": [["id"], [1], [2]],
        "Customers": [["name"], ["Ada"]],
    }
    path = workbook(tmp_path / "a.xlsx", sheets, hidden="Codes")
    table = tables.read(path)
    assert table.frame["id"].to_list() == [1, 2]
    assert "others are not ('Customers')" in table.understood.notes[0]
    assert tables.read(f"{path}#sheet=Customers").frame["name"].to_list() == ["Ada"]
    with pytest.raises(DataError, match="did you mean 'Customers'"):
        tables.read(f"{path}#sheet=Custommers")


def test_errors_and_formulas_without_a_value_are_told_and_never_read_as_empty_in_silence(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["a", "b", "c"])
    for line in range(1, 6):
        sheet.write_row(line, 0, [line, line, line])
    sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
    sheet.write_formula(3, 2, "=A4*2", None, "")
    sheet.write_formula(4, 2, "=A5*2", None, 8)
    book.close()
    table = tables.read(path)
    assert table.frame["b"].to_list() == [1, None, 3, 4, 5]
    assert table.frame["c"].to_list() == [1, 2, None, 8, 5]
    notes = " ".join(table.understood.notes)
    assert "an error such as #N/A are taken as missing: B3" in notes
    assert "never calculated are taken as missing: C4" in notes


def test_numbers_typed_as_texts_are_read_as_in_a_text_file(tmp_path: Path) -> None:
    rows: Rows = [["price"], *[[f"{n},50"] for n in range(5)], ["n/a"]]
    table = tables.read(workbook(tmp_path / "a.xlsx", {"S": rows}))
    assert table.frame["price"].to_list() == [0.5, 1.5, 2.5, 3.5, 4.5, None]


def test_a_sheet_in_batches_is_the_sheet_as_a_whole(tmp_path: Path) -> None:
    rows: Rows = [["a", "b"], *[[n, f"t{n % 7}"] for n in range(500)]]
    path = workbook(tmp_path / "a.xlsx", {"S": rows})
    parts = list(tables.scan(path, batch_rows=64))
    assert max(part.height for part in parts) <= 64
    assert pl.concat(parts).equals(tables.read(path).frame)


def test_what_is_no_spreadsheet_or_a_broken_one_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"S": [["a"], [1]]})
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(path.read_bytes()[:-200])
    other = tmp_path / "other.xlsx"
    with zipfile.ZipFile(other, "w") as packed:
        packed.writestr("readme.txt", "hello")
    empty = workbook(tmp_path / "empty.xlsx", {"S": []})
    for wrong in (cut, other):
        with pytest.raises(DataError, match="damaged"):
            tables.read(wrong)
    with pytest.raises(DataError, match="holds no rows"):
        tables.read(empty)
    renamed = tmp_path / "text.xlsx"
    renamed.write_text("a,b\n1,2\n")
    assert tables.read(renamed).frame.rows() == [(1, 2)]


def test_a_file_that_unpacks_to_a_disk_full_is_refused_unread(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("xl/worksheets/sheet1.xml", "w") as sheet,
    ):
        for _ in range(100):
            sheet.write(b"0" * (1 << 20))
    with pytest.raises(DataError, match="unpacks to far more"):
        tables.read(bomb)


@pytest.mark.real
@pytest.mark.parametrize("name", ["churn/telco_churn.csv", "pm25/beijing_pm25.csv"])
def test_real_tables_are_the_same_in_a_spreadsheet(tmp_path: Path, name: str) -> None:
    from_text = tables.read(real_data(name)).frame.head(5000)
    from_text.write_excel(tmp_path / "a.xlsx")
    assert tables.read(tmp_path / "a.xlsx").frame.equals(from_text)
