"""One turn of the loop: look at what is live, and do at most one thing about it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import polars as pl

from evermodel.bundle import read_manifest
from evermodel.errors import SurroundingsError
from evermodel.loop.beginning import read_source
from evermodel.loop.deciding import (
    decide_pending,
    decided,
    expire_pending,
    worse_than_previous,
)
from evermodel.loop.gating import gate_result
from evermodel.loop.matured import input_types, matured_rows
from evermodel.loop.registry import mirror, requested_by_alias
from evermodel.loop.releasing import promote, register, take_back
from evermodel.loop.retraining import retrain_on
from evermodel.loop.state import HARM, WORSE, State, load_version, read_state
from evermodel.loop.tracing import traced
from evermodel.loop.training import train
from evermodel.loop.unchanged import refused_before
from evermodel.loop.watching import FEWEST_ROWS, Watched, watch
from evermodel.loop.windows import FEWEST_NEW
from evermodel.loop.workspace import LOOP, Workspace, open_workspace, silent, tell
from evermodel.project import ON_HARM, duration_seconds
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report
from evermodel.store.lineage import DataSet
from evermodel.tables import digest

__all__ = ["run"]

_DOUBLINGS = 40
"""Of the shortest turn; that is beyond any label delay."""


def run(
    folder: str | Path | Workspace = ".",
    *,
    seed: int | None = None,
    progress: Progress = silent,
) -> Report:
    """Turn the loop once.

    Nothing live yet: train, register and promote the first version. Otherwise look at what is live
    and do at most one thing about it: go back when the previous version proves better on later
    outcomes, or when what went live has never had the columns that only it reads; decide on a
    waiting challenger; leave broken data alone; retrain on measured harm.

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
        with traced(workspace, workspace.new_run("run"), {}) as trace:
            report = _turn(workspace, seed, step)
            live = read_state(workspace)
            if live.live is not None:
                model = live.version(live.live).trained["digest"]
                trace.outputs["live"] = DataSet(kind="model", digest=model)
        return msgspec.structs.replace(report, results=(*report.results, *trace.results()))


def _turn(workspace: Workspace, seed: int | None, step: Progress) -> Report:
    state = read_state(workspace)
    if state.live is None:
        return _first(workspace, state, seed, step)
    asked, silence = _request(workspace)
    if asked is not None:
        answered = _weigh_request(workspace)
        if answered is not None:
            return answered
    state = read_state(workspace)
    step("looking at what is live", 0.1)
    watched = watch(workspace)
    back = _take_back_if_worse(workspace) or _take_back_if_starved(workspace, watched)
    if back is not None:
        facts = {**back.facts, "decision": "roll back", "state": watched.state}
        return msgspec.structs.replace(back, verb="run", facts=facts)
    if read_state(workspace).live_seq == state.live_seq:
        done = _act(workspace, watched.state, seed, step)
    else:
        done = _overtaken(workspace)
    facts = {**watched.report.facts, **done.facts}
    results = (*done.results, *silence, *watched.report.results)
    return Report(verb="run", subject=workspace.project.name, results=results, facts=facts)


def _take_back_if_worse(workspace: Workspace) -> Report | None:
    """Go back in one step when the previous version proves better than what is live now."""
    with workspace.releasing():
        state = read_state(workspace)
        proof = worse_than_previous(workspace, state)
        if proof is None or state.previous is None:
            return None
        return take_back(workspace, state, state.previous, WORSE, (proof,), actor=LOOP)


def _take_back_if_starved(workspace: Workspace, watched: Watched) -> Report | None:
    """Go back when columns that the version before does not read were broken from the first row on.

    What was tested was a model with these columns; what answers is one without them, which nobody
    has tested. A version that somebody forced stays until outcomes speak against it.
    """
    if watched.state != "broken data" or not watched.columns:
        return None
    with workspace.releasing():
        state = read_state(workspace)
        if state.previous is None or state.live_forced or _once_fed(workspace, state):
            return None
        now, before = (
            input_types(load_version(workspace, state.version(number)))
            for number in (state.live, state.previous)
        )
        if not set(watched.columns) <= set(now) - set(before):
            return None
        names = ", ".join(watched.columns[:5])
        why = f"{names}: broken since it went live, and not read by the version before"
        proof = CheckResult(name="inputs", subject=f"version {state.live}", verdict="warn", why=why)
        reason = "it has not had the columns that it was tested with"
        return take_back(workspace, state, state.previous, reason, (proof,), actor=LOOP)


def _once_fed(workspace: Workspace, state: State) -> bool:
    """Whether a look since the live version went live had rows enough, and found them whole."""
    looks = [e.body for e in workspace.events("monitored") if e.seq > state.live_seq]
    return any(
        look["state"] != "broken data" and look.get("rows", 0) >= FEWEST_ROWS for look in looks
    )


def _overtaken(workspace: Workspace) -> Report:
    why = "another version went live during this look: the next turn looks at that one"
    result = CheckResult(name="decision", why=why)
    return decided(workspace, "none", (result,), read_state(workspace).live)


