"""How rows came to be there: what each counts for, and which of them hang together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.stats.arrays import Codes, Floats
from evermodel.stats.intervals import Interval
from evermodel.stats.resampling import (
    Units,
    blocks,
    clusters,
    interval_of_draws,
    resampled,
    single_rows,
)

__all__ = [
    "ENOUGH_UNITS",
    "Sampling",
    "Setting",
    "Statistic",
    "drawn",
    "few_units",
    "sampling",
    "wider",
]

ENOUGH_UNITS = 10
"""Keys or blocks below which nothing is said."""

Statistic = Callable[[Floats], Mapping[str, Floats]]
"""From the weights [B, N] of the rows in B resamples to each metric's B values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Weights, keys and times of the rows that are measured; None where there are none.

    `trouble` says why nothing can be measured with them, "" when it can.
    """

    weight: Floats | None = None
    key: Codes | None = None
    time: Codes | None = None
    trouble: str = ""

    @property
    def plain(self) -> bool:
        """Whether each row counts once, and for itself."""
        return self.weight is None and self.key is None and self.time is None

    def of(self, rows: Codes) -> Sampling:
        """Return that of some of the rows."""

        def some(values: Any) -> Any:
            return None if values is None else values[rows]

        return Sampling(weight=some(self.weight), key=some(self.key), time=some(self.time))

    def weights(self, rows: int) -> Floats:
        """Return what each row counts for [N]."""
        return np.ones(rows) if self.weight is None else self.weight

    def units(self, rows: int, loss: Floats) -> list[Units]:
        """Return what is drawn as a whole: by key, by time, or single rows; both ways of two."""
        found = [clusters(self.key)] if self.key is not None else []
        if self.time is not None:
            found.append(blocks(self.time, loss))
        return found or [single_rows(rows)]


class Setting(NamedTuple):
    """How results are measured and what they are called."""

    how: Sampling
    subject: str
    level: float
    seed: int


def sampling(
    kept: npt.NDArray[np.bool_],
    *,
    weight: npt.ArrayLike | None = None,
    key: npt.ArrayLike | None = None,
    time: npt.ArrayLike | None = None,
) -> Sampling:
    """Return how the kept rows among those given came to be there.

    A key that no two rows share says nothing, and is left out.

    Raises
    ------
    InputError
        When there are not as many as rows.

    Examples
    --------
    >>> sampling(np.array([True, True]), weight=[1, -1]).trouble
    '1 of 2 weights are negative'
    """
    trouble, each, of_key, of_time = "", None, None, None
    if weight is not None:
        each, trouble = _weights(_rows("weight", weight, kept))
    if key is not None:
        of_key, without = _numbers(_rows("key", key, kept))
        trouble = trouble or (f"{without} rows have no key" if without else "")
        of_key = None if np.unique(of_key).size == of_key.size else of_key
    if time is not None:
        of_time, without = _numbers(_rows("time", time, kept))
        trouble = trouble or (f"{without} rows have no time" if without else "")
    return Sampling(weight=each, key=of_key, time=of_time, trouble=trouble)


def _rows(name: str, values: npt.ArrayLike, kept: npt.NDArray[np.bool_]) -> Any:
    array = np.asarray(values)
    if array.shape[:1] != kept.shape:
        sizes = f"{array.shape[0] if array.ndim else 1} for {kept.size} rows"
        raise InputError(f"there must be one {name} for each row", found=sizes)
    return array[kept]


def _weights(given: Any) -> tuple[Floats, str]:
    try:
        each = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        return np.ones(len(given)), "weights are not numbers"
    wrong = int(each.size - np.count_nonzero(np.isfinite(each)))
    if wrong:
        return each, f"{wrong} of {each.size} weights are missing or infinite"
    negative = int((each < 0).sum())
    if negative:
        return each, f"{negative} of {each.size} weights are negative"
    return each, "" if each.sum() > 0 else "all weights are 0"


def _numbers(values: Any) -> tuple[Codes, int]:
    """Return the number of each value in their order, and how many are missing."""
    if values.dtype != object:
        missing = values != values  # NaN and NaT
        names = np.unique(values, return_inverse=True, axis=0)[1].ravel()
        return names.astype(np.int64), int(np.any(missing.reshape(len(values), -1), axis=1).sum())
    missing = sum(1 for value in values.tolist() if value is None or value != value)
    try:
        names = np.unique(values, return_inverse=True)[1]
    except TypeError:  # of several kinds, or None among them
        names = np.unique(np.array([str(v) for v in values.tolist()]), return_inverse=True)[1]
    return names.ravel().astype(np.int64), missing


def drawn(
    statistic: Statistic,
    how: Sampling,
    loss: Floats,
    *,
    level: float,
    seed: int,
    ranges: Mapping[str, tuple[float, float]],
) -> dict[str, tuple[float, Interval, str]]:
    """Return each metric's value, its bootstrap interval, and why there are too few units.

    Parameters
    ----------
    statistic : callable
    how : Sampling
    loss : array of float [N]
        Of each row: what is alike in rows that follow one another.
    level, seed
        Of the intervals.
    ranges : mapping of str to (float, float)
        Least and largest value; without bounds for a metric that is not in it.
    """
    weight = how.weights(loss.size)
    values = {name: float(found[0]) for name, found in statistic(weight[None]).items()}
    out: dict[str, tuple[float, Interval, str]] = {}
    for units in how.units(loss.size, loss):
        parts = [statistic(w) for w in resampled(units, seed=seed, weight=how.weight)]
        for name, value in values.items():
            least, most = ranges.get(name, (-math.inf, math.inf))
            found = interval_of_draws(
                value,
                np.concatenate([part[name] for part in parts]),
                units.independent,
                level=level,
                name=units.name,
                least=least,
                most=most,
            )
            each = value, found, few_units(units)
            out[name] = wider(out[name], each) if name in out else each
    return out


def few_units(units: Units) -> str:
    """Return why there are too few units to draw, "" when there are not."""
    if units.independent >= ENOUGH_UNITS:
        return ""
    kind = {"bootstrap": "rows", "cluster bootstrap": "keys"}.get(units.name, "blocks of time")
    return f"{units.independent} {kind} are too few to say: {ENOUGH_UNITS} are needed"


def wider(
    one: tuple[float, Interval, str], other: tuple[float, Interval, str]
) -> tuple[float, Interval, str]:
    """Return the measured value with the wider of two intervals, and all doubts."""
    (value, first, few), (_, second, more) = one, other
    sizes = [each.high - each.low for each in (first, second)]
    chosen = first if not sizes[0] < sizes[1] else second
    method = f"the wider of {first.method} and {second.method}"
    return value, chosen._replace(method=method), few or more
