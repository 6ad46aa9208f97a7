"""The ledger and the jobs without a disk: the same rules, for replay and for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evermodel.errors import NotFoundError
from evermodel.protocols import Clock
from evermodel.records import CheckResult, Event, Job
from evermodel.store.chain import GENESIS, Row, event_of, inspect, seal
from evermodel.store.clock import stamp
from evermodel.store.jobs import LEFT, begun, busy, changed, lost, takeable

__all__ = ["MemoryJobs", "MemoryLedger"]


class MemoryLedger:
    """The same chain of events as on disk, unsigned, gone with the process.

    Examples
    --------
    >>> from evermodel.store.clock import SystemClock
    >>> ledger = MemoryLedger(SystemClock())
    >>> ledger.append("churn", "trained", {"auc": 0.8}, actor="replay").seq
    1
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: list[Row] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of nothing: there is no file."""

    def append(self, project: str, kind: str, body: Mapping[str, Any], *, actor: str) -> Event:
        """Keep one event and return it as stored.

        Raises
        ------
        InputError
            When `body` cannot be written as JSON.
        """
        with self._lock:
            previous = self._rows[-1][7] if self._rows else GENESIS
            seq, time = len(self._rows) + 1, stamp(self._clock.now())
            row = seal(seq, time, project, kind, actor, body, previous, None)
            self._rows.append(row)
        return event_of(row)

    def events(self, project: str, *, kind: str = "", after: int = 0) -> Iterator[Event]:
        """Yield the project's events in order, those of `kind` and after `seq` only if given."""
        for row in self._rows[max(after, 0) :]:
            if row[2] == project and (not kind or row[3] == kind):
                yield event_of(row)

    def last_seq(self, project: str, kinds: Sequence[str]) -> int:
        """Return the seq of the newest event of these kinds, 0 when there is none."""
        found = (row[0] for row in reversed(self._rows) if row[2] == project and row[3] in kinds)
        return next(found, 0)

    def verify(self, project: str | None = None) -> tuple[CheckResult, ...]:
        """Look at every event and say whether the chain holds."""
        findings = inspect(self._rows, None)
        return (
            CheckResult(
                name="ledger_chain",
                subject=project or "",
                n=findings.events,
                verdict="fail" if findings.broken else "pass",
                why=findings.broken_why,
                evidence={"seq": findings.broken} if findings.broken else {},
            ),
        )


class MemoryJobs:
    """Jobs with the same leases and tokens as on disk, gone with the process.

    Examples
    --------
    >>> from evermodel.store.clock import SystemClock
    >>> jobs = MemoryJobs(SystemClock())
    >>> jobs.update(jobs.start("churn", "train", seconds=60), state="done").token
    1
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._jobs: dict[str, tuple[Job, float]] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of nothing: there is no file."""

    def start(self, project: str, verb: str, *, seconds: float) -> Job:
        """Take the lease on (project, verb) for that long.

        Raises
        ------
        BusyError
            When a living holder has it.
        """
        with self._lock:
            for job, length in list(self._jobs.values()):
                if (job.project, job.verb, job.state) != (project, verb, "running"):
                    continue
                if not takeable(job, self._clock.now().timestamp()):
                    raise busy(job)
                end = {"state": "failed", "error": LEFT}
                failed = changed(job, end, seconds=0, clock=self._clock)
                self._jobs[job.id] = (failed, length)
            job = begun(project, verb, len(self._jobs) + 1, seconds=seconds, clock=self._clock)
            self._jobs[job.id] = (job, seconds)
        return job

    def update(self, job: Job, **changes: Any) -> Job:
        """Write progress or an end and renew the lease.

        Raises
        ------
        BusyError
            When the lease was lost or the job has ended.
        """
        with self._lock:
            kept, seconds = self._jobs.get(job.id, (None, 0.0))
            if kept is None or kept.token != job.token or kept.state != "running":
                raise lost(job, kept)
            new = changed(kept, changes, seconds=seconds, clock=self._clock)
            self._jobs[job.id] = (new, seconds)
        return new

    def get(self, id: str) -> Job:
        """Return one job as it stands.

        Raises
        ------
        NotFoundError
            When there is no such job.
        """
        if id not in self._jobs:
            raise NotFoundError("there is no such job", found=id)
        return self._jobs[id][0]
