"""Decisions: each is kept with its evidence, and one event in the ledger makes it so."""

from __future__ import annotations

from typing import Any

from evermodel.loop.state import State
from evermodel.loop.workspace import Workspace
from evermodel.records import CheckResult, Decision, Event, Report

__all__ = ["put_live", "settle"]

_KINDS = {"promote": "promoted", "reject": "rejected", "hold": "held", "roll back": "rolled_back"}


def settle(workspace: Workspace, decision: Decision) -> Event:
    """Keep a decision's results as evidence and write the one event that makes it so.

    Raises
    ------
    BusyError
        When another one decides on what is live.
    """
    verb = "rollback" if decision.action == "roll back" else "promote"
    evidence = Report(verb=verb, subject=decision.project, results=decision.results)
    body: dict[str, Any] = {
        "number": decision.version,
        "reason": decision.reason,
        "reports": [workspace.keep_report(evidence)] if decision.results else [],
    }
    if decision.action in ("promote", "roll back"):
        body |= {"digest": decision.digest, "previous": decision.live, "forced": decision.forced}
    elif decision.action == "reject":
        body["kept"] = decision.live
    with workspace.releasing() as still_held:
        # A holder whose lease was taken over has decided on a state that may be past.
        still_held()
        return workspace.record(_KINDS[decision.action], body, actor=decision.actor)


def put_live(
    workspace: Workspace,
    state: State,
    number: int,
    reason: str,
    results: tuple[CheckResult, ...],
    *,
    actor: str = "",
    forced: bool = False,
    back: bool = False,
) -> None:
    """Write the one event that makes a version live (again, with `back`); servers follow it."""
    decision = Decision(
        action="roll back" if back else "promote",
        project=workspace.project.name,
        actor=actor or workspace.actor,
        reason=reason,
        version=number,
        live=state.live,
        digest=state.version(number).digest,
        forced=forced,
        results=results,
    )
    settle(workspace, decision)
