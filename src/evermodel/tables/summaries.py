"""Summaries of tables of any length, in one pass and in memory that does not grow.

A `Summarising` takes batches and can be merged with another that took the other rows. Counts,
ranges, histograms, distinct values, quantiles and formats are the same for any order and any
division of the rows. Means, deviations, skewness and correlations are so but for rounding (see
`moments`). In a column of more than 8,192 values, which top values are known, and quantiles that
fall among many rows of one equal number, may differ within the errors that are stated with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.errors import DataError
from evermodel.records import ColumnType
from evermodel.tables.moments import CoMoments
from evermodel.tables.numbers import NumberColumn, floats_of
from evermodel.tables.profiles import Profile
from evermodel.tables.summarised import Summary
from evermodel.tables.wordings import WordColumn

__all__ = ["Summarising", "summarise"]

CORRELATED = 100
_WORKERS = 2

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Summarising:
    """Gathers the summary of a table from its batches.

    Parameters
    ----------
    types : mapping of str to ColumnType
        The columns to summarise, and as what. Correlations are those of the first 100 numbers.
    like : Profile, optional
        A reference in whose bins and values `profile` counts.

    Examples
    --------
    >>> table = pl.DataFrame({"plan": ["a", "b", "a", None], "age": [1.0, 2.0, 3.0, 4.0]})
    >>> first = Summarising({"plan": "category", "age": "number"}).add(table[:1])
    >>> rest = Summarising({"plan": "category", "age": "number"}).add(table[1:])
    >>> found = first.merge(rest).result()
    >>> found["age"].numbers.mean, found["plan"].top[0].value, found["plan"].missing
    (2.5, 'a', 1)
    """

    def __init__(self, types: Mapping[str, ColumnType], *, like: Profile | None = None) -> None:
        self.types = dict(types)
        self.like = like
        self.rows = 0
        self._columns: dict[str, NumberColumn | WordColumn] = {}
        for name, kind in self.types.items():
            past = like[name] if like is not None and name in like else None
            if past is not None and past.type != kind:
                what = f"column {name!r} is a {kind} and was a {past.type} in the reference"
                raise DataError(what, hint="read both with the same types")
            column = NumberColumn if kind in ("number", "timestamp") else WordColumn
            self._columns[name] = column(name, kind, past)
        numeric = [name for name, kind in self.types.items() if kind == "number"]
        self._correlated = numeric[:CORRELATED]
        self._together = CoMoments(len(self._correlated))

    def add(self, batch: pl.DataFrame) -> Summarising:
        """Add the rows of a batch, whose other columns are passed over.

        Raises
        ------
        DataError
            When a column is not in the batch or not of its type.
        """
        for name in self.types:
            if name not in batch.columns:
                what = f"column {name!r} is not in the table"
                raise DataError(what, found=", ".join(batch.columns[:20]))
        floats: dict[str, tuple[Floats, Mask | None]] = {}
        for name, column in self._columns.items():
            if isinstance(column, WordColumn):
                column.add(batch[name])
            else:
                floats[name] = floats_of(batch[name], column.kind)
                column.add(batch[name], *floats[name])
        self._correlate([floats[name] for name in self._correlated])
        self.rows += batch.height
        return self

    def merge(self, other: Summarising) -> Summarising:
        """Add all that another has seen, which stays as it is.

        Raises
        ------
        DataError
            When the other summarises other columns, or in the bins of another reference.
        """
        if self.types != other.types or self.like != other.like:
            what = "summaries of different columns cannot be merged"
            raise DataError(what, found=", ".join(other.types), hint="use the same types for both")
        for name, column in self._columns.items():
            column.merge(other._columns[name])  # type: ignore[arg-type]
        self._together.merge(other._together)
        self.rows += other.rows
        return self

    def result(self) -> Summary:
        """Return the summary of all rows so far."""
        found = self._together.correlations()
        return Summary(
            rows=self.rows,
            columns=tuple(column.result() for column in self._columns.values()),
            correlated=tuple(self._correlated),
            correlations=tuple(
                tuple(None if np.isnan(r) else r for r in row) for row in found.tolist()
            ),
            pairs=tuple(tuple(int(n) for n in row) for row in self._together.n.tolist()),
        )

    def profile(self) -> Profile:
        """Return the profile of all rows so far, in the bins of `like` where there is one.

        It is what `profiles.profile` returns of the whole table, with two differences: edges of
        a column of more than 8,192 numbers lie on the grid of its cells and not on its values,
        and `distinct` of more than 8,192 is an estimate. Rows are counted exactly in both.
        """
        columns = tuple(column.profile() for column in self._columns.values())
        return Profile(rows=self.rows, columns=columns)

    def _correlate(self, columns: list[tuple[Floats, Mask | None]]) -> None:
        values: list[Floats] = []
        absent: list[Mask | None] = []
        for numbers, gaps in columns:
            infinite = np.isinf(numbers)
            if infinite.any():
                gaps = infinite if gaps is None else gaps | infinite
            values.append(numbers)
            absent.append(gaps)
        self._together.add(values, absent)


def summarise(
    batches: Iterable[pl.DataFrame],
    types: Mapping[str, ColumnType],
    *,
    like: Profile | None = None,
) -> Summarising:
    """Return what gathered the summary of all batches; two of them are worked on at a time.

    Examples
    --------
    >>> table = pl.DataFrame({"age": [1.0, 2.0, None, 4.0]})
    >>> found = summarise(table.iter_slices(2), {"age": "number"})
    >>> found.result()["age"].numbers.quantile(0.5), found.profile()["age"].missing
    (2.0, 1)

    Raises
    ------
    DataError
        As `Summarising` and its `add`.
    """
    # Batches go to the two in turn and not to whoever is free: a second run gives equal numbers.
    parts = [Summarising(types, like=like) for _ in range(_WORKERS)]
    with ThreadPoolExecutor(_WORKERS) as pool:
        busy = []
        for at, batch in enumerate(batches):
            busy.append(pool.submit(parts[at % _WORKERS].add, batch))
            if len(busy) == _WORKERS:
                busy = [task for task in busy if task.result() is None]
        for task in busy:
            task.result()
    first, *rest = parts
    for part in rest:
        first.merge(part)
    return first
