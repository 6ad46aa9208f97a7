"""What unequal classes mean is said with numbers that hold, and only where it matters."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evermodel.data.imbalance import imbalance, recall_width, rows_for_width
from evermodel.errors import InputError
from evermodel.records import CheckResult, Task
from evermodel.stats.intervals import wilson
from evermodel.tables import read
from tests.real import real_data


def of(target: pl.Series, task: Task = "binary") -> dict[str, CheckResult]:
    return {result.name: result for result in imbalance(target, task)}


def classes(**sizes: int) -> pl.Series:
    return pl.Series("y", [name for name, size in sizes.items() for _ in range(size)])


def test_always_saying_the_most_frequent_class_is_measured_with_its_interval() -> None:
    found = of(classes(no=950, yes=50))["majority_accuracy"]
    assert (found.value, found.n, found.verdict) == (0.95, 1000, "warn")
    assert (found.low, found.high) == wilson(950, 1000)[:2]
    assert "always saying 'no' is right in 95.0% of the rows" in found.why


@pytest.mark.parametrize(("yes", "verdict"), [(50, "warn"), (90, "pass"), (240, "pass")])
def test_it_warns_only_where_the_interval_lies_above_nine_in_ten(yes: int, verdict: str) -> None:
    assert of(classes(no=1000 - yes, yes=yes))["majority_accuracy"].verdict == verdict


def test_a_small_class_says_how_much_can_be_known_and_what_would_be_enough() -> None:
    found = of(classes(no=900, yes=100))["rarest_class"]
    assert found.value == pytest.approx(recall_width(20))
    assert found.evidence["tested"] == 20
    assert found.evidence["needed_in_test"] == 381
    assert "1,905 in all" in found.why
    assert found.verdict == "pass"
    assert of(classes(no=900, yes=30))["rarest_class"].verdict == "warn"
    assert "for 5 points" not in of(classes(no=9000, yes=5000))["rarest_class"].why


def test_the_rows_that_are_asked_for_are_just_enough() -> None:
    for half in (0.01, 0.05, 0.1, 0.25, 0.4):
        rows = rows_for_width(half)
        assert recall_width(rows) <= half
        assert rows == 1 or recall_width(rows - 1) > half


def test_no_recall_in_a_test_of_that_size_is_less_sure_than_said() -> None:
    # Any outcome of the test has an interval no wider than promised, and it holds the truth.
    rng = np.random.default_rng(5)
    for truth in (0.3, 0.5, 0.8):
        hits = rng.binomial(381, truth, 4000)
        bounds = np.array([wilson(int(hit), 381)[:2] for hit in hits])
        assert ((bounds[:, 1] - bounds[:, 0]) / 2).max() <= 0.05
        assert ((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean() > 0.94


def test_of_many_classes_those_too_rare_to_judge_are_counted_and_named() -> None:
    found = of(classes(a=400, b=300, c=20, d=12, e=2), "multiclass")["rarest_class"]
    assert found.evidence["classes_too_rare"] == 3
    assert list(found.evidence["too_rare"].items()) == [("e", 2), ("d", 12), ("c", 20)]
    assert "3 of the 5 classes" in found.why


def test_numbers_and_single_classes_have_no_imbalance() -> None:
    assert of(pl.Series("y", [1.5, 2.5, 9.0]), "regression") == {}
    assert of(classes(a=40)) == {}
    assert of(pl.Series("y", [None, None], dtype=pl.String)) == {}


def test_a_missing_truth_is_no_class() -> None:
    found = of(pl.Series("y", [0.0, 0.0, 1.0, None]))["majority_accuracy"]
    assert (found.n, found.slice) == (3, "y=0")


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2])
def test_a_test_of_no_rows_or_of_all_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="share to test on"):
        list(imbalance(classes(a=5, b=5), "binary", test_share=share))


@pytest.mark.real
def test_real_classes_warn_only_where_it_matters() -> None:
    adult = of(read(real_data("adult/adult.parquet")).frame["income"].str.strip_chars_end("."))
    credit = of(
        read(real_data("credit/default_credit_card.parquet")).frame["default_payment_next_month"]
    )
    sms = of(read(real_data("sms/sms_spam.csv")).frame["label"])
    for found in (adult, credit, sms):
        assert {result.verdict for result in found.values()} == {"pass"}
    bank = of(read(real_data("banking77/train.csv")).frame["category"], "multiclass")
    assert bank["majority_accuracy"].verdict == "pass"
    assert bank["rarest_class"].verdict == "warn"
    assert bank["rarest_class"].n == 35
