"""Pairs of rows that differ by a slip of typing or by rounding: blocking, then a closer look."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.copies.likeness import Rarity, like_writing
from evermodel.data.copies.repeats import column_codes

__all__ = ["NearPairs", "near_pairs"]

Codes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_MOST_ROWS = 100_000
_MOST_LOOKS = 150_000
_WINDOW = 3
_BANDS = 20
_BAND = 3
_MOST_WORDS = 40
_LEAST_ALIKE = 3
_DECIMALS = 6
_LEAST_DIGITS = 2


class NearPairs(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs of rows [P, 2] that are nearly alike, and how many rows were looked at closely."""

    pairs: Places
    looked_at: int
    complete: bool


def near_pairs(frame: pl.DataFrame, *, seed: int = 0) -> NearPairs:
    """Return the pairs of rows that are alike but for a slip of typing, or for rounding.

    `frame` holds one row of each kind, its texts as `plain_writing` gives them. Rows are compared
    only if all that can neither slip nor be rounded is equal (whole numbers, times, booleans).
    Of these, neighbours in the order of their texts, read forwards and backwards, and texts that
    share a band of a MinHash of their words are looked at. At most 100,000 rows, drawn at random,
    and 150,000 pairs are; `complete` says whether that was all.

    References
    ----------
    Hernandez, Stolfo (1995), "The Merge/Purge Problem for Large Databases" (sorted neighbourhood);
    Broder (1997), "On the Resemblance and Containment of Documents" (MinHash); Indyk, Motwani
    (1998), "Approximate Nearest Neighbors" (bands).

    Examples
    --------
    >>> texts = ["i lost my passport today", "where is my card", "i lost my pasport today"]
    >>> near_pairs(pl.DataFrame({"text": texts})).pairs.tolist()
    [[0, 2]]
    """
    texts = [name for name in frame.columns if frame[name].dtype == pl.String]
    broken = [name for name in frame.columns if frame[name].dtype.is_float()]
    rest = [name for name in frame.columns if name not in (*texts, *broken)]
    codes = {name: column_codes(frame[name]) for name in frame.columns}
    found, looked, complete = [], 0, True
    if broken:
        rows, block = _with_mates(codes, [*rest, *texts], frame.height)
        found.append(_rounded(frame.select(broken), rows, block, len(rest) + len(texts)))
        looked = len(rows)
    if texts:
        rows, block = _with_mates(codes, [*rest, *broken], frame.height)
        if len(rows) > _MOST_ROWS:
            chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:_MOST_ROWS])
            rows, block, complete = rows[chosen], block[chosen], False
        slips, all_of_them = _slipped(frame.select(texts)[rows], block, len(rest) + len(broken))
        found.append(rows[slips])
        looked, complete = max(looked, len(rows)), complete and all_of_them
    pairs = np.concatenate(found) if found else np.empty((0, 2), np.int64)
    return NearPairs(pairs=pairs, looked_at=looked, complete=complete)


def _with_mates(codes: dict[str, Codes], names: Sequence[str], rows: int) -> tuple[Places, Codes]:
    """Return the rows that equal another in those columns, and the hash of what they share."""
    block = np.zeros(rows, np.uint64)
    for name in names:
        block = block + codes[name]
    _, inverse, sizes = np.unique(block, return_inverse=True, return_counts=True)
    kept = np.flatnonzero(sizes[inverse] > 1)
    return kept, block[kept]


def _neighbours(order: Places, block: Codes) -> Places:
    """Return pairs of rows within a few places in an order, of one block each."""
    pairs = []
    for step in range(1, _WINDOW + 1):
        one, other = order[:-step], order[step:]
        same = block[one] == block[other]
        pairs.append(np.stack([one[same], other[same]], axis=1))
    return np.concatenate(pairs) if pairs else np.empty((0, 2), np.int64)


def _rounded(frame: pl.DataFrame, rows: Places, block: Codes, others: int) -> Places:
    """Return pairs whose numbers are equal once the finer is rounded as the coarser was."""
    if not len(rows):
        return np.empty((0, 2), np.int64)
    values = frame[rows].to_numpy().astype(np.float64)
    pairs = [
        _neighbours(np.lexsort((values[:, place], block)), block)
        for place in range(min(values.shape[1], _WINDOW))
    ]
    chosen = np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)
    alike = others >= _LEAST_ALIKE or values.shape[1] + others > _LEAST_ALIKE
    if not alike or not len(chosen):
        return np.empty((0, 2), np.int64)
    one, other = values[chosen[:, 0]], values[chosen[:, 1]]
    return rows[chosen[_equal_when_rounded(one, other)]]


