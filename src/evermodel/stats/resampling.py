"""Bootstrap of rows that hang together: whole clusters, blocks in time, or rows one by one.

A resample is how often each row is in it. What rows share (a customer, a day) makes them tell less
than as many rows apart; drawing what is shared as a whole shows how much less.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from evermodel.stats.arrays import Codes, Floats
from evermodel.stats.intervals import Interval, wilson

__all__ = [
    "RESAMPLES",
    "Units",
    "block_length",
    "blocks",
    "clusters",
    "interval_of_draws",
    "reach_of",
    "resampled",
    "single_rows",
]

RESAMPLES = 1000
_CELLS = 4_000_000
"""Numbers held at once: 32 MB."""

_Change = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What is drawn as a whole: `of_row` numbers the unit of each row, in the order of time.

    `length` units in a row are drawn together; `independent` says how many draws make a resample.
    """

    of_row: Codes
    count: int
    length: int
    name: str

    @property
    def independent(self) -> int:
        """Draws in one resample."""
        return math.ceil(self.count / self.length)


def single_rows(rows: int) -> Units:
    """Return rows that are drawn one by one.

    Examples
    --------
    >>> single_rows(5).independent
    5
    """
    return Units(of_row=np.arange(rows), count=rows, length=1, name="bootstrap")


def clusters(key: npt.ArrayLike) -> Units:
    """Return rows that are drawn with all others of their key [N] or keys [N, C].

    References
    ----------
    Field, Welsh (2007), "Bootstrapping clustered data", JRSS B 69.

    Examples
    --------
    >>> clusters(["a", "b", "a"]).count
    2
    """
    names, of_row = np.unique(np.asarray(key), axis=0, return_inverse=True)
    return Units(of_row=of_row.ravel(), count=len(names), length=1, name="cluster bootstrap")


def blocks(time: npt.ArrayLike, loss: npt.ArrayLike) -> Units:
    """Return rows that are drawn in circular blocks of consecutive times [N].

    Rows of one time are drawn together. How many times are a block follows from how long the mean
    loss of a time is like that of the next ones.

    References
    ----------
    Politis, Romano (1992), "A circular block-resampling procedure for stationary data".

    Examples
    --------
    >>> blocks(np.arange(200), np.sin(np.arange(200) / 9)).length > 5
    True
    """
    moments, of_row = np.unique(np.asarray(time), return_inverse=True)
    count = np.bincount(of_row, minlength=moments.size)
    series = np.bincount(of_row, np.asarray(loss, np.float64), minlength=moments.size) / count
    length = block_length(series)
    name = f"block bootstrap, {length} of {moments.size} times a block"
    return Units(of_row=of_row, count=moments.size, length=length, name=name)


