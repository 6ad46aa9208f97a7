"""The ledger as its users see it: what is appended is there, in order, and stays."""

import math
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evermodel.errors import InputError, NotFoundError, SurroundingsError
from evermodel.protocols import Ledger
from evermodel.records import CheckResult, worst
from evermodel.store import FixedClock, MemoryLedger, SqliteLedger
from tests.store.workspace import NOON, open_ledger


@pytest.fixture(params=["sqlite", "memory"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteLedger | MemoryLedger]:
    if request.param == "memory":
        yield MemoryLedger(FixedClock(NOON))
        return
    with open_ledger(tmp_path) as opened:
        yield opened


def test_a_ledger_is_a_ledger(ledger: SqliteLedger | MemoryLedger) -> None:
    assert isinstance(ledger, Ledger)
    ledger.close()


def test_an_event_is_returned_as_it_is_stored(ledger: SqliteLedger | MemoryLedger) -> None:
    result = CheckResult(name="roc_auc", value=math.nan)
    body: dict[Any, Any] = {"results": (result,), 7: 2**70}
    event = ledger.append("churn", "trained", body, actor="ü")
    assert event == next(iter(ledger.events("churn")))
    assert event.time == "2026-11-03T12:00:00.000000Z"
    assert event.body["7"] == 2**70
    assert event.body["results"][0]["value"] is None


def test_events_are_chosen_by_project_kind_and_seq(ledger: SqliteLedger | MemoryLedger) -> None:
    for number in range(6):
        project, kind = ("a", "b")[number % 2], ("trained", "labels")[number // 3]
        ledger.append(project, kind, {"number": number}, actor="me")
    assert [event.seq for event in ledger.events("a")] == [1, 3, 5]
    assert [event.seq for event in ledger.events("a", after=1)] == [3, 5]
    assert [event.seq for event in ledger.events("a", kind="labels")] == [5]
    assert [event.seq for event in ledger.events("a", kind="trained", after=1)] == [3]
    assert list(ledger.events("unknown")) == []


def test_the_chain_of_a_fresh_ledger_holds(ledger: SqliteLedger | MemoryLedger) -> None:
    assert worst(ledger.verify()) == "pass"
    first = ledger.append("churn", "trained", {}, actor="me")
    second = ledger.append("bike", "trained", {}, actor="me")
    assert (first.seq, second.seq, second.previous) == (1, 2, first.hash)
    assert worst(ledger.verify("churn")) == "pass"


def test_the_newest_seq_of_some_kinds_is_told(ledger: SqliteLedger | MemoryLedger) -> None:
    kinds = ("promoted", "rolled_back")
    assert ledger.last_seq("churn", kinds) == 0
    ledger.append("churn", "promoted", {}, actor="me")
    ledger.append("churn", "labels", {}, actor="me")
    ledger.append("bike", "promoted", {}, actor="me")
    assert ledger.last_seq("churn", kinds) == 1
    assert ledger.last_seq("churn", ()) == 0
    ledger.append("churn", "rolled_back", {}, actor="me")
    assert ledger.last_seq("churn", kinds) == 4


@pytest.mark.parametrize("body", [{"a": object()}, {"a": "\ud800"}, {(1, 2): 3}])
def test_a_body_that_is_not_json_is_refused_and_nothing_is_written(
    ledger: SqliteLedger | MemoryLedger, body: dict[str, object]
) -> None:
    with pytest.raises(InputError, match="cannot be written as JSON"):
        ledger.append("churn", "trained", body, actor="me")
    assert list(ledger.events("churn")) == []
    assert worst(ledger.verify()) == "pass"


def test_many_events_are_read_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evermodel.store.ledger._PAGE", 4)
    with open_ledger(tmp_path, events=9) as ledger:
        assert [event.seq for event in ledger.events("churn")] == list(range(1, 10))
        assert [event.seq for event in ledger.events("churn", kind="trained")] == [2, 4, 6, 8]


def test_a_reader_sees_what_another_process_appends(tmp_path: Path) -> None:
    with open_ledger(tmp_path, events=2) as ledger, open_ledger(tmp_path, read_only=True) as reader:
        assert reader.last_seq("churn", ("trained",)) == 2
        ledger.append("churn", "trained", {}, actor="me")
        assert reader.last_seq("churn", ("trained",)) == 3
        assert worst(reader.verify()) == "pass"
        with pytest.raises(SurroundingsError, match="cannot be written"):
            reader.append("churn", "trained", {}, actor="me")
        assert worst(ledger.verify()) == "pass"


def test_a_reader_does_not_make_a_store(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        open_ledger(tmp_path, read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_events_may_not_be_changed_or_deleted_by_accident(tmp_path: Path) -> None:
    with open_ledger(tmp_path, events=1):
        pass
    connection = sqlite3.connect(tmp_path / "store.db")
    for statement in ("DELETE FROM event", "UPDATE event SET actor = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SurroundingsError, match="newer Evermodel"):
        open_ledger(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database, but long enough to be read as one" * 40)
    with pytest.raises(SurroundingsError, match="damaged"):
        open_ledger(tmp_path)


def _append(folder: Path, project: str, count: int) -> None:
    with open_ledger(folder) as ledger:
        for number in range(count):
            ledger.append(project, "labels", {"number": number}, actor="test")


def _together(*tasks: tuple[Callable[..., None], tuple[object, ...]]) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=target, args=args) for target, args in tasks]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(processes)


def test_two_processes_that_append_at_once_lose_nothing(tmp_path: Path) -> None:
    _together((_append, (tmp_path, "a", 50)), (_append, (tmp_path, "b", 50)))
    with open_ledger(tmp_path) as ledger:
        for project in "ab":
            numbers = [event.body["number"] for event in ledger.events(project)]
            assert numbers == list(range(50))
        assert worst(ledger.verify()) == "pass"
        assert ledger.append("a", "labels", {}, actor="test").seq == 101


def test_a_fork_opens_a_connection_of_its_own(tmp_path: Path) -> None:
    with open_ledger(tmp_path, events=1) as ledger:
        fork = multiprocessing.get_context("fork")
        process = fork.Process(target=ledger.append, args=("a", "b", {}), kwargs={"actor": "c"})
        process.start()
        process.join()
        assert process.exitcode == 0
        assert ledger.append("a", "b", {}, actor="c").seq == 3
        assert worst(ledger.verify()) == "pass"


_LOOP = """
import sys
from pathlib import Path
from tests.store.workspace import open_ledger
with open_ledger(Path(sys.argv[1])) as ledger:
    while True:
        print(ledger.append("churn", "labels", {"pad": "x" * 500}, actor="test").hash, flush=True)
"""


@pytest.mark.parametrize("after", [1, 7, 23])
def test_a_killed_writer_loses_no_event_that_was_acknowledged(tmp_path: Path, after: int) -> None:
    command = [sys.executable, "-c", _LOOP, str(tmp_path)]
    acknowledged: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged.extend(process.stdout.readline().strip() for _ in range(after))
        # Somewhere inside an append, not always at the same place of it.
        time.sleep(0.0007 * after)
        os.kill(process.pid, signal.SIGKILL)
        acknowledged.extend(line.strip() for line in process.stdout if line.endswith("\n"))
    with open_ledger(tmp_path) as ledger:
        assert worst(ledger.verify()) == "pass"
        stored = [event.hash for event in ledger.events("churn")]
        assert stored[: len(acknowledged)] == acknowledged
        assert len(stored) - len(acknowledged) <= 1
        ledger.append("churn", "labels", {}, actor="test")
        assert worst(ledger.verify()) == "pass"


def test_an_event_can_be_checked_with_other_tools(tmp_path: Path) -> None:
    import hashlib
    import json

    with open_ledger(tmp_path, events=2) as ledger:
        event = list(ledger.events("churn"))[1]
    fields = msgspec.to_builtins(event)
    for name in ("hash", "signature"):
        del fields[name]
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(b"evermodel.event/1\n" + text.encode()).hexdigest() == event.hash
