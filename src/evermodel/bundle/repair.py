"""What is done to raw values of one input: the declared repair, once, for whatever brings the rows.

`tables.convert` does the same to the columns of a file, so that a served value is read as a trained
one; a test holds the two together.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from functools import cache
from typing import Any

from evermodel.bundle.blocks import MISSING_TIME
from evermodel.bundle.dates import iso
from evermodel.bundle.manifest import Input, Repair
from evermodel.project.signs import is_word

__all__ = ["Mender", "microseconds", "written"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SPACES = re.compile("[ '\u2019\u00a0\u202f\u2009]")
# Marks between other groups than of three digits are no thousands: 1234.5 is not 12345.
_GROUPED = {
    decimal: re.compile(
        rf"[+-]?\d{{1,3}}(?:_\d{{3}})+(?:{re.escape(decimal)}\d*)?(?:[eE][+-]?\d+)?", re.ASCII
    )
    for decimal in (".", ",")
}
_GROUPED_BY_POINTS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+", re.ASCII)
_EXACT = 2**53
# What Unicode calls white space, as files are read with: str.strip() takes off more.
_BLANKS = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
_TRUTH = dict.fromkeys(("true", "yes", "y", "t", "1", "1.0", "on"), True) | dict.fromkeys(
    ("false", "no", "n", "f", "0", "0.0", "off"), False
)


def microseconds(text: str) -> int:
    """Return a time in ISO 8601 as microseconds since 1970; without a zone it is in UTC.

    Raises
    ------
    ValueError
        When the text is no such time.

    Examples
    --------
    >>> microseconds("1970-01-01T01:00:00+01:00")
    0
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def written(value: Any) -> str:
    """Return a value as the text that a repair is declared for.

    Examples
    --------
    >>> written(-999.0), written(0.5), written(True)
    ('-999', '0.5', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return str(value)


class Mender:
    """Reads one raw value of an input as a file's is read in training.

    Parameters
    ----------
    item : Input

    Examples
    --------
    >>> repair = Repair(strip="kg", map={"none": "0"}, missing=("-999",))
    >>> mend = Mender(Input(name="weight", type="number", repair=repair))
    >>> mend("12 kg"), mend("none"), mend(-999), mend("-999.0"), mend(7.5)
    (12.0, 0.0, None, None, 7.5)
    """

    def __init__(self, item: Input) -> None:
        repair = item.repair or Repair()
        self._repair = repair
        self._type = item.type
        self._missing = frozenset(repair.missing)
        self._words = frozenset(item.missing)
        self._codes = self._known_values(repair.missing) | self._known_values(item.missing)
        self._padded = repair.padded
        self._is_time = item.type == "timestamp"
        self._changes = bool(repair.strip or repair.map)
        marks = repair.decimal == "," or repair.thousands or repair.sign
        self.reads_text = bool(
            (item.type == "number" and marks)
            or (item.type == "timestamp" and (repair.dates or repair.serials))
        )
        self._by_value: dict[Any, str] = {}
        for key, new in repair.map.items():
            value = self._value(key)
            if value is not None:
                self._by_value.setdefault(value, new)

        self._plain_floats = item.type == "number" and not self.declared
        self._known: dict[Any, Any] = {}
        if item.type == "category":
            # Known words are looked up: a repair of each is what one row would feel.
            words = (*(item.values or ()), *item.missing, *repair.map)
            self._known = {word: self._read(word) for word in words}

    @property
    def example(self) -> str:
        """A text that is read as it was in the training file, or "" where none is."""
        repair = self._repair
        if not self.reads_text:
            return ""
        if self._is_time:
            return {"day first": "31.01.2026", "month first": "01/31/2026"}.get(repair.dates, "")
        return f"1{repair.thousands}234{repair.decimal}50{repair.sign and ' ' + repair.sign}"

    @property
    def declared(self) -> bool:
        """Whether values may come in another type than is read: there is a repair, or a code."""
        return self._changes or bool(self._missing or self._codes)

    @property
    def needed(self) -> bool:
        """Whether any value may be read otherwise than it comes."""
        return self.declared or self._padded or self.reads_text or bool(self._words)

    def __call__(self, value: Any) -> Any:
        """Return a number, truth, word or time (a text), or None where it is missing.

        Parameters
        ----------
        value : str, number, bool or None

        Raises
        ------
        ValueError
            When the value cannot be read as the input's type.
        """
        if self._plain_floats and type(value) is float:  # what nearly every request holds
            return None if math.isnan(value) else value
        if value in self._known:
            return self._known[value]
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        return self._read(value)

    def _read(self, value: Any) -> Any:
        plain = self._type == "number" and not isinstance(value, str)
        if plain and not self._changes:
            return None if value in self._codes else float(value)
        text = written(value)
        if self._changes:
            text, plain = self._changed(text, plain)
        bare = text.strip(_BLANKS)
        if text in self._missing or text in self._words or bare in self._words:
            return None
        if self._padded and bare in self._missing:
            return None
        if not bare and (self.declared or self._type == "category"):
            return None
        if self._type == "category":
            return bare if self._padded else text
        if self._type == "boolean":
            return self._truth(value, text, bare)
        found = _plain_number(text) if plain else self._value(text)
        if found is None:
            raise ValueError(text)
        if found in self._codes:
            return None
        return self._iso(text) if self._is_time else found

    def _changed(self, text: str, plain: bool) -> tuple[str, bool]:
        """Return the text after `strip` and `map`, and whether it is a number as programs write."""
        repair = self._repair
        if repair.strip:
            text = text.strip(_BLANKS)
            if text not in self._missing and text not in repair.map:
                bare = _amount if self._type == "number" else _bared
                text = bare(text, repair.strip)
        if text in repair.map:
            return repair.map[text], False
        if self._by_value:
            value = _plain_number(text) if plain else self._value(text)
            if value in self._by_value:
                return self._by_value[value], False
        return text, plain

    def _truth(self, value: Any, text: str, bare: str) -> bool:
        if isinstance(value, bool) and text == written(value):
            return value
        truth = _TRUTH.get(bare.lower())
        if truth is None:
            raise ValueError(text)
        return truth

    def _known_values(self, texts: tuple[str, ...]) -> frozenset[Any]:
        return frozenset(map(self._value, texts)) - {None}

    def _value(self, text: str) -> float | int | None:
        """Return the number or time that a text is; in columns of others a text is no value."""
        if self._type == "timestamp":
            return self._moment(text)
        return self._number(text) if self._type == "number" else None

    def _number(self, text: str) -> float | None:
        text = text.strip(_BLANKS)
        repair = self._repair
        if repair.sign:
            text = _amount(text, repair.sign)
        if repair.decimal == "," and repair.thousands != "." and _GROUPED_BY_POINTS.fullmatch(text):
            return None  # a thousand times more or less: nothing says which
        if repair.thousands:
            mark = _SPACES if repair.thousands == " " else re.compile(re.escape(repair.thousands))
            bare = mark.sub("", text)
            if bare != text and not _GROUPED[repair.decimal].fullmatch(mark.sub("_", text)):
                return None
            text = bare
        if repair.decimal == ",":
            text = text.replace(",", ".", 1)
        return _plain_number(text)

    def _iso(self, text: str) -> str:
        repair = self._repair
        bare = text.strip(_BLANKS)
        return iso(bare, repair.dates, first_year=repair.first_year, serials=repair.serials)

    def _moment(self, text: str) -> int | None:
        try:
            found = microseconds(self._iso(text))
        except ValueError:
            return None
        return None if found == MISSING_TIME else found


def _amount(text: str, sign: str) -> str:
    """Return a text without a sign at its ends, behind a minus or in brackets, as files are read.

    A known word is taken off whole; of others each character may stand there. A number in brackets
    is negative.
    """
    _, brackets, signed = _patterns(sign)
    text = brackets.sub(r"-\1", _bared(text, sign), count=1)
    return signed.sub(r"\1\2", text, count=1)


def _bared(text: str, sign: str) -> str:
    return _patterns(sign)[0].sub(r"\1", text, count=1)


@cache
def _patterns(sign: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    blanks = f"[{re.escape(_BLANKS)}]*"
    marks = f"[{re.escape(sign + _BLANKS)}]*"
    if is_word(sign):
        marks = f"{blanks}(?:{re.escape(sign)})?{blanks}"
    return (
        re.compile(rf"\A{marks}(.*?){marks}\Z", re.DOTALL),
        re.compile(rf"\A\({marks}(.*[0-9].*?){marks}\)\Z"),
        re.compile(rf"\A([+-]){marks}(.*[0-9])"),
    )


def _plain_number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None
