"""Cells as they are after the repairs that the project file declares, so that these are judged."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import polars as pl

from evermodel.data.cells import Cell, learn, suspect_cells
from evermodel.project import Data, Project
from evermodel.records import CheckResult
from evermodel.tables.convert import apply_repairs
from evermodel.tables.typed import written

__all__ = ["MOST_LOOKED_AT", "mended", "repaired", "suspects"]

MOST_LOOKED_AT = 100_000


def repaired(rows: pl.DataFrame, frame: pl.DataFrame, project: Project | None) -> pl.DataFrame:
    """Return the texts of a table as the declared repairs leave them, "" for what is missing.

    A number of a column that is declared to be one, or of a file whose decimal mark is declared, is
    written plainly where its text says it in another way: 1.234,5 is 1234.5.

    Parameters
    ----------
    rows : polars.DataFrame
        Texts as they stand in the file.
    frame : polars.DataFrame
        The same rows as the project file has them read.
    project : Project or None
        None where nothing is declared.
    """
    if project is None:
        return rows
    data = project.data
    texts = apply_repairs(rows, data.repairs).with_columns(pl.all().fill_null(""))
    plain = []
    for name in _declared_numbers(frame, data):
        if name in texts.columns and frame.height >= texts.height:
            values = frame[name].head(texts.height)
            said = texts[name].cast(pl.Float64, strict=False)
            differs = values.is_not_null() & (texts[name] != "") & ~said.eq_missing(values)
            plain.append(texts[name].zip_with(~differs, written(values)))
    return texts.with_columns(plain)


def _declared_numbers(frame: pl.DataFrame, data: Data) -> list[str]:
    """Return the columns of numbers of which the project file says how to read them."""
    numbers = [name for name, dtype in frame.schema.items() if dtype.is_numeric()]
    if data.reading.decimal:
        return numbers
    told = data.types | {name: one.type for name, one in data.repairs.items() if one.type}
    return [name for name in numbers if told.get(name) == "number"]


def suspects(
    rows: pl.DataFrame,
    marked: Mapping[tuple[int, str], bool] | None = None,
    *,
    as_repaired: pl.DataFrame | None = None,
) -> list[Cell]:
    """Return the cells of a table of texts that look wrong, the surest first.

    Of a table with more rows the first 100,000 are looked at. `marked` is what a person said of
    some cells. With `as_repaired`, these texts are judged, and the cells are told as they stand;
    a cell that a repair made missing is none of them.
    """
    some = rows.head(MOST_LOOKED_AT)
    judged = some if as_repaired is None else as_repaired.head(MOST_LOOKED_AT)
    found = learn(judged, marked) if marked else suspect_cells(judged)
    found = sorted(found, key=lambda cell: -cell.score)
    if as_repaired is None:
        return found
    texts = {name: some[name].to_list() for name in {cell.column for cell in found}}
    writings = {name: _writings(some[name], judged[name]) for name in texts}
    out = []
    for cell in found:
        value = texts[cell.column][cell.row]
        if (marked or {}).get((cell.row, cell.column)) or not (value.strip() and not cell.value):
            right = writings[cell.column].get(cell.suggestion, cell.suggestion)
            out.append(msgspec.structs.replace(cell, value=value, suggestion=right))
    return out


def _writings(raw: pl.Series, judged: pl.Series) -> dict[str, str]:
    """Return how the file writes each value, most often, where a repair changes its writing."""
    both = pl.DataFrame({"raw": raw, "judged": judged}).filter(pl.col("judged") != "")
    if both.filter(pl.col("raw") != pl.col("judged")).is_empty():
        return {}
    counts = both.group_by("judged", "raw").len().sort("len", "raw")
    return dict(counts.select("judged", "raw").iter_rows())


def mended(rows: pl.DataFrame, project: Project | None) -> tuple[CheckResult, ...]:
    """Return how many cells the declared repairs mend, as one result; none where they mend none."""
    if project is None:
        return ()
    some = rows.head(MOST_LOOKED_AT)
    judged = apply_repairs(some, project.data.repairs).with_columns(pl.all().fill_null(""))
    count = sum(int((some[name] != judged[name]).sum()) for name in some.columns)
    if not count:
        return ()
    why = "what the project file declares as repairs was made of these cells, and nothing else"
    return (
        CheckResult(
            name="mended", subject="cells", value=float(count), unit="cells", n=some.height, why=why
        ),
    )
