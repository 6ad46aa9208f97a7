"""The target as a sum, difference or product of other columns, exact in every row.

`leakage.sums` looks for two or three columns with signs and lets a few rows be wrong. Here any
number of columns with any factors is found, but every row has to agree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.intake import numbers
from evermodel.data.target import labels
from evermodel.records import Task

__all__ = ["Formula", "formulas"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_PROBED = 20  # rows for each column, which refuse nearly every fit
_LEAST_PROBED = 2000
_SPARE = 5  # rows for each column, below which a fit of chance could be exact
_LEAST_ROWS = 50
_MOST_COLUMNS = 200
_MOST_FOR_PAIRS = 40
_STEPS = 20  # of the target's last digit in its spread, above which rounding is no freedom
_SLACK = 1.5  # a fit to rounded targets misses the factors by a little, and so some rows
_MOST_DECIMALS = 6
_LEAST_OF_CLASS = 25
_ALMOST_ALL = 0.999


class Formula(msgspec.Struct, frozen=True, kw_only=True):
    """Columns that hold the target together, how, and in how many rows that was tried.

    `share` is in which part of them it holds, `needed` in which it has to.
    """

    columns: tuple[str, ...]
    said: str
    rows: int
    share: float = 1.0
    needed: float = 1.0


def formulas(
    columns: Mapping[str, pl.Series], target: pl.Series, task: Task
) -> tuple[Formula, ...]:
    """Return how columns make up the target: as a weighted sum, a product, or by one cut of a sum.

    A number (or a class of two as 0 and 1) is fitted by least squares, in its values and in their
    logarithms; it counts only if no row is off by more than the rounding of the target. Columns
    that the fit can spare are left away. A class of two is also looked for in the sums and
    differences of two columns, of which one cut has to tell 99.9 % of the rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, b = (pl.Series(rng.integers(0, 99, 200)) for _ in "ab")
    >>> [found.said for found in formulas({"a": a, "b": b}, (a + b).alias("y"), "regression")]
    ["'a' + 'b' = 'y'"]
    """
    values = {
        name: _floats(numbers(series))
        for name, series in columns.items()
        if series.dtype.is_numeric() or series.dtype == pl.Boolean
    }
    values = dict(list({n: v for n, v in values.items() if _varies(v)}.items())[:_MOST_COLUMNS])
    if task == "multiclass" or not values:
        return ()
    goal = _coded(target) if task == "binary" else _floats(numbers(target))
    if not _varies(goal):
        return ()
    found = [_sum(values, goal, target.name)]
    if task == "regression":
        found.append(_product(values, goal, target.name))
    elif found[0] is None:
        found += _cuts(values, goal, target.name)
    return tuple(one for one in found if one is not None)


def _floats(series: pl.Series) -> Floats:
    return series.to_numpy().astype(np.float64)


def _varies(values: Floats) -> bool:
    known = values[np.isfinite(values)]
    return known.size >= _LEAST_ROWS and bool(known.min() < known.max())


def _coded(target: pl.Series) -> Floats:
    words = labels(target)
    names = words.drop_nulls().unique().sort().to_list()
    if len(names) != 2:
        return np.full(target.len(), np.nan)
    return _floats(words.replace_strict(names, [0.0, 1.0], default=None))


def _rounding(goal: Floats) -> float:
    """Return by how much a number that was rounded as the target is may be off."""
    spread = float(goal.std())
    for decimals in range(_MOST_DECIMALS + 1):
        unit = 10.0**-decimals
        if np.abs(goal - np.round(goal, decimals)).max() <= 1e-9 * max(1.0, np.abs(goal).max()):
            return 0.5 * unit if spread >= _STEPS * unit else 0.0
    return 0.0


def _fit(full: Floats, goal: Floats) -> tuple[Floats, float]:
    """Return factors (the last one is added) and the largest error."""
    shift, scale = full.mean(axis=0), full.std(axis=0)
    scale[scale == 0] = 1.0
    made = np.column_stack([(full - shift) / scale, np.ones(goal.size)])
    factors, *_ = np.linalg.lstsq(made, goal, rcond=1e-12)
    off = float(np.abs(made @ factors - goal).max())
    own = factors[:-1] / scale
    return np.r_[own, factors[-1] - float(own @ shift)], off


def _spared(full: Floats, goal: Floats, most: float) -> list[int]:
    """Return the places of columns that an exact fit needs, the least telling left away first."""
    kept = list(range(full.shape[1]))
    factors, off = _fit(full, goal)
    if off > most:
        return []
    weight = np.abs(factors[:-1]) * full.std(axis=0)
    # Most columns play no part: they go at once, and only the others one by one.
    playing = np.flatnonzero(weight > 1e-6 * float(goal.std())).tolist()
    if playing and _fit(full[:, playing], goal)[1] <= most:
        kept = playing
    order = np.array(kept)[np.argsort(weight[kept], kind="stable")]
    for place in order.tolist():
        rest = [one for one in kept if one != place]
        if rest and _fit(full[:, rest], goal)[1] <= most:
            kept = rest
    return kept


def _exact(full: Floats, goal: Floats, most: float) -> tuple[list[int], Floats] | None:
    """Return the columns of an exact fit and their factors; None where there is none."""
    if goal.size < _LEAST_ROWS + _SPARE * full.shape[1]:
        return None
    few = max(_LEAST_PROBED, _PROBED * full.shape[1])
    probe = np.random.default_rng(0).permutation(goal.size)[:few]
    kept = _spared(full[probe], goal[probe], most)
    if not kept:
        return None
    factors, off = _fit(full[:, kept], goal)
    return (kept, factors) if off <= most else None


def _sum(values: Mapping[str, Floats], goal: Floats, name: str) -> Formula | None:
    names = list(values)
    full = np.column_stack([values[one] for one in names])
    whole = np.isfinite(full).all(axis=1) & np.isfinite(goal)
    if whole.sum() < 0.5 * np.isfinite(goal).sum():
        # A gap in a count or an amount is most often a nothing.
        full, whole = np.nan_to_num(full), np.isfinite(goal)
    full, goal = full[whole], goal[whole]
    if goal.size < _LEAST_ROWS:
        return None
    most = max(1e-7 * float(goal.std()), _rounding(goal) * _SLACK)
    found = _exact(full, goal, most)
    if found is None:
        return None
    kept, factors = found
    # Factors of a rounded target are known to fewer digits.
    digits = 4 if _rounding(goal) else 6
    terms = list(zip(factors[:-1].tolist(), [repr(names[place]) for place in kept], strict=True))
    terms.sort(key=lambda term: term[0] < 0)
    said = "".join(_term(factor, column, digits) for factor, column in terms)
    if abs(factors[-1]) > max(most, 1e-6 * float(np.abs(goal).max())):
        said += _term(float(factors[-1]), "", digits)
    parts = tuple(names[place] for place in kept)
    said = said.removeprefix(" + ").lstrip()
    return Formula(columns=parts, said=f"{said} = {name!r}", rows=goal.size)


def _term(factor: float, column: str, digits: int) -> str:
    size = f"{abs(factor):.{digits}g}"
    shown = column if size == "1" and column else size + (f" x {column}" if column else "")
    return (" + " if factor > 0 else " - ") + shown


def _product(values: Mapping[str, Floats], goal: Floats, name: str) -> Formula | None:
    """Find whole powers of columns whose product is the target, up to its rounding."""
    known = np.isfinite(goal)
    names = [
        one
        for one, column in values.items()
        if (np.isfinite(column[known]) & (column[known] != 0)).mean() >= 0.9
    ]
    if not names:
        return None
    full = np.abs(np.column_stack([values[one] for one in names]))
    used = known & np.isfinite(full).all(axis=1) & (full > 0).all(axis=1) & (goal != 0)
    size = np.abs(goal[used])
    if size.size < _LEAST_ROWS + _SPARE * len(names) or np.unique(size).size < 10:
        return None
    logs, most = np.log(full[used]), _rounding(size) * 1.001
    # Large targets lose least by rounding, so the powers are read off the upper half.
    upper = size >= np.median(size)
    factors, _ = _fit(logs[upper], np.log(size[upper]))
    powers = np.round(factors[:-1])
    kept = np.flatnonzero((np.abs(powers) >= 1) & (np.abs(powers) <= 2))
    if kept.size < 2:
        return None
    made = np.exp(logs[:, kept] @ powers[kept])
    constant = float(np.median(size / made))
    if np.abs(constant * made - size).max() > max(most, 1e-7 * float(size.max())):
        return None
    up = [names[i] + ("^2" if powers[i] > 1 else "") for i in kept if powers[i] > 0]
    down = [names[i] + ("^2" if powers[i] < -1 else "") for i in kept if powers[i] < 0]
    said = " x ".join(map(repr, up)) or "1"
    said += "".join(f" / {one!r}" for one in down)
    if abs(constant - 1) > 1e-4:
        said = f"{constant:.6g} x {said}"
    parts = tuple(names[i] for i in kept)
    return Formula(columns=parts, said=f"{said} = {name!r}", rows=int(size.size))


def _cuts(values: Mapping[str, Floats], goal: Floats, name: str) -> list[Formula]:
    """Find two columns of whose sum or difference one cut tells the class, and neither alone."""
    names = list(values)[:_MOST_FOR_PAIRS]
    full = np.column_stack([values[one] for one in names])
    known = np.isfinite(goal)
    full, aim = full[known], goal[known] == 1
    rarer = min(int(aim.sum()), int((~aim).sum()))
    if rarer < _LEAST_OF_CLASS:
        return []
    rng = np.random.default_rng(0)
    probe = np.concatenate([rng.permutation(np.flatnonzero(side))[:200] for side in (aim, ~aim)])
    needed = max(_ALMOST_ALL, 1 - 0.01 * rarer / aim.size)
    telling = [_cut(full[:, place], aim) >= needed for place in range(len(names))]
    found: list[Formula] = []
    for first, second in combinations(range(len(names)), 2):
        if telling[first] or telling[second]:
            continue
        for sign, word in ((-1.0, "-"), (1.0, "+")):
            some = full[probe, first] + sign * full[probe, second]
            if _cut(some, aim[probe]) < 0.99:
                continue
            share = _cut(full[:, first] + sign * full[:, second], aim)
            if share >= needed:
                said = f"one cut of {names[first]!r} {word} {names[second]!r} tells {name!r}"
                parts = (names[first], names[second])
                found.append(
                    Formula(columns=parts, said=said, rows=aim.size, share=share, needed=needed)
                )
    return found


def _cut(values: Floats, aim: npt.NDArray[np.bool_]) -> float:
    """Return the share of rows that the best single threshold puts in the right class."""
    known = np.isfinite(values)
    if known.mean() < 0.98:
        return 0.0
    order = np.argsort(values[known], kind="stable")
    ordered, hits = values[known][order], aim[known][order].cumsum()
    last = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
    n, yes = last + 1.0, hits[last].astype(np.float64)
    total = float(hits[-1])
    right = yes + (known.sum() - total) - (n - yes)
    best = max(float(right.max()), float(known.sum() - right.min()))
    return best / aim.size if not math.isnan(best) else 0.0
