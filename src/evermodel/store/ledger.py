"""The ledger: an append-only, hash-chained, signed record of everything that was decided."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from evermodel.errors import SurroundingsError
from evermodel.protocols import Clock
from evermodel.records import CheckResult, Event, Verdict
from evermodel.store.chain import GENESIS, Findings, Row, event_of, inspect, seal
from evermodel.store.clock import stamp
from evermodel.store.database import Database
from evermodel.store.heads import Head, HeadFile, Heads
from evermodel.store.keys import Keys

__all__ = ["SqliteLedger"]

_SELECT = "SELECT seq, time, project, kind, actor, body, previous, hash, signature FROM event "
_INSERT = (
    "INSERT INTO event (seq, time, project, kind, actor, body, previous, hash, signature) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PAGE = 500


class SqliteLedger:
    """A ledger in SQLite; one chain over all projects of a workspace.

    Parameters
    ----------
    path : Path
        The database, usually `.evermodel/store.db`.
    heads : Path
        The file of signed heads, outside the database: what shows a cut tail.
    keys : Keys
        Signs events and heads; its trusted keys decide which signatures count.
    clock : Clock
        Gives each event its time.
    read_only : bool
        For a reader that must never write, such as the server.
    wait : float
        Seconds to wait for another writer.

    Examples
    --------
    >>> import tempfile
    >>> from evermodel.store.clock import SystemClock
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keys, path = Keys(Path(folder, "keys")), Path(folder, "store.db")
    ...     with SqliteLedger(path, Path(folder, "heads"), keys, SystemClock()) as ledger:
    ...         event = ledger.append("churn", "trained", {"auc": 0.8}, actor="me")
    ...         event.seq, [result.verdict for result in ledger.verify()]
    (1, ['pass', 'pass', 'pass', 'pass'])
    """

    def __init__(
        self,
        path: str | Path,
        heads: str | Path,
        keys: Keys,
        clock: Clock,
        *,
        read_only: bool = False,
        wait: float = 30.0,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._heads = Heads(heads, keys, wait=wait)
        self._database = Database(path, read_only=read_only, wait=wait)
        self._seen: dict[tuple[str, tuple[str, ...]], tuple[object, int]] = {}
        self._own_writes = 0

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
        """Close the database."""
        self._database.close()

    def append(self, project: str, kind: str, body: Mapping[str, Any], *, actor: str) -> Event:
        """Make one event durable and return it as stored.

        Raises
        ------
        InputError
            When `body` cannot be written as JSON.
        SurroundingsError
            When the disk is full, read-only or locked, or the ledger was altered: then nothing
            was written.
        """
        time = stamp(self._clock.now())
        with self._database.read() as connection:
            begun = _newest(connection) is not None
        with self._heads.appending(begun=begun, time=time) as file:
            with self._database.write() as connection:
                row, line = self._next(connection, file, (time, project, kind, actor), body)
                place = file.reserve(line)
                connection.execute(_INSERT, row)
            self._own_writes += 1
            # The event is durable from here on. Its head has its room; should the write fail
            # nevertheless, the next append vouches for this event too.
            with suppress(OSError):
                file.write(line, place)
        return event_of(row)

    def _next(
        self,
        connection: sqlite3.Connection,
        file: HeadFile,
        fields: tuple[str, str, str, str],
        body: Mapping[str, Any],
    ) -> tuple[Row, bytes]:
        newest = _newest(connection)
        self._refuse_altered(connection, file.last(), newest)
        seq, previous = newest or (0, GENESIS)
        row = seal(seq + 1, *fields, body, previous, self._keys)
        return row, self._heads.line(row[0], row[7], row[1])

    def _refuse_altered(
        self, connection: sqlite3.Connection, head: Head | None, newest: tuple[int, str] | None
    ) -> None:
        """Never build on a ledger whose end is not the one that was vouched for."""
        seq, found = newest or (0, GENESIS)
        trusted = self._keys.trusted()
        why = ""
        if head is None or not head.fits(trusted):
            why = "its last head is not signed by a trusted key"
        elif head.seq > seq:
            why = f"events {seq + 1} to {head.seq} are missing at its end"
        elif head.seq < seq:
            # A crash between an event and its head leaves a signed event without a head.
            why = _loose_end(connection, head, trusted)
        elif head.hash != found:
            why = f"event {seq} is not the one that was written"
        if why:
            hint = "evermodel ledger verify shows the damage; put back a copy of the store"
            what = "the ledger was altered outside Evermodel, so nothing is added to it"
            where = str(self._database.path)
            raise SurroundingsError(what, where=where, found=why, hint=hint)

    def events(self, project: str, *, kind: str = "", after: int = 0) -> Iterator[Event]:
        """Yield the project's events in order, those of `kind` and after `seq` only if given.

        Raises
        ------
        SurroundingsError
            When the store cannot be read.
        """
        query = _SELECT + "WHERE project = ? AND seq > ?" + (" AND kind = ?" if kind else "")
        query += f" ORDER BY seq LIMIT {_PAGE}"
        while True:
            # Page by page: a cursor left open would keep the write-ahead log from shrinking.
            with self._database.read() as connection:
                values = (project, after, kind) if kind else (project, after)
                rows = connection.execute(query, values).fetchall()
            yield from map(event_of, rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def last_seq(self, project: str, kinds: Sequence[str]) -> int:
        """Return the seq of the newest event of these kinds, 0 when there is none.

        Cheap enough to be asked many times a second: while no one has written, nothing is read.
        """
        asked = (project, tuple(kinds))
        with self._database.read() as connection:
            # SQLite counts what other connections wrote; own writes are ours to count.
            changes = connection.execute("PRAGMA data_version").fetchone()[0]
            version = (connection, changes, self._own_writes)
            known = self._seen.get(asked)
            if known is not None and known[0] == version:
                return known[1]
            query = "SELECT MAX(seq) FROM event WHERE project = ? AND kind = ?"
            found = (connection.execute(query, (project, kind)).fetchone()[0] for kind in kinds)
            newest = max((seq or 0 for seq in found), default=0)
        self._seen[asked] = (version, newest)
        return newest

    def verify(self, project: str | None = None) -> tuple[CheckResult, ...]:
        """Look at every event of the workspace and say what does not hold.

        Found are altered, removed, inserted and reordered events, a chain rewritten without a
        trusted key, a cut tail, and missing or altered heads; `evidence["seq"]` and `why` name
        the first bad event. `project` only names the subject: the chain runs over all projects.

        Raises
        ------
        SurroundingsError
            When the store cannot be read at all.
        """
        trusted = self._keys.trusted()
        subject = project or ""
        # A connection of its own: appends by other threads go on while this one looks.
        with Database(self._database.path, read_only=True) as store, store.read() as connection:
            with self._heads.reading() as file:
                # The first statement fixes what this transaction sees, while no one may append.
                connection.execute("BEGIN")
                _newest(connection)
                lines = None if file is None else file.lines()
            problems = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
            rows = connection.execute(_SELECT + "NOT INDEXED ORDER BY seq")
            findings = inspect(rows, trusted)
        whole = "" if problems == ["ok"] else f"the database is damaged: {problems[0]}"
        head_seq, head_why, head_verdict = _check_heads(lines, findings, trusted)
        return (
            _result("ledger_database", subject, findings.events, 0, whole),
            _result("ledger_chain", subject, findings.events, findings.broken, findings.broken_why),
            _result(
                "ledger_signatures",
                subject,
                findings.events,
                findings.unsigned,
                findings.unsigned_why,
            ),
            _result(
                "ledger_heads", subject, len(lines or ()), head_seq, head_why, verdict=head_verdict
            ),
        )


def _newest(connection: sqlite3.Connection) -> tuple[int, str] | None:
    query = "SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1"
    found: tuple[int, str] | None = connection.execute(query).fetchone()
    return found


def _loose_end(connection: sqlite3.Connection, head: Head, trusted: Mapping[str, bytes]) -> str:
    rows = connection.execute(_SELECT + "WHERE seq > ? ORDER BY seq", (head.seq,))
    findings = inspect(rows, trusted, after=head.seq, previous=head.hash)
    return findings.broken_why or findings.unsigned_why


def _check_heads(
    lines: list[Head | None] | None, findings: Findings, trusted: Mapping[str, bytes]
) -> tuple[int, str, Verdict]:
    """Return the first event that the heads contradict, why, and the verdict."""
    count = findings.events
    if not lines:
        if lines is None and not count:
            return 0, "", "pass"
        return 1, "the file of signed heads is missing or empty", "fail"
    newest = max(findings.hashes, default=0)
    for number, head in enumerate(lines, start=1):
        if head is None or not head.fits(trusted):
            return (head.seq if head else 0), f"line {number} of the heads was altered", "fail"
        if head.seq > newest:
            return newest + 1, f"events {newest + 1} to {_last(lines)} were cut off", "fail"
        expected = findings.hashes.get(head.seq) if head.seq else GENESIS
        if expected != head.hash:
            return head.seq, f"event {head.seq} is not the one that was vouched for", "fail"
    loose = newest - _last(lines)
    if loose > 1:
        why = f"the last {loose} events have no head yet; the next append vouches for them"
        return newest - loose + 1, why, "warn"
    return 0, "", "pass"


def _last(lines: list[Head | None]) -> int:
    return max(head.seq for head in lines if head is not None)


def _result(
    name: str, subject: str, count: int, seq: int, why: str, *, verdict: Verdict = "fail"
) -> CheckResult:
    return CheckResult(
        name=name,
        subject=subject,
        n=count,
        verdict=verdict if why else "pass",
        why=why,
        method="SHA-256 chain, Ed25519 signatures, signed heads",
        evidence={"seq": seq} if why else {},
    )
