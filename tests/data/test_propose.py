"""What is proposed for small tables made by hand, and what is refused."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel.data import Proposal, propose, render
from evermodel.data.proposing.times import time_advice
from evermodel.data.proposing.toml_text import toml_key, toml_value
from evermodel.errors import DataError
from evermodel.project import Project, parse_project

RNG = np.random.default_rng(7)
N = 400


def sheet(**columns: object) -> pl.DataFrame:
    usual = {"x": RNG.normal(size=N), "y": RNG.integers(0, 2, N)}
    return pl.DataFrame(usual | columns)


def proposed(frame: pl.DataFrame, target: str = "y") -> Proposal:
    return propose(frame, source="a.csv", target=target, name="it")


@pytest.mark.parametrize(
    ("values", "task", "positive"),
    [
        (["Yes", "No", "No", "No"], "binary", "Yes"),
        (["ja", "ja", "ja", "nein"], "binary", "ja"),
        ([True, False, False, True], "binary", "true"),
        ([0, 1, 1, 1], "binary", "1"),
        ([0.0, 1.0, 1.0, 1.0], "binary", "1"),
        ([1, 2, 2, 2], "binary", "1"),
        (["good", "bad", "good", "good"], "binary", "bad"),
        (["low", "mid", "high", "mid"], "multiclass", ""),
        ([0, 1, 2, 3], "multiclass", ""),
        (list(range(100)), "regression", ""),
        ([0.5, 1.5, 2.25, 3.0], "regression", ""),
    ],
)
def test_the_values_of_the_target_tell_the_task(
    values: list[object], task: str, positive: str
) -> None:
    target = (values * N)[:N]
    outcome = proposed(sheet(y=target)).outcome
    assert (outcome.task, outcome.positive) == (task, positive)


def test_an_unknown_target_names_the_nearest_column() -> None:
    with pytest.raises(DataError, match="there is no column 'churned'") as caught:
        proposed(pl.DataFrame({"churn": [1, 0], "age": [1, 2]}), "churned")
    assert "'churn'" in caught.value.hint


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pl.DataFrame({"x": [1, 2], "y": [None, None]}), "is missing"),
        (pl.DataFrame({"x": [1, 2], "y": ["a", "a"]}), "one value only"),
        (pl.DataFrame({"x": [1, 2], "y": [3.5, 3.5]}), "one value only"),
        (pl.DataFrame({"x": [], "y": []}), "too few rows"),
        (pl.DataFrame({"x": [1], "y": [2]}), "too few rows"),
        (pl.DataFrame({"y": [1, 2]}), "no column beside the target"),
        (pl.DataFrame({"x": [1, 1], "y": [1, 2]}), "no column is left"),
        (pl.DataFrame({"x": [1, 2, 3], "y": [datetime(2020, 1, d) for d in (1, 2, 3)]}), "date"),
    ],
)
def test_what_cannot_be_learned_is_refused_with_a_reason(frame: pl.DataFrame, said: str) -> None:
    with pytest.raises(DataError, match=said):
        proposed(frame)


def test_a_target_of_free_text_is_refused() -> None:
    texts = [f"case {i} was closed by the night shift" for i in range(N)]
    with pytest.raises(DataError, match="too many different texts"):
        proposed(sheet(y=texts))


def test_something_that_is_no_table_is_refused() -> None:
    with pytest.raises(DataError, match="not a table"):
        propose([1, 2], source="a", target="y", name="it")


UNUSUAL = [
    'say "hi"', "it's", "a.b", "naïve café", "two words", "a=b", "line\nbreak", "#hash", "tab\t",
    "null\x00", "back\\slash", "[x]", "\u2028sep", "\x7fdel", "日本", "]",
]  # fmt: skip


@pytest.mark.parametrize("name", UNUSUAL)
def test_any_column_name_survives_the_file(name: str) -> None:
    blank = [*["1.5", "2.5", "3.5", " "] * (N // 4)]
    constant = pl.Series(f"{name} 2", ["same"] * N)
    frame = sheet(age=RNG.integers(18, 80, N)).rename({"y": name}).with_columns(constant)
    frame = frame.with_columns(pl.Series(f"{name} 3", blank))
    text = render(proposed(frame, name))
    data = parse_project(text).data
    assert data.target == name
    assert data.leave_out == (f"{name} 2",)
    assert data.repairs[f"{name} 3"].missing == (" ",)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
@settings(max_examples=200, deadline=None)
def test_any_text_is_written_so_that_toml_reads_it_back(text: str) -> None:
    written = f"{toml_key(text)} = {toml_value(text)}\n"
    assert tomllib.loads(written) == {text: text}
    assert len(written.splitlines()) == 1


def test_every_setting_of_a_project_is_shown_with_its_default_and_its_meaning() -> None:
    text = render(proposed(sheet()))
    for table in msgspec.structs.fields(Project):
        if isinstance(table.type, type) and table.name not in ("project", "data", "root"):
            assert f"[{table.name}]" in text
            for setting in msgspec.structs.fields(table.type):
                if setting.name == "costs":
                    continue  # of several classes only
                assert f"# {setting.name} = " in text, (table.name, setting.name)
    uncommented = text.replace("\n# require", "\nrequire").replace("\n# trials", "\ntrials")
    assert parse_project(uncommented).train.trials == 12


def test_several_rows_of_one_customer_make_the_customer_the_key() -> None:
    who = [f"c{i // 4}" for i in range(N)]
    proposal = proposed(sheet(customer_id=who, order_no=range(1000, 1000 + N)))
    assert [advice.column for advice in proposal.key] == ["customer_id"]
    assert "order_no" in proposal.left_out()


@pytest.mark.parametrize("name", ["Buchung Nr", "Buchungsnr", "Vorgang Nummer", "visit no"])
def test_a_number_that_nearly_every_row_bears_alone_names_the_rows(name: str) -> None:
    booking = [1000 + i - (i % 200 == 199) for i in range(N)]
    proposal = proposed(sheet(**{name: booking}))
    assert [advice.column for advice in proposal.key] == [name]


def test_a_number_that_many_rows_share_names_none() -> None:
    rooms = RNG.integers(1, 400, N)
    assert proposed(sheet(**{"Zimmer Nr": rooms})).key == ()


def test_an_identifier_with_few_values_is_learned_from_as_a_category() -> None:
    proposal = proposed(sheet(store_id=RNG.integers(1, 6, N)))
    assert proposal.types == {"store_id": "category"}
    assert proposal.key == ()


def test_free_text_beside_other_columns_is_left_out() -> None:
    notes = [f"customer {i} called twice about the bill of last month" for i in range(N)]
    proposal = proposed(sheet(note=notes))
    assert proposal.left_out() == ("note",)


def test_a_column_with_gaps_and_one_value_is_kept_for_its_gaps() -> None:
    seen = [None if i % 3 else "yes" for i in range(N)]
    assert proposed(sheet(seen=seen)).left_out() == ()


def test_what_nearly_tells_a_class_is_left_out_until_somebody_says_it_was_known() -> None:
    y = RNG.integers(0, 2, N)
    score = pl.Series(np.where(RNG.random(N) < 0.02, 1 - y, y)).cast(pl.String) + "!"
    reason = pl.Series(["price" if told else None for told in (y == 1) & (RNG.random(N) < 0.6)])
    text = render(proposed(sheet(y=y, score=score, reason=reason)))
    left = parse_project(text).data.leave_out
    assert set(left) == {"score", "reason"}
    assert " ".join(text.replace("#", "").split()).count("then take it off this list") == 2


def test_what_nearly_tells_a_number_is_kept_with_a_note() -> None:
    amount = RNG.normal(100, 30, N)
    found = proposed(sheet(y=amount, before=amount + RNG.normal(0, 1, N)))
    assert not found.leave_out
    assert any("'before'" in note and "nearly tells" in note for note in found.notes)


def test_gaps_that_give_little_of_a_class_away_are_left_in_peace() -> None:
    big = 20_000
    frame = pl.DataFrame(
        {
            "x": RNG.normal(size=big),
            "word": pl.Series(["a", "b"] * (big // 2)).set(pl.Series(range(big)) < 100, None),
            "y": ["most"] * 19_000 + ["few"] * 1_000,
        }
    )
    assert not proposed(frame).leave_out


def test_years_of_two_digits_are_shown_as_they_are_read() -> None:
    days = [f"{1 + place % 28:02d}.02.{year}" for year in ("99", "00", "21") for place in range(60)]
    found = time_advice({"when": pl.Series("when", [*days, "29.02.24", "soon"])})
    assert found.why.startswith("when a row happened, 1999-02-01 00:00:00 to 2024-02-29 00:00:00")


def test_a_date_of_closing_is_not_taken_for_the_time_of_the_row() -> None:
    start = datetime(2024, 1, 1)
    created = [start + timedelta(hours=i) for i in range(N)]
    closed = [when + timedelta(days=3) for when in created]
    assert proposed(sheet(closed_at=closed, created_at=created)).time == "created_at"


def test_parts_of_a_date_out_of_order_are_named_but_not_used() -> None:
    year, month = RNG.integers(2010, 2014, N), RNG.integers(1, 13, N)
    proposal = proposed(sheet(year=year, month=month))
    assert proposal.time == ""
    assert "join them into one column" in " ".join(proposal.notes)


@pytest.mark.parametrize(
    ("column", "values", "trait"),
    [
        ("applicant", ["m", "f"], "sex"),
        ("Religion", ["a", "b"], "religion"),
        ("is_disabled", ["y", "n"], "disability"),
        ("country_of_birth", ["DE", "FR"], "national origin"),
    ],
)
def test_protected_traits_are_found(column: str, values: list[str], trait: str) -> None:
    proposal = proposed(sheet(**{column: (values * N)[:N]}))
    assert [(a.column, a.why) for a in proposal.protected] == [(column, trait)]


@pytest.mark.parametrize("column", ["wage", "page", "account_age", "average", "weight", "essex"])
def test_names_that_only_look_protected_are_not(column: str) -> None:
    assert proposed(sheet(**{column: RNG.normal(size=N)})).protected == ()


def test_a_project_name_is_made_fit() -> None:
    proposal = propose(sheet(), source="a", target="y", name=" My shop/2024 (final) ")
    assert proposal.name == "My-shop-2024-final"


def test_prices_are_shown_as_the_task_takes_them() -> None:
    kinds = sheet().with_columns(y=pl.Series(["a", "b", "c"] * N)[:N])
    of_two, of_three = render(proposed(sheet())), render(proposed(kinds))
    assert "# cost_false_positive = " in of_two
    assert "# costs = " not in of_two
    assert "# costs = {}" in of_three
    assert "# cost_false_positive = " not in of_three
