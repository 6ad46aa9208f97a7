"""Register a candidate, put a version live, take it back; the ledger is told, MLflow follows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl

from evermodel.bundle import load
from evermodel.errors import InputError, NotFoundError
from evermodel.evaluate import evaluate as evaluate_rows
from evermodel.loop.comparing import compare_models, decide
from evermodel.loop.reading import read_for
from evermodel.loop.registry import mirror
from evermodel.loop.state import State, Version, load_version, read_state
from evermodel.loop.training import groups
from evermodel.loop.workspace import Workspace, open_workspace, silent
from evermodel.protocols import Progress
from evermodel.records import REGRESSION, CheckResult, Decision, Report
from evermodel.register import model_card
from evermodel.register import register as register_bundle
from evermodel.register import versions as version_folders

__all__ = ["evaluate", "promote", "register", "rollback"]


def evaluate(
    number: int | None = None,
    folder: str | Path | Workspace = ".",
    *,
    data: str | Path | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> Report:
    """Measure a version (or the newest candidate) and hold it to the gate of the project file.

    Parameters
    ----------
    number : int, optional
        The newest candidate unless given.
    folder : path or Workspace
    data : path or URL, optional
        Other rows than the test rows kept at training.
    seed : int, optional
        Of resampled intervals.

    Raises
    ------
    NotFoundError
        When nothing was trained yet, or the version does not exist.
    """
    workspace = open_workspace(folder)
    state = read_state(workspace)
    recorded, bundle = _subject(workspace, state, number)
    progress("reading rows", 0.2)
    model = load(bundle, trusted=workspace.trusted if number is not None else None, threads=0)
    if data is None:
        rows = pl.read_parquet(workspace.ports.blobs.path(recorded["test"]))
        subject = "test"
    else:
        rows, subject = read_for(model, workspace.project, data), Path(str(data)).name
    project = workspace.project
    if project.data.target not in rows.columns:
        raise InputError(
            f"the rows have no outcome column {project.data.target!r}", where=str(data or "test")
        )
    rows = rows.filter(pl.col(project.data.target).is_not_null())
    progress("predicting", 0.4)
    predictions = model.predict(model.encode_frame(rows, repaired=True))
    progress("measuring", 0.7)
    column = rows[project.data.target]
    y = column if model.manifest.task == REGRESSION else column.cast(pl.String)
    report = evaluate_rows(
        y.to_numpy(),
        predictions,
        level=project.evaluate.level,
        require=project.evaluate.require,
        subject=subject,
        seed=recorded["seed"] if seed is None else seed,
        slices=groups(rows, project.data.protected),
        costs=project.outcome,
    )
    evidence = workspace.keep_report(report)
    gate = report.facts.get("gate", "")
    body = {"run": recorded["run"], "number": number, "subject": subject}
    workspace.record("evaluated", {**body, "report": evidence, "gate": gate})
    progress("done", 1.0)
    return Report(
        verb="evaluate",
        subject=f"{project.name}/{number or 'candidate'}",
        results=report.results,
        facts={**report.facts, "report": evidence},
    )


def _subject(workspace: Workspace, state: State, number: int | None) -> tuple[dict[str, Any], Path]:
    if number is not None:
        return state.version(number).trained, workspace.bundles / str(number)
    candidate = state.candidate
    if candidate is None:
        raise NotFoundError("nothing was trained yet", hint="evermodel train")
    return candidate, _candidate_folder(workspace, state, candidate["run"])


def _candidate_folder(workspace: Workspace, state: State, run: str) -> Path:
    """Return the candidate's bundle; once registered, the version's own."""
    place = workspace.candidates / run
    if place.exists():
        return place
    for version in state.versions.values():
        if version.run == run:
            return workspace.bundles / str(version.number)
    raise NotFoundError("the candidate's bundle is gone", where=str(place), hint="evermodel train")


def gate_of(state: State, recorded: dict[str, Any]) -> str:
    """Return the newest gate verdict of a run on its test rows."""
    newest = state.evaluations.get(recorded["run"])
    return str(newest["gate"] if newest and newest["subject"] == "test" else recorded["gate"])


def register(
    run: str = "",
    folder: str | Path | Workspace = ".",
    *,
    force: bool = False,
    progress: Progress = silent,
) -> Report:
    """Sign and number a candidate whose gate has passed; MLflow shows it as a version too.

    Parameters
    ----------
    run : str
        The candidate's run; the newest unless given.
    folder : path or Workspace
    force : bool
        Register although the gate said no.

    Returns
    -------
    Report
        "fail" when the gate says no: nothing is registered then.
    """
    workspace = open_workspace(folder)
    with workspace.job("register", progress) as step:
        state = read_state(workspace)
        recorded = state.candidates.get(run) if run else state.candidate
        if recorded is None:
            raise NotFoundError("there is no such candidate", found=run, hint="evermodel train")
        existing = [v for v in state.versions.values() if v.run == recorded["run"]]
        if existing:
            return _registered_report(workspace, existing[0].number, "it is registered already")
        gate = gate_of(state, recorded)
        if gate == "fail" and not force:
            return _refused(workspace, "register", "the gate of [evaluate] require says no", gate)
        step("signing", 0.2)
        number = max(state.versions, default=0) + 1
        _clear_unrecorded(workspace, state, number)
        version = register_bundle(
            _candidate_folder(workspace, state, recorded["run"]),
            destination=workspace.bundles,
            number=number,
            keys=workspace.ports.keys,
            created=workspace.now(),
        )
        model = load(workspace.bundles / str(number), trusted=workspace.trusted)
        card = model_card(model.manifest, workspace.report(recorded["report"]).results)
        body = {
            "number": number,
            "digest": version.digest,
            "run": recorded["run"],
            "report": recorded["report"],
            "card": workspace.ports.blobs.put(card.encode()),
            "gate": gate,
        }
        workspace.record("registered", body)
        step("telling MLflow", 0.6)
        warnings = mirror(workspace, settle=False)
        return _registered_report(workspace, number, "signed and numbered", warnings)


def _registered_report(
    workspace: Workspace, number: int, why: str, warnings: tuple[CheckResult, ...] = ()
) -> Report:
    name = f"{workspace.project.name}/{number}"
    result = CheckResult(name="registered", subject=name, value=number, why=why)
    return Report(
        verb="register",
        subject=name,
        results=(result, *warnings),
        facts={"version": number, "bundle": str(workspace.bundles / str(number))},
    )


def _refused(workspace: Workspace, verb: str, why: str, gate: str) -> Report:
    result = CheckResult(
        name="gate",
        subject=workspace.project.name,
        verdict="fail",
        why=why,
        evidence={"gate": gate},
    )
    return Report(verb=verb, subject=workspace.project.name, results=(result,))


def _clear_unrecorded(workspace: Workspace, state: State, number: int) -> None:
    """Take away a version that a crash left without its ledger event: nobody was told of it."""
    for left in version_folders(workspace.bundles):
        if left not in state.versions and left >= number:
            shutil.rmtree(workspace.bundles / str(left))


def promote(
    number: int | None = None,
    folder: str | Path | Workspace = ".",
    *,
    reason: str = "",
    force: bool = False,
    actor: str = "",
    progress: Progress = silent,
) -> Report:
    """Put a version live, if its gate passes and it is not known to be worse than the champion.

    Parameters
    ----------
    number : int, optional
        The challenger (the newest registered version) unless given.
    folder : path or Workspace
    reason : str
        Written into the ledger.
    force : bool
        Put it live whatever gate and comparison say; the ledger keeps that it was forced.
    actor : str
        Who decides, if not who runs this.

    Returns
    -------
    Report
        "fail" when it was refused; what is live stays live then.
    """
    workspace = open_workspace(folder)
    with workspace.job("promote", progress) as step:
        state = read_state(workspace)
        wanted = (
            number if number is not None else state.challenger or max(state.versions, default=0)
        )
        version = state.version(wanted or None)
        if version.number == state.live:
            result = CheckResult(name="promoted", value=version.number, why="it is live already")
            return _decision_report(workspace, "promote", (result,), version.number, state.live)
        step("comparing", 0.2)
        results = _weigh(workspace, state, version)
        no = [result for result in results if result.verdict == "fail"]
        if no and not force:
            body = {"number": version.number, "reason": no[0].why, "kept": state.live}
            evidence = workspace.keep_report(Report(verb="promote", results=results))
            workspace.record("rejected", {**body, "reports": [evidence]}, actor=actor)
            return _decision_report(workspace, "promote", results, version.number, state.live)
        load_version(workspace, version)
        why = reason or (results[0].why if results else "asked for")
        put_live(workspace, state, version.number, why, results, actor=actor, forced=bool(no))
        step("telling MLflow", 0.7)
        warnings = mirror(workspace)
        done = CheckResult(name="promoted", value=version.number, why=why)
        if no:
            done = CheckResult(name="promoted", value=version.number, verdict="warn", why="forced")
            results = tuple(_softened(result) for result in results)
        results = (done, *results, *warnings)
        return _decision_report(workspace, "promote", results, version.number, version.number)


def _softened(result: CheckResult) -> CheckResult:
    import msgspec

    forced = result.verdict == "fail"
    return msgspec.structs.replace(result, verdict="warn") if forced else result


def put_live(
    workspace: Workspace,
    state: State,
    number: int,
    reason: str,
    results: tuple[CheckResult, ...],
    *,
    actor: str = "",
    forced: bool = False,
) -> None:
    """Write the one event that makes a version live; servers follow it."""
    evidence = workspace.keep_report(Report(verb="promote", results=results))
    body = {
        "number": number,
        "digest": state.version(number).digest,
        "previous": state.live,
        "reason": reason,
        "forced": forced,
        "reports": [evidence],
    }
    workspace.record("promoted", body, actor=actor)


def _weigh(workspace: Workspace, state: State, version: Version) -> tuple[CheckResult, ...]:
    """Return the gate's result, and the comparison with the champion on the newer test rows."""
    gate = gate_of(state, version.trained)
    verdict = gate if gate in ("pass", "warn", "fail") else "unknown"
    why = {
        "fail": "the gate of [evaluate] require says no",
        "unknown": "the gate requires nothing, or cannot say",
    }.get(verdict, "the gate passes")
    results = [
        CheckResult(name="gate", subject=f"version {version.number}", verdict=verdict, why=why)  # type: ignore[arg-type]
    ]
    if state.live is not None:
        results.append(compare_on_test(workspace, state.version(state.live), version)[1])
    return tuple(results)


