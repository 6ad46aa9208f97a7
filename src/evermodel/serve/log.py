"""The prediction log: what was asked and answered, written before the answer leaves.

Rows go to append-only segments of JSON lines (`segments.py` reads them). A row is in the file when
its answer leaves, so a killed process loses none; a background thread makes the file durable every
100 ms, so a power cut can cost at most that window. Rows that the disk refuses are kept nowhere:
whoever wrote them is told, and gives no answer out.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from evermodel.errors import SurroundingsError
from evermodel.serve.segments import SUFFIX, LogRow, asked_to_seal

__all__ = ["PredictionLog", "as_lines"]

_log = logging.getLogger("evermodel.serve")
_PROBE_BYTES = 64 << 10
_encoder = msgspec.json.Encoder()


def as_lines(rows: Sequence[LogRow]) -> bytes:
    """Return rows as they are written: a line of JSON each.

    Examples
    --------
    >>> as_lines([])
    b''
    """
    return _encoder.encode_lines(rows)


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

    Raises
    ------
    SurroundingsError
        When the folder cannot be made or written to.

    Examples
    --------
    >>> import tempfile
    >>> from evermodel.serve import read_segments
    >>> when = "2026-01-31T12:00:00Z"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = PredictionLog(folder)
    ...     row = LogRow("a", when, None, "d", "champion", 1.0, 1, None, {}, None, "/", "pass", 9)
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
    ) -> None:
        self._folder = Path(folder)
        self._every = fsync_every
        self._segment_bytes = segment_bytes
        self._segment_seconds = segment_seconds
        self._writer = f"{time.time_ns() // 1_000_000:011x}-{secrets.token_hex(4)}"
        self._count = 0
        self._lock = threading.Lock()
        self._segment: _Segment | None = None
        self._retired: list[_Segment] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._probe_bytes = _PROBE_BYTES
        self.unsynced_bytes = 0
        self.rows_written = 0
        self.rows_refused = 0
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

    def start(self) -> None:
        """Find out whether the disk takes rows, and look after it until `close`."""
        with self._lock:
            if self._thread is None:
                self._probe()
                self._start()

    def append(self, rows: Sequence[LogRow]) -> None:
        """Write rows in one go; returns when they are in the file.

        Raises
        ------
        SurroundingsError
            When the disk refuses them: then none of them counts, and `failing` says why until the
            disk takes rows again.
        """
        self.append_lines(as_lines(rows), len(rows))

    def append_lines(self, content: bytes, rows: int) -> None:
        """Write that many rows which `as_lines` made, as `append` does: all of them or none.

        Raises
        ------
        SurroundingsError
            As `append` raises it.
        """
        with self._lock:
            if self._thread is None:
                self._start()
            try:
                self._write(content)
            except OSError as error:
                self.rows_refused += rows
                self._probe_bytes = max(_PROBE_BYTES, len(content))
                self._failed(error)
                raise SurroundingsError(
                    "the prediction log cannot be written",
                    where=str(self._folder),
                    found=self.failing,
                    hint="make room on that disk; it goes on by itself then",
                ) from error
            self.rows_written += rows

    def seal(self) -> None:
        """End the present segment, durably, so that readers see its rows."""
        with self._lock:
            self._retire()
        self._tidy()

    def close(self) -> None:
        """Make all durable and let go. Appending begins anew."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._retire()
            self._thread = None
        self._tidy()
        with self._lock:
            _let_go(self._retired)  # what could not be made durable is left as it is
            self._retired = []

    def _start(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="prediction-log", daemon=True)
        self._thread.start()

    def _write(self, content: bytes) -> None:
        """Write to the segment; on a refusal cut it back to whole rows.

        Raises
        ------
        OSError
            When the disk refuses.
        """
        segment = self._segment or self._open()
        try:
            _write_all(segment.handle, content)
        except OSError as error:
            try:
                os.ftruncate(segment.handle, segment.size)
            except OSError:
                self._retire()  # nothing may follow a torn row on its line
            if error.errno != errno.EFBIG or not segment.size:
                raise
            self._retire()
            self._write(content)
            return
        segment.size += len(content)
        segment.dirty = True
        self.unsynced_bytes += len(content)
        if segment.size >= self._segment_bytes:
            self._retire()

    def _open(self) -> _Segment:
        """Begin a segment: it is locked before it gets its name, so no reader takes it too soon."""
        self._count += 1
        path = self._folder / f"{self._writer}-{self._count:06d}{SUFFIX}"
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
        self._segment = _Segment(path, handle, time.monotonic(), asked_to_seal(self._folder))
        return self._segment

    def _probe(self) -> None:
        """Find out whether the disk takes as much as it refused last, durably."""
        path = self._folder / f".{self._writer}.probe"
        try:
            with path.open("wb", buffering=0) as file:
                path.unlink()  # a killed process leaves none behind
                _write_all(file.fileno(), b"\n" * self._probe_bytes)
                self._sync(file.fileno())
        except OSError as error:
            self._failed(error)
            return
        if self.failing:
            _log.warning("the prediction log is written again: %s", self._folder)
        self.failing = ""

    def _failed(self, error: OSError) -> None:
        self.failures += 1
        said = error.strerror or str(error)
        if said != self.failing:
            _log.error(
                "the prediction log cannot be written, requests are refused: %s: %s",
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
            if self.failing:
                self._probe()
            with self._lock:
                segment = self._segment
                if segment is not None and self._due(segment):
                    self._retire()
            self._tidy()

    def _due(self, segment: _Segment) -> bool:
        old = time.monotonic() - segment.opened >= self._segment_seconds
        return old or asked_to_seal(self._folder) > segment.asked

    def _tidy(self) -> None:
        """Make everything written so far durable; never while holding the lock.

        What the disk refuses stays to be done: ended segments keep their handle, so that readers
        pass them by, until they are durable.
        """
        handle = None
        try:
            with self._lock:
                segment = self._segment
                if segment is not None and segment.dirty:
                    handle = os.dup(segment.handle)  # it may be ended and closed meanwhile
                    segment.dirty = False
                retired, self._retired = self._retired, []
                written, self.unsynced_bytes = self.unsynced_bytes, 0
        except OSError as error:
            self._failed(error)
            return
        try:
            if handle is not None:
                self._sync_and_close(handle)
            for old in retired:
                self._sync(old.handle)
            if handle is not None or retired:
                self._sync_and_close(os.open(self._folder, os.O_RDONLY))
        except OSError as error:
            self._failed(error)
            with self._lock:
                self._retired = [*retired, *self._retired]
                self.unsynced_bytes += written
                if segment is not None:
                    segment.dirty = True
            return
        _let_go(retired)

    def _sync_and_close(self, handle: int) -> None:
        try:
            self._sync(handle)
        finally:
            os.close(handle)

    @staticmethod
    def _sync(handle: int) -> None:
        os.fsync(handle)


def _let_go(segments: Sequence[_Segment]) -> None:
    """Close segments, so that readers see their rows."""
    for segment in segments:
        os.close(segment.handle)


def _write_all(handle: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]
