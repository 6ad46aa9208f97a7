"""Decision thresholds: from which probability on to act, given what each mistake costs."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.stats.arrays import Codes, Floats, codes, floats

__all__ = ["bayes_threshold", "choose_threshold", "cost_of", "expected_cost"]

LUCK = 2.0
"""Standard errors by which the cheapest of many thresholds is taken to be lucky."""


def bayes_threshold(cost_fp: float, cost_fn: float) -> float:
    """Return the best threshold of exactly calibrated probabilities (0.5 when all is free).

    References
    ----------
    Elkan (2001), "The Foundations of Cost-Sensitive Learning".

    Examples
    --------
    >>> bayes_threshold(1.0, 4.0)
    0.2
    """
    total = cost_fp + cost_fn
    return cost_fp / total if total > 0 else 0.5


def expected_cost(
    confusion: npt.ArrayLike, cost_fp: float, cost_fn: float
) -> npt.NDArray[np.float64]:
    """Return the cost per row of confusion matrices [..., 2, 2] (rows: truth).

    Examples
    --------
    >>> float(expected_cost([[50, 10], [5, 35]], 1.0, 5.0))
    0.35
    """
    cells = np.asarray(confusion, np.float64)
    cost = cost_fp * cells[..., 0, 1] + cost_fn * cells[..., 1, 0]
    return np.asarray(cost / cells.sum(axis=(-2, -1)))


def cost_of(confusion: npt.ArrayLike, prices: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the cost per row of confusion matrices [..., K, K] at prices [K, K] (down: truth).

    Examples
    --------
    >>> float(cost_of([[50, 10], [5, 35]], [[0.0, 1.0], [5.0, 0.0]]))
    0.35
    """
    cells = np.asarray(confusion, np.float64)
    total = cells.sum(axis=(-2, -1))
    cost = (cells * np.asarray(prices, np.float64)).sum(axis=(-2, -1))
    out = np.full(np.shape(total), np.nan)
    return np.asarray(np.divide(cost, total, out=out, where=total > 0))


def choose_threshold(
    probability: npt.ArrayLike, y: npt.ArrayLike, cost_fp: float = 1.0, cost_fn: float = 1.0
) -> float:
    """Return the threshold t of the rule "positive where probability >= t" with the least cost.

    The rows must not be those the model was fitted on. The cheapest threshold on them is partly
    luck; of all thresholds that are within two standard errors of it, the one nearest to Bayes'
    threshold for these costs is taken, so that a calibrated model keeps exactly Bayes' and an
    uncalibrated one is still put right.

    References
    ----------
    Elkan (2001), "The Foundations of Cost-Sensitive Learning"; Sheng, Ling (2006),
    "Thresholding for Making Classifiers Cost-sensitive".

    Raises
    ------
    InputError
        When lengths differ, a probability is not finite, or a cost is negative or not finite.

    Examples
    --------
    >>> choose_threshold([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    0.5
    """
    p, labels = floats(probability, name="probabilities"), codes(y)
    if p.shape != labels.shape:
        raise InputError(
            "as many probabilities as labels are needed", found=f"{p.size} and {labels.size}"
        )
    if not all(math.isfinite(cost) and cost >= 0 for cost in (cost_fp, cost_fn)):
        raise InputError("costs must be 0 or more", found=f"{cost_fp}, {cost_fn}")
    ideal = bayes_threshold(cost_fp, cost_fn)
    if p.size == 0:
        return ideal
    cuts, total, error = _costs_of_cuts(p, labels, cost_fp, cost_fn, ideal)
    near = np.flatnonzero(total - total.min() <= LUCK * error)
    # Of equally near ones the cheaper: `near` is in order of the threshold.
    distance = np.abs(cuts[near] - ideal)
    best = near[np.lexsort((total[near], distance))[0]]
    return float(cuts[best])


def _costs_of_cuts(
    p: Floats, labels: Codes, cost_fp: float, cost_fn: float, ideal: float
) -> tuple[Floats, Floats, Floats]:
    """Return all distinct thresholds, the total cost at each, and the standard error of its excess.

    A row adds to the excess over the cheapest threshold only when it lies between the two, so the
    variance comes from cumulative sums as well. Bayes' threshold stands in for the cut whose
    decisions it shares.
    """
    order = np.argsort(p, kind="stable")
    ordered, positive = p[order], labels[order] == 1
    # Cutting before row i: rows i.. are called positive; inside a tie no cut is possible.
    start = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1], True])
    missed = np.r_[0, positive.cumsum()][start]
    flagged = np.r_[0, (~positive).cumsum()]
    wrongly = (flagged[-1] - flagged)[start]
    total = cost_fn * missed + cost_fp * wrongly
    edges = np.r_[min(ordered[0], 0.0), ordered, max(ordered[-1], 1.0)]
    cuts = (edges[start] + edges[start + 1]) / 2
    cuts[np.searchsorted(ordered[start[:-1]], ideal)] = ideal
    best = int(np.argmin(total))
    between_missed = np.abs(missed - missed[best])
    between_wrongly = np.abs(wrongly - wrongly[best])
    squares = cost_fn**2 * between_missed + cost_fp**2 * between_wrongly
    error = np.sqrt(np.maximum(squares - (total - total[best]) ** 2 / p.size, 0.0))
    return cuts, total.astype(np.float64), error