def compare_on_test(
    workspace: Workspace, champion: Version, challenger: Version
) -> tuple[str, CheckResult]:
    """Compare two versions on the challenger's test rows, which it has not learned from."""
    rows = pl.read_parquet(workspace.ports.blobs.path(challenger.trained["test"]))
    old = load_version(workspace, champion)
    new = load_version(workspace, challenger)
    absent = [item.name for item in old.manifest.inputs if item.name not in rows.columns]
    if absent:
        why = f"the champion reads columns that these rows lack: {', '.join(absent[:5])}"
        return "hold", CheckResult(name="gain", verdict="unknown", why=why)
    target = workspace.project.data.target
    y = rows[target] if new.manifest.task == REGRESSION else rows[target].cast(pl.String)
    level = workspace.project.loop.confidence
    comparison, facts = compare_models(old, new, rows, y.to_numpy(), level=level)
    word, result = decide(comparison)
    import msgspec

    return word, msgspec.structs.replace(result, evidence=facts)


def rollback(
    folder: str | Path | Workspace = ".",
    *,
    to: int | None = None,
    reason: str = "",
    actor: str = "",
    progress: Progress = silent,
) -> Report:
    """Put the version live again that was live before (or `to`), after checking that it loads.

    Raises
    ------
    NotFoundError
        When there is nothing to go back to.
    """
    workspace = open_workspace(folder)
    with workspace.job("promote", progress):
        state = read_state(workspace)
        number = to if to is not None else state.previous
        if number is None:
            raise NotFoundError(
                "there is no version to go back to",
                found=f"live: {state.live}",
                hint="name one with --to, from evermodel history",
            )
        version = state.version(number)
        if number == state.live:
            there = CheckResult(name="rolled back", value=number, why="it is live already")
            return _decision_report(workspace, "rollback", (there,), number, number)
        load_version(workspace, version)
        why = reason or "asked for"
        body = {
            "number": version.number,
            "digest": version.digest,
            "previous": state.live,
            "reason": why,
        }
        workspace.record("rolled_back", body, actor=actor)
        warnings = mirror(workspace)
        done = CheckResult(name="rolled back", value=version.number, why=why)
        return _decision_report(
            workspace, "rollback", (done, *warnings), version.number, version.number
        )


def _decision_report(
    workspace: Workspace,
    verb: str,
    results: tuple[CheckResult, ...],
    number: int,
    live: int | None,
) -> Report:
    facts = {"version": number, "live": live}
    return Report(verb=verb, subject=workspace.project.name, results=results, facts=facts)


def decision(
    workspace: Workspace, action: Any, reason: str, results: tuple[CheckResult, ...], **more: Any
) -> Decision:
    """Return a decision of the loop as a record."""
    return Decision(
        action=action,
        project=workspace.project.name,
        actor=workspace.actor,
        reason=reason,
        results=results,
        **more,
    )
