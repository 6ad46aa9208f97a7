"""Where events of lineage go: a file that holds against crashes, and a server that costs no run."""

import fcntl
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from evermodel.store.lineage import Lineage, lineage, run_event, run_uuid, send
from evermodel.store.lineage_log import append_event, client_event
from tests.disk import fill, mounted
from tests.store.lineage_client import serving
from tests.store.lineage_events import a_run, every_event, plain


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE_")]:
        monkeypatch.delenv(name)


def test_what_the_official_client_writes_to_the_file_is_read_with_ours(tmp_path: Path) -> None:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport

    start, complete = every_event()[:2]
    kept = Lineage(tmp_path, "churn")
    assert kept.emit(complete) == ""
    place = FileTransport(FileConfig(log_file_path=str(kept.path), append=True))
    OpenLineageClient(transport=place).emit(client_event(start))
    read = lineage(tmp_path)
    assert [event.event_type for event in read] == ["START", "COMPLETE"]
    assert read[1] == complete
    assert read[0].inputs == start.inputs
    assert read[0].run.run_id == start.run.run_id


def test_a_server_gets_what_the_file_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(os.environ)
    with serving(monkeypatch, key="k1") as server:
        kept = Lineage(tmp_path, "churn")
        assert [kept.emit(event) for event in every_event()] == [""] * 6
        lines = kept.path.read_text(encoding="utf-8").splitlines()
        assert [body for _, _, body in server.got] == [json.loads(line) for line in lines]
        assert {(path, key) for path, key, _ in server.got} == {
            ("/api/v1/lineage", "Bearer k1"),
        }
        set_here = {"OPENLINEAGE_URL": server.url, "OPENLINEAGE_API_KEY": "k1"}
        assert dict(os.environ) == {**before, **set_here}


def test_the_official_client_sends_our_events_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    with serving(monkeypatch) as server:
        client = OpenLineageClient(transport=HttpTransport(HttpConfig(url=server.url)))
        client.emit(client_event(every_event()[1]))
        client.close()
        (path, _, body), sent = server.got[0], plain(every_event()[1])
        assert path == "/api/v1/lineage"
        assert (body["inputs"], body["outputs"]) == (sent["inputs"], sent["outputs"])


def test_nothing_is_sent_where_no_server_is_set_or_lineage_is_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(monkeypatch) as server:
        monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
        assert send(every_event()) == ""
        monkeypatch.delenv("OPENLINEAGE_DISABLED")
        monkeypatch.delenv("OPENLINEAGE_URL")
        assert send(every_event()) == ""
        assert server.got == []


def test_a_server_that_refuses_is_told_of_and_the_events_can_be_sent_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(monkeypatch) as server:
        server.status = 503
        kept = Lineage(tmp_path, "churn")
        said = kept.emit(every_event()[0])
        assert said == (
            f"the lineage server refused the event (HTTP 503); it is kept in {kept.path}"
        )
        assert len(server.got) == 1
        server.status = 201
        assert send(lineage(tmp_path)) == ""
        assert server.got[1][2] == plain(every_event()[0])


def test_a_server_that_is_away_costs_no_run_and_its_password_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("http://me:secret@127.0.0.1:9", "http://secret@127.0.0.1:9", "no address"):
        monkeypatch.setenv("OPENLINEAGE_URL", url)
        said = Lineage(tmp_path, "churn").emit(every_event()[0])
        assert "cannot be reached" in said
        assert "it is kept in" in said
        assert "secret" not in said
    assert len(lineage(tmp_path)) == 3


@pytest.mark.parametrize("pause", [0.2, 30.0], ids=["a byte now and then", "silence"])
def test_a_server_that_dawdles_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    with serving(monkeypatch) as server:
        assert Lineage(tmp_path / "first", "churn").emit(every_event()[0]) == ""
        server.pause = pause
        begun = time.monotonic()
        said = Lineage(tmp_path, "churn", patience=0.5).emit(every_event()[0])
        assert time.monotonic() - begun < 20
        assert "lineage server" in said
        assert len(lineage(tmp_path)) == 1


def test_without_the_client_the_event_is_kept_and_the_missing_part_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "openlineage.client.transport.http", None)
    said = Lineage(tmp_path, "churn").emit(every_event()[0])
    assert "pip install 'evermodel[lineage]'" in said
    assert len(lineage(tmp_path)) == 1


def test_the_file_alone_needs_neither_the_client_nor_a_table_library() -> None:
    code = "import sys, evermodel.store.lineage; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"openlineage", "requests", "attr", "polars", "numpy", "pyarrow", "yaml"}
    assert not heavy & set(done.stdout.split())


