"""Predictions whose outcome is known by now, as losses a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.records import REGRESSION, Task
from evermodel.stats.arrays import Floats
from evermodel.stats.outcomes import Answers, class_numbers, is_missing, numbered_classes

__all__ = ["Matured", "matured"]


@dataclass(frozen=True, slots=True)
class Matured:
    """Rows whose outcome is known: class numbers or values, and the answers to them.

    `strange` counts outcomes that are of no class of the model, or no numbers: they are left out.
    """

    task: Task
    truth: npt.NDArray[Any]
    answer: Floats
    strange: int

    @property
    def n(self) -> int:
        """The number of rows."""
        return int(self.truth.size)

    @property
    def rarer(self) -> int:
        """Rows of the rarest class among two, or of all but the most frequent among more."""
        if self.task == REGRESSION or not self.n:
            return self.n
        counts = np.bincount(self.truth.astype(np.int64))
        return int(self.n - counts.max())


def matured(y: Iterable[Any], answers: Answers) -> Matured:
    """Return the rows with a known outcome; None, NaN and "" are outcomes not known yet.

    Raises
    ------
    InputError
        When there is not one outcome for each prediction.
    """
    outcomes = y.tolist() if isinstance(y, np.ndarray) else list(y)
    given = answers.value if answers.task == REGRESSION else answers.probability
    answer = np.asarray([] if given is None else given, np.float64)
    if len(outcomes) != answer.shape[0]:
        raise InputError(
            "there must be one outcome for each prediction",
            found=f"{len(outcomes)} outcomes, {answer.shape[0]} predictions",
        )
    known = np.fromiter((not is_missing(value) for value in outcomes), np.bool_, len(outcomes))
    rows = [value for value, keep in zip(outcomes, known, strict=True) if keep]
    answer = answer[known]
    fits = np.isfinite(answer) if answer.ndim == 1 else np.isfinite(answer).all(axis=1)
    if answers.task == REGRESSION:
        truth = _values(rows)
        fits &= np.isfinite(truth)
        return Matured(answers.task, truth[fits], answer[fits], int((~fits).sum()))
    numbers = class_numbers(rows, numbered_classes(answers))
    fits &= numbers >= 0
    return Matured(answers.task, numbers[fits], np.clip(answer[fits], 0.0, 1.0), int((~fits).sum()))


def _values(rows: list[Any]) -> Floats:
    out = np.full(len(rows), np.nan)
    for i, value in enumerate(rows):
        try:
            out[i] = float(value)
        except (TypeError, ValueError):
            continue
    return out
