"""Confidence intervals of metrics, 95 % unless another level is asked for.

All are closed forms of one sort or one pass, or draws of a confusion matrix's few cells, so that
50,000 rows cost milliseconds. They hold for independent rows looked at once; for repeated looks
see `evermodel.stats.compare`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evermodel.stats.arrays import Codes, Floats, codes
from evermodel.stats.metrics import average_precision, midranks
from evermodel.stats.reliability import BINS, equal_mass_bins, top_label

__all__ = [
    "Interval",
    "Rates",
    "average_precision_interval",
    "confusion_intervals",
    "delong",
    "ece_interval",
    "mean_interval",
    "r2_interval",
    "rmse_interval",
    "score_bounds",
    "wilson",
]

Rates = Callable[[npt.ArrayLike], Mapping[str, Floats]]


class Interval(NamedTuple):
    """Bounds at confidence `level`, with the method's name; NaN where nothing can be said.

    Examples
    --------
    >>> wilson(8, 10).method
    'Wilson score interval'
    """

    low: float
    high: float
    level: float
    method: str


def _z(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)


def _t(level: float, degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + level / 2))


def wilson(successes: float, n: float, level: float = 0.95) -> Interval:
    """Return the score interval of a proportion, within [0, 1].

    References
    ----------
    Wilson (1927); Brown, Cai, DasGupta (2001), "Interval Estimation for a Binomial Proportion".

    Examples
    --------
    >>> low, high, *_ = wilson(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.49, 0.943)
    """
    method = "Wilson score interval"
    if n <= 0:
        return Interval(math.nan, math.nan, level, method)
    z, p = _z(level), successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if successes <= 0 else max(0.0, middle - half)
    high = 1.0 if successes >= n else min(1.0, middle + half)
    return Interval(low, high, level, method)


def delong(y: npt.ArrayLike, score: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Return the interval of the ROC AUC: DeLong's variance from ranks, on the logit scale.

    Scores [N, K] give the interval of the one-versus-rest macro mean, its classes' covariance
    included. NaN when a class does not occur.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson (1988); Sun, Xu (2014), "Fast Implementation of DeLong's
    Algorithm".

    Examples
    --------
    >>> low, high, *_ = delong([0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.6, 0.4, 0.8, 0.9])
    >>> 0 < low < 8 / 9 < high < 1
    True
    """
    labels, scores = codes(y), np.asarray(score, np.float64)
    method = "DeLong (1988), logit scale"
    columns = [labels == 1] if scores.ndim == 1 else [labels == k for k in range(scores.shape[1])]
    sizes = [min(int(of.sum()), int(of.size - of.sum())) for of in columns]
    if not sizes or min(sizes) == 0:
        return Interval(math.nan, math.nan, level, method)
    areas, influences = [], []
    for k, positive in enumerate(columns):
        area, influence = _auc_influence(positive, scores if scores.ndim == 1 else scores[:, k])
        areas.append(area)
        influences.append(influence)
    variance = float((np.mean(influences, axis=0) ** 2).sum())
    return _on_logit(float(np.mean(areas)), variance, min(sizes), level, method)


def _auc_influence(positive: npt.NDArray[np.bool_], score: Floats) -> tuple[float, Floats]:
    """Return the AUC and each row's share in its error: their squares sum to DeLong's variance."""
    ranks = midranks(score)
    m = int(positive.sum())
    n = positive.size - m
    above = (ranks[positive] - midranks(score[positive])) / n
    below = 1 - (ranks[~positive] - midranks(score[~positive])) / m
    area = float(above.mean())
    influence = np.empty(positive.size)
    influence[positive] = (above - area) / math.sqrt(m * max(m - 1, 1))
    influence[~positive] = (below - area) / math.sqrt(n * max(n - 1, 1))
    return area, influence


