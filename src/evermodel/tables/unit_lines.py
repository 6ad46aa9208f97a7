"""A line of units below the names of a header: no row of the table, and told as what it is.

It is recognised only where it can be no row: in doubt, a line is a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from evermodel.project.signs import CURRENCIES, SHORT_UNITS, UNITS
from evermodel.tables.dates import looks_like_date
from evermodel.tables.values import MISSING_WORDS, looks_like_number

__all__ = ["has_units", "is_unit_cell", "units_note"]

Row = Sequence[str]

_LONGEST = 20
_MOST_NAMED = 8
_MOSTLY = 0.9
_MORE_UNITS = (
    r"[%‰€$£¥°KVAWJNΩ]|[kT]€|TEUR|[µμ]?[gmslLA]|[kMGT]?(?:Wp?h?|VAh?)|[hkM]?Pa|mbar|mmHg|psi|pp[mb]"
    r"|k?cal|k?J|[kMG]Hz|dB|lux|mol|rpm|[kMG]bit|d|min|ml|[cdkmµμn]m|m[23²³]|mph|ft[23²³]?"
    r"|Anzahl|count|number|Liter|Meter|Gramm|Sekunden?|seconds?|percent|Prozent"
)
_UNIT = rf"(?:{UNITS}|{SHORT_UNITS}|{CURRENCIES}|{_MORE_UNITS})(?:\^?-?[1-4]|[²³])?"
_MANY = r"(?:(?:Mio|Mrd|Tsd)\.? |1[.,']?000 |k|m)?"
_UNIT_CELL = re.compile(rf"{_MANY}{_UNIT}(?: ?[/·* ] ?{_UNIT}){{0,3}}")
_INSIDE = re.compile(r"\[\s*(.+?)\s*\]|\(\s*(.+?)\s*\)|in\s+(.+)")
_WORD = re.compile(r"[\[(]?[^\W\d_][\w./%°²³-]*[\])]?")
_NOTHING = frozenset({"", "-", "--", "\u2013", "\u2014", "[-]", "(-)"})
_KINDS = frozenset({"text", "string", "date", "datum", "id", "name"})
_DAYS = re.compile(r"[dmyjthsDMYJTHS]{1,4}(?:[-./: ]{1,2}[dmyjthsDMYJTHS]{1,4}){1,5}")
_ANSWERS = frozenset({"yes", "no", "true", "false", "ja", "nein", "unknown", "unbekannt", "k.a."})
_AMOUNT = re.compile(r"[-+(]?\s*\d[\d.,'\u2019\u00a0\u202f ]*(?:[eE][-+]?\d+)?\s*\)?|[-+]?[.,]\d+")


def is_unit_cell(text: str) -> bool:
    """Return whether a text is a known unit, alone, in brackets, or behind "in".

    Examples
    --------
    >>> is_unit_cell("[m/s]"), is_unit_cell("in %"), is_unit_cell("(120)"), is_unit_cell("north")
    (True, True, False, False)
    """
    return _UNIT_CELL.fullmatch(_bare(text)) is not None


def has_units(rows: Sequence[Row]) -> bool:
    """Return whether the line below the header holds the units of the numbers under it.

    All its texts are short, and none is a number, a date, a word for missing, or a value of its
    column. At least half of those over numbers are known units; over other columns there is
    nothing, or how they are written.

    Examples
    --------
    >>> has_units([["thing", "weight"], ["", "kg"], ["a", "1"]])
    True
    >>> has_units([["account", "gain"], ["", "(120)"], ["a", "1"]])
    False
    """
    if len(rows) < 3 or len(rows[1]) != len(rows[0]):
        return False
    all_below = _without_pages(rows)
    below = [row for row in all_below if len(row) == len(rows[1])]
    if not below or len(below) < _MOSTLY * len(all_below):
        return False
    known = others = 0
    strong = False
    for place, text in enumerate(rows[1]):
        cell = text.strip()
        if cell.lower() in _NOTHING:
            continue
        column = [each for row in below if (each := row[place].strip()) != cell]
        kind = _kind(cell, column) if len(column) == len(below) else "value"
        if kind == "value":
            return False
        known += kind == "unit"
        others += kind == "word"
        # A single letter may be a code as well as a unit.
        strong |= kind == "unit" and (len(cell) > 1 or not cell.isalpha())
    return known >= max(1, others) and (strong or known > 1)


def _without_pages(rows: Sequence[Row]) -> list[Row]:
    """Return the rows below a header and its units, without these two where they stand again."""
    names, units = list(rows[0]), list(rows[1])
    return [
        row
        for above, row in pairwise(rows[1:])
        if list(row) != names and not (list(row) == units and list(above) == names)
    ]


def units_note(line: int, names: Row, units: Row) -> str:
    """Return what to say of a line of units: where it stands, and the unit of each column.

    Examples
    --------
    >>> units_note(2, ["thing", "weight"], ["", "[kg]"])
    "line 2 holds units and is no row: 'weight' in kg"
    """
    told = [
        f"{name!r} in {_bare(text)}"
        for name, cell in zip(names, units, strict=True)
        if (text := cell.strip()).lower() not in _NOTHING | _KINDS
    ]
    more = ", ..." if len(told) > _MOST_NAMED else ""
    return f"line {line} holds units and is no row: {', '.join(told[:_MOST_NAMED])}{more}"


def _kind(cell: str, column: Sequence[str]) -> str:
    """Return what a text over a column is: its "unit", a "word" for one, a "note", or a "value"."""
    if len(cell) > _LONGEST:
        return "value"
    texts = [text for text in column if text.lower() not in MISSING_WORDS]
    if cell.lower() in _KINDS or _DAYS.fullmatch(_bare(cell)):
        return "note"
    if is_unit_cell(cell):
        if _share(texts, _is_number):
            return "unit"
        # Beside "<5" and "12:30" a unit is no value; neither is it over nothing.
        return "note" if not texts or _share(texts, _has_digit) else "value"
    low = _bare(cell).lower()
    if low in MISSING_WORDS or low in _ANSWERS or not _WORD.fullmatch(cell):
        return "value"
    return "word" if _share(texts, _is_number) else "value"


def _bare(text: str) -> str:
    inside = _INSIDE.fullmatch(text)
    return next(filter(None, inside.groups())) if inside else text


def _share(texts: Sequence[str], holds: Callable[[str], bool]) -> bool:
    """Whether it holds for nearly all texts, and there are some."""
    return bool(texts) and sum(map(holds, texts)) > _MOSTLY * len(texts)


def _is_number(text: str) -> bool:
    if looks_like_date(text):
        return False
    return looks_like_number(text) or _AMOUNT.fullmatch(text) is not None


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))
