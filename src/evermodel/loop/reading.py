"""How the columns of a project are read, as its bundles remember it and do it themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import polars as pl

from evermodel.bundle import Input, Model, Repair
from evermodel.errors import NotFoundError
from evermodel.loop.workspace import Workspace
from evermodel.project import Project
from evermodel.project import Repair as Declared
from evermodel.tables import Table, read
from evermodel.tables.dates import convert_dates
from evermodel.tables.typed import normalise
from evermodel.tables.understanding import ColumnReading
from evermodel.tables.values import CATEGORY_MISSING, MISSING_WORDS

__all__ = ["bundle_repairs", "keys_read", "missing_words", "read_for", "reading_of"]


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


class _Recorded(msgspec.Struct):
    """What a recipe says of how columns were read."""

    missing: dict[str, tuple[str, ...]] = {}
    repairs: dict[str, Repair] = {}


def keys_read(workspace: Workspace, recorded: Mapping[str, Any]) -> dict[str, Input]:
    """Return how the columns of key and time were read when a version was trained, by name.

    A bundle remembers this of its inputs alone, of which a key is none.

    Parameters
    ----------
    workspace : Workspace
    recorded : mapping
        What the ledger holds of the training.
    """
    data, blobs = workspace.project.data, workspace.ports.blobs
    try:
        content = blobs.path(recorded.get("recipe", "")).read_bytes()
        kinds = pl.read_parquet_schema(blobs.path(recorded["test"]))
    except (NotFoundError, OSError):
        return {}
    recipe = msgspec.json.decode(content, type=_Recorded)
    return {
        name: Input(
            name=name,
            type=cast("Any", normalise(pl.Series([], dtype=kinds[name]))[1]),
            missing=recipe.missing.get(name, ()),
            repair=recipe.repairs[name],
        )
        for name in (*data.key, data.time)
        if name in recipe.repairs and name in kinds
    }


def reading_of(
    model: Model, project: Project, *, target: bool, beside: Iterable[Input] = ()
) -> dict[str, Any]:
    """Return how a file is read for a model: its own repairs and types, the project's for the rest.

    Parameters
    ----------
    model : Model
    project : Project
    target : bool
        Whether the column of outcomes is read as the project says; otherwise as it comes.
    beside : iterable of Input
        How columns that are no inputs were read in training, as `keys_read` says it: what a file
        leaves open, such as which number is the month, is as it was then.
    """
    data = project.data
    repairs, types = dict(data.repairs), {**data.types}
    like = {item.name: _as_before(item, item.repair) for item in beside if item.repair is not None}
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


def read_for(
    model: Model, project: Project, source: str | Path, *, beside: Iterable[Input] = ()
) -> pl.DataFrame:
    """Return the rows of a file, outcomes included, as a model reads them."""
    return read(str(source), **reading_of(model, project, target=True, beside=beside)).frame
