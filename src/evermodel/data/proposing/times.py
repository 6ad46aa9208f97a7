"""The time column: a real date, parts of a date, or the order of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import polars as pl

from evermodel.data.intake import extremes
from evermodel.data.naming import time_rank, words
from evermodel.project import ROW_ORDER
from evermodel.project.calendar import FIRST_YEAR

__all__ = ["TimeAdvice", "date_texts", "time_advice"]

_FORMATS = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ",
    "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M",
    "%d/%m/%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y", "%m/%d/%Y %H:%M", "%d-%m-%Y",
    "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f",
)  # fmt: skip
_PARTS = ("year", "month", "day", "hour", "minute")
_RANGES = {"year": (1800, 2200), "month": (1, 12), "day": (1, 31), "hour": (0, 24)}


class TimeAdvice(msgspec.Struct, frozen=True, kw_only=True):
    """The value of `time` with its reason; `others` are the other columns that hold times."""

    time: str = ""
    why: str = ""
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def date_texts(series: pl.Series) -> bool:
    """Say whether a text column holds dates.

    Examples
    --------
    >>> date_texts(pl.Series(["2011-01-01", "2011-01-02"])), date_texts(pl.Series(["a", "b"]))
    (True, False)
    """
    return bool(_form(series))


def _form(series: pl.Series) -> str:
    """Return the form in which nearly all texts of a column are dates, "" when there is none."""
    if series.dtype != pl.String:
        return ""
    some = series.drop_nulls().unique(maintain_order=True).head(300)
    if some.len() < 2 or extremes(some.str.len_chars())[1] > 40:
        return ""
    for form in _FORMATS:
        read = some.str.strip_chars().str.to_datetime(form, strict=False)
        if some.len() - read.null_count() >= 0.95 * some.len():
            return form
    return ""


def _stamps(series: pl.Series) -> pl.Series:
    form = _form(series)
    if not form:
        return series
    read = series.str.strip_chars().str.to_datetime(form, strict=False)
    year = read.dt.year()
    # As the reader takes them: 21 is 2021, not a year of antiquity.
    full = FIRST_YEAR + (year - FIRST_YEAR) % 100
    return read.dt.replace(year=full.zip_with((year < 100).fill_null(value=False), year))


def time_advice(columns: Mapping[str, pl.Series]) -> TimeAdvice:
    """Return which column tells when a row happened, if one does.

    Examples
    --------
    >>> when = pl.Series("when", ["2011-01-01", "2011-01-02", "2011-01-03"])
    >>> time_advice({"when": when}).time
    'when'
    """
    found = [n for n, s in columns.items() if s.dtype.is_temporal() or date_texts(s)]
    columns = {n: _stamps(s) if n in found else s for n, s in columns.items()}
    dates = [n for n in found if columns[n].dtype != pl.Time and columns[n].n_unique() > 2]
    fit = [n for n in dates if time_rank(n) < 2 and _present(columns[n]) >= 0.95]
    if fit:
        best = min(fit, key=lambda n: (time_rank(n), not _rises(columns[n]), fit.index(n)))
        low, high = columns[best].drop_nulls().sort().gather([0, -1]).to_list()
        order = "; the rows stand in its order" if _rises(columns[best]) else ""
        why = f"when a row happened, {low} to {high}{order}"
        return TimeAdvice(time=best, why=why, others=tuple(n for n in found if n != best))
    late = tuple(
        f"{name!r} holds dates, but "
        + ("is often missing" if _present(columns[name]) < 0.95 else "not of when a row happened")
        for name in dates
        if name not in fit
    )
    parts = _parts(columns)
    if parts and _parts_rise(columns, parts):
        why = f"the rows stand in the order of {', '.join(parts.values())}"
        return TimeAdvice(time=ROW_ORDER, why=why, others=tuple(found), notes=late)
    if parts:
        said = ", ".join(repr(name) for name in parts.values())
        late += (f"{said} tell the time in parts: join them into one column to learn in time",)
    return TimeAdvice(others=tuple(found), notes=late)


def _present(series: pl.Series) -> float:
    return 1.0 - series.null_count() / max(series.len(), 1)


def _rises(series: pl.Series) -> bool:
    return bool(series.drop_nulls().is_sorted())


def _parts(columns: Mapping[str, pl.Series]) -> dict[str, str]:
    """Return the columns that hold year, month and so on, when at least these two are there."""
    parts: dict[str, str] = {}
    for name, series in columns.items():
        named = words(name)
        if len(named) != 1 or named[0] not in _PARTS or not series.dtype.is_numeric():
            continue
        low, high = _RANGES.get(named[0], (0, 60))
        if series.null_count() == 0 and bool(series.is_between(low, high).all()):
            parts[named[0]] = name
    if not {"year", "month"} <= set(parts):
        return {}
    return {part: parts[part] for part in _PARTS if part in parts}


def _parts_rise(columns: Mapping[str, pl.Series], parts: Mapping[str, str]) -> bool:
    stamp = pl.Series([0] * columns[parts["year"]].len(), dtype=pl.Int64)
    for part, name in parts.items():
        scale = {"year": 1, "month": 13, "day": 32, "hour": 25, "minute": 61}[part]
        stamp = stamp * scale + columns[name].cast(pl.Int64)
    steps: Sequence[bool] = (stamp.diff().drop_nulls() >= 0).to_list()
    return sum(steps) >= 0.999 * len(steps)
