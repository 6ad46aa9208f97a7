"""What is to be learned: the task, the positive class, and the rows without a truth."""

from __future__ import annotations

import polars as pl

from evermodel.data.intake import average, extremes, numbers
from evermodel.data.proposal import TargetAdvice
from evermodel.data.roles import is_text
from evermodel.errors import DataError
from evermodel.records import Task

__all__ = ["labels", "target_advice"]

_YES = (
    "yes", "true", "1", "y", "t", "positive", "pos", ">50k", "spam", "fraud", "churn", "churned",
    "default", "bad", "sick", "ill", "malignant", "won", "up", "fail", "failed", "failure",
    "ja", "oui", "sí", "sim", "tak",
)  # fmt: skip
_MEND = (
    "where they are meant as numbers, write them in one currency or unit, or declare what stands "
    'around them: data.repairs.COLUMN = { strip = "kg", type = "number" }'
)
_FEW_CODES = 10
_MOST_CODES = 50
_MOST_CLASSES = 1000


def labels(series: pl.Series) -> pl.Series:
    """Return a target's values as class names, null where the truth is missing.

    Examples
    --------
    >>> labels(pl.Series([1.0, 0.0, None])).to_list()
    ['1', '0', None]
    """
    if series.dtype == pl.Float64 and (series.drop_nulls() % 1 == 0).all():
        series = series.cast(pl.Int64)
    return series.cast(pl.String)


def target_advice(series: pl.Series, *, where: str, task: Task | None = None) -> TargetAdvice:
    """Return what the target column asks for; `task`, where given, is not guessed.

    Examples
    --------
    >>> advice = target_advice(pl.Series("y", ["No", "Yes", "No"]), where="y")
    >>> advice.task, advice.positive
    ('binary', 'Yes')

    Raises
    ------
    DataError
        When nothing can be learned from it: all missing, one value only, a date, or free text; or
        when it does not fit the task.
    """
    known = series.drop_nulls()
    if known.is_empty():
        raise DataError(
            f"every value of the target {series.name!r} is missing",
            where=where,
            found=f"{series.len()} empty rows",
            hint="name another column with --target, or give the file with the outcomes",
        )
    distinct = known.n_unique()
    if distinct == 1:
        raise DataError(
            f"the target {series.name!r} has one value only, so there is nothing to tell apart",
            where=where,
            found=f"{_shown(known[0])} in all {known.len()} rows",
            hint="give rows with other outcomes too, or name another column with --target",
        )
    if known.dtype.is_temporal():
        raise DataError(
            f"the target {series.name!r} is a date, which cannot be predicted as it stands",
            where=where,
            hint="make a number of it first, such as the days until then",
        )
    missing = series.null_count()
    if task is not None:
        return _as_asked(known, distinct, missing, where, task)
    if distinct == 2:
        return _binary(known, missing)
    if known.dtype.is_numeric():
        return _numeric(known, distinct, missing)
    return _named_classes(known, distinct, missing, where)


def _as_asked(
    known: pl.Series, distinct: int, missing: int, where: str, task: Task
) -> TargetAdvice:
    if task == "regression":
        if not known.dtype.is_numeric():
            raise DataError(
                f"the target {known.name!r} holds no numbers, so it is no task of regression",
                where=where,
                found=_examples(known),
                hint=_MEND,
            )
        return _amounts(known, distinct, missing)
    if task == "binary":
        if distinct != 2:
            raise DataError(
                f"the target {known.name!r} has not two values, so it is no binary task",
                where=where,
                found=f"{distinct:,} values, such as {_examples(known)}",
                hint="map them to two in the file first, or leave the task to be guessed",
            )
        return _binary(known, missing)
    return _named_classes(labels(known), distinct, missing, where)


