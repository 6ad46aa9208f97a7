"""Rows before they have types: texts, and the line each row starts on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
import polars as pl

from evermodel.tables.understanding import Rejected

__all__ = ["RawBatch", "RawSource", "TypedSource"]


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Some rows as they stand in a source.

    `lines` holds the line (or row number) on which each row starts. `kinds` says of columns whose
    values came with types of their own which these were ("text", "boolean", "value"). `names` are
    all columns of the source in order, where some of them are not in `frame`. `before` holds the
    columns with a repair as they were before it. `empty` counts the empty rows that follow these.
    `doubts` are rows that are kept and may be none, each with the reason.
    `typed` holds of columns the lines whose cells came with a type: the others were typed as text.
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

    def head(self, rows: int) -> RawBatch:
        """Return the first rows, with all that was rejected."""
        return replace(self, frame=self.frame.head(rows), lines=self.lines[:rows])

    def native(self) -> dict[str, pl.Series]:
        """Return of columns which of their cells came with a type."""
        return {
            name: pl.Series(name, np.isin(self.lines, lines)) for name, lines in self.typed.items()
        }


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
