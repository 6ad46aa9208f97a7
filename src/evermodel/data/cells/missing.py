"""Cells that are empty, or hold a word or number that only stands for "not known"."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from evermodel.data.cells.claims import Claim
from evermodel.data.cells.columns import Values

__all__ = ["disguised", "gaps", "missing_codes"]

_NEVER_A_VALUE = frozenset(
    {
        "?", "??", "???", "n/a", "#n/a", "na", "nan", "null", "<na>", "n.a.", "n.a", "#value!",
        "#ref!", "#div/0!", "#name?", "#null!", "#num!", "(null)", "(blank)", "not available",
        "missing", "unknown", "not known", "undefined", "no data", "k.a.", "keine angabe", "#nv",
        "unbekannt", "tbd", "not specified", "unspecified", "not provided",
    }
)  # fmt: skip
_NO_NUMBER = frozenset(
    {"-", "--", "---", ".", "..", "none", "nil", "no", "not applicable", "x", "xx", "xxx", "inf"}
)
_CODES = (
    -1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0,
    9999999.0, 99999999.0, -1e6, 1e6, 2147483647.0, -2147483648.0,
)  # fmt: skip
_FEW_GAPS = 0.10
_MOST_CODED = 0.3
_MOST_ZERO = 0.05
_APART = 8.0


def missing_codes(column: Values) -> frozenset[int]:
    """Return the codes of the distinct values that are words for "missing".

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> [a, b] = read_columns(pl.DataFrame({"n": ["1", "2", "N/A"], "land": ["DE", "FR", "NA"]}))
    >>> sorted(missing_codes(a)), sorted(missing_codes(b))
    ([2], [])
    """
    if column.prose:
        return frozenset()
    numeric = column.numeric_share >= 0.5 or column.moment
    words = _NEVER_A_VALUE | _NO_NUMBER if numeric else _NEVER_A_VALUE
    lower = pl.Series(column.texts, dtype=pl.String).str.to_lowercase()
    found = set(lower.is_in(list(words)).arg_true().to_list())
    if not found or int(column.counts[list(found)].sum()) > 0.9 * column.filled:
        return frozenset()
    # Among codes of two letters, NA is Namibia, or North America.
    others = [text for code, text in enumerate(column.texts) if text and code not in found]
    coded = sum(len(text) <= 3 and text.isalpha() for text in others) >= 0.5 * max(1, len(others))
    return frozenset(
        c for c in found if not (coded and column.texts[c].isalpha() and len(column.texts[c]) <= 3)
    )


def disguised(column: Values, known: frozenset[int]) -> Iterator[Claim]:
    """Yield cells whose word or number stands for "not known"; `known` are such words' codes."""
    for code in sorted(known):
        yield Claim(
            column.place,
            column.rows_of([code]),
            0.93,
            "disguised",
            f"{column.texts[code]!r} is no value: it says that the value is not known.",
        )
    yield from _number_codes(column)


def _number_codes(column: Values) -> Iterator[Claim]:
    known = np.flatnonzero(~np.isnan(column.numbers))
    if column.numeric_share < 0.8 or known.size < 8:
        return
    order = known[np.argsort(column.numbers[known], kind="stable")]
    values, counts = column.numbers[order], column.counts[order]
    for at, beside, far in ((0, 1, -1), (-1, -2, 0)):
        value, n = float(values[at]), int(counts[at])
        if n < max(3, 0.0005 * column.rows) or n > _MOST_CODED * column.filled:
            continue
        gap, spread = abs(value - values[beside]), abs(values[beside] - values[far])
        below_zero = value in (-1.0, -9.0, -99.0) and values[beside] >= 0 and spread > 3
        if value in _CODES and (gap >= 0.5 * spread or below_zero):
            yield _code(column, int(order[at]), 0.85)
        elif value == 0.0 and at == 0 and _stands_apart(column, order, n):
            yield _code(column, int(order[at]), 0.8)


def _stands_apart(column: Values, order: np.ndarray, n: int) -> bool:
    """Say whether 0 lies so far below all other values that it cannot be one of them."""
    values, counts = column.numbers[order], column.counts[order]
    if n > _MOST_ZERO * column.filled or values.size < 20:
        return False
    middle = float(np.median(np.repeat(values, counts)))
    steps = float(np.median(np.diff(values[1:21])))
    return bool(values[1] >= max(0.2 * middle, _APART * steps))


def _code(column: Values, code: int, score: float) -> Claim:
    reason = f"{column.texts[code]} stands far from all other numbers, as a code for not known."
    return Claim(column.place, column.rows_of([code]), score, "disguised", reason)


def gaps(column: Values) -> Iterator[Claim]:
    """Yield empty cells of a column in which nearly every row has a value.

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> [column] = read_columns(pl.DataFrame({"a": ["x"] * 49 + [" "]}))
    >>> [claim.rows.tolist() for claim in gaps(column)]
    [[49]]
    """
    if column.empty < 0 or column.rows < 20:
        return
    n = int(column.counts[column.empty])
    if n <= _FEW_GAPS * column.rows:
        share = 1.0 - n / column.rows
        reason = f"The cell is empty, and {int(100 * share)} of 100 rows have a value here."
        yield Claim(
            column.place, column.rows_of([column.empty]), 0.55 + 0.2 * share, "empty", reason
        )
