"""Summarise a table of any size: one pass, bounded memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
import polars as pl

from evermodel.data.personal.hiding import notes_without, of_persons, summary_without
from evermodel.errors import InputError, masked
from evermodel.loop.beginning import read_source, refuse_to_replace
from evermodel.loop.patches import active
from evermodel.loop.workspace import Workspace, asked_of, project_file, silent
from evermodel.project import Project, load_project
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report
from evermodel.tables import Misfits, Summary, scan, summarise, understand

__all__ = ["data_profile", "profiled"]


def profiled(
    data: object = None, folder: str | Path | Workspace = ".", *, progress: Progress = silent
) -> tuple[Summary, tuple[str, ...], str]:
    """Return the summary of a table, the notes on how it was read, and what it is called.

    Of columns that hold something of persons, told by the first rows, no value stands in it.
    """
    data, folder = asked_of(data, folder)
    if data is None:
        project = load_project(folder)
        if active(project):
            return _corrected(project, progress)
    how: dict[str, object] = {}
    if data is None or project_file(folder).exists():
        project = load_project(folder)
        how = {
            "reading": project.data.reading,
            "repairs": project.data.repairs,
            "types": project.data.types,
        }
        data = project.source if data is None else data
    progress("looking the table through", 0.1)
    understood = understand(data, **how, lenient=True)  # type: ignore[arg-type]
    types = {column.name: column.type for column in understood.columns}

    personal: set[str] = set()
    misfits = Misfits(most=1.0)

    def batches() -> Iterator[pl.DataFrame]:
        done = 0
        for batch in scan(data, understood=understood, misfits=misfits, **how):  # type: ignore[arg-type]
            if not done:
                personal.update(of_persons(batch))
            yield batch
            done += batch.height
            progress(f"{done:,} rows", 0.4 + 0.6 * done / max(understood.rows, 1))

    summary = summary_without(summarise(batches(), types).result(), personal)
    named = masked(str(data)) if isinstance(data, (str, Path)) else f"a {type(data).__name__}"
    notes = notes_without(understood.notes, personal)
    return summary, (*notes, *_told(misfits, personal)), named


def _corrected(project: Project, progress: Progress) -> tuple[Summary, tuple[str, ...], str]:
    """Return the same of a project's data with the corrections of people made, in memory."""
    progress("reading the data", 0.1)
    table = read_source(project)
    types = {column.name: column.type for column in table.understood.columns}
    personal = set(of_persons(table.frame))
    summary = summary_without(summarise(iter([table.frame]), types).result(), personal)
    notes = notes_without(table.understood.notes, personal)
    told = (*notes, *_told(table.misfits, personal))
    return summary, told, masked(str(project.source))


def _told(misfits: Misfits, personal: Collection[str]) -> Iterator[str]:
    """Yield what was left missing as it is not of its column's type, without values of persons."""
    for column, cells in misfits.cells.items():
        shown = ", ".join(
            f"line {line}" if column in personal else f"{text!r} on line {line}"
            for line, text in misfits.shown[column]
        )
        values = "1 value" if cells == 1 else f"{cells} values"
        yield f"{column}: {values} not of its type left missing: {shown}"


def data_profile(
    data: object = None,
    folder: str | Path | Workspace = ".",
    *,
    html: str | Path = "",
    force: bool = False,
    progress: Progress = silent,
) -> Report:
    """Summarise the project's data, or any table, whatever its size.

    Parameters
    ----------
    data : path, URL or DataFrame, optional
        Another table than the project's own. The folder of a project is that project.
    folder : path or Workspace
        The project's folder; without a project file, `data` are summarised on their own.
    html : path
        Where to write the summary as a page, too.
    force : bool
        Replace a page that is there.

    Raises
    ------
    DataError
        When it cannot be read.
    InputError
        When there is a file already where the page shall lie.
    """
    from evermodel.report.profile_page import held, profile_page
    from evermodel.store.durable import write_durably

    if html and Path(html).exists() and not force:
        what = "there is a file already"
        raise InputError(what, where=str(html), hint="name another, or replace it with --force")
    if html:
        asked, place = asked_of(data, folder)
        refuse_to_replace(html, load_project(place).source if asked is None else asked, force=True)
    summary, notes, named = profiled(data, folder, progress=progress)
    if html:
        text = profile_page(summary, title=named, notes=notes)
        write_durably(Path(html), text.encode())
    results = tuple(
        CheckResult(
            name="column",
            subject=column.name,
            value=float(column.distinct),
            unit="values",
            n=column.present,
            why=f"{column.type}; {held(column)}",
        )
        for column in summary.columns
    )
    facts = {"profile": msgspec.to_builtins(summary), "understood": list(notes)}
    return Report(verb="data.profile", subject=named, results=results, facts=facts)
