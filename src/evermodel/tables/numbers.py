"""All that a summary says of numbers, gathered batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.errors import DataError
from evermodel.records import ColumnType
from evermodel.tables.cells import Cells, keys_of, values_of
from evermodel.tables.moments import Moments
from evermodel.tables.profiles import BINS, TOP_VALUES, ColumnProfile
from evermodel.tables.sketches import EXACT, Distinct, key_hashes, text_hashes
from evermodel.tables.summarised import (
    SHARES,
    ColumnSummary,
    Histogram,
    NumberSummary,
    ValueCount,
)

__all__ = ["NumberColumn", "Numbers", "floats_of"]

_HELD = 2.0**53
_CACHED = 32_768

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def floats_of(series: pl.Series, kind: ColumnType) -> tuple[Floats, Mask | None]:
    """Return a column as floats, and which of them are missing (None where none is).

    Timestamps become seconds since 1970 (UTC); NaN is missing.

    Examples
    --------
    >>> values, absent = floats_of(pl.Series([1, None, 3]), "number")
    >>> values[0], absent.tolist()
    (np.float64(1.0), [False, True, False])

    Raises
    ------
    DataError
        When the column is not of that type.
    """
    dtype = series.dtype
    # Casts and copies only: each expression of polars costs more than the work on a batch.
    if series.null_count() == len(series):
        return np.full(len(series), np.nan), np.ones(len(series), np.bool_)
    if kind == "timestamp" and isinstance(dtype, pl.Datetime):
        # Divided by polars, whose last digit is another than that of numpy, as in profiles.
        values = (series.cast(pl.Datetime("us")).cast(pl.Int64) / 1e6).to_numpy()
    elif kind == "number" and (dtype.is_numeric() or dtype == pl.Boolean):
        values = series.cast(pl.Float64).to_numpy()
    else:
        what = f"column {series.name!r} is not a {kind}"
        raise DataError(what, found=str(dtype), hint="read it with that type")
    absent = np.isnan(values)
    return values, absent if absent.any() else None


class Numbers:
    """All that is said of numbers, in one pass."""

    def __init__(self, like: ColumnProfile | None = None) -> None:
        self.moments = Moments()
        self.cells = Cells()
        self.minimum, self.maximum = np.inf, -np.inf
        # Minus infinite, plus infinite, zero, negative, whole.
        self.tally = np.zeros(5, np.int64)
        self.like = like
        self.bins = np.zeros(len(like.edges) + 1 if like else 0, np.int64)
        self.outside = np.zeros(2, np.int64)

    def add(self, values: Floats, rows: Integers | None = None) -> Integers:
        """Add numbers, each once or `rows` times, and return the keys of those that are finite."""
        if self.like is not None and len(values):
            self._compare(self.like, values, rows)
        if len(values) and not np.isfinite(values).all():
            self.tally[0] += _rows(values == -np.inf, rows)
            self.tally[1] += _rows(values == np.inf, rows)
            finite = np.isfinite(values)
            values, rows = values[finite], None if rows is None else rows[finite]
        if not len(values):
            return np.empty(0, np.int64)
        low = float(values.min())
        self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, float(values.max()))
        self.tally[2] += _rows(values == 0, rows)
        self.tally[3] += _rows(values < 0, rows) if low < 0 else 0
        self.tally[4] += _rows(values == np.floor(values), rows)
        self.moments.add(values, rows)
        keys = keys_of(values)
        self.cells.add(keys, rows)
        return keys

    def merge(self, other: Numbers) -> None:
        """Add all that another has seen."""
        self.moments.merge(other.moments)
        self.cells.merge(other.cells)
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        self.tally += other.tally
        self.bins += other.bins
        self.outside += other.outside

    @property
    def infinite(self) -> int:
        """How many infinite numbers there were."""
        return int(self.tally[:2].sum())

    def result(self) -> NumberSummary:
        """Return what was gathered."""
        minus, plus, zeros, negatives, whole = self.tally.tolist()
        if not self.moments.n:
            return NumberSummary(minus_infinite=minus, plus_infinite=plus)
        low, high = self.minimum, self.maximum
        found = np.clip(self.cells.quantiles(np.array(SHARES)), low, high)
        return NumberSummary(
            n=self.moments.n,
            mean=self.moments.mean,
            sd=self.moments.sd,
            skew=self.moments.skew,
            minimum=low,
            maximum=high,
            minus_infinite=minus,
            plus_infinite=plus,
            zeros=zeros,
            negatives=negatives,
            whole=whole,
            quantiles=tuple((found + 0.0).tolist()),
            rank_error=self.cells.rank_error(),
            equal_mass=_histogram(*self.cells.equal_mass(BINS)),
            equal_width=_histogram(*self.cells.equal_width(BINS, low, high)),
        )

    def profile(self) -> dict[str, Any]:
        """Return what a profile of these numbers says."""
        finite = not self.infinite
        said: dict[str, Any] = {"mean": None, "sd": None, "minimum": None, "maximum": None}
        if self.moments.n:
            if finite:
                said["mean"], said["sd"] = self.moments.mean, self.moments.sd
            said["minimum"] = None if self.tally[0] else self.minimum
            said["maximum"] = None if self.tally[1] else self.maximum
        if self.like is not None:
            below, above = self.outside.tolist()
            edges, counts = self.like.edges, tuple(self.bins.tolist())
            return said | {"edges": edges, "counts": counts, "below": below, "above": above}
        edges, counts = (), (self.infinite,)
        if self.moments.n:
            found = _histogram(*self.cells.equal_mass(BINS))
            edges, inner = found.edges, list(found.counts)
            inner[0] += int(self.tally[0])
            inner[-1] += int(self.tally[1])
            counts = tuple(inner)
        # Beyond the values that are known one by one, the rows of a single one are not.
        rows = [*self.tally[:2].tolist(), *self.cells.rows.tolist()] if self.cells.exact else []
        return said | {"edges": edges, "counts": counts, "heap": max(rows, default=0) or None}

    def _compare(self, like: ColumnProfile, values: Floats, rows: Integers | None) -> None:
        """Count the rows in the bins of a reference, comparing while values are in the cache."""
        for start in range(0, len(values), _CACHED):
            part = values[start : start + _CACHED]
            times = None if rows is None else rows[start : start + _CACHED]
            below = [_rows(part <= edge, times) for edge in like.edges]
            every = len(part) if times is None else int(times.sum())
            ends = np.array([0, *below, every], np.int64)
            self.bins += ends[1:] - ends[:-1]
            if like.minimum is not None:
                self.outside[0] += _rows(part < like.minimum, times)
            if like.maximum is not None:
                self.outside[1] += _rows(part > like.maximum, times)


class NumberColumn:
    """Numbers, or timestamps as seconds."""

    def __init__(self, name: str, kind: ColumnType, like: ColumnProfile | None) -> None:
        self.name, self.kind = name, kind
        self.rows = self.missing = 0
        self.numbers = Numbers(like)
        self.distinct: Distinct | None = None  # as long as cells are exact, these say it

    def add(self, series: pl.Series, floats: Floats, absent: Mask | None) -> None:
        """Add a batch: the column, and what `floats_of` returns of it."""
        self.rows += len(series)
        if absent is not None:
            self.missing += int(np.count_nonzero(absent))
        values = floats if absent is None else floats[~absent]
        large = _large(series)
        if large:
            self.distinct = self._hashed()
        # Taken before the cells can leave the state in which they still know each number.
        exact = self.distinct is None and self.numbers.cells.exact
        before = values
        if exact and len(self.numbers.cells.places) + len(values) > EXACT:
            before = np.r_[values, values_of(self.numbers.cells.places + 1)]
        keys = self.numbers.add(values)
        if exact and not self.numbers.cells.exact:
            self.distinct = Distinct()
            keys = keys_of(before[np.isfinite(before)])
        if self.distinct is not None:
            self.distinct.add(_integer_hashes(series) if large else key_hashes(keys))

    def merge(self, other: NumberColumn) -> None:
        """Add all that another has seen."""
        self.rows += other.rows
        self.missing += other.missing
        fits = len(np.union1d(self.numbers.cells.places, other.numbers.cells.places)) <= EXACT
        both = self.numbers.cells.exact and other.numbers.cells.exact
        if not (self.distinct is None and other.distinct is None and both and fits):
            self.distinct = self._hashed()
            self.distinct.merge(other._hashed())
        self.numbers.merge(other.numbers)

    def result(self) -> ColumnSummary:
        """Return what was gathered."""
        distinct, error = self._distinct()
        top, lost = self._top()
        numbers = self.numbers.result()
        time = self.kind == "timestamp" and numbers.minimum is not None
        return ColumnSummary(
            name=self.name,
            type=self.kind,
            rows=self.rows,
            missing=self.missing,
            distinct=distinct,
            distinct_error=error,
            top=tuple(ValueCount(value=self._said(v), rows=n) for v, n in top),
            top_error=lost,
            numbers=numbers,
            first=self._said(self.numbers.minimum) if time else "",
            last=self._said(self.numbers.maximum) if time else "",
        )

    def profile(self) -> ColumnProfile:
        """Return the profile of what was gathered."""
        return ColumnProfile(
            name=self.name,
            type=self.kind,
            rows=self.rows,
            missing=self.missing,
            distinct=None if self.numbers.like is not None else self._distinct()[0],
            **self.numbers.profile(),
        )

    def _hashed(self) -> Distinct:
        """Return the hashes so far, or those of all that the cells still know one by one."""
        if self.distinct is not None:
            return self.distinct
        hashed = Distinct()
        hashed.add(key_hashes(self.numbers.cells.places + 1))
        return hashed

    def _distinct(self) -> tuple[int, float]:
        infinite = int((self.numbers.tally[:2] > 0).sum())
        if self.distinct is None:
            return len(self.numbers.cells.places) + infinite, 0.0
        found, error = self.distinct.estimate()
        return min(found + infinite, self.rows - self.missing), error

    def _top(self) -> tuple[list[tuple[float, int]], int]:
        cells = self.numbers.cells
        if cells.exact:
            order = np.lexsort((cells.places, -cells.rows))[:TOP_VALUES]
            keys, rows = cells.places[order] + 1, cells.rows[order]
            return list(zip(values_of(keys).tolist(), rows.tolist(), strict=True)), 0
        lost = cells.lost()
        known = [(key, n) for key, n in cells.heaps.top(TOP_VALUES) if n > lost]
        keys = np.array([key for key, _ in known], np.int64)
        return list(zip(values_of(keys).tolist(), [n for _, n in known], strict=True)), lost

    def _said(self, value: float) -> str:
        if self.kind == "timestamp":
            stamp = min(max(round(value * 1e6), -(2**63) + 1), 2**63 - 1)
            time = pl.Series([stamp]).cast(pl.Datetime("us")).dt.to_string()
            return str(time[0]).removesuffix(".000000")
        return str(int(value)) if value == int(value) and abs(value) < _HELD else repr(value)


def _rows(wanted: npt.NDArray[np.bool_], rows: Integers | None) -> int:
    return int(np.count_nonzero(wanted) if rows is None else rows[wanted].sum())


def _histogram(edges: Floats, counts: Integers) -> Histogram:
    return Histogram(edges=tuple((edges + 0.0).tolist()), counts=tuple(counts.tolist()))


def _large(series: pl.Series) -> bool:
    """Whether there are integers that no float holds."""
    if not series.dtype.is_integer():
        return False
    low, high = series.min(), series.max()
    if not isinstance(low, int) or not isinstance(high, int):
        return False
    return low < -_HELD or high > _HELD


def _integer_hashes(series: pl.Series) -> npt.NDArray[np.uint64]:
    """Return hashes of integers that agree with those of equal floats where there are such."""
    present = series.drop_nulls()
    real = present.cast(pl.Float64)
    keys = keys_of(real.to_numpy())
    # Wide enough for the way back from a float, which can lie outside of 64 bits.
    wide = present.cast(pl.Int128)
    odd = (wide != real.cast(pl.Int128)).to_numpy()
    hashes = key_hashes(keys)
    if odd.any():
        hashes[odd] = text_hashes(wide.filter(pl.Series(odd)).cast(pl.String))
    return hashes
