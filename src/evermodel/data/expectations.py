"""Sentences of a project about its columns, held against every row; and those that are true now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from evermodel.data.column_checks import evidence
from evermodel.data.intake import extremes
from evermodel.data.naming import is_identifier
from evermodel.errors import nearest
from evermodel.project.expectations import Expectation, bound_of
from evermodel.records import CheckResult

__all__ = ["expected", "learned"]

_MOST_WORDS = 12
_LONGEST = 90
_LEAST_ROWS = 50
_SPARE = 0.2
"""Learned ranges reach this share of the range beyond what was seen: the next rows are others."""


def expected(frame: pl.DataFrame, made: Expectation) -> CheckResult:
    """Return how many rows break an expectation.

    Examples
    --------
    >>> from evermodel.project.expectations import parse_expectation
    >>> table = pl.DataFrame({"age": [31, 210, None]})
    >>> asked = parse_expectation("age is between 0 and 120")
    >>> assert asked is not None
    >>> found = expected(table, asked)
    >>> found.verdict, found.value, found.evidence["rows"]
    ('fail', 1.0, [1])
    """
    if made.column not in frame.columns:
        near = nearest(made.column, frame.columns)
        why = f"there is no such column to hold to {made.text!r}"
        why += f"; did you mean {near!r}?" if near else ""
        return CheckResult(name="expectation", subject=made.column, verdict="fail", why=why)
    series = frame[made.column]
    wrong = _broken(series, made)
    if wrong is None:
        why = f"{made.text!r} cannot be asked of a column of this type ({series.dtype})"
        return CheckResult(name="expectation", subject=made.column, verdict="fail", why=why)
    rows = int(wrong.sum())
    return CheckResult(
        name="expectation",
        subject=made.column,
        slice=made.kind,
        value=float(rows),
        unit="rows",
        n=len(series),
        max=0,
        verdict=made.verdict if rows else "pass",
        why=f"you asked that {made.text.removesuffix(' (warn)')}",
        evidence=evidence(series, wrong),
    )


def _broken(series: pl.Series, made: Expectation) -> pl.Series | None:
    """Return which values break an expectation; what is missing breaks only "never missing"."""
    if made.kind == "never missing":
        return series.is_null()
    if made.kind == "unique":
        return series.is_duplicated() & series.is_not_null()
    if made.kind in ("one of", "like"):
        texts = _as_words(series)
        right = (
            texts.is_in(list(made.words))
            if made.kind == "one of"
            else texts.str.contains(f"^(?:{made.words[0]})$")
        )
        return (~right).fill_null(value=False)
    low, high = bound_of(made.low), bound_of(made.high)
    for bound in (low, high):
        if bound is not None and isinstance(bound, datetime) != series.dtype.is_temporal():
            return None
        if isinstance(bound, float) and not series.dtype.is_numeric():
            return None
    wrong = pl.repeat(value=False, n=len(series), dtype=pl.Boolean, eager=True)
    if low is not None:
        wrong = wrong | (series < low)
    if high is not None:
        wrong = wrong | (series > high)
    return wrong.fill_null(value=False)


def _as_words(series: pl.Series) -> pl.Series:
    if series.dtype == pl.Boolean or series.dtype == pl.String:
        return series.cast(pl.String)
    if series.dtype.is_float():
        whole = series.cast(pl.Int64, strict=False)
        exact = (whole.cast(pl.Float64) == series).fill_null(value=False)
        return series.cast(pl.String).zip_with(~exact, whole.cast(pl.String))
    return series.cast(pl.String)


def learned(columns: Mapping[str, pl.Series], key: Sequence[str] = ()) -> tuple[str, ...]:
    """Return sentences that are true of every row that there is, for their owner to choose from.

    Ranges reach a fifth beyond what was seen, and end at 0 where nothing lies below it. Words are
    listed where a column has few of them, each in many rows.

    Examples
    --------
    >>> table = pl.DataFrame({"id": range(60), "plan": ["a", "b"] * 30})
    >>> learned(table.to_dict(), key=["id"])
    ('id is never missing', 'id is unique', 'plan is never missing', 'plan is one of a, b')
    """
    found: list[str] = []
    for name, series in columns.items():
        if len(series) < _LEAST_ROWS or " is " in name or name != name.strip():
            continue
        known = series.drop_nulls()
        if len(known) == len(series):
            found.append(f"{name} is never missing")
        if (name in key or is_identifier(name)) and known.n_unique() == len(known) > 0:
            found.append(f"{name} is unique")
        elif series.dtype.is_numeric():
            found += _range(name, known)
        elif series.dtype in (pl.String, pl.Boolean):
            found += _listed(name, known)
    return tuple(found)


def _range(name: str, known: pl.Series) -> list[str]:
    if known.n_unique() < 3:
        return []
    low, high = extremes(known)
    if not (-1e300 < low < high < 1e300):
        return []
    spare = _SPARE * (high - low)
    bottom = 0.0 if 0 <= low < spare else low - spare
    if known.dtype.is_integer():
        return [f"{name} is between {int(bottom)} and {int(high + spare)}"]
    return [f"{name} is between {_plain(bottom)} and {_plain(high + spare)}"]


def _plain(value: float) -> str:
    """Return a number of four digits without an exponent where it is of a usual size."""
    rounded = float(f"{value:.4g}")
    return f"{rounded:.0f}" if 1e4 <= abs(rounded) < 1e15 else f"{rounded:.4g}"


def _listed(name: str, known: pl.Series) -> list[str]:
    counts = _as_words(known).alias("value").value_counts(name="n")
    words = counts.get_column("value").sort().to_list()
    if not 2 <= len(words) <= _MOST_WORDS or min(counts["n"].to_list()) < 5:
        return []
    if any(not word or word != word.strip() or '"' in word for word in words):
        return []
    sentence = f"{name} is one of " + ", ".join(f'"{w}"' if "," in w else w for w in words)
    return [sentence] if len(sentence) <= _LONGEST else []
