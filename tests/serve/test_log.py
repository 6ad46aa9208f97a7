"""The prediction log: nothing answered is lost, whoever dies and whatever fills up."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evermodel.errors import SurroundingsError
from evermodel.serve import LogRow, PredictionLog, read_segments, seal_segments, segments

WHEN = "2026-01-31T12:00:00.000000Z"


def row(id_: Any) -> LogRow:
    output = {"prediction": "yes", "probability": 0.5}
    features = {"a": 1.0, "b": "line\nbreak"}
    return LogRow(
        str(id_), WHEN, None, "d", "champion", 1.0, 1, features, output, "yes", "/", "pass", 9
    )


def ids(folder: Path) -> list[str]:
    return [row["id"] for _, rows in read_segments(folder) for row in rows]


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    log.append([row(1), row(2)])
    log.close()
    ((name, rows),) = read_segments(tmp_path)
    assert name.endswith(".jsonl")
    assert rows[0] == json.loads(json.dumps(dict.fromkeys(rows[0]))) | {
        "id": "1",
        "time": WHEN,
        "key": None,
        "deployment": "d",
        "arm": "champion",
        "propensity": 1.0,
        "version": 1,
        "features": {"a": 1.0, "b": "line\nbreak"},
        "output": {"prediction": "yes", "probability": 0.5},
        "action": "yes",
        "route": "/",
        "gate": "pass",
        "latency_us": 9,
    }


def test_rows_are_in_the_file_before_append_returns(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, fsync_every=60)
    log.append([row(1)])
    (segment,) = tmp_path.glob("*.jsonl")
    assert b'"id":"1"' in segment.read_bytes()
    log.close()


def test_the_segment_of_a_living_writer_is_passed_by_until_it_is_sealed(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    log.append([row(1)])
    assert ids(tmp_path) == []
    log.seal()
    assert ids(tmp_path) == ["1"]
    log.append([row(2)])
    assert ids(tmp_path) == ["1"]
    assert seal_segments(tmp_path)
    assert ids(tmp_path) == ["1", "2"]
    log.close()


def test_sealing_twice_in_a_row_seals_each_time(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, fsync_every=0.01)
    for number in range(4):
        log.append([row(number)])
        assert seal_segments(tmp_path)
        assert len(ids(tmp_path)) == number + 1
    log.close()


def test_large_and_old_segments_are_sealed_by_themselves(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "large", fsync_every=0.01, segment_bytes=1000)
    for number in range(20):
        log.append([row(number)])
    log.close()
    assert len(list(read_segments(tmp_path / "large"))) > 2
    assert ids(tmp_path / "large") == [str(number) for number in range(20)]
    log = PredictionLog(tmp_path / "old", fsync_every=0.01, segment_seconds=0.02)
    log.append([row(1)])
    until = time.monotonic() + 5
    while ids(tmp_path / "old") != ["1"] and time.monotonic() < until:
        time.sleep(0.01)
    assert ids(tmp_path / "old") == ["1"]
    log.close()


def test_a_removed_segment_stays_removed_and_a_closed_log_begins_anew(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    log.append([row(1)])
    log.close()
    for name, _ in read_segments(tmp_path):
        (tmp_path / name).unlink()
    log.append([row(2)])
    log.close()
    assert ids(tmp_path) == ["2"]


def test_a_line_cut_short_is_told_apart_from_the_whole_ones(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    log.append([row(1), row(2)])
    log.close()
    (path,) = tmp_path.glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-20])
    (segment,) = segments(tmp_path)
    assert [row["id"] for row in segment.rows] == ["1"]
    assert len(segment.damaged) == 1
    assert segment.damaged[0].startswith(b'{"id":"2"')


@pytest.mark.parametrize(
    "damage",
    [
        b"\x00\x00",
        b'{"id":"2","time":"2026',
        b'{"id":"2"}',
        b"[" * 5000,
        json.dumps({**msgspec.structs.asdict(row(2)), "time": "noon"}).encode(),
        json.dumps({**msgspec.structs.asdict(row(2)), "version": "one"}).encode(),
    ],
)
def test_a_damaged_line_is_handed_over_and_the_others_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    log = PredictionLog(tmp_path)
    log.append([row(1), row(2), row(3)])
    log.close()
    (path,) = tmp_path.glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + damage + b"\n" + lines[2])
    (segment,) = segments(tmp_path)
    assert [row["id"] for row in segment.rows] == ["1", "3"]
    assert segment.damaged == [damage]
    assert ids(tmp_path) == ["1", "3"]
    assert "damaged" in caplog.text


def test_a_segment_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "0.jsonl").mkdir()
    (segment,) = segments(tmp_path)
    assert (segment.rows, segment.damaged) == ([], [])
    assert "directory" in segment.refused


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SurroundingsError, match="prediction log cannot be written"):
        PredictionLog(tmp_path / "file" / "log")


class _Disk:
    """A disk whose fsync of files or folders fails as long as it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refuses: Callable[[int], bool] = lambda mode: False
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self._sync)

    def _sync(self, handle: int) -> None:
        if self.refuses(os.fstat(handle).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._fsync(handle)


def _open_handles() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.mark.parametrize("refused", [stat.S_ISREG, stat.S_ISDIR])
def test_an_ended_segment_that_cannot_be_made_durable_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[[int], bool]
) -> None:
    disk = _Disk(monkeypatch)
    log = PredictionLog(tmp_path, fsync_every=60)
    log.append([row(1)])
    disk.refuses = refused
    log.seal()
    assert log.failing
    assert log.unsynced_bytes > 0
    assert ids(tmp_path) == []
    disk.refuses = lambda mode: False
    log.seal()
    assert log.unsynced_bytes == 0
    assert ids(tmp_path) == ["1"]
    log.close()


