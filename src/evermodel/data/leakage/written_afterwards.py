"""Columns that seem to be written once the outcome is known: gaps that tell it, later dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from evermodel.data.intake import numbers
from evermodel.data.leakage.shown import side_by_side
from evermodel.data.target import labels
from evermodel.records import CheckResult, Task
from evermodel.stats.intervals import Interval, wilson

__all__ = ["gaps_that_tell", "later_dates"]

_LEAST = 30
_PURE = 0.1  # of the rows that are of other classes in all rows
_TOLD = 0.5
_LATER = 0.9
_PART = 0.05


def gaps_that_tell(
    columns: Mapping[str, pl.Series], target: pl.Series, task: Task, *, level: float = 0.95
) -> Iterator[CheckResult]:
    """Yield the columns whose gaps, or whose filled cells, stand almost only beside one outcome.

    In a class: the interval of the share of that class among the rows with a gap (or among those
    without) lies so high that less than a tenth of the usual other classes is left. Of a number:
    whether there is a gap explains more than half of its variance. `leakage.class_leaks` finds
    those that tell every row; here one side alone may tell, if it holds a twentieth of its class.

    Examples
    --------
    >>> lost = ["yes"] * 300 + ["no"] * 700
    >>> why = pl.Series("why", ["price"] * 200 + [None] * 800)
    >>> [r.subject for r in gaps_that_tell({"why": why}, pl.Series("lost", lost), "binary")]
    ['why']
    """
    known = target.is_not_null()
    gaps = {name: series.filter(known).null_count() for name, series in columns.items()}
    some = [columns[name] for name, gap in gaps.items() if 0 < gap < int(known.sum())]
    # Two sides of each column are looked at.
    surely = 1 - (1 - level) / max(2 * len(some), 1)
    for series in some:
        if task == "regression":
            found = _of_number(series, target, known)
        else:
            found = _of_class(series, target, known, surely)
        if found is not None:
            yield found


def _of_class(
    series: pl.Series, target: pl.Series, known: pl.Series, level: float
) -> CheckResult | None:
    name, aim = series.name, labels(target.filter(known))
    usual = dict(aim.alias("value").value_counts(name="n").iter_rows())
    for side, said in ((series.is_not_null(), "filled in"), (series.is_null(), "empty")):
        some = aim.filter(side.filter(known))
        if some.len() < _LEAST:
            continue
        counts = some.alias("value").value_counts(sort=True, name="n")
        most, hits = str(counts["value"][0]), int(counts["n"][0])
        if hits < _PART * usual[most]:
            continue  # all the same there by how few they are, and little would be given away
        others = 1 - usual[most] / aim.len()
        bounds = wilson(hits, some.len(), level)
        if others > 0 and bounds.low > 1 - _PURE * others:
            why = (
                f"where {name!r} is {said}, {aim.name!r} is {most!r} in {hits / some.len():.1%} of "
                f"{some.len():,} rows, and in {1 - others:.1%} of all: it seems to be written "
                "once the outcome is known"
            )
            shown, limit = side_by_side([series], target, side), 1 - _PURE * others
            return _accused(name, hits / some.len(), bounds, some.len(), why, limit, shown)
    return None


def _of_number(series: pl.Series, target: pl.Series, known: pl.Series) -> CheckResult | None:
    name, aim = series.name, numbers(target.filter(known))
    values = aim.to_numpy().astype(np.float64)
    usable = np.isfinite(values)
    values = values[usable]
    without = series.filter(known).is_null().to_numpy()[usable].astype(bool)
    if min(int(without.sum()), int((~without).sum())) < _LEAST or values.std() == 0:
        return None
    rest = sum(
        float(((part - part.mean()) ** 2).sum()) for part in (values[without], values[~without])
    )
    told = 1 - rest / float(((values - values.mean()) ** 2).sum())
    bounds = _explained(told, values.size)
    if bounds.low <= _TOLD:
        return None
    why = (
        f"whether {name!r} is empty tells {told:.0%} of what there is to know of {aim.name!r}: it "
        "seems to be written once the outcome is known"
    )
    sides = [
        side_by_side([series], target, side) for side in (series.is_null(), series.is_not_null())
    ]
    shown = {key: [*sides[0][key][:2], *sides[1][key][:2]] for key in ("rows", "examples")}
    return _accused(name, told, bounds, values.size, why, _TOLD, shown)


def _explained(told: float, n: int, level: float = 0.95) -> Interval:
    """Interval of a squared correlation: Fisher's transformation of its root."""
    from statistics import NormalDist

    z = NormalDist().inv_cdf(0.5 + level / 2) / np.sqrt(n - 3)
    middle = np.arctanh(min(np.sqrt(max(told, 0.0)), 1 - 1e-12))
    low, high = np.tanh(max(middle - z, 0.0)) ** 2, np.tanh(middle + z) ** 2
    return Interval(float(low), float(high), level, "Fisher (1921), squared correlation")


def _accused(
    column: str,
    value: float,
    bounds: Interval,
    n: int,
    why: str,
    most: float,
    shown: dict[str, Any],
) -> CheckResult:
    return CheckResult(
        name="gaps_tell_target",
        subject=column,
        value=value,
        unit="share",
        low=bounds.low,
        high=bounds.high,
        level=bounds.level,
        n=n,
        max=most,
        verdict="warn",
        why=why,
        method=bounds.method,
        evidence={
            **shown,
            "propose": f"leave out {column}, unless it is known before the outcome",
            "leave_out": [column],
        },
    )


def later_dates(columns: Mapping[str, pl.Series], time: pl.Series) -> Iterator[CheckResult]:
    """Yield the columns whose dates mostly lie after the row's own, as a question ("unknown").

    A date to come may be planned, such as a due date: only people who know the data can say.

    Examples
    --------
    >>> from datetime import datetime, timedelta
    >>> day = pl.Series("day", [datetime(2024, 1, 1) + timedelta(days=i) for i in range(60)])
    >>> paid = (day + timedelta(days=9)).alias("paid")
    >>> [(r.subject, r.verdict) for r in later_dates({"paid": paid}, day)]
    [('paid', 'unknown')]
    """
    if not isinstance(time.dtype, (pl.Datetime, pl.Date)):
        return
    began = time.cast(pl.Datetime("us"))
    for name, series in columns.items():
        if name == time.name or not isinstance(series.dtype, (pl.Datetime, pl.Date)):
            continue
        both = series.is_not_null() & began.is_not_null()
        n = int(both.sum())
        if n < _LEAST:
            continue
        after = series.cast(pl.Datetime("us")) > began
        later = int(after.filter(both).sum())
        bounds = wilson(later, n)
        if bounds.low <= _LATER:
            continue
        yield CheckResult(
            name="later_than_row",
            subject=name,
            value=later / n,
            unit="share",
            low=bounds.low,
            high=bounds.high,
            level=bounds.level,
            n=n,
            max=_LATER,
            verdict="unknown",
            why=(
                f"{name!r} lies after {time.name!r} in {later / n:.1%} of the rows: a plan made "
                "before may be used, what was written later may not"
            ),
            method=bounds.method,
            evidence={
                **side_by_side([series], time, after & both),
                "propose": f"leave out {name}, unless it was planned before the outcome",
                "leave_out": [name],
            },
        )
