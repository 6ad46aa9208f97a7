"""Metrics as scikit-learn defines them, from class numbers, probabilities and values.

Labels are class numbers: 0 and 1 (the positive class) for two classes, 0 to K-1 for more. The
functions of a confusion matrix take any number of leading dimensions, so that thousands of
resampled matrices cost one call. A metric that is not defined for its input is NaN, never a guess.
`weight` is what each row counts for, as scikit-learn's `sample_weight`: 0 or more, finite.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from evermodel.stats.arrays import Codes, Floats, codes, sums, weights
from evermodel.stats.reliability import ece, squared_calibration_error_debiased, top_label

__all__ = [
    "LARGEST_LOG_LOSS",
    "auc_of_sums",
    "average_precision",
    "average_precision_of_sums",
    "binary_rates",
    "brier",
    "brier_scores",
    "confusion",
    "ece",
    "interval_coverage",
    "largest_brier_score",
    "log_loss",
    "log_losses",
    "macro_rates",
    "mae",
    "mean",
    "r2",
    "rmse",
    "roc_auc",
    "squared_calibration_error_debiased",
    "top_label",
]

_EPSILON = float(np.finfo(np.float64).eps)

LARGEST_LOG_LOSS = -math.log(_EPSILON)
"""Of a row whose class was given no probability at all."""


Weight = npt.ArrayLike | None


def confusion(
    y: npt.ArrayLike, predicted: npt.ArrayLike, classes: int, weight: Weight = None
) -> npt.NDArray[Any]:
    """Return the confusion matrix [K, K]: rows are true classes, columns predicted ones.

    It holds int64 counts, or float64 sums of the weights where there are any.

    Examples
    --------
    >>> confusion([0, 1, 1], [0, 1, 0], 2)
    array([[1, 0],
           [1, 1]])
    """
    cells = codes(y) * classes + codes(predicted)
    counted = None if weight is None else weights(weight, cells.size)
    return np.bincount(cells, counted, minlength=classes * classes).reshape(classes, classes)


def _ratio(part: Floats, whole: Floats | Codes, empty: float) -> Floats:
    out = np.full(np.broadcast_shapes(np.shape(part), np.shape(whole)), empty)
    np.divide(part, whole, out=out, where=np.asarray(whole > 0))
    return out


def binary_rates(confusion: npt.ArrayLike) -> dict[str, Floats]:
    """Return accuracy, balanced_accuracy, precision, recall and f1 of matrices [..., 2, 2].

    As in scikit-learn, precision is 0 where nothing was predicted positive, and a class that does
    not occur is left out of the balanced accuracy.

    Examples
    --------
    >>> rates = binary_rates([[50, 10], [5, 35]])
    >>> round(float(rates["f1"]), 4)
    0.8235
    """
    cells = np.asarray(confusion, dtype=np.float64)
    tn, fp, fn, tp = cells[..., 0, 0], cells[..., 0, 1], cells[..., 1, 0], cells[..., 1, 1]
    recalls = np.stack([_ratio(tn, tn + fp, np.nan), _ratio(tp, tp + fn, np.nan)], axis=-1)
    return {
        "accuracy": _ratio(tn + tp, tn + fp + fn + tp, np.nan),
        "balanced_accuracy": _mean_of_known(recalls),
        "precision": _ratio(tp, tp + fp, 0.0),
        "recall": _ratio(tp, tp + fn, 0.0),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn, 0.0),
    }


def macro_rates(confusion: npt.ArrayLike) -> dict[str, Floats]:
    """Return accuracy, balanced_accuracy and macro precision, recall, f1 of matrices [..., K, K].

    The mean is taken over the classes that occur among the true or the predicted labels.

    Examples
    --------
    >>> rates = macro_rates([[2, 0, 0], [0, 2, 0], [0, 1, 1]])
    >>> round(float(rates["recall"]), 4), round(float(rates["accuracy"]), 4)
    (0.8333, 0.8333)
    """
    cells = np.asarray(confusion, dtype=np.float64)
    hit = np.diagonal(cells, axis1=-2, axis2=-1)
    true, predicted = cells.sum(axis=-1), cells.sum(axis=-2)
    occurs = (true + predicted) > 0

    def macro(rate: Floats) -> Floats:
        return _mean_of_known(np.where(occurs, rate, np.nan))

    return {
        "accuracy": _ratio(hit.sum(axis=-1), true.sum(axis=-1), np.nan),
        "balanced_accuracy": _mean_of_known(_ratio(hit, true, np.nan)),
        "precision": macro(_ratio(hit, predicted, 0.0)),
        "recall": macro(_ratio(hit, true, 0.0)),
        "f1": macro(_ratio(2 * hit, true + predicted, 0.0)),
    }


def _mean_of_known(rates: Floats) -> Floats:
    """Mean over the last axis without NaN; NaN (and no warning) where all are NaN."""
    known = ~np.isnan(rates)
    return _ratio(np.where(known, rates, 0.0).sum(axis=-1), known.sum(axis=-1), np.nan)


def roc_auc(y: npt.ArrayLike, score: npt.ArrayLike, weight: Weight = None) -> float:
    """Return the area under the ROC curve; of scores [N, K], the one-versus-rest macro mean.

    NaN when a class does not occur.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    labels, scores = codes(y), np.asarray(score, dtype=np.float64)
    if scores.ndim == 1:
        return _auc(labels == 1, scores, weight)
    each = [_auc(labels == k, scores[:, k], weight) for k in range(scores.shape[1])]
    return float(np.mean(each))


