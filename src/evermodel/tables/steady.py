"""Whether a file stayed as it was while it was read."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path
from typing import BinaryIO

from evermodel.errors import DataError
from evermodel.records import Record

__all__ = ["FileState", "require_unchanged", "settled_state", "state_of"]

_WHOLE = 1 << 20
_SAMPLES, _SAMPLE_BYTES = 64, 1 << 12
_JUST_NOW, _GRACE = 2.0, 0.25
_LINES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson")


class FileState(Record, frozen=True, kw_only=True):
    """What changes when somebody writes to a file.

    `written` and `changed` are the times of its content and of its entry in nanoseconds: a program
    may set the first back, never the second. `content` is a digest of all of a file of up to
    1 MiB, of its first and last bytes and of 62 places between in a larger one: it sees what
    happens within one tick of the file system's clock.
    """

    device: int
    inode: int
    size: int
    written: int
    changed: int
    content: str


def state_of(path: Path) -> FileState | None:
    r"""Return the state of a file, or None where there is no regular file.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_text("a,b\n1,2\n")
    >>> before = state_of(path)
    >>> _ = path.write_text("a,b\n1,3\n")
    >>> state_of(path) == before
    False
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                return None
            content = _digest(file, found.st_size)
    except (OSError, ValueError):
        return None
    return FileState(
        device=found.st_dev,
        inode=found.st_ino,
        size=found.st_size,
        written=found.st_mtime_ns,
        changed=found.st_ctime_ns,
        content=content,
    )


def settled_state(path: Path) -> FileState | None:
    """Return the state of a file before it is read; a moment later where it seems half written.

    That is a file of lines that was written to just now and whose last line has no end. A writer
    that pauses for longer between two whole lines cannot be told from one that is done.

    Raises
    ------
    DataError
        When somebody writes to it in that moment.
    """
    before = state_of(path)
    if before is not None and _is_half_written(path, before):
        time.sleep(_GRACE)
        require_unchanged(path, before)
    return before


def require_unchanged(path: Path, before: FileState) -> None:
    """Raise `DataError` when a file is another than it was."""
    if state_of(path) != before:
        what = "the file changed while it was read"
        hint = "wait until whoever writes it is done, and try again"
        raise DataError(what, where=str(path), hint=hint)


def _is_half_written(path: Path, state: FileState) -> bool:
    # Programs write in blocks of at least this size: a smaller file is there at once.
    if state.size < _SAMPLE_BYTES or path.suffix.lower() not in _LINES:
        return False
    if abs(time.time() - state.written / 1e9) > _JUST_NOW:
        return False
    try:
        with path.open("rb") as file:
            file.seek(state.size - 1)
            return file.read(1) not in (b"\n", b"\r", b"\x00")
    except OSError:
        return False


def _digest(file: BinaryIO, size: int) -> str:
    found = hashlib.blake2b(digest_size=16)
    if size <= _WHOLE:
        found.update(file.read(_WHOLE))
        return found.hexdigest()
    for place in range(_SAMPLES):
        file.seek((size - _SAMPLE_BYTES) * place // (_SAMPLES - 1))
        found.update(file.read(_SAMPLE_BYTES))
    return found.hexdigest()
