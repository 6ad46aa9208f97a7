"""Writes that survive a power cut, and refusals of the disk said in plain words."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evermodel.errors import SurroundingsError

__all__ = [
    "forget_old",
    "refusals",
    "sync_file",
    "sync_folder",
    "sync_tree",
    "temporary",
    "write_durably",
]

_A_DAY = 86_400.0
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def refusals(where: str | Path) -> Iterator[None]:
    """Turn what the disk or SQLite refuses into a `SurroundingsError` that says what to do.

    Raises
    ------
    SurroundingsError
        In place of any `OSError` or `sqlite3.Error` inside the block.

    Examples
    --------
    >>> with refusals("/nowhere"):
    ...     open("/nowhere/at/all")
    Traceback (most recent call last):
    evermodel.errors.SurroundingsError: a file or folder is not there
      where: /nowhere
      found: [Errno 2] No such file or directory: '/nowhere/at/all'
    """
    try:
        yield
    except OSError as error:
        raise _from_os(error, str(where)) from error
    except sqlite3.Error as error:
        raise _from_sqlite(error, str(where)) from error


def _full(where: str, found: str) -> SurroundingsError:
    hint = "make room on that disk, then run the command again; nothing was half-written"
    return SurroundingsError(
        "there is no space left to write to", where=where, found=found, hint=hint
    )


def _forbidden(where: str, found: str) -> SurroundingsError:
    hint = "make the folder writable for this user, or set [store] workspace to another one"
    return SurroundingsError("this place cannot be written to", where=where, found=found, hint=hint)


def _from_os(error: OSError, where: str) -> SurroundingsError:
    found = str(error)
    if error.errno in _FULL:
        return _full(where, found)
    if error.errno in _FORBIDDEN:
        return _forbidden(where, found)
    if error.errno == errno.ENOENT:
        return SurroundingsError("a file or folder is not there", where=where, found=found)
    return SurroundingsError("the disk refused", where=where, found=found)


def _from_sqlite(error: sqlite3.Error, where: str) -> SurroundingsError:
    found = str(error)
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return _full(where, found)
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return _forbidden(where, found)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        what = "the store is locked by another program"
        hint = "end the program that holds it open for writing, then run the command again"
    elif code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        what = "the store is damaged"
        hint = "put back a copy of the file; evermodel ledger verify says whether it is whole"
    elif code == sqlite3.SQLITE_IOERR:
        what, hint = "the disk failed while the store was written", "check its free space first"
    else:
        what, hint = "the store cannot be opened", "check that the file and its folder are readable"
    return SurroundingsError(what, where=where, found=found, hint=hint)


def sync_file(path: Path) -> None:
    """Make the content of one file durable."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Make the names in one folder durable."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Make every file and every name below a folder durable."""
    for here, _, files in os.walk(folder):
        for name in files:
            sync_file(Path(here) / name)
        sync_folder(Path(here))


def forget_old(folder: Path, pattern: str) -> None:
    """Remove files and folders that killed processes left more than a day ago.

    They may hold rows of people, which nobody would ever read.
    """
    for left in folder.glob(pattern):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime < _A_DAY:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()


def temporary(path: Path) -> Path:
    """Return a free name beside `path`, hidden, that tells which process made it.

    Examples
    --------
    >>> temporary(Path("a/b.json")).name.startswith(".b.json.")
    True
    """
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")


def write_durably(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file in one step: afterwards the old or the new content is there, never a part.

    Raises
    ------
    SurroundingsError
        When the disk is full, read-only or forbidden; the old content is then untouched.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_durably(Path(folder, "a.txt"), b"one")
    ...     Path(folder, "a.txt").read_text()
    'one'
    """
    new = temporary(path)
    with refusals(path):
        try:
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
            sync_folder(path.parent)
        finally:
            with suppress(OSError):
                new.unlink()
