"""Whether another training could come to anything else than the one that was refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from evermodel.errors import masked
from evermodel.loop.beginning import read_source
from evermodel.loop.environment import code_digest, environment_digest
from evermodel.loop.gating import gate_result
from evermodel.loop.state import State
from evermodel.loop.training import Recipe
from evermodel.loop.workspace import Workspace
from evermodel.records import CheckResult
from evermodel.tables import digest
from evermodel.train.columns import mature_rows, timed_rows

__all__ = ["refused_before"]


def refused_before(workspace: Workspace, state: State, seed: int | None) -> CheckResult | None:
    """Return why the newest candidate was refused, where a new one would be the very same.

    The same rows, of which the label delay lets as many be learned from, the same settings, seed,
    code and packages give the same model. None where any of these changed, or nothing was refused.
    """
    trained = state.candidate
    if trained is None or not _made_alike(workspace, trained, seed):
        return None
    gate = gate_result(workspace, state, trained, "candidate")
    if gate.verdict != "fail":
        return None
    frame = read_source(workspace.project).frame
    if digest(frame) != trained["data"] or _more_are_known(workspace, frame, trained["time"]):
        return None
    why = (
        f"not trained again: {gate.why}; the source is as it was at the last training, and so are "
        "the project file and the code"
    )
    return CheckResult(name="decision", verdict="fail", why=why, evidence=gate.evidence)


def _made_alike(workspace: Workspace, trained: Mapping[str, Any], seed: int | None) -> bool:
    project = workspace.project
    seed = project.train.seed if seed is None else seed
    made = (trained["seed"], trained["code"], trained["environment"])
    if made != (seed, code_digest(), environment_digest()):
        return False
    content = workspace.ports.blobs.path(trained["recipe"]).read_bytes()
    before = msgspec.json.decode(content, type=Recipe).project
    data = msgspec.structs.replace(project.data, source=masked(project.data.source))
    now = msgspec.structs.replace(project, data=data)
    # Compared as they are written down: what is read back has tuples where there were lists.
    same = msgspec.json.encode(before) == msgspec.json.encode(now)
    return same and not _modules_changed(Path(project.root), project.train.models, trained["time"])


def _modules_changed(root: Path, models: tuple[str, ...], since: str) -> bool:
    """Whether a module of the project's own was written to: it may make another model."""
    if not any(":" in name for name in models):
        return False
    then = datetime.fromisoformat(since).timestamp()
    return any(path.stat().st_mtime > then for path in _modules(root))


def _modules(folder: Path) -> Iterator[Path]:
    """Yield the modules below a folder, and of folders those that may be packages."""
    for path in folder.iterdir():
        if path.suffix == ".py":
            yield path
        elif path.is_dir() and path.name.isidentifier() and not path.is_symlink():
            yield from _modules(path)


def _more_are_known(workspace: Workspace, frame: pl.DataFrame, since: str) -> bool:
    """Whether outcomes became known since, of rows that were too young to be learned from."""
    rows, _ = timed_rows(frame, workspace.project)
    before, now = (
        mature_rows(rows, workspace.project, moment)[0].height
        for moment in (since, workspace.now())
    )
    return before != now
