"""Columns that moved by one place: values of one column that stand in its neighbour's.

A separator that an export lost or gained moves all cells behind it. Seasons and markets move a
column too, but not two at once so that each comes to lie where another one used to. A claim
therefore needs two columns that no longer fit their own earlier values and do fit those of the
columns one place further, or two that took one another's place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.intake import numbers
from evermodel.data.naming import calendar_part
from evermodel.data.slips import bin_distance
from evermodel.tables import ColumnProfile, Profile

__all__ = ["LEAST_SHARE", "Shift", "find_shift"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_LOOKED_AT = 5_000
_LEAST = 30
_FAR = 0.25
"""The least distance to its own earlier values of a column that was moved."""
_FAR_IN_PART = 0.2
"""The same in a part of the rows, for the other rows tell drift from it."""
_NEAR = 0.15
"""How near a column lies to the earlier values of the one whose values it holds."""
_DRIFTED = 0.3
"""How near where both moved and drifted, so that its own values lie further off by `_CLEAR`."""
_CLEAR = 0.45
_TIMES = 0.4
_EXCHANGED = 0.5
_PART_LEAST = 50
_RARE = 0.5  # of the rows: where the profile does not show more values, their forms are compared
LEAST_SHARE = 0.03
"""The least share of rows in which a shift is claimed."""
_LIKELIER = float(np.log(5.0))
_CLEARLY = 3.0


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Columns that hold the values of others: names, in what part of the rows, and examples.

    `moves` has for each column the one whose values it holds; `share` is the least part of the
    rows, and `rows` its first ones. `own` and `other` are the distances of the columns to their own
    earlier values, the least, and to those of the other columns, the largest. `rolling` says that
    the columns are numbered ones of one series, so that a window that moved on would look alike.
    """

    moves: tuple[tuple[str, str], ...]
    share: float
    rows: tuple[int, ...]
    own: float
    other: float
    rolling: bool


class _Cells:
    """The cells of a batch, as numbers and as words, and how far they lie from earlier columns."""

    def __init__(self, frame: pl.DataFrame, reference: Profile) -> None:
        self.columns = [
            c for c in reference.columns if c.name in frame.columns and c.type != "text"
        ]
        self.series = [frame[c.name] for c in self.columns]
        self.given = [s.is_not_null().to_numpy() for s in self.series]
        self.numbers = [_as_numbers(s) for s in self.series]
        # A month or a weekday takes over its column in every short batch.
        self.judged = [not calendar_part(c.name) for c in self.columns]
        self._words: dict[int, pl.Series] = {}

    def words(self, i: int) -> pl.Series:
        """Return the cells of a column as words, whole numbers without a point."""
        if i not in self._words:
            series = self.series[i]
            if series.dtype.is_float():
                whole = series.drop_nulls()
                if (whole == whole.floor()).all():
                    series = series.cast(pl.Int64, strict=False)
            words = series.cast(pl.String)
            self._words[i] = words.str.to_lowercase() if series.dtype == pl.Boolean else words
        return self._words[i]

    def distance(self, i: int, j: int, rows: Mask) -> tuple[float, float]:
        """Return how far cells of column i lie from the earlier values of j, and the noise of it.

        Both are between 0 and 1; a distance is 1 where nothing can be said.
        """
        which = rows & self.given[i]
        n = int(which.sum())
        column = self.columns[j]
        if n < _LEAST:
            return 1.0, 1.0
        if column.type in ("number", "timestamp"):
            if (column.type == "timestamp") != _temporal(self.series[i]):
                return 1.0, 0.0
            return _number_distance(self.numbers[i][which], column), n**-0.5
        if not column.present:
            return 1.0, 1.0
        if _temporal(self.series[i]):
            return 1.0, 0.0
        words = self.words(i).filter(pl.Series(which))
        return _word_distance(words, column), 0.4 * float(np.sqrt((len(column.values) + 1) / n))

    def likelier(self, i: int, j: int) -> Floats:
        """Return the logarithm of how much likelier each cell of column i is among values of j."""
        own, other = self.columns[i], self.columns[j]
        if "timestamp" in (own.type, other.type) or _temporal(self.series[i]):
            return np.zeros(self.given[i].size)
        if (own.type == "number") == (other.type == "number"):
            gain = self._log_likely(i, other) - self._log_likely(i, own)
        else:
            gain = _CLEARLY * (self._possible(i, other) - self._possible(i, own))
        found: Floats = np.where(self.given[i], gain, 0.0)
        return found

    def _possible(self, i: int, column: ColumnProfile) -> Floats:
        if column.type == "number":
            low, high = column.minimum, column.maximum
            if low is None or high is None:
                return np.zeros(self.given[i].size)
            with np.errstate(invalid="ignore"):
                return ((self.numbers[i] >= low) & (self.numbers[i] <= high)).astype(np.float64)
        known = _known(self.words(i), column)
        return known.fill_null(value=False).cast(pl.Float64).to_numpy()

    def _log_likely(self, i: int, column: ColumnProfile) -> Floats:
        if column.type == "number":
            return _log_density(self.numbers[i], column)
        total = max(sum(column.value_counts) + column.other, 1)
        shares = [max(count, 0.5) / total for count in column.value_counts]
        found = self.words(i).replace_strict(
            list(column.values), shares, default=max(_other(column) / 100, 0.5 / total),
            return_dtype=pl.Float64,
        )  # fmt: skip
        logs: Floats = np.log(found.fill_null(1.0).to_numpy())
        return logs


