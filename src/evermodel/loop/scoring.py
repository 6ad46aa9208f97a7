"""Batch scoring: rows in, rows with predictions out, in bounded memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path

import msgspec
import polars as pl

from evermodel.bundle import Model, Predictions
from evermodel.errors import InputError
from evermodel.loop.aside import Aside
from evermodel.loop.batch_log import BatchLog
from evermodel.loop.beginning import refuse_to_replace
from evermodel.loop.broken import Breaks
from evermodel.loop.reading import keys_read, reading_of
from evermodel.loop.state import load_version, read_state
from evermodel.loop.tracing import traced
from evermodel.loop.workspace import Effort, Workspace, open_workspace, silent
from evermodel.protocols import Progress
from evermodel.records import BINARY, MULTICLASS, CheckResult, Report
from evermodel.store.lineage import DataSet
from evermodel.tables import Misfits, Understanding, scan_lines, understand, write
from evermodel.tables.sources import require_same, state_of
from evermodel.tables.steady import FileState

__all__ = ["predicted", "prediction_columns", "score", "with_predictions"]

_BATCH_ROWS = 65_536
_SHOWN = 5
_HEADER = 1 << 20


def score(
    source: str | Path,
    target: str | Path,
    folder: str | Path | Workspace = ".",
    *,
    number: int | None = None,
    log: bool = True,
    spreadsheet_safe: bool = False,
    progress: Progress = silent,
) -> Report:
    """Predict the rows of a file and write them with their predictions to another.

    Rows stream through in batches, so the file may be larger than memory; the output appears whole
    or not at all. Columns `prediction`, `probability` (or one a class) and `low`, `high` are added.
    What the live version answers is written into the prediction log, once for the same rows, so
    that outcomes find it; where the file lacks the key, `prediction_id` is added to name it by.
    What looks broken refuses the file, is predicted all the same or is set aside, as
    `[data] gate_scoring` says.

    Parameters
    ----------
    source : path or URL
        Whatever `tables.read` reads: text, a spreadsheet, parquet, JSON lines, Delta, SQL.
    target : path
        CSV or parquet, by its ending.
    folder : path or Workspace
    number : int, optional
        The live version unless given.
    log : bool
        False keeps the predictions out of the log, as for a trial.
    spreadsheet_safe : bool
        Put an apostrophe before texts that a spreadsheet would run as formulas.

    Raises
    ------
    DataError
        When columns that the model reads are absent or of another type.
    InputError
        When `target` is a file that is read, or one that holds no predictions.
    NotFoundError
        When nothing is live.
    """
    workspace = open_workspace(folder, make=False)
    state = read_state(workspace)
    version = state.version(number if number is not None else state.live)
    model = load_version(workspace, version)
    refuse_to_replace(target, source, workspace.project.source, force=True)
    _refuse_to_lose(Path(target))
    effort = Effort()
    beside = keys_read(workspace, version.trained).values()
    how = reading_of(model, workspace.project, target=False, beside=beside)
    apart = workspace.project.data.gate_scoring == "quarantine"
    before = state_of(str(source))
    understood = understand(str(source), **how)
    misfits = Misfits(most=1.0) if apart else Misfits()
    batches = scan_lines(
        str(source), **how, understood=understood, batch_rows=_BATCH_ROWS, misfits=misfits
    )
    run = workspace.new_run("score")
    # As its training named it: a signature came after.
    run = msgspec.structs.replace(run, inputs={"model": version.trained["digest"]})
    read = {"rows": DataSet(address=_placed(source)), "model": DataSet(kind="model")}
    with ExitStack() as stack:
        trace = stack.enter_context(traced(workspace, run, read))
        trace.outputs["scores"] = DataSet(address=_placed(target))
        written: BatchLog | None = None
        if log and version.number == state.live:
            written = stack.enter_context(BatchLog(workspace, state, model))
        aside = Aside(workspace, _placed(source), Path(target), understood)
        aside.answer(version=number or 0, logged=written is not None)
        stack.callback(aside.discard)
        look = Breaks(model, workspace.project, aside, str(source), misfits)
        # What is set aside lies on the disk before any prediction is in the log.
        whole = chain(look.whole(batches), _closed(aside, before))
        scored = predicted(workspace, model, whole, written, progress)
        rows = write(scored, target, like=understood, spreadsheet_safe=spreadsheet_safe)
    progress("done", 1.0)
    result = CheckResult(
        name="rows scored",
        subject=str(target),
        value=rows,
        unit="rows",
        n=rows,
        why=f"by version {version.number} in {effort.seconds:.1f} s",
    )
    results = (result, *_left_out(understood), *_missing_cells(misfits, rows, look.set_aside))
    results += () if written is None else (_logged(written, rows),)
    results += (*look.results(), *trace.results())
    facts = {
        "version": version.number,
        "output": str(target),
        "rows": rows,
        "rejected": understood.rejected_rows,
        "quarantine": "" if aside.path is None else str(aside.path),
        "aside": aside.rows,
        "logged": 0 if written is None else written.rows,
    }
    return Report(verb="score", subject=workspace.project.name, results=results, facts=facts)


def _refuse_to_lose(target: Path) -> None:
    """Refuse to write over a file that holds no predictions, and so is none of an earlier run."""
    if not target.is_file() or not target.stat().st_size:
        return
    if target.suffix.lower() in (".parquet", ".pq"):
        with suppress(pl.exceptions.PolarsError):
            if "prediction" in pl.read_parquet_schema(target):
                return
    else:
        with target.open("rb") as file:
            if b"prediction" in file.readline(_HEADER):
                return
    what = "there is a file already that holds no predictions"
    raise InputError(what, where=str(target), hint="name another file, or take that one away")


def _closed(aside: Aside, before: tuple[Path, FileState] | None) -> Iterator[pl.DataFrame]:
    """Close what was set aside, if what was read is what was understood; yields no rows."""
    require_same(before)
    aside.close()
    yield from ()


def _placed(address: str | Path) -> str:
    """Return an address, or a path as it holds from anywhere."""
    text = str(address)
    return text if "://" in text or text.startswith("${") else str(Path(text).absolute())


def _logged(written: BatchLog, rows: int) -> CheckResult:
    why = "outcomes will find them: evermodel labels"
    if written.rows < rows:
        why = "the others were logged before, and count once"
    return CheckResult(name="rows logged", value=written.rows, unit="rows", n=rows, why=why)


def _left_out(understood: Understanding) -> tuple[CheckResult, ...]:
    """Return what to say of rows that could not be read, and so have no prediction."""
    if not understood.rejected_rows:
        return ()
    lines = ", ".join(str(row.line) for row in understood.rejected[:_SHOWN])
    more = ", ..." if understood.rejected_rows > _SHOWN else ""
    why = f"not predicted: line {lines}{more}; the first because of {understood.rejected[0].reason}"
    return (
        CheckResult(
            name="rows left out",
            value=understood.rejected_rows,
            unit="rows",
            n=understood.rejected_rows + understood.rows,
            verdict="warn",
            why=why,
        ),
    )


def _missing_cells(misfits: Misfits, rows: int, aside: Collection[str]) -> tuple[CheckResult, ...]:
    """Return what to say of cells that are not of their column's type, but for those set aside."""
    return tuple(
        CheckResult(
            name="cells taken as missing",
            subject=column,
            value=cells,
            unit="rows",
            n=rows,
            verdict="warn",
            why="not of the type the model reads, so their rows are predicted as if without them: "
            + ", ".join(f"{text!r} on line {line}" for line, text in misfits.shown[column])
            + (", ..." if cells > len(misfits.shown[column]) else ""),
        )
        for column, cells in misfits.cells.items()
        if column not in aside
    )


