"""Unit slips: the same distribution in another unit, for the whole batch or for part of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.data.second_units import SecondUnit, second_unit

__all__ = ["FEWEST", "Slip", "bin_distance", "part_slip", "unit_slip"]

Floats = npt.NDArray[np.float64]

# Factors so large that ordinary change hardly ever makes them.
_LARGE = {
    10.0: "a factor of 10", 100.0: "a factor of 100 (percent, cents)", 1e3: "a factor of 1,000",
    1e4: "a factor of 10,000", 1e6: "a factor of 1,000,000",
    1e9: "a factor of 1,000,000,000", 60.0: "a factor of 60 (minutes, seconds)",
    3600.0: "a factor of 3,600 (hours, seconds)", 86400.0: "a factor of 86,400 (days, seconds)",
}  # fmt: skip
# Factors that growth could make too: they must fit all but exactly.
_SMALL = {
    1.609344: "miles and kilometres", 2.54: "inches and centimetres", 1 / 0.45359237: "pounds",
    1 / 0.3048: "feet and metres", 3.785411784: "gallons and litres", 3.6: "m/s and km/h",
    1.943844: "knots and m/s", 33.863886: "inches of mercury and hPa", 24.0: "days and hours",
}  # fmt: skip
_SHIFTS: tuple[tuple[Callable[[Floats], Floats], str], ...] = (
    (lambda x: (x - 32.0) / 1.8, "Fahrenheit for Celsius"),
    (lambda x: x * 1.8 + 32.0, "Celsius for Fahrenheit"),
    (lambda x: x - 273.15, "Kelvin for Celsius"),
    (lambda x: x + 273.15, "Celsius for Kelvin"),
    (lambda x: -x, "the opposite sign"),
)
_FAR = 0.4
FEWEST = 5
"""How many rows in another unit are told."""
_LEAST = 30
_TAIL = 10.0
"""How many times the width of nine tenths of the values a tail may be long."""


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """A slip that was found: how it reads, and the distance to the reference before and after."""

    unit: str
    before: float
    after: float
    share: float = 1.0


def bin_distance(values: Floats, edges: Floats, shares: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance to a reference known by its bins.

    `edges` are the inner edges of the bins, each the last value of its bin; `shares` (one more)
    is what each bin held.

    Examples
    --------
    >>> bin_distance(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0]), np.array([0.5, 0.5]))
    0.0
    """
    found = np.bincount(np.searchsorted(edges, values, side="left"), minlength=edges.size + 1)
    gap = np.abs(np.cumsum(found)[:-1] / values.size - np.cumsum(shares)[:-1])
    return float(gap.max()) if gap.size else 0.0


def unit_slip(
    values: Floats, edges: Floats, shares: Floats, low: float, high: float
) -> Slip | None:
    """Return the slip that explains a whole batch, or None.

    The batch must lie far from the reference as it stands, and close to it once a known factor
    or shift is taken back; or nearly all of it far outside the range `low` to `high`, and inside
    once a large factor is. Small factors, which growth can make too, must fit all but exactly.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> usual = rng.normal(70, 10, 2000)
    >>> edges = np.quantile(usual, np.arange(1, 20) / 20)
    >>> unit_slip(rng.normal(70, 10, 500) * 1000, edges, np.full(20, 0.05), 35, 105).unit
    'a factor of 1,000'
    >>> unit_slip(rng.normal(85, 10, 500), edges, np.full(20, 0.05), 35, 105)
    """
    if values.size < _LEAST or edges.size < 5:
        return None
    before = bin_distance(values, edges, shares)
    if before < _FAR:
        return None
    noise = float(1.0 / np.sqrt(values.size))
    best: Slip | None = None
    # A few slipped rows among those of the reference must not stretch what is usual.
    reach = _TAIL * float(edges[-1] - edges[0])
    usual = max(low, float(edges[0]) - reach), min(high, float(edges[-1]) + reach)
    beyond = float(_outside(values, *usual).mean()) >= 0.9
    for change, unit, kind in _changes():
        made = change(values)
        after = bin_distance(made, edges, shares)
        if kind == "large":
            fits = after <= min(0.15 + noise, 0.4 * before)
            within = float(((made >= low) & (made <= high)).mean()) >= 0.95
            fits = fits or (beyond and within and after <= 0.6)
        else:
            fits = before >= 0.6 and after <= min(0.03 + noise, 0.1)
        # Where two factors fit alike, the rounder one, which comes first, is the likelier.
        clear = 0.03 if kind == "large" else 0.0
        if fits and (best is None or after < best.after - clear):
            best = Slip(unit=unit, before=before, after=after)
    return best


def _outside(values: Floats, low: float, high: float) -> npt.NDArray[np.bool_]:
    """Return which values are far outside the range, where drift does not get at once."""
    far: npt.NDArray[np.bool_] = np.abs(values) > 3.0 * max(abs(high), abs(low))
    return far | ((values < low / 3.0) & (values > 0)) if low > 0 else far


def _changes() -> Sequence[tuple[Callable[[Floats], Floats], str, str]]:
    found: list[tuple[Callable[[Floats], Floats], str, str]] = []
    for kind, table in (("large", _LARGE), ("small", _SMALL)):
        for factor, unit in table.items():
            found.append((lambda x, f=factor: x / f, unit, kind))  # type: ignore[misc]
            found.append((lambda x, f=factor: x * f, unit, kind))  # type: ignore[misc]
    found += [(change, unit, "small") for change, unit in _SHIFTS]
    return found


