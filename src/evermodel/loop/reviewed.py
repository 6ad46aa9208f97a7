"""A review that somebody filled: which cells it corrects, and whether the data can hold that."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from evermodel.errors import DataError
from evermodel.loop.beginning import read_source
from evermodel.loop.patches import active
from evermodel.loop.reformatted import require_as_written
from evermodel.loop.sheets import number_in, read_sheet
from evermodel.project import Project
from evermodel.records import BINARY, MULTICLASS
from evermodel.tables import CellPatch, Patch, Table, texts
from evermodel.tables.as_written import kinds_of
from evermodel.tables.corrected import value_of
from evermodel.tables.dates import looks_like_date
from evermodel.tables.patches import row_names

__all__ = ["EMPTY", "Review", "require_fitting", "reviewed"]

EMPTY = "(empty)"
"""What to write as a correction of a cell that is to be empty."""
_NEEDED = ("row", "column", "value", "correction", "name")
_MOST_CLASSES = 10
_Where = tuple[int, str]


@dataclass(slots=True)
class Review:
    """What a review corrects, by row and column, with the line of the sheet that says so.

    `suggested` are the corrections that the sheet itself proposed, `unchanged` counts those that
    are the value as it stands, `made` those that were made before.
    """

    cells: dict[_Where, CellPatch] = field(default_factory=dict)
    places: dict[_Where, str] = field(default_factory=dict)
    suggested: set[_Where] = field(default_factory=set)
    unchanged: int = 0
    made: int = 0

    @property
    def patch(self) -> Patch:
        """The corrections as a patch."""
        return Patch(why="review", cells=tuple(self.cells.values()))


def reviewed(file: Path, project: Project) -> Review:
    """Return the corrections of a review that somebody filled.

    Raises
    ------
    DataError
        When it is no review, corrects what is not in the data, or was rewritten by a program.
    """
    seen = _Seen(project)
    review = Review()
    for line, entry in read_sheet(file, _NEEDED):
        if entry["correction"].strip():
            _take(review, seen, entry, f"{file}:{line}")
    if not review.cells:
        what = "the review corrects nothing"
        hint = "fill its column `correction`"
        if review.made:
            hint = "all that it corrects is made already"
        elif review.unchanged:
            hint = "each correction is the value that stands there already"
        raise DataError(what, where=str(file), hint=hint)
    return review


def _take(review: Review, seen: _Seen, entry: dict[str, str], place: str) -> None:
    """Take one line of a sheet in."""
    now = "" if entry["correction"].strip() == EMPTY else entry["correction"]
    # With a letter in front no spreadsheet program takes a name for a number.
    column, name = entry["column"], entry["name"].strip().removeprefix("r")
    rows, names = seen.at(0)
    if column not in rows.columns:
        raise DataError("a correction is of no column of the data", where=place, found=column)
    at = number_in(entry["row"])
    found = seen.find(at, name)
    if found is None:
        if 0 <= at < rows.height and rows[column][at] == now:
            # The source itself was mended.
            review.made += 1
            return
        what = "a correction is of a row that is not in the data any more"
        hint = "review again: evermodel data review"
        raise DataError(what, where=place, found=_told(entry), hint=hint)
    row, before = found
    was = rows[column][row]
    if was != before[column][row]:
        if was == now:
            review.made += 1
            return
        what = f"this cell of {column!r} was corrected to another value since it was reviewed"
        hint = "review again, or undo that one: evermodel data corrections, evermodel data undo"
        raise DataError(what, where=place, found=_told(entry), hint=hint)
    suggestion = entry.get("suggestion", "")
    require_as_written(rows[column], row, entry["value"], now, place, suggestion=suggestion)
    known = review.cells.get((row, column))
    if known is not None and known.now == now:
        return
    if known is not None:
        what = f"this cell of {column!r} is corrected to two values"
        found_at = f"the other is at {review.places[row, column]}"
        raise DataError(what, where=place, found=found_at, hint="leave one of them empty")
    if was == now:
        review.unchanged += 1
        return
    review.cells[row, column] = CellPatch(row=row, name=names[row], column=column, was=was, now=now)
    review.places[row, column] = place
    if suggestion == now:
        review.suggested.add((row, column))


def _told(entry: dict[str, str]) -> str:
    line = entry.get("line", "").strip()
    return f"line {line} of the data" if line else "no line of the data"


class _Seen:
    """The rows as they are read, and as they were before the latest patches, for sheets of then.

    A patch changes no row's place, so that a row that is found before is known now.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._patches = active(project)
        self._stages: list[tuple[pl.DataFrame, list[str]]] = []
        self._first: list[dict[str, int]] = []

    def at(self, back: int) -> tuple[pl.DataFrame, list[str]]:
        """Return the rows and their names without so many of the latest patches."""
        while len(self._stages) <= back:
            patches = self._patches[: len(self._patches) - len(self._stages)]
            reading = self._project.data.reading
            rows = texts(self._project.source, reading=reading, patches=patches)
            names = row_names(rows)
            self._stages.append((rows, names))
            last = range(len(names) - 1, -1, -1)
            self._first.append({names[row]: row for row in last})
        return self._stages[back]

    def find(self, at: int, name: str) -> tuple[int, pl.DataFrame] | None:
        """Return the row that is meant, of its number or where it went, and the rows as of then."""
        every = range(len(self._patches) + 1)
        for back in every:
            rows, names = self.at(back)
            if 0 <= at < len(names) and names[at] == name:
                return at, rows
        # Of rows that were equal, another may still have the name: that comes last.
        for back in every:
            if name in self._first[back]:
                return self._first[back][name], self.at(back)[0]
        return None


