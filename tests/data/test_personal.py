"""Personal data are found in every kind's writing, and clean columns are left in peace."""

from __future__ import annotations

import hashlib
import random
import re
import string
import time
import uuid
from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.data.identifiers import CERTAIN, KINDS, Identifier, by_chance
from evermodel.data.personal import personal_data
from evermodel.data.personal_values import MOST, draw, masked
from evermodel.data.persons import pipeline
from evermodel.records import CheckResult
from tests.real import real_data

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


@pytest.mark.parametrize("kind", MAKERS)
def test_every_identifier_is_found_by_its_published_check_digit(kind: str) -> None:
    # Without a check digit more are needed.
    values = made(kind, 150 if kind == "us_ssn" else 60)
    found = one([None, *values])
    assert (found.verdict, found.evidence["kind"], found.value) == ("warn", kind, 1.0)
    assert found.evidence["rows"] == [1, 2, 3, 4, 5]
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1.0 == found.high
    assert found.n == len(set(values))
    assert found.evidence["p_value"] <= CERTAIN


@pytest.mark.parametrize("kind", sorted(set(MAKERS) - {"us_ssn"}))
def test_a_wrong_check_digit_is_no_finding(kind: str) -> None:
    assert claims(scan(a=[spoiled(value) for value in made(kind)])) == set()


