"""The small languages of the project file: gate lines, durations, rates, and names of metrics."""

from __future__ import annotations

import re

import msgspec

from evermodel.records import Task

__all__ = [
    "LONGEST",
    "METRICS",
    "MODELS",
    "ROWS_A_CLASS",
    "SLICE_METRICS",
    "Requirement",
    "alarms_a_year",
    "duration_seconds",
    "parse_requirement",
]

LONGEST = 36_525 * 86_400.0
"""Seconds of the longest duration that a project file may name: a hundred years."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CLASSIFICATION = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc")

METRICS: dict[Task, tuple[str, ...]] = {
    "binary": (*_CLASSIFICATION, "average_precision", "log_loss", "brier", "ece", "skill", "cost"),
    "multiclass": (*_CLASSIFICATION, "log_loss", "brier", "ece", "skill", "cost"),
    "regression": ("mae", "rmse", "r2", "skill", "interval_coverage"),
}
"""Metrics that a gate of a task can name; `cost` is there when costs are given."""

SLICE_METRICS: dict[Task, tuple[str, ...]] = {
    "binary": ("accuracy", "recall", "precision", "selection_rate"),
    "multiclass": ("accuracy",),
    "regression": ("mae",),
}
"""Metrics that a gate of one group can name."""

ROWS_A_CLASS = 3
"""Rows of a multiclass task for each of its classes below which nothing is learned."""

MODELS = ("linear", "lightgbm")
"""Candidates that come with Evermodel; others are named by `module:function`."""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a gate: metric `name`, optionally of one `slice`, within `min` and `max`."""

    name: str
    slice: str = ""
    min: float | None = None
    max: float | None = None


def parse_requirement(line: str) -> Requirement:
    """Read a gate line.

    Examples
    --------
    >>> parse_requirement("roc_auc >= 0.8").min
    0.8
    >>> parse_requirement("recall[sex = Female] >= 0.5").slice
    'sex=Female'

    Raises
    ------
    ValueError
        When the line has not the form `metric[column=value] >= number`.
    """
    found = re.fullmatch(r"\s*([a-z_0-9]+)\s*(?:\[([^\]]+)\])?\s*(>=|<=)\s*([-+0-9.eE]+)\s*", line)
    if not found:
        raise ValueError(line)
    name, slice_, sign, number = found.groups()
    bound = float(number)
    low, high = (bound, None) if sign == ">=" else (None, bound)
    column, equals, value = (part.strip() for part in (slice_ or "").partition("="))
    if slice_ and not (column and equals):
        raise ValueError(line)
    return Requirement(name=name, slice=column + equals + value, min=low, max=high)


def duration_seconds(text: str) -> float:
    """Return the seconds in a duration such as "30d", "12h", "90s" or "2w".

    Examples
    --------
    >>> duration_seconds("30d")
    2592000.0

    Raises
    ------
    ValueError
        When the text is not a number followed by s, m, h, d or w.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", text)
    if not found:
        raise ValueError(text)
    return float(found.group(1)) * _UNITS[found.group(2)]


_PERIODS = {"day": 365.0, "week": 365 / 7, "month": 12.0, "year": 1.0}


def alarms_a_year(text: str) -> float:
    """Return how many a year "1 per year" or "2 per month" are.

    Examples
    --------
    >>> alarms_a_year("2 per month")
    24.0

    Raises
    ------
    ValueError
        When the text is not a number above 0, followed by per day, week, month or year.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s+per\s+(day|week|month|year)\s*", text)
    if not found or not float(found[1]):
        raise ValueError(text)
    return float(found[1]) * _PERIODS[found[2]]
