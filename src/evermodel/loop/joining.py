"""The prediction that each outcome belongs to, found without holding the rest of the log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import polars as pl

from evermodel.loop.keys import refs_of_log
from evermodel.loop.predictions import features_of
from evermodel.loop.reading import keys_read
from evermodel.loop.state import Version, read_state
from evermodel.loop.workspace import Workspace
from evermodel.project import duration_seconds
from evermodel.tables import versions

__all__ = ["asked_about", "joined_to", "newest_of", "reading_version"]

_A_DAY = timedelta(days=1)
_NO_TIME = pl.lit(None, pl.Datetime("us")).alias("at")


def asked_about(workspace: Workspace, *outcomes: pl.DataFrame) -> pl.DataFrame | None:
    """Return (id, ref, time, at) of all predictions that outcomes may be of, in order of time.

    `ref` is the key and `at` the time of the row that was sent, null where none was. Of the log
    only these are held, read a part at a time; None is returned where there is no log.
    """
    said = pl.concat([each.select("by", "ref") for each in outcomes]).unique()
    ids = said.filter(pl.col("by") == "id").select(id="ref")
    refs = said.filter(pl.col("by") != "id").select("ref").unique()
    data = workspace.project.data
    keyed, timed = bool(refs.height and data.key), bool((said["by"] == "row").any())
    names = ("id", "time", "key", "features", "route") if keyed else ("id", "time")
    read = keys_read(workspace, reading_version(workspace).trained)
    found = []
    for part in versions.parts(workspace.table("predictions"), names):
        ref = refs_of_log(part, data.key, read) if keyed else pl.lit(None, pl.String)
        part = part.with_columns(ref=ref, row=pl.int_range(pl.len()))
        mine = [part.join(ids, on="id", how="semi"), part.join(refs, on="ref", how="semi")]
        some = pl.concat(mine).unique("row", maintain_order=True)
        at = features_of(some, {data.time: "timestamp"})[data.time] if keyed and timed else None
        moments = pl.Series("at", at, dtype=pl.Datetime("us")) if at is not None else _NO_TIME
        found.append(versions.alone(some.select("id", "ref", "time", moments)))
    return pl.concat(found).sort("time", "id") if found else None


def joined_to(workspace: Workspace, log: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Return (row, id, outcome, arrived): the number of each outcome, and its prediction."""
    key = workspace.project.data.key
    delay = timedelta(seconds=duration_seconds(workspace.project.outcome.known_after))
    wanted = ("row", "id", "outcome", "arrived")
    kinds = {name: outcomes.schema.get(name, pl.String()) for name in wanted}
    found = [pl.DataFrame(schema=kinds)]
    by_id = outcomes.filter(pl.col("by") == "id")
    if by_id.height:
        joined = log.select("id").join(by_id, left_on="id", right_on="ref", how="inner")
        found.append(joined.select(wanted))
    by_key = outcomes.filter(pl.col("by") == "key")
    by_row = outcomes.filter(pl.col("by") == "row")
    if (by_key.height or by_row.height) and key:
        keyed = log.drop_nulls("ref")
        # An outcome speaks of what was known before it: never of a later prediction.
        by_key = by_key.with_columns(at=pl.coalesce("as_of", pl.col("arrived") - delay))
        found.append(_nearest(by_key, keyed, "backward").select(wanted))
        if by_row.height:
            found += [part.select(wanted) for part in _of_rows(by_row, keyed)]
    return pl.concat(found, how="vertical_relaxed")


def _of_rows(outcomes: pl.DataFrame, keyed: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the outcomes of rows at a time of their own, with the prediction made for each."""
    outcomes = outcomes.rename({"as_of": "at"})
    mine = keyed.join(outcomes.select("ref").unique(), on="ref", how="semi", maintain_order="left")
    sent = mine.drop_nulls("at").select("id", "ref", "at", "time")
    # Who is scored again when the outcome is known is not predicted: the last one before it is.
    before = outcomes.join(sent, on=["ref", "at"], how="inner", maintain_order="left_right")
    before = before.filter(pl.col("time") <= pl.col("arrived"))
    yield before.unique("row", keep="last", maintain_order=True)
    # Where the time was not sent, a row is answered on the day it is of.
    unsent = mine.filter(pl.col("at").is_null())
    yield _nearest(outcomes.drop_nulls("at"), unsent, "forward", tolerance=_A_DAY)


def _nearest(
    outcomes: pl.DataFrame,
    keyed: pl.DataFrame,
    strategy: Literal["backward", "forward"],
    tolerance: timedelta | None = None,
) -> pl.DataFrame:
    return (
        outcomes.sort("at", maintain_order=True)
        .join_asof(
            keyed.select("id", "ref", "time").sort("time"),
            left_on="at",
            right_on="time",
            by="ref",
            strategy=strategy,
            tolerance=tolerance,
            check_sortedness=False,
        )
        .drop_nulls("id")
    )


def newest_of(joined: pl.DataFrame) -> pl.DataFrame:
    """Return (id, outcome, arrived): the newest outcome of each prediction, since when it is known.

    To say the same once more, as a file of all outcomes so far does, makes nothing newer: by this
    time it is told what a challenger can have learned from.
    """
    rows = joined.sort("arrived", "row")
    other = pl.col("outcome").ne_missing(pl.col("outcome").shift()).over("id")
    rows = rows.with_columns(run=other.cum_sum().over("id"))
    newest = rows.filter(pl.col("run") == pl.col("run").max().over("id"))
    return newest.group_by("id", maintain_order=True).first().select("id", "outcome", "arrived")


def reading_version(workspace: Workspace) -> Version:
    """Return what is live, or else the newest version: as it reads columns, outcomes are read."""
    state = read_state(workspace)
    return state.version(state.live or max(state.versions))
