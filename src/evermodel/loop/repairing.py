"""A quarantine that somebody repaired: which of its rows are rows of the table now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from evermodel.loop.beginning import read_source
from evermodel.loop.quarantine import NAME, QUARANTINE, name_of
from evermodel.loop.sheets import number_in, read_sheet
from evermodel.project import Project
from evermodel.tables import Rejected, RowPatch
from evermodel.tables.as_written import row_reader

__all__ = ["repaired_rows"]


def repaired_rows(file: Path, project: Project) -> tuple[list[RowPatch], list[str]]:
    """Return the rows of a quarantine that were repaired, and why the others are left."""
    found: list[Rejected] = []
    understood = read_source(project, rejects=found.append).understood
    columns = [column.name for column in understood.columns]
    divided = row_reader(project.source, reading=project.data.reading)
    waiting = _Waiting(found)
    taken, left = [], []
    for _, entry in read_sheet(file, QUARANTINE):
        number = number_in(entry["line"])
        row = waiting.find(number, entry.get(NAME, "").strip())
        if row is None:
            where = entry["line"] if number < 0 else number
            left.append(f"line {where}: no row is in quarantine there")
            continue
        if entry["row"] == row.text:
            left.append(f"line {row.line}: it stands as it was: {entry['reason']}")
            continue
        text = entry["row"]
        cells = _of_json(text, columns) if understood.kind == "json" else divided(text)
        if len(cells) != len(columns):
            count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
            left.append(f"line {row.line}: {count} where the table has {len(columns)}")
            continue
        waiting.take(row)
        now = dict(zip(columns, cells, strict=True))
        taken.append(RowPatch(line=row.line, cells=now, was=row.text))
    return taken, left


class _Waiting:
    """Rows in quarantine, each of which is repaired once."""

    def __init__(self, rows: Sequence[Rejected]) -> None:
        self._by_line = {row.line: row for row in rows}
        self._by_name: dict[str, list[Rejected]] = {}
        for row in rows:
            self._by_name.setdefault(name_of(row.text), []).append(row)

    def find(self, line: int, name: str) -> Rejected | None:
        """Return the row of that name, on its line if it can be; without a name that of the line.

        Another row may stand on the line by now. A sheet of an earlier version has no names.
        """
        near = self._by_line.get(line)
        if near is not None and name in ("", name_of(near.text)):
            return near
        return next((row for row in self._by_name.get(name, []) if row.line in self._by_line), None)

    def take(self, row: Rejected) -> None:
        """Let a row wait no more."""
        del self._by_line[row.line]


def _of_json(text: str, columns: Sequence[str]) -> list[str]:
    try:
        entry = msgspec.json.decode(text.encode())
    except msgspec.DecodeError:
        return []
    return [str(entry.get(name, "")) for name in columns] if isinstance(entry, dict) else []
