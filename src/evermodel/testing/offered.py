"""The plugins that an installed package offers: found by themselves, tested as they are run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.metadata import (
    Distribution,
    EntryPoint,
    PackageNotFoundError,
    distribution,
    distributions,
)
from typing import Any

import polars as pl

from evermodel.errors import InputError, nearest
from evermodel.plugins import asks_for_project
from evermodel.testing.conformance import Case, conformance_cases
from evermodel.testing.frames import project_of

__all__ = ["check_plugins_of"]

_GROUP = "evermodel."
_KINDS = ("check", "drift_method")


def check_plugins_of(name: str, *, seconds: float = 10.0) -> list[Case]:
    """Return the cases that the plugins of an installed package must pass, plugin by plugin.

    Every entry point of a group that begins with ``evermodel.`` is found by itself: one that is
    added later is tested without another line. A check is run on every table of `frames`; of a
    plugin of another kind it is tested that it can be imported and called. A misspelt group is a
    case that fails. Nothing is imported before a case is run.

    Under pytest: ``@pytest.mark.parametrize("case", check_plugins_of("my-package"), ids=str)``.

    Parameters
    ----------
    name : str
        Of the package, as it was installed.
    seconds : float
        How long a check may take on one table.

    Raises
    ------
    InputError
        When there is no such package, or when it offers no plugins: a suite that tests nothing
        would pass.

    Examples
    --------
    >>> check_plugins_of("polars")
    Traceback (most recent call last):
    evermodel.errors.InputError: the package offers no plugins of Evermodel
      where: polars
      try:   add entry points of the group evermodel.check and install it again
    """
    points = sorted(
        {(point.group, point.name, point.value): point for point in _points(name)}.items()
    )
    if not points:
        hint = "add entry points of the group evermodel.check and install it again"
        raise InputError("the package offers no plugins of Evermodel", where=name, hint=hint)
    return [case for _, point in points for case in _cases(point, seconds)]


def _points(name: str) -> Iterator[EntryPoint]:
    for point in _installed(name).entry_points:
        if point.group.startswith(_GROUP):
            yield point


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except (PackageNotFoundError, ValueError):
        known = {str(one.metadata["Name"]) for one in distributions()}
        near = nearest(name, sorted(known))
        hint = f"did you mean {near!r}?" if near else "install it, such as pip install -e ."
        raise InputError("there is no such package", where=name, hint=hint) from None


def _cases(point: EntryPoint, seconds: float) -> Iterator[Case]:
    kind = point.group.removeprefix(_GROUP)

    @cache
    def loaded() -> Any:
        return _loaded(point)

    def imported() -> None:
        if kind not in _KINDS:
            near = nearest(kind, _KINDS)
            hint = f"did you mean {_GROUP}{near}?" if near else f"known are {', '.join(_KINDS)}"
            raise AssertionError(f"{point.name}: no plugins are of the kind {kind!r}; {hint}")
        loaded()

    def check(frame: pl.DataFrame, /) -> Any:
        found = loaded()
        return found(frame, project=project_of(frame)) if asks_for_project(found) else found(frame)

    yield Case(f"{point.name} is a {kind} that can be called", imported)
    if kind == "check":
        yield from conformance_cases(check, seconds=seconds, name=point.name)


def _loaded(point: EntryPoint) -> Any:
    where = f"{point.name} ({point.value})"
    try:
        plugin = point.load()
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{where} cannot be imported: {said}") from error
    assert callable(plugin), f"{where} cannot be called: {type(plugin).__name__}"  # noqa: S101
    return plugin
