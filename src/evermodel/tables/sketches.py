"""Sketches of values: how many differ, and which are frequent.

Each is exact while few values differ. Beyond that `Distinct` keeps the smallest hashes, which the
content alone decides, so that two halves merged are the whole. `Frequent` depends on order once it
is full, within an error that it states.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["EXACT", "Distinct", "Frequent", "key_hashes", "text_hashes"]

EXACT = 8_192  # distinct values up to here are counted exactly
_LONG = 512
_BYTES_AT_ONCE = 1 << 22

Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


class Distinct:
    """The number of distinct values, from the smallest of their hashes.

    Exact up to `limit`, and an estimate beyond: the k smallest of n hashes lie where n is about
    (k - 1) / (the k-th as a share of all), with a standard error of 1 / sqrt(k - 2), 1.1 per cent
    (Beyer, Haas, Reinwald, Sismanis and Gemulla, SIGMOD 2007). Order and parts do not matter.

    Examples
    --------
    >>> found = Distinct()
    >>> found.add(key_hashes(np.array([1, 2, 2, 3])))
    >>> found.estimate()
    (3, 0.0)
    """

    def __init__(self, limit: int = EXACT) -> None:
        self.limit = limit
        self.full = False
        self._hashes: Words = np.empty(0, np.uint64)
        self._waiting: list[Words] = []
        self._held = 0

    def add(self, hashes: Words) -> None:
        """Add values by their hashes."""
        if self.full:
            hashes = hashes[hashes < self._hashes[-1]]
        if len(hashes):
            self._waiting.append(hashes)
            self._held += len(hashes)
            if self._held > self.limit:
                self._settle()

    def merge(self, other: Distinct) -> None:
        """Add all that another has seen."""
        other._settle()
        self.add(other._hashes)
        self._settle()
        self.full = self.full or other.full

    def estimate(self) -> tuple[int, float]:
        """Return the number, and the share it may be wrong by at 95 per cent (0 where exact)."""
        self._settle()
        if not self.full:
            return len(self._hashes), 0.0
        share = float(self._hashes[-1]) / 2.0**64
        return round((self.limit - 1) / share), float(1.96 / np.sqrt(self.limit - 2))

    def _settle(self) -> None:
        if self._waiting:
            known = np.sort(np.concatenate([self._hashes, *self._waiting]))
            known = known[np.r_[True, known[1:] != known[:-1]]]
            self.full = self.full or len(known) > self.limit
            self._hashes = known[: self.limit].copy()
            self._waiting, self._held = [], 0


class Frequent:
    """How many rows each value has: exact up to `limit` values, then the frequent ones.

    When more are in use, the rows of the largest that does not fit are taken off all, and what
    has none left is dropped (Misra and Gries, 1982, merged as by Agarwal, Cormode, Huang,
    Phillips, Wei and Yi, PODS 2012). A value has at most `lost` rows more than are shown, and
    `lost` is at most rows / (limit + 1).

    Examples
    --------
    >>> seen = Frequent(2, pl.String)
    >>> seen.add(pl.DataFrame({"value": ["a", "b", "c"], "rows": [9, 5, 1]}))
    >>> seen.top(5), seen.lost
    ([('a', 8), ('b', 4)], 1)
    """

    def __init__(self, limit: int, dtype: type[pl.DataType]) -> None:
        self.limit = limit
        self.lost = 0
        self.full = False
        self._table = pl.DataFrame(schema={"value": dtype, "rows": pl.Int64})
        self._waiting: list[pl.DataFrame] = []
        self._held = 0

    @property
    def table(self) -> pl.DataFrame:
        """The values and their rows."""
        self._settle()
        return self._table

    def add(self, counts: pl.DataFrame) -> None:
        """Add the rows of values: a table of `value` and `rows`, each value once."""
        if counts.height:
            rows = counts["rows"].cast(pl.Int64)
            self._waiting.append(pl.DataFrame([counts["value"], rows]))
            self._held += counts.height
            if self._held > self.limit:
                self._settle()

    def merge(self, other: Frequent) -> None:
        """Add all that another has counted."""
        self.add(other.table)
        self._settle()
        self.lost += other.lost
        self.full = self.full or other.full

    def top(self, most: int) -> list[tuple[object, int]]:
        """Return the most frequent values, those of equal rows in order of the value."""
        order = self.table.sort(["rows", "value"], descending=[True, False])
        return list(order.head(most).iter_rows())

    def _settle(self) -> None:
        if not self._waiting:
            return
        table = pl.concat([self._table, *self._waiting])
        self._waiting, self._held = [], 0
        table = table.group_by("value").agg(pl.col("rows").sum())
        if table.height > self.limit:
            self.full = True
            off = int(table["rows"].top_k(self.limit + 1).min())  # type: ignore[arg-type]
            table = table.with_columns(pl.col("rows") - off).filter(pl.col("rows") > 0)
            self.lost += off
        self._table = table


def key_hashes(keys: Integers) -> Words:
    """Return splitmix64 of each key (Steele, Lea and Flood, OOPSLA 2014).

    Examples
    --------
    >>> key_hashes(np.array([0])).tolist()
    [16294208416658607535]
    """
    return _mixed(keys.view(np.uint64).copy())


def text_hashes(texts: pl.Series) -> Words:
    """Return a hash of 64 bits for each text, the same on every machine.

    Bytes are multiplied by a random number for their place and added (Lemire and Kaser, The
    Computer Journal 57, 2014); texts of more than 512 bytes go through blake2b.

    Examples
    --------
    >>> first, second, third = text_hashes(pl.Series(["ab", "ba", "ab"])).tolist()
    >>> first == third, first == second
    (True, False)
    """
    sizes = texts.str.len_bytes().to_numpy().astype(np.int64)
    hashes = np.zeros(len(texts), np.uint64)
    for row in np.flatnonzero(sizes > _LONG).tolist():
        said = hashlib.blake2b(texts[row].encode(), digest_size=8).digest()
        hashes[row] = int.from_bytes(said, "little")
    short = np.flatnonzero(sizes <= _LONG)
    step = max(1, _BYTES_AT_ONCE // max(int(sizes[short].max(initial=1)), 1))
    for start in range(0, len(short), step):
        rows = short[start : start + step]
        part = texts if len(rows) == len(texts) else texts.gather(rows)
        hashes[rows] = _hashes_of(part, sizes[rows])
    return hashes


_PLACES: Words


def _hashes_of(texts: pl.Series, sizes: Integers) -> Words:
    content = np.frombuffer("".join(texts.to_list()).encode(), np.uint8)
    ends = np.cumsum(sizes)
    starts = ends - sizes
    terms = content * _PLACES[np.arange(len(content)) - np.repeat(starts, sizes)]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    return _mixed(sums[ends] - sums[starts] + sizes.astype(np.uint64))


def _mixed(values: Words) -> Words:
    values += np.uint64(0x9E3779B97F4A7C15)
    values ^= values >> np.uint64(30)
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


_PLACES = _mixed(np.arange(1, _LONG + 1, dtype=np.uint64)) | np.uint64(1)
