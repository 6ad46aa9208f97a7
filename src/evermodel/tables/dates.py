"""Dates and times as people write them: which shape a text has, and which time it is."""

from __future__ import annotations

import re
from datetime import datetime

import polars as pl

from evermodel.project.calendar import (
    FIRST_SERIAL,
    FIRST_YEAR,
    LAST_SERIAL,
    MONTH_WORD,
    MONTHS,
)
from evermodel.tables.understanding import DateOrder

__all__ = [
    "LIKE_DATE",
    "common_shape",
    "convert_dates",
    "date_format",
    "date_part",
    "date_shapes",
    "has_short_year",
    "is_date_shape",
    "is_twofold",
    "looks_like_date",
    "serial_dates",
]

_SHAPE_SAMPLE, _MOST_SHAPES = 200, 200
_LEAST_YEAR = 1000  # fewer digits are years of two digits, read as four
LIKE_DATE = (
    r"^(?:[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}"
    rf"|[0-9]{{1,2}}(?:\. ?|[-/ ]){MONTH_WORD}(?:\.? |[-/.]|, )+[0-9]{{2,4}}"
    rf"|{MONTH_WORD}\.? [0-9]{{1,2}},? [0-9]{{4}}"
    rf"|[0-9]{{4}}[-/. ]{MONTH_WORD}[-/. ][0-9]{{1,2}})(?:[^0-9]|$)"
)
_LIKE_DATE = re.compile(LIKE_DATE)
_SHAPE = re.compile(
    r"(?P<date>Y([-/.])9\2(?:9)|9([-/.])9\3[Y9]"
    r"|9(?:\. ?|[-/ ])B(?:\.? |[-/.]|, )[Y9]|B\.? 9,? Y|Y[-/. ]B[-/. ]9)"
    r"(?P<t>(?P<gap>T|,? +)(?:9:9(?P<s>:9(?P<f>[.,]9)?)?|(?P<dots>9\.9(?P<s2>\.9)?))"
    r"(?P<p> ?[PQ])?(?P<u> ?U)?)?(?P<z> ?(?:Z|[+]9))?"
)
_SERIAL = r"^[1-7][0-9]{4}(?:\.[0-9]+)?$"
_DAY_ZERO = datetime(1899, 12, 30)


def looks_like_date(text: str) -> bool:
    """Return whether a text begins like a date.

    Examples
    --------
    >>> looks_like_date("2020-01-31 10:00"), looks_like_date("7:10 a.m.")
    (True, False)
    """
    return _LIKE_DATE.match(text) is not None


def date_shapes(values: pl.Series) -> pl.Series:
    """Return the shape of every text: Y four digits, 9 other digits, B a word, P am or pm.

    The digits of a time are never four, so a shape says where the year stands. Q is a.m. or p.m.,
    U the German word for "o'clock".
    """
    return (
        values.str.replace(r"(:\d\d(?:[.,]\d+)?)( ?)[+-]\d\d:?(?:\d\d)?$", "${1}${2}+9")
        .str.replace(r"(:\d+[.,])\d+", "${1}9")
        .str.replace_all(r"\d{4}", "Y")
        .str.replace_all(r"\d+", "9")
        .str.replace(r"(?i)(9 ?)[ap]m\b", "${1}P")
        .str.replace(r"(?i)(9 ?)[ap]\.m\.$", "${1}Q")
        .str.replace(r"(?i)(9 ?)Uhr$", "${1}U")
        .str.replace(r"9( ?)UTC$", "9${1}Z")
        .str.replace(rf"\b{MONTH_WORD}\b", "B")
    )


def is_date_shape(shape: str) -> bool:
    """Return whether a shape is one of dates, whatever its numbers are.

    Examples
    --------
    >>> is_date_shape("9.9.9 9:9"), is_date_shape("9-9")
    (True, False)
    """
    return _SHAPE.fullmatch(shape) is not None


def is_twofold(shape: str) -> bool:
    """Return whether day and month of a shape of dates could stand in either order.

    Examples
    --------
    >>> is_twofold("9/9/Y"), is_twofold("9 B Y")
    (True, False)
    """
    return shape.startswith("9") and "B" not in shape