def block_length(series: npt.ArrayLike) -> int:
    """Return how long blocks of a series [T] should be, from 1 to T / 10.

    References
    ----------
    Politis, White (2004), "Automatic Block-Length Selection for the Dependent Bootstrap", with the
    correction of Patton, Politis, White (2009): the circular block bootstrap.

    Examples
    --------
    >>> block_length(np.random.default_rng(0).normal(size=500)) <= 2
    True
    """
    x = np.asarray(series, np.float64)
    n = x.size
    most = max(1, n // 10)
    if n < 20 or not np.ptp(x):
        return 1
    centred = x - x.mean()
    few = max(5, int(math.log10(n) ** 0.5) + 1)
    lags = min(math.ceil(math.sqrt(n)) + few, n - 1)
    covariance = np.array(
        [(centred[: n - lag] * centred[lag:]).sum() / n for lag in range(lags + 1)]
    )
    small = np.abs(covariance[1:] / covariance[0]) < 2 * math.sqrt(math.log10(n) / n)
    runs = [lag for lag in range(lags - few + 1) if small[lag : lag + few].all()]
    last = runs[0] if runs else int(np.flatnonzero(~small)[-1]) + 1
    if not last:
        return 1
    reach = min(2 * last, lags)
    lag = np.arange(1, reach + 1)
    flat = np.clip(2 * (1 - lag / reach), 0, 1)  # 1 up to one half, then down to 0
    level = covariance[0] + 2 * (flat * covariance[1 : reach + 1]).sum()
    slope = 2 * (flat * lag * covariance[1 : reach + 1]).sum()
    if level <= 0:
        return most
    best = (2 * slope**2 / (4 / 3 * level**2)) ** (1 / 3) * n ** (1 / 3)
    return int(min(max(math.ceil(best), 1), most))


def resampled(
    units: Units, *, seed: int, resamples: int = RESAMPLES, weight: Floats | None = None
) -> Iterator[Floats]:
    """Yield the weights [B, N] of the rows in all resamples, in batches of bounded memory.

    Examples
    --------
    >>> [batch.sum(axis=1) for batch in resampled(single_rows(4), seed=0, resamples=2)]
    [array([4., 4.])]
    """
    rng = np.random.default_rng(seed)
    batch = max(1, _CELLS // max(units.of_row.size, 1))
    for first in range(0, resamples, batch):
        many = min(batch, resamples - first)
        out = np.empty((many, units.of_row.size))
        for i in range(many):
            out[i] = _times(units, rng)[units.of_row]
        yield out if weight is None else out * weight


def _times(units: Units, rng: np.random.Generator) -> Codes:
    """Return how often each unit is drawn."""
    starts = rng.integers(0, units.count, units.independent)
    drawn = np.bincount(starts, minlength=units.count)
    if units.length == 1:
        return drawn
    # Drawn at s, a block holds s to s + length - 1, round the end: a sum over the last starts.
    total = np.r_[0, np.r_[drawn[-(units.length - 1) :], drawn].cumsum()]
    return np.asarray(total[units.length :] - total[: units.count])


def interval_of_draws(
    value: float,
    draws: npt.ArrayLike,
    independent: int,
    *,
    level: float = 0.95,
    name: str = "bootstrap",
    least: float = -math.inf,
    most: float = math.inf,
    point: float | None = None,
) -> Interval:
    """Return the interval of a value from what it was in resamples [R].

    Student's t with their standard deviation and less their bias, on the logit scale of what lies
    between two ends and the log scale of what has one; percentiles where draws reach an end. Both
    are wider where there are few units. Draws that are all alike give Wilson's interval of the
    units for a share, and none for anything else.

    Parameters
    ----------
    value : float
    draws : array of float [R]
        NaN where it was not defined; those are passed over.
    independent : int
        How many units a resample draws.
    level, name
        Confidence, and how the units were drawn.
    least, most : float
        The metric's range.
    point : float, optional
        What the value is to the draws, where they come from a slightly coarser form of the rows.

    References
    ----------
    Efron, Tibshirani (1993), "An Introduction to the Bootstrap", chapters 10, 12 and 13; Hesterberg
    (2015), "What Teachers Should Know About the Bootstrap" (few units).

    Examples
    --------
    >>> drawn = np.random.default_rng(0).normal(0.7, 0.01, 1000)
    >>> low, high, *_ = interval_of_draws(0.7, drawn, 400, least=0.0, most=1.0)
    >>> round(low, 2), round(high, 2)
    (0.68, 0.72)
    """
    found = np.asarray(draws, np.float64)
    found = np.sort(found[np.isfinite(found)])
    method = name
    if not math.isfinite(value) or independent < 2 or found.size < max(np.size(draws) // 2, 1):
        return Interval(math.nan, math.nan, level, method)
    at = value if point is None else point
    if found[-1] - found[0] <= 1e-12 * max(abs(at), 1e-300):
        if (least, most) == (0.0, 1.0):
            edge = wilson(value * independent, independent, level)
            return Interval(edge.low, edge.high, level, f"Wilson, n the units of a {name}")
        return Interval(math.nan, math.nan, level, method)
    moved = value - at
    reach = reach_of(level, independent)
    scale, back = _scale(least, most)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle, each = float(scale(np.float64(value))), scale(found + moved)
    if math.isfinite(middle) and np.isfinite(each).all():
        centre, half = 2 * middle - float(each.mean()), reach * float(each.std(ddof=1))
        low, high = (float(back(np.float64(x))) for x in (centre - half, centre + half))
        method = f"{name}, Student t, bias removed"
    else:  # at an end of the range: percentiles stay inside it
        normal = NormalDist()
        low, high = np.quantile(found, [normal.cdf(-reach), normal.cdf(reach)]) + moved
        method = f"{name}, percentiles"
    low, high = max(min(low, value), least), min(max(high, value), most)
    return Interval(float(low), float(high), level, method)


def _scale(least: float, most: float) -> tuple[_Change, _Change]:
    """Return the scale on which draws are nearly normal, and the way back: logit, log or none."""
    if math.isfinite(least) and math.isfinite(most):
        size = most - least
        return (
            lambda x: np.log((x - least) / (most - x)),
            lambda x: least + size / (1 + np.exp(-x)),
        )
    if math.isfinite(least):
        return lambda x: np.log(x - least), lambda x: least + np.exp(x)
    if math.isfinite(most):
        return lambda x: -np.log(most - x), lambda x: most - np.exp(-x)
    return lambda x: x, lambda x: x


def reach_of(level: float, units: int) -> float:
    """Return how many standard deviations an interval reaches where so many units are drawn.

    Examples
    --------
    >>> round(reach_of(0.95, 10), 3), round(reach_of(0.95, 10_000), 3)
    (2.385, 1.96)
    """
    from scipy.special import stdtrit

    return float(stdtrit(units - 1, 0.5 + level / 2)) * math.sqrt(units / (units - 1))