def test_a_line_cut_anywhere_is_passed_over_and_mended_by_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "lineage" / "churn.jsonl"
    first, second, third = every_event()[:3]
    append_event(path, first)
    begin = path.stat().st_size
    append_event(path, second)
    whole = path.read_bytes()
    for cut in {*range(begin, len(whole), 97), begin + 1, len(whole) - 2, len(whole) - 1}:
        path.write_bytes(whole[:cut])
        assert lineage(tmp_path) == [first]
        append_event(path, third)
        # The whole event was there and only its end was not: it is kept.
        saved = [second] if cut == len(whole) - 1 else []
        assert lineage(tmp_path) == [first, *saved, third]
        assert path.read_bytes().endswith(b"\n")


def test_a_torn_line_longer_than_one_look_back_is_cut_off_whole(tmp_path: Path) -> None:
    path = tmp_path / "lineage" / "churn.jsonl"
    append_event(path, every_event()[0])
    with path.open("ab") as file:
        file.write(b'{"eventType":"' + b"x" * 300_000)
    append_event(path, every_event()[1])
    assert lineage(tmp_path) == every_event()[:2]
    assert path.read_bytes().count(b"\n") == 2
    assert path.read_bytes().endswith(b"}\n")


def test_a_line_that_is_no_event_is_passed_over_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "lineage" / "churn.jsonl"
    append_event(path, every_event()[0])
    with path.open("ab") as file:
        file.write(b'{"eventType": "START"}\n\xff\xfe\n\n')
    append_event(path, every_event()[1])
    assert lineage(tmp_path) == every_event()[:2]
    assert [record.getMessage().split(" ")[0] for record in caplog.records] == [
        f"{path}:2",
        f"{path}:3",
    ]


def _write_many(folder: str, worker: int, start: Any) -> None:
    start.wait(120)
    for number in range(25):
        run = a_run(id=f"{worker}-{number}")
        append_event(Path(folder, "lineage", "churn.jsonl"), run_event(run, "START"), patience=60)


def test_writers_side_by_side_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    workers = [
        context.Process(target=_write_many, args=(str(tmp_path), number, start))
        for number in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    told = {event.run.run_id for event in lineage(tmp_path)}
    wanted = {run_uuid(a_run(id=f"{w}-{n}")) for w in range(3) for n in range(25)}
    assert told == wanted
    assert len(lineage(tmp_path)) == 75


def test_nobody_writes_while_another_one_does(tmp_path: Path) -> None:
    kept = Lineage(tmp_path, "churn", patience=0.05)
    kept.emit(every_event()[0])
    before = kept.path.read_bytes()
    with kept.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        said = kept.emit(every_event()[1])
        assert "another program holds the lineage file and does not let go" in said
        assert kept.path.read_bytes() == before
    assert kept.emit(every_event()[1]) == ""
    assert lineage(tmp_path) == every_event()[:2]


_FOR_EVER = """
import sys
from pathlib import Path
from evermodel.records import Run
from evermodel.store.lineage import run_event
from evermodel.store.lineage_log import append_event
number = 0
while True:
    run = Run(id=str(number), verb="train", project="churn", started="2026-11-03T09:00:00Z")
    append_event(Path(sys.argv[1], "lineage", "churn.jsonl"), run_event(run, "START"))
    print(number, flush=True)
    number += 1
"""


def test_a_writer_killed_at_any_moment_leaves_all_that_it_has_acknowledged(tmp_path: Path) -> None:
    for wait in (0.0, 0.013, 0.051):
        folder = tmp_path / str(wait)
        command = [sys.executable, "-c", _FOR_EVER, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(wait)
            writer.send_signal(signal.SIGKILL)
            said = [0, *(int(line) for line in writer.stdout.read().split())]
        append_event(folder / "lineage" / "churn.jsonl", every_event()[0])
        told = {event.run.run_id for event in lineage(folder)}
        assert {run_uuid(a_run(id=str(number))) for number in said} <= told
        assert len(told) in (len(said) + 1, len(said) + 2)


def test_a_full_disk_costs_the_run_nothing_and_tears_no_line(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk") as folder:
        kept = Lineage(folder, "churn")
        assert kept.emit(every_event()[0]) == ""
        ballast = fill(folder)
        wide = {f"{number:04}": number for number in range(1000)}
        said = kept.emit(run_event(a_run(parameters=wide), "START"))
        assert said.startswith("the lineage of this run is not kept: there is no space left")
        assert lineage(folder) == [every_event()[0]]
        ballast.unlink()
        assert kept.emit(every_event()[1]) == ""
        assert lineage(folder) == every_event()[:2]


def test_a_place_that_cannot_be_written_costs_the_run_nothing(tmp_path: Path) -> None:
    (tmp_path / "lineage").write_text("a file where the folder should be")
    said = Lineage(tmp_path, "churn").emit(every_event()[0])
    assert said.startswith("the lineage of this run is not kept")
