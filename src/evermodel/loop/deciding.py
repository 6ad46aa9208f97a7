"""The verdict on a waiting challenger: PROMOTE, REJECT, or HOLD until a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import polars as pl

from evermodel.bundle import Model
from evermodel.errors import NotFoundError
from evermodel.loop.comparing import compare_models, decide
from evermodel.loop.decisions import put_live, settle
from evermodel.loop.gating import gate_result
from evermodel.loop.matured import input_types, matured_rows
from evermodel.loop.registry import mirror
from evermodel.loop.state import State, Version, load_version, read_state
from evermodel.loop.training import learned_from
from evermodel.loop.unseen import unseen
from evermodel.loop.windows import FEWEST_NEW
from evermodel.loop.workspace import LOOP, Workspace
from evermodel.project import duration_seconds
from evermodel.records import REGRESSION, CheckResult, Decision, Report

__all__ = ["decide_pending", "decided", "expire_pending", "judged", "worse_than_previous"]


def decide_pending(workspace: Workspace, number: int | None = None) -> Report:
    """Compare the waiting challenger with the champion on all rows known now, and act on it.

    With `number` only that one: where another version waits meanwhile, nothing is decided.

    PROMOTE when it is better, REJECT when it is not, HOLD while that is unknown; past the deadline
    of `[loop] deadline` a challenger that is still undecided, or that no person agreed to where
    one has to, is rejected.
    """
    with workspace.releasing():
        state = read_state(workspace)
        if state.challenger is None:
            nothing = CheckResult(name="decision", why="no challenger waits any more")
            return decided(workspace, "none", (nothing,), state.live)
        if number not in (None, state.challenger):
            why = f"version {state.challenger} was registered meanwhile, and waits instead"
            nothing = CheckResult(name="decision", why=why)
            return decided(workspace, "none", (nothing,), state.live)
        return _decide(workspace, state, state.version(state.challenger))


def expire_pending(workspace: Workspace, why: str) -> Report | None:
    """Reject a challenger whose deadline has passed while nothing could be compared."""
    with workspace.releasing():
        state = read_state(workspace)
        if state.challenger is None or not _overdue(workspace, state):
            return None
        result = CheckResult(name="gain", verdict="unknown", why=why)
        return _refuse(workspace, state, _too_late(workspace, result))


def _decide(workspace: Workspace, state: State, challenger: Version) -> Report:
    gate = gate_result(workspace, state, challenger.trained, f"version {challenger.number}")
    if gate.verdict == "fail":
        return _refuse(workspace, state, gate)
    word, result = judged(workspace, state.version(state.live), challenger)
    if word == "reject":
        return _refuse(workspace, state, result)
    if word == "hold":
        if _overdue(workspace, state):
            return _refuse(workspace, state, _too_late(workspace, result))
        return _hold(workspace, state, result)
    if workspace.project.loop.approve == "person":
        if _overdue(workspace, state):
            why = f"nobody agreed to it: {result.why}"
            late = msgspec.structs.replace(result, why=why)
            return _refuse(workspace, state, _too_late(workspace, late))
        why = f"{result.why}; waits for a person: evermodel promote {challenger.number}"
        return _hold(workspace, state, msgspec.structs.replace(result, why=why))
    put_live(workspace, state, challenger.number, result.why, (result,), actor=LOOP)
    warnings = mirror(workspace)
    return decided(workspace, "promote", (result, *warnings), challenger.number)


def judged(workspace: Workspace, champion: Version, challenger: Version) -> tuple[str, CheckResult]:
    """Compare two versions on rows that judge the challenger fairly; "hold" where that is open."""
    old, new = load_version(workspace, champion), load_version(workspace, challenger)
    rows, y, problem = _unseen_rows(workspace, old, new, champion, challenger)
    if rows is None:
        return "hold", CheckResult(name="gain", verdict="unknown", why=problem)
    level = workspace.project.loop.confidence
    comparison, facts = compare_models(old, new, rows, y, level=level)
    word, result = decide(comparison, scale=facts.get("scale"))
    return word, msgspec.structs.replace(result, evidence=facts)


def _unseen_rows(
    workspace: Workspace, champion: Model, challenger: Model, old: Version, version: Version
) -> tuple[pl.DataFrame | None, Any, str]:
    """Return rows that judge the challenger fairly, in order, or why there are none.

    Where outcomes come back, only those that arrived after its training count: a wrong file that it
    learned from would otherwise be its judge as well. Without any, its test rows have to do, as far
    as the champion has not learned from them; and where it reads columns that nobody has sent so
    far, as the champion does not read them.
    """
    types = {**input_types(champion), **input_types(challenger)}
    sent = types.keys() == input_types(champion).keys()
    matured = matured_rows(workspace, types) if sent else None
    if matured is not None and len(matured) >= FEWEST_NEW:
        # By hand an older version may be weighed: then the newer one has learned from more.
        newest = max(version.trained["time"], old.trained["time"])
        since = datetime.fromisoformat(newest).replace(tzinfo=None)
        newer = matured.where(pl.col("arrived") > since)
        newer = newer.keep(unseen(workspace, newer.log, old, version))
        if not len(newer):
            return None, None, "waits for outcomes that come after its training"
        return newer.rows, newer.y, ""
    target = workspace.project.data.target
    test = pl.read_parquet(workspace.ports.blobs.path(version.trained["test"]))
    absent = [name for name in types if name not in test.columns]
    if absent:
        return None, None, f"the test rows lack columns of the champion: {', '.join(absent[:5])}"
    test = _not_learned_from(workspace, old, test, (*workspace.project.data.key, *types, target))
    if not test.height:
        return None, None, "the champion has learned from all of its test rows"
    kind = pl.Float64 if workspace.project.data.task == REGRESSION else pl.String
    return test.select(list(types)), test[target].cast(kind).to_numpy(), ""


def _not_learned_from(
    workspace: Workspace, version: Version, rows: pl.DataFrame, names: Sequence[str]
) -> pl.DataFrame:
    """Return the rows that a version was not trained on, as far as its data are still there."""
    try:
        known = learned_from(workspace, version.trained, rows, names)
    except NotFoundError:
        return rows
    return rows.filter(~known)


def _too_late(workspace: Workspace, result: CheckResult) -> CheckResult:
    why = f"undecided after {workspace.project.loop.deadline}: {result.why}"
    return msgspec.structs.replace(result, verdict="fail", why=why)


def _overdue(workspace: Workspace, state: State) -> bool:
    since = datetime.fromisoformat(state.challenger_since)
    waited = (workspace.ports.clock.now() - since).total_seconds()
    return waited > duration_seconds(workspace.project.loop.deadline)


def _refuse(workspace: Workspace, state: State, result: CheckResult) -> Report:
    _settle(workspace, state, "reject", result)
    mirror(workspace, settle=False)
    return decided(workspace, "reject", (result,), state.live)


def _hold(workspace: Workspace, state: State, result: CheckResult) -> Report:
    _settle(workspace, state, "hold", result)
    return decided(workspace, "hold", (result,), state.live)


def _settle(
    workspace: Workspace, state: State, action: Literal["reject", "hold"], result: CheckResult
) -> None:
    decision = Decision(
        action=action,
        project=workspace.project.name,
        actor=LOOP,
        reason=result.why,
        version=state.challenger,
        live=state.live,
        results=(result,),
    )
    settle(workspace, decision)


def decided(
    workspace: Workspace, word: str, results: tuple[CheckResult, ...], live: int | None
) -> Report:
    """Return what a turn of the loop decided, as its report."""
    facts = {"decision": word, "live": live}
    return Report(verb="run", subject=workspace.project.name, results=results, facts=facts)


def worse_than_previous(workspace: Workspace, state: State) -> CheckResult | None:
    """Return the proof that the previous version is better on rows since the promotion, if any."""
    if state.previous is None:
        return None
    live = load_version(workspace, state.version(state.live))
    before = load_version(workspace, state.version(state.previous))
    types = {**input_types(live), **input_types(before)}
    # A field that only the live version reads is no excuse when it breaks: to go back mends it.
    matured = matured_rows(workspace, types, reads=input_types(before))
    if matured is None:
        return None
    reign = state.reign(workspace.project.name)
    mine = matured.where(pl.col("deployment") == reign)
    fair = unseen(workspace, mine.log, state.version(state.live), state.version(state.previous))
    mine = mine.keep(fair)
    if not len(mine):
        return None
    level = workspace.project.loop.confidence
    comparison, facts = compare_models(live, before, mine.rows, mine.y, level=level)
    word, result = decide(comparison, scale=facts.get("scale"))
    if word != "promote":
        return None
    why = "the previous version has the smaller loss on the same rows"
    return msgspec.structs.replace(result, name="regret", subject="previous against live", why=why)
