"""Corrections that people made to a table: kept beside it, applied when it is read, undone at will.

The source is never written to. A correction names its row by a hash of all its texts, so that it
finds it again when the file is sorted anew or grows, and fits nothing once the row is another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import polars as pl

from evermodel.errors import DataError
from evermodel.records import Record
from evermodel.tables.corrected import corrected, value_of
from evermodel.tables.digests import row_hashes
from evermodel.tables.raw import RawBatch
from evermodel.tables.typed import written
from evermodel.tables.understanding import Rejected

__all__ = ["CellPatch", "Patch", "RowPatch", "patched", "row_names"]

_FORMAT = "evermodel.patch/2"
_FORMATS = ("evermodel.patch/1", _FORMAT)
"""Of the first, repaired rows are known by their line alone."""


class CellPatch(Record, frozen=True, kw_only=True):
    """One cell that was corrected: `row` (from 0) and `name` say where, as texts in the source."""

    row: int
    name: str
    column: str
    was: str
    now: str


class RowPatch(Record, frozen=True, kw_only=True):
    """One row that could not be read and was repaired: its line, and a text for each column.

    `was` is the row as it stands in the source, by which it is known; None in a patch of the first
    format, where the line alone has to do.
    """

    line: int
    cells: dict[str, str]
    was: str | None = None


class Patch(Record, frozen=True, kw_only=True):
    """Corrections that were made at one time, and can be undone as one.

    `sheet` is the digest of the file that they came in, where all of it was taken in.
    """

    format: str = _FORMAT
    made: str = ""
    by: str = ""
    source: str = ""
    why: str = ""
    number: int = 0
    cells: tuple[CellPatch, ...] = ()
    rows: tuple[RowPatch, ...] = ()
    sheet: str = ""


def row_names(texts: pl.DataFrame) -> list[str]:
    """Return for each row of texts the name by which a correction finds it again.

    Equal rows have equal names; the order of columns and rows is none of it.

    Examples
    --------
    >>> first, second, third = row_names(pl.DataFrame({"a": ["1", "2", "1"]}))
    >>> first == third, first == second, len(first)
    (True, False, 16)
    """
    return [f"{value:016x}" for value in row_hashes(texts.select(sorted(texts.columns))).tolist()]


def patched(
    batches: Iterator[RawBatch | pl.DataFrame], patches: Sequence[Patch], *, where: str
) -> tuple[list[RawBatch | pl.DataFrame], list[str]]:
    """Return all rows with the corrections made, and notes on what was done and did not fit.

    A cell is corrected in the row of its number where that still is the row it was, else in the
    first row that is and is no other's; and only while the cell holds what it held. A repaired row
    is taken in only while the row that it repairs is there and cannot be read, which then is no
    longer rejected.

    Raises
    ------
    DataError
        When a correction is not of the type that its column has in the source.
    """
    parts = list(batches)
    notes: list[str] = []
    for place, patch in enumerate(patches, start=1):
        lost = _correct(parts, patch.cells, where) if patch.cells else 0
        added = _add(parts, patch.rows) if patch.rows else 0
        done = []
        if patch.cells:
            done.append(f"{len(patch.cells) - lost} of {len(patch.cells)} cells corrected")
        if patch.rows:
            done.append(f"{added} of {len(patch.rows)} repaired rows taken in")
        fits = (
            "" if not lost and added == len(patch.rows) else ": the others fit the source no more"
        )
        notes.append(f"correction {patch.number or place} ({patch.why}): {', '.join(done)}{fits}")
    return parts, notes


def _correct(parts: list[RawBatch | pl.DataFrame], cells: Sequence[CellPatch], where: str) -> int:
    """Correct cells in place of the parts; return how many do not fit any more."""
    names = np.concatenate([row_hashes(_sorted(_texts(part))) for part in parts])
    starts = np.cumsum([0, *[_frame(part).height for part in parts]])
    found = _found(names, cells)
    changes: dict[tuple[int, str], dict[int, CellPatch]] = {}
    lost = 0
    for cell in cells:
        row = found.get((cell.row, cell.name), -1)
        part = int(np.searchsorted(starts, row, side="right")) - 1
        if row < 0 or cell.column not in _frame(parts[part]).columns:
            lost += 1
            continue
        changes.setdefault((part, cell.column), {})[row - int(starts[part])] = cell
    for (part, column), by_place in changes.items():
        one = parts[part]
        frame = _frame(one)
        series = _set(frame[column], by_place, int(starts[part]), where)
        frame = frame.with_columns(series)
        parts[part] = replace(one, frame=frame) if isinstance(one, RawBatch) else frame
    return lost


def _found(names: np.ndarray, cells: Sequence[CellPatch]) -> dict[tuple[int, str], int]:
    """Return where the corrected rows are now; of equal rows each has one of its own."""
    asked = dict.fromkeys((cell.row, cell.name) for cell in cells)
    found, taken = {}, set()
    for row, name in asked:
        if row < len(names) and names[row] == np.uint64(int(name, 16)):
            found[row, name] = row
            taken.add(row)
    moved = [one for one in asked if one not in found]
    wanted = np.array([int(name, 16) for _, name in moved], dtype=np.uint64)
    free: dict[int, list[int]] = {}
    for row in np.flatnonzero(np.isin(names, wanted))[::-1].tolist():
        if row not in taken:
            free.setdefault(int(names[row]), []).append(row)
    for row, name in moved:
        if left := free.get(int(name, 16)):
            found[row, name] = left.pop()
    return found


def _frame(part: RawBatch | pl.DataFrame) -> pl.DataFrame:
    return part.frame if isinstance(part, RawBatch) else part


def _texts(part: RawBatch | pl.DataFrame) -> pl.DataFrame:
    frame = _frame(part)
    return frame.with_columns(written(series).fill_null("") for series in frame.get_columns())


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(sorted(frame.columns))


def _set(series: pl.Series, by_place: dict[int, CellPatch], start: int, where: str) -> pl.Series:
    """Return a column of a part, which begins with row `start`, with its cells corrected."""
    place, cell = next(iter(by_place.items()))
    try:
        values: dict[int, object] = {}
        for place, cell in by_place.items():
            values[place] = value_of(cell.now, series.dtype)
        return corrected(series, values)
    except ValueError as error:
        what = f"a correction of column {series.name!r} is not of its type"
        where = f"{where}, row {start + place + 1}"
        raise DataError(what, where=where, found=cell.now, hint=str(error)) from None


def _add(parts: list[RawBatch | pl.DataFrame], rows: Sequence[RowPatch]) -> int:
    """Add repaired rows below the others, in place of those that cannot be read; return how many.

    A row is added that has all columns of the source, and whose unread one is still there.
    """
    first = parts[0]
    if not isinstance(first, RawBatch):
        return 0  # in a source with types there is no row that cannot be read
    columns = first.frame.columns
    waiting = {
        (at, place): row
        for at, part in enumerate(parts)
        if isinstance(part, RawBatch)
        for place, row in enumerate(part.rejected)
    }
    fit, gone = [], set()
    for found, repaired in _unread(waiting, rows):
        if set(repaired.cells) == set(columns):
            fit.append((waiting[found].line, repaired))
            gone.add(found)
    if not fit:
        return 0
    lines = {line for line, _ in fit}
    for at, part in enumerate(parts):
        if isinstance(part, RawBatch):
            left = (row for place, row in enumerate(part.rejected) if (at, place) not in gone)
            doubts = tuple(row for row in part.doubts if row.line not in lines)
            parts[at] = replace(part, rejected=tuple(left), doubts=doubts)
    texts = pl.DataFrame(
        {name: [row.cells[name] for _, row in fit] for name in columns},
        schema=dict.fromkeys(columns, pl.String),
    )
    at_lines = np.array([line for line, _ in fit], dtype=np.int64)
    parts.append(RawBatch(texts, at_lines, kinds=first.kinds, names=first.names))
    return len(fit)


_Place = tuple[int, int]


def _unread(
    waiting: Mapping[_Place, Rejected], rows: Sequence[RowPatch]
) -> list[tuple[_Place, RowPatch]]:
    """Return the repaired rows whose unread ones are there, each with one of its own, in order.

    The one on its line comes first; rows may have come above it since.
    """
    by_line: dict[int, list[_Place]] = {}
    by_text: dict[str, list[_Place]] = {}
    for place, one in reversed(list(waiting.items())):
        by_line.setdefault(one.line, []).append(place)
        by_text.setdefault(one.text, []).append(place)
    found: dict[int, _Place] = {}
    for number, row in enumerate(rows):
        near = by_line.get(row.line, [])
        if near and row.was in (None, waiting[near[-1]].text):
            found[number] = near.pop()
    taken = set(found.values())
    for number, row in enumerate(rows):
        left = by_text.get(row.was, []) if row.was is not None and number not in found else []
        while left and left[-1] in taken:
            left.pop()
        if left:
            found[number] = left.pop()
    return [(found[number], row) for number, row in enumerate(rows) if number in found]


def decoded(content: bytes) -> Patch:
    """Return a patch as it was kept.

    Raises
    ------
    DataError
        When it is none, or of a later format.
    """
    try:
        known = msgspec.json.decode(content, type=_Known).format
        if known not in _FORMATS:
            hint = "it was made by a later version of Evermodel"
            raise DataError("a kept correction cannot be read", found=known, hint=hint)
        return msgspec.json.decode(content, type=Patch)
    except msgspec.DecodeError as error:
        raise DataError("a kept correction is damaged", found=str(error)) from None


class _Known(msgspec.Struct):
    """What is told of a patch of whatever format."""

    format: str = ""
