"""Rows of which several cells in a row have slipped one column to the left or right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from evermodel.data.cells.claims import Claim
from evermodel.data.cells.columns import MOMENT, Bools, Values

__all__ = ["slipped_rows"]

_MOST_COLUMNS = 200
_MOSTLY = 0.95
_FEW = 0.1
_OWN = 3


def slipped_rows(columns: Sequence[Values]) -> Iterator[Claim]:
    """Yield cells that do not fit their column but the next one, where the next cell does so too.

    Whether a value fits is told for columns of numbers, of dates and of words that repeat.

    Examples
    --------
    >>> from evermodel.data.cells.columns import read_columns
    >>> rows = [("red", str(i), "2020-01-02") for i in range(40)] + [("", "red", "17")]
    >>> columns = read_columns(pl.DataFrame(rows, schema=["hue", "n", "day"], orient="row"))
    >>> [(claim.place, claim.rows.tolist()) for claim in slipped_rows(columns)]
    [(1, [40]), (2, [40])]
    """
    some = columns[:_MOST_COLUMNS]
    if len(some) < 3:
        return
    stranger = [~_fits(column, column)[column.codes] & _filled(column) for column in some]
    for step, side in ((1, "left"), (-1, "right")):
        off: list[Bools] = []
        for place, column in enumerate(some):
            home = place - step
            inside = 0 <= home < len(some) and stranger[place].any()
            fits = _fits(some[home], column)[column.codes] if inside else False
            off.append(stranger[place] & fits)
        for place, column in enumerate(some):
            beside = np.zeros(column.rows, dtype=np.bool_)
            for other in (place - 1, place + 1):
                if 0 <= other < len(some):
                    beside |= off[other]
            rows = np.flatnonzero(off[place] & beside)
            if 0 < rows.size <= _FEW * column.rows:
                reason = (
                    f"Cells of this row have slipped: this value belongs one column to the {side}."
                )
                yield Claim(column.place, rows, 0.9, "shifted", reason)


def _filled(column: Values) -> Bools:
    filled: Bools = column.codes != column.empty
    return filled


def _fits(home: Values, column: Values) -> Bools:
    """Return which distinct values of a column are of the kind that another one holds."""
    if home.numeric_share >= _MOSTLY:
        numeric: Bools = ~np.isnan(column.numbers)
        return numeric
    if home.moment:
        like: Bools = pl.Series(column.texts, dtype=pl.String).str.contains(MOMENT).to_numpy()
        return like
    if home.alone <= 0.2 and not home.prose:
        counts = home.counts
        own = [counts[home.where[t]] >= _OWN if t in home.where else False for t in column.texts]
        return np.asarray(own, dtype=np.bool_)
    # Of other columns nothing is known: all fits where it stands, and nothing where it does not.
    return np.full(len(column.texts), home is column, dtype=np.bool_)
