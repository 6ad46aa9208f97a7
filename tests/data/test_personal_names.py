"""Names of persons and firms are told from those of products, towns and beers without a model."""

from __future__ import annotations

import itertools
import re

import polars as pl
import pytest

from evermodel.data.personal import personal_data
from evermodel.records import CheckResult
from tests.data.test_personal_roles import PEOPLE
from tests.real import real_data

THINGS = ["Shoe", "Chair", "Lamp", "Mouse", "Keyboard", "Shirt", "Bottle", "Table", "Bag", "Watch"]
LOOKS = [
    "Red", "Blue", "Classic", "Smart", "Mini", "Pro", "Wireless", "Cotton", "Steel", "Wood",
    "Urban", "Vintage",
]  # fmt: skip
PRODUCTS = [f"{look} {thing}" for look in LOOKS for thing in THINGS]
TOWNS = """
    Aachen|Augsburg|Basel|Bergamo|Bilbao|Bordeaux|Bratislava|Bremen|Brno|Cardiff|Cork|Dijon
    |Dresden|Essen|Gdansk|Genoa|Ghent|Graz|Haarlem|Hannover|Innsbruck|Kiel|Lille|Linz|Luzern
    |Lyon|Malmö|Mainz|Milan|Montpellier|New York|Nice|Nantes|Oslo|Padua|Porto|San Francisco
    |Santa Fe|Los Angeles|Las Vegas|Toulouse|Turin|Trier|Ulm|Uppsala|Utrecht|Wuppertal|Zagreb
""".replace("\n", "").replace("    ", "").split("|")  # fmt: skip
FIRMS = [f"{a}{b} GmbH" for a, b in itertools.product(("Nord", "Elb", "Al"), ("tec", "log", "bau"))]


def _found(**columns: object) -> list[CheckResult]:
    return [one for one in personal_data(pl.DataFrame(columns)) if one.name == "personal_data"]


@pytest.mark.parametrize(
    "name",
    ["Kunde", "Name", "Customer", "Ansprechpartner", "nom", "customer name", "Kundenname",
     "client_name", "employee", "Mitarbeiter", "name of client", "Kunde1"],
)  # fmt: skip
@pytest.mark.parametrize("style", [str, str.upper], ids=["as written", "capitals"])
def test_names_under_the_usual_headings_are_a_hint(name: str, style: type[str]) -> None:
    (hint,) = _found(**{name: list(map(style, PEOPLE))})
    assert (hint.evidence["kind"], hint.verdict, hint.value) == ("person_name", "pass", 1.0)
    assert "look like names of persons or firms" in hint.why
    assert not any(letter.isalnum() for text in hint.evidence["examples"] for letter in text)


@pytest.mark.parametrize("name", ["Nachname", "Vorname", "first name", "prénom", "last_name"])
def test_headings_of_persons_only_are_more_than_a_hint(name: str) -> None:
    (found,) = _found(**{name: [person.split()[1] for person in PEOPLE]})
    assert (found.evidence["kind"], found.verdict) == ("person_name", "warn")


@pytest.mark.parametrize("form", ["{1}, {0}", "Dr. {0} {1}", "{0} van der {1}", "{0} O'{1}"])
def test_other_ways_to_write_a_name_are_known(form: str) -> None:
    written = [form.format(*person.split()) for person in PEOPLE]
    assert len(_found(Name=written)) == 1


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("product name", PEOPLE),
        ("file_name", PEOPLE),
        ("customer_city", TOWNS),
        ("Kundengruppe", PEOPLE),
        ("Name", PRODUCTS),
        ("product", PRODUCTS),
        ("name", TOWNS),
        ("Customer", ["New", "Returning", "Lost"] * 40),
        ("member", ["Gold", "Silver", "Bronze", "Basic"] * 30),
        ("contact", ["Cellular", "Telephone", "Unknown"] * 40),
        ("client", ["Small Business", "Enterprise", "Public Sector", "Home Office", "Bank",
                    "School", "Farm", "Retail", "Hotel"] * 13),
        ("customer", [f"K{n}" for n in range(90)]),
        ("Kunde", [f"kunde {n}" for n in range(90)]),
        ("name", ["Pub Beer", "Devil's Cup", "Rise of the Phoenix", "Sinister", "Sex and Candy",
                  "Black Exodus", "Lake Street Express", "Foreman", "Jade", "Cone Crusher"]),
    ],
)  # fmt: skip
def test_products_towns_groups_and_codes_are_left_in_peace(name: str, values: list[str]) -> None:
    assert _found(**{name: values}) == []


def test_what_stands_beside_a_name_tells_where_no_given_name_does() -> None:
    rare = [f"{a}{b} {c}ova" for a, b, c in itertools.product("BDKL", ("azhe", "uno"), "TRVMSP")]
    things = {"name": rare, "price": range(len(rare))}
    persons = {"name": rare, "gender": ["f", "m"] * (len(rare) // 2)}
    assert _found(name=rare) == _found(**things) == _found(**persons, price=things["price"]) == []
    assert [one.subject for one in _found(**persons)] == ["name"]


def test_firms_under_a_heading_of_customers_are_not_told_from_persons() -> None:
    words = ["Alpha", "Berta", "Cobra", "Delta", "Efeu", "Flora", "Gamma", "Hydra", "Iris"]
    assert [one.evidence["kind"] for one in _found(Kunde=words)] == ["person_name"]
    # Where all share a word, such as GmbH, it could be a list of products as well.
    assert _found(Kunde=FIRMS) == []


@pytest.mark.real
@pytest.mark.parametrize("which", ["clean", "dirty"])
@pytest.mark.parametrize("column", ["beer", "brewery"])
def test_beers_and_breweries_called_by_a_bare_name_are_none(which: str, column: str) -> None:
    frame = pl.read_csv(real_data(f"beers/{which}.csv"), infer_schema_length=None)
    (found,) = [name for name in frame.columns if re.fullmatch(f"{column}.name", name)]
    assert _found(name=frame[found]) == []


@pytest.mark.real
def test_hospitals_called_by_a_bare_name_are_none() -> None:
    frame = pl.read_csv(real_data("hospital/clean.csv"), infer_schema_length=None)
    names = frame["HospitalName"].str.to_titlecase()
    assert _found(name=names, phone_kind=["a"] * len(names)) == []
