"""Words, numbers and dates as people write them, and how they become values."""

from __future__ import annotations

import re
from typing import Literal

import polars as pl

from evermodel.project.signs import CURRENCIES, SHORT_UNITS, UNITS, is_word
from evermodel.tables.understanding import ColumnReading, DateOrder

__all__ = [
    "CATEGORY_MISSING",
    "LIKE_DATE",
    "MARKS",
    "MISSING_WORDS",
    "amounts",
    "bared",
    "common_shape",
    "convert_dates",
    "convert_numbers",
    "date_format",
    "date_shapes",
    "looks_like_date",
    "looks_like_number",
    "sign_of",
    "stripped",
]

MISSING_WORDS = frozenset(
    {"", "?", "-", "--", ".", "na", "n/a", "n.a.", "nan", "null", "none", "nil", "missing"}
    | {"#n/a", "#na", "#null!", "#div/0!", "#value!", "#num!", "\\n", "<na>", "(null)"}
    | {"0000-00-00", "0000-00-00 00:00:00"}
)
"""What means "missing" in a column whose other values are all numbers or all dates (lower case)."""

CATEGORY_MISSING = frozenset({"", "?", "NA", "N/A", "null"})
"""What means "missing" in a column of words; anything else there may be a value of its own."""

_SHAPE_SAMPLE, _MOST_SHAPES = 200, 200
_FIRST_YEAR = 1000  # fewer digits are years of two digits, read as four
_SIGN = r"^[+-]?"
MARKS = {
    # Written so that only one reading of the marks is possible, or (the last) two are.
    "point": _SIGN + r"\d{1,3}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,})$",
    "comma": _SIGN
    + r"(?:\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}|0,\d+|\d{4,},\d+"
    + r"|\d+,(?:\d{1,2}|\d{4,})|\d*,\d+[eE][+-]?\d+|,\d+)$",
    "either": _SIGN + r"[1-9]\d{0,2},\d{3}$",
    # A sign of plus before groups of digits is a telephone number.
    "spaced": r"^-?" + r"\d{1,3}(?:[ '\u2019\u00a0\u202f\u2009]\d{3})+(?:[.,]\d+)?$",
}
_SIGN_WORD = rf"(?:[A-Z]{{1,3}})?\p{{Sc}}|%|{CURRENCIES}"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
LIKE_DATE = (
    r"^(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[- ][A-Za-z]{3,9}[- ,]+\d{2,4}"
    r"|[A-Za-z]{3,9} \d{1,2},? \d{4})(?:\D|$)"
)
_LIKE_DATE = re.compile(LIKE_DATE)
_SHAPE = re.compile(
    r"(?P<date>Y([-/.])9\2(?:9)|9([-/.])9\3[Y9]|9([- ])B\4Y|9 B,? Y|B 9,? Y)"
    r"(?P<t>(?P<gap>T| +)9:9(?P<s>:9(?P<f>[.,]9)?)?(?P<p> ?P)?)?(?P<z> ?(?:Z|[+]9))?"
)


def looks_like_number(text: str) -> bool:
    """Return whether a text is a plain number.

    Examples
    --------
    >>> looks_like_number("-1.5e3"), looks_like_number("1 kg")
    (True, False)
    """
    return _NUMBER.fullmatch(text) is not None


def looks_like_date(text: str) -> bool:
    """Return whether a text begins like a date.

    Examples
    --------
    >>> looks_like_date("2020-01-31 10:00"), looks_like_date("7:10 a.m.")
    (True, False)
    """
    return _LIKE_DATE.match(text) is not None


def stripped(values: pl.Series) -> pl.Series:
    """Return texts without the blanks around them."""
    return values.str.strip_chars()


def sign_of(values: pl.Series) -> pl.Series:
    """Return the currency, unit or percent sign at an end of each text, null where none is.

    Examples
    --------
    >>> sign_of(pl.Series(["$5", "-3.5 EUR", "(US$ 7)", "5 kg", "5 of 7"])).to_list()
    ['$', 'EUR', 'US$', 'kg', None]
    """
    before = values.str.extract(rf"^(?:[+-]|\()?\s*({_SIGN_WORD})\s*[-+(]?[\d.,]")
    after = values.str.extract(rf"[\d.,)]\s*({_SIGN_WORD}|{UNITS})\s*\)?$")
    apart = values.str.extract(rf"[\d.,)]\s+({SHORT_UNITS})$")
    return before.fill_null(after).fill_null(apart)


def amounts(values: pl.Series, sign: str) -> pl.Series:
    """Return texts without a sign at their ends, also behind a minus or in ().

    A known word is taken off whole, so that no other unit loses a letter of its name; of others
    each character may stand there. A number in brackets is negative, as in bookkeeping.

    Examples
    --------
    >>> amounts(pl.Series(["$5", "-$5", "($ 5)", "$-5", "5 $"]), "$").to_list()
    ['5', '-5', '-5', '-5', '5']
    >>> amounts(pl.Series(["5 kg", "500 g"]), "kg").to_list()
    ['5', '500 g']
    """
    marks = _marks(sign)
    return (
        bared(values, sign)
        .str.replace(rf"^\({marks}(.*[0-9].*?){marks}\)$", "-${1}")
        .str.replace(rf"^([+-]){marks}(.*[0-9])", "${1}${2}")
    )


