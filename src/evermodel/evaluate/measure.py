"""Each metric of a task: its value, its interval, its n and the method, as a `CheckResult`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.evaluate.cases import Cases
from evermodel.evaluate.guessing import Guess, measure_skill
from evermodel.evaluate.prices import price_matrix
from evermodel.project import Outcome
from evermodel.records import BINARY, REGRESSION, CheckResult
from evermodel.stats import intervals, metrics
from evermodel.stats.arrays import Floats
from evermodel.stats.intervals import Interval
from evermodel.stats.thresholds import cost_of

__all__ = [
    "ENOUGH",
    "FLAT",
    "ORDERED",
    "as_meant",
    "cost_result",
    "doubts_of",
    "few_predicted",
    "is_flat",
    "measure",
    "result",
    "why_rate",
]

ENOUGH = 10
"""Rows of the rarer class (regression: rows) below which a gate says "unknown"."""

ORDERED = frozenset({"roc_auc", "average_precision"})
FLAT = "all rows have the same score, so that nothing is ranked"

MACRO = frozenset({"balanced_accuracy", "precision", "recall", "f1", "roc_auc"})


def measure(
    found: Cases,
    *,
    subject: str,
    level: float,
    seed: int,
    costs: Outcome | None,
    held: float | None,
    guess: Guess | None,
) -> list[CheckResult]:
    """Return the task's metrics, in their fixed order."""
    if found.task == REGRESSION:
        return _regression(found, subject, level, held, guess)
    return _classification(found, subject, level, seed, costs, guess)


def result(
    name: str,
    value: float,
    interval: Interval,
    n: int,
    *,
    subject: str,
    doubt: str = "",
    why: str = "",
    **more: Any,
) -> CheckResult:
    """Return a measured metric; without a value or an interval, or in `doubt`, it is unknown.

    `why` explains the value, `doubt` why it cannot be relied on.

    Examples
    --------
    >>> result("recall", 0.8, intervals.wilson(8, 10), 10, subject="test", doubt="too few").verdict
    'unknown'
    """
    known = math.isfinite(value)
    bounded = known and math.isfinite(interval.low) and math.isfinite(interval.high)
    if known and not bounded:
        doubt = doubt or "all rows are alike, so how far chance carries it cannot be told"
    return CheckResult(
        name=name,
        subject=subject,
        value=value if known else None,
        low=interval.low if bounded else None,
        high=interval.high if bounded else None,
        level=interval.level if bounded else None,
        n=n,
        verdict="pass" if known and not doubt else "unknown",
        why=doubt or why or ("" if known else "not defined for these rows"),
        method=interval.method,
        **more,
    )


def _regression(
    found: Cases, subject: str, level: float, held: float | None, guess: Guess | None
) -> list[CheckResult]:
    y, value, n = found.truth, found.predicted, found.n
    doubt = f"{n} rows are too few to say: {ENOUGH} are needed" if n < ENOUGH else ""
    errors = np.abs(y - value)
    flat = "the outcome does not vary" if n and not np.ptp(y) else ""
    lean = _lean(value - y, level)
    rows = [
        ("mae", metrics.mae(y, value), intervals.mean_interval(errors, level, least=0.0), ""),
        ("rmse", metrics.rmse(y, value), intervals.rmse_interval(y, value, level), ""),
        ("r2", metrics.r2(y, value), intervals.r2_interval(y, value, level), flat),
    ]
    out = [
        result(
            name,
            number,
            interval,
            n,
            subject=subject,
            doubt=why or doubt,
            why=lean if name == "mae" else "",
        )
        for name, number, interval, why in rows
    ]
    skill = measure_skill(
        found, subject=subject, level=level, doubt=flat or doubt, auc=None, guess=guess
    )
    out.append(skill)
    if found.low is None or found.high is None:
        nothing = Interval(math.nan, math.nan, level, "")
        why = "the model gives no intervals"
        return [*out, result("interval_coverage", math.nan, nothing, n, subject=subject, doubt=why)]
    if np.isnan(found.low).any() or np.isnan(found.high).any():
        nothing = Interval(math.nan, math.nan, level, "")
        why = "an interval of the model has a missing end"
        return [*out, result("interval_coverage", math.nan, nothing, n, subject=subject, doubt=why)]
    share = metrics.interval_coverage(y, found.low, found.high)
    interval = intervals.wilson(round(share * n), n, level)
    covered = result("interval_coverage", share, interval, n, subject=subject, doubt=doubt)
    return [*out, as_meant(covered, held)]


