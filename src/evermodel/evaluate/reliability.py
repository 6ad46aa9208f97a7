"""The reliability diagram's numbers: what was promised and what came, bin by bin."""

from __future__ import annotations

import msgspec
import numpy.typing as npt

from evermodel.stats.intervals import wilson
from evermodel.stats.reliability import BINS, equal_mass_bins

__all__ = ["ReliabilityBin", "reliability"]


class ReliabilityBin(msgspec.Struct, frozen=True, kw_only=True):
    """Rows with probabilities from `low` to `high`: their mean, and how often the event came.

    `rate_low` and `rate_high` bound the rate at 95 % (Wilson).

    Examples
    --------
    >>> reliability([0.2, 0.2], [0, 1])[0].n
    2
    """

    low: float
    high: float
    mean: float
    rate: float
    rate_low: float
    rate_high: float
    n: int


def reliability(
    probability: npt.ArrayLike, y: npt.ArrayLike, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Return at most `bins` bins of equal mass of probabilities [N] and outcomes [N] (0 or 1).

    References
    ----------
    Niculescu-Mizil, Caruana (2005), "Predicting Good Probabilities With Supervised Learning".

    Examples
    --------
    >>> reliability([0.2] * 10 + [0.8] * 10, [0] * 8 + [1] * 2 + [1] * 8 + [0] * 2)[0].rate
    0.2
    """
    found = equal_mass_bins(probability, y, bins)
    out = []
    for i in range(found.count.size):
        n, hits = int(found.count[i]), int(found.positives[i])
        interval = wilson(hits, n)
        out.append(
            ReliabilityBin(
                low=float(found.low[i]),
                high=float(found.high[i]),
                mean=float(found.mean[i]),
                rate=hits / n,
                rate_low=interval.low,
                rate_high=interval.high,
                n=n,
            )
        )
    return tuple(out)
