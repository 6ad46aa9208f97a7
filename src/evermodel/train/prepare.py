"""Learning how raw columns become features, once, for training and for the graph.

`learn` looks at the training rows and returns a `Preparation`: plain numbers and words. The only
code that applies it is the ONNX graph that `evermodel.train.features` builds from it; training runs
that very graph, so there is no second implementation that could drift from the first.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from evermodel.bundle import Blocks, Input
from evermodel.bundle.blocks import MISSING_TIME
from evermodel.errors import DataError
from evermodel.records import MULTICLASS, REGRESSION, Task

__all__ = [
    "DAYS_BEFORE_1970",
    "LARGEST",
    "MICROS_PER_DAY",
    "ONE_HOT_LIMIT",
    "SEEN_AT_LEAST",
    "CategoryFeature",
    "NumberFeature",
    "Preparation",
    "TimeFeature",
    "calendar_parts",
    "encode_by_earlier",
    "encode_by_target",
    "learn",
    "target_columns",
    "word_codes",
]

ONE_HOT_LIMIT = 12
"""A category with more values than this is target-encoded instead of one column a value."""

SEEN_AT_LEAST = 5
"""A word of fewer rows may be a person's own: it is learned from with its like, never by itself,
and not written into a bundle."""

DAYS_BEFORE_1970 = 719_468
"""Days from 0000-03-01, when the calendar's arithmetic begins, to 1970-01-01."""

MICROS_PER_DAY = 86_400_000_000

LARGEST = 1e30
"""Numbers further from zero are taken for this one, well within float32."""

_FLOAT32_WHOLE = 2.0**24
_FAR = 2.0**10
_SMALLEST = float(np.finfo(np.float32).tiny)
_SKEW_LIMIT = 3.0
_TARGET_PRIOR_ROWS = 10.0
_MULTICLASS_ENCODED = 12
PARTS = ("days", "hour", "weekday", "day", "month", "day of year")
_CYCLE_DAYS = {"hour": 1.0, "weekday": 7.0, "day": 31.0, "month": 366.0, "day of year": 366.0}


class NumberFeature(msgspec.Struct, frozen=True, kw_only=True):
    """One number: `offset` is subtracted in float64 before the cast to float32.

    `scale` of the signed logarithm is 0 where the plain value is used; `fill`, `low`, `high`,
    `mean` and `deviation` are in the units after offset and logarithm, for linear models only.
    """

    name: str
    index: int
    offset: float
    scale: float
    fill: float
    low: float
    high: float
    mean: float
    deviation: float
    flag: bool


class CategoryFeature(msgspec.Struct, frozen=True, kw_only=True):
    """One category, either as a column a value (`kind` "one hot") or by its target ("target").

    `values` are the words that training saw often enough; `codes` their columns. Rare words share
    the last column of "one hot" with words never seen; without rare words, these are all zeros. For
    "target", `encodings` holds a row per value and `unseen` the row of all others.
    """

    name: str
    index: int
    kind: Literal["pair", "one hot", "target"]
    values: tuple[str, ...]
    codes: tuple[int, ...] = ()
    width: int = 1
    encodings: tuple[tuple[float, ...], ...] = ()
    unseen: tuple[float, ...] = ()


class TimeFeature(msgspec.Struct, frozen=True, kw_only=True):
    """One time: days since `origin` (microseconds) and those calendar parts that vary."""

    name: str
    index: int
    origin: int
    parts: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    flag: bool


class Preparation(msgspec.Struct, frozen=True, kw_only=True):
    """All that was learned, in the order of the blocks."""

    widths: tuple[int, int, int]
    numbers: tuple[NumberFeature, ...] = ()
    categories: tuple[CategoryFeature, ...] = ()
    times: tuple[TimeFeature, ...] = ()


def learn(
    inputs: tuple[Input, ...],
    blocks: Blocks,
    y: NDArray[Any],
    task: Task,
    classes: int,
    *,
    clock: str = "",
) -> Preparation:
    """Return what the training rows teach about preparing their columns.

    Parameters
    ----------
    inputs : tuple of Input
        The raw columns, in the order that made `blocks`.
    blocks : Blocks
        The N training rows.
    y : array [N]
        Class numbers (0 to classes-1) or the target's values.
    task : Task
    classes : int
        How many classes; 1 in regression.
    clock : str
        The column that says when a row happened. It gives calendar parts only, and only those whose
        whole cycle lies within the training rows: every later row lies beyond the days seen in
        training, where a trend learned from them, or from the months of a single year, misleads.

    Raises
    ------
    DataError
        When no column tells rows apart.
    """
    numbers = [item for item in inputs if item.type in ("number", "boolean")]
    strings = [item for item in inputs if item.type == "category"]
    times = [item for item in inputs if item.type == "timestamp"]
    found = [_number(item.name, i, blocks.numbers[:, i]) for i, item in enumerate(numbers)]
    kinds = [
        _category(item.name, i, blocks.strings[:, i], y, task, classes)
        for i, item in enumerate(strings)
    ]
    moments = [
        _time(item.name, i, blocks.times[:, i], item.name == clock) for i, item in enumerate(times)
    ]
    preparation = Preparation(
        widths=(len(numbers), len(strings), len(times)),
        numbers=tuple(feature for feature in found if feature is not None),
        categories=tuple(feature for feature in kinds if feature is not None),
        times=tuple(feature for feature in moments if feature is not None),
    )
    if not (preparation.numbers or preparation.categories or preparation.times):
        raise DataError(
            "no column tells one row from another",
            where=", ".join(item.name for item in inputs[:10]),
            found="columns of one value, or of words that hardly two rows share",
            hint="bring other columns, or more rows",
        )
    return preparation


