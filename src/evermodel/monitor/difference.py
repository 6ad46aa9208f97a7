"""Two profiles of one column as the same bins, and what differs between them in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from evermodel.report.wording import number, percent
from evermodel.stats.arrays import Floats

if TYPE_CHECKING:
    from evermodel.tables import ColumnProfile

__all__ = ["Bins", "bins_of", "in_words", "picture"]

SHOWN = 8
"""Categories in a picture; the others are added up."""

_ORDERED = ("number", "text")


@dataclass(frozen=True, slots=True)
class Cut:
    """A number between two bins; the lower bin holds it too where `inclusive`."""

    at: float
    inclusive: bool = True


@dataclass(frozen=True, slots=True)
class Bins:
    """Counts [K] before and after, with a label each; the last bin is "missing".

    `cuts` are the K - 2 numbers between ordered bins, as one reads them out.
    """

    labels: tuple[str, ...]
    before: Floats
    after: Floats
    ordered: bool
    cuts: tuple[Cut, ...] = ()

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """The shares of all rows, before and after."""
        return self.before / max(self.before.sum(), 1), self.after / max(self.after.sum(), 1)


def bins_of(before: ColumnProfile, after: ColumnProfile) -> Bins | None:
    """Return both columns as counts of the same bins, or None when their bins differ."""
    if (before.edges, before.values) != (after.edges, after.values):
        return None
    if before.type in _ORDERED:
        return _numbers(before, after)
    labels: tuple[str, ...] = ("has a value",)
    if before.type == "timestamp":
        old, new = [before.present], [after.present]
    else:
        labels = (*before.values, "other values")
        old = [*before.value_counts, before.other]
        new = [*after.value_counts, after.other]
    return _with_missing(before, after, labels, old, new)


def _with_missing(
    before: ColumnProfile,
    after: ColumnProfile,
    labels: Sequence[str],
    old: Sequence[int],
    new: Sequence[int],
    cuts: Sequence[Cut] = (),
) -> Bins:
    return Bins(
        (*labels, "missing"),
        np.array([*old, before.missing], np.float64),
        np.array([*new, after.missing], np.float64),
        before.type in _ORDERED,
        tuple(cuts),
    )


def _numbers(before: ColumnProfile, after: ColumnProfile) -> Bins:
    """Return the bins of numbers; what lies outside all that was seen has bins of its own.

    The outermost bins have no outer edge: a one that becomes a thousand would stay where it was.
    """
    outside = after.below + after.above
    if before.minimum is not None and before.minimum == before.maximum:
        constant = number(before.minimum)
        labels = [constant, f"values other than {constant}"]
        old, new = [before.present, 0], [after.present - outside, outside]
        return _with_missing(before, after, labels, old, new)
    labels, old, new = _spans(before.edges), list(before.counts), list(after.counts)
    cuts = [Cut(edge) for edge in before.edges]
    if after.below and before.minimum is not None:
        labels.insert(0, f"below {number(before.minimum)}")
        old.insert(0, 0)
        new[:1] = [after.below, new[0] - after.below]
        cuts.insert(0, Cut(before.minimum, inclusive=False))
    if after.above and before.maximum is not None:
        labels.append(f"above {number(before.maximum)}")
        old.append(0)
        new[-1:] = [new[-1] - after.above, after.above]
        cuts.append(Cut(before.maximum))
    return _with_missing(before, after, labels, old, new, cuts)


def _spans(edges: tuple[float, ...]) -> list[str]:
    if not edges:
        return ["has a value"]
    shown = [number(edge) for edge in edges]
    between = (f"{low} to {high}" for low, high in pairwise(shown))
    return [f"up to {shown[0]}", *between, f"above {shown[-1]}"]


def in_words(column: ColumnProfile, bins: Bins) -> str:
    """Return the one largest change as a sentence, in shares of the rows."""
    before, after = bins.shares
    change = after - before
    gap = abs(float(change[-1]))
    if bins.cuts:
        steps = np.cumsum(change[:-1])[:-1]
        cut = int(np.argmax(np.abs(steps)))
        if abs(float(steps[cut])) > gap:
            return _cut_in_words(column.type, bins, cut)
    elif len(bins.labels) > 2:
        largest, rise = int(np.argmax(np.abs(change[:-1]))), int(np.argmax(change[:-1]))
        if change[rise] > 0.7 * abs(change[largest]):  # what there is more of is easier to see
            largest = rise
        if abs(float(change[largest])) > gap:
            label = bins.labels[largest]
            name = f"`{label}`" if largest < len(column.values) else label
            more = "more" if change[largest] > 0 else "fewer"
            return f"New rows have {more} {name}: {_instead(after[largest], before[largest])}."
    more = "More" if change[-1] > 0 else "Fewer"
    return f"{more} values are missing: {_instead(after[-1], before[-1])}."


def _cut_in_words(kind: str, bins: Bins, cut: int) -> str:
    before, after = bins.shares
    old, new = float(before[: cut + 1].sum()), float(after[: cut + 1].sum())
    found = bins.cuts[cut]
    texts = kind == "text"
    what = "texts of up to" if texts else "values of at most"
    if not found.inclusive:
        what = "texts of less than" if texts else "values below"
    if new < old:  # say what there is more of
        present = 1 - float(before[-1]), 1 - float(after[-1])
        old, new = present[0] - old, present[1] - new
        what = "texts of more than" if texts else "values above"
    unit = " characters" if texts else ""
    return f"New rows have more {what} {number(found.at)}{unit}: {_instead(new, old)}."


def _instead(new: float, old: float) -> str:
    return f"{percent(float(new))} instead of {percent(float(old))}"


def picture(bins: Bins) -> dict[str, Any]:
    """Return what a chart needs: labels and shares, at most eight categories, small ones added."""
    before, after = bins.shares
    labels = list(bins.labels)
    if not bins.ordered and len(labels) > SHOWN + 2:
        order = np.argsort(-(before + after)[:-2], kind="stable")
        kept = np.sort(order[:SHOWN])
        rest = np.r_[np.sort(order[SHOWN:]), len(labels) - 2]
        labels = [labels[i] for i in kept] + ["other values", "missing"]
        before = np.r_[before[kept], before[rest].sum(), before[-1]]
        after = np.r_[after[kept], after[rest].sum(), after[-1]]
    if before[-1] == 0 and after[-1] == 0:
        labels, before, after = labels[:-1], before[:-1], after[:-1]
    return {
        "ordered": bins.ordered,
        "labels": labels,
        "reference": before.round(4).tolist(),
        "current": after.round(4).tolist(),
    }