def bared(values: pl.Series, sign: str) -> pl.Series:
    """Return texts without a sign, as `amounts` takes it, and without blanks at their ends.

    Examples
    --------
    >>> bared(pl.Series(["..a.", "b"]), ".").to_list()
    ['a', 'b']
    """
    marks = _marks(sign)
    return values.str.replace(f"(?s)^{marks}(.*?){marks}$", "${1}")


def _marks(sign: str) -> str:
    if is_word(sign):
        return rf"\s*(?:{re.escape(sign)})?\s*"
    return "[" + re.escape(sign) + r"\s]*"


def convert_numbers(values: pl.Series, how: ColumnReading) -> pl.Series:
    """Return stripped texts as Int64 (`how.whole`) or Float64; null where a text is no number."""
    if how.sign:
        values = amounts(values, how.sign)
    if how.thousands:
        marks = {" ": r"[ '\u2019\u00a0\u202f\u2009]", ".": r"\.", ",": ","}
        values = values.str.replace_all(marks[how.thousands], "")
    if how.decimal == ",":
        values = values.str.replace(",", ".", literal=True)
    if how.whole:
        return values.cast(pl.Int64, strict=False)
    return values.cast(pl.Float64, strict=False).fill_nan(None)


def date_shapes(values: pl.Series) -> pl.Series:
    """Return the shape of every text: Y four digits, 9 other digits, B a word, P am or pm.

    The digits of a time are never four, so a shape says where the year stands.
    """
    return (
        values.str.replace(r"(:\d\d(?:[.,]\d+)?)( ?)[+-]\d\d:?(?:\d\d)?$", "${1}${2}+9")
        .str.replace(r"(:\d+[.,])\d+", "${1}9")
        .str.replace_all(r"\d{4}", "Y")
        .str.replace_all(r"\d+", "9")
        .str.replace(r"(?i)(9 ?)[ap]m\b", "${1}P")
        .str.replace(r"9( ?)UTC$", "9${1}Z")
        .str.replace(r"\b[A-Za-z]{3,9}\b", "B")
    )


def date_format(shape: str, order: DateOrder) -> tuple[str, Literal["", "zone"]] | None:
    """Return the format of a shape (as strptime writes it), or None where it is no date.

    Examples
    --------
    >>> date_format("9/9/Y 9:9", "day first")
    ('%d/%m/%Y %H:%M', '')
    """
    found = _SHAPE.fullmatch(shape)
    if not found:
        return None
    date = found["date"]
    if "B" in date:
        form = date.replace("9", "%d").replace("B", "%b").replace("Y", "%Y")
    elif date.startswith("Y"):
        form = f"%Y{date[1]}%m{date[1]}%d"
    else:
        mark, year = date[1], "%Y" if date.endswith("Y") else "%y"
        if year == "%y" and mark != "/":
            return None
        day = order or "day first"
        first, second = ("%m", "%d") if day == "month first" else ("%d", "%m")
        form = f"{first}{mark}{second}{mark}{year}"
    if found["t"]:
        hour = "%I" if found["p"] else "%H"
        form += f"{found['gap']}{hour}:%M" + (":%S" if found["s"] else "")
        form += "%.f" if found["f"] else ""
        form += found["p"].replace("P", "%p") if found["p"] else ""
    zone = found["z"] or ""
    if zone.endswith("9"):
        return form + zone.replace("+9", "%#z"), "zone"
    return form, ""


def common_shape(values: pl.Series) -> str:
    """Return the one shape that the first values have, or "" where they have several."""
    shapes = date_shapes(values.drop_nulls().head(_SHAPE_SAMPLE)).unique()
    return str(shapes[0]) if len(shapes) == 1 else ""


def convert_dates(values: pl.Series, order: DateOrder) -> pl.Series:
    """Return stripped texts as Datetime("us") in UTC without a zone; null where one is no date."""
    shape = common_shape(values)
    if date_format(shape, order):
        result = _parse_shape(values, shape, order)
        left = values.set(result.is_not_null(), None)
    else:
        result, left = pl.Series(values.name, [None] * len(values), pl.Datetime("us")), values
    if left.null_count() == len(left):
        return result
    shapes = date_shapes(left)
    for other in sorted(shapes.drop_nulls().unique().to_list())[:_MOST_SHAPES]:
        if date_format(other, order):
            mine = left.set(shapes != other, None)
            result = result.fill_null(_parse_shape(mine, other, order))
    return result


def _parse_shape(values: pl.Series, shape: str, order: DateOrder) -> pl.Series:
    """Return the times of texts of one shape."""
    form, zone = date_format(shape, order) or ("", "")
    kind = pl.Datetime("us", "UTC") if zone else pl.Datetime("us")
    if "%.f" in form:
        values = values.str.replace(r"(:\d+),", "${1}.")
    if shape.endswith("Z"):
        values = values.str.replace(r" ?(?:Z|UTC)$", "")
    parsed = values.str.strptime(kind, form, strict=False)
    if "%b" in form:
        # The short and the whole name of a month are two formats.
        whole = values.str.strptime(kind, form.replace("%b", "%B"), strict=False)
        parsed = parsed.fill_null(whole)
    if zone:
        parsed = parsed.dt.replace_time_zone(None)
    return parsed.set(parsed.dt.year() < _FIRST_YEAR, None)
