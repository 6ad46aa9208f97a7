"""Columns that hold the target are found, and nothing else is accused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evermodel.data import check
from evermodel.data.leakage.columns import class_leaks, number_leaks, suspects
from evermodel.project import parse_project

RNG = np.random.default_rng(3)
N = 600


def noise() -> pl.Series:
    return pl.Series(RNG.normal(size=N))


def accused(columns: dict[str, pl.Series], target: pl.Series) -> set[str]:
    find = class_leaks if target.dtype == pl.String else number_leaks
    return {advice.column for advice in find(columns, target)}


CLASS = pl.Series("y", ["lost" if flip else "kept" for flip in RNG.random(N) < 0.3])
LOST = (CLASS == "lost").to_numpy()
AMOUNT = pl.Series("y", RNG.integers(0, 1000, N))


@pytest.mark.parametrize(
    "column",
    [
        pl.Series(LOST.astype(int)),
        pl.Series(np.where(LOST, "A", np.where(RNG.random(N) < 0.5, "B", "C"))),
        pl.Series(np.where(LOST, RNG.normal(9, 1, N), RNG.normal(-9, 1, N))),
        pl.Series([f"code {i}" if lost else None for i, lost in enumerate(LOST)]),
        pl.Series([f"was {label} on day {i}" for i, label in enumerate(CLASS)]),
    ],
    ids=["copy", "finer copy", "one cut", "filled in afterwards", "text says it"],
)
def test_a_column_that_tells_the_class_is_accused(column: pl.Series) -> None:
    assert accused({"leak": column, "good": noise()}, CLASS) == {"leak"}


@pytest.mark.parametrize(
    "column",
    [
        pl.Series(np.where(LOST, RNG.normal(3, 1, N), RNG.normal(0, 1, N))),
        pl.Series(np.where(RNG.random(N) < 0.03, ~LOST, LOST)),
        pl.Series([f"id{i}" for i in range(N)]),
        pl.Series(RNG.integers(0, 2, N)),
        pl.Series(["x"] * (N - 1) + ["y"]),
    ],
    ids=["strong", "right in 97 of 100", "unique", "noise", "nearly constant"],
)
def test_a_good_column_is_not_accused(column: pl.Series) -> None:
    assert accused({"good": column}, CLASS) == set()


def test_a_rare_class_does_not_make_every_column_perfect() -> None:
    rare = pl.Series("y", ["yes"] * 12 + ["no"] * 20_000)
    good = pl.Series(RNG.integers(0, 4, 20_012))
    assert accused({"good": good}, rare) == set()


def test_few_rows_accuse_no_one() -> None:
    assert class_leaks({"x": pl.Series([1, 2, 1, 2])}, pl.Series("y", ["a", "b", "a", "b"])) == ()


def ints(low: int = 1, high: int = 500) -> pl.Series:
    return pl.Series(RNG.integers(low, high, N))


def test_parts_that_add_up_are_accused_and_others_not() -> None:
    a, b, c, d = ints(), ints(), ints(), ints()
    assert accused({"a": a, "b": b, "d": d}, (a + b).alias("y")) == {"a", "b"}
    assert accused({"a": a, "b": b, "d": d}, (a - b).alias("y")) == {"a", "b"}
    assert accused({"a": a, "b": b, "c": c, "d": d}, (a + b - c).alias("y")) == {"a", "b", "c"}
    assert accused({"a": a, "b": b, "d": d}, (a * b).alias("y")) == {"a", "b"}


def test_a_sum_that_holds_in_nearly_all_rows_is_enough() -> None:
    a, b = ints(), ints()
    y = (a + b).to_numpy().copy()
    y[:3] += 7
    assert accused({"a": a, "b": b}, pl.Series("y", y)) == {"a", "b"}


def test_columns_that_are_mostly_zero_add_up_to_nothing() -> None:
    x = ints()
    zero = pl.Series(np.where(RNG.random(N) < 0.002, 5, 0))
    noisy = pl.Series("y", x.to_numpy() + RNG.normal(0, 200, N))
    assert accused({"x": x, "zero": zero, "more": zero * 2}, noisy) == set()


@pytest.mark.parametrize(
    "leak",
    [AMOUNT * 2.54, AMOUNT.cast(pl.Float64) ** 0.5, -AMOUNT, AMOUNT],
    ids=["unit", "monotone", "sign", "copy"],
)
def test_copies_in_another_dress_are_accused(leak: pl.Series) -> None:
    assert accused({"leak": leak, "good": noise()}, AMOUNT) == {"leak"}


def test_a_strong_feature_of_a_number_is_not_accused() -> None:
    near = pl.Series(AMOUNT.to_numpy() + RNG.normal(0, 40, N))
    assert accused({"near": near}, AMOUNT) == set()


def test_a_column_that_nearly_tells_the_target_is_kept_and_named() -> None:
    near = pl.Series(np.where(RNG.random(N) < 0.01, ~LOST, LOST))
    assert accused({"near": near}, CLASS) == set()
    (said,) = suspects({"near": near, "good": noise()}, CLASS, number=False)
    assert said.column == "near"
    close = pl.Series(AMOUNT.to_numpy() + RNG.normal(0, 15, N))
    (said,) = suspects({"close": close, "good": noise()}, AMOUNT, number=True)
    assert said.column == "close"


@pytest.mark.parametrize("classes", [("no", "yes"), ("a", "b", "c")])
def test_a_long_file_that_is_sorted_by_its_target_is_judged_by_all_of_it(
    classes: tuple[str, ...],
) -> None:
    each = 60_000
    target = pl.Series("y", np.repeat(classes, each))
    rng = np.random.default_rng(0)
    good = pl.Series(rng.integers(0, 4, target.len()))
    columns = {"good": good, "copy": target + "!", "text": "it is " + target}
    assert accused(columns, target) == {"copy", "text"}
    assert suspects({"good": good}, target, number=False) == ()


def test_a_number_in_ascending_order_is_judged_by_all_of_it() -> None:
    y = pl.Series("y", np.arange(120_000) // 2)
    shop = pl.Series(np.repeat(["a", "b"], 60_000))
    noisy = pl.Series(np.random.default_rng(0).normal(size=120_000))
    late = pl.Series(np.r_[np.arange(50_000), np.full(70_000, 7)])
    assert accused({"copy": y * 2, "shop": shop, "noisy": noisy, "late": late}, y) == {"copy"}


def test_of_one_class_nothing_can_be_told() -> None:
    one = pl.Series("y", ["yes"] * 500)
    some = pl.Series(["a", "b"] * 250)
    assert class_leaks({"x": some}, one) == ()
    assert suspects({"x": some}, one, number=False) == ()


def test_check_tells_what_nearly_gives_the_answer_away() -> None:
    rng = np.random.default_rng(4)
    left = np.where(rng.random(1000) < 0.3, "yes", "no")
    refund = np.where(left == "no", 0.0, rng.uniform(5, 90, 1000).round(2))
    refund[rng.random(1000) < 0.02] = np.nan
    other = rng.normal(0, 1, 1000) + (left == "yes")
    frame = pl.DataFrame({"refund": refund, "other": other, "left": left}).fill_nan(None)
    made = parse_project(
        '[project]\nname="p"\n[data]\nsource="a.csv"\ntarget="left"\ntask="binary"\n'
    )
    told = [each for each in check(frame, project=made).results if each.name == "near_leakage"]
    assert [(each.subject, each.verdict) for each in told] == [("refund", "warn")]
    assert told[0].max == 0.9
    assert (told[0].value or 0) > 0.9
