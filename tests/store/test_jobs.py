"""Jobs: one holder at a time, and a holder that was overtaken never writes again."""

import multiprocessing
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evermodel.errors import BusyError, InputError, NotFoundError
from evermodel.protocols import Jobs
from evermodel.store import FixedClock, MemoryJobs, SqliteJobs
from evermodel.store.database import Database
from evermodel.store.holders import gone, holder
from tests.store.workspace import NOON


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture(params=["sqlite", "memory"])
def jobs(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock
) -> Iterator[SqliteJobs | MemoryJobs]:
    if request.param == "memory":
        yield MemoryJobs(clock)
        return
    with SqliteJobs(tmp_path / "store.db", clock) as opened:
        yield opened


def test_jobs_are_jobs(jobs: SqliteJobs | MemoryJobs) -> None:
    assert isinstance(jobs, Jobs)


def test_a_job_runs_from_start_to_end(jobs: SqliteJobs | MemoryJobs, clock: FixedClock) -> None:
    job = jobs.start("churn", "train", seconds=60)
    assert (job.state, job.token, job.lease_until) == ("running", 1, NOON.timestamp() + 60)
    clock.advance(30)
    job = jobs.update(job, step="search", progress=0.5)
    assert job.lease_until == NOON.timestamp() + 90
    job = jobs.update(job, state="done", progress=1.0, result="digest")
    assert jobs.get(job.id) == job
    assert (job.state, job.step, job.result) == ("done", "search", "digest")
    assert job.created < job.updated
    assert jobs.start("churn", "train", seconds=60).token == 2


def test_a_living_holder_keeps_the_work_to_itself(jobs: SqliteJobs | MemoryJobs) -> None:
    job = jobs.update(jobs.start("churn", "train", seconds=60), step="search", progress=0.25)
    with pytest.raises(BusyError, match="train is already running for churn") as caught:
        jobs.start("churn", "train", seconds=60)
    assert "step search, 25% done" in str(caught.value)
    jobs.start("churn", "monitor", seconds=60)
    jobs.start("bike", "train", seconds=60)
    assert jobs.get(job.id).state == "running"


def test_a_lease_that_ran_out_is_taken_over_and_the_first_holder_is_fenced_off(
    jobs: SqliteJobs | MemoryJobs, clock: FixedClock
) -> None:
    slow = jobs.start("churn", "train", seconds=60)
    clock.advance(61)
    quick = jobs.start("churn", "train", seconds=60)
    assert quick.token > slow.token
    with pytest.raises(BusyError, match="no longer held") as caught:
        jobs.update(slow, state="done")
    assert "another one took over" in str(caught.value)
    assert jobs.get(slow.id).state == "failed"
    assert jobs.update(quick, state="done").state == "done"


def test_a_lease_that_ran_out_and_was_not_taken_can_be_renewed(
    jobs: SqliteJobs | MemoryJobs, clock: FixedClock
) -> None:
    job = jobs.start("churn", "train", seconds=60)
    clock.advance(3600)
    job = jobs.update(job, progress=0.5)
    with pytest.raises(BusyError):
        jobs.start("churn", "train", seconds=60)


def test_what_has_ended_stays_as_it_ended(jobs: SqliteJobs | MemoryJobs) -> None:
    job = jobs.update(jobs.start("churn", "train", seconds=60), state="failed", error="no disk")
    with pytest.raises(BusyError, match="no longer held") as caught:
        jobs.update(job, state="done")
    assert "failed: no disk" in str(caught.value)
    assert jobs.get(job.id) == job


def test_an_unknown_job_is_said_to_be_so(jobs: SqliteJobs | MemoryJobs) -> None:
    with pytest.raises(NotFoundError, match="no such job"):
        jobs.get("nothing")


@pytest.mark.parametrize("changes", [{"token": 9}, {"state": "asleep"}, {"progress": "half"}])
def test_a_holder_cannot_write_what_is_not_its_own(
    jobs: SqliteJobs | MemoryJobs, changes: dict[str, object]
) -> None:
    job = jobs.start("churn", "train", seconds=60)
    with pytest.raises(InputError):
        jobs.update(job, **changes)
    assert jobs.get(job.id) == job


def test_a_holder_is_known_by_more_than_its_number() -> None:
    host, pid, began = holder().rsplit(":", 2)
    assert not gone(holder())
    assert gone(f"{host}:{2**22 + 7}:{began}")
    assert not gone(f"another-{host}:{pid}:1")
    if began:
        assert gone(f"{host}:{pid}:{int(began) + 1}")


_HOLDER = """
import sys, time
from pathlib import Path
from evermodel.store import SqliteJobs, SystemClock
with SqliteJobs(Path(sys.argv[1]), SystemClock()) as jobs:
    print(jobs.start("churn", "train", seconds=3600).id, flush=True)
    time.sleep(600)
"""


def test_the_work_of_a_killed_holder_is_taken_over_at_once(tmp_path: Path) -> None:
    from evermodel.store import SystemClock

    path = tmp_path / "store.db"
    command = [sys.executable, "-c", _HOLDER, str(path)]
    with SqliteJobs(path, SystemClock()) as jobs:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            old = process.stdout.readline().strip()
            with pytest.raises(BusyError):
                jobs.start("churn", "train", seconds=60)
            os.kill(process.pid, 9)
            process.wait()
        new = jobs.start("churn", "train", seconds=60)
        assert jobs.get(old).state == "failed"
        assert new.token == jobs.get(old).token + 1


def _start(path: Path, results: "multiprocessing.Queue[str]") -> None:
    from evermodel.store import SystemClock

    with SqliteJobs(path, SystemClock()) as jobs:
        try:
            jobs.start("churn", "train", seconds=60)
        except BusyError:
            results.put("busy")
        else:
            results.put("holds")
        results.put("ended")
        # The holder lives until the other one has tried.
        while results.qsize() < 4:
            pass


def test_of_two_that_start_at_once_one_holds(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[str] = spawn.Queue()
    processes = [
        spawn.Process(target=_start, args=(tmp_path / "store.db", results)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    found = sorted(results.get() for _ in range(4))
    assert found == ["busy", "ended", "ended", "holds"]


def test_a_store_that_nobody_closes_is_closed_when_nobody_has_it(tmp_path: Path) -> None:
    store = Database(tmp_path / "store.db")
    with store.read() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    del store
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