def _number(name: str, index: int, column: NDArray[np.float64]) -> NumberFeature | None:
    missing = np.isnan(column)
    known = np.clip(column[~missing], -LARGEST, LARGEST)
    if not len(known) or (known.min() == known.max() and not missing.any()):
        return None
    offset = _offset(known)
    shifted = (known - offset).astype(np.float32).astype(np.float64)
    spread = shifted.std()
    skew = 0.0 if spread == 0 else float(np.mean(((shifted - shifted.mean()) / spread) ** 3))
    scale = 0.0
    if abs(skew) > _SKEW_LIMIT:
        scale = float(np.median(np.abs(shifted[shifted != 0])))
        shifted = np.sign(shifted) * np.log1p(np.abs(shifted) / scale)
    filled_mean, deviation = float(shifted.mean()), float(shifted.std())
    return NumberFeature(
        name=name,
        index=index,
        offset=offset,
        scale=scale,
        fill=float(np.median(shifted)),
        low=float(shifted.min()),
        high=float(shifted.max()),
        mean=filled_mean,
        deviation=deviation if deviation > _SMALLEST else 1.0,
        flag=bool(missing.any()),
    )


def _offset(known: NDArray[np.float64]) -> float:
    """Return what is subtracted in float64, so that float32 keeps what makes the numbers differ.

    It keeps 24 binary digits: whole numbers up to 2**24 only, and of days such as 2460000.05 a
    quarter of a day. Few numbers far from the others do not change where these lie.
    """
    low, centre, high = np.quantile(known, [0.25, 0.5, 0.75])
    spread = float(high - low) or float(known.std())
    far = abs(centre) > _FAR * spread or np.abs(known).max() > _FLOAT32_WHOLE
    return float(centre) if far else 0.0


