"""A second cluster of numbers that is a copy of the main one in another unit.

The claim is statistical and has two halves. *Apart*: by Rényi's representation of the spacings of
exponential order statistics (Rényi 1953, "On the theory of order statistics"), the gaps between the
logarithms of the largest values of a Pareto tail, each times the number of values above it, are
independent and follow one exponential law, whose mean Hill's estimator measures (Hill 1975, "A
simple general approach to inference about the tail of a distribution"); those of a lighter tail
shrink outwards. A gap is therefore judged beside the gaps below it, and the chance of it is counted
once for each place that was looked at.
*A copy*: the values beyond the gap, taken back by a known factor, must pass the two-sample test of
Kolmogorov and Smirnov beside the main cluster, and lie on its grid of decimals.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evermodel.data.naming import words

__all__ = [
    "ALL_COLUMNS",
    "LEAST",
    "SHARE",
    "SecondUnit",
    "Unit",
    "gap_chance",
    "grid_of",
    "may_be_so",
    "second_unit",
]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEAST = 3
"""So many values at least: one or two are outliers, of which nobody knows the unit."""

SHARE = 0.22
"""The second cluster is the smaller one by far; two that share a column are two kinds of things."""

ALL_COLUMNS = 0.05
"""The chance of a false claim in a table of clean columns, however many these are."""

_CHANCE = 1e-3
_LEAST_ROWS = 30
_CUTS = 4
_NARROW = 0.05
_WIDTHS = (1, 2, 4)
_GRIDS = (1.0, 0.1, 0.01, 1e-3, 1e-4)
_TIME = {
    "hour", "hours", "h", "hrs", "minute", "minutes", "min", "mins", "second", "seconds", "sec",
    "time", "duration", "length", "elapsed", "runtime", "delay", "wait", "stay", "worked", "dauer",
    "stunden", "minuten", "overtime", "shift", "day", "days",
}  # fmt: skip
_HEAT = {
    "temp", "temps", "temperature", "temperatures", "temperatur", "celsius", "fahrenheit", "degc",
    "degf", "degrees", "tmin", "tmax", "tavg", "dew", "dewp", "dewpoint", "fever", "heat", "t",
    "atemp", "air", "water", "body", "indoor", "outdoor",
}  # fmt: skip

# What has a name of these is no weight.
_NO_WEIGHT = _TIME | _HEAT | {
    "cm", "mm", "km", "miles", "height", "width", "depth", "größe", "altura", "talla", "distance",
    "age", "alter", "edad", "price", "preis", "precio", "cost", "kosten", "eur", "usd", "gbp",
    "salary", "income", "revenue", "umsatz", "percent", "pct", "pressure", "systolic", "diastolic",
}  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """How a value is taken back: ``(value - less) / factor``, and how that reads."""

    factor: float
    said: str
    less: float = 0.0

    def back(self, values: Floats) -> Floats:
        """Return the values in the unit of the others."""
        return (values - self.less) / self.factor


def may_be_so(unit: Unit, name: str) -> bool:
    """Say whether a column of this name can hold values in that unit: no height is in pounds."""
    return "pounds" not in unit.said or not _NO_WEIGHT & set(words(name))


@dataclass(frozen=True)
class SecondUnit:
    """The cluster that was found: in which values, in what unit, and how likely by chance."""

    which: Bools
    unit: Unit
    chance: float


# Factors that split a column on its own; the rounder ones come first where several fit alike.
_PLAIN = (
    Unit(1e3, "1,000 times"), Unit(1e2, "100 times"), Unit(1e1, "10 times"),
    Unit(1e6, "1,000,000 times"),
)  # fmt: skip
_CLOCK = (
    Unit(60.0, "60 times (minutes for hours, or seconds for minutes)"),
    Unit(3600.0, "3,600 times (seconds for hours)"),
)
_SMALL = (Unit(1 / 0.45359237, "2.2 times (pounds for kilograms)"),)
_FAHRENHEIT = Unit(1.8, "Fahrenheit for Celsius", 32.0)
_CELSIUS = Unit(1 / 1.8, "Celsius for Fahrenheit", -32.0 / 1.8)


def second_unit(
    values: Floats, name: str = "", *, most: float = SHARE, columns: int = 1
) -> SecondUnit | None:
    """Return the part of a column that is the rest of it in another unit, or None.

    Parameters
    ----------
    values : array of shape (n,)
        Finite numbers, one for each row.
    name : str
        What the column is called: minutes are looked for among times, and Fahrenheit among
        temperatures; elsewhere Fahrenheit needs more rows.
    most : float
        The greatest share of the rows that the part may have.
    columns : int
        How many columns of a table are looked at: in many, chance makes rarer gaps.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> incomes = rng.lognormal(8, 0.8, 5000)
    >>> second_unit(incomes) is None
    True
    >>> incomes[:40] *= 1000
    >>> found = second_unit(incomes)
    >>> int(found.which.sum()), found.unit.said
    (40, '1,000 times greater')
    """
    if values.size < _LEAST_ROWS:
        return None
    limit = min(_CHANCE, ALL_COLUMNS / columns)
    found = _by_factor(values, set(words(name)), most, limit)
    return found or _by_degrees(values, set(words(name)), most, limit)


def gap_chance(values: Floats, k: int) -> float:
    """Return the chance of a gap as wide as the one below the k largest values in a clean tail.

    Examples
    --------
    >>> values = np.log(np.arange(100.0, 150.0))
    >>> gap_chance(values, 1) > 0.05, gap_chance(np.append(values, 9.0), 1) < 1e-6
    (True, True)
    """
    sorted_ = np.sort(values)
    below = sorted_.size - 1 - k
    plain = np.diff(sorted_)
    weighted = plain[:below] * (sorted_.size - 1 - np.arange(below))
    total = np.concatenate([[0.0], np.cumsum(weighted)])
    return _chance(float(plain[below]) * k, 1, total, k)


def grid_of(values: Floats) -> float:
    """Return the step that all but one in a hundred values are multiples of, 0 for none.

    Examples
    --------
    >>> grid_of(np.array([1.25, 3.5, 7.0])), grid_of(np.array([3.0, 12.0])), grid_of(np.sqrt([2.0]))
    (0.01, 1.0, 0.0)
    """
    for step in _GRIDS:
        if float(_on_grid(values, step).mean()) >= 0.99:
            return step
    return 0.0


def _on_grid(values: Floats, step: float) -> Bools:
    times = values / step
    near: Bools = np.abs(times - np.round(times)) <= 1e-6 + 1e-11 * np.abs(times)
    return near


def _spread_ties(sorted_: Floats, step: float) -> Floats:
    """Return sorted values as they may have been before they were rounded to a grid."""
    if step == 0.0 or sorted_.size == 0:
        return sorted_
    _, first, counts = np.unique(sorted_, return_index=True, return_counts=True)
    place = np.arange(sorted_.size) - np.repeat(first, counts)
    spread = (place + 0.5) / np.repeat(counts, counts) - 0.5
    # Only the heaps of a grid are spread: a number on none is what it is.
    return np.sort(sorted_ + np.where(_on_grid(sorted_, step), 0.98 * step * spread, 0.0))


@dataclass(frozen=True)
class _Cut:
    """A place that parts the few values above it from the main ones, all on one scale."""

    at: float
    k: int
    chance: float


def _cuts(sorted_: Floats, most: int, limit: float) -> list[_Cut]:
    """Return the gaps in the upper tail that no clean tail makes, the least likely first.

    Each spacing times the number of values above it follows one exponential law in a Pareto tail,
    so that the ratio of the mean of a few to the mean of m others follows the F distribution. A
    few neighbouring spacings are looked at together: one stray value must not fill a gap.
    """
    n = sorted_.size
    most = min(most, n // 2)
    if most < LEAST:
        return []
    plain = np.diff(sorted_)
    weighted = plain * (n - 1 - np.arange(n - 1))
    total = np.concatenate([[0.0], np.cumsum(weighted)])
    first = n - 1 - most
    found: dict[int, _Cut] = {}
    for width in _WIDTHS:
        sums = total[first + width :] - total[first:-width]
        for i in first + np.argsort(-sums)[:_CUTS]:
            at = int(i + np.argmax(plain[i : i + width]))
            k = n - 1 - at
            chance = most * len(_WIDTHS) * _chance(float(sums[i - first]), width, total[: i + 1], k)
            known = found.get(k)
            if k >= LEAST and chance < min(limit, known.chance if known else 1.0):
                found[k] = _Cut(at=float(sorted_[at]), k=k, chance=chance)
    return sorted(found.values(), key=lambda cut: cut.chance)[:_CUTS]


def _chance(force: float, width: int, total: Floats, k: int) -> float:
    """Return the chance that `width` weighted spacings sum to `force` beside those below them."""
    worst = 0.0
    for m in (max(20, k // 2), max(40, k), max(80, 2 * k)):
        m = min(m, total.size - 1)
        if m < 10:
            return 1.0
        below = max(float(total[-1] - total[-1 - m]), 1e-12)
        # The upper tail of F with 2 width and 2 m degrees of freedom, as a finite sum.
        share, term, tail = force / (below + force), 1.0, 0.0
        for j in range(width):
            tail += term
            term *= share * (m + j) / (j + 1)
        worst = max(worst, tail * float(np.exp(m * np.log1p(-share))))
    return worst


def _by_factor(
    values: Floats, name: Collection[str], most: float, limit: float
) -> SecondUnit | None:
    size = np.abs(values)
    held = np.flatnonzero(size > 0)
    if held.size < _LEAST_ROWS:
        return None
    grid = _common_grid(values[held])
    for side in (1.0, -1.0):
        order = np.argsort(side * size[held], kind="stable")
        spread = _spread_ties(np.sort(size[held]), grid)
        scale = np.log(spread) if side > 0 else -np.log(spread[::-1])
        for cut in _cuts(scale, int(most * held.size), limit):
            unit = _factor(values[held][order], cut, side, grid, name)
            if unit is not None:
                which = np.zeros(values.size, dtype=np.bool_)
                which[held[order[-cut.k :]]] = True
                return SecondUnit(which, unit, cut.chance)
    return None


def _common_grid(values: Floats) -> float:
    """Return the grid of what most values are on, whichever few of the others are not."""
    for step in _GRIDS:
        if float(_on_grid(values, step).mean()) >= 0.75:
            return step
    return 0.0


def _factor(
    ordered: Floats, cut: _Cut, side: float, grid: float, name: Collection[str]
) -> Unit | None:
    """Return the unit that makes the values beyond the cut a sample of those before it."""
    part, main = ordered[-cut.k :], ordered[: -cut.k]
    signs = float((part < 0).mean()), float((main < 0).mean())
    if abs(signs[0] - signs[1]) > 0.1 + 2.0 / np.sqrt(part.size) or not _varied(part, main):
        return None
    best: tuple[float, Unit] | None = None
    for unit in _candidates(side, name):
        fit = _likeness(np.log(np.abs(unit.back(part))), np.log(np.abs(main)), cut, side, unit)
        small = abs(np.log10(unit.factor)) > 0.5 or (part.size >= 5 and fit <= 0.8)
        if fit > 1.0 or not small or not _fits_grid(part, main, unit, grid):
            continue
        if best is None or fit < best[0] - 0.1:
            best = fit, unit
    return best[1] if best else None


def _varied(part: Floats, main: Floats) -> bool:
    """Say whether there are as many different values as in a sample of the main ones."""
    shares = np.unique(main, return_counts=True)[1] / main.size
    expected = float((1.0 - (1.0 - shares) ** part.size).sum())
    return np.unique(part).size >= max(2.0, 0.6 * expected)


def _candidates(side: float, name: Collection[str]) -> Iterator[Unit]:
    clock = _CLOCK if _TIME & set(name) else ()
    for unit in (*clock, *_PLAIN, *_SMALL):
        if side > 0:
            yield Unit(unit.factor, f"{unit.said} greater")
        else:
            yield Unit(1.0 / unit.factor, f"{unit.said} smaller")


def _likeness(part: Floats, main: Floats, cut: _Cut, side: float, unit: Unit) -> float:
    """Return the distance of two samples over the one that chance allows: above 1 is no copy.

    Values of the part that fell among the main ones are not seen, so the main ones are cut off
    where these would lie.
    """
    kept = main[side * main >= cut.at - side * np.log(unit.factor)]
    if kept.size < 0.6 * main.size:
        return np.inf
    low, high = kept.min(), kept.max()
    slack = 0.25 * (high - low)
    inside = float(((part >= low - slack) & (part <= high + slack)).mean())
    if inside < 0.9 or (part.size < 10 and not _like_a_few(part, kept)):
        return np.inf
    return _distance(part, kept)


def _like_a_few(part: Floats, main: Floats) -> bool:
    """Say whether a few values lie in the middle of the main ones, and as wide apart as such do.

    A few that lie close together far off are rather a thing of their own, such as the large orders
    of one customer, and the factor fits by chance. The width is judged by the exact law of the
    range of a sample (David and Nagaraja 2003, "Order statistics", section 2.3).
    """
    low, high = np.quantile(main, [0.05, 0.95])
    if not low <= float(np.median(part)) <= high:
        return False
    ordered = np.sort(main)
    starts = ordered[np.linspace(0, ordered.size - 1, min(ordered.size, 2_000)).astype(int)]
    width = float(part.max() - part.min()) * (1.0 + 1e-9)
    below = np.searchsorted(ordered, starts, "left")
    held = (np.searchsorted(ordered, starts + width, "right") - below) / ordered.size
    narrower = part.size * float((held ** (part.size - 1)).mean())
    return narrower >= _NARROW


def _distance(part: Floats, main: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance over its critical value at 1 %."""
    part, main = np.sort(part), np.sort(main)
    both = np.concatenate([part, main])
    gap = np.abs(
        np.searchsorted(part, both, "right") / part.size
        - np.searchsorted(main, both, "right") / main.size
    )
    # What slipped in yet another way, and the rounding of small values, may shift it a little.
    allowed = 1.63 * np.sqrt(1.0 / part.size + 1.0 / main.size) + 0.02
    return float(gap.max() / allowed)


