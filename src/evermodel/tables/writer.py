"""Write tables as CSV or parquet: streamed, and either whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

import polars as pl

from evermodel.errors import DataError, SurroundingsError
from evermodel.store.durable import sync_folder
from evermodel.tables.understanding import Understanding

__all__ = ["write"]

_FORMULA = r"^[=+\-@\t\r]"


def write(
    frame_or_batches: pl.DataFrame | Iterable[pl.DataFrame],
    path: str | Path,
    *,
    spreadsheet_safe: bool = False,
    like: Understanding | None = None,
) -> int:
    r"""Write a table to a CSV, TSV or parquet file, by its suffix, and return its rows.

    The file appears under its name when all of it is on the disk; before that, the older file of
    that name stays.

    Parameters
    ----------
    frame_or_batches : polars.DataFrame or iterable of polars.DataFrame
        The table, or its parts with the same columns.
    path : str or Path
        Where to; ``.csv``, ``.tsv`` or ``.parquet``.
    spreadsheet_safe : bool
        Put an apostrophe before texts that a spreadsheet would run as a formula.
    like : Understanding, optional
        How a text was read whose separator and decimal comma a ``.csv`` is to have. What was not
        in UTF-8 gets a byte order mark, by which spreadsheet programs know that this is.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "out.csv"
    >>> write(pl.DataFrame({"a": ["=1+1"]}), path, spreadsheet_safe=True)
    1
    >>> path.read_text()
    "a\n'=1+1\n"

    Raises
    ------
    DataError
        When the suffix names no format, or there is nothing to write.
    SurroundingsError
        When the disk is full or the folder cannot be written to.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".parquet", ".pq"):
        hint = "name it .csv or .parquet"
        raise DataError("the format to write is not known", where=str(path), hint=hint)
    batches = [frame_or_batches] if isinstance(frame_or_batches, pl.DataFrame) else frame_or_batches
    if spreadsheet_safe and suffix in (".csv", ".tsv"):
        batches = map(_without_formulas, batches)
    try:
        return _write_whole(batches, path, _Style.of(suffix, like))
    except OSError as error:
        what = "the file cannot be written"
        hint = "free disk space or choose another folder"
        found = error.strerror or str(error)
        raise SurroundingsError(what, where=str(path), found=found, hint=hint) from None


@dataclass(frozen=True, slots=True)
class _Style:
    """How a text is written; without a separator it is a parquet file."""

    separator: str = ","
    comma: bool = False
    mark: bool = False

    @classmethod
    def of(cls, suffix: str, like: Understanding | None) -> _Style:
        if suffix not in (".csv", ".tsv"):
            return cls(separator="")
        if suffix == ".tsv" or like is None or like.separator not in (";", "\t", "|"):
            return cls(separator="\t" if suffix == ".tsv" else ",")
        mark = like.encoding.replace("_", "-").lower() not in ("", "utf-8")
        return cls(like.separator, comma=like.decimal == ",", mark=mark)


def _write_whole(batches: Iterable[pl.DataFrame], path: Path, style: _Style) -> int:
    """Write beside the file's place, and put it there when it is on the disk."""
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        with part.open("xb") as file:
            if style.separator:
                rows = _write_csv(batches, file, style)
            else:
                rows = _write_parquet(batches, file)
            if rows is None:
                raise DataError("there is nothing to write", where=str(path))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)
    return rows


def _write_csv(batches: Iterable[pl.DataFrame], file: IO[bytes], style: _Style) -> int | None:
    rows: int | None = None
    for batch in batches:
        batch.write_csv(
            file,
            include_header=rows is None,
            include_bom=rows is None and style.mark,
            separator=style.separator,
            decimal_comma=style.comma,
            datetime_format="%Y-%m-%d %H:%M:%S%.f",
        )
        rows = (rows or 0) + batch.height
    return rows


def _write_parquet(batches: Iterable[pl.DataFrame], file: IO[bytes]) -> int | None:
    import pyarrow.parquet as pq

    writer, rows = None, None
    try:
        for batch in batches:
            table = batch.to_arrow()
            if writer is None:
                writer = pq.ParquetWriter(file, table.schema, compression="zstd")
            writer.write_table(table.cast(writer.schema))
            rows = (rows or 0) + batch.height
    finally:
        if writer is not None:
            writer.close()
    return rows


def _without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    texts = pl.col(pl.String)
    safe = pl.when(texts.str.contains(_FORMULA)).then("'" + texts).otherwise(texts)
    return frame.with_columns(safe.name.keep())