@pytest.mark.parametrize("refused", [stat.S_ISREG, stat.S_ISDIR])
def test_a_disk_that_refuses_to_be_synced_costs_no_handles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[[int], bool]
) -> None:
    disk = _Disk(monkeypatch)
    log = PredictionLog(tmp_path, fsync_every=60)
    before = _open_handles()
    disk.refuses = refused
    log.append([row(1)])
    for _ in range(20):
        log.seal()
    assert _open_handles() == before + 1
    log.close()
    assert _open_handles() == before
    assert ids(tmp_path) == ["1"]


SERVER = """
    import sys
    from pathlib import Path
    from evermodel.serve import App, Live, PredictionLog, serve
    from evermodel.store import SystemClock
    from tests.serve.models import echo

    home = Path(sys.argv[1])
    app = App(Live(echo(home)), PredictionLog(home / "log"), clock=SystemClock())
    serve(app, port=0, on_ready=lambda host, port: print(port, flush=True))
    print("ended", flush=True)
"""

ASKER = """
    import http.client, json, os, sys, threading
    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=5)
        for number in range(100_000):
            try:
                connection.request("POST", "/predict", json.dumps({"x": number}))
                response = connection.getresponse()
                said = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError):
                return
            line = said["id"] if response.status == 200 else "failed"
            os.write(1, f"{line}\\n".encode())  # whole lines, from many threads
    threads = [threading.Thread(target=ask) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
"""


def start(code: str, *arguments: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    root = Path(__file__).resolve().parents[2]
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env=surroundings,
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_every_answer_that_left_is_on_record_however_the_server_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    with start(SERVER, tmp_path) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        with start(ASKER, port) as asker:
            assert asker.stdout is not None
            first = [asker.stdout.readline().strip() for _ in range(200)]
            server.send_signal(number)
            answered = [*first, *asker.stdout.read().split()]
        ended = server.stdout.read()
    assert len(answered) >= 200
    assert "failed" not in answered
    assert set(answered) <= set(ids(tmp_path / "log"))
    if number == signal.SIGTERM:
        assert (server.returncode, ended) == (0, "ended\n")


LIMITED = """
    import json, resource, sys, time
    from evermodel.errors import SurroundingsError
    from evermodel.serve import PredictionLog
    from tests.serve.test_log import row

    log = PredictionLog(sys.argv[1], fsync_every=0.01)
    log.append([row("before")])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))
    refused = []
    for number in range(20):
        try:
            log.append([row(number)])
        except SurroundingsError as error:
            refused.append(number)
    full = [refused, log.rows_refused, log.failing]
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    while log.failing:
        time.sleep(0.01)
    log.append([row("after")])
    log.close()
    print(json.dumps(full))
"""


def test_rows_that_the_disk_refuses_are_refused_whole_until_it_takes_them(tmp_path: Path) -> None:
    with start(LIMITED, tmp_path, 100) as writer:
        assert writer.stdout is not None
        refused, count, why = json.loads(writer.stdout.read())
    assert refused == list(range(20))
    assert count == 20
    assert "large" in why.lower()
    assert ids(tmp_path) == ["before", "after"]


def test_a_file_that_may_not_grow_is_followed_by_another(tmp_path: Path) -> None:
    with start(LIMITED, tmp_path, 600) as writer:
        assert writer.stdout is not None
        refused, count, _ = json.loads(writer.stdout.read())
    assert (refused, count) == ([], 0)
    assert ids(tmp_path) == ["before", *map(str, range(20)), "after"]
    assert len(list(segments(tmp_path))) > 5
