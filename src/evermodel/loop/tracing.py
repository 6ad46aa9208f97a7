"""Tell the lineage of a run: what it read and made, when it began and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import msgspec

from evermodel.loop.workspace import Effort, Workspace
from evermodel.records import CheckResult, Run
from evermodel.store.lineage import DataSet, Lineage, run_event

__all__ = ["Trace", "traced"]

_PARENT: ContextVar[Run | None] = ContextVar("parent", default=None)
"""The run that is under way in this thread: what begins inside it is its part."""


@dataclass
class Trace:
    """What is told of one run; whoever runs it puts in what became known on the way."""

    run: Run
    inputs: dict[str, DataSet]
    outputs: dict[str, DataSet] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def results(self) -> tuple[CheckResult, ...]:
        """Return what did not go well: no run fails for its lineage, and none is silent of it."""
        told = dict.fromkeys(self.told)
        return tuple(CheckResult(name="lineage", verdict="warn", why=why) for why in told)


@contextmanager
def traced(workspace: Workspace, run: Run, inputs: Mapping[str, DataSet]) -> Iterator[Trace]:
    """Tell that a run begins and, when the block is left, how it ended, and within which other."""
    parent = _PARENT.get()
    log, effort = Lineage(workspace.root, workspace.project.name), Effort()
    trace = Trace(run, dict(inputs))

    def tell(state: str, error: BaseException | str = "") -> None:
        event = run_event(
            trace.run,
            state,  # type: ignore[arg-type]
            inputs=trace.inputs,
            outputs=trace.outputs,
            error=error,
            root=workspace.project.root,
            parent=parent,
        )
        trace.told += [said for said in [log.emit(event)] if said]

    tell("START")
    mine = _PARENT.set(run)
    try:
        yield trace
    except BaseException as error:
        trace.run = msgspec.structs.replace(trace.run, seconds=round(effort.seconds, 3))
        tell("FAIL", error)
        raise
    finally:
        _PARENT.reset(mine)
    if not trace.run.seconds:
        trace.run = msgspec.structs.replace(trace.run, seconds=round(effort.seconds, 3))
    tell("COMPLETE")
