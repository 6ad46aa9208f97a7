"""A sheet of a spreadsheet (xlsx, xlsm, xlsb, xls, ods) into rows of texts.

Cells come with types of their own, but people write what they like into them: a column that holds
texts is read by the rules of text files, any other by its types. Calculated values count, formulas
are never run.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evermodel.errors import DataError, MissingExtraError, nearest
from evermodel.project import Reading
from evermodel.tables.blocks import Blocks
from evermodel.tables.ends import rows_alone
from evermodel.tables.headings import combined, one_table
from evermodel.tables.objects import batch_of
from evermodel.tables.raw import RawBatch
from evermodel.tables.sniff import check_names, groups_note, sniff
from evermodel.tables.unit_lines import units_note

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

__all__ = ["SUFFIXES", "Workbook"]

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_SAMPLE = 500
_MOST_BYTES = 4 << 30
_MOST_RATIO = 250
"""Sheets of numbers shrink to a tenth; what shrinks to less than this was made to fill a disk."""
_BLOCK = 1 << 24
_CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]+)(\d+)"[^>]*?(?:/>|>.*?</c>)', re.DOTALL)
_EMPTY_FORMULA = re.compile(
    rb"<f\b[^>]*?(?:/>|>.*?</f>)\s*(?:<v>\s*</v>|<v\s*/>)?\s*</c>", re.DOTALL
)
_SHEET = re.compile(r"<sheet\b[^>]*>")
_LINK = re.compile(r"<Relationship\b[^>]*>")


class Workbook:
    """One sheet of a spreadsheet: the one that is named, or the first that holds anything.

    Parameters
    ----------
    path : Path
        The file.
    sheet : str
        Its sheet, or "" for the first visible one with rows.
    """

    kind = "spreadsheet"

    def __init__(self, path: Path, sheet: str = "") -> None:
        self.path = path
        self.where = str(path)
        self.blank_lines = 0
        _check_size(path)
        with self._open() as book:
            self.sheet, others = self._choose(book, sheet)
            rows = list(islice(self._rows(book), _SAMPLE))
        self.where = f"{path}#sheet={self.sheet}" if others else str(path)
        if not any(_filled(cell) for row in rows for cell in row):
            raise DataError(
                "the sheet is empty", where=self.where, hint="name another by #sheet=NAME"
            )
        self._first, header, heads, notes = _header(rows, self.where)
        self.names = tuple(_name(cell, place) for place, cell in enumerate(header, start=1))
        self._nameless = [place for place, cell in enumerate(header) if not _filled(cell)]
        self._places, beside = self._used()
        self._heads = [[_shown(row[place]) for place in self._places] for row in heads]
        check_names([self.names[place] for place in self._places], self.where)
        notes += beside
        named = any(map(_filled, header))
        notes += [
            f"column {place + 1} has no name in the header: named {self.names[place]!r}"
            for place in self._nameless
            if named and place in self._places
        ]
        if others:
            shown = ", ".join(map(repr, others[:5]))
            notes.insert(
                0, f"the sheet {self.sheet!r} is read, others are not ({shown}): #sheet=NAME"
            )
        self.notes = (*notes, *self._unreadable())

    def batches(self, rows: int) -> Iterator[RawBatch]:
        """Yield all rows in order as texts; empty rows are passed over.

        Raises
        ------
        DataError
            When the sheet is damaged.
        """
        yield from rows_alone(lambda: map(_of_types, one_table(self._batches(rows), self._heads)))

    def _batches(self, rows: int) -> Iterator[RawBatch]:
        self.blank_lines = 0
        places, names = self._places, [self.names[place] for place in self._places]
        with self._open() as book:
            numbered = enumerate(self._rows(book), start=1)
            below = islice(numbered, self._first, None)
            any_rows = False
            while some := list(islice(below, rows)):
                filled = [(line, row) for line, row in some if any(map(_filled, row))]
                self.blank_lines += len(some) - len(filled)
                values = [[_value(row[place]) for place in places] for _, row in filled]
                lines = [line for line, _ in filled]
                batch = batch_of(names, values, lines)
                any_rows = True
                yield replace(batch, typed=_typed(names, values, lines))
            if not any_rows:
                yield batch_of(names, [], np.empty(0, np.int64).tolist())

    def _used(self) -> tuple[list[int], list[str]]:
        """Return the columns of the table, and notes on what else stands beside it.

        Columns without a name and a value were only ever formatted. Where such a one parts the
        sheet, and what is on one side of it ends far above the other, these are two tables.
        """
        unused = set(self._nameless)
        every = [place for place in range(len(self.names)) if place not in unused]
        if not unused:
            return every, []
        blocks = Blocks(every)
        with self._open() as book:
            for row in islice(self._rows(book), self._first, None):
                blocks.add([_filled(cell) for cell in row])
                if not blocks.parted and len(blocks.used) == len(self.names):
                    break
        places, others = blocks.main()
        notes = []
        for other in others:
            names = [repr(self.names[place]) for place in other[:3] if place < len(self.names)]
            more = ", ..." if len(other) > 3 else ""
            notes.append(
                f"another table stands beside this one and is left out: {', '.join(names)}{more} "
                "(give it a sheet of its own)"
            )
        return places, notes

    @contextmanager
    def _open(self) -> Iterator[CalamineWorkbook]:
        try:
            from python_calamine import CalamineError, CalamineWorkbook, PasswordError
        except ImportError as error:
            raise MissingExtraError("reading a spreadsheet", "loop", found=str(error)) from None
        try:
            with CalamineWorkbook.from_path(self.path) as book:
                yield book
        except PasswordError:
            what = "this spreadsheet is protected by a password"
            hint = "save a copy without one"
            raise DataError(what, where=self.where, hint=hint) from None
        except (CalamineError, OSError) as error:
            what = "this spreadsheet is damaged, or is none"
            found = str(error).splitlines()[0][:200]
            hint = "open it in a spreadsheet program and save it again"
            raise DataError(what, where=self.where, found=found, hint=hint) from None

    def _choose(self, book: CalamineWorkbook, sheet: str) -> tuple[str, list[str]]:
        """Return the sheet to read, and the others that hold anything."""
        if sheet and sheet not in book.sheet_names:
            near = nearest(sheet, book.sheet_names)
            names = ", ".join(book.sheet_names[:10])
            hint = f"did you mean {near!r}?" if near else f"it has {names}"
            raise DataError("there is no such sheet", where=self.where, found=sheet, hint=hint)
        from python_calamine import SheetVisibleEnum

        shown = SheetVisibleEnum.Visible
        visible = [each.name for each in book.sheets_metadata if each.visible == shown]
        full = [name for name in visible if book.get_sheet_by_name(name).height]
        if not (sheet or full):
            hint = "export it with its rows"
            raise DataError("the spreadsheet holds no rows", where=self.where, hint=hint)
        chosen = sheet or full[0]
        return chosen, [name for name in full if name != chosen]

    def _rows(self, book: CalamineWorkbook) -> Iterator[list[Any]]:
        sheet: CalamineSheet = book.get_sheet_by_name(self.sheet)
        yield from sheet.iter_rows()

    def _unreadable(self) -> Iterator[str]:
        """Yield a note on cells that hold an error, or a formula that was never calculated."""
        if not zipfile.is_zipfile(self.path):
            return
        try:
            errors, formulas = _odd_cells(self.path, self.sheet)
        except (KeyError, zipfile.BadZipFile, UnicodeDecodeError, OSError):
            return  # another layout than Excel's own: nothing can be said of it
        if errors:
            yield f"cells with an error such as #N/A are taken as missing: {_some(errors)}"
        if formulas:
            yield (
                f"formulas that were never calculated are taken as missing: {_some(formulas)} "
                "(open the file in a spreadsheet program and save it)"
            )


def _of_types(batch: RawBatch) -> RawBatch:
    """Return the batch with the kinds of those columns alone that hold no typed text."""
    kinds = {}
    for name, found in batch.kinds.items():
        texts = "text" in found
        if texts and batch.rejected:
            # The texts may all have been in lines that are no rows, such as the header again.
            ours = ~np.isin(batch.lines, batch.typed[name])
            texts = bool((batch.frame[name].fill_null("") != "").to_numpy()[ours].any())
        # Where somebody typed texts, numbers among them may be written in any way.
        if not texts:
            kinds[name] = found - {"text"}
    return replace(batch, kinds=kinds)


def _typed(
    names: Sequence[str], values: Sequence[list[Any]], lines: Sequence[int]
) -> dict[str, np.ndarray]:
    """Return the lines in which the cell of a column is a number, a time or a truth."""
    found = {}
    for place, name in enumerate(names):
        cells = zip(lines, values, strict=True)
        held = [line for line, cell in cells if not isinstance(cell[place], (str, type(None)))]
        found[name] = np.array(held, np.int64)
    return found


def _some(cells: Sequence[str]) -> str:
    return ", ".join(cells[:5]) + (f" and {len(cells) - 5} more" if len(cells) > 5 else "")


def _header(
    rows: Sequence[list[Any]], where: str
) -> tuple[int, list[Any], list[list[Any]], list[str]]:
    """Return where the rows begin, the names, the lines of the header, and notes on it.

    A header, and titles above it, are recognised in a sheet as in a text, by the columns that
    most rows fill.
    """
    above = next(place for place, row in enumerate(rows) if any(map(_filled, row)))
    full = [row for row in rows if any(map(_filled, row))]
    width = len(full[0])
    usual = [
        place
        for place in range(width)
        if not place or 2 * sum(_filled(row[place]) for row in full) >= len(full)
    ]
    head = _as_text([[row[place] for place in usual] for row in rows[above:]])
    dialect = sniff(head, Reading(separator=",", encoding="utf-8"), where=where)
    # Its lines and names are those of the part that was looked at.
    own = ("has no name", "has two lines", "holds units")
    notes = [note for note in dialect.notes if not any(said in note for said in own)]
    if not dialect.header:
        return above, [""] * width, [], notes
    place = above + dialect.skip
    names, begin = rows[place], place + 1 + dialect.units
    if dialect.grouped:
        groups, below = ([_shown(cell) for cell in row] for row in rows[place - 1 : place + 1])
        end = next((at for at in range(width) if not (groups[at] or below[at])), width)
        # A group ends where an empty column parts the table from what stands beside it.
        beside = [one or other for one, other in zip(groups[end:], below[end:], strict=True)]
        names = [*combined(groups[:end], below[:end]), *beside]
        notes.append(groups_note(place + 1, names[:end]))
    if dialect.units:
        told = [_name(names[at], at + 1) for at in usual]
        notes.append(units_note(begin, told, [_shown(rows[begin - 1][at]) for at in usual]))
    return begin, names, list(rows[place - dialect.grouped : begin]), notes


def _shown(cell: Any) -> str:
    """Return a cell of the header as the text that a row like it would hold."""
    value = _value(cell)
    return "" if value is None else str(value)


def _name(cell: Any, place: int) -> str:
    value = _value(cell)
    text = "" if value is None else " ".join(str(value).split())
    return text or f"column_{place}"


def _filled(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _value(value: Any) -> Any:
    """Return a cell as a value: whole numbers are integers, times of the day texts."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, datetime) or not isinstance(value, time):
        return value if value != "" else None
    return value.isoformat()


