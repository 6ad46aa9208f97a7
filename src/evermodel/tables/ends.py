"""Last rows that hold a note or the totals of the others are no rows of the table: set aside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

from evermodel.tables.raw import RawBatch
from evermodel.tables.understanding import Rejected

__all__ = ["without_ends"]

_WORDS = frozenset(
    {
        "sum", "sums", "total", "totals", "grandtotal", "subtotal", "overall", "summe", "summen",
        "gesamt", "gesamtsumme", "endsumme", "insgesamt", "summetotal", "somme", "totale",
        "totaal", "suma", "summa", "totalt", "itogo",
    }
)  # fmt: skip
_LEAST_ROWS = 3
_AT_ONCE = 1024
_NOTE_CELLS = 4
"""A row of fewer cells, of which only the first is filled, may as well be a row with gaps."""
_CLOSE = 1e-6


def without_ends(
    batches: Iterator[RawBatch], again: Callable[[], Iterator[RawBatch]]
) -> Iterator[RawBatch]:
    """Yield the batches without what follows the last row: empty rows, notes, and totals.

    Notes and totals are then among the rejected rows of the last batch, empty rows are nowhere.

    A note is the only row of a wide table in which nothing but the first cell is filled, and that
    with several words where all above are one (or with "Total").

    A row of totals is looked at more closely where its first text is a word such as "Total" or
    where its first cell and most others are empty. It is one where no row above has that text (or
    none) there, and where its numbers are the sums of their columns; beside such a word, one of
    them or mostly empty cells will do. For this the table is gone through `again`.
    """
    held: RawBatch | None = None
    blank: list[RawBatch] = []
    rows = 0
    for batch in batches:
        filled = _filled(batch)
        if held is not None and (not batch.frame.height or not filled):
            # What may be empty to the end is kept by its lines alone: spreadsheets export millions.
            held = _with_rejected(held, batch.rejected)
            blank.append(RawBatch(batch.frame.clear(), batch.lines))
            continue
        if held is not None:
            yield held
            yield from map(_of_blanks, blank)
            rows += held.frame.height + sum(len(each.lines) for each in blank)
            blank.clear()
        held = batch
    if held is None:
        return
    held = held.head(_filled(held) or held.frame.height)
    rows += held.frame.height
    for why in (_note, _total):
        found = why(held, rows, again) if held.frame.height and rows > _LEAST_ROWS else ""
        if found:
            last = Rejected(line=int(held.lines[-1]), reason=found)
            kept = _filled(held.head(held.frame.height - 1))
            rows -= held.frame.height - kept
            held = _with_rejected(held.head(kept), (last,))
    yield held


def _filled(batch: RawBatch) -> int:
    """Return how many rows there are up to the last one that holds anything."""
    for end in range(batch.frame.height, 0, -_AT_ONCE):
        part = batch.frame[max(0, end - _AT_ONCE) : end]
        full = part.select(pl.any_horizontal(pl.all().str.strip_chars() != "")).to_series()
        places = full.fill_null(False).arg_true()
        if len(places):
            return max(0, end - _AT_ONCE) + int(places[-1]) + 1
    return 0


def _of_blanks(batch: RawBatch) -> RawBatch:
    blank = pl.repeat("", len(batch.lines), eager=True)
    frame = pl.DataFrame([blank.alias(name) for name in batch.frame.columns])
    return RawBatch(frame, batch.lines)


def _with_rejected(batch: RawBatch, rejected: tuple[Rejected, ...]) -> RawBatch:
    every = sorted((*batch.rejected, *rejected), key=lambda row: row.line)
    return RawBatch(batch.frame, batch.lines, tuple(every))


def _note(batch: RawBatch, rows: int, again: Callable[[], Iterator[RawBatch]]) -> str:
    """Return why the last row is a note below the table, or "" where it is not."""
    first, *others = [(text or "").strip() for text in batch.frame.row(-1)]
    if any(others) or len(others) < _NOTE_CELLS - 1:
        return ""
    if not _is_word(first) and len(first.split()) < 2:
        return ""
    left = rows - 1
    for above in again():
        frame = above.frame.head(left)
        left -= frame.height
        if frame.to_series().str.strip_chars().str.contains(r"\s").any():
            return ""
        filled = [name.str.strip_chars() != "" for name in map(pl.col, frame.columns)]
        bare = frame.select(filled[0] & ~pl.any_horizontal(filled[1:]))
        if bare.to_series().any():
            return ""
    return "a note below the table: nothing but its first cell is filled"


def _total(batch: RawBatch, rows: int, again: Callable[[], Iterator[RawBatch]]) -> str:
    """Return why the last row is one of totals, or "" where it is not."""
    cells = {name: (text or "").strip() for name, text in batch.frame.row(-1, named=True).items()}
    filled = {name: text for name, text in cells.items() if text}
    if len(cells) < 2 or not filled:
        return ""
    first = next(iter(filled))
    named = _is_word(filled[first])
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


def _is_word(text: str) -> bool:
    return re.sub(r"[^\w]", "", text.lower()) in _WORDS


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
