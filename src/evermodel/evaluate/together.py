"""Results of rows that have weights or hang together, as those of plain rows look."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.evaluate.cases import Cases
from evermodel.evaluate.guessing import Guess, beside_guess
from evermodel.evaluate.measure import (
    ENOUGH,
    FLAT,
    ORDERED,
    as_meant,
    cost_result,
    doubts_of,
    few_predicted,
    is_flat,
    result,
    why_rate,
)
from evermodel.evaluate.prices import price_matrix
from evermodel.evaluate.resampled import (
    Measured,
    group_measures,
    resampled_measures,
    squares,
    worth,
)
from evermodel.evaluate.sampling import Sampling, Setting, few_units, wider
from evermodel.evaluate.slices import FEW, groups_of
from evermodel.project import METRICS, Outcome
from evermodel.records import BINARY, REGRESSION, CheckResult
from evermodel.stats.arrays import Codes, Floats
from evermodel.stats.drawn_calibration import drawn_ece
from evermodel.stats.intervals import Interval
from evermodel.stats.metrics import binary_rates, confusion, macro_rates
from evermodel.stats.thresholds import cost_of

__all__ = ["measure_resampled", "resampled_slices"]


def measure_resampled(
    found: Cases,
    how: Sampling,
    *,
    subject: str,
    level: float,
    seed: int,
    costs: Outcome | None,
    held: float | None,
    guess: Guess | None,
) -> list[CheckResult]:
    """Return the task's metrics, in their fixed order, with intervals of resampled units."""
    prices = price_matrix(costs, found.task, found.classes)

    def rates(tables: npt.ArrayLike) -> Mapping[str, Floats]:
        of = binary_rates(tables) if found.task == BINARY else macro_rates(tables)
        return of if prices is None else {**of, "cost": cost_of(tables, prices)}

    def bound(known: Guess) -> float:
        return worth(found, how, known, level=level, seed=seed)

    measured = resampled_measures(found, how, level=level, seed=seed, rates=rates)
    doubts, reasons, counted = _said(found)
    out = []
    for name in METRICS[found.task]:
        if name == "cost":
            if prices is not None and costs is not None:
                value, interval, few = measured[name]
                doubt = doubts.get(name, "") or few
                out.append(
                    cost_result(
                        (value, interval),
                        found,
                        prices,
                        costs.currency,
                        subject,
                        doubt,
                        how.weight,
                    )
                )
            continue
        if name == "ece" and found.score is not None:
            at = Setting(how, subject, level, seed)
            out.append(_ece(found, found.score, how, doubts[name], at))
            continue
        if name not in measured:
            out.append(_absent(name, found, subject))
            continue
        value, interval, few = measured[name]
        doubt = doubts.get(name, "") or few
        if doubt and reasons.get(name) and found.task == BINARY:
            value = math.nan
        n = counted.get(name, found.n)
        each = result(
            name, value, interval, n, subject=subject, doubt=doubt, why=reasons.get(name, "")
        )
        if name == "skill" and each.verdict == "pass":
            auc = next((other for other in out if other.name == "roc_auc"), None)
            each = beside_guess(each, found, auc, guess, bound, weighted=how.weight is not None)
        if name == "interval_coverage":
            each = as_meant(each, held)
        out.append(each)
    return out


def _said(found: Cases) -> tuple[dict[str, str], dict[str, str], dict[str, int]]:
    """Return the doubts, the reasons and the n of metrics, as those of plain rows have them."""
    if found.task == REGRESSION:
        few = f"{found.n} rows are too few to say: {ENOUGH} are needed" if found.n < ENOUGH else ""
        flat = "the outcome does not vary" if found.n and not np.ptp(found.truth) else ""
        names = dict.fromkeys(METRICS[REGRESSION], few)
        return {**names, "r2": flat or few, "skill": flat or few}, {}, {}
    table = confusion(found.truth, found.predicted, len(found.classes))
    doubts = doubts_of(found)
    doubts["precision"] = doubts["precision"] or few_predicted(table, found)
    doubts["skill"] = doubts["brier"]
    if found.score is not None and is_flat(found.score):
        doubts |= {name: doubts[name] or FLAT for name in ORDERED}
    names_of_rates = ("accuracy", "balanced_accuracy", "precision", "recall", "f1")
    reasons = {name: why_rate(name, table, found) for name in names_of_rates}
    if found.task != BINARY:
        return doubts, reasons, {}
    counted = {"precision": int(table[:, 1].sum()), "recall": int(table[1].sum())}
    return doubts, reasons, counted


def _absent(name: str, found: Cases, subject: str) -> CheckResult:
    intervals_wanted = name == "interval_coverage"
    why = f"the model gives no {'intervals' if intervals_wanted else 'probabilities'}"
    return CheckResult(name=name, subject=subject, n=found.n, verdict="unknown", why=why)


def _ece(found: Cases, score: Floats, how: Sampling, doubt: str, at: Setting) -> CheckResult:
    """Return the calibration error, with the wider of the intervals by key and by time."""
    measured: list[tuple[float, Interval, str]] = []
    for units in how.units(found.n, squares(found)):
        value, interval = drawn_ece(
            found.truth, score, units, weight=how.weight, seed=at.seed, level=at.level
        )
        measured.append((value, interval, few_units(units)))
    value, interval, few = measured[0] if len(measured) == 1 else wider(*measured)
    return result("ece", value, interval, found.n, subject=at.subject, doubt=doubt or few)


def resampled_slices(
    found: Cases,
    how: Sampling,
    slices: Mapping[str, npt.ArrayLike],
    *,
    subject: str,
    level: float,
    seed: int,
) -> tuple[list[CheckResult], dict[str, int]]:
    """Return the results of each group, and the number of groups left out by column.

    Raises
    ------
    InputError
        When a column has not one value for each row.
    """
    out: list[CheckResult] = []
    groups, left_out = groups_of(found, slices)
    for label, rows in groups:
        measured, counted = group_measures(found, rows, how, level=level, seed=seed)
        out += _of_group(measured, counted, rows, subject, label)
    return out, left_out


def _of_group(
    measured: Measured, counted: Mapping[str, int], rows: Codes, subject: str, label: str
) -> list[CheckResult]:
    few = f"{rows.size} rows are too few to say: {FEW} are needed" if rows.size < FEW else ""
    out = []
    for name, n in counted.items():
        value, interval, units = measured[name]
        doubt = few or units
        if not doubt and n < ENOUGH:
            kind = "positive" if name == "recall" else "predicted positive"
            doubt = f"{n} rows that are {kind} are too few to say: {ENOUGH} are needed"
        evidence = {"rows": int(rows.size)}
        each = result(name, value, interval, n, subject=subject, doubt=doubt, evidence=evidence)
        out.append(msgspec.structs.replace(each, slice=label))
    return out
