"""The gate of a candidate or version as it stands: what was required, and was it shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from evermodel.evaluate.gate import apply, gate_verdict, requirements
from evermodel.evaluate.guessing import USELESS
from evermodel.loop.state import State
from evermodel.loop.workspace import Workspace
from evermodel.records import CheckResult

__all__ = ["TEST", "gate_of", "gate_result", "useless"]

TEST = "test"
"""Subject of an evaluation on the rows that training held out: these alone open the gate."""


def gate_of(workspace: Workspace, state: State, recorded: Mapping[str, Any]) -> str:
    """Return what today's gate says of the newest measurement of a run on its test rows."""
    results = _held_to(workspace, state, recorded)
    return "fail" if state.live is None and useless(results) else gate_verdict(results)


def useless(results: Iterable[CheckResult]) -> str:
    """Return why a model is no better than guessing, "" when it is or nobody can tell."""
    return next((str(each.evidence[USELESS]) for each in results if USELESS in each.evidence), "")


def gate_result(
    workspace: Workspace, state: State, recorded: Mapping[str, Any], subject: str
) -> CheckResult:
    """Return whether a run may pass: what was required and could not be told was not shown.

    What the project file requires now counts, not what it did when the run was measured. A project
    that requires nothing passes, however few its rows; but what is to be live first has to be
    better than guessing. What follows is compared with what is live, which may be worse than that.
    """
    results = _held_to(workspace, state, recorded)
    why = useless(results)
    if why and state.live is None:
        why = f"{why}: look at the columns with evermodel check, or bring more rows"
        found = {"gate": "fail"}
        return CheckResult(name="gate", subject=subject, verdict="fail", why=why, evidence=found)
    gate = gate_verdict(results)
    found = {"gate": gate}
    if gate == "pass":
        return CheckResult(name="gate", subject=subject, why="the gate passes", evidence=found)
    why = _missed(results) if gate == "fail" else doubts(results)
    return CheckResult(name="gate", subject=subject, verdict="fail", why=why, evidence=found)


def _held_to(
    workspace: Workspace, state: State, recorded: Mapping[str, Any]
) -> tuple[CheckResult, ...]:
    """Return the measurements of a run on its test rows, held to today's project file."""
    project = workspace.project
    lines = requirements(project.evaluate.require, project.data.task, project.data.protected)
    report = workspace.report(_newest(state, recorded)["report"])
    return apply(tuple(map(_as_measured, report.results)), lines, TEST)


def _as_measured(result: CheckResult) -> CheckResult:
    """Return a result as it was before any gate: what could not be told stays so, and why."""
    if result.verdict == "unknown" or USELESS in result.evidence:
        return msgspec.structs.replace(result, min=None, max=None)
    return msgspec.structs.replace(result, min=None, max=None, verdict="pass", why="")


def _missed(results: tuple[CheckResult, ...]) -> str:
    missed = [f"{_called(each)}: {each.why}" for each in results if each.verdict == "fail"]
    return f"the gate says no: {'; '.join(missed)}"


def _called(each: CheckResult) -> str:
    return f"{each.name}[{each.slice}]" if each.slice else each.name


def doubts(results: tuple[CheckResult, ...]) -> str:
    """Return, in a sentence, why the gate cannot say whether what was required is met."""
    reasons = {
        each.why: _called(each)
        for each in reversed(results)
        if each.verdict == "unknown" and (each.min is not None or each.max is not None)
    }
    told = "; ".join(f"{name}: {why}" for why, name in reversed(reasons.items()))
    return f"the gate of [evaluate] require cannot say yet: {told or 'nothing was measured'}"


def _newest(state: State, recorded: Mapping[str, Any]) -> Mapping[str, Any]:
    return state.evaluations.get((recorded["run"], TEST), recorded)
