"""Segments of the prediction log, for those who read them: sealed ones, line by line.

A segment that is still being written is locked (`flock`) by the process that writes it; readers
pass it by and take it up once it is sealed. What is damaged is handed over beside what is whole:
whoever removes a segment answers for both.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

__all__ = [
    "SUFFIX",
    "LogRow",
    "Segment",
    "asked_to_seal",
    "read_segments",
    "seal_segments",
    "segments",
    "unreadable",
]

SUFFIX = ".jsonl"
_log = logging.getLogger("evermodel.serve")
_REQUEST = "seal.request"


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


class Segment(NamedTuple):
    """One sealed segment: whole rows, damaged lines as they lie there, or why it is unreadable."""

    name: str
    rows: list[dict[str, Any]]
    damaged: list[bytes]
    refused: str = ""


def segments(folder: Path | str) -> Iterator[Segment]:
    """Yield every sealed segment, oldest first; segments of living writers are passed by.

    Whoever has stored rows and damaged lines elsewhere may remove the segment before asking for
    the next: it stays locked meanwhile. A segment with `refused` must stay where it is.

    Examples
    --------
    >>> list(segments("/nowhere"))
    []
    """
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
        try:
            handle = _open_sealed(path)
        except FileNotFoundError:
            continue  # another reader has stored it meanwhile
        except OSError as error:
            yield _refused(path, error)
            continue
        if handle is not None:
            try:
                yield _read(path, handle)
            finally:
                os.close(handle)


def unreadable(folder: Path | str) -> dict[str, str]:
    """Return by name why a segment cannot be read; those of living writers are looked at, too.

    Examples
    --------
    >>> unreadable("/nowhere")
    {}
    """
    found = {}
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
        try:
            with path.open("rb") as file:
                file.read(1)
        except FileNotFoundError:
            continue
        except OSError as error:
            found[path.name] = error.strerror or str(error)
    return found


def _read(path: Path, handle: int) -> Segment:
    try:
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read()
    except OSError as error:
        return _refused(path, error)
    return Segment(path.name, *_parted(content))


def _refused(path: Path, error: OSError) -> Segment:
    return Segment(path.name, [], [], error.strerror or str(error))


def read_segments(folder: Path | str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield name and whole rows of every sealed segment, oldest first.

    Examples
    --------
    >>> list(read_segments("/nowhere"))
    []
    """
    for segment in segments(folder):
        if segment.damaged or segment.refused:
            found = segment.refused or f"{len(segment.damaged)} lines"
            _log.error("%s: the prediction log is damaged: %s", segment.name, found)
        yield segment.name, segment.rows


def _parted(content: bytes) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Return whole rows and damaged lines. A line cut short by a crash is a damaged one."""
    rows, damaged = [], []
    for line in content.split(b"\n"):
        if line:
            row = _row(line)
            if row is None:
                damaged.append(line)
            else:
                rows.append(row)
    return rows, damaged


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = msgspec.json.decode(line, type=LogRow)
        datetime.fromisoformat(row.time)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return msgspec.structs.asdict(row)


def asked_to_seal(folder: Path) -> int:
    """Return when a reader last asked writers to end their segments (0: never)."""
    try:
        return (folder / _REQUEST).stat().st_mtime_ns
    except OSError:
        return 0


def _open_sealed(path: Path) -> int | None:
    """Return a locked handle on a segment that nobody writes any more, else None.

    Raises
    ------
    OSError
        When it cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:
        os.close(handle)
        raise
    return handle


def seal_segments(folder: Path | str, *, seconds: float = 2.0) -> bool:
    """Ask every living writer to end its segment; return whether all did within `seconds`.

    Examples
    --------
    >>> seal_segments("/nowhere")
    True
    """
    home = Path(folder)
    waiting = {path for path in home.glob(f"*{SUFFIX}") if not _is_sealed(path)}
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
    try:
        handle = _open_sealed(path)
    except OSError:
        return True  # gone, or nobody's to write
    if handle is None:
        return False
    os.close(handle)
    return True
