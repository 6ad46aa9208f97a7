"""In which order the dates of a column are written, told by all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from evermodel.tables.evidence import ORDERS, Evidence
from evermodel.tables.understanding import DateOrder

__all__ = ["Order", "file_order", "not_real", "order_of"]

_SHOWN = 4
_NEARLY, _HARDLY = 0.05, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The order of a column's dates, None where it has no one, and notes on how it was found."""

    order: DateOrder | None
    notes: list[str] = field(default_factory=list)


def file_order(evidence: Sequence[Evidence], said: DateOrder) -> DateOrder:
    """Return the one order of day and month that columns prove, the user's word first."""
    if said:
        return said
    proven: set[DateOrder] = set()
    for one in evidence:
        if one.is_date and one.twofold_dates:
            days, months = one.failing["day first"], one.failing["month first"]
            if "year first" in _best(one):
                continue
            if not days and months:
                proven.add("day first")
            elif days and not months:
                proven.add("month first")
    return proven.pop() if len(proven) == 1 else ""


def order_of(one: Evidence, known: DateOrder, *, told: bool) -> Order:
    """Return the order that fits the dates of a column.

    Parameters
    ----------
    one : Evidence
    known : str
        The order that the user or the rest of the file says; it decides where several fit alike.
    told : bool
        Whether the column has to be one of dates: then the order that fits most is taken, else one
        that fits all.
    """
    if not one.twofold_dates:
        if one.impossible and not told:
            return Order(
                order=None, notes=[f"{one.impossible} dates do not exist: kept as category"]
            )
        return Order(order="year first", notes=_notes(one))
    best = _best(one, known)
    fewest = min(one.failing[order] for order in best)
    if (fewest or one.impossible) and not told:
        wrong = fewest + one.impossible
        few = wrong < one.dates // 2
        what = f"{wrong} of {one.dates} dates do not exist in the order of the others"
        return Order(order=None, notes=[f"{what}: kept as category"] if few else [])
    if known in best and len(best) > 1:
        return Order(order=known, notes=_notes(one))
    if len(best) == 1:
        return Order(order=best[0], notes=[f"dates are written {best[0]}", *_notes(one)])
    return _undecided(one, best, told=told)


def not_real(one: Evidence) -> int:
    """Return how many dates of a column do not exist in the order of most."""
    return min((one.failing[order] for order in _best(one)), default=0) + one.impossible


def _best(one: Evidence, known: DateOrder = "") -> list[DateOrder]:
    """Return the orders that fit as many dates as any.

    Most days of the month are years of two digits, too: a year first is taken only where most of
    the dates have one of two digits and the other orders fit less than half of them, or where it
    is `known` to stand there; with dashes it is as usual as they are.
    """
    failing = one.failing
    fewest = min(failing["day first"], failing["month first"])
    best = [order for order in ORDERS[1:] if failing[order] == fewest]
    years = failing["year first"] if one.short_years else one.twofold_dates
    if known == "year first" and years <= _NEARLY * one.twofold_dates:
        return ["year first"]
    most = 2 * one.twofold_dates > one.dates + one.natives or not one.short_years
    if fewest > _HARDLY * one.twofold_dates and most:
        return ["year first"] if years < fewest else best
    beside = one.dashed_years and years <= _NEARLY * one.twofold_dates
    return ["year first", *best] if beside else best


def _undecided(one: Evidence, best: Sequence[DateOrder], *, told: bool) -> Order:
    """Return the usual one of several orders that fit alike, and say so.

    A year of two digits between dashes may stand first or last, and neither is usual.
    """
    by_year = "year first" in best
    if by_year and not told:
        what = "years of two digits may stand first or last"
        return Order(order=None, notes=[f"{what} (set reading.dates to choose): kept as category"])
    order: DateOrder = "day first"
    if "day first" not in best or (one.slashed and not by_year):
        order = "month first"
    note = "day and month cannot be told apart (no number above 12)"
    if by_year:
        note = "years of two digits may stand first or last"
    said = f"{note}: read as {order} (set reading.dates to choose)"
    return Order(order=order, notes=[said, *_notes(one)])


def _notes(one: Evidence) -> list[str]:
    """Return what else was not plain: several ways of writing, zones, days of a spreadsheet."""
    notes = []
    ways = sorted(one.writings.values(), key=lambda way: (-way.rows, way.line))
    if len(ways) > 1:
        shown = ", ".join(
            f"{way.text!r} (line {way.line}) and {way.rows - 1} more" for way in ways[:_SHOWN]
        )
        notes.append(f"dates are written in {len(ways)} ways: {shown}")
    if one.has_serials:
        count = "1 number" if one.serials == 1 else f"{one.serials} numbers"
        notes.append(f"{count} among dates: read as days that a spreadsheet counts")
    if one.zones:
        notes.append("times with a zone are turned to UTC")
    return notes