def _on_logit(
    value: float, variance: float, rarer: int, level: float, method: str, shift: float = 0.0
) -> Interval:
    """Interval around `value` less its bias `shift`, on the logit scale.

    At the edge, where variances vanish, it is Wilson's on the rarer class: a perfect ranking of a
    handful of rows says little, whatever its estimated variance.
    """
    middle = value - shift
    if not (0 < value < 1 and middle > 0) or variance <= 0:
        edge = wilson(value * rarer, rarer, level)
        return Interval(edge.low, edge.high, level, "Wilson on the rarer class, at the edge")
    half = _t(level, max(rarer - 1, 1)) * math.sqrt(variance) / (value * (1 - value))
    middle = math.log(middle / (1 - middle))
    return Interval(_expit(middle - half), _expit(middle + half), level, method)


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def average_precision_interval(
    y: npt.ArrayLike, score: npt.ArrayLike, level: float = 0.95
) -> Interval:
    """Return the interval of the average precision: its influence function, on the logit scale.

    NaN when a class does not occur.

    References
    ----------
    Boyd, Eng, Page (2013), "Area under the Precision-Recall Curve: Point Estimates and Confidence
    Intervals" (the logit interval); the variance is the infinitesimal jackknife's.

    Examples
    --------
    >>> low, high, *_ = average_precision_interval([0, 0, 1, 0, 1, 1], [1, 2, 3, 4, 5, 6])
    >>> 0 < low < high < 1
    True
    """
    positive = codes(y) == 1
    method = "influence function, logit scale"
    rarer = int(min(positive.sum(), positive.size - positive.sum()))
    if not rarer:
        return Interval(math.nan, math.nan, level, method)
    value, scores = average_precision(y, score), np.asarray(score, np.float64)
    influence = _average_precision_influence(positive, scores, value)
    variance = float((influence**2).sum()) / (positive.size * (positive.size - 1))
    found = _on_logit(value, variance, rarer, level, method, shift=_self_count(positive, scores))
    return Interval(min(found.low, value), max(found.high, value), level, found.method)


def _self_count(positive: npt.NDArray[np.bool_], score: Floats) -> float:
    """Upward bias of the average precision: each positive row counts itself at its own rank."""
    order = np.argsort(-score, kind="stable")
    ordered, hits = score[order], positive[order].cumsum()
    last = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
    gained = np.diff(np.r_[0, hits[last]])
    rank = last + 1.0
    excess = (rank - hits[last]) / (rank * np.maximum(rank - 1, 1))
    return float((gained * excess).sum() / hits[-1])


def _average_precision_influence(
    positive: npt.NDArray[np.bool_], score: Floats, value: float
) -> Floats:
    """Influence of each row on T = E[Y A(S)/B(S)] / E[Y], A(s) = P(Y=1, S>=s), B(s) = P(S>=s).

    Differentiating T towards a point mass at (y, s) gives
    (y A(s)/B(s) + y G(s) - H(s) - T y) / E[Y] with G(s) = E[Y 1(S<=s) / B(S)] and
    H(s) = E[Y A(S) 1(S<=s) / B(S)^2].
    """
    n = score.size
    order = np.argsort(score, kind="stable")
    ordered, y = score[order], positive[order].astype(np.float64)
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    group = np.repeat(np.arange(first.size), np.diff(np.r_[first, n]))
    hits = np.add.reduceat(y, first)
    at_least = (n - first) / n
    true_at_least = hits[::-1].cumsum()[::-1] / n
    g = (hits / n / at_least).cumsum()
    h = (hits / n * true_at_least / at_least**2).cumsum()
    influence = np.empty(n)
    each = y * (true_at_least / at_least + g - value)[group] - h[group]
    influence[order] = each / y.mean()
    return influence


def mean_interval(
    values: npt.ArrayLike,
    level: float = 0.95,
    *,
    least: float = -math.inf,
    most: float = math.inf,
) -> Interval:
    """Return the interval of a mean of values from `least` (0 for losses) to `most`.

    Student's t after Hall's transformation, which takes out the skewness that losses have: without
    it the upper end of a log loss misses too often. Equal values show no spread, but do not say
    that there is none: as many rows as chance may have hidden could lie at either end of the range.
    NaN below two rows, and of equal values whose range is not known.

    References
    ----------
    Hall (1992), "On the Removal of Skewness by Transformation"; Hanley, Lippman-Hand (1983), "If
    nothing goes wrong, is everything all right?" (equal values).

    Examples
    --------
    >>> low, high, *_ = mean_interval([1.0, 2.0, 3.0])
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    >>> round(mean_interval([0.0] * 100, least=0.0, most=1.0).high, 3)
    0.036
    """
    array = np.asarray(values, np.float64)
    method = "Student t, skewness removed (Hall 1992)"
    n = array.size
    if n < 2:
        return Interval(math.nan, math.nan, level, method)
    middle, spread = float(array.mean()), float(array.std(ddof=1))
    if spread <= 1e-12 * abs(middle):
        return _of_equal_values(middle, n, level, least, most)
    reach = _t(level, n - 1) / math.sqrt(n)
    skew = float((((array - middle) / spread) ** 3).mean())
    low = middle - spread * _skewed(reach, skew, n)
    return Interval(max(low, least), middle - spread * _skewed(-reach, skew, n), level, method)


