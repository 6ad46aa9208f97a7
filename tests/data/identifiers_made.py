"""Numbers of persons made by the published check digits, one at a time, and how to ask for them."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

import polars as pl

from evermodel.data.personal import personal_data
from evermodel.records import CheckResult

Make = Callable[[random.Random], str]


def number(rng: random.Random, length: int, first: str = string.digits) -> str:
    return rng.choice(first) + "".join(rng.choices(string.digits, k=length - 1))


def luhn_digit(head: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(head)):
        twice = int(digit) * (2 if place % 2 == 0 else 1)
        total += twice // 10 + twice % 10
    return str(-total % 10)


def card(rng: random.Random) -> str:
    start, length = rng.choice([("4", 16), ("53", 16), ("2300", 16), ("37", 15), ("6011", 16)])
    head = start + "".join(rng.choices(string.digits, k=length - 1 - len(start)))
    return head + luhn_digit(head)


def iban(rng: random.Random) -> str:
    country, bban = rng.choice(
        [("DE", number(rng, 18)), ("NL", "ABNA" + number(rng, 10)), ("NO", number(rng, 11))]
    )
    value = 0
    for letter in bban + country + "00":
        value = int(f"{value}{int(letter, 36)}")
    return f"{country}{98 - value % 97:02d}{bban}"


def ssn(rng: random.Random) -> str:
    return f"{rng.randint(1, 665):03d}-{rng.randint(1, 99):02d}-{rng.randint(1, 9999):04d}"


def nhs(rng: random.Random) -> str:
    while True:
        head = number(rng, 9, "4679")
        check = (
            11 - sum(int(d) * weight for d, weight in zip(head, range(10, 1, -1), strict=True)) % 11
        )
        if check != 10:
            return f"{head}{check % 11}"


def tax_id(rng: random.Random) -> str:
    digits = rng.sample(string.digits, 9)
    digits.insert(rng.randint(0, 9), rng.choice(digits))
    if digits[0] == "0":
        return tax_id(rng)
    product = 10
    for digit in digits:
        total = (int(digit) + product) % 10 or 10
        product = 2 * total % 11
    return "".join(digits) + str((11 - product) % 10)


def nir(rng: random.Random) -> str:
    place = rng.choice(["75", "13", "2A", "2B"])
    head = (
        f"{rng.choice('12')}{rng.randint(0, 99):02d}{rng.randint(1, 12):02d}{place}{number(rng, 6)}"
    )
    value = int(head.replace("2A", "19").replace("2B", "18"))
    return f"{head}{97 - value % 97:02d}"


def dni(rng: random.Random) -> str:
    first = rng.choice(["", "X", "Y", "Z"])
    digits = number(rng, 7 if first else 8)
    value = int({"": "", "X": "0", "Y": "1", "Z": "2"}[first] + digits)
    return first + digits + "TRWAGMYFPDXBNJZSQVHLCKE"[value % 23]


def fiscal(rng: random.Random) -> str:
    odd = dict(
        zip(
            string.digits + string.ascii_uppercase,
            [1, 0, 5, 7, 9, 13, 15, 17, 19, 21] * 2
            + [2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23],
            strict=True,
        )
    )
    letters = "".join(rng.choices("BCDFGLMNPRST", k=6))
    day = rng.randint(1, 28) + rng.choice([0, 40])
    head = (
        f"{letters}{rng.randint(0, 99):02d}{rng.choice('ABCDEHLMPRST')}{day:02d}H{number(rng, 3)}"
    )
    total = sum(
        odd[letter] if place % 2 == 0 else int(letter, 36) - (0 if letter.isdigit() else 10)
        for place, letter in enumerate(head)
    )
    return head + string.ascii_uppercase[total % 26]


def bsn(rng: random.Random) -> str:
    while True:
        head = number(rng, 8, "123456789")
        check = sum(int(d) * weight for d, weight in zip(head, range(9, 1, -1), strict=True)) % 11
        if check != 10:
            return f"{head}{check}"


def personnummer(rng: random.Random) -> str:
    head = (
        f"{rng.randint(0, 99):02d}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{number(rng, 3)}"
    )
    return f"{head[:6]}-{head[6:]}{luhn_digit(head)}"


def aadhaar(rng: random.Random) -> str:
    # Verhoeff's digit by the group's rotations and reflections of a pentagon.
    def times(a: int, b: int) -> int:
        turn, flip = (a % 5 + (b % 5 if a < 5 else -b % 5)) % 5, (a < 5) != (b < 5)
        return turn + (5 if flip else 0)

    one = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    head = number(rng, 11, "23456789")
    for check in range(10):
        total = 0
        for place, digit in enumerate(reversed(f"{head}{check}")):
            moved = int(digit)
            for _ in range(place % 8):
                moved = one[moved]
            total = times(total, moved)
        if total == 0:
            return f"{head}{check}"
    raise AssertionError(head)


def cpf(rng: random.Random) -> str:
    head = number(rng, 9)
    for _ in range(2):
        rest = sum(int(d) * w for d, w in zip(head, range(len(head) + 1, 1, -1), strict=True)) % 11
        head += str(0 if rest < 2 else 11 - rest)
    return f"{head[:3]}.{head[3:6]}.{head[6:9]}-{head[9:]}"


MAKERS: dict[str, Make] = {
    "payment_card": card,
    "iban": iban,
    "us_ssn": ssn,
    "uk_nhs": nhs,
    "de_tax_id": tax_id,
    "fr_nir": nir,
    "es_dni": dni,
    "it_codice_fiscale": fiscal,
    "nl_bsn": bsn,
    "se_personnummer": personnummer,
    "in_aadhaar": aadhaar,
    "br_cpf": cpf,
}
# One number of each kind that the issuer or the standard itself gives as an example.
PUBLISHED = {
    "payment_card": "4111111111111111",
    "iban": "GB29NWBK60161331926819",
    "uk_nhs": "9434765919",
    "de_tax_id": "36574261809",
    "es_dni": "12345678Z",
    "nl_bsn": "111222333",
    "se_personnummer": "8112189876",
    "br_cpf": "11144477735",
}


def scan(**columns: object) -> list[CheckResult]:
    return list(personal_data(pl.DataFrame(columns)))


def claims(results: list[CheckResult]) -> set[tuple[str, str]]:
    """Return column and kind of all that is said to be personal data, or could be."""
    return {
        (one.subject, one.evidence["kind"])
        for one in results
        if one.name == "personal_data" and one.verdict != "pass"
    }


def one(values: object, name: str = "a") -> CheckResult:
    found, _ = scan(**{name: values})
    return found


def made(kind: str, count: int = 90, seed: int = 5) -> list[str]:
    rng = random.Random(seed)
    return [MAKERS[kind](rng) for _ in range(count)]


def spoiled(value: str) -> str:
    """Change the last digit or letter by one."""
    last = value[-1]
    letters = string.digits if last.isdigit() else string.ascii_uppercase
    return value[:-1] + letters[(letters.index(last) + 1) % len(letters)]
