"""The first verbs: write the project file from the data, and check data."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from evermodel.data import changes, gate, propose, render
from evermodel.data import check as check_table
from evermodel.data.cell_results import cell_results
from evermodel.data.cells import Cell
from evermodel.data.check import with_lines
from evermodel.data.deliveries import delivered_before
from evermodel.data.personal.hiding import hidden, notes_without, of_persons
from evermodel.errors import InputError, SurroundingsError, masked
from evermodel.loop.judged import MOST_LOOKED_AT, mended, repaired, suspects
from evermodel.loop.marking import Ask, mark
from evermodel.loop.patches import active
from evermodel.loop.quarantine import held_back, write_quarantine
from evermodel.loop.twins import twins_of
from evermodel.loop.workspace import Workspace, asked_of, project_file, silent
from evermodel.project import Data, Project, load_project, parse_project
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report, Task
from evermodel.store.clock import SystemClock
from evermodel.tables import Misfits, Patch, Rejected, Table, profile, read, texts
from evermodel.tables.sources import require_same, state_of
from evermodel.train.holding_out import held_out

__all__ = ["check", "init", "read_source", "write_findings"]


def init(
    data: str | Path,
    *,
    target: str,
    folder: str | Path = ".",
    name: str = "",
    task: Task | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> Report:
    """Look at the data and write a commented `evermodel.toml`; return what was found.

    Parameters
    ----------
    data : path or URL
        The rows to learn from.
    target : str
        The column to predict.
    folder : path
        Where the project file shall lie.
    name : str
        The project's name; the data file's name unless given.
    task : "binary", "multiclass" or "regression", optional
        Found from the target's values unless given.
    force : bool
        Replace a project file that is there.

    Raises
    ------
    DataError
        When the data cannot be read, or the target cannot be learned.
    InputError
        When there is a project file already.
    """
    _refuse_a_frame(data)
    path = project_file(folder)
    if path.exists() and not force:
        raise InputError(
            "there is a project file already",
            where=str(path),
            hint="edit it, or replace it with evermodel init --force",
        )
    progress("reading the data", 0.1)
    table = read(data, misfits=Misfits(most=1.0))
    progress("looking at the columns", 0.5)
    source = _source(data, Path(folder))
    proposal = propose(table, source=source, target=target, name=name or _name(data), task=task)
    text = render(proposal)
    project = parse_project(text, path=str(path), root=str(folder))
    _write(path, text)
    shown = masked(str(data))
    progress("done", 1.0)
    return Report(
        verb="init",
        subject=project.name,
        results=(
            CheckResult(name="rows", subject=shown, value=table.frame.height, unit="rows"),
            CheckResult(name="columns", subject=shown, value=table.frame.width, unit="columns"),
            *_password(str(data)),
        ),
        facts={
            "project_file": str(path),
            **_roles(project.data),
            "understood": list(notes_without(table.understood.notes, of_persons(table.frame))),
        },
    )


def _refuse_a_frame(data: object) -> None:
    if not isinstance(data, (str, Path)):
        what = "a project file names where its data lie, and a frame in memory lies nowhere"
        hint = "write the rows to a file, such as rows.parquet, and give its path"
        raise InputError(what, found=f"a {type(data).__name__}", hint=hint)


def _roles(data: Data) -> dict[str, Any]:
    """Return what the project file says of the columns."""
    return {
        "task": data.task,
        "target": data.target,
        "positive": data.positive,
        "key": list(data.key),
        "time": data.time,
        "split": data.split,
        "leave_out": list(data.leave_out),
        "protected": list(data.protected),
        "repairs": sorted(data.repairs),
    }


def _source(data: str | Path, folder: Path) -> str:
    """Return the data's address as it is written into the project file: without a password."""
    address = str(data)
    if "://" in address:
        hidden = masked(address)
        if hidden == address:
            return address
        return hidden.replace(":***@", f":{_VARIABLE}@").replace("=***", f"={_VARIABLE}")
    if address.startswith("${"):
        return address
    return Path(os.path.relpath(Path(data).resolve(), folder.resolve())).as_posix()


_READING = 0.1  # of the whole
_VARIABLE = "${EVERMODEL_PASSWORD}"


def _password(data: str) -> list[CheckResult]:
    """Return what to do about a password that the project file does not hold."""
    if masked(data) == data:
        return []
    why = (
        f"the project file says {_VARIABLE} in the place of the password: "
        "set that environment variable before the next command"
    )
    return [CheckResult(name="password", subject=masked(data), verdict="warn", why=why)]