def _request(workspace: Workspace) -> tuple[int | None, tuple[CheckResult, ...]]:
    """Return the version asked for in MLflow; a registry that is silent never stops the loop."""
    try:
        return requested_by_alias(workspace), ()
    except SurroundingsError as error:
        why = tell(error)
        return None, (CheckResult(name="mlflow", subject="registry", verdict="warn", why=why),)


def _weigh_request(workspace: Workspace) -> Report | None:
    """Promote what was asked for by moving the alias, or put the alias back.

    None when nobody asks any more: another one has answered meanwhile.
    """
    with workspace.releasing():
        asked, _ = _request(workspace)
        if asked is None:
            return None
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
    if state.challenger is None and not _newest_passes(workspace, state):
        waits = refused_before(workspace, state, seed)
        if waits is not None:
            return decided(workspace, "none", (waits,), None)
        report = train(workspace, seed=seed, progress=step)
        if report.verdict == "fail":
            facts = {**report.facts, "decision": "none"}
            return msgspec.structs.replace(report, verb="run", facts=facts)
        registered = register(report.facts["run"], workspace)
        if registered.verdict == "fail":
            facts = {**report.facts, "decision": "none"}
            results = (*registered.results, *report.results)
            subject = workspace.project.name
            return Report(verb="run", subject=subject, results=results, facts=facts)
    with workspace.releasing():
        if read_state(workspace).live is not None:
            return _overtaken(workspace)
        done = promote(None, workspace, reason="the first version", actor=LOOP)
    results = (*done.results, *(report.results if report else ()))
    facts = {**(report.facts if report else {}), **done.facts, "decision": _word(done)}
    return Report(verb="run", subject=workspace.project.name, results=results, facts=facts)


def _newest_passes(workspace: Workspace, state: State) -> bool:
    """Whether the newest version, refused once, would pass the gate of today's project file."""
    if not state.versions:
        return False
    version = state.version(max(state.versions))
    gate = gate_result(workspace, state, version.trained, f"version {version.number}")
    return gate.verdict != "fail"


def _act(workspace: Workspace, found: str, seed: int | None, step: Progress) -> Report:
    state = read_state(workspace)
    if found == "broken data":
        expired = expire_pending(workspace, "the data are broken")
        if expired is not None:
            return expired
        why = "the data are broken: retraining on them would make it worse"
        result = CheckResult(name="decision", verdict="warn", why=why)
        return decided(workspace, "none", (result,), state.live)
    if state.challenger is not None:
        return decide_pending(workspace)
    why = _why_retrain(workspace, state, found)
    if not why:
        nothing = CheckResult(name="decision", why="nothing has to be done")
        return decided(workspace, "none", (nothing,), state.live)
    table = read_source(workspace.project)
    new = _new_outcomes(workspace, state)
    if new >= FEWEST_NEW or digest(table.frame) not in state.sources:
        report = retrain_on(workspace, table, why, seed, step)
        return msgspec.structs.replace(report, verb="run")
    sentence = (
        f"{why}, but {new} outcomes since the last retraining are too few to learn from, "
        f"{FEWEST_NEW} are needed, and the source is as it was"
    )
    return decided(workspace, "none", (CheckResult(name="decision", why=sentence),), state.live)


def _why_retrain(workspace: Workspace, state: State, found: str) -> str:
    """Return the reason to retrain now, "" when there is none.

    Reasons are measured harm, what a retraining on harm could not know yet, and the schedule.
    """
    if found == "harmful change":
        return HARM
    if found == "useless":
        return "what is live is no better than guessing"
    if not state.retrained_at:
        return ""
    if _more_is_known(workspace, state):
        return "more outcomes of the time since the harm"
    every = workspace.project.loop.retrain
    waited = _since(workspace, state.retrained_at)
    return f"every {every}" if every != ON_HARM and waited >= duration_seconds(every) else ""


def _more_is_known(workspace: Workspace, state: State) -> bool:
    """Whether it is time to learn more of a harm than its first outcomes told.

    What is trained at the first sign of harm has seen few outcomes of the changed world, and until
    its own are known nothing measures it. So the loop looks again after one, two, four... turns,
    until the label delay is over and harm would be measured again.
    """
    if not state.harm_at or state.since_harm > _DOUBLINGS:
        return False
    turn = duration_seconds(workspace.project.loop.every)
    wait = turn * 2.0**state.since_harm
    delay = duration_seconds(workspace.project.outcome.known_after)
    since = max(state.harm_at, state.retrained_at)
    return wait <= max(turn, delay) and _since(workspace, since) >= wait


def _since(workspace: Workspace, time: str) -> float:
    """Return the seconds since a time of the ledger."""
    return (workspace.ports.clock.now() - datetime.fromisoformat(time)).total_seconds()


def _new_outcomes(workspace: Workspace, state: State) -> int:
    """Return how many outcomes came since the last retraining."""
    manifest = read_manifest(workspace.bundles / str(state.live))
    matured = matured_rows(workspace, {item.name: item.type for item in manifest.inputs})
    if matured is None or not state.retrained_at:
        return 0
    since = datetime.fromisoformat(state.retrained_at).replace(tzinfo=None)
    return len(matured.where(pl.col("arrived") > since))
