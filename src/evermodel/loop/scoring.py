"""Batch scoring: rows in, rows with predictions out, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from evermodel.bundle import Model, Predictions
from evermodel.errors import InputError
from evermodel.loop.state import load_version, read_state
from evermodel.loop.workspace import Effort, Workspace, open_workspace, silent
from evermodel.protocols import Progress
from evermodel.records import BINARY, MULTICLASS, CheckResult, Report
from evermodel.tables import scan, write

__all__ = ["prediction_columns", "score"]

_BATCH_ROWS = 65_536


def score(
    source: str | Path,
    target: str | Path,
    folder: str | Path | Workspace = ".",
    *,
    number: int | None = None,
    progress: Progress = silent,
) -> Report:
    """Predict every row of a file and write the rows with their predictions to another.

    Rows stream through in batches, so the file may be larger than memory; the output appears whole
    or not at all. Columns `prediction`, `probability` (or one a class) and `low`, `high` are added.

    Parameters
    ----------
    source : path or URL
        CSV, parquet, JSON lines, Delta or SQL.
    target : path
        CSV or parquet, by its ending.
    folder : path or Workspace
    number : int, optional
        The live version unless given.

    Raises
    ------
    DataError
        When columns that the model reads are absent or of another type.
    NotFoundError
        When nothing is live.
    """
    workspace = open_workspace(folder)
    state = read_state(workspace)
    version = state.version(number if number is not None else state.live)
    model = load_version(workspace, version)
    if Path(str(source)).resolve() == Path(target).resolve():
        raise InputError(
            "the output would replace the input", where=str(target), hint="name another file"
        )
    effort = Effort()
    rows = write(_scored(workspace, model, source, progress), target)
    progress("done", 1.0)
    result = CheckResult(
        name="rows scored",
        subject=str(target),
        value=rows,
        unit="rows",
        n=rows,
        why=f"by version {version.number} in {effort.seconds:.1f} s",
    )
    facts = {"version": version.number, "output": str(target), "rows": rows}
    return Report(verb="score", subject=workspace.project.name, results=(result,), facts=facts)


def _scored(
    workspace: Workspace, model: Model, source: str | Path, progress: Progress
) -> Iterator[pl.DataFrame]:
    data = workspace.project.data
    types: dict[str, Any] = {item.name: item.type for item in model.manifest.inputs}
    done = 0
    batches = scan(
        str(source),
        reading=data.reading,
        repairs={name: r for name, r in data.repairs.items() if name != data.target},
        types={name: kind for name, kind in {**data.types, **types}.items() if name != data.target},
        batch_rows=_BATCH_ROWS,
    )
    for batch in batches:
        predictions = model.predict(model.encode_frame(batch))
        added = prediction_columns(predictions)
        taken = {column.name: f"evermodel_{column.name}" for column in added}
        yield batch.with_columns(
            column.rename(taken[column.name]) if column.name in batch.columns else column
            for column in added
        )
        done += batch.height
        progress(f"{done} rows", 0.5)


def prediction_columns(predictions: Predictions) -> list[pl.Series]:
    """Return predictions as columns: label or value first, then probabilities or bounds."""
    columns = []
    if predictions.label is not None:
        columns.append(pl.Series("prediction", predictions.label.tolist(), dtype=pl.String))
    if predictions.value is not None:
        columns.append(pl.Series("prediction", predictions.value))
    if predictions.task == BINARY:
        columns.append(pl.Series("probability", predictions.probability))
    elif predictions.task == MULTICLASS and predictions.probability is not None:
        columns += [
            pl.Series(f"probability_{name}", predictions.probability[:, place])
            for place, name in enumerate(predictions.classes)
        ]
    for name, bound in (("low", predictions.low), ("high", predictions.high)):
        if bound is not None:
            columns.append(pl.Series(name, bound))
    return columns