@pytest.mark.parametrize(("kind", "value"), PUBLISHED.items())
def test_published_examples_pass_and_their_neighbours_fail(kind: str, value: str) -> None:
    valid = next(each.valid for each in KINDS if each.kind == kind)
    assert valid([value, spoiled(value), value + "0", "", "é" * len(value)]).tolist() == [
        True, False, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("area", ["000", "666", "900", "987"])
def test_social_security_numbers_that_were_never_given_are_none(area: str) -> None:
    assert claims(scan(ssn=[f"{area}-12-{i:04d}" for i in range(1, 90)])) == set()
    assert claims(scan(ssn=[f"123-00-{i:04d}" for i in range(1, 90)])) == set()


@pytest.mark.parametrize("each", KINDS, ids=lambda each: each.kind)
def test_chance_passes_a_test_no_more_often_than_is_stated(each: Identifier) -> None:
    forms: dict[str, Make] = {
        "iban": lambda r: "DE" + number(r, 20),
        "es_dni": lambda r: number(r, 8) + r.choice("TRWAGMYFPDXBNJZSQVHLCKE"),
        "it_codice_fiscale": lambda r: fiscal(r)[:-1] + r.choice(string.ascii_uppercase),
        "fr_nir": lambda r: nir(r)[:-2] + number(r, 2),
    }
    lengths = {"payment_card": 16, "us_ssn": 9, "nl_bsn": 9, "uk_nhs": 10, "se_personnummer": 10,
               "in_aadhaar": 12}  # fmt: skip
    rng = random.Random(11)
    make: Make = forms.get(each.kind, lambda r: number(r, lengths.get(each.kind, 11)))
    passed = int(each.valid([make(rng) for _ in range(20_000)]).sum())
    assert by_chance(passed, 20_000, each.chance) > 1e-4


def test_whole_numbers_count_as_digits_even_where_gaps_made_them_decimals() -> None:
    values = [int(value) for value in made("nl_bsn")]
    assert claims(scan(a=values)) == {("a", "nl_bsn")}
    assert claims(scan(a=[*map(float, values), None])) == {("a", "nl_bsn")}


def test_some_wrong_digits_among_many_right_ones_are_typing_errors() -> None:
    values = made("uk_nhs", 100)
    found = one([spoiled(v) if i % 10 == 0 else v for i, v in enumerate(values)])
    assert (found.verdict, found.value) == ("warn", 0.9)
    assert (found.evidence["of_this_form"], found.evidence["valid"]) == (100, 90)


def test_too_few_numbers_are_too_few_to_say() -> None:
    found = one(made("uk_nhs", 4))
    assert (found.verdict, found.evidence["kind"]) == ("unknown", "uk_nhs")
    assert "too few" in found.why
    assert claims(scan(a=made("uk_nhs", 2))) == set()
    # A column that says what it holds needs less.
    assert one(made("uk_nhs", 2), "nhs_number").verdict == "warn"


def test_books_have_the_check_digit_of_nhs_numbers_and_are_none() -> None:
    rng = random.Random(2)
    books = []
    for _ in range(300):
        head = number(rng, 9)
        total = sum(int(d) * w for d, w in zip(head, range(10, 1, -1), strict=True))
        books.append(head + "0123456789X"[-total % 11])
    assert claims(scan(a=books)) == set()


WRITTEN = {
    "email": ["ada@example.org", "Alan.Turing+x@mail.example.co.uk", "grace_hopper@example.com"],
    "phone": ["+44 20 7946 0958", "+49 (0)30 901820", "+1 212-555-0199", "+33142685300"],
    "ip_address": ["192.0.2.17", "198.51.100.4", "2001:db8:85a3::8a2e:370:7334", "203.0.113.200"],
    "mac_address": ["00:1A:2b:3C:4d:5E", "a4-83-e7-0b-1f-c2", "f0de.f1a0.77bc"],
}


@pytest.mark.parametrize(("kind", "values"), WRITTEN.items())
def test_ways_to_reach_a_person_are_found_by_their_writing(kind: str, values: list[str]) -> None:
    found = one(values)
    assert (found.evidence["kind"], found.value, found.verdict) == (kind, 1.0, "warn")
    assert not found.evidence["within_text"]


@pytest.mark.parametrize(
    "values",
    [
        ["(205) 325-8100", "(256) 593-8310", "(334) 875-4100"],
        [f"{a}-{e}-{1000 + a}" for a in range(212, 220) for e in range(322, 330) if a != 211],
        ["01 42 68 53 00", "02.99.67.51.12", "03 88 60 90 90", "04 91 13 89 00", "06 12 34 56 78"],
        [f"030 {n}" for n in range(2000000, 2000030)],
        [f"0171/{n}" for n in range(2000000, 2000030)],
        [f"020 7946 0{n}" for n in range(900, 930)],
    ],
    ids=["brackets", "North America", "France", "Berlin", "slash", "London"],
)
def test_national_writings_of_telephone_numbers_are_found(values: list[str]) -> None:
    assert claims(scan(a=values)) == {("a", "phone")}


@pytest.mark.parametrize(
    "name", ["PhoneNumber", "phone", "tel", "Telefon", "mobile_no", "handy", "phone2"]
)
def test_digits_alone_are_telephone_numbers_only_where_the_column_says_so(name: str) -> None:
    values = [2053258100, 2565938310, 3348754100, 2562352800]
    assert claims(scan(**{name: values})) == {(name, "phone")}
    assert claims(scan(**{name: list(map(str, values))})) == {(name, "phone")}
    assert claims(scan(a=values, b=list(map(str, values)))) == set()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Please write to ada@example.org, she knows", "email"),
        ("call me on +44 20 7946 0958 tonight", "phone"),
        ("Call 09061701461 to claim", "phone"),
        ("rufen Sie an, Telefon 030 9018200", "phone"),
        ("my phone is 205-325-8100.", "phone"),
        ("pay to DE89 3704 0044 0532 0130 00 BANK please", "iban"),
        ("charged my card 4111 1111 1111 1111 twice", "payment_card"),
        ("her SSN is 219-09-9999, she said", "us_ssn"),
        ("NHS no 943 476 5919 admitted", "uk_nhs"),
        ("cliente CPF 111.444.777-35 aprovado", "br_cpf"),
        ("codice RSSMRA85T10A562S del cliente", "it_codice_fiscale"),
        ("login from 203.0.113.200 failed", "ip_address"),
    ],
)
def test_free_text_is_searched(text: str, kind: str) -> None:
    found = one([f"nothing of interest here {i}" for i in range(300)] + [text])
    assert (found.evidence["kind"], found.verdict) == (kind, "warn")
    assert found.evidence["within_text"]
    assert found.evidence["rows"] == [300]
    assert "1 of 301" in found.why


