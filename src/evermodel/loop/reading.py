"""How the columns of a project are read, as its bundles remember it and do it themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from evermodel.bundle import Input, Model, Repair
from evermodel.project import Project
from evermodel.project import Repair as Declared
from evermodel.tables import Table, read
from evermodel.tables.dates import convert_dates
from evermodel.tables.understanding import ColumnReading
from evermodel.tables.values import CATEGORY_MISSING, MISSING_WORDS

__all__ = ["bundle_repairs", "missing_words", "read_for", "reading_of"]


def missing_words(table: Table, project: Project) -> dict[str, tuple[str, ...]]:
    """Return the words that the reader of files takes as missing, by column.

    Those of the project's repairs are not among them: see `bundle_repairs`.
    """
    found: dict[str, tuple[str, ...]] = {}
    for column in table.schema.columns:
        words = {*column.missing, *project.data.reading.missing}
        if column.type in ("category", "text"):
            words |= CATEGORY_MISSING
        elif column.name in project.data.repairs:
            new = project.data.repairs[column.name].map.values()
            words |= {word for word in new if word.strip().lower() in MISSING_WORDS}
        if words - {""}:
            found[column.name] = tuple(sorted(words - {""}))
    return found


def bundle_repairs(table: Table, project: Project) -> dict[str, Repair]:
    """Return what a bundle has to do to a raw value to read it as it was read in training."""
    found = {}
    for how in table.understood.columns:
        declared = project.data.repairs.get(how.name, Declared())
        repair = Repair(
            strip=declared.strip,
            map=dict(declared.map),
            missing=declared.missing,
            decimal=how.decimal,
            thousands=how.thousands,
            padded=how.padded,
            sign=how.sign,
        )
        found[how.name] = _in_iso(repair, how) if how.type == "timestamp" else repair
    return found


def _in_iso(repair: Repair, how: ColumnReading) -> Repair:
    """Return a repair of times with its codes in ISO 8601 too, in which requests write theirs."""

    def iso(text: str) -> str:
        texts = pl.Series([text.strip()], dtype=pl.String)
        moment = convert_dates(texts, how.dates, first_year=how.first_year, serials=how.serials)[0]
        return text if moment is None else moment.isoformat()

    mapped = {key: iso(new) for key, new in repair.map.items()}
    mapped = {iso(key): new for key, new in mapped.items()} | mapped
    missing = tuple(dict.fromkeys([*repair.missing, *map(iso, repair.missing)]))
    return Repair(
        strip=repair.strip,
        map=mapped,
        missing=missing,
        dates=how.dates,
        first_year=how.first_year,
        serials=how.serials,
    )


def reading_of(model: Model, project: Project, *, target: bool) -> dict[str, Any]:
    """Return how a file is read for a model: its own repairs and types, the project's for the rest.

    Parameters
    ----------
    model : Model
    project : Project
    target : bool
        Whether the column of outcomes is read as the project says; otherwise as it comes.
    """
    data = project.data
    repairs, types = dict(data.repairs), {**data.types}
    like: dict[str, ColumnReading] = {}
    for item in model.manifest.inputs:
        types[item.name] = item.type
        if item.repair is not None:
            repairs[item.name] = Declared(
                strip=item.repair.strip + item.repair.sign,
                map=item.repair.map,
                missing=(*item.repair.missing, *item.missing),
                type=item.type,
            )
            like[item.name] = _as_before(item, item.repair)
    if not target:
        repairs.pop(data.target, None)
        types.pop(data.target, None)
    return {"reading": data.reading, "repairs": repairs, "types": types, "like": like}


def _as_before(item: Input, repair: Repair) -> ColumnReading:
    """Return how a column was read when its model was trained."""
    return ColumnReading(
        name=item.name,
        type=item.type,
        decimal=repair.decimal,
        thousands=repair.thousands,
        dates=repair.dates,
        first_year=repair.first_year,
        serials=repair.serials,
    )


def read_for(model: Model, project: Project, source: str | Path) -> pl.DataFrame:
    """Return the rows of a file, outcomes included, as a model reads them."""
    return read(str(source), **reading_of(model, project, target=True)).frame
