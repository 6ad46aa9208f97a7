"""The gate of a candidate or version as it stands: what was required, and was it shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evermodel.loop.state import State
from evermodel.loop.workspace import Workspace
from evermodel.records import CheckResult

__all__ = ["TEST", "gate_of", "gate_result"]

TEST = "test"
"""Subject of an evaluation on the rows that training held out: these alone open the gate."""


def gate_of(state: State, recorded: Mapping[str, Any]) -> str:
    """Return the newest gate verdict of a run on its test rows."""
    return str(_newest(state, recorded)["gate"])


def gate_result(
    workspace: Workspace, state: State, recorded: Mapping[str, Any], subject: str
) -> CheckResult:
    """Return whether a run may pass: what was required and could not be told was not shown.

    A project that requires nothing passes, however few its rows.
    """
    gate = gate_of(state, recorded)
    found = {"gate": gate}
    if gate == "pass":
        return CheckResult(name="gate", subject=subject, why="the gate passes", evidence=found)
    if gate == "warn":
        why = "the gate passes with a warning"
        return CheckResult(name="gate", subject=subject, verdict="warn", why=why, evidence=found)
    why = "the gate of [evaluate] require says no"
    if gate != "fail":
        why = doubts(workspace.report(_newest(state, recorded)["report"]).results)
    return CheckResult(name="gate", subject=subject, verdict="fail", why=why, evidence=found)


def doubts(results: tuple[CheckResult, ...]) -> str:
    """Return, in a sentence, why the gate cannot say whether what was required is met."""
    reasons = {
        each.why: f"{each.name}[{each.slice}]" if each.slice else each.name
        for each in reversed(results)
        if each.verdict == "unknown" and (each.min is not None or each.max is not None)
    }
    told = "; ".join(f"{name}: {why}" for why, name in reversed(reasons.items()))
    return f"the gate of [evaluate] require cannot say yet: {told or 'nothing was measured'}"


def _newest(state: State, recorded: Mapping[str, Any]) -> Mapping[str, Any]:
    return state.evaluations.get((recorded["run"], TEST), recorded)
