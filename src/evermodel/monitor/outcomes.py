"""Predictions whose outcome is known by now, as losses a row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.records import BINARY, REGRESSION, Task
from evermodel.stats.arrays import Codes, Floats

__all__ = ["Answers", "Matured", "matured"]


class Answers(Protocol):
    """What a model answered for N rows; `evermodel.bundle.Predictions` is one."""

    @property
    def task(self) -> Task:
        """binary, multiclass or regression."""

    @property
    def classes(self) -> Sequence[str]:
        """Labels, in the order of the columns of `probability`."""

    @property
    def positive(self) -> str:
        """The positive class of a binary task."""

    @property
    def probability(self) -> npt.ArrayLike | None:
        """Of the positive class [N] (binary) or of each class [N, K] (multiclass)."""

    @property
    def value(self) -> npt.ArrayLike | None:
        """Predicted values [N] (regression)."""


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
    known = np.fromiter((not _is_missing(value) for value in outcomes), np.bool_, len(outcomes))
    rows = [value for value, keep in zip(outcomes, known, strict=True) if keep]
    answer = answer[known]
    fits = np.isfinite(answer) if answer.ndim == 1 else np.isfinite(answer).all(axis=1)
    if answers.task == REGRESSION:
        truth = _values(rows)
        fits &= np.isfinite(truth)
        return Matured(answers.task, truth[fits], answer[fits], int((~fits).sum()))
    numbers = _class_numbers(rows, _classes(answers))
    fits &= numbers >= 0
    return Matured(answers.task, numbers[fits], np.clip(answer[fits], 0.0, 1.0), int((~fits).sum()))


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _classes(answers: Answers) -> list[str]:
    """Return the classes by number; of two, the positive one is number 1."""
    if answers.task != BINARY:
        return list(answers.classes)
    others = [name for name in answers.classes if name != answers.positive]
    return [others[0] if others else "", answers.positive]


def _values(rows: list[Any]) -> Floats:
    out = np.full(len(rows), np.nan)
    for i, value in enumerate(rows):
        try:
            out[i] = float(value)
        except (TypeError, ValueError):
            continue
    return out


def _class_numbers(rows: list[Any], classes: list[str]) -> Codes:
    """Return each outcome's class number, -1 for none; 1, 1.0, "1" and True are one outcome."""
    places = {name: i for i, name in enumerate(classes)}
    numbers = {value: _place(value, places) for value in dict.fromkeys(rows)}
    return np.fromiter((numbers[value] for value in rows), np.int64, len(rows))


def _place(value: Any, places: dict[str, int]) -> int:
    spellings = [str(value)]
    if isinstance(value, bool | np.bool_):
        spellings += [str(value).lower(), str(int(value))]
    elif isinstance(value, int):
        spellings.append(f"{value}.0")
    elif isinstance(value, float) and value.is_integer():
        spellings.append(str(int(value)))
    return next((places[text] for text in spellings if text in places), -1)
