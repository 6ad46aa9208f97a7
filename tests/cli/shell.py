"""The command as a person calls it: in a process of its own."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

PROGRAM = Path(sys.executable).with_name("evermodel")
SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "reference" / "output.schema.json").read_text()
)


@dataclass(frozen=True)
class Done:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output, checked against its schema."""
        document = json.loads(self.out)
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
        return document

    def refuses(self, *words: str, code: int = 2) -> Done:
        """Check that it is a clear refusal, in these words, without a traceback."""
        assert self.code == code, f"{self.code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.err + self.out, self.err
        for word in words:
            assert word in self.err + self.out, f"{word!r} is not in\n{self.err}\n{self.out}"
        return self


def surroundings(**changes: str) -> dict[str, str]:
    """Return an environment without what would change the answers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**kept, **changes}


def evermodel(*words: str | Path, folder: Path, timeout: float = 240, **environment: str) -> Done:
    """Run one command in a folder."""
    done = subprocess.run(
        [PROGRAM, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=surroundings(**environment),
        timeout=timeout,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


class Running:
    """A command that goes on, such as `evermodel serve`, and its lines as they come."""

    def __init__(self, command: Sequence[str | Path], folder: Path) -> None:
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=surroundings(PYTHONUNBUFFERED="1"),
        )
        self.lines: list[str] = []
        self._queue: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line)

    def until(self, pattern: str, *, seconds: float = 90) -> re.Match[str]:
        """Return the match of the first line that has the pattern."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.lines.append(self._queue.get(timeout=0.1))
            except queue.Empty:
                assert self.process.poll() is None, "".join(self.lines)
                continue
            found = re.search(pattern, self.lines[-1])
            if found:
                return found
        raise AssertionError(f"no {pattern!r} in\n{''.join(self.lines)}")

    def end(self, number: signal.Signals, *, seconds: float = 30) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        self._reader.join(5)
        while not self._queue.empty():
            self.lines.append(self._queue.get())
        return code


@contextmanager
def running(
    *words: str | Path, folder: Path, program: Sequence[str | Path] = (PROGRAM,)
) -> Iterator[Running]:
    """Start a command that goes on; it is killed at the end of the block."""
    started = Running([*program, *words], folder)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
        started.process.wait()
        assert started.process.stdout is not None
        started._reader.join(5)
        started.process.stdout.close()


@contextmanager
def served(
    folder: Path, *words: str, program: Sequence[str | Path] = (PROGRAM,)
) -> Iterator[tuple[str, Running]]:
    """Serve a project on a free port; yields the address and the process."""
    with running("serve", "--port", "0", *words, folder=folder, program=program) as server:
        yield server.until(r"(http://[^ ]+)").group(1), server
