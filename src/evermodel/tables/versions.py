"""Versioned tables on Delta Lake: saved once by digest, appended once by key, never torn.

A commit of Delta Lake is one file that appears whole or not at all, so a process killed at any
moment leaves the table as it was before or after, and two writers lose nothing. What `save` and
`append` return from is on the disk, so that whoever calls may remove what it was made from.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

import polars as pl

from evermodel.errors import BusyError, DataError, NotFoundError, SurroundingsError
from evermodel.tables.commits import make_durably, sync_commits
from evermodel.tables.typed import normalise

if TYPE_CHECKING:
    from deltalake import DeltaTable

__all__ = [
    "alone",
    "append",
    "appended",
    "load",
    "parts",
    "read_all",
    "save",
    "scan_version",
    "tidy",
    "whole",
]

_DIGEST = "evermodel.digest"
_CLEANUP = "delta.enableExpiredLogCleanup"
"""Off for versions that are saved: without the log of an old one nobody could load it."""
_ATTEMPTS = 30
_EXACT = 2**53
_PART_ROWS = 65_536
_T = TypeVar("_T")


def save(folder: str | Path, frame: pl.DataFrame, *, digest: str) -> int:
    """Make a table the newest version and return its number; the same digest is saved once.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> table = pl.DataFrame({"a": [1, 2]})
    >>> save(folder, table, digest="d1"), save(folder, table, digest="d1")
    (0, 0)

    Raises
    ------
    BusyError
        When other writers did not let it through.
    """
    folder = Path(folder)

    def write() -> int:
        from deltalake import CommitProperties, write_deltalake

        table = _open(folder) if folder.is_dir() else None
        if table is not None and table.metadata().configuration.get(_CLEANUP) != "false":
            table.alter.set_table_properties({_CLEANUP: "false"})
        known = _version_of(folder, digest)
        if known is not None:
            return known
        make_durably(folder)
        write_deltalake(
            str(folder),
            _storable(frame).to_arrow(),
            mode="overwrite",
            schema_mode="overwrite",
            configuration={_CLEANUP: "false"},
            commit_properties=CommitProperties(custom_metadata={_DIGEST: digest}),
        )
        saved = _version_of(folder, digest)
        assert saved is not None  # noqa: S101 - it was committed by the line above
        return saved

    return _durably(write, folder)


def load(folder: str | Path, version: int) -> pl.DataFrame:
    """Return the table as it was at a version.

    Raises
    ------
    NotFoundError
        When there is no such table or version.
    """
    try:
        columns = scan_version(folder, version).collect().get_columns()
    except (pl.exceptions.PolarsError, OSError) as error:
        what = f"the rows of version {version} are gone or damaged"
        found = str(error).splitlines()[0][:200]
        hint = "bring the table back from a backup"
        raise NotFoundError(what, where=str(folder), found=found, hint=hint) from None
    return pl.DataFrame([normalise(series)[0] for series in columns])


def append(folder: str | Path, frame: pl.DataFrame, *, key: str) -> bool:
    """Add rows once for every key; return whether they were added now.

    Columns that are new to the table are added to it, and rows before have nothing in them.
    Numbers are stored as floats where these hold them exactly, so that a column of integers may
    later hold fractions.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> rows = pl.DataFrame({"a": [1, 2]})
    >>> append(folder, rows, key="monday"), append(folder, rows, key="monday")
    (True, False)

    Raises
    ------
    DataError
        When a column is of another type than in the table.
    BusyError
        When other writers did not let it through.
    """
    folder = Path(folder)
    frame = _widened(_storable(frame))

    def write() -> bool:
        from deltalake import CommitProperties, Transaction, write_deltalake

        table = _open(folder)
        if table is not None and table.transaction_version(key) is not None:
            return False
        rows = frame if table is None else _fitted(frame, table)
        make_durably(folder)
        write_deltalake(
            str(folder) if table is None else table,
            rows.to_arrow(),
            mode="append" if table is not None else "error",
            schema_mode="merge" if table is not None else None,
            commit_properties=CommitProperties(app_transactions=[Transaction(key, 1)]),
        )
        return True

    return _durably(write, folder)


def appended(folder: str | Path, key: str) -> bool:
    """Return whether rows were added for a key.

    Examples
    --------
    >>> appended("no/such/folder", "monday")
    False
    """
    table = _open(Path(folder)) if (Path(folder) / "_delta_log").is_dir() else None
    return table is not None and table.transaction_version(key) is not None


def read_all(folder: str | Path) -> pl.DataFrame | None:
    """Return the newest version of the table, or None when there is no table.

    Examples
    --------
    >>> read_all("no/such/folder") is None
    True
    """
    table = _open(Path(folder)) if (Path(folder) / "_delta_log").is_dir() else None
    return None if table is None else _restored(_lazily(table).collect())


def parts(folder: str | Path, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """Yield the rows of the newest version in parts, each of one file, in memory for one of them.

    Parameters
    ----------
    folder : path
    columns : sequence of str, optional
        Those to read: all of the table unless given. What a file lacks is missing in its rows.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> _ = append(folder, pl.DataFrame({"a": [1, 2]}), key="monday")
    >>> _ = append(folder, pl.DataFrame({"a": [3], "b": ["x"]}), key="tuesday")
    >>> sorted(part["a"].to_list() for part in parts(folder, ["a"]))
    [[1.0, 2.0], [3.0]]
    """
    table = _open(Path(folder)) if (Path(folder) / "_delta_log").is_dir() else None
    if table is None:
        return
    kinds = _lazily(table).collect_schema()
    wanted = {name: kinds[name] for name in columns or kinds}
    files = pl.DataFrame(table.get_add_actions(flatten=True))["path"].sort().to_list()
    for path in files:
        file = pl.scan_parquet(Path(folder) / unquote(path), glob=False)
        there = file.collect_schema()
        rows = int(file.select(pl.len()).collect().item())
        said = [
            (pl.col(name) if name in there else pl.lit(None)).cast(kind).alias(name)
            for name, kind in wanted.items()
        ]
        for start in range(0, rows, _PART_ROWS):
            # Cut before anything else, so that only this part of the file is read.
            part = file.slice(start, _PART_ROWS).select(said).collect()
            yield pl.DataFrame([normalise(series)[0] for series in part.get_columns()])


def alone(rows: pl.DataFrame) -> pl.DataFrame:
    """Return some rows of a part in memory of their own: else their texts hold all of its texts.

    Examples
    --------
    >>> alone(pl.DataFrame({"a": ["x", "y"]}).head(1)).to_dicts()
    [{'a': 'x'}]
    """
    if not rows.height:
        return rows.clear()
    copied = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    return pl.DataFrame(pl.from_arrow(copied), schema_overrides=rows.schema)


def whole(rows: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return some of what `parts` yielded as one table, in the types of `read_all`.

    Examples
    --------
    >>> whole([pl.DataFrame({"a": [1.0]}), pl.DataFrame({"a": [2.0]})])["a"].to_list()
    [1, 2]
    """
    return _restored(pl.concat(rows))


