"""The prediction log: what was asked and answered, written before the answer leaves.

Rows go to append-only segments of JSON lines. A segment that is still being written is locked
(`flock`) by the process that writes it; readers pass it by and take it up once it is sealed. A row
is in the file when its answer leaves, so a killed process loses none; a background thread makes
the file durable every 100 ms, so a power cut can cost at most that window.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from evermodel.errors import SurroundingsError

__all__ = ["LogRow", "PredictionLog", "read_segments", "seal_segments"]

_log = logging.getLogger("evermodel.serve")
_SUFFIX = ".jsonl"
_REQUEST = "seal.request"
_encoder = msgspec.json.Encoder()


class LogRow(msgspec.Struct, gc=False):
    """One prediction as it is written down; `features` and `key` are null where not kept."""

    id: str
    time: str
    key: dict[str, Any] | None
    deployment: str
    arm: str
    propensity: float
    version: int
    features: Any
    output: dict[str, Any]
    action: Any
    route: str
    gate: str
    latency_us: int


@dataclass
class _Segment:
    path: Path
    handle: int
    opened: float
    asked: int
    size: int = 0
    dirty: bool = True


class PredictionLog:
    """Writes rows to segments in a folder; one segment at a time, one writer a segment.

    Parameters
    ----------
    folder : Path or str
        Where segments lie; made when absent.
    fsync_every : float
        Seconds between two fsyncs; what a power cut can cost at most.
    segment_bytes : int
        A segment that reaches this size is sealed and a new one begun.
    segment_seconds : float
        A segment of this age is sealed, so that readers see its rows.
    buffer_bytes : int
        Rows kept in memory while the disk refuses; beyond it rows are lost, and counted.

    Raises
    ------
    SurroundingsError
        When the folder cannot be made or written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = PredictionLog(folder)
    ...     row = LogRow("a", "", None, "d", "champion", 1.0, 1, None, {}, None, "/", "pass", 9)
    ...     log.append([row])
    ...     log.close()
    ...     [[row["id"] for row in rows] for _, rows in read_segments(folder)]
    [['a']]
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        fsync_every: float = 0.1,
        segment_bytes: int = 64 << 20,
        segment_seconds: float = 60.0,
        buffer_bytes: int = 16 << 20,
    ) -> None:
        self._folder = Path(folder)
        self._every = fsync_every
        self._segment_bytes = segment_bytes
        self._segment_seconds = segment_seconds
        self._buffer_bytes = buffer_bytes
        self._writer = f"{time.time_ns() // 1_000_000:011x}-{secrets.token_hex(4)}"
        self._count = 0
        self._lock = threading.Lock()
        self._segment: _Segment | None = None
        self._retired: list[_Segment] = []
        self._buffer: list[tuple[bytes, int]] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._torn = False
        self.buffered_bytes = 0
        self.unsynced_bytes = 0
        self.rows_written = 0
        self.rows_lost = 0
        self.failures = 0
        self.failing = ""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self._folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise SurroundingsError(
                "the prediction log cannot be written",
                where=str(self._folder),
                found=error.strerror or str(error),
                hint="make the folder writable or set [store] workspace to another one",
            ) from None

    def append(self, rows: Sequence[LogRow]) -> None:
        """Write rows in one go; returns when they are in the file (or in memory, if it refuses)."""
        content = _encoder.encode_lines(rows)
        with self._lock:
            if self._thread is None:
                self._start()
            if self._buffer or not self._write(content, len(rows)):
                self._keep(content, len(rows))

    def seal(self) -> None:
        """End the present segment, durably, so that readers see its rows."""
        with self._lock:
            self._retire()
        self._tidy()

    def close(self) -> None:
        """Write what is still in memory, make all durable and let go. Appending begins anew."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._drain()
            self._retire()
            if self._buffer:
                lost = sum(rows for _, rows in self._buffer)
                self.rows_lost += lost
                _log.error("%d rows of the prediction log could not be written", lost)
                self._buffer.clear()
                self.buffered_bytes = 0
            self._thread = None
        self._tidy()

    def _start(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="prediction-log", daemon=True)
        self._thread.start()

    def _write(self, content: bytes, rows: int) -> bool:
        """Write to the segment; on a refusal cut it back to whole rows and return False."""
        try:
            segment = self._segment or self._open()
        except OSError as error:
            self._failed(error)
            return False
        try:
            if self._torn:
                content = b"\n" + content
            view = memoryview(content)
            while view:
                view = view[os.write(segment.handle, view) :]
        except OSError as error:
            try:
                os.ftruncate(segment.handle, segment.size)
            except OSError:
                self._torn = True
            self._failed(error)
            if error.errno == errno.EFBIG and segment.size:
                self._retire()
            return False
        self._torn = False
        segment.size += len(content)
        segment.dirty = True
        self.unsynced_bytes += len(content)
        self.rows_written += rows
        if segment.size >= self._segment_bytes:
            self._retire()
        return True

    def _open(self) -> _Segment:
        """Begin a segment: it is locked before it gets its name, so no reader takes it too soon."""
        self._count += 1
        path = self._folder / f"{self._writer}-{self._count:06d}{_SUFFIX}"
        new = path.with_name(f".{path.name}.new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.rename(path)
        except OSError:
            os.close(handle)
            with suppress(OSError):
                new.unlink()
            raise
        self._torn = False
        self._segment = _Segment(path, handle, time.monotonic(), _asked(self._folder))
        return self._segment

    def _keep(self, content: bytes, rows: int) -> None:
        if self.buffered_bytes + len(content) > self._buffer_bytes:
            self.rows_lost += rows
            return
        self._buffer.append((content, rows))
        self.buffered_bytes += len(content)

    def _drain(self) -> None:
        """Write what waits in memory, oldest first, until the disk refuses again."""
        done = 0
        for content, rows in self._buffer:
            if not self._write(content, rows):
                break
            self.buffered_bytes -= len(content)
            done += 1
        del self._buffer[:done]
        if done and not self._buffer:
            self.failing = ""
            _log.warning(
                "the prediction log is written again; rows lost so far: %d", self.rows_lost
            )

    def _failed(self, error: OSError) -> None:
        self.failures += 1
        said = error.strerror or str(error)
        if said != self.failing:
            _log.error(
                "the prediction log cannot be written, rows are kept in memory: %s: %s",
                self._folder,
                said,
            )
        self.failing = said

    def _retire(self) -> None:
        """End the present segment; the background thread makes it durable and unlocks it."""
        if self._segment is not None:
            self._retired.append(self._segment)
            self._segment = None

    def _work(self) -> None:
        stop = self._stop
        while not stop.wait(self._every):
            with self._lock:
                self._drain()
                segment = self._segment
                if segment is not None and self._due(segment):
                    self._retire()
            self._tidy()

    def _due(self, segment: _Segment) -> bool:
        old = time.monotonic() - segment.opened >= self._segment_seconds
        return old or _asked(self._folder) > segment.asked

    def _tidy(self) -> None:
        """Make everything written so far durable; never while holding the lock."""
        with self._lock:
            retired, self._retired = self._retired, []
            segment, fresh = self._segment, False
            if segment is not None and segment.dirty:
                segment.dirty, fresh = False, True
                handle = os.dup(segment.handle)
            written, self.unsynced_bytes = self.unsynced_bytes, 0
        try:
            if fresh:
                self._sync(handle)
                os.close(handle)
            for old in retired:
                self._sync(old.handle)
            if fresh or retired:
                folder = os.open(self._folder, os.O_RDONLY)
                self._sync(folder)
                os.close(folder)
        except OSError as error:
            self._failed(error)
            self.unsynced_bytes += written
        finally:
            for old in retired:
                os.close(old.handle)

    @staticmethod
    def _sync(handle: int) -> None:
        os.fsync(handle)


def _asked(folder: Path) -> int:
    try:
        return (folder / _REQUEST).stat().st_mtime_ns
    except OSError:
        return 0


def _open_sealed(path: Path) -> int | None:
    """Return a locked handle on a segment that nobody writes any more, else None."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def read_segments(folder: Path | str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield name and rows of every sealed segment, oldest first.

    Segments that a living process still writes are passed by. A last line cut short by a crash
    (whose answer never left) is left out. Whoever has stored the rows elsewhere may remove the
    segment: `Path(folder, name).unlink()`.

    Examples
    --------
    >>> list(read_segments("/nowhere"))
    []
    """
    home = Path(folder)
    for path in sorted(home.glob(f"*{_SUFFIX}")):
        handle = _open_sealed(path)
        if handle is None:
            continue
        with os.fdopen(handle, "rb") as file:
            yield path.name, list(_rows(file.read(), path))


def _rows(content: bytes, path: Path) -> Iterator[dict[str, Any]]:
    whole = content[: content.rfind(b"\n") + 1]
    for number, line in enumerate(whole.split(b"\n"), start=1):
        if line:
            try:
                yield msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.DecodeError:
                _log.error("%s:%d: a row of the prediction log is damaged", path, number)


def seal_segments(folder: Path | str, *, seconds: float = 2.0) -> bool:
    """Ask every living writer to end its segment; return whether all did within `seconds`.

    Examples
    --------
    >>> seal_segments("/nowhere")
    True
    """
    home = Path(folder)
    waiting = {path for path in home.glob(f"*{_SUFFIX}") if not _is_sealed(path)}
    if not waiting:
        return True
    request = home / _REQUEST
    request.touch()
    os.utime(request)
    until = time.monotonic() + seconds
    while waiting and time.monotonic() < until:
        time.sleep(0.02)
        waiting = {path for path in waiting if not _is_sealed(path)}
    return not waiting


def _is_sealed(path: Path) -> bool:
    handle = _open_sealed(path)
    if handle is None:
        return not path.exists()
    os.close(handle)
    return True
