"""The two sides of a comparison of groups: the data, and the people they are to speak for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from evermodel.data.bands import banded, column, group_edges, grouped, read_bands
from evermodel.data.groups.intervals import Sample, kish, worth
from evermodel.data.intake import take
from evermodel.errors import DataError

__all__ = ["Grouped", "Side", "both", "side"]

_SHARE = "share"
_FEWEST_CLUSTERS = 20


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two sides: the share of each group and what it is worth, for one or two columns.

    `words` are the groups as this side spells them; keys are without case and blanks.
    """

    shares: dict[tuple[str, ...], Sample]
    words: dict[tuple[str, ...], tuple[str, ...]]
    rows: int
    unknown: float = 0.0
    effect: float = 1.0


class Grouped(msgspec.Struct, frozen=True, kw_only=True):
    """The groups of each row; `exact` is a table of shares, where rows are not a sample."""

    groups: pl.DataFrame
    weight: pl.Series | None = None
    cluster: pl.Series | None = None
    exact: bool = False


def both(
    frame: Any,
    columns: Sequence[str],
    reference: Any,
    *,
    weights: tuple[str, str] = ("", ""),
    cluster: str = "",
    edges: Mapping[str, Sequence[float]] | None = None,
) -> tuple[Grouped, Grouped]:
    """Return the rows of the data and of the reference as groups, numbers in the same bands.

    A reference of just the columns and `share` is known without error; any other is a sample.

    Examples
    --------
    >>> census = pl.DataFrame({"sex": ["f", "m"], "share": [51, 49]})
    >>> data, people = both(pl.DataFrame({"sex": ["f", "m", "m"]}), ["sex"], census)
    >>> data.exact, people.exact, people.weight.to_list()
    (False, True, [0.51, 0.49])

    Raises
    ------
    DataError
        When a column is missing on one side, or shares or weights are none.
    """
    data, other = take(frame).frame, _reference(reference)
    known = _SHARE in other.columns and set(other.columns) <= {*columns, _SHARE}
    own_weight, other_weight = weights
    if known:
        other_weight, other = _SHARE, _whole_shares(other)
    for name in columns:
        for table in (data, other):
            column(table, name)
    banding = {} if known else group_edges(columns, data, other, weight=other_weight, edges=edges)
    here = Grouped(
        groups=_groups(data, columns, banding, other if known else None),
        weight=_weights(data, own_weight),
        cluster=column(data, cluster) if cluster else None,
    )
    there = Grouped(
        groups=_groups(other, columns, banding, None),
        weight=_weights(other, other_weight),
        exact=known,
    )
    return here, there


def _reference(reference: Any) -> pl.DataFrame:
    if isinstance(reference, (str, Path)):
        from evermodel.tables import read

        reference = read(reference)
    return take(reference).frame


def _whole_shares(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with shares that add up to 1, from such as add up to 1 or 100."""
    given = table[_SHARE].cast(pl.Float64, strict=False)
    total = float(given.sum())
    wrong = given.null_count() > 0 or bool((given < 0).any())
    if wrong or not any(abs(total - whole) <= 0.02 * whole for whole in (1.0, 100.0)):
        raise DataError(
            "the shares of the reference have to be known and to add up to 1, or to 100",
            found=f"{total:g}",
            hint="one row for each group, with its share of all",
        )
    return table.with_columns((given / total).alias(_SHARE))


def _weights(frame: pl.DataFrame, name: str) -> pl.Series | None:
    if not name:
        return None
    found = column(frame, name).cast(pl.Float64, strict=False)
    if found.null_count() or bool((found < 0).any()) or not float(found.sum()) > 0:
        raise DataError(
            f"the weights {name!r} are to be known and not below 0",
            found=f"{found.null_count()} missing, {int((found < 0).sum())} below 0",
        )
    return found


def _groups(
    frame: pl.DataFrame,
    columns: Sequence[str],
    banding: Mapping[str, Sequence[float]],
    table: pl.DataFrame | None,
) -> pl.DataFrame:
    """Return each row's groups; in the bands of a table of shares where it has some."""
    found = []
    for name in columns:
        series = column(frame, name)
        if table is not None and series.dtype.is_numeric():
            bands = read_bands(series, grouped(column(table, name)).drop_nulls().unique().to_list())
            found.append(grouped(series) if bands is None else bands)
        elif name in banding:
            found.append(banded(series, banding[name]))
        else:
            found.append(grouped(series))
    return pl.DataFrame(found)


def _key(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(" ".join(word.split()).casefold() for word in words)


def side(table: Grouped, names: Sequence[str]) -> Side:
    """Return the shares of the groups that one or two columns make, and what they are worth.

    Examples
    --------
    >>> table = Grouped(groups=pl.DataFrame({"sex": ["f", "m", "m", None]}))
    >>> found = side(table, ["sex"])
    >>> found.rows, found.unknown, found.shares[("m",)]
    (3, 0.25, (0.6666666666666666, 3.0))

    Raises
    ------
    DataError
        When no row says its group.
    """
    rows = table.groups.select(names).with_columns(
        w=table.weight if table.weight is not None else pl.lit(1.0),
        c=table.cluster if table.cluster is not None else pl.lit(0),
    )
    whole = rows.drop_nulls([*names])
    if not whole.height:
        raise DataError(f"no row says its {' and '.join(names)}")
    # The groups of two columns as one text; the sign between them occurs in no table.
    joined = whole.select(pl.concat_str(list(names), separator="\x1f")).to_series()
    given = whole["w"] if table.weight is not None else None
    clusters = whole["c"] if table.cluster is not None else None
    found = worth(joined, weight=given, cluster=clusters)
    parts = {word: tuple(word.split("\x1f")) for word in found}
    merged: dict[tuple[str, ...], Sample] = {}
    for word, (share, size) in found.items():
        key = _key(parts[word])
        before = merged.get(key, (0.0, math.inf))
        merged[key] = (before[0] + share, math.inf if table.exact else min(size, before[1]))
    enough = clusters is None or clusters.n_unique() >= _FEWEST_CLUSTERS
    if not enough:
        merged = {key: (share, 0.0) for key, (share, _) in merged.items()}
    return Side(
        shares=merged,
        words={_key(words): words for words in parts.values()},
        rows=0 if table.exact else whole.height,
        unknown=1 - whole.height / rows.height,
        effect=1.0 if given is None or table.exact else kish(given.to_numpy()),
    )
