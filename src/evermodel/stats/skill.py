"""How much of the loss of a guess that knows nothing of a row a model saves.

The guess is the mean of the outcomes, or the share of each class, the same for every row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from evermodel.stats.arrays import Floats
from evermodel.stats.intervals import Interval, mean_interval
from evermodel.stats.metrics import brier_scores

__all__ = ["class_losses", "skill", "value_losses"]

METHOD = "1 - squared loss / that of the guess (Murphy 1988), delta method"


def value_losses(
    y: npt.ArrayLike, value: npt.ArrayLike, *, guess: float | None = None
) -> tuple[Floats, Floats]:
    """Return the squared error of each value [N], and that of `guess` or the mean of all [N].

    Examples
    --------
    >>> value_losses([1.0, 3.0], [1.0, 2.0])
    (array([0., 1.]), array([1., 1.]))
    """
    truth = np.asarray(y, np.float64)
    middle = truth.mean() if guess is None else guess
    return (truth - np.asarray(value, np.float64)) ** 2, (truth - middle) ** 2


def class_losses(
    y: npt.ArrayLike, probability: npt.ArrayLike, *, guess: Sequence[float] | None = None
) -> tuple[Floats, Floats]:
    """Return the Brier score of each row [N], and that of the classes' shares in all rows [N].

    Parameters
    ----------
    y : array of int [N]
        Class numbers.
    probability : array of float [N] or [N, K]
        Of class 1 of two, or of each of K classes.
    guess : sequence of float [K], optional
        Shares to be guessed instead of those in these rows.

    Examples
    --------
    >>> class_losses([1, 0], [0.5, 0.0])
    (array([0.25, 0.  ]), array([0.25, 0.25]))
    """
    p = np.asarray(probability, np.float64)
    labels = np.asarray(y, np.int64)
    shares = np.bincount(labels, minlength=p.shape[1] if p.ndim == 2 else 2) / labels.size
    shares = shares if guess is None else np.asarray(guess, np.float64)
    guessed = np.broadcast_to(shares[1] if p.ndim == 1 else shares, p.shape)
    return brier_scores(labels, p), brier_scores(labels, guessed)


def skill(losses: Floats, guess: Floats, level: float = 0.95) -> tuple[float, Interval]:
    """Return 1 - mean loss / mean loss of the guess, and its interval; NaN without a guess's loss.

    It is R2 of values, and Brier's skill score of probabilities: 1 is perfect, 0 as good as the
    guess. To first order it does not matter that the guess comes from the same rows, because there
    its loss is at its least.

    References
    ----------
    Murphy (1988), "Skill Scores Based on the Mean Square Error and Their Relationships to the
    Correlation Coefficient", Monthly Weather Review 116. The interval is that of a ratio of means
    by its influence function.

    Examples
    --------
    >>> value, interval = skill(np.array([0.1, 0.2, 0.0] * 50), np.full(150, 0.25))
    >>> round(value, 3), round(interval.low, 2), round(interval.high, 2)
    (0.6, 0.55, 0.65)
    """
    nothing = Interval(math.nan, math.nan, level, METHOD)
    whole = float(guess.mean()) if guess.size else 0.0
    if not whole:
        return math.nan, nothing
    ratio = float(losses.mean()) / whole
    each = 1 - ratio - (losses - ratio * guess) / whole
    low, high, *_ = mean_interval(each, level, most=1.0)
    return 1 - ratio, Interval(low, high, level, METHOD)