def _as_text(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        cells = [_value(cell) for cell in row]
        # A line break within a cell would look like two rows.
        writer.writerow(["" if c is None else str(c).replace("\n", " ") for c in cells])
    return text.getvalue().encode("utf-8", "surrogatepass")


def _check_size(path: Path) -> None:
    """Refuse a file that would unpack to more than any sheet holds."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        what = "this spreadsheet is damaged"
        raise DataError(what, where=str(path), found=str(error), hint="copy it again") from None
    ratio = size / max(1, path.stat().st_size)
    if size > _MOST_BYTES or (size > (64 << 20) and ratio > _MOST_RATIO):
        what = "this file unpacks to far more than a spreadsheet holds"
        found = f"{size / 2**20:,.0f} MB, {ratio:,.0f} times its size"
        raise DataError(what, where=str(path), found=found, hint="export it as CSV or parquet")


def _odd_cells(path: Path, sheet: str) -> tuple[list[str], list[str]]:
    """Return the places of errors and of formulas without a value in an Excel file."""
    errors: list[str] = []
    formulas: list[str] = []
    with zipfile.ZipFile(path) as packed, packed.open(_part(packed, sheet)) as file:
        rest = b""
        while block := file.read(_BLOCK):
            text = rest + block
            end = text.rfind(b"</row>") + len(b"</row>")
            text, rest = (text[:end], text[end:]) if end >= len(b"</row>") else (b"", text)
            if b't="e"' not in text and b"<f" not in text:
                continue
            for found in _CELL.finditer(text):
                cell = found[0]
                place = (found[1] + found[2]).decode()
                kind = cell[: cell.find(b">")]
                if b't="e"' in kind:
                    errors.append(place)
                # A formula that came to an empty text was calculated.
                elif b"<f" in cell and b't="str"' not in kind and _EMPTY_FORMULA.search(cell):
                    formulas.append(place)
    return errors, formulas


def _part(packed: zipfile.ZipFile, sheet: str) -> str:
    """Return where in an Excel file the cells of a sheet lie."""
    from html import unescape

    links = {
        _attribute(link, "Id"): _attribute(link, "Target")
        for link in _LINK.findall(packed.read("xl/_rels/workbook.xml.rels").decode())
    }
    for entry in _SHEET.findall(packed.read("xl/workbook.xml").decode()):
        if unescape(_attribute(entry, "name")) == sheet:
            target = links[_attribute(entry, r"\w+:id")]
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(sheet)


def _attribute(element: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', element)
    return found[1] if found else ""
