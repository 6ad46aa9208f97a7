"""Numbers of persons are found by their check digits, and other numbers are not."""

from __future__ import annotations

import random
import string

import pytest

from evermodel.data.personal.identifiers import CERTAIN, KINDS, Identifier, by_chance
from tests.data.identifiers_made import (
    MAKERS,
    PUBLISHED,
    Make,
    claims,
    fiscal,
    made,
    nir,
    number,
    one,
    scan,
    spoiled,
)


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
