"""Headers of more than one line, and what of a header or of another table stands between rows.

A table on paper may have a line of groups above its names, its header again on each page, and
another table under it. Each is recognised by what stands in the rows
around it; in doubt a line is what it is in a plain table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from evermodel.tables.dates import looks_like_date
from evermodel.tables.raw import RawBatch
from evermodel.tables.understanding import Rejected
from evermodel.tables.unit_lines import is_unit_cell
from evermodel.tables.values import MISSING_WORDS, looks_like_number

__all__ = ["combined", "has_groups", "is_apart", "one_table"]

Row = Sequence[str]

_AMOUNT = re.compile(r"[-+]?[\d.,'\u2019\u00a0\u202f ]*\d[\d.,]*(?:[eE][-+]?\d+)?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_AROUND = " \t\r\n\u00a0\ufeff"
"""Files that were put together hold the mark at the beginning of each."""
_AGAIN = "repeats the header"
_ANOTHER = "another table begins here: give it a file or a sheet of its own"
_OF_ANOTHER = "belongs to the table that begins on line"
_MOSTLY = 0.9
_LEAST_ROWS = 3
_LOOKED_AT = 200
_LOOKED_AHEAD, _SURE = 20, 5
# Notes, a total and empty rows may stand between two tables.
_MOST_GAPS, _MOST_LOOKS, _NEAR = 500, 20, 12


def has_groups(rows: Sequence[Row]) -> bool:
    """Whether the first line groups the names in the second, as merged cells of a sheet do.

    Each of its texts has a gap to its right, or itself again, or no name below it. The names have
    none that is a number, stand over at least two columns of numbers, and are no values of their
    columns: years are names where they follow one another, over columns of other numbers.

    Examples
    --------
    >>> has_groups([["shop", "sales", ""], ["", "spring", "autumn"], ["a", "1", "2"]])
    True
    >>> has_groups([["name", "", "from", ""], ["Al", "Oz", "1990", "2001"], ["Bo", "Ek", "3", "4"]])
    False
    """
    if len(rows) < 3:
        return False
    groups, names = ([cell.strip() for cell in row] for row in rows[:2])
    below = [row for row in rows[2:] if len(row) == len(names)]
    if len(groups) != len(names) or len(below) < _MOSTLY * len(rows[2:]):
        return False
    made = combined(groups, names)
    if not _are_shared(groups, names) or not all(made) or len(set(made)) < len(made):
        return False
    if not all(_is_name(cell) for cell in (*groups, *names) if cell):
        return False
    if any(name and name in _column(below, place) for place, name in enumerate(names)):
        return False
    over = [place for place in _numbers(below, 1) if names[place]]
    only_units = all(groups[place] and is_unit_cell(names[place]) for place in over)
    return len(over) >= 2 and not only_units and _are_names(names, below, over)


def _are_shared(groups: Row, names: Row) -> bool:
    """Whether some text stands over names of two columns and more, and none over that of one."""
    some = False
    for place, (group, name) in enumerate(zip(groups, names, strict=True)):
        if group and name and (place == 0 or groups[place - 1] != group):
            after = place + 1
            if after == len(names) or groups[after] not in ("", group) or not names[after]:
                return False
            some = True
    return some and any(groups[1:])


def _are_names(names: Row, below: Sequence[Row], over: Sequence[int]) -> bool:
    """Whether no year over a column of numbers may be one of its values."""
    years = [place for place in over if _YEAR.fullmatch(names[place])]
    for place in years:
        values = [row[place].strip() for row in below]
        if 2 * sum(_YEAR.fullmatch(value) is not None for value in values) >= len(values):
            return False
    if len(years) < len(over):
        return True
    known = {int(names[place]) for place in years}
    return len(known) > 1 and max(known) - min(known) == len(known) - 1


def combined(groups: Row, names: Row) -> list[str]:
    """Return names with the group that stands above them, or above the nearest to their left.

    Examples
    --------
    >>> combined(["", "sales", "", "note"], ["shop", "spring", "autumn", ""])
    ['shop', 'sales spring', 'sales autumn', 'note']
    """
    made, last = [], ""
    for group, name in zip(groups, names, strict=True):
        last = group.strip() or last
        # A name alone is as the group above it: nothing is to be told apart there.
        parts = [last if name.strip() else group.strip(), name.strip()]
        made.append(" ".join(dict.fromkeys(part for part in parts if part)))
    return made


def one_table(batches: Iterator[RawBatch], headers: Sequence[Row]) -> Iterator[RawBatch]:
    """Yield the batches of the first table alone, without lines that repeat one of its header.

    Another table begins after an empty line, with names over at least two columns that held
    numbers, or over one and with gaps that no row above has, where nearly all that follows is not
    as the rows above. It is left out to its last row: all that is left out is among the rejected.
    """
    above: pl.DataFrame | None = None
    other = last = 0
    for batch in batches:
        if other:
            yield _without(batch, np.ones(len(batch.lines), np.bool_), _of_another(other))
            continue
        batch = _without(batch, _repeats(batch.frame, headers), _AGAIN)
        at = _other_table(batch, above, last)
        if len(batch.lines):
            last = int(batch.lines[-1])
            above = batch.frame.tail(_LOOKED_AT)
        if at is not None:
            other = int(batch.lines[at])
            rows = np.arange(len(batch.lines))
            batch = _without(batch, rows > at, _of_another(other))
            batch = _without(batch, rows[: at + 1] == at, _ANOTHER)
        yield batch


def is_apart(row: Rejected) -> bool:
    """Return whether a row was left out as no row of the table, though it could be read.

    Examples
    --------
    >>> is_apart(Rejected(line=9, reason="repeats the header"))
    True
    """
    return row.reason in (_AGAIN, _ANOTHER) or row.reason.startswith(_OF_ANOTHER)


def _of_another(line: int) -> str:
    return f"{_OF_ANOTHER} {line}"


def _is_name(text: str) -> bool:
    """Whether a text may name a column or a group: numbers do not, but years do."""
    if text.lower() in MISSING_WORDS:
        return False
    return bool(_YEAR.fullmatch(text)) or not (_AMOUNT.fullmatch(text) or looks_like_date(text))


def _column(rows: Sequence[Row], place: int) -> set[str]:
    return {row[place].strip() for row in rows}


def _numbers(rows: Sequence[Row], least: int = _LEAST_ROWS) -> list[int]:
    """Return the places of columns whose filled cells are nearly all numbers."""
    found = []
    for place in range(len(rows[0]) if rows else 0):
        texts = [text for row in rows if (text := row[place].strip()).lower() not in MISSING_WORDS]
        hits = sum(_AMOUNT.fullmatch(text) is not None for text in texts)
        if len(texts) >= least and hits >= _MOSTLY * len(texts):
            found.append(place)
    return found


def _repeats(frame: pl.DataFrame, headers: Sequence[Row]) -> np.ndarray:
    """Return which rows are one of these lines, cell by cell, whatever blanks are around these."""
    found = np.zeros(frame.height, np.bool_)
    for line in headers:
        cells = [cell.strip(_AROUND) for cell in line]
        # A value that is the only cell of its row may well be the name of its column.
        if len(cells) != frame.width or sum(map(bool, cells)) < 2:
            continue
        places = sorted(range(frame.width), key=lambda place: -len(cells[place]))
        # One column rules out all rows of most batches, without a look at the blanks in it.
        telling, name = frame.to_series(places[0]), cells[places[0]]
        likely = telling == line[places[0]]
        likely |= telling.str.starts_with(name) | telling.str.ends_with(name)
        rows = likely.fill_null(value=False).arg_true()
        for place in places:
            if rows.is_empty():
                break
            texts = frame.to_series(place).gather(rows).fill_null("")
            rows = rows.filter(texts.str.strip_chars(_AROUND) == cells[place])
        found[rows.to_numpy()] = True
    return found


def _without(batch: RawBatch, which: np.ndarray, reason: str) -> RawBatch:
    """Return the batch without these rows, which are then among the rejected."""
    if not which.any():
        return batch
    rejected = tuple(
        Rejected(
            line=int(batch.lines[row]),
            reason=reason,
            text=batch.text(row),
            apart=True,
        )
        for row in np.flatnonzero(which).tolist()
    )
    every = tuple(sorted((*batch.rejected, *rejected), key=lambda row: row.line))
    frame = batch.frame.filter(pl.Series(~which))
    return replace(batch, frame=frame, lines=batch.lines[~which], rejected=every)


def _other_table(batch: RawBatch, above: pl.DataFrame | None, last: int) -> int | None:
    """Return the row of a batch with which another table begins, or None."""
    frame = batch.frame
    if frame.width < 2 or not frame.height:
        return None
    gap = np.diff(batch.lines, prepend=last) > 1
    gap[1:] |= _empty(frame)[:-1]
    gap[0] &= above is not None
    looks = 0
    for at in map(int, np.flatnonzero(gap)[:_MOST_GAPS]):
        # Most rows behind a gap are plain ones: what is around these is not looked at.
        names = [(cell or "").strip() for cell in frame.row(at)]
        if not _may_be_header(names):
            continue
        near = frame.slice(max(0, at - _NEAR), min(at, _NEAR))
        if above is not None and near.height < _NEAR:
            near = pl.concat([above.tail(_NEAR - near.height), near])
        if not _holds_number(_texts(near), names):
            continue
        looks += 1
        if looks > _MOST_LOOKS:
            break
        before = frame.slice(max(0, at - _LOOKED_AT), min(at, _LOOKED_AT))
        if above is not None and before.height < _LOOKED_AT:
            before = pl.concat([above.tail(_LOOKED_AT - before.height), before])
        if _begins_another(_texts(before), _texts(frame.slice(at, _LOOKED_AHEAD))):
            return at
    return None


def _empty(frame: pl.DataFrame) -> np.ndarray:
    """Return which rows hold nothing; those whose first cell is filled are not looked at."""
    found = (frame.to_series(0).fill_null("") == "").to_numpy().copy()
    likely = np.flatnonzero(found)
    if likely.size:
        filled = pl.any_horizontal(pl.all().fill_null("") != "").alias("filled")
        found[likely] = ~frame[likely].select(filled).to_series().to_numpy()
    return found


def _texts(frame: pl.DataFrame) -> list[list[str]]:
    return [[(cell or "").strip() for cell in row] for row in frame.rows()]


def _may_be_header(names: Row) -> bool:
    filled = [name for name in names if name]
    return 2 <= len(filled) == len(set(filled)) and all(map(_is_name, filled))


def _holds_number(rows: Sequence[Row], names: Row) -> bool:
    """Whether a number is in these rows, in a column that has a name."""
    cells = (pair for row in rows for pair in zip(row, names, strict=True))
    return any(name and _AMOUNT.fullmatch(cell) for cell, name in cells)


def _begins_another(before: list[list[str]], rows: list[list[str]]) -> bool:
    """Whether the first of these rows is the header of another table than the rows before."""
    names, below = rows[0], [row for row in rows[1:] if any(row)]
    numbers = _numbers(before)
    over = sum(bool(names[place]) for place in numbers)
    if not below or not over:
        return False
    unfit = [not _fits(row, before, numbers) for row in below]
    # One broken row, or a few, below a line of words is no table: the rows go on as they were.
    if not all(unfit[:_SURE]) or sum(unfit) < _MOSTLY * len(unfit):
        return False
    return over >= 2 or _is_narrower(names, below, before)


def _is_narrower(names: Row, below: Sequence[Row], before: Sequence[Row]) -> bool:
    """Whether rows fill nothing beyond their names, which leave gaps that no row before has."""
    usual = _usual(before)
    return any(not names[place] for place in usual) and not any(
        cell and not name for row in below for cell, name in zip(row, names, strict=True)
    )


def _usual(rows: Sequence[Row]) -> list[int]:
    """Return the places that nearly all rows fill: notes and totals below them have gaps."""
    filled = [row for row in rows if any(row)]
    return [
        place
        for place in range(len(rows[0]))
        if sum(bool(row[place]) for row in filled) >= _MOSTLY * len(filled)
    ]


def _fits(row: list[str], before: list[list[str]], numbers: list[int]) -> bool:
    """Whether a row may be one more of those before: the same cells filled, numbers as there."""
    return all(row[place] for place in _usual(before)) and all(
        row[place].lower() in MISSING_WORDS
        or looks_like_number(row[place])
        or bool(_AMOUNT.fullmatch(row[place]))
        for place in numbers
    )
