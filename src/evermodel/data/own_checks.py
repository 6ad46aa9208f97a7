"""The user's own checks, as the project file names them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import polars as pl

from evermodel.data.expectations import expected
from evermodel.plugins import asks_for_project, load_plugin
from evermodel.project import Project
from evermodel.project.expectations import parse_expectation
from evermodel.records import CheckResult

__all__ = ["own_checks"]


def own_checks(frame: pl.DataFrame, project: Project) -> Iterator[CheckResult]:
    """Yield what the checks of `[data] checks` find; one that breaks fails, under its own name.

    An entry is a sentence about a column (see `project.expectations`) or names a plugin.

    Raises
    ------
    InputError
        When a check is not installed or cannot be imported.
    """
    names = []
    for name in project.data.checks:
        sentence = parse_expectation(name)
        if sentence is None:
            names.append(name)
        else:
            yield expected(frame, sentence)
    loaded = {name: load_plugin("check", name, folder=project.root) for name in names}
    for name, check in loaded.items():
        try:
            found = check(frame, project=project) if asks_for_project(check) else check(frame)
        except Exception as error:  # noqa: BLE001 - it is the user's code
            why = f"it ended with {type(error).__name__}"
            yield _broken(name, why, frame.height, str(error))
            continue
        if not _results(found):
            why = f"it returned no list of CheckResult but {type(found).__name__}"
            yield _broken(name, why, frame.height)
            continue
        for result in found:
            method = result.method or f"check {name}"
            yield msgspec.structs.replace(result, method=method)


def _results(found: Any) -> bool:
    listed = isinstance(found, Sequence) and not isinstance(found, str)
    return listed and all(isinstance(each, CheckResult) for each in found)


def _broken(name: str, what: str, rows: int, said: str = "") -> CheckResult:
    # What the error says may hold a value of somebody's row: an example, which is not kept.
    return CheckResult(
        name=name,
        subject="check",
        value=1.0,
        unit="errors",
        n=rows,
        max=0,
        verdict="fail",
        why=f"the check {name!r} is broken: {what}",
        evidence={"rows": [], "examples": [said] if said else []},
    )
