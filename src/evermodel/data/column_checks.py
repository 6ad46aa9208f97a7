"""Checks of one column at a time: gaps, constants, values that cannot be, spellings."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from evermodel.data.intake import extremes, numbers
from evermodel.data.naming import may_be_turned, not_below_zero, percent
from evermodel.data.repairs import repair_for
from evermodel.project import Repair
from evermodel.project.keys import key_of
from evermodel.records import CheckResult
from evermodel.stats.intervals import wilson

__all__ = [
    "MOST_MISFITS",
    "column_checks",
    "evidence",
    "misfit_checks",
    "nothing_there",
    "reading_checks",
]

_SENTINELS = (
    -1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0,
    9999999.0, 99999999.0, -1e6, 1e6, -273.15, -99.9, -999.9,
    -9999.9, 999.9, 9999.9, 2147483647.0, -2147483648.0,
)  # fmt: skip
_EXAMPLES = 5
_NAMED = 3
_MOST_LEVELS = 1000
_OWN_VALUES = 0.5  # of the values, above which they hardly repeat
_MOSTLY = 0.5
_COUNTED = re.compile(r"^(\d+) of \d+ values are not (numbers|dates)")  # as the reader says it
_MOST_LATE = 0.02
MOST_MISFITS = 0.05
"""The largest share of a column that may be left missing for not being of its type."""


def evidence(series: pl.Series, wrong: pl.Series) -> dict[str, Any]:
    """Return rows (counted from 0) and example values where `wrong` is true.

    Examples
    --------
    >>> evidence(pl.Series([1, -2]), pl.Series([False, True]))
    {'rows': [1], 'examples': ['-2']}
    """
    rows = wrong.fill_null(value=False).arg_true().head(_EXAMPLES).to_list()
    return {"rows": rows, "examples": [str(series[row])[:80] for row in rows]}


def column_checks(
    series: pl.Series,
    *,
    missing_words: Mapping[str, int] | None = None,
    now: datetime | None = None,
) -> Iterator[CheckResult]:
    """Yield what is worth knowing about one column; a column in order yields its gaps only.

    `missing_words` are those that the reader took as missing here, with how many rows have each.

    Examples
    --------
    >>> [result.name for result in column_checks(pl.Series("age", [31, -4, 52]))]
    ['below_zero']
    """
    if series.null_count():
        yield _gaps(series, missing_words or {})
    known = series.drop_nulls()
    if series.len() and known.n_unique() <= 1:
        yield _constant(series, known)
        return
    if series.dtype.is_numeric():
        yield from _numbers(series)
    elif series.dtype.is_temporal():
        yield from _times(series, now)
    elif series.dtype == pl.String:
        yield from _words(series, known)


def reading_checks(frame: pl.DataFrame, understood: Any) -> Iterator[CheckResult]:
    """Yield a line for each column that the reader left as words though most of it is none.

    `value` is how many values are none of what most are; where no kind is the usual one, how many
    there are.

    Examples
    --------
    >>> list(reading_checks(pl.DataFrame({"n": [1, 2]}), None))
    []
    """
    for one in getattr(understood, "columns", ()):
        if not one.doubt or one.name not in frame.columns:
            continue
        series = frame[one.name]
        counted = _COUNTED.match(one.doubt)
        odd = series.is_not_null()
        if counted and counted[2] == "numbers":
            odd &= numbers(series).is_null()
        yield CheckResult(
            name="mixed_values",
            subject=one.name,
            value=float(counted[1] if counted else odd.sum()),
            unit="values",
            n=understood.rows,
            max=0,
            verdict="warn",
            why=f"{one.doubt}; declare what is odd under data.repairs (missing, map or strip)",
            evidence=evidence(series, odd) if counted is None or counted[2] == "numbers" else {},
        )


def misfit_checks(table: Any) -> Iterator[CheckResult]:
    """Yield a line for each column with cells that are not of its type, which are left missing.

    A few of them warn; a column with more than `MOST_MISFITS` of them fails, because what it says
    is then another thing than what was declared.

    Examples
    --------
    >>> list(misfit_checks(None))
    []
    """
    misfits = getattr(table, "misfits", None)
    if misfits is None:
        return
    types = {one.name: one.type for one in table.understood.columns}
    for column, cells in misfits.cells.items():
        rows, shown = misfits.rows[column], misfits.shown[column]
        share = cells / rows
        kind = {"number": "numbers", "timestamp": "dates", "boolean": "true or false"}
        place = "in row" if table.understood.kind == "spreadsheet" else "on line"
        said = ", ".join(f"{text!r} {place} {line}" for line, text in shown[:_NAMED])
        yield CheckResult(
            name="unreadable_cells",
            subject=column,
            value=float(cells),
            unit="rows",
            n=rows,
            max=MOST_MISFITS * rows if share > MOST_MISFITS else 0,
            verdict="fail" if share > MOST_MISFITS else "warn",
            why=f"{cells} of {rows} values ({share:.2%}) are not {kind[types[column]]}, as the "
            f"column's type is: {said}{', ...' if cells > _NAMED else ''}; "
            + _what_to_do(column, share),
            evidence={
                "lines": [line for line, _ in shown],
                "examples": [text for _, text in shown],
                "share": share,
            },
        )


def _what_to_do(column: str, share: float) -> str:
    declare = (
        f"correct them (evermodel data review), declare them in data.repairs.{key_of(column)}"
        f" (missing or map), or change data.types.{key_of(column)}"
    )
    if share > MOST_MISFITS:
        return f"more than {MOST_MISFITS:.0%} are too many to learn from: {declare}"
    return f"they are left missing: {declare}"


def _result(name: str, series: pl.Series, wrong: pl.Series, why: str, **more: Any) -> CheckResult:
    rows = int(wrong.fill_null(value=False).sum())
    given: dict[str, Any] = {"verdict": "warn", "max": 0, "evidence": evidence(series, wrong)}
    given |= more
    return CheckResult(
        name=name, subject=series.name, value=rows, unit="rows", n=series.len(), why=why, **given
    )


def nothing_there(series: pl.Series, named: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Return the first rows where a column has no value, and what stands there in the file.

    Examples
    --------
    >>> nothing_there(pl.Series([1, None]))
    {'rows': [1], 'examples': ['nothing']}
    >>> nothing_there(pl.Series([1, None]), {"?": 1})["examples"]
    ["'?'"]
    """
    rows = series.is_null().arg_true().head(_EXAMPLES).to_list()
    words = [word for word in named or {} if word]
    said = " or ".join(map(repr, words))
    if not words or sum((named or {}).values()) - (named or {}).get("", 0) < series.null_count():
        said = f"nothing or {said}" if words else "nothing"
    return {"rows": rows, "examples": [said] * len(rows)}


