"""Moments and co-moments of numbers that come in parts.

Parts are joined by the updates of Chan, Golub and LeVeque (The American Statistician 37, 1983) and
Pebay (Sandia report SAND2008-6212, 2008). Values are taken relative to a pivot near them, so that a
large mean costs no digits. Another order or division of the rows changes results by rounding alone:
the mean and the standard deviation by less than 1e-12 of the latter and 1e-15 of the largest
number, skewness and correlation by less than 1e-12 where numbers spread over more than a hundredth
of their size. Where the squares of numbers are too large for a float there is no standard
deviation, and a spread below 1e-140 counts as none in a correlation.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["CoMoments", "Moments"]

_PRODUCT = 1 << 18

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Moments:
    """Mean, standard deviation and skewness of finite numbers.

    Examples
    --------
    >>> half, other = Moments(), Moments()
    >>> half.add(np.array([1.0, 2.0])); other.add(np.array([3.0, 10.0]))
    >>> half.merge(other)
    >>> half.mean, half.sd
    (4.0, 3.5355339059327378)
    """

    def __init__(self) -> None:
        self.n = 0
        self._pivot = 0.0
        self._offset = 0.0  # of the mean from the pivot
        self._squares = 0.0
        self._cubes = 0.0

    def add(self, values: Floats, rows: npt.NDArray[np.int64] | None = None) -> None:
        """Add numbers, each once or `rows` times."""
        if not len(values):
            return
        if not self.n:
            self._pivot = _middle(values, None)
        n = len(values) if rows is None else int(rows.sum())
        with np.errstate(over="ignore", invalid="ignore"):
            away = values - self._pivot
            offset = float((away if rows is None else away * rows).sum()) / n
            away -= offset
            squares = away * away
            if rows is not None:
                squares *= rows
            # What rounding left in the mean is taken off again.
            rest = float((away if rows is None else away * rows).sum()) / n
            second, third = float(squares.sum()), float((squares * away).sum())
            third -= 3 * rest * second
            self._join(n, offset + rest, second - n * rest * rest, third)

    def merge(self, other: Moments) -> None:
        """Add all that another has seen."""
        if not self.n:
            self.__dict__.update(other.__dict__)
        elif other.n:
            offset = (other._pivot - self._pivot) + other._offset
            self._join(other.n, offset, other._squares, other._cubes)

    @property
    def mean(self) -> float | None:
        """The mean, or None where there are no numbers."""
        return _finite(self._pivot + self._offset) if self.n else None

    @property
    def sd(self) -> float | None:
        """The standard deviation of the rows as they are (divided by n)."""
        if not self.n or not math.isfinite(self._squares):
            return None
        return math.sqrt(max(self._squares, 0.0) / self.n)

    @property
    def skew(self) -> float | None:
        """The third standardised moment, or None where all numbers are equal."""
        if not self.sd or not math.isfinite(self._cubes):
            return None
        return _finite(self._cubes / self.n / self.sd / self.sd / self.sd)

    def _join(self, n: int, offset: float, squares: float, cubes: float) -> None:
        ours, total = self.n, self.n + n
        step = offset - self._offset
        self._cubes += (
            cubes
            + step * step * step * (ours * n / total) * ((ours - n) / total)
            + 3 * step * (ours * squares - n * self._squares) / total
        )
        self._squares += squares + step * step * (ours * n / total)
        self._offset += step * (n / total)
        self.n = total


class CoMoments:
    """Correlations of columns, each pair over the rows that have both.

    Examples
    --------
    >>> both = CoMoments(2)
    >>> both.add([np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.1, 6.0])], [None, None])
    >>> both.correlations().round(3).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """

    def __init__(self, columns: int) -> None:
        shape = (columns, columns)
        self.n = np.zeros(shape)
        self._pivots: Floats = np.zeros(columns)
        self._set: Mask = np.zeros(columns, np.bool_)
        self._sizes: Floats = np.zeros(columns)  # of all that was ever taken off the numbers
        self._offsets = np.zeros(shape)  # [i, j]: mean of i where j is present, from the pivot
        self._squares = np.zeros(shape)  # [i, j]: of i where j is present
        self._products = np.zeros(shape)

    def add(self, columns: list[Floats], absent: list[Mask | None]) -> None:
        """Add rows: the numbers of each column, and which of them are to be passed over."""
        if not columns or not len(columns[0]):
            return
        rows, size = len(columns[0]), len(columns)
        # Products of small blocks stay in the cache, and on the thread that asks for them.
        block = max(32, min(rows, _PRODUCT // (size * size)))
        shape = (size, -(-rows // block), block)
        away, present = np.zeros(shape), np.zeros(shape)
        counts = np.full(size, float(rows))
        offsets = np.zeros(size)
        gaps: list[int] = []
        with np.errstate(over="ignore", invalid="ignore"):
            for i, (values, mask) in enumerate(zip(columns, absent, strict=True)):
                if mask is not None:
                    np.logical_not(mask, out=present[len(gaps)].reshape(-1)[:rows])
                    counts[i] = rows - np.count_nonzero(mask)
                    gaps.append(i)
                row = away[i].reshape(-1)[:rows]
                offsets[i] = self._centre(i, values, mask, counts[i], row)
            self._gather(away, present[: len(gaps)], gaps, counts, offsets)

    def merge(self, other: CoMoments) -> None:
        """Add all that another has seen."""
        fresh = other._set & ~self._set
        self._pivots[fresh] = other._pivots[fresh]
        self._set |= other._set
        self._sizes = np.maximum(self._sizes, other._sizes)
        moved = np.where(other._set, other._pivots - self._pivots, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            self._join(other.n, moved[:, None] + other._offsets, other._squares, other._products)

    def correlations(self) -> Floats:
        """Return Pearson's correlations [columns, columns], NaN where a column does not vary."""
        with np.errstate(all="ignore"):
            spread = np.sqrt(self._squares) * np.sqrt(self._squares.T)
            found = np.where(spread > 0, self._products / spread, np.nan)
            # What varies by less than the rounding of its values does not vary.
            centre = np.abs(self._pivots[:, None] + self._offsets)
            scale = np.maximum(1e-14 * np.maximum(self._sizes[:, None], centre), 1e-140)
            still = self._squares <= self.n * scale * scale
        found[still | still.T | ~np.isfinite(found)] = np.nan
        return np.clip(found, -1.0, 1.0)

    def _centre(
        self, column: int, values: Floats, mask: Mask | None, count: float, out: Floats
    ) -> float:
        """Write the numbers less a middle of them to `out`, and return that middle less the pivot.

        A middle and not their mean: one huge number would cost all others their digits, also in
        pairs that it has no part in.
        """
        if not count:
            out[:] = 0.0
            return 0.0
        middle = _middle(values, mask)
        if not self._set[column]:
            self._pivots[column], self._set[column] = middle, True
        offset = middle - self._pivots[column]
        size = max(abs(middle), abs(float(self._pivots[column])))
        self._sizes[column] = max(float(self._sizes[column]), size)
        np.subtract(values, self._pivots[column], out=out)
        out -= offset
        if mask is not None:
            out[mask] = 0.0
        return float(offset)

    def _gather(
        self, away: Floats, present: Floats, gaps: list[int], counts: Floats, offsets: Floats
    ) -> None:
        size = len(counts)
        products = _product(away, away)
        both = np.minimum(counts[:, None], counts[None, :])
        first = np.repeat(away.sum(axis=(1, 2))[:, None], size, axis=1)
        second = np.repeat(np.diag(products)[:, None].copy(), size, axis=1)
        if gaps:
            both[np.ix_(gaps, gaps)] = _product(present, present)
            first[:, gaps] = _product(away, present)
            second[:, gaps] = _product(away * away, present)
        means = np.divide(first, both, out=np.zeros_like(first), where=both > 0)
        self._join(
            both,
            offsets[:, None] + means,
            second - both * means * means,
            products - both * means * means.T,
        )

    def _join(self, n: Floats, offsets: Floats, squares: Floats, products: Floats) -> None:
        total = self.n + n
        share = np.divide(n, total, out=np.zeros_like(n), where=total > 0)
        step = offsets - self._offsets
        weight = self.n * share
        self._squares += squares + step * step * weight
        self._products += products + step * step.T * weight
        self._offsets += step * share
        self.n = total


def _middle(values: Floats, absent: Mask | None) -> float:
    """Return the median of about a hundred of the numbers, spread over them."""
    step = max(1, len(values) // 101)
    few = values[::step]
    if absent is not None:
        few = few[~absent[::step]]
    if not len(few):
        return float(values[int(np.argmin(absent))])  # type: ignore[arg-type]
    return float(np.sort(few)[len(few) // 2])


def _product(left: Floats, right: Floats) -> Floats:
    """Return the sums of products of rows that come in blocks [rows, blocks, block]."""
    parts = left.transpose(1, 0, 2) @ right.transpose(1, 2, 0)
    whole: Floats = parts.sum(axis=0)
    return whole


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