def part_slip(
    values: Floats, edges: Floats, shares: Floats, low: float, high: float
) -> tuple[Slip, npt.NDArray[np.bool_]] | None:
    """Return the slip that explains values far outside the range `low` to `high`, and which.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> usual = rng.normal(70, 10, 2000)
    >>> edges = np.quantile(usual, np.arange(1, 20) / 20)
    >>> mixed = np.concatenate([rng.normal(70, 10, 400), rng.normal(70, 10, 100) / 100])
    >>> slip, which = part_slip(mixed, edges, np.full(20, 0.05), usual.min(), usual.max())
    >>> slip.unit, int(which.sum())
    ('a factor of 100 (percent, cents)', 100)
    """
    if values.size < _LEAST or not edges.size or not high > low:
        return None
    return _beyond(values, edges, shares, low, high) or _apart(values, edges, shares, low, high)


def _apart(
    values: Floats, edges: Floats, shares: Floats, low: float, high: float
) -> tuple[Slip, npt.NDArray[np.bool_]] | None:
    """Find few rows that a gap parts from the batch and that are a copy of it in another unit.

    Where earlier data reached, a single wild value says nothing: the bounds are those of a tail
    that goes on as it thins out between the bins.
    """
    found = second_unit(values, most=0.45)
    if found is None or int(found.which.sum()) < FEWEST:
        return None
    part = values[found.which]
    least, most = _reach(edges, shares)
    beyond = (part > min(high, most)) | (part < max(low, least))
    if float(beyond.mean()) < 0.9 or not _fits_before(part, found, edges, low, high):
        return None
    before = bin_distance(values, edges, shares)
    share = float(found.which.mean())
    unit = _named(found)
    return Slip(unit=unit, before=before, after=0.0, share=share), found.which


def _named(found: SecondUnit) -> str:
    if found.unit.less:
        return found.unit.said
    factor = max(found.unit.factor, 1.0 / found.unit.factor)
    for known, said in (_LARGE | _SMALL).items():
        if abs(known / factor - 1.0) < 1e-6:
            return said
    return f"a factor of {factor:,.10g}"


def _fits_before(part: Floats, found: SecondUnit, edges: Floats, low: float, high: float) -> bool:
    """Say whether the rows lie among the earlier ones once the unit is taken back."""
    made = found.unit.back(part)
    return float(((made >= low) & (made <= high)).mean()) >= 0.9 and bool(
        edges[0] <= float(np.median(made)) <= edges[-1]
    )


def _reach(edges: Floats, shares: Floats) -> tuple[float, float]:
    """Return how far values get by chance, from the bins alone: one in 100,000 lies beyond."""
    last, first = float(shares[-1]), float(shares[0])
    upper, lower = edges[-1 - (edges.size - 1) // 4], edges[(edges.size - 1) // 4]
    above = float(shares[np.searchsorted(edges, upper, "left") + 1 :].sum())
    below = float(shares[: np.searchsorted(edges, lower, "left") + 1].sum())
    return (
        -_further(-float(lower), -float(edges[0]), below, first),
        _further(float(upper), float(edges[-1]), above, last),
    )


def _further(inner: float, outer: float, more: float, rest: float) -> float:
    """Carry a tail on beyond its outer edge: as Pareto has it above zero, else straight on."""
    if not more > rest > 0 or outer <= inner:
        return outer
    times = np.log(rest / 1e-5) / np.log(more / rest)
    if inner > 0:
        return float(np.exp(min(700.0, np.log(outer) + times * np.log(outer / inner))))
    if outer < 0:
        return float(-np.exp(np.log(-outer) - times * np.log(inner / outer)))
    return float(outer + times * (outer - inner))


def _beyond(
    values: Floats, edges: Floats, shares: Floats, low: float, high: float
) -> tuple[Slip, npt.NDArray[np.bool_]] | None:
    """Find the rows that lie far outside the range of earlier data, and fit it in another unit."""
    outside = _outside(values, low, high)
    share = float(outside.mean())
    if share < 0.03 or outside.sum() < 10 or share > 0.97:
        return None
    # Small values come with a season too: what is left must be as ever.
    small = np.abs(values[outside]).max() < max(abs(high), abs(low))
    if small and bin_distance(values[~outside], edges, shares) > 0.3:
        return None
    strange = values[outside]
    typical = edges[(edges.size - 1) // 4], edges[-1 - (edges.size - 1) // 8]
    # Where one value (often zero) fills the bins, they do not tell what is usual beside it.
    heavy = edges.size < 5 or float(shares.max()) > 0.5
    best: tuple[float, str] | None = None
    for factor, unit in _LARGE.items():
        for made in (strange / factor, strange * factor):
            inside = float(((made >= low) & (made <= high)).mean())
            middle = float(((made >= typical[0]) & (made <= max(typical[1], high / 3))).mean())
            score = inside + middle
            if inside >= 0.9 and (middle >= 0.5 or heavy) and (not best or score > best[0] + 0.05):
                best = (score, unit)
    if best is None:
        return None
    before = bin_distance(values, edges, shares)
    return Slip(unit=best[1], before=before, after=0.0, share=share), outside
