"""Small tables that people fill in a spreadsheet program and give back."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from evermodel.project import Project
from evermodel.records import CheckResult
from evermodel.store.durable import write_durably
from evermodel.tables import Rejected

__all__ = ["QUARANTINE", "held_back", "write_quarantine", "write_sheet"]

QUARANTINE = ("line", "reason", "row")


def write_sheet(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table that any spreadsheet program opens, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_safe(value) for value in row] for row in rows)
    # With the mark in front, spreadsheet programs know the encoding.
    write_durably(path, b"\xef\xbb\xbf" + text.getvalue().encode())


def _safe(value: object) -> object:
    """Return a text that no spreadsheet runs as a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


def write_quarantine(path: Path, rows: Sequence[Rejected]) -> None:
    """Write rows that could not be read, each with its line and reason, for somebody to repair."""
    write_sheet(path, QUARANTINE, [(row.line, row.reason, row.text) for row in rows])


def held_back(project: Project, rows: Sequence[Rejected]) -> tuple[CheckResult, ...]:
    """Write the rows of a project's data that could not be read into its workspace, and say where.

    Where all can be read, nothing is in quarantine any more.
    """
    path = project.workspace / "quarantine" / f"{project.name}.csv"
    if not rows:
        path.unlink(missing_ok=True)
        return ()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_quarantine(path, rows)
    why = (
        f"they are in {path} with their lines and reasons; repair its column `row`, then: "
        f"evermodel data replay-quarantine {path}"
    )
    return (
        CheckResult(
            name="quarantine",
            subject="rows",
            value=float(len(rows)),
            unit="rows",
            verdict="warn",
            why=why,
        ),
    )
