"""Plugins: found by entry point, loaded when they are used.

A package offers one by an entry point of the group `evermodel.<kind>`; a kind is a protocol of
`evermodel.protocols`, such as "check". Nothing is imported until it is asked for by name.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from evermodel.errors import InputError, nearest

__all__ = ["found", "load_plugin"]


def found(kind: str) -> dict[str, EntryPoint]:
    """Return the plugins of a kind by name, none of them imported.

    Examples
    --------
    >>> isinstance(found("check"), dict)
    True
    """
    return {point.name: point for point in entry_points(group=f"evermodel.{kind}")}


def load_plugin(kind: str, name: str) -> Any:
    """Import a plugin and return it.

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
    known = found(kind)
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
            hint="install it again, or take it away",
        ) from error
