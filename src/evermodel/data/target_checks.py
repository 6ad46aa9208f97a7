"""Checks of the target: enough of it, not contradicting itself, not given away by a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from evermodel.data.column_checks import evidence, nothing_there
from evermodel.data.imbalance import imbalance
from evermodel.data.intake import numbers, row_text
from evermodel.data.label_slips import label_slips
from evermodel.data.leakage.columns import FEW_CLASSES, NEARLY, class_leaks, nearly, number_leaks
from evermodel.data.leakage.shown import side_by_side
from evermodel.data.target import labels
from evermodel.project import ROWS_A_CLASS
from evermodel.records import CheckResult, Task
from evermodel.stats.intervals import wilson

__all__ = ["target_checks"]

_CONFLICT = 0.02


def target_checks(
    columns: Mapping[str, pl.Series], target: pl.Series, task: Task, *, positive: str = ""
) -> Iterator[CheckResult]:
    """Yield what is worth knowing about the target; `columns` are those to learn from.

    Examples
    --------
    >>> results = target_checks({}, pl.Series("y", ["a", "a"]), "binary")
    >>> [(result.name, result.verdict) for result in results]
    [('target_missing', 'pass'), ('classes', 'fail')]
    """
    absent = target.null_count()
    known = target.drop_nulls()
    low, high, *_ = wilson(absent, target.len())
    yield CheckResult(
        name="target_missing",
        subject=target.name,
        value=absent / max(target.len(), 1),
        unit="share",
        low=low,
        high=high,
        level=0.95,
        n=target.len(),
        max=1 - 1 / max(target.len(), 1),
        verdict="fail" if known.is_empty() else "pass",
        why="rows without the truth are not learned from",
        method="Wilson score interval",
        evidence=nothing_there(target),
    )
    if known.is_empty():
        return
    if task == "regression":
        yield from _amount(target)
    else:
        yield from _classes(target, task, positive)
    if known.n_unique() > 1:
        yield from _contradictions(columns, target, task)
        yield from _leaks(columns, target, task)


def _classes(target: pl.Series, task: str, positive: str) -> Iterator[CheckResult]:
    known = target.drop_nulls()
    counts = labels(known).alias("value").value_counts(sort=True, name="n")
    names = counts.get_column("value").to_list()
    words = labels(target)
    first = {"rows": [words.index_of(name) for name in names[:5]], "examples": names[:5]}
    why, most = "with one class there is nothing to tell apart", None
    if task == "binary":
        most = 2.0
        if len(names) > most:
            why = "two are told apart: join spellings by a repair, or make the task multiclass"
    elif known.len() < ROWS_A_CLASS * len(names):
        most = known.len() // ROWS_A_CLASS
        why = "too many classes for these rows: join some, or make the task a regression"
    least = 2 if task == "binary" else 3
    if len(names) == 2 < least:
        why = 'two classes are a binary task: set data.task = "binary"'
    right = len(names) >= least and (most is None or len(names) <= most)
    yield CheckResult(
        name="classes",
        subject=known.name,
        value=float(len(names)),
        unit="classes",
        n=known.len(),
        min=least,
        max=most,
        verdict="pass" if right else "fail",
        why=why,
        evidence=first,
    )
    if len(names) < 2:
        return
    if positive and positive not in names:
        yield CheckResult(
            name="positive_class",
            subject=known.name,
            value=0,
            unit="rows",
            n=known.len(),
            min=1,
            verdict="fail",
            why=f"the positive class {positive!r} of the project does not occur",
            evidence=dict(first),
        )
    yield from _slips(target, known, counts)
    yield from imbalance(target, "binary" if task == "binary" else "multiclass")


def _slips(target: pl.Series, known: pl.Series, counts: pl.DataFrame) -> Iterator[CheckResult]:
    """Labels that look like a slip of one of two: each would be learned as a class of its own."""
    found = label_slips(dict(counts.iter_rows()))
    if not found:
        return
    wrong = labels(target).is_in(list(found)).fill_null(value=False)
    shown = ", ".join(f"{word!r} for {right!r}" for word, right in list(found.items())[:3])
    yield CheckResult(
        name="label_slips",
        subject=target.name,
        value=float(wrong.sum()),
        unit="rows",
        n=known.len(),
        max=0,
        verdict="warn",
        why=f"a misspelt answer is a class of its own: {shown}; join them in data.repairs",
        evidence=evidence(target, wrong),
    )


def _amount(target: pl.Series) -> Iterator[CheckResult]:
    value = numbers(target)
    unread = int(value.null_count() - target.null_count())
    wrong = value.is_null() & target.is_not_null()
    yield CheckResult(
        name="target_is_a_number",
        subject=target.name,
        value=float(unread),
        unit="rows",
        n=target.len(),
        max=0,
        verdict="fail" if unread else "pass",
        why="a regression learns numbers; words among them need a repair",
        evidence={
            "rows": wrong.arg_true().head(5).to_list(),
            "examples": target.filter(wrong).head(3).cast(pl.String).to_list(),
        },
    )
    distinct = value.drop_nulls().n_unique()
    if distinct < 2:
        yield CheckResult(
            name="constant_target",
            subject=target.name,
            value=float(distinct),
            unit="values",
            n=target.len(),
            min=2,
            verdict="fail",
            why="a target that never changes needs no model",
            evidence=evidence(target, target.is_not_null()),
        )


def _contradictions(
    columns: Mapping[str, pl.Series], target: pl.Series, task: Task
) -> Iterator[CheckResult]:
    """Equal rows with different classes: label errors, or a column that is needed is not there."""
    if task == "regression" or not columns:
        return
    frame = pl.DataFrame(list(columns.values()))
    equal = pl.DataFrame({"h": frame.hash_rows(seed=0), "y": target}).with_row_index("row")
    equal = equal.filter(pl.col("y").is_not_null())
    mixed = equal.filter(pl.col("y").n_unique().over("h") > 1)
    share = mixed.height / max(equal.height, 1)
    shown = mixed.sort("h", "row").get_column("row").head(6).to_list()
    whole = frame.with_columns(target)
    yield CheckResult(
        name="conflicting_labels",
        subject=target.name,
        value=share,
        unit="share",
        n=equal.height,
        max=_CONFLICT,
        verdict="warn" if share > _CONFLICT else "pass",
        why="rows that are equal but for the truth: label errors, or a telling column is missing",
        evidence={"rows": shown, "examples": [row_text(whole.row(row)) for row in shown[:3]]},
    )


def _leaks(
    columns: Mapping[str, pl.Series], target: pl.Series, task: Task
) -> Iterator[CheckResult]:
    find = number_leaks if task == "regression" else class_leaks
    leaks = find(columns, target)
    for leak in leaks:
        yield CheckResult(
            name="leakage",
            subject=leak.column,
            value=leak.value,
            unit=leak.unit,
            n=leak.rows,
            max=leak.most,
            verdict="fail",
            why=f"{leak.why}: put it into leave_out, unless it is known before the outcome",
            evidence=side_by_side([columns[name] for name in leak.shown], target),
        )
    if task == "regression" or labels(target.drop_nulls()).n_unique() > FEW_CLASSES:
        return
    away = {leak.column for leak in leaks}
    rest = {name: series for name, series in columns.items() if name not in away}
    for near in nearly(rest, target, number=False):
        yield CheckResult(
            name="near_leakage",
            subject=near.column,
            value=near.strength,
            unit="share",
            n=near.rows,
            max=NEARLY,
            verdict="warn",
            why=f"{near.why}: put it into leave_out, unless it is known before the outcome",
            evidence=side_by_side([columns[near.column]], target),
        )
