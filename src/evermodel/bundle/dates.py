"""Times as people write them, into ISO 8601, by the order of day and month of the training file.

`tables.dates.convert_dates` does the same to the columns of a file; a test holds the two together.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from evermodel.bundle.manifest import DateOrder
from evermodel.project.calendar import (
    FIRST_SERIAL,
    FIRST_YEAR,
    LAST_SERIAL,
    MONTH_WORD,
    MONTHS,
    full_year,
)

__all__ = ["iso"]

_LEAST_YEAR = 1000  # fewer digits are years of two digits, read as four
_DATE = (
    r"(?:(?P<y1>\d{4})([-/.])(?P<m1>\d\d?)\2(?P<d1>\d\d?)"
    r"|(?P<first>\d\d?)([-/.])(?P<second>\d\d?)\6(?P<third>\d{4}|\d\d?)"
    rf"|(?P<d4>\d\d?)(?:\. ?|[-/ ])(?P<b4>{MONTH_WORD})(?:\.? |[-/.]|, )(?P<y4>\d{{4}}|\d\d)"
    rf"|(?P<b6>{MONTH_WORD})\.? (?P<d6>\d\d?),? (?P<y6>\d{{4}})"
    rf"|(?P<y7>\d{{4}})[-/. ](?P<b7>{MONTH_WORD})[-/. ](?P<d7>\d\d?))"
)
_TIME = (
    r"(?:(?:T|,? +)(?P<hour>\d\d?)(?::(?P<minute>\d\d?)(?::(?P<s>\d\d?)(?:[.,](?P<f>\d+))?)?"
    r"|\.(?P<minute2>\d\d?)(?:\.(?P<s2>\d\d?))?)"
    r"(?: ?(?P<half>[ap])\.?m(?:\.|\b))?(?: ?Uhr)?(?P<zone> ?(?:Z|UTC|[+-]\d\d(?::?\d\d)?))?)?"
)
_DASHED = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)
_SERIAL = re.compile(r"[1-7]\d{4}(?:\.\d+)?", re.ASCII)
_DAY_ZERO = datetime(1899, 12, 30)
_WRITTEN = re.compile(_DATE + _TIME, re.IGNORECASE | re.ASCII)


def iso(text: str, order: DateOrder, *, first_year: int = FIRST_YEAR, serials: bool = False) -> str:
    """Return a time in ISO 8601; one that is written so already is returned as it is.

    Parameters
    ----------
    text : str
        Without blanks around it.
    order : str
        "" reads nothing but ISO 8601; "year first" leaves out what has the year at its end, where
        nothing says which number is the month.
    first_year : int
        Years of two digits are those of the hundred years from this one.
    serials : bool
        Whether a number of five digits is a date, as spreadsheets count days.

    Raises
    ------
    ValueError
        When the text is no time, or none in that order.

    Examples
    --------
    >>> iso("31.12.2025 10:30", "day first"), iso("12/31/2025", "month first")
    ('2025-12-31T10:30:00', '2025-12-31T00:00:00')
    """
    if _is_iso(text):
        return text
    if serials and _SERIAL.fullmatch(text):
        return _serial(text)
    found = _WRITTEN.fullmatch(text) if order else None
    if found is None:
        raise ValueError(text)
    year, month, day = _date(found, order, first_year)
    if year < _LEAST_YEAR:
        raise ValueError(text)
    fraction = int((found["f"] or "0")[:6].ljust(6, "0"))
    minute, second = found["minute"] or found["minute2"], found["s"] or found["s2"]
    zone = _zone(found["zone"])
    moment = datetime(
        year, month, day, _hour(found), int(minute or 0), int(second or 0), fraction, zone
    )
    return moment.isoformat()


def _is_iso(text: str) -> bool:
    """Whether this is a time of ISO 8601 in the one form that a file may have, with dashes."""
    if _DASHED.fullmatch(text) is None:
        return False
    try:
        return datetime.fromisoformat(text).year >= _LEAST_YEAR
    except ValueError:
        return False


def _serial(text: str) -> str:
    days = float(text)
    if not FIRST_SERIAL <= days < LAST_SERIAL:
        raise ValueError(text)
    # Days are binary fractions of a day there: seconds are what was meant.
    return (_DAY_ZERO + timedelta(seconds=round(days * 86_400))).isoformat()


def _date(found: re.Match[str], order: DateOrder, first_year: int) -> tuple[int, int, int]:
    if found["y1"]:
        return int(found["y1"]), int(found["m1"]), int(found["d1"])
    name = found["b4"] or found["b6"] or found["b7"]
    if name:
        month = MONTHS.get(name.lower())
        if month is None:
            raise ValueError(name)
        year, day = (found[f"{part}4"] or found[f"{part}6"] or found[f"{part}7"] for part in "yd")
        return _year(year, first_year), month, int(day)
    first, second, third = found["first"], found["second"], found["third"]
    if order == "year first":
        if len(third) == 4 or len(first) != 2:
            raise ValueError(found[0])
        return _year(first, first_year), int(second), int(third)
    if len(third) == 1:
        raise ValueError(found[0])
    day, middle = (second, first) if order == "month first" else (first, second)
    return _year(third, first_year), int(middle), int(day)


def _year(digits: str, first_year: int) -> int:
    return int(digits) if len(digits) == 4 else full_year(int(digits), first_year)


def _hour(found: re.Match[str]) -> int:
    hour, half = int(found["hour"] or 0), found["half"]
    if not half:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(found[0])
    return hour % 12 + (12 if half.lower() == "p" else 0)


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    zone = text.strip().upper()
    if zone in ("Z", "UTC"):
        return UTC
    digits = zone[1:].replace(":", "")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-ahead if zone[0] == "-" else ahead)