def _lean(errors: Floats, level: float) -> str:
    """Say to which side predictions are off on average, where that is more than chance."""
    low, high, *_ = intervals.mean_interval(errors, level)
    if not (low > 0 or high < 0):
        return ""
    side, bounds = ("high", (low, high)) if low > 0 else ("low", (-high, -low))
    mean = abs(float(errors.mean()))
    return f"too {side} by {mean:.4g} on average ({bounds[0]:.4g} to {bounds[1]:.4g})"


def as_meant(covered: CheckResult, held: float | None) -> CheckResult:
    """Say which share of the outcomes the intervals are meant to hold; warn of clearly fewer."""
    if held is None or covered.verdict != "pass" or covered.low is None or covered.high is None:
        return covered
    meant = f"its intervals are meant to hold {100 * held:g}% of the outcomes"
    if covered.high < held:
        return msgspec.structs.replace(
            covered, verdict="warn", why=f"{meant}, and hold fewer: they are too narrow here"
        )
    wide = ", and hold more: they are wider than they need be" if covered.low > held else ""
    return msgspec.structs.replace(covered, why=meant + wide)


def _classification(
    found: Cases,
    subject: str,
    level: float,
    seed: int,
    costs: Outcome | None,
    guess: Guess | None,
) -> list[CheckResult]:
    k = len(found.classes)
    table = metrics.confusion(found.truth, found.predicted, k)
    priced = price_matrix(costs, found.task, found.classes)

    def rates(matrix: npt.ArrayLike) -> Mapping[str, Floats]:
        of = metrics.binary_rates(matrix) if found.task == BINARY else metrics.macro_rates(matrix)
        if priced is None:
            return of
        return {**of, "cost": cost_of(matrix, priced)}

    drawn = intervals.confusion_intervals(
        table, rates, seed=seed, level=level, draws=4000 if k <= 10 else 1000
    )
    values = rates(table)
    bounds, ns = dict(drawn), {}
    hits, n = int(np.trace(table)), found.n
    bounds["accuracy"] = intervals.wilson(hits, n, level)
    if found.task == BINARY:
        hit, ns = int(table[1, 1]), {"precision": int(table[:, 1].sum())}
        ns["recall"] = int(table[1].sum())
        for name, rows in ns.items():
            bounds[name] = intervals.wilson(hit, rows, level)
    doubts = doubts_of(found)
    doubts["precision"] = doubts["precision"] or few_predicted(table, found)
    out = []
    for name in ("accuracy", "balanced_accuracy", "precision", "recall", "f1"):
        value, why = float(values[name]), why_rate(name, table, found)
        if doubts[name] and why and (name != "precision" or found.task == BINARY):
            value = math.nan
        each = result(
            name,
            value,
            bounds[name],
            ns.get(name, n),
            subject=subject,
            doubt=doubts[name],
            why=why,
        )
        out.append(each)
    out += _of_probabilities(found, subject, level, doubts)
    auc = next(each for each in out if each.name == "roc_auc")
    skill = measure_skill(
        found, subject=subject, level=level, doubt=doubts["brier"], auc=auc, guess=guess
    )
    out.append(skill)
    if priced is not None and costs is not None:
        measured = float(values["cost"]), bounds["cost"]
        each = cost_result(measured, found, priced, costs.currency, subject, doubts["cost"])
        out.append(each)
    return out


def why_rate(name: str, table: npt.NDArray[Any], found: Cases) -> str:
    """Return what is to be said of a rate, "" when it says all itself."""
    if found.task != BINARY:
        return "" if name == "accuracy" else "mean over the classes"
    if name == "precision" and not table[:, 1].any():
        return "no row is predicted positive"
    if name in {"recall", "f1"} and not table[1].any():
        return "no row is positive"
    if name == "balanced_accuracy" and not (table[0].any() and table[1].any()):
        return "one class only"
    return ""


def few_predicted(table: npt.NDArray[Any], found: Cases) -> str:
    """Return why too few rows were predicted to be of a class to say how often that is right.

    F1 is in no such doubt: it counts the rows that are positive as well, and is 0 without any hit.
    """
    if found.task == BINARY:
        n = int(table[:, 1].sum())
        if not n:
            return "no row is predicted positive"
        kind = "that are predicted positive"
    else:
        predicted = table.sum(axis=0)
        n = int(predicted.min())
        kind = f"predicted as class {found.classes[int(predicted.argmin())]!r}"
    return f"{n} rows {kind} are too few to say: {ENOUGH} are needed" if n < ENOUGH else ""


