"""Fit a version again from what was recorded of it, and say what differs where it differs."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import polars as pl

from evermodel.bundle import load
from evermodel.errors import NotFoundError
from evermodel.loop.datasets import kept_data
from evermodel.loop.environment import changed_since, code_digest, environment_digest
from evermodel.loop.state import load_version, read_state
from evermodel.loop.training import Recipe
from evermodel.loop.twins import twins_of
from evermodel.loop.workspace import Workspace, open_workspace, silent, tell
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report
from evermodel.tables import digest
from evermodel.train.export import PARITY_LIMIT
from evermodel.train.fit import Chosen, Trained
from evermodel.train.fit import train as fit_candidate

__all__ = ["reproduce"]

_NAMED = 5


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
        they do not, "data", "seed", "code" and "environment" (each package) say what differs.

    Raises
    ------
    NotFoundError
        When there is no such version, or its data were erased.
    """
    workspace = open_workspace(folder, make=False)
    state = read_state(workspace)
    version = state.version(number if number is not None else state.live)
    recorded = version.trained
    with workspace.job("reproduce", progress) as step:
        frame = _recorded_data(workspace, recorded)
        original = load_version(workspace, version)
        test = pl.read_parquet(workspace.ports.blobs.path(recorded["test"]))
        blocks = original.encode_frame(test, repaired=True)
        with TemporaryDirectory(prefix="evermodel-") as home:
            again = _refit(workspace, frame, recorded, Path(home) / "bundle", step)
            # As many threads as for the original: their number is the order in which trees add up.
            after = load(again.folder, trusted=None, threads=0).predict(blocks)
        before = original.predict(blocks)
    gap = _gap(before, after)
    same = gap <= PARITY_LIMIT
    reproduced = CheckResult(
        name="reproduced",
        subject=f"{workspace.project.name}/{version.number}",
        value=gap,
        max=PARITY_LIMIT,
        n=test.height,
        verdict="pass" if same else "fail",
        why="predictions agree" if same else "predictions differ; see what changed below",
        method="largest difference of predictions on the version's test rows",
    )
    changes = _changes(workspace, recorded, original.manifest.training.get("seed"))
    results = (reproduced, *changes)
    return Report(verb="reproduce", subject=f"version {version.number}", results=results)


def _changes(workspace: Workspace, recorded: dict[str, Any], seed: Any) -> list[CheckResult]:
    """Return what the version was made from, then and now: data, seed, code and packages."""
    return [
        # Other data were refused before the fit: theirs would be another model.
        _compared("data", recorded["data"], recorded["data"]),
        _compared("seed", str(recorded["seed"]), str(seed)),
        _compared("code", recorded["code"], code_digest()),
        _environment(workspace, recorded),
    ]


def _compared(name: str, then: str, now: str) -> CheckResult:
    why = "as recorded" if then == now else f"{then[:16]} then, {now[:16]} now"
    return CheckResult(
        name=name,
        subject="since training",
        verdict="pass" if then == now else "warn",
        why=why,
        evidence={"recorded": then, "now": now},
    )


def _environment(workspace: Workspace, recorded: dict[str, Any]) -> CheckResult:
    found = _compared("environment", recorded["environment"], environment_digest())
    if found.verdict == "pass":
        return found
    changed = changed_since(workspace.ports.blobs, recorded)
    if changed is None:
        why = "the packages differ; which ones was not written down for this version"
        return msgspec.structs.replace(found, why=why)
    said = [
        f"{one['name']} {one['then'] or 'absent'} then, {one['now'] or 'absent'} now"
        for one in changed[:_NAMED]
    ]
    left = len(changed) - len(said)
    why = "; ".join(said) + (f"; and {left} more" if left else "")
    return msgspec.structs.replace(found, why=why, evidence={**found.evidence, "packages": changed})


def _recorded_data(workspace: Workspace, recorded: dict[str, Any]) -> pl.DataFrame:
    where, gone = f"data {recorded['data'][:12]}", "this version cannot be fitted again"
    try:
        frame = kept_data(workspace, recorded)
    except NotFoundError as error:
        raise NotFoundError(
            "the recorded data are gone", where=where, found=tell(error), hint=gone
        ) from None
    now = digest(frame)
    if now != recorded["data"]:
        raise NotFoundError(
            "the recorded data are not what they were",
            where=where,
            found=f"digest {recorded['data'][:16]} then, {now[:16]} now",
            hint=f"they were rewritten since: {gone}",
        )
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
        repairs=recipe.repairs,
        seed=recorded["seed"],
        chosen=msgspec.convert(recipe.chosen, Chosen),
        # Versions from before copies were kept together are fitted as they were.
        twins=twins_of(frame, recipe.project) if recipe.twins else None,
        progress=step,
    )


def _gap(before: Any, after: Any) -> float:
    if before.value is not None:
        spread = float(np.ptp(before.value)) or 1.0
        return float(np.abs(before.value - after.value).max()) / spread
    return float(np.abs(before.probability - after.probability).max())
