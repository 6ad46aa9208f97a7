"""Train a candidate, and train a version again to see that it can be done."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import polars as pl

from evermodel.bundle import load
from evermodel.data import check as check_table
from evermodel.errors import NotFoundError, SurroundingsError
from evermodel.evaluate import evaluate as evaluate_rows
from evermodel.loop.beginning import read_source
from evermodel.loop.state import load_version, read_state
from evermodel.loop.workspace import (
    Effort,
    Workspace,
    attach_mlflow,
    code_digest,
    environment_digest,
    open_workspace,
    silent,
    tell,
)
from evermodel.project import Project
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report, Run
from evermodel.tables import Table, digest, versions
from evermodel.train.export import PARITY_LIMIT
from evermodel.train.fit import Chosen, Trained
from evermodel.train.fit import train as fit_candidate

__all__ = ["reproduce", "train"]


def train(
    folder: str | Path | Workspace = ".",
    *,
    seed: int | None = None,
    progress: Progress = silent,
) -> Report:
    """Check the project's data, train a candidate on it, and measure it on the test rows.

    Parameters
    ----------
    folder : path or Workspace
    seed : int, optional
        Instead of the project's.

    Raises
    ------
    DataError
        When the data cannot be learned from.
    BusyError
        When this project is being trained already.
    """
    workspace = open_workspace(folder)
    with workspace.job("train", progress) as step:
        step("reading the data", 0.01)
        table = read_source(workspace.project)
        return train_on(workspace, table, seed=seed, step=step)


def train_on(
    workspace: Workspace,
    table: Table,
    *,
    seed: int | None = None,
    step: Progress = silent,
    why: str = "asked for",
    project: Project | None = None,
) -> Report:
    """Train on a table that was read; the part that `train` and `retrain` share."""
    project = project or workspace.project
    effort = Effort()
    seed = project.train.seed if seed is None else seed
    run = workspace.new_run("train", seed=seed)
    checked = check_table(table, project=project)
    if checked.verdict == "fail":
        refused = [result for result in checked.results if result.verdict == "fail"]
        evidence = workspace.keep_report(checked)
        reason = refused[0].why
        workspace.record("data_refused", {"run": run.id, "reason": reason, "report": evidence})
        return Report(verb="train", subject=project.name, results=tuple(refused))
    fingerprint = digest(table.frame)
    step("keeping the data version", 0.03)
    data_version = _keep_data(workspace, table.frame)
    missing = missing_words(table, project)
    place = workspace.candidates / run.id
    trained = fit_candidate(
        table.frame,
        project,
        place,
        run=run.id,
        created=run.started,
        data=fingerprint,
        missing=missing,
        seed=seed,
        progress=step,
    )
    measured = measure(workspace, trained, project)
    parity = _parity_result(trained)
    report = Report(
        verb="train",
        subject=project.name,
        results=(*measured.results, parity),
        facts={
            "run": run.id,
            "candidate": str(place),
            "model": trained.chosen.model,
            "calibrator": (trained.manifest.training["calibrator"] or {}).get("kind", ""),
            "threshold": trained.manifest.threshold,
            "split": trained.split.how,
            "train_rows": len(trained.split.train),
            "test_rows": len(trained.split.test),
            "data_version": data_version,
            "losses": trained.losses,
            "gate": measured.facts.get("gate", ""),
        },
    )
    test = workspace.ports.blobs.put(_parquet(trained.test))
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    run = msgspec.structs.replace(
        run,
        seconds=round(effort.seconds, 3),
        cpu_seconds=round(effort.cpu_seconds, 3),
        peak_bytes=effort.peak_bytes,
        bytes_written=size,
        inputs={"data": fingerprint},
        parameters=asdict(trained.chosen),
    )
    body = {
        "run": run.id,
        "why": why,
        "digest": load(place, trusted=None).digest,
        "data": fingerprint,
        "data_version": data_version,
        "seed": seed,
        "recipe": _keep_recipe(workspace, trained, project, missing),
        "test": test,
        "rows": len(trained.split.train),
        "report": workspace.keep_report(report),
        "verdict": report.verdict,
        "gate": report.facts["gate"],
        "seconds": run.seconds,
        "cpu_seconds": run.cpu_seconds,
        "peak_bytes": run.peak_bytes,
        "bytes": size,
        "code": run.code,
        "environment": run.environment,
    }
    workspace.record("trained", body)
    return _tracked(workspace, report, run, place, trained)


_ROW = "evermodel row"


def _keep_data(workspace: Workspace, frame: pl.DataFrame) -> int:
    """Keep the rows in their order, which splits go by and a Delta table does not promise."""
    ordered = frame.with_row_index(_ROW)
    return versions.save(workspace.table("data"), ordered, digest=digest(ordered))


def _kept_data(workspace: Workspace, version: int) -> pl.DataFrame:
    return versions.load(workspace.table("data"), version).sort(_ROW).drop(_ROW)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed, beside the data and the seed, to fit the same model again."""

    project: Project
    missing: dict[str, tuple[str, ...]]
    chosen: dict[str, Any]


