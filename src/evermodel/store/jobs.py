"""Long pieces of work: who does them, until when, and how far they are."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from evermodel.errors import BusyError, InputError, NotFoundError
from evermodel.protocols import Clock
from evermodel.records import Job
from evermodel.store.clock import stamp
from evermodel.store.database import Database
from evermodel.store.holders import gone, holder

__all__ = ["LEFT", "SqliteJobs", "begun", "busy", "changed", "lost", "takeable"]

_FIELDS = tuple(field.name for field in msgspec.structs.fields(Job))
_INSERT = "INSERT INTO job VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CHANGES = ("state", "progress", "step", "result", "error")
LEFT = "its holder stopped without an end; another one took over"


def takeable(job: Job, now: float) -> bool:
    """Return whether a running job's lease may be taken: it ran out, or its holder is dead."""
    return job.lease_until <= now or gone(job.holder)


def busy(job: Job) -> BusyError:
    """Return the error for work that another holder does."""
    return BusyError(
        f"{job.verb} is already running for {job.project}",
        where=f"job {job.id}, held by {job.holder}",
        found=f"step {job.step or 'begun'}, {job.progress:.0%} done",
        hint="wait for it, or stop the program that holds it",
    )


def lost(job: Job, kept: Job | None) -> BusyError:
    """Return the error for a holder whose job is no longer its own."""
    state = kept.state if kept else "gone"
    return BusyError(
        f"{job.verb} for {job.project} is no longer held here",
        where=f"job {job.id}",
        found=f"the job is {state}" + (f": {kept.error}" if kept and kept.error else ""),
        hint="nothing more is written by this holder; start it again if it is still wanted",
    )


def changed(job: Job, changes: Mapping[str, Any], *, seconds: float, clock: Clock) -> Job:
    """Return a running job with changes and a renewed lease.

    Raises
    ------
    InputError
        When a change is not of the fields that a holder may write, or of the wrong type.
    """
    unknown = sorted(set(changes) - set(_CHANGES))
    if unknown:
        hint = f"one of {', '.join(_CHANGES)}"
        raise InputError(f"a job's {unknown[0]!r} cannot be changed", hint=hint)
    now = clock.now()
    fields = {
        **msgspec.structs.asdict(job),
        **changes,
        "lease_until": now.timestamp() + seconds,
        "updated": stamp(now),
    }
    try:
        return msgspec.convert(fields, Job)
    except msgspec.ValidationError as error:
        raise InputError("a job cannot be changed to that", found=str(error)) from error


def begun(project: str, verb: str, token: int, *, seconds: float, clock: Clock) -> Job:
    """Return a new running job, held by this process."""
    now = clock.now()
    return Job(
        id=secrets.token_hex(8),
        project=project,
        verb=verb,
        state="running",
        token=token,
        holder=holder(),
        lease_until=now.timestamp() + seconds,
        created=stamp(now),
        updated=stamp(now),
    )


class SqliteJobs:
    """Jobs in SQLite, beside the ledger.

    A job holds the lease on (project, verb). The lease can be taken over when it has run out or
    when its holder, a process on this host, is dead. Tokens only grow: a holder that was overtaken
    is refused by its next `update`, so two holders never both finish.

    Parameters
    ----------
    path : Path
        The database, usually `.evermodel/store.db`.
    clock : Clock
        Decides when a lease has run out.
    wait : float
        Seconds to wait for another writer.

    Examples
    --------
    >>> import tempfile
    >>> from evermodel.store.clock import SystemClock
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with SqliteJobs(Path(folder, "store.db"), SystemClock()) as jobs:
    ...         job = jobs.start("churn", "train", seconds=60)
    ...         job = jobs.update(job, progress=0.5, step="search")
    ...         jobs.update(job, state="done").state
    'done'
    """

    def __init__(self, path: str | Path, clock: Clock, *, wait: float = 30.0) -> None:
        self._clock = clock
        self._database = Database(path, wait=wait)

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

    def start(self, project: str, verb: str, *, seconds: float) -> Job:
        """Take the lease on (project, verb) for that long.

        Raises
        ------
        BusyError
            When a living holder has it.
        SurroundingsError
            When the store cannot be written.
        """
        with self._database.write() as connection:
            now = self._clock.now()
            query = "SELECT * FROM job WHERE project = ? AND verb = ? AND state = 'running'"
            for row in connection.execute(query, (project, verb)).fetchall():
                job = _job(row)
                if not takeable(job, now.timestamp()):
                    raise busy(job)
                end = "UPDATE job SET state = 'failed', error = ?, updated = ? WHERE token = ?"
                connection.execute(end, (LEFT, stamp(now), job.token))
            newest = connection.execute("SELECT MAX(token) FROM job").fetchone()[0] or 0
            job = begun(project, verb, newest + 1, seconds=seconds, clock=self._clock)
            values = (*msgspec.structs.astuple(job), float(seconds))
            connection.execute(_INSERT, values)
        return job

    def update(self, job: Job, **changes: Any) -> Job:
        """Write progress or an end and renew the lease.

        Raises
        ------
        BusyError
            When the lease was lost or the job has ended.
        InputError
            When a change is not one of state, progress, step, result and error.
        """
        with self._database.write() as connection:
            query = "SELECT * FROM job WHERE id = ?"
            row = connection.execute(query, (job.id,)).fetchone()
            kept = _job(row) if row else None
            if kept is None or kept.token != job.token or kept.state != "running":
                raise lost(job, kept)
            new = changed(kept, changes, seconds=row[-1], clock=self._clock)
            _save(connection, new)
        return new

    def get(self, id: str) -> Job:
        """Return one job as it stands.

        Raises
        ------
        NotFoundError
            When there is no such job.
        """
        query = "SELECT * FROM job WHERE id = ?"
        with self._database.read() as connection:
            row = connection.execute(query, (id,)).fetchone()
        if row is None:
            raise NotFoundError("there is no such job", where=str(self._database.path), found=id)
        return _job(row)


def _job(row: tuple[Any, ...]) -> Job:
    # The table's columns are the record's fields in order, and then the length of the lease.
    return msgspec.convert(dict(zip(_FIELDS, row[:-1], strict=True)), Job)


def _save(connection: sqlite3.Connection, job: Job) -> None:
    update = (
        "UPDATE job SET state = ?, lease_until = ?, progress = ?, step = ?, result = ?, error = ?, "
        "updated = ? WHERE token = ?"
    )
    values = (job.state, job.lease_until, job.progress, job.step, job.result, job.error)
    connection.execute(update, (*values, job.updated, job.token))
