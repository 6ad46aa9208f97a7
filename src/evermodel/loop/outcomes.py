"""Outcomes that arrive later, and the prediction that each belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any, cast

import msgspec
import polars as pl

from evermodel.bundle import read_manifest
from evermodel.data.personal.hiding import notes_without, of_persons
from evermodel.errors import DataError, NotFoundError, nearest
from evermodel.loop.joining import (
    asked_about,
    joined_to,
    newest_of,
    reading_version,
)
from evermodel.loop.keys import refs_of, refs_of_log, shown_ref
from evermodel.loop.predictions import compact, newest_commit, predictions_of, stored
from evermodel.loop.reading import keys_read, reading_of
from evermodel.loop.state import load_version, read_state
from evermodel.loop.tracing import traced
from evermodel.loop.workspace import Workspace, open_workspace, silent
from evermodel.protocols import Progress
from evermodel.records import BINARY, REGRESSION, CheckResult, Report, Verdict
from evermodel.store.lineage import DataSet
from evermodel.tables import Misfits, Table, digest, read, versions

__all__ = ["labelled", "labels"]

_ID_COLUMNS = ("prediction_id", "id")
_TIME_COLUMNS = ("time", "outcome_time", "as_of")
_SHOWN = 5
_TIMES = (pl.Date, pl.Datetime)


def labels(
    file: str | Path,
    folder: str | Path | Workspace = ".",
    *,
    progress: Progress = silent,
) -> Report:
    """Take in outcomes that arrived later, and say how many fit a prediction.

    The file names predictions by their id (`id` or `prediction_id`) or by the project's key
    columns, and holds the target column. An outcome with a key belongs to

    - the prediction for the row of the same time, where the file has the project's time column; or,
      where callers do not send that, to the first prediction within a day after it;
    - the newest prediction at or before it, where the file says since when it holds (`as_of`,
      `outcome_time` or `time`);
    - else the newest prediction that is at least `[outcome] known_after` old.

    The same rows twice change nothing; the newest of contradicting outcomes counts, and
    contradictions are counted.

    Raises
    ------
    DataError
        When the file names neither predictions nor outcomes.
    NotFoundError
        When no version was registered yet.
    """
    workspace = open_workspace(folder, make=False)
    with workspace.job("labels", progress) as step:
        if not read_state(workspace).versions:
            what = "there is no version yet to bring outcomes for"
            raise NotFoundError(what, hint="evermodel run trains and releases a first version")
        given = DataSet(address=str(file))
        with traced(workspace, workspace.new_run("labels"), {"outcomes": given}) as trace:
            step("reading outcomes", 0.1)
            misfits = Misfits()
            table = read(str(file), **_reading(workspace), misfits=misfits)
            rows, refused = _label_rows(workspace, table.frame)
            content = digest(table.frame)
            rows = rows.with_columns(file=pl.lit(content))
            step("joining predictions", 0.5)
            compact(workspace)
            commit = newest_commit(workspace, "predictions")
            trace.inputs["predictions"] = DataSet(digest=commit)
            before = _stored_labels(workspace)
            place = workspace.table("labels")
            fresh = versions.append(place, rows, key=content) if rows.height else True
            log = asked_about(workspace, *([] if before is None else [before]), rows)
            if not fresh:
                _bring_again(workspace, log, before, rows)
            counts = _count(workspace, log, before, rows, fresh)
            counts["refused"] = refused.height + table.understood.rejected_rows
            workspace.record("labels", {"file": content, **counts})
            named = msgspec.structs.replace(given, digest=content, rows=table.frame.height)
            trace.inputs["outcomes"] = named
            trace.outputs["labels"] = DataSet(digest=newest_commit(workspace, "labels"))
    results = _label_results(counts, table.frame.height, refused, _known_classes(workspace))
    if rows.height and not counts["matched"]:
        results[0] = _nothing_matched(workspace, log, results[0], rows)
    return Report(
        verb="labels",
        subject=Path(file).name,
        results=(*results, *_left_missing(misfits), *trace.results()),
        facts={**counts, "understood": _notes(workspace, table)},
    )


def _reading(workspace: Workspace) -> dict[str, Any]:
    """Return how outcomes, keys and times of a file are read: as in training and in scoring.

    What else stands in the file is as it comes, for nothing here is lost by it.
    """
    version, data = reading_version(workspace), workspace.project.data
    model = load_version(workspace, version)
    beside = keys_read(workspace, version.trained).values()
    how = reading_of(model, workspace.project, target=True, beside=beside)
    wanted = {data.target, data.time, *data.key}
    for part in ("repairs", "types", "like"):
        how[part] = {name: one for name, one in how[part].items() if name in wanted}
    return how


def _notes(workspace: Workspace, table: Table) -> list[str]:
    """Return what was understood of the columns that count, no value of a person in it."""
    data = workspace.project.data
    wanted = {data.target, data.time, *data.key, *_ID_COLUMNS, *_TIME_COLUMNS}
    others = [f"{name}: " for name in table.frame.columns if name not in wanted]
    notes = [note for note in table.understood.notes if not note.startswith(tuple(others))]
    return list(notes_without(notes, of_persons(table.frame)))


def _left_missing(misfits: Misfits) -> list[CheckResult]:
    """Return what to say of cells that are not of the type that their column is read as."""
    return [
        CheckResult(
            name="cells taken as missing", subject=column, value=cells, unit="rows",
            n=misfits.rows[column], verdict="warn",
            why="not of the column's type, so their rows are refused",
            evidence={"examples": [f"{text!r} on line {line}" for line, text in shown]},
        )
        for column, cells in misfits.cells.items()
        if (shown := misfits.shown[column])
    ]  # fmt: skip


def _bring_again(
    workspace: Workspace, log: pl.DataFrame | None, before: pl.DataFrame | None, rows: pl.DataFrame
) -> None:
    """Store once more those outcomes of a known file whose predictions were made since it came.

    By key, an outcome speaks of earlier predictions only: as of its first arrival it had none. One
    that had one is done with, however often its customer is asked about again.
    """
    late = _about(workspace, log, rows).drop_nulls("id")
    if before is not None:
        had = _about(workspace, log, before.filter(pl.col("file") == rows["file"][0]))
        had = had.drop_nulls("id").select("by", "ref", "as_of").unique()
        names = ["by", "ref", "as_of"]
        late = late.join(had, on=names, how="anti", nulls_equal=True, maintain_order="left")
    if late.height:
        again = late.select(rows.columns)
        key = f"{rows['file'][0]} {rows['arrived'][0].isoformat()}"
        versions.append(workspace.table("labels"), again, key=key)


def _label_rows(workspace: Workspace, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (by, ref, as_of, outcome, arrived), and (row, said) of rows without usable outcome.

    Rows count from 1.
    """
    data = workspace.project.data
    if data.target not in frame.columns:
        word = nearest(data.target, frame.columns)
        raise DataError(
            f"the file has no outcome column {data.target!r}",
            found=", ".join(frame.columns[:20]),
            hint=f"is it {word!r}? Rename it" if word else f"name the outcome {data.target!r}",
        )
    keyed = bool(data.key) and all(name in frame.columns for name in data.key)
    # A column "id" may be about anything where the key is there; "prediction_id" is clear.
    names = _ID_COLUMNS[:1] if keyed else _ID_COLUMNS
    by_id = next((name for name in names if name in frame.columns), "")
    if not by_id and not keyed:
        key = ", ".join(data.key) or "(none is set)"
        raise DataError(
            "the file does not say which prediction each outcome belongs to",
            found=", ".join(frame.columns[:20]),
            hint=f"add a column prediction_id with the id of each answer, or the key {key}",
        )
    outcome = frame[data.target]
    if data.task == REGRESSION:
        kept = outcome.cast(pl.Float64, strict=False)
        kept = pl.select(pl.when(kept.is_finite()).then(kept)).to_series()
    else:
        kept = _as_classes(outcome, _known_classes(workspace))
    ref = frame[by_id].cast(pl.String) if by_id else refs_of(frame, data.key)
    by, as_of = _when(frame, data.time)
    now = workspace.ports.clock.now().astimezone(UTC).replace(tzinfo=None)
    rows = pl.DataFrame({"ref": ref, "outcome": kept}).with_columns(
        by=pl.lit("id" if by_id else by),
        as_of=as_of,
        arrived=pl.lit(now).cast(pl.Datetime("us")),
    )
    usable = pl.col("outcome").is_not_null() & pl.col("ref").is_not_null()
    if data.task == BINARY:
        usable &= pl.col("outcome").is_in(_known_classes(workspace))
    keep = rows.select(usable.fill_null(False).alias("keep"))["keep"]
    refused = pl.DataFrame({"said": outcome.cast(pl.String)}).with_row_index("row", offset=1)
    return rows.filter(keep), refused.filter(~keep)


