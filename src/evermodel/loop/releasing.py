"""Register a candidate, put a version live, take it back; the ledger is told, MLflow follows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Unpack

import msgspec
import polars as pl

from evermodel.bundle import Model, load
from evermodel.errors import InputError, NotFoundError, masked
from evermodel.evaluate import evaluate as evaluate_rows
from evermodel.loop.deciding import judged
from evermodel.loop.decisions import put_live, settle
from evermodel.loop.external import Named, evaluate_external
from evermodel.loop.gating import TEST, doubts, gate_of, gate_result
from evermodel.loop.reading import keys_read, read_for
from evermodel.loop.registry import mirror
from evermodel.loop.state import State, Version, load_candidate, load_version, read_state
from evermodel.loop.tracing import traced
from evermodel.loop.training import groups, learned_from, shared_key
from evermodel.loop.workspace import Workspace, open_workspace, silent
from evermodel.protocols import Progress
from evermodel.records import REGRESSION, CheckResult, Decision, Report
from evermodel.register import model_card
from evermodel.register import register as register_bundle
from evermodel.register import versions as version_folders
from evermodel.store.lineage import DataSet

__all__ = ["evaluate", "promote", "register", "rollback", "take_back"]


def evaluate(
    number: int | None = None,
    folder: str | Path | Workspace = ".",
    *,
    data: object = None,
    seed: int | None = None,
    progress: Progress = silent,
    **named: Unpack[Named],
) -> Report:
    """Measure a version (or the newest candidate) and hold it to the gate of the project file.

    With `truth`, the predictions that stand in `data` are measured instead, of whatever model:
    neither a version nor a project is needed.

    Parameters
    ----------
    number : int, optional
        Unless given the newest candidate, or what is live where that was turned down.
    folder : path or Workspace
    data : path or URL, optional
        Other rows than the test rows kept at training; a DataFrame, too, with `truth`.
    seed : int, optional
        Of resampled intervals.
    **named
        What the columns of predictions are: see `evermodel.loop.external.Named`.

    Raises
    ------
    NotFoundError
        When nothing was trained yet, or the version does not exist.
    """
    if any(named.values()):
        return _predictions(number, data, seed, named)
    if data is not None and not isinstance(data, str | Path):
        hint = "name the columns: em.evaluate(data=frame, truth=..., score=...)"
        raise InputError("rows for a version come from a file", hint=hint)
    workspace = open_workspace(folder, make=False)
    with workspace.job("evaluate", progress) as step:
        return _evaluate(workspace, number, data, seed, step)


def _predictions(number: int | None, data: object, seed: int | None, named: Named) -> Report:
    """Measure what stands in a table of predictions."""
    if data is None or not named.get("truth"):
        missing = "data" if data is None else "truth"
        raise InputError(
            "predictions are measured in a table with a column of outcomes",
            hint=f"name it: {missing}; for example --data FILE --truth y --score p",
        )
    if number is not None:
        what = "either a version is measured or the predictions of a table"
        raise InputError(what, found=f"version {number} and columns of predictions")
    return evaluate_external(data, seed=seed, **named)


def _evaluate(
    workspace: Workspace,
    number: int | None,
    data: str | Path | None,
    seed: int | None,
    step: Progress,
) -> Report:
    state = read_state(workspace)
    number = _in_question(state) if number is None else number
    recorded, model = _subject(workspace, state, number)
    read = {
        "model": DataSet(kind="model", digest=recorded["digest"]),
        "rows": DataSet(digest=recorded["test"]) if data is None else DataSet(address=str(data)),
    }
    with traced(workspace, workspace.new_run("evaluate"), read) as trace:
        report = _measured(workspace, number, recorded, model, data, seed, step)
        trace.outputs["evaluation"] = DataSet(digest=report.facts["report"])
    return msgspec.structs.replace(report, results=(*report.results, *trace.results()))


def _measured(
    workspace: Workspace,
    number: int | None,
    recorded: dict[str, Any],
    model: Model,
    data: str | Path | None,
    seed: int | None,
    step: Progress,
) -> Report:
    """Measure a version or candidate on rows, and write the measurement down."""
    step("reading rows", 0.2)
    project = workspace.project
    rows, subject = _rows_to_measure(workspace, recorded, model, data)
    step("predicting", 0.4)
    predictions = model.predict(model.encode_frame(rows, repaired=True))
    step("measuring", 0.7)
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
        held=model.manifest.training.get("interval_level"),
        guess=model.manifest.training.get("guess"),
        key=shared_key(rows, project.data.key),
    )
    evidence = workspace.keep_report(report)
    gate = report.facts.get("gate", "")
    body = {"run": recorded["run"], "number": number, "subject": subject}
    workspace.record("evaluated", {**body, "report": evidence, "gate": gate})
    results = report.results
    if data is not None:
        results = (*results, *_learned_from(workspace, recorded, model, rows, subject))
    if gate == "unknown":
        why = doubts(results)
        results = (*results, CheckResult(name="gate", subject=subject, verdict="fail", why=why))
    return Report(
        verb="evaluate",
        subject=f"{project.name}/{number or 'candidate'}",
        results=results,
        facts={**report.facts, "report": evidence},
    )


def _rows_to_measure(
    workspace: Workspace, recorded: dict[str, Any], model: Model, data: str | Path | None
) -> tuple[pl.DataFrame, str]:
    """Return the rows with a known outcome, and what they are called in the report."""
    if data is None:
        rows, subject = pl.read_parquet(workspace.ports.blobs.path(recorded["test"])), TEST
    else:
        # Masked before it is cut: what follows the last slash may hold the password.
        beside = keys_read(workspace, recorded).values()
        rows = read_for(model, workspace.project, data, beside=beside)
        subject = Path(masked(str(data))).name
        if subject == TEST:
            # A file of that name does not stand for the rows that training held out.
            subject = f"file {subject}"
    target = workspace.project.data.target
    if target not in rows.columns:
        raise InputError(f"the rows have no outcome column {target!r}", where=str(data or "test"))
    return rows.filter(pl.col(target).is_not_null()), subject


def _learned_from(
    workspace: Workspace, recorded: dict[str, Any], model: Model, rows: pl.DataFrame, subject: str
) -> tuple[CheckResult, ...]:
    """Return a warning when there are rows among these that the model was trained on."""
    data = workspace.project.data
    names = (*data.key, *(item.name for item in model.manifest.inputs), data.target)
    try:
        count = int(learned_from(workspace, recorded, rows, names).sum())
    except NotFoundError:
        return ()  # erased since: nobody can tell any more
    if not count:
        return ()
    why = "rows that it was trained on, or that equal such: what is measured on them flatters it"
    return (
        CheckResult(
            name="learned_from",
            subject=subject,
            value=count,
            unit="rows",
            n=rows.height,
            verdict="warn",
            why=why,
        ),
    )


def _in_question(state: State) -> int | None:
    """Return the version that anybody wants to know of next; None for an unregistered candidate."""
    run = "" if state.candidate is None else state.candidate["run"]
    newest = next((number for number, each in state.versions.items() if each.run == run), None)
    open_to_all = newest in (None, state.challenger, state.live) or state.live is None
    return newest if open_to_all else state.live


def _subject(
    workspace: Workspace, state: State, number: int | None
) -> tuple[dict[str, Any], Model]:
    """Return what is known of a version or of the newest candidate, and its model."""
    if number is not None:
        version = state.version(number)
        return version.trained, load_version(workspace, version)
    candidate = state.candidate
    if candidate is None:
        raise NotFoundError("nothing was trained yet", hint="evermodel train")
    return candidate, load_candidate(workspace, candidate)


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
    workspace = open_workspace(folder, make=False)
    with workspace.job("register", progress) as step:
        state = read_state(workspace)
        recorded = state.candidates.get(run) if run else state.candidate
        if recorded is None:
            raise NotFoundError("there is no such candidate", found=run, hint="evermodel train")
        existing = [v for v in state.versions.values() if v.run == recorded["run"]]
        if existing:
            return _registered_report(workspace, existing[0].number, "it is registered already")
        gate = gate_result(workspace, state, recorded, workspace.project.name)
        if gate.verdict == "fail" and not force:
            return Report(verb="register", subject=workspace.project.name, results=(gate,))
        step("signing", 0.2)
        number = max(state.versions, default=0) + 1
        _clear_unrecorded(workspace, state, number)
        load_candidate(workspace, recorded)
        version = register_bundle(
            workspace.candidates / recorded["run"],
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
            "gate": gate_of(workspace, state, recorded),
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
    workspace = open_workspace(folder, make=False)
    with workspace.job("promote", progress) as step, workspace.releasing():
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
            return _reject(workspace, "promote", state, version, results, actor)
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
    forced = result.verdict == "fail"
    return msgspec.structs.replace(result, verdict="warn") if forced else result


def _reject(
    workspace: Workspace,
    verb: str,
    state: State,
    version: Version,
    results: tuple[CheckResult, ...],
    actor: str,
) -> Report:
    """Write down why a version does not go live; what is live stays."""
    decision = Decision(
        action="reject",
        project=workspace.project.name,
        actor=actor or workspace.actor,
        reason=next(result.why for result in results if result.verdict == "fail"),
        version=version.number,
        live=state.live,
        results=results,
    )
    settle(workspace, decision)
    return _decision_report(workspace, verb, results, version.number, state.live)


def _weigh(workspace: Workspace, state: State, version: Version) -> tuple[CheckResult, ...]:
    """Return the gate's result, and the comparison with the champion as the loop would judge it."""
    results = [gate_result(workspace, state, version.trained, f"version {version.number}")]
    if state.live is not None:
        results.append(judged(workspace, state.version(state.live), version)[1])
    return tuple(results)


