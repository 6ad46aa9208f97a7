"""Values that stand in the wrong column: moved, swapped, or run together with their neighbour's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from evermodel.data.cells.claims import Claim
from evermodel.data.cells.columns import Ints, Values

__all__ = ["places"]

_REACH = 2
_MOST_COLUMNS = 200
_KNOWN = 5
_FEW = 0.2
_SPLIT = re.compile(r"(.*\S)[\s,;/|-]+(\S+)", re.DOTALL)


def places(columns: Sequence[Values]) -> Iterator[Claim]:
    """Yield cells whose value belongs into a column close by, and the cells where it is missing.

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> rows = [("Bern", "BE"), ("Basel", "BS"), ("Zug", "ZG")] * 8
    >>> rows += [("Bern BE", ""), ("ZG", "Zug")]
    >>> columns = read_columns(pl.DataFrame(rows, schema=["town", "canton"], orient="row"))
    >>> [(c.place, c.rows.tolist(), c.suggestions) for c in places(columns)]
    [(0, [24], ('Bern',)), (1, [24], ('BE',)), (0, [25], ('Zug',)), (1, [25], ('ZG',))]
    """
    some = [c for c in columns[:_MOST_COLUMNS] if not c.prose and c.worded.any()]
    for one in some:
        for other in some:
            if one is not other and abs(one.place - other.place) <= _REACH:
                yield from _run_together(one, other)
                if one.place < other.place:
                    yield from _swapped(one, other)
                yield from _moved(one, other)


def _vocabulary(column: Values) -> dict[str, int]:
    """Return the values that are surely the column's own: repeated words, with their codes."""
    own = np.flatnonzero((column.counts >= 2) & column.worded)
    return {column.texts[code]: int(code) for code in own}


def _run_together(one: Values, other: Values) -> Iterator[Claim]:
    """Find "Portland OR" beside an empty cell of a column that knows OR."""
    if other.empty < 0 or one.numeric_share > 0.5:
        return
    empty = other.codes == other.empty
    if empty.sum() > 0.5 * other.rows:
        return
    own = _vocabulary(other)
    parts: dict[int, tuple[str, str]] = {}
    for code in np.unique(one.codes[empty]):
        found = _SPLIT.fullmatch(one.texts[code])
        if found and found[2] in own:
            parts[int(code)] = (found[1], found[2])
    rows = np.flatnonzero(empty & np.isin(one.codes, list(parts)))
    # A tail that is common where nothing is missing is a part of the value.
    beside = sum(
        int(one.counts[code]) * ((found := _SPLIT.fullmatch(text)) is not None and found[2] in own)
        for code, text in enumerate(one.texts)
    )
    if not rows.size or rows.size < 0.5 * beside or rows.size > _FEW * one.rows:
        return
    halves = [parts[int(one.codes[row])] for row in rows]
    yield Claim(
        one.place,
        rows,
        0.93,
        "shifted",
        f"The end of this value belongs into {other.name!r}, which is empty in this row.",
        tuple(first for first, _ in halves),
    )
    yield Claim(
        other.place,
        rows,
        0.93,
        "shifted",
        f"The cell is empty, and its value stands at the end of {one.name!r}.",
        tuple(last for _, last in halves),
    )


def _strangers(one: Values, other: Values) -> tuple[np.ndarray, np.ndarray]:
    """Return which values of each column are foreign to it and at home in the other."""
    mine, theirs = _at_home(one), _at_home(other)
    in_one = np.zeros(len(one.texts), dtype=np.bool_)
    in_other = np.zeros(len(other.texts), dtype=np.bool_)
    for text in mine.keys() & theirs.keys():
        here, there = mine[text], theirs[text]
        in_one[one.where[text]] = there >= _KNOWN and here * 5 < there
        in_other[other.where[text]] = here >= _KNOWN and there * 5 < here
    return in_one, in_other


def _at_home(column: Values) -> dict[str, int]:
    return {column.texts[code]: int(column.counts[code]) for code in np.flatnonzero(column.worded)}


def _swapped(one: Values, other: Values) -> Iterator[Claim]:
    """Find rows in which two columns have each other's value."""
    in_one, in_other = _strangers(one, other)
    rows = np.flatnonzero(in_one[one.codes] & in_other[other.codes])
    if rows.size and rows.size <= _FEW * one.rows:
        yield from _pair(one, other, rows, "The values of {!r} and {!r} have changed places.")


def _pair(one: Values, other: Values, rows: Ints, said: str) -> Iterator[Claim]:
    reason = said.format(one.name, other.name)
    given = tuple(other.texts[other.codes[row]] for row in rows)
    yield Claim(one.place, rows, 0.9, "shifted", reason, given)
    given = tuple(one.texts[one.codes[row]] for row in rows)
    yield Claim(other.place, rows, 0.9, "shifted", reason, given)


def _moved(one: Values, other: Values) -> Iterator[Claim]:
    """Find values that stand in `one` while their own column is empty in that row."""
    if other.empty < 0:
        return
    in_one, _ = _strangers(one, other)
    rows = np.flatnonzero(in_one[one.codes] & (other.codes == other.empty))
    if not rows.size or rows.size > _FEW * one.rows:
        return
    # Where most rows are empty, an empty cell is no sign that something was moved.
    if int(other.counts[other.empty]) > 0.5 * other.rows:
        return
    yield Claim(
        one.place,
        rows,
        0.88,
        "shifted",
        f"This value belongs into {other.name!r}, which is empty here.",
    )
    given = tuple(one.texts[one.codes[row]] for row in rows)
    yield Claim(
        other.place,
        rows,
        0.88,
        "shifted",
        f"The cell is empty, and its value stands in {one.name!r}.",
        given,
    )
