"""What is of persons is not learned from, may be the key, and is copied into no project file."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from evermodel.data import Proposal, propose, render
from evermodel.data.personal.columns import personal_columns
from evermodel.project import parse_project
from evermodel.tables import read
from tests.data.identifiers_made import MAKERS, made
from tests.real import real_data

N = 120
_DICE = random.Random(11)
FIRST = [
    "Anna", "Thomas", "Mehmet", "Ngozi", "Bjorn", "Lena", "Paul", "Grace", "Ivan", "Chloe",
    "Hiroshi", "Maria",
]  # fmt: skip
LAST = [
    "Schmidt", "Müller", "Yilmaz", "Okafor", "Larsen", "Novak", "Dubois", "Rossi", "Tanaka",
    "Silva",
]  # fmt: skip
PEOPLE = [f"{first} {last}" for first in FIRST for last in LAST]
MAILS = [f"{name.split()[1].lower()}.{n}@example.org" for n, name in enumerate(PEOPLE)]
PHONES = [f"+49 30 {n}" for n in _DICE.sample(range(1_000_000, 9_999_999), N)]


def _frame(**columns: object) -> pl.DataFrame:
    usual = {"x": [_DICE.random() for _ in range(N)], "y": [n * 37 % 5 == 0 for n in range(N)]}
    return pl.DataFrame(usual | columns)


def _proposed(frame: pl.DataFrame) -> Proposal:
    return propose(frame, source="a.csv", target="y", name="p")


def _why(proposal: Proposal) -> dict[str, str]:
    return {advice.column: advice.why for advice in proposal.leave_out}


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("contact", MAILS, "e-mail addresses of persons"),
        ("Telefon", PHONES, "telephone numbers of persons"),
        ("ip", [f"192.168.{64 + n}.{n}" for n in range(N)], "IP addresses"),
        ("Straße", [f"Hauptstraße {n % 40 + 1}" for n in range(N)], "street addresses"),
        ("a", made("payment_card", N), "numbers of payment cards"),
        ("b", made("iban", N), "bank account numbers (IBAN)"),
        ("Nachname", LAST * 12, "names of persons"),
        ("Kunde", PEOPLE, "looks like names of persons or firms"),
    ],
)
def test_columns_of_persons_are_left_out_with_the_reason(
    name: str, values: list[str], said: str
) -> None:
    proposal = _proposed(_frame(customer_id=range(1000, 1000 + N), **{name: values}))
    assert _why(proposal)[name].startswith(f"left out: {said}")
    assert [advice.column for advice in proposal.key] == ["customer_id"]
    data = parse_project(render(proposal)).data
    assert name in data.leave_out
    # Taking the line away makes it a column to learn from: the file has the last word.
    lines = [line for line in render(proposal).splitlines() if not line.startswith(f'  "{name}",')]
    assert name not in parse_project("\n".join(lines)).data.leave_out


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind != "us_ssn"])
def test_national_numbers_are_no_feature(kind: str) -> None:
    proposal = _proposed(_frame(nothing=made(kind, N)))
    roles = {*proposal.left_out(), *(advice.column for advice in proposal.key)}
    assert "nothing" in roles
    assert ([advice.column for advice in proposal.key] == []) == (kind == "payment_card")


def test_an_address_of_each_row_is_the_key_where_there_is_no_other() -> None:
    proposal = _proposed(_frame(mail=MAILS))
    (key,) = proposal.key
    assert (key.column, "never learned from" in key.why) == ("mail", True)
    assert proposal.left_out() == ()


def test_the_address_by_which_rows_repeat_groups_them_before_the_number_of_the_order() -> None:
    proposal = _proposed(_frame(mail=MAILS[:40] * 3, order_no=range(5000, 5000 + N)))
    assert [advice.column for advice in proposal.key] == ["mail"]
    assert "rows repeat by it: 40 values" in proposal.key[0].why
    both = _proposed(_frame(mail=MAILS[:40] * 3, Kundennummer=[f"K{n}" for n in range(40)] * 3))
    assert [advice.column for advice in both.key] == ["Kundennummer"]
    assert _why(both) == {"mail": "left out: e-mail addresses of persons"}


def test_a_date_of_birth_is_the_age_of_somebody_and_no_time_of_a_row() -> None:
    born = [f"{1 + n % 28:02}.{1 + n % 12:02}.{1940 + n % 60}" for n in range(N)]
    for name in ("Geburtsdatum", "date_of_birth", "naissance"):
        proposal = _proposed(_frame(**{name: born}))
        assert proposal.time == ""
        assert [(one.column, one.why) for one in proposal.protected] == [(name, "age")]
        assert proposal.types[name] == "timestamp"
        assert name not in proposal.left_out()
    years = _proposed(_frame(birth_year=[1940 + n % 60 for n in range(N)]))
    assert [one.column for one in years.protected] == ["birth_year"]


def test_one_address_among_tariffs_makes_no_column_personal() -> None:
    tariffs = [*["basic", "pro", "plus"] * 39, "ada@example.org", "pro", "pro"]
    assert _proposed(_frame(plan=tariffs)).left_out() == ()


def test_names_are_kept_where_nothing_else_is_there_to_learn_from() -> None:
    frame = pl.DataFrame({"Kunde": PEOPLE, "y": [n % 3 == 0 for n in range(N)]})
    text = render(_proposed(frame))
    assert parse_project(text).data.leave_out == ()
    assert "is made of names" in text


def test_nothing_of_a_person_is_copied_into_the_project_file() -> None:
    loud = [mail.upper() if n % 3 else mail for n, mail in enumerate(MAILS[:40] * 3)]
    notes = [f"call {name} at {mail}" for name, mail in zip(PEOPLE, MAILS, strict=True)]
    frame = _frame(
        mail=loud,
        Kunde=PEOPLE,
        phone=PHONES,
        note=notes,
        Betreuer=["Tina Berger", "Karl Meier", "Eva Huber"] * 40,
        owner=["call ada@example.org", "nobody", "someone"] * 40,
        same=["grace@example.org"] * N,
        plan=["basic", "pro"] * 60,
    )
    text = render(_proposed(frame))
    values = {value for name in frame.columns[2:-1] for value in frame[name].to_list()}
    assert [value for value in values if value.lower() in text.lower()] == []
    assert "@" not in text
    assert "plan is one of basic, pro" in text


@pytest.mark.real
@pytest.mark.parametrize(
    ("relative", "target", "left"),
    [
        ("hospital/clean.csv", "EmergencyService", {"Address1", "PhoneNumber"}),
        ("churn/telco_churn.csv", "Churn", set()),
        ("retail/online_retail.parquet", "Quantity", set()),
        ("beers/clean.csv", "style", set()),
    ],
)
def test_of_real_tables_what_is_of_persons_and_nothing_else_is_set_aside(
    relative: str, target: str, left: set[str]
) -> None:
    columns = read(real_data(relative)).frame.drop(target).to_dict()
    assert {name for name, one in personal_columns(columns).items() if one.away} == left


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_is_treated_as_the_frame_is(suffix: str, tmp_path: Path) -> None:
    frame = _frame(**{"E-Mail": MAILS, "Kunde": PEOPLE, "Telefon": PHONES, "Nr": range(1, N + 1)})
    path = tmp_path / f"a.{suffix}"
    frame.write_csv(path) if suffix == "csv" else frame.write_parquet(path)
    proposal = propose(read(path), source=path.name, target="y", name="p")
    assert {"Kunde", "Telefon", "Nr"} <= set(proposal.left_out())


def test_a_few_persons_who_stand_there_twice_do_not_make_the_telephone_the_key() -> None:
    frame = pl.DataFrame(
        {
            "patient_id": range(4000, 4000 + N),
            "phone": [f"+44 7700 9{row if row > 4 else 5:05}" for row in range(N)],
            "visits": [row % 7 for row in range(N)],
            "left": ["yes" if row % 3 else "no" for row in range(N)],
        }
    )
    made = propose(frame, source="a.csv", target="left", name="a")
    assert [advice.column for advice in made.key] == ["patient_id"]
