"""A server whose disk is full: no answer without its row, no readiness, and back by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evermodel.serve import PredictionLog, read_segments
from tests.disk import fill, mounted
from tests.serve.client import Answer, Client, serving
from tests.serve.models import CHURN, churn
from tests.serve.test_protocols import INFER, tensors

READY = ("/ping", "/health", "/readyz", "/v2/health/ready", "/v2/models/churn/ready")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of its own, of 512 KiB."""
    with mounted(tmp_path / "disk") as folder:
        yield folder


def ids(folder: Path) -> set[str]:
    return {row["id"] for _, rows in read_segments(folder) for row in rows}


def until_refused(client: Client, answered: set[str]) -> Answer:
    """Ask until the last free bytes of the segment are used up; return the refusal."""
    for _ in range(200):
        answer = client.post("/predict", [CHURN] * 3)
        if answer.status != 200:
            return answer
        answered |= {said["id"] for said in answer.json()}
    raise AssertionError("the full disk was never noticed")


def until_ready(client: Client) -> None:
    until = time.monotonic() + 60
    while client.get("/ping").status != 200:
        assert time.monotonic() < until, "the server does not recover"
        time.sleep(0.02)


def test_a_full_disk_gives_no_answer_without_its_row_and_heals(
    tmp_path: Path, small_disk: Path
) -> None:
    answered: set[str] = set()
    log = PredictionLog(small_disk / "log", fsync_every=0.02)
    with serving(churn(tmp_path), log=log) as client:
        for _ in range(2):
            answered.add(client.post("/predict", CHURN).json()["id"])
            ballast = fill(small_disk)
            refused = until_refused(client, answered)
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) >= 1
            said = refused.json()
            assert "written down" in said["error"]
            assert "space" in said["found"]
            assert "come again" in said["hint"]
            assert {path: client.get(path).status for path in READY} == dict.fromkeys(READY, 503)
            assert "space" in client.get("/ping").json()["why"]
            assert client.get("/v2/health/live").status == 200
            assert client.get("/healthz").status == 200
            assert "\nevermodel_log_failing 1\n" in client.get("/metrics").body.decode()
            forms: list[tuple[str, Any]] = [
                (INFER, {"inputs": tensors([CHURN])}),
                ("/invocations", {"dataframe_records": [CHURN]}),
            ]
            for path, body in forms:
                answer = client.post(path, body)
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
                assert "written down" in answer.json()["error"]
            ballast.unlink()
            until_ready(client)
            assert {path: client.get(path).status for path in READY} == dict.fromkeys(READY, 200)
        answered.add(client.post("/predict", CHURN).json()["id"])
    assert ids(small_disk / "log") == answered


def test_a_server_that_starts_on_a_full_disk_waits_for_room(
    tmp_path: Path, small_disk: Path
) -> None:
    log = PredictionLog(small_disk / "log", fsync_every=0.02)
    ballast = fill(small_disk)
    with serving(churn(tmp_path), log=log) as client:
        assert client.get("/ping").status == 503
        assert client.post("/predict", CHURN).status == 503
        ballast.unlink()
        until_ready(client)
        answer = client.post("/predict", CHURN)
        assert answer.status == 200
    assert ids(small_disk / "log") == {answer.json()["id"]}


def test_a_long_request_is_written_down_whole_or_not_at_all(
    tmp_path: Path, small_disk: Path
) -> None:
    log = PredictionLog(small_disk / "log", fsync_every=0.02)
    with serving(churn(tmp_path), log=log) as client:
        answered = {said["id"] for said in client.post("/predict", [CHURN] * 200).json()}
        ballast = fill(small_disk, leave=96 << 10)
        refused = client.post("/predict", [CHURN] * 500)  # the first slices would find room
        assert refused.status == 503
        assert "written down" in refused.json()["error"]
        ballast.unlink()
        until_ready(client)
        answered |= {said["id"] for said in client.post("/predict", [CHURN] * 200).json()}
    assert len(answered) == 400
    assert ids(small_disk / "log") == answered