def rollback(
    folder: str | Path | Workspace = ".",
    *,
    to: int | None = None,
    reason: str = "",
    force: bool = False,
    actor: str = "",
    progress: Progress = silent,
) -> Report:
    """Put the version live again that was live before (or `to`), after checking that it loads.

    A version that has never been live is no way back: it is gated and compared as in a promotion.

    Parameters
    ----------
    folder : path or Workspace
    to : int, optional
        Another version than the one before.
    reason : str
        Written into the ledger.
    force : bool
        Whatever gate and comparison say; only a version that was never live needs it.
    actor : str
        Who decides, if not who runs this.

    Returns
    -------
    Report
        "fail" when it was refused; what is live stays live then.

    Raises
    ------
    NotFoundError
        When there is nothing to go back to.
    """
    workspace = open_workspace(folder, make=False)
    with workspace.job("rollback", progress), workspace.releasing():
        state = read_state(workspace)
        number = to if to is not None else state.previous
        if number is None:
            before = ", ".join(map(str, sorted(state.lived - {state.live}))) or "no other"
            raise NotFoundError(
                "there is no version to go back to",
                found=f"live: {state.live}; once live: {before}",
                hint="name one: evermodel rollback --to N",
            )
        version = state.version(number)
        if number == state.live:
            there = CheckResult(name="rolled back", value=number, why="it is live already")
            return _decision_report(workspace, "rollback", (there,), number, number)
        results = () if number in state.lived else _weigh(workspace, state, version)
        if not force and any(result.verdict == "fail" for result in results):
            return _reject(workspace, "rollback", state, version, results, actor)
        results = (*results, *_proven_worse(state, number))
        return take_back(workspace, state, number, reason or "asked for", results, actor=actor)