def _when(frame: pl.DataFrame, time: str) -> tuple[str, pl.Series | pl.Expr]:
    """Return by what outcomes with a key are joined, and the time that goes with it."""
    for by, names in (("row", (time,)), ("key", _TIME_COLUMNS)):
        for name in names:
            if not name or name not in frame.columns:
                continue
            if frame[name].dtype in _TIMES:
                return by, frame[name].cast(pl.Datetime("us"))
            if name != "time" and frame[name].dtype == pl.String:
                raise _no_time(frame[name])
    return "key", pl.lit(None, pl.Datetime("us"))


def _no_time(column: pl.Series) -> DataError:
    read = column.str.to_datetime(strict=False)
    odd = column.filter(read.is_null() & column.is_not_null())
    return DataError(
        f"the column {column.name!r} holds what is no time",
        found=f"for example {odd[0]!r}" if len(odd) else "",
        hint="write times as 2026-01-31 or 2026-01-31T12:00:00, all in one way",
    )


def _as_classes(outcome: pl.Series, classes: Sequence[str]) -> pl.Series:
    """Return outcomes as names of classes: 1 and 1.0 are the same class, however it is written."""

    def number(text: str) -> float | None:
        try:
            return float(text)
        except ValueError:
            return None

    values = {number(name): name for name in classes if number(name) is not None}
    words = outcome.cast(pl.String)
    known = {
        word: values[number(word)]
        for word in words.drop_nulls().unique()
        if word not in classes and number(word) in values
    }
    return words.replace(known) if known else words