def _equal_when_rounded(one: Floats, other: Floats) -> npt.NDArray[np.bool_]:
    """Say of which rows all numbers are equal, or are after rounding to a few digits at least."""
    places = np.minimum(_decimals(one), _decimals(other))
    equal = (one == other) | (np.isnan(one) & np.isnan(other))
    near = np.abs(one - other) * 10.0**places <= 0.5 + 1e-9
    digits = np.floor(np.log10(np.maximum(np.abs(one), 1e-300))) + 1 + places
    alike = (equal | (near & (digits >= _LEAST_DIGITS))).all(axis=1)
    rounded = (~equal).sum(axis=1)
    # 63 for 62.972 is a rounding, and says little if it is all there is.
    enough = np.where(equal, 0.0, digits).sum(axis=1) > _LEAST_DIGITS * rounded
    return np.asarray(alike & (enough | (rounded == 0)), np.bool_)


def _decimals(values: Floats) -> Floats:
    """Return to how many decimals each number is given, 6 at most."""
    found = np.full(values.shape, float(_DECIMALS))
    for places in range(_DECIMALS - 1, -1, -1):
        with np.errstate(invalid="ignore", over="ignore"):  # of an infinite number nothing is known
            scaled = values * 10.0**places
            whole = np.abs(scaled - np.round(scaled)) <= 1e-9 * np.maximum(np.abs(scaled), 1.0)
        found[whole] = places
    return found


def _slipped(frame: pl.DataFrame, block: Codes, others: int) -> tuple[Places, bool]:
    """Return pairs of places whose texts differ by slips, and whether all candidates were seen."""
    none = np.empty((0, 2), np.int64)
    if frame.is_empty():
        return none, True
    record = frame.select(pl.concat_str(pl.all(), separator=" ", ignore_nulls=True)).to_series()
    orders = [
        np.lexsort((text.rank("dense").fill_null(0).to_numpy(), block))
        for text in (record, record.str.reverse())
    ]
    pairs = np.concatenate(
        [*(_neighbours(order, block) for order in orders), _banded(record, block)]
    )
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    codes = np.stack([frame[name].hash(seed=1).to_numpy() for name in frame.columns], axis=1)
    differ = (codes[pairs[:, 0]] != codes[pairs[:, 1]]).sum(axis=1)
    pairs = pairs[(differ >= 1) & (differ <= 2)]
    digits = record.str.replace_all(r"[^\d]", "").hash(seed=2).to_numpy()
    length = record.str.len_chars().fill_null(0).to_numpy().astype(np.int64)
    one, other = pairs[:, 0], pairs[:, 1]
    close = np.abs(length[one] - length[other]) <= np.maximum(3, 0.1 * length[one])
    pairs = pairs[(digits[one] == digits[other]) & close]
    complete = len(pairs) <= _MOST_LOOKS
    if not complete:
        pairs = pairs[np.random.default_rng(0).permutation(len(pairs))[:_MOST_LOOKS]]
    columns = [frame[name].to_list() for name in frame.columns]
    rare = [Rarity(frame[name]) for name in frame.columns]
    kept = [pair for pair in pairs.tolist() if _alike(pair, columns, rare, others)]
    return (np.array(kept, np.int64) if kept else none), complete


def _alike(
    pair: Sequence[int], columns: list[list[str | None]], rare: list[Rarity], others: int
) -> bool:
    """Say whether two rows differ by slips alone, and agree in enough to say so."""
    agreed = others
    for values, rarity in zip(columns, rare, strict=True):
        one, other = values[pair[0]], values[pair[1]]
        if one == other:
            agreed += 1 if one is None else one.count(" ") + 1
            continue
        if one is None or other is None:
            return False
        words = like_writing(one, other, rarity)
        if words is None:
            return False
        agreed += words
    return agreed >= _LEAST_ALIKE


def _banded(record: pl.Series, block: Codes) -> Places:
    """Return neighbours among texts whose words share a band of MinHash values."""
    words = record.str.split(" ").list.unique().list.head(_MOST_WORDS)
    sizes = words.list.len().fill_null(0).to_numpy().astype(np.int64)
    if sizes.sum() == 0 or np.median(sizes) < _BAND:
        return np.empty((0, 2), np.int64)
    flat = words.explode(empty_as_null=False, keep_nulls=False).hash(seed=3).to_numpy()
    used = np.flatnonzero(sizes > 0)
    starts = np.r_[0, np.cumsum(sizes[used])[:-1]]
    generator = np.random.default_rng(0)
    pairs = []
    for _ in range(_BANDS):
        band = block[used].copy()
        for factor in generator.integers(1, 2**63, _BAND, dtype=np.uint64):
            mixed = (flat ^ (flat >> np.uint64(29))) * (factor | np.uint64(1))
            low = np.minimum.reduceat(mixed ^ (mixed >> np.uint64(32)), starts)
            band = band * np.uint64(0x9E3779B97F4A7C15) + low
        order = np.argsort(band, kind="stable")
        pairs.append(used[_neighbours(order, band)])
    return np.concatenate(pairs)
