"""Small tables that people fill in a spreadsheet program and give back."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from evermodel.errors import DataError, InputError, NotFoundError
from evermodel.store.durable import write_durably
from evermodel.tables import texts

__all__ = ["FORMULA", "as_given", "delimited", "number_in", "read_sheet", "write_sheet"]

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet would run, or may have been made of such a text by an apostrophe."""
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_OTHER = (".xls", ".xlsm", ".xlsb", ".ods", ".parquet", ".pq", ".json", ".jsonl", ".html", ".pdf")


def write_sheet(
    path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]], *, separator: str = ""
) -> None:
    """Write a table that any spreadsheet program opens, whole or not at all.

    Its ending says how: .xlsx, .tsv, or any other for a CSV file, with commas unless `separator`
    is another. In an .xlsx texts are marked as such, and no program makes dates or numbers of them.

    Raises
    ------
    InputError
        When the ending is that of a format that is not written.
    """
    suffix = path.suffix.lower()
    if suffix == ".xlsx":
        write_durably(path, _workbook([columns, *rows]))
        return
    if suffix in _OTHER:
        what = "a table to fill in cannot be written in this format"
        raise InputError(what, where=str(path), hint="name it .xlsx or .csv")
    separator = separator or ("\t" if suffix == ".tsv" else ",")
    write_durably(path, delimited(columns, rows, separator=separator))


def delimited(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, separator: str = ","
) -> bytes:
    """Return a table as a text that spreadsheet programs open, and run nothing of.

    Examples
    --------
    >>> delimited(["a", "b"], [[1, "=1+1"]]).decode("utf-8-sig").splitlines()
    ['a,b', "1,'=1+1"]
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_safe(value) for value in row] for row in rows)
    # With the mark in front, spreadsheet programs know the encoding.
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "replace")


def _safe(value: object) -> object:
    """Return a text that no spreadsheet runs as a formula."""
    if isinstance(value, str) and FORMULA.match(value):
        return "'" + value
    return value


def as_given(text: str) -> str:
    """Return a text of a sheet as it was before it was made safe from being run as a formula.

    Examples
    --------
    >>> as_given("'=1+1"), as_given("=1+1"), as_given("'tis"), as_given("''-")
    ('=1+1', '=1+1', "'tis", "'-")
    """
    return text[1:] if text[:1] == "'" and FORMULA.match(text) else text


_PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-'
        'officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.'
        'openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        '<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-'
        'officedocument.spreadsheetml.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/_rels/workbook.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/worksheet" Target="worksheets/sheet1.xml"/>'
        '<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        '<sheets><sheet name="Review" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    # The second format, 49, is "text": what is typed into such a cell stays as it is typed.
    "xl/styles.xml": (
        '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<fonts><font/></fonts><fills><fill><patternFill patternType="none"/></fill></fills>'
        "<borders><border/></borders>"
        "<cellStyleXfs><xf/></cellStyleXfs>"
        '<cellXfs><xf/><xf numFmtId="49" applyNumberFormat="1"/></cellXfs></styleSheet>'
    ),
}
"""All of an .xlsx (ECMA-376) but the rows."""


def _workbook(rows: Sequence[Sequence[object]]) -> bytes:
    """Return one sheet as an .xlsx, the first row staying in sight."""
    lines = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
        'state="frozen"/></sheetView></sheetViews>'
        f'<cols><col min="1" max="{len(rows[0])}" width="18" style="1"/></cols>'
        f"<sheetData>{lines}</sheetData></worksheet>"
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in {**_PARTS, "xl/worksheets/sheet1.xml": sheet}.items():
            # With a time of its own, equal tables would be different files.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            file.writestr(entry, f'<?xml version="1.0" encoding="UTF-8"?>{text}', 8)
    return made.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"<c><v>{value}</v></c>"
    text = escape(_NOT_XML.sub("\ufffd", str(_safe(value)))).replace("\r", "&#13;")
    return f'<c s="1" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def read_sheet(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a file of ours with their lines, however it was saved since.

    Raises
    ------
    NotFoundError
        When there is none.
    DataError
        When it has not the columns that are needed.
    """
    if not path.is_file():
        raise NotFoundError("there is no such file", where=str(path))
    rows = texts(path)
    absent = [name for name in needed if name not in rows.columns]
    if absent:
        what = "this is no file that evermodel data review or check wrote"
        raise DataError(what, where=str(path), found=f"no column {', '.join(absent)}")
    for place, entry in enumerate(rows.iter_rows(named=True)):
        yield place + 2, {name: as_given(text) for name, text in entry.items()}


def number_in(text: str) -> int:
    """Return the whole number in a cell, as a spreadsheet program may have written it; -1: none.

    Examples
    --------
    >>> number_in("7"), number_in("7.0"), number_in("x")
    (7, 7, -1)
    """
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return -1
