"""The groups of a column: its values, or bands of its numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from evermodel.data.target import labels
from evermodel.errors import DataError, InputError, nearest

__all__ = ["banded", "column", "group_edges", "grouped", "quantile_edges", "read_bands"]

Edges = tuple[float, ...]

_MOST_CODES = 20  # whole numbers of no more values than this are codes, such as 1 and 2 for a sex
_MOST_GROUPS = 1000
_BANDS = 5
_NUMBER = r"(\d+(?:\.\d+)?)"
_WHOLE = re.compile(rf"{_NUMBER}\s*(?:-|\u2013|to)\s*(under\s+)?{_NUMBER}")
_FIRST = re.compile(rf"(?:<|under|below|less than)\s*{_NUMBER}")
_LAST = re.compile(rf"(?:>=\s*)?{_NUMBER}\s*(?:\+|and over|and above|and older|or more)?")


def column(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return the column of that name.

    Examples
    --------
    >>> column(pl.DataFrame({"age": [31]}), "age").to_list()
    [31]

    Raises
    ------
    DataError
        When there is none; it names one that is written alike.
    """
    if name not in frame.columns:
        word = nearest(name, frame.columns)
        raise DataError(
            f"the column {name!r} is not in the table",
            found=", ".join(frame.columns[:20]),
            hint=f"did you mean {word!r}?" if word else "",
        )
    return frame[name]


def quantile_edges(
    series: pl.Series, weight: pl.Series | None = None, *, bands: int = _BANDS
) -> Edges:
    """Return the inner edges of bands that hold about equally many rows (or as much weight).

    Examples
    --------
    >>> quantile_edges(pl.Series(range(100)))
    (20.0, 40.0, 60.0, 80.0)
    """
    known = series.is_not_null()
    values = series.filter(known).cast(pl.Float64).to_numpy()
    if not values.size:
        return ()
    mass = np.ones(values.size) if weight is None else weight.filter(known).to_numpy()
    order = np.argsort(values, kind="stable")
    upto = mass[order].cumsum() / mass.sum()
    places = np.searchsorted(upto, np.arange(1, bands) / bands + 1e-12)
    edges = np.unique(values[order][np.minimum(places, values.size - 1)])
    return tuple(edges[edges > values.min()].tolist())


def banded(series: pl.Series, edges: Sequence[float]) -> pl.Series:
    """Return the name of the band of each number; a number on an edge belongs above it.

    Examples
    --------
    >>> banded(pl.Series([17, 25, 70, None]), [25, 65]).to_list()
    ['under 25', '25 to 64', '65 and over', None]

    Raises
    ------
    InputError
        When the edges do not rise.
    """
    if not edges or any(low >= high for low, high in pairwise(edges)):
        raise InputError(f"the edges of {series.name!r} have to rise", found=str(list(edges)))
    whole = series.dtype.is_integer() and all(float(edge).is_integer() for edge in edges)
    names = [f"under {edges[0]:g}"]
    for low, high in pairwise(edges):
        names.append(f"{low:g} to {high - 1:g}" if whole else f"{low:g} to under {high:g}")
    names.append(f"{edges[-1]:g} and over")
    return _placed(series, edges, names)


def _placed(series: pl.Series, edges: Sequence[float], names: Sequence[str]) -> pl.Series:
    values = series.cast(pl.Float64)
    place = np.searchsorted(np.asarray(edges), values.fill_null(0.0).to_numpy(), "right")
    found = pl.Series(series.name, np.asarray(names, dtype=object)[place].tolist(), pl.String)
    return found.set(values.is_null(), None)


def group_edges(
    columns: Sequence[str],
    frame: pl.DataFrame,
    like: pl.DataFrame | None = None,
    *,
    weight: str = "",
    edges: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, Edges]:
    """Return the edges of those columns that are to be banded: the user's, or quantiles of `like`.

    Examples
    --------
    >>> table = pl.DataFrame({"age": range(100), "sex": [1, 2] * 50})
    >>> group_edges(["age", "sex"], table)
    {'age': (20.0, 40.0, 60.0, 80.0)}

    Raises
    ------
    DataError
        When a column is not there.
    """
    source = frame if like is None else like
    found: dict[str, Edges] = {}
    for name in columns:
        for table in (frame, source):
            column(table, name)
        if name in (edges or {}):
            found[name] = tuple(float(edge) for edge in (edges or {})[name])
        elif source[name].dtype.is_numeric() and source[name].n_unique() > _MOST_CODES:
            mass = source[weight] if weight else None
            found[name] = quantile_edges(source[name], mass)
    return found


def grouped(series: pl.Series, edges: Sequence[float] = ()) -> pl.Series:
    """Return the group of each row as a text; null where it is not known.

    Examples
    --------
    >>> grouped(pl.Series([1.0, 2.0, None])).to_list()
    ['1', '2', None]

    Raises
    ------
    DataError
        When nearly every row would be a group of its own, or numbers are asked of words.
    """
    if edges:
        if not series.dtype.is_numeric():
            raise DataError(f"{series.name!r} has no numbers to make bands of")
        return banded(series, edges)
    words = labels(series).str.strip_chars()
    words = words.set(words == "", None)
    if words.n_unique() > _MOST_GROUPS:
        raise DataError(
            f"the column {series.name!r} has too many values to be groups",
            found=f"{words.n_unique():,} values",
            hint="name a column of groups, such as a region or a band of age",
        )
    return words


def read_bands(series: pl.Series, names: Sequence[str]) -> pl.Series | None:
    """Return numbers under the band names of a table such as a census's; None where they are none.

    Examples
    --------
    >>> read_bands(pl.Series([17, 30, 80]), ["18-64", "65+", "under 18"]).to_list()
    ['under 18', '18-64', '65+']
    """
    found: list[tuple[float, float, str]] = []
    for name in names:
        text = name.strip().lower()
        if match := _FIRST.fullmatch(text):
            found.append((-np.inf, float(match[1]), name))
        elif match := _WHOLE.fullmatch(text):
            upper = float(match[3]) + (0.0 if match[2] else 1.0)
            found.append((float(match[1]), upper, name))
        elif (match := _LAST.fullmatch(text)) and not text.replace(".", "").isdigit():
            found.append((float(match[1]), np.inf, name))
        else:
            return None
    found.sort()
    if len(found) < 2 or any(one[1] != two[0] for one, two in pairwise(found)):
        return None
    placed = _placed(series, [low for low, *_ in found[1:]], [name for *_, name in found])
    values = series.cast(pl.Float64)
    return placed.set((values < found[0][0]) | (values >= found[-1][1]), None)
