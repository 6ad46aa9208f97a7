"""Names of months, years of two digits and day numbers of spreadsheets, as people write dates."""

from __future__ import annotations

__all__ = ["FIRST_SERIAL", "FIRST_YEAR", "LAST_SERIAL", "MONTHS", "MONTH_WORD", "full_year"]

FIRST_YEAR = 1969
"""Years of two digits are those from this one on, as POSIX has it: 69 is 1969, 68 is 2068."""

FIRST_SERIAL, LAST_SERIAL = 10_000, 73_050
"""Days since 1899-12-30, from 1927 to the end of 2099: a year alone, or a date, is none of them."""

# Not those of the calendar module, which speaks the language of the machine.
_NAMES = (
    ("january", "jan", "januar", "jänner", "jän", "jaenner"),
    ("february", "feb", "februar"),
    ("march", "mar", "märz", "mär", "mrz", "maerz"),
    ("april", "apr"),
    ("may", "mai"),
    ("june", "jun", "juni"),
    ("july", "jul", "juli"),
    ("august", "aug"),
    ("september", "sep", "sept"),
    ("october", "oct", "oktober", "okt"),
    ("november", "nov"),
    ("december", "dec", "dezember", "dez"),
)
MONTHS = {name: number for number, names in enumerate(_NAMES, 1) for name in names}
"""English and German names, whole and short, in lower case."""

MONTH_WORD = r"[A-Za-zÄä]{3,9}"


def full_year(year: int, first: int = FIRST_YEAR) -> int:
    """Return the year of two digits that lies in the hundred years from `first`.

    Examples
    --------
    >>> full_year(69), full_year(68), full_year(30, 1926)
    (1969, 2068, 1930)
    """
    return first + (year - first) % 100
