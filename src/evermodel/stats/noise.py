"""How many labels are probably wrong: confident learning's confident joint."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.stats.arrays import Codes, Floats, codes, floats

__all__ = ["LabelNoise", "label_noise"]


class LabelNoise(msgspec.Struct, frozen=True, kw_only=True):
    """Estimated share of wrong labels with its interval, and the joint it was read from.

    `joint[i][j]` is the estimated share of rows labelled i whose true class is j.

    Examples
    --------
    >>> label_noise([0, 0, 1, 1], [0.1, 0.1, 0.9, 0.9]).joint
    ((0.5, 0.0), (0.0, 0.5))
    """

    rate: float
    low: float
    high: float
    level: float
    n: int
    joint: tuple[tuple[float, ...], ...]
    method: str = "confident joint (Northcutt 2021)"


def label_noise(
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    *,
    seed: int = 0,
    level: float = 0.95,
    draws: int = 1000,
) -> LabelNoise:
    """Return the estimated share of wrong labels from out-of-fold probabilities [N] or [N, K].

    A row counts as confidently of class j when its probability of j is at least the mean of that
    probability among the rows labelled j. The interval (a bootstrap of the counts, thresholds kept)
    speaks of the sampling of rows only: a weak model biases the estimate, usually upwards. A class
    without a label is left out.

    References
    ----------
    Northcutt, Jiang, Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset Labels".

    Raises
    ------
    InputError
        When lengths differ, there are no rows or a probability is not finite.

    Examples
    --------
    >>> y = [0] * 50 + [1] * 50
    >>> found = label_noise(y, [0.1] * 45 + [0.9] * 55)
    >>> round(found.rate, 3)
    0.05
    """
    labels, p = codes(y), floats(probability, name="probabilities")
    if p.ndim == 1:
        p = np.stack([1 - p, p], axis=1)
    if labels.size == 0 or p.shape[0] != labels.size:
        raise InputError(
            "as many rows of probabilities as labels are needed, and at least one",
            found=f"{p.shape[0]} and {labels.size}",
        )
    counts = _confident_counts(labels, p)
    joint = _joint(counts)
    drawn = np.random.default_rng(seed).multinomial(
        labels.size, counts.ravel() / labels.size, size=draws
    )
    rates = 1 - np.trace(_joint(drawn.reshape(draws, *counts.shape)), axis1=-2, axis2=-1)
    tail = (1 - level) / 2
    low, high = np.quantile(rates, [tail, 1 - tail])
    rate = max(0.0, 1 - float(np.trace(joint)))
    low, high = _kept_off_the_edge(rate, float(low), float(high), labels.size, tail)
    return LabelNoise(
        rate=rate,
        low=low,
        high=high,
        level=level,
        n=labels.size,
        joint=tuple(tuple(row) for row in joint.tolist()),
    )


def _kept_off_the_edge(
    rate: float, low: float, high: float, n: int, tail: float
) -> tuple[float, float]:
    """No confident disagreement at all still allows for some: the exact bound of 0 in n."""
    high = max(high, 1 - math.exp(math.log(tail) / n)) if rate == 0 else high
    return max(0.0, min(low, rate)), max(high, rate)


def _confident_counts(labels: Codes, p: Floats) -> Codes:
    """Rows by label (K) and confident class (K, and a last column for none)."""
    classes = p.shape[1]
    size = np.bincount(labels, minlength=classes)
    own = np.bincount(labels, weights=p[np.arange(labels.size), labels], minlength=classes)
    threshold = np.where(size > 0, own / np.maximum(size, 1), np.inf)
    # The subtraction keeps a row that sits exactly on its class's mean, whatever the rounding.
    above = p >= threshold - 1e-6
    best = np.where(above.any(axis=1), np.where(above, p, -1.0).argmax(axis=1), classes)
    cells = labels * (classes + 1) + best
    return np.bincount(cells, minlength=classes * (classes + 1)).reshape(classes, classes + 1)


def _joint(counts: Codes) -> Floats:
    """Scale each label's confident counts to its share of all rows; [..., K, K+1] to [..., K, K].

    A label none of whose rows is confident is taken as right: nothing speaks against it.
    """
    rows = counts.sum(axis=-1)
    confident = counts[..., :-1].astype(np.float64)
    size = confident.sum(axis=-1)
    diagonal = np.eye(counts.shape[-2])
    confident = np.where((size > 0)[..., None], confident, diagonal)
    share = confident / np.where(size > 0, size, 1.0)[..., None]
    return np.asarray(share * (rows / rows.sum(axis=-1, keepdims=True))[..., None])
