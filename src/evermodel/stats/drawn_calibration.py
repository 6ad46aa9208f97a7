"""The calibration error of rows that have weights or hang together, and its interval."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from evermodel.stats.arrays import Floats, codes, sums
from evermodel.stats.intervals import Interval, score_bounds
from evermodel.stats.reliability import BINS, equal_mass_bins, top_label
from evermodel.stats.resampling import Units, reach_of, resampled

__all__ = ["drawn_ece"]


def drawn_ece(
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    units: Units,
    *,
    weight: Floats | None = None,
    seed: int = 0,
    level: float = 0.95,
    bins: int = BINS,
) -> tuple[float, Interval]:
    """Return the debiased calibration error and its interval; NaN for fewer than two rows or units.

    Its binomial variances are replaced by the covariance that the bins' gaps between promise and
    frequency have over resamples of the units; the interval is `ece_interval`'s, with these.

    References
    ----------
    Kumar, Liang, Ma (2019), "Verified Uncertainty Calibration"; Sun, Chaudhari, Barnett, Dobriban
    (2024), "A Confidence Interval for the l2 Expected Calibration Error".

    Examples
    --------
    >>> from evermodel.stats.resampling import clusters
    >>> value, interval = drawn_ece([0, 1] * 100, [0.5] * 200, clusters(np.arange(200) // 4))
    >>> value, interval.low
    (0.0, 0.0)
    """
    if np.ndim(probability) == 2:
        y, probability = top_label(y, probability)
    positive, p = codes(y) == 1, np.asarray(probability, np.float64)
    method = f"score interval of the debiased square, covariance of a {units.name}"
    if p.size < 2 or units.independent < 2:
        return math.nan, Interval(math.nan, math.nan, level, method)
    found = equal_mass_bins(p, positive, bins)
    size = found.count.size
    group = np.searchsorted(found.low, p, side="right") - 1
    each = np.ones(p.size) if weight is None else weight
    mass, gap = _gaps(group, p - positive, each[None], size)
    share = mass[0] / mass[0].sum()
    drawn = _of_draws(group, p - positive, resampled(units, seed=seed, weight=weight), size)
    # A bin that a resample does not meet has no gap there: it is taken as it is.
    drawn = np.where(np.isfinite(drawn), drawn, gap[0])
    covariance = np.atleast_2d(np.cov(drawn, rowvar=False))
    here = np.where(share > 0, gap[0], 0.0)
    square = float((share * (here**2 - np.diag(covariance))).sum())
    # Laplace's pseudo-counts keep the variance of a bin without a positive off 0.
    rate = (found.positives + 1) / (found.count + 2)
    least = rate * (1 - rate) / np.maximum(found.count - 1, 1)
    spread = covariance + np.diag(np.maximum(least - np.diag(covariance), 0))
    slope = max(float((share**2 * np.diag(spread)).sum()), float(share @ spread @ share))
    noise = 2 * float((np.outer(share, share) * spread**2).sum())
    low, high = score_bounds(square, slope, noise, reach_of(level, units.independent))
    value = math.sqrt(max(square, 0.0))
    return value, Interval(math.sqrt(low), min(math.sqrt(high), 1.0), level, method)


def _gaps(
    group: npt.NDArray[np.int64], off: Floats, weight: Floats, size: int
) -> tuple[Floats, Floats]:
    """Return the weight of each bin and its mean gap, both [B, bins]."""
    mass = np.stack([sums(group, row, size) for row in weight])
    total = np.stack([sums(group, row * off, size) for row in weight])
    return mass, np.divide(total, mass, out=np.full(mass.shape, np.nan), where=mass > 0)


def _of_draws(
    group: npt.NDArray[np.int64], off: Floats, draws: Iterable[Floats], size: int
) -> Floats:
    return np.concatenate([_gaps(group, off, weight, size)[1] for weight in draws])
