"""Measure predictions of any model in the world, from a table: no bundle, no project, no store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import msgspec
import numpy as np
import polars as pl

from evermodel.errors import InputError, masked, nearest
from evermodel.evaluate import evaluate as evaluate_rows
from evermodel.evaluate.gate import apply, gate_verdict
from evermodel.evaluate.other_tasks import (
    measure_labels,
    measure_quantiles,
    measure_queries,
)
from evermodel.evaluate.sampling import Sampling, Setting, sampling
from evermodel.loop.external_table import Columns
from evermodel.loop.training import groups
from evermodel.project import Outcome, Requirement, parse_requirement
from evermodel.records import CheckResult, Report

__all__ = ["Named", "evaluate_external"]

LEVEL = 0.95


class Named(TypedDict, total=False):
    """What the columns of a table of predictions are, and what is asked of them.

    `truth` outcomes (several columns for many labels); `score` probabilities (one for each class
    or label) or ranking scores; `prediction` labels or values; `low`, `high` ends of intervals
    that are meant to hold the share `held`; `quantiles` columns with their quantile; `query` and
    `at` (how many of the first documents count) for rankings; `weight`, `key`, `time` of each row;
    `group` columns whose groups are measured apart; `positive` class; `threshold` of the decision;
    `costs` of mistakes by true and predicted class; `require` gate lines; `task` where it cannot
    be seen; `level` of the intervals.
    """

    truth: str | Sequence[str]
    score: str | Sequence[str]
    prediction: str | Sequence[str]
    low: str
    high: str
    held: float | None
    quantiles: Mapping[str, float]
    query: str
    at: int | None
    weight: str
    key: str | Sequence[str]
    time: str
    group: Sequence[str]
    positive: str
    threshold: float | None
    costs: Mapping[str, Mapping[str, float]]
    require: Sequence[str]
    task: str
    level: float


def evaluate_external(data: object, *, seed: int | None = None, **named: Any) -> Report:
    """Return every metric of the predictions in a table, with its interval.

    Parameters
    ----------
    data : path, URL or DataFrame
    seed : int, optional
        Of resampled intervals.
    **named
        See `Named`.

    Raises
    ------
    InputError
        When a column is not there, or what is asked does not go together.
    DataError
        When the table cannot be read.

    Examples
    --------
    >>> table = pl.DataFrame({"y": [0, 1] * 50, "p": [0.2, 0.7] * 50})
    >>> evaluate_external(table, truth="y", score="p").find("roc_auc").value
    1.0
    """
    asked = _Asked(named)
    columns = Columns.read(data, named)
    subject = Path(masked(str(data))).name if isinstance(data, str | Path) else "predictions"
    lines = [_line(line) for line in named.get("require", ())]
    measured = _MEASURES[columns.task](columns, asked, subject, seed or 0)
    results = apply(_known(measured.results, lines), lines, subject)
    gate = gate_verdict(results)
    if gate == "unknown":
        doubted = [
            r.name for r in results if r.verdict == "unknown" and (r.min, r.max) != (None,) * 2
        ]
        why = f"what was required of {', '.join(doubted)} cannot be told"
        results = (*results, CheckResult(name="gate", subject=subject, verdict="fail", why=why))
    facts = {**measured.facts, "task": columns.task, "gate": gate, "notes": columns.notes}
    return Report(verb="evaluate", subject=subject, results=results, facts=facts)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked beside the columns."""

    named: Mapping[str, Any]

    @property
    def level(self) -> float:
        level = float(self.named.get("level", LEVEL))
        if not 0.5 <= level <= 0.999:
            raise InputError(
                "the level of intervals lies between 0.5 and 0.999", found=f"{level:g}"
            )
        return level

    @property
    def costs(self) -> Outcome | None:
        table = self.named.get("costs")
        return Outcome(costs={k: dict(v) for k, v in table.items()}) if table else None


def _answers(columns: Columns, asked: _Asked, subject: str, seed: int) -> Report:
    """Measure one label or value a row, as a bundle's are."""
    frame, names = columns.frame, columns.names
    group = tuple(names("group"))
    report = evaluate_rows(
        columns.outcomes(),
        columns.answered(asked.costs),
        level=asked.level,
        subject=subject,
        seed=seed,
        slices=groups(frame, group),
        costs=asked.costs,
        held=asked.named.get("held"),
        **columns.sampled(),
    )
    if columns.task != "regression":
        return report
    more = _quantiles(columns, asked, subject, seed)
    results = tuple(each for each in report.results if each.name != "interval_coverage")
    return msgspec.structs.replace(report, results=(*results, *more))


def _quantiles(columns: Columns, asked: _Asked, subject: str, seed: int) -> list[CheckResult]:
    quantiles = {q: columns.numbers(name) for name, q in columns.quantiles.items()}
    ends = columns.ends()
    if not quantiles and ends is None:
        return []
    held = asked.named.get("held")
    truth = columns.numbers(columns.names("truth")[0])
    kept = np.isfinite(truth)
    every = [*quantiles.values(), *(ends or ())]
    how, trouble = _how(columns, kept, every, "predictions")
    at = Setting(how, subject, asked.level, seed)
    if trouble:
        names = ["pinball_loss", "quantile_coverage"] * bool(quantiles)
        names += ["interval_coverage", "interval_width", "interval_score"] * (ends is not None)
        return _unknown(names, int(kept.sum()), trouble, at)
    bounds = None if ends is None else (ends[0][kept], ends[1][kept])
    return measure_quantiles(
        truth[kept], {q: v[kept] for q, v in quantiles.items()}, bounds, held, at
    )


