"""The file that a Croissant document reads its rows from: the source itself, or a snapshot of it.

Readers of Croissant read a CSV file in the plainest way: commas, UTF-8, a dot before decimals, and
words such as "NA" for missing. Where that gives just the rows that Evermodel read, the file itself
is named. In any other case (a semicolon, a decimal comma, a code such as "007", a spreadsheet, a
database) the rows are written once as parquet beside the document, which keeps types and gaps.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.intake import take
from evermodel.records import Record
from evermodel.store.durable import refusals, sync_folder, temporary
from evermodel.tables import write

__all__ = ["RowsFile", "rows_file", "without_older"]

_CSV = "text/csv"
_TSV = "text/tab-separated-values"
_PARQUET = "application/x-parquet"
_FORMATS = {".csv": _CSV, ".tsv": _TSV, ".parquet": _PARQUET, ".pq": _PARQUET}
_MOST_BYTES = 512 * 1024 * 1024  # larger ones are not read a second time only to be compared
_LAST_BIT = 4.5e-16  # parsers of decimal numbers differ by one binary digit at most
_EXACT = 2**53
_SNAPSHOT = re.compile(r"rows-[0-9a-f]{12}\.parquet")
# Readers number the rows in a column of the first free one of these names, and fail without one.
_ADDED = ("index", "level_0")


class RowsFile(Record, frozen=True, kw_only=True):
    """A file with rows: its path relative to the document, its format, size and SHA-256.

    `columns` names, for each column of the table, the one of the file that holds it; `why` says why
    a snapshot was needed, and is "" where the source itself is read.
    """

    path: str
    format: str
    size: int
    sha256: str
    columns: dict[str, str]
    why: str = ""

    @property
    def name(self) -> str:
        """The name of the file alone."""
        return self.path.rsplit("/", 1)[-1]


def rows_file(
    table: Any, folder: str | Path, *, source: str | Path = "", root: str | Path = ""
) -> RowsFile:
    r"""Return the file that holds the rows of a table, written into `folder` where it must be.

    Parameters
    ----------
    table : tables.Table or polars.DataFrame
    folder : str or Path
        Where the document will lie; it must exist.
    source : str or Path
        The file that the table was read from, if it was one.
    root : str or Path
        The folder below which files may be named as they are; `folder` when empty. No name from
        above it enters the document.

    Examples
    --------
    >>> import tempfile
    >>> from evermodel.tables import read
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("plan,price\nbasic,1.5\n")
    >>> _ = (folder / "b.csv").write_text("plan;price\nbasic;1,5\n")
    >>> rows_file(read(folder / "a.csv"), folder, source=folder / "a.csv").path
    'a.csv'
    >>> rows_file(read(folder / "b.csv"), folder, source=folder / "b.csv").format
    'application/x-parquet'

    Raises
    ------
    SurroundingsError
        When the disk is full or the folder cannot be written to.
    """
    folder = Path(folder)
    frame = take(table).frame
    path, why = _relative(source, folder, Path(root or folder))
    if path:
        kind = _FORMATS[Path(path).suffix.lower()]
        why = _differs(Path(source), kind, frame)
        if not why:
            columns = {name: name for name in frame.columns}
            return _described(Path(source), path, kind, columns)
    return _snapshot(frame, folder, why)


def without_older(folder: Path, kept: RowsFile) -> None:
    """Remove snapshots that no document names any more: rows are kept no longer than needed."""
    with refusals(folder):
        for path in folder.iterdir():
            if _SNAPSHOT.fullmatch(path.name) and path.name != kept.name:
                path.unlink()
        sync_folder(folder)


def _relative(source: str | Path, folder: Path, root: Path) -> tuple[str, str]:
    """Return the path of a source from `folder`, or "" and why it cannot be named."""
    text = str(source)
    path = Path(text)
    if not text or "://" in text or not path.is_file():
        return "", "the source is no single file"
    if path.suffix.lower() not in _FORMATS:
        return "", "readers of Croissant do not know this kind of file"
    if path.stat().st_size > _MOST_BYTES:
        return "", "the file is too large to be read again for a comparison"
    path, folder, root = path.resolve(), folder.resolve(), root.resolve()
    if not (path.is_relative_to(root) and folder.is_relative_to(root)):
        return "", "the file lies outside of the project"
    up = folder
    steps = 0
    while not path.is_relative_to(up):
        up, steps = up.parent, steps + 1
    return "../" * steps + path.relative_to(up).as_posix(), ""


def _described(file: Path, path: str, format: str, columns: dict[str, str]) -> RowsFile:
    with refusals(file), file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        size = file.stat().st_size
    return RowsFile(path=path, format=format, size=size, sha256=digest, columns=columns)


def _snapshot(frame: pl.DataFrame, folder: Path, why: str) -> RowsFile:
    """Write the rows as parquet, under a name that tells the content, in one step."""
    names = _names(frame.columns)
    part = temporary(folder / "rows.parquet").with_suffix(".parquet")
    try:
        write(_exact(frame).rename(names), part)
        found = _described(part, part.name, _PARQUET, names)
        name = f"rows-{found.sha256[:12]}.parquet"
        with refusals(folder):
            part.replace(folder / name)
            sync_folder(folder)
    finally:
        part.unlink(missing_ok=True)
    return RowsFile(
        path=name, format=_PARQUET, size=found.size, sha256=found.sha256, columns=names, why=why
    )


def _names(columns: list[str]) -> dict[str, str]:
    """Return names for the columns of a snapshot; only those that readers cannot take change."""
    names = {name: name for name in columns}
    for name in _taken(columns):
        new = f"column {columns.index(name) + 1}"
        while new in columns:
            new += "_"
        names[name] = new
    return names


def _exact(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with types that readers bring back as they are.

    Whole numbers with gaps are read as floats, so those that no float holds go as digits.
    """
    digits = [
        pl.col(series.name).cast(pl.String)
        for series in frame.get_columns()
        if series.dtype == pl.Int64 and series.null_count() and _beyond_floats(series)
    ]
    other = [
        pl.col(name).cast(pl.String)
        for name, dtype in frame.schema.items()
        if dtype not in (pl.Int64, pl.Float64, pl.Boolean, pl.String, pl.Datetime("us"))
    ]
    return frame.with_columns(digits + other)


