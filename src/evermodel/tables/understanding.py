"""What the reader understood of a source: records that say every conversion it made."""

from __future__ import annotations

from typing import Literal

import msgspec
import polars as pl

from evermodel.records import ColumnType, Record, Schema

__all__ = ["ColumnReading", "DateOrder", "Rejected", "Table", "Understanding"]

DateOrder = Literal["", "year first", "day first", "month first"]


class Rejected(Record, frozen=True, kw_only=True):
    """One row that was not read: the line of the file it starts on (from 1) and why."""

    line: int
    reason: str


class ColumnReading(Record, frozen=True, kw_only=True):
    """How the values of one column become values of its type.

    `decimal` and `thousands` are the marks of its numbers, `dates` the order of the parts of its
    dates, `whole` says that all its numbers are integers, `padded` that a blank follows every
    separator and is taken off. `sign` is the currency or percent sign that stands at its numbers,
    `missing` are words among them that mean "missing" in this column. `doubt` says why a column
    whose values are mostly numbers or dates was kept as words.
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


class Understanding(Record, frozen=True, kw_only=True):
    """How a source was read; enough to read another part of it in the same way.

    `missing` counts, for each column, the rows of every word that was taken as missing (`""` is
    the empty cell). `rejected` names at most 1,000 rows; `rejected_rows` counts them all. `lines`
    of a text file are counted from 1, the header's line included.
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


class Table(Record, frozen=True, kw_only=True):
    """A table in memory: typed values, their schema, and how they were understood."""

    frame: pl.DataFrame
    schema: Schema
    understood: Understanding
