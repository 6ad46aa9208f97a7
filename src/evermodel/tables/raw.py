"""Rows before they have types: texts, and the line each row starts on."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
import polars as pl

from evermodel.tables.understanding import Rejected

__all__ = ["Lined", "RawBatch", "RawSource", "TypedSource", "lines_of", "noted"]


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Some rows as they stand in a source.

    `lines` holds the line (or row number) on which each row starts. `kinds` says of columns whose
    values came with types of their own which these were ("text", "boolean", "value"). `names` are
    all columns of the source in order, where some of them are not in `frame`. `before` holds the
    columns with a repair as they were before it. `empty` counts the empty rows that follow these.
    `doubts` are rows that are kept and may be none, each with the reason.
    `typed` holds of columns the lines whose cells came with a type: the others were typed as text.
    `separator` and `quote` are those that the source writes a row with.
    """

    frame: pl.DataFrame
    lines: np.ndarray
    rejected: tuple[Rejected, ...] = ()
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    before: Mapping[str, pl.Series] = field(default_factory=dict)
    empty: int = 0
    doubts: tuple[Rejected, ...] = ()
    typed: Mapping[str, np.ndarray] = field(default_factory=dict)
    separator: str = "\t"
    quote: str = ""

    def text(self, row: int) -> str:
        """Return one row as the source writes rows."""
        cells = [cell or "" for cell in self.frame.row(row)]
        if not self.quote:
            return self.separator.join(cells)
        line = io.StringIO()
        csv.writer(
            line, delimiter=self.separator, quotechar=self.quote, lineterminator=""
        ).writerow(cells)
        return line.getvalue()

    def head(self, rows: int) -> RawBatch:
        """Return the first rows, with all that was rejected."""
        return replace(self, frame=self.frame.head(rows), lines=self.lines[:rows])

    def native(self) -> dict[str, pl.Series]:
        """Return of columns which of their cells came with a type."""
        return {
            name: pl.Series(name, np.isin(self.lines, lines)) for name, lines in self.typed.items()
        }


@dataclass(frozen=True, slots=True)
class Lined:
    """Some rows as typed values, beside the line that each begins on and what stands there."""

    frame: pl.DataFrame
    lines: np.ndarray
    written: pl.DataFrame
    """The same rows as they came: texts, or values where the source has types."""


@runtime_checkable
class RawSource(Protocol):
    """A place that rows come from as texts, more than once if asked.

    `notes` say how it is read, `blank_lines` how many empty ones were passed over the last time.
    """

    where: str
    kind: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how it is read."""
        ...

    @property
    def blank_lines(self) -> int:
        """How many empty lines were passed over the last time."""
        ...

    def batches(self, rows: int) -> Iterator[RawBatch]:
        """Yield all rows in order, about `rows` at a time."""
        ...


@runtime_checkable
class TypedSource(Protocol):
    """A place whose columns come with types of their own."""

    where: str
    kind: str

    def frame(self) -> pl.DataFrame:
        """Return the whole table."""
        ...

    def frames(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield all rows in order, about `rows` at a time."""
        ...


def lines_of(parts: list[np.ndarray]) -> Sequence[int]:
    """Return the line of every row; as a range, which takes no room, where none is left out."""
    whole = np.concatenate(parts)
    if len(whole) and int(whole[-1]) - int(whole[0]) == len(whole) - 1:
        return range(int(whole[0]), int(whole[-1]) + 1)
    lines: list[int] = whole.tolist()
    return lines


def noted(
    batches: Iterator[RawBatch | pl.DataFrame], came: list[pl.DataFrame]
) -> Iterator[RawBatch | pl.DataFrame]:
    """Yield batches, and hold the newest as it came."""
    for batch in batches:
        came[:] = [batch.frame if isinstance(batch, RawBatch) else batch]
        yield batch