def _of_equal_values(value: float, n: int, level: float, least: float, most: float) -> Interval:
    if not (math.isfinite(least) and math.isfinite(most)):
        return Interval(math.nan, math.nan, level, "none: equal values of no known range")
    hidden = 1 - ((1 - level) / 2) ** (1 / n)  # the exact bound of a share of which 0 in n are seen
    low, high = value - hidden * (value - least), value + hidden * (most - value)
    return Interval(low, high, level, "exact share of unseen rows at the ends of the range")


def _skewed(x: float, skew: float, n: int) -> float:
    """Solve T + skew T^2 / 3 + skew^2 T^3 / 27 + skew / (6 n) = x for T."""
    if abs(skew) < 1e-6:
        return x
    return float(3 / skew * (np.cbrt(1 + skew * (x - skew / (6 * n))) - 1))


def rmse_interval(y: npt.ArrayLike, value: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Return the interval of the root mean squared error: the root of the mean square's.

    NaN when all errors are of one size.

    Examples
    --------
    >>> low, high, *_ = rmse_interval([0.0, 0.0, 0.0, 0.0], [1.0, -1.0, 2.0, -2.0])
    >>> low < 2.5**0.5 < high
    True
    """
    squares = (np.asarray(y, np.float64) - np.asarray(value, np.float64)) ** 2
    low, high, _, method = mean_interval(squares, level, least=0.0)
    return Interval(math.sqrt(low), math.sqrt(high), level, method)


def r2_interval(y: npt.ArrayLike, value: npt.ArrayLike, level: float = 0.95) -> Interval:
    """Return the interval of R2: delta method on the log of the unexplained share 1 - R2.

    NaN when the target does not vary, and when no prediction is off at all.

    Examples
    --------
    >>> low, high, *_ = r2_interval([1.0, 2.0, 3.0, 4.0], [1.1, 2.2, 2.7, 4.1])
    >>> low < 0.97 < high < 1
    True
    """
    method = "delta method, log of the unexplained share"
    truth = np.asarray(y, np.float64)
    spread = (truth - truth.mean()) ** 2 if truth.size > 1 else np.zeros(0)
    variance = float(spread.mean()) if spread.size else 0.0
    if variance <= 0:
        return Interval(math.nan, math.nan, level, method)
    squares = (truth - np.asarray(value, np.float64)) ** 2
    share = float(squares.mean()) / variance
    if share <= 0:
        return Interval(math.nan, math.nan, level, method)
    influence = squares / squares.mean() - spread / variance
    half = _t(level, truth.size - 1) * float(influence.std(ddof=1)) / math.sqrt(truth.size)
    low, high = share * math.exp(-half), share * math.exp(min(half, 300.0))
    return Interval(1 - high, 1 - low, level, method)


def confusion_intervals(
    confusion: Codes, rates: Rates, *, seed: int, level: float = 0.95, draws: int = 4000
) -> dict[str, Interval]:
    """Return percentile intervals of any rates of a confusion matrix, drawn from its posterior.

    A bootstrap of the cells (Rubin's Bayesian one) that stays honest at the edges: with two
    classes each cell starts from Jeffreys' 1/2, so that 20 hits of 20 do not give [1, 1]; with
    more, one pseudo-row in all is spread over the cells, so that many classes do not add up to
    a bias.

    References
    ----------
    Rubin (1981), "The Bayesian Bootstrap"; Goutte, Gaussier (2005), "A Probabilistic
    Interpretation of Precision, Recall and F-Score".

    Examples
    --------
    >>> from evermodel.stats.metrics import binary_rates
    >>> f1 = confusion_intervals(np.array([[50, 10], [5, 35]]), binary_rates, seed=0)["f1"]
    >>> 0.7 < f1.low < 0.82 < f1.high < 0.9
    True
    """
    classes = confusion.shape[0]
    method = "posterior draws of the confusion matrix (Goutte & Gaussier 2005)"
    diagonal = np.eye(classes, dtype=bool)
    used = (confusion > 0) | diagonal | np.roll(diagonal, 1, axis=1)
    occurs = (confusion.sum(axis=0) + confusion.sum(axis=1)) > 0
    used &= occurs[:, None] & occurs[None, :] if classes > 2 else True
    counts = confusion[used].astype(np.float64)
    prior = 0.5 if classes == 2 else 1 / max(counts.size, 1)
    drawn = np.random.default_rng(seed).standard_gamma(counts + prior, size=(draws, counts.size))
    matrices = np.zeros((draws, classes, classes))
    matrices[:, used] = drawn / drawn.sum(axis=1, keepdims=True)
    tail, points, out = (1 - level) / 2, rates(confusion), {}
    for name, values in rates(matrices).items():
        low, high = np.quantile(values, [tail, 1 - tail])
        # A draw never reaches 0 or 1; where the value itself does, the interval goes there too.
        point = float(points[name])
        bounds = np.fmin(low, point), np.fmax(high, point)
        out[name] = Interval(float(bounds[0]), float(bounds[1]), level, method)
    return out


def ece_interval(
    y: npt.ArrayLike, probability: npt.ArrayLike, level: float = 0.95, *, bins: int = BINS
) -> Interval:
    """Return the interval of the binned calibration error: a score interval of its square.

    The debiased square T of a true value v has variance 4 c v + v0 (v0: noise alone, c: mean
    variance of a bin's rate); the interval holds all v with (T - v)^2 <= z^2 (4 c v + v0), which
    covers both the calibrated model (v = 0, where T is a centred chi-square) and the others.
    NaN for fewer than two rows.

    References
    ----------
    Sun, Chaudhari, Barnett, Dobriban (2024), "A Confidence Interval for the l2 Expected
    Calibration Error" (the two regimes).

    Examples
    --------
    >>> interval = ece_interval([0] * 50 + [1] * 50, [0.3] * 50 + [0.7] * 50)
    >>> interval.low < 0.3 < interval.high
    True
    """
    method = "score interval of the debiased square, 15 equal-mass bins"
    if np.ndim(probability) == 2:
        y, probability = top_label(y, probability)
    if np.size(probability) < 2:
        return Interval(math.nan, math.nan, level, method)
    found = equal_mass_bins(probability, y, bins)
    share, z = found.count / found.count.sum(), _z(level)
    # Laplace's pseudo-counts keep the variance of a bin without a positive off 0.
    rate = (found.positives + 1) / (found.count + 2)
    variance = rate * (1 - rate) / np.maximum(found.count - 1, 1)
    square = float((share * ((found.mean - found.rate) ** 2 - found.variance)).sum())
    noise = 2 * float((share**2 * variance**2).sum())
    slope = float((share**2 * variance).sum())
    low, high = score_bounds(square, slope, noise, z)
    return Interval(math.sqrt(low), min(math.sqrt(high), 1.0), level, method)


def score_bounds(square: float, slope: float, noise: float, z: float) -> tuple[float, float]:
    """Return the bounds of a squared distance v from an unbiased estimate T of it.

    T has the variance 4 c v + v0. The bounds hold all v from 0 with (T - v)^2 <= z^2 (4 c v + v0).

    Parameters
    ----------
    square, slope, noise : float
        T, c and v0.
    z : float
        Normal quantile of the confidence.

    Examples
    --------
    >>> score_bounds(0.0, 0.0, 4.0, 2.0)
    (0.0, 4.0)
    """
    least = max(square, 0.0)  # the chi-square's short left tail must not shrink the upper bound
    low = square + 2 * z * z * slope - _spread(square, slope, noise, z)
    return max(low, 0.0), least + 2 * z * z * slope + _spread(least, slope, noise, z)


def _spread(square: float, slope: float, noise: float, z: float) -> float:
    inside = 4 * z * z * slope * square + 4 * z**4 * slope**2 + z * z * noise
    return math.sqrt(max(inside, 0.0))
