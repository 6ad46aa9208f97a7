"""Where corrections of a project's data lie, which of them are in use, and what is told of them.

A patch is in use once its file is there, and no more once that is renamed; the ledger tells of it
afterwards. What was cut off between the two is told by whoever uses corrections next.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from evermodel.errors import BusyError
from evermodel.loop.workspace import LOOP, Workspace
from evermodel.project import Project
from evermodel.store.durable import refusals, sync_folder, write_durably
from evermodel.tables import Patch
from evermodel.tables.patches import decoded

__all__ = ["active", "keep_patch", "numbered", "tell_untold", "tell_untold_if_any", "undo_patch"]

_UNDONE = ".undone"


def _folder(project: Project) -> Path:
    """Return the folder of a project's patches; below the workspace, for its owner's eyes only."""
    return project.workspace / "patches" / project.name


def numbered(project: Project) -> dict[int, Patch]:
    """Return the patches in use by their numbers, in the order in which they are applied.

    Raises
    ------
    DataError
        When one is damaged.
    """
    place = _folder(project)
    paths = sorted(place.glob("*.json")) if place.is_dir() else []
    return {
        int(path.stem): msgspec.structs.replace(decoded(path.read_bytes()), number=int(path.stem))
        for path in paths
        if path.stem.isdigit()
    }


def active(project: Project) -> tuple[Patch, ...]:
    """Return the patches in use."""
    return tuple(numbered(project).values())


def keep_patch(workspace: Workspace, patch: Patch) -> int:
    """Make a patch the newest, durably, and tell the ledger; return its number.

    Whoever calls holds the job `correct`.
    """
    place = _folder(workspace.project)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    used = [int(path.stem) for path in place.iterdir() if path.stem.isdigit()]
    told = [event.body["number"] for event in workspace.events("corrected")]
    number = max([*used, *told], default=0) + 1
    write_durably(place / f"{number:04}.json", msgspec.json.encode(patch), mode=0o600)
    workspace.record("corrected", _outline(number, patch))
    return number


def undo_patch(workspace: Workspace, number: int) -> None:
    """Take a patch out of use, durably, and tell the ledger.

    Whoever calls holds the job `correct`.
    """
    path = _folder(workspace.project) / f"{number:04}.json"
    with refusals(path):
        path.rename(path.with_suffix(_UNDONE))
        sync_folder(path.parent)
    workspace.record("uncorrected", {"number": number})


def tell_untold(workspace: Workspace) -> tuple[int, ...]:
    """Tell the ledger of what it does not know: patches kept, and undone, before something stopped.

    Returns the numbers of those that were undone. Whoever calls holds the job `correct`.
    """
    kept, undone = _untold(workspace)
    for path in kept:
        patch = decoded(path.read_bytes())
        body = {**_outline(int(path.stem), patch), "told": "afterwards"}
        workspace.record("corrected", body, actor=patch.by or LOOP)
    for path in undone:
        body = {"number": int(path.stem), "told": "afterwards"}
        workspace.record("uncorrected", body, actor=LOOP)
    return tuple(int(path.stem) for path in undone)


def tell_untold_if_any(workspace: Workspace) -> None:
    """Tell the ledger as `tell_untold` does, unless somebody who corrects is about to."""
    if any(_untold(workspace)):
        with suppress(BusyError), workspace.job("correct"):
            tell_untold(workspace)


def _untold(workspace: Workspace) -> tuple[list[Path], list[Path]]:
    place = _folder(workspace.project)
    paths = sorted(place.iterdir()) if place.is_dir() else []
    told = {
        kind: {event.body["number"] for event in workspace.events(kind)}
        for kind in ("corrected", "uncorrected")
        if paths
    }
    ours = [path for path in paths if path.stem.isdigit()]
    kept = [path for path in ours if int(path.stem) not in told["corrected"]]
    undone = [path for path in ours if path.suffix == _UNDONE]
    return kept, [path for path in undone if int(path.stem) not in told["uncorrected"]]


def _outline(number: int, patch: Patch) -> dict[str, Any]:
    """Return what the ledger is told of a patch: no value of it."""
    return {
        "number": number,
        "why": patch.why,
        "cells": len(patch.cells),
        "rows": len(patch.rows),
        "columns": sorted({cell.column for cell in patch.cells}),
    }
