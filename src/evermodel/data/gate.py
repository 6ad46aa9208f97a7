"""Is a new batch broken, rather than changed.

A broken batch must not reach a model or a monitor; a changed one must. Each test therefore asks
for something that customers, seasons and markets do not do: a distribution that fits the old one
once a unit is taken back, a single value that floods a column, a feed that stops, a type that
flips, rows that are delivered twice, columns that took the place of others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.column_checks import evidence
from evermodel.data.deliveries import distinct_values, rarely_repeat, repeated_rows
from evermodel.data.intake import numbers, row_text, take
from evermodel.data.naming import calendar_part, is_identifier
from evermodel.data.personal.hiding import hidden, of_persons
from evermodel.data.repairs import MISSING_WORDS
from evermodel.data.shifted import LEAST_SHARE, find_shift
from evermodel.data.slips import FEWEST, part_slip, unit_slip
from evermodel.records import CheckResult, Report, Verdict
from evermodel.stats.intervals import wilson
from evermodel.tables import ColumnProfile, Profile

__all__ = ["gate"]

Floats = npt.NDArray[np.float64]

_LEAST_ROWS = 30
_NAMED = 4
_OTHER_TYPE = 0.02
_MORE_OF_ONE = 0.4
_UNSEEN = 0.2
_NO_TIMES = 0.05
_AGAIN = 0.05
_BY_ROW = "wrong"
_EMPTY = "the batch is empty"
_MANY = 20  # different values, from which on a column of numbers is more than a few codes
_SURE = 0.999
_FLOOD = 0.15
_LOOKED_AT = 5
_STUCK_LEAST = 0.1
_STUCK = 4.0  # times the largest share of any value; unaltered slices of real data reach 3.1
_AHEAD = 3.0  # times the rows of the next frequent value
_SUSPICIOUS = (0.0, -1.0, 99.0, 999.0, 9999.0, 99999.0, -99.0, -999.0, -9999.0)


def gate(
    table: Any,
    reference: Profile,
    *,
    key: Sequence[str] = (),
    ignore: Collection[str] = ("prediction",),
    known: Sequence[CheckResult] = (),
    marks: dict[tuple[str, str], pl.Series] | None = None,
) -> Report:
    """Return whether a new batch is broken, judged against a profile of earlier data.

    `reference` is a `tables.Profile`; columns in `ignore` may be absent and are not judged.
    Batches of fewer than 30 rows are judged by their columns and types only. Examples of columns
    that hold something of persons are shown in stars; `known` is what a check of the same table
    found, so that these are not looked for again. Where `marks` is given, it gets the rows that are
    wrong, by name and subject of a result that fails and of which single rows can be told.

    Examples
    --------
    >>> from evermodel.tables import profile
    >>> usual = pl.DataFrame({"kg": np.random.default_rng(0).normal(70, 10, 500)})
    >>> past = profile(usual, {"kg": "number"})
    >>> gate(usual, past).verdict, gate(usual * 1000, past).find("unit_slip").subject
    ('pass', 'kg')

    Raises
    ------
    DataError
        When it is no table or has no columns.
    """
    intake = take(table)
    frame = intake.frame
    few = frame.height < _LEAST_ROWS
    results = [
        CheckResult(
            name="rows",
            subject="rows",
            value=float(frame.height),
            unit="rows",
            n=frame.height,
            verdict="fail" if not frame.height else "unknown" if few else "pass",
            why=("too few rows to judge their values" if few else "") if frame.height else _EMPTY,
        )
    ]
    named = set()
    for column in reference.columns:
        named.add(column.name)
        if column.name in ignore:
            continue
        if column.name not in frame.columns:
            results.append(_missing_column(column.name, frame.columns))
        elif frame.height:
            results += _column(frame[column.name], column, few=few)
    results += [
        _result(
            "column_unknown",
            frame[name],
            "earlier data did not have it",
            verdict="warn",
            wrong=frame[name].is_not_null(),
            value=1.0,
            unit="columns",
            max=0,
        )
        for name in frame.columns
        if name not in named and name not in ignore
    ]
    if not few:
        results += _twice(frame, reference, key)
        results = _with_shift(results, frame, reference, ignore)
    for each in results:
        wrong = each.evidence.pop(_BY_ROW, None)
        if marks is not None and wrong is not None and each.verdict == "fail":
            marks[each.name, each.subject] = wrong
    if any(each.evidence.get("examples") for each in results):
        results = list(hidden(results, frame, of_persons(frame, known, profile=reference)))
    return Report(verb="gate", results=tuple(results), facts={"rows": frame.height})


def _result(
    name: str,
    series: pl.Series,
    why: str,
    *,
    verdict: Verdict = "fail",
    wrong: pl.Series | None = None,
    by_row: bool = False,
    **more: Any,
) -> CheckResult:
    """Return a result; `by_row` says that rows that are not wrong are in order."""
    shown = evidence(series, wrong) if wrong is not None else {"rows": [], "examples": []}
    if by_row and wrong is not None:
        shown[_BY_ROW] = wrong.fill_null(value=False)
    return CheckResult(
        name=name,
        subject=series.name,
        n=series.len(),
        verdict=verdict,
        why=why,
        evidence=shown,
        **more,
    )


def _with_shift(
    results: list[CheckResult], frame: pl.DataFrame, reference: Profile, ignore: Collection[str]
) -> list[CheckResult]:
    """Return results in which columns that moved are told once, and not each by itself."""
    asked = tuple(column for column in reference.columns if column.name not in ignore)
    shift = find_shift(frame, msgspec.structs.replace(reference, columns=asked))
    if shift is None:
        return results
    names = [name for name, _ in shift.moves]
    said = ", ".join(f"{name!r} holds {other!r}" for name, other in shift.moves[:_NAMED])
    more = f" and {len(names) - _NAMED} more moved" if len(names) > _NAMED else ""
    part = "all" if shift.share == 1.0 else f"at least {shift.share:.0%} of the"
    why = f"in {part} rows values stand in another column than before: {said}{more}"
    result = CheckResult(
        name="columns_shifted",
        subject=", ".join(names),
        value=shift.share,
        unit="share",
        n=frame.height,
        max=LEAST_SHARE,
        verdict="warn" if shift.rolling else "fail",
        why=why + ("; or the columns are a window that moved on" if shift.rolling else ""),
        method="Kolmogorov-Smirnov and total variation distance",
        evidence={
            "rows": list(shift.rows),
            "examples": [row_text(row) for row in frame[list(shift.rows)].select(names).rows()],
            "distance": {"own": round(shift.own, 3), "other": round(shift.other, 3)},
        },
    )
    if shift.rolling:
        return [*results, result]
    return [*(each for each in results if each.subject not in names), result]


def _missing_column(name: str, columns: Sequence[str]) -> CheckResult:
    return CheckResult(
        name="column_missing",
        subject=name,
        value=0.0,
        unit="columns",
        n=len(columns),
        min=1,
        verdict="fail",
        why="earlier data had this column and the batch has not",
        evidence={"rows": [], "examples": list(columns)[:5]},
    )


def _column(series: pl.Series, column: ColumnProfile, *, few: bool) -> Iterator[CheckResult]:
    """Yield what is broken in one column, and one result that says it is not otherwise."""
    found = list(_type(series, column))
    if not found and not few:
        found = list(_feed(series, column))
    if not found and not few:
        if column.type == "number":
            found = list(_number(numbers(series), column))
        elif column.type == "timestamp":
            found = list(_time(series))
        elif column.type in ("category", "boolean"):
            found = list(_category(series, column))
    yield from found
    if not found:
        yield _result("intact", series, "", verdict="pass")


def _type(series: pl.Series, column: ColumnProfile) -> Iterator[CheckResult]:
    given = series.is_not_null()
    if not given.any():
        return
    wrong = pl.Series([], dtype=pl.Boolean)
    if column.type == "number" and not series.dtype.is_numeric() and series.dtype != pl.Boolean:
        readable = series.dtype == pl.String
        wrong = given & numbers(series).is_null() if readable else given
    elif column.type == "timestamp" and not series.dtype.is_temporal():
        wrong = given
    share = float(wrong.sum()) / float(given.sum())
    if share > _OTHER_TYPE:
        yield _result(
            "type_changed",
            series,
            f"this held a {column.type} before; {share:.0%} of the values are none",
            wrong=wrong,
            value=share,
            unit="share",
            max=_OTHER_TYPE,
        )


def _feed(series: pl.Series, column: ColumnProfile) -> Iterator[CheckResult]:
    """Find a feed that stopped: gaps where values used to be."""
    before = column.missing / max(column.rows, 1)
    after = series.null_count() / series.len()
    stops = before + 0.4 if before > 0.02 else 0.2
    stops = min(stops, 0.9) if before < 0.6 else stops
    stopped = after >= stops
    more = 2 * before + 0.05
    if stopped or after >= more:
        yield _result(
            "feed_stopped" if stopped else "more_missing",
            series,
            f"{after:.1%} is missing, {before:.1%} was before",
            verdict="fail" if stopped else "warn",
            wrong=series.is_null(),
            value=after,
            unit="share",
            max=stops if stopped else more,
        )


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _bins(column: ColumnProfile) -> tuple[Floats, Floats]:
    counts = np.asarray(column.counts, dtype=np.float64)
    total = float(counts.sum())
    edges = np.asarray(column.edges, dtype=np.float64)
    return edges, counts / total if total else counts


def _number(series: pl.Series, column: ColumnProfile) -> Iterator[CheckResult]:
    known = series.drop_nulls()
    edges, shares = _bins(column)
    if known.len() < _LEAST_ROWS or not edges.size or shares.size != edges.size + 1:
        return
    values = known.cast(pl.Float64).to_numpy().astype(np.float64)
    if distinct_values(column) >= 10 and not calendar_part(series.name) and not _running(values):
        low, high = _or_nan(column.minimum), _or_nan(column.maximum)
        slip = unit_slip(values, edges, shares, low, high)
        if slip is not None:
            why = f"the values fit earlier ones once {slip.unit} is taken back: a slip of units"
            yield _result(
                "unit_slip", series, why, wrong=series.is_not_null(), value=slip.before, max=0.4
            )
            return
        part = part_slip(values, edges, shares, low, high)
        if part is not None and not _one_value(values[part[1]], values.size):
            which = pl.Series(part[1])
            share = f"at least {part[0].share:.0%} of the values"
            why = f"{share} fit earlier ones once {part[0].unit} is taken back"
            whole = series.is_not_null().to_numpy().copy()
            whole[whole] = which.to_numpy()
            yield _result(
                "unit_slip",
                series,
                why,
                wrong=pl.Series(whole),
                by_row=True,
                value=part[0].share,
                unit="share",
                max=(FEWEST - 1) / values.size,
            )
            return
    # A month or a weekday takes over its column in every short batch.
    if not calendar_part(series.name):
        yield from _flood(series, known, column, edges, shares)


def _running(values: Floats) -> bool:
    """Whether values number the rows: each is the one before and one more."""
    return values.size > 1 and bool((np.diff(values) == 1.0).all())


def _one_value(some: Floats, rows: int) -> bool:
    """Whether values are one value that floods its column, rather than a distribution that slipped.

    Codes for unknown fit earlier values by some factor, too.
    """
    most = np.unique(some, return_counts=True)[1].max()
    return bool(most >= 0.9 * some.size and most >= _FLOOD * rows)


def _flood(
    series: pl.Series, known: pl.Series, column: ColumnProfile, edges: Floats, shares: Floats
) -> Iterator[CheckResult]:
    """Find one value that takes over a column in which it was rare: a default, a stuck sensor."""
    top = known.alias("value").value_counts(sort=True, name="n").head(_LOOKED_AT)
    low, high = _or_nan(column.minimum), _or_nan(column.maximum)
    # A code that was never there may flood a column in which another value is more frequent yet.
    codes = [
        row
        for row in top.filter(pl.col("n") >= _FLOOD * known.len()).rows()
        if row[0] in _SUSPICIOUS and not low <= row[0] <= high
    ]
    counts = codes[0] if codes else top.row(0)
    value, after = float(counts[0]), int(counts[1]) / known.len()
    # The bin holds other values too, so this is at least what the value's share was.
    before = float(shares[int(np.searchsorted(edges, value, side="left"))])
    if not low <= value <= high:
        before = 0.0
    if value in _SUSPICIOUS or before == 0.0:
        least, enough = _FLOOD, _FLOOD
    else:
        least, enough = 0.35, 0.7
    risen = after - before >= least and after >= _FLOOD
    broken = risen and distinct_values(column) >= _MANY and after >= enough
    stuck = [] if broken else list(_stuck(series, top, column, shares))
    yield from stuck
    if risen and not stuck:
        yield _result(
            "default_flood" if broken else "one_value_more",
            series,
            f"{value:g} is in {after:.0%} of the rows, and was in at most {before:.0%} before",
            verdict="fail" if broken else "warn",
            wrong=series == counts[0],
            by_row=True,
            value=after,
            unit="share",
            max=max(before + least, _FLOOD),
        )


def _stuck(
    series: pl.Series, top: pl.DataFrame, column: ColumnProfile, shares: Floats
) -> Iterator[CheckResult]:
    """Find a value whose share no single value ever came near: a sensor that stands still.

    A short or calm batch has few values, so the next frequent one must stay far behind as well.
    Of identifiers one takes over whenever its bearer is busy.
    """
    if is_identifier(series.name) or distinct_values(column) < _MANY or series.len() < _LEAST_ROWS:
        return
    n = series.len() - series.null_count()
    rows = [*top.get_column("n").to_list(), 0]
    # Where the profile does not know it, the fullest bin is at least what one value had.
    heap = column.heap if column.heap is not None else float(shares.max()) * column.present
    usual = wilson(heap, column.present, _SURE)
    found = wilson(rows[0], n, _SURE)
    if found.low < max(_STUCK_LEAST, _STUCK * usual.high) or rows[0] < _AHEAD * rows[1]:
        return
    value = float(top.row(0)[0])
    yield _result(
        "stuck_value",
        series,
        f"{value:g} is in {rows[0] / n:.0%} of the rows, and no single value was in more than "
        f"{heap / column.present:.1%} before: a sensor that stands still, or a default",
        wrong=series == top.row(0)[0],
        by_row=True,
        value=rows[0] / n,
        unit="share",
        low=found.low,
        high=found.high,
        level=_SURE,
        max=_STUCK * usual.high,
        method=found.method,
    )


def _category(series: pl.Series, column: ColumnProfile) -> Iterator[CheckResult]:
    words = series.cast(pl.String)
    known = words.drop_nulls()
    if known.len() < _LEAST_ROWS or not column.values:
        return
    usual = {str(v): int(n) for v, n in zip(column.values, column.value_counts, strict=False)}
    if series.dtype == pl.Boolean or column.type == "boolean":
        usual = {name.lower(): n for name, n in usual.items()}
        words = words.str.to_lowercase()
    rest = int(column.other) / max(sum(usual.values()) + int(column.other), 1)
    unseen = words.is_not_null() & ~words.is_in(list(usual))
    share = float(unseen.sum()) / known.len()
    # Of a column with many values the profile keeps the frequent ones only.
    if share - rest >= _UNSEEN and rest < _UNSEEN:
        plain = {_plain(name) for name in usual}
        again = words.filter(unseen).unique()
        respelled = sum(_plain(word) in plain for word in again) >= 0.5 * again.len()
        why = f"{share:.0%} of the values were never seen before"
        if respelled:
            why += ", but for their spelling they are the known ones"
        broken = respelled or (share >= 0.9 and rest < 0.05)
        if not broken and (gaps := _gap_words(words, unseen, share)) is not None:
            yield gaps
            return
        yield _result(
            "values_changed",
            series,
            why,
            verdict="fail" if broken else "warn",
            wrong=unseen,
            by_row=True,
            value=share,
            unit="share",
            max=rest + _UNSEEN,
        )
        return
    top = known.alias("value").value_counts(sort=True, name="n").row(0)
    before = usual.get(str(top[0]), 0) / max(sum(usual.values()) + int(column.other), 1)
    after = int(top[1]) / known.len()
    if after - before >= _MORE_OF_ONE:
        broken = str(top[0]).strip().lower() in MISSING_WORDS
        yield _result(
            "default_flood" if broken else "one_value_more",
            series,
            f"{str(top[0])!r} is in {after:.0%} of the rows, and was in {before:.0%} before",
            verdict="fail" if broken else "warn",
            wrong=words == str(top[0]),
            by_row=True,
            value=after,
            unit="share",
            max=before + _MORE_OF_ONE,
        )


def _gap_words(words: pl.Series, unseen: pl.Series, share: float) -> CheckResult | None:
    """Return the flood of a word for missing that was never there before, or None."""
    top = words.filter(unseen).alias("word").value_counts(sort=True, name="n").row(0)
    part = int(top[1]) / (words.len() - words.null_count())
    if str(top[0]).strip().lower() not in MISSING_WORDS or part < 0.4 or part < 0.9 * share:
        return None
    return _result(
        "default_flood",
        words,
        f"{str(top[0])!r} is in {part:.0%} of the rows, and was in none before",
        wrong=words == str(top[0]),
        by_row=True,
        value=part,
        unit="share",
        max=0.0,
    )


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())


def _time(series: pl.Series) -> Iterator[CheckResult]:
    """Find dates that are a default or come from seconds read as milliseconds."""
    if series.dtype in (pl.Time, pl.Duration):
        return
    stamps = series.cast(pl.Datetime("us"))
    first, last = datetime(1970, 1, 31), datetime(2200, 1, 1)
    odd = (stamps < first) & (stamps > datetime(1969, 12, 1)) | (stamps > last)
    share = float(odd.fill_null(value=False).sum()) / series.len()
    if share >= _NO_TIMES:
        yield _result(
            "default_flood",
            series,
            f"{share:.0%} of the times lie at the beginning of 1970 or after 2200",
            wrong=odd,
            by_row=True,
            value=share,
            unit="share",
            max=_NO_TIMES,
        )


def _twice(frame: pl.DataFrame, reference: Profile, key: Sequence[str]) -> Iterator[CheckResult]:
    """Find a delivery that came twice: in its rows, or in keys that were unique."""
    if rarely_repeat(frame, reference):
        repeated = repeated_rows(frame)
        if repeated is not None:
            yield repeated
            return
    names = [name for name in key if name in frame.columns]
    was_unique = {
        c.name for c in reference.columns if c.rows and distinct_values(c) >= 0.99 * c.rows
    }
    if len(names) == 1 and names[0] in was_unique:
        keys = frame[names[0]].drop_nulls()
        extra = keys.len() - keys.n_unique()
        least = max(5, _AGAIN * frame.height)
        if extra >= least:
            yield _result(
                "delivered_twice",
                frame[names[0]],
                "keys that were never repeated before are in the batch more than once",
                wrong=frame[names[0]].is_duplicated(),
                value=extra / frame.height,
                unit="share",
                max=least / frame.height,
            )
