"""The prediction log as a table: compacted, looked at for damage, read as typed columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import polars as pl

from evermodel.bundle.repair import microseconds
from evermodel.loop.workspace import Workspace
from evermodel.records import CheckResult, ColumnType
from evermodel.serve import seal_segments, segments, unreadable
from evermodel.store.durable import write_durably
from evermodel.tables import versions
from evermodel.tables.commits import make_durably

__all__ = [
    "compact",
    "features_of",
    "log_damage",
    "logged",
    "newest_commit",
    "predictions_of",
    "stored",
]

_QUARANTINE = "quarantine"


def compact(workspace: Workspace) -> int:
    """Move closed segments of the prediction log into its Delta table; return the rows moved.

    Each segment is its own idempotency key: a crash between the commit and the removal of the
    segment neither loses nor doubles a row. Damaged lines are set aside before it is removed
    (`log_damage` tells them); a segment that cannot be read stays where it is.
    """
    if not workspace.segments.is_dir():
        return 0
    seal_segments(workspace.segments)
    moved = 0
    for segment in segments(workspace.segments):
        if segment.refused:
            continue
        if segment.rows:
            table = workspace.table("predictions")
            versions.append(table, _log_frame(segment.rows), key=segment.name)
            moved += len(segment.rows)
        if segment.damaged:
            aside = workspace.segments / _QUARANTINE
            make_durably(aside)
            lines = b"".join(line + b"\n" for line in segment.damaged)
            write_durably(aside / segment.name, lines, mode=0o600)
        (workspace.segments / segment.name).unlink(missing_ok=True)
    return moved


def log_damage(workspace: Workspace) -> list[CheckResult]:
    """Return what of the prediction log is in no number: lines set aside, segments not readable."""
    aside = workspace.segments / _QUARANTINE
    counts = [path.read_bytes().count(b"\n") for path in aside.glob("*")]
    found = []
    if counts:
        why = f"damaged lines, in no number here: look at {aside}, then remove it"
        found.append(_damage(sum(counts), "lines", why))
    refused = unreadable(workspace.segments)
    if refused:
        name, reason = next(iter(refused.items()))
        why = f"not readable, in no number here: {workspace.segments / name}: {reason}"
        found.append(_damage(len(refused), "segments", why))
    return found


def _damage(count: int, unit: str, why: str) -> CheckResult:
    return CheckResult(
        name="prediction_log", subject="log", value=count, unit=unit, verdict="warn", why=why
    )


def _log_frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return log rows as a table of plain columns; nested values are kept as JSON."""

    def json(value: Any) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    return pl.DataFrame(
        {
            "id": [row["id"] for row in rows],
            "time": [_moment(row["time"]) for row in rows],
            "key": [json(row["key"]) for row in rows],
            "deployment": [row["deployment"] for row in rows],
            "arm": [row["arm"] for row in rows],
            "propensity": [row["propensity"] for row in rows],
            "version": [row["version"] for row in rows],
            "features": [json(row["features"]) for row in rows],
            "output": [json(row["output"]) for row in rows],
            "action": [json(row["action"]) for row in rows],
            "route": [row["route"] for row in rows],
            "gate": [row["gate"] for row in rows],
            "latency_us": [row["latency_us"] for row in rows],
        },
        schema_overrides={
            "time": pl.Datetime("us"),
            "key": pl.String,
            "features": pl.String,
            "action": pl.String,
            "version": pl.Int64,
        },
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def logged(workspace: Workspace) -> pl.DataFrame | None:
    """Return the compacted prediction log in order of time, or None when there is none."""

    def read_log() -> pl.DataFrame | None:
        found = stored(workspace, "predictions")
        return None if found is None else found.sort("time", "id")

    return cast(
        "pl.DataFrame | None",
        workspace.remember("log", newest_commit(workspace, "predictions"), read_log),
    )


def predictions_of(workspace: Workspace, ids: pl.Series) -> pl.DataFrame | None:
    """Return the predictions of these ids, without holding the rest of the log; None of no log."""
    wanted = pl.DataFrame({"id": ids.unique()})
    found = [
        versions.alone(part.join(wanted, on="id", how="semi", maintain_order="left"))
        for part in versions.parts(workspace.table("predictions"))
    ]
    return versions.whole(found) if found else None


def stored(workspace: Workspace, table: str) -> pl.DataFrame | None:
    """Return all rows of a table of the workspace, or None before there are any."""
    return versions.read_all(workspace.table(table))


def newest_commit(workspace: Workspace, table: str) -> str:
    """Return the newest commit of a table: it changes whenever the table does."""
    commits = (workspace.table(table) / "_delta_log").glob("*.json")
    return max((path.name for path in commits), default="")


def features_of(log: pl.DataFrame, types: Mapping[str, ColumnType]) -> pl.DataFrame:
    """Return the logged features as typed columns, one row a prediction.

    Parameters
    ----------
    log : polars.DataFrame
        Rows of the prediction log.
    types : mapping
        Type of each input, as in a bundle's manifest.
    """
    kinds: dict[str, Any] = {
        "number": pl.Float64,
        "boolean": pl.Boolean,
        "category": pl.String,
        "timestamp": pl.String,
    }
    rows = [msgspec.json.decode(text) if text else {} for text in log["features"].to_list()]
    columns = []
    for name, kind in types.items():
        values = [row.get(name) for row in rows]
        column = pl.Series(name, values, dtype=kinds[kind], strict=False)
        if kind == "timestamp":
            column = _in_utc(column)
        columns.append(column)
    return pl.DataFrame(columns)


def _in_utc(times: pl.Series) -> pl.Series:
    """Return logged times in UTC, each by its own zone: a format guessed from one loses others."""
    read = {text: _micros(text) for text in times.drop_nulls().unique().to_list()}
    found = [read.get(text) for text in times.to_list()]
    return pl.Series(times.name, found, dtype=pl.Int64).cast(pl.Datetime("us"))


def _micros(text: str) -> int | None:
    try:
        return microseconds(text)
    except ValueError:
        return None