def _gaps(series: pl.Series, named: Mapping[str, int]) -> CheckResult:
    absent = series.null_count()
    share = absent / series.len()
    low, high, *_ = wilson(absent, series.len())
    return CheckResult(
        name="missing",
        subject=series.name,
        value=share,
        unit="share",
        low=low,
        high=high,
        level=0.95,
        n=series.len(),
        max=_MOSTLY,
        verdict="warn" if share > _MOSTLY else "pass",
        why="a gap is learned from as a gap; where most is missing, little can be learned",
        method="Wilson score interval",
        evidence=nothing_there(series, named),
    )


def _constant(series: pl.Series, known: pl.Series) -> CheckResult:
    always = series.null_count() in (0, series.len())
    shown = evidence(series, series.is_not_null()) if known.len() else nothing_there(series)
    return CheckResult(
        name="constant",
        subject=series.name,
        value=float(known.n_unique()),
        unit="values",
        n=series.len(),
        # Beside gaps one value may tell something.
        min=2 if always else None,
        verdict="warn" if always else "pass",
        why="a column with one value teaches nothing, and a later second value is new to the model",
        evidence=shown,
    )


def _numbers(series: pl.Series) -> Iterator[CheckResult]:
    if series.dtype.is_float():
        endless = series.is_infinite()
        if endless.any():
            why = "no model can be fitted to infinite numbers: make them missing or correct them"
            yield _result("infinite", series, endless, why, verdict="fail")
            series = series.set(endless, None)
    low, high = extremes(series)
    if low < 0 and not_below_zero(series.name):
        negative = series < 0
        # Negative amounts that are common have a meaning, such as a return or a refund.
        if not may_be_turned(series.name) or negative.sum() <= 0.05 * series.len():
            why = "by its name this is not below zero; the rows that are may be mistakes"
            yield _result("below_zero", series, negative, why)
    if percent(series.name) and high > 100:
        why = "a percentage above 100 is often a wrong unit"
        yield _result("above_100_percent", series, series > 100, why)
    yield from _sentinels(series)


