"""Rows that were delivered before: twice in one table, or in the one that came earlier."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.intake import row_text, take
from evermodel.records import CheckResult
from evermodel.tables import ColumnProfile, Profile, row_hashes

__all__ = ["delivered_before", "distinct_values", "rarely_repeat", "repeated_rows"]

_AGAIN = 0.05
_LEAST_SIZES = 12
_POSSIBLE_PER_ROW = 10  # of rows at random one in twenty has a twin then
_LEAST_ROWS = 10
_MOST = 0.5
_ALL = 0.9
"""The part of the earlier rows from which on a table is the earlier one, carried on."""


def delivered_before(before: pl.DataFrame, after: pl.DataFrame, past: Profile) -> CheckResult:
    """Return whether most rows of a table stand in an earlier one, and are no new delivery.

    A table that holds the earlier rows, or the latest of them, and new ones is the same table
    carried on, which passes. `past` is the profile of the earlier table: rows of few possible
    values are alike by chance. Of each row eight bytes are kept.

    Examples
    --------
    >>> from evermodel.tables import profile
    >>> rng = np.random.default_rng(0)
    >>> whole = pl.DataFrame({"kwh": rng.normal(size=90), "price": rng.normal(size=90)})
    >>> old, past = whole[:60], profile(whole[:60], {"kwh": "number", "price": "number"})
    >>> [delivered_before(old, new, past).verdict for new in (whole, whole[60:], old, old[:30])]
    ['pass', 'pass', 'warn', 'warn']

    Raises
    ------
    DataError
        When one of them has no columns.
    """
    before, after = take(before).frame, take(after).frame
    both = [name for name in after.columns if name in before.columns]
    told = CheckResult(
        name="delivered_before",
        subject="rows",
        unit="share",
        n=after.height,
        max=_MOST,
        method="digests of rows",
    )
    if not both or after.height < _LEAST_ROWS or not rarely_repeat(after.select(both), past):
        return told
    hashes = row_hashes(before.select(both)), row_hashes(after.select(both))
    old = np.isin(hashes[1], hashes[0])
    kept = np.isin(hashes[0], hashes[1])
    told = msgspec.structs.replace(told, value=float(old.mean()))
    if old.mean() < _MOST or (not old.all() and _carried_on(kept)):
        return told
    first = np.flatnonzero(old)[:5].tolist()
    return msgspec.structs.replace(
        told,
        verdict="warn",
        why=_why(int(old.sum()), old.size, kept),
        evidence={"rows": first, "examples": [row_text(row) for row in after[first[:3]].rows()]},
    )


def _carried_on(kept: npt.NDArray[np.bool_]) -> bool:
    """Say whether all earlier rows are there again, or only the first of them left a window."""
    if kept.mean() >= _ALL:
        return True
    gone = ~kept
    return bool(kept.mean() >= _MOST and gone[: int(gone.sum())].mean() >= _ALL)


def _why(old: int, rows: int, kept: npt.NDArray[np.bool_]) -> str:
    if old < rows:
        return (
            f"{old:,} of {rows:,} rows stand in the earlier table, of which {1 - kept.mean():.0%} "
            "is left out: a part of it was delivered again"
        )
    if kept.all():
        return "all rows stand in the earlier table, and it has no others: nothing is new"
    return f"all {rows:,} rows stand in the earlier table: nothing is new"


def distinct_values(column: ColumnProfile) -> int:
    """Return how many values there were; where that is not known the bins tell a little.

    Examples
    --------
    >>> distinct_values(ColumnProfile(name="a", type="number", rows=9, missing=0, distinct=4))
    4
    """
    if column.distinct is not None:
        return column.distinct
    return 2 * len(column.edges) if column.edges else len(column.values)


def rarely_repeat(frame: pl.DataFrame, reference: Profile) -> bool:
    """Say whether rows could hardly be alike by chance, from the values that each column had.

    Rows of few possible values repeat all the time, and in step where they follow a calendar.

    Examples
    --------
    >>> from evermodel.tables import profile
    >>> frame = pl.DataFrame({"flag": [True, False] * 20})
    >>> rarely_repeat(frame, profile(frame, {"flag": "boolean"}))
    False
    """
    possible = 1
    for column in reference.columns:
        if column.name in frame.columns:
            possible *= max(distinct_values(column) + (column.missing > 0), 1)
    return possible >= _POSSIBLE_PER_ROW * reference.rows


def repeated_rows(frame: pl.DataFrame) -> CheckResult | None:
    """Return the rows that repeat at one distance, or all of them when each comes an even time.

    Examples
    --------
    >>> frame = pl.DataFrame({"a": range(20)})
    >>> repeated_rows(frame), repeated_rows(pl.concat([frame, frame])).value
    (None, 0.5)
    """
    marks = pl.DataFrame({"h": frame.hash_rows(seed=0)}).with_row_index("row")
    marks = marks.with_columns(back=pl.col("row") - pl.col("row").shift(1).over("h"))
    again = marks.get_column("back").is_not_null()
    repeats = int(again.sum())
    least = max(10, _AGAIN * frame.height)
    if repeats < least:
        return None
    offsets = marks.get_column("back").drop_nulls().value_counts(sort=True, name="n").row(0)
    block = offsets[0] > 1 and offsets[1] >= 0.9 * repeats
    sizes = marks.group_by("h").len().get_column("len")
    # Each size is even by chance in one of two cases: a few sizes prove nothing.
    paired = sizes.len() >= _LEAST_SIZES and bool((sizes % 2 == 0).all())
    if not block and not paired:
        return None
    order = " in the same order" if block else ""
    return CheckResult(
        name="delivered_twice",
        subject="rows",
        value=repeats / frame.height,
        unit="share",
        n=frame.height,
        max=least / frame.height,
        verdict="fail",
        why=f"{repeats:,} rows repeat earlier ones{order}, as a second delivery",
        evidence={
            "rows": again.arg_true().head(5).to_list(),
            "examples": [row_text(row) for row in frame.filter(again).head(3).rows()],
        },
    )
