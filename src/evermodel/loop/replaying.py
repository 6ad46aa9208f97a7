"""Take rows back that were set aside when their file was scored: predicted once, after a repair."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec
import polars as pl

from evermodel.bundle import Model
from evermodel.errors import DataError
from evermodel.loop.aside import (
    Delivery,
    Taking,
    delivery_of,
    keep_delivery,
    marks_of,
    titles,
)
from evermodel.loop.batch_log import BatchLog
from evermodel.loop.faults import UNREAD, broken_sentences, reasons_of, row_sentences, unread
from evermodel.loop.reading import reading_of
from evermodel.loop.scoring import predicted
from evermodel.loop.sheets import as_given
from evermodel.loop.state import State, load_version, read_state
from evermodel.loop.tracing import traced
from evermodel.loop.workspace import Workspace, silent
from evermodel.project import Project, Reading
from evermodel.records import CheckResult, Report
from evermodel.store.durable import refusals, sync_file, sync_folder, temporary
from evermodel.store.lineage import DataSet
from evermodel.tables import Lined, Misfits, scan_lines, texts, versions, write

__all__ = ["replay_scored"]

_SHOWN = 5
_LINE = "line"


def replay_scored(file: Path, workspace: Workspace) -> Report:
    """Predict the rows of a file that were repaired, or whose reason was emptied; log them once.

    What is taken back is written down first; whatever is cut short after that is taken up by the
    next call as it was decided, so that no row is missing and none is there twice.

    Raises
    ------
    DataError
        When no row of it can be taken back.
    """
    with workspace.job("replay"):
        state = read_state(workspace)
        delivery = delivery_of(workspace, file)
        assert delivery is not None  # noqa: S101 - whoever calls has looked
        _forget_others(workspace, delivery)
        outputs: list[Path] = []
        logged = rows = 0
        if delivery.pending is not None:
            delivery, output, rows, logged = _finish(workspace, state, delivery)
            outputs.append(output)
        delivery, left = _begin(workspace, state, file, delivery, needed=not outputs)
        if delivery.pending is not None:
            delivery, output, more, added = _finish(workspace, state, delivery)
            outputs.append(output)
            rows, logged = rows + more, logged + added
    return _report(workspace, outputs, (rows, logged), left)


def _begin(
    workspace: Workspace, state: State, file: Path, delivery: Delivery, *, needed: bool
) -> tuple[Delivery, list[str]]:
    """Write down which rows are taken back; return it with what is said of those that are not."""
    version = state.version(delivery.version or state.live)
    model = load_version(workspace, version)
    table, left = _repaired(file, delivery)
    if table.height:
        table, more = _in_order(table, delivery, model, workspace.project)
        left += more
    if not table.height:
        if needed and left:
            what = "no row of the file can be taken back yet"
            raise DataError(what, where=str(file), found="; ".join(left[:_SHOWN]))
        return delivery, left
    number = delivery.done + 1
    _keep_rows(_held(workspace, delivery, number), table)
    pending = Taking(
        number=number, version=version.number, reign=state.reign(workspace.project.name)
    )
    delivery = msgspec.structs.replace(delivery, pending=pending)
    keep_delivery(workspace, delivery)
    return delivery, left


def _repaired(file: Path, delivery: Delivery) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows that were repaired, as texts behind their lines, and what is left and why."""
    columns = [one.name for one in delivery.understood.columns]
    line, reason, _ = titles(columns)
    found = texts(file)
    absent = [name for name in (line, reason, *columns) if name not in found.columns]
    if absent:
        what = "this is no longer the file that evermodel score wrote"
        raise DataError(what, where=str(file), found=f"no column {', '.join(absent)}")
    found = found.with_columns(pl.all().map_elements(as_given, return_dtype=pl.String))
    known = dict(zip(delivery.lines, delivery.marks, strict=True))
    sets = dict(zip(delivery.lines, delivery.at_fault, strict=True))
    numbers = [_number(text) for text in found[line].to_list()]
    at_fault = [delivery.sets[sets[number]] if number in sets else () for number in numbers]
    marks = marks_of(found.select(columns), at_fault)
    taken, seen = set(delivery.taken), set()
    kept, left = [], []
    for place, text in enumerate(found[line].to_list()):
        number = numbers[place]
        if number in taken:
            continue
        if number not in known or number in seen:
            what = "is there twice" if number in seen else "no row was set aside there"
            left.append(f"line {text}: {what}")
        elif marks[place] == known[number] and found[reason][place].strip():
            left.append(f"line {number}: it stands as it was: {found[reason][place]}")
        else:
            kept.append((place, number))
        seen.add(number)
    gone = [number for number in delivery.lines if number not in seen and number not in taken]
    left += [f"line {number}: it is no longer in the file" for number in gone]
    table = found[[place for place, _ in kept]].select(columns)
    confirmed = [known[number] == marks[place] for place, number in kept]
    lines = pl.DataFrame({_LINE: [number for _, number in kept], "confirmed": confirmed})
    return pl.DataFrame([*lines.get_columns(), pl.Series("row", table.to_struct())]), left


