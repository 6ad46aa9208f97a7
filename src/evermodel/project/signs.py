"""Signs that stand at numbers: currencies and units, as words that are taken off whole."""

from __future__ import annotations

import re

__all__ = ["CURRENCIES", "SHORT_UNITS", "UNITS", "is_unit", "is_word"]

CURRENCIES = (
    r"Euro?|EUR|USD|GBP|CHF|JPY|CNY|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|CAD"
    r"|AUD|NZD|INR|BRL|MXN|ZAR|TRY|RUB|kr\.?|zł|Kč|Ft|Fr\."
)
"""Names and codes; what is not listed is no currency to us."""

UNITS = (
    r"km/h|[kcdm]m[²³]?|m[²³]|[km]g|lbs?|[mc]l|kWh?|Std\.?|Stunden?|hours?|hrs?|[Mm]in\.?"
    r"|Minuten?|minutes?|Sek\.?|sec|Tage?|days?|Wochen?|weeks?|Monate?|months?|Jahre?|years?|yrs?"
    r"|Stk\.?|Stück|pcs|°[CF]|miles"
)
"""They hold no digit, and stand behind their number: "m2" and "PS4" are words."""

SHORT_UNITS = r"[mghlt]|ha|oz|ms|ft|mi|PS|hp|bar|Hz|[MGT]B"
"""Without a blank these make codes of numbers: "12h" may be a house, "4GB" a product."""

_IS_UNIT = re.compile(f"{UNITS}|{SHORT_UNITS}")
_IS_WORD = re.compile(rf"{UNITS}|{SHORT_UNITS}|{CURRENCIES}|[A-Z]{{1,3}}[^\w\s]")


def is_unit(sign: str) -> bool:
    """Return whether a sign at numbers is a unit: 5 kg beside 5 may be another 5.

    Examples
    --------
    >>> is_unit("kg"), is_unit("EUR")
    (True, False)
    """
    return _IS_UNIT.fullmatch(sign) is not None


def is_word(sign: str) -> bool:
    """Return whether a sign is a known word, of which no letter is taken off alone.

    Examples
    --------
    >>> is_word("kg"), is_word("US$"), is_word("$€"), is_word(" oz.")
    (True, True, False, False)
    """
    return _IS_WORD.fullmatch(sign) is not None
