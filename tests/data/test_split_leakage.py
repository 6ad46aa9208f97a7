"""What a test would know already is found, with its share, and clean tables are left in peace."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from evermodel.data.leakage.split import copies_by_chance, split_leakage
from evermodel.data.leakage.target_formulas import formulas
from evermodel.data.leakage.written_afterwards import gaps_that_tell, later_dates
from evermodel.errors import DataError, InputError
from evermodel.records import CheckResult, Task
from evermodel.tables import read
from tests.real import real_data

N = 800


def clean(seed: int = 0, rows: int = N) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "x": rng.normal(size=rows),
            "z": rng.normal(size=rows),
            "y": np.where(rng.random(rows) < 0.3, "yes", "no").tolist(),
        }
    )


def found(frame: pl.DataFrame, **given: Any) -> dict[str, CheckResult]:
    settings: dict[str, Any] = {"target": "y", "task": "binary"} | given
    return {result.name: result for result in split_leakage(frame, **settings)}


def complaints(frame: pl.DataFrame, **given: Any) -> set[str]:
    return {name for name, r in found(frame, **given).items() if r.verdict != "pass"}


def days(rows: int = N) -> pl.Series:
    return pl.Series("day", [datetime(2024, 1, 1) + timedelta(hours=6 * i) for i in range(rows)])


# ---- the same entity, the same row ----


def test_a_clean_table_is_left_in_peace() -> None:
    assert found(clean()) == {}
    assert complaints(clean().with_columns(id=pl.int_range(N)), key=["id"]) == set()
    assert complaints(clean().with_columns(days()), time="day", split="time") == set()


def test_a_customer_on_both_sides_is_reported_with_the_share_of_the_test() -> None:
    table = clean().with_columns(customer=pl.int_range(N) // 4)
    result = found(table, key=["customer"])["entity_across_split"]
    assert result.verdict == "warn"
    assert result.value == pytest.approx(1 - 0.2**3)
    assert result.n == N * 0.2
    assert result.evidence["propose"] == "keep groups of customer together"


def test_a_split_that_keeps_customers_together_is_in_order() -> None:
    table = clean().with_columns(customer=pl.int_range(N) // 4)
    apart = (table["customer"] % 5 == 0).alias("apart")
    result = found(table, key=["customer"], split=apart)["entity_across_split"]
    assert (result.value, result.verdict) == (0.0, "pass")


def test_a_customer_who_comes_again_later_is_no_leak_of_a_split_by_time() -> None:
    table = clean().with_columns(days(), customer=pl.int_range(N) % 100)
    result = found(table, key=["customer"], time="day", split="time")["entity_across_split"]
    assert (result.value, result.verdict) == (1.0, "pass")
    assert "propose" not in result.evidence


def test_rows_without_a_key_are_no_one_together() -> None:
    table = clean().with_columns(customer=pl.lit(None, pl.Int64))
    assert found(table, key=["customer"]) == {}
    some = table.with_columns(customer=pl.when(pl.int_range(N) < 80).then(pl.int_range(N) // 2))
    result = found(some, key=["customer"])["entity_across_split"]
    assert result.value == pytest.approx(0.1 * 0.8)


def test_copied_rows_are_found_with_what_remembering_them_gives() -> None:
    table = pl.concat([clean(), clean()[:100]])
    result = found(table)["equal_rows_across_split"]
    assert result.verdict == "warn"
    assert result.value == pytest.approx(200 / 900 * 0.8)
    assert result.evidence["propose"] == "keep equal rows together"
    assert result.evidence["remembered_right"] == 1.0
    assert result.evidence["rows"] == [0, 800]
    assert len(set(result.evidence["examples"])) == 1


def test_the_share_of_a_random_split_is_the_mean_over_random_splits_and_lies_in_its_interval() -> (
    None
):
    rng = np.random.default_rng(3)
    table = pl.concat([clean(), clean()[:100], clean()[:100]])
    said = found(table)["equal_rows_across_split"]
    assert said.value is not None
    assert said.low is not None
    assert said.high is not None
    drawn = []
    for _ in range(300):
        tested = pl.Series(rng.random(table.height) < 0.2)
        drawn.append(found(table, split=tested)["equal_rows_across_split"].value or 0.0)
    assert np.mean(drawn) == pytest.approx(said.value, abs=4 * np.std(drawn) / np.sqrt(300))
    assert np.mean([said.low <= value <= said.high for value in drawn]) > 0.92


def test_equal_but_for_blanks_and_case_is_equal() -> None:
    texts = [f"Please call us about order {i}, it is late" for i in range(200)]
    spoken = [text.upper().replace(" ", "  ") for text in texts[:60]]
    table = pl.DataFrame({"text": texts + spoken, "y": ["no"] * 150 + ["yes"] * 50 + ["no"] * 60})
    result = found(table)["equal_rows_across_split"]
    assert result.verdict == "warn"
    assert result.evidence["twins_in_test"] == round(120 / 260 * 0.8 * 52)


def test_a_split_that_keeps_equal_rows_together_is_in_order() -> None:
    table = pl.concat([clean(), clean()[:100]])
    tested = pl.Series(np.r_[np.arange(N) % 4 == 0, np.arange(100) % 4 == 0])
    assert found(table, split=tested) == {}


@pytest.mark.parametrize("levels", [2, 5, 12])
def test_rows_of_few_values_are_alike_by_chance_and_no_copies(levels: int) -> None:
    rng = np.random.default_rng(levels)
    for seed in range(20):
        grid = {name: rng.integers(0, levels, N) for name in "abc"}
        table = pl.DataFrame({**grid, "y": clean(seed)["y"]})
        assert "equal_rows_across_split" not in complaints(table)


def test_columns_that_follow_one_another_are_alike_by_chance_too() -> None:
    rng = np.random.default_rng(4)
    a = rng.integers(0, 60, N)
    table = pl.DataFrame(
        {"a": a, "b": a // 2, "c": rng.integers(0, 8, N), "d": a % 3, "y": clean()["y"]}
    )
    assert found(table)["equal_rows_across_split"].value > 0.3  # type: ignore[operator]
    assert complaints(table) == set()


def test_copies_among_rows_of_few_values_are_told_from_those_by_chance() -> None:
    rng = np.random.default_rng(5)
    grid = pl.DataFrame({name: rng.integers(0, 12, N) for name in "abc"})
    table = grid.with_columns(clean()["y"])
    assert copies_by_chance(grid) > 1 / 3
    assert complaints(table) == set()
    fine = pl.DataFrame({name: rng.integers(0, 40, N) for name in "abcd"})
    table = fine.with_columns(clean()["y"])
    assert copies_by_chance(pl.concat([fine, fine[:80]])) < 0.2
    assert complaints(table) == set()
    assert complaints(pl.concat([table, table[:80]])) == {"equal_rows_across_split"}


def test_equal_rows_with_other_outcomes_do_not_help_a_model() -> None:
    rng = np.random.default_rng(6)
    table = pl.concat([clean(), clean()[:200]])
    table = table.with_columns(y=pl.Series(np.where(rng.random(1000) < 0.5, "yes", "no").tolist()))
    result = found(table)["equal_rows_across_split"]
    assert result.verdict == "pass"
    assert "does not help to remember" in result.why


# ---- time ----


def test_a_random_split_of_rows_in_time_tests_on_the_past() -> None:
    table = clean().with_columns(days())
    result = found(table, time="day")["time_across_split"]
    assert (result.verdict, result.evidence["propose"]) == ("warn", "split by time")
    assert result.value == pytest.approx(1, abs=0.01)


def test_a_column_that_splits_is_judged_by_the_time_of_its_rows() -> None:
    part = pl.Series("part", ["train"] * 600 + ["test"] * 200)
    table = clean().with_columns(days(), part)
    assert complaints(table, time="day", split="part") == set()
    mixed = table.with_columns(pl.Series("part", ["train", "test"] * 400))
    result = found(mixed, time="day", split="part")["time_across_split"]
    assert (result.verdict, result.value) == ("warn", 399 / 400)


def test_outcomes_that_were_not_known_when_the_test_began_are_counted() -> None:
    table = clean().with_columns(days())
    given: dict[str, Any] = {"time": "day", "split": "time", "known_after": timedelta(days=20)}
    result = found(table, **given)["outcomes_across_split"]
    # Four rows a day: the 640 rows of training end 6 hours before the test.
    assert result.value == 79 / 640
    assert result.verdict == "warn"
    assert result.evidence["propose"] == "split by time, and leave out the 20 days before the test"
    began = table["day"][640]
    kept = table.filter((pl.col("day") >= began) | (pl.col("day") <= began - timedelta(days=20)))
    side = (kept["day"] >= began).alias("side")
    again = found(kept, time="day", split=side, known_after=timedelta(days=20))
    assert again["outcomes_across_split"].value == 0


def test_the_order_of_the_rows_can_be_the_time() -> None:
    result = found(clean(), time="row order")["time_across_split"]
    assert result.verdict == "warn"
    assert complaints(clean(), time="row order", split="time") == set()


# ---- the target in other columns ----


def numbers(seed: int = 0, rows: int = N) -> dict[str, pl.Series]:
    rng = np.random.default_rng(seed)
    return {name: pl.Series(name, rng.integers(1, 500, rows)) for name in "abcde"}


def said(columns: dict[str, pl.Series], y: Any, task: Task = "regression") -> list[str]:
    return [one.said for one in formulas(columns, pl.Series("y", y), task)]


def test_sums_differences_and_products_of_any_number_of_columns_are_found() -> None:
    c = numbers()
    assert said(c, c["a"] + c["b"]) == ["'a' + 'b' = 'y'"]
    assert said(c, c["a"] - c["b"]) == ["'a' - 'b' = 'y'"]
    assert said(c, c["a"] + c["b"] - c["c"] + c["d"]) == ["'a' + 'b' + 'd' - 'c' = 'y'"]
    assert said(c, 1.19 * c["a"] - 0.5 * c["b"] + 7) == ["1.19 x 'a' - 0.5 x 'b' + 7 = 'y'"]
    assert said(c, c["a"] * c["b"]) == ["'a' x 'b' = 'y'"]
    assert said(c, c["a"] * c["b"] / c["c"]) == ["'a' x 'b' / 'c' = 'y'"]


def test_a_total_that_was_rounded_is_still_a_total() -> None:
    c = numbers()
    price = c["a"] / 100
    columns = {"price": price.alias("price"), "b": c["b"], "c": c["c"]}
    assert said(columns, (price * c["b"] * 1.19).round(2)) == ["1.19 x 'price' x 'b' = 'y'"]
    assert said(columns, (price * 1.19 + c["b"]).round(2)) == ["1.19 x 'price' + 'b' = 'y'"]


@pytest.mark.parametrize("noise", [0.2, 2.0])
def test_a_target_that_columns_only_nearly_add_up_to_is_left_in_peace(noise: float) -> None:
    c, rng = numbers(), np.random.default_rng(1)
    near = (c["a"] + c["b"]).cast(pl.Float64) + rng.normal(0, noise, N)
    assert said(c, near) == []


def test_one_row_that_does_not_agree_is_enough_to_acquit() -> None:
    c = numbers()
    y = (c["a"] + c["b"]).to_numpy().copy()
    y[77] += 3
    assert said(c, y) == []


def test_more_columns_than_rows_can_bear_fit_anything_and_prove_nothing() -> None:
    rng = np.random.default_rng(2)
    wide = {f"x{i}": pl.Series(rng.normal(size=90)) for i in range(100)}
    assert said(wide, rng.normal(size=90)) == []


def test_a_class_that_one_cut_of_a_difference_tells_is_found() -> None:
    c = numbers()
    late = (c["a"] > c["b"]).to_numpy()
    found_in = said(c, np.where(late, "late", "in time").tolist(), "binary")
    assert found_in == ["one cut of 'a' - 'b' tells 'y'"]
    rng = np.random.default_rng(3)
    unsure = late ^ (rng.random(N) < 0.03)
    assert said(c, np.where(unsure, "late", "in time").tolist(), "binary") == []


def test_what_makes_up_the_target_fails_and_says_what_to_leave_out() -> None:
    c = numbers()
    table = pl.DataFrame([*c.values(), (c["a"] + c["b"]).alias("y")])
    result = found(table, task="regression")["target_from_columns"]
    assert result.verdict == "fail"
    assert result.evidence["leave_out"] == ["a", "b"]
    assert result.evidence["propose"] == "leave out a, b"


# ---- written afterwards ----


def test_a_column_that_is_mostly_filled_in_for_one_class_is_named() -> None:
    rng = np.random.default_rng(7)
    lost = rng.random(1000) < 0.3
    told = lost & (rng.random(1000) < 0.7)
    reason = pl.Series("reason", ["price" if one else None for one in told])
    target = pl.Series("y", np.where(lost, "yes", "no").tolist())
    (result,) = gaps_that_tell({"reason": reason}, target, "binary")
    assert (result.subject, result.verdict) == ("reason", "warn")
    assert result.evidence["leave_out"] == ["reason"]
    assert "'y' is 'yes' in 100.0%" in result.why


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.6])
def test_gaps_that_only_go_along_with_a_class_are_no_finding(strength: float) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        lost = rng.random(1000) < 0.3
        gap = rng.random(1000) < 0.1 + strength * lost
        columns = {f"x{i}": pl.Series(np.where(gap, np.nan, 1.0)).fill_nan(None) for i in range(5)}
        target = pl.Series("y", np.where(lost, "yes", "no").tolist())
        assert list(gaps_that_tell(columns, target, "binary")) == []


def test_gaps_that_tell_most_of_a_number_are_named() -> None:
    rng = np.random.default_rng(8)
    gap = rng.random(600) < 0.4
    column = pl.Series("paid_on", [None if one else "x" for one in gap])
    (result,) = gaps_that_tell(
        {"paid_on": column}, pl.Series("y", rng.normal(0, 1, 600) + 9 * gap), "regression"
    )
    assert result.subject == "paid_on"
    weak = pl.Series("y", rng.normal(0, 1, 600) + 0.8 * gap)
    assert list(gaps_that_tell({"paid_on": column}, weak, "regression")) == []


def test_dates_after_the_row_are_a_question_and_dates_before_it_are_none() -> None:
    day = days()
    columns = {
        "closed": (day + timedelta(days=3)).alias("closed"),
        "born": (day - timedelta(days=9000)).alias("born"),
        "mixed": pl.Series("mixed", [day[i] + timedelta(days=3 * (-1) ** i) for i in range(N)]),
    }
    (result,) = later_dates(columns, day)
    assert (result.subject, result.verdict) == ("closed", "unknown")
    assert "leave out closed" in result.evidence["propose"]


# ---- what is refused ----


def test_what_cannot_be_split_is_refused_with_a_way_out() -> None:
    with pytest.raises(DataError, match="did you mean 'x'"):
        found(clean(), key=["xx"])
    with pytest.raises(DataError, match="one side without rows"):
        found(clean().with_columns(part=pl.lit("train")), split="part")
    with pytest.raises(InputError, match="needs the column of the time"):
        found(clean(), split="time")
    with pytest.raises(InputError, match="share to test on"):
        found(clean(), test_share=1.0)
    with pytest.raises(DataError, match="read as words"):
        found(clean().with_columns(day=pl.lit("monday")), time="day")


# ---- real data ----


@pytest.mark.real
def test_a_random_split_of_the_messages_is_reported() -> None:
    table = read(real_data("sms/sms_spam.csv")).frame
    result = found(table, target="label")["equal_rows_across_split"]
    assert result.verdict == "warn"
    assert result.value == pytest.approx(0.110, abs=0.002)
    assert result.evidence["propose"] == "keep equal rows together"


@pytest.mark.real
def test_the_rentals_add_up_and_are_to_be_split_by_time() -> None:
    table = read(real_data("bike/hour.csv")).frame
    results = found(table, target="cnt", task="regression", time="dteday")
    assert results["target_from_columns"].evidence["leave_out"] == ["casual", "registered"]
    assert results["time_across_split"].evidence["propose"] == "split by time"


@pytest.mark.real
@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("adult/adult.parquet", {"target": "income", "split": "split"}),
        (
            "credit/default_credit_card.parquet",
            {"target": "default_payment_next_month", "key": ["ID"]},
        ),
        ("credit/german_credit.csv", {"target": "class"}),
        ("churn/telco_churn.csv", {"target": "Churn", "key": ["customerID"]}),
        ("weather/noaa_bellevue.csv", {"target": "rain", "time": "row order", "split": "time"}),
        ("elec2/elec2.parquet", {"target": "class", "time": "row order", "split": "time"}),
        ("pm25/beijing_pm25.csv", {"target": "pm2.5", "task": "regression"}),
        ("acs/acs_gov_2018.parquet", {"target": "salary", "task": "regression"}),
    ],
)
def test_clean_real_data_are_left_in_peace(path: str, given: dict[str, Any]) -> None:
    assert complaints(read(real_data(path)).frame, **given) == set()