def _known_classes(workspace: Workspace) -> list[str]:
    return list(read_manifest(workspace.bundles / str(reading_version(workspace).number)).classes)


def _stored_labels(workspace: Workspace) -> pl.DataFrame | None:
    return cast(
        "pl.DataFrame | None",
        workspace.remember(
            "outcomes", newest_commit(workspace, "labels"), lambda: stored(workspace, "labels")
        ),
    )


def _count(
    workspace: Workspace,
    log: pl.DataFrame | None,
    before: pl.DataFrame | None,
    rows: pl.DataFrame,
    fresh: bool,
) -> dict[str, int]:
    """Return how many outcomes matched, repeat or contradict earlier ones.

    Two outcomes speak of the same when they belong to the same prediction: a customer who stayed in
    January and left in February is no contradiction.
    """
    counts = {"rows": rows.height, "new": 0, "repeated": 0, "contradicting": 0, "matched": 0}
    if not fresh:
        counts["repeated"] = rows.height
    mine = _about(workspace, log, rows)
    own = mine.group_by("about", maintain_order=True).agg(
        pl.col("outcome").last(), n=pl.len(), kinds=pl.col("outcome").n_unique()
    )
    counts["contradicting"] += int((own["kinds"] > 1).sum())
    counts["repeated"] += int((own["n"] - own["kinds"]).sum()) if fresh else 0
    if fresh and before is not None:
        known = _about(workspace, log, before).sort("arrived", maintain_order=True)
        known = known.group_by("about").agg(earlier=pl.col("outcome").last())
        both = own.join(known, on="about", how="inner")
        kind = pl.Float64 if workspace.project.data.task == REGRESSION else pl.String
        same = int((both["outcome"].cast(kind) == both["earlier"].cast(kind)).sum())
        counts["repeated"] += same
        counts["contradicting"] += both.height - same
        counts["new"] = own.height - both.height
    elif fresh:
        counts["new"] = own.height
    counts["matched"] = mine["id"].drop_nulls().n_unique()
    counts["unmatched"] = own.height - counts["matched"]
    return counts


