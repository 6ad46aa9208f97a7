"""kill -9 in the middle of the work: what was is whole, and the same command works again."""

import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evermodel.loop.predictions import compact, logged
from evermodel.loop.registry import mirror
from evermodel.loop.releasing import register
from evermodel.loop.state import State, read_state
from evermodel.loop.telling import status, verify_ledger
from evermodel.loop.training import train
from evermodel.loop.workspace import Workspace, open_workspace
from evermodel.records import Job
from tests.cli.shell import PROGRAM, evermodel, served, surroundings
from tests.jobs import jobs_of
from tests.loop.shop import answers, customers, post, setting

pytestmark = pytest.mark.slow

RECORD = customers(1).drop("churned").to_dicts()[0]


@pytest.fixture(scope="module")
def trained(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose version 1 is live and that has a newer candidate."""
    folder = shutil.copytree(released, tmp_path_factory.mktemp("trained") / "shop")
    with open_workspace(folder) as workspace:
        train(workspace, seed=1)
    return folder


@pytest.fixture(scope="module")
def registered(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose version 1 is live and whose version 2 waits."""
    folder = shutil.copytree(trained, tmp_path_factory.mktemp("registered") / "shop")
    with open_workspace(folder) as workspace:
        register("", workspace)
    return folder


@contextmanager
def _killed(folder: Path, *words: str, when: Callable[[Job], bool], later: float) -> Iterator[None]:
    """Start a command, and kill it so long after its job was seen to be as `when` says."""
    process = subprocess.Popen(
        [PROGRAM, *words],
        cwd=folder, env=surroundings(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    verb, end = words[0], time.monotonic() + 60
    try:
        root = folder / ".evermodel"
        known = {job.id for job in jobs_of(root)}
        while process.poll() is None and time.monotonic() < end:
            new = [j for j in jobs_of(root) if j.verb == verb and j.id not in known]
            if any(map(when, new)):
                break
            time.sleep(0.005)
        time.sleep(later)
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _kill(
    folder: Path, *words: str, when: Callable[[Job], bool] = lambda job: True, later: float = 0.0
) -> None:
    with _killed(folder, *words, when=when, later=later):
        pass


def _whole(workspace: Workspace) -> State:
    """Check that everything that was decided is there and fits together; return it."""
    assert verify_ledger(workspace).verdict == "pass"
    assert status(workspace).verdict != "fail"
    state = read_state(workspace)
    for number in state.versions:
        assert (workspace.bundles / str(number) / "bundle.json").exists()
    assert state.live in state.versions
    return state


def _mirrored(workspace: Workspace) -> tuple[list[int], dict[str, int]]:
    """Return the numbers of the versions in MLflow, and its aliases."""
    from mlflow import MlflowClient

    assert mirror(workspace) == ()
    assert workspace.ports.registry is not None
    address = f"sqlite:///{workspace.root.absolute()}/mlflow.db"
    found = MlflowClient(address, address).search_model_versions("name='shop'")
    numbers = sorted(int(version.tags["evermodel.number"]) for version in found)
    return numbers, workspace.ports.registry.aliases("shop")


@pytest.mark.parametrize(
    ("name", "when", "later"),
    [
        ("at the start", lambda job: True, 0.0),
        ("while searching", lambda job: job.progress > 0.03, 0.05),
        ("while tracking", lambda job: job.progress > 0.9, 0.4),
    ],
)
def test_killed_while_training(
    live: Path, name: str, when: Callable[[Job], bool], later: float
) -> None:
    _kill(live, "train", when=when, later=later)
    with open_workspace(live) as workspace:
        state = _whole(workspace)
        assert (state.live, set(state.versions)) == (1, {1})
        before = len(state.candidates)
    done = evermodel("train", folder=live)
    assert done.code == 0, done.err
    with open_workspace(live) as workspace:
        assert len(_whole(workspace).candidates) == before + 1
        assert register("", workspace).facts["version"] == 2


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_registering(trained: Path, tmp_path: Path, seed: int) -> None:
    folder = shutil.copytree(trained, tmp_path / "shop")
    _kill(folder, "register", later=random.Random(seed).uniform(0, 0.3 * seed))
    with open_workspace(folder) as workspace:
        assert _whole(workspace).live == 1
    done = evermodel("register", folder=folder)
    assert done.code == 0, done.err
    with open_workspace(folder) as workspace:
        assert set(_whole(workspace).versions) == {1, 2}
        assert [event.body["number"] for event in workspace.events("registered")] == [1, 2]
        assert sorted(path.name for path in workspace.bundles.iterdir()) == ["1", "2"]
        assert _mirrored(workspace) == ([1, 2], {"champion": 1, "challenger": 2})


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_promoting(registered: Path, tmp_path: Path, seed: int) -> None:
    folder = shutil.copytree(registered, tmp_path / "shop")
    words = ("promote", "2", "--force")
    _kill(folder, *words, later=random.Random(seed).uniform(0, 0.3 * seed))
    with open_workspace(folder) as workspace:
        assert _whole(workspace).live in (1, 2)
    done = evermodel(*words, folder=folder)
    assert done.code == 0, done.err
    with open_workspace(folder) as workspace:
        assert _whole(workspace).live == 2
        assert [event.body["number"] for event in workspace.events("promoted")] == [1, 2]
        assert _mirrored(workspace) == ([1, 2], {"champion": 2})


def test_serving_goes_on_while_promotions_are_killed(registered: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(registered, tmp_path / "shop")
    with served(folder) as (url, _):
        for later in (0.0, 0.1):
            with _killed(folder, "promote", "2", "--force", when=lambda job: True, later=later):
                assert post(url, RECORD)["version"] in (1, 2)
            with open_workspace(folder) as workspace:
                decided = _whole(workspace).live
            _until(url, decided or 0)
        assert evermodel("promote", "2", "--force", folder=folder).code == 0
        _until(url, 2)


def _until(url: str, version: int) -> None:
    end = time.monotonic() + 30
    while post(url, RECORD)["version"] != version:
        assert time.monotonic() < end, f"version {version} is not served"
        time.sleep(0.02)


@pytest.mark.parametrize("seed", range(2))
def test_no_answer_that_left_a_killed_server_is_lost(live: Path, seed: int) -> None:
    records = customers(40, seed=seed).drop("churned").to_dicts()
    given: list[Any] = []

    def client(url: str) -> None:
        while True:
            try:
                given.extend(answers(url, records, many=7))
            except (OSError, HTTPException, ValueError):
                return

    with served(live) as (url, server):
        threads = [threading.Thread(target=client, args=(url,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(random.Random(seed).uniform(0.3, 1.0))
        server.end(signal.SIGKILL)
        for thread in threads:
            thread.join()
    assert len(given) > 50
    with served(live) as (url, _):
        given += answers(url, records)
        with open_workspace(live) as workspace:
            compact(workspace)
            log = logged(workspace)
            assert log is not None
            ids = log["id"].to_list()
            assert {answer["id"] for answer in given} <= set(ids)
            assert len(ids) == len(set(ids))
            assert _whole(workspace).live == 1


def test_a_killed_turn_of_the_loop_is_taken_up_by_the_next(live: Path) -> None:
    for progress in (0.0, 0.05):
        _kill(live, "run", when=lambda job, least=progress: job.progress >= least)  # type: ignore[misc]
    done = evermodel("run", "--json", folder=live)
    assert done.code == 0, done.err
    assert done.document["facts"]["decision"] == "none"
    with open_workspace(live) as workspace:
        assert _whole(workspace).live == 1


@pytest.mark.parametrize("seed", range(4))
def test_killed_while_rows_that_were_set_aside_are_taken_back(live: Path, seed: int) -> None:
    setting(live, "data", 'gate_scoring = "quarantine"')
    setting(live, "data", 'checks = ["amount is at most 100"]')
    rows = customers(500, seed=7, first=50_000).drop("churned")
    rows.write_csv(live / "new.csv")
    moment = random.Random(seed)
    _shot(live, "score", "new.csv", "out.csv", later=moment.uniform(0.3, 2.5))
    assert evermodel("score", "new.csv", "out.csv", folder=live).code == 0
    (aside,) = (live / ".evermodel" / "quarantine" / "shop").glob("score-*.csv")
    sheet = pl.read_csv(aside, infer_schema=False)
    assert 0 < sheet.height < 500
    sheet.with_columns(amount=pl.lit("50")).write_csv(aside)
    words = ("data", "replay-quarantine", str(aside))
    for _ in range(2):
        _shot(live, *words, later=moment.uniform(0.3, 2.5))
    done = evermodel(*words, folder=live)
    assert done.code == 0, done.err
    outputs = [live / "out.csv", *live.glob("out.*-*.csv")]
    scored = pl.concat([pl.read_csv(path)["customer"] for path in outputs])
    assert sorted(scored.to_list()) == rows["customer"].to_list()
    with open_workspace(live) as workspace:
        log = logged(workspace)
        assert log is not None
        assert sorted(log["key"]) == [f'{{"customer":"{name}"}}' for name in rows["customer"]]
        assert not list(workspace.set_aside.glob("*.parquet"))


def _shot(folder: Path, *words: str, later: float) -> None:
    """Start a command, and kill it so long after."""
    process = subprocess.Popen(
        [PROGRAM, *words],
        cwd=folder, env=surroundings(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(later)
    process.send_signal(signal.SIGKILL)
    process.wait()
