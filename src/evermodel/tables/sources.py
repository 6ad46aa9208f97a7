"""Where tables come from: a path or an address becomes a source of batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import polars as pl

from evermodel.errors import DataError, NotFoundError, nearest
from evermodel.project import Reading
from evermodel.tables.addresses import expanded
from evermodel.tables.arrow import ArrowFile, Frame, is_frame
from evermodel.tables.delimited import Delimited
from evermodel.tables.duck import DuckDb
from evermodel.tables.objects import JsonLines
from evermodel.tables.raw import RawSource, TypedSource
from evermodel.tables.sniff import check_names, name_binary
from evermodel.tables.steady import FileState, require_unchanged, settled_state
from evermodel.tables.workbook import SUFFIXES, Workbook

__all__ = ["Typed", "file_of", "open_source", "require_same", "state_of"]

_TABLES = {".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl", ".ndjson", ".json", ".gz"}
_ARROW = (".arrow", ".arrows", ".feather", ".ipc")
_TABLES |= {*SUFFIXES, *_ARROW}
_SQLITE = b"SQLite format 3\x00"


class Typed:
    """A parquet file or a Delta table, whose columns come with types of their own."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.where = str(path)
        self.kind = kind
        if kind == "parquet":
            _check_parquet(path)
        try:
            self._lazy = pl.scan_parquet(path) if kind == "parquet" else _scan_delta(path)
            names = self._lazy.collect_schema().names()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._damaged(error) from None
        check_names(names, self.where)

    def frame(self) -> pl.DataFrame:
        """Return the whole table."""
        try:
            return self._lazy.collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._damaged(error) from None

    def frames(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield the table in order, about `rows` rows at a time."""
        try:
            yield from self._lazy.collect_batches(chunk_size=rows, maintain_order=True)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> DataError:
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        what = f"this {self.kind} table is damaged"
        return DataError(what, where=self.where, found=said, hint="copy or export it again")


def open_source(source: object, reading: Reading) -> RawSource | TypedSource:
    """Return what lies at a path or an address, or in another library's frame, ready to be read.

    Raises
    ------
    DataError
        When there is nothing, or nothing that is a table.
    """
    if is_frame(source):
        return Frame(source)
    if not isinstance(source, (str, Path)):
        hint = "give a path, an address, or a DataFrame"
        raise DataError("this is not a table", found=type(source).__name__, hint=hint)
    text = str(source)
    whole = expanded(text)
    if "://" in whole:
        return _by_address(text, whole)
    path, sheet = _divided(whole)
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise _missing(path)
    return _file(path, reading, sheet)


def file_of(source: object) -> Path | None:
    """Return the path that a source names, or None where it is a frame or an address."""
    if not isinstance(source, (str, Path)):
        return None
    whole = expanded(str(source))
    return None if "://" in whole else _divided(whole)[0]


def state_of(source: object) -> tuple[Path, FileState] | None:
    """Return the file that a source is and its state, or None where it is none."""
    path = file_of(source)
    state = None if path is None else settled_state(path)
    return None if path is None or state is None else (path, state)


def require_same(before: tuple[Path, FileState] | None) -> None:
    """Raise `DataError` when a file is another than when its reading began."""
    if before is not None:
        require_unchanged(*before)


def _divided(whole: str) -> tuple[Path, str]:
    """Return the path of a file and the name of the sheet in it, "" where none is named."""
    path = Path(whole)
    if "#sheet=" in whole and not path.exists():
        name, sheet = whole.split("#sheet=", 1)
        return Path(name), sheet
    return path, ""


def _by_address(text: str, whole: str) -> RawSource | TypedSource:
    from evermodel.tables.sql import SqlQuery, is_database

    scheme = whole.split("://", 1)[0]
    if not is_database(scheme):
        what = "addresses of this kind cannot be read"
        hint = "give a file, a folder, or a database such as sqlite:///shop.db?table=orders"
        raise DataError(what, where=text, found=scheme, hint=hint)
    if scheme == "duckdb":
        return DuckDb(whole)
    return SqlQuery(whole, written=text)


def _folder(path: Path) -> Typed:
    if (path / "_delta_log").is_dir():
        return Typed(path, "Delta")
    files = sorted(entry.name for entry in path.iterdir() if entry.is_file())
    hint = f"name a file in it, such as {path / files[0]}" if files else "name a file"
    raise DataError("this is a folder, and no Delta table", where=str(path), hint=hint)


def _missing(path: Path) -> DataError:
    folder = path.parent
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    # Endings that are alike would make any two short names seem near.
    stems = {Path(name).stem.lower(): name for name in sorted(names)}
    near = nearest(path.stem.lower(), stems)
    tables = sorted(name for name in names if Path(name).suffix.lower() in _TABLES)
    if near:
        hint = f"did you mean {folder / stems[near]}?"
    elif tables:
        hint = f"check the path: the tables in {folder} are {', '.join(tables[:8])}"
    else:
        hint = "check the path"
    return DataError("there is no such file", where=str(path), hint=hint)


def _file(path: Path, reading: Reading, sheet: str) -> RawSource | TypedSource:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        what = "the file cannot be read"
        raise DataError(what, where=str(path), found=error.strerror or "") from None
    suffix = path.suffix.lower()
    if head.startswith(b"PAR1") or suffix in (".parquet", ".pq"):
        return Typed(path, "parquet")
    if not head.strip():
        raise DataError("the file is empty", where=str(path), hint="export it again")
    if head.startswith(_SQLITE):
        raise _database(path)
    if suffix in SUFFIXES and name_binary(head):
        return Workbook(path, sheet)
    if head.startswith(b"ARROW1") or suffix in _ARROW:
        return ArrowFile(path)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    lines = suffix in (".jsonl", ".ndjson", ".json")
    if (lines and not name_binary(head)) or start.startswith((b'{"', b'[{"')):
        return JsonLines(path)
    return Delimited(path, reading)


def _database(path: Path) -> DataError:
    """Return what to say of a database that is named as a file: the address of a table in it."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
            known = [name for (name,) in opened.execute(query) if not name.startswith("sqlite_")]
    except sqlite3.Error:
        known = []
    name = known[0] if known else "TABLE"
    return DataError(
        "this is an SQLite database, of which a table is to be named",
        where=str(path),
        found=f"the tables {', '.join(known[:10])}" if known else "",
        hint=f'give its address: "sqlite:///{path}?table={name}"',
    )


def _check_parquet(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(max(0, size - 4))
        tail = file.read(4)
    if not size:
        raise DataError("the file is empty", where=str(path), hint="export it again")
    if head != b"PAR1":
        found = name_binary(head) or "other bytes at its beginning"
        what = "this is not a parquet file, whatever its name says"
        raise DataError(what, where=str(path), found=found, hint="name it after what it is")
    if tail != b"PAR1":
        what = "this parquet file is cut off"
        raise DataError(what, where=str(path), found="no end mark", hint="copy it again")


def _scan_delta(path: Path) -> pl.LazyFrame:
    from evermodel.tables.versions import scan_version

    try:
        return scan_version(path)
    except NotFoundError as error:
        raise DataError(error.what, where=error.where, hint=error.hint) from None
