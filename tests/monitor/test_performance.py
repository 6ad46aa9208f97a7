"""Measured performance: harm is named when it is there, and nothing is said from too few rows."""

from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from evermodel.errors import InputError
from evermodel.monitor import (
    RiskTracker,
    performance,
    risk_level,
    tolerated,
)
from evermodel.records import CheckResult


def _binary(p: np.ndarray) -> Any:
    return SimpleNamespace(
        task="binary", classes=("no", "yes"), positive="yes", probability=p, value=None
    )


def _regression(value: np.ndarray) -> Any:
    return SimpleNamespace(
        task="regression", classes=(), positive="", probability=None, value=value
    )


def _stream(n: int, seed: int, *, flip: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and calibrated probabilities; a share `flip` of the labels is turned round."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1.5, 3, n)
    y = (rng.random(n) < p) ^ (rng.random(n) < flip)
    return np.where(y, "yes", "no"), p


def _baseline() -> dict[str, CheckResult]:
    y, p = _stream(20_000, 0)
    tested = performance(y, _binary(p), baseline={})
    return {result.name: result for result in tested}


def test_good_answers_pass_and_say_so() -> None:
    y, p = _stream(2000, 1)
    found = performance(y, _binary(p), baseline=_baseline())
    assert {result.verdict for result in found} == {"pass"}
    assert found[0].why.startswith("The answers are as good as they were: brier is 0.1")
    assert {result.name for result in found} == {"brier", "log_loss", "ece", "roc_auc", "skill"}


def test_an_interval_that_holds_for_one_look_warns_and_never_fails() -> None:
    y, p = _stream(3000, 1, flip=0.35)
    found = performance(y, _binary(p), baseline=_baseline())
    brier = found[0]
    assert (brier.name, brier.verdict) == ("brier", "warn")
    assert brier.why.startswith("The answers got worse")
    assert brier.max is not None
    assert brier.low is not None
    assert brier.low > brier.max
    assert "fail" not in {result.verdict for result in found}


def test_a_loss_that_chance_may_explain_is_only_a_warning() -> None:
    y, p = _stream(220, 5, flip=0.15)
    brier = performance(y, _binary(p), baseline=_baseline())[0]
    assert (brier.verdict, brier.why[:32]) == ("warn", "The answers may have got worse: ")


def test_the_baselines_own_uncertainty_counts() -> None:
    y, p = _stream(1000, 1, flip=0.35)
    sure = {"brier": CheckResult(name="brier", value=0.15, low=0.149, high=0.151)}
    unsure = {"brier": CheckResult(name="brier", value=0.15, low=0.03, high=0.27)}
    assert performance(y, _binary(p), baseline=sure)[0].why.startswith("The answers got")
    assert performance(y, _binary(p), baseline=unsure)[0].why.startswith("The answers may have")


@pytest.mark.parametrize(("n", "positives"), [(199, 60), (1000, 29)])
def test_too_few_outcomes_are_too_few_to_say(n: int, positives: int) -> None:
    y = ["yes"] * positives + ["no"] * (n - positives)
    found = performance(y, _binary(np.full(n, 0.1)), baseline=_baseline())
    assert {result.verdict for result in found} == {"unknown"}
    assert "too few to say" in found[0].why


def test_outcomes_not_known_yet_are_left_out_and_strange_ones_counted() -> None:
    y, p = _stream(1000, 1)
    mixed = [*y.tolist(), None, "", float("nan"), "perhaps"]
    brier = performance(mixed, _binary(np.r_[p, [0.1] * 4]), baseline={})[0]
    assert brier.n == 1000
    assert brier.evidence["outcomes_left_out"] == 1


def test_without_a_baseline_nothing_is_judged() -> None:
    y, p = _stream(1000, 1)
    assert performance(y, _binary(p), baseline={})[0].verdict == "unknown"


def test_a_regression_is_judged_by_its_error_relative_to_the_test_error() -> None:
    rng = np.random.default_rng(0)
    value = rng.normal(100, 20, 1000)
    test = {"mae": CheckResult(name="mae", value=8.0, low=7.8, high=8.2)}
    good = performance(value + rng.normal(0, 9.5, 1000), _regression(value), baseline=test)
    bad = performance(value + rng.normal(0, 13, 1000), _regression(value), baseline=test)
    assert (good[0].name, good[0].verdict) == ("mae", "pass")
    assert bad[0].verdict == "warn"
    assert bad[0].max == pytest.approx(8.8)


def test_errors_that_are_all_alike_pass_nothing() -> None:
    value = np.arange(400.0)
    test = {"mae": CheckResult(name="mae", value=8.0, low=7.8, high=8.2)}
    found = performance(value + 1.0, _regression(value), baseline=test)
    alike = [result for result in found if result.name != "skill"]  # the guess's are not alike
    assert {result.verdict for result in alike} == {"unknown"}
    assert (found[0].value, found[0].low) == (1.0, None)
    assert "All rows are alike" in found[0].why


def test_the_loss_that_is_tolerated_is_a_share_of_the_models_own_loss() -> None:
    rare = CheckResult(name="brier", value=0.009, low=0.008, high=0.0095, n=50_000)
    even = CheckResult(name="brier", value=0.2, low=0.199, high=0.201, n=50_000)
    assert tolerated(rare, 0.1) == pytest.approx(0.0099)
    assert tolerated(even, 0.1) == pytest.approx(0.22)
    small = CheckResult(name="brier", value=0.2, low=0.15, high=0.26, n=100)
    assert tolerated(small, 0.1) == 0.26, "what chance may have hidden in the test is no harm"
    never_wrong = CheckResult(name="brier", value=0.0, low=0.0, high=0.0, n=300)
    assert tolerated(never_wrong, 0.1) == pytest.approx(0.01)
    assert tolerated(never_wrong, 0.1, largest=2.0) == pytest.approx(0.02)


def test_three_rows_wholly_wrong_are_tolerated_among_many_classes_too() -> None:
    y = np.array(["a", "b", "c"] * 100)
    p = np.tile(np.eye(3), (100, 1))
    p[:3] = p[[1, 2, 0]]  # three rows sure of a wrong class: the largest loss there is
    answers = SimpleNamespace(
        task="multiclass", classes=("a", "b", "c"), positive="", probability=p, value=None
    )
    test = {"brier": CheckResult(name="brier", value=0.0, low=0.0, high=0.0, n=300)}
    brier = performance(y, answers, baseline=test)[0]
    assert brier.value == pytest.approx(0.02)
    assert brier.verdict == "pass"
    assert brier.max == pytest.approx(0.02)


def test_a_rare_class_that_is_found_no_more_is_harm() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    y = rng.random(n) < 0.01
    test = performance(np.where(y, "yes", "no"), _binary(np.where(y, 0.5, 0.005)), baseline={})[0]
    most = tolerated(test, 0.1)
    assert most is not None
    tracker = RiskTracker(bound=most, level=risk_level(1.0, 1))
    tracker.update((np.full(n, 0.005) - y) ** 2)  # blind, and less than 0.01 worse in all
    assert tracker.result().verdict == "fail"


def test_many_classes_are_measured_too() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 900)
    y = [("a", "b", "c")[rng.choice(3, p=row)] for row in p]
    answers = SimpleNamespace(
        task="multiclass", classes=("a", "b", "c"), positive="", probability=p, value=None
    )
    tested = {r.name: r for r in performance(y, answers, baseline={})}
    assert performance(y, answers, baseline=tested)[0].verdict == "pass"


