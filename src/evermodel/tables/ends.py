"""Last rows that hold a note or the totals of the others are no rows of the table: set aside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from evermodel.tables.raw import RawBatch
from evermodel.tables.totals import is_total_word, values_of, without_totals
from evermodel.tables.understanding import Rejected

__all__ = ["rows_alone", "without_ends"]

_NOTE = re.compile(
    r"(?i)^(?:source|quelle|notes?|hinweise?|anmerkung(?:en)?|remarks?|stand|exported|erstellt|created"
    r"|generated|printed|seite|page|legende?|updated|as of)\b|^[*©]|\w:\s"
)
_SURE_NOTE = re.compile(
    r"(?i)^(?:source|quelle|notes?|hinweise?|anmerkung(?:en)?|remarks?|stand|exported|updated"
    r"|as of)\s*:|^[*©]\s*\w"
)
_LEAST_ROWS = 3
_AT_ONCE = 1024
_TAIL, _MOST_NOTES = 16, 5
_NOTE_CELLS = 4
"""A row of fewer cells, of which only the first is filled, may as well be a row with gaps, unless
what it says is a note and nothing else."""
_CLOSE = 1e-6


def rows_alone(again: Callable[[], Iterator[RawBatch]]) -> Iterator[RawBatch]:
    """Yield the batches that `again` reads from the beginning, without totals and ends.

    See `without_totals` and `without_ends`.
    """

    def bare() -> Iterator[RawBatch]:
        return without_totals(again(), again)

    yield from without_ends(bare(), bare)


def without_ends(
    batches: Iterator[RawBatch], again: Callable[[], Iterator[RawBatch]]
) -> Iterator[RawBatch]:
    """Yield the batches without what follows the last row: empty rows, notes, and totals.

    Notes and totals are then among the rejected rows of the last batch, empty rows are nowhere.

    A note fills nothing but the first cell of a wide table, which no row above does, and begins as
    notes do ("Source: till 2"), or is a word such as "Total".

    A row of totals is looked at more closely where its first text is a word such as "Total" or
    where its first cell and most others are empty. It is one where no row above has that text (or
    none) there, and where its numbers are the sums of their columns; beside such a word, one of
    them or mostly empty cells will do. For this the table is gone through `again`.
    """
    held: RawBatch | None = None
    blank: list[RawBatch] = []
    rows, any_filled = 0, False
    for batch in batches:
        if held is not None and not any_filled and not _filled(held):
            # A table of nothing but empty rows keeps them.
            yield held
            rows += held.frame.height
            held = batch
            continue
        any_filled = held is not None
        if held is not None and not _filled(batch):
            # What may be empty to the end is kept by its lines alone: spreadsheets export millions.
            held = _with_rejected(held, batch.rejected)
            found = (*held.doubts, *batch.doubts)
            held = replace(held, empty=held.empty + batch.empty, doubts=found)
            blank.append(RawBatch(batch.frame.clear(), batch.lines))
            continue
        if held is not None and batch.frame.height < _TAIL:
            # Notes and totals may lie on both sides of the edge of a block.
            early, late = _divided(held)
            if early is not None:
                yield early
                rows += early.frame.height
            held = _joined([late, *map(_of_blanks, blank), batch])
        else:
            if held is not None:
                yield held
                yield from map(_of_blanks, blank)
                rows += held.frame.height + sum(len(each.lines) for each in blank)
            held = batch
        blank.clear()
    if held is not None:
        empty = sum(len(each.lines) for each in blank)
        yield _peeled(held, rows, empty, again) if any_filled or _filled(held) else held


def _peeled(
    held: RawBatch, before: int, empty: int, again: Callable[[], Iterator[RawBatch]]
) -> RawBatch:
    """Return the end of a table, of which `before` rows went before, without what follows it."""

    def trimmed(batch: RawBatch) -> RawBatch:
        nonlocal empty
        kept = _filled(batch)
        empty += batch.frame.height - kept
        return batch.head(kept)

    held = trimmed(held)
    looks = [_note] * _MOST_NOTES + [_total]
    for look in looks:
        rows = before + held.frame.height
        why = look(held, rows, again) if held.frame.height and rows > _LEAST_ROWS else ""
        if why:
            text = held.text(-1)
            last = Rejected(line=int(held.lines[-1]), reason=why, text=text, apart=True)
            held = _with_rejected(trimmed(held.head(held.frame.height - 1)), (last,))
    return replace(held, empty=held.empty + empty)


def _divided(batch: RawBatch) -> tuple[RawBatch | None, RawBatch]:
    """Return all but the last rows of a batch, if there are more, and those."""
    early = batch.frame.height - _TAIL
    if early <= 0:
        return None, batch
    late = replace(
        batch, frame=batch.frame[early:], lines=batch.lines[early:], rejected=(), doubts=(), empty=0
    )
    return batch.head(early), late


def _joined(batches: Sequence[RawBatch]) -> RawBatch:
    kinds: dict[str, frozenset[str]] = {}
    parts: dict[str, list[np.ndarray]] = {}
    for batch in batches:
        for name, lines in batch.typed.items():
            parts.setdefault(name, []).append(lines)
        kinds |= {name: kinds.get(name, frozenset()) | found for name, found in batch.kinds.items()}
    return RawBatch(
        pl.concat([batch.frame for batch in batches]),
        np.concatenate([batch.lines for batch in batches]),
        tuple(row for batch in batches for row in batch.rejected),
        kinds,
        empty=sum(batch.empty for batch in batches),
        doubts=tuple(row for batch in batches for row in batch.doubts),
        typed={name: np.concatenate(lines) for name, lines in parts.items()},
        separator=batches[0].separator,
        quote=batches[0].quote,
    )


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
    return replace(batch, rejected=tuple(every))


def _note(batch: RawBatch, rows: int, again: Callable[[], Iterator[RawBatch]]) -> str:
    """Return why the last row is a note below the table, or "" where it is not."""
    first, *others = [(text or "").strip() for text in batch.frame.row(-1)]
    if any(others) or not others:
        return ""
    narrow = len(others) < _NOTE_CELLS - 1
    if not _SURE_NOTE.search(first) and (
        narrow or not (is_total_word(first) or _NOTE.search(first))
    ):
        return ""
    bare, noted, left = 0, 0, rows - 1
    for above in again():
        frame = above.frame.head(left)
        left -= frame.height
        texts = [pl.col(name).str.strip_chars() for name in frame.columns]
        alone = (texts[0] != "") & ~pl.any_horizontal(text != "" for text in texts[1:])
        like = texts[0].str.contains(_NOTE.pattern)
        counts = frame.select(bare=(alone & ~like).sum(), noted=(alone & like).sum())
        bare, noted = bare + counts["bare"][0], noted + counts["noted"][0]
    if bare or noted >= _MOST_NOTES:
        return ""
    return "a note below the table: nothing but its first cell is filled"


def _total(batch: RawBatch, rows: int, again: Callable[[], Iterator[RawBatch]]) -> str:
    """Return why the last row is one of totals, or "" where it is not."""
    cells = {name: (text or "").strip() for name, text in batch.frame.row(-1, named=True).items()}
    filled = {name: text for name, text in cells.items() if text}
    if len(cells) < 2 or not filled:
        return ""
    first = next(iter(filled))
    named = is_total_word(filled[first])
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
            sums[name] = sums[name] + [values_of(frame[name], mark).sum() for mark in (".", ",")]
    equal = [
        any(
            _same(values_of(pl.Series([text]), mark)[0], total)
            for mark, total in zip((".", ","), sums[name], strict=True)
        )
        for name, text in amounts.items()
    ]
    return not found, equal


def _same(value: float | None, total: float) -> bool:
    return value is not None and value != 0 and abs(value - total) <= _CLOSE * abs(total) + 0.01
