"""What changed between two versions of a data set: rows, columns and the values in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from evermodel.data.column_checks import evidence
from evermodel.data.intake import take
from evermodel.data.personal.hiding import hidden, of_persons
from evermodel.records import CheckResult, ColumnType
from evermodel.stats.drift import difference
from evermodel.tables import ColumnProfile, Profile, profile, row_hashes
from evermodel.tables.dates import convert_dates
from evermodel.tables.typed import type_of

__all__ = ["changes"]

_SHOWN = 3
_EXACT = 2.0**53
_MATERIAL = 0.1
"""A Jensen-Shannon distance below this is smaller than that between two neighbouring months."""


def changes(
    before: pl.DataFrame,
    after: pl.DataFrame,
    *,
    key: Sequence[str] = (),
    known: Sequence[CheckResult] = (),
) -> Iterator[CheckResult]:
    """Yield what changed from one table to another: rows, then every column that is in either.

    A row is known by its key where `key` names columns that tell all rows apart in both tables,
    and by all of its values otherwise; then a row of which one cell changed is one that went and
    one that came. Values of a column that changed its type are compared as far as they can be: 1,
    1.0 and "1" are one. The value of a column is the Jensen-Shannon distance of its values before
    and after, corrected for chance and with its interval (`stats.drift.difference`): 0 where they
    are distributed alike. Values of personal columns are shown as they are written, in stars;
    `known` is what a check of the second table found: these are not looked for again then.

    Examples
    --------
    >>> old = pl.DataFrame({"id": [1, 2, 3], "plan": ["a", "b", "b"]})
    >>> new = pl.DataFrame({"id": [1, 2, 4], "plan": ["a", "c", "b"]})
    >>> for result in changes(old, new, key=["id"]):
    ...     print(result.name, result.subject, result.value, result.why)
    rows_added rows 1.0 in the second table only
    rows_removed rows 1.0 in the first table only
    rows_changed rows 1.0 other values under the same key
    column_changed plan 0.0 1 of 2 rows with the same key changed; new values: 'c'

    Raises
    ------
    DataError
        When one of them has no columns.
    """
    before, after = take(before).frame, take(after).frame
    both = [name for name in before.columns if name in after.columns]
    alike = _in_one_type(before, after, both)
    pairs = _by_key(*alike, key, both)
    yield from _rows(*alike, both, pairs)
    old, new = _profiles(before, after, both)
    personal = of_persons(before) | of_persons(after, known)
    yield from hidden(_columns_apart(before, after), after, personal)
    for name in both:
        if pairs is not None and name in key:
            continue
        if before[name].dtype != after[name].dtype and not _alike(before[name], after[name]):
            found = _retyped(before[name], after[name])
        else:
            found = _column(before[name], after[name], old[name], new[name], pairs)
        yield from hidden([found], after, personal)


def _alike(before: pl.Series, after: pl.Series) -> bool:
    return before.dtype.is_numeric() and after.dtype.is_numeric()


def _in_one_type(
    before: pl.DataFrame, after: pl.DataFrame, both: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return both tables with equal values written alike where a column changed its type."""
    for name in both:
        kinds = before[name].dtype, after[name].dtype
        if kinds[0] == kinds[1]:
            continue
        numeric = all(kind.is_numeric() for kind in kinds)
        temporal = any(kind.is_temporal() for kind in kinds)
        before, after = (
            frame.with_columns(
                frame[name].cast(pl.Float64) if numeric else _plainly(frame[name], temporal)
            )
            for frame in (before, after)
        )
    return before, after


def _plainly(series: pl.Series, temporal: bool) -> pl.Series:
    """Return values as texts, those of numbers, times and texts alike where they mean the same."""
    if series.dtype.is_numeric():
        return _number_texts(series)
    if series.dtype == pl.Date or series.dtype == pl.Datetime:
        return series.cast(pl.Datetime("us")).cast(pl.String)
    texts = series.cast(pl.String).str.strip_chars()
    if series.dtype != pl.String:
        return texts
    if temporal:
        # In what order other dates are written, one text alone does not say.
        whole = texts.set(~texts.str.contains(r"^\d{4}-").fill_null(value=False), None)
        return convert_dates(whole, "year first").cast(pl.String).fill_null(texts)
    lower = texts.str.to_lowercase()
    texts = lower.zip_with(lower.is_in(["true", "false"]).fill_null(value=False), texts)
    # A code that begins with a zero is another thing than the number that is left of it.
    code = texts.str.contains(r"^[+-]?0\d").fill_null(value=False)
    plain = texts.set(code, None)
    exact = plain.cast(pl.Int64, strict=False).cast(pl.String)
    return exact.fill_null(_number_texts(plain.cast(pl.Float64, strict=False))).fill_null(texts)


