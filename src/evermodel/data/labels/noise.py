"""How many labels are wrong, told apart from how hard the labels are to tell."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.stats.intervals import wilson

__all__ = ["NoiseRate", "noise_rate"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_CUTS = (0.05, 0.1, 0.2, 0.3, 0.5)
_LEAST = 5
_FLAT = 1.5
_SURE = 0.2
_SURER_HALF = 0.5
_TOLD = 0.75


class NoiseRate(msgspec.Struct, frozen=True, kw_only=True):
    """The share of wrong labels: at most `high`; at least `low`, which is 0 where none is proven.

    `surest` is the part of each class, the rows the model is surest of, in which it was measured.
    """

    value: float
    low: float
    high: float
    level: float
    surest: float
    rows: int
    method: str


def noise_rate(
    given: npt.ArrayLike, probabilities: npt.ArrayLike, level: float = 0.95
) -> NoiseRate:
    """Return how many labels are wrong, from out-of-fold probabilities [N, K] of the given labels.

    A label that disagrees with the model is wrong, or its row is hard. To part the two, only the
    rows that the model is surest of are looked at: for each class those with its highest
    probability, 5 % to 50 % as many as the class has, whatever their label. If labels of a class
    are wrong as often in easy rows as in hard ones, and most labels of each class are right, the
    share that disagrees there bounds the share of wrong labels from above, at any cut; the cut
    with the lowest bound is taken, and the level shared out among the cuts. Wrong labels that come
    only in rows that are hard to tell are not bounded by it.

    `low` is above 0 only where the model tells every class (3 in 4 of its surest rows have its
    label) and as many disagree in the surest fifth of each as in the rest of its surer half, so
    that it is not difficulty, which grows with doubt. As the two shares may differ by half and
    still pass for equal, the lower end of Wilson's interval is divided by 1.5. Rows should be
    independent: give one of each group of twins.

    References
    ----------
    Menon, van Rooyen, Ong, Williamson (2015), "Learning from Corrupted Binary Labels via
    Class-Probability Estimation"; Patrini et al. (2017), "Making Deep Neural Networks Robust to
    Label Noise: a Loss Correction Approach" (noise rates from the surest rows); Wilson (1927).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(0, 2, 4000)
    >>> given = np.where(rng.random(4000) < 0.05, 1 - truth, truth)
    >>> sure = np.where(truth == 1, 0.9, 0.1) + rng.uniform(-0.05, 0.05, 4000)
    >>> found = noise_rate(given, np.stack([1 - sure, sure], axis=1))
    >>> found.low < 0.05 < found.high < 0.07
    True
    """
    labels, sure = np.asarray(given, np.int64), np.asarray(probabilities, np.float64)
    orders = _surest(labels, sure)
    tail = 1 - (1 - level) / len(_CUTS)
    best = (math.inf, 0.0, 0.0, 0.0, 0)
    for cut in _CUTS:
        share, worth, rows = _disagreeing(labels, orders, 0.0, cut)
        low, high, *_ = wilson(share * worth, worth, tail)
        best = min(best, (high, share, low, cut, rows))
    high, share, low, cut, rows = best
    return NoiseRate(
        value=share,
        low=low / _FLAT if _flat(labels, orders) else 0.0,
        high=high,
        level=level,
        surest=cut,
        rows=rows,
        method="disagreement among the surest rows of each class, Wilson score interval",
    )


def _surest(labels: Codes, sure: Floats) -> list[Codes]:
    """Return for each class all rows, those with its highest probability first, ties mixed."""
    mixed = np.random.default_rng(0).permutation(len(labels))
    return [mixed[np.argsort(-sure[mixed, k], kind="stable")] for k in range(sure.shape[1])]


def _disagreeing(
    labels: Codes, orders: list[Codes], start: float, end: float
) -> tuple[float, float, int]:
    """Return the share of other labels between two cuts, the rows it is worth, and those looked at.

    Classes count by how often they truly occur, which follows from the labels that were given and
    how the surest rows of each class are labelled.
    """
    classes = len(orders)
    sizes = np.bincount(labels, minlength=classes)
    mixing = np.zeros((classes, classes))
    parts = np.zeros(classes)
    for k, order in enumerate(orders):
        first = round(start * sizes[k])
        last = max(round(end * sizes[k]), first + _LEAST)
        rows = labels[order[first:last]]
        parts[k] = len(rows)
        mixing[k] = np.bincount(rows, minlength=classes) / max(len(rows), 1)
    weight = _true_shares(mixing, sizes / sizes.sum())
    other = 1 - np.diag(mixing)
    share = float(weight @ other)
    each = weight**2 / np.maximum(parts, 1)
    variance = float(each @ (other * (1 - other)))
    worth = share * (1 - share) / variance if variance > 0 else 1 / float(each.sum())
    return share, min(worth, float(parts.sum())), int(parts.sum())


def _true_shares(mixing: Floats, given: Floats) -> Floats:
    """Solve given = mixing^T true; where that gives no shares, take those that were given."""
    try:
        true = np.linalg.solve(mixing.T, given)
    except np.linalg.LinAlgError:
        return given
    if not np.isfinite(true).all() or true.min() < 0 or true.sum() <= 0:
        return given
    return np.asarray(true / true.sum())


def _flat(labels: Codes, orders: list[Codes]) -> bool:
    """Say whether the model tells all classes and yet disagrees no less where it is surest."""
    first, worth, _ = _disagreeing(labels, orders, 0.0, _SURE)
    then, also_worth, _ = _disagreeing(labels, orders, _SURE, _SURER_HALF)
    spread = then * (1 - then) / also_worth + _FLAT**2 * first * (1 - first) / worth
    told = all(
        (labels[order[: max(round(_SURE * size), _LEAST)]] == k).mean() >= _TOLD
        for k, (order, size) in enumerate(zip(orders, np.bincount(labels), strict=True))
    )
    return told and first > 0 and then - _FLAT * first + 1.645 * math.sqrt(spread) < 0