def _name(data: str | Path) -> str:
    stem = Path(str(data).split("?")[0].split("#")[0]).stem
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:64]
    return cleaned or "model"


def _write(path: Path, text: str) -> None:
    from evermodel.store.durable import write_durably

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SurroundingsError(
            "the project's folder cannot be made", where=str(path.parent), found=str(error)
        ) from None
    write_durably(path, text.encode())


def read_source(
    project: Project,
    source: object = None,
    *,
    patches: Sequence[Patch] | None = None,
    rejects: Callable[[Rejected], object] | None = None,
    seen: Callable[[int, int], object] | None = None,
) -> Table:
    """Read the project's data (or another table of the same kind) as the project file says.

    Corrections of people are made in the project's own data alone: those in use, unless `patches`
    says which. `rejects` is called with each row that cannot be read, `seen` as `tables.read` does.
    Cells that are not of their column's type are missing and counted in the table's `misfits`,
    which a check judges.
    """
    if source is None and patches is None:
        patches = active(project)
    return read(
        project.source if source is None else source,
        reading=project.data.reading,
        repairs=project.data.repairs,
        types=project.data.types,
        patches=patches or (),
        rejects=rejects,
        misfits=Misfits(most=1.0),
        seen=seen,
    )


def check(
    data: object = None,
    folder: str | Path | Workspace = ".",
    *,
    target: str = "",
    against: object = None,
    thorough: bool = True,
    quarantine: str | Path = "",
    label: str | Path = "",
    ask: Ask | None = None,
    html: str | Path = "",
    progress: Progress = silent,
) -> Report:
    """Check the project's data, or any table, and return what was found.

    Parameters
    ----------
    data : path, URL or DataFrame, optional
        Another table than the project's own. The folder of a project is that project.
    folder : path or Workspace
        The project's folder; where no project file lies there, `data` are checked on their own.
    target : str
        Without a project file: the column that is to be predicted.
    against : path, URL or DataFrame, optional
        An earlier table: what changed since is told column by column, and what looks broken
        rather than changed fails.
    thorough : bool
        Look across the split, at groups of people and at single cells too, which takes a while.
    quarantine : path
        Where to write the rows that cannot be read, for somebody to repair.
    label : path
        A sheet of rows that a person marks; wrong cells are found by what is marked in it. It is
        made, with the 20 rows that teach most, where there is none.
    ask : callable, optional
        Asked for each row that is not marked yet.
    html : path
        Where to write what was found as a page, too.

    Raises
    ------
    DataError
        When it cannot be read at all.

    Examples
    --------
    >>> rows = pl.DataFrame({"age": [31.0, float("inf"), 52.0] * 40})
    >>> check(rows, thorough=False).find("infinite", "age").value
    40
    """
    clock = folder.ports.clock if isinstance(folder, Workspace) else SystemClock()
    data, folder = asked_of(data, folder)
    project: Project | None = None
    if data is None or project_file(folder).exists():
        project = load_project(folder)
    read_from = project.source if data is None and project is not None else data
    for out in (quarantine, html):
        if out:
            refuse_to_replace(out, read_from, against, label)
    progress("reading the data", 0.1)
    rejected: list[Rejected] = []
    seen = _counted(progress, "reading the data", 0.1)
    table, rows = _read(project, data, rejected, as_texts=thorough, seen=seen)
    declared = project
    earlier: Table | None = None
    if against is not None:
        progress("reading the earlier table", 0.2)
        seen = _counted(progress, "reading the earlier table", 0.2)
        earlier = _earlier(against, project, target, seen)
    if project is None and target:
        progress("sorting the columns by what they are", 0.2)
        project = _supposed(_with_target(target, table, earlier), target)
    tested = None
    if project is not None and thorough:
        progress("parting training and test", 0.25)
        tested = held_out(table.frame, project, twins_of(table.frame, project))
    found = check_table(
        table,
        project=project,
        now=clock.now(),
        tested=tested,
        thorough=thorough,
        progress=lambda step, share: progress(step, 0.3 + 0.4 * share),
    )
    results = found.results
    notes = table.understood.notes
    personal = of_persons(table.frame, results) if notes or rows is not None else frozenset()
    understood = list(notes_without(notes, personal))
    facts: dict[str, Any] = {**found.facts, "understood": understood, "cells": []}
    if rows is not None:
        progress("looking at single cells", 0.7)
        odd, more = _cells(rows, table, declared, results, personal, label=label, ask=ask)
        results, facts = (*results, *odd), {**facts, **more}
    if data is not None and project is not None:
        results = tuple(_without_outcomes(each, project.data.target) for each in results)
    if earlier is not None:
        progress("comparing", 0.9)
        results += tuple(_compared(earlier, table, project, results))
    progress("done", 1.0)
    to_repair = [row for row in rejected if not row.apart]
    if to_repair and quarantine:
        results += write_quarantine(Path(quarantine), to_repair, declared)
        facts["quarantine"] = str(quarantine)
    elif data is None and project is not None and project.workspace.is_dir():
        results += held_back(project, rejected)
    report = Report(verb="check", subject=_named(data, project), results=results, facts=facts)
    if html:
        write_findings(report, html)
    return report