def scan_version(folder: str | Path, version: int | None = None) -> pl.LazyFrame:
    """Return the table at a version (the newest when None), lazily.

    Raises
    ------
    NotFoundError
        When there is no such table or version.
    """
    return _lazily(_known(Path(folder), version))


def tidy(folder: str | Path, *, days: float, keep: Collection[int] = ()) -> int:
    """Join small files, free those that only versions older than `days` need; return the bytes.

    The newest version and those in `keep` lose nothing. A file that no version knows is freed only
    when it is as old: a writer may be about to commit it.

    Raises
    ------
    BusyError
        When other writers did not let it through.
    NotFoundError
        When there is no table here.
    """
    folder = Path(folder)
    before = _bytes(folder)

    def free() -> None:
        table = _known(folder)
        # A saved version is one whole; joined files would be a new version beside it.
        if table.metadata().configuration.get(_CLEANUP) != "false":
            table.optimize.compact()
            sync_commits(folder)  # before the files that were joined are gone
        table.vacuum(
            retention_hours=int(24 * days),
            dry_run=False,
            enforce_retention_duration=False,
            full=True,
            keep_versions=sorted({*keep, table.version()}),
        )

    _retried(free, folder)
    return max(0, before - _bytes(folder))


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet") if path.is_file())


def _open(folder: Path, version: int | None = None) -> DeltaTable | None:
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        return DeltaTable(str(folder), version=version)
    except TableNotFoundError:
        return None


def _lazily(table: DeltaTable) -> pl.LazyFrame:
    """Return a table lazily, whatever signs stand in the name of its folder."""
    if "%" in table.table_uri:
        # A blank or an umlaut is written so there, which polars takes for the name of the folder.
        return pl.scan_pyarrow_dataset(table.to_pyarrow_dataset())
    return pl.scan_delta(table)


