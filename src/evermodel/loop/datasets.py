"""The versions of the data that were learned from: kept, told apart, compared and brought back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from evermodel.data import changes
from evermodel.data.personal.hiding import of_persons, profile_without
from evermodel.errors import DataError, InputError, NotFoundError, masked
from evermodel.loop.beginning import read_source, refuse_to_replace
from evermodel.loop.state import State, read_state
from evermodel.loop.workspace import Workspace, open_workspace, project_file, silent
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report
from evermodel.tables import (
    ColumnProfile,
    Profile,
    Table,
    digest,
    ordered_digests,
    profile,
    read,
    versions,
    write,
)
from evermodel.tables.typed import type_of

__all__ = ["Kept", "data_diff", "data_log", "data_restore", "data_show", "data_tidy", "keep",
           "kept_data"]  # fmt: skip

_ROW = "evermodel row"
_EVENT = "data_kept"
_SHORT = 12
_OFTEN = 10
"""A value is shown where at least so many rows share it: no person is told by it."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the data, numbered from 1; `version` is None where only its digest is kept.

    `digest` does not depend on the order of the rows, `order` does.
    """

    number: int
    digest: str
    order: str
    version: int | None
    rows: int
    columns: int
    source: str
    profile: str
    time: str

    @property
    def name(self) -> str:
        """How a person may call it."""
        return f"{self.number} ({self.digest[:_SHORT]})"


def keep(workspace: Workspace, table: Table) -> Kept:
    """Keep a version of the data that is about to be learned from; the same one is kept once.

    Rows are kept in their order, which splits go by and a Delta table does not promise. Where the
    project says `keep = "digest"`, what is kept is a digest and a profile.
    """
    frame = table.frame
    content, order = ordered_digests(frame)
    known = {kept.order: kept for kept in _all(workspace)}
    by_digest = workspace.project.data.keep == "digest"
    if by_digest and order in known:
        return known[order]
    version: int | None = None
    if not by_digest:
        version = versions.save(workspace.table("data"), frame.with_row_index(_ROW), digest=order)
    if order in known and known[order].version == version:
        return known[order]
    summary = profile(frame, {series.name: type_of(series) for series in frame.get_columns()})
    body = {
        "digest": content,
        "order": order,
        "version": version,
        "rows": frame.height,
        "columns": frame.width,
        "source": masked(workspace.project.data.source),
        "profile": workspace.ports.blobs.put(msgspec.json.encode(summary)),
    }
    workspace.record(_EVENT, body)
    return next(kept for kept in reversed(_all(workspace)) if kept.order == order)


def _all(workspace: Workspace) -> list[Kept]:
    """Return every version; one of which the rows were kept later has them under its number."""
    found: dict[str, Kept] = {}
    for event in workspace.events(_EVENT):
        body = event.body
        older = found.get(body["order"])
        number = len(found) + 1 if older is None else older.number
        time = event.time if older is None else older.time
        found[body["order"]] = Kept(number=number, time=time, **body)
    return list(found.values())


def kept_data(workspace: Workspace, recorded: Mapping[str, Any]) -> pl.DataFrame:
    """Return the data of a recorded training, in the order in which they were read.

    Parameters
    ----------
    workspace : Workspace
    recorded : mapping
        What the ledger holds of the training.

    Raises
    ------
    NotFoundError
        When they were erased, or kept by their digest only and the source is another by now.
    """
    return _rows(workspace, recorded["data_version"], recorded.get("data_order", ""))


def _rows(workspace: Workspace, version: int | None, order: str) -> pl.DataFrame:
    if version is not None:
        return versions.load(workspace.table("data"), version).sort(_ROW).drop(_ROW)
    what = "the rows were not kept, only their digest"
    try:
        frame = read_source(workspace.project).frame
    except DataError as error:
        raise NotFoundError(what, found=f"the source cannot be read: {error.what}") from None
    if ordered_digests(frame)[1] != order:
        hint = 'bring the source back as it was; [data] keep = "rows" keeps them from now on'
        raise NotFoundError(what, found="the source has changed since", hint=hint)
    return frame


def data_log(folder: str | Path | Workspace = ".") -> Report:
    """Return the versions of the data, the oldest first, and what learned from each.

    Parameters
    ----------
    folder : path or Workspace
    """
    workspace = open_workspace(folder, make=False)
    state = read_state(workspace)
    results = [
        CheckResult(
            name="data_version",
            subject=kept.digest[:_SHORT],
            value=float(kept.number),
            n=kept.rows,
            why=f"{kept.time[:19]}  {kept.rows:,} rows, {kept.columns} columns from "
            f"{kept.source}; {_use(state, kept)}",
            evidence=msgspec.to_builtins(kept),
        )
        for kept in _all(workspace)
    ]
    return Report(verb="data.log", subject=workspace.project.name, results=tuple(results))


def _use(state: State, kept: Kept) -> str:
    """Return which versions of the model learned from it."""
    numbers = [
        str(version.number)
        for version in state.versions.values()
        if version.trained.get("data_order") == kept.order
    ]
    tried = sum(each.get("data_order") == kept.order for each in state.candidates.values())
    if numbers:
        said = f"learned from by version{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
        return said + (", which is live" if str(state.live) in numbers else "")
    return f"learned from by {tried} candidate{'' if tried == 1 else 's'}, none registered"


def data_show(which: str | int = "", folder: str | Path | Workspace = ".") -> Report:
    """Return what one version of the data holds, column by column.

    Parameters
    ----------
    which : str or int
        A number, the beginning of a digest, or "" for the newest.
    folder : path or Workspace

    Raises
    ------
    NotFoundError
        When there is no such version.
    """
    workspace = open_workspace(folder, make=False)
    kept = _find(workspace, which)
    content = workspace.ports.blobs.path(kept.profile).read_bytes()
    found = msgspec.json.decode(content, type=Profile)
    # Of a column of persons, as its values tell, none is shown.
    personal = of_persons(pl.DataFrame(), profile=found)
    shown = msgspec.to_builtins(profile_without(found, personal))
    return Report(
        verb="data.show",
        subject=kept.name,
        results=tuple(_shown(each, hide=each.name in personal) for each in found.columns),
        facts={"data": msgspec.to_builtins(kept), "profile": shown},
    )


def _shown(column: ColumnProfile, *, hide: bool) -> CheckResult:
    parts: list[str] = [column.type]
    if hide:
        parts.append("of persons: no value is shown")
    if column.missing:
        parts.append(f"{column.missing / max(column.rows, 1):.1%} missing")
    if column.type == "number" and column.mean is not None and not hide:
        parts.append(f"{column.minimum:g} to {column.maximum:g}, mean {column.mean:.4g}")
    pairs = zip(column.values, column.value_counts, strict=True)
    often = [f"{value!r} {count:,}" for value, count in pairs if count >= _OFTEN][:4]
    if often and not hide:
        parts.append(", ".join(often))
    if column.distinct is not None:
        parts.append(f"{column.distinct:,} distinct")
    return CheckResult(name="column", subject=column.name, n=column.present, why="; ".join(parts))


def data_diff(first: object, second: object = "", folder: str | Path | Workspace = ".") -> Report:
    """Return what changed between two versions of the data: rows, then column by column.

    Parameters
    ----------
    first, second : str, int, path or DataFrame
        A version by its number or the beginning of its digest, or a table: a file, an address or
        a frame; "" is the project's source as it is now.
    folder : path or Workspace
        The project's folder. Where no project file lies there, two tables are compared as they are.

    Raises
    ------
    NotFoundError
        When there is no such version, or its rows were not kept.

    Examples
    --------
    >>> old, new = pl.DataFrame({"plan": ["a", "b"]}), pl.DataFrame({"plan": ["a", "c"]})
    >>> data_diff(old, new).find("column_changed", "plan").why
    "new values: 'c'; gone: 'b'"
    """
    tables = _is_table(first) and _is_table(second)
    if tables and not isinstance(folder, Workspace) and not project_file(folder).exists():
        (before, named), (after, other) = _plain(first), _plain(second)
        key: tuple[str, ...] = ()
    else:
        workspace = open_workspace(folder, make=False)
        before, named = _either(workspace, first)
        after, other = _either(workspace, second)
        key = workspace.project.data.key
    results = tuple(changes(before, after, key=key))
    facts = {"same": digest(before) == digest(after)}
    return Report(verb="data.diff", subject=f"{named} and {other}", results=results, facts=facts)


def _is_table(which: object) -> bool:
    """Say whether a table is meant rather than a version of the data."""
    if isinstance(which, str):
        return "://" in which or (bool(which) and not which.isdigit() and Path(which).exists())
    return which is not None and not isinstance(which, int)


def _plain(source: object) -> tuple[pl.DataFrame, str]:
    return read(source).frame, _called(source)


def _called(source: object) -> str:
    if isinstance(source, (str, Path)):
        return masked(str(source))
    return f"a {type(source).__name__}"


def _either(workspace: Workspace, which: object) -> tuple[pl.DataFrame, str]:
    """Return the rows of a version, or of a table that is read as the project's data are."""
    if which is None or (isinstance(which, str) and not which):
        source = workspace.project.data.source
        return read_source(workspace.project).frame, f"{masked(source)} as it is now"
    if _is_table(which):
        return read_source(workspace.project, which).frame, _called(which)
    kept = _find(workspace, which)
    return _rows(workspace, kept.version, kept.order), kept.name


