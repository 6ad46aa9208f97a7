"""The loop on a schedule."""

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from evermodel.loop.schedule import run_forever
from evermodel.records import Report
from tests.loop.shop import Shop

Make = Callable[..., Shop]


def test_it_turns_again_and_again_until_it_is_stopped(shop: Make) -> None:
    one = shop(("loop", 'every = "1s"'))
    ended = threading.Event()
    turns: list[Report] = []

    def after(report: Report) -> None:
        turns.append(report)
        if len(turns) == 3:
            ended.set()

    before = signal.getsignal(signal.SIGTERM)
    begun = time.perf_counter()
    run_forever(one.workspace, after=after, stop=ended)
    assert 1.5 < time.perf_counter() - begun < 15
    assert [turn.facts["decision"] for turn in turns[:3]] == ["none"] * 3
    assert len(one.workspace.events("monitored")) >= 3
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_turn_that_fails_is_reported_and_the_next_one_comes(shop: Make) -> None:
    one = shop(("loop", 'every = "1s"'))
    graph = next((one.workspace.bundles / "1").rglob("*.onnx"))
    whole = graph.read_bytes()
    graph.write_bytes(whole + b" ")
    ended = threading.Event()
    turns: list[Report] = []

    def after(report: Report) -> None:
        turns.append(report)
        graph.write_bytes(whole)
        if len(turns) == 2:
            ended.set()

    run_forever(one.workspace, after=after, stop=ended)
    assert turns[0].find("turn").verdict == "fail"
    assert turns[0].find("turn").why
    assert turns[1].facts["decision"] == "none"


def test_an_error_inside_a_turn_is_logged_in_one_line_and_the_next_one_comes(
    shop: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = shop(("loop", 'every = "1s"'))
    ended = threading.Event()
    turns: list[Report] = []

    def after(report: Report) -> None:
        turns.append(report)
        if len(turns) == 2:
            ended.set()

    def run(*_: object, **__: object) -> Report:
        if turns:
            return Report(verb="run", subject="shop")
        raise ZeroDivisionError("by\nnobody at http://me:pw@host")

    monkeypatch.setattr("evermodel.loop.schedule.run", run)
    run_forever(one.workspace, after=after, stop=ended)
    why = "ZeroDivisionError: by nobody at http://me:***@host"
    assert (turns[0].find("turn").verdict, turns[0].find("turn").why) == ("fail", why)
    assert turns[1].verdict != "fail"
    (said,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert said.getMessage() == f"a turn of the loop failed: {why}"
    assert said.exc_info is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_turn(shop: Make, number: signal.Signals) -> None:
    one = shop()
    turns: list[Report] = []

    def late() -> None:
        while not turns:
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=late)
    sender.start()
    run_forever(one.workspace, after=turns.append)
    sender.join()
    assert len(turns) == 1
