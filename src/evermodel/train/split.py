"""Which rows are learned from, which are tested on, and the folds in between.

The order of choice: the column that names the split; time, where rows have one (the newest are the
test); the key, where rows repeat it (no entity on both sides); else at random, about the same
share of every class on both sides.

At random means: by a hash of the key or of the row. Who is once tested on stays so when the file
grows or is sorted anew; otherwise a champion would have learned from most of the rows on which it
is later compared with its challenger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evermodel.errors import DataError

__all__ = ["Crossing", "Split", "choose_split", "cross_folds", "drawn", "joined"]

_Pair = tuple[NDArray[np.intp], NDArray[np.intp]]

_TEST_WORDS = ("test", "holdout", "eval", "evaluation")
_LEARNED_SHARE = 0.7
_MANY_ROWS = 10_000
_VERY_MANY_ROWS = 200_000
_FEW_TESTED = 50
_FEWEST_KNOWN = 10


@dataclass(frozen=True)
class Split:
    """Row numbers to learn from and to test on, and in plain words how they were chosen."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    how: str
    ordered: bool


@dataclass(frozen=True)
class Crossing:
    """Which rows may tell about the target of each row [N]: never the row itself.

    Those of another fold; where rows have times (`moments`), those whose outcome was known, at a
    moment no later than the row's `until`.
    """

    folds: NDArray[np.intp] | None = None
    moments: NDArray[np.int64] | None = None
    until: NDArray[np.int64] | None = None


def choose_split(
    *,
    rows: int,
    y: NDArray[Any] | None,
    named: NDArray[np.object_] | None = None,
    time: NDArray[np.int64] | None = None,
    groups: NDArray[np.object_] | None = None,
    hashes: NDArray[np.uint64],
    share: float,
    gap: int = 0,
    twins: NDArray[np.int64] | None = None,
) -> Split:
    """Return the split; see the module's text for the order of choice.

    Parameters
    ----------
    rows : int
        N.
    y : array [N] or None
        Class numbers, to keep their shares equal; None in regression.
    named, time, groups : array [N] or None
        The column that names the split, the time of each row, the key of each row.
    hashes : array [N]
        A number for each row, even over all of 64 bits, that does not depend on the other rows:
        of the key where there is one (see `tables.row_hashes`).
    share : float
        Part of the rows to test on.
    gap : int
        Nothing is learned from rows that lie less than this before the oldest row of the test, in
        the unit of `time`: their outcomes were not known yet when the test began.
    twins : array [N], optional
        A number that rows share which are copies of one another, or nearly: where the split is at
        random, they stand on one side.

    Raises
    ------
    DataError
        When one side would be empty.
    """
    if named is not None:
        is_test = np.array([str(word).strip().lower() in _TEST_WORDS for word in named.tolist()])
        split = _sides(is_test, "by the column that names the split", time is not None)
        split = _known(split, time, gap)
    elif time is not None:
        cut = np.sort(time)[min(rows - 1, int(rows * (1 - share)))]
        newest = time >= cut
        # Rows of one time stay together, so that the test may be more than was asked for.
        split = _sides(newest, f"by time: the newest {newest.mean():.0%} are the test", True)
        split = _known(split, time, gap)
    elif groups is not None and len(set(groups.tolist())) < rows:
        _, inverse = np.unique(groups, return_inverse=True)
        if twins is not None:
            inverse = joined(inverse, twins)
        heads, inverse = _heads(inverse, hashes)
        chosen = drawn(hashes[heads], share, least=1)
        split = _sides(chosen[inverse], "at random by key: no key is on both sides", False)
    else:
        heads, inverse = _heads(np.arange(rows) if twins is None else twins, hashes)
        is_test = np.zeros(len(heads), dtype=bool)
        of = None if y is None else y[heads]
        parts = (
            [np.arange(len(heads))] if of is None else [np.flatnonzero(of == v) for v in set(of)]
        )
        for part in parts:
            is_test[part] = drawn(hashes[heads[part]], share)
        how = "at random" if y is None else "at random, about the same share of every class"
        how += "" if len(heads) == rows else "; copies and near-copies on one side"
        split = _sides(is_test[inverse], how, False)
    if not len(split.train) or not len(split.test):
        raise DataError(
            "the split leaves one side without rows",
            found=f"{len(split.train)} rows to learn from, {len(split.test)} to test on",
            hint="bring more rows, or change data.split, data.time or train.test",
        )
    return split