def _proven_worse(state: State, number: int) -> tuple[CheckResult, ...]:
    """Return a warning when outcomes once spoke against a version."""
    if number not in state.proven_worse:
        return ()
    why = f"it was taken back at {state.proven_worse[number]}: the version before was better"
    return (CheckResult(name="worse", subject=f"version {number}", verdict="warn", why=why),)


def take_back(
    workspace: Workspace,
    state: State,
    number: int,
    reason: str,
    proof: tuple[CheckResult, ...] = (),
    *,
    actor: str = "",
) -> Report:
    """Put a version live again in one step, with the proof why; the caller holds the lease."""
    load_version(workspace, state.version(number))
    forced = any(result.verdict == "fail" for result in proof)
    done = CheckResult(name="rolled back", value=number, why=reason)
    if forced:
        done = CheckResult(name="rolled back", value=number, verdict="warn", why="forced")
    evidence = (done, *proof)
    put_live(workspace, state, number, reason, evidence, actor=actor, forced=forced, back=True)
    shown = (done, *map(_softened, proof), *mirror(workspace))
    return _decision_report(workspace, "rollback", shown, number, number)


def _decision_report(
    workspace: Workspace,
    verb: str,
    results: tuple[CheckResult, ...],
    number: int,
    live: int | None,
) -> Report:
    facts = {"version": number, "live": live}
    return Report(verb=verb, subject=workspace.project.name, results=results, facts=facts)