def doubts_of(found: Cases) -> dict[str, str]:
    """Return, for each metric, why there are too few rows to rely on it, "" when there are not."""
    counts = found.counts
    rarer = int(counts.min())
    name = found.classes[int(counts.argmin())]
    beside = int(counts.sum() - counts.max())
    if beside == 0:
        only = found.classes[int(counts.argmax())]
        general = f"all {found.n} outcomes are of one class, {only!r}"
    elif beside < ENOUGH:
        general = f"{beside} rows beside the most frequent class" + _needed(beside, found.n)
    else:
        general = ""
    if rarer == 0:
        macro = general or f"no row is of class {name!r}"
    elif rarer < ENOUGH:
        macro = f"{rarer} rows of class {name!r}" + _needed(rarer, found.n)
    else:
        macro = ""
    names = (*MACRO, "accuracy", "average_precision", "log_loss", "brier", "ece", "cost")
    return {each: macro if each in MACRO or found.task == BINARY else general for each in names}


def _needed(few: int, rows: int) -> str:
    """Say how many there should be, and in how many rows about as many would be found."""
    whole = math.ceil(rows * ENOUGH / few)
    return f" are too few to say: {ENOUGH} are needed, about {whole} rows in all"


def _of_probabilities(
    found: Cases, subject: str, level: float, doubts: Mapping[str, str]
) -> list[CheckResult]:
    y, n = found.truth, found.n
    names = ["roc_auc", "average_precision", "log_loss", "brier", "ece"]
    if found.task != BINARY:
        names.remove("average_precision")
    if found.score is None:
        nothing = Interval(math.nan, math.nan, level, "")
        why = "the model gives no probabilities"
        return [result(name, math.nan, nothing, n, subject=subject, doubt=why) for name in names]
    p = found.score
    losses, squares = metrics.log_losses(y, p), metrics.brier_scores(y, p)
    of_log_loss = intervals.mean_interval(losses, level, least=0.0, most=metrics.LARGEST_LOG_LOSS)
    of_brier = intervals.mean_interval(
        squares, level, least=0.0, most=metrics.largest_brier_score(p)
    )
    rows = {
        "roc_auc": (metrics.roc_auc(y, p), intervals.delong(y, p, level)),
        "log_loss": (float(losses.mean()), of_log_loss),
        "brier": (float(squares.mean()), of_brier),
        "ece": (metrics.ece(y, p), intervals.ece_interval(y, p, level)),
    }
    if found.task == BINARY:
        interval = intervals.average_precision_interval(y, p, level)
        rows["average_precision"] = (metrics.average_precision(y, p), interval)
    flat = FLAT if is_flat(p) else ""
    return [
        result(
            name,
            rows[name][0],
            rows[name][1],
            n,
            subject=subject,
            doubt=doubts[name] or (flat if name in ORDERED else ""),
        )
        for name in names
    ]


def is_flat(score: Floats) -> bool:
    """Return whether all rows have one score: nothing is ranked then."""
    return bool(score.size) and not np.ptp(score, axis=0).any()


def cost_result(
    measured: tuple[float, Interval],
    found: Cases,
    prices: Floats,
    currency: str,
    subject: str,
    doubt: str,
    weight: Floats | None = None,
) -> CheckResult:
    """Return the cost per row beside that of treating all rows alike."""
    shares = np.bincount(found.truth, weight, minlength=len(found.classes))
    alike = shares / shares.sum() @ prices
    evidence: dict[str, float | str]
    if found.task == BINARY:
        never, always = (float(cost) for cost in alike)
        why = f"never acting would cost {never:.4g}, always acting {always:.4g}"
        evidence = {"never": never, "always": always}
    else:
        best = int(alike.argmin())
        why = f"always saying {found.classes[best]!r} would cost {alike[best]:.4g}"
        evidence = {"always": float(alike[best]), "class": found.classes[best]}
    return result(
        "cost",
        *measured,
        found.n,
        subject=subject,
        doubt=doubt,
        why=why,
        unit=f"{currency} per row".strip(),
        evidence=evidence,
    )