@pytest.mark.parametrize(
    "text",
    [
        "Order no 0123456789 shipped with parcel 2053258100",
        "pick up card 4111 1111 1111 1112 at the desk",
        "see version 10.200.3.4 of the software",
        "git@example.com:shop/site.git and icon@2x.png",
        "the meeting is at 10:30:45, room 4711-0815",
        "std::vector of 12:34:56",
        "call it 1234567890123456789",
        "opening hours 0800 1700",
    ],
)
def test_texts_with_other_numbers_are_left_in_peace(text: str) -> None:
    assert claims(scan(a=[text, *(f"nothing of interest here {i}" for i in range(50))])) == set()


@pytest.mark.parametrize(
    "street",
    ["{} University Blvd", "Hauptstraße {}", "Kerkstraat {}", "{} rue de la Paix", "Via Roma, {}",
     "Calle Mayor {}"],
)  # fmt: skip
def test_streets_with_house_numbers_are_found(street: str) -> None:
    assert claims(scan(a=[street.format(n) for n in range(1, 40)])) == {("a", "postal_address")}


def test_dates_of_birth_are_told_by_name_and_range_together() -> None:
    days = [date(1931 + n, 1 + n % 12, 1 + n) for n in range(25)]
    texts = [day.strftime("%d.%m.%Y") for day in days]
    assert claims(scan(date_of_birth=days, delivered=days)) == {("date_of_birth", "date_of_birth")}
    assert claims(scan(Geburtsdatum=texts)) == {("Geburtsdatum", "date_of_birth")}
    assert claims(scan(birth_rate=[1.5, 2.5], birthplace=["Rome", "Paris"])) == set()
    assert claims(scan(dob=[date(1, 1, 1)] * 3)) == set()
    found = one([1931, 1988, 2001], "birth_year")
    assert found.verdict == "pass"


def test_names_of_persons_need_a_name_and_a_writing() -> None:
    assert one(["Ada", "Alan", "Zoë"], "first_name").verdict == "warn"
    hashed = one([hashlib.md5(bytes([n])).hexdigest() for n in range(20)], "last_name")
    assert (hashed.verdict, hashed.value, hashed.evidence["rows"]) == ("pass", None, [])
    assert "may hold names of persons" in hashed.why
    assert len(scan(beer_name=["Pub Beer", "Sex Panther"], brewery=["Anchor", "Two Roads"])) == 1


def test_what_only_the_name_hints_at_is_no_warning() -> None:
    results = scan(zip=["35233", "90210", "10001"], PhoneService=["Yes", "No", "Yes"])
    assert [(one.subject, one.verdict) for one in results] == [("zip", "pass"), ("", "pass")]


