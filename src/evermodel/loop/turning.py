"""The loop itself: retrain, compare, promote or refuse, and take back what turned out worse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from evermodel.bundle import Model, load
from evermodel.loop.beginning import read_source
from evermodel.loop.comparing import compare_models, decide
from evermodel.loop.predictions import compact
from evermodel.loop.releasing import (
    mirror,
    promote,
    put_live,
    register,
    requested_by_alias,
    rollback,
)
from evermodel.loop.state import State, Version, read_state
from evermodel.loop.training import train, train_on
from evermodel.loop.watching import Matured, input_types, matured_rows, watch
from evermodel.loop.workspace import Workspace, open_workspace, silent
from evermodel.project import ROW_ORDER, Project, Repair, duration_seconds
from evermodel.protocols import Progress
from evermodel.records import REGRESSION, CheckResult, Report
from evermodel.tables import Table

__all__ = ["retrain", "run"]

_LOOP = "evermodel"
_FEWEST_NEW = 200
_PART = "evermodel part"
_RECENT_AT_LEAST = 400


def retrain(
    folder: str | Path | Workspace = ".",
    *,
    data: str | Path | None = None,
    why: str = "asked for",
    seed: int | None = None,
    progress: Progress = silent,
) -> Report:
    """Train a challenger on all that is known now and compare it with the champion.

    The rows are the project's source (or `data`) and the logged predictions whose outcome is known.
    Where there are such, the newest of them are the test, unseen by both; and two windows are
    tried, all rows and the recent ones, since after a change the old rows may mislead.

    Parameters
    ----------
    folder : path or Workspace
    data : path or URL, optional
        A newer file than the project's source.
    why : str
        Reason for the ledger.
    seed : int, optional
        Instead of the project's.

    Returns
    -------
    Report
        With "gain" (challenger against champion) and the decision: promoted, rejected or held.
    """
    workspace = open_workspace(folder)
    with workspace.job("retrain", progress) as step:
        step("reading the data", 0.02)
        table = read_source(workspace.project, data)
        return _retrain(workspace, table, why, seed, step)


def _retrain(
    workspace: Workspace, table: Table, why: str, seed: int | None, step: Progress
) -> Report:
    compact(workspace)
    state = read_state(workspace)
    pools = _pools(workspace, state, table)
    best: Report | None = None
    refused: Report | None = None
    for index, pool in enumerate(pools):
        share = 0.9 / len(pools)

        def part(name: str, done: float, at: float = index * share, of: float = share) -> None:
            step(name, at + of * done)

        report = train_on(
            workspace, pool.table, seed=seed, step=part, why=why, project=pool.project
        )
        if "run" not in report.facts:
            refused = report
        elif best is None or _test_loss(report) < _test_loss(best):
            best = report
    if best is None:
        if refused is None:
            raise RuntimeError("no window was tried")
        return msgspec.structs.replace(refused, verb="retrain")
    registered = register(best.facts["run"], workspace, force=True)
    number = registered.facts["version"]
    body = {"number": number, "reason": why, "windows": [pool.name for pool in pools]}
    workspace.record("retrained", body)
    results = (*best.results, *registered.results)
    if state.live is None:
        decided = promote(number, workspace, reason="the first version", actor=_LOOP)
    else:
        decided = decide_pending(workspace)
    return Report(
        verb="retrain",
        subject=workspace.project.name,
        results=(*decided.results, *_measurements(results)),
        facts={**decided.facts, "version": number, "reason": why},
    )


def _measurements(results: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
    """Return results as information: the decision alone is the verdict of `retrain`."""
    return tuple(
        msgspec.structs.replace(result, verdict="warn") if result.verdict == "fail" else result
        for result in results
        if result.name != "registered"
    )


def _test_loss(report: Report) -> float:
    for name in ("brier", "rmse", "log_loss"):
        for result in report.results:
            if result.name == name and not result.slice and result.value is not None:
                return result.value
    return float("inf")


@dataclass(frozen=True)
class _Pool:
    name: str
    table: Table
    project: Project


def _pools(workspace: Workspace, state: State, table: Table) -> list[_Pool]:
    """Return the windows to train on; without logged outcomes, the source as it is."""
    project = workspace.project
    matured = None
    if state.live is not None:
        model = load(workspace.bundles / str(state.live), trusted=workspace.trusted)
        types = input_types(model)
        matured = matured_rows(workspace, types)
    if matured is None or len(matured) < _FEWEST_NEW:
        return [_Pool("source", table, project)]
    fresh = matured.rows.with_columns(_outcomes(project, matured))
    tests = max(_FEWEST_NEW // 2, int(fresh.height * project.train.test))
    marks = ["train"] * (fresh.height - tests) + ["test"] * tests
    fresh = fresh.with_columns(pl.Series(_PART, marks))
    kept = [name for name in fresh.columns if name in table.frame.columns]
    source = table.frame.filter(pl.col(project.data.target).is_not_null()).select(kept)
    source = source.with_columns(pl.lit("train").alias(_PART))
    everything = pl.concat([source, fresh], how="diagonal_relaxed")
    data = msgspec.structs.replace(
        project.data, split=_PART, time=ROW_ORDER, key=(), repairs=_without_strips(project)
    )
    project = msgspec.structs.replace(project, data=data)
    pools = [_Pool("all", msgspec.structs.replace(table, frame=everything), project)]
    if fresh.height - tests >= _RECENT_AT_LEAST:
        recent = msgspec.structs.replace(table, frame=fresh)
        pools.append(_Pool("recent", recent, project))
    return pools


def _without_strips(project: Project) -> dict[str, Repair]:
    """Keep repairs: their words still mean "missing" to whoever calls the new version."""
    return dict(project.data.repairs)


def _outcomes(project: Project, matured: Matured) -> pl.Series:
    kind = pl.Float64 if project.data.task == REGRESSION else pl.String
    return pl.Series(project.data.target, matured.y.tolist(), dtype=kind)


def decide_pending(workspace: Workspace) -> Report:
    """Compare the waiting challenger with the champion on all rows known now, and act on it.

    PROMOTE when it is better, REJECT when it is not, HOLD while that is unknown; past the deadline
    of `[loop] deadline` a challenger that is still undecided is rejected.
    """
    state = read_state(workspace)
    challenger = state.version(state.challenger)
    gate = str(challenger.trained.get("gate", ""))
    if gate == "fail":
        why = "the gate of [evaluate] require says no"
        return _refuse(workspace, state, CheckResult(name="gate", verdict="fail", why=why))
    champion = load(workspace.bundles / str(state.live), trusted=workspace.trusted, threads=0)
    model = load(workspace.bundles / str(challenger.number), trusted=workspace.trusted, threads=0)
    rows, y, problem = _shared_rows(workspace, champion, model, challenger)
    if rows is None:
        return _hold(workspace, state, CheckResult(name="gain", verdict="unknown", why=problem))
    level = workspace.project.loop.confidence
    comparison, facts = compare_models(champion, model, rows, y, level=level)
    word, result = decide(comparison)
    result = msgspec.structs.replace(result, evidence=facts)
    if word == "reject":
        return _refuse(workspace, state, result)
    if word == "hold":
        if _overdue(workspace, state):
            why = f"undecided after {workspace.project.loop.deadline}: {result.why}"
            result = msgspec.structs.replace(result, verdict="fail", why=why)
            return _refuse(workspace, state, result)
        return _hold(workspace, state, result)
    if workspace.project.loop.approve == "person":
        why = f"{result.why}; waits for a person: evermodel promote {challenger.number}"
        return _hold(workspace, state, msgspec.structs.replace(result, why=why))
    put_live(workspace, state, challenger.number, result.why, (result,), actor=_LOOP)
    warnings = mirror(workspace)
    return _decided(workspace, "promote", (result, *warnings), challenger.number)


def _shared_rows(
    workspace: Workspace, champion: Model, challenger: Model, version: Version
) -> tuple[pl.DataFrame | None, Any, str]:
    """Return rows that the challenger has not learned from: its test rows, then newer outcomes."""
    target = workspace.project.data.target
    test = pl.read_parquet(workspace.ports.blobs.path(version.trained["test"]))
    types = {**input_types(champion), **input_types(challenger)}
    absent = [name for name in types if name not in test.columns]
    if absent:
        return None, None, f"the test rows lack columns of the champion: {', '.join(absent[:5])}"
    kind = pl.Float64 if workspace.project.data.task == REGRESSION else pl.String
    y = test[target].cast(kind).to_numpy()
    rows = test.select(list(types))
    matured = matured_rows(workspace, types)
    if matured is not None:
        since = datetime.fromisoformat(version.trained["time"]).replace(tzinfo=None)
        newer = matured.where(pl.col("arrived") > since)
        if len(newer):
            rows = pl.concat([rows, newer.rows], how="diagonal_relaxed")
            y = np.concatenate([y, newer.y])
    return rows, y, ""


def _overdue(workspace: Workspace, state: State) -> bool:
    since = datetime.fromisoformat(state.challenger_since)
    waited = (workspace.ports.clock.now() - since).total_seconds()
    return waited > duration_seconds(workspace.project.loop.deadline)


def _refuse(workspace: Workspace, state: State, result: CheckResult) -> Report:
    body = {"number": state.challenger, "reason": result.why, "kept": state.live}
    evidence = workspace.keep_report(Report(verb="promote", results=(result,)))
    workspace.record("rejected", {**body, "reports": [evidence]}, actor=_LOOP)
    mirror(workspace)
    return _decided(workspace, "reject", (result,), state.live)


def _hold(workspace: Workspace, state: State, result: CheckResult) -> Report:
    body = {"number": state.challenger, "reason": result.why}
    workspace.record("held", body, actor=_LOOP)
    return _decided(workspace, "hold", (result,), state.live)


def _decided(
    workspace: Workspace, word: str, results: tuple[CheckResult, ...], live: int | None
) -> Report:
    facts = {"decision": word, "live": live}
    return Report(verb="run", subject=workspace.project.name, results=results, facts=facts)


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
        asked = requested_by_alias(workspace)
        if asked is not None and asked != state.live:
            why = "someone moved MLflow's champion alias"
            report = promote(asked, workspace, reason=why, actor="mlflow")
            mirror(workspace)
            word = "reject" if report.verdict == "fail" else "promote"
            facts = {**report.facts, "decision": word}
            return msgspec.structs.replace(report, verb="run", facts=facts)
        step("looking at what is live", 0.1)
        watched = watch(workspace)
        back = _worse_than_previous(workspace, state)
        if back is not None:
            why = "the previous version is better on later outcomes"
            done = rollback(workspace, reason=why, actor=_LOOP)
            facts = {**done.facts, "decision": "roll back", "state": watched.state}
            return Report(
                verb="run", subject=done.subject, results=(*done.results, back), facts=facts
            )
        decided = _act(workspace, watched.state, seed, step)
        facts = {**watched.report.facts, **decided.facts}
        results = (*decided.results, *watched.report.results)
        return Report(verb="run", subject=workspace.project.name, results=results, facts=facts)


def _first(workspace: Workspace, state: State, seed: int | None, step: Progress) -> Report:
    report: Report | None = None
    if not state.versions:
        report = train(workspace, seed=seed, progress=step)
        if report.verdict == "fail":
            facts = {**report.facts, "decision": "none"}
            return msgspec.structs.replace(report, verb="run", facts=facts)
        register("", workspace)
    done = promote(None, workspace, reason="the first version", actor=_LOOP)
    results = (*done.results, *(report.results if report else ()))
    facts = {**(report.facts if report else {}), **done.facts, "decision": "promote"}
    return Report(verb="run", subject=workspace.project.name, results=results, facts=facts)


def _act(workspace: Workspace, found: str, seed: int | None, step: Progress) -> Report:
    state = read_state(workspace)
    if found == "broken data":
        why = "the data are broken: retraining on them would make it worse"
        result = CheckResult(name="decision", verdict="warn", why=why)
        return _decided(workspace, "none", (result,), state.live)
    if state.challenger is not None:
        return decide_pending(workspace)
    if found == "harmful change" and _enough_new(workspace, state):
        table = read_source(workspace.project)
        report = _retrain(workspace, table, "measured harm on outcomes", seed, step)
        return msgspec.structs.replace(report, verb="run")
    sentence = "nothing has to be done"
    if found == "harmful change":
        sentence = "harm is measured, but there are too few new outcomes to learn from"
    return _decided(workspace, "none", (CheckResult(name="decision", why=sentence),), state.live)


def _enough_new(workspace: Workspace, state: State) -> bool:
    """Whether enough outcomes came since the last training to try again."""
    newest = state.candidate
    model = load(workspace.bundles / str(state.live), trusted=workspace.trusted)
    types = input_types(model)
    matured = matured_rows(workspace, types)
    if matured is None or newest is None:
        return False
    since = datetime.fromisoformat(newest["time"]).replace(tzinfo=None)
    return len(matured.where(pl.col("arrived") > since)) >= _FEWEST_NEW


def _worse_than_previous(workspace: Workspace, state: State) -> CheckResult | None:
    """Return the proof that the previous version is better on rows since the promotion, if any."""
    if state.previous is None:
        return None
    live = load(workspace.bundles / str(state.live), trusted=workspace.trusted, threads=0)
    before = load(workspace.bundles / str(state.previous), trusted=workspace.trusted, threads=0)
    types = {**input_types(live), **input_types(before)}
    matured = matured_rows(workspace, types)
    if matured is None:
        return None
    mine = matured.where(pl.col("version") == state.live)
    if not len(mine):
        return None
    level = workspace.project.loop.confidence
    comparison, _ = compare_models(live, before, mine.rows, mine.y, level=level)
    word, result = decide(comparison)
    if word != "promote":
        return None
    why = "the previous version has the smaller loss on the same rows"
    return msgspec.structs.replace(result, name="regret", subject="previous against live", why=why)
