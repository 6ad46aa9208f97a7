"""A correction as a value of a column that has a type: exactly what was written, or none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation

import polars as pl

from evermodel.tables.typed import normalise

__all__ = ["corrected", "value_of"]

_OFFSET = "write its offset, such as 2026-01-31 10:00+01:00: the column has a time zone"


def value_of(text: str, kind: pl.DataType) -> object:
    """Return a text as a value for a column of this type; None where there is no text.

    A column of integers takes a number with decimals too, and holds such numbers from then on.
    Categories and all that is kept as text take any text.

    Raises
    ------
    ValueError
        With the reason, when it is none or is not kept as it is written.

    Examples
    --------
    >>> value_of("9007199254740993", pl.Int64()), value_of("b", pl.Categorical())
    (9007199254740993, 'b')
    >>> value_of("300", pl.UInt8())
    Traceback (most recent call last):
    ValueError: it does not fit into UInt8
    """
    if not (kind.is_numeric() or kind in (pl.Boolean, pl.Date, pl.Datetime, pl.Duration)):
        return text
    if not text.strip():
        return None
    try:
        value = _read(text.strip(), kind)
    except (KeyError, OverflowError, InvalidOperation):
        raise ValueError(f"the column holds {kind}") from None
    if kind.is_integer() and isinstance(value, float):
        return value
    try:
        kept = pl.Series([value], dtype=kind, strict=True)[0]
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        kept = None
    exact = kind.is_integer() or kind.is_decimal()
    if kept is None or (exact and kept != value) or (kind.is_float() and not math.isfinite(kept)):
        raise ValueError(f"it does not fit into {kind}")
    return value


def _read(text: str, kind: pl.DataType) -> object:
    if kind == pl.Boolean:
        return {"true": True, "false": False}[text.lower()]
    if kind in (pl.Date, pl.Datetime):
        return _moment(text, kind)
    if "_" in text:
        raise ValueError(f"the column holds {kind}")
    if kind.is_decimal():
        return Decimal(text)
    if kind.is_integer():
        try:
            return int(text)
        except ValueError:
            pass
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"the column holds {kind}") from None
    if not math.isfinite(value):
        raise ValueError(f"no number: the column holds {kind}")
    if kind == pl.Duration:
        return timedelta(seconds=value)
    return int(value) if kind.is_integer() and value.is_integer() else value


def _moment(text: str, kind: pl.DataType) -> object:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"the column holds {kind}, such as 2026-01-31 10:00") from None
    zone = kind.time_zone if isinstance(kind, pl.Datetime) else None
    if zone is not None and moment.tzinfo is None:
        # The sheet shows it in UTC, and who knows the column may mean its own clock.
        raise ValueError(_OFFSET)
    if zone is None and moment.tzinfo is not None:
        raise ValueError("it has an offset: the column has no time zone")
    if kind != pl.Date:
        return moment
    if moment.time() != time():
        raise ValueError("it has a time: the column holds days")
    return moment.date()


def corrected(series: pl.Series, values: Mapping[int, object]) -> pl.Series:
    """Return a column with values that `value_of` returned, by their rows.

    Raises
    ------
    ValueError
        When another value of the column would change with it.
    """
    kind = series.dtype
    if any(isinstance(value, str) for value in values.values()):
        # Of categories a new one is none yet.
        series = series if kind == pl.String else normalise(series)[0]
    elif kind.is_integer() and any(isinstance(value, float) for value in values.values()):
        real = series.cast(pl.Float64)
        if not real.cast(kind, strict=False).equals(series):
            raise ValueError("the column holds integers that no number with decimals stands for")
        series = real
    new = pl.Series(series.name, list(values.values()), dtype=series.dtype, strict=True)
    return series.scatter(list(values), new)
