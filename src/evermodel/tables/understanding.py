"""What the reader understood of a source: records that say every conversion it made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import polars as pl

from evermodel.project.calendar import FIRST_YEAR
from evermodel.records import ColumnType, Record, Schema

__all__ = ["ColumnReading", "DateOrder", "Misfits", "Rejected", "Table", "Understanding"]

_SHOWN = 5

DateOrder = Literal["", "year first", "day first", "month first"]


class Rejected(Record, frozen=True, kw_only=True):
    """One row that was not read: the line of the file it starts on (from 1) and why.

    `text` is the row as it stands in the file; an `Understanding` remembers none. One that is
    `apart` could be read, and is no row of the table: a total, a note, the header again, or of
    another table. There is nothing to repair in it.
    """

    line: int
    reason: str
    text: str = ""
    apart: bool = False


class ColumnReading(Record, frozen=True, kw_only=True):
    """How the values of one column become values of its type.

    `decimal` and `thousands` are the marks of its numbers, `dates` the order of the parts of its
    dates, `whole` says that all its numbers are integers, `padded` that a blank follows every
    separator and is taken off. `sign` is the currency, unit or percent sign at its numbers,
    `missing` are words among them that mean "missing" in this column. `doubt` says why a column
    whose values are mostly numbers or dates was kept as words. Years of two digits are those of the
    hundred years from `first_year`; `serials` says that numbers of five digits among the dates are
    days as spreadsheets count them.
    """

    name: str
    type: ColumnType
    decimal: Literal[".", ","] = "."
    thousands: str = ""
    dates: DateOrder = ""
    whole: bool = False
    padded: bool = False
    sign: str = ""
    missing: tuple[str, ...] = ()
    doubt: str = ""
    first_year: int = FIRST_YEAR
    serials: bool = False


class Understanding(Record, frozen=True, kw_only=True):
    """How a source was read; enough to read another part of it in the same way.

    `missing` counts, for each column, the rows of every word that was taken as missing (`""` is
    the empty cell). `rejected` names at most 1,000 rows; `rejected_rows` counts them all,
    `unread_rows` those that should have been rows, and are no header again or another table.
    `lines` of a text file are counted from 1, the header's line included. `odd_lines` counts those
    of a text in UTF-8 that are in another encoding.
    """

    kind: str
    separator: str = ""
    encoding: str = ""
    quote: str = ""
    decimal: str = ""
    dates: DateOrder = ""
    header: bool = True
    rows: int = 0
    columns: tuple[ColumnReading, ...] = ()
    missing: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    rejected_rows: int = 0
    unread_rows: int = 0
    odd_lines: int = 0


@dataclass(slots=True)
class Misfits:
    """Cells that are not of their column's type, and were taken as missing for their rows.

    `most` is the largest share of a column that is tolerated, of the rows so far or of as many as
    `expected`, so that the order of the rows does not matter; `cells` counts by column, `shown`
    holds the first of each with their lines. `latest` says of the rows that were read last on which
    lines of which column they are.

    Examples
    --------
    >>> misfits = Misfits()
    >>> misfits.take("age", 1, [(7, "abc")], rows=300), misfits.take("age", 90, [], rows=300)
    (True, False)
    >>> misfits.cells
    {'age': 91}
    """

    most: float = 0.05
    cells: dict[str, int] = field(default_factory=dict)
    shown: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    latest: dict[str, list[int]] = field(default_factory=dict)
    expected: int = 0

    def take(
        self,
        column: str,
        cells: int,
        first: list[tuple[int, str]],
        *,
        rows: int,
        lines: Sequence[int] = (),
    ) -> bool:
        """Count the misfits among some more rows; return whether that many are tolerated."""
        self.rows[column] = self.rows.get(column, 0) + rows
        self.latest[column] = list(lines)
        if cells:
            self.cells[column] = self.cells.get(column, 0) + cells
            self.shown[column] = (self.shown.get(column, []) + first)[:_SHOWN]
        of = max(self.rows[column], self.expected)
        return self.cells.get(column, 0) <= self.most * of


class Table(Record, frozen=True, kw_only=True):
    """A table in memory: typed values, their schema, and how they were understood.

    `lines` says for each row on which line of its file it begins; a source without lines has none.
    `misfits` are the cells that were left missing because they are not of their column's type.
    """

    frame: pl.DataFrame
    schema: Schema
    understood: Understanding
    lines: Sequence[int] = ()
    misfits: Misfits = msgspec.field(default_factory=Misfits)
