"""Cells that break what the rest of the table says: another value, or none, where one is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from evermodel.data.cells.claims import Claim
from evermodel.data.cells.columns import Bools, Ints, Values
from evermodel.data.cells.groups import Dependency, Grouping, grouping
from evermodel.data.cells.likeness import lookalike

__all__ = ["broken", "proven"]

_ERROR_OF_STRANGERS = 0.06
_ERROR_OF_REPEATS = 0.01
_MOST_REPEATS = 0.2
_MOST_PAIRS = 20_000
_EXPLAINS = 0.6
_MOST_LEVELS = 200


def broken(
    columns: Sequence[Values],
    found: Sequence[Dependency],
    claimed: Mapping[int, Bools] | None = None,
) -> list[Claim]:
    """Return the cells that break a dependency, with the value that the other rows have.

    `claimed` says of columns in which rows the value is known to be wrong, and so says nothing.
    A cell is left in peace where another dependency says that it is right, where the group has no
    clear majority, or where a third column explains the exceptions (every row of one state, say).

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> from evermodel.data.cells.groups import dependencies
    >>> town = ["Bern", "Basel", "Chur", "Genf"] * 10
    >>> town[5] = "Baxel"
    >>> columns = read_columns(pl.DataFrame({"zip": ["1", "2", "3", "4"] * 10, "town": town}))
    >>> [(c.rows.tolist(), c.suggestions) for c in broken(columns, dependencies(columns))]
    [([5], ('Basel',))]
    """
    claims: list[Claim] = []
    for right, group in groupby(found, key=lambda one: one.right):
        ties = list(group)
        y = columns[right]
        keep = _unclaimed(y, claimed)
        told = [grouping(columns[one.left], y, keep) for one in ties]
        claims += _differing(columns, y, ties, told)
        claims += _absent(columns, y, ties, told)
    return claims


def _unclaimed(y: Values, claimed: Mapping[int, Bools] | None) -> Bools | None:
    """Return the rows whose value may speak; all of them where most would have to be silent."""
    wrong = (claimed or {}).get(y.place)
    return None if wrong is None or wrong.mean() > 0.5 else ~wrong


def _backed(y: Values, told: Sequence[Grouping]) -> Bools:
    """Return the rows whose own value some dependency confirms by other rows."""
    out = np.zeros(y.rows, dtype=np.bool_)
    for g in told:
        agrees = (g.usual == y.codes) & (g.most >= 2) & (g.most >= 2 * g.second)
        out |= agrees | ((g.same >= 2) & (g.same >= 0.3 * g.size))
    return out


def _differing(
    columns: Sequence[Values], y: Values, ties: Sequence[Dependency], told: Sequence[Grouping]
) -> list[Claim]:
    backed = _backed(y, told)
    alike: dict[tuple[int, int], bool] = {}
    open_rows = np.ones(y.rows, dtype=np.bool_)
    claims = []
    for tie, g in zip(ties, told, strict=True):
        off = (g.usual >= 0) & (g.usual != y.codes) & (y.codes != y.empty)
        rows = np.flatnonzero(off & ~backed & open_rows & (g.most >= 2 * g.same) & (g.most >= 2))
        if not rows.size:
            continue
        slips = _slips(y, rows, g, alike)
        firm = _firm(tie, g, rows, off)
        rows = rows[slips | firm]
        slips = slips[slips | firm]
        kept = ~_explained(columns, rows, off, skip=(tie.left, tie.right))
        rows, slips = rows[kept], slips[kept]
        open_rows[rows] = False
        share = g.most[rows] / np.maximum(1, g.size[rows])
        score = np.where(slips, 0.9, 0.75) + 0.09 * share * (1.0 - tie.error)
        x = columns[tie.left].name
        claims.append(
            Claim(
                place=y.place,
                rows=rows,
                score=score,
                kind="dependency",
                reason=f"Other rows with the same {x!r} have another value here.",
                suggestions=tuple(y.texts[g.usual[row]] for row in rows),
            )
        )
    return claims


def _slips(y: Values, rows: Ints, g: Grouping, alike: dict[tuple[int, int], bool]) -> Bools:
    """Return which of these rows hold a slip in writing the usual value."""
    out = np.zeros(rows.size, dtype=np.bool_)
    for i, row in enumerate(rows):
        pair = (int(y.codes[row]), int(g.usual[row]))
        if pair not in alike:
            if len(alike) >= _MOST_PAIRS:
                break
            # A value that is common elsewhere is a value of its own, however alike.
            common = y.counts[pair[0]] > max(3, 0.25 * y.counts[pair[1]])
            alike[pair] = not common and lookalike(y.texts[pair[0]], y.texts[pair[1]])
        out[i] = alike[pair]
    return out


def _firm(tie: Dependency, g: Grouping, rows: Ints, off: Bools) -> Bools:
    """Return in which rows the majority is so firm that any other value is a mistake.

    Mistakes fall alone; exceptions that repeat within a group are likely true.
    """
    repeats = float((g.same[off] >= 2).mean()) if off.any() else 0.0
    limit = _ERROR_OF_STRANGERS if repeats <= _MOST_REPEATS else _ERROR_OF_REPEATS
    if tie.slips_only or tie.error > limit:
        return np.zeros(rows.size, dtype=np.bool_)
    most, same, size = g.most[rows], g.same[rows], g.size[rows]
    firm: Bools = (most >= 4) & (most >= 8 * same) & (most >= 0.75 * size)
    return firm


def _explained(columns: Sequence[Values], rows: Ints, off: Bools, skip: tuple[int, int]) -> Bools:
    """Return which of these rows have a value in a third column that always breaks the rule."""
    out = np.zeros(rows.size, dtype=np.bool_)
    for z in columns:
        if z.place in skip or not 2 <= len(z.texts) <= _MOST_LEVELS:
            continue
        bad = np.bincount(z.codes[off], minlength=len(z.texts))
        always = (bad >= 3) & (bad >= _EXPLAINS * z.counts) & (z.counts < 0.5 * z.rows)
        if z.empty >= 0:
            always[z.empty] = False
        out |= always[z.codes[rows]]
    return out


def _absent(
    columns: Sequence[Values], y: Values, ties: Sequence[Dependency], told: Sequence[Grouping]
) -> list[Claim]:
    if y.empty < 0:
        return []
    claims = []
    open_rows = y.codes == y.empty
    # Where all rows of a group are empty, it is the group that has no value.
    for tie, g in zip(ties, told, strict=True):
        x = columns[tie.left]
        alone = (x.counts[x.codes] >= 2) & (g.size == 0) & (x.codes != x.empty)
        open_rows &= ~alone
    for tie, g in zip(ties, told, strict=True):
        least = 2 if tie.error <= _ERROR_OF_REPEATS else 3
        known = (g.usual >= 0) & (g.most >= least) & (g.most >= 0.8 * g.size)
        rows = np.flatnonzero(open_rows & known)
        if not rows.size:
            continue
        open_rows[rows] = False
        claims.append(
            Claim(
                place=y.place,
                rows=rows,
                score=0.8 + 0.15 * (1.0 - tie.error),
                kind="empty",
                reason=(
                    f"The cell is empty, and other rows with the same {columns[tie.left].name!r} "
                    "say what belongs here."
                ),
                suggestions=tuple(y.texts[g.usual[row]] for row in rows),
            )
        )
    return claims


def proven(column: Values, columns: Sequence[Values], ties: Sequence[Dependency]) -> Bools | None:
    """Return which distinct values other columns show to be right in some row; None: not known."""
    told = [grouping(columns[tie.left], column) for tie in ties if tie.right == column.place]
    if not told:
        return None
    out = np.zeros(len(column.texts), dtype=np.bool_)
    out[column.codes[_backed(column, told)]] = True
    return out
