"""What the shown version learned from, for the report page: profile, version and lineage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from evermodel.data.personal.hiding import of_persons, summary_without
from evermodel.errors import EvermodelError, masked
from evermodel.loop.datasets import kept_data
from evermodel.loop.state import State
from evermodel.loop.workspace import Workspace, tell
from evermodel.records import ColumnType
from evermodel.tables import summarise
from evermodel.tables.summarised import Summary

__all__ = ["learned_from_page"]


def learned_from_page(
    workspace: Workspace, state: State, recorded: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return what `project_page` shows of the data that a run learned from."""
    if recorded is None:
        return {}
    number = next((n for n, v in state.versions.items() if v.run == recorded["run"]), None)
    steps = [
        ("source", masked(workspace.project.data.source)),
        ("data", f"digest {recorded['data'][:12]}"),
        ("training", f"run {recorded['run']}"),
        ("model", f"digest {recorded['digest'][:16]}"),
    ]
    if number is not None:
        steps.append(("version", str(number) + (" (live)" if number == state.live else "")))
    found: dict[str, Any] = {
        "data_version": {
            "Digest": recorded["data"][:12],
            "Rows learned from": f"{recorded['rows']:,}",
            "Read at": str(recorded.get("time", ""))[:16].replace("T", " "),
        },
        "lineage": steps,
    }
    try:
        found["profile"] = _profile(workspace, recorded)
    except EvermodelError as error:
        found["unprofiled"] = f"Their columns cannot be shown: {tell(error)}"
    return found


def _profile(workspace: Workspace, recorded: Mapping[str, Any]) -> Summary:
    frame = kept_data(workspace, recorded)
    declared = workspace.project.data.types
    types = {name: declared.get(name, _kind(kind)) for name, kind in frame.schema.items()}
    # A page is passed on: of a column of persons none of its values stands on it.
    return summary_without(summarise([frame], types).result(), of_persons(frame))


def _kind(dtype: pl.DataType) -> ColumnType:
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_numeric():
        return "number"
    return "timestamp" if dtype.is_temporal() else "category"
