"""Outcomes beside predictions, as numbers that can be measured, or the reason why they cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.records import BINARY, MULTICLASS, REGRESSION, Task
from evermodel.stats.arrays import Codes, Floats
from evermodel.stats.outcomes import Answers, class_numbers, is_missing, numbered_classes

__all__ = ["Cases", "Predictions", "cases"]

ROUNDING = 1e-6
"""How far float32 arithmetic may carry a probability out of [0, 1]."""

SUM_ROUNDING = 1e-3


class Predictions(Answers, Protocol):
    """What a model answered for N rows, with all that is measured of it."""

    @property
    def low(self) -> npt.ArrayLike | None:
        """Lower ends of the prediction intervals [N] (regression)."""

    @property
    def high(self) -> npt.ArrayLike | None:
        """Upper ends of the prediction intervals [N] (regression)."""

    @property
    def label(self) -> npt.ArrayLike | None:
        """Predicted labels, at the model's own threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """Rows whose outcome is known.

    `truth` and `predicted` are class numbers (binary: 1 is the positive class) or values; `score`
    is the probability, [N] or [N, K]. `kept` marks the rows used among those given. `trouble`
    says why nothing can be measured, "" when it can.
    """

    task: Task
    classes: tuple[str, ...]
    kept: npt.NDArray[np.bool_]
    truth: npt.NDArray[Any]
    predicted: npt.NDArray[Any]
    score: Floats | None = None
    low: Floats | None = None
    high: Floats | None = None
    trouble: str = ""

    @property
    def n(self) -> int:
        """Rows whose outcome is known."""
        return int(np.count_nonzero(self.kept))

    @property
    def counts(self) -> Codes:
        """Rows of each class, in the order of `classes`."""
        return np.bincount(self.truth, minlength=len(self.classes))


def cases(y: Iterable[Any], predictions: Predictions) -> Cases:
    """Return the rows with a known outcome, checked.

    An outcome is missing when it is None, NaN or an empty text; such rows are left out.

    Raises
    ------
    InputError
        When there are not as many outcomes as predictions.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> answers = SimpleNamespace(task="binary", classes=("no", "yes"), positive="yes",
    ...     probability=[0.9, 0.2, 0.4], label=None)
    >>> cases(["yes", "no", None], answers).truth
    array([1, 0])
    """
    outcomes = y.tolist() if isinstance(y, np.ndarray) else list(y)
    kept = np.fromiter((not is_missing(v) for v in outcomes), np.bool_, len(outcomes))
    known = [v for v, keep in zip(outcomes, kept, strict=True) if keep]
    found = _regression if predictions.task == REGRESSION else _classification
    return found(known, kept, predictions)


def _rows(values: npt.ArrayLike | None, kept: npt.NDArray[np.bool_]) -> Any:
    """Return the kept rows of one of the predictions' arrays, or None."""
    if values is None:
        return None
    array = np.asarray(values)
    if array.shape[0] != kept.size:
        raise InputError(
            "there must be one outcome for each prediction",
            found=f"{kept.size} outcomes, {array.shape[0]} predictions",
        )
    return array[kept]


def _numbers(values: npt.ArrayLike | None, kept: npt.NDArray[np.bool_]) -> Floats | None:
    rows = _rows(values, kept)
    return None if rows is None else np.asarray(rows, np.float64)


def _regression(known: list[Any], kept: npt.NDArray[np.bool_], predictions: Predictions) -> Cases:
    value = _numbers(predictions.value, kept)
    low, high = _numbers(predictions.low, kept), _numbers(predictions.high, kept)
    trouble = "" if known else "there is no row with a known outcome"
    try:
        truth = np.asarray([float(v) for v in known], np.float64)
    except (TypeError, ValueError):
        truth, trouble = np.zeros(len(known)), "outcomes are not numbers"
    if value is None:
        value, trouble = np.zeros(len(known)), trouble or "the model gives no values"
    trouble = trouble or _not_finite("outcomes", truth) or _not_finite("predictions", value)
    return Cases(
        task=REGRESSION,
        classes=(),
        kept=kept,
        truth=truth,
        predicted=value,
        low=low,
        high=high,
        trouble=trouble,
    )


def _not_finite(name: str, values: Floats) -> str:
    wrong = int(values.size - np.count_nonzero(np.isfinite(values)))
    return f"{wrong} of {values.size} {name} are missing or infinite" if wrong else ""


def _classification(
    known: list[Any], kept: npt.NDArray[np.bool_], predictions: Predictions
) -> Cases:
    binary = predictions.task == BINARY
    classes = numbered_classes(predictions)
    score = _numbers(predictions.probability, kept)
    labels = _rows(predictions.label, kept)
    truth = class_numbers(known, classes)
    trouble = "" if known else "there is no row with a known outcome"
    trouble = trouble or _unknown_classes("outcomes", known, truth)
    if score is not None:
        trouble = trouble or _bad_probabilities(score, len(classes), binary=binary)
    predicted, why = _predicted(labels, score, classes, trouble)
    trouble = trouble or why
    if score is not None and not trouble:
        score = np.clip(score, 0.0, 1.0)
    return Cases(
        task=BINARY if binary else MULTICLASS,
        classes=classes,
        kept=kept,
        truth=truth,
        predicted=predicted,
        score=score,
        trouble=trouble,
    )


def _predicted(
    labels: Any, score: Floats | None, classes: tuple[str, ...], trouble: str
) -> tuple[Codes, str]:
    """Return the predicted class numbers, or why there are none."""
    if labels is not None:
        texts = labels.tolist()
        predicted = class_numbers(texts, classes)
        return predicted, _unknown_classes("predicted labels", texts, predicted)
    if score is None:
        return np.zeros(0, np.int64), "the model gives neither labels nor probabilities"
    if trouble:
        return np.zeros(score.shape[0], np.int64), trouble
    if score.ndim == 1:
        return (score >= 0.5).astype(np.int64), ""
    return score.argmax(axis=1).astype(np.int64), ""


def _unknown_classes(name: str, values: list[Any], numbers: Codes) -> str:
    wrong = np.flatnonzero(numbers < 0)
    if not wrong.size:
        return ""
    example = values[int(wrong[0])]
    return f"{wrong.size} of {numbers.size} {name} are of a class the model lacks, as {example!r}"


def _bad_probabilities(score: Floats, classes: int, *, binary: bool) -> str:
    if score.ndim != (1 if binary else 2) or (not binary and score.shape[1] != classes):
        return f"probabilities have the shape {score.shape}"
    trouble = _not_finite("probabilities", score)
    if trouble:
        return trouble
    outside = int(np.count_nonzero((score < -ROUNDING) | (score > 1 + ROUNDING)))
    if outside:
        return f"{outside} of {score.size} probabilities lie outside 0 and 1"
    uneven = 0 if binary else int((np.abs(score.sum(axis=1) - 1) > SUM_ROUNDING).sum())
    return f"the probabilities of {uneven} rows do not add up to 1" if uneven else ""