def _temporal(series: pl.Series) -> bool:
    return series.dtype.is_temporal()


def _as_numbers(series: pl.Series) -> Floats:
    if isinstance(series.dtype, pl.Datetime):
        series = series.dt.timestamp("us") / 1e6
    elif series.dtype.is_temporal():
        return np.full(series.len(), np.nan)
    return numbers(series).fill_null(np.nan).to_numpy().astype(np.float64)


def _other(column: ColumnProfile) -> float:
    return column.other / max(sum(column.value_counts) + column.other, 1)


def _form(words: pl.Series) -> pl.Series:
    """Return words with a sign for each digit and one for each heap of letters."""
    return words.str.replace_all(r"\p{L}+", "a").str.replace_all(r"\d", "0")


def _known(words: pl.Series, column: ColumnProfile) -> pl.Series:
    """Say which words the column had, or of which form, where it had more than are known."""
    usual = pl.Series(list(column.values), dtype=pl.String)
    if _other(column) > _RARE:
        return _form(words).is_in(_form(usual).unique().implode())
    return words.is_in(usual.implode())


def _number_distance(values: Floats, column: ColumnProfile) -> float:
    """Return the Kolmogorov-Smirnov distance of numbers to earlier ones, or the share of none."""
    known = values[~np.isnan(values)]
    odd = 1.0 - known.size / values.size
    low, high = column.minimum, column.maximum
    if low is None or high is None or not known.size:
        return odd
    if not column.edges:
        return max(odd, float(((known < low) | (known > high)).mean()))
    shares = np.asarray(column.counts, np.float64) / max(sum(column.counts), 1)
    return max(odd, bin_distance(known, np.asarray(column.edges), shares))


def _word_distance(words: pl.Series, column: ColumnProfile) -> float:
    """Return the total variation distance of words to those that a column had."""
    if _other(column) > _RARE:
        return 1.0 - float(_known(words, column).sum()) / words.len()
    total = sum(column.value_counts) + column.other
    found = dict(words.alias("word").value_counts(name="rows").iter_rows())
    gaps = [
        abs(found.pop(word, 0) / words.len() - count / total)
        for word, count in zip(column.values, column.value_counts, strict=True)
    ]
    return float(0.5 * (sum(gaps) + abs(sum(found.values()) / words.len() - _other(column))))


