"""The rows of the prediction log that one look is at, read without reading the rest of it."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from evermodel.loop.state import State
from evermodel.loop.workspace import Workspace
from evermodel.tables import versions
from evermodel.tables.typed import normalise

__all__ = ["FEWEST_ROWS", "window_of"]

FEWEST_ROWS = 30
"""Rows from which a look can tell whether the data are whole."""

_WINDOW_ROWS = 200
_MOST_ROWS = 200_000
_READ = ("id", "time", "features", "output")
"""What a look compares; the other columns of the log stay on the disk."""


def window_of(workspace: Workspace, state: State) -> pl.DataFrame | None:
    """Return the rows since the last look; more of the newest where those are too few.

    Id, time, features and output of each are read, in order of time, and None is returned where
    there is no log. What lies before the window is passed over by the bounds that each file of the
    table tells of its times.
    """
    table = workspace.table("predictions")
    if not (table / "_delta_log").is_dir():
        return None
    log = versions.scan_version(table)
    reign = state.reign(workspace.project.name)
    mine = log.filter(pl.col("deployment") == reign)
    seen = state.monitored or {}
    last = seen.get("last")
    if not last or seen.get("reign") != reign:
        return _thinned(mine)
    fresh = mine.filter(pl.col("time") > _moment(log, datetime.fromisoformat(str(last))))
    # After broken data the older rows say nothing about whether the feed was mended.
    enough = FEWEST_ROWS if seen.get("state") == "broken data" else _WINDOW_ROWS
    return _thinned(fresh) if _height(fresh) >= enough else _newest(mine)


def _moment(log: pl.LazyFrame, moment: datetime) -> pl.Expr:
    """Return a time of UTC as the table holds times, so that files can be told apart by it."""
    return pl.lit(moment).cast(pl.Datetime("us")).dt.replace_time_zone(_zone(log))


def _zone(log: pl.LazyFrame) -> str | None:
    kind = log.collect_schema()["time"]
    return kind.time_zone if isinstance(kind, pl.Datetime) else None


def _height(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.len()).collect(engine="streaming").item())


def _newest(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return the newest rows: of those that share the time of the oldest of them, the last ids."""
    times = rows.select(pl.col("time").top_k(_WINDOW_ROWS)).collect(engine="streaming")["time"]
    oldest = pl.lit(times.min(), dtype=times.dtype)
    return _read(rows.filter(pl.col("time") >= oldest)).tail(_WINDOW_ROWS)


def _thinned(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return rows spread evenly over all of them, as many as a look can hold.

    The newest alone would leave the time before them unseen by this look and by every other.
    """
    if _height(rows) <= _MOST_ROWS:
        return _read(rows)
    mark = pl.col("id").hash(0)
    marks = rows.select("time", mark=mark).collect(engine="streaming").sort("time", "mark")["mark"]
    kept = marks[np.linspace(0, marks.len() - 1, _MOST_ROWS).astype(np.int64)]
    return _read(rows.filter(mark.is_in(kept.implode())))


def _read(rows: pl.LazyFrame) -> pl.DataFrame:
    found = rows.select(_READ).collect(engine="streaming").sort("time", "id")
    return pl.DataFrame([normalise(series)[0] for series in found.get_columns()])
