"""Times as people write them, into ISO 8601, by the order of day and month of the training file.

`tables.values.convert_dates` does the same to the columns of a file; a test holds the two together.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from evermodel.bundle.manifest import DateOrder

__all__ = ["iso"]

_FIRST_YEAR, _CENTURY = 1000, 70  # two digits below 70 are years of this century
# Not those of the calendar module, which speaks the language of the machine.
_MONTHS = {
    name: number
    for number, whole in enumerate(
        (
            *("january", "february", "march", "april", "may", "june", "july"),
            *("august", "september", "october", "november", "december"),
        ),
        1,
    )
    for name in (whole, whole[:3])
}
_DATE = (
    r"(?:(?P<y1>\d{4})([-/.])(?P<m1>\d\d?)\2(?P<d1>\d\d?)"
    r"|(?P<first>\d\d?)([-/.])(?P<second>\d\d?)\6(?P<y2>\d{4})"
    r"|(?P<first3>\d\d?)/(?P<second3>\d\d?)/(?P<y3>\d\d)"
    r"|(?P<d4>\d\d?)(?:(?P<gap>[- ])(?P<b4>[a-z]{3,9})(?P=gap)| (?P<b5>[a-z]{3,9}),? )(?P<y4>\d{4})"
    r"|(?P<b6>[a-z]{3,9}) (?P<d6>\d\d?),? (?P<y6>\d{4}))"
)
_TIME = (
    r"(?:(?:T| +)(?P<hour>\d\d?):(?P<minute>\d\d?)(?::(?P<s>\d\d?)(?:[.,](?P<f>\d+))?)?"
    r"(?: ?(?P<half>[ap])m)?(?P<zone> ?(?:Z|UTC|[+-]\d\d(?::?\d\d)?))?)?"
)
_WRITTEN = re.compile(_DATE + _TIME, re.IGNORECASE | re.ASCII)


def iso(text: str, order: DateOrder) -> str:
    """Return a time in ISO 8601; one that is written so already is returned as it is.

    Parameters
    ----------
    text : str
        Without blanks around it.
    order : str
        "" reads nothing but ISO 8601; "year first" leaves out what has the year at its end, where
        nothing says which number is the month.

    Raises
    ------
    ValueError
        When the text is no time, or none in that order.

    Examples
    --------
    >>> iso("31.12.2025 10:30", "day first"), iso("12/31/2025", "month first")
    ('2025-12-31T10:30:00', '2025-12-31T00:00:00')
    """
    try:
        datetime.fromisoformat(text)
    except ValueError:
        if not order:
            raise
    else:
        return text
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, month, day = _date(found, order)
    if year < _FIRST_YEAR:
        raise ValueError(text)
    fraction = int((found["f"] or "0")[:6].ljust(6, "0"))
    hour, minute, second = _hour(found), int(found["minute"] or 0), int(found["s"] or 0)
    moment = datetime(year, month, day, hour, minute, second, fraction, _zone(found["zone"]))
    return moment.isoformat()


def _date(found: re.Match[str], order: DateOrder) -> tuple[int, int, int]:
    if found["y1"]:
        return int(found["y1"]), int(found["m1"]), int(found["d1"])
    name = found["b4"] or found["b5"] or found["b6"]
    if name:
        month = _MONTHS.get(name.lower())
        if month is None:
            raise ValueError(name)
        return int(found["y4"] or found["y6"]), month, int(found["d4"] or found["d6"])
    if order == "year first":
        raise ValueError(found[0])
    first, second = int(found["first"] or found["first3"]), int(found["second"] or found["second3"])
    if found["y2"]:
        year = int(found["y2"])
    else:
        year = int(found["y3"])
        year += 2000 if year < _CENTURY else 1900
    return (year, first, second) if order == "month first" else (year, second, first)


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
