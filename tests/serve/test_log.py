"""The prediction log: nothing answered is lost, whoever dies and whatever fills up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from evermodel.errors import SurroundingsError
from evermodel.serve import LogRow, PredictionLog, read_segments, seal_segments


def row(id_: Any) -> LogRow:
    output = {"prediction": "yes", "probability": 0.5}
    features = {"a": 1.0, "b": "line\nbreak"}
    return LogRow(
        str(id_), "t", None, "d", "champion", 1.0, 1, features, output, "yes", "/", "pass", 9
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
        "time": "t",
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


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    log.append([row(1), row(2)])
    log.close()
    (segment,) = tmp_path.glob("*.jsonl")
    segment.write_bytes(segment.read_bytes()[:-20])
    assert ids(tmp_path) == ["1"]


def test_a_damaged_line_is_said_and_the_others_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = PredictionLog(tmp_path)
    log.append([row(1), row(2), row(3)])
    log.close()
    (segment,) = tmp_path.glob("*.jsonl")
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(lines[0] + b"\x00\x00\n" + lines[2])
    assert ids(tmp_path) == ["1", "3"]
    assert "damaged" in caplog.text


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SurroundingsError, match="prediction log cannot be written"):
        PredictionLog(tmp_path / "file" / "log")


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
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=root, env={**os.environ, "PYTHONPATH": "."}
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


FULL = """
    import json, resource, sys, time
    from evermodel.serve import PredictionLog
    from tests.serve.test_log import row

    log = PredictionLog(sys.argv[1], fsync_every=0.01, buffer_bytes=20_000)
    log.append([row("before")])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, hard))
    for number in range(200):
        log.append([row(number)])
    full = [log.buffered_bytes, log.rows_lost, log.failures > 0, log.failing]
    time.sleep(0.1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    while log.buffered_bytes:
        time.sleep(0.01)
    log.append([row("after")])
    log.close()
    print(json.dumps([*full, log.rows_lost, log.failing]))
"""


def test_a_full_disk_is_bridged_in_bounded_memory_and_then_recovered_from(tmp_path: Path) -> None:
    with start(FULL, tmp_path) as writer:
        assert writer.stdout is not None
        buffered, lost, failed, why, lost_at_last, failing = json.loads(writer.stdout.read())
    assert 0 < buffered <= 20_000
    assert failed
    assert "large" in why.lower()
    assert lost == lost_at_last > 0
    assert failing == ""
    kept = ids(tmp_path)
    assert kept[0] == "before"
    assert kept[-1] == "after"
    assert len(kept) == 202 - lost
    numbers = [int(id_) for id_ in kept[1:-1]]
    assert numbers == sorted(numbers)