def predicted(
    workspace: Workspace,
    model: Model,
    batches: Iterator[pl.DataFrame],
    written: BatchLog | None,
    progress: Progress,
) -> Iterator[pl.DataFrame]:
    """Yield batches with their predictions beside them; at the end, write these down."""
    done, keyed = 0, set(workspace.project.data.key)
    for batch in batches:
        blocks = model.encode_frame(batch, repaired=True)
        predictions = model.predict(blocks)
        answered = with_predictions(batch, predictions)
        if written is not None:
            ids = written.add(batch, blocks, predictions)
            if not keyed or not keyed <= set(batch.columns):
                answered = _beside(answered, ids.alias("prediction_id"))
        yield answered
        done += batch.height
        progress(f"{done} rows", 0.5)
    if written is not None:
        written.commit()


def with_predictions(rows: pl.DataFrame, predictions: Predictions) -> pl.DataFrame:
    """Return rows with their predictions beside them; no column of the rows is replaced.

    A name that the rows have already gets "evermodel_" before it, as often as is needed.

    Examples
    --------
    >>> import numpy as np
    >>> answers = Predictions("regression", value=np.array([1.5]))
    >>> with_predictions(pl.DataFrame({"prediction": ["mine"]}), answers).to_dicts()
    [{'prediction': 'mine', 'evermodel_prediction': 1.5}]
    """
    for column in prediction_columns(predictions):
        rows = _beside(rows, column)
    return rows


def _beside(rows: pl.DataFrame, column: pl.Series) -> pl.DataFrame:
    name = column.name
    while name in rows.columns:
        name = f"evermodel_{name}"
    return rows.with_columns(column.alias(name))


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