def _number_texts(series: pl.Series) -> pl.Series:
    """Return numbers as texts, whole ones without a point and long ones with all their digits."""
    if not series.dtype.is_float():
        return series.cast(pl.String)
    whole = (series == series.floor()) & (series.abs() < _EXACT)
    exact = series.set(~whole.fill_null(value=False), None).cast(pl.Int64).cast(pl.String)
    return exact.fill_null(series.cast(pl.Float64).cast(pl.String))


def _by_key(
    before: pl.DataFrame, after: pl.DataFrame, key: Sequence[str], both: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Return the rows of both tables that share a key, side by side; None where keys do not do."""
    if not key or not set(key) <= set(both):
        return None
    if any(before[k].dtype != after[k].dtype for k in key):
        return None
    for frame in (before, after):
        keys = frame.select(key)
        if keys.is_duplicated().any() or any(keys[name].null_count() for name in key):
            return None
    left = before.select(*key, pl.int_range(pl.len()).alias("left place"))
    right = after.select(*key, pl.int_range(pl.len()).alias("right place"))
    shared = left.join(right, on=list(key), how="inner")
    return before[shared["left place"]], after[shared["right place"]]


def _rows(
    before: pl.DataFrame,
    after: pl.DataFrame,
    both: Sequence[str],
    pairs: tuple[pl.DataFrame, pl.DataFrame] | None,
) -> Iterator[CheckResult]:
    changed = 0
    if pairs is not None:
        same = len(pairs[0])
        unequal = np.zeros(same, bool)
        for name in both:
            unequal |= _unequal(pairs[0][name], pairs[1][name])
        changed = int(unequal.sum())
        added, removed = after.height - same, before.height - same
    elif both:
        old, old_counts = np.unique(row_hashes(before.select(both)), return_counts=True)
        new, new_counts = np.unique(row_hashes(after.select(both)), return_counts=True)
        every = np.union1d(old, new)
        count = np.zeros(len(every), np.int64)
        count[np.searchsorted(every, new)] += new_counts
        count[np.searchsorted(every, old)] -= old_counts
        added, removed = int(count[count > 0].sum()), -int(count[count < 0].sum())
    else:
        added, removed = after.height, before.height
    yield _count("rows_added", added, after.height, "in the second table only")
    yield _count("rows_removed", removed, before.height, "in the first table only")
    if pairs is not None:
        yield _count("rows_changed", changed, len(pairs[0]), "other values under the same key")


def _count(name: str, rows: int, n: int, why: str) -> CheckResult:
    return CheckResult(name=name, subject="rows", value=float(rows), unit="rows", n=n, why=why)


def _unequal(left: pl.Series, right: pl.Series) -> np.ndarray:
    return left.ne_missing(right).to_numpy()


def _columns_apart(before: pl.DataFrame, after: pl.DataFrame) -> Iterator[CheckResult]:
    for name in before.columns:
        if name not in after.columns:
            why = "only the first table has this column"
            yield _whole_column("column_removed", before[name], before.width, why)
    for name in after.columns:
        if name not in before.columns:
            why = "only the second table has this column"
            yield _whole_column("column_added", after[name], after.width, why)


def _whole_column(name: str, series: pl.Series, columns: int, why: str) -> CheckResult:
    shown = [str(value) for value in series.drop_nulls().head(3)]
    return CheckResult(
        name=name, subject=series.name, value=1.0, unit="columns", n=columns, max=0,
        verdict="warn", why=why, evidence={"rows": [], "examples": shown},
    )  # fmt: skip


def _retyped(before: pl.Series, after: pl.Series) -> CheckResult:
    return CheckResult(
        name="type_changed",
        subject=before.name,
        value=1.0,
        unit="types",
        n=len(after),
        max=0,
        verdict="warn",
        why=f"its type was {type_of(before)} and is {type_of(after)}",
        evidence=evidence(after, after.is_not_null()),
    )


def _profiles(
    before: pl.DataFrame, after: pl.DataFrame, both: Sequence[str]
) -> tuple[Profile, Profile]:
    """Return the summaries of the columns that are of one type in both, in the same bins."""
    types: dict[str, ColumnType] = {}
    for name in both:
        kinds = {type_of(before[name]), type_of(after[name])}
        if len(kinds) == 1:
            types[name] = kinds.pop()
    old = profile(before, types)
    return _all(old, both), _all(profile(after, types, like=old), both)


def _all(found: Profile, both: Sequence[str]) -> Profile:
    """Return a profile in which each column can be looked up, also where nothing was summarised."""
    known = {column.name: column for column in found.columns}
    empty = [
        ColumnProfile(name=name, type="text", rows=found.rows, missing=found.rows)
        for name in both
        if name not in known
    ]
    return Profile(rows=found.rows, columns=(*found.columns, *empty))


def _column(
    before: pl.Series,
    after: pl.Series,
    old: ColumnProfile,
    new: ColumnProfile,
    pairs: tuple[pl.DataFrame, pl.DataFrame] | None,
) -> CheckResult:
    said: list[str] = []
    cells = 0
    if pairs is not None:
        cells = int(_unequal(pairs[0][old.name], pairs[1][old.name]).sum())
    if pairs is not None and cells:
        said.append(f"{cells:,} of {len(pairs[0]):,} rows with the same key changed")
    gap = difference(_bins(old), _bins(new))
    moved = bool(gap.low > 0)
    said += _in_numbers(old, new) if old.type in ("number", "timestamp") else []
    said += _in_words(before, after) if old.type in ("category", "boolean") else []
    missing = old.missing / max(old.rows, 1), new.missing / max(new.rows, 1)
    if missing[0] != missing[1]:
        said.append(f"missing {missing[0]:.1%}, now {missing[1]:.1%}")
    material = moved and gap.low > _MATERIAL
    changed = bool(cells) or (pairs is None and bool(len(said))) or moved
    return CheckResult(
        name="column_changed" if changed else "column_same",
        subject=old.name,
        value=_known(gap.value),
        low=_known(gap.low),
        high=_known(gap.high),
        level=gap.level,
        n=new.rows,
        max=_MATERIAL,
        verdict="warn" if material else "pass",
        why="; ".join(said) or ("its shares moved" if changed else "nothing in it changed"),
        method=gap.method,
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _bins(column: ColumnProfile) -> list[int]:
    if column.type in ("category", "boolean"):
        return [*column.value_counts, column.other, column.missing]
    if column.type == "timestamp":
        return [column.present, column.missing]
    return [*column.counts, column.missing]


def _in_numbers(old: ColumnProfile, new: ColumnProfile) -> list[str]:
    if old.mean is None or new.mean is None or old.mean == new.mean:
        return []
    if old.type == "timestamp":
        spans = [f"{_day(each.minimum)} to {_day(each.maximum)}" for each in (old, new)]
        return [] if spans[0] == spans[1] else [f"from {spans[0]}, now {spans[1]}"]
    means = f"{old.mean:.4g}", f"{new.mean:.4g}"
    return [f"mean {means[0]}, now {means[1]}"] if means[0] != means[1] else []


def _day(seconds: float | None) -> str:
    moment = np.datetime64(int(seconds or 0), "s")
    return str(moment)[:10]


def _in_words(before: pl.Series, after: pl.Series) -> list[str]:
    old = before.cast(pl.String).drop_nulls().unique()
    new = after.cast(pl.String).drop_nulls().unique()
    came, went = new.filter(~new.is_in(old.implode())), old.filter(~old.is_in(new.implode()))
    return [*_list("new values", came), *_list("gone", went)]


def _list(title: str, values: pl.Series) -> list[str]:
    if not len(values):
        return []
    shown = ", ".join(repr(value[:40]) for value in values.sort().head(_SHOWN))
    more = f" and {len(values) - _SHOWN:,} more" if len(values) > _SHOWN else ""
    return [f"{title}: {shown}{more}"]
