"""How different are two samples that were counted into the same bins.

A plain Jensen-Shannon distance between two days of the same stream is never 0: with 20 bins and
500 rows it is about 0.08 by chance alone, and grows as rows get fewer. Each measure here is
therefore corrected for what chance would give, bounded by an interval, and comes with the value to
expect under no drift. The size of the difference decides; the p-value only informs, because with
many rows it is tiny for differences that matter to nobody.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.stats.arrays import Floats
from evermodel.stats.intervals import score_bounds

__all__ = ["Difference", "Measure", "difference"]

Measure = Literal["jensen_shannon", "psi", "total_variation"]

DRAWS = 400
"""Draws under no drift: the mean of 400 is known to a twentieth of its standard deviation."""

NORMAL_FROM = 30.0
"""Expected count from which a Poisson draw is replaced by a normal one, ten times faster."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The difference between two samples, corrected for chance, with its interval.

    `raw` is the measure before correction, `expected` what it would be on average without drift,
    `p_value` the chance of a `raw` at least as large without drift.
    """

    measure: Measure
    value: float
    low: float
    high: float
    level: float
    raw: float
    expected: float
    p_value: float
    n_reference: int
    n_current: int
    method: str


def difference(
    reference: npt.ArrayLike,
    current: npt.ArrayLike,
    *,
    measure: Measure = "jensen_shannon",
    level: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Return how far two samples differ, from their counts [K] in the same K bins.

    The measure is taken as a squared distance T. Its mean and variance under no drift come from
    draws of both samples from the pooled shares; away from 0 its variance is the delta method's,
    4 c T. The interval holds all v with (T - v)^2 <= z^2 (4 c v + v0), as for a noncentral
    chi-square, so that it is right at 0 (where a bootstrap is not) and far from it.

    Parameters
    ----------
    reference, current : array of int [K]
        Counts of the same bins or categories, missing values as one of them.
    measure : str
        "jensen_shannon" (the distance to base 2, in [0, 1]), "psi" (population stability index,
        half a row added to each bin) or "total_variation" (the share of rows that would have to
        move, in [0, 1]).
    level : float
        Confidence of the interval.
    seed : int
        Of the draws under no drift.

    Returns
    -------
    Difference
        All numbers NaN when one sample is empty.

    Raises
    ------
    InputError
        When the counts have different lengths or are not counts.

    References
    ----------
    Lin (1991), "Divergence measures based on the Shannon entropy"; Menendez, Pardo, Pardo, Pardo
    (1997), "The Jensen-Shannon divergence" (its chi-square limit); Miller (1955), "Note on the
    bias of information estimates"; Yurdakul, Naranjo (2020), "Statistical properties of the
    population stability index"; Wilson, Hilferty (1931) for the p-value.

    Examples
    --------
    >>> same = difference([500, 300, 200], [52, 28, 20])
    >>> same.value, same.raw > 0
    (0.0, True)
    >>> moved = difference([500, 300, 200], [200, 300, 500])
    >>> 0.25 < moved.low < moved.value < moved.high < 0.35
    True
    """
    a, b = _counts(reference), _counts(current)
    if a.size != b.size:
        raise InputError(
            "two samples must be counted into the same bins", found=f"{a.size} and {b.size} bins"
        )
    used = (a + b) > 0
    if not a.sum() or not b.sum():
        nothing = dict.fromkeys(_NUMBERS, math.nan)
        return _record(nothing, measure, level, a, b)
    return _record(_corrected(a[used], b[used], measure, level, seed), measure, level, a, b)


_NUMBERS = ("value", "low", "high", "raw", "expected", "p_value")


def _record(
    numbers: dict[str, float], measure: Measure, level: float, a: Floats, b: Floats
) -> Difference:
    return Difference(
        **numbers,
        measure=measure,
        level=level,
        n_reference=int(a.sum()),
        n_current=int(b.sum()),
        method=f"{measure.replace('_', ' ')}, corrected for chance, score interval",
    )


def _corrected(a: Floats, b: Floats, measure: Measure, level: float, seed: int) -> dict[str, float]:
    """Return the numbers of a `Difference` of two samples in the bins that either uses."""
    squared = _MEASURES[measure]
    raw, slope = (float(x[0]) for x in squared(a[None, :], b[None, :]))
    slope = max(slope, 0.0)  # rounding may leave the variance of equal shares below nought
    under_none = squared(*_draws_without_drift(a, b, seed))[0]
    mean, variance = float(under_none.mean()), float(under_none.var())
    z = NormalDist().inv_cdf(0.5 + level / 2)
    low, high = score_bounds(raw - mean, slope, variance, z)
    scale = _plain if measure == "psi" else math.sqrt
    expected = float(np.mean(under_none if measure == "psi" else np.sqrt(under_none)))
    least = scale(low)
    if measure == "total_variation":
        # Chance adds at most `expected` to it, and nearly as much when few bins changed a lot.
        least = min(least, max(math.sqrt(raw) - expected - z * math.sqrt(slope), 0.0))
    return {
        "value": scale(max(raw - mean, 0.0)),
        "low": least,
        "high": min(scale(high), math.inf if measure == "psi" else 1.0),
        "raw": scale(max(raw, 0.0)),
        "expected": expected,
        "p_value": _p_value(raw, mean, variance),
    }