def _sentinels(series: pl.Series) -> Iterator[CheckResult]:
    """Find numbers that stand for "unknown" or "too large": far from all others and frequent."""
    counts = series.drop_nulls().alias("value").value_counts(name="n").sort("value")
    if counts.height < 10:
        return
    values = counts.get_column("value").cast(pl.Float64)
    for at, beside, rest in ((0, 1, counts.height - 1), (-1, -2, 0)):
        value, other, far = values[at], values[beside], values[rest]
        rows = int(counts.get_column("n")[at])
        gap, spread = abs(value - other), abs(other - far)
        # Counts that end in -1 lie close to 0; only there is the usual gap too much to ask.
        negative_code = value < 0 <= other and value in (-1.0, -9.0, -99.0)
        few = math.ceil(max(5, 0.0005 * series.len())) - 1
        if value not in _SENTINELS or rows <= few:
            continue
        if gap >= 0.5 * spread or negative_code:
            why = f"{value:g} stands apart from all other values, as a code for unknown or a limit"
            yield _result("code_among_numbers", series, series == value, why, max=few)


def _times(series: pl.Series, now: datetime | None) -> Iterator[CheckResult]:
    if series.dtype == pl.Time or series.dtype == pl.Duration:
        return
    stamps = series.cast(pl.Datetime("us"))
    old = stamps < datetime(1900, 1, 1)
    if old.any():
        why = "a date before 1900 is most often a default or a wrongly read year"
        yield _result("date_before_1900", series, old, why)
    if now is not None:
        # A day more, for clocks of other zones. Many later ones are appointments or ends of terms.
        late = stamps > now.replace(tzinfo=None) + timedelta(days=1)
        if 0 < int(late.sum()) <= _MOST_LATE * (series.len() - series.null_count()):
            why = "what has not happened yet cannot have been observed: a slip in the year, mostly"
            yield _result("date_in_the_future", series, late, why)


def _as_mended(word: str, repair: Repair) -> str:
    """Return a word with what a repair makes of it."""
    if word in repair.map:
        return f"{word!r} = {repair.map[word]!r}"
    if word in repair.missing:
        return f"{word!r} stands for missing"
    return f"{word!r} is {word.strip(repair.strip)!r}"


def _words(series: pl.Series, known: pl.Series) -> Iterator[CheckResult]:
    damaged = series.str.contains("\ufffd|Ã[\u0080-\u00bf]")
    if damaged.any():
        yield _result(
            "damaged_letters", series, damaged, "the file was read or written in a wrong encoding"
        )
    advice = repair_for(series)
    numeric = advice is not None and advice.repair.type == "number"
    if advice is not None:
        repair = advice.repair
        wrong = series.is_in([*repair.map, *repair.missing])
        if repair.strip:
            wrong = wrong | (series.str.strip_chars(repair.strip) != series)
        why = "one meaning in two spellings is two categories to a model"
        if repair.type == "number":
            why = "the column is read as words until a repair is declared"
        shown = evidence(series, wrong)
        if repair.map or repair.missing:
            shown["examples"] = [_as_mended(series[row], repair) for row in shown["rows"]]
        elif not shown["rows"] or repair.type == "number":
            shown["examples"] = [advice.why]
        yield _result("spelling", series, wrong, why, evidence=shown)
    distinct = known.n_unique()
    if distinct > _MOST_LEVELS and not numeric:
        yield CheckResult(
            name="many_values",
            subject=series.name,
            value=float(distinct),
            unit="values",
            n=series.len(),
            max=_OWN_VALUES * known.len(),
            verdict="warn" if distinct > _OWN_VALUES * known.len() else "pass",
            why="values that hardly repeat teach little, and new rows will bring new ones",
            evidence=evidence(series, series.is_not_null()),
        )
