"""Numbers counted in the cells of a grid: exact counts, in any order and any parts.

The grid is as fine as memory allows, which the content alone decides, so that two halves merged
are the whole.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.tables.sketches import EXACT, Frequent

__all__ = ["Cells", "keys_of", "values_of"]

_HEAPS = 1_024
_CROWD = 256  # a cell is crowded where it holds more than one in so many rows of a batch
_TABLE = 1 << 21
_LARGEST = np.finfo(np.float64).max
_MAGNITUDE = np.int64(0x7FFF_FFFF_FFFF_FFFF)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def keys_of(values: Floats) -> Integers:
    """Return an integer for each number, in the order of the numbers; both zeros have key 0.

    Examples
    --------
    >>> keys_of(np.array([-2.0, -0.0, 0.0, 5e-324])).tolist()
    [-4611686018427387904, 0, 0, 1]
    """
    bits = (values + 0.0).view(np.int64)
    sign = bits >> 63
    if not sign.any():
        return bits
    keys: Integers = (bits ^ (sign & _MAGNITUDE)) - sign
    return keys


def values_of(keys: Integers) -> Floats:
    """Return the numbers that have these keys.

    Examples
    --------
    >>> values_of(keys_of(np.array([-1.5, 0.1]))).tolist()
    [-1.5, 0.1]
    """
    bits = np.where(keys < 0, -keys | np.int64(-(2**63)), keys)
    return bits.view(np.float64)


class Cells:
    """Exact counts of numbers in the cells of a grid that is as fine as memory allows.

    The grid is laid over the keys of the numbers; a cell holds ``lower < value <= upper``. It
    begins with one cell for each number. Whenever more than `limit` cells are in use, neighbours
    are joined two by two everywhere. The grid that is left is the finest with at most `limit`
    cells in use, whatever came first: counts are exact, and rows may come in any order and any
    parts. That is the uniform collapse of UDDSketch (Epicoco, Melle, Cafaro, Pulimeno and Morleo,
    IEEE Access 8, 2020), which mends that of DDSketch (Masson, Rim and Lee, PVLDB 12, 2019), with
    the bits of a floating-point number as its logarithm, so that it begins without any error.

    Examples
    --------
    >>> cells = Cells()
    >>> cells.add(keys_of(np.array([1.0, 2.0, 2.0, 3.0])))
    >>> cells.exact, cells.quantiles(np.array([0.5, 0.9])).tolist()
    (True, [2.0, 3.0])
    """

    def __init__(self, limit: int = EXACT) -> None:
        self.limit = limit
        self.shift = 0
        self.places: Integers = np.empty(0, np.int64)
        self.rows: Integers = np.empty(0, np.int64)
        self.heaps = Frequent(_HEAPS, pl.Int64)
        self.unseen = 0.0
        self._base = 0
        self._slots: npt.NDArray[np.int16] | None = None

    @property
    def exact(self) -> bool:
        """Whether every number has a cell of its own."""
        return self.shift == 0

    @property
    def total(self) -> int:
        """The number of rows."""
        return int(self.rows.sum())

    def add(self, keys: Integers, rows: Integers | None = None) -> None:
        """Count numbers, each once or `rows` times."""
        if not len(keys):
            return
        if rows is not None:
            if not self.exact:
                self.unseen += float(rows.sum())  # no heaps are looked for among these
            self._insert(*_summed((keys - 1) >> self.shift, rows))
        elif self.exact:
            self._insert(*_counted(keys - 1))
        else:
            self._count(keys)

    def merge(self, other: Cells) -> None:
        """Count all that another has counted."""
        ours, theirs = self.exact, other.exact
        if ours and not theirs:
            self._leave_exact()
        elif theirs and not ours:
            self.heaps.add(_frame(other.places + 1, other.rows))
        self.heaps.merge(other.heaps)
        self.unseen += other.unseen
        shift = max(self.shift, other.shift)
        self._coarsen(shift)
        self._insert(*_summed(other.places >> (shift - other.shift), other.rows))

    def quantiles(self, shares: Floats) -> Floats:
        """Return the smallest numbers that at least these shares of the rows do not exceed.

        Within a cell of several numbers the rows are taken as spread evenly, but for a heap of
        equal numbers that is most of them.
        """
        ends = np.cumsum(self.rows)
        # A share such as 0.07 times 100 lies above 7 by rounding alone.
        ranks = np.clip(np.ceil(shares * ends[-1] * (1 - 1e-15)), 1, ends[-1]).astype(np.int64)
        at = np.searchsorted(ends, ranks, "left")
        upper = values_of(((self.places + 1) << self.shift)[at])
        if self.exact:
            return upper
        # The outermost cells can end beyond the largest number.
        upper = np.minimum(upper, _LARGEST)
        lower = np.maximum(values_of((self.places << self.shift)[at]), -_LARGEST)
        heaps, heaped = self._heaps()
        heap = np.clip(values_of(heaps[at]), lower, upper)
        spread = self.rows[at] - heaped[at]
        into = ranks - (ends[at] - self.rows[at])
        before = spread * np.clip(heap / 2 - lower / 2, 0, None) / (upper / 2 - lower / 2)
        share = np.where(into <= before, into, into - heaped[at]) / np.maximum(spread, 1)
        between = lower * (1 - share) + upper * share
        found: Floats = np.where((into > before) & (into <= before + heaped[at]), heap, between)
        return found

    def rank_error(self) -> float:
        """Return the largest share of rows that lie in one cell and are not known to be equal."""
        if self.exact or not self.total:
            return 0.0
        spread = self.rows - self._heaps()[1]
        spread[self.places == -1] = 0  # ends at 0; below it only the tiniest numbers
        return float(spread.max() / self.total)

    def lost(self) -> int:
        """Return how many rows more than is known a heap may have."""
        return math.ceil(self.unseen) + self.heaps.lost

    def _heaps(self) -> tuple[Integers, Integers]:
        """Return for each cell the number that most of its rows have, and how many do."""
        keys, rows = np.zeros_like(self.places), np.zeros_like(self.rows)
        table = self.heaps.table
        found, counts = table["value"].to_numpy(), table["rows"].to_numpy()
        at = np.searchsorted(self.places, (found - 1) >> self.shift)
        many = (counts > self.lost()) & (2 * counts > self.rows[at])
        keys[at[many]], rows[at[many]] = found[many], counts[many]
        return keys, rows

    def equal_mass(self, bins: int) -> tuple[Floats, Integers]:
        """Return inner edges of bins of about equal mass, and the exact rows of each bin."""
        ends = np.cumsum(self.rows)
        places = np.ceil(np.arange(1, bins) / bins * ends[-1]).astype(np.int64)
        at = np.searchsorted(ends, places, "left")
        # A heap of equal values ends its bin; an edge below it keeps out what comes before.
        heaps = np.unique(at[1:][at[1:] == at[:-1]])
        at = np.unique(np.r_[at, heaps[heaps > 0] - 1])
        at = at[at < len(ends) - 1]
        edges = values_of((self.places[at] + 1) << self.shift)
        return edges, np.diff(ends[at], prepend=0, append=ends[-1])

    def equal_width(self, bins: int, low: float, high: float) -> tuple[Floats, Integers]:
        """Return inner edges of bins of about equal width, and the exact rows of each bin.

        Edges are moved to the nearest border between cells.
        """
        steps = np.arange(1, bins)
        keys = keys_of(low * (1 - steps / bins) + high * (steps / bins))
        half = (1 << self.shift) >> 1
        borders = np.unique((keys + half) >> self.shift)
        first, last = self.places[0], self.places[-1]
        borders = borders[(borders > first) & (borders <= last)]
        ends = np.r_[0, np.cumsum(self.rows)]
        below = ends[np.searchsorted(self.places, borders, "left")]
        counts = np.diff(below, prepend=0, append=ends[-1])
        return values_of(borders << self.shift), counts

    def _count(self, keys: Integers) -> None:
        """Count through a table from cell to slot, which is many times faster than sorting."""
        cells = (keys - 1) >> self.shift
        self.unseen += len(keys) / _CROWD
        base, slots = self._table(int(cells.min()), int(cells.max()))
        if slots is None:
            places, rows = _counted(cells)
            crowded = places[rows > len(keys) / _CROWD]
            if len(crowded):
                self._note(keys[np.isin(cells, crowded)], len(keys))
            self._insert(places, rows)
            return
        where = slots.take(cells - base)
        counts = np.bincount(where, minlength=len(self.places) + 1)
        self.rows += counts[:-1]
        over = counts > len(keys) / _CROWD
        fresh = cells[where == len(self.places)] if counts[-1] else None
        if over.any():
            self._note(keys[over[where]], len(keys))
        if fresh is not None:
            self._insert(*_counted(fresh))

    def _table(self, low: int, high: int) -> tuple[int, npt.NDArray[np.int16] | None]:
        if self._slots is not None:
            if low >= self._base and high < self._base + len(self._slots):
                return self._base, self._slots
            self._slots = None
        first, last = min(low, int(self.places[0])), max(high, int(self.places[-1]))
        if last - first >= _TABLE:
            return 0, None
        slots = np.full(last - first + 1, len(self.places), np.int16)
        slots[self.places - first] = np.arange(len(self.places))
        self._base, self._slots = first, slots
        return first, slots

    def _note(self, keys: Integers, rows: int) -> None:
        """Remember the heaps of equal numbers in crowded cells."""
        values, counts = _counted(keys)
        many = counts >= rows / _CROWD
        self.heaps.add(_frame(values[many], counts[many]))

    def _insert(self, places: Integers, rows: Integers) -> None:
        at = np.searchsorted(self.places, places)
        known = at < len(self.places)
        known[known] = self.places[at[known]] == places[known]
        if known.all():
            self.rows[at] += rows
            return
        self.places, self.rows = _summed(np.r_[self.places, places], np.r_[self.rows, rows])
        self._slots = None
        if len(self.places) > self.limit:
            if self.exact:
                self._leave_exact()
            self._coarsen(self.shift + _bits_to_drop(self.places, self.limit))

    def _leave_exact(self) -> None:
        self.heaps.add(_frame(self.places + 1, self.rows))

    def _coarsen(self, shift: int) -> None:
        if shift > self.shift:
            self.places, self.rows = _summed(self.places >> (shift - self.shift), self.rows)
            self.shift = shift
            self._slots = None


def _frame(values: Integers, rows: Integers) -> pl.DataFrame:
    return pl.DataFrame({"value": values, "rows": rows})


def _counted(values: Integers) -> tuple[Integers, Integers]:
    """Return the distinct values in order, and the rows of each."""
    found = pl.Series("value", values).value_counts(name="rows")
    places = found["value"].to_numpy()
    order = np.argsort(places)
    return places[order], found["rows"].to_numpy()[order].astype(np.int64)


def _summed(places: Integers, rows: Integers) -> tuple[Integers, Integers]:
    """Return the distinct places in order, and the sum of the rows of each."""
    if not len(places):
        return places, rows
    order = np.argsort(places, kind="stable")
    places, rows = places[order], rows[order]
    first = np.flatnonzero(np.r_[True, places[1:] != places[:-1]])
    return places[first], np.add.reduceat(rows, first)


def _bits_to_drop(places: Integers, limit: int) -> int:
    """Return by how many bits the distinct `places` must be cut for `limit` to be left."""
    differ = (places[1:] ^ places[:-1]).view(np.uint64)
    # Without its second bit no number rounds up to the next power of two.
    _, sizes = np.frexp((differ & ~(differ >> np.uint64(1))).astype(np.float64))
    left = np.cumsum(np.bincount(sizes, minlength=65)[::-1])[::-1]
    return int(np.argmax(np.r_[left[1:], 0] + 1 <= limit))
