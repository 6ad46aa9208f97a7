"""Which columns tell others: functional dependencies that hold all but exactly.

A dependency X -> Y is found by how many fewer mistakes one makes when guessing Y by the most
frequent Y of its X than chance alone would give: with Y shuffled, small groups look pure as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evermodel.data.cells.columns import Bools, Ints, Values
from evermodel.data.cells.likeness import lookalike

__all__ = ["Dependency", "Grouping", "dependencies", "grouping", "strength"]

SAMPLE = 20_000
_MOST_LEFT = 40
_MOST_RIGHT = 80
_MOST_PAIRS = 2_000
_LEFT_PER_COLUMN = 6
_MOST_ERROR = 0.10
_NEARLY_ALL = 0.8
_MOST_SLIPS = 2_000
_LEAST_STRENGTH = 0.75
_LEAST_GROUPS = 3


@dataclass(frozen=True)
class Dependency:
    """X -> Y by the columns' places, the share of rows that break it, and how much it explains.

    `slips_only`: it holds once slips of the keyboard are taken back, and so it can show only these.
    """

    left: int
    right: int
    error: float
    strength: float
    slips_only: bool = False


@dataclass(frozen=True)
class Grouping:
    """For each row: the most frequent Y of its X (-1: none) and the rows of its group.

    `most` counts those that have the most frequent Y, `same` those that have the row's own, `size`
    all that have a Y. `second` counts the runner-up.
    """

    usual: Ints
    most: Ints
    second: Ints
    same: Ints
    size: Ints


def dependencies(columns: Sequence[Values], seed: int = 0) -> list[Dependency]:
    """Return the dependencies that hold in nearly all rows, strongest first for each right side.

    Rows beyond 20,000 are sampled; at most 2,000 pairs of columns are looked at, of columns whose
    values repeat most.

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> frame = pl.DataFrame({"zip": ["1", "2", "3", "4"] * 9, "city": ["a", "b", "c", "a"] * 9})
    >>> [(found.left, found.right) for found in dependencies(read_columns(frame))]
    [(0, 1)]
    """
    rng = np.random.default_rng(seed)
    rows = columns[0].rows if columns else 0
    some = np.sort(rng.permutation(rows)[:SAMPLE])
    lefts = [c for c in columns if _may_tell(c)]
    lefts = sorted(lefts, key=lambda c: c.alone)[:_MOST_LEFT]
    rights = [c for c in columns if _may_be_told(c)]
    rights = sorted(rights, key=lambda c: c.alone)[:_MOST_RIGHT]
    mixed = {c.place: c.codes[some][rng.permutation(some.size)] for c in rights}
    found: list[Dependency] = []
    pairs = [(x, y) for x in lefts for y in rights if x is not y][:_MOST_PAIRS]
    for x, y in pairs:
        error, gain = strength(x, y, some, mixed[y.place], _MOST_ERROR)
        if error <= _MOST_ERROR and gain >= _LEAST_STRENGTH:
            found.append(Dependency(x.place, y.place, error, gain))
        elif error <= _MOST_ERROR and int(y.counts.max()) >= _NEARLY_ALL * y.rows:
            error, gain = _without_slips(x, y, some, rng)
            if gain >= _LEAST_STRENGTH:
                found.append(Dependency(x.place, y.place, error, gain, slips_only=True))
    found.sort(key=lambda one: (one.right, -one.strength))
    kept: list[Dependency] = []
    for one in found:
        if sum(other.right == one.right for other in kept[-_LEFT_PER_COLUMN:]) < _LEFT_PER_COLUMN:
            kept.append(one)
    return kept


def _may_tell(column: Values) -> bool:
    """Say whether a column can group rows: values that repeat, and no measurement."""
    distinct = len(column.texts)
    if distinct < _LEAST_GROUPS or column.prose or column.decimal:
        return False
    # What happens in the same minute need not belong together.
    if sum(":" in text for text in column.texts[:200]) > 0.5 * min(200, distinct):
        return False
    top = int(column.counts.max())
    return column.alone <= 0.6 and top <= 0.9 * column.rows


def _may_be_told(column: Values) -> bool:
    return len(column.texts) >= 2 and column.alone <= 0.8 and column.filled >= 10


def strength(
    x: Values, y: Values, rows: Ints, mixed: Ints, most: float = 1.0
) -> tuple[float, float]:
    """Return the share of rows that break X -> Y, and the part of chance's mistakes that it saves.

    `mixed` is Y in shuffled order. Rows whose X stands alone say nothing and are not counted.
    Where more than a share `most` breaks it, the second is not computed and comes back as 0.
    """
    given, told = x.codes[rows], y.codes[rows]
    known = (given != x.empty) & (told != y.empty)
    n, wrong, groups = _breaks(given[known], told[known])
    if groups < _LEAST_GROUPS or n < 10 or wrong > most * n:
        return wrong / max(1, n), 0.0
    known = (given != x.empty) & (mixed != y.empty)
    m, chance, _ = _breaks(given[known], mixed[known])
    # Few mistakes of chance leave no room to prove anything.
    if chance < 5:
        return wrong / n, 0.0
    return wrong / n, 1.0 - (wrong / n) / (chance / m)


def _without_slips(
    x: Values, y: Values, rows: Ints, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the strength of X -> Y where one value of Y is so frequent that slips hide it."""
    told = grouping(x, y)
    base = len(y.texts) + 1
    pairs = np.unique(y.codes * base + told.usual + 1)
    if pairs.size > _MOST_SLIPS:
        return 1.0, 0.0
    codes = y.codes.copy()
    for value, usual in zip(pairs // base, pairs % base - 1, strict=True):
        rarer = usual >= 0 and value != y.empty and y.counts[value] < y.counts[usual]
        if rarer and lookalike(y.texts[value], y.texts[usual]):
            slip = (y.codes == value) & (told.usual == usual) & (told.most >= 3 * told.same)
            codes[slip] = usual
    clean = replace(y, codes=codes)
    return strength(x, clean, rows, codes[rows][rng.permutation(rows.size)])


def _counted(keys: Ints, most: int) -> tuple[Ints, Ints]:
    """Return the distinct keys and how often each occurs; without sorting where they are few."""
    if most <= 8 * keys.size:
        counts = np.bincount(keys, minlength=most)
        found = np.flatnonzero(counts)
        return found, counts[found]
    return np.unique(keys, return_counts=True)


def _breaks(given: Ints, told: Ints) -> tuple[int, int, int]:
    """Return rows in groups of two or more, rows off the most frequent value there, and groups."""
    if not given.size:
        return 0, 0, 0
    base = int(told.max()) + 1
    pairs, counts = _counted(given * base + told, (int(given.max()) + 1) * base)
    left = pairs // base
    most = np.zeros(int(given.max()) + 1, dtype=np.int64)
    np.maximum.at(most, left, counts)
    size = np.bincount(given, minlength=most.size)
    big = size >= 2
    return int(size[big].sum()), int(size[big].sum() - most[big].sum()), int(big.sum())


def _looked_up(keys: Ints, known: Ints, counts: Ints, most: int) -> Ints:
    """Return the count of each key, 0 for those that are not known."""
    if not known.size:
        return np.zeros_like(keys)
    if most <= 8 * keys.size + 1_000_000:
        table = np.zeros(most, dtype=np.int64)
        table[known] = counts
        return table[keys]
    at = np.minimum(np.searchsorted(known, keys), known.size - 1)
    return np.where(known[at] == keys, counts[at], 0)


def grouping(x: Values, y: Values, keep: Bools | None = None) -> Grouping:
    """Return for each row what the other rows of its X say of its Y; empty cells say nothing.

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> x, y = read_columns(pl.DataFrame({"x": ["a"] * 4, "y": ["1", "1", "2", ""]}))
    >>> told = grouping(x, y)
    >>> told.usual.tolist(), told.most.tolist(), told.same.tolist(), told.size.tolist()
    ([0, 0, 0, 0], [2, 2, 2, 2], [2, 2, 1, 0], [3, 3, 3, 3])
    """
    given, told = x.codes, y.codes
    known = (given != x.empty) & (told != y.empty)
    if keep is not None:
        known &= keep
    base = len(y.texts)
    every = given * base + told
    pairs, counts = _counted(every[known], base * len(x.texts))
    left, right = pairs // base, pairs % base
    # Rising counts: what is written last for a group is its most frequent value.
    order = np.argsort(counts, kind="stable")
    usual = np.full(len(x.texts), -1, dtype=np.int64)
    most = np.zeros(len(x.texts), dtype=np.int64)
    usual[left[order]] = right[order]
    most[left[order]] = counts[order]
    second = np.zeros(len(x.texts), dtype=np.int64)
    other = right != usual[left]
    np.maximum.at(second, left[other], counts[other])
    size = np.bincount(left, weights=counts, minlength=len(x.texts)).astype(np.int64)
    same = _looked_up(every, pairs, counts, base * len(x.texts))
    silent = given == x.empty
    return Grouping(
        usual=np.where(silent, -1, usual[given]),
        most=np.where(silent, 0, most[given]),
        second=np.where(silent, 0, second[given]),
        same=same,
        size=np.where(silent, 0, size[given]),
    )
