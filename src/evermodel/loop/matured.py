"""Logged rows whose outcome is known, without the times whose data were found broken."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evermodel.bundle import Model
from evermodel.loop.outcomes import labelled
from evermodel.loop.predictions import features_of
from evermodel.loop.workspace import Workspace
from evermodel.records import REGRESSION, ColumnType

__all__ = [
    "LabelledRows",
    "broken_windows",
    "input_types",
    "judged_log",
    "matured_rows",
    "outcomes_of",
]


@dataclass(frozen=True)
class LabelledRows:
    """Labelled rows in the order their outcomes came: the log, outcomes, and raw features.

    Features are decoded when they are asked for: a look at a part of the log costs that part.
    """

    log: pl.DataFrame
    y: NDArray[Any]
    types: Mapping[str, ColumnType]

    def __len__(self) -> int:
        return self.log.height

    @cached_property
    def rows(self) -> pl.DataFrame:
        """The features as typed columns."""
        return features_of(self.log, self.types)

    def where(self, mask: pl.Expr) -> LabelledRows:
        """Return the rows for which an expression over the log holds."""
        return self.keep(self.log.select(mask.alias("keep"))["keep"].to_numpy())

    def keep(self, keep: NDArray[np.bool_]) -> LabelledRows:
        """Return the rows that are marked [N]."""
        return LabelledRows(self.log.filter(keep), self.y[keep], self.types)


def broken_windows(
    workspace: Workspace, reads: Collection[str] | None = None
) -> list[tuple[datetime, datetime]]:
    """Return the times whose data were found broken: neither judged nor learned from.

    A broken column spoils a row only for whoever reads it: with `reads`, the columns that are read,
    windows in which other columns were broken are left out.
    """
    found = []
    for event in workspace.events("monitored"):
        body = event.body
        if body.get("state") != "broken data" or "first" not in body:
            continue
        broken = set(body.get("columns", ()))
        inputs = set(body.get("inputs", broken))
        if reads is None or not broken or broken - inputs or broken & set(reads):
            first = datetime.fromisoformat(body["first"])
            found.append((first, datetime.fromisoformat(body["last"])))
    return found


def input_types(model: Model) -> dict[str, ColumnType]:
    """Return the type of each column that a model reads."""
    return {item.name: item.type for item in model.manifest.inputs}


def matured_rows(
    workspace: Workspace,
    types: Mapping[str, ColumnType],
    *,
    reads: Collection[str] | None = None,
) -> LabelledRows | None:
    """Return all logged rows with known features and outcome whose data were not found broken.

    Broken for whoever reads the columns `reads`: all columns of `types` where not given.
    """
    log = judged_log(workspace, types if reads is None else reads)
    log = None if log is None else log.drop_nulls("features")
    if log is None or not log.height:
        return None
    return LabelledRows(log, outcomes_of(workspace, log), types)


def judged_log(workspace: Workspace, reads: Collection[str]) -> pl.DataFrame | None:
    """Return the logged rows with a known outcome, but for the times of broken data."""
    log = labelled(workspace)
    if log is None:
        return None
    for first, last in broken_windows(workspace, reads):
        log = log.filter(~pl.col("time").is_between(first, last))
    return log


def outcomes_of(workspace: Workspace, log: pl.DataFrame) -> NDArray[Any]:
    """Return the outcomes of logged rows as numbers or words [N]."""
    kind = pl.Float64 if workspace.project.data.task == REGRESSION else pl.String
    return log["outcome"].cast(kind).to_numpy()
