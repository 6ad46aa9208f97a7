"""How far probabilities are from frequencies: equal-mass bins and the debiased calibration error.

Rows with equal probabilities always share a bin: a bin edge inside a tie would make the error
depend on the order of the rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evermodel.stats.arrays import Codes, Floats, codes

__all__ = [
    "BINS",
    "Bins",
    "ece",
    "equal_mass_bins",
    "squared_calibration_error_debiased",
    "top_label",
]

BINS = 15


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of equal mass, in order: rows, mean probability, positives, least and largest value.

    Examples
    --------
    >>> equal_mass_bins([0.1, 0.1, 0.8, 0.9], [0, 0, 1, 1], bins=2).rate
    array([0., 1.])
    """

    count: Codes
    mean: Floats
    positives: Codes
    low: Floats
    high: Floats

    @property
    def rate(self) -> Floats:
        """Share of positives in each bin."""
        return self.positives / self.count

    @property
    def variance(self) -> Floats:
        """Unbiased binomial variance of each bin's rate."""
        return self.rate * (1 - self.rate) / np.maximum(self.count - 1, 1)


def equal_mass_bins(probability: npt.ArrayLike, y: npt.ArrayLike, bins: int = BINS) -> Bins:
    """Return at most `bins` bins of as equal a number of rows as ties allow, two rows at least.

    Examples
    --------
    >>> equal_mass_bins([0.1, 0.1, 0.8, 0.9], [0, 0, 1, 1], bins=2).count
    array([2, 2])
    """
    p, positive = np.asarray(probability, np.float64), codes(y) == 1
    order = np.argsort(p, kind="stable")
    ordered = p[order]
    bins = max(1, min(bins, p.size // 2))
    cuts = np.searchsorted(ordered, ordered[(np.arange(1, bins) * p.size) // bins])
    starts = np.unique(np.r_[0, cuts]) if p.size else np.empty(0, np.int64)
    starts = _without_single_rows(starts, p.size)
    ends = np.r_[starts[1:], p.size].astype(np.int64)[: starts.size]
    count = ends - starts
    total = np.r_[0.0, ordered.cumsum()]
    hits = np.r_[0, positive[order].cumsum()]
    return Bins(
        count=count,
        mean=(total[ends] - total[starts]) / count,
        positives=hits[ends] - hits[starts],
        low=ordered[starts],
        high=ordered[ends - 1],
    )


def _without_single_rows(starts: Codes, rows: int) -> Codes:
    """Join bins of one row to their neighbour: one row has no variance to subtract."""
    alone = np.diff(np.r_[starts, rows]) == 1
    if alone.size > 1 and alone[0]:  # the first has no left neighbour: it takes in the second
        alone[:2] = False, True
    return starts[~alone] if starts.size > 1 else starts


def squared_calibration_error_debiased(
    y: npt.ArrayLike, probability: npt.ArrayLike, bins: int = BINS
) -> float:
    """Return the squared calibration error less its binomial bias: unbiased, so it can be negative.

    A mean of it over seeds is clipped after averaging, not before. NaN for fewer than two rows.

    References
    ----------
    Kumar, Liang, Ma (2019), "Verified Uncertainty Calibration", section 5.

    Examples
    --------
    >>> y = [0, 1] * 150
    >>> squared_calibration_error_debiased(y, [0.5] * 300) < 0
    True
    """
    if np.size(probability) < 2:
        return float("nan")
    found = equal_mass_bins(probability, y, bins)
    share = found.count / found.count.sum()
    return float((share * ((found.mean - found.rate) ** 2 - found.variance)).sum())


def ece(y: npt.ArrayLike, probability: npt.ArrayLike, bins: int = BINS) -> float:
    """Return the calibration error: root of the debiased squared error, clipped at 0.

    Of probabilities [N, K] it is the error of the top label's probability.

    References
    ----------
    Kumar, Liang, Ma (2019), "Verified Uncertainty Calibration".

    Examples
    --------
    >>> round(ece([0] * 50 + [1] * 50, [0.3] * 50 + [0.7] * 50), 4)
    0.3
    """
    if np.ndim(probability) == 2:
        y, probability = top_label(y, probability)
    squared = squared_calibration_error_debiased(y, probability, bins)
    return math.sqrt(max(squared, 0.0)) if not math.isnan(squared) else squared


def top_label(y: npt.ArrayLike, probability: npt.ArrayLike) -> tuple[Codes, Floats]:
    """Return whether the most probable class is right (0 or 1), and its probability.

    Examples
    --------
    >>> top_label([2, 0], [[0.1, 0.2, 0.7], [0.3, 0.6, 0.1]])
    (array([1, 0]), array([0.7, 0.6]))
    """
    p = np.asarray(probability, np.float64)
    top = p.argmax(axis=1)
    return codes(codes(y) == top), np.asarray(p.max(axis=1))