def _known(folder: Path, version: int | None = None) -> DeltaTable:
    from deltalake.exceptions import DeltaError

    try:
        table = _open(folder, version) if folder.is_dir() else None
    except (DeltaError, OSError) as error:
        what = f"version {version} of the table cannot be opened"
        found = str(error).splitlines()[0][:200]
        raise NotFoundError(what, where=str(folder), found=found) from None
    if table is None:
        raise NotFoundError("there is no table here", where=str(folder))
    return table


def _version_of(folder: Path, digest: str) -> int | None:
    """Return the newest version that was saved with a digest."""
    table = _open(folder) if folder.is_dir() else None
    if table is None:
        return None
    for commit in table.history():
        # A version that was freed is one no more, whatever the log remembers of it.
        if commit.get(_DIGEST) == digest and _is_whole(folder, int(commit["version"])):
            return int(commit["version"])
    return None


def _is_whole(folder: Path, version: int) -> bool:
    added = pl.DataFrame(_known(folder, version).get_add_actions(flatten=True))
    return all((folder / unquote(path)).is_file() for path in added["path"])


def _durably(write: Callable[[], _T], folder: Path) -> _T:
    """Do a write, and return when it is on the disk.

    So is one that was there already: who was killed after the commit may not have come so far.
    """
    done = _retried(write, folder)
    sync_commits(folder)
    return done


def _retried(write: Callable[[], _T], folder: Path) -> _T:
    """Do a write again while other writers come first."""
    from deltalake.exceptions import CommitFailedError, DeltaError

    chance = random.Random(str(folder))  # noqa: S311 - only spreads the attempts of writers
    for attempt in range(_ATTEMPTS):
        try:
            return write()
        except CommitFailedError:
            pass
        except (DeltaError, FileExistsError) as error:
            said = str(error)
            if "(os error " in said:
                # The disk refused: Delta Lake says so now as an error of its own, now as another.
                what, hint = "the table cannot be written", "free disk space; nothing was changed"
                found = said.splitlines()[0][:300]
                raise SurroundingsError(what, where=str(folder), found=found, hint=hint) from None
            if "already exists" not in said and "conflict" not in said.lower():
                raise
        time.sleep(chance.uniform(0.01, 0.05) * (attempt + 1))
    what = "other processes are writing to the table all the time"
    raise BusyError(what, where=str(folder), hint="try again later")


def _storable(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame in the types of the house; a column without any type is left out."""
    kept = [series for series in frame.get_columns() if series.dtype != pl.Null]
    return pl.DataFrame([normalise(series)[0] for series in kept])


def _widened(frame: pl.DataFrame) -> pl.DataFrame:
    """Return integers as floats where these hold them exactly."""
    wide = []
    for series in frame.get_columns():
        if series.dtype == pl.Int64:
            exact = bool(series.is_between(-_EXACT, _EXACT).all())
            wide.append(series.cast(pl.Float64) if exact else series)
        else:
            wide.append(series)
    return pl.DataFrame(wide)


def _restored(frame: pl.DataFrame) -> pl.DataFrame:
    """Return floats that are all whole as integers, and times without a zone."""
    columns = []
    for series in frame.get_columns():
        series = normalise(series)[0]
        if series.dtype == pl.Float64 and series.null_count() < len(series):
            whole = series.cast(pl.Int64, strict=False)
            same = (whole.cast(pl.Float64) == series).all()
            if same and whole.null_count() == series.null_count():
                series = whole
        columns.append(series)
    return pl.DataFrame(columns)


def _fitted(frame: pl.DataFrame, table: Any) -> pl.DataFrame:
    """Return rows in the types that their columns have in the table."""
    known = _lazily(table).collect_schema()
    fitted = []
    for series in frame.get_columns():
        kind = known.get(series.name)
        if kind is None or normalise(pl.Series([], dtype=kind))[0].dtype == series.dtype:
            fitted.append(series)
        elif series.null_count() == len(series):
            fitted.append(series.cast(kind))
        elif kind == pl.Int64 and series.dtype == pl.Float64:
            fitted.append(_exactly(series, kind))
        else:
            what = f"column {series.name!r} is of another type than in the table"
            raise DataError(what, found=f"{series.dtype} for {kind}", hint="give it one type")
    return pl.DataFrame(fitted)


def _exactly(series: pl.Series, kind: Any) -> pl.Series:
    cast = series.cast(kind, strict=False)
    if cast.null_count() != series.null_count() or not (cast == series).all():
        what = f"column {series.name!r} holds integers too large to be stored with fractions"
        raise DataError(what, hint="read it as a category")
    return cast
