"""Train a candidate: check its data, keep them, fit, measure, and write down how it was made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evermodel.bundle import Repair, load
from evermodel.data import check as check_table
from evermodel.errors import SurroundingsError, masked
from evermodel.evaluate import evaluate as evaluate_rows
from evermodel.loop.beginning import read_source
from evermodel.loop.broken import broken_since
from evermodel.loop.datasets import Kept, keep, kept_data
from evermodel.loop.environment import packages
from evermodel.loop.gating import useless
from evermodel.loop.patches import tell_untold_if_any
from evermodel.loop.quarantine import held_back
from evermodel.loop.reading import bundle_repairs, missing_words
from evermodel.loop.state import read_state
from evermodel.loop.tracing import Trace, traced
from evermodel.loop.twins import kept_together, twins_of
from evermodel.loop.workspace import (
    Effort,
    Workspace,
    attach_mlflow,
    open_workspace,
    silent,
    tell,
)
from evermodel.project import Project
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report, Run, Verdict
from evermodel.store.lineage import DataSet
from evermodel.tables import Rejected, Table, row_hashes
from evermodel.train.export import PARITY_LIMIT
from evermodel.train.fit import Trained
from evermodel.train.fit import train as fit_candidate

__all__ = ["Recipe", "groups", "learned_from", "shared_key", "train", "train_on"]


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
        rejected: list[Rejected] = []
        table = read_source(workspace.project, rejects=rejected.append)
        held = held_back(workspace.project, rejected)
        report = train_on(workspace, table, seed=seed, step=step)
        return msgspec.structs.replace(report, results=(*report.results, *held))


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
    tell_untold_if_any(workspace)
    effort = Effort()
    seed = project.train.seed if seed is None else seed
    run = workspace.new_run("train", seed=seed)
    checked = check_table(table, project=project, now=workspace.ports.clock.now())
    broken = broken_since(workspace, read_state(workspace), table.frame)
    if broken:
        checked = _with_breaks(checked, broken, refuse=project.data.gate_training == "fail")
    if checked.verdict == "fail":
        return _refused(workspace, checked, run)
    source = DataSet(
        address=project.data.source,
        schema=table.schema,
        rows=table.frame.height,
        nulls={name: table.frame[name].null_count() for name in table.frame.columns},
    )
    with traced(workspace, run, {"data": source}) as trace:
        report = _fitted(workspace, table, project, trace, effort, why=why, step=step)
    unread = [each for each in checked.results if each.name == "unreadable_cells"]
    results = (*report.results, *unread, *checked.results[: len(broken)], *trace.results())
    return msgspec.structs.replace(report, results=results)


def _with_breaks(checked: Report, broken: Sequence[CheckResult], *, refuse: bool) -> Report:
    """Return what was found with what looks broken beside the rows of the live version first."""
    hint = '; mend the data, or set [data] gate_training = "warn" to learn from them all the same'
    said = [
        msgspec.structs.replace(each, why=each.why + hint)
        if refuse and each.verdict == "fail"
        else msgspec.structs.replace(each, verdict="warn")
        for each in broken
    ]
    return msgspec.structs.replace(checked, results=(*said, *checked.results))


def _fitted(
    workspace: Workspace,
    table: Table,
    project: Project,
    trace: Trace,
    effort: Effort,
    *,
    why: str,
    step: Progress,
) -> Report:
    """Fit a candidate on checked data, measure it, and write it down."""
    run, seed = trace.run, trace.run.seed
    step("keeping the data version", 0.03)
    kept = keep(workspace, table)
    missing, repairs = missing_words(table, project), bundle_repairs(table, project)
    place = workspace.candidates / run.id
    twins = twins_of(table.frame, project)
    trained = fit_candidate(
        table.frame,
        project,
        place,
        run=run.id,
        created=run.started,
        data=kept.digest,
        missing=missing,
        repairs=repairs,
        seed=seed,
        twins=twins,
        progress=step,
    )
    report = _report(workspace, trained, project, run=run.id, place=place, kept=kept)
    kept_beside = kept_together(table.frame, project, twins)
    report = msgspec.structs.replace(report, results=(*report.results, *kept_beside))
    recipe = _keep_recipe(workspace, trained, project, missing, repairs)
    trace.run = run = msgspec.structs.replace(
        run,
        seconds=round(effort.seconds, 3),
        cpu_seconds=round(effort.cpu_seconds, 3),
        peak_bytes=effort.peak_bytes,
        bytes_written=sum(path.stat().st_size for path in place.rglob("*") if path.is_file()),
        inputs={"data": kept.digest},
        outputs={"model": load(place, trusted=None).digest},
        parameters=asdict(trained.chosen),
    )
    trace.outputs["model"] = DataSet(kind="model")
    _record(workspace, trained, run, report, recipe=recipe, why=why)
    return _tracked(workspace, report, run, place, trained)


def _refused(workspace: Workspace, checked: Report, run: Run) -> Report:
    """Write down that the data were refused; the report holds what refused them."""
    results = tuple(result for result in checked.results if result.verdict == "fail")
    evidence = workspace.keep_report(checked)
    body = {"run": run.id, "reason": results[0].why, "report": evidence}
    workspace.record("data_refused", body)
    return Report(verb="train", subject=run.project, results=results)


def _report(
    workspace: Workspace,
    trained: Trained,
    project: Project,
    *,
    run: str,
    place: Path,
    kept: Kept,
) -> Report:
    """Measure the candidate on its test rows, and say what was fitted and how."""
    measured = measure(workspace, trained, project)
    return Report(
        verb="train",
        subject=project.name,
        results=(
            *measured.results,
            *_threshold_result(trained),
            *_left_out(trained),
            _parity_result(trained),
        ),
        facts={
            "run": run,
            "candidate": str(place),
            "model": trained.chosen.model,
            "calibrator": (trained.manifest.training["calibrator"] or {}).get("kind", ""),
            "threshold": trained.manifest.threshold,
            "split": trained.split.how,
            "train_rows": len(trained.split.train),
            "test_rows": len(trained.split.test),
            "data_version": kept.version,
            "data_order": kept.order,
            "losses": trained.losses,
            **measured.facts,
            **_gate(workspace, measured),
        },
    )


def _gate(workspace: Workspace, measured: Report) -> dict[str, str]:
    """Return the gate's verdict where it is not that of [evaluate] require alone."""
    first = read_state(workspace).live is None
    return {"gate": "fail"} if first and useless(measured.results) else {}


