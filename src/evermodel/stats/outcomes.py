"""Outcomes as numbers beside answers: what is not known yet, and which class is which number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evermodel.records import BINARY, Task
from evermodel.stats.arrays import Codes

__all__ = ["Answers", "class_numbers", "is_missing", "numbered_classes"]


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


def is_missing(value: Any) -> bool:
    """Return whether an outcome is not known yet: None, NaN or an empty text.

    Examples
    --------
    >>> is_missing(""), is_missing(float("nan")), is_missing(0)
    (True, True, False)
    """
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def numbered_classes(answers: Answers) -> tuple[str, ...]:
    """Return the classes by number; of two, the positive one is number 1 wherever it stood.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> numbered_classes(SimpleNamespace(task="binary", classes=("yes", "no"), positive="yes"))
    ('no', 'yes')
    """
    if answers.task != BINARY:
        return tuple(answers.classes)
    others = [name for name in answers.classes if name != answers.positive]
    return (others[0] if others else "", answers.positive)


def class_numbers(values: Sequence[Any], classes: Sequence[str]) -> Codes:
    """Return each value's place among the classes, int64[N], -1 for none.

    1, 1.0 and True are found under "1" and "true" as well: types are lost in files.

    Examples
    --------
    >>> class_numbers([1.0, "0", True, "perhaps"], ["0", "1"])
    array([ 1,  0,  1, -1])
    """
    places = {name: i for i, name in enumerate(classes)}
    numbers = {value: _place(value, places) for value in dict.fromkeys(values)}
    return np.fromiter((numbers[value] for value in values), np.int64, len(values))


def _place(value: Any, places: dict[str, int]) -> int:
    spellings = [str(value)]
    if isinstance(value, bool | np.bool_):
        spellings += [str(value).lower(), str(int(value))]
    elif isinstance(value, float) and value.is_integer():
        spellings.append(str(int(value)))
    elif isinstance(value, int):
        spellings.append(f"{value}.0")
    return next((places[text] for text in spellings if text in places), -1)
