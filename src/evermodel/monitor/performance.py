"""Are the answers still right: measured on rows whose outcome is known by now.

All of it informs: intervals here hold for one look, and somebody who looks every day would find
harm by chance. Whether there is harm is decided by `RiskTracker` alone, whose promise holds at
every look, against the loss that `tolerated` allows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from evermodel.monitor.outcomes import Matured, matured
from evermodel.records import REGRESSION, CheckResult, Verdict
from evermodel.report.wording import number
from evermodel.stats.arrays import Floats
from evermodel.stats.intervals import Interval, delong, ece_interval, mean_interval, rmse_interval
from evermodel.stats.metrics import (
    LARGEST_LOG_LOSS,
    brier_scores,
    ece,
    largest_brier_score,
    log_losses,
    rmse,
    roc_auc,
)
from evermodel.stats.outcomes import Answers
from evermodel.stats.skill import class_losses, skill, value_losses

__all__ = ["LEAST_OF_RARER_CLASS", "LEAST_ROWS", "performance", "tolerated"]

LEAST_ROWS = 200
LEAST_OF_RARER_CLASS = 30


def performance(
    y: Iterable[Any],
    predictions: Answers,
    *,
    baseline: Mapping[str, CheckResult],
    tolerance: float = 0.1,
    level: float = 0.95,
) -> tuple[CheckResult, ...]:
    """Return the metrics of matured rows beside the test metrics of the bundle; subject "live".

    The first result is the loss that is followed: `brier` (or `mae`). It is "warn" when its growth
    over the baseline exceeds the tolerance, "unknown" below 200 rows or 30 of the rarer class. The
    others are "pass", or "warn" when they are worse than the baseline beyond chance. None fails.

    Parameters
    ----------
    y : iterable
        Outcomes [N] as labels or values; None, NaN and "" mean not known yet.
    predictions : Answers
        What the model answered for the same N rows.
    baseline : mapping of str to CheckResult
        Test metrics by name.
    tolerance : float
        As a share of the baseline.
    level : float
        Confidence of the intervals, one look at a time; see `RiskTracker` for daily looks.

    Raises
    ------
    InputError
        When there is not one outcome for each prediction.

    References
    ----------
    Zou, Donner (2008), "Construction of confidence limits about effect measures" (the interval of
    a difference from the intervals of its parts).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> answers = SimpleNamespace(task="binary", classes=("no", "yes"), positive="yes",
    ...     probability=np.full(1000, 0.2), value=None)
    >>> test = {"brier": CheckResult(name="brier", value=0.16, low=0.15, high=0.17)}
    >>> found = performance(["yes"] * 500 + ["no"] * 500, answers, baseline=test)
    >>> found[0].name, round(found[0].value, 4), found[0].verdict
    ('brier', 0.34, 'warn')
    """
    rows = matured(y, predictions)
    metrics = _REGRESSION if rows.task == REGRESSION else _CLASSES
    followed = next(iter(metrics))
    few = _too_few(rows)
    results = []
    for name in metrics:
        found = _measured(name, rows, level, few)
        if isinstance(found, CheckResult):
            results.append(found)
        elif not found.bounded:
            why = "All rows are alike: how far chance carries it cannot be told."
            results.append(found.result("unknown", why))
        elif name == followed:
            results.append(_follow(found, baseline.get(name), tolerance))
        else:
            results.append(_inform(found, baseline.get(name), tolerance))
    return tuple(results)


def _measured(name: str, rows: Matured, level: float, few: str) -> _Found | CheckResult:
    """Return one metric as measured, or the result that says why it cannot be."""
    if few or (name == "roc_auc" and not 0 < rows.rarer < rows.n):
        return _unknown(name, rows, few or "Only one class occurs.")
    measure, bounds = (_REGRESSION if rows.task == REGRESSION else _CLASSES)[name]
    value = measure(rows)
    if not math.isfinite(value):
        return _unknown(name, rows, "It is not defined for these rows.")
    return _Found(name, value, bounds(rows, level), rows)


class _Found:
    """One metric as measured."""

    __slots__ = ("interval", "name", "rows", "value")

    def __init__(self, name: str, value: float, interval: Interval, rows: Matured) -> None:
        self.name, self.value, self.interval, self.rows = name, value, interval, rows

    @property
    def bounded(self) -> bool:
        """Whether chance has bounds here."""
        return math.isfinite(self.interval.low) and math.isfinite(self.interval.high)

    def result(self, verdict: Verdict, why: str, **more: Any) -> CheckResult:
        evidence = {"outcomes_left_out": self.rows.strange} if self.rows.strange else {}
        evidence |= more.pop("evidence", {})
        low, high = (x if math.isfinite(x) else None for x in self.interval[:2])
        return CheckResult(
            name=self.name,
            subject="live",
            value=self.value,
            low=low,
            high=high,
            level=self.interval.level,
            n=self.rows.n,
            verdict=verdict,
            why=why,
            method=self.interval.method,
            evidence=evidence,
            **more,
        )


def _too_few(rows: Matured) -> str:
    if rows.n < LEAST_ROWS:
        return f"{rows.n} known outcomes are too few to say: {LEAST_ROWS} are needed."
    if rows.rarer < LEAST_OF_RARER_CLASS:
        return (
            f"{rows.rarer} outcomes of the rarer class are too few to say: "
            f"{LEAST_OF_RARER_CLASS} are needed."
        )
    return ""


def _unknown(name: str, rows: Matured, why: str) -> CheckResult:
    evidence = {"outcomes_left_out": rows.strange} if rows.strange else {}
    return CheckResult(
        name=name, subject="live", n=rows.n, verdict="unknown", why=why, evidence=evidence
    )


def tolerated(test: CheckResult, tolerance: float, *, largest: float = 1.0) -> float | None:
    """Return the largest mean loss that is no harm, from the loss on the test rows.

    The test loss grown by `tolerance`, a share of it: so it means the same for a class of 1 % as
    for one of 50 %. It is never less than what the test rows cannot rule out anyway: the upper end
    of their interval, nor three rows that are wholly wrong where they held none. `largest` is the
    Brier score of such a row: 2 with more than two classes.

    References
    ----------
    Hanley, Lippman-Hand (1983), "If nothing goes wrong, is everything all right?" (three rows).

    Examples
    --------
    >>> round(tolerated(CheckResult(name="brier", value=0.01, high=0.0105, n=9000), 0.1), 4)
    0.011
    >>> tolerated(CheckResult(name="brier", value=0.01, high=0.02, n=300), 0.1)
    0.02
    """
    if test.value is None:
        return None
    least = 3 * largest / test.n if test.n and test.name == "brier" else 0.0
    return max(test.value * (1 + tolerance), test.high or 0.0, least)


def _follow(found: _Found, test: CheckResult | None, tolerance: float) -> CheckResult:
    """Set the growth of a loss over its baseline beside the tolerance."""
    if test is None or test.value is None:
        why = f"The version carries no test value of {found.name} to compare with."
        return found.result("unknown", why)
    largest = largest_brier_score(found.rows.answer)
    allowed = (tolerated(test, tolerance, largest=largest) or test.value) - test.value
    low, high = _growth(found, test)
    growth = found.value - test.value
    was = f"{number(found.value)} on live rows, {number(test.value)} on the test rows"
    verdict: Verdict = "pass"
    if low > allowed:
        verdict, why = "warn", f"The answers got worse: {found.name} is {was}."
    elif growth > allowed:
        verdict, why = "warn", f"The answers may have got worse: {found.name} is {was}."
    else:
        why = f"The answers are as good as they were: {found.name} is {was}."
    evidence = {"baseline": test.value, "growth": [growth, low, high], "tolerance": allowed}
    return found.result(verdict, why, max=test.value + allowed, evidence=evidence)


def _inform(found: _Found, test: CheckResult | None, tolerance: float) -> CheckResult:
    """Set a metric beside its baseline; it is worth a look when worse beyond chance."""
    if test is None or test.value is None:
        return found.result("pass", "")
    low, high = _growth(found, test)
    worse = high < 0 if found.name in ("roc_auc", "skill") else low > 0
    beyond = abs(found.value - test.value) > tolerance * abs(test.value)
    why = f"{number(test.value)} on the test rows" if worse and beyond else ""
    verdict: Verdict = "warn" if worse and beyond else "pass"
    return found.result(verdict, why, evidence={"baseline": test.value})


def _growth(found: _Found, test: CheckResult) -> tuple[float, float]:
    """Return the bounds of (live - test), each side's own uncertainty included."""
    was = test.value or 0.0
    test_low = was if test.low is None else test.low
    test_high = was if test.high is None else test.high
    now, (low, high, *_) = found.value, found.interval
    growth = now - was
    return (
        growth - math.hypot(now - low, test_high - was),
        growth + math.hypot(high - now, was - test_low),
    )