def _keep_recipe(
    workspace: Workspace, trained: Trained, project: Project, missing: dict[str, tuple[str, ...]]
) -> str:
    recipe = Recipe(project=project, missing=missing, chosen=asdict(trained.chosen))
    return workspace.ports.blobs.put(msgspec.json.encode(recipe))


def _tracked(
    workspace: Workspace, report: Report, run: Run, place: Path, trained: Trained
) -> Report:
    """Show the run in MLflow; a server that is silent costs a warning, never the candidate."""
    attach_mlflow(workspace)
    if workspace.ports.tracker is None:
        return report
    trials = place.parent / f".{run.id}-trials.json"
    trials.write_text(json.dumps(trained.trials, default=str))
    try:
        address = workspace.ports.tracker.log(run, report.results, [place, trials])
        workspace.record("tracked", {"run": run.id, "tracker": address})
    except SurroundingsError as error:
        warning = CheckResult(name="mlflow", subject="tracking", verdict="warn", why=tell(error))
        return msgspec.structs.replace(report, results=(*report.results, warning))
    finally:
        trials.unlink(missing_ok=True)
    return report


def missing_words(table: Table, project: Project) -> dict[str, tuple[str, ...]]:
    """Return the words that stand for "missing", by column: as read and as repaired."""
    found = {column.name: set(column.missing) for column in table.schema.columns}
    for name, repair in project.data.repairs.items():
        found.setdefault(name, set()).update(repair.missing)
    return {name: tuple(sorted(words - {""})) for name, words in found.items() if words - {""}}


def measure(workspace: Workspace, trained: Trained, project: Project) -> Report:
    """Evaluate a trained candidate on its test rows, by protected groups too."""
    return evaluate_rows(
        trained.y,
        trained.predictions,
        level=project.evaluate.level,
        require=project.evaluate.require,
        seed=trained.manifest.training["seed"],
        slices=groups(trained.test, project.data.protected),
        costs=project.outcome,
    )


def groups(frame: pl.DataFrame, protected: tuple[str, ...]) -> dict[str, Any]:
    """Return the group of each row in each protected column; numbers in at most five ranges."""
    found = {}
    for name in protected:
        if name not in frame.columns:
            continue
        column = frame[name]
        if column.dtype.is_numeric() and column.n_unique() > 8:
            values = column.to_numpy()
            edges = np.unique(np.nanquantile(values.astype(float), [0.2, 0.4, 0.6, 0.8]))
            labels = _range_labels(edges)
            found[name] = np.where(
                np.isnan(values.astype(float)),
                "missing",
                np.array(labels)[np.searchsorted(edges, values, side="right")],
            )
        else:
            found[name] = column.cast(pl.String).fill_null("missing").to_numpy()
    return found


def _range_labels(edges: Any) -> list[str]:
    shown = [f"{edge:g}" for edge in edges]
    middle = [f"{low} to {high}" for low, high in pairwise(shown)]
    return [f"below {shown[0]}", *middle, f"{shown[-1]} and more"]