def _category(
    name: str, index: int, column: NDArray[np.object_], y: NDArray[Any], task: Task, classes: int
) -> CategoryFeature | None:
    rows = Counter(column.tolist())
    words = sorted(rows)
    counts = np.array([rows[word] for word in words])
    if len(words) < 2 or counts.max() < SEEN_AT_LEAST:
        return None
    if len(words) == 2 and counts.min() >= SEEN_AT_LEAST:
        return CategoryFeature(name=name, index=index, kind="pair", values=tuple(words), width=1)
    rare = counts < max(SEEN_AT_LEAST, len(column) // 2000)
    many_classes = task == MULTICLASS and classes > _MULTICLASS_ENCODED
    if many_classes:
        rare |= counts < np.sort(counts)[::-1][: 4 * ONE_HOT_LIMIT][-1]
    if not rare.all() and (many_classes or (~rare).sum() + rare.any() <= ONE_HOT_LIMIT):
        common = tuple(word for word, few in zip(words, rare, strict=True) if not few)
        return CategoryFeature(
            name=name,
            index=index,
            kind="one hot",
            values=common,
            codes=tuple(range(len(common))),
            width=len(common) + bool(rare.any()),
        )
    return _encoded(name, index, column, rows, target_columns(y, task, classes))


def _encoded(
    name: str,
    index: int,
    column: NDArray[np.object_],
    rows: Counter[str],
    goals: NDArray[np.float64],
) -> CategoryFeature:
    """Return a category encoded by its target; words of few rows share one encoding."""
    words = tuple(sorted(word for word, count in rows.items() if count >= SEEN_AT_LEAST))
    table, _ = encode_by_target(word_codes(column, words), len(words) + 1, goals)
    few = [count for count in rows.values() if count < SEEN_AT_LEAST]
    sizes = np.array([*(rows[word] for word in words), np.mean(few) if few else 0.0])
    encodings = np.hstack([table, np.log1p(sizes)[:, None]]).tolist()
    return CategoryFeature(
        name=name,
        index=index,
        kind="target",
        values=words,
        width=len(encodings[0]),
        encodings=tuple(tuple(row) for row in encodings[:-1]),
        unseen=tuple(encodings[-1]),
    )


def word_codes(column: NDArray[np.object_], words: tuple[str, ...]) -> NDArray[np.intp]:
    """Return the place of each value among `words`, or their number where it is none of them.

    Examples
    --------
    >>> word_codes(np.array(["b", "?", "a"], dtype=object), ("a", "b"))
    array([1, 2, 0])
    """
    places = {word: place for place, word in enumerate(words)}
    return np.array([places.get(word, len(words)) for word in column.tolist()], dtype=np.intp)


def target_columns(y: NDArray[Any], task: Task, classes: int) -> NDArray[np.float64]:
    """Return what categories are encoded by: [N, 1], or [N, classes] for several classes."""
    if task == REGRESSION:
        spread = y.std() or 1.0
        return np.asarray((y - y.mean()) / spread, dtype=np.float64)[:, None]
    if task == MULTICLASS:
        return np.asarray(y[:, None] == np.arange(classes), dtype=np.float64)
    return np.asarray(y, dtype=np.float64)[:, None]


def encode_by_target(
    codes: NDArray[np.intp], size: int, goals: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smoothed mean goal of each value [size, G], and the overall mean [G].

    Smoothing adds ten rows of the overall mean to each value (Micci-Barreca 2001, "A preprocessing
    scheme for high-cardinality categorical attributes").
    """
    prior = goals.mean(axis=0)
    counts = np.bincount(codes, minlength=size)[:, None]
    sums = np.stack([np.bincount(codes, weights=goal, minlength=size) for goal in goals.T], axis=1)
    return (sums + _TARGET_PRIOR_ROWS * prior) / (counts + _TARGET_PRIOR_ROWS), prior


def encode_by_earlier(
    codes: NDArray[np.intp],
    goals: NDArray[np.float64],
    moments: NDArray[np.int64],
    until: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return for each row the smoothed mean goal of its value [N, G], and of how many rows [N].

    Those are the rows known by then, whose `moments` are not after the row's `until`. The overall
    mean that smooths is that of all rows: being the same for every row, it tells none about its own
    goal.
    """
    clock, moment = np.unique(moments, return_inverse=True)
    ticks = len(clock) + 1
    place = codes.astype(np.int64) * ticks + moment
    order = np.argsort(place, kind="stable")
    sums = np.vstack([np.zeros(goals.shape[1]), np.cumsum(goals[order], axis=0)])
    begin = np.searchsorted(place[order], codes * ticks, "left")
    end = np.searchsorted(
        place[order], codes * ticks + np.searchsorted(clock, until, "right"), "left"
    )
    known = (sums[end] - sums[begin]) + _TARGET_PRIOR_ROWS * goals.mean(axis=0)
    rows = end - begin
    return np.asarray(known / (rows[:, None] + _TARGET_PRIOR_ROWS)), rows


def calendar_parts(micros: NDArray[np.int64], origin: int) -> NDArray[np.float64]:
    """Return [N, 6] calendar parts of times in microseconds; the reference for the graph's own.

    Days from civil dates after Hinnant, "chrono-compatible low-level date algorithms".
    """
    shifted = micros + DAYS_BEFORE_1970 * MICROS_PER_DAY
    day_number = shifted // MICROS_PER_DAY
    hour = (shifted % MICROS_PER_DAY) / 3_600_000_000
    weekday = (day_number + 2) % 7
    era_day = day_number % 146_097
    year_of_era = (era_day - era_day // 1460 + era_day // 36_524 - era_day // 146_096) // 365
    # The algorithm's year begins in March, so that the leap day is its last.
    since_march = era_day - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * since_march + 2) // 153
    day = since_march - (153 * shifted_month + 2) // 5 + 1
    spring = shifted_month < 10
    month = np.where(spring, shifted_month + 3, shifted_month - 9)
    leap = (year_of_era % 4 == 0) & ((year_of_era % 100 != 0) | (year_of_era == 0))
    day_of_year = np.where(spring, since_march + 60 + leap, since_march - 305)
    days = (micros - origin) / MICROS_PER_DAY
    return np.stack([days, hour, weekday, day, month, day_of_year], axis=1).astype(np.float64)


def _time(name: str, index: int, column: NDArray[np.int64], clock: bool) -> TimeFeature | None:
    missing = column == MISSING_TIME
    known = column[~missing]
    if not len(known) or (known.min() == known.max() and not missing.any()):
        return None
    # The first day's beginning: the exact moment may be known to belong to one person.
    origin = int(known.min()) // MICROS_PER_DAY * MICROS_PER_DAY
    parts = calendar_parts(known, origin)
    keep = [i for i in range(int(clock), len(PARTS)) if parts[:, i].min() < parts[:, i].max()]
    if clock:
        lived = (int(known.max()) - int(known.min())) / MICROS_PER_DAY
        keep = [i for i in keep if lived >= _CYCLE_DAYS[PARTS[i]]]
    if not keep and not missing.any():
        return None
    keep = keep or [PARTS.index("day of year")]
    spread = parts[:, keep].std(axis=0)
    return TimeFeature(
        name=name,
        index=index,
        origin=origin,
        parts=tuple(PARTS[i] for i in keep),
        mean=tuple(float(v) for v in parts[:, keep].mean(axis=0)),
        deviation=tuple(float(v) if v > 0 else 1.0 for v in spread),
        flag=bool(missing.any()),
    )
