"""Frozen records that stages hand to one another. No I/O, no plotting, no behaviour beyond reading.

`CheckResult` is the one result shape: data checks, metrics, gates, drift, fairness and audits all
use it, so that one table, one picture component and one kind of evidence serve them all.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = [
    "BINARY",
    "MULTICLASS",
    "REGRESSION",
    "CheckResult",
    "Column",
    "ColumnType",
    "Decision",
    "Deployment",
    "Event",
    "Job",
    "ModelVersion",
    "Report",
    "Run",
    "Schema",
    "Task",
    "Verdict",
    "worst",
]

Verdict = Literal["pass", "warn", "fail", "unknown"]
Task = Literal["binary", "multiclass", "regression"]
ColumnType = Literal["number", "boolean", "category", "timestamp", "text"]
Role = Literal["feature", "key", "time", "target", "split", "left out"]

BINARY: Task = "binary"
MULTICLASS: Task = "multiclass"
REGRESSION: Task = "regression"


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Base of all records: frozen, slotted, keyword-only."""


class CheckResult(Record, frozen=True, kw_only=True):
    """One measured statement with its interval, its n and its verdict.

    `low` and `high` bound `value` at confidence `level`; `min` and `max` are what was required of
    it. `anytime` says that the interval holds however often one looks. `evidence` is small JSON:
    example rows, digests, counts.

    Examples
    --------
    >>> CheckResult(name="roc_auc", subject="test", value=0.84, low=0.82, high=0.86, n=1409).verdict
    'pass'
    """

    name: str
    subject: str = ""
    slice: str = ""
    value: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    level: float | None = None
    anytime: bool = False
    n: int | None = None
    min: float | None = None
    max: float | None = None
    verdict: Verdict = "pass"
    why: str = ""
    method: str = ""
    evidence: dict[str, Any] = msgspec.field(default_factory=dict)


def worst(results: tuple[CheckResult, ...] | list[CheckResult]) -> Verdict:
    """Return the verdict of many results: fail before warn before pass; unknown when none is known.

    Examples
    --------
    >>> worst([CheckResult(name="a"), CheckResult(name="b", verdict="warn")])
    'warn'
    >>> worst([])
    'unknown'
    """
    found = {result.verdict for result in results}
    for verdict in ("fail", "warn", "pass"):
        if verdict in found:
            return verdict
    return "unknown"


class Report(Record, frozen=True, kw_only=True):
    """What one verb found: results, their common verdict, and facts that are not measurements.

    Examples
    --------
    >>> Report(verb="check", results=(CheckResult(name="rows", verdict="fail"),)).verdict
    'fail'
    """

    verb: str
    subject: str = ""
    results: tuple[CheckResult, ...] = ()
    facts: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict among the results."""
        return worst(self.results)

    def find(self, name: str, subject: str | None = None, slice: str | None = None) -> CheckResult:
        """Return the first result of that name, and of that subject and slice where given.

        Raises
        ------
        KeyError
            When there is none.
        """
        for result in self.results:
            if (
                result.name == name
                and (subject is None or result.subject == subject)
                and (slice is None or result.slice == slice)
            ):
                return result
        raise KeyError(name)


class Column(Record, frozen=True, kw_only=True):
    """One column as understood: its type, its role, and the words that mean "missing" in it."""

    name: str
    type: ColumnType
    role: Role = "feature"
    protected: bool = False
    missing: tuple[str, ...] = ()


class Schema(Record, frozen=True, kw_only=True):
    """The columns of a table, in order."""

    columns: tuple[Column, ...]

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def names(self, role: Role) -> tuple[str, ...]:
        """Return the names of the columns with that role, in order."""
        return tuple(column.name for column in self.columns if column.role == role)


class Run(Record, frozen=True, kw_only=True):
    """One execution of one stage, with all that is needed to do it again."""

    id: str
    verb: str
    project: str
    started: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    bytes_written: int = 0
    seed: int = 0
    inputs: dict[str, str] = msgspec.field(default_factory=dict)
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    code: str = ""
    environment: str = ""
    outputs: dict[str, str] = msgspec.field(default_factory=dict)


class ModelVersion(Record, frozen=True, kw_only=True):
    """A registered bundle: its number counts from 1 within a project."""

    project: str
    number: int
    digest: str
    run: str
    created: str
    reproduced_by: str = ""

    @property
    def name(self) -> str:
        """`project/number`, as people and logs write it."""
        return f"{self.project}/{self.number}"


class Deployment(Record, frozen=True, kw_only=True):
    """What is live: version numbers with their traffic shares, and what was live before."""

    project: str
    shares: dict[int, float]
    since: str
    previous: int | None = None


class Decision(Record, frozen=True, kw_only=True):
    """Why a version was (or was not) put live or taken back, and what was live before it."""

    action: Literal["promote", "reject", "hold", "roll back"]
    project: str
    actor: str
    reason: str
    version: int | None = None
    live: int | None = None
    digest: str = ""
    forced: bool = False
    results: tuple[CheckResult, ...] = ()


class Event(Record, frozen=True, kw_only=True):
    """One entry of the ledger; `hash` covers every other field and the previous entry's hash."""

    seq: int
    time: str
    project: str
    kind: str
    actor: str
    body: dict[str, Any]
    previous: str
    hash: str
    signature: str = ""


class Job(Record, frozen=True, kw_only=True):
    """A long piece of work; `token` fences off a holder whose lease has run out."""

    id: str
    project: str
    verb: str
    state: Literal["running", "done", "failed"]
    token: int
    holder: str
    lease_until: float
    progress: float = 0.0
    step: str = ""
    result: str = ""
    error: str = ""
    created: str = ""
    updated: str = ""
