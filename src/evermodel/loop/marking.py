"""Rows that a person marks, so that wrong cells are found by what is wrong in this table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from evermodel.data.cells import pick_rows
from evermodel.errors import DataError
from evermodel.loop.sheets import as_given, write_sheet
from evermodel.tables import texts
from evermodel.tables.patches import row_names

__all__ = ["NONE", "Ask", "mark", "read_marks"]

NONE = "none"
"""What stands in `wrong` of a row of which every cell is right."""
_OWN = ("row", "line", "name", "wrong")

Ask = Callable[[int, Mapping[str, str]], Sequence[str] | None]
"""Shown a row (its line and its cells), returns the names of the wrong columns, or None to stop."""


def mark(
    rows: pl.DataFrame,
    path: Path,
    *,
    number: int = 20,
    lines: Sequence[int] = (),
    ask: Ask | None = None,
    judged: pl.DataFrame | None = None,
) -> dict[tuple[int, str], bool]:
    """Return what is marked in a sheet of rows; make the sheet first where there is none.

    The rows in it are those of which the marks teach most. Whoever fills it writes into `wrong` the
    names of the columns whose cells are wrong, divided by commas, or "none". With `ask`, rows that
    are not marked yet are asked for one by one; each answer is kept before the next question.
    `judged` are the same rows as declared repairs leave them, by which rows are chosen.

    Raises
    ------
    DataError
        When the sheet is of another table, or names a column that is not there.
    """
    if not path.exists():
        chosen = pick_rows(rows if judged is None else judged, {}, number)
        names = row_names(rows)
        sheet = [
            {
                "row": row,
                "line": lines[row] if lines else row + 1,
                "name": f"r{names[row]}",
                "wrong": "",
            }
            for row in chosen
        ]
        _keep(path, rows, sheet)
    if ask is not None:
        _ask_for(rows, path, ask)
    return read_marks(rows, path)


def _ask_for(rows: pl.DataFrame, path: Path, ask: Ask) -> None:
    sheet = _sheet(rows, path)
    for entry in sheet:
        if entry["wrong"]:
            continue
        said = ask(int(entry["line"]), rows.row(int(entry["row"]), named=True))
        if said is None:
            return
        entry["wrong"] = ", ".join(said) or NONE
        _keep(path, rows, sheet)


def read_marks(rows: pl.DataFrame, path: Path) -> dict[tuple[int, str], bool]:
    """Return for every cell of each row that is marked in a sheet whether it is wrong.

    Raises
    ------
    DataError
        When the sheet is of another table, or names a column that is not there.
    """
    marked: dict[tuple[int, str], bool] = {}
    for place, entry in enumerate(_sheet(rows, path), start=2):
        if not entry["wrong"]:
            continue
        wrong = {name.strip() for name in entry["wrong"].split(",")} - {"", NONE}
        unknown = sorted(wrong - set(rows.columns))
        if unknown:
            what = "a column that is marked as wrong is not in the table"
            hint = f'write the names of columns, divided by commas, or "{NONE}"'
            raise DataError(what, where=f"{path}:{place}", found=unknown[0], hint=hint)
        marked |= {(int(entry["row"]), name): name in wrong for name in rows.columns}
    return marked


def _sheet(rows: pl.DataFrame, path: Path) -> list[dict[str, str]]:
    """Return the rows of a sheet, each found again in the table."""
    found = texts(path)
    absent = [name for name in _OWN if name not in found.columns]
    if absent:
        what = "this is no sheet of rows to mark"
        hint = "name a file that is not there yet, and it is made"
        raise DataError(what, where=str(path), found=f"no column {absent[0]}", hint=hint)
    names = row_names(rows)
    sheet = []
    for place, entry in enumerate(found.select(_OWN).iter_rows(named=True), start=2):
        row = _number(entry["row"])
        name = entry["name"].strip().removeprefix("r")
        if not (0 <= row < len(names) and names[row] == name):
            if name not in names:
                what = "a row of the sheet is not in the table any more"
                hint = "name another file, and rows of this table are put into it"
                raise DataError(what, where=f"{path}:{place}", found=entry["row"], hint=hint)
            row = names.index(name)
        sheet.append({**entry, "row": str(row), "wrong": as_given(entry["wrong"]).strip()})
    return sheet


def _number(text: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return -1


def _keep(path: Path, rows: pl.DataFrame, sheet: Sequence[Mapping[str, object]]) -> None:
    columns = [name if name not in _OWN else f"{name} (cell)" for name in rows.columns]
    lines = [
        [*(entry[name] for name in _OWN), *rows.row(int(str(entry["row"])))] for entry in sheet
    ]
    write_sheet(path, [*_OWN, *columns], lines)
