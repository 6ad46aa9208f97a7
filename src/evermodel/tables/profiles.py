"""Profiles: small summaries of columns that can be stored and compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import polars as pl

from evermodel.errors import DataError
from evermodel.records import ColumnType, Record

__all__ = ["ColumnProfile", "Profile", "profile"]

BINS = 20
TOP_VALUES = 100
_SAMPLE = 100_000
_FEW = 1_000  # distinct numbers up to about here are counted exactly
_CACHED = 32_768


class ColumnProfile(Record, frozen=True, kw_only=True):
    """Summary of one column.

    Numbers are summarised as they are, timestamps as seconds since 1970 (UTC), texts by their
    length in characters. `edges` are the inner edges of bins of about equal mass; bin i counts
    ``edges[i-1] < value <= edges[i]``, so `counts` has one entry more than `edges`. Categories and
    booleans ("true", "false") have `values`, the most frequent first, their `value_counts`, and in
    `other` the rows of all further values. A profile made `like` another counts in `below` and
    `above` the rows under its `minimum` and over its `maximum`, which the outermost bins hold too;
    `distinct` is known only of one made without, and so is `heap`, the rows of the most frequent
    number; not of streamed numbers that are too many to be known one by one.
    """

    name: str
    type: ColumnType
    rows: int
    missing: int
    distinct: int | None = None
    heap: int | None = None
    mean: float | None = None
    sd: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    below: int = 0
    above: int = 0
    values: tuple[str, ...] = ()
    value_counts: tuple[int, ...] = ()
    other: int = 0

    @property
    def present(self) -> int:
        """The number of rows that have a value."""
        return self.rows - self.missing


class Profile(Record, frozen=True, kw_only=True):
    """Summaries of the columns of a table, in order."""

    rows: int
    columns: tuple[ColumnProfile, ...]

    def __getitem__(self, name: str) -> ColumnProfile:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(column.name == name for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)


def profile(
    frame: pl.DataFrame, types: Mapping[str, ColumnType], *, like: Profile | None = None
) -> Profile:
    """Return the profile of the columns named in `types`.

    Parameters
    ----------
    frame : polars.DataFrame
        Values as the reader types them.
    types : mapping of str to ColumnType
        The columns to summarise, and as what.
    like : Profile, optional
        A reference whose bins and values are used where it has the column, so that the two
        profiles can be compared.

    Examples
    --------
    >>> table = pl.DataFrame({"plan": ["a", "b", "a", None], "age": [1.0, 2.0, 3.0, 4.0]})
    >>> found = profile(table, {"plan": "category", "age": "number"})
    >>> found["plan"].values, found["plan"].missing, found["age"].mean
    (('a', 'b'), 1, 2.5)

    Raises
    ------
    DataError
        When a column is not in the table or not of its type.
    """
    columns = []
    for name, kind in types.items():
        if name not in frame.columns:
            what = f"column {name!r} is not in the table"
            raise DataError(what, found=", ".join(frame.columns[:20]))
        past = like[name] if like is not None and name in like else None
        if past is not None and past.type != kind:
            what = f"column {name!r} is a {kind} and was a {past.type} in the reference"
            raise DataError(what, hint="read both with the same types")
        if kind in ("category", "boolean"):
            columns.append(_of_words(frame[name], kind, past))
        else:
            columns.append(_of_numbers(frame[name], kind, past))
    return Profile(rows=frame.height, columns=tuple(columns))


def _of_words(series: pl.Series, kind: ColumnType, past: ColumnProfile | None) -> ColumnProfile:
    missing = series.null_count()
    counted = _counted(series.drop_nulls() if missing else series)
    if past is None:
        top = counted.sort(["rows", "word"], descending=[True, False]).head(TOP_VALUES)
        values = tuple(top["word"].to_list())
        counts = tuple(top["rows"].to_list())
    else:
        values = past.values
        known = dict(counted.filter(pl.col("word").is_in(list(values))).iter_rows())
        counts = tuple(known.get(word, 0) for word in values)
    return ColumnProfile(
        name=series.name,
        type=kind,
        rows=len(series),
        missing=missing,
        distinct=counted.height if past is None else None,
        values=values,
        value_counts=counts,
        other=len(series) - missing - sum(counts),
    )


def _counted(present: pl.Series) -> pl.DataFrame:
    """Return each distinct word with its rows."""
    if present.dtype == pl.Boolean:
        yes = int(present.sum())
        rows = {"true": yes, "false": len(present) - yes}
        found = {word: count for word, count in rows.items() if count}
        return pl.DataFrame(
            {"word": list(found), "rows": list(found.values())},
            schema={"word": pl.String, "rows": pl.UInt32},
        )
    return present.cast(pl.String).alias("word").value_counts(name="rows")


def _of_numbers(series: pl.Series, kind: ColumnType, past: ColumnProfile | None) -> ColumnProfile:
    numbers = _as_numbers(series, kind)
    present = numbers.drop_nulls() if numbers.null_count() else numbers
    if not len(present):
        edges = past.edges if past is not None else ()
        return ColumnProfile(
            name=series.name,
            type=kind,
            rows=len(series),
            missing=len(series),
            distinct=0 if past is None else None,
            edges=edges,
            counts=(0,) * (len(edges) + 1),
        )
    edges = past.edges if past is not None else _edges(present)
    below, above = _outside(present, past)
    distinct = heap = None
    if past is None:
        heap = int(cast("int", present.unique_counts().max()))
        distinct = min(cast("int", present.approx_n_unique()), len(present))
        if distinct < _FEW:
            distinct = present.n_unique()
    return ColumnProfile(
        name=series.name,
        type=kind,
        rows=len(series),
        missing=len(series) - len(present),
        distinct=distinct,
        heap=heap,
        mean=_real(present.mean()),
        sd=_real(present.std(ddof=0)),
        minimum=_real(present.min()),
        maximum=_real(present.max()),
        edges=edges,
        counts=_count(present, edges),
        below=below,
        above=above,
    )


def _outside(present: pl.Series, past: ColumnProfile | None) -> tuple[int, int]:
    """Return the rows below and above all that the reference had."""
    if past is None:
        return 0, 0
    below = 0 if past.minimum is None else int((present < past.minimum).sum())
    above = 0 if past.maximum is None else int((present > past.maximum).sum())
    return below, above


def _as_numbers(series: pl.Series, kind: ColumnType) -> pl.Series:
    if kind == "text" and series.dtype == pl.String:
        return series.str.len_chars().cast(pl.Float64)
    if kind == "timestamp" and isinstance(series.dtype, pl.Datetime):
        return series.dt.timestamp("us") / 1e6
    if kind == "number" and (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        return series.cast(pl.Float64).fill_nan(None)
    if series.null_count() == len(series):
        return series.cast(pl.Float64, strict=False)
    what = f"column {series.name!r} is not a {kind}"
    raise DataError(what, found=str(series.dtype), hint="read it with that type")


def _real(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None


def _edges(present: pl.Series) -> tuple[float, ...]:
    values = present.to_numpy()
    if len(values) > _SAMPLE:
        # Rows at random and not every k-th: a regular stride would follow seasons.
        values = values[np.random.default_rng(0).integers(0, len(values), _SAMPLE)]
    values = np.sort(values[np.isfinite(values)])
    if not len(values):
        return ()
    places = np.ceil(np.arange(1, BINS) / BINS * len(values)).astype(np.int64) - 1
    edges = values[places]
    # A heap of equal values ends its bin; an edge below it keeps out what comes before.
    heaps = np.unique(edges[1:][edges[1:] == edges[:-1]])
    first = np.searchsorted(values, heaps, "left")
    edges = np.unique(np.r_[edges, values[first[first > 0] - 1]])
    return tuple(edges[edges < values[-1]].tolist())


def _count(present: pl.Series, edges: tuple[float, ...]) -> tuple[int, ...]:
    """Return the rows in each bin.

    Comparing with every edge while the values are in the cache beats any search for the bin.
    """
    values = present.to_numpy()
    if not edges:
        return (len(values),)
    below = np.zeros(len(edges), np.int64)
    for start in range(0, len(values), _CACHED):
        part = values[start : start + _CACHED]
        below += [np.count_nonzero(part <= edge) for edge in edges]
    return tuple(np.diff(below, prepend=0, append=len(values)).tolist())
