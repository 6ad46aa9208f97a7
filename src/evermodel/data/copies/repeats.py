"""Which rows are alike, how much of that is chance, and how well their share is known."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.intake import average
from evermodel.data.leakage.split import copies_by_chance
from evermodel.stats.intervals import Interval, wilson

__all__ = ["chance_of", "column_codes", "first_alike", "row_codes", "share_by_groups"]

Ids = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint64]

_CHANCE_ROWS = 100_000
_OWN_TEXTS = 0.2


def column_codes(series: pl.Series) -> Codes:
    """Return a hash of each value that may be added to those of other columns.

    Examples
    --------
    >>> codes = column_codes(pl.Series("x", [1, 1, 2]))
    >>> bool(codes[0] == codes[1] != codes[2])
    True
    """
    # The name is part of it, so that values which change places between columns are not alike.
    seed = int.from_bytes(blake2b(series.name.encode(), digest_size=8).digest(), "big")
    codes = series.hash(seed=seed).to_numpy().astype(np.uint64)
    codes = (codes ^ (codes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return np.asarray(codes ^ (codes >> np.uint64(27)), np.uint64)


def row_codes(frame: pl.DataFrame) -> Codes:
    """Return a hash of each row, the sum of those of its values.

    Examples
    --------
    >>> codes = row_codes(pl.DataFrame({"a": [1, 1, 2], "b": ["x", "x", "x"]}))
    >>> bool(codes[0] == codes[1] != codes[2])
    True
    """
    total = np.zeros(frame.height, np.uint64)
    for series in frame:
        total += column_codes(series)
    return total


def first_alike(codes: Codes) -> Ids:
    """Return for each row the place of the first one with its code.

    Examples
    --------
    >>> first_alike(np.array([7, 8, 7], np.uint64)).tolist()
    [0, 1, 0]
    """
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)


def chance_of(frame: pl.DataFrame, first: Ids) -> float:
    """Return which part of the pairs of equal rows chance explains: none of free texts.

    `first` says for each row which is the first like it. See `copies_by_chance`; of more than
    100,000 rows as many at random are looked at.

    Examples
    --------
    >>> coarse = pl.DataFrame({"a": [0, 1] * 50, "b": [0, 1, 1, 0] * 25})
    >>> chance_of(coarse, first_alike(row_codes(coarse)))
    1.0
    """
    if (first == np.arange(first.size)).all() or any(_written(series) for series in frame):
        return 0.0
    return copies_by_chance(
        frame.sample(_CHANCE_ROWS, seed=0) if frame.height > _CHANCE_ROWS else frame
    )


def _written(series: pl.Series) -> bool:
    """Say whether a column holds texts that nobody writes twice by chance, however often copied."""
    if series.dtype != pl.String:
        return False
    kinds = series.drop_nulls().unique()
    if kinds.len() < _OWN_TEXTS * series.len():
        return False
    some = kinds.head(2000)
    return average(some.str.count_matches(r"\S+")) >= 5 or average(some.str.len_chars()) >= 60


def share_by_groups(counted: npt.ArrayLike, sizes: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Return the interval of a share of rows that come in groups: a group is one case.

    `counted` is how many rows of each group have what is asked for, of `sizes` rows. The ratio's
    variance over groups gives how many independent rows these are worth, and Wilson's interval is
    that of so many.

    References
    ----------
    Cochran (1977), "Sampling Techniques", 6.4; Korn, Graubard (1998), "Confidence Intervals for
    Proportions With Small Expected Number of Positive Counts Estimated From Survey Data".

    Examples
    --------
    >>> low, high, *_ = share_by_groups([1, 0, 0, 0], [2, 1, 1, 1])
    >>> round(low, 2), round(high, 2)
    (0.04, 0.62)
    """
    hits, rows = np.asarray(counted, np.float64), np.asarray(sizes, np.float64)
    n, groups = float(rows.sum()), rows.size
    share = float(hits.sum()) / n if n else 0.0
    spread = hits - share * rows
    variance = float((spread**2).sum()) / n**2 * groups / max(groups - 1, 1) if n else 0.0
    worth = min(share * (1 - share) / variance, n) if variance > 0 else float(groups)
    low, high, level, _ = wilson(share * worth, worth, level)
    return Interval(low, high, level, "Wilson score interval, a group of equal rows as one case")
