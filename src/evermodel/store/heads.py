"""Signed heads of the ledger, kept outside its database, so that a cut tail shows.

One line of JSON for each append: seq, hash, time, key id and signature. A line begun and never
ended (a crash) has no line feed: it does not count, and the next append writes over it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from evermodel.errors import SurroundingsError
from evermodel.store.chain import GENESIS, Signer, canonical
from evermodel.store.durable import refusals, sync_folder
from evermodel.store.keys import verify

__all__ = ["Head", "HeadFile", "Heads"]

_PREFIX = b"evermodel.head/1\n"
_TAIL = 4096


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last event at some time, vouched for by a key."""

    seq: int
    hash: str
    time: str
    key_id: str
    signature: str

    def fits(self, trusted: Mapping[str, bytes]) -> bool:
        """Return whether a trusted key made the signature."""
        public = trusted.get(self.key_id)
        try:
            signature = bytes.fromhex(self.signature)
        except ValueError:
            return False
        data = _signed(self.seq, self.hash, self.time, self.key_id)
        return public is not None and verify(public, signature, data)


def _signed(seq: int, found: str, time: str, key_id: str) -> bytes:
    fields = {"seq": seq, "hash": found, "time": time, "key_id": key_id}
    return _PREFIX + canonical(fields).encode()


def _line(seq: int, found: str, time: str, signer: Signer) -> bytes:
    key = signer.key_id
    signature = signer.sign(_signed(seq, found, time, key)).hex()
    head = Head(seq=seq, hash=found, time=time, key_id=key, signature=signature)
    return canonical(head).encode() + b"\n"


class HeadFile:
    """The open, locked file of heads."""

    def __init__(self, handle: int, path: Path) -> None:
        self._handle = handle
        self._path = path

    def lines(self) -> list[Head | None]:
        """Return every whole line in order; None for one that is not a head."""
        size = os.fstat(self._handle).st_size
        whole, _, _ = _read(self._handle, 0, size).rpartition(b"\n")
        return [_parsed(line) for line in whole.split(b"\n")] if whole else []

    def last(self) -> Head | None:
        """Return the head in the last whole line, or None when there is no line at all.

        Raises
        ------
        SurroundingsError
            When the last line is not a head.
        """
        whole, start = self._tail()
        if not whole and not start:
            return None
        head = _parsed(whole.rpartition(b"\n")[2])
        if head is None:
            what = "the last line of the ledger's heads cannot be read"
            hint = "evermodel ledger verify says what still holds; put back a copy of the file"
            raise SurroundingsError(what, where=str(self._path), hint=hint)
        return head

    def reserve(self, line: bytes) -> int:
        """Take the room for a line before the event is committed; return where it begins."""
        whole, start = self._tail()
        place = start + len(whole) + 1 if whole or start else 0
        os.ftruncate(self._handle, place)
        _write(self._handle, b" " * len(line), place)
        return place

    def write(self, line: bytes, place: int) -> None:
        """Write a line durably where room was reserved for it."""
        _write(self._handle, line, place)
        os.fsync(self._handle)

    def _tail(self) -> tuple[bytes, int]:
        """Return the end of the file up to its last line feed (left out), and where that begins."""
        size = os.fstat(self._handle).st_size
        start = max(0, size - _TAIL)
        whole, found, _ = _read(self._handle, start, size).rpartition(b"\n")
        return (whole, start) if found else (b"", 0)


class Heads:
    """The file of heads of one ledger.

    Parameters
    ----------
    path : Path
        The file; best on another disk than the database.
    signer : Signer
        Signs each head.
    wait : float
        Seconds to wait for another writer.
    """

    def __init__(self, path: str | Path, signer: Signer, *, wait: float = 30.0) -> None:
        self.path = Path(path)
        self.wait = wait
        self._signer = signer

    def line(self, seq: int, found: str, time: str) -> bytes:
        """Return the signed line that says "the last event is `seq`, its hash is `found`"."""
        return _line(seq, found, time, self._signer)

    @contextmanager
    def appending(self, *, begun: bool, time: str) -> Iterator[HeadFile]:
        """Hold the file for one writer; it is made only while the ledger has not `begun`.

        Raises
        ------
        SurroundingsError
            When a ledger with events has no heads, or when another writer does not let go.
        """
        if begun and not self.path.exists():
            what = "the ledger has events and its file of signed heads is gone"
            hint = "put back a copy of the file; without it a cut ledger looks like a whole one"
            raise SurroundingsError(what, where=str(self.path), hint=hint)
        with refusals(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            with refusals(self.path):
                _take(handle, fcntl.LOCK_EX, self.wait, self.path)
                file = HeadFile(handle, self.path)
                if not begun and file.last() is None:
                    # A first head before the first event: its absence later is never innocent.
                    line = self.line(0, GENESIS, time)
                    file.write(line, file.reserve(line))
                    sync_folder(self.path.parent)
            yield file
        finally:
            os.close(handle)

    @contextmanager
    def reading(self) -> Iterator[HeadFile | None]:
        """Hold the file against writers while it is read; None when there is none."""
        with refusals(self.path):
            try:
                handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                handle = None
        if handle is None:
            yield None
            return
        try:
            with refusals(self.path):
                _take(handle, fcntl.LOCK_SH, self.wait, self.path)
            yield HeadFile(handle, self.path)
        finally:
            os.close(handle)


def _take(handle: int, kind: int, wait: float, path: Path) -> None:
    end = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                what = "another program holds the ledger and does not let go"
                hint = "end that program, then run the command again"
                raise SurroundingsError(what, where=str(path), hint=hint) from None
            time.sleep(0.002)
        else:
            return


def _read(handle: int, start: int, end: int) -> bytes:
    parts = []
    while start < end:
        part = os.pread(handle, end - start, start)
        if not part:
            break
        parts.append(part)
        start += len(part)
    return b"".join(parts)


def _write(handle: int, content: bytes, place: int) -> None:
    while content:
        written = os.pwrite(handle, content, place)
        content, place = content[written:], place + written


def _parsed(line: bytes) -> Head | None:
    try:
        head: Any = msgspec.json.decode(line, type=Head)
    except msgspec.MsgspecError:
        return None
    # Only the one spelling counts, so that no change of a line goes unseen.
    return head if canonical(head).encode() == line else None
