"""Rows of the project's data that could not be read: written down for somebody to repair."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection, Sequence
from hashlib import blake2b
from pathlib import Path

from evermodel.loop.patches import active
from evermodel.loop.sheets import as_given, delimited
from evermodel.project import Project
from evermodel.records import CheckResult
from evermodel.store.durable import forget_old, refusals, sync_folder, write_durably
from evermodel.tables import Rejected

__all__ = ["NAME", "QUARANTINE", "digest_of", "held_back", "name_of", "write_quarantine"]

QUARANTINE = ("line", "reason", "row")
NAME = "name"
"""By which a row of a quarantine is known, whatever stands on its line in the meantime."""
_COLUMNS = (*QUARANTINE, NAME)


def name_of(text: str) -> str:
    """Return the name of a row that cannot be read; no spreadsheet takes it for a number.

    Examples
    --------
    >>> name_of("4,12,0,zzz") == name_of("4,12,0"), len(name_of(""))
    (False, 17)
    """
    return f"r{blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}"


def digest_of(path: Path) -> str:
    """Return what tells a sheet, as it was given back, from any other."""
    return blake2b(path.read_bytes(), digest_size=16).hexdigest()


def write_quarantine(
    path: Path, rows: Sequence[Rejected], project: Project | None = None
) -> tuple[CheckResult, ...]:
    """Write rows that could not be read, each with its line and reason, for somebody to repair.

    A file that was there and that somebody repaired stays beside, which is said.
    """
    with refusals(path):
        kept = _kept_of(path, project)
    write_durably(path, _content(rows), mode=0o600)
    return () if kept is None else (_said(float(len(rows)), f"they are in {path}{_moved(kept)}"),)


def held_back(project: Project, rows: Sequence[Rejected]) -> tuple[CheckResult, ...]:
    """Write the rows of a project's data that could not be read into its workspace, and say where.

    Rows that are apart, such as totals, are told elsewhere: there is nothing to repair in them.
    Where all can be read, nothing is in quarantine any more. A file that somebody has begun to
    repair stays beside the new one, unless all of it was taken in.
    """
    path = project.workspace / "quarantine" / f"{project.name}.csv"
    rows = [row for row in rows if not row.apart]
    if not rows and not path.parent.is_dir():
        return ()
    with refusals(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in (f".{path.name}.*.tmp", f".{path.name}.part"):
            forget_old(path.parent, left)
        kept = _kept_of(path, project)
        if not rows:
            path.unlink(missing_ok=True)
            sync_folder(path.parent)
            return () if kept is None else (_nothing_left(kept),)
    write_durably(path, _content(rows), mode=0o600)
    why = (
        f"they are in {path} with their lines and reasons; repair its column `row`, then: "
        f"evermodel data replay-quarantine {path}{_moved(kept)}"
    )
    return (_said(float(len(rows)), why),)


def _kept_of(path: Path, project: Project | None) -> Path | None:
    """Put a file beside that is to be replaced, if somebody worked on it; return where it is."""
    if not path.exists():
        return None
    patches = active(project) if project is not None else ()
    taken = {patch.sheet for patch in patches if patch.sheet}
    return _put_beside(path) if _is_worked_on(path, taken) else None


def _moved(kept: Path | None) -> str:
    return "" if kept is None else f"; the file that was there is {kept.name} now"


def _nothing_left(kept: Path) -> CheckResult:
    why = f"all rows can be read now; what somebody repaired and did not take in is {kept}"
    return _said(0.0, why)


def _said(rows: float, why: str) -> CheckResult:
    return CheckResult(
        name="quarantine", subject="rows", value=rows, unit="rows", verdict="warn", why=why
    )


def _content(rows: Sequence[Rejected]) -> bytes:
    return delimited(
        _COLUMNS, [(row.line, row.reason, row.text, name_of(row.text)) for row in rows]
    )


def _is_worked_on(path: Path, taken: Collection[str]) -> bool:
    """Return whether a file is neither as it was written nor one that was taken in as it is.

    It tells by itself: each row has the name of its text, and written anew it is the same.
    """
    content = path.read_bytes()
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        lines = []
    rows = [[as_given(cell) for cell in line] for line in lines]
    if rows and tuple(rows[0]) == _COLUMNS and all(len(row) == len(_COLUMNS) for row in rows):
        named = all(name_of(row[2]) == row[3] for row in rows[1:])
        if named and delimited(_COLUMNS, rows[1:]) == content:
            return False
    return digest_of(path) not in taken


def _put_beside(path: Path) -> Path:
    """Copy a file to a free name beside it, durably, and return that name; nothing is replaced."""
    content = path.read_bytes()
    number = 1
    while True:
        mark = "before" if number == 1 else f"before-{number}"
        kept = path.with_name(f"{path.stem}.{mark}{path.suffix}")
        try:
            handle = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            number += 1
            continue
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
        return kept
