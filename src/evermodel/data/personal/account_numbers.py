"""Numbers of payment cards and of bank accounts, many values at once.

Values are written without separators, in capitals; one of a wrong shape is False, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from evermodel.data.personal.check_digits import Bools, Digits, luhn, of_digits

__all__ = ["iban", "iban_length", "payment_card"]

# Issuer ranges and lengths: first digits from, to, and how many digits a number has.
_ISSUERS = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)), ("2221", "2720", (16,)),  # Mastercard
    ("34", "34", (15,)), ("37", "37", (15,)),  # American Express
    ("300", "305", (14,)), ("36", "36", (14,)), ("38", "39", (14,)),  # Diners Club
    ("6011", "6011", (16, 19)), ("644", "659", (16, 19)),  # Discover
    ("3528", "3589", (16,)),  # JCB
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("2200", "2204", (16,)),  # Mir
    ("5018", "5018", (16,)), ("5020", "5020", (16,)), ("5038", "5038", (16,)),  # Maestro
    ("6304", "6304", (16,)), ("6759", "6759", (16,)), ("6761", "6763", (16,)),
)  # fmt: skip

# What follows the country and the two check digits: n digits, a capitals, c either.
_IBAN = {
    "AD": "8n12c", "AE": "19n", "AL": "8n16c", "AT": "16n", "AZ": "4a20c", "BA": "16n",
    "BE": "12n", "BG": "4a6n8c", "BH": "4a14c", "BR": "23n1a1c", "BY": "4c4n16c", "CH": "5n12c",
    "CR": "18n", "CY": "8n16c", "CZ": "20n", "DE": "18n", "DK": "14n", "DO": "4c20n",
    "EE": "16n", "EG": "25n", "ES": "20n", "FI": "14n", "FO": "14n", "FR": "10n11c2n",
    "GB": "4a14n", "GE": "2a16n", "GI": "4a15c", "GL": "14n", "GR": "7n16c", "GT": "24c",
    "HR": "17n", "HU": "24n", "IE": "4a14n", "IL": "19n", "IQ": "4a15n", "IS": "22n",
    "IT": "1a10n12c", "JO": "4a4n18c", "KW": "4a22c", "KZ": "3n13c", "LB": "4n20c",
    "LC": "4a24c", "LI": "5n12c", "LT": "16n", "LU": "3n13c", "LV": "4a13c", "LY": "21n",
    "MC": "10n11c2n", "MD": "20c", "ME": "18n", "MK": "3n10c2n", "MR": "23n", "MT": "4a5n18c",
    "MU": "4a19n3a", "NL": "4a10n", "NO": "11n", "PK": "4a16c", "PL": "24n", "PS": "4a21c",
    "PT": "21n", "QA": "4a21c", "RO": "4a16c", "RS": "18n", "SA": "2n18c", "SC": "4a20n3a",
    "SE": "20n", "SI": "15n", "SK": "20n", "SM": "1a10n12c", "ST": "21n", "SV": "4a20n",
    "TL": "19n", "TN": "20n", "TR": "6n16c", "UA": "6n19c", "VA": "18n", "VG": "4a16n",
    "XK": "16n",
}  # fmt: skip
_CLASSES = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}
_BBAN = {
    country: re.compile(re.sub(r"(\d+)([nac])", lambda m: f"{_CLASSES[m[2]]}{{{m[1]}}}", form))
    for country, form in _IBAN.items()
}


def payment_card(values: Sequence[str]) -> Bools:
    """Return which values are numbers of payment cards: an issuer's range and a right last digit.

    References
    ----------
    ISO/IEC 7812-1, annex B (the formula of Luhn).

    Examples
    --------
    >>> payment_card(["4111111111111111", "4111111111111112", "9111111111111111"]).tolist()
    [True, False, False]
    """

    def rule(digits: Digits) -> Bools:
        heads = digits[:, :4] @ np.array([1000, 100, 10, 1])
        issued = np.zeros(len(digits), dtype=bool)
        for first, last, lengths in _ISSUERS:
            if digits.shape[1] in lengths:
                issued |= (heads >= int(first.ljust(4, "0"))) & (heads <= int(last.ljust(4, "9")))
        return np.asarray(issued & luhn(digits))

    return of_digits(values, range(13, 20), rule)


def iban(values: Sequence[str]) -> Bools:
    """Return which values are account numbers: the country's length and form, and modulo 97.

    References
    ----------
    ISO 13616-1; check digits as of ISO/IEC 7064, MOD 97-10.

    Examples
    --------
    >>> iban(["GB29NWBK60161331926819", "GB28NWBK60161331926819", "GB29NWBK6016133192681"]).tolist()
    [True, False, False]
    """

    def one(value: str) -> bool:
        form = _BBAN.get(value[:2])
        if form is None or not value[2:4].isdigit() or not form.fullmatch(value[4:]):
            return False
        turned = value[4:] + value[:4]
        return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1

    return np.array([value.isascii() and one(value) for value in values], dtype=bool)


def iban_length(country: str) -> int:
    """Return how long account numbers of a country are, 0 for one that has none.

    Examples
    --------
    >>> iban_length("DE"), iban_length("US")
    (22, 0)
    """
    form = _IBAN.get(country, "")
    return sum(map(int, re.findall(r"\d+", form))) + 4 if form else 0
