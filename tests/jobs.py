"""The jobs of a workspace, as its store holds them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from evermodel.records import Job


def jobs_of(workspace: Path) -> list[Job]:
    """Return all jobs, the newest first."""
    address = f"file:{workspace / 'store.db'}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as store:
        store.row_factory = sqlite3.Row
        rows = store.execute("SELECT * FROM job ORDER BY token DESC").fetchall()
    return [msgspec.convert(dict(row), Job) for row in rows]
