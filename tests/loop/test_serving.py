"""A server follows what the ledger says is live, without restart and without a failed request."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

import numpy as np
import pytest

from evermodel.bundle import Model
from evermodel.errors import BundleError
from evermodel.loop.predictions import compact, logged
from evermodel.loop.releasing import promote, register, rollback
from evermodel.loop.serving import application, live_version
from evermodel.loop.training import train
from evermodel.serve import BackgroundServer, Follower, Live
from tests.loop.shop import Shop, answers, customers, post

Make = Callable[..., Shop]


def _with_second(one: Shop) -> Shop:
    train(one.workspace, seed=1)
    register("", one.workspace)
    return one


def _until(url: str, version: int, record: dict[str, Any]) -> float:
    """Return the seconds until a version answers."""
    begun = time.perf_counter()
    while post(url, record)["version"] != version:
        assert time.perf_counter() - begun < 30, f"version {version} never came"
        time.sleep(0.01)
    return time.perf_counter() - begun


def test_promoting_under_load_fails_no_request_and_loses_no_row(shop: Make) -> None:
    one = _with_second(shop())
    records = customers(20, seed=1).drop("churned").to_dicts()
    given: list[Any] = []
    failed: list[OSError] = []
    ended = threading.Event()

    def client(url: str) -> None:
        while not ended.is_set():
            try:
                given.extend(answers(url, records, many=5))
            except OSError as error:
                failed.append(error)

    with one.serving() as url:
        threads = [threading.Thread(target=client, args=(url,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(2):
                promote(2, one.workspace, force=True)
                _until(url, 2, records[0])
                rollback(one.workspace)
                _until(url, 1, records[0])
        finally:
            ended.set()
            for thread in threads:
                thread.join()
    assert not failed, failed[:3]
    assert {answer["version"] for answer in given} == {1, 2}
    compact(one.workspace)
    log = logged(one.workspace)
    assert log is not None
    assert {answer["id"] for answer in given} <= set(log["id"])
    assert len(set(log["id"])) == log.height


def test_each_row_names_the_decision_that_put_its_version_live(shop: Make) -> None:
    one = _with_second(shop())
    rows = customers(3, seed=1)
    one.ask(rows)
    promote(2, one.workspace, force=True)
    one.ask(rows)
    compact(one.workspace)
    log = logged(one.workspace)
    assert log is not None
    seqs = [event.seq for event in one.workspace.events("promoted")]
    named = set(zip(log["version"], log["deployment"], strict=True))
    assert named == {(1, f"shop@{seqs[0]}"), (2, f"shop@{seqs[1]}")}
    assert log["time"].dt.date().cast(str).unique().to_list() == ["2026-01-02"]


def test_a_new_champion_that_cannot_be_loaded_leaves_the_old_one_serving(
    shop: Make, caplog: pytest.LogCaptureFixture
) -> None:
    one = _with_second(shop())
    record = customers(1, seed=1).drop("churned").to_dicts()[0]
    graph = next((one.workspace.bundles / "2").rglob("*.onnx"))
    whole = graph.read_bytes()
    with one.serving() as url:
        promote(2, one.workspace, force=True)
        _until(url, 2, record)
        rollback(one.workspace)
        _until(url, 1, record)
        graph.write_bytes(whole + b" ")
        body = {"number": 2, "digest": "", "previous": 1, "reason": "by another program"}
        one.workspace.record("promoted", {**body, "reports": []})
        time.sleep(0.8)
        assert post(url, record)["version"] == 1
        graph.write_bytes(whole)
        _until(url, 2, record)
    assert "the old one goes on" in caplog.text


def test_a_version_that_does_not_run_is_tried_again_until_it_does(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = _with_second(shop())
    poll = live_version(one.workspace)
    assert poll() is not None
    live = Live()
    follower = Follower(poll, live)
    promote(2, one.workspace, force=True)
    with monkeypatch.context() as broken:
        broken.setattr(Model, "predict", lambda *_: np.empty(0))
        for _ in range(2):
            asyncio.run(follower.once())
            assert "loses rows" in follower.failing
            assert live.current is None
    asyncio.run(follower.once())
    assert follower.failing == ""
    assert live.current is not None
    assert live.current.version == 2


def test_a_server_never_starts_with_an_altered_bundle(shop: Make) -> None:
    one = shop()
    manifest = one.workspace.bundles / "1" / "bundle.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"shop"', b'"shoq"', 1))
    with pytest.raises(BundleError):
        application(one.workspace)


def test_a_server_may_wait_for_a_first_version(shop: Make) -> None:
    one = shop()
    one.workspace.close()
    for path in (*one.workspace.root.glob("store.db*"), one.workspace.root / "heads"):
        path.unlink()
    record = customers(1).drop("churned").to_dicts()[0]
    waiting = application(one.workspace, must_be_live=False)
    with BackgroundServer(waiting) as server, pytest.raises(HTTPError, match="503"):
        post(server.url, record)


def test_the_store_is_read_once_for_each_decision(shop: Make) -> None:
    one = _with_second(shop())
    poll = live_version(one.workspace)
    first = poll()
    assert first is not None
    assert first.version == 1
    assert poll() is None
    promote(2, one.workspace, force=True)
    second = poll()
    assert second is not None
    assert second.version == 2
    assert poll() is None
