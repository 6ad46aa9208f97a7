"""Numbers and dates that cannot be, or that lie so far off that a slip is likelier."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from evermodel.data.cells.claims import Claim
from evermodel.data.cells.columns import Bools, Floats, Ints, Values
from evermodel.data.naming import may_be_turned, not_below_zero, percent, words
from evermodel.data.second_units import (
    ALL_COLUMNS,
    LEAST,
    SHARE,
    Unit,
    gap_chance,
    may_be_so,
    second_unit,
)

__all__ = ["extremes", "impossible", "medcouple"]

_MOST_IMPOSSIBLE = 0.05
_LEAST = 30
_FEW = 3
_FEW_SHARE = 0.0005
_JUMP = 0.7
_FEW_COLUMNS = 50
_UNITS = 4
_KIND = 0.5
_SURE = 0.93  # above "impossible": that a unit is taken back says more, and what to write
_RANGES = {
    "latitude": (-90.0, 90.0), "lat": (-90.0, 90.0), "longitude": (-180.0, 180.0),
    "lon": (-180.0, 180.0), "lng": (-180.0, 180.0), "month": (0.0, 12.0), "hour": (0.0, 24.0),
    "minute": (0.0, 60.0), "weekday": (0.0, 7.0),
}  # fmt: skip
_PARTS = {
    "Y-m-d": re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"),
    "d-m-Y": re.compile(r"(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})[-/.](?P<y>\d{4})(?!\d)"),
    "m-d-Y": re.compile(r"(?P<m>\d{1,2})[-/.](?P<d>\d{1,2})[-/.](?P<y>\d{4})(?!\d)"),
}
_CLOCK = re.compile(r"\b(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def impossible(column: Values) -> Iterator[Claim]:
    """Yield numbers that a column of this name cannot hold, and dates and times that do not exist.

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> days = ["2020-01-31"] * 30 + ["2020-02-30"]
    >>> frame = pl.DataFrame({"age": ["30"] * 30 + ["-4"], "day": days})
    >>> [(c.place, c.rows.tolist()) for column in read_columns(frame) for c in impossible(column)]
    [(0, [30]), (1, [30])]
    """
    if column.numeric_share >= 0.8:
        wrong, why = _by_name(column)
    else:
        wrong, why = _no_such_time(column)
    codes = np.flatnonzero(wrong)
    if codes.size and int(column.counts[codes].sum()) <= _MOST_IMPOSSIBLE * column.filled:
        yield Claim(column.place, column.rows_of(codes), 0.92, "impossible", why)


def _by_name(column: Values) -> tuple[np.ndarray, str]:
    values, found = column.numbers, set(words(column.name))
    nothing = np.zeros(values.size, dtype=np.bool_)
    if "age" in found and float(np.nanmedian(values)) < 100:
        return (values < 0) | (values > 120), "Nobody is of this age."
    for word, (low, high) in _RANGES.items():
        if word in found:
            return (values < low) | (values > high), f"By its name, {column.name!r} cannot be this."
    if percent(column.name):
        return (values < 0) | (values > 100), "A percentage lies between 0 and 100."
    if not_below_zero(column.name) and not may_be_turned(column.name):
        return values < 0, f"By its name, {column.name!r} cannot be below zero."
    return nothing, ""


def _no_such_time(column: Values) -> tuple[np.ndarray, str]:
    """Find days and hours that no calendar and no clock has, among others that are real."""
    wrong = np.zeros(len(column.texts), dtype=np.bool_)
    if not column.moment:
        return wrong, ""
    for pattern in _PARTS.values():
        like, bad = 0, []
        for code, text in enumerate(column.texts):
            found = pattern.match(text)
            if found:
                like += int(column.counts[code])
                month, day, year = int(found["m"]), int(found["d"]), int(found["y"])
                if not (1 <= month <= 12 and 1 <= day <= _days(year, month)):
                    bad.append(code)
        rows = int(column.counts[bad].sum()) if bad else 0
        if like >= 0.8 * column.filled and rows <= _MOST_IMPOSSIBLE * like:
            wrong[bad] = True
            break
    for code, text in enumerate(column.texts):
        clock = _CLOCK.search(text)
        wrong[code] |= bool(clock and (int(clock[1]) > 24 or int(clock[2]) > 59))
    return wrong, "There is no such date or time."


def _days(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 28 if month == 2 and not leap else _DAYS[month - 1]


def extremes(
    column: Values, skip: frozenset[int] = frozenset(), others: Sequence[Values] = ()
) -> Iterator[Claim]:
    """Yield the few numbers (or dates) that stand apart from all others, however skewed these are.

    A number is an extreme when it lies beyond the fence of the box plot adjusted for skew (Hubert
    and Vandervieren 2008, "An adjusted boxplot for skewed distributions") and, on a logarithmic
    scale, 1.7 times as far out as the last of the others: a long tail thins out, it does not jump.

    Three numbers and more, up to a fifth of the column, that a gap parts from the others and that
    are a copy of them in another unit are a slip of units (see `second_unit`), unless one of the
    `others` tells them apart too: then they are things of another kind.

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> heights = [str(160 + i) for i in range(40)] + ["1.72"]
    >>> [column] = read_columns(pl.DataFrame({"cm": heights}))
    >>> [(claim.rows.tolist(), claim.suggestions) for claim in extremes(column)]
    [([40], ('172',))]
    """
    values = _as_numbers(column)
    if values is None:
        return
    known = np.flatnonzero(~np.isnan(values))
    known = known[~np.isin(known, list(skip))]
    n = int(column.counts[known].sum()) if known.size else 0
    if n < _LEAST or known.size < 10:
        return
    told: set[int] = set()
    for claim in (*_second_units(column, known, others), *_other_unit(column, known, len(others))):
        codes = {int(code) for code in np.unique(column.codes[claim.rows])}
        if not codes & told:
            told |= codes
            yield claim
    known = known[~np.isin(known, list(told))]
    spread = np.repeat(values[known], column.counts[known])
    order = known[np.argsort(values[known])]
    for path in (order, order[::-1]):
        codes_ = _tail(column, values, path, spread)
        low, high = _fences(spread) if codes_ else (0.0, 0.0)
        codes_ = [code for code in codes_ if not low <= values[code] <= high]
        if codes_:
            reason = "It lies far off all other values of this column."
            yield Claim(column.place, column.rows_of(codes_), 0.8, "outlier", reason)


def _second_units(column: Values, known: Ints, others: Sequence[Values]) -> Iterator[Claim]:
    """Find parts of the column that are the rest of it in another unit, one after the other."""
    if column.numeric_share < 0.8:
        return
    usable = np.zeros(len(column.texts), dtype=np.bool_)
    usable[known] = True
    rows = np.flatnonzero(usable[column.codes])
    total = rows.size
    for _ in range(_UNITS):
        values = column.numbers[column.codes[rows]]
        found = second_unit(values, column.name, columns=max(1, len(others)))
        if found is None or int(found.which.sum()) > SHARE * total:
            return
        part = rows[found.which]
        if not any(_tells(other, rows, found.which) for other in others if other is not column):
            sure = may_be_so(found.unit, column.name)
            back = found.unit.back(values[found.which]) if sure else ()
            yield Claim(
                column.place,
                part,
                _SURE if part.size >= 5 and sure else 0.88,
                "outlier",
                _said(found.unit) if sure else "It lies apart from nearly all other values.",
                tuple(f"{value:.10g}" for value in back),
            )
        rows = rows[~found.which]


def _said(unit: Unit) -> str:
    if unit.less:
        return f"It reads like {unit.said} among the other values of this column."
    return f"It is {unit.said} than the usual values: another unit, perhaps."


def _tells(other: Values, rows: Ints, which: Bools) -> bool:
    """Say whether another column parts these rows from the others too, by its values or its size.

    What slipped in two columns of the same rows at once is no proof of another kind of thing.
    """
    codes = other.codes[rows]
    size = np.bincount(codes, minlength=len(other.texts))
    held = np.bincount(codes[which], minlength=len(other.texts))
    own = (size >= 3) & (held >= 0.5 * size)
    if int(held[own].sum()) >= _KIND * which.sum():
        return True
    if other.numeric_share < 0.8 or which.sum() < 5:
        return False
    values = other.numbers[codes]
    part, main = values[which & ~np.isnan(values)], values[~which & ~np.isnan(values)]
    if part.size < 5 or main.size < _LEAST:
        return False
    order = np.sort(main)
    places = np.searchsorted(order, part, "left") + np.searchsorted(order, part, "right")
    above = float(places.mean()) / (2.0 * main.size)
    if max(above, 1.0 - above) < 0.9:
        return False
    known = ~np.isnan(values)
    same = second_unit(values[known], other.name)
    return same is None or int((same.which & which[known]).sum()) < 0.5 * int(same.which.sum())


def _as_numbers(column: Values) -> Floats | None:
    """Return numbers, or dates as days, one for each distinct value; None for other columns."""
    if column.numeric_share >= 0.8:
        return column.numbers
    if (
        column.prose
        or column.numeric_share > 0.05
        or not re.match(r"\d{4}-\d\d-\d\d", _top(column))
    ):
        return None
    days = pl.Series(column.texts).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    made = days.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
    share = column.counts[~np.isnan(made)].sum() / max(1, column.filled)
    return made if share >= 0.95 else None


def _top(column: Values) -> str:
    return column.texts[int(np.argmax(column.counts))]


def medcouple(values: Floats) -> float:
    """Return the medcouple, a measure of skew from -1 to 1 that outliers do not move.

    Brys, Hubert and Struyf (2004), "A robust measure of skewness". At most 1,000 values are used,
    evenly spread over the sorted ones.

    Examples
    --------
    >>> round(medcouple(np.arange(101.0)), 3)
    0.0
    >>> medcouple(np.exp(np.arange(101.0) / 20)) > 0.3
    True
    """
    x = np.sort(values)
    if x.size > 1000:
        x = x[np.linspace(0, x.size - 1, 1000).astype(int)]
    x = x - np.median(x)
    up, down = x[x >= 0], x[x <= 0]
    gap = up[:, None] - down[None, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        kernel = (up[:, None] + down[None, :]) / gap
    kernel[gap == 0] = 0.0
    return float(np.median(kernel))


def _fences(values: Floats) -> tuple[float, float]:
    q1, q3 = np.quantile(values, [0.25, 0.75])
    skew, box = medcouple(values), q3 - q1
    left, right = (-4.0, 3.0) if skew >= 0 else (-3.0, 4.0)
    # Twice the usual fence: what lies just beyond it is common in clean data.
    return q1 - 3.0 * np.exp(left * skew) * box, q3 + 3.0 * np.exp(right * skew) * box


def _tail(column: Values, values: Floats, path: np.ndarray, spread: Floats) -> list[int]:
    """Return the first values of a sorted path that a jump parts from all that follow."""
    known = values[path]
    middle = float(np.median(spread))
    scale = float(np.subtract(*np.quantile(spread, [0.75, 0.25])))
    if scale <= 0:
        scale = float(np.subtract(*np.quantile(spread, [0.95, 0.05])))
    if scale <= 0:
        return []
    far = np.log1p(np.abs(known[:50] - middle) / scale)
    rows = 0
    for i in range(min(_FEW + 2, path.size - 1)):
        rows += int(column.counts[path[i]])
        if rows > max(_FEW, _FEW_SHARE * spread.size):
            break
        if far[i] - far[i + 1] >= max(_JUMP * far[i + 1], _JUMP):
            return [int(code) for code in path[: i + 1]]
    return []


def _other_unit(column: Values, known: Ints, columns: int) -> Iterator[Claim]:
    """Find one or two numbers that are the usual ones times or by 10, 100 or 1,000.

    So few are told by their place alone, and only where the usual ones lie close together. In a
    table of many columns the gap before them must be one that chance makes in none of all.
    """
    values = column.numbers
    spread = np.repeat(values[known], column.counts[known])
    low, high = np.quantile(spread, [0.06, 0.94])
    if column.numeric_share < 0.8 or float(spread.min()) <= 0 or high > 4.0 * low:
        return
    for factor, words_ in ((1000.0, "1,000"), (100.0, "100"), (10.0, "10")):
        for times, said in ((factor, "smaller"), (1.0 / factor, "greater")):
            made = values[known] * times
            outside = (values[known] < low / 2.0) | (values[known] > high * 2.0)
            rest = values[known[~outside]]
            codes = known[outside & (made >= rest.min()) & (made <= rest.max())]
            rows = int(column.counts[codes].sum()) if codes.size else 0
            apart = np.sqrt(factor)
            if 0 < rows < LEAST and _apart(values, known, codes, apart):
                size = np.log(spread) if times < 1.0 else -np.log(spread)
                if columns > _FEW_COLUMNS and gap_chance(size, rows) > ALL_COLUMNS / columns:
                    continue
                where = column.rows_of(codes)
                yield Claim(
                    column.place,
                    where,
                    0.88,
                    "outlier",
                    f"It is {words_} times {said} than the usual values: another unit, perhaps.",
                    tuple(f"{values[column.codes[row]] * times:.10g}" for row in where),
                )


def _apart(values: Floats, known: Ints, codes: Ints, factor: float) -> bool:
    """Say whether no other value lies within a factor of these values, as a tail would."""
    rest = values[known[~np.isin(known, codes)]]
    low, high = values[codes].min() / factor, values[codes].max() * factor
    return not bool(((rest > low) & (rest < high)).any())