def _examples(known: pl.Series) -> str:
    """Return two values that differ."""
    some = known.unique(maintain_order=True).head(2)
    return " and ".join(_shown(value) for value in some.to_list())


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _binary(known: pl.Series, missing: int) -> TargetAdvice:
    counts = {str(k): int(n) for k, n in labels(known).alias("value").value_counts().iter_rows()}
    first, second = sorted(counts, key=lambda name: (counts[name], name))
    by_name = [name for name in counts if name.strip().lower() in _YES]
    # A 1 says yes beside a 0 or a -1; beside a 2 it is only a code.
    if by_name == ["1"] and not {"0", "-1"} & set(counts):
        by_name = []
    if len(by_name) == 1:
        positive, how = by_name[0], "as its name says"
    else:
        by_sign = [name for name in counts if name.startswith(">")]
        other = [name for name in counts if name not in by_sign]
        if len(by_sign) == 1 and other[0].startswith("<"):
            positive, how = by_sign[0], "the upper of the two"
        else:
            positive, how = first, "the rarer of the two"
    share = counts[positive] / known.len()
    return TargetAdvice(
        task="binary",
        why=f"two values: {_shown(first)} and {_shown(second)}",
        positive=positive,
        positive_why=f"{how}: {counts[positive]:,} of {known.len():,} rows ({share:.1%})",
        classes=tuple(sorted(counts)),
        missing=missing,
    )


def _numeric(known: pl.Series, distinct: int, missing: int) -> TargetAdvice:
    whole = not known.dtype.is_float() or bool((known % 1 == 0).all())
    if whole and _are_codes(known, distinct):
        return TargetAdvice(
            task="multiclass",
            why=f"{distinct} whole numbers that look like codes; amounts are regression",
            classes=tuple(sorted(labels(known).unique().to_list())),
            missing=missing,
        )
    return _amounts(known, distinct, missing)


def _amounts(known: pl.Series, distinct: int, missing: int) -> TargetAdvice:
    low, high = extremes(known)
    return TargetAdvice(
        task="regression",
        why=f"{distinct:,} different numbers from {low:,.10g} to {high:,.10g}",
        missing=missing,
    )


def _are_codes(known: pl.Series, distinct: int) -> bool:
    """Codes come few, or consecutive and about equally often; counts and amounts do not."""
    least, most = extremes(known.alias("value").value_counts().get_column("count"))
    if distinct <= _FEW_CODES:
        return known.len() >= 3 * distinct
    low, high = extremes(known)
    consecutive = low in (0.0, 1.0) and high - low + 1 == distinct
    return consecutive and distinct <= _MOST_CODES and least >= 10 and most <= 5 * least


def _named_classes(known: pl.Series, distinct: int, missing: int, where: str) -> TargetAdvice:
    rows = known.len()
    as_numbers = numbers(known)
    readable = rows - as_numbers.null_count()
    amounts = distinct > 20 and readable > 0.5 * rows
    few_each = distinct > 20 and rows < 5 * distinct
    if amounts or few_each or distinct > _MOST_CLASSES:
        hint = "name another column with --target"
        if amounts:
            odd = known.filter(as_numbers.is_null())
            hint = f"{readable:,} rows hold numbers: mend the others, such as {_examples(odd)}"
        elif average(known.str.contains(r"\d")) > 0.5 and not is_text(known):
            hint = f"{hint}; {_MEND}"
        raise DataError(
            f"the target {known.name!r} has too many different texts to be classes",
            where=where,
            found=f"{distinct:,} different texts in {rows:,} rows, such as {_examples(known)}",
            hint=hint,
        )
    counts = known.alias("value").value_counts().get_column("count")
    least, most = extremes(counts)
    rare = int((counts < 5).sum())
    said = f"; {rare} of them with fewer than 5, too few to learn" if rare else ""
    return TargetAdvice(
        task="multiclass",
        why=f"{distinct} named classes with {least:,.0f} to {most:,.0f} rows each{said}",
        classes=tuple(sorted(labels(known).unique().to_list())),
        missing=missing,
    )