def _log_density(values: Floats, column: ColumnProfile) -> Floats:
    """Return the logarithm of the density that the bins of a column give to each value."""
    low, high = column.minimum, column.maximum
    if low is None or high is None or not column.edges or not high > low:
        return np.zeros(values.size)
    ends = np.array([low, *column.edges, high])
    widths = np.maximum(np.diff(ends), 1e-3 * (high - low))
    shares = np.maximum(np.asarray(column.counts, np.float64), 0.5) / max(column.present, 1)
    least = 0.5 / max(column.present, 1) / (high - low)
    density = (shares / widths)[np.searchsorted(column.edges, values, "left")]
    with np.errstate(invalid="ignore"):
        inside = (values >= low) & (values <= high)
    logs: Floats = np.log(np.where(inside, density, least))
    return logs


def find_shift(frame: pl.DataFrame, reference: Profile) -> Shift | None:
    """Return the columns that moved by one place in all rows or in a part, or None.

    Of many rows, 5,000 at random are looked at.

    Examples
    --------
    >>> from evermodel.tables import profile
    >>> rng = np.random.default_rng(0)
    >>> usual = pl.DataFrame({c: rng.normal(m, 1, 900) for c, m in zip("abc", (0, 50, 90))})
    >>> past = profile(usual, {"a": "number", "b": "number", "c": "number"})
    >>> find_shift(usual.select(a="b", b="c", c="a"), past).moves
    (('a', 'b'), ('b', 'c'), ('c', 'a'))
    >>> find_shift(usual + 5, past)
    """
    places = np.arange(frame.height)
    if frame.height > _LOOKED_AT:
        places = np.sort(np.random.default_rng(0).choice(places, _LOOKED_AT, replace=False))
    cells = _Cells(frame[places], reference)
    if len(cells.columns) < 2 or frame.height < _PART_LEAST:
        return None
    every = np.ones(places.size, bool)
    moves = _moves(cells, every)
    if moves:
        return _told(cells, moves, every, places)
    return _in_part(cells, places)


def _moves(cells: _Cells, rows: Mask, *, least: float = _FAR) -> dict[int, int]:
    """Return for each column that was moved the one whose values it holds."""
    count = len(cells.columns)
    own = [cells.distance(i, i, rows) for i in range(count)]
    far = [i for i in range(count) if own[i][0] >= least + own[i][1] and cells.judged[i]]
    if len(far) < 2:
        return {}
    for step in (1, -1):
        near = {i: cells.distance(i, i + step, rows) for i in range(count) if 0 <= i + step < count}
        moved = {i for i in far if i in near and _fits(own[i][0], *near[i])}
        run = _run(moved, {i for i, (gap, noise) in near.items() if gap <= _NEAR + noise})
        if run and not _one_change(cells, [i for i in run if i in moved], step, rows):
            moves = {i: i + step for i in run}
            return moves | _end(cells, moves, own, rows)
    return _exchanged(cells, own, far, rows)


def _fits(own: float, gap: float, noise: float) -> bool:
    """Say whether values lie near those of another column, and far from those of their own."""
    near = gap <= _NEAR + noise or (gap <= _DRIFTED and own - gap >= _CLEAR)
    return near and gap <= _TIMES * own


def _run(moved: set[int], alike: set[int]) -> list[int]:
    """Return the columns from the first to the last that moved, through such as fit as well."""
    best: list[int] = []
    for first in sorted(moved):
        last = place = first
        while place in moved or place in alike:
            last = place if place in moved else last
            place += 1
        if last > first and last - first >= len(best):
            best = list(range(first, last + 1))
    return best


def _end(
    cells: _Cells, moves: dict[int, int], own: Sequence[tuple[float, float]], rows: Mask
) -> dict[int, int]:
    """Return the move of the last column of a run that took the values of the first."""
    (end,) = set(moves.values()) - set(moves)
    (start,) = set(moves) - set(moves.values())
    there = _fits(own[end][0], *cells.distance(end, start, rows))
    return {end: start} if there and own[end][0] >= _FAR else {}


