"""The loop turns: first release, nothing to do, retraining on harm, and taking back."""

import os
import sys
from collections.abc import Callable

import polars as pl
import pytest

from evermodel.bundle import read_manifest
from evermodel.errors import NotFoundError
from evermodel.loop import turning
from evermodel.loop.outcomes import labels
from evermodel.loop.releasing import promote, register
from evermodel.loop.retraining import retrain
from evermodel.loop.state import HARM, State, read_state
from evermodel.loop.training import train
from evermodel.loop.turning import run
from evermodel.loop.workspace import Workspace, open_workspace
from evermodel.store import FixedClock
from tests.loop.shop import BEGIN, DAY, PROJECT, Shop, customers

Make = Callable[..., Shop]
Begin = Callable[..., Workspace]


def _live_rows(one: Shop, rows: int, *, seed: int, strength: float = 1.0) -> None:
    """Let customers be answered, and bring their outcomes two days later."""
    found = customers(rows, seed=seed, first=seed * 10_000, strength=strength)
    one.ask(found)
    labels(one.bring(found), one.workspace)


def test_the_first_turn_trains_and_releases_the_first_version(begin: Begin) -> None:
    workspace = begin()
    report = run(workspace)
    assert (report.facts["decision"], report.facts["live"]) == ("promote", 1)
    assert report.find("roc_auc").value
    event = workspace.events("promoted")[0]
    assert (event.actor, event.body["reason"]) == ("evermodel", "the first version")
    again = run(workspace)
    assert (again.facts["decision"], again.facts["live"]) == ("none", 1)
    assert len(workspace.events("trained")) == 1


def test_a_first_version_that_misses_its_gate_is_not_released(begin: Begin) -> None:
    text = PROJECT + '\n[evaluate]\nrequire = ["roc_auc >= 0.99"]\n'
    workspace = begin(text)
    report = run(workspace)
    assert (report.verdict, report.facts["decision"]) == ("fail", "none")
    state = read_state(workspace)
    assert (state.live, state.versions) == (None, {})


def test_a_refused_candidate_is_not_trained_again_before_something_changed(begin: Begin) -> None:
    """New rows, another line of the project file or another seed may end otherwise; a turn not."""
    workspace = begin(PROJECT + '\n[evaluate]\nrequire = ["roc_auc >= 0.9999"]\n')
    assert run(workspace).verdict == "fail"
    for _ in range(2):
        again = run(workspace)
        assert (again.verdict, again.facts["decision"]) == ("fail", "none")
        (said,) = (each for each in again.results if each.verdict == "fail")
        assert "not trained again" in said.why
        assert "roc_auc" in said.why
    assert len(workspace.events("trained")) == 1
    run(workspace, seed=7)
    assert len(workspace.events("trained")) == 2
    folder = workspace.root.parent
    customers(1100, seed=0).write_csv(folder / "customers.csv")
    run(workspace)
    assert len(workspace.events("trained")) == 3
    path = folder / "evermodel.toml"
    path.write_text(path.read_text().replace("trials = 1", "trials = 2"))
    with open_workspace(folder, clock=FixedClock(BEGIN), actor="test") as changed:
        run(changed)
        assert len(changed.events("trained")) == 4
        run(changed)
        assert len(changed.events("trained")) == 4
    path.write_text(path.read_text().replace("0.9999", "0.5"))
    with open_workspace(folder, clock=FixedClock(BEGIN), actor="test") as mended:
        assert run(mended).facts["live"] == 1