def _fits_grid(part: Floats, main: Floats, unit: Unit, grid: float) -> bool:
    """Say whether the values taken back have no finer decimals than the others.

    Where all values lie within a small part of the factor their place is proof enough, and a
    scale that shows whole grams tells more than one that shows tenths of a kilogram.
    """
    if grid == 0.0 or unit.factor not in {f for u in _PLAIN for f in _both(u)}:
        return True
    low, high = np.quantile(np.abs(main), [0.02, 0.98])
    whole = high < 4.0 * low and grid < 1.0 < unit.factor and bool(_on_grid(part, 1.0).all())
    return whole or float(_on_grid(unit.back(part), grid).mean()) >= 0.8


def _both(unit: Unit) -> tuple[float, float]:
    return unit.factor, 1.0 / unit.factor


def _by_degrees(
    values: Floats, name: Collection[str], most: float, limit: float
) -> SecondUnit | None:
    """Find Fahrenheit among Celsius or the other way round: a shift, so on the plain scale."""
    told = bool(_HEAT & set(name))
    grid = _common_grid(values)
    for side, unit in ((1.0, _FAHRENHEIT), (-1.0, _CELSIUS)):
        order = np.argsort(side * values)
        scale = _spread_ties(np.sort(side * values), grid)
        for cut in _cuts(scale, int(most * values.size), limit):
            part, main = values[order[-cut.k :]], values[order[: -cut.k]]
            made = unit.back(part)
            celsius = (main, made) if side > 0 else (unit.back(main), unit.back(made))
            if any(side_.min() < -60.0 or side_.max() > 65.0 for side_ in celsius):
                continue
            kept = main[unit.factor * side * main + side * unit.less >= cut.at]
            if kept.size < 0.6 * main.size or (cut.k < 10 and not _like_a_few(made, kept)):
                continue
            if _distance(made, kept) <= (1.0 if told else 0.7) and (told or cut.k >= 10):
                which = np.zeros(values.size, dtype=np.bool_)
                which[order[-cut.k :]] = True
                return SecondUnit(which, unit, cut.chance)
    return None
