"""Personal data are found in every kind's writing, and nothing of them is shown."""

from __future__ import annotations

import hashlib
import re
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.data.personal import personal_data
from evermodel.data.personal.persons import pipeline
from evermodel.data.personal.values import draw, masked
from tests.data.identifiers_made import (
    MAKERS,
    claims,
    made,
    one,
    scan,
)

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
    from evermodel.data.personal.persons import recognised

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