def _number(text: str) -> int:
    """Return the line that a cell names, as a spreadsheet program may have written it; -1: none."""
    found = re.fullmatch(r"(\d{1,18})(?:[.,]0*)?", text.strip(), re.ASCII)
    return int(found[1]) if found else -1


def _in_order(
    table: pl.DataFrame, delivery: Delivery, model: Model, project: Project
) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows that break nothing now, or were confirmed as they are, and what is left."""
    asked = row_sentences(project.data.checks, project.data.target)
    inputs = [item.name for item in model.manifest.inputs]
    misfits = Misfits(most=1.0)
    wrong, left, place = [], [], 0
    for batch in _scanned(table, delivery, model, project, misfits):
        faults = [
            (each.subject, f"{each.subject}: {each.why}", rows)
            for each, rows in broken_sentences(batch.frame, asked)
            if each.verdict == "fail"
        ]
        faults += [
            (name, f"{name}: {UNREAD}", rows)
            for name, rows in unread(misfits.latest, batch.lines, inputs)
        ]
        part = table.slice(place, batch.frame.height)
        mask, reasons = reasons_of(faults, batch.frame.height)
        lines = part.filter(mask)
        for number, confirmed, reason in zip(
            lines[_LINE], lines["confirmed"], reasons, strict=True
        ):
            if not confirmed:
                left.append(f"line {number}: {reason}")
        wrong.append(mask & ~part["confirmed"])
        place += batch.frame.height
    return table.filter(~pl.concat(wrong)), left


def _scanned(
    table: pl.DataFrame, delivery: Delivery, model: Model, project: Project, misfits: Misfits
) -> Iterator[Lined]:
    """Return rows in the types that their delivery was read in."""
    how = reading_of(model, project, target=False)
    understood = None if delivery.typed else delivery.understood
    if delivery.typed:
        # Typed values are written down with points, whatever marks the project's texts have.
        how |= {"reading": Reading(), "like": None}
        how["types"] |= {one.name: one.type for one in delivery.understood.columns}
    rows = table["row"].struct.unnest()
    return scan_lines(rows, **how, understood=understood, misfits=misfits)


def _finish(
    workspace: Workspace, state: State, delivery: Delivery
) -> tuple[Delivery, Path, int, int]:
    """Predict what was decided to be taken back; return the output, rows and rows logged too."""
    delivery, taking, name = _answering(workspace, state, delivery)
    version = state.version(taking.version)
    model = load_version(workspace, version)
    table = pl.read_parquet(_held(workspace, delivery, taking.number))
    target = Path(delivery.target)
    named = f"{target.stem}.{delivery.name[6:14]}-{taking.number}{target.suffix}"
    output = target.with_name(named)
    run = workspace.new_run("score")
    run = msgspec.structs.replace(run, inputs={"model": version.trained["digest"]})
    read = {"rows": DataSet(address=delivery.source), "model": DataSet(kind="model")}
    misfits = Misfits(most=1.0)
    with ExitStack() as stack:
        trace = stack.enter_context(traced(workspace, run, read))
        trace.outputs["scores"] = DataSet(address=str(output))
        written: BatchLog | None = None
        if delivery.logged:
            served = taking.reign, taking.version
            log = BatchLog(workspace, state, model, name=name, served=served)
            written = stack.enter_context(log)
        found = _scanned(table, delivery, model, workspace.project, misfits)
        batches = (batch.frame for batch in found)
        rows = write(
            predicted(workspace, model, batches, written, silent), output, like=delivery.understood
        )
    return _done(workspace, delivery), output, rows, 0 if written is None else written.rows


def _answering(
    workspace: Workspace, state: State, delivery: Delivery
) -> tuple[Delivery, Taking, str]:
    """Return who answers, and the name in the log: whoever is live, unless some is there already.

    What is in the log stays what the output says, whoever was promoted meanwhile.
    """
    taking = delivery.pending
    assert taking is not None  # noqa: S101 - whoever calls has looked
    name = f"replay {delivery.name} {taking.number}"
    reign = state.reign(workspace.project.name)
    fixed = delivery.version or versions.appended(workspace.table("predictions"), f"{name} 0")
    if taking.reign != reign and not fixed:
        live = state.version(state.live).number
        taking = msgspec.structs.replace(taking, version=live, reign=reign)
        delivery = msgspec.structs.replace(delivery, pending=taking)
        keep_delivery(workspace, delivery)
    return delivery, taking, name


def _done(workspace: Workspace, delivery: Delivery) -> Delivery:
    """Write down that what was pending is predicted, and forget its rows."""
    assert delivery.pending is not None  # noqa: S101 - whoever calls has looked
    number = delivery.pending.number
    held = _held(workspace, delivery, number)
    lines = pl.read_parquet(held, columns=[_LINE])[_LINE].to_list()
    delivery = msgspec.structs.replace(
        delivery, taken=(*delivery.taken, *lines), done=number, pending=None
    )
    keep_delivery(workspace, delivery)
    held.unlink()
    return delivery


def _forget_others(workspace: Workspace, delivery: Delivery) -> None:
    """Take away rows of people that an earlier call was done with, or had not decided on."""
    pending = delivery.pending.number if delivery.pending is not None else 0
    for path in workspace.set_aside.glob(f"*{delivery.name}.*"):
        kept = (
            f"{delivery.name}.json",
            f"{delivery.name}.csv",
            f"{delivery.name}.{pending}.parquet",
        )
        if path.name not in kept and ".parquet" in path.name:
            path.unlink(missing_ok=True)


def _held(workspace: Workspace, delivery: Delivery, number: int) -> Path:
    return workspace.set_aside / f"{delivery.name}.{number}.parquet"


def _keep_rows(path: Path, table: pl.DataFrame) -> None:
    """Write rows of people durably, for nobody else to read."""
    part = temporary(path)
    with refusals(path):
        part.touch(mode=0o600)
        table.write_parquet(part)
        sync_file(part)
        part.replace(path)
        sync_folder(path.parent)


def _report(
    workspace: Workspace,
    outputs: list[Path],
    counts: tuple[int, int],
    left: list[str],
) -> Report:
    rows, logged = counts
    named = ", ".join(map(str, outputs))
    results = []
    if outputs:
        results += [
            CheckResult(name="rows scored", subject=named, value=rows, unit="rows", n=rows),
            CheckResult(
                name="rows logged",
                value=logged,
                unit="rows",
                n=rows,
                why="outcomes will find them: evermodel labels"
                if logged == rows
                else "the others were logged before, and count once",
            ),
        ]
    elif not left:
        why = "all rows that were set aside are predicted already"
        results.append(CheckResult(name="rows scored", value=0, unit="rows", n=0, why=why))
    if left:
        more = f"; and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        results.append(
            CheckResult(
                name="rows_left",
                value=float(len(left)),
                unit="rows",
                verdict="warn",
                why="; ".join(left[:_SHOWN]) + more,
            )
        )
    facts: Mapping[str, object] = {
        "output": str(outputs[-1]) if outputs else "",
        "outputs": [str(one) for one in outputs],
        "rows": rows,
        "logged": logged,
        "left": len(left),
    }
    subject = workspace.project.name
    return Report(verb="data.replay", subject=subject, results=tuple(results), facts=dict(facts))
