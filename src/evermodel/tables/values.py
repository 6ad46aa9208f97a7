"""Words and numbers as people write them, and how they become values."""

from __future__ import annotations

import re

import polars as pl

from evermodel.project.signs import CURRENCIES, SHORT_UNITS, UNITS, is_word
from evermodel.tables.understanding import ColumnReading

__all__ = [
    "CATEGORY_MISSING",
    "MARKS",
    "MISSING_WORDS",
    "amounts",
    "bared",
    "convert_numbers",
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


def looks_like_number(text: str) -> bool:
    """Return whether a text is a plain number.

    Examples
    --------
    >>> looks_like_number("-1.5e3"), looks_like_number("1 kg")
    (True, False)
    """
    return _NUMBER.fullmatch(text) is not None


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


def _without_marks(values: pl.Series, how: ColumnReading) -> pl.Series:
    """Return numbers without their thousands marks; null where a mark parts no three digits."""
    marks = {" ": r"[ '\u2019\u00a0\u202f\u2009]", ".": r"\.", ",": ","}
    mark = marks[how.thousands]
    marked = values.str.contains(mark)
    if not marked.any():
        return values
    point = "[.,]" if how.thousands == " " else "," if how.decimal == "," else r"\."
    groups = values.str.contains(rf"^[+-]?\d{{1,3}}(?:{mark}\d{{3}})+(?:{point}\d*)?$")
    return values.str.replace_all(mark, "").set(marked & ~groups, None)


def convert_numbers(values: pl.Series, how: ColumnReading) -> pl.Series:
    """Return stripped texts as Int64 (`how.whole`) or Float64; null where a text is no number."""
    if how.sign:
        values = amounts(values, how.sign)
    if how.thousands:
        values = _without_marks(values, how)
    if how.decimal == ",":
        values = values.str.replace(",", ".", literal=True)
    if how.whole:
        return values.cast(pl.Int64, strict=False)
    return values.cast(pl.Float64, strict=False).fill_nan(None)