def _parity_result(trained: Trained) -> CheckResult:
    parity = trained.parity
    return CheckResult(
        name="parity",
        subject="graph",
        value=parity.gap,
        max=PARITY_LIMIT,
        n=parity.real_rows + parity.threshold_rows,
        why=f"on {parity.real_rows} real rows and {parity.threshold_rows} at split thresholds",
        method="largest difference between the graph and the trained pipeline",
    )


def _parquet(frame: pl.DataFrame) -> bytes:
    import io

    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def reproduce(
    number: int | None = None,
    folder: str | Path | Workspace = ".",
    *,
    progress: Progress = silent,
) -> Report:
    """Fit a version again from its recorded data, parameters and seed, and compare predictions.

    Parameters
    ----------
    number : int, optional
        The live version unless given.
    folder : path or Workspace

    Returns
    -------
    Report
        "reproduced" passes when predictions on the version's test rows agree within parity; where
        they do not, "code" and "environment" say what differs.

    Raises
    ------
    NotFoundError
        When there is no such version, or its data were erased.
    """
    workspace = open_workspace(folder)
    state = read_state(workspace)
    version = state.version(number if number is not None else state.live)
    recorded = version.trained
    with workspace.job("reproduce", progress) as step:
        frame = _recorded_data(workspace, recorded)
        original = load_version(workspace, version)
        test = pl.read_parquet(workspace.ports.blobs.path(recorded["test"]))
        blocks = original.encode_frame(test)
        with TemporaryDirectory(prefix="evermodel-") as home:
            again = _refit(workspace, frame, recorded, Path(home) / "bundle", step)
            # As many threads as for the original: their number is the order in which trees add up.
            after = load(again.folder, trusted=None, threads=0).predict(blocks)
        before = original.predict(blocks)
    gap = _gap(before, after)
    same = gap <= PARITY_LIMIT
    results = [
        CheckResult(
            name="reproduced",
            subject=f"{workspace.project.name}/{version.number}",
            value=gap,
            max=PARITY_LIMIT,
            n=test.height,
            verdict="pass" if same else "fail",
            why="predictions agree" if same else "predictions differ; see what changed below",
            method="largest difference of predictions on the version's test rows",
        )
    ]
    for name, now in (("code", code_digest()), ("environment", environment_digest())):
        changed = recorded[name] != now
        results.append(
            CheckResult(
                name=name,
                subject="since training",
                verdict="warn" if changed else "pass",
                why=f"{name} differs from the recorded one" if changed else "as recorded",
                evidence={"recorded": recorded[name], "now": now},
            )
        )
    return Report(verb="reproduce", subject=f"version {version.number}", results=tuple(results))


def _recorded_data(workspace: Workspace, recorded: dict[str, Any]) -> pl.DataFrame:
    where, gone = f"data version {recorded['data_version']}", "this version cannot be fitted again"
    try:
        frame = _kept_data(workspace, recorded["data_version"])
    except NotFoundError as error:
        raise NotFoundError(
            "the recorded data are gone", where=where, found=tell(error), hint=gone
        ) from None
    if digest(frame) != recorded["data"]:
        hint = f"they were rewritten since: {gone}"
        raise NotFoundError("the recorded data are not what they were", where=where, hint=hint)
    return frame


def _refit(
    workspace: Workspace, frame: pl.DataFrame, recorded: dict[str, Any], place: Path, step: Progress
) -> Trained:
    content = workspace.ports.blobs.path(recorded["recipe"]).read_bytes()
    recipe = msgspec.json.decode(content, type=Recipe)
    return fit_candidate(
        frame,
        recipe.project,
        place,
        run=recorded["run"],
        created=workspace.now(),
        data=recorded["data"],
        missing=recipe.missing,
        seed=recorded["seed"],
        chosen=msgspec.convert(recipe.chosen, Chosen),
        progress=step,
    )


def _gap(before: Any, after: Any) -> float:
    if before.value is not None:
        spread = float(np.ptp(before.value)) or 1.0
        return float(np.abs(before.value - after.value).max()) / spread
    return float(np.abs(before.probability - after.probability).max())