def _brier(rows: Matured) -> Floats:
    return brier_scores(rows.truth, rows.answer)


def _log(rows: Matured) -> Floats:
    return log_losses(rows.truth, rows.answer)


def _errors(rows: Matured) -> Floats:
    return np.asarray(np.abs(rows.truth - rows.answer))


def _mean_of(
    each: Callable[[Matured], Floats], most: Callable[[Matured], float]
) -> tuple[Callable[[Matured], float], Callable[[Matured, float], Interval]]:
    def measure(rows: Matured) -> float:
        return float(each(rows).mean())

    def bounds(rows: Matured, level: float) -> Interval:
        return mean_interval(each(rows), level, least=0.0, most=most(rows))

    return measure, bounds


_Metric = tuple[Callable[[Matured], float], Callable[[Matured, float], Interval]]


def _skill(rows: Matured, level: float = 0.95) -> tuple[float, Interval]:
    losses = value_losses if rows.task == REGRESSION else class_losses
    return skill(*losses(rows.truth, rows.answer), level)


_SKILL: _Metric = (lambda rows: _skill(rows)[0], lambda rows, level: _skill(rows, level)[1])

_CLASSES: dict[str, _Metric] = {
    "brier": _mean_of(_brier, lambda rows: largest_brier_score(rows.answer)),
    "log_loss": _mean_of(_log, lambda _: LARGEST_LOG_LOSS),
    "ece": (
        lambda rows: ece(rows.truth, rows.answer),
        lambda rows, level: ece_interval(rows.truth, rows.answer, level),
    ),
    "roc_auc": (
        lambda rows: roc_auc(rows.truth, rows.answer),
        lambda rows, level: delong(rows.truth, rows.answer, level),
    ),
    "skill": _SKILL,
}
_REGRESSION: dict[str, _Metric] = {
    "mae": _mean_of(_errors, lambda _: math.inf),
    "rmse": (
        lambda rows: rmse(rows.truth, rows.answer),
        lambda rows, level: rmse_interval(rows.truth, rows.answer, level),
    ),
    "skill": _SKILL,
}
