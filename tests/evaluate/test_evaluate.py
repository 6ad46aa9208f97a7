"""Evaluation says every metric with its interval and its gate, and says so when it cannot."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from evermodel.errors import InputError
from evermodel.evaluate import METRICS, evaluate, reliability
from evermodel.project import Outcome, Requirement
from evermodel.records import Report, Task


@dataclass(frozen=True)
class Answers:
    task: Task = "binary"
    classes: tuple[str, ...] = ("No", "Yes")
    positive: str = "Yes"
    probability: Any = None
    value: Any = None
    low: Any = None
    high: Any = None
    label: Any = None


def _binary(n: int = 500, seed: int = 0, base: float = 0.0) -> tuple[Any, Answers]:
    rng = np.random.default_rng(seed)
    margin = 1.5 * rng.normal(size=n) + base
    p = expit(margin)
    y = np.where(rng.random(n) < p, "Yes", "No").astype(object)
    return y, Answers(probability=p, label=np.where(p >= 0.5, "Yes", "No").astype(object))


def _multiclass(n: int = 600) -> tuple[Any, Answers]:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1.0, 1.0, 1.0], n)
    classes = ("a", "b", "c")
    y = np.array(classes)[(p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=2)]
    label = np.array(classes)[p.argmax(axis=1)]
    return y, Answers(task="multiclass", classes=classes, positive="", probability=p, label=label)


def _regression(n: int = 300) -> tuple[Any, Answers]:
    rng = np.random.default_rng(0)
    value = rng.normal(size=n)
    y = value + rng.normal(size=n)
    return y, Answers(
        task="regression", classes=(), value=value, low=value - 1.96, high=value + 1.96
    )


MAKERS = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}


COSTS = {
    "binary": Outcome(),
    "multiclass": Outcome(costs={"a": {"b": 1.0, "c": 2.0}}),
    "regression": Outcome(),
}


@pytest.mark.parametrize("task", METRICS)
def test_every_metric_has_a_value_within_its_interval_its_n_and_its_method(task: Task) -> None:
    report = evaluate(*MAKERS[task](), costs=COSTS[task])
    assert tuple(result.name for result in report.results) == METRICS[task]
    for result in report.results:
        assert result.value is not None
        assert result.low is not None
        assert result.high is not None
        assert result.low <= result.value <= result.high, result
        assert result.level == 0.95
        assert result.n
        assert result.method
        assert result.subject == "test"


def test_the_report_is_json_and_the_same_each_time() -> None:
    y, answers = _binary()
    groups = {"sex": np.where(np.arange(y.size) % 3 == 0, "F", "M")}

    def once() -> bytes:
        return msgspec.json.encode(evaluate(y, answers, slices=groups, costs=Outcome(), seed=4))

    assert once() == once()


@pytest.mark.parametrize(
    ("line", "verdict", "says"),
    [
        ("roc_auc >= 0.6", "pass", "at least 0.6"),
        ("roc_auc >= 0.99", "fail", "below the required 0.99"),
        ("brier <= 0.01", "fail", "above the allowed 0.01"),
        ("ece <= 0.2", "pass", "at most 0.2"),
    ],
)
def test_the_point_value_decides_a_gate_and_the_sentence_says_why(
    line: str, verdict: str, says: str
) -> None:
    report = evaluate(*_binary(), require=[line])
    result = report.find(line.split()[0])
    assert result.verdict == verdict
    assert says in result.why
    assert report.facts["gate"] == verdict


def test_an_interval_that_crosses_the_bound_is_said() -> None:
    report = evaluate(*_binary())
    bound = report.find("accuracy").value
    assert bound is not None
    judged = evaluate(*_binary(), require=[Requirement(name="accuracy", min=bound - 0.001)])
    assert "more rows could turn this" in judged.find("accuracy").why


def test_two_lines_on_one_metric_both_hold() -> None:
    report = evaluate(*_binary(), require=["accuracy >= 0.5", "accuracy <= 0.6"])
    result = report.find("accuracy")
    assert (result.min, result.max, result.verdict) == (0.5, 0.6, "fail")


def test_fewer_than_ten_of_the_rarer_class_are_too_few_for_a_gate() -> None:
    y, answers = _binary(400)
    y[:] = "No"
    y[:9] = "Yes"
    report = evaluate(y, answers, require=["roc_auc >= 0.5"])
    assert report.find("roc_auc").verdict == "unknown"
    assert "9 rows of class 'Yes'" in report.find("roc_auc").why
    assert report.find("roc_auc").min == 0.5
    assert report.facts["gate"] == "unknown"


@pytest.mark.parametrize(
    ("predicted", "verdict", "value", "says"),
    [
        (0, "unknown", None, "no row is predicted positive"),
        (1, "unknown", 1.0, "1 rows that are predicted positive are too few"),
        (9, "unknown", 1.0, "9 rows that are predicted positive are too few"),
        (10, "pass", 1.0, "as required"),
    ],
)
def test_few_rows_predicted_positive_are_too_few_for_a_precision(
    predicted: int, verdict: str, value: float | None, says: str
) -> None:
    y = ["Yes"] * 50 + ["No"] * 150
    label = np.array(["Yes"] * predicted + ["No"] * (200 - predicted), dtype=object)
    lines = ["precision >= 0.9", "recall >= 0.5", "f1 >= 0.5"]
    report = evaluate(y, Answers(label=label), require=lines)
    precision = report.find("precision")
    assert (precision.value, precision.verdict, precision.n) == (value, verdict, predicted)
    assert says in precision.why
    # Both count the 50 rows that are positive, and are 0 when none of them is found.
    assert {report.find(name).verdict for name in ("recall", "f1")} == {"fail"}
    assert report.find("recall").value == predicted / 50


def test_a_class_that_is_hardly_predicted_leaves_the_mean_precision_open() -> None:
    y = np.repeat(["a", "b", "c"], 100)
    label = np.repeat(["a", "b", "c"], [150, 149, 1])
    answers = Answers(task="multiclass", classes=("a", "b", "c"), positive="", label=label)
    report = evaluate(y, answers, require=["precision >= 0.1", "recall >= 0.1"])
    assert report.find("precision").verdict == "unknown"
    assert "1 rows predicted as class 'c'" in report.find("precision").why
    assert report.find("recall").verdict == "pass"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("roc_acu >= 0.8", "roc_auc"),
        ("r2 >= 0.8", "known here"),
        ("recall[sx=F] >= 0.5", "sex"),
        ("brier[sex=F] <= 0.5", "recall"),
        ("roc_auc > 0.8", "metric >= number"),
    ],
)
def test_a_gate_line_that_names_nothing_measured_is_refused(line: str, hint: str) -> None:
    y, answers = _binary()
    with pytest.raises(InputError, match=hint):
        evaluate(y, answers, require=[line], slices={"sex": np.full(y.size, "F")})


def _values(report: Report) -> list[float | None]:
    return [result.value for result in report.results]


def _nothing_is_claimed(report: Report, reason: str) -> None:
    assert report.verdict == "unknown"
    for result in report.results:
        assert (result.value, result.low, result.high) == (None, None, None)
        assert reason in result.why, result


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (np.nan, "missing or infinite"),
        (np.inf, "missing or infinite"),
        (1.2, "outside 0 and 1"),
        (-0.1, "outside 0 and 1"),
    ],
)
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_one_impossible_probability_makes_everything_unknown(
    task: Task, change: float, reason: str
) -> None:
    y, answers = MAKERS[task]()
    p = answers.probability.copy()
    p.flat[7] = change
    _nothing_is_claimed(evaluate(y, replace(answers, probability=p)), reason)


def test_probabilities_that_do_not_add_up_make_everything_unknown() -> None:
    y, answers = _multiclass()
    _nothing_is_claimed(
        evaluate(y, replace(answers, probability=answers.probability / 2)), "add up to 1"
    )


@pytest.mark.parametrize("task", METRICS)
def test_no_rows_are_unknown(task: Task) -> None:
    _, answers = MAKERS[task]()
    none: dict[str, Any] = {
        name: None if getattr(answers, name) is None else getattr(answers, name)[:0]
        for name in ("probability", "value", "low", "high", "label")
    }
    report = evaluate([], replace(answers, **none), require=[f"{METRICS[task][0]} >= 0.5"])
    _nothing_is_claimed(report, "no row with a known outcome")
    assert report.facts["gate"] == "unknown"


def test_an_outcome_of_an_unknown_class_makes_everything_unknown() -> None:
    y, answers = _binary()
    y[3] = "Maybe"
    _nothing_is_claimed(evaluate(y, answers), "'Maybe'")


def test_missing_outcomes_are_left_out_and_counted() -> None:
    y, answers = _binary()
    known = np.arange(y.size) % 5 != 0
    with_gaps = y.copy()
    with_gaps[~known] = None
    fewer = replace(answers, probability=answers.probability[known], label=answers.label[known])
    report = evaluate(with_gaps, answers)
    assert _values(report) == _values(evaluate(y[known], fewer))
    assert report.facts["rows_without_outcome"] == 100
    numbers, of_numbers = _regression()
    numbers[0] = np.nan
    assert evaluate(numbers, of_numbers).facts["rows_without_outcome"] == 1


@pytest.mark.parametrize("only", ["Yes", "No"])
def test_one_class_only_is_unknown_with_the_reason(only: str) -> None:
    y, answers = _binary()
    y[:] = only
    report = evaluate(y, answers, costs=Outcome(), require=["accuracy >= 0.1"])
    assert {result.verdict for result in report.results} == {"unknown"}
    assert all("one class" in result.why for result in report.results)
    assert report.find("roc_auc").value is None
    assert report.find("balanced_accuracy").value is None


def test_a_constant_score_gets_one_half_and_a_wide_interval() -> None:
    y, answers = _binary(100)
    report = evaluate(y, replace(answers, probability=np.full(100, 0.5)))
    area = report.find("roc_auc")
    assert area.value == 0.5
    assert area.low is not None
    assert area.low < 0.45


@pytest.mark.parametrize(
    ("outcomes", "classes"),
    [
        ([True, False] * 20, ("false", "true")),
        ([1, 0] * 20, ("0", "1")),
        ([1.0, 0.0] * 20, ("0", "1")),
        ([1, 0] * 20, ("0.0", "1.0")),
        (["1", "0"] * 20, ("1", "0")),
    ],
)
def test_labels_are_found_whatever_their_type_became(
    outcomes: list[Any], classes: tuple[str, ...]
) -> None:
    positive = next(name for name in classes if name[0] in "t1")
    answers = Answers(classes=classes, positive=positive, probability=np.tile([0.9, 0.1], 20))
    assert evaluate(outcomes, answers).find("accuracy").value == 1.0


def test_impossible_numbers_of_a_regression_are_unknown() -> None:
    y, answers = _regression()
    value = answers.value.copy()
    value[0] = np.nan
    _nothing_is_claimed(evaluate(y, replace(answers, value=value)), "missing or infinite")
    _nothing_is_claimed(evaluate(["a"] * 300, answers), "not numbers")
    infinite = y.copy()
    infinite[0] = np.inf
    _nothing_is_claimed(evaluate(infinite, answers), "missing or infinite")


def test_a_regression_without_intervals_has_no_coverage() -> None:
    y, answers = _regression()
    report = evaluate(
        y, replace(answers, low=None, high=None), require=["interval_coverage >= 0.9"]
    )
    assert report.find("interval_coverage").verdict == "unknown"
    assert "no intervals" in report.find("interval_coverage").why


def test_intervals_that_hold_fewer_outcomes_than_they_are_meant_to_are_warned_of() -> None:
    y, answers = _regression()
    meant = evaluate(y, answers, held=0.95).find("interval_coverage")
    assert (meant.verdict, meant.why) == (
        "pass", "its intervals are meant to hold 95% of the outcomes",
    )  # fmt: skip
    low, high = answers.value - 1, answers.value + 1
    narrow = evaluate(y, replace(answers, low=low, high=high), held=0.95)
    assert narrow.find("interval_coverage").verdict == "warn"
    assert "too narrow" in narrow.find("interval_coverage").why
    low, high = answers.value - 9, answers.value + 9
    wide = evaluate(y, replace(answers, low=low, high=high), held=0.95)
    assert wide.find("interval_coverage").verdict == "pass"
    assert "wider than they need be" in wide.find("interval_coverage").why


def test_predictions_that_lean_to_one_side_are_said_to_and_others_are_not() -> None:
    y, answers = _regression()
    assert evaluate(y, answers).find("mae").why == ""
    high = evaluate(y, replace(answers, value=answers.value + 1)).find("mae").why
    low = evaluate(y, replace(answers, value=answers.value - 1)).find("mae").why
    mean = float((answers.value - y).mean())
    assert high.startswith(f"too high by {mean + 1:.4g} on average (")
    assert low.startswith(f"too low by {1 - mean:.4g} on average (")


@pytest.mark.parametrize("task", METRICS)
def test_a_model_that_is_no_better_than_guessing_is_warned_of(task: Task) -> None:
    y, answers = MAKERS[task](2000)
    assert evaluate(y, answers).find("skill").verdict == "pass"
    mixed = np.random.default_rng(1).permutation(y)
    guess = GUESSES[task]
    skill = evaluate(mixed, answers, guess=guess).find("skill")
    assert skill.verdict == "warn"
    assert skill.evidence == {"useless": skill.why}
    assert "no better than guessing" in skill.why
    line = evaluate(mixed, answers, guess=guess, require=["skill >= -9"]).find("skill")
    assert (line.verdict, line.evidence) == ("pass", skill.evidence)
    assert "useless" not in evaluate(mixed, answers).find("skill").evidence


GUESSES: dict[Task, Any] = {"binary": [0.5, 0.5], "multiclass": [0.4, 0.3, 0.3], "regression": 0.0}


def test_in_a_trend_the_guess_is_what_was_known_when_the_model_was_trained() -> None:
    rng = np.random.default_rng(0)
    y = 10 + rng.normal(size=300)
    answers = Answers(task="regression", classes=(), value=y + 1.5)
    skill = evaluate(y, answers, guess=0.0).find("skill")
    assert skill.value is not None
    assert skill.value < 0
    assert "useless" not in skill.evidence


@pytest.mark.parametrize("rows", [10, 20, 40])
def test_a_good_model_is_hardly_ever_called_useless_however_few_its_test_rows(rows: int) -> None:
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(500):
        value = rng.normal(size=rows)
        y = value + rng.normal(size=rows) * 2  # R2 is 0.2
        answers = Answers(task="regression", classes=(), value=value)
        wrong += "useless" in evaluate(y, answers, guess=0.0).find("skill").evidence
    assert wrong <= 0.06 * 500


def test_probabilities_of_no_use_beside_a_good_ranking_are_a_doubt_and_no_refusal() -> None:
    y, answers = _binary(2000)
    sharp = np.clip(0.9 * answers.probability**0.05, 0, 1)
    report = evaluate(y, replace(answers, probability=sharp), guess=GUESSES["binary"])
    skill = report.find("skill")
    assert skill.value is not None
    assert skill.value < 0
    assert (skill.verdict, skill.evidence) == ("warn", {})


@pytest.mark.parametrize("strength", [0.0, 0.4])
def test_the_interval_of_the_skill_holds_the_true_one(strength: float) -> None:
    rng = np.random.default_rng(0)
    margin = rng.normal(size=400_000) * strength - 1
    p = expit(margin)
    mean = p.mean()
    truth = 1 - float((p * (1 - p)).mean() / (mean * (1 - mean)))
    held = 0
    for _ in range(400):
        rows = rng.integers(0, p.size, 500)
        y = np.where(rng.random(500) < p[rows], "Yes", "No").astype(object)
        skill = evaluate(y, Answers(probability=p[rows])).find("skill")
        assert skill.low is not None
        assert skill.high is not None
        held += skill.low <= truth <= skill.high
    assert held >= (0.95 - 3 * (0.95 * 0.05 / 400) ** 0.5) * 400


@pytest.mark.parametrize("error", [0.0, 1.0])
def test_errors_that_are_all_alike_are_no_proof(error: float) -> None:
    y = np.arange(20.0)
    answers = Answers(task="regression", classes=(), value=y + error)
    report = evaluate(y, answers, require=["mae <= 1", "rmse <= 1"])
    for name in ("mae", "rmse"):
        found = report.find(name)
        assert (found.value, found.low, found.verdict) == (error, None, "unknown")
        assert "all rows are alike" in found.why
    assert report.facts["gate"] == "unknown"


def test_a_model_that_is_never_wrong_has_an_interval_of_its_losses() -> None:
    y = np.array(["Yes", "No"] * 50, dtype=object)
    answers = Answers(probability=(y == "Yes").astype(float), label=y)
    report = evaluate(y, answers, require=["brier <= 0.1"])
    for name in ("brier", "log_loss"):
        found = report.find(name)
        assert found.high is not None
        assert found.high > 0.03
    assert report.find("brier").verdict == "pass"


def test_a_target_that_does_not_vary_has_no_r2() -> None:
    _, answers = _regression()
    result = evaluate(np.ones(300), answers).find("r2")
    assert (result.value, result.verdict) == (None, "unknown")


def test_as_many_outcomes_as_predictions_are_needed() -> None:
    y, answers = _binary()
    with pytest.raises(InputError, match="one outcome for each prediction"):
        evaluate(y[:-1], answers)


def test_rates_are_measured_for_each_group() -> None:
    y, answers = _binary(600)
    sex = np.where(np.arange(600) % 3 == 0, "F", "M").astype(object)
    report = evaluate(y, answers, slices={"sex": sex}, require=["recall[sex=F] >= 0.99"])
    of = sex == "F"
    flagged = answers.label[of] == "Yes"
    hits = (flagged & (y[of] == "Yes")).sum()
    assert report.find("selection_rate", slice="sex=F").value == flagged.mean()
    assert report.find("recall", slice="sex=F").value == hits / (y[of] == "Yes").sum()
    assert report.find("precision", slice="sex=F").value == hits / flagged.sum()
    assert report.find("recall", slice="sex=F").verdict == "fail"
    assert report.find("recall", slice="").verdict == "pass"
    assert report.find("selection_rate", slice="sex=M").n == 400


@pytest.mark.parametrize("line", ["recall[sex = F] >= 0.99", "recall[ sex=F ] >= 0.99"])
@pytest.mark.parametrize("group", ["F", " F"])
def test_blanks_in_a_gate_line_of_a_group_do_not_hide_the_group(line: str, group: str) -> None:
    y, answers = _binary(600)
    sex = np.where(np.arange(600) % 3 == 0, group, "M").astype(object)
    report = evaluate(y, answers, slices={"sex": sex}, require=[line])
    assert report.find("recall", slice=f"sex={group}").verdict == "fail"
    assert sum(result.min is not None for result in report.results) == 1


@pytest.mark.parametrize("line", ["recall[ ] >= 0.5", "recall[sex] >= 0.5", "recall[=F] >= 0.5"])
def test_a_gate_line_of_no_group_is_refused(line: str) -> None:
    y, answers = _binary()
    with pytest.raises(InputError, match="cannot be read"):
        evaluate(y, answers, slices={"sex": np.full(500, "F", dtype=object)}, require=[line])


def test_small_groups_are_too_few_to_say_and_absent_ones_are_unknown() -> None:
    y, answers = _binary(600)
    city: Any = np.full(600, "Rome", dtype=object)
    city[:29], city[29:70] = "Oslo", None
    require = ["selection_rate[city=Bern] >= 0.1", "selection_rate[city=Oslo] >= 0.1"]
    report = evaluate(y, answers, slices={"city": city}, require=require)
    assert "29 rows are too few" in report.find("selection_rate", slice="city=Oslo").why
    assert report.find("selection_rate", slice="city=Oslo").verdict == "unknown"
    assert report.find("selection_rate", slice="city=Bern").verdict == "unknown"
    assert report.find("selection_rate", slice="city=missing").n == 41


def test_many_groups_are_cut_and_said() -> None:
    y, answers = _binary(600)
    report = evaluate(y, answers, slices={"id": np.arange(600).astype(str)})
    assert report.facts["groups_left_out"] == {"id": 550}


def test_a_slice_of_another_length_is_refused() -> None:
    y, answers = _binary()
    with pytest.raises(InputError, match="one value for each row"):
        evaluate(y, answers, slices={"sex": ["F"]})


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_groups_of_other_tasks_have_their_one_metric(task: Task) -> None:
    y, answers = MAKERS[task]()
    groups = {"g": np.where(np.arange(len(y)) % 2 == 0, "x", "y")}
    name = {"multiclass": "accuracy", "regression": "mae"}[task]
    assert evaluate(y, answers, slices=groups).find(name, slice="g=x").value is not None


def test_the_cost_per_row_counts_both_mistakes_at_their_price() -> None:
    y, answers = _binary()
    costs = Outcome(cost_false_positive=2.0, cost_false_negative=7.0, currency="EUR")
    result = evaluate(y, answers, costs=costs).find("cost")
    wrongly = ((answers.label == "Yes") & (y == "No")).mean()
    missed = ((answers.label == "No") & (y == "Yes")).mean()
    assert result.value == pytest.approx(2 * wrongly + 7 * missed)
    assert result.unit == "EUR per row"
    assert result.evidence["never"] == pytest.approx(7 * (y == "Yes").mean())


def test_a_gate_on_costs_without_costs_is_unknown() -> None:
    report = evaluate(*_binary(), require=["cost <= 1"])
    assert report.find("cost").verdict == "unknown"
    assert "no costs" in report.find("cost").why


def test_the_reliability_diagram_holds_every_row_in_order() -> None:
    y, answers = _binary(1000)
    bins = reliability(answers.probability, y == "Yes")
    assert sum(each.n for each in bins) == 1000
    assert len(bins) == 15
    assert all(a.high <= b.low for a, b in pairwise(bins))
    assert all(each.rate_low <= each.rate <= each.rate_high for each in bins)
    assert all(each.low <= each.mean <= each.high for each in bins)
    assert evaluate(y, answers).facts["reliability"][0]["n"] == bins[0].n


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["Yes", "No"]), st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0])
        ),
        min_size=0,
        max_size=40,
    )
)
def test_no_sample_gives_a_traceback_or_a_value_outside_its_interval(
    rows: list[tuple[str, float]],
) -> None:
    y = [row[0] for row in rows]
    answers = Answers(probability=np.array([row[1] for row in rows], dtype=float))
    report = evaluate(y, answers, costs=Outcome(), slices={"all": ["x"] * len(rows)})
    for result in report.results:
        numbers = [x for x in (result.value, result.low, result.high) if x is not None]
        assert all(np.isfinite(numbers)), result
        if len(numbers) == 3:
            assert numbers[1] - 1e-9 <= numbers[0] <= numbers[2] + 1e-9, result


def test_a_group_that_does_not_occur_is_answered_with_those_of_its_own_column() -> None:
    y, answers = _binary(600)
    rows = np.arange(600)
    slices = {"Land": np.where(rows % 2, "DE", "FR"), "Landkreis": np.where(rows % 3, "a", "b")}
    missing = evaluate(y, answers, slices=slices, require=["recall[Land=IT] >= 0.1"])
    why = missing.find("recall", slice="Land=IT").why
    assert why == "no row is of Land=IT; measured are Land=DE, Land=FR"