def has_short_year(shape: str) -> bool:
    """Return whether a shape of dates has a year of two digits.

    Examples
    --------
    >>> has_short_year("9.9.9 9:9"), has_short_year("9-B-Y")
    (True, False)
    """
    found = _SHAPE.fullmatch(shape)
    return found is not None and "Y" not in found["date"]


def date_part(shape: str) -> str:
    """Return the part of a shape that is the date, without the time that follows it.

    Examples
    --------
    >>> date_part("9.9.Y 9:9"), date_part("Y-9-9T9:9:9Z")
    ('9.9.Y', 'Y-9-9')
    """
    found = _SHAPE.fullmatch(shape)
    return found["date"] if found else ""


def date_format(shape: str, order: DateOrder) -> str:
    """Return the format of a shape (as strptime writes it), or "" where it has none of its own.

    Examples
    --------
    >>> date_format("9/9/Y 9:9", "day first"), date_format("9.9.9", "day first")
    ('%d/%m/%Y %H:%M', '')
    """
    found = _SHAPE.fullmatch(shape)
    if found is None or _is_free(found):
        return ""
    date = found["date"]
    if date.startswith("Y"):
        form = f"%Y{date[1]}%m{date[1]}%d"
    elif order == "year first":
        return ""
    else:
        first, second = ("%m", "%d") if order == "month first" else ("%d", "%m")
        form = f"{first}{date[1]}{second}{date[1]}%Y"
    if found["t"]:
        hour = "%I" if found["p"] else "%H"
        form += f"{found['gap']}{hour}:%M" + (":%S" if found["s"] else "")
        form += "%.f" if found["f"] else ""
        form += found["p"].replace("P", "%p") if found["p"] else ""
    zone = found["z"] or ""
    return form + (zone.replace("+9", "%#z") if zone.endswith("9") else zone)


def _is_free(found: re.Match[str]) -> bool:
    """Whether a shape has to be written anew before it can be read by a format."""
    short = "Y" not in found["date"] or "B" in found["date"]
    time = found["dots"] or found["u"] or "Q" in (found["p"] or "") or "," in (found["gap"] or "")
    return bool(short or time)


def common_shape(values: pl.Series) -> str:
    """Return the one shape that the first values have, or "" where they have several."""
    shapes = date_shapes(values.drop_nulls().head(_SHAPE_SAMPLE)).unique()
    return str(shapes[0]) if len(shapes) == 1 else ""


def convert_dates(
    values: pl.Series,
    order: DateOrder,
    *,
    first_year: int = FIRST_YEAR,
    serials: bool = False,
) -> pl.Series:
    """Return stripped texts as Datetime("us") in UTC without a zone; null where one is no date.

    Parameters
    ----------
    values : polars.Series
    order : str
        Of the parts of dates that do not say it themselves; "" is day first.
    first_year : int
        Years of two digits are those of the hundred years from this one.
    serials : bool
        Whether a number of five digits is a date, as spreadsheets count days.
    """
    shape = common_shape(values)
    if is_date_shape(shape):
        result = _parse_shape(values, shape, order, first_year)
        left = values.set(result.is_not_null(), None)
    else:
        result, left = pl.Series(values.name, [None] * len(values), pl.Datetime("us")), values
    if left.null_count() == len(left):
        return result
    if serials:
        result = result.fill_null(serial_dates(left))
    shapes = date_shapes(left)
    for other in sorted(shapes.drop_nulls().unique().to_list())[:_MOST_SHAPES]:
        if is_date_shape(other):
            mine = left.set(shapes != other, None)
            result = result.fill_null(_parse_shape(mine, other, order, first_year))
    return result


def serial_dates(values: pl.Series) -> pl.Series:
    """Return the times that spreadsheets count as days since 1899-12-30, null where none is.

    Examples
    --------
    >>> str(serial_dates(pl.Series(["45321.5"]))[0])
    '2024-01-30 12:00:00'
    """
    days = values.set(~values.str.contains(_SERIAL), None).cast(pl.Float64, strict=False)
    days = days.set(~days.is_between(FIRST_SERIAL, LAST_SERIAL, closed="left"), None)
    # Days are binary fractions of a day there: seconds are what was meant.
    seconds = (days * 86_400).round().cast(pl.Int64)
    return (seconds * 1_000_000).cast(pl.Duration("us")) + _DAY_ZERO


