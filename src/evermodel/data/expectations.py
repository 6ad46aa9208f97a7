"""Sentences of a project about its columns, held against every row; and those that are true now."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.column_checks import evidence
from evermodel.data.naming import is_identifier
from evermodel.data.personal.names import looks_like_names
from evermodel.errors import nearest
from evermodel.project.expectations import Expectation, bound_of, number_word, number_words
from evermodel.records import CheckResult

__all__ = ["breaking", "expected", "learned", "set_aside", "usual_range"]

_MOST_WORDS = 12
_LONGEST = 90
_LEAST_ROWS = 50
_RECURS = 5
_MOST_WRONG = 0.1
_MOST_FAR = 0.02
_FAR = 3.2
_CODES = frozenset(
    float(f"{sign}{nines * count}")
    for sign in ("", "-")
    for nines in ("9", "8")
    for count in range(2, 10)
) | {-1.0, -9.0, 9.0}
_OF_SOMEBODY = r"@\w|\d{6,}"
"""What no list of words may copy: an address, a long number."""
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
        return CheckResult(
            name="expectation", subject=made.column, value=0.0, unit="columns", n=frame.width,
            min=1, verdict="fail", why=why,
        )  # fmt: skip
    series = frame[made.column]
    wrong = breaking(series, made)
    if wrong is None:
        why = f"{made.text!r} cannot be asked of a column of this type ({series.dtype})"
        known = series.is_not_null()
        return CheckResult(
            name="expectation", subject=made.column, value=float(known.sum()), unit="values",
            n=len(series), max=0, verdict="fail", why=why, evidence=evidence(series, known),
        )  # fmt: skip
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


def breaking(series: pl.Series, made: Expectation) -> pl.Series | None:
    """Return which values break an expectation, or None where it cannot be asked of their type.

    What is missing breaks only "never missing".

    Examples
    --------
    >>> from evermodel.project.expectations import parse_expectation
    >>> asked = parse_expectation("age is between 0 and 120")
    >>> assert asked is not None
    >>> breaking(pl.Series([31, 210, None]), asked).to_list()
    [False, True, False]
    """
    if made.kind == "never missing":
        return series.is_null()
    if made.kind == "unique":
        return series.is_duplicated() & series.is_not_null()
    if made.kind in ("one of", "like"):
        texts = _as_words(series)
        named = number_words(made.words) if series.dtype.is_numeric() else made.words
        right = (
            texts.is_in(list(named))
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
        values = series.cast(pl.Float64).fill_nan(None)
        known = values.drop_nulls().unique()
        named = pl.Series([number_word(value) for value in known.to_list()], dtype=pl.String)
        return values.replace_strict(known, named, default=None, return_dtype=pl.String)
    return series.cast(pl.String)


def learned(
    columns: Mapping[str, pl.Series],
    key: Sequence[str] = (),
    *,
    personal: Collection[str] = (),
    suspects: Mapping[str, Collection[int]] | None = None,
) -> tuple[str, ...]:
    """Return sentences that are true of every row that looks right, for their owner to choose from.

    Ranges reach a fifth beyond what was seen, and end at 0 where nothing lies below it; what lies
    far outside of the rest, codes such as 999 and `suspects` are set aside first (`usual_range`).
    Words are listed where a column has few of them, each in many rows, and none names a person.

    Parameters
    ----------
    columns : mapping of str to pl.Series
    key : sequence of str
        Of a key no value is named.
    personal : collection of str
        Columns that hold something of persons: no word of them is named either.
    suspects : mapping of str to collection of int, optional
        Rows (from 0) whose cell in the column looks wrong.

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
        elif name in key:
            continue
        elif series.dtype.is_numeric():
            found += _range(name, _trusted(series, (suspects or {}).get(name, ())))
        elif series.dtype in (pl.String, pl.Boolean) and name not in personal:
            found += _listed(name, known, _trusted(series, (suspects or {}).get(name, ())))
    return tuple(found)


def _trusted(series: pl.Series, wrong: Collection[int]) -> pl.Series:
    """Return the known values without those that look wrong, unless these are many."""
    if not 0 < len(wrong) <= _MOST_WRONG * len(series):
        return series.drop_nulls()
    kept = ~pl.int_range(len(series), eager=True).is_in(list(wrong))
    return series.filter(kept).drop_nulls()