def clean_columns(seed: int, n: int) -> dict[str, object]:
    """Return columns of a shop or a laboratory that hold nothing personal."""
    rng = np.random.default_rng(seed)

    def digits(length: int) -> list[str]:
        return ["".join(map(str, rng.integers(0, 10, length))) for _ in range(n)]

    def each(form: Callable[..., str], *of: object) -> list[str]:
        return [form(*row) for row in zip(*of, strict=True)]

    start, step = int(rng.integers(10**9, 9 * 10**9)), int(rng.choice([1, 7, 10, 11, 97, 100]))
    seconds = rng.integers(10**9, 2 * 10**9, n)
    stamps = pl.from_epoch(pl.Series(seconds))
    north, east = rng.uniform(-90, 90, n), rng.uniform(-180, 180, n)
    price = rng.lognormal(6, 2, n)
    columns: dict[str, object] = {f"d{k}": digits(k) for k in (8, 9, 10, 11, 12, 13, 15, 16, 19)}
    columns |= {f"i{k}": rng.integers(10 ** (k - 1), 10**k, n) for k in (8, 9, 10, 11, 12, 16)}
    columns |= {
        "rising": start + np.arange(n) * step,
        "price": price.round(2),
        "price_text": each("{:.2f}".format, price),
        "price_words": each("{:,.2f} EUR".format, price),
        "unix": seconds,
        "milliseconds": each(str, seconds * 1000),
        **{
            f"time{i}": stamps.dt.to_string(form)
            for i, form in enumerate(
                ["%Y-%m-%dT%H:%M:%S+01:00", "%m/%d/%Y %H:%M", "%d.%m.%Y", "%Y%m%d%H%M%S",
                 "%y%m%d%H%M", "%H:%M:%S", "%d-%m-%y"]
            )
        },
        "area": each("{:05d}".format, rng.integers(0, 99999, n)),
        "area_long": each(lambda a: f"{a[:5]}-{a[5:]}", digits(9)),
        "place": each("{:.6f},{:.6f}".format, north, east),
        "place_iso": each("{:+.4f}{:+.4f}/".format, north, east),
        "place_signed": each("{:+.8f}".format, abs(north)),
        "change": each("{:+d}".format, rng.integers(-(10**8), 10**8, n)),
        "order_a": each(lambda a: f"{a[:3]}-{a[3:6]}-{a[6:]}", digits(10)),
        "order_b": each(lambda a: f"{a[:3]}-{a[3:10]}-{a[10:]}", digits(17)),
        "order_c": each(lambda a: f"{a[:4]}-{a[4:8]}-{a[8:12]}-{a[12:]}", digits(16)),
        "order_d": each(lambda a: f"0{a[:3]}-{a[3:]}", digits(9)),
        "order_e": each("Order no {} in parcel {}".format, digits(10), digits(12)),
        "tax_of_firms": each("DE{}".format, digits(9)),
        "account_like": each("DE{}".format, digits(20)),
        "article": each(lambda a: "35" + a + luhn_digit("35" + a), digits(12)),
        "md5": each(lambda a: hashlib.md5(a.encode()).hexdigest(), digits(9)),
        "sha": each(lambda a: hashlib.sha256(a.encode()).hexdigest(), digits(9)),
        "uuid": [str(uuid.UUID(bytes=rng.bytes(16))) for _ in range(n)],
        "print": [":".join(f"{x:02x}" for x in rng.bytes(20)) for _ in range(n)],
        "version": [".".join(map(str, rng.integers(0, 20, 4))) for _ in range(n)],
        "software_version": [".".join(map(str, rng.integers(0, 200, 4))) for _ in range(n)],
        "lottery": ["-".join(f"{x:02d}" for x in rng.integers(1, 50, 6)) for _ in range(n)],
        "size": each("{:.1f} x {:.1f} mm".format, price, price),
        "phone_minutes": rng.integers(0, 3000, n),
        "mobile_revenue": rng.integers(0, 10**8, n),
        "phone_contacted": stamps.dt.to_string("%Y-%m-%d"),
        "last_phone_call": stamps.dt.to_string("%d.%m.%Y"),
        "phone_sales": each(str, rng.integers(10**7, 10**8, n)),
        "tel_cost": each("{:.2f}".format, rng.uniform(0, 1e6, n)),
        "picture": [f"icon{i}@2x.png" for i in range(n)],
    }  # fmt: skip
    return columns


@pytest.mark.parametrize("n", [3, 30, 400])
def test_clean_columns_of_many_sorts_raise_no_alarm(n: int) -> None:
    alarms = [claims(scan(**clean_columns(seed, n))) for seed in range(6)]
    assert alarms == [set()] * 6


def test_examples_never_show_a_letter_or_digit_of_a_value() -> None:
    values = {kind: made(kind, 60) for kind in MAKERS}
    streets = [f"{n} High Street" for n in range(60)]
    results = scan(**values, street=streets, first_name=["Ada", "Al", "Bo"] * 20,
                   mail=[f"u{n}@example.org" for n in range(60)])  # fmt: skip
    shown = [example for one in results for example in one.evidence.get("examples", [])]
    assert len(shown) >= 5 * len(MAKERS)
    assert not re.search(r"[^\W_]", "".join(shown))
    told = " ".join(one.why + one.method for one in results)
    assert not any(value in told for column in values.values() for value in column)


