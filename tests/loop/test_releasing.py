"""What may go live: gates, comparisons, persons, and the way back."""

import shutil
from collections.abc import Callable

import pytest

from evermodel.bundle import load
from evermodel.errors import BundleError, BusyError, NotFoundError
from evermodel.loop.decisions import put_live
from evermodel.loop.releasing import evaluate, promote, register, rollback
from evermodel.loop.retraining import retrain
from evermodel.loop.state import read_state
from evermodel.loop.telling import history, status
from evermodel.loop.training import train
from evermodel.loop.turning import run
from evermodel.loop.workspace import Workspace, open_workspace
from tests.loop.shop import DAY, Shop, customers

pytestmark = pytest.mark.mlflow

Make = Callable[..., Shop]


def _worse(one: Shop) -> int:
    """Register a version that learned from customers who behave the other way round."""
    customers(1000, seed=4, strength=-1.0).write_csv(one.folder / "customers.csv")
    train(one.workspace)
    customers(1000).write_csv(one.folder / "customers.csv")
    number: int = register("", one.workspace).facts["version"]
    return number


def _swap_tests(workspace: Workspace, number: int) -> None:
    """Register a version whose own test rows are those of version 1."""
    mine = read_state(workspace).version(number).trained["test"]
    first = read_state(workspace).version(1).trained["test"]
    blobs = workspace.ports.blobs
    blobs.path(mine).write_bytes(blobs.path(first).read_bytes())


def _worse_on_the_same_rows(one: Shop) -> int:
    number = _worse(one)
    _swap_tests(one.workspace, number)
    return number


def test_a_gate_that_says_no_registers_nothing(shop: Make) -> None:
    one = shop(("evaluate", 'require = ["roc_auc >= 0.99"]'))
    report = train(one.workspace)
    assert report.verdict == "fail"
    assert report.facts["gate"] == "fail"
    refused = register("", one.workspace)
    assert refused.verdict == "fail"
    assert "gate" in refused.find("gate").why
    assert set(read_state(one.workspace).versions) == {1}
    assert [path.name for path in one.workspace.bundles.iterdir()] == ["1"]


def test_a_gate_that_is_mended_counts_at_once(shop: Make) -> None:
    one = shop(("evaluate", 'require = ["roc_auc >= 0.99"]'))
    train(one.workspace)
    path = one.folder / "evermodel.toml"
    path.write_text(path.read_text().replace("0.99", "0.7"))
    with open_workspace(one.folder, clock=one.clock) as again:
        assert register("", again).facts["version"] == 2


def test_a_forced_registration_is_refused_again_by_promote_and_forced_there_too(
    shop: Make,
) -> None:
    one = shop(("evaluate", 'require = ["roc_auc >= 0.99"]'))
    train(one.workspace)
    assert register("", one.workspace, force=True).facts["version"] == 2
    refused = promote(2, one.workspace)
    assert (refused.verdict, refused.facts["live"]) == ("fail", 1)
    forced = promote(2, one.workspace, force=True, reason="we know better")
    assert (forced.verdict, forced.facts["live"]) == ("warn", 2)
    event = one.workspace.events("promoted")[-1]
    assert (event.body["forced"], event.body["reason"]) == (True, "we know better")


def test_a_version_known_to_be_worse_is_refused_and_the_ledger_says_why(shop: Make) -> None:
    one = shop()
    number = _worse_on_the_same_rows(one)
    refused = promote(number, one.workspace)
    assert refused.verdict == "fail"
    gain = refused.find("gain")
    assert gain.high is not None
    assert gain.high < 0
    assert read_state(one.workspace).live == 1
    event = one.workspace.events("rejected")[-1]
    assert event.body["number"] == number
    assert one.workspace.report(event.body["reports"][0]).find("gain").verdict == "fail"
    assert "rejected" in {result.name for result in history(one.workspace).results}


def test_registering_the_same_candidate_twice_makes_one_version(shop: Make) -> None:
    one = shop()
    train(one.workspace)
    assert register("", one.workspace).facts["version"] == 2
    again = register("", one.workspace)
    assert again.facts["version"] == 2
    assert "already" in again.find("registered").why
    assert len(one.workspace.events("registered")) == 2


