"""What `init` proposes, each choice with its reason in one sentence."""

from __future__ import annotations

import msgspec

from evermodel.project import Repair
from evermodel.records import ColumnType, Record, Task

__all__ = ["Advice", "Proposal", "RepairAdvice", "TargetAdvice"]


class Advice(Record, frozen=True, kw_only=True):
    """One column and why it is given its role."""

    column: str
    why: str


class RepairAdvice(Record, frozen=True, kw_only=True):
    """A change to declare for one column, how many rows it touches, and an example."""

    column: str
    repair: Repair
    rows: int
    why: str


class TargetAdvice(Record, frozen=True, kw_only=True):
    """What is to be learned: the task, the positive class, and the rows without a truth."""

    task: Task
    why: str
    positive: str = ""
    positive_why: str = ""
    classes: tuple[str, ...] = ()
    missing: int = 0


class Proposal(Record, frozen=True, kw_only=True):
    """A project file in the making: `render` writes it down."""

    name: str
    source: str
    target: str
    rows: int
    columns: int
    outcome: TargetAdvice
    key: tuple[Advice, ...] = ()
    time: str = ""
    time_why: str = ""
    split: str = ""
    split_why: str = ""
    leave_out: tuple[Advice, ...] = ()
    protected: tuple[Advice, ...] = ()
    types: dict[str, ColumnType] = msgspec.field(default_factory=dict)
    repairs: tuple[RepairAdvice, ...] = ()
    reading: dict[str, str] = msgspec.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    expectations: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        """The proposed task."""
        return self.outcome.task

    @property
    def positive(self) -> str:
        """The proposed positive class, "" when there is none."""
        return self.outcome.positive

    def left_out(self) -> tuple[str, ...]:
        """Return the names of the columns that are left out."""
        return tuple(advice.column for advice in self.leave_out)
