"""Columns that come with types of their own (parquet, Delta) into the types of the house."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from evermodel.project import Repair
from evermodel.records import ColumnType
from evermodel.tables.convert import in_codes
from evermodel.tables.raw import RawBatch
from evermodel.tables.understanding import ColumnReading

__all__ = ["as_raw", "normalise", "type_of", "written"]

_EXACT = 2.0**53


def normalise(series: pl.Series) -> tuple[pl.Series, ColumnType]:
    """Return values as Int64, Float64, Boolean, Datetime("us") or String, and their column type.

    NaN becomes null, times with a zone become UTC without one, durations become seconds, and
    nested values become their text.

    Examples
    --------
    >>> values, type = normalise(pl.Series([1.0, float("nan")]))
    >>> values.to_list(), type
    ([1.0, None], 'number')
    """
    kind = series.dtype
    if kind.is_integer():
        fits = series.cast(pl.Int64, strict=False)
        exact = fits.null_count() == series.null_count()
        return (fits if exact else series.cast(pl.Float64)), "number"
    if kind.is_float() or kind.is_decimal():
        return series.cast(pl.Float64).fill_nan(None), "number"
    if kind == pl.Boolean:
        return series, "boolean"
    if isinstance(kind, pl.Datetime):
        if kind.time_zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return series.cast(pl.Datetime("us")), "timestamp"
    if kind == pl.Date:
        return series.cast(pl.Datetime("us")), "timestamp"
    if kind == pl.Duration:
        return series.dt.total_microseconds() / 1e6, "number"
    return _as_text(series), "category"


def type_of(series: pl.Series) -> ColumnType:
    """Return the column type of values that `normalise` returned."""
    if series.dtype == pl.Boolean:
        return "boolean"
    if isinstance(series.dtype, pl.Datetime):
        return "timestamp"
    return "number" if series.dtype.is_numeric() else "category"


def _as_text(series: pl.Series) -> pl.Series:
    if series.dtype == pl.Binary:
        return series.bin.encode("hex")
    if series.dtype.is_nested() or series.dtype == pl.Object:
        texts = [None if value is None else str(value) for value in series.to_list()]
        return pl.Series(series.name, texts, dtype=pl.String)
    return series.cast(pl.String)


def as_raw(
    frame: pl.DataFrame,
    repairs: Mapping[str, Repair],
    forced: Mapping[str, ColumnType],
    missing: tuple[str, ...] = (),
    *,
    first_row: int = 1,
) -> tuple[RawBatch, dict[str, pl.Series]]:
    """Divide a frame into texts that await a type, and columns that keep the one they have.

    Codes for "missing", those of a repair and those of all columns (`missing`), become null in
    columns that keep their type.
    """
    texts: list[pl.Series] = []
    kinds = {}
    done: dict[str, pl.Series] = {}
    for series in frame.get_columns():
        values, kind = normalise(series)
        told = forced.get(series.name)
        repair = repairs.get(series.name)
        changed = repair is not None and bool(repair.strip or repair.map)
        if told == "number" and kind == "boolean":
            values, kind = values.cast(pl.Int64), "number"
        if values.dtype == pl.String:
            texts.append(values)
            kinds[series.name] = frozenset({"text"})
        elif changed or (told is not None and told != kind):
            texts.append(written(values))
        else:
            words = (*missing, *(repair.missing if repair is not None else ()))
            done[series.name] = _without_codes(values, words, kind) if words else values
    rows = np.arange(first_row, first_row + len(frame))
    return RawBatch(pl.DataFrame(texts), rows, (), kinds, tuple(frame.columns)), done


def written(values: pl.Series) -> pl.Series:
    """Return values as the texts that a repair is declared for: 7.0 is 7, as in a file of texts.

    Examples
    --------
    >>> written(pl.Series([7.0, 1.5, None])).to_list()
    ['7', '1.5', None]
    """
    values = normalise(values)[0]
    if not values.dtype.is_float():
        return values.cast(pl.String)
    whole = values.cast(pl.Int64, strict=False)
    exact = (whole.cast(pl.Float64) == values) & (values.abs() < _EXACT)
    return values.cast(pl.String).zip_with(~exact.fill_null(False), whole.cast(pl.String))


def _without_codes(values: pl.Series, words: tuple[str, ...], kind: ColumnType) -> pl.Series:
    if kind in ("number", "timestamp"):
        how = ColumnReading(name=values.name, type=kind)
        return values.set(in_codes(values, words, how), None)
    return values.set(values.cast(pl.String).is_in(list(words)).fill_null(False), None)
