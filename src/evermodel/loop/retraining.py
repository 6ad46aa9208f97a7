"""Retrain: a challenger on all that is known now, and the first look at whether it is better."""

from __future__ import annotations

from pathlib import Path

import msgspec

from evermodel.errors import NotFoundError
from evermodel.loop.beginning import read_source
from evermodel.loop.deciding import decide_pending
from evermodel.loop.predictions import compact, newest_commit
from evermodel.loop.releasing import register
from evermodel.loop.state import read_state
from evermodel.loop.tracing import traced
from evermodel.loop.training import train_on
from evermodel.loop.windows import training_windows
from evermodel.loop.workspace import Workspace, open_workspace, silent
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report
from evermodel.store.lineage import DataSet
from evermodel.tables import Table, digest

__all__ = ["retrain", "retrain_on"]

_PATIENCE = 60.0
"""Seconds to wait for another who decides: no training is thrown away for a moment's sake."""


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
    Where there are such, several windows are tried, all rows and the newest ones, since after a
    change the old rows may mislead; and the decision waits for outcomes that come after the
    training: those that were learned from might be the ones that are wrong.

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

    Raises
    ------
    NotFoundError
        When nothing is live yet.
    """
    workspace = open_workspace(folder, make=False)
    with workspace.job("retrain", progress) as step:
        state = read_state(workspace)
        if state.live is None:
            raise NotFoundError(
                "nothing is live yet that a challenger could be compared with",
                found=f"registered: {', '.join(map(str, state.versions)) or 'none'}",
                hint="evermodel run trains and releases a first version",
            )
        step("reading the data", 0.02)
        table = read_source(workspace.project, data)
        address = "" if data is None else str(data)
        return retrain_on(workspace, table, why, seed, step, address=address)


def retrain_on(
    workspace: Workspace,
    table: Table,
    why: str,
    seed: int | None,
    step: Progress,
    *,
    address: str = "",
) -> Report:
    """Train on every window, register the best of them, and decide as far as that is possible.

    `address` is where the table lies, where that is not the project's source.
    """
    compact(workspace)
    read = {
        "data": DataSet(
            address=address or workspace.project.data.source, digest=digest(table.frame)
        ),
        "predictions": DataSet(digest=newest_commit(workspace, "predictions")),
        "labels": DataSet(digest=newest_commit(workspace, "labels")),
    }
    with traced(workspace, workspace.new_run("retrain"), read) as trace:
        report = _challenged(workspace, table, why, seed, step)
        if "version" in report.facts:
            made = read_state(workspace).version(report.facts["version"]).trained["digest"]
            trace.outputs["challenger"] = DataSet(kind="model", digest=made)
    return msgspec.structs.replace(report, results=(*report.results, *trace.results()))


def _challenged(
    workspace: Workspace, table: Table, why: str, seed: int | None, step: Progress
) -> Report:
    """Train, register and decide; what `retrain_on` tells of."""
    state = read_state(workspace)
    seed = workspace.project.train.seed if seed is None else seed
    pools = training_windows(workspace, state, table, seed=seed)
    best: Report | None = None
    window = ""
    runs: list[str] = []
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
            continue
        runs.append(report.facts["run"])
        if best is None or _test_loss(report) < _test_loss(best):
            best, window = report, pool.name
    if best is None:
        if refused is None:
            raise RuntimeError("no window was tried")
        return msgspec.structs.replace(refused, verb="retrain")
    registered = register(best.facts["run"], workspace, force=True)
    number = registered.facts["version"]
    evidence = read_state(workspace).version(number).trained["report"]
    body = {"number": number, "reason": why, "windows": [pool.name for pool in pools]}
    body["source"] = digest(table.frame)
    body["beaten"] = [run for run in runs if run != best.facts["run"]]
    workspace.record("retrained", {**body, "reports": [evidence]})
    results = (_learned(best, window, len(pools)), *best.results, *registered.results)
    with workspace.releasing(_PATIENCE):
        decided = decide_pending(workspace, number)
    return Report(
        verb="retrain",
        subject=workspace.project.name,
        results=(*decided.results, *_measurements(results)),
        facts={**decided.facts, "version": number, "reason": why},
    )


def _learned(best: Report, window: str, tried: int) -> CheckResult:
    """Return what the challenger learned from, in words."""
    tested = best.facts["test_rows"]
    rows = {"source": "the source alone: too few outcomes are logged", "all": "source and outcomes"}
    why = f"{rows.get(window, f'the {window} rows')}; tested on {tested:,} others"
    if tried > 1:
        why += f"; the best of {tried} windows"
    count = best.facts["train_rows"]
    return CheckResult(name="learned_from", subject=window, value=count, unit="rows", why=why)


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
