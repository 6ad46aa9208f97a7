"""Write the documentation of a data set: a datasheet for people, a Croissant file for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from evermodel.data.documents.answers import ANSWERS_FILE, Answers
from evermodel.data.documents.croissant import Gap, croissant, missing_fields
from evermodel.data.documents.croissant_rows import RowsFile, rows_file, without_older
from evermodel.data.documents.datasheet import Datasheet, datasheet
from evermodel.data.documents.datasheet_markdown import as_markdown
from evermodel.data.documents.datasheet_pages import as_page
from evermodel.data.documents.table_facts import table_facts
from evermodel.project import Project
from evermodel.records import CheckResult, Report
from evermodel.store.durable import refusals, write_durably
from evermodel.tables import Table

__all__ = ["CROISSANT_FILE", "MARKDOWN_FILE", "PAGE_FILE", "document"]

PAGE_FILE = "datasheet.html"
MARKDOWN_FILE = "datasheet.md"
CROISSANT_FILE = "croissant.json"


def document(
    table: Table,
    *,
    report: Report | None,
    answers: Answers,
    digest: str,
    source_name: str,
    folder: str | Path,
    source: str | Path = "",
    root: str | Path = "",
    project: Project | None = None,
    made: str = "",
) -> Report:
    r"""Write datasheet and Croissant file of a table into a folder, and say what is still open.

    Each file is replaced in one step. The Croissant file comes last and names the rows by their
    digest, so that it never names rows that are not there; older snapshots go after it.

    Parameters
    ----------
    table : tables.Table
        What `tables.read` returned.
    report : Report or None
        What the checks of the table found.
    answers : Answers
        What people said, from `load_answers`.
    digest : str
        Of the content, from `tables.digest`.
    source_name : str
        Where the rows come from, as the project says it; folders, hosts and passwords are left out.
    folder : str or Path
        Where to write; it is made when it is not there.
    source : str or Path
        The file that was read, if the rows lie in one; named in the Croissant file where possible.
    root : str or Path
        Below it files may be named; `folder` when empty.
    project : Project, optional
        Says which columns are target, key and time, and the name for want of a better one.
    made : str
        The time of writing, such as "2026-03-01T08:00:00+00:00".

    Returns
    -------
    Report
        How many questions are answered and fields filled; `facts` holds the paths of the `files`
        and the `gaps`. Open questions warn and never fail.

    Raises
    ------
    SurroundingsError
        When the disk is full or the folder cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> from evermodel.tables import digest, read
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("plan,price\nbasic,1.5\n")
    >>> table = read(folder / "a.csv")
    >>> told = document(table, report=None, answers=Answers(), digest=digest(table.frame),
    ...                 source_name="a.csv", source=folder / "a.csv", folder=folder)
    >>> told.verdict, [Path(path).name for path in told.facts["files"]]
    ('warn', ['datasheet.md', 'datasheet.html', 'croissant.json'])
    """
    folder = Path(folder)
    with refusals(folder):
        folder.mkdir(parents=True, exist_ok=True)
    facts = table_facts(table, report=report, project=project)
    sheet = datasheet(
        facts,
        report,
        answers,
        name=project.name if project is not None else "",
        source=source_name,
        digest=digest,
        made=made,
    )
    rows = rows_file(table, folder, source=source, root=root)
    described = croissant(sheet, rows)
    texts = {
        MARKDOWN_FILE: as_markdown(sheet).encode(),
        PAGE_FILE: as_page(sheet).encode(),
        CROISSANT_FILE: _json(described),
    }
    for name, content in texts.items():
        write_durably(folder / name, content)
    without_older(folder, rows)
    written = [str(folder / name) for name in texts]
    if rows.why:
        written.append(str(folder / rows.path))
    gaps = missing_fields(described, answers)
    return Report(
        verb="document",
        subject=sheet.name,
        results=tuple(_told(sheet, rows, gaps)),
        facts={
            "files": written,
            "questions": [question.name for question in answers.open],
            "fields": [{"field": gap.field, "fill": gap.fill} for gap in gaps],
        },
    )


def _json(document: Mapping[str, Any]) -> bytes:
    """Return a document with its lines, so that a change of it can be read."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _told(sheet: Datasheet, rows: RowsFile, gaps: tuple[Gap, ...]) -> Iterator[CheckResult]:
    open_ = ", ".join(question.name for question in sheet.answers.open)
    yield CheckResult(
        name="questions_answered",
        subject=ANSWERS_FILE,
        value=float(sheet.answers.answered),
        n=sheet.asked,
        verdict="warn" if open_ else "pass",
        why=f"{sheet.count}; still open: {open_}" if open_ else sheet.count,
    )
    lacking = ", ".join(gap.field for gap in gaps)
    yield CheckResult(
        name="croissant_fields",
        subject=CROISSANT_FILE,
        value=float(len(gaps)),
        unit="fields",
        verdict="warn" if gaps else "pass",
        why=f"catalogues will ask for what is still missing: {lacking}" if gaps else "",
        evidence={"fill": [f"{gap.field}: {gap.fill}" for gap in gaps]},
    )
    yield CheckResult(
        name="rows_for_readers",
        subject=rows.name,
        value=float(sheet.facts.rows),
        unit="rows",
        n=sheet.facts.rows,
        why=f"a copy as parquet was written, for {rows.why}" if rows.why else "the file itself",
    )