def test_promoting_what_is_live_decides_nothing(shop: Make) -> None:
    one = shop()
    before = len(one.workspace.events())
    assert promote(1, one.workspace).facts["live"] == 1
    assert rollback(one.workspace, to=1).facts["live"] == 1
    assert len(one.workspace.events()) == before


def test_rollback_puts_the_version_before_live_and_only_once(shop: Make) -> None:
    one = shop()
    number = _worse(one)
    promote(number, one.workspace, force=True)
    assert status(one.workspace).facts["previous"] == 1
    done = rollback(one.workspace, reason="customers complain", actor="ada")
    assert (done.verdict, done.facts["live"]) == ("pass", 1)
    event = one.workspace.events("rolled_back")[0]
    assert (event.actor, event.body["previous"]) == ("ada", number)
    with pytest.raises(NotFoundError, match="no version to go back to"):
        rollback(one.workspace)
    assert rollback(one.workspace, to=number).facts["live"] == number


def test_a_version_that_does_not_exist_cannot_go_live(shop: Make) -> None:
    one = shop()
    with pytest.raises(NotFoundError, match="no such version") as caught:
        promote(9, one.workspace)
    assert "registered: 1" in caught.value.found
    with pytest.raises(NotFoundError, match="no such version"):
        rollback(one.workspace, to=9)


def test_an_altered_bundle_never_goes_live(shop: Make) -> None:
    one = shop()
    number = _worse(one)
    graph = next((one.workspace.bundles / str(number)).rglob("*.onnx"))
    graph.write_bytes(graph.read_bytes() + b" ")
    with pytest.raises(BundleError):
        promote(number, one.workspace, force=True)
    assert read_state(one.workspace).live == 1
    one.workspace.close()
    with pytest.raises(BundleError):
        rollback(one.workspace, to=number)


def test_a_person_is_waited_for_where_the_project_says_so(shop: Make) -> None:
    one = shop(("loop", 'approve = "person"'))
    waiting = _better(one)
    report = run(one.workspace)
    assert report.facts["decision"] == "hold"
    assert f"evermodel promote {waiting}" in report.find("gain").why
    assert read_state(one.workspace).live == 1
    assert "waits" in status(one.workspace).find("waiting").why
    assert promote(waiting, one.workspace, actor="ada").facts["live"] == waiting


def _better(one: Shop) -> int:
    """Register a version that knows customers who behave the other way round."""
    changed = customers(1500, seed=6, strength=-1.0)
    changed.write_csv(one.folder / "customers.csv")
    train(one.workspace)
    number: int = register("", one.workspace).facts["version"]
    return number


def test_a_challenger_that_cannot_be_told_apart_is_held_until_its_deadline(shop: Make) -> None:
    one = shop(("loop", 'deadline = "10d"'))
    report = retrain(one.workspace)
    assert report.facts["decision"] == "hold"
    assert report.verdict != "fail"
    one.clock.advance(9 * DAY)
    assert run(one.workspace).facts["decision"] == "hold"
    one.clock.advance(2 * DAY)
    late = run(one.workspace)
    assert late.facts["decision"] == "reject"
    assert "undecided after 10d" in late.find("gain").why
    assert read_state(one.workspace).challenger is None
    assert run(one.workspace).facts["decision"] == "none"


def test_a_better_challenger_is_promoted_on_the_rows_of_a_newer_file(shop: Make) -> None:
    one = shop()
    newer = one.folder / "newer.csv"
    customers(1500, seed=6, strength=-1.0).write_csv(newer)
    report = retrain(one.workspace, data=newer, why="a new year")
    assert report.facts["decision"] == "promote"
    assert read_state(one.workspace).live == 2
    assert one.workspace.events("retrained")[0].body["reason"] == "a new year"


def test_a_worse_challenger_is_rejected(shop: Make) -> None:
    one = shop()
    number = _worse_on_the_same_rows(one)
    report = run(one.workspace)
    assert report.facts["decision"] == "reject"
    assert one.workspace.events("rejected")[-1].body["number"] == number
    assert read_state(one.workspace).live == 1


