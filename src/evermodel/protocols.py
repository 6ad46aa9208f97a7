"""Extension points and ports: the smallest contracts, no method that nobody calls.

A port is given to `loop` as an argument, so that replay can pass a simulated clock and stores in
memory, and a server can pass PostgreSQL, without another line in the stages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from evermodel.records import CheckResult, Event, Job, Run

__all__ = [
    "Blobs",
    "Check",
    "Clock",
    "DriftMethod",
    "Jobs",
    "Ledger",
    "Progress",
    "Registry",
    "Tracker",
]

Progress = Callable[[str, float], None]
"""Called with the name of the step and the share done (0 to 1) of the whole."""


@runtime_checkable
class Clock(Protocol):
    """The only source of "now"."""

    def now(self) -> datetime:
        """Return the present time, with its zone (UTC)."""
        ...


@runtime_checkable
class Ledger(Protocol):
    """Append-only, hash-chained record of everything that was decided."""

    def append(self, project: str, kind: str, body: Mapping[str, Any], *, actor: str) -> Event:
        """Make one event durable and return it as stored."""
        ...

    def events(self, project: str, *, kind: str = "", after: int = 0) -> Iterator[Event]:
        """Yield the project's events in order, those of `kind` and after `seq` only if given."""
        ...

    def last_seq(self, project: str, kinds: Sequence[str]) -> int:
        """Return the seq of the newest event of these kinds, 0 when there is none."""
        ...

    def verify(self, project: str | None = None) -> tuple[CheckResult, ...]:
        """Look at every event and say what does not hold."""
        ...

    def close(self) -> None:
        """Let go of what is held open."""
        ...


@runtime_checkable
class Jobs(Protocol):
    """Long work with a lease and a fencing token, so that two holders never both finish."""

    def start(self, project: str, verb: str, *, seconds: float) -> Job:
        """Take the lease on (project, verb) for that long, or raise `BusyError`."""
        ...

    def update(self, job: Job, **changes: Any) -> Job:
        """Write progress or an end and renew the lease; raise `BusyError` when it was lost."""
        ...

    def close(self) -> None:
        """Let go of what is held open."""
        ...


@runtime_checkable
class Blobs(Protocol):
    """Files and folders by the SHA-256 of their content."""

    def put(self, content: bytes | Path) -> str:
        """Store bytes, a file or a folder durably and return its digest."""
        ...

    def path(self, digest: str) -> Path:
        """Return where the content lies, or raise `NotFoundError`."""
        ...


@runtime_checkable
class Tracker(Protocol):
    """Where runs, parameters, metrics and artifacts are shown to people (MLflow)."""

    def log(self, run: Run, results: Sequence[CheckResult], artifacts: Sequence[Path]) -> str:
        """Record a finished run and return the tracker's own id of it."""
        ...


@runtime_checkable
class Registry(Protocol):
    """Where versions and aliases are mirrored; the ledger remains the truth."""

    def register(self, project: str, number: int, bundle: Path, run_id: str) -> str:
        """Mirror one version and return its address there."""
        ...

    def alias(self, project: str, name: str, number: int | None) -> None:
        """Point an alias at a version, or take it away."""
        ...

    def aliases(self, project: str) -> dict[str, int]:
        """Return all aliases as they stand there."""
        ...


class Check(Protocol):
    """A user's own data check: a table in, results out.

    One with a parameter `project` also gets what the project file says: `project.data.target`.
    """

    def __call__(self, frame: Any, /) -> Sequence[CheckResult]:
        """Return what was found in a polars DataFrame."""
        ...


class DriftMethod(Protocol):
    """A measure of difference between two samples of one column."""

    def __call__(self, reference: Any, current: Any, /) -> CheckResult:
        """Return the difference between two 1-d arrays with its interval."""
        ...
