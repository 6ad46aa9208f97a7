"""Plugins: found by entry point or as `module:function`, loaded when they are used.

A package offers one by an entry point of the group `evermodel.<kind>`; a kind is a protocol of
`evermodel.protocols`: "check" or "drift_method". A function of a module in the project's folder
needs no package. Nothing is imported until it is asked for by name.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from evermodel.errors import InputError, nearest

__all__ = ["asks_for_project", "found", "importable", "load_plugin"]


def found(kind: str) -> dict[str, EntryPoint]:
    """Return the plugins of a kind by name, none of them imported.

    Examples
    --------
    >>> isinstance(found("check"), dict)
    True
    """
    return {point.name: point for point in entry_points(group=f"evermodel.{kind}")}


def asks_for_project(check: Any) -> bool:
    """Whether a check has a parameter `project`, for what the project file says of the table.

    Examples
    --------
    >>> asks_for_project(lambda frame: []), asks_for_project(lambda frame, project: [])
    (False, True)
    """
    try:
        return "project" in inspect.signature(check).parameters
    except (TypeError, ValueError):
        return False


def importable(folder: str | Path) -> None:
    """Let modules of a project's folder be imported, after all that is installed.

    Examples
    --------
    >>> importable(".")
    >>> str(Path.cwd()) in sys.path
    True
    """
    place = str(Path(folder).resolve())
    if place not in sys.path:
        sys.path.append(place)
        importlib.invalidate_caches()


def load_plugin(kind: str, name: str, *, folder: str | Path | None = None) -> Any:
    """Import a plugin and return it.

    Parameters
    ----------
    kind : str
    name : str
        Of an entry point, or `module:function`.
    folder : path, optional
        The project's, whose own modules can be named.

    Raises
    ------
    InputError
        When it is not installed or cannot be imported.

    Examples
    --------
    >>> load_plugin("check", "no such check")
    Traceback (most recent call last):
    evermodel.errors.InputError: there is no plugin 'no such check' of kind 'check'
      try:   install the package that offers it
    """
    if folder is not None:
        importable(folder)
    known = found(kind)
    if ":" in name:
        known = {name: EntryPoint(name, name, f"evermodel.{kind}")}
    if name not in known:
        word = nearest(name, known)
        hint = f"did you mean {word!r}?" if word else "install the package that offers it"
        raise InputError(f"there is no plugin {name!r} of kind {kind!r}", hint=hint)
    try:
        return known[name].load()
    except Exception as error:
        raise InputError(
            f"the plugin {name!r} cannot be imported",
            where=known[name].value,
            found=f"{type(error).__name__}: {error}",
            hint="install it again, correct its name, or take it away",
        ) from error