def _auc(positive: npt.NDArray[np.bool_], score: Floats, weight: Weight = None) -> float:
    if weight is not None:
        of_positive, of_negative = _sums_by_score(positive, score, weights(weight, score.size))
        return float(auc_of_sums(of_positive, of_negative))
    m = int(positive.sum())
    n = positive.size - m
    if not m or not n:
        return float("nan")
    return float((midranks(score)[positive].sum() - m * (m + 1) / 2) / (m * n))


def _sums_by_score(
    positive: npt.NDArray[np.bool_], score: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """Return the weight of the positive and of the negative rows at each score, in its order."""
    distinct, place = np.unique(score, return_inverse=True)
    size = distinct.size
    return sums(place, weight * positive, size), sums(place, weight * ~positive, size)


def auc_of_sums(positive: Floats, negative: Floats) -> Floats:
    """Return the ROC AUC of what stands [..., B] at B scores in ascending order.

    Examples
    --------
    >>> float(auc_of_sums(np.array([0.0, 1.0, 1.0]), np.array([1.0, 1.0, 0.0])))
    0.875
    """
    below = negative.cumsum(axis=-1) - negative / 2
    pairs = positive.sum(axis=-1) * negative.sum(axis=-1)
    return _ratio((positive * below).sum(axis=-1), pairs, np.nan)


def average_precision_of_sums(positive: Floats, negative: Floats) -> Floats:
    """Return the average precision of what stands [..., B] at B scores in ascending order.

    Examples
    --------
    >>> float(average_precision_of_sums(np.array([0.0, 1.0]), np.array([1.0, 1.0])))
    0.5
    """
    hits = positive[..., ::-1].cumsum(axis=-1)
    flagged = hits + negative[..., ::-1].cumsum(axis=-1)
    gained = (positive[..., ::-1] * _ratio(hits, flagged, 0.0)).sum(axis=-1)
    both = (negative.sum(axis=-1) > 0) * hits[..., -1]
    return _ratio(gained, both, np.nan)


def midranks(values: Floats) -> Floats:
    """Return ranks from 1, tied values sharing the mean of theirs.

    Examples
    --------
    >>> midranks(np.array([10.0, 20.0, 10.0]))
    array([1.5, 3. , 1.5])
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    size = np.diff(np.r_[first, values.size])
    ranks = np.empty(values.size)
    ranks[order] = np.repeat(first + (size + 1) / 2, size)
    return ranks


def average_precision(y: npt.ArrayLike, score: npt.ArrayLike, weight: Weight = None) -> float:
    """Return the average precision, without interpolation; NaN when a class does not occur.

    Examples
    --------
    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 6)
    0.833333
    """
    positive = codes(y) == 1
    if positive.all() or not positive.any():
        return float("nan")
    scores = np.asarray(score, dtype=np.float64)
    each = np.ones(scores.size) if weight is None else weights(weight, scores.size)
    return float(average_precision_of_sums(*_sums_by_score(positive, scores, each)))


def log_losses(y: npt.ArrayLike, probability: npt.ArrayLike) -> Floats:
    """Return the log loss of each row, in nats; probabilities are kept one epsilon off 0 and 1.

    Examples
    --------
    >>> log_losses([1, 0], [0.5, 0.5]).round(4)
    array([0.6931, 0.6931])
    """
    labels, p = codes(y), np.asarray(probability, dtype=np.float64)
    of_truth = np.where(labels == 1, p, 1 - p) if p.ndim == 1 else _picked(p, labels)
    return np.asarray(-np.log(np.clip(of_truth, _EPSILON, 1 - _EPSILON)))


def _picked(matrix: Floats, column: Codes) -> Floats:
    return np.asarray(np.take_along_axis(matrix, column[:, None], axis=1)[:, 0])


def log_loss(y: npt.ArrayLike, probability: npt.ArrayLike, weight: Weight = None) -> float:
    """Return the mean log loss, in nats.

    Examples
    --------
    >>> round(log_loss([1, 0], [0.9, 0.2]), 4)
    0.1643
    """
    return mean(log_losses(y, probability), weight)


def brier_scores(y: npt.ArrayLike, probability: npt.ArrayLike) -> Floats:
    """Return the squared error of each row: in [0, 1] for two classes, in [0, 2] for more.

    Examples
    --------
    >>> brier_scores([1, 0], [0.9, 0.2]).round(4)
    array([0.01, 0.04])
    """
    labels, p = codes(y), np.asarray(probability, dtype=np.float64)
    if p.ndim == 1:
        return np.asarray((p - (labels == 1)) ** 2)
    return np.asarray((p**2).sum(axis=1) - 2 * _picked(p, labels) + 1)


def largest_brier_score(probability: npt.ArrayLike) -> float:
    """Return the Brier score of a row that is wholly wrong: 2 for probabilities [N, K], else 1.

    Examples
    --------
    >>> largest_brier_score([0.9, 0.2]), largest_brier_score([[0.9, 0.1, 0.0]])
    (1.0, 2.0)
    """
    return 2.0 if np.ndim(probability) == 2 else 1.0


def brier(y: npt.ArrayLike, probability: npt.ArrayLike, weight: Weight = None) -> float:
    """Return the mean Brier score (Brier 1950).

    Examples
    --------
    >>> round(brier([1, 0], [0.9, 0.2]), 4)
    0.025
    """
    return mean(brier_scores(y, probability), weight)


def mae(y: npt.ArrayLike, value: npt.ArrayLike, weight: Weight = None) -> float:
    """Return the mean absolute error, in the target's unit.

    Examples
    --------
    >>> mae([1.0, 2.0], [1.5, 2.0])
    0.25
    """
    return mean(np.abs(np.asarray(y, np.float64) - np.asarray(value, np.float64)), weight)


def rmse(y: npt.ArrayLike, value: npt.ArrayLike, weight: Weight = None) -> float:
    """Return the root of the mean squared error, in the target's unit.

    Examples
    --------
    >>> rmse([1.0, 2.0], [1.0, 4.0]) == 2**0.5
    True
    """
    squares = (np.asarray(y, np.float64) - np.asarray(value, np.float64)) ** 2
    return math.sqrt(mean(squares, weight))


def r2(y: npt.ArrayLike, value: npt.ArrayLike, weight: Weight = None) -> float:
    """Return the coefficient of determination; NaN when the target does not vary.

    Examples
    --------
    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    """
    truth = np.asarray(y, np.float64)
    if truth.size < 2:
        return float("nan")
    each = np.ones(truth.size) if weight is None else weights(weight, truth.size)
    spread = float((each * (truth - mean(truth, weight)) ** 2).sum())
    residual = float((each * (truth - np.asarray(value, np.float64)) ** 2).sum())
    return 1 - residual / spread if spread > 0 else float("nan")


def interval_coverage(
    y: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike, weight: Weight = None
) -> float:
    """Return the share of targets that lie within [low, high].

    Examples
    --------
    >>> interval_coverage([1.0, 5.0], [0.0, 0.0], [2.0, 2.0])
    0.5
    """
    truth = np.asarray(y, np.float64)
    inside = (truth >= np.asarray(low, np.float64)) & (truth <= np.asarray(high, np.float64))
    return mean(inside, weight)


def mean(values: npt.ArrayLike, weight: Weight = None) -> float:
    """Return the mean of values [N]; NaN of none, and where all weights are 0.

    Examples
    --------
    >>> mean([1.0, 4.0], [1.0, 2.0])
    3.0
    """
    each = np.asarray(values, np.float64)
    if weight is None:
        return float(each.mean()) if each.size else float("nan")
    counted = weights(weight, each.size)
    total = float(counted.sum())
    return float((each * counted).sum() / total) if total > 0 else float("nan")
