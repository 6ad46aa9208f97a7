"""One lease for everything that changes what is live, and a deadline that always comes."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evermodel.errors import BusyError
from evermodel.loop.deciding import decide_pending
from evermodel.loop.decisions import put_live
from evermodel.loop.releasing import promote, register, rollback
from evermodel.loop.retraining import retrain
from evermodel.loop.state import read_state
from evermodel.loop.training import train
from evermodel.loop.turning import run
from evermodel.loop.workspace import open_workspace
from tests.loop.shop import DAY, Shop, customers

Make = Callable[..., Shop]

HOLDER = """
import sys
from evermodel.loop.releasing import promote
from evermodel.loop.state import read_state
from evermodel.loop.workspace import open_workspace

with open_workspace(sys.argv[1], actor="another") as workspace, workspace.releasing():
    assert read_state(workspace).live == 1
    print("deciding", flush=True)
    sys.stdin.readline()
    promote(2, workspace, force=True)
"""


@contextmanager
def _another_decides(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that has read the state and will put version 2 live when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "deciding\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def _challenger(one: Shop) -> None:
    """Register version 2, which knows customers who behave the other way round."""
    customers(1500, seed=6, strength=-1.0).write_csv(one.folder / "customers.csv")
    train(one.workspace)
    register("", one.workspace)


def test_two_processes_never_decide_on_what_is_live_at_once(shop: Make) -> None:
    one = shop()
    _challenger(one)
    before = read_state(one.workspace)
    with _another_decides(one.folder) as another:
        for verb in (
            lambda: promote(2, one.workspace),
            lambda: rollback(one.workspace, to=2, force=True),
            lambda: decide_pending(one.workspace),
            lambda: put_live(one.workspace, before, 2, "on a state that may be past", ()),
            lambda: run(one.workspace),
        ):
            with pytest.raises(BusyError, match="release is already running"):
                verb()
        assert read_state(one.workspace).live == 1
        another.communicate("go on\n", timeout=120)
        assert another.returncode == 0
    events = one.workspace.events("promoted")
    assert [event.actor for event in events] == ["test", "another"]
    assert [event.body["number"] for event in events] == [1, 2]
    assert [event.body["previous"] for event in events] == [None, 1]
    # It was decided on meanwhile: nobody waits for a decision any more.
    assert decide_pending(one.workspace).facts == {"decision": "none", "live": 2}


def test_a_retraining_waits_for_another_one_who_decides(shop: Make) -> None:
    one = shop()
    _challenger(one)
    with _another_decides(one.folder) as another:

        def go_on() -> None:
            until = time.monotonic() + 100
            with open_workspace(one.folder) as mine:
                while 3 not in read_state(mine).versions and time.monotonic() < until:
                    time.sleep(0.1)
            time.sleep(0.5)
            another.communicate("go on\n", timeout=120)

        waiting = threading.Thread(target=go_on)
        waiting.start()
        report = retrain(one.workspace)
        waiting.join()
    assert another.returncode == 0
    assert report.facts["version"] == 3
    assert [e.body["number"] for e in one.workspace.events("promoted")][:2] == [1, 2]
    assert read_state(one.workspace).live == report.facts["live"]


def test_of_two_that_were_registered_the_newer_waits(shop: Make) -> None:
    one = shop()
    _challenger(one)
    train(one.workspace, seed=1)
    register("", one.workspace)
    report = decide_pending(one.workspace, 2)
    assert report.facts == {"decision": "none", "live": 1}
    assert "version 3 was registered meanwhile" in report.results[0].why


def test_a_decision_whose_holder_was_killed_is_free_for_the_next(shop: Make) -> None:
    one = shop()
    _challenger(one)
    with _another_decides(one.folder) as another:
        another.kill()
        another.wait()
        assert decide_pending(one.workspace).facts == {"decision": "promote", "live": 2}


def _decide_too_late(one: Shop) -> None:
    """Put version 2 live on a lease that ran out and that another one has taken since."""
    state = read_state(one.workspace)
    with one.workspace.releasing():
        one.clock.advance(DAY)
        one.workspace.ports.jobs.start("shop", "release", seconds=60)
        put_live(one.workspace, state, 2, "too late", ())


def test_a_holder_that_was_overtaken_writes_no_decision(shop: Make) -> None:
    one = shop()
    _challenger(one)
    with pytest.raises(BusyError, match="no longer held"):
        _decide_too_late(one)
    assert read_state(one.workspace).live == 1


def test_a_challenger_that_nobody_agrees_to_makes_way_at_its_deadline(shop: Make) -> None:
    one = shop(("loop", 'approve = "person"'), ("loop", 'deadline = "10d"'))
    _challenger(one)
    one.clock.advance(9 * DAY)
    assert run(one.workspace).facts["decision"] == "hold"
    one.clock.advance(2 * DAY)
    late = run(one.workspace)
    assert late.facts["decision"] == "reject"
    assert "nobody agreed" in late.find("gain").why
    state = read_state(one.workspace)
    assert (state.live, state.challenger) == (1, None)
    assert promote(2, one.workspace, actor="ada").facts["live"] == 2


def test_a_deadline_comes_while_the_data_are_broken_too(shop: Make) -> None:
    one = shop(("loop", 'deadline = "10d"'))
    train(one.workspace, seed=1)
    register("", one.workspace)
    one.ask(customers(400, seed=12, first=20_000, scale=100.0))
    held = run(one.workspace)
    assert (held.facts["state"], held.facts["decision"]) == ("broken data", "none")
    assert read_state(one.workspace).challenger == 2
    one.clock.advance(11 * DAY)
    one.ask(customers(400, seed=13, first=30_000, scale=100.0))
    late = run(one.workspace)
    assert (late.facts["state"], late.facts["decision"]) == ("broken data", "reject")
    assert "undecided after 10d" in late.find("gain").why
    assert read_state(one.workspace).challenger is None


def test_a_step_that_takes_longer_than_the_lease_keeps_it(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evermodel.loop.workspace._LEASE_SECONDS", 0.6)
    one = shop()
    with open_workspace(one.folder) as here, open_workspace(one.folder) as there:
        with here.job("train"):
            time.sleep(1.5)
            with pytest.raises(BusyError), there.job("train"):
                pass
        with there.job("train"):
            pass