def _about(workspace: Workspace, log: pl.DataFrame | None, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Return outcomes with the `id` of their prediction (null: none) and what they are `about`."""
    rows = outcomes.with_row_index("row")
    if log is None:
        rows = rows.with_columns(id=pl.lit(None, pl.String))
    else:
        joined = joined_to(workspace, log, rows)
        rows = rows.join(joined.select("row", "id"), on="row", how="left", maintain_order="left")
    unmatched = pl.concat_str(
        "by", "ref", pl.col("as_of").cast(pl.String).fill_null(""), separator="\x1f"
    )
    return rows.with_columns(about=pl.coalesce("id", unmatched))


def _label_results(
    counts: dict[str, int], rows: int, refused: pl.DataFrame, classes: Sequence[str]
) -> list[CheckResult]:
    def share(name: str, verdict: Any, why: str, **evidence: Any) -> CheckResult:
        return CheckResult(
            name=name, subject="outcomes", value=counts[name], unit="rows", n=rows,
            verdict=verdict, why=why, evidence=evidence,
        )  # fmt: skip

    shown = refused.head(_SHOWN)
    said = [repr(text) if text is not None else "nothing" for text in shown["said"].to_list()]
    known = f"; known are {', '.join(map(repr, classes[:_SHOWN]))}" if classes else ""

    return [
        share("matched", "pass" if counts["matched"] or not rows else "warn",
              "outcomes that belong to a prediction"),
        share("unmatched", "pass",
              "kept: their prediction may still be in a server's log, or be younger than "
              "outcome.known_after"),
        share("repeated", "pass", "said before, counted once"),
        share("contradicting", "warn" if counts["contradicting"] else "pass",
              "said otherwise before: the newest counts"),
        share("refused", _refusal(counts["refused"], rows),
              f"without a usable outcome, or without whom it is about{known}",
              examples=said, rows=shown["row"].to_list()),
    ]  # fmt: skip


def _nothing_matched(
    workspace: Workspace, log: pl.DataFrame | None, result: CheckResult, rows: pl.DataFrame
) -> CheckResult:
    """Return the result on matches with why there is none: two keys side by side tell most."""
    if log is None:
        return msgspec.structs.replace(result, why="no prediction was logged yet")
    by_id = rows["by"][0] == "id"
    if not by_id and rows["ref"].is_in(log["ref"].implode()).any():
        why = "their keys are in the log, but no prediction was made at their time or is old enough"
        return msgspec.structs.replace(result, why=f"{why}: see outcome.known_after")
    table = workspace.table("predictions")
    part = next(versions.parts(table, ("id", "key", "features", "route"))).head(_SHOWN)
    read = keys_read(workspace, reading_version(workspace).trained)
    known = (
        part["id"] if by_id else refs_of_log(part, workspace.project.data.key, read).drop_nulls()
    )
    names = ("prediction_id",) if by_id else workspace.project.data.key
    found = [("file", rows["ref"]), ("log", known)]
    shown = [f"{shown_ref(refs[-1], names)} in the {where}" for where, refs in found if len(refs)]
    what = "ids" if by_id else "keys"
    why = f"none of their {what} is in the log: are both written alike?"
    return msgspec.structs.replace(result, why=why, evidence={"examples": shown})


def _refusal(refused: int, rows: int) -> Verdict:
    """Return the verdict on refused outcomes: a file of nothing else brought nothing."""
    return "pass" if not refused else "fail" if refused >= rows else "warn"


def labelled(workspace: Workspace) -> pl.DataFrame | None:
    """Return the logged predictions whose outcome is known, in the order the outcomes came.

    The newest outcome of a prediction counts, from the file on that first said it.
    """

    def join() -> pl.DataFrame | None:
        outcomes = _stored_labels(workspace)
        log = None if outcomes is None else asked_about(workspace, outcomes)
        if log is None or outcomes is None:
            return None
        if outcomes["outcome"].dtype.is_float():
            outcomes = outcomes.filter(pl.col("outcome").is_finite())
        joined = joined_to(workspace, log, outcomes.with_row_index("row"))
        newest = newest_of(joined)
        rows = predictions_of(workspace, newest["id"]) if newest.height else None
        if rows is None or not rows.height:
            return None
        return rows.join(newest, on="id", how="inner").sort("arrived", "time", "id")

    commits = [newest_commit(workspace, table) for table in ("predictions", "labels")]
    return cast("pl.DataFrame | None", workspace.remember("labelled", commits, join))
