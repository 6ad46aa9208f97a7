"""Corrections of the project's data by people: asked for, kept as patches, undone at will."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl

from evermodel.data.cells import Cell
from evermodel.data.thorough import suspect_labels
from evermodel.errors import DataError, InputError, NotFoundError, masked
from evermodel.loop.aside import delivery_of
from evermodel.loop.beginning import read_source, refuse_to_replace
from evermodel.loop.judged import repaired, suspects
from evermodel.loop.patches import active, keep_patch, numbered, tell_untold, undo_patch
from evermodel.loop.quarantine import digest_of
from evermodel.loop.repairing import repaired_rows
from evermodel.loop.replaying import replay_scored
from evermodel.loop.reviewed import require_fitting, reviewed
from evermodel.loop.sheets import write_sheet
from evermodel.loop.workspace import Workspace, open_workspace, silent
from evermodel.project import Project
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report
from evermodel.tables import Patch, Table, texts
from evermodel.tables.patches import row_names

__all__ = ["data_corrections", "data_replay", "data_review", "data_take", "data_undo"]

_COLUMNS = ("line", "row", "column", "value", "suggestion", "reason", "correction", "name")


def data_review(
    folder: str | Path | Workspace = ".",
    *,
    out: str | Path = "review.csv",
    most: int = 200,
    force: bool = False,
    excel: bool = False,
    progress: Progress = silent,
) -> Report:
    """Write a table of the cells that look wrong, for a person to correct, the surest first.

    Whoever looks at it fills the column `correction` where a value is wrong and leaves it empty
    where the value is right; `evermodel data take` makes a patch of it.

    Parameters
    ----------
    folder : path or Workspace
    out : path
        An .xlsx or .csv file.
    most : int
        At most so many cells.
    force : bool
        Replace a file that is there.
    excel : bool
        Divide the cells of a .csv by semicolons, as Excel wants it in most of Europe.

    Raises
    ------
    InputError
        When there is a file already, or its ending is of no format to write.
    """
    if Path(out).exists() and not force:
        what = "there is a file already"
        raise InputError(what, where=str(out), hint="name another, or replace it with --force")
    if most < 1:
        raise InputError("at least one cell is to be shown", found=str(most), hint="--most 200")
    workspace = open_workspace(folder, make=False)
    project = workspace.project
    refuse_to_replace(out, project.source, force=True)
    progress("reading the data", 0.1)
    rows = texts(project.source, reading=project.data.reading, patches=active(project))
    table = read_source(project)
    progress("looking for wrong cells", 0.3)
    half = max(most // 2, 1)
    wrong = _labels(table, project)
    judged = repaired(rows, table.frame, project)
    unread, told = _unread(rows, table, half)
    odd = [
        cell for cell in suspects(rows, as_repaired=judged) if (cell.row, cell.column) not in told
    ]
    labels = wrong[:half]
    found = [*[*unread, *odd][: most - len(labels)], *labels]
    every = len(told) + len(odd) + len(wrong)
    names = row_names(rows)
    lines = [
        (
            table.lines[cell.row] if cell.row < len(table.lines) else cell.row + 1,
            cell.row,
            cell.column,
            cell.value,
            cell.suggestion,
            cell.reason,
            "",
            f"r{names[cell.row]}",
        )
        for cell in found
    ]
    write_sheet(Path(out), _COLUMNS, lines, separator=";" if excel else "")
    why = f"fill the column `correction` where a value is wrong, then: evermodel data take {out}"
    if len(found) < every:
        why = f"{len(found):,} of {every:,}, --most shows more; {why}"
    result = CheckResult(
        name="to_review", subject=str(out), value=float(len(found)), unit="cells", why=why
    )
    return Report(verb="data.review", subject=project.name, results=(result,))


def _unread(rows: pl.DataFrame, table: Table, most: int) -> tuple[list[Cell], set[tuple[int, str]]]:
    """Return cells that are not of their column's type, which a check tells of.

    So many of each column at most, and the places of all.
    """
    misfits = table.misfits.cells if table.misfits is not None else {}
    found, places = [], set()
    for column in misfits:
        known = {word.strip() for word in table.understood.missing.get(column, {})} | {""}
        text, value = rows[column], table.frame[column].head(rows.height)
        odd = value.is_null() & ~text.head(value.len()).str.strip_chars().is_in(list(known))
        every = odd.arg_true()
        places |= {(row, column) for row in every}
        for row in every.head(most):
            reason = "It is not of the type of its column's other values."
            cell = Cell(row=row, column=column, value=text[row], score=0.95, reason=reason)
            found.append(cell)
    return found, places


def _labels(table: Table, project: Project) -> list[Cell]:
    """Return the outcomes that look wrong by the other columns, as cells of the target."""
    data = project.data
    away = {data.target, data.time, data.split, *data.key, *data.leave_out}
    columns = [name for name in table.frame.columns if name not in away]
    found = suspect_labels(table.frame, project, columns)
    return [
        Cell(
            row=one.row,
            column=data.target,
            value=one.given,
            score=1.0 - one.quality,
            reason="By the other columns another outcome would fit this row.",
            suggestion=one.suggested,
            kind="label",
        )
        for one in (found.suspects if found is not None else ())
    ]


def data_take(file: str | Path, folder: str | Path | Workspace = ".") -> Report:
    """Take in a review in which somebody filled the column `correction`: one patch, undone as one.

    Parameters
    ----------
    file : path
        What `data_review` wrote, by whatever program it was saved since.
    folder : path or Workspace

    Raises
    ------
    DataError
        When it is no review, or corrects what is not in the data.
    """
    workspace = open_workspace(folder)
    with workspace.job("correct"):
        tell_untold(workspace)
        review = reviewed(Path(file), workspace.project)
        require_fitting(workspace.project, review)
        report = _kept(workspace, review.patch)
    if not review.unchanged:
        return report
    same = CheckResult(
        name="cells_unchanged",
        value=float(review.unchanged),
        unit="cells",
        why="what is written as their correction stands there already",
    )
    return msgspec.structs.replace(report, results=(*report.results, same))


def data_replay(file: str | Path, folder: str | Path | Workspace = ".") -> Report:
    """Take rows of a quarantine back in, after somebody repaired them in its column `row`.

    Parameters
    ----------
    file : path
        The quarantine that `check` or `train` wrote; or the rows that `score` set aside, which are
        then predicted, into a file beside the one of the others.
    folder : path or Workspace

    Raises
    ------
    DataError
        When no row of it can be read even now.
    """
    workspace = open_workspace(folder)
    delivery = delivery_of(workspace, Path(file))
    if delivery is not None:
        if not Path(file).is_file():
            raise NotFoundError("there is no such file", where=str(file))
        return replay_scored(Path(file), workspace)
    with workspace.job("correct"):
        tell_untold(workspace)
        taken, left = repaired_rows(Path(file), workspace.project)
        if not taken:
            what = "no row of the quarantine can be read yet"
            raise DataError(what, where=str(file), found="; ".join(left[:5]) or "no rows")
        # A sheet of which nothing is left to do may be replaced.
        sheet = "" if left else digest_of(Path(file))
        report = _kept(workspace, Patch(why="quarantine", rows=tuple(taken), sheet=sheet))
    if not left:
        return report
    stays = CheckResult(
        name="rows_left",
        value=float(len(left)),
        unit="rows",
        verdict="warn",
        why="; ".join(left[:5]),
    )
    return msgspec.structs.replace(report, results=(*report.results, stays))


def data_undo(number: int, folder: str | Path | Workspace = ".") -> Report:
    """Undo a patch: from now on the data are read without it.

    Parameters
    ----------
    number : int
        As `data_corrections` lists it.
    folder : path or Workspace

    Raises
    ------
    NotFoundError
        When there is no such patch, or it was undone already.
    """
    workspace = open_workspace(folder)
    with workspace.job("correct"):
        # One that was cut off before the ledger knew is told of now, and done.
        if number not in tell_untold(workspace):
            known = numbered(workspace.project)
            if number not in known:
                listed = ", ".join(map(str, known)) or "none"
                what = "there is no such correction"
                raise NotFoundError(what, found=f"asked for {number}, in use: {listed}")
            undo_patch(workspace, number)
    result = CheckResult(name="undone", value=float(number), why="the source was never changed")
    return Report(verb="data.undo", subject=workspace.project.name, results=(result,))


def data_corrections(folder: str | Path | Workspace = ".") -> Report:
    """Return the patches that are applied when the project's data are read, in their order.

    Parameters
    ----------
    folder : path or Workspace
    """
    workspace = open_workspace(folder, make=False)
    results = [
        CheckResult(
            name="correction",
            subject=patch.why,
            value=float(number),
            n=len(patch.cells) + len(patch.rows),
            why=f"{patch.made[:19]}  by {patch.by}: "
            f"{len(patch.cells)} cells, {len(patch.rows)} rows",
        )
        for number, patch in numbered(workspace.project).items()
    ]
    return Report(verb="data.corrections", subject=workspace.project.name, results=tuple(results))


def _kept(workspace: Workspace, patch: Patch) -> Report:
    """Make a patch the newest and say so; whoever calls holds the job `correct`."""
    project = workspace.project
    patch = msgspec.structs.replace(
        patch, made=workspace.now(), by=workspace.actor, source=masked(project.data.source)
    )
    number = keep_patch(workspace, patch)
    results = (
        CheckResult(name="correction", subject=patch.why, value=float(number)),
        CheckResult(name="cells_corrected", value=float(len(patch.cells)), unit="cells"),
        CheckResult(name="rows_taken_in", value=float(len(patch.rows)), unit="rows"),
    )
    facts = {"number": number}
    return Report(verb="data.take", subject=project.name, results=results, facts=facts)