def _parse_shape(values: pl.Series, shape: str, order: DateOrder, first_year: int) -> pl.Series:
    """Return the times of texts of one shape."""
    found = _SHAPE.fullmatch(shape)
    if found is None:
        raise ValueError(shape)
    proven = found["date"].endswith("Y") and is_twofold(shape)
    if order == "year first" and proven:  # nothing says which number is the month
        return pl.Series(values.name, [None] * len(values), pl.Datetime("us"))
    if _is_free(found):
        values, shape = _rewritten(values, found, order, first_year)
    form = date_format(shape, order)
    kind = pl.Datetime("us", "UTC") if form.endswith("z") else pl.Datetime("us")
    if "%.f" in form:
        values = values.str.replace(r"(:\d+),", "${1}.")
    if form.endswith("Z"):
        values = values.str.replace(r" ?(?:Z|UTC)$", "")
        form = form[:-1].rstrip()
    parsed = values.str.strptime(kind, form, strict=False)
    if form.endswith("z"):
        parsed = parsed.dt.replace_time_zone(None)
    return parsed.set(parsed.dt.year() < _LEAST_YEAR, None)


def _rewritten(
    values: pl.Series, found: re.Match[str], order: DateOrder, first_year: int
) -> tuple[pl.Series, str]:
    """Return texts of a shape that no format reads as 2024-01-31 10:30, and their shape then."""
    date = found["date"]
    word = rf"({MONTH_WORD})"
    if "B" not in date:
        parts, places = (
            r"^([0-9]{1,4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,4})(.*)$",
            _places(date, order),
        )
    elif date.startswith("9"):
        parts = rf"^([0-9]{{1,2}})(?:\. ?|[-/ ]){word}(?:\.? |[-/.]|, )([0-9]{{2}}|[0-9]{{4}})"
        parts, places = parts + r"([^0-9].*)?$", (3, 2, 1)
    elif date.startswith("B"):
        parts, places = rf"^{word}\.? ([0-9]{{1,2}}),? ([0-9]{{4}})(.*)$", (3, 1, 2)
    else:
        parts, places = rf"^([0-9]{{4}})[-/. ]{word}[-/. ]([0-9]{{1,2}})([^0-9].*)?$", (1, 2, 3)
    year, month, day = (pl.col(str(place)) for place in places)
    if "B" in date:
        known = {name: str(number) for name, number in MONTHS.items()}
        month = month.str.to_lowercase().replace_strict(known, default=None)
    if "Y" not in date:
        two = pl.when(year.str.len_chars() == 2).then(year).cast(pl.Int64, strict=False)
        year = (first_year + (two - first_year) % 100).cast(pl.String)
    rest = _time(pl.col("4").fill_null(""), found)
    frame = values.str.extract_groups(parts).struct.unnest()
    texts = frame.select(
        pl.concat_str(year, pl.lit("-"), month, pl.lit("-"), day, rest)
    ).to_series()
    time = ""
    if found["t"]:
        seconds = bool(found["s"] or found["s2"])
        time = (
            " 9:9" + (":9" if seconds else "") + (found["f"] or "") + (" P" if found["p"] else "")
        )
    return texts.alias(values.name), "Y-9-9" + time + (found["z"] or "")


def _places(date: str, order: DateOrder) -> tuple[int, int, int]:
    """Return where year, month and day stand among the numbers of a date."""
    if date.startswith("Y") or (order == "year first" and not date.endswith("Y")):
        return 1, 2, 3
    return (3, 1, 2) if order == "month first" else (3, 2, 1)


def _time(rest: pl.Expr, found: re.Match[str]) -> pl.Expr:
    """Return what follows the date as it would stand in 2024-01-31 10:30 PM."""
    rest = rest.str.replace(r"^(?:T|,? +)", " ")
    if found["u"]:
        rest = rest.str.replace(r"(?i) ?Uhr", "")
    if found["p"]:
        rest = rest.str.replace(r"(?i) ?([ap])\.?m\b\.?", " ${1}m")
    return rest.str.replace_all(".", ":", literal=True) if found["dots"] else rest
