"""Weights, keys and times change intervals as they should, and bad ones make everything unknown."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference

from evermodel.errors import InputError
from evermodel.evaluate import evaluate
from evermodel.project import METRICS, Outcome
from evermodel.records import Report, Task
from tests.evaluate.test_evaluate import (
    COSTS,
    GUESSES,
    MAKERS,
    Answers,
    _binary,
    _multiclass,
    _regression,
)


@pytest.mark.parametrize("task", METRICS)
@pytest.mark.parametrize("kind", ["weight", "key", "time"])
def test_all_metrics_of_the_task_come_with_an_interval_and_say_how_it_was_drawn(
    task: Task, kind: str
) -> None:
    y, answers = MAKERS[task](300)
    rows = np.arange(300)
    given: dict[str, Any] = {kind: {"weight": rows % 3 + 1, "key": rows // 3, "time": rows}[kind]}
    report = evaluate(y, answers, costs=COSTS[task], **given)
    assert tuple(each.name for each in report.results) == METRICS[task]
    words = {"weight": "bootstrap", "key": "cluster bootstrap", "time": "block bootstrap"}
    for each in report.results:
        assert each.value is not None
        assert each.low is not None
        assert each.high is not None
        assert each.low <= each.value <= each.high, each
        assert words[kind] in each.method, each
    plain = evaluate(y, answers, costs=COSTS[task])
    if kind != "weight":
        for one, other in zip(report.results, plain.results, strict=True):
            if one.name != "ece":
                assert one.value == pytest.approx(other.value, abs=1e-9), one.name


def test_weighted_metrics_are_scikit_learns() -> None:
    weight = np.random.default_rng(0).gamma(1.0, 2.0, 500)
    y, answers = _binary()
    found = evaluate(y, answers, weight=weight)
    truth, p = y == "Yes", answers.probability
    assert found.find("roc_auc").value == pytest.approx(
        reference.roc_auc_score(truth, p, sample_weight=weight), abs=1e-9
    )
    assert found.find("f1").value == pytest.approx(
        reference.f1_score(truth, p >= 0.5, sample_weight=weight), abs=1e-9
    )
    assert found.find("brier").value == pytest.approx(
        reference.brier_score_loss(truth, p, sample_weight=weight), abs=1e-9
    )
    several, of_several = _multiclass()
    weight = np.random.default_rng(1).gamma(1.0, 2.0, several.size)
    assert evaluate(several, of_several, weight=weight).find("roc_auc").value == pytest.approx(
        reference.roc_auc_score(
            several, of_several.probability, multi_class="ovr", sample_weight=weight
        ),
        abs=1e-9,
    )
    numbers, of_numbers = _regression()
    weight = np.random.default_rng(2).gamma(1.0, 2.0, numbers.size)
    found = evaluate(numbers, of_numbers, weight=weight)
    assert found.find("r2").value == pytest.approx(
        reference.r2_score(numbers, of_numbers.value, sample_weight=weight), abs=1e-9
    )
    assert found.find("rmse").value == pytest.approx(
        reference.root_mean_squared_error(numbers, of_numbers.value, sample_weight=weight), abs=1e-9
    )


def _width(report: Report, name: str) -> float:
    each = report.find(name)
    assert each.low is not None
    assert each.high is not None
    return each.high - each.low


def test_rows_told_five_times_tell_no_more_than_once() -> None:
    y, answers = _binary(200)
    rows = np.repeat(np.arange(200), 5)
    many = Answers(probability=answers.probability[rows], label=answers.label[rows])
    once, blind = evaluate(y, answers), evaluate(y[rows], many)
    known = evaluate(y[rows], many, key=rows)
    for name in ("accuracy", "roc_auc", "brier", "log_loss", "average_precision"):
        assert _width(known, name) == pytest.approx(_width(once, name), rel=0.25)
        assert _width(blind, name) < 0.6 * _width(once, name)


def test_a_key_that_no_two_rows_share_changes_nothing() -> None:
    y, answers = _binary()
    assert evaluate(y, answers, key=np.arange(500)) == evaluate(y, answers)


def test_the_wider_of_both_ways_of_drawing_is_taken_where_key_and_time_are_given() -> None:
    y, answers = _binary()
    rows = np.arange(500)
    both = evaluate(y, answers, key=rows // 5, time=rows)
    assert both.find("accuracy").method.startswith("the wider of cluster bootstrap")
    one, other = evaluate(y, answers, key=rows // 5), evaluate(y, answers, time=rows)
    assert _width(both, "accuracy") == max(_width(one, "accuracy"), _width(other, "accuracy"))


def test_few_keys_are_too_few_to_say_however_many_rows_they_have() -> None:
    y, answers = _binary()
    found = evaluate(y, answers, key=np.arange(500) % 5, require=["accuracy >= 0.1"])
    assert found.find("accuracy").verdict == "unknown"
    assert found.find("accuracy").why == "5 keys are too few to say: 10 are needed"
    assert found.facts["gate"] == "unknown"


def test_groups_are_drawn_by_key_too_and_one_of_one_row_is_too_few() -> None:
    y, answers = _binary()
    sex = np.where(np.arange(500) % 2 == 0, "F", "M").astype(object)
    sex[7] = "X"
    each: list[dict[str, Any]] = [{}, {"key": np.arange(500) // 5}, {"weight": np.ones(500)}]
    for given in each:
        found = evaluate(y, answers, slices={"sex": sex}, **given)
        assert found.find("accuracy", slice="sex=F").verdict == "pass"
        alone = found.find("accuracy", slice="sex=X")
        assert (alone.verdict, alone.n) == ("unknown", 1)
        assert "too few" in alone.why


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"weight": [-1.0] + [1.0] * 499}, "1 of 500 weights are negative"),
        ({"weight": [np.nan] * 2 + [1.0] * 498}, "2 of 500 weights are missing or infinite"),
        ({"weight": [np.inf] + [1.0] * 499}, "1 of 500 weights are missing or infinite"),
        ({"weight": [0.0] * 500}, "all weights are 0"),
        ({"weight": ["much"] * 500}, "weights are not numbers"),
        ({"key": [None] + ["a"] * 499}, "1 rows have no key"),
        ({"time": np.array(["NaT"] + ["2024-01-01"] * 499, "M8[D]")}, "1 rows have no time"),
    ],
)
def test_weights_keys_and_times_that_mean_nothing_make_everything_unknown(
    given: dict[str, Any], reason: str
) -> None:
    y, answers = _binary()
    report = evaluate(y, answers, costs=Outcome(), **given)
    assert report.verdict == "unknown"
    for each in report.results:
        assert (each.value, each.low, each.high) == (None, None, None)
        assert each.why == reason


def test_weights_of_other_rows_are_refused() -> None:
    y, answers = _binary()
    with pytest.raises(InputError, match="one weight for each row"):
        evaluate(y, answers, weight=[1.0, 2.0])


def test_a_constant_score_ranks_nothing_and_says_so() -> None:
    y, answers = _binary()
    flat = Answers(probability=np.full(500, 0.3), label=answers.label)
    each: list[dict[str, Any]] = [{}, {"key": np.arange(500) // 5}]
    for given in each:
        found = evaluate(y, flat, require=["roc_auc >= 0.4"], **given)
        for name in ("roc_auc", "average_precision"):
            assert found.find(name).verdict == "unknown"
            assert "same score" in found.find(name).why
        assert found.facts["gate"] == "unknown"


def test_a_table_of_costs_prices_each_mistake_between_classes() -> None:
    y, answers = _multiclass()
    costs = Outcome(costs={"a": {"b": 1.0, "c": 4.0}, "c": {"a": 10.0}}, currency="EUR")
    found = evaluate(y, answers, costs=costs).find("cost")
    said = answers.label
    paid = (y == "a") * ((said == "b") * 1.0 + (said == "c") * 4.0) + (y == "c") * (
        said == "a"
    ) * 10
    assert found.value == pytest.approx(float(paid.mean()))
    assert found.unit == "EUR per row"
    with pytest.raises(InputError, match="'d', which is no class"):
        evaluate(y, answers, costs=Outcome(costs={"a": {"d": 1.0}}))


@pytest.mark.parametrize("task", METRICS)
def test_no_better_than_guessing_is_said_of_rows_that_share_a_key_too(task: Task) -> None:
    y, answers = MAKERS[task](2000)
    key = np.arange(2000) // 2
    good = evaluate(y, answers, key=key, guess=GUESSES[task]).find("skill")
    assert (good.verdict, good.evidence) == ("pass", {})
    mixed = np.random.default_rng(1).permutation(y)
    skill = evaluate(mixed, answers, key=key, guess=GUESSES[task]).find("skill")
    assert skill.verdict == "warn"
    assert skill.evidence == {"useless": skill.why}


def test_too_narrow_intervals_are_warned_of_in_rows_that_share_a_key_too() -> None:
    y, answers = _regression()
    narrow = replace(answers, low=answers.value - 1, high=answers.value + 1)
    found = evaluate(y, narrow, key=np.arange(300) // 2, held=0.95).find("interval_coverage")
    assert found.verdict == "warn"
    assert "too narrow" in found.why