def _record(
    workspace: Workspace, trained: Trained, run: Run, report: Report, *, recipe: str, why: str
) -> None:
    """Write the one event that makes a candidate: what it was made from, how, how good it is."""
    body = {
        "run": run.id,
        "why": why,
        "digest": run.outputs["model"],
        "data": run.inputs["data"],
        "data_version": report.facts["data_version"],
        "data_order": report.facts["data_order"],
        "seed": run.seed,
        "recipe": recipe,
        "test": workspace.ports.blobs.put(_parquet(trained.test)),
        "rows": len(trained.split.train),
        "report": workspace.keep_report(report),
        "verdict": report.verdict,
        "gate": report.facts["gate"],
        "seconds": run.seconds,
        "cpu_seconds": run.cpu_seconds,
        "peak_bytes": run.peak_bytes,
        "bytes": run.bytes_written,
        "code": run.code,
        "environment": run.environment,
        "packages": workspace.ports.blobs.put(msgspec.json.encode(packages())),
    }
    workspace.record("trained", body)


def learned_from(
    workspace: Workspace,
    recorded: Mapping[str, Any],
    rows: pl.DataFrame,
    names: Sequence[str],
    *,
    kept: pl.DataFrame | None = None,
) -> NDArray[np.bool_]:
    """Return for each of N rows whether a run was trained on it, or on one equal to it, [N].

    Parameters
    ----------
    workspace : Workspace
    recorded : mapping
        What the ledger holds of the run.
    rows : polars.DataFrame
        N rows.
    names : sequence of str
        Columns by which rows are told apart; those that the run's data lack are passed by.
    kept : polars.DataFrame, optional
        The run's data, where they are at hand.

    Raises
    ------
    NotFoundError
        When the run's data were erased since: nobody can tell any more.
    """
    if kept is None:
        kept = kept_data(workspace, recorded)
    test = pl.read_parquet(workspace.ports.blobs.path(recorded["test"]))
    names = [name for name in names if name in rows.columns and name in kept.columns]
    trained = np.setdiff1d(row_hashes(kept.select(names)), row_hashes(test.select(names)))
    return np.isin(row_hashes(rows.select(names)), trained)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed, beside the data and the seed, to fit the same model again."""

    project: Project
    missing: dict[str, tuple[str, ...]]
    repairs: dict[str, Repair] = {}
    chosen: dict[str, Any]
    twins: bool = False


def _keep_recipe(
    workspace: Workspace,
    trained: Trained,
    project: Project,
    missing: dict[str, tuple[str, ...]],
    repairs: dict[str, Repair],
) -> str:
    data = msgspec.structs.replace(project.data, source=masked(project.data.source))
    project = msgspec.structs.replace(project, data=data)
    chosen = asdict(trained.chosen)
    recipe = Recipe(project=project, missing=missing, repairs=repairs, chosen=chosen, twins=True)
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
        held=trained.manifest.training["interval_level"],
        guess=trained.manifest.training["guess"],
        key=shared_key(trained.test, project.data.key),
    )


def groups(frame: pl.DataFrame, protected: tuple[str, ...]) -> dict[str, Any]:
    """Return the group of each row in each protected column; numbers in at most five ranges.

    Of a time, such as a date of birth, the year counts: each day would be a group of its own.
    """
    found = {}
    for name in protected:
        if name not in frame.columns:
            continue
        column = frame[name]
        if column.dtype.is_temporal() and column.dtype not in (pl.Time, pl.Duration):
            column = column.dt.year()
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


def shared_key(frame: pl.DataFrame, columns: tuple[str, ...]) -> Any:
    """Return whom each row is about, where some rows are about the same; None else."""
    if not columns or any(name not in frame.columns for name in columns):
        return None
    keys = frame.select(columns)
    if keys.null_count().sum_horizontal()[0] or not keys.is_duplicated().any():
        return None
    texts = [pl.col(name).cast(pl.String) for name in columns]
    return keys.select(pl.concat_str(texts, separator="\x1f")).to_series().to_numpy()


def _range_labels(edges: Any) -> list[str]:
    shown = [f"{edge:g}" for edge in edges]
    middle = [f"{low} to {high}" for low, high in pairwise(shown)]
    return [f"below {shown[0]}", *middle, f"{shown[-1]} and more"]


def _left_out(trained: Trained) -> Iterator[CheckResult]:
    """Yield how many rows of the data were neither learned from nor tested on, and why."""
    facts = trained.manifest.training
    reasons: tuple[tuple[str, Verdict, str], ...] = (
        ("rows_without_outcome", "pass", "there is nothing to learn from them"),
        ("rows_without_time", "warn", "they do not say when they happened"),
        ("rows_too_young", "pass", "younger than outcome.known_after: not all is known of them"),
    )
    of = facts["rows"] + facts["test_rows"] + sum(facts[name] for name, *_ in reasons)
    for name, verdict, why in reasons:
        if facts[name]:
            yield CheckResult(
                name=name,
                subject="left out",
                value=float(facts[name]),
                unit="rows",
                n=of,
                verdict=verdict,
                why=why,
            )


def _threshold_result(trained: Trained) -> tuple[CheckResult, ...]:
    """Return from which probability on the positive class is said, where there is one."""
    threshold = trained.manifest.threshold
    if threshold is None:
        return ()
    positive = trained.manifest.positive
    why = f"{positive!r} is said from this probability on: the cheapest for your costs"
    return (CheckResult(name="threshold", subject="decision", value=threshold, why=why),)


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