def _heads(
    groups: NDArray[np.int64], hashes: NDArray[np.uint64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the row whose hash stands for each group, and the group of each row.

    It is the earliest one, which stays so when a table grows at its end: who was tested on is not
    learned from because a copy came along.
    """
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return first, inverse


def joined(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number for each row that rows share which are of one group in either sense.

    Examples
    --------
    >>> joined(np.array([0, 0, 1, 2]), np.array([5, 6, 6, 7])).tolist()
    [0, 0, 0, 1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    _, left = np.unique(one, return_inverse=True)
    _, right = np.unique(other, return_inverse=True)
    shift = int(left.max()) + 1
    size = shift + int(right.max()) + 1
    links = coo_array((np.ones(len(left)), (left, right + shift)), shape=(size, size))
    found = connected_components(links, directed=False)[1][left]
    return np.asarray(np.unique(found, return_inverse=True)[1], np.int64)


def _known(split: Split, time: NDArray[np.int64] | None, gap: int) -> Split:
    """Return the split without the rows whose outcome was not known when the test began.

    Where rows to learn from lie among those to test on, the test has no beginning to keep.
    """
    if time is None or not gap or not len(split.train) or not len(split.test):
        return split
    began = time[split.test].min()
    if time[split.train].max() > began:
        return split
    return replace(split, train=split.train[time[split.train] <= began - gap])


def _sides(is_test: NDArray[np.bool_], how: str, ordered: bool) -> Split:
    return Split(np.flatnonzero(~is_test), np.flatnonzero(is_test), how, ordered)


def drawn(hashes: NDArray[np.uint64], share: float, *, least: int = 0) -> NDArray[np.bool_]:
    """Return which to test on: those whose hash lies in the lowest part of all numbers.

    Where that part would hold few, chance could leave it empty: the lowest hashes are taken then.
    """
    if len(hashes) * share >= _FEW_TESTED:
        return hashes < np.uint64(int(share * (1 << 64)))
    found = np.zeros(len(hashes), dtype=bool)
    found[np.argsort(hashes, kind="stable")[: max(least, round(len(hashes) * share))]] = True
    return found


def cross_folds(
    y: NDArray[Any] | None,
    *,
    rows: int,
    time: NDArray[np.int64] | None = None,
    groups: NDArray[np.object_] | None = None,
    seed: int,
    gap: int = 0,
    twins: NDArray[np.int64] | None = None,
) -> tuple[Crossing, list[_Pair]]:
    """Return which rows may tell about which, and the pairs (fit rows, validation rows).

    With time, each validation block is tested by a model of the rows before it only, by at least
    `gap` (forward chaining), and rows of the same time stay together; without, folds are
    stratified, or whole keys where rows repeat one; rows of one number in `twins` share a fold.

    Raises
    ------
    DataError
        When all rows are of one time or one key, so that there is nothing to test on, or when
        hardly an outcome was known by the time of the newest rows.
    """
    generator = np.random.default_rng(seed)
    count = 5 if rows <= _MANY_ROWS else 3
    if time is not None:
        return _forward(time, rows, gap)
    folds = np.empty(rows, dtype=np.intp)
    if groups is not None:
        names, inverse = np.unique(groups, return_inverse=True)
        if twins is not None:
            names, inverse = np.unique(joined(inverse, twins), return_inverse=True)
        folds[:] = (generator.permutation(len(names)) % count)[inverse]
    else:
        heads = np.arange(rows)
        if twins is not None:
            _, heads, inverse = np.unique(twins, return_index=True, return_inverse=True)
        of = None if y is None else y[heads]
        parts = (
            [np.arange(len(heads))]
            if of is None
            else [np.flatnonzero(of == v) for v in np.unique(of)]
        )
        start, chosen = 0, np.empty(len(heads), dtype=np.intp)
        for part in parts:
            chosen[generator.permutation(part)] = (start + np.arange(len(part))) % count
            start += len(part)
        folds[:] = chosen if twins is None else chosen[inverse]
    used = [0] if rows > _VERY_MANY_ROWS else range(count)
    return Crossing(folds), _usable(
        [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in used]
    )


def _forward(time: NDArray[np.int64], rows: int, gap: int) -> tuple[Crossing, list[_Pair]]:
    order = np.argsort(time, kind="stable")
    # Most rows are only ever learned from, so that what is tuned here resembles the last fit;
    # each of the newest blocks is validated once.
    count = 3 if rows <= _VERY_MANY_ROWS else 1
    moments = time[order]
    wanted = np.linspace(_first_validated(moments, gap), rows, count + 1).astype(int)[:-1]
    # Rows of one time stay together, so that no row is tested by others of its own moment.
    edges = np.unique(np.searchsorted(moments, moments[wanted], "left"))
    if edges[-1] == 0:
        edges = np.array([np.searchsorted(moments, moments[0], "right")])
    until = time - max(gap, 1)
    pairs = []
    for begin, end in pairwise([*edges[edges < rows].tolist(), rows]):
        block = np.sort(order[begin:end])
        # What tells about a block was known when it began, as it is once a model is live.
        until[block] = moments[begin] - max(gap, 1)
        known = int(np.searchsorted(moments, moments[begin] - gap, "right")) if gap else begin
        pairs.append((np.sort(order[:known]), block))
    return Crossing(moments=time, until=until), _usable(pairs)


def _first_validated(moments: NDArray[np.int64], gap: int) -> int:
    """Return the place among the rows, in order of time, from which on they are validated.

    Where outcomes are known late, that is late enough for the rows known by then to be as many as
    are validated, or else as late as can be.
    """
    rows = len(moments)
    usual = int(rows * _LEARNED_SHARE)
    starts = np.unique(np.searchsorted(moments, moments, "left"))
    if not gap or len(starts) == 1:
        return usual
    known = np.searchsorted(moments, moments[starts] - gap, "right")
    if known[-1] < _FEWEST_KNOWN:
        raise DataError(
            "the rows to learn from hardly reach back further than outcomes take to be known",
            where="outcome.known_after",
            found=f"when the newest of {rows} rows happened, {known[-1]} outcomes were known",
            hint="bring older rows, or shorten outcome.known_after if outcomes are known sooner",
        )
    enough = starts[known >= rows - starts]
    return max(usual, int(enough[0] if len(enough) else starts[-1]))


def _usable(pairs: list[_Pair]) -> list[_Pair]:
    found = [pair for pair in pairs if len(pair[0]) and len(pair[1])]
    if not found:
        raise DataError(
            "the rows to learn from cannot be parted into some to fit and some to test on",
            found="all of one time or one key",
            hint="bring rows of other times or keys, or change data.time or data.key",
        )
    return found