def test_a_refused_model_of_the_projects_own_package_is_trained_again_once_that_changed(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    text = PROJECT.replace('["linear"]', '["own_shop.inner.trees:tree"]')
    workspace = begin(text + '\n[evaluate]\nrequire = ["roc_auc >= 0.9999"]\n')
    module = workspace.root.parent / "own_shop" / "inner" / "trees.py"
    module.parent.mkdir(parents=True)
    made = (
        "from sklearn.tree import DecisionTreeClassifier\n"
        "def tree():\n    return DecisionTreeClassifier(max_depth=3)\n"
    )
    module.write_text(made)
    long_ago = BEGIN.timestamp() - 3600
    os.utime(module, (long_ago, long_ago))
    for _ in range(2):
        run(workspace)
    assert len(workspace.events("trained")) == 1
    module.write_text(made.replace("3", "4"))
    run(workspace)
    assert len(workspace.events("trained")) == 2
    for name in [name for name in sys.modules if name.startswith("own_shop")]:
        monkeypatch.delitem(sys.modules, name)


def test_a_forced_version_that_misses_its_gate_is_not_released_either(begin: Begin) -> None:
    text = PROJECT + '\n[evaluate]\nrequire = ["roc_auc >= 0.99"]\n'
    workspace = begin(text)
    train(workspace)
    register("", workspace, force=True)
    report = run(workspace)
    assert (report.verdict, report.facts["decision"]) == ("fail", "reject")
    assert read_state(workspace).live is None


def test_a_refused_first_version_makes_way_for_newer_data_and_for_a_mended_gate(
    begin: Begin,
) -> None:
    workspace = begin(PROJECT + '\n[evaluate]\nrequire = ["roc_auc >= 0.99"]\n')
    train(workspace)
    register("", workspace, force=True)
    assert run(workspace).facts["decision"] == "reject"
    for _ in range(2):
        waits = run(workspace)
        assert (waits.verdict, waits.facts["decision"]) == ("fail", "none")
        assert "as it was at the last training" in waits.find("decision").why
    assert len(workspace.events("rejected")) == 1
    customers(1200, seed=3, strength=30.0).write_csv(workspace.root.parent / "customers.csv")
    newer = run(workspace)
    assert (newer.facts["decision"], newer.facts["live"]) == ("promote", 2)


def test_a_schedule_retrains_on_a_renewed_source_without_any_logged_outcome(shop: Make) -> None:
    one = shop(("loop", 'retrain = "4w"'))
    one.clock.advance(29 * DAY)
    assert "the source is as it was" in run(one.workspace).find("decision").why
    train(one.workspace, seed=5)  # a look of a person's own moves no calendar
    customers(1500, seed=3).write_csv(one.folder / "customers.csv")
    assert run(one.workspace).facts["version"] == 2
    assert len(one.workspace.events("retrained")) == 1
    one.clock.advance(20 * DAY)
    run(one.workspace)
    assert len(one.workspace.events("retrained")) == 1


def test_nothing_is_retrained_before_something_is_live(begin: Begin) -> None:
    workspace = begin()
    with pytest.raises(NotFoundError, match="nothing is live yet") as caught:
        retrain(workspace)
    assert "evermodel run" in caught.value.hint
    assert workspace.events("trained") == []


def test_data_that_cannot_be_learned_from_release_nothing(begin: Begin) -> None:
    rows = customers(200).with_columns(churned=customers(200)["plan"])
    workspace = begin(rows=rows)
    report = run(workspace)
    assert report.verdict == "fail"
    assert [event.kind for event in workspace.events()] == ["data_refused"]


def test_harm_is_answered_by_a_challenger_that_later_outcomes_prove(shop: Make) -> None:
    one = shop()
    _live_rows(one, 700, seed=31, strength=-1.0)
    first = run(one.workspace)
    assert first.facts["state"] == "harmful change"
    assert one.workspace.events("retrained")[0].body["reason"] == "measured harm on outcomes"
    assert first.facts["decision"] in {"hold", "promote"}
    if first.facts["decision"] == "hold":
        _live_rows(one, 400, seed=32, strength=-1.0)
        second = run(one.workspace)
        assert second.facts["decision"] == "promote"
    assert read_state(one.workspace).live == 2
    one.ask(customers(1, seed=9).with_columns(customer=pl.lit("c1")))
    assert read_manifest(one.workspace.bundles / "2").keys == ("customer",)
    _live_rows(one, 300, seed=33, strength=-1.0)
    assert run(one.workspace).facts["state"] == "steady"


def test_after_harm_the_loop_learns_again_until_harm_would_be_measured_again(shop: Make) -> None:
    one = shop(("loop", 'every = "2d"'), ("loop", 'deadline = "1d"'))
    _live_rows(one, 700, seed=31, strength=-1.0)
    run(one.workspace)
    for seed in range(32, 38):
        _live_rows(one, 300, seed=seed, strength=-1.0)
        run(one.workspace)
    reasons = [event.body["reason"] for event in one.workspace.events("retrained")]
    # Two days after the first: two turns are already longer than the label delay of one day.
    assert reasons == [HARM, "more outcomes of the time since the harm"]


def test_harm_with_too_few_new_outcomes_waits_for_more(shop: Make) -> None:
    one = shop()
    _live_rows(one, 150, seed=31, strength=-1.0)
    report = run(one.workspace)
    assert report.facts["decision"] == "none"
    if report.facts["state"] == "harmful change":
        assert "too few" in report.find("decision").why
    assert len(one.workspace.events("trained")) == 1


def test_a_bad_release_is_taken_back_on_later_outcomes(shop: Make) -> None:
    one = shop()
    customers(1000, seed=4, strength=-1.0).write_csv(one.folder / "customers.csv")
    train(one.workspace)
    register("", one.workspace)
    promote(2, one.workspace, force=True, reason="a bad release")
    _live_rows(one, 400, seed=41)
    report = run(one.workspace)
    assert (report.facts["decision"], report.facts["live"]) == ("roll back", 1)
    assert report.find("regret").low is not None
    event = one.workspace.events("rolled_back")[0]
    assert event.actor == "evermodel"
    assert "previous version is better" in event.body["reason"]
    one.clock.advance(DAY)
    # What was taken back had been trained for a reason.
    assert run(one.workspace).facts["decision"] not in {"none", "roll back"}
    reason = one.workspace.events("retrained")[0].body["reason"]
    assert reason == "more outcomes of the time since the harm"


def test_a_schedule_retrains_without_harm(shop: Make) -> None:
    one = shop(("loop", 'retrain = "7d"'))
    _live_rows(one, 300, seed=51)
    assert run(one.workspace).facts["decision"] == "none"
    one.clock.advance(8 * DAY)
    report = run(one.workspace)
    assert one.workspace.events("retrained")[0].body["reason"] == "every 7d"
    assert report.facts["decision"] in {"hold", "reject", "promote"}


def test_a_retraining_on_refused_data_keeps_what_is_live(shop: Make) -> None:
    one = shop()
    bad = one.folder / "bad.csv"
    customers(300).with_columns(churned=customers(300)["plan"]).write_csv(bad)
    report = retrain(one.workspace, data=bad)
    assert report.verdict == "fail"
    assert read_state(one.workspace).live == 1
    assert set(read_state(one.workspace).versions) == {1}


def test_a_harm_of_thousands_of_retrainings_ago_asks_for_none(shop: Make) -> None:
    one = shop()
    long_ago = State(harm_at="2020-01-01T00:00:00Z", retrained_at="2020-01-02T00:00:00Z")
    long_ago.since_harm = 5000
    assert not turning._more_is_known(one.workspace, long_ago)
