"""Check digits of national identifiers, many values at once.

Each function takes values written without separators, in capitals, and returns one boolean a value.
A value of a wrong shape is False, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

__all__ = [
    "aadhaar",
    "bsn",
    "codice_fiscale",
    "cpf",
    "dni",
    "german_tax_id",
    "luhn",
    "nhs_number",
    "nir",
    "of_digits",
    "personnummer",
    "ssn",
]

Bools = npt.NDArray[np.bool_]
Digits = npt.NDArray[np.int64]

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_NIR = re.compile(r"([123478]\d\d(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d\d|2[AB])\d{6})(\d\d)")
_FISCAL = re.compile(
    r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]"
)
# Values of the characters in odd places, 0 to 9 and A to Z (decree of 23 December 1976).
_FISCAL_ODD = (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21,
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
)  # fmt: skip
_FISCAL_DIGITS = str.maketrans("LMNPQRSTUV", "0123456789")

# Multiplication in the dihedral group of ten elements, and the permutation of Verhoeff (1969).
_DIHEDRAL = np.array(
    [
        [(i + j) % 5 + (0 if j < 5 else 5) if i < 5 else (i - j) % 5 + (5 if j < 5 else 0)
         for j in range(10)]
        for i in range(10)
    ]
)  # fmt: skip
_PERMUTATION = [list(range(10)), [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
for _ in range(6):
    _PERMUTATION.append([_PERMUTATION[1][digit] for digit in _PERMUTATION[-1]])
_PERMUTED = np.array(_PERMUTATION)


def of_digits(
    values: Sequence[str], lengths: Sequence[int], rule: Callable[[Digits], Bools]
) -> Bools:
    """Return where a rule holds, given the values that are digits of each length as a matrix.

    Examples
    --------
    >>> of_digits(["18", "19", "x8"], (2,), luhn).tolist()
    [True, False, False]
    """
    found = np.zeros(len(values), dtype=bool)
    plain = [len(v) if v.isascii() and v.isdigit() else 0 for v in values]
    for length in lengths:
        rows = [row for row, long in enumerate(plain) if long == length]
        if rows:
            letters = "".join(values[row] for row in rows).encode()
            matrix = np.frombuffer(letters, dtype=np.uint8).astype(np.int64) - ord("0")
            found[rows] = rule(matrix.reshape(len(rows), length))
    return found


def luhn(digits: Digits) -> Bools:
    """Return which rows of digits satisfy the formula of Luhn (ISO/IEC 7812-1, annex B).

    Examples
    --------
    >>> luhn(np.array([[7, 9, 9, 2, 7, 3, 9, 8, 7, 1, 3]])).tolist()
    [True]
    """
    doubled = digits.copy()
    doubled[:, -2::-2] *= 2
    doubled -= 9 * (doubled > 9)
    return np.asarray(doubled.sum(axis=1) % 10 == 0)


def _varied(digits: Digits) -> Bools:
    return np.asarray((digits != digits[:, :1]).any(axis=1))


def ssn(values: Sequence[str]) -> Bools:
    """Return which values lie in the ranges of US social security numbers; no check digit exists.

    Never given out: area 000, 666 and 900 to 999, group 00, serial 0000.

    References
    ----------
    US Social Security Administration, Social Security Number Randomization (2011).

    Examples
    --------
    >>> ssn(["219099999", "666123456", "900123456", "219009999", "219090000"]).tolist()
    [True, False, False, False, False]
    """

    def rule(digits: Digits) -> Bools:
        area = digits[:, :3] @ np.array([100, 10, 1])
        given = (area > 0) & (area != 666) & (area < 900)
        return np.asarray(
            given & digits[:, 3:5].any(axis=1) & digits[:, 5:].any(axis=1) & _varied(digits)
        )

    return of_digits(values, (9,), rule)


def nhs_number(values: Sequence[str]) -> Bools:
    """Return which values are NHS numbers of the United Kingdom: 10 digits, modulo 11.

    References
    ----------
    NHS Data Model and Dictionary, NHS NUMBER.

    Examples
    --------
    >>> nhs_number(["9434765919", "9434765918"]).tolist()
    [True, False]
    """

    def rule(digits: Digits) -> Bools:
        total = digits @ np.array([10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
        return np.asarray((total % 11 == 0) & _varied(digits))

    return of_digits(values, (10,), rule)


def german_tax_id(values: Sequence[str]) -> Bools:
    """Return which values are German tax identifiers: 11 digits, ISO/IEC 7064 MOD 11,10.

    The first is not 0; of the first ten, one digit stands there two or three times (not three in
    a row) and no other more than once.

    References
    ----------
    Section 139b AO; ISO/IEC 7064, MOD 11,10.

    Examples
    --------
    >>> german_tax_id(["36574261809", "36574261808"]).tolist()
    [True, False]
    """

    def rule(digits: Digits) -> Bools:
        product = np.full(len(digits), 10)
        for place in range(10):
            total = (digits[:, place] + product) % 10
            product = (2 * np.where(total == 0, 10, total)) % 11
        right = (11 - product) % 10 == digits[:, 10]
        head = digits[:, :10]
        times = np.sort((head[:, :, None] == np.arange(10)).sum(axis=1), axis=1)
        row = ((head[:, 2:] == head[:, 1:-1]) & (head[:, 1:-1] == head[:, :-2])).any(axis=1)
        made = np.isin(times[:, -1], (2, 3)) & (times[:, -2] == 1) & ~row
        return np.asarray(right & made & (digits[:, 0] > 0))

    return of_digits(values, (11,), rule)


def nir(values: Sequence[str]) -> Bools:
    """Return which values are French social security numbers: 13 places and a key modulo 97.

    Corsica's 2A and 2B count as 19 and 18.

    References
    ----------
    INSEE, numéro d'inscription au répertoire.

    Examples
    --------
    >>> nir(["255081416802538", "255081416802539"]).tolist()
    [True, False]
    """

    def one(value: str) -> bool:
        match = _NIR.fullmatch(value) if value.isascii() else None
        if match is None:
            return False
        number = int(match[1].replace("2A", "19").replace("2B", "18"))
        return 97 - number % 97 == int(match[2])

    return np.array([one(value) for value in values], dtype=bool)


def dni(values: Sequence[str]) -> Bools:
    """Return which values are Spanish DNI or NIE: the letter is the number modulo 23.

    References
    ----------
    Real Decreto 1553/2005; Orden INT/2058/2008 for NIE.

    Examples
    --------
    >>> dni(["12345678Z", "X1234567L", "12345678A"]).tolist()
    [True, True, False]
    """

    def one(value: str) -> bool:
        if len(value) != 9 or not value.isascii():
            return False
        number = str("XYZ".find(value[0])) + value[1:8] if value[0] in "XYZ" else value[:8]
        return number.isdigit() and _DNI_LETTERS[int(number) % 23] == value[8]

    return np.array([one(value) for value in values], dtype=bool)


def codice_fiscale(values: Sequence[str]) -> Bools:
    """Return which values are Italian tax codes: their form, a possible day, and the last letter.

    References
    ----------
    Decreto ministeriale of 23 December 1976.

    Examples
    --------
    >>> codice_fiscale(["RSSMRA85T10A562S", "RSSMRA85T10A562T"]).tolist()
    [True, False]
    """

    def one(value: str) -> bool:
        if not _FISCAL.fullmatch(value):
            return False
        day = int(value[9:11].translate(_FISCAL_DIGITS))
        if not (1 <= day <= 31 or 41 <= day <= 71):
            return False
        odd = sum(_FISCAL_ODD[int(letter, 36)] for letter in value[0:15:2])
        even = sum(
            int(letter) if letter.isdigit() else ord(letter) - ord("A") for letter in value[1:15:2]
        )
        return chr(ord("A") + (odd + even) % 26) == value[15]

    return np.array([one(value) for value in values], dtype=bool)


def bsn(values: Sequence[str]) -> Bools:
    """Return which values are Dutch citizen service numbers: 9 digits, the test of eleven.

    References
    ----------
    Logisch Ontwerp BSN, elfproef with weight -1 for the last digit.

    Examples
    --------
    >>> bsn(["111222333", "111222334"]).tolist()
    [True, False]
    """

    def rule(digits: Digits) -> Bools:
        total = digits @ np.array([9, 8, 7, 6, 5, 4, 3, 2, -1])
        return np.asarray((total % 11 == 0) & _varied(digits))

    return of_digits(values, (9,), rule)


def personnummer(values: Sequence[str]) -> Bools:
    """Return which values are Swedish personal or coordination numbers: a day and Luhn's digit.

    10 or 12 digits; in coordination numbers the day is raised by 60.

    References
    ----------
    Folkbokföringslag (1991:481), section 18; Skatteverket SKV 704.

    Examples
    --------
    >>> personnummer(["8112189876", "198112189876", "8112189875", "8113189876"]).tolist()
    [True, True, False, False]
    """

    def rule(digits: Digits) -> Bools:
        last = digits[:, -10:]
        month, day = last[:, 2:4] @ np.array([10, 1]), last[:, 4:6] @ np.array([10, 1])
        day = np.where(day > 60, day - 60, day)
        longest = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
        dated = (month >= 1) & (month <= 12) & (day >= 1)
        dated &= day <= longest[np.where(month <= 12, month, 0)]
        leap = (last[:, :2] @ np.array([10, 1])) % 4 == 0
        dated &= leap | (month != 2) | (day < 29)
        if digits.shape[1] == 12:
            dated &= np.isin(digits[:, :2] @ np.array([10, 1]), (18, 19, 20))
        return np.asarray(dated & luhn(last))

    return of_digits(values, (10, 12), rule)


def aadhaar(values: Sequence[str]) -> Bools:
    """Return which values are Indian Aadhaar numbers: 12 digits, first 2 to 9, Verhoeff's digit.

    References
    ----------
    UIDAI, A UID Numbering Scheme (2010); Verhoeff (1969), "Error Detecting Decimal Codes".

    Examples
    --------
    >>> aadhaar(["234123412346", "234123412347"]).tolist()
    [True, False]
    """

    def rule(digits: Digits) -> Bools:
        check = np.zeros(len(digits), dtype=np.int64)
        for place in range(12):
            check = _DIHEDRAL[check, _PERMUTED[place % 8, digits[:, 11 - place]]]
        return np.asarray((check == 0) & (digits[:, 0] >= 2) & _varied(digits))

    return of_digits(values, (12,), rule)


def cpf(values: Sequence[str]) -> Bools:
    """Return which values are Brazilian CPF: 11 digits, the last two modulo 11.

    References
    ----------
    Receita Federal do Brasil, Cadastro de Pessoas Físicas.

    Examples
    --------
    >>> cpf(["11144477735", "11144477734", "11111111111"]).tolist()
    [True, False, False]
    """

    def rule(digits: Digits) -> Bools:
        right = _varied(digits)
        for length in (9, 10):
            total = digits[:, :length] @ np.arange(length + 1, 1, -1)
            right &= (10 * total % 11) % 10 == digits[:, length]
        return right

    return of_digits(values, (11,), rule)