def _find(workspace: Workspace, which: object) -> Kept:
    which = str(which)
    every = _all(workspace)
    if not every:
        what = "no data were learned from yet"
        raise NotFoundError(what, hint="evermodel train keeps the data it learns from")
    if not which:
        return every[-1]
    found = [kept for kept in every if str(kept.number) == which or kept.digest.startswith(which)]
    if which.isdigit() and int(which) <= len(every):
        found = [kept for kept in found if kept.number == int(which)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(kept.name for kept in every[-8:])
    what = "more than one version begins so" if found else "there is no such version of the data"
    raise NotFoundError(what, found=which, hint=f"the versions are {known}")


def data_restore(
    which: str | int,
    path: str | Path,
    folder: str | Path | Workspace = ".",
    *,
    force: bool = False,
    spreadsheet_safe: bool = False,
) -> Report:
    """Write the rows of a version to a new file, in the order in which they were read.

    Parameters
    ----------
    which : str or int
        A number or the beginning of a digest.
    path : path
        A .csv, .tsv or .parquet file; only parquet keeps every type.
    folder : path or Workspace
    force : bool
        Replace a file that is there.
    spreadsheet_safe : bool
        Put an apostrophe before texts that a spreadsheet would run as formulas.

    Raises
    ------
    NotFoundError
        When there is no such version, or its rows were not kept.
    InputError
        When there is a file already.
    """
    workspace = open_workspace(folder, make=False)
    kept = _find(workspace, which)
    if Path(path).exists() and not force:
        what = "there is a file already"
        raise InputError(what, where=str(path), hint="name another, or replace it with --force")
    refuse_to_replace(path, workspace.project.source, force=True)
    batches = _rows(workspace, kept.version, kept.order)
    rows = write(batches, path, spreadsheet_safe=spreadsheet_safe)
    result = CheckResult(name="restored", subject=str(path), value=float(rows), unit="rows", n=rows)
    return Report(verb="data.restore", subject=kept.name, results=(result,))


def data_tidy(
    folder: str | Path | Workspace = ".", *, days: float = 30, progress: Progress = silent
) -> Report:
    """Join small files of the workspace's tables, and free what nothing needs any more.

    Versions of the data that a registered version of the model learned from are kept whatever
    their age, and so is the newest.

    Parameters
    ----------
    folder : path or Workspace
    days : float
        Versions of the data younger than this stay; at least 1.

    Raises
    ------
    BusyError
        When another process tidies up.
    InputError
        When `days` is below 1: a file that is just being written looks like one that is left over.
    """
    if days < 1:
        what = "files younger than a day may still be written to"
        raise InputError(what, found=f"{days:g}", hint="give 1 or more days")
    workspace = open_workspace(folder, make=False)
    with workspace.job("tidy", progress) as step:
        state = read_state(workspace)
        pinned = {version.trained.get("data_version") for version in state.versions.values()}
        newest = [kept.version for kept in _all(workspace)][-1:]
        keep_versions = {number for number in {*pinned, *newest} if number is not None}
        results = list(_tidied(workspace, keep_versions, days, step))
    workspace.record("tidied", {result.subject: result.value for result in results})
    return Report(verb="data.tidy", subject=workspace.project.name, results=tuple(results))


def _tidied(
    workspace: Workspace, pinned: set[int], days: float, step: Progress
) -> Iterator[CheckResult]:
    for place, name in enumerate(("data", "predictions", "labels")):
        step(f"looking at {name}", place / 3)
        folder = workspace.table(name)
        if not folder.is_dir():
            continue
        freed = versions.tidy(folder, days=days, keep=pinned if name == "data" else ())
        yield CheckResult(name="freed", subject=name, value=float(freed), unit="bytes")
