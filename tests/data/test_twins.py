"""Rows that stand in a table more than once are counted once each, and chance is no copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel.data.copies.likeness import is_slip, plain_writing
from evermodel.data.copies.repeats import share_by_groups
from evermodel.data.copies.twins import duplicates, twin_groups
from evermodel.errors import DataError
from evermodel.records import CheckResult
from evermodel.tables import read
from tests.real import real_data

_WORDS = (
    "account address balance cancel charge country customer delivery exchange failed identity "
    "money number order passport payment pending please refund request statement transfer "
    "verify withdraw yesterday"
)
WORDS = np.array(_WORDS.split())


def found(frame: pl.DataFrame, **given: Any) -> dict[str, CheckResult]:
    return {result.name: result for result in duplicates(frame, **given)}


def people(rows: int = 400, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "customer_id": [f"c{i:05d}" for i in range(rows)],
            "town": rng.choice(["Bristol", "Leeds", "York"], rows).tolist(),
            "kg": rng.normal(70, 12, rows).round(3),
            "visits": rng.integers(0, 400, rows),
            "left": rng.choice(["yes", "no"], rows).tolist(),
        }
    )


def messages(rows: int = 500, words: int = 10, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, words)) for _ in range(rows)]


def misspelt(text: str, rng: np.random.Generator) -> str:
    """One letter of one long word lost, doubled, or swapped with the next."""
    words = text.split()
    place = int(rng.choice([i for i, word in enumerate(words) if len(word) > 6]))
    word, at = words[place], int(rng.integers(1, len(words[place]) - 2))
    kind = rng.integers(3)
    words[place] = (
        word[:at] + word[at + 1 :]
        if kind == 0
        else word[:at] + word[at] + word[at:]
        if kind == 1
        else word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    )
    return " ".join(words)


# ---- counting ----


def test_each_way_of_repeating_is_counted_once_and_apart() -> None:
    table = people()
    renamed = table[:12].with_columns(customer_id="x" + pl.col("customer_id"))
    blurred = table[20:25].with_columns(
        pl.col("town").str.to_uppercase(), customer_id="y" + pl.col("customer_id")
    )
    results = found(pl.concat([table, table[:7], renamed, blurred]))
    assert results["duplicate_rows"].value == 7
    assert results["duplicate_but_key"].value == 12
    assert results["near_duplicate_rows"].value == 5
    assert results["duplicate_rows"].evidence["rows"] == [400, 401, 402, 403, 404]
    assert results["duplicate_rows"].evidence["groups"][0] == [0, 400]
    assert results["near_duplicate_rows"].evidence["groups"][0] == [20, 419]
    assert {result.verdict for result in results.values()} == {"warn"}


def test_a_clean_table_has_no_finding_and_every_row_is_its_own_group() -> None:
    table = people()
    assert {result.value for result in duplicates(table, target="left")} == {0.0}
    assert {result.verdict for result in duplicates(table, target="left")} == {"pass"}
    assert twin_groups(table).to_list() == list(range(400))


def test_rows_of_a_repeated_key_are_compared_without_it_when_it_is_named() -> None:
    table = people().with_columns(shop=pl.int_range(400) // 4)
    again = table[:9].with_columns(pl.col("shop") + 200, pl.col("customer_id") + "b")
    results = found(pl.concat([table, again]), key=["shop"])
    assert results["duplicate_but_key"].value == 9
    assert "shop, customer_id" in results["duplicate_but_key"].why


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_a_few_columns_of_yes_and_no_are_alike_by_chance_and_no_problem(columns: int) -> None:
    rng = np.random.default_rng(columns)
    for _ in range(10):
        table = pl.DataFrame({f"q{i}": rng.choice(["yes", "no"], 300) for i in range(columns)})
        results = found(table)
        assert results["duplicate_rows"].value > 250  # type: ignore[operator]
        assert {result.verdict for result in results.values()} == {"pass"}
        assert "alike by chance" in results["duplicate_rows"].why
        assert twin_groups(table).n_unique() == 300


def test_close_measurements_are_not_called_copies_of_one_another() -> None:
    rng = np.random.default_rng(1)
    table = pl.DataFrame({"t": rng.normal(20, 0.1, 3000).round(2), "p": rng.normal(5, 0.1, 3000)})
    assert found(table)["near_duplicate_rows"].verdict == "pass"


def test_values_that_change_places_between_columns_are_other_rows() -> None:
    grid = np.arange(300)
    table = pl.DataFrame({"x_value": np.repeat(grid, 300), "y_value": np.tile(grid, 300)})
    result = found(table.with_columns(z_value=pl.col("x_value")))["duplicate_rows"]
    assert result.value == 0


def test_an_unknown_column_and_an_empty_table() -> None:
    with pytest.raises(DataError, match="not in the table"):
        list(duplicates(people(), key=["custmer_id"]))
    with pytest.raises(DataError, match="not in the table"):
        twin_groups(people(), ["nobody"])
    assert list(duplicates(people().clear())) == []
    assert twin_groups(people().clear()).len() == 0


def test_texts_that_all_came_three_times_are_copies_and_not_chance() -> None:
    result = found(pl.DataFrame({"said": messages(200) * 3}))["duplicate_rows"]
    assert (result.value, result.verdict) == (400, "warn")


# ---- nearly alike ----


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café Zürich, main hall", "cafe  zurich main hall"),
        ("Smith, John William", "John William Smith"),
        ("Don\u2019t send the parcel!", "dont send the parcel"),
        ("please cancel my order today", "please cancle my order today"),
        ("the adress of my customer", "the address of my customer"),
    ],
)
def test_writings_that_people_call_the_same_are_twins(one: str, other: str) -> None:
    table = pl.DataFrame({"said": [one, *messages(60), other]})
    groups = twin_groups(table)
    assert groups[0] == groups[61]
    assert groups.n_unique() == 61


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("please send order 17 to me", "please send order 18 to me"),
        ("I can find my new card here", "I can't find my new card here"),
        ("where is my new card today", "where is my card today"),
        ("it took £20 from my account", "it took €20 from my account"),
        ("a parcel of 1.5 kilos came", "a parcel of 5.1 kilos came"),
    ],
)
def test_writings_that_mean_another_thing_are_no_twins(one: str, other: str) -> None:
    table = pl.DataFrame({"said": [one, *messages(60), other]})
    assert twin_groups(table).n_unique() == 62


def test_two_common_words_are_no_slip_of_one_another() -> None:
    asked = [f"my {word} of {town} failed" for word in ("payment", "payments") for town in WORDS]
    assert twin_groups(pl.DataFrame({"said": asked})).n_unique() == len(asked)


def test_signs_that_part_two_frequent_values_are_kept() -> None:
    incomes = pl.Series(["<=50K"] * 30 + [">50K"] * 10)
    assert plain_writing(incomes).n_unique() == 2
    assert plain_writing(pl.Series(["New York"] * 30 + ["new york", "new-york"])).n_unique() == 1


def test_planted_slips_are_found_and_nothing_else() -> None:
    rng = np.random.default_rng(2)
    said = messages(2000, seed=3)
    copies = [misspelt(text, rng) for text in said[:200]]
    groups = twin_groups(pl.DataFrame({"said": said + copies})).to_numpy()
    assert (groups[2000:] == groups[:200]).mean() > 0.95
    assert np.unique(groups[:2000]).size == 2000


def test_slips_in_one_cell_of_a_table_are_found() -> None:
    rng = np.random.default_rng(4)
    table = people(600).with_columns(street=pl.Series(messages(600, words=2, seed=5)))
    again = table[:40].with_columns(
        customer_id="z" + pl.col("customer_id"),
        street=pl.Series(
            [
                misspelt(text, rng) if max(map(len, text.split())) > 6 else text + "."
                for text in table["street"][:40]
            ]
        ),
    )
    groups = twin_groups(pl.concat([table, again])).to_numpy()
    assert (groups[600:] == groups[:40]).mean() > 0.9
    assert np.unique(groups[:600]).size == 600


def test_numbers_that_were_rounded_are_near_and_other_numbers_are_not() -> None:
    table = people().with_columns(cm=pl.Series(np.random.default_rng(6).normal(170, 9, 400)))
    rounded = table[:20].with_columns(
        pl.col("kg").round(1), pl.col("cm").round(2), customer_id="r" + pl.col("customer_id")
    )
    other = table[20:40].with_columns(pl.col("kg") + 0.7, customer_id="o" + pl.col("customer_id"))
    groups = twin_groups(pl.concat([table, rounded, other]))
    assert groups[400:420].to_list() == groups[:20].to_list()
    assert groups[420:].is_in(groups[:400].implode()).sum() == 0


@given(st.text("abcdefgh", min_size=5, max_size=11), st.integers(0, 10), st.sampled_from("xyz"))
@settings(max_examples=200, deadline=None)
def test_one_letter_more_or_less_is_a_slip_both_ways(word: str, at: int, letter: str) -> None:
    longer = word[:at] + letter + word[at:]
    assert is_slip(word, longer)
    assert is_slip(longer, word)
    assert not is_slip(word, word + "1")
    assert not is_slip(word, letter * 2 + word)


@given(
    st.lists(st.tuples(*[st.sampled_from("abcdefghij")] * 5).map(sorted), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_equal_rows_share_a_group_whatever_their_order_and_writing(
    drawn: list[list[str]], chance: Any
) -> None:
    letters = [list(word) for word in dict.fromkeys(tuple(word) for word in drawn)]
    said = [" ".join(word) for word in letters]
    for word in letters:
        chance.shuffle(word)
    written = [", ".join(word).upper() + "!" for word in letters]
    groups = twin_groups(pl.DataFrame({"said": said + written[::-1]})).to_list()
    assert groups[: len(said)] == list(range(len(said)))
    assert groups[len(said) :] == groups[: len(said)][::-1]


def test_what_was_left_out_of_a_large_table_is_said() -> None:
    rng = np.random.default_rng(7)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, 7)) for _ in range(5000)])
    table = pl.DataFrame({"said": [" ".join(row) for row in rng.choice(words, (110_000, 4))]})
    result = found(table)["near_duplicate_rows"]
    assert result.evidence["complete"] is False
    assert "100,000 rows drawn at random" in result.why
    assert result.verdict == "pass"


# ---- labels that contradict one another ----


def test_equal_rows_of_other_outcomes_bound_what_any_model_reaches() -> None:
    table = people().drop("customer_id")
    turned = table[:30].with_columns(
        left=pl.when(pl.col("left") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
    )
    result = found(pl.concat([table, turned]), target="left")["conflicting_labels"]
    assert result.value == 60 / 430
    assert result.evidence["best_accuracy"] == 400 / 430
    assert result.verdict == "warn"
    assert "no model can be right in more than 93.0%" in result.why
    assert result.evidence["groups"][0] == [0, 400]


def test_the_bound_is_what_a_model_that_knows_every_row_by_heart_reaches() -> None:
    from sklearn.tree import DecisionTreeClassifier

    rng = np.random.default_rng(8)
    x = rng.integers(0, 30, (500, 2))
    y = rng.choice(["a", "b", "c"], 500)
    table = pl.DataFrame({"x": x[:, 0], "z": x[:, 1], "y": y})
    result = found(table, target="y")["conflicting_labels"]
    right = DecisionTreeClassifier(random_state=0).fit(x, y).score(x, y)
    assert result.evidence["best_accuracy"] == pytest.approx(right)


def test_columns_that_are_not_learned_from_do_not_part_equal_rows() -> None:
    table = people().with_columns(noted=pl.int_range(400))
    again = table[:50].with_columns(pl.col("noted") + 1000, left=pl.lit("perhaps"))
    both = pl.concat([table, again])
    assert found(both, target="left")["conflicting_labels"].value == 0.0
    learned = found(both, target="left", features=["town", "kg", "visits"])
    assert learned["conflicting_labels"].value == 100 / 450


def test_rows_without_an_outcome_and_amounts_contradict_nothing() -> None:
    table = pl.concat([people(), people()[:50].with_columns(left=pl.lit(None, pl.String))])
    assert found(table, target="left")["conflicting_labels"].value == 0.0
    assert "conflicting_labels" not in found(people(), target="kg")


# ---- intervals ----


def test_the_interval_holds_the_share_that_is_usual_for_such_tables() -> None:
    # Each case comes once, or with probability 4 % three or four times.
    rng = np.random.default_rng(9)
    truth = 0.04 * 2.5 / (1 + 0.04 * 2.5)
    held = []
    for _ in range(2000):
        sizes = np.where(rng.random(600) < 0.04, rng.integers(3, 5, 600), 1)
        low, high, *_ = share_by_groups(sizes - 1, sizes)
        held.append(low <= truth <= high)
    assert np.mean(held) > 0.93


def test_no_repeat_among_few_rows_does_not_say_that_there_is_none() -> None:
    assert share_by_groups([0] * 10, [1] * 10).high > 0.2
    assert share_by_groups([], []).high != 0


# ---- real data ----


@pytest.mark.real
def test_real_repeats_are_those_that_are_known() -> None:
    sms = read(real_data("sms/sms_spam.csv")).frame
    told = found(sms, target="label")
    assert told["duplicate_rows"].value == 403
    assert told["duplicate_rows"].verdict == "warn"
    assert told["conflicting_labels"].value == 0
    adult = read(real_data("adult/adult.parquet")).frame
    assert found(adult)["duplicate_rows"].value == 29
    credit = read(real_data("credit/default_credit_card.parquet")).frame
    assert found(credit)["duplicate_but_key"].value == 35
    churn = found(read(real_data("churn/telco_churn.csv")).frame, target="Churn")
    assert churn["duplicate_but_key"].evidence["rows_in_groups"] == 42
    for told in (found(adult), found(credit), churn):
        assert {result.verdict for result in told.values()} == {"pass"}


@pytest.mark.real
def test_real_twins_stay_together_and_few_others_join_them() -> None:
    for name, key in (("sms/sms_spam.csv", []), ("churn/telco_churn.csv", ["customerID"])):
        frame = read(real_data(name)).frame
        groups = twin_groups(frame, key)
        equal = frame.drop(key).with_columns(groups)
        assert equal.group_by(frame.drop(key).columns).agg(pl.col("twins").n_unique())[
            "twins"
        ].max() == 1  # fmt: skip
        assert groups.n_unique() > 0.97 * frame.drop(key).n_unique()
