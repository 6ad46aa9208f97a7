"""A last row that holds the totals of the others is no row of the table: it is set aside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

from evermodel.tables.raw import RawBatch
from evermodel.tables.understanding import Rejected

__all__ = ["without_totals"]

_WORDS = frozenset(
    {
        "sum", "sums", "total", "totals", "grandtotal", "subtotal", "overall", "summe", "summen",
        "gesamt", "gesamtsumme", "endsumme", "insgesamt", "summetotal", "somme", "totale",
        "totaal", "suma", "summa", "totalt", "itogo",
    }
)  # fmt: skip
_LEAST_ROWS = 3
_CLOSE = 1e-6


def without_totals(
    batches: Iterator[RawBatch], again: Callable[[], Iterator[RawBatch]]
) -> Iterator[RawBatch]:
    """Yield the batches, the last without a row of totals, which is then among its rejected rows.

    A last row is looked at more closely where its first text is a word such as "Total" or where
    its first cell and most others are empty. It is a row of totals where no row above has that text
    (or none) there, and where its numbers are the sums of their columns; beside such a word, one
    of them or mostly empty cells will do. For this the table is gone through `again`.
    """
    held: RawBatch | None = None
    rows = 0
    for batch in batches:
        if held is not None and batch.frame.height:
            yield held
            held = None
        rows += batch.frame.height
        if held is None:
            held = batch
        else:  # a batch of rejected rows only
            held = RawBatch(held.frame, held.lines, (*held.rejected, *batch.rejected))
    if held is None:
        return
    why = _reason(held, rows, again) if held.frame.height and rows > _LEAST_ROWS else ""
    if why:
        last = Rejected(line=int(held.lines[-1]), reason=why)
        held = RawBatch(held.frame[:-1], held.lines[:-1], (*held.rejected, last))
    yield held


def _reason(batch: RawBatch, rows: int, again: Callable[[], Iterator[RawBatch]]) -> str:
    """Return why the last row is one of totals, or "" where it is not."""
    cells = {name: (text or "").strip() for name, text in batch.frame.row(-1, named=True).items()}
    filled = {name: text for name, text in cells.items() if text}
    if len(cells) < 2 or not filled:
        return ""
    first = next(iter(filled))
    named = re.sub(r"[^\w]", "", filled[first].lower()) in _WORDS
    empty = 2 * (len(cells) - len(filled)) >= len(cells)
    if not named and (cells[next(iter(cells))] or not empty):
        return ""
    amounts = {name: text for name, text in filled.items() if not (named and name == first)}
    if not amounts:
        return ""
    word = filled[first] if named else ""
    key = (first, word) if named else (next(iter(cells)), "")
    unique, sums = _above(again(), rows - 1, key, amounts)
    if unique and (all(sums) or (named and (any(sums) or empty))):
        return "a row of totals" + (f" ({word!r})" if word else "")
    return ""


def _above(
    batches: Iterator[RawBatch], rows: int, key: tuple[str, str], amounts: dict[str, str]
) -> tuple[bool, list[bool]]:
    """Return whether no row above has this text in its column, and which amounts are sums."""
    sums = dict.fromkeys(amounts, np.zeros(2))
    found, left = 0, rows
    for batch in batches:
        frame = batch.frame.head(left)
        left -= frame.height
        found += int((frame[key[0]].str.strip_chars() == key[1]).sum())
        for name in amounts:
            sums[name] = sums[name] + [_values(frame[name], mark).sum() for mark in (".", ",")]
    equal = [
        any(
            _same(_values(pl.Series([text]), mark)[0], total)
            for mark, total in zip((".", ","), sums[name], strict=True)
        )
        for name, text in amounts.items()
    ]
    return not found, equal


def _values(texts: pl.Series, decimal: str) -> pl.Series:
    """Return the numbers in texts with this decimal mark; all other marks are of thousands."""
    bare = texts.str.replace_all(rf"[^0-9{decimal}+-]", "").str.replace(decimal, ".", literal=True)
    return bare.cast(pl.Float64, strict=False)


def _same(value: float | None, total: float) -> bool:
    return value is not None and value != 0 and abs(value - total) <= _CLOSE * abs(total) + 0.01