def require_fitting(project: Project, review: Review) -> None:
    """Refuse a correction that its column cannot hold, or that is no class of what is predicted.

    Raises
    ------
    DataError
        With the line of the sheet.
    """
    kinds = kinds_of(project.source, reading=project.data.reading)
    for where, cell in review.cells.items():
        try:
            if cell.column in kinds:
                value_of(cell.now, kinds[cell.column])
        except ValueError as error:
            what = f"a correction of column {cell.column!r} is not of its type"
            place = review.places[where]
            raise DataError(what, where=place, found=cell.now, hint=str(error)) from None
    old = read_source(project)
    new = read_source(project, patches=(*active(project), review.patch))
    _require_classes(project, review, old, new)
    before = {one.name: one.type for one in old.understood.columns}
    for one in new.understood.columns:
        was = before.get(one.name, one.type)
        words = was != one.type and one.type == "category"
        # A few words are left missing where they are found, and not to be put there.
        more = new.misfits.cells.get(one.name, 0) > old.misfits.cells.get(one.name, 0)
        cells = {where: cell for where, cell in review.cells.items() if cell.column == one.name}
        if cells and (words or more):
            odd = [where for where, cell in cells.items() if not _fits(cell, was, new, words=words)]
            where = next(iter(odd or cells))
            what = f"a correction of column {one.name!r} is no {was}, as its other values are"
            hint = "write it as the others are written"
            found = cells[where].now
            raise DataError(what, where=review.places[where], found=found, hint=hint)


def _fits(cell: CellPatch, kind: str, table: Table, *, words: bool) -> bool:
    """Return whether a correction may be a value of what its column was."""
    if not cell.now.strip():
        return True
    if not words:
        return table.frame[cell.column][cell.row] is not None
    if kind == "timestamp":
        return looks_like_date(cell.now)
    try:
        float(cell.now.replace(",", "."))
    except ValueError:
        return False
    return kind == "number"


def _require_classes(project: Project, review: Review, old: Table, new: Table) -> None:
    """Refuse a label that no row has so far, unless the sheet suggested it."""
    target = project.data.target
    if project.data.task not in (BINARY, MULTICLASS) or target not in old.frame.columns:
        return
    classes = {str(each) for each in old.frame[target].unique().drop_nulls()}
    for where, cell in review.cells.items():
        if cell.column != target or not cell.now.strip():
            continue
        value = new.frame[target][cell.row]
        if value is None or (str(value) not in classes and where not in review.suggested):
            shown = sorted(classes)
            more = ", ..." if len(shown) > _MOST_CLASSES else ""
            what = f"a correction of {target!r} is none of the classes that are predicted"
            hint = f"one of {', '.join(shown[:_MOST_CLASSES])}{more}; {EMPTY} for no outcome"
            raise DataError(what, where=review.places[where], found=cell.now, hint=hint)
