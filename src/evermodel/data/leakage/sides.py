"""Which rows are learned from and which are tested on, however the split is made."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.target import labels
from evermodel.errors import DataError, InputError
from evermodel.project import ROW_ORDER

__all__ = ["Flags", "Sides", "moments", "row_times", "sides"]

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

# The words that training goes by; rows of any other are learned from.
_TEST_WORDS = ("test", "holdout", "eval", "evaluation")


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows are parted: `test` says which rows are tested on, None where chance will.

    `learned` says which are learned from; a row may be neither.
    """

    test: Flags | None
    learned: Flags | None = None
    share: float
    how: str
    by_time: bool

    def tested(self, rows: int) -> int:
        """How many rows are tested on."""
        return round(self.share * rows) if self.test is None else int(self.test.sum())

    def beside(self, group: npt.NDArray[np.int64]) -> float:
        """Return the share of the test rows of whose group training has a row, -1 being no group.

        Where the split is yet to be drawn, that is its mean over all draws.
        """
        sizes = np.bincount(group[group >= 0], minlength=1)
        if self.test is None or self.learned is None:
            others = np.where(group >= 0, sizes[np.maximum(group, 0)] - 1, 0)
            return float((1 - self.share**others).mean())
        learned = np.zeros(sizes.size, bool)
        learned[group[self.learned & (group >= 0)]] = True
        tested = group[self.test]
        found = (tested >= 0) & learned[np.maximum(tested, 0)]
        return float(found.mean()) if tested.size else 0.0


def row_times(frame: pl.DataFrame, time: str) -> pl.Series | None:
    """Return the column of the time, the order of the rows where that is it, or None.

    Examples
    --------
    >>> row_times(pl.DataFrame({"x": [5, 6]}), "row order").to_list()
    [0, 1]

    Raises
    ------
    DataError
        When the column holds words or nothing.
    """
    if not time:
        return None
    if time == ROW_ORDER:
        return pl.Series(ROW_ORDER, np.arange(frame.height))
    stamps = frame[time]
    if not (stamps.dtype.is_temporal() or stamps.dtype.is_numeric()):
        raise DataError(
            f"the time {time!r} is read as words",
            found=", ".join(repr(word) for word in stamps.drop_nulls().head(2)),
            hint='declare it: data.types = { COLUMN = "timestamp" }',
        )
    if stamps.null_count() == stamps.len():
        raise DataError(f"no row has a time in {time!r}")
    return stamps


def moments(stamps: pl.Series) -> tuple[Floats, Flags]:
    """Return the time of each row as a number, and whether it has one.

    Examples
    --------
    >>> moments(pl.Series([3, None]))
    (array([ 3., nan]), array([ True, False]))
    """
    known = stamps.is_not_null().to_numpy().astype(bool)
    return stamps.to_physical().cast(pl.Float64).to_numpy().astype(np.float64), known


def sides(
    frame: pl.DataFrame, split: str | pl.Series, stamps: pl.Series | None, share: float
) -> Sides:
    """Return which rows are tested on: by "random", by "time", by a column, or as given.

    Examples
    --------
    >>> found = sides(pl.DataFrame({"part": ["train", "test", "train"]}), "part", None, 0.2)
    >>> found.test.tolist(), found.how
    ([False, True, False], "the split by 'part'")

    Raises
    ------
    DataError
        When one side would be empty.
    InputError
        When `share` is no share, or a split by time has no time.
    """
    if not 0 < share < 1:
        raise InputError("the share to test on lies between 0 and 1", found=repr(share))
    learned: Flags | None = None
    if isinstance(split, pl.Series):
        learned = (~split.cast(pl.Boolean)).fill_null(value=False).to_numpy().astype(bool)
        test = split.cast(pl.Boolean).fill_null(value=False).to_numpy().astype(bool)
        how = "this split"
    elif split == "random":
        return Sides(test=None, share=share, how="a random split", by_time=False)
    elif split == "time":
        if stamps is None:
            raise InputError("a split by time needs the column of the time")
        when, known = moments(stamps)
        ordered = np.sort(when[known])
        first = ordered[min(ordered.size - 1, int(ordered.size * (1 - share)))]
        test, how = known & (when >= first), "the split by time"
    else:
        words = labels(frame[split]).str.strip_chars().str.to_lowercase()
        test = words.is_in(list(_TEST_WORDS)).fill_null(value=False).to_numpy().astype(bool)
        how = f"the split by {split!r}"
    if test.size != frame.height or test.all() or not test.any():
        raise DataError(
            "the split leaves one side without rows",
            found=f"{int(test.sum())} of {test.size} rows to test on",
            hint="a column that names the split says test or train in each row",
        )
    learned = ~test if learned is None else learned
    share = float(test.sum() / (test | learned).sum())
    return Sides(
        test=test, learned=learned, share=share, how=how, by_time=_in_order(stamps, learned, test)
    )


def _in_order(stamps: pl.Series | None, learned_from: Flags, test: Flags) -> bool:
    """Say whether nothing is learned from rows that are newer than the oldest of the test."""
    if stamps is None:
        return False
    when, known = moments(stamps)
    learned, tested = when[learned_from & known], when[test & known]
    return bool(learned.size and tested.size and learned.max() <= tested.min())