def _only_quantiles(columns: Columns, asked: _Asked, subject: str, seed: int) -> Report:
    results = _quantiles(columns, asked, subject, seed)
    return _report(columns, subject, results)


def _labels(columns: Columns, asked: _Asked, subject: str, seed: int) -> Report:
    """Measure many labels a row."""
    names = tuple(columns.names("truth"))
    truth = np.column_stack([columns.numbers(name) for name in names])
    kept = np.isfinite(truth).all(axis=1)
    given = [columns.numbers(name) for name in columns.names("score")]
    said = [columns.numbers(name) for name in columns.names("prediction")]
    how, trouble = _how(columns, kept, [*given, *said], "scores or predictions")
    at = Setting(how, subject, asked.level, seed)
    score = np.column_stack(given) if given else None
    threshold = columns.threshold(0.5)
    predicted = np.column_stack(said) if said else np.asarray(score) >= threshold
    if not trouble and not np.isin(truth[kept], (0, 1)).all():
        trouble = "outcomes of labels must be 0 or 1"
    if not trouble and not np.isin(predicted[kept], (0, 1)).all():
        trouble = "predictions of labels must be 0 or 1"
    if not trouble and score is not None and ((score[kept] < 0) | (score[kept] > 1)).any():
        trouble = "a score lies outside 0 and 1"
    if trouble:
        every = ["accuracy", "hamming_loss", "jaccard", "f1_samples", "precision", "recall", "f1"]
        every += ["roc_auc", "average_precision"]
        return _report(columns, subject, _unknown(every, int(kept.sum()), trouble, at))
    results = measure_labels(
        truth[kept].astype(np.int64),
        predicted[kept].astype(np.int64),
        None if score is None else score[kept],
        names,
        at,
    )
    return _report(columns, subject, results)


def _queries(columns: Columns, asked: _Asked, subject: str, seed: int) -> Report:
    """Measure the order of documents, query by query."""
    k = asked.named.get("at")
    relevance = columns.numbers(columns.names("truth")[0])
    score = columns.numbers(columns.names("score")[0])
    kept = np.isfinite(relevance)
    how, trouble = _how(columns, kept, [score], "scores")
    query = columns.frame[columns.names("query")[0]].cast(pl.String)
    without = int(query.filter(pl.Series(kept)).null_count())
    trouble = trouble or (f"{without} rows have no query" if without else "")
    if not trouble and (relevance[kept] < 0).any():
        trouble = "a relevance is below 0"
    at = Setting(how, subject, asked.level, seed)
    if trouble:
        names = [f"{name}_at_{k}" if k else name for name in ("ndcg", "map", "mrr", "hit_rate")]
        return _report(columns, subject, _unknown(names, int(kept.sum()), trouble, at))
    numbers = np.unique(query.fill_null("").to_numpy(), return_inverse=True)[1]
    results = measure_queries(relevance[kept], score[kept], numbers[kept], k, at)
    return _report(columns, subject, results)


_MEASURES = {
    "binary": _answers,
    "multiclass": _answers,
    "regression": _answers,
    "quantile": _only_quantiles,
    "multilabel": _labels,
    "ranking": _queries,
}


def _how(columns: Columns, kept: Any, numbers: Sequence[Any], what: str) -> tuple[Sampling, str]:
    """Return how the rows came to be there, and why they cannot be measured."""
    how = sampling(kept, **columns.sampled())
    if not kept.any():
        return how, "there is no row with a known outcome"
    wrong = sum(int((~np.isfinite(each[kept])).sum()) for each in numbers)
    return how, f"{wrong} {what} are missing or infinite" if wrong else how.trouble


def _unknown(names: Sequence[str], n: int, why: str, at: Setting) -> list[CheckResult]:
    return [
        CheckResult(name=name, subject=at.subject, n=n, verdict="unknown", why=why)
        for name in names
    ]


def _report(columns: Columns, subject: str, results: Sequence[CheckResult]) -> Report:
    facts = {"rows": columns.frame.height}
    return Report(verb="evaluate", subject=subject, results=tuple(results), facts=facts)


def _line(text: str) -> Requirement:
    try:
        return parse_requirement(text)
    except ValueError:
        hint = 'write "metric >= number", such as "roc_auc >= 0.8"'
        raise InputError("a required line cannot be read", found=repr(text), hint=hint) from None


def _known(results: Sequence[CheckResult], lines: Sequence[Requirement]) -> Sequence[CheckResult]:
    names = list(dict.fromkeys(each.name for each in results))
    for line in lines:
        if line.name not in names:
            near = nearest(line.name, names)
            known = f"measured here: {', '.join(names)}"
            hint = f"did you mean {near!r}? {known}" if near else known
            raise InputError(f"no metric {line.name!r} is measured", hint=hint)
    return results
