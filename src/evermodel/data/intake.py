"""One way in for tables that were read and for polars frames made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl

from evermodel.errors import DataError
from evermodel.tables.typed import normalise

__all__ = ["Intake", "average", "extremes", "numbers", "row_text", "take"]


class Intake(msgspec.Struct, frozen=True, kw_only=True):
    """A frame with what the reader understood; `missing` counts the rows of each word by column."""

    frame: pl.DataFrame
    missing: dict[str, dict[str, int]]
    understood: Any = None

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.frame.height


def take(table: Any) -> Intake:
    """Return a table or frame as one shape: plain texts, numbers, booleans and timestamps.

    Examples
    --------
    >>> take(pl.DataFrame({"a": [1, 2]})).rows
    2

    Raises
    ------
    DataError
        When it has no columns, or is no table at all.
    """
    frame = table if isinstance(table, pl.DataFrame) else getattr(table, "frame", None)
    if not isinstance(frame, pl.DataFrame):
        raise DataError(
            "this is not a table",
            found=type(table).__name__,
            hint="give a polars DataFrame or what tables.read returns",
        )
    if not frame.columns:
        raise DataError("the table has no columns", hint="check the separator and the header")
    understood = getattr(table, "understood", None)
    missing = getattr(understood, "missing", {})
    nested = [normalise(one)[0] for one in frame.get_columns() if one.dtype.is_nested()]
    plain = frame.with_columns(nested)
    return Intake(
        frame=plain.with_columns(_plain(plain)), missing=dict(missing), understood=understood
    )


def _plain(frame: pl.DataFrame) -> list[pl.Expr]:
    """Return the casts that bring the types of a hand-made frame to those of a read one."""
    casts = []
    for name, dtype in frame.schema.items():
        if dtype in (pl.Categorical, pl.Enum):
            casts.append(pl.col(name).cast(pl.String))
        elif dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype != pl.Datetime("us")):
            casts.append(_naive(name, dtype))
        elif dtype.is_decimal() or dtype == pl.Float32:
            casts.append(pl.col(name).cast(pl.Float64))
        elif dtype == pl.Float64:
            casts.append(pl.col(name).fill_nan(None))
        elif dtype.is_integer() and dtype != pl.Int64:
            casts.append(pl.col(name).cast(pl.Int64, strict=False))
    return casts


def _naive(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column.cast(pl.Datetime("us"))


def numbers(series: pl.Series) -> pl.Series:
    """Return a text column as numbers, null where a value is none; numbers come back as they are.

    Examples
    --------
    >>> numbers(pl.Series(["1", " 2.5 ", "NA"])).to_list()
    [1.0, 2.5, None]
    """
    if series.dtype == pl.String:
        return series.str.strip_chars().cast(pl.Float64, strict=False).fill_nan(None)
    return series.cast(pl.Float64, strict=False).fill_nan(None)


def extremes(series: pl.Series) -> tuple[float, float]:
    """Return the least and the greatest known value as floats; nan where there is none.

    Examples
    --------
    >>> extremes(pl.Series([3, None, 1]))
    (1.0, 3.0)
    """
    known = series.drop_nulls().cast(pl.Float64).to_numpy()
    return (float(known.min()), float(known.max())) if known.size else (np.nan, np.nan)


def average(series: pl.Series) -> float:
    """Return the mean of the known values (of booleans: the share that is true); 0 where none is.

    Examples
    --------
    >>> average(pl.Series([True, False, None]))
    0.5
    """
    known = series.drop_nulls().cast(pl.Float64).to_numpy()
    return float(known.mean()) if known.size else 0.0


def row_text(row: Sequence[Any]) -> str:
    """Return a row as a person reads it, as far as an example needs.

    Examples
    --------
    >>> row_text(("K0009", 4.5, None, "Bonn"))
    'K0009, 4.5, , Bonn'
    """
    return ", ".join("" if cell is None else str(cell) for cell in row)[:120]