def usual_range(known: pl.Series) -> tuple[float, float]:
    """Return the least and the greatest number of a column without what is far outside of it.

    Set aside are codes such as 999 or -1 that stand apart, and at most one value in fifty (or a
    single one) that lies further from the median than 3.2 times the distance of the 5 % or 95 %
    quantile, for positive numbers on the scale of their logarithms too: 5 standard deviations of
    a normal or a lognormal distribution (compare Tukey 1977, "Exploratory Data Analysis").

    Examples
    --------
    >>> ages = pl.Series([20 + n % 50 for n in range(200)] + [999, 410])
    >>> usual_range(ages)
    (20.0, 69.0)
    """
    right = _without_far(_without_codes(_in_order(known)))
    return (float(right[0]), float(right[-1])) if len(right) else (np.nan, np.nan)


def set_aside(known: pl.Series) -> dict[float, Literal["code", "far"]]:
    """Return the numbers that `usual_range` sets aside, and why each.

    Examples
    --------
    >>> ages = pl.Series([20 + n % 50 for n in range(200)] + [999, 410])
    >>> set_aside(ages)
    {999.0: 'code', 410.0: 'far'}
    """
    every = _in_order(known)
    plain = _without_codes(every)
    codes = np.setdiff1d(every, plain).tolist()
    far = np.setdiff1d(plain, _without_far(plain)).tolist()
    return {**dict.fromkeys(codes, "code"), **dict.fromkeys(far, "far")}


def _in_order(known: pl.Series) -> npt.NDArray[np.float64]:
    values = np.sort(known.drop_nulls().cast(pl.Float64).to_numpy().astype(np.float64))
    return values[np.isfinite(values)]


def _without_far(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return sorted values without those far outside, unless these are many."""
    if len(values) < _LEAST_ROWS or values[0] == values[-1]:
        return values
    low, high = _fences(values)
    right = values[(values >= low) & (values <= high)]
    return values if len(values) - len(right) > max(1, _MOST_FAR * len(values)) else right


def _without_codes(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return sorted values without a code at either end that stands apart from all others."""
    for at_end in (False, True):
        inner = values[values != values[-1 if at_end else 0]] if len(values) else values
        if len(inner) < _LEAST_ROWS // 2 or inner[0] == inner[-1]:
            continue
        code, next_to = (values[-1], inner[-1]) if at_end else (values[0], inner[0])
        apart = abs(code - next_to) >= 0.5 * (inner[-1] - inner[0])
        if code in _CODES and (apart or (code < 0 <= next_to)):
            values = inner
    return values


def _fences(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    if not low < middle < high:
        return -np.inf, np.inf
    below, above = middle - _FAR * (middle - low), middle + _FAR * (high - middle)
    if values[0] >= 0:
        inside = values[values > 0]
        middle, high = np.quantile(np.log(inside), [0.5, 0.95])
        # What grows by factors is far only where it is far by factors as well.
        wide = middle + _FAR * (high - middle)
        return -np.inf, max(above, float(np.exp(min(wide, 700.0))))
    return float(below), float(above)


def _range(name: str, known: pl.Series) -> list[str]:
    if known.n_unique() < 3:
        return []
    low, high = usual_range(known)
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


def _listed(name: str, known: pl.Series, trusted: pl.Series) -> list[str]:
    counts = _as_words(known).alias("value").value_counts(name="n")
    right = set(_as_words(trusted).unique().to_list())
    # A word of which every cell looks wrong is none of the column's words.
    counts = counts.filter(pl.col("value").is_in(list(right)) | (pl.col("n") >= _RECURS))
    words = counts.get_column("value").sort().to_list()
    if not 2 <= len(words) <= _MOST_WORDS or min(counts["n"].to_list()) < _RECURS:
        return []
    if any(not word or word != word.strip() or '"' in word for word in words):
        return []
    if looks_like_names(words) or any(re.search(_OF_SOMEBODY, word) for word in words):
        return []
    sentence = f"{name} is one of " + ", ".join(f'"{w}"' if "," in w else w for w in words)
    return [sentence] if len(sentence) <= _LONGEST else []