def _beyond_floats(series: pl.Series) -> bool:
    return bool(((series > _EXACT) | (series < -_EXACT)).any())


def _differs(path: Path, format: str, frame: pl.DataFrame) -> str:
    """Return what is other when a file is read in the plain way, or ""."""
    try:
        import pandas as pd
    except ImportError:
        return "pandas is not installed, to compare with"
    readers: dict[str, Callable[..., Any]] = {
        _CSV: pd.read_csv,
        _TSV: lambda file: pd.read_csv(file, sep="\t"),
        _PARQUET: pd.read_parquet,
    }
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # mixed types in a column show below
            plain = readers[format](file)
    except (ValueError, OSError, TypeError, LookupError, ArithmeticError) as error:
        return f"a plain reader cannot read the file ({type(error).__name__})"
    if list(plain.columns) != frame.columns or _taken(frame.columns):
        return "a plain reader finds other columns"
    if len(plain) != frame.height:
        return f"a plain reader finds {len(plain):,} rows instead of {frame.height:,}"
    for name in frame.columns:
        if not _same(plain[name], frame[name]):
            return f"a plain reader finds other values in column {name!r}"
    return ""


def _taken(columns: list[str]) -> set[str]:
    """Return the names that columns cannot have, for readers could not ask for them."""
    return {""} & set(columns) | ({_ADDED[1]} if set(_ADDED) <= set(columns) else set())


def _same(plain: Any, series: pl.Series) -> bool:
    """Say whether a column of pandas, cast as the document declares it, is that of the table."""
    absent = plain.isna().to_numpy()
    if not np.array_equal(absent, series.is_null().to_numpy()):
        return False
    there, wanted = plain[~absent], series.drop_nulls()
    kind = plain.dtype.kind if isinstance(plain.dtype, np.dtype) else "O"
    if series.dtype == pl.Boolean:
        if kind != "b" and not all(isinstance(value, bool) for value in there):
            return False
        return [bool(value) for value in there] == wanted.to_list()
    if series.dtype.is_numeric():
        return kind in "iuf" and _same_numbers(there.to_numpy(), wanted)
    if series.dtype == pl.Datetime("us"):
        return _same_times(there, wanted)
    return [value if isinstance(value, str) else str(value) for value in there] == wanted.to_list()


def _same_numbers(plain: npt.NDArray[Any], wanted: pl.Series) -> bool:
    there = wanted.to_numpy()
    if wanted.dtype == pl.Int64:
        if plain.dtype.kind == "f" and _beyond_floats(wanted):
            return False
        whole = plain.astype(np.int64)
        return bool(np.array_equal(whole, plain) and np.array_equal(whole, there))
    return bool(np.allclose(plain, there, rtol=_LAST_BIT, atol=0.0))


def _same_times(plain: Any, wanted: pl.Series) -> bool:
    import pandas as pd

    if plain.dtype.kind in "biuf":
        return False
    try:
        known = {value: pd.Timestamp(value) for value in plain.unique()}
    except (ValueError, TypeError):
        return False
    found = [known[value] for value in plain]
    if any(stamp.tzinfo is not None or stamp.nanosecond for stamp in known.values()):
        return False
    return [stamp.to_pydatetime() for stamp in found] == wanted.to_list()
