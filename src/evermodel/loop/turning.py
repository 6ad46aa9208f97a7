"""One turn of the loop: look at what is live, and do at most one thing about it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import polars as pl

from evermodel.bundle import read_manifest
from evermodel.errors import SurroundingsError
from evermodel.loop.beginning import read_source
from evermodel.loop.deciding import decide_pending, decided, worse_than_previous
from evermodel.loop.registry import mirror, requested_by_alias
from evermodel.loop.releasing import promote, register, rollback
from evermodel.loop.retraining import retrain_on
from evermodel.loop.state import State, read_state
from evermodel.loop.training import train
from evermodel.loop.watching import matured_rows, watch
from evermodel.loop.windows import FEWEST_NEW
from evermodel.loop.workspace import LOOP, Workspace, open_workspace, silent, tell
from evermodel.project import ON_HARM, duration_seconds
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report

__all__ = ["run"]


def run(
    folder: str | Path | Workspace = ".",
    *,
    seed: int | None = None,
    progress: Progress = silent,
) -> Report:
    """Turn the loop once.

    Nothing live yet: train, register and promote the first version. Otherwise look at what is live
    and do at most one thing about it: go back when the previous version proves better on later
    outcomes; decide on a waiting challenger; leave broken data alone; retrain on measured harm.

    Parameters
    ----------
    folder : path or Workspace
    seed : int, optional
        Instead of the project's.

    Returns
    -------
    Report
        With `facts["decision"]`: promote, reject, hold, roll back, retrain or none.
    """
    workspace = open_workspace(folder)
    with workspace.job("run", progress) as step:
        state = read_state(workspace)
        if state.live is None:
            return _first(workspace, state, seed, step)
        asked, silence = _request(workspace)
        if asked is not None:
            return _weigh_request(workspace, asked)
        step("looking at what is live", 0.1)
        watched = watch(workspace)
        back = worse_than_previous(workspace, state)
        if back is not None:
            why = "the previous version is better on later outcomes"
            done = rollback(workspace, reason=why, actor=LOOP)
            facts = {**done.facts, "decision": "roll back", "state": watched.state}
            return Report(
                verb="run", subject=done.subject, results=(*done.results, back), facts=facts
            )
        decided = _act(workspace, watched.state, seed, step)
        facts = {**watched.report.facts, **decided.facts}
        results = (*decided.results, *silence, *watched.report.results)
        return Report(verb="run", subject=workspace.project.name, results=results, facts=facts)


def _request(workspace: Workspace) -> tuple[int | None, tuple[CheckResult, ...]]:
    """Return the version asked for in MLflow; a registry that is silent never stops the loop."""
    try:
        return requested_by_alias(workspace), ()
    except SurroundingsError as error:
        why = tell(error)
        return None, (CheckResult(name="mlflow", subject="registry", verdict="warn", why=why),)


def _weigh_request(workspace: Workspace, asked: int) -> Report:
    """Promote what was asked for by moving the alias, or put the alias back."""
    why = "someone moved MLflow's champion alias"
    report = promote(asked, workspace, reason=why, actor="mlflow")
    warnings = mirror(workspace)
    facts = {**report.facts, "decision": _word(report)}
    return msgspec.structs.replace(
        report, verb="run", results=(*report.results, *warnings), facts=facts
    )


def _word(report: Report) -> str:
    return "reject" if report.verdict == "fail" else "promote"


def _first(workspace: Workspace, state: State, seed: int | None, step: Progress) -> Report:
    report: Report | None = None
    if not state.versions:
        report = train(workspace, seed=seed, progress=step)
        if report.verdict == "fail":
            facts = {**report.facts, "decision": "none"}
            return msgspec.structs.replace(report, verb="run", facts=facts)
        register("", workspace)
    done = promote(None, workspace, reason="the first version", actor=LOOP)
    results = (*done.results, *(report.results if report else ()))
    facts = {**(report.facts if report else {}), **done.facts, "decision": _word(done)}
    return Report(verb="run", subject=workspace.project.name, results=results, facts=facts)


def _act(workspace: Workspace, found: str, seed: int | None, step: Progress) -> Report:
    state = read_state(workspace)
    if found == "broken data":
        why = "the data are broken: retraining on them would make it worse"
        result = CheckResult(name="decision", verdict="warn", why=why)
        return decided(workspace, "none", (result,), state.live)
    if state.challenger is not None:
        return decide_pending(workspace)
    why = _why_retrain(workspace, state, found)
    if why and _enough_new(workspace, state):
        table = read_source(workspace.project)
        report = retrain_on(workspace, table, why, seed, step)
        return msgspec.structs.replace(report, verb="run")
    sentence = f"{why}, but too few new outcomes to learn from" if why else "nothing has to be done"
    return decided(workspace, "none", (CheckResult(name="decision", why=sentence),), state.live)


def _why_retrain(workspace: Workspace, state: State, found: str) -> str:
    """Return the reason to retrain now: measured harm, or the schedule; "" when there is none."""
    if found == "harmful change":
        return "measured harm on outcomes"
    every = workspace.project.loop.retrain
    if every == ON_HARM or state.candidate is None:
        return ""
    since = datetime.fromisoformat(state.candidate["time"])
    waited = (workspace.ports.clock.now() - since).total_seconds()
    return f"every {every}" if waited >= duration_seconds(every) else ""


def _enough_new(workspace: Workspace, state: State) -> bool:
    """Whether enough outcomes came since the last training to try again."""
    newest = state.candidate
    manifest = read_manifest(workspace.bundles / str(state.live))
    matured = matured_rows(workspace, {item.name: item.type for item in manifest.inputs})
    if matured is None or newest is None:
        return False
    since = datetime.fromisoformat(newest["time"]).replace(tzinfo=None)
    return len(matured.where(pl.col("arrived") > since)) >= FEWEST_NEW
