"""Champion against challenger on the same rows: paired differences of bounded losses.

`compare` may be asked every day, as labels mature: its interval is a confidence sequence, which
holds at all times at once, whatever rule stops the looking, and for means that change over time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.stats.arrays import Floats, floats

__all__ = ["Comparison", "bounded_error", "compare", "uniform_boundary", "verdict"]

EXPECTED = 0.1
"""Largest mean difference that is taken off in advance; real models differ by less."""

RANGE = 1.0 + EXPECTED
"""Largest surprise of a difference in [-1, 1]: the sub-exponential scale c of the sequence."""

TUNED_FOR = 10.0
"""Intrinsic time (rows times variance) at which the sequence is narrowest: a few hundred rows."""

FAR = 10**9


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Mean of champion's loss minus challenger's (above 0: the challenger is better) with bounds.

    `needed` estimates how many more rows would decide, 0 when decided already, None when no number
    in sight would. `anytime` says that the bounds hold however often one looks.

    Examples
    --------
    >>> compare([], []).low, compare([], []).high
    (-1.0, 1.0)
    """

    mean: float
    low: float
    high: float
    n: int
    level: float
    needed: int | None
    anytime: bool = True
    method: str = ""


def compare(
    champion: npt.ArrayLike, challenger: npt.ArrayLike, *, level: float = 0.95, margin: float = 0.0
) -> Comparison:
    """Return the anytime-valid comparison of two models' losses in [0, 1] on the same rows.

    The rows stand in the order in which their labels came, and rows already seen stay in front. The
    bounds enclose the mean difference of the rows so far at all times, with probability `level`.
    `margin` is the one `verdict` will be asked about; it only serves `needed`.

    References
    ----------
    Choe, Ramdas (2024), "Comparing Sequential Forecasters", theorem 2; Howard, Ramdas, McAuliffe,
    Sekhon (2021), "Time-uniform, nonparametric, nonasymptotic confidence sequences" (the
    gamma-exponential mixture).

    Raises
    ------
    InputError
        When lengths differ or a loss is missing or outside [0, 1].

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = compare(rng.random(2000), rng.random(2000) * 0.8)
    >>> verdict(found), found.needed
    ('promote', 0)
    """
    difference = _differences(champion, challenger)
    n = difference.size
    mean = float(difference.mean()) if n else 0.0
    variance = _intrinsic_time(difference)
    radius = uniform_boundary(variance, level) / n if n else math.inf
    low, high = max(mean - radius, -1.0), min(mean + radius, 1.0)

    def width(rows: int) -> float:
        return uniform_boundary(max(variance / max(n, 1), 1e-9) * rows, level) / rows

    return Comparison(
        mean=mean,
        low=low,
        high=high,
        n=n,
        level=level,
        needed=_needed(mean, low, high, n, margin, width),
        method="empirical-Bernstein confidence sequence (Choe & Ramdas 2024)",
    )


def verdict(comparison: Comparison, margin: float = 0.0) -> Literal["promote", "reject", "hold"]:
    """Return what the comparison proves about an improvement of more than `margin`.

    "promote": it is larger; "reject": it is smaller; "hold": not known yet. A negative margin asks
    for "not worse by more than that".

    Examples
    --------
    >>> verdict(Comparison(mean=0.1, low=0.05, high=0.15, n=500, level=0.95, needed=0))
    'promote'
    """
    if comparison.low > margin:
        return "promote"
    return "reject" if comparison.high < margin else "hold"


def bounded_error(y: npt.ArrayLike, value: npt.ArrayLike, scale: float) -> Floats:
    """Return absolute errors in [0, 1]: divided by `scale`, larger ones counted as 1.

    `scale` must be fixed before the rows are seen, such as the training target's range.

    Raises
    ------
    InputError
        When the scale is not above 0 or a number is not finite.

    Examples
    --------
    >>> bounded_error([1.0, 2.0], [1.5, 9.0], scale=2.0)
    array([0.25, 1.  ])
    """
    if not (math.isfinite(scale) and scale > 0):
        raise InputError("the scale of an error must be above 0", found=str(scale))
    return np.minimum(np.abs(floats(y) - floats(value)) / scale, 1.0)


def _differences(champion: npt.ArrayLike, challenger: npt.ArrayLike) -> Floats:
    first, second = floats(champion, name="losses"), floats(challenger, name="losses")
    if first.shape != second.shape or first.ndim != 1:
        found = f"shapes {first.shape} and {second.shape}"
        raise InputError("champion and challenger must be compared on the same rows", found=found)
    both = np.r_[first, second]
    if both.size and (both.min() < 0 or both.max() > 1):
        hint = "use Brier scores, 0/1 losses or bounded_error"
        found = f"{both.min():g} to {both.max():g}"
        raise InputError("losses must lie within 0 and 1", found=found, hint=hint)
    return first - second


def _intrinsic_time(difference: Floats) -> float:
    """Sum of squared surprises: each difference less the mean of those before it (first: 0).

    Any expectation that is fixed in advance keeps the promise; holding it near 0 nearly halves the
    scale c, which is what the width depends on when two models differ little.
    """
    before = np.arange(difference.size)
    sums = np.r_[0.0, difference.cumsum()[:-1]] if difference.size else difference
    expected = np.clip(sums / np.maximum(before, 1), -EXPECTED, EXPECTED)
    return float(((difference - expected) ** 2).sum())


def uniform_boundary(variance: float, level: float) -> float:
    """Return the uniform boundary u(v): P(some t: |sum of errors| >= u(V_t)) <= 1 - level.

    `variance` is V_t, the sum of the squared distances of the values so far from what was foretold
    of each before it came, values and forecasts in a range of length 1 (or 1.1). Each side is the
    root of log m(s, v) = log(2 / (1 - level)), m the gamma-exponential mixture of Howard et al.
    (2021), proposition 9.

    Examples
    --------
    >>> uniform_boundary(100.0, 0.95) / uniform_boundary(25.0, 0.95) > 1.5
    True
    """
    from scipy.optimize import brentq

    threshold = math.log(2 / (1 - level))
    high = RANGE
    while _log_mixture(high, variance, level) < threshold:
        high *= 2
    return float(brentq(lambda s: _log_mixture(s, variance, level) - threshold, 0.0, high))


def _log_mixture(s: float, v: float, level: float) -> float:
    from scipy.special import gammainc

    rho = _rho(level) / RANGE**2
    shape = v / RANGE**2 + rho
    reach = s / RANGE + shape
    start = rho * math.log(rho) - math.lgamma(rho) - math.log(gammainc(rho, rho))
    inside = math.lgamma(shape) + math.log(gammainc(shape, reach))
    return start + inside - shape * math.log(reach) + reach - rho


def _rho(level: float) -> float:
    """Mixture parameter that is near best at intrinsic time `TUNED_FOR` (Howard et al. 2021)."""
    log = 2 * math.log(1 / (1 - level))
    return TUNED_FOR / (log + math.log(1 + log))


def _needed(
    mean: float, low: float, high: float, n: int, margin: float, width: Callable[[int], float]
) -> int | None:
    """Rows still needed if mean and variance stay as they are: smallest n with width(n) < gap."""
    if low > margin or high < margin:
        return 0
    gap = abs(mean - margin)
    if n < 2 or width(FAR) >= gap:
        return None
    few, enough = n, FAR
    while enough - few > 1:
        half = (few + enough) // 2
        few, enough = (few, half) if width(half) < gap else (half, enough)
    return enough - n
