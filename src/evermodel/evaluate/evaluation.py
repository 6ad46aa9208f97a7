"""A model on rows whose outcome is known: each metric with its interval, gate and slices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.evaluate.cases import Cases, Predictions, cases
from evermodel.evaluate.gate import METRICS, apply, gate_verdict, requirements
from evermodel.evaluate.guessing import Guess
from evermodel.evaluate.measure import measure
from evermodel.evaluate.prices import price_matrix
from evermodel.evaluate.reliability import reliability
from evermodel.evaluate.sampling import sampling
from evermodel.evaluate.slices import measure_slices
from evermodel.evaluate.together import measure_resampled, resampled_slices
from evermodel.project import Outcome, Requirement
from evermodel.records import BINARY, REGRESSION, CheckResult, Report
from evermodel.stats.metrics import confusion

__all__ = ["evaluate"]


def evaluate(
    y: Iterable[Any],
    predictions: Predictions,
    *,
    level: float = 0.95,
    require: Iterable[Requirement | str] = (),
    subject: str = "test",
    seed: int = 0,
    slices: Mapping[str, npt.ArrayLike] | None = None,
    costs: Outcome | None = None,
    held: float | None = None,
    guess: Guess | None = None,
    weight: npt.ArrayLike | None = None,
    key: npt.ArrayLike | None = None,
    time: npt.ArrayLike | None = None,
) -> Report:
    """Return every metric of the task with its interval, n, method and verdict.

    Parameters
    ----------
    y, predictions
        N outcomes (labels or numbers) and what the model answered for the same rows; rows whose
        outcome is missing are left out and counted in the facts.
    level, seed
        Confidence of the intervals; seed of those that are drawn.
    require
        Gate lines; the point value decides, and below 10 rows of the rarer class it is "unknown".
    slices
        Columns whose groups are measured apart, each with N values.
    costs
        What mistakes cost; adds the cost per row of a binary task, or of classes with a table.
    held
        Share of the outcomes that the model's intervals are meant to hold (regression).
    guess
        The mean, or the share of each class, that could be guessed when the model was trained.
    weight
        What each of the N rows counts for, 0 or more.
    key, time
        Whom and when each row is about (N values): rows that share a key are resampled together,
        and rows that follow one another in blocks.

    What cannot be measured is unknown, with the reason. `facts["gate"]` is the verdict of the
    required results alone.

    Raises
    ------
    InputError
        When lengths differ, or a gate line names what is not measured.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> p = np.linspace(0.01, 0.99, 100)
    >>> answers = SimpleNamespace(task="binary", classes=("no", "yes"), positive="yes",
    ...     probability=p, label=["yes" if x >= 0.5 else "no" for x in p])
    >>> report = evaluate(answers.label, answers, require=["roc_auc >= 0.8"])
    >>> report.find("roc_auc").value, report.find("roc_auc").verdict
    (1.0, 'pass')
    """
    required = requirements(require, predictions.task, tuple(slices or ()))
    found = cases(y, predictions)
    facts: dict[str, Any] = {
        "task": found.task,
        "rows": found.n,
        "rows_without_outcome": int(found.kept.size - found.n),
    }
    how = sampling(found.kept, weight=weight, key=key, time=time)
    trouble = found.trouble or how.trouble
    if trouble:
        priced = price_matrix(costs, found.task, found.classes) is not None
        results = _all_unknown(found, subject, trouble, priced=priced)
    elif not how.plain:
        results = measure_resampled(
            found,
            how,
            subject=subject,
            level=level,
            seed=seed,
            costs=costs,
            held=held,
            guess=guess,
        )
        of_groups, left_out = resampled_slices(
            found, how, slices or {}, subject=subject, level=level, seed=seed
        )
        results += of_groups
        facts |= _facts(found, how.weight)
        if left_out:
            facts["groups_left_out"] = left_out
    else:
        results = measure(
            found, subject=subject, level=level, seed=seed, costs=costs, held=held, guess=guess
        )
        of_groups, left_out = measure_slices(found, slices or {}, subject=subject, level=level)
        results += of_groups
        facts |= _facts(found)
        if left_out:
            facts["groups_left_out"] = left_out
    judged = apply(results, required, subject)
    facts["gate"] = gate_verdict(judged)
    return Report(verb="evaluate", subject=subject, results=judged, facts=facts)


def _all_unknown(found: Cases, subject: str, trouble: str, *, priced: bool) -> list[CheckResult]:
    names = [name for name in METRICS[found.task] if priced or name != "cost"]
    return [
        CheckResult(name=name, subject=subject, n=found.n, verdict="unknown", why=trouble)
        for name in names
    ]


def _facts(found: Cases, weight: npt.ArrayLike | None = None) -> dict[str, Any]:
    """Return what a report draws beside the metrics: counts, confusion matrix, reliability."""
    if found.task == REGRESSION:
        return {}
    table = confusion(found.truth, found.predicted, len(found.classes), weight)
    facts: dict[str, Any] = {"classes": list(found.classes), "confusion": table.tolist()}
    if found.task == BINARY and found.score is not None and found.n > 1 and weight is None:
        bins = reliability(np.asarray(found.score), found.truth)
        facts["reliability"] = [msgspec.structs.asdict(each) for each in bins]
    return facts
