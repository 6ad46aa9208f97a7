"""Document the project's data: ask people once, measure the rest, write it for both."""

from __future__ import annotations

from pathlib import Path

import msgspec

from evermodel.data.documents.answers import ask, load_answers
from evermodel.data.documents.documenting import document
from evermodel.loop.beginning import check, read_source
from evermodel.loop.workspace import Workspace, open_workspace, silent
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report
from evermodel.tables import digest

__all__ = ["data_document"]


def data_document(
    folder: str | Path | Workspace = ".",
    *,
    out: str | Path = "",
    progress: Progress = silent,
) -> Report:
    """Write a datasheet and a Croissant file of the project's data, and say what is still open.

    The questions that only people can answer are written once to `datasheet.toml` beside the
    project file, and are read from there.

    Parameters
    ----------
    folder : path or Workspace
    out : path, optional
        Where to write; the folder `documentation` beside the project file unless given.

    Raises
    ------
    DataError
        When the data cannot be read.
    ProjectError
        When the answers hold mistakes, with all of them.
    """
    workspace = open_workspace(folder, make=False)
    project = workspace.project
    root = Path(project.root)
    asked = ask(root)
    answers = load_answers(root)
    progress("reading the data", 0.1)
    table = read_source(project)
    progress("checking", 0.3)
    found = check(folder=workspace)
    progress("writing", 0.8)
    report = document(
        table,
        report=found,
        answers=answers,
        digest=digest(table.frame),
        source_name=project.data.source,
        folder=Path(out) if out else root / "documentation",
        source=project.source,
        root=root,
        project=project,
        made=workspace.now(),
    )
    if asked is not None:
        why = f"answer the questions in {asked.name} and run this again"
        new = CheckResult(name="questions", subject=str(asked), verdict="warn", why=why)
        report = msgspec.structs.replace(report, results=(new, *report.results))
    return msgspec.structs.replace(report, verb="data.document")