def _counted(progress: Progress, step: str, share: float) -> Callable[[int, int], None]:
    """Return what tells how many rows have been read, and how many of them have their types."""

    def seen(rows: int, typed: int) -> None:
        of = f"types of {typed:,} of " if typed else ""
        progress(f"{step}: {of}{rows:,} rows", share + _READING * typed / max(rows, 1))

    return seen


def _read(
    project: Project | None,
    data: object,
    rejected: list[Rejected],
    *,
    as_texts: bool,
    seen: Callable[[int, int], object],
) -> tuple[Table, pl.DataFrame | None]:
    """Return the table, and its first rows as texts if they are asked for, both of one state."""
    before = state_of(project.source if data is None and project is not None else data)
    if project is None:
        table = read(data, rejects=rejected.append, misfits=Misfits(most=1.0), seen=seen)
        rows = texts(data, most=MOST_LOOKED_AT) if as_texts else None
    else:
        table = read_source(project, data, rejects=rejected.append, seen=seen)
        rows = _texts(project, data) if as_texts else None
    require_same(before)
    return table, rows


def _cells(
    rows: pl.DataFrame,
    table: Table,
    project: Project | None,
    known: Sequence[CheckResult],
    personal: Collection[str],
    *,
    label: str | Path,
    ask: Ask | None,
) -> tuple[list[CheckResult], dict[str, Any]]:
    """Return what is odd about single cells, as findings and as facts."""
    judged = repaired(rows, table.frame, project)
    marked = mark(rows, Path(label), lines=table.lines, ask=ask, judged=judged) if label else {}
    cells = suspects(rows, marked, as_repaired=judged)
    facts: dict[str, Any] = {"cells": [_placed(cell, table.lines) for cell in cells]}
    if label:
        facts["marked_rows"] = len({row for row, _ in marked})
    return [*_of_cells(cells, rows.height, table, known, personal), *mended(rows, project)], facts


def _placed(cell: Cell, lines: Sequence[int]) -> dict[str, Any]:
    """Return a cell with the line of the file on which it stands, if there are lines."""
    return {**msgspec.to_builtins(cell), "line": lines[cell.row] if lines else None}


def _of_cells(
    cells: Sequence[Cell],
    rows: int,
    table: Table,
    known: Sequence[CheckResult],
    personal: Collection[str],
) -> tuple[CheckResult, ...]:
    """Return cells as findings; of a column of persons none of its values.

    A few that another finding of their column names all are not told twice.
    """
    wrong = [each for each in known if each.verdict in ("fail", "warn")]
    told = {(each.subject, place) for each in wrong for place in _places(each)}
    odd = tuple(
        each
        for each in cell_results(cells, rows, table.lines)
        if each.value != len(_places(each))
        or not all((each.subject, place) in told for place in _places(each))
    )
    return hidden(odd, table.frame, personal)


def _places(result: CheckResult) -> Sequence[int]:
    """Return the lines that a result names, or its rows where there are no lines."""
    found: Sequence[int] = result.evidence.get("lines") or result.evidence.get("rows", ())
    return found


def _earlier(
    source: object, project: Project | None, target: str, seen: Callable[[int, int], object]
) -> Table:
    if project is None or target:
        return read(source, misfits=Misfits(most=1.0), seen=seen)
    return read_source(project, source, seen=seen)


def _texts(project: Project, data: object) -> pl.DataFrame:
    patches = active(project) if data is None else ()
    source = project.source if data is None else data
    return texts(source, reading=project.data.reading, patches=patches, most=MOST_LOOKED_AT)