def test_as_many_outcomes_as_predictions_are_needed() -> None:
    with pytest.raises(InputError, match="one outcome for each prediction"):
        performance(["yes"], _binary(np.zeros(2)), baseline={})


@pytest.mark.slow
def test_daily_looks_for_a_year_raise_the_promised_share_of_false_alarms_at_most() -> None:
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(80):
        tracker = RiskTracker(bound=0.2)
        for _ in range(365):
            tracker.update((rng.random(30) < 0.2).astype(np.float64))  # exactly at the bound
        alarms += tracker.harmful
    assert alarms <= 8  # 4 expected at most; 9 or more has a chance of 2 %


def test_harm_after_a_long_good_time_is_found_soon() -> None:
    rng = np.random.default_rng(1)
    tracker = RiskTracker(bound=0.2)
    for _ in range(200):
        tracker.update((rng.random(50) < 0.15).astype(np.float64))
    assert not tracker.harmful
    days = 0
    while not tracker.harmful and days < 60:
        tracker.update((rng.random(50) < 0.3).astype(np.float64))
        days += 1
    assert days <= 25
    assert tracker.result().verdict == "fail"
    assert tracker.result().anytime


def test_the_running_bound_does_not_depend_on_how_rows_are_parcelled() -> None:
    values = np.random.default_rng(0).random(300)
    once, twice = RiskTracker(bound=0.6), RiskTracker(bound=0.6)
    together = once.update(values)
    apart = np.r_[twice.update(values[:120]), twice.update(values[120:])]
    np.testing.assert_allclose(together, apart)
    assert (together < np.cumsum(values) / np.arange(1, 301)).all()


def test_the_mean_loss_shown_lies_above_its_own_bound() -> None:
    tracker = RiskTracker(bound=0.5)
    tracker.update(np.full(1000, 0.9))
    tracker.update(np.full(100_000, 0.05))
    shown = tracker.result()
    assert shown.value == pytest.approx(0.0584, abs=1e-3)
    assert shown.value is not None
    assert shown.low is not None
    assert shown.low < shown.value


def test_the_bound_of_the_mean_loss_holds_at_every_look() -> None:
    rng = np.random.default_rng(0)
    missed, widths = 0, []
    for _ in range(60):
        tracker, means = RiskTracker(bound=0.9, level=0.8), np.zeros(0)
        for day in range(60):
            mean = 0.6 if day < 10 else 0.1  # the mean moves on
            means = np.r_[means, np.full(20, mean)]
            tracker.update((rng.random(20) < mean).astype(np.float64))
            low = tracker.result().low
            assert low is not None
            if low > means.mean():
                missed += 1
                break
        widths.append(means.mean() - (tracker.result().low or 0))
    assert missed <= 12  # 6 expected at most of one side at 80 %
    assert np.mean(widths) < 0.08


def test_a_tracker_goes_on_from_its_stored_state() -> None:
    values = np.random.default_rng(0).random(300)
    whole = RiskTracker(bound=0.4)
    whole.update(values[:100])
    stored = msgspec.json.decode(msgspec.json.encode(whole), type=RiskTracker)
    np.testing.assert_array_equal(whole.update(values[100:]), stored.update(values[100:]))
    assert whole == stored


@pytest.mark.parametrize("losses", [[0.5, np.nan], [1.5], [-0.1]])
def test_a_loss_outside_its_range_is_refused(losses: list[float]) -> None:
    with pytest.raises(InputError):
        RiskTracker(bound=0.2).update(losses)


def test_a_tracker_of_few_rows_says_nothing() -> None:
    tracker = RiskTracker(bound=0.2)
    assert tracker.result().verdict == "unknown"
    assert tracker.update([]).size == 0
    tracker.update([0.1] * 100)
    assert tracker.result().verdict == "unknown"
