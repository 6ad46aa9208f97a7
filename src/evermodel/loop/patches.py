"""Where the corrections of a project's data lie, and which of them are in use."""

from __future__ import annotations

from pathlib import Path

import msgspec

from evermodel.project import Project
from evermodel.tables import Patch
from evermodel.tables.patches import decoded

__all__ = ["active", "folder_of", "numbered"]


def folder_of(project: Project) -> Path:
    """Return the folder of a project's patches; below the workspace, for its owner's eyes only."""
    return project.workspace / "patches" / project.name


def numbered(project: Project) -> dict[int, Patch]:
    """Return the patches in use by their numbers, in the order in which they are applied.

    Raises
    ------
    DataError
        When one is damaged.
    """
    place = folder_of(project)
    paths = sorted(place.glob("*.json")) if place.is_dir() else []
    return {
        int(path.stem): msgspec.structs.replace(decoded(path.read_bytes()), number=int(path.stem))
        for path in paths
        if path.stem.isdigit()
    }


def active(project: Project) -> tuple[Patch, ...]:
    """Return the patches in use."""
    return tuple(numbered(project).values())
