"""Every mistake of a project file is said at once, with its place and the nearest valid word."""

import pytest

from evermodel.errors import Mistake, ProjectError
from evermodel.project import Project, parse_project

HEAD = """\
[project]
name = "p"
[data]
source = "a.csv"
target = "y"
task = "binary"
"""


def _mistakes(more: str, head: str = HEAD) -> tuple[Mistake, ...]:
    with pytest.raises(ProjectError) as caught:
        parse_project(head + more)
    return caught.value.mistakes


def _one(more: str) -> Mistake:
    (found,) = _mistakes(more)
    return found


def _parsed(more: str) -> Project:
    return parse_project(HEAD + more)


def test_a_model_that_is_unknown_is_named_with_the_nearest_that_is_known() -> None:
    found = _one('[train]\nmodels = ["linear", "lightgbn"]\n')
    assert (found.line, found.column) == (8, 21)
    assert found.what == "unknown model 'lightgbn'"
    assert found.hint == "did you mean 'lightgbm'?"
    assert _parsed('[train]\nmodels = ["shop.models:forest"]\n').train.models
    assert "names no model" in _one("[train]\nmodels = []\n").what


def test_a_metric_that_is_not_measured_is_found_when_the_file_is_read() -> None:
    found = _one('[evaluate]\nrequire = ["roc_acu >= 0.8"]\n')
    assert (found.line, found.column, found.found) == (8, 12, "'roc_acu >= 0.8'")
    assert found.hint == "did you mean 'roc_auc'?"
    assert "binary task" in _one('[evaluate]\nrequire = ["r2 >= 0.8"]\n').what


def test_a_gate_of_a_group_needs_a_protected_column_and_a_metric_of_groups() -> None:
    lines = '["recall[sex=F] >= 0.5", "roc_auc[sex=F] >= 0.5"]'
    found = _mistakes(f"[evaluate]\nrequire = {lines}\n")
    assert [each.what.split(" is ")[0] for each in found] == [
        "no groups are formed by 'sex'",
        "no metric 'roc_auc'",
        "no groups are formed by 'sex'",
    ]
    head = HEAD + 'protected = ["sex"]\n'
    assert parse_project(head + '[evaluate]\nrequire = ["recall[sex=F] >= 0.5"]\n')


@pytest.mark.parametrize("key", ["every", "deadline", "retrain"])
def test_a_time_of_nothing_is_refused_where_it_would_never_end(key: str) -> None:
    found = _one(f'[loop]\n{key} = "0s"\n')
    assert (found.what, found.line) == (f"'loop.{key}' must last", 8)


@pytest.mark.parametrize("value", ["99999999999d", "36526d", f"{'9' * 400}s"])
@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("outcome", "known_after"),
        ("train", "budget"),
        ("loop", "every"),
        ("loop", "deadline"),
        ("loop", "retrain"),
    ],
)
def test_a_duration_beyond_a_hundred_years_is_refused(table: str, key: str, value: str) -> None:
    found = _one(f'[{table}]\n{key} = "{value}"\n')
    assert (found.what, found.line) == (f"'{table}.{key}' is too long", 8)
    assert found.hint == "at most 36525d (100 years)"
    assert _parsed(f'[{table}]\n{key} = "36525d"\n')


@pytest.mark.parametrize("host", ["", "  "])
def test_an_empty_address_is_refused_for_it_would_be_all_addresses(host: str) -> None:
    found = _one(f'[serve]\nhost = "{host}"\n')
    assert (found.what, found.line) == ("'serve.host' is empty", 8)
    assert "127.0.0.1" in found.hint


def test_an_outcome_may_be_known_at_once() -> None:
    assert _parsed('[outcome]\nknown_after = "0d"\n').outcome.known_after == "0d"


@pytest.mark.parametrize("rate", ["0 per year", "once", "1 per century", "-1 per year"])
def test_a_rate_of_false_alarms_must_be_one(rate: str) -> None:
    assert _one(f'[monitor]\nfalse_alarms = "{rate}"\n').what.endswith("is not a rate above 0")


def test_a_rate_of_false_alarms_is_counted_by_the_year() -> None:
    assert _parsed('[monitor]\nfalse_alarms = "2 per month"\n').monitor.false_alarms_a_year == 24


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("monitor", "tolerance = -0.1"),
        ("monitor", "tolerance = nan"),
        ("outcome", "cost_false_negative = inf"),
        ("train", "trials = 0"),
        ("train", "test = 1.5"),
        ("train", "seed = -1"),
        ("loop", "confidence = 1.0"),
        ("serve", "port = 70000"),
    ],
)
def test_numbers_that_mean_nothing_are_out_of_range(table: str, line: str) -> None:
    found = _one(f"[{table}]\n{line}\n")
    assert found.what.endswith("is out of range")
    assert found.line == 8
    assert found.hint.startswith("between")


def test_mistakes_that_cost_nothing_at_all_leave_nothing_to_choose_by() -> None:
    lines = "[outcome]\ncost_false_positive = 0\ncost_false_negative = 0\n"
    assert "cost nothing" in _one(lines).what


def test_mistakes_of_every_kind_are_reported_at_once_in_the_order_of_the_file() -> None:
    found = _mistakes(
        'leave_out = "y"\n'
        '[train]\nmodles = ["linear"]\nmodels = ["lihgtgbm"]\ntrials = "many"\n'
        '[evaluate]\nrequire = ["roc_acu >= 0.8", "brier"]\n'
        '[loop]\nevery = "0s"\nretrain = "on ham"\n'
    )
    assert [(each.line, each.what) for each in found] == [
        (7, "'data.leave_out' has a value of the wrong kind"),
        (9, "unknown key 'train.modles'"),
        (10, "unknown model 'lihgtgbm'"),
        (11, "'train.trials' has a value of the wrong kind"),
        (13, "no metric 'roc_acu' is measured in a binary task"),
        (13, "a gate line cannot be read"),
        (15, "'loop.every' must last"),
        (16, "'loop.retrain' is not a duration"),
    ]
    assert found[-1].hint == "did you mean 'on harm'?"


def test_a_plugin_is_named_as_one_word_or_as_a_function() -> None:
    assert _parsed('[monitor]\ndrift_methods = ["ks", "shop.drift:ks"]\n').monitor.drift_methods
    assert "names no plugin" in _one('[monitor]\ndrift_methods = ["a b"]\n').what


def test_each_wrong_gate_line_is_found_where_it_stands_whatever_the_task_is() -> None:
    text = (
        '[project]\nname = "p"\n[data]\nsource = "a.csv"\ntarget = "y"\ntask = "binry"\n'
        '[evaluate]\nrequire = ["roc_acu >= 0.8",\n  # "ece < 5",\n  "ece < 5", "r2 >= 0.1"]\n'
        '[loop]\nevery = "1d"\n'
    )
    with pytest.raises(ProjectError) as caught:
        parse_project(text)
    places = [(each.line, each.column) for each in caught.value.mistakes]
    assert places == [(6, 1), (8, 12), (10, 3)]
