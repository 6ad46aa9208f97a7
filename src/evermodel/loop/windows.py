"""The rows a challenger is trained on: windows of what is known now, told apart by comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl

from evermodel.bundle import Input
from evermodel.loop.keys import keys_of
from evermodel.loop.matured import LabelledRows, input_types, matured_rows
from evermodel.loop.reading import keys_read
from evermodel.loop.state import State, load_version
from evermodel.loop.workspace import Workspace
from evermodel.project import ROW_ORDER, Project
from evermodel.records import REGRESSION
from evermodel.tables import Table
from evermodel.train.columns import draw_hashes, mature_rows, timed_rows
from evermodel.train.split import drawn

__all__ = ["FEWEST_NEW", "Window", "training_windows"]

FEWEST_NEW = 200
"""Fewer new outcomes than this are not worth a retraining."""

_PART = "evermodel part"
_NEWEST_TEST, _NEWEST_SHARE = 1500, 0.25
_SHARES = (0.25, 0.1)
_FEWEST_ROWS, _FEWEST_OF_FEW, _SHARE_OF_FEW = 2000, 300, 1 / 3
"""What a window holds at least: in small tables a third, or all that is new would drown in them."""

_NARROWER = 0.8
"""A window that is hardly narrower than the one before teaches the same and costs a training."""


@dataclass(frozen=True)
class Window:
    """One choice of rows, and the project as it has to be read for them."""

    name: str
    table: Table
    project: Project


def training_windows(
    workspace: Workspace, state: State, table: Table, *, seed: int
) -> list[Window]:
    """Return the windows to try: all rows, and the newest quarter and tenth (of few, a third).

    Without logged outcomes there is one window, the source as it is. With them, the rows are the
    source followed by the logged ones in the order their outcomes came; a random part of the newest
    is the test of every window, so that the windows can be compared where it matters, and the very
    newest rows are learned from too. Where callers send the time of a row, it stays the order of
    validation, with its label delay; else the order of the rows is.
    """
    project = workspace.project
    if state.live is None:
        return [Window("source", table, project)]
    live = state.version(state.live)
    model = load_version(workspace, live)
    matured = matured_rows(workspace, input_types(model))
    if matured is None or len(matured) < FEWEST_NEW:
        return [Window("source", table, project)]
    # Whoever calls the champion calls its successor: the same columns may be sent to both.
    aside = tuple(name for name in model.manifest.ignored if name != project.data.target)
    read = keys_read(workspace, live.trained)
    everything = _together(workspace, table, matured, aside, read, seed)
    time = project.data.time
    if time not in everything.columns or everything[time].null_count():
        time = ROW_ORDER
    data = msgspec.structs.replace(project.data, split=_PART, time=time, leave_out=aside)
    project = msgspec.structs.replace(project, data=data)
    windows = [Window("all", msgspec.structs.replace(table, frame=everything, lines=()), project)]
    for share in _SHARES:
        few = max(_FEWEST_OF_FEW, int(everything.height * _SHARE_OF_FEW))
        rows = max(min(_FEWEST_ROWS, few), int(everything.height * share))
        if rows < _NARROWER * windows[-1].table.frame.height:
            newest = msgspec.structs.replace(table, frame=everything.tail(rows), lines=())
            windows.append(Window(f"newest {rows}", newest, project))
    return windows


def _together(
    workspace: Workspace,
    table: Table,
    matured: LabelledRows,
    aside: tuple[str, ...],
    read: Mapping[str, Input],
    seed: int,
) -> pl.DataFrame:
    """Return source and logged rows in order, each marked as to learn from or to test on."""
    project = workspace.project
    kinds = table.frame.schema
    keys = {
        name: kinds[name]
        for name in project.data.key
        if name in kinds and name not in matured.rows.columns
    }
    fresh = matured.rows.with_columns(
        _outcomes(project, matured), *keys_of(matured.log, keys, read)
    )
    kept = [name for name in table.frame.columns if name in {*fresh.columns, *aside}]
    source = table.frame.filter(pl.col(project.data.target).is_not_null())
    source, _ = timed_rows(source, project)
    source, _ = mature_rows(source, project, workspace.now())
    source = _not_logged(project, source, fresh).select(kept)
    everything = pl.concat([source, fresh], how="diagonal_relaxed")
    newest = max(FEWEST_NEW, int(everything.height * _NEWEST_SHARE))
    newest = min(newest, _NEWEST_TEST, fresh.height)
    # By hash: while it is among the newest, a row that was tested on is not learned from by the
    # next challenger, which would be compared with its own training rows once it is champion.
    hashes = draw_hashes(everything.tail(newest), project, seed)
    distinct, place = np.unique(hashes, return_inverse=True)
    tested = drawn(distinct, project.train.test, least=1)[place]
    marks = np.full(everything.height, "train", dtype=object)
    marks[everything.height - newest :][tested] = "test"
    return everything.with_columns(pl.Series(_PART, marks.tolist(), dtype=pl.String))


def _not_logged(project: Project, source: pl.DataFrame, fresh: pl.DataFrame) -> pl.DataFrame:
    """Return the source rows that the log does not hold too: nobody is learned from twice.

    A row is known by its key, and by its time where the project names one. Where either is not
    logged, or a key has several rows without a time, rows cannot be told to be the same.
    """
    time = project.data.time
    names = [*project.data.key, *([time] if time not in {"", ROW_ORDER} else [])]
    known = set(source.columns) & set(fresh.columns)
    if not project.data.key or not set(names) <= known:
        return source
    if source.select(names).is_duplicated().any():
        return source
    logged = fresh.select(names).cast({name: source.schema[name] for name in names}, strict=False)
    return source.join(logged.unique(), on=names, how="anti", maintain_order="left")


def _outcomes(project: Project, matured: LabelledRows) -> pl.Series:
    kind = pl.Float64 if project.data.task == REGRESSION else pl.String
    return pl.Series(project.data.target, matured.y.tolist(), dtype=kind)