@given(st.text(max_size=90))
def test_what_is_masked_keeps_its_signs_only(text: str) -> None:
    assert not any(letter.isalnum() for letter in masked(text))
    assert len(masked(text)) == min(80, len(text))


def test_the_scan_says_what_it_cannot_see() -> None:
    last = scan(a=[1, 2], nested=[["ada@example.org"], []])[-1]
    assert (last.name, last.verdict, last.value, last.n) == ("personal_data_scan", "pass", 1.0, 2)
    assert last.evidence["not_looked_at"] == ["nested"]
    assert any("several harmless columns" in limit for limit in last.evidence["cannot_see"])
    assert set(MAKERS) <= set(last.evidence["kinds"])
    absent = any("no spaCy" in limit for limit in last.evidence["cannot_see"])
    assert absent == (pipeline()[0] is None) == (last.evidence["names_model"] == "")


def test_names_are_recognised_where_a_model_is_installed() -> None:
    spacy = pytest.importorskip("spacy")
    from evermodel.data.persons import recognised

    model = spacy.blank("en")
    people = [f"{first} {last}" for first in ("Ada", "Alan") for last in ("Byron", "Hopper", "Kay")]
    ruler = model.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": person} for person in people])
    who = pl.Series("who", [*people, "Red Shoe", "Two Hats", "Old Boot", "Low Heel"])
    drawn, shoes = draw(who), draw(pl.Series(["Red Shoe", "Big Hat"] * 6))
    assert drawn is not None
    assert shoes is not None
    (found,) = recognised(drawn, model)
    assert found.hits.to_list() == [True] * 6 + [False] * 4
    assert (found.kind, found.detail) == ("person_name", {"looked_at": 10})
    assert list(recognised(shoes, model)) == []


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame(),
        pl.DataFrame({"a": []}),
        pl.DataFrame({"a": [None, None]}),
        pl.DataFrame({"a": ["", "  ", None]}),
        pl.DataFrame({"dob": [None]}, schema={"dob": pl.Date}),
        pl.DataFrame({"phone": [None, float("nan"), float("inf")]}),
        pl.DataFrame({"a": [b"x"], "b": [True], "c": [{"x": 1}]}),
    ],
)
def test_tables_with_nothing_to_look_at_yield_the_limits_only(frame: pl.DataFrame) -> None:
    assert [one.name for one in personal_data(frame)] == ["personal_data_scan"]


def test_categories_are_looked_at_as_texts() -> None:
    mails = pl.Series("a", ["ada@example.org", "alan@example.org"] * 5).cast(pl.Categorical)
    assert claims(list(personal_data(mails.to_frame()))) == {("a", "email")}


def test_large_columns_are_sampled_by_a_seed_and_say_so() -> None:
    series = pl.Series("a", [f"user{n}@example.org" for n in range(100_000)] * 2)
    first, again, other = draw(series, seed=1), draw(series, seed=1), draw(series, seed=2)
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.n == MOST == other.n
    assert not first.complete
    assert first.values.equals(again.values)
    assert not first.values.equals(other.values)
    assert series.gather(first.rows).equals(first.values)
    found, last = personal_data(series.to_frame())
    assert "20000 distinct values drawn at random (seed 0" in found.method
    assert last.evidence["sampled"] == ["a"]
    assert (found.n, found.value) == (MOST, 1.0)


@pytest.mark.parametrize("numbers", [True, False])
def test_the_sample_is_uniform_over_distinct_values_however_often_they_occur(numbers: bool) -> None:
    # Half of the distinct values occur once, half of them nine times.
    values = np.concatenate([np.arange(50_000), np.repeat(np.arange(50_000, 100_000), 9)])
    series = pl.Series("a", values)
    drawn = draw(series if numbers else series.cast(pl.String), seed=3)
    assert drawn is not None
    often = int((drawn.values.cast(pl.Int64) >= 50_000).sum())
    assert abs(often / drawn.n - 0.5) < 4 * 0.5 / np.sqrt(drawn.n)
    # The share that carries a trait is met by the interval.
    quarter = int((drawn.values.cast(pl.Int64) % 4 == 0).sum())
    assert abs(quarter / drawn.n - 0.25) < 4 * np.sqrt(0.1875 / drawn.n)