def _one_change(cells: _Cells, some: Sequence[int], step: int, rows: Mask) -> bool:
    """Say whether one factor, or one sum, explains all columns: a season, growth or a unit.

    Where columns lie one above the other at equal distances, such as the least, mean and greatest
    temperature, a season brings each to where the next one was.
    """
    middles = []
    for i in some:
        column = cells.columns[i]
        values = cells.numbers[i][rows & cells.given[i]]
        values = values[~np.isnan(values)]
        if column.type != "number" or not column.edges or not values.size:
            return False
        place = np.searchsorted(np.cumsum(column.counts), 0.5 * sum(column.counts))
        before = column.edges[min(int(place), len(column.edges) - 1)]
        middles.append((values, before, float(np.median(values)), column))
    ratios = [now / before for _, before, now, _ in middles if before]
    added = float(np.median([now - before for _, before, now, _ in middles]))
    factor = float(np.median(ratios)) if ratios else 1.0
    most = [
        max(_NEAR + values.size**-0.5, cells.distance(i, i + step, rows)[0])
        for i, (values, *_) in zip(some, middles, strict=True)
    ]
    return any(
        all(
            _number_distance((values - less) / by, column) <= least
            for (values, _, _, column), least in zip(middles, most, strict=True)
        )
        for less, by in ((added, 1.0), (0.0, factor if factor > 0 else 1.0))
    )


def _exchanged(
    cells: _Cells, own: Sequence[tuple[float, float]], far: Sequence[int], rows: Mask
) -> dict[int, int]:
    """Return two columns that took one another's place."""
    for i in far:
        for j in far:
            if i < j and min(own[i][0], own[j][0]) >= _EXCHANGED:
                pairs = ((i, j), (j, i))
                if all(_fits(own[a][0], *cells.distance(a, b, rows)) for a, b in pairs):
                    return dict(pairs)
    return {}


def _in_part(cells: _Cells, places: npt.NDArray[np.int64]) -> Shift | None:
    """Return columns that moved in some rows, and are as ever in the others.

    One of them says which rows look moved; whether another one moved in these rows, and in these
    alone, is then a question that the choice of the rows has not answered yet.
    """
    count = len(cells.columns)
    for step in (1, -1):
        for anchor in range(count):
            if not cells.judged[anchor] or not 0 <= anchor + step < count:
                continue
            rows = cells.likelier(anchor, anchor + step) > _LIKELIER
            if rows.sum() < max(_PART_LEAST, LEAST_SHARE * rows.size):
                continue
            moves = _moves(cells, rows, least=_FAR_IN_PART)
            if moves.get(anchor) == anchor + step and any(
                _only_in(cells, rows, k, moves[k]) for k in moves if k != anchor
            ):
                return _told(cells, moves, rows, places)
    return None


def _only_in(cells: _Cells, rows: Mask, i: int, j: int) -> bool:
    """Say whether column i holds the values of j in some rows, and its own elsewhere."""
    own, noise = cells.distance(i, i, rows)
    if own < _FAR_IN_PART + noise or not _fits(own, *cells.distance(i, j, rows)):
        return False
    rest, _ = cells.distance(i, i, ~rows)
    return rest < 0.5 * own and rest < cells.distance(i, j, ~rows)[0]


def _told(cells: _Cells, moves: dict[int, int], rows: Mask, places: npt.NDArray[np.int64]) -> Shift:
    names = [column.name for column in cells.columns]
    pairs = sorted(moves.items())
    some = [i for i, _ in pairs]
    return Shift(
        moves=tuple((names[i], names[j]) for i, j in pairs),
        share=float(rows.mean()),
        rows=tuple(places[rows][:5].tolist()),
        own=min(cells.distance(i, i, rows)[0] for i in some),
        other=max(cells.distance(i, j, rows)[0] for i, j in pairs),
        rolling=_numbered([names[i] for i in some]),
    )


def _numbered(names: Sequence[str]) -> bool:
    """Whether all are numbered columns of one series, such as `sales_1` and `sales_2`."""
    stems = {re.sub(r"\d+", "", name) for name in names}
    return len(stems) == 1 and all(re.search(r"\d", name) for name in names)