def test_a_lease_that_another_holds_is_said_and_its_own_is_given_back(shop: Make) -> None:
    one = shop()
    jobs = one.workspace.ports.jobs
    held = jobs.start("shop", "promote", seconds=60)
    with pytest.raises(BusyError, match="promote is already running"):
        promote(1, one.workspace)
    jobs.update(held, state="done")
    assert promote(1, one.workspace).facts["live"] == 1


def test_a_turn_that_meets_a_held_lease_does_not_stop_the_turns_after_it(shop: Make) -> None:
    one = shop()
    jobs = one.workspace.ports.jobs
    held = jobs.start("shop", "register", seconds=60)
    with pytest.raises(BusyError, match="register is already running"):
        retrain(one.workspace)
    jobs.update(held, state="done")
    assert retrain(one.workspace).facts["decision"] == "hold"


def test_a_bundle_that_a_crash_left_without_its_event_is_made_again(shop: Make) -> None:
    one = shop()
    train(one.workspace)
    left = one.workspace.bundles / "2"
    shutil.copytree(one.workspace.bundles / "1", left)
    report = register("", one.workspace)
    assert report.facts["version"] == 2
    run_of = load(left, trusted=one.workspace.trusted).manifest.run
    assert run_of == read_state(one.workspace).version(2).run


def test_a_decision_that_a_crash_kept_from_mlflow_is_told_by_status(shop: Make) -> None:
    one = shop()
    number = _worse(one)
    state = read_state(one.workspace)
    put_live(one.workspace, state, number, "then the power went", ())
    assert read_state(one.workspace).mirrored["champion"] == 1
    assert status(one.workspace).find("mlflow").verdict == "pass"
    assert read_state(one.workspace).mirrored["champion"] == number
    assert run(one.workspace).facts["decision"] == "none"


def test_rows_that_were_learned_from_are_said_when_a_file_is_measured(shop: Make) -> None:
    one = shop()
    report = evaluate(1, one.workspace, data=one.folder / "customers.csv")
    tested = read_state(one.workspace).version(1).trained["rows"]
    told = report.find("learned_from")
    assert (told.value, told.n, told.verdict) == (tested, 1000, "warn")
    customers(300, seed=8, first=80_000).write_csv(one.folder / "new.csv")
    fresh = evaluate(1, one.workspace, data=one.folder / "new.csv")
    assert not [result for result in fresh.results if result.name == "learned_from"]


def test_without_a_number_a_candidate_that_was_turned_down_is_not_what_is_measured(
    shop: Make,
) -> None:
    one = shop()
    assert evaluate(None, one.workspace).subject == "shop/1"
    train(one.workspace, seed=5)
    assert evaluate(None, one.workspace).subject == "shop/candidate"
    assert "evermodel register" in status(one.workspace).find("candidate").why
    register("", one.workspace)
    assert "candidate" not in [result.name for result in status(one.workspace).results]
    assert evaluate(None, one.workspace).subject == "shop/2"
    one.workspace.record("rejected", {"number": 2, "reason": "it is worse", "live": 1})
    assert evaluate(None, one.workspace).subject == "shop/1"


def test_training_says_from_which_probability_on_the_positive_class_is_said(shop: Make) -> None:
    one = shop()
    report = train(one.workspace)
    threshold = report.find("threshold")
    assert threshold.value == report.facts["threshold"] == pytest.approx(0.5, abs=0.15)
    assert "'yes'" in threshold.why


def test_a_waiting_challenger_that_goes_live_by_rollback_waits_no_more(shop: Make) -> None:
    one = shop()
    train(one.workspace, seed=5)
    register("", one.workspace)
    assert read_state(one.workspace).challenger == 2
    rollback(one.workspace, to=2, force=True)
    state = read_state(one.workspace)
    assert (state.live, state.challenger) == (2, None)


def test_status_says_that_costs_have_changed_since_the_live_version_was_made(shop: Make) -> None:
    one = shop()
    assert "threshold" not in [result.name for result in status(one.workspace).results]
    dear = shop(("outcome", "cost_false_negative = 15"))
    told = status(dear.workspace).find("threshold")
    assert told.verdict == "warn"
    assert "chosen for costs of 1 and 1, not 1 and 15" in told.why
