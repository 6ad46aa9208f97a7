"""A digest of a table's content that does not depend on row order, file format or partitioning.

Every cell has a canonical form (type tag and value; whole floats equal integers; NaN is null),
every row a 128-bit hash of its cells, and the table the sum of its rows modulo 2**128, so that
batches can be added in any order. Only blake2b, SHA-256 and integer arithmetic are used: the
digest stays the same across versions of polars and numpy. It finds every accident; it is no
defence against someone who constructs a second table with the same sum (Bellare and Micciancio,
A New Paradigm for Collision-free Hashing: Incrementality at Reduced Cost, Eurocrypt 1997, on what
sums can and cannot do).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.tables.typed import normalise

__all__ = ["digest", "digest_batches", "ordered_digests", "row_hashes"]

_VERSION = b"evermodel table 1"
_U64 = np.uint64
_ROWS_AT_ONCE = 65_536  # keeps the words of a column in the processor's cache

Words = npt.NDArray[np.uint64]


def digest(frame: pl.DataFrame) -> str:
    """Return 64 hexadecimal digits that change with any value, name or number of rows.

    Examples
    --------
    >>> table = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    >>> digest(table) == digest(table.reverse())
    True
    >>> digest(table) == digest(table.with_columns(pl.col("a") * 2))
    False
    """
    return digest_batches([frame], names=frame.columns)


def digest_batches(batches: Iterable[pl.DataFrame], *, names: Sequence[str] = ()) -> str:
    """Return the digest of a table that comes in batches, all with the same columns.

    Examples
    --------
    >>> table = pl.DataFrame({"a": [1, 2, 3]})
    >>> digest_batches([table[:1], table[1:]]) == digest(table)
    True
    """
    rows = total = 0
    columns = sorted(names)
    for batch in batches:
        columns = columns or sorted(batch.columns)
        rows += batch.height
        total += sum(_sum_of(*words) for words in _words(batch))
    return _whole(columns, rows, total)


def ordered_digests(frame: pl.DataFrame) -> tuple[str, str]:
    """Return the digest of a table, and one that also changes with the order of its rows.

    Examples
    --------
    >>> table = pl.DataFrame({"a": [1, 2]})
    >>> first, second = ordered_digests(table), ordered_digests(table.reverse())
    >>> first[0] == second[0] == digest(table), first[1] == second[1]
    (True, False)
    """
    total = 0
    order = hashlib.sha256()
    for high, low in _words(frame):
        total += _sum_of(high, low)
        order.update(np.column_stack([high, low]).astype("<u8").tobytes())
    content = _whole(sorted(frame.columns), frame.height, total)
    order.update(content.encode())
    return content, order.hexdigest()


def _whole(columns: Sequence[str], rows: int, total: int) -> str:
    whole = hashlib.sha256(_VERSION)
    for name in columns:
        encoded = name.encode()
        whole.update(len(encoded).to_bytes(8, "big") + encoded)
    whole.update(rows.to_bytes(8, "big") + (total % (1 << 128)).to_bytes(16, "big"))
    return whole.hexdigest()


def row_hashes(frame: pl.DataFrame, *, seed: int = 0) -> Words:
    """Return one number of 64 bits for each row [N], the same wherever and whenever it is seen.

    Equal rows have equal numbers; another seed gives other numbers.

    Examples
    --------
    >>> table = pl.DataFrame({"a": [1, 2, 1], "b": ["x", None, "x"]})
    >>> first, second, third = row_hashes(table).tolist()
    >>> first == third, first == second
    (True, False)
    >>> row_hashes(table[1:]).tolist() == [second, third]
    True
    """
    salt = _U64(seed % (1 << 64))
    parts = [high for high, _ in _words(frame)]
    return _mix(np.concatenate(parts or [np.zeros(0, _U64)]) ^ _mix(np.array([salt]))[0])


def _words(frame: pl.DataFrame) -> Iterator[tuple[Words, Words]]:
    """Yield the two words of each row, a part of the table at a time."""
    for part in frame.iter_slices(_ROWS_AT_ONCE):
        yield _row_words(part)


def _row_words(frame: pl.DataFrame) -> tuple[Words, Words]:
    high = np.zeros(frame.height, _U64)
    low = np.zeros(frame.height, _U64)
    for series in frame.get_columns():
        seed = np.frombuffer(hashlib.blake2b(series.name.encode(), digest_size=16).digest(), "<u8")
        first, second = _cells(series)
        high += _mix(first + seed[0])
        low += _mix(second ^ seed[1])
    # Mixed once more, so that exchanging cells between rows changes the sum.
    return _mix(high ^ (low >> _U64(32))), _mix(low + (high << _U64(1)))


def _sum_of(high: Words, low: Words) -> int:
    carry = int((low >> _U64(32)).sum()) << 32
    return (int(high.sum()) << 64) + carry + int((low & _U64(0xFFFFFFFF)).sum())


def _mix(values: Words) -> Words:
    """Return splitmix64 of each value (Steele, Lea and Flood, OOPSLA 2014)."""
    values = values + _U64(0x9E3779B97F4A7C15)
    values ^= values >> _U64(30)
    values *= _U64(0xBF58476D1CE4E5B9)
    values ^= values >> _U64(27)
    values *= _U64(0x94D049BB133111EB)
    values ^= values >> _U64(31)
    return values


def _cells(series: pl.Series) -> tuple[Words, Words]:
    """Return two words of 64 bits for every cell of a column, the second made from the first.

    A number has 64 bits of its own, so its two words need only be two mixings of it.
    """
    series, kind = normalise(series)
    if kind == "category":
        return _texts(series)
    null = series.is_null().to_numpy() if series.null_count() else None
    if kind == "boolean":
        bits = series.fill_null(False).to_numpy().astype(_U64) + _tag(b"boolean")
    elif kind == "timestamp":
        bits = series.to_physical().fill_null(0).to_numpy().view(_U64) ^ _tag(b"time")
    else:
        bits = _numbers(series)
    if null is not None:
        bits = np.where(null, _tag(b"null"), bits)
    return bits, bits


def _tag(kind: bytes) -> np.uint64:
    return _U64(int.from_bytes(hashlib.blake2b(kind, digest_size=8).digest(), "little"))


def _numbers(series: pl.Series) -> Words:
    """Return the bits of every number as a float, of integers that no float holds as an integer."""
    tag = _tag(b"number")
    if series.dtype != pl.Int64:
        # Adding zero turns the negative zero into the only one.
        return (series.fill_null(0.0).to_numpy() + 0.0).view(_U64) ^ tag
    whole = series.fill_null(0).to_numpy()
    real = whole.astype(np.float64)
    if np.abs(real).max() < 2**53:
        return real.view(_U64) ^ tag
    # 2**63 itself is no Int64: floats that round up to it stand for another integer.
    back = np.where(real < 2.0**63, real, 0.0).astype(np.int64)
    inexact = (back != whole) | (real >= 2.0**63)
    return np.where(inexact, whole.view(_U64) ^ _tag(b"integer"), real.view(_U64) ^ tag)


def _texts(series: pl.Series) -> tuple[Words, Words]:
    """Return the two words of each text, hashed once for every distinct text."""
    codes, texts = factorised(series)
    hashed = b"".join(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        for text in texts
    )
    null = _tag(b"null")
    words = np.vstack([np.frombuffer(hashed, "<u8").reshape(-1, 2), [null, null]])
    chosen = words[codes]
    return chosen[:, 0], chosen[:, 1]


def factorised(series: pl.Series) -> tuple[np.ndarray, list[str]]:
    """Return the place of each text among the distinct ones (the last place is that of null)."""
    table = pl.DataFrame({"text": series}).with_columns(
        pl.col("text").rank("dense").cast(pl.UInt32).alias("code")
    )
    known = table.drop_nulls().unique("code").sort("code")["text"].to_list()
    codes = table["code"].fill_null(len(known) + 1).to_numpy().astype(np.int64) - 1
    return codes, known