def test_a_million_rows_of_thirty_columns_take_less_than_three_seconds() -> None:
    rng = np.random.default_rng(0)
    n = 1_000_000
    number_text = pl.Series(rng.integers(10**10, 10**11, n)).cast(pl.String)
    words = pl.Series(["please call", "order of", "shop no", "late parcel"])
    text = words.gather(rng.integers(0, 4, n)) + " " + number_text + " thanks"
    kinds = [
        pl.Series(rng.normal(size=n)),
        pl.Series(rng.integers(0, 100, n)),
        pl.Series(rng.integers(10**9, 10**10, n)),
        number_text,
        "u" + number_text + "@example.org",
        words.gather(rng.integers(0, 4, n)),
        text,
        pl.Series(rng.integers(0, 10**9, n)).cast(pl.Datetime("us")),
        pl.Series(rng.integers(0, 10**8, n).astype(float)),
        pl.Series(rng.integers(0, 10**6, n)).cast(pl.String),
    ]
    frame = pl.DataFrame({f"c{i}": kinds[i % 10] for i in range(30)})
    list(personal_data(frame.head(100)))
    # CPU time of all threads, so that neighbours on the machine do not decide.
    begun = time.process_time()
    results = list(personal_data(frame))
    assert time.process_time() - begun < 3.0
    assert claims(results) == {(f"c{i}", "email") for i in (4, 14, 24)}


def read(relative: str) -> pl.DataFrame:
    path = real_data(relative)
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    return pl.read_csv(path, infer_schema_length=None)


@pytest.mark.real
@pytest.mark.parametrize(
    "relative",
    [
        "retail/online_retail.parquet", "churn/telco_churn.csv", "adult/adult.parquet",
        "credit/default_credit_card.parquet", "credit/german_credit.csv",
        "acs/acs_gov_2018.parquet", "bike/hour.csv", "beers/dirty.csv", "beers/clean.csv",
        "flights/dirty.csv", "elec2/elec2.parquet", "pm25/beijing_pm25.csv",
        "banking77/train.csv", "weather/noaa_bellevue.csv",
    ],
)  # fmt: skip
def test_real_tables_without_personal_data_raise_no_alarm(relative: str) -> None:
    assert [one.name for one in personal_data(read(relative))] == ["personal_data_scan"]


@pytest.mark.real
@pytest.mark.parametrize("which", ["dirty", "clean"])
def test_authors_who_gave_their_address_are_found_and_nothing_else(which: str) -> None:
    frame = read(f"rayyan/{which}.csv")
    results = list(personal_data(frame))
    assert claims(results) == {("author_list", "email")}
    rows = results[0].evidence["rows"]
    assert all("@" in frame["author_list"][row] for row in rows)
    assert len(rows) == 2


@pytest.mark.real
@pytest.mark.parametrize(
    ("which", "phone", "street"),
    [("clean", "PhoneNumber", "Address1"), ("dirty", "phone", "address_1")],
)
def test_hospitals_have_telephones_and_streets(which: str, phone: str, street: str) -> None:
    frame = read(f"hospital/{which}.csv")
    assert claims(list(personal_data(frame))) == {(phone, "phone"), (street, "postal_address")}


@pytest.mark.real
def test_telephone_numbers_inside_messages_are_found() -> None:
    frame = read("sms/sms_spam.csv")
    results = list(personal_data(frame))
    assert claims(results) == {("text", "phone"), ("text", "email")}
    phone = next(one for one in results if one.evidence["kind"] == "phone")
    assert phone.evidence["within_text"]
    assert phone.value is not None
    # Unsolicited messages ask to be called; of 653 different ones about half give ten digits.
    assert 200 <= phone.value * (phone.n or 0) <= 600
    for row in phone.evidence["rows"]:
        assert re.search(r"\d[\d ]{8,}", frame["text"][row])
