"""Watch what is live: tell broken data, harm, and a change that does no harm apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evermodel.bundle import Model, Predictions, read_manifest
from evermodel.data import gate
from evermodel.errors import BundleError, InputError, masked
from evermodel.loop.comparing import error_scale, row_losses
from evermodel.loop.gating import useless
from evermodel.loop.looking import FEWEST_ROWS, window_of
from evermodel.loop.matured import input_types, judged_log, outcomes_of
from evermodel.loop.outcomes import labelled
from evermodel.loop.predictions import (
    compact,
    features_of,
    log_damage,
    newest_commit,
)
from evermodel.loop.state import State, Version, load_version, read_state
from evermodel.loop.tracing import traced
from evermodel.loop.unseen import unseen
from evermodel.loop.workspace import Workspace, open_workspace, silent
from evermodel.monitor import (
    RiskTracker,
    diagnose,
    drift,
    drift_level,
    own_drift,
    performance,
    risk_level,
    tolerated,
)
from evermodel.plugins import load_plugin
from evermodel.project import duration_seconds
from evermodel.protocols import Progress
from evermodel.records import BINARY, REGRESSION, CheckResult, ColumnType, Report
from evermodel.store.lineage import DataSet
from evermodel.tables import Profile, profile, read

__all__ = ["FEWEST_ROWS", "Watched", "answered", "monitor", "watch"]

_FEW = "too few to say"
_PREDICTION = "prediction"
_YEAR = timedelta(days=365)
_FLATTERING = (
    "scored rows that it was trained on: they are in no measure here, for they would flatter"
)


@dataclass(frozen=True)
class Watched:
    """What one look found."""

    report: Report
    state: str
    columns: tuple[str, ...]


def monitor(
    folder: str | Path | Workspace = ".",
    *,
    reference: str | Path | None = None,
    current: str | Path | None = None,
    progress: Progress = silent,
) -> Report:
    """Compare what is served now with the training rows, and measure it where outcomes are known.

    Parameters
    ----------
    folder : path or Workspace
    reference, current : path or URL, optional
        Two tables to compare without a project: drift only.

    Raises
    ------
    InputError
        When one of the two tables is given without the other.
    NotFoundError
        When nothing is live yet.
    """
    if (reference is None) != (current is None):
        raise InputError("reference and current go together: two tables are compared")
    if reference is not None and current is not None:
        return compare_tables(reference, current, progress)
    workspace = open_workspace(folder, make=False)
    with workspace.job("monitor", progress) as step:
        return watch(workspace, step).report


def compare_tables(
    reference: str | Path, current: str | Path, progress: Progress = silent
) -> Report:
    """Return the drift of every column between two tables."""
    progress("reading the reference", 0.1)
    before = read(str(reference))
    types = {column.name: column.type for column in before.schema.columns}
    old = profile(before.frame, types)
    del before
    progress("reading the current rows", 0.5)
    after = read(str(current), types=types)
    kept = {name: kind for name, kind in types.items() if name in after.frame.columns}
    new = profile(after.frame, kept, like=old)
    progress("comparing", 0.9)
    results = drift(old, new)
    progress("done", 1.0)
    return Report(verb="monitor", subject=masked(str(current)), results=tuple(results))


def watch(workspace: Workspace, progress: Progress = silent) -> Watched:
    """Look once at what is live, write the look into the ledger, and return it."""
    progress("gathering predictions", 0.1)
    compact(workspace)
    state = read_state(workspace)
    live = state.version(state.live)
    model = load_version(workspace, live)
    read = {
        "model": DataSet(kind="model", digest=live.trained["digest"]),
        "predictions": DataSet(digest=newest_commit(workspace, "predictions")),
        "labels": DataSet(digest=newest_commit(workspace, "labels")),
    }
    with traced(workspace, workspace.new_run("monitor"), read) as trace:
        found = _looked(workspace, state, live, model, progress)
        trace.outputs["look"] = DataSet(digest=workspace.events("monitored")[-1].body["report"])
    report = found.report
    told = msgspec.structs.replace(report, results=(*report.results, *trace.results()))
    return replace(found, report=told)


def _looked(
    workspace: Workspace, state: State, live: Version, model: Model, progress: Progress
) -> Watched:
    """Compare and measure what is live, and write the look into the ledger."""
    window = window_of(workspace, state)
    if window is None or not window.height:
        why = "No prediction was logged since it went live."
        nothing = CheckResult(
            name="action", subject="live", verdict="unknown", why=why, evidence={"state": _FEW}
        )
        return _watched(workspace, state, model, (nothing, *log_damage(workspace)), None)
    progress("comparing columns", 0.4)
    types = input_types(model)
    gated, drifted = _compared(model, window, types, _drift_level(workspace))
    progress("measuring on outcomes", 0.7)
    tested = workspace.report(live.trained["report"]).results
    measured = _measured(workspace, state, model, tested)
    action = diagnose(gated, drifted, measured, useless=useless(tested))
    noted = gated.results if gated is not None else ()
    failed = tuple(result for result in noted if result.verdict in ("fail", "warn"))
    own = _own_drift(workspace, live, window, types)
    seen = (*failed, *(measured or ()), *drifted, *own)
    results = (*action, *log_damage(workspace), *seen)
    progress("done", 1.0)
    return _watched(workspace, state, model, results, window)


def _drift_level(workspace: Workspace) -> float:
    """Return the confidence of a look: by the looks that are planned a year, and were taken."""
    project = workspace.project
    since = workspace.ports.clock.now() - _YEAR
    taken = sum(datetime.fromisoformat(e.time) > since for e in workspace.events("monitored"))
    planned = _YEAR.total_seconds() / duration_seconds(project.loop.every)
    return drift_level(project.monitor.false_alarms_a_year, planned, taken + 1)


def _compared(
    model: Model, window: pl.DataFrame, types: Mapping[str, ColumnType], level: float
) -> tuple[Report | None, list[CheckResult]]:
    """Return what the gate says of the window, and the drift of its columns and answers.

    Where features are not written down, the answers alone are compared.
    """
    reference = msgspec.json.decode(model.part("reference") or b"", type=Profile)
    answers = pl.Series(_PREDICTION, _answers(model, window))
    kind: ColumnType = "category" if model.manifest.task == "multiclass" else "number"
    if window["features"].null_count():
        only = tuple(column for column in reference.columns if column.name == _PREDICTION)
        reference = msgspec.structs.replace(reference, columns=only)
        now = profile(pl.DataFrame([answers]), {_PREDICTION: kind}, like=reference)
        return None, list(drift(reference, now, level=level))
    features = features_of(window, types)
    gated = gate(features, reference)
    now = profile(features.with_columns(answers), {**types, _PREDICTION: kind}, like=reference)
    return gated, list(drift(reference, now, level=level))


def _own_drift(
    workspace: Workspace, live: Version, window: pl.DataFrame, types: Mapping[str, ColumnType]
) -> tuple[CheckResult, ...]:
    """Return what the project's own methods say of the window, beside the version's test rows."""
    project = workspace.project
    names = project.monitor.drift_methods
    if not names or window["features"].null_count():
        return ()
    methods = {name: load_plugin("drift_method", name, folder=project.root) for name in names}
    before = pl.read_parquet(workspace.ports.blobs.path(live.trained["test"]))
    return tuple(own_drift(methods, before, features_of(window, types)))


def _watched(
    workspace: Workspace,
    state: State,
    model: Model,
    results: Sequence[CheckResult],
    window: pl.DataFrame | None,
) -> Watched:
    action = next(result for result in results if result.name == "action")
    word = str(action.evidence.get("state", _FEW))
    columns = tuple(action.evidence.get("columns", ()))
    facts: dict[str, Any] = {"version": state.live, "state": word, "columns": list(columns)}
    # Which rows a look spoils is read from here: a bundle may be gone by then.
    inputs = list(input_types(model))
    body: dict[str, Any] = {
        **facts, "reign": state.reign(workspace.project.name), "inputs": inputs
    }  # fmt: skip
    if window is not None and window.height:
        first, last = window["time"].min(), window["time"].max()
        if isinstance(first, datetime) and isinstance(last, datetime):
            body |= {"first": first.isoformat(), "last": last.isoformat()}
        facts["rows"] = body["rows"] = window.height
    report = Report(
        verb="monitor",
        subject=f"{workspace.project.name}/{state.live}",
        results=tuple(results),
        facts=facts,
    )
    body |= {"report": workspace.keep_report(report), "verdict": report.verdict, "why": action.why}
    workspace.record("monitored", body)
    return Watched(report, word, columns)


def _answers(model: Model, log: pl.DataFrame) -> list[Any]:
    """Return what is watched of the logged answers: probability, value, or label."""
    outputs = [msgspec.json.decode(text) for text in log["output"].to_list()]
    field = "probability" if model.manifest.task == BINARY else "prediction"
    return [output[field] for output in outputs]


def answered(model: Model, log: pl.DataFrame) -> Predictions:
    """Return the answers that left the server, as they were logged."""
    manifest = model.manifest
    outputs = [msgspec.json.decode(text) for text in log["output"].to_list()]

    def numbers(field: str) -> NDArray[np.float64]:
        return np.array([output[field] for output in outputs], np.float64)

    empty = Predictions(manifest.task, manifest.classes, manifest.positive)
    if manifest.task == REGRESSION:
        bounds: dict[str, Any] = {
            name: numbers(name) for name in ("low", "high") if name in outputs[0]
        }
        return replace(empty, value=numbers("prediction"), **bounds)
    if manifest.task == BINARY:
        chances = numbers("probability")
    else:
        names = manifest.classes
        chances = np.array([[output["probability"][name] for name in names] for output in outputs])
    said = np.array([output["prediction"] for output in outputs], object)
    return replace(empty, probability=chances, label=said)


def _measured(
    workspace: Workspace, state: State, model: Model, tested: Sequence[CheckResult]
) -> tuple[CheckResult, ...] | None:
    """Return measured performance since the version went live, or None without outcomes."""
    log = _reigned(workspace, state, model)
    if log is None:
        return None
    fresh = unseen(workspace, log, state.version(state.live))
    told = (
        *_in_no_measure("learned_from", int((~fresh).sum()), log.height, _FLATTERING),
        *_set_aside(workspace, log, state.reign(workspace.project.name)),
    )
    log = log.filter(fresh)
    if not log.height:
        return told or None
    predictions = _said(model, log, state.reign(workspace.project.name))
    project, y = workspace.project, outcomes_of(workspace, log)
    baseline = {
        result.name: result for result in tested if result.subject == "test" and not result.slice
    }
    level = project.loop.confidence
    results = performance(
        y,
        predictions,
        baseline=baseline,
        tolerance=project.monitor.tolerance,
        level=level,
    )
    losses = row_losses(model, predictions, y, scale=error_scale(model))
    risk = _risk(log, losses, baseline, model, workspace, state)
    return (*told, *results, *([] if risk is None else [risk]))


def _set_aside(workspace: Workspace, judged: pl.DataFrame, reign: str) -> tuple[CheckResult, ...]:
    """Return how many outcomes of the present reign are in no measure, because data were broken."""
    every = labelled(workspace)
    mine = pl.col("deployment") == reign
    known = 0 if every is None else every.filter(mine).height
    why = "their rows came while the data were broken: they are in no measure here"
    return _in_no_measure("outcomes_set_aside", known - judged.filter(mine).height, known, why)


def _in_no_measure(name: str, rows: int, n: int, why: str) -> tuple[CheckResult, ...]:
    if not rows:
        return ()
    return (
        CheckResult(
            name=name, subject="live", value=rows, unit="rows", n=n, verdict="warn", why=why
        ),
    )


def _reigned(workspace: Workspace, state: State, model: Model) -> pl.DataFrame | None:
    """Return the rows that tell of the present reign: those of the live version, then others.

    These are the rows that it answered, and those whose outcomes came in this reign although the
    version before answered them: what the live one says to the same features. Without the second
    kind nobody would see a harm for a whole label delay after each promotion. Outcomes that were
    there at the promotion are left out, because the choice fell by them.
    """
    log = judged_log(workspace, input_types(model))
    if log is None:
        return None
    reign = pl.col("deployment") == state.reign(workspace.project.name)
    since = datetime.fromisoformat(state.live_since).replace(tzinfo=None)
    able = [number for number in log["version"].unique() if _reads_all(workspace, number, model)]
    mine = log.filter(reign)
    others = log.filter(~reign & (pl.col("arrived") > since) & pl.col("version").is_in(able))
    return pl.concat([mine, others.drop_nulls("features")])


def _said(model: Model, log: pl.DataFrame, reign: str) -> Predictions:
    """Return what a model answered in its reign, and then what it says to rows of other reigns."""
    mine = log.filter(pl.col("deployment") == reign)
    others = log.filter(pl.col("deployment") != reign)
    parts = [answered(model, mine)] if mine.height else []
    if others.height:
        features = features_of(others, input_types(model))
        parts.append(model.predict(model.encode_frame(features, repaired=True)))
    return sum(parts[1:], parts[0])


def _reads_all(workspace: Workspace, number: int | None, model: Model) -> bool:
    """Whether what a version was asked holds all that a model reads, in the same types."""
    try:
        asked = read_manifest(workspace.bundles / str(number))
    except BundleError:
        return False
    types = {item.name: item.type for item in asked.inputs}
    return all(types.get(name) == kind for name, kind in input_types(model).items())


def _reign(state: State) -> int:
    """Return how many times a version went live in the year up to when the live one did."""
    since = datetime.fromisoformat(state.live_since) - _YEAR
    return sum(datetime.fromisoformat(time) > since for time in state.went_live)


def _risk(
    log: pl.DataFrame,
    losses: NDArray[np.float64],
    baseline: dict[str, CheckResult],
    model: Model,
    workspace: Workspace,
    state: State,
) -> CheckResult | None:
    """Return the loss since the version went live, at a level that holds at every look."""
    name = "mae" if model.manifest.task == REGRESSION else "brier"
    test = baseline.get(name)
    monitored = workspace.project.monitor
    scale = {"binary": 1.0, "multiclass": 0.5}.get(model.manifest.task, 0.0)
    largest = 1.0 / scale if scale else 1.0
    most = None if test is None else tolerated(test, monitored.tolerance, largest=largest)
    if most is None:
        return None
    if not scale:
        scale = 1.0 / error_scale(model)
    bound = min(max(scale * most, 1e-6), 1 - 1e-6)
    level = risk_level(monitored.false_alarms_a_year, _reign(state))
    tracker = RiskTracker(bound=bound, level=level)
    arrived = log["arrived"].to_numpy()
    for moment in np.unique(arrived):
        tracker.update(losses[arrived == moment])
    regression = model.manifest.task == REGRESSION
    return tracker.result(scale=error_scale(model) if regression else None)