def _plain(value: float) -> float:
    return value


def _counts(values: npt.ArrayLike) -> Floats:
    counts = np.asarray(values, np.float64)
    if counts.ndim != 1 or not np.isfinite(counts).all() or (counts < 0).any():
        raise InputError("counts of bins must be numbers from 0 in one row", found=str(values)[:80])
    return counts


def _draws_without_drift(a: Floats, b: Floats, seed: int) -> tuple[Floats, Floats]:
    """Return `DRAWS` pairs of samples [DRAWS, K] of the same sizes, both from the pooled shares.

    Independent Poisson counts divided by their sum have, to first order, a multinomial's
    covariance, and are drawn in one pass.
    """
    rng = np.random.default_rng(seed)
    pooled = (a + b) / (a.sum() + b.sum())
    out = []
    for size in (a.sum(), b.sum()):
        expected = pooled * size
        drawn = rng.standard_normal((DRAWS, expected.size)) * np.sqrt(expected) + expected
        few = expected < NORMAL_FROM
        if few.any():
            drawn[:, few] = rng.poisson(expected[few], (DRAWS, int(few.sum())))
        drawn = np.maximum(drawn, 0.0)
        drawn[drawn.sum(axis=1) == 0] = expected
        out.append(drawn)
    return out[0], out[1]


def _p_value(raw: float, mean: float, variance: float) -> float:
    """Upper tail of the scaled chi-square with that mean and variance, by a cube root."""
    if raw <= 1e-15 or mean <= 0 or variance <= 0:
        return 1.0 if raw <= 0 else 0.0
    degrees = 2 * mean * mean / variance
    part = 2 / (9 * degrees)
    z = (math.pow(max(raw, 0.0) / mean, 1 / 3) - (1 - part)) / math.sqrt(part)
    return 0.5 * math.erfc(z / math.sqrt(2))


def _shares(counts: Floats) -> tuple[Floats, Floats]:
    size = counts.sum(axis=1, keepdims=True)
    return counts / size, size[:, 0]


def _variance(shares: Floats, gradient: Floats, size: Floats) -> Floats:
    """Delta method: variance of a function of multinomial shares with that gradient."""
    middle = (shares * gradient).sum(axis=1)
    return np.asarray(((shares * gradient**2).sum(axis=1) - middle**2) / size)


def _slope(square: Floats, variance: Floats, otherwise: Floats) -> Floats:
    """Return c of the variance 4 c v; where v is 0, what theory says c is there."""
    out = otherwise.copy()
    np.divide(variance, 4 * square, out=out, where=square > 1e-15)
    return np.asarray(out)


def _jensen_shannon(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Jensen-Shannon divergence in bits, rows [N], and its c."""
    (p, n_a), (q, n_b) = _shares(a), _shares(b)
    middle = (p + q) / 2
    of_p, of_q = _log2_ratio(p, middle), _log2_ratio(q, middle)
    square = np.maximum(((p * of_p).sum(axis=1) + (q * of_q).sum(axis=1)) / 2, 0.0)
    variance = _variance(p, of_p / 2, n_a) + _variance(q, of_q / 2, n_b)
    return square, _slope(square, variance, (1 / n_a + 1 / n_b) / (8 * math.log(2)))


def _log2_ratio(part: Floats, whole: Floats) -> Floats:
    ratio = np.ones_like(part)
    np.divide(part, whole, out=ratio, where=part > 0)
    return np.asarray(np.log2(ratio))


def _psi(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return the stability index, rows [N], and its c; half a row more in each bin."""
    (p, n_a), (q, n_b) = _shares(a + 0.5), _shares(b + 0.5)
    log = np.log(p / q)
    square = ((p - q) * log).sum(axis=1)
    variance = _variance(p, log - q / p, n_a) + _variance(q, -log - p / q, n_b)
    return square, _slope(square, variance, 1 / n_a + 1 / n_b)


def _total_variation(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Squared total variation distance, rows [N], and its c."""
    (p, n_a), (q, n_b) = _shares(a), _shares(b)
    sign = np.sign(p - q) / 2
    square = (np.abs(p - q).sum(axis=1) / 2) ** 2
    return square, _variance(p, sign, n_a) + _variance(q, sign, n_b)


_MEASURES: dict[Measure, Callable[[Floats, Floats], tuple[Floats, Floats]]] = {
    "jensen_shannon": _jensen_shannon,
    "psi": _psi,
    "total_variation": _total_variation,
}
