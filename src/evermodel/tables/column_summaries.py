"""The summary of one column, gathered batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.errors import DataError
from evermodel.records import ColumnType
from evermodel.tables.formats import Formats
from evermodel.tables.moments import Moments
from evermodel.tables.profiles import BINS, TOP_VALUES, ColumnProfile
from evermodel.tables.sketches import (
    EXACT,
    Cells,
    Distinct,
    Frequent,
    key_hashes,
    keys_of,
    text_hashes,
    values_of,
)
from evermodel.tables.summarised import (
    SHARES,
    ColumnSummary,
    Histogram,
    NumberSummary,
    ValueCount,
    WordSummary,
)

__all__ = ["NumberColumn", "Numbers", "WordColumn", "as_numbers", "column_of"]

_TOP_TEXTS = 1_024
_LONG = 200  # longer texts are told apart by so many characters where values are counted
_HELD = 2.0**53
_CACHED = 32_768

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def as_numbers(series: pl.Series, kind: ColumnType) -> pl.Series:
    """Return a column as floats without NaN; timestamps as seconds since 1970.

    Examples
    --------
    >>> as_numbers(pl.Series([1, None, 3]), "number").to_list()
    [1.0, None, 3.0]

    Raises
    ------
    DataError
        When the column is not of that type.
    """
    dtype = series.dtype
    if kind == "timestamp" and isinstance(dtype, pl.Datetime):
        return series.dt.timestamp("us") / 1e6
    if kind == "number" and (dtype.is_numeric() or dtype == pl.Boolean):
        return series.cast(pl.Float64).fill_nan(None) if dtype != pl.Float64 else _no_nan(series)
    raise _wrong(series, kind)


def _no_nan(series: pl.Series) -> pl.Series:
    return series.fill_nan(None) if series.is_nan().any() else series


def _wrong(series: pl.Series, kind: ColumnType) -> DataError:
    what = f"column {series.name!r} is not a {kind}"
    return DataError(what, found=str(series.dtype), hint="read it with that type")


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
            rank_error=self.cells.rank_error(low, high),
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
        return said | {"edges": edges, "counts": counts}

    def _compare(self, like: ColumnProfile, values: Floats, rows: Integers | None) -> None:
        """Count the rows in the bins of a reference, comparing while values are in the cache."""
        for start in range(0, len(values), _CACHED):
            part = values[start : start + _CACHED]
            times = None if rows is None else rows[start : start + _CACHED]
            below = [_rows(part <= edge, times) for edge in like.edges]
            every = len(part) if times is None else int(times.sum())
            self.bins += np.diff(np.array(below, np.int64), prepend=0, append=every)
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

    def add(self, series: pl.Series, numbers: pl.Series | None) -> None:
        """Add a batch: the column, and the same as floats (None where all is missing)."""
        self.rows += len(series)
        if numbers is None:
            self.missing += len(series)
            return
        self.missing += numbers.null_count()
        present = numbers.drop_nulls() if numbers.null_count() else numbers
        large = _large(series)
        if large:
            self.distinct = self._hashed()
        # Taken before the cells can leave the state in which they still know each number.
        exact = self.distinct is None and self.numbers.cells.exact
        before = values = present.to_numpy()
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
        return found + infinite, error

    def _top(self) -> tuple[list[tuple[float, int]], int]:
        cells = self.numbers.cells
        if cells.exact:
            order = np.lexsort((cells.places, -cells.rows))[:TOP_VALUES]
            keys, rows = cells.places[order] + 1, cells.rows[order]
            return list(zip(values_of(keys).tolist(), rows.tolist(), strict=True)), 0
        lost = int(cells.unseen) + cells.heaps.lost
        known = [(key, n) for key, n in cells.heaps.top(TOP_VALUES) if n > lost]
        keys = np.array([key for key, _ in known], np.int64)
        return list(zip(values_of(keys).tolist(), [n for _, n in known], strict=True)), lost

    def _said(self, value: float) -> str:
        if self.kind == "timestamp":
            return str(pl.Series([round(value * 1e6)]).cast(pl.Datetime("us")).dt.to_string()[0])
        return str(int(value)) if value == int(value) and abs(value) < _HELD else repr(value)


class WordColumn:
    """Categories, free texts and booleans.

    While few values differ, a table of their rows is all that is kept, and the rest is worked out
    from it at the end. Beyond that lengths, formats and hashes are gathered batch by batch.
    """

    def __init__(self, name: str, kind: ColumnType, like: ColumnProfile | None) -> None:
        self.name, self.kind, self.like = name, kind, like
        self.rows = self.missing = 0
        limit = _TOP_TEXTS if kind == "text" else EXACT
        self.seen = Frequent(limit, pl.String)
        self.beyond = _Beyond(kind, like) if kind == "text" else None
        self.known: dict[str, int] = dict.fromkeys(like.values, 0) if like else {}

    def add(self, series: pl.Series) -> None:
        """Add a batch."""
        self.rows += len(series)
        self.missing += series.null_count()
        if series.null_count() == len(series):
            return
        counts = _word_counts(series, self.kind)
        if self.known:
            told = counts.filter(pl.col("value").is_in(list(self.known)))
            for word, n in told.iter_rows():
                self.known[word] += n
        long = counts["value"].str.len_bytes().max() or 0
        if isinstance(long, int) and long > _LONG:
            self.beyond = self._rest()
            shown = counts.with_columns(pl.col("value").str.head(_LONG))
            self._gather(counts, shown.group_by("value").agg(pl.col("rows").sum()))
        else:
            self._gather(counts, counts)

    def merge(self, other: WordColumn) -> None:
        """Add all that another has seen."""
        self.rows += other.rows
        self.missing += other.missing
        for word, n in other.known.items():
            self.known[word] += n
        if self.beyond is None and other.beyond is None:
            self._gather(other.seen.table, other.seen.table)
            return
        self.beyond = self._rest()
        self.beyond.merge(other._rest())
        self.seen.merge(other.seen)

    def result(self) -> ColumnSummary:
        """Return what was gathered."""
        rest = self._rest()
        distinct, error = rest.distinct.estimate()
        top = self.seen.top(TOP_VALUES)
        return ColumnSummary(
            name=self.name,
            type=self.kind,
            rows=self.rows,
            missing=self.missing,
            distinct=distinct,
            distinct_error=error,
            top=tuple(ValueCount(value=str(v), rows=n) for v, n in top),
            top_error=self.seen.lost,
            words=None if self.kind == "boolean" else rest.result(),
        )

    def profile(self) -> ColumnProfile:
        """Return the profile of what was gathered."""
        said: dict[str, Any]
        distinct: int | None = None
        if self.kind == "text":
            numbers = self._rest().lengths
            said = numbers.profile()
            distinct = len(numbers.cells.places)
        else:
            top = self.seen.top(TOP_VALUES)
            words = self.known if self.like is not None else {str(v): n for v, n in top}
            other = self.rows - self.missing - sum(words.values())
            said = {"values": tuple(words), "value_counts": tuple(words.values()), "other": other}
            if self.like is None:
                distinct = self._rest().distinct.estimate()[0]
        return ColumnProfile(
            name=self.name,
            type=self.kind,
            rows=self.rows,
            missing=self.missing,
            distinct=None if self.like is not None else distinct,
            **said,
        )

    def _gather(self, counts: pl.DataFrame, shown: pl.DataFrame) -> None:
        if self.beyond is None:
            # The table is settled whenever it could overflow, while it still knows all.
            whole = self.seen.table.height + counts.height
            if whole > self.seen.limit:
                joined = pl.concat([self.seen.table["value"], counts["value"]])
                if joined.n_unique() > self.seen.limit:
                    self.beyond = self._rest()
        if self.beyond is not None:
            self.beyond.add(counts)
        self.seen.add(shown)

    def _rest(self) -> _Beyond:
        if self.beyond is not None:
            return self.beyond
        rest = _Beyond(self.kind, self.like)
        rest.add(self.seen.table)
        return rest


class _Beyond:
    """What can be said of texts without keeping them."""

    def __init__(self, kind: ColumnType, like: ColumnProfile | None) -> None:
        self.distinct = Distinct()
        self.lengths = Numbers(like if kind == "text" else None)
        self.formats = Formats() if kind == "category" else None
        self.blank = 0

    def add(self, counts: pl.DataFrame) -> None:
        words, rows = counts["value"], counts["rows"].to_numpy().astype(np.int64)
        if not len(words):
            return
        self.distinct.add(text_hashes(words))
        self.lengths.add(words.str.len_chars().to_numpy().astype(np.float64), rows)
        self.blank += _rows((words.str.strip_chars() == "").to_numpy(), rows)
        if self.formats is not None:
            self.formats.add(counts)

    def merge(self, other: _Beyond) -> None:
        self.distinct.merge(other.distinct)
        self.lengths.merge(other.lengths)
        self.blank += other.blank
        if self.formats is not None and other.formats is not None:
            self.formats.merge(other.formats)

    def result(self) -> WordSummary:
        formats = self.formats.counted() if self.formats is not None else []
        return WordSummary(
            lengths=self.lengths.result(),
            blank=self.blank,
            formats=tuple(ValueCount(value=value, rows=n) for value, n in formats),
            detail=self.formats.detail if self.formats is not None else 0,
        )


def column_of(name: str, kind: ColumnType, like: ColumnProfile | None) -> NumberColumn | WordColumn:
    """Return what gathers the summary of a column of that type."""
    return (NumberColumn if kind in ("number", "timestamp") else WordColumn)(name, kind, like)


def _word_counts(series: pl.Series, kind: ColumnType) -> pl.DataFrame:
    if kind == "text" and series.dtype != pl.String:
        raise _wrong(series, kind)
    counts = series.drop_nulls().alias("value").value_counts(name="rows")
    return counts.with_columns(pl.col("value").cast(pl.String))


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
    # Compared as text, for the way back from a float can overflow.
    wide = present.cast(pl.Int128)
    odd = (wide != real.cast(pl.Int128)).to_numpy()
    hashes = key_hashes(keys)
    if odd.any():
        hashes[odd] = text_hashes(wide.filter(pl.Series(odd)).cast(pl.String))
    return hashes
