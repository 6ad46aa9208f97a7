"""Batches per tick: never mixed up, never over the cap, nothing lost while versions change."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel.errors import EvermodelError, RequestError
from evermodel.serve import App, BackgroundServer, Follower, Live, PredictionLog, Served
from evermodel.serve.scoring import OverloadedError, Scorer
from evermodel.serve.segments import read_segments
from evermodel.store import SystemClock
from tests.serve.client import Client
from tests.serve.models import churn, echo


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> list[Served]:
    home = tmp_path_factory.mktemp("bundles")
    return [echo(home, version=1), echo(home, version=2), echo(home, version=3, slow=450)]


def rows(served: Served, values: list[float]) -> list[Any]:
    return served.reader.records([{"x": value} for value in values])


@settings(max_examples=40, deadline=None)
@given(
    requests=st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(0, 3)),
        min_size=1,
        max_size=60,
    ),
    batch_rows=st.sampled_from([1, 3, 8, 64]),
)
def test_answers_are_never_mixed_up_and_batches_never_over_the_cap(
    versions: list[Served], requests: list[tuple[int, int, int]], batch_rows: int
) -> None:
    scorer = Scorer(None, SystemClock(), batch_rows=batch_rows, queue_rows=10_000)

    async def ask(place: int, version: int, count: int, ticks: int) -> None:
        for _ in range(ticks):
            await asyncio.sleep(0)
        served = versions[version]
        values = [place * 100.0 + index for index in range(count)]
        scored = await scorer.score(served, rows(served, values), "/", time.perf_counter())
        answers = [output["prediction"] for output in scored.outputs]
        assert answers == [(version + 1) * 1e6 + value for value in values]

    async def ask_all() -> None:
        await asyncio.gather(*(ask(place, *asked) for place, asked in enumerate(requests)))

    asyncio.run(ask_all())
    assert scorer.waiting_rows == 0
    assert scorer.largest_batch <= batch_rows
    assert scorer.batched_rows == sum(count for _, count, _ in requests)


def test_requests_of_one_tick_share_one_run(versions: list[Served]) -> None:
    scorer = Scorer(None, SystemClock(), batch_rows=64)

    async def ask_all() -> None:
        one = versions[0]
        await asyncio.gather(*(scorer.score(one, rows(one, [1.0]), "/", 0.0) for _ in range(64)))

    asyncio.run(ask_all())
    assert (scorer.batches, scorer.largest_batch) == (1, 64)


def test_a_slow_model_leaves_the_loop_free(versions: list[Served]) -> None:
    scorer = Scorer(None, SystemClock())
    slow = versions[2]

    began = time.thread_time()
    slow.model.predict(slow.model.encode([{"x": 1.0}]))
    spent = time.thread_time() - began

    async def ask_all() -> float:
        await scorer.score(slow, rows(slow, [1.0]), "/", 0.0)  # finds out that it is slow
        asked = asyncio.ensure_future(scorer.score(slow, rows(slow, [1.0]), "/", 0.0))
        longest, last = 0.0, time.thread_time()
        while not asked.done():
            await asyncio.sleep(0)
            longest, last = max(longest, time.thread_time() - last), time.thread_time()
        return longest

    assert asyncio.run(ask_all()) < spent / 2


def test_a_full_queue_refuses_at_once_and_takes_up_again(versions: list[Served]) -> None:
    scorer = Scorer(None, SystemClock(), batch_rows=4, queue_rows=8)
    one = versions[0]

    async def ask(value: float) -> Any:
        return await scorer.score(one, rows(one, [value]), "/", 0.0)

    async def ask_all() -> list[Any]:
        found = await asyncio.gather(*map(ask, range(20)), return_exceptions=True)
        return [*found, await ask(20)]

    found = asyncio.run(ask_all())
    assert sum(isinstance(answer, OverloadedError) for answer in found) == 12
    assert found[-1].outputs == [{"prediction": 1e6 + 20}]
    assert found[0].outputs == [{"prediction": 1e6}]


def test_a_wrong_row_fails_alone_in_its_batch(tmp_path: Path) -> None:
    served = churn(tmp_path)
    scorer = Scorer(None, SystemClock())

    async def ask(joined: str | None) -> Any:
        record = {"tenure": 1, "charges": 1, "paperless": True, "plan": "a", "joined": joined}
        return await scorer.score(served, served.reader.records([record]), "/", 0.0)

    async def ask_all() -> list[Any]:
        times = [None, "never", "2026-01-01", "30.02.2026"]
        return await asyncio.gather(*map(ask, times), return_exceptions=True)

    found = asyncio.run(ask_all())
    assert [isinstance(answer, RequestError) for answer in found] == [False, True, False, True]


@pytest.mark.parametrize("place", [0, 2])
def test_a_fault_of_ours_leaves_no_request_waiting(versions: list[Served], place: int) -> None:
    scorer, served = Scorer(None, SystemClock()), versions[place]

    async def ask_all() -> list[Any]:
        async def ask(value: float) -> Any:
            scored = scorer.score(served, rows(served, [value]), "/", 0.0)
            return await asyncio.wait_for(scored, 20)

        await ask(1.0)  # finds out whether it is slow
        usual, scorer._finish = scorer._finish, _broken  # type: ignore[method-assign,assignment]
        found = await asyncio.gather(ask(1.0), ask(2.0), return_exceptions=True)
        scorer._finish = usual  # type: ignore[method-assign]
        return [*found, await ask(3.0)]

    first, second, third = asyncio.run(ask_all())
    for refused in (first, second):
        assert isinstance(refused, EvermodelError)
        assert refused.found == "no luck"
    assert third.outputs[0]["prediction"] == (place + 1) * 1e6 + 3.0


def _broken(*_: object) -> None:
    raise LookupError("no luck")


def test_a_row_that_breaks_the_model_fails_alone_in_its_batch(tmp_path: Path) -> None:
    served = echo(tmp_path, brittle=True)
    scorer = Scorer(None, SystemClock())

    async def ask_all() -> list[Any]:
        asked = (scorer.score(served, rows(served, [v]), "/", 0.0) for v in (11.0, 13.0, 12.0))
        return await asyncio.gather(*asked, return_exceptions=True)

    first, second, third = asyncio.run(ask_all())
    assert first.outputs == [{"prediction": 1e6 + 11}]
    assert isinstance(second, EvermodelError)
    assert third.outputs == [{"prediction": 1e6 + 12}]


def test_versions_change_under_load_without_a_failed_or_wrong_answer(
    versions: list[Served], tmp_path: Path
) -> None:
    live = Live(versions[0])
    wanted = {"version": 1}

    def poll() -> Served | None:
        if live.current is not None and live.current.version == wanted["version"]:
            return None
        return versions[wanted["version"] - 1]

    log = PredictionLog(tmp_path / "log")
    app = App(live, log, clock=SystemClock(), follower=Follower(poll, live, every=0.005))
    answered: dict[str, int] = {}

    async def ask(url: str, until: float) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        while time.perf_counter() < until:
            body = b'{"x": 7}'
            head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n"
            writer.write(head.encode() + body)
            head_back = await reader.readuntil(b"\r\n\r\n")
            assert head_back.startswith(b"HTTP/1.1 200")
            length = int(head_back.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            said = json.loads(await reader.readexactly(length))
            assert said["prediction"] == said["version"] * 1e6 + 7
            answered[said["id"]] = said["version"]
        writer.close()
        await writer.wait_closed()

    async def ask_all(url: str) -> None:
        until = time.perf_counter() + 1.5
        asking = asyncio.gather(*(ask(url, until) for _ in range(8)))
        while time.perf_counter() < until:
            wanted["version"] = 3 - wanted["version"]
            await asyncio.sleep(0.03)
        await asking

    with BackgroundServer(app) as server:
        asyncio.run(ask_all(server.url))
    assert live.swaps >= 10
    assert set(answered.values()) == {1, 2}
    logged = {
        row["id"]: row["version"] for _, rows in read_segments(tmp_path / "log") for row in rows
    }
    assert logged == answered


def test_a_poll_that_fails_leaves_the_old_version_serving_and_shows(
    versions: list[Served], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = Live(versions[0])

    def poll() -> Served | None:
        raise OSError("the registry does not answer")

    app = App(live, None, clock=SystemClock(), follower=Follower(poll, live, every=0.01))
    with BackgroundServer(app) as server:
        client = Client(server.url)
        time.sleep(0.1)
        assert client.post("/predict", {"x": 1}).json()["version"] == 1
        text = client.get("/metrics").body.decode()
        client.connection.close()
    assert "\nevermodel_follower_failing 1\n" in text
    said = [record for record in caplog.records if "the registry does not answer" in record.message]
    assert len(said) == 1


def test_a_version_that_does_not_run_is_never_put_live(
    versions: list[Served], tmp_path: Path
) -> None:
    live = Live(versions[0])
    broken = echo(tmp_path, version=2, brittle=True)

    def poll() -> Served:
        broken.warm()
        return broken

    follower = Follower(poll, live)
    asyncio.run(follower.once())
    assert live.current is versions[0]
    assert "the model does not run" in follower.failing