def _named(data: object, project: Project | None) -> str:
    if data is None:
        return masked(project.source) if project else ""
    return masked(str(data)) if isinstance(data, (str, Path)) else f"a {type(data).__name__}"


def _supposed(table: Table, target: str) -> Project:
    """Return the project that `init` would propose for a table."""
    text = render(propose(table, source="the table", target=target, name="check"))
    project = parse_project(text, path="the proposal", root=".")
    # What a proposal would leave out is what a check is to name.
    data = msgspec.structs.replace(project.data, leave_out=())
    return msgspec.structs.replace(project, data=data)


def _with_target(target: str, table: Table, earlier: Table | None) -> Table:
    """Return the table that holds the target: the earlier one, where the rows are to be scored."""
    if earlier is None or target in table.frame.columns or target not in earlier.frame.columns:
        return table
    return earlier


def _compared(
    before: Table, after: Table, project: Project | None, known: Sequence[CheckResult]
) -> Iterator[CheckResult]:
    """Yield what is broken in a table, judged by an earlier one, and what else changed."""
    tables = before.frame, after.frame
    # A key of one table alone joins nothing.
    key = project.data.key if project is not None else ()
    key = key if all(set(key) <= set(frame.columns) for frame in tables) else ()
    types = {column.name: column.type for column in before.schema.columns}
    # Rows to score have no outcome: that is told elsewhere.
    ignore = (project.data.target,) if project is not None else ()
    past = profile(before.frame, types)
    broken = gate(after.frame, past, key=key, ignore=ignore, known=known)
    lines = after.lines if len(after.lines) == after.frame.height else ()
    for each in broken.results:
        if each.verdict == "fail":
            placed = with_lines(each, lines)
            yield _maybe_the_target(placed) if project is None else placed
    again = delivered_before(*tables, past)
    if again.verdict == "warn":
        personal = of_persons(after.frame, known, profile=past)
        for each in hidden([again], after.frame, personal):
            yield with_lines(each, lines)
    alone = [name for name in ignore if sum(name in frame.columns for frame in tables) == 1]
    parts = (frame.drop(alone, strict=False) for frame in tables)
    for each in changes(*parts, key=key, known=known):
        yield with_lines(each, lines)


def _maybe_the_target(result: CheckResult) -> CheckResult:
    """Return a column that is gone as a warning where nobody said which one is predicted."""
    if result.name != "column_missing":
        return result
    why = f"{result.why}; if it is what is predicted, name it: --target {result.subject}"
    return msgspec.structs.replace(result, verdict="warn", why=why)


def _without_outcomes(result: CheckResult, target: str) -> CheckResult:
    """Return a result as it is meant for rows that may be there to be scored, not learned from."""
    if (result.name, result.subject) != ("column_missing", target):
        return result
    near = result.evidence["examples"]
    why = "no outcomes: rows to score, not to learn from"
    if near:
        why += f"; is {near[0]!r} meant?"
    return msgspec.structs.replace(result, verdict="warn" if near else "pass", why=why)


def refuse_to_replace(out: str | Path, *sources: object, force: bool = False) -> None:
    """Refuse to write to a file that is read, ever, or to another that is there, unless `force`.

    A page or table of our own of an earlier run may be replaced: nothing else is lost by it.

    Raises
    ------
    InputError
        When something would be lost.
    """
    path = Path(out)
    for source in sources:
        known = isinstance(source, (str, Path)) and "://" not in str(source)
        place = Path(str(source).partition("#sheet=")[0]) if known else None
        if place is not None and path.exists() and place.exists() and path.samefile(place):
            what = "the output would replace the input"
            raise InputError(what, where=str(out), hint="name another file")
    if path.exists() and not force and not _ours(path):
        what = "there is a file already that is none of Evermodel's"
        raise InputError(what, where=str(out), hint="name another file")


def _ours(path: Path) -> bool:
    """Whether a file is a page or a table that Evermodel wrote."""
    with path.open("rb") as file:
        head = file.read(64)
    return head.startswith((b"<!doctype html><html lang=", b"\xef\xbb\xbfline,reason,row"))


def write_findings(report: Report, path: str | Path) -> None:
    """Write what `check` found as one self-contained HTML page.

    Raises
    ------
    SurroundingsError
        When it cannot be written.
    """
    from evermodel.report import findings_page
    from evermodel.store.durable import write_durably

    text = findings_page(report, notes=report.facts.get("understood", ()))
    write_durably(Path(path), text.encode())
