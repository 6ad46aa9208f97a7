"""The one SQLite file of a workspace: opened the same way by every store that lives in it."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from evermodel.errors import NotFoundError, SurroundingsError
from evermodel.store.durable import refusals

__all__ = ["Database"]

_VERSION = 1

# The triggers guard against accidents; against intent there are the chain, the keys and the heads.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
  seq INTEGER PRIMARY KEY, time TEXT NOT NULL, project TEXT NOT NULL, kind TEXT NOT NULL,
  actor TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL,
  signature TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS event_by_kind ON event (project, kind, seq);
CREATE INDEX IF NOT EXISTS event_by_project ON event (project, seq);
CREATE TRIGGER IF NOT EXISTS event_stays BEFORE DELETE ON event
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS event_is_fixed BEFORE UPDATE ON event
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TABLE IF NOT EXISTS job (
  id TEXT NOT NULL UNIQUE, project TEXT NOT NULL, verb TEXT NOT NULL, state TEXT NOT NULL,
  token INTEGER PRIMARY KEY, holder TEXT NOT NULL, lease_until REAL NOT NULL,
  progress REAL NOT NULL, step TEXT NOT NULL, result TEXT NOT NULL, error TEXT NOT NULL,
  created TEXT NOT NULL, updated TEXT NOT NULL, seconds REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS job_by_verb ON job (project, verb, state);
"""


class Database:
    """One connection to the store, shared by the threads of one process.

    Write-ahead logging lets readers read while one writer writes; every commit is on disk when it
    returns (`synchronous=FULL`).

    Parameters
    ----------
    path : Path
        The file; made with its folder unless `read_only`.
    read_only : bool
        Open an existing store without ever writing to it.
    wait : float
        Seconds to wait for another writer.

    Raises
    ------
    SurroundingsError
        When the file cannot be opened, is not a store, or was written by a newer Evermodel.
    NotFoundError
        When `read_only` and there is no store.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, wait: float = 30.0) -> None:
        self.path = Path(path)
        self.read_only = read_only
        self.wait = wait
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._forgotten: weakref.finalize[..., Database] | None = None
        self._process = 0
        with self.read():
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next use opens another one."""
        with self._lock:
            if self._forgotten is not None:
                self._forgotten()
            self._connection = self._forgotten = None

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to one thread at a time, for single statements."""
        with self._lock, refusals(self.path):
            yield self._connected()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside one write transaction; an exception undoes all of it."""
        with self._lock, refusals(self.path):
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # A full disk makes SQLite roll back by itself.
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def _connected(self) -> sqlite3.Connection:
        # A connection must not be carried over a fork: both sides would hold the same file locks.
        if self._connection is None or self._process != os.getpid():
            self._connection = self._open()
            self._process = os.getpid()
            # Whoever forgets to close it leaves nothing open behind.
            self._forgotten = weakref.finalize(self, _close, self._connection, self._process)
        return self._connection

    def _open(self) -> sqlite3.Connection:
        if self.read_only:
            if not self.path.exists():
                hint = "train a model in this project first"
                raise NotFoundError("there is no store here", where=str(self.path), hint=hint)
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        # Characters such as ? and # would end the path of a URI.
        uri = self.path.absolute().as_uri() + ("?mode=ro" if self.read_only else "?mode=rwc")
        connection = sqlite3.connect(
            uri, uri=True, timeout=self.wait, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            what = "this store was written by a newer Evermodel"
            found = f"store format {version}, known here up to {_VERSION}"
            hint = "upgrade: pip install -U evermodel"
            raise SurroundingsError(what, where=str(self.path), found=found, hint=hint)
        if self.read_only:
            return
        _patiently(connection, "PRAGMA journal_mode = WAL", self.wait)
        connection.execute("PRAGMA synchronous = FULL")
        if version < _VERSION:
            script = f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version = {_VERSION};COMMIT;"
            connection.executescript(script)


def _close(connection: sqlite3.Connection, process: int) -> None:
    """Close a connection where it was opened: a copy that a fork carried over stays untouched."""
    if process == os.getpid():
        connection.close()


def _patiently(connection: sqlite3.Connection, statement: str, wait: float) -> None:
    """Run a statement for which SQLite does not wait by itself when two processes do it at once."""
    end = time.monotonic() + wait
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return
