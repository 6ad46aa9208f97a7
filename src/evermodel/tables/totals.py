"""Rows of totals between the rows of a table are no rows of it: found by arithmetic, set aside.

Sums are running ones, so that a table of any length takes the same memory. Nothing is added up
before a row looks like one of totals; then the table is gone through from its beginning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from evermodel.tables.dates import looks_like_date
from evermodel.tables.raw import RawBatch
from evermodel.tables.understanding import Rejected

__all__ = ["is_total_word", "values_of", "without_totals"]

_WORDS = frozenset(
    {
        "sum", "sums", "total", "totals", "grandtotal", "subtotal", "subtotals", "overall", "summe",
        "summen", "zwischensumme", "teilsumme", "gesamt", "gesamtsumme", "gesamtergebnis",
        "ergebnis", "endsumme", "insgesamt", "summetotal", "somme", "soustotal", "totale",
        "subtotale", "totaal", "subtotaal", "suma", "summa", "totalt", "itogo",
    }
)  # fmt: skip
_ONE_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_NAMED = (
    rf"(?i)^\W*(?:(?:sub|sous|grand)[\s-]*)?(?:{_ONE_WORD})\b|\b(?:sub[\s-]*)?(?:{_ONE_WORD})\W*$"
)
_STEMS = ["sum", "total", "totaal", "somme", "overall", "gesamt", "ergebnis", "itogo"]
"""One of them is in each of the words."""
_AMOUNT = re.compile(
    r"\s*[-+(]{0,2}\s*(?:[^\W\d_]{0,3}[^\w\s.,+-])?\s*[-+]?\d[\d.,'\u2019\s]*"
    r"(?:[eE][-+]?\d+)?\s*(?:[^\W\d_]{1,5}|[^\w\s.,])?\s*\)?\s*"
)
_ALONE = " alone"
_LABELS = 4
_MOST_STARTS = 32
_LEAST_EVIDENCE = 3.0
_REL = 1e-6
_MOST_DOUBTS = 20
_MANY = 50

Again = Callable[[], Iterator[RawBatch]]


def is_total_word(text: str) -> bool:
    """Return whether a text is a word for a sum, and nothing else.

    Examples
    --------
    >>> is_total_word("Sub-total:"), is_total_word("Total Wine")
    (True, False)
    """
    return re.sub(r"[^\w]", "", text.lower()) in _WORDS


def values_of(texts: pl.Series, decimal: str) -> pl.Series:
    """Return the numbers in texts with this decimal mark; all other marks are of thousands.

    Examples
    --------
    >>> values_of(pl.Series(["1.234,50 €", "(5)", "2,5-", "x"]), ",").to_list()
    [1234.5, -5.0, -2.5, None]
    """
    below = texts.str.contains(r"^\s*\(.*\)\s*$|\d\s*-\s*$")
    bare = texts.str.replace(r"-\s*$", "").str.replace_all(rf"[^0-9{decimal}eE+-]", "")
    bare = bare.str.replace_all(r"^[eE]+|[eE]+$", "").str.replace(decimal, ".", literal=True)
    found = bare.cast(pl.Float64, strict=False)
    return pl.select(pl.when(below).then(-found).otherwise(found)).to_series()


def without_totals(batches: Iterator[RawBatch], again: Again) -> Iterator[RawBatch]:
    """Yield the batches without rows of totals, which are then among the rejected.

    Such a row holds the sums of the rows above it since the last one, or since an earlier one as
    in nested groups, and shows it by a word or by its gaps:

    - its first text is a word for a sum ("Subtotal"), and of its numbers some are sums: of three
      digits together, or where cells are empty that all summed rows fill, or where half of the
      rows so named are sums;
    - its first text begins or ends with such a word ("Total Region North"), and at least half of
      its numbers are sums: of at least three digits together, or where cells are empty that all
      summed rows fill, or where half of the rows so named, and two, are sums;
    - its first cell and most others are empty where all summed rows have one, and all its numbers
      are sums, of three digits together.

    A sum is of at least two numbers that are not 0; of one only where other rows of totals of
    that kind are there. Empty rows below them are passed over too. A row that is so named and
    holds no sums, and one that is a sum by a word behind its first text and has no gap, stay: they
    are among the `doubts` of their batch.
    """
    for place, batch in enumerate(batches):
        if not _candidates(batch.frame).any():
            yield batch
            continue
        first = _Sums(None)
        for each in again():
            first.take(each)
        sums = _Sums(first)
        for at, each in enumerate(again()):
            cleaned = sums.take(each)
            if at >= place:
                yield cleaned
        return


def _candidates(frame: pl.DataFrame) -> pl.Series:
    """Return which rows may be ones of totals, by their words and gaps."""
    if frame.width < 2 or not frame.height:
        return pl.repeat(value=False, n=frame.height, eager=True)
    named = pl.repeat(value=False, n=frame.height, eager=True)
    for series in frame.get_columns()[:_LABELS]:
        # Most columns hold no such word anywhere, and that is soon seen.
        if series.str.contains_any(_STEMS, ascii_case_insensitive=True).any():
            named |= series.str.contains(_NAMED).fill_null(value=False)
    empty = (frame.to_series(0).str.strip_chars() == "").fill_null(value=False)
    # The row above is among the summed ones, which all have a first cell.
    headless = empty & ~empty.shift(1, fill_value=False)
    if headless.any():
        part = frame.filter(headless)
        filled = [(pl.col(name).str.strip_chars() != "").fill_null(False) for name in part.columns]
        some = pl.sum_horizontal(full.cast(pl.Int32) for full in filled)
        gaps = part.select(it=(some > 0) & (2 * some <= part.width)).to_series()
        named = named.scatter(headless.arg_true().filter(gaps), values=True)
    return named


@dataclass(slots=True)
class _Row:
    """A row that may be one of totals: its words and its numbers by the place of their column."""

    cells: list[str]
    word: str = ""
    strict: bool = False
    first: bool = False
    amounts: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, cells: Sequence[str | None]) -> _Row:
        row = cls([(cell or "").strip() for cell in cells])
        filled = [place for place, text in enumerate(row.cells) if text]
        named = [
            place for place in filled if place < _LABELS and re.search(_NAMED, row.cells[place])
        ]
        if named:
            row.word = row.cells[named[0]]
            row.strict, row.first = is_total_word(row.word), named[0] == filled[0]
        row.amounts = {
            place: row.cells[place]
            for place in filled
            if (not named or place != named[0])
            and _AMOUNT.fullmatch(row.cells[place])
            and not looks_like_date(row.cells[place])
        }
        return row

    @property
    def bare(self) -> bool:
        """Whether it holds nothing but numbers, and none in its first cell."""
        return not self.cells[0] and all(
            place in self.amounts for place, text in enumerate(self.cells) if text
        )


@dataclass(slots=True)
class _Start:
    """Sums up to where a block begins, with the rows, numbers and texts that were counted."""

    line: int
    rows: int
    sums: np.ndarray
    nonzero: np.ndarray
    filled: np.ndarray


@dataclass(slots=True, kw_only=True)
class _Match:
    """How many numbers of a row are sums of a block, and how unlikely that is by chance."""

    agreeing: int
    digits: float
    single: bool
    gap: bool
    line: int


class _Sums:
    """Goes through a table in order and takes rows of totals out; knows sums alone.

    It does so twice: the `first` time every named row that is a sum of several numbers counts.
    """

    def __init__(self, first: _Sums | None) -> None:
        self._first = first
        self._named: dict[str, int] = {}
        self._several: dict[str, int] = {}
        self._now: _Start | None = None
        self._starts: list[_Start] = []
        self._doubts = 0
        self._below = False

    def take(self, batch: RawBatch) -> RawBatch:
        """Return the batch without its rows of totals."""
        frame = batch.frame
        picked = _candidates(frame).arg_true().to_list()
        counts = _Counts.of(frame, [0, frame.height, *picked, *(at + 1 for at in picked)])
        keep = np.ones(frame.height, dtype=bool)
        rejected, doubts = [], []
        begin = 0
        for at in picked:
            self._add(batch, counts, begin, at)
            begin = at
            row = _Row.of(frame.row(at))
            line = int(batch.lines[at])
            hopeless = self._is_value(row)
            match = self._match(row) if row.amounts and not hopeless else None
            self._count(row, match)
            if match is not None and self.is_total(row, match):
                keep[at] = False
                why, text = _reason(row, match, line), batch.text(at)
                rejected.append(Rejected(line=line, reason=why, text=text, apart=True))
                begin = at + 1
                self._begin(line + 1)
            elif row.word and row.first and row.strict and row.amounts and self._is_rare(row):
                doubts.append(Rejected(line=line, reason=_no_sums(row)))
                self._add(batch, counts, begin, at + 1)
                begin = at + 1
                self._begin(line + 1)
            elif match is not None and row.strict and match.digits >= _LEAST_EVIDENCE:
                doubts.append(Rejected(line=line, reason=_no_gap(row)))
        self._add(batch, counts, begin, frame.height)
        empty = self._empty_below(batch, keep)
        room = max(0, _MOST_DOUBTS - self._doubts)
        self._doubts += len(doubts)
        if keep.all() and not doubts:
            return batch
        every = tuple(sorted((*batch.rejected, *rejected), key=lambda row: row.line))
        return replace(
            batch,
            frame=frame.filter(pl.Series(keep)),
            lines=batch.lines[keep],
            rejected=every,
            empty=batch.empty + empty,
            doubts=(*batch.doubts, *doubts[:room]),
        )

    def _empty_below(self, batch: RawBatch, keep: np.ndarray) -> int:
        """Take out the empty rows that follow rows of totals; return how many they are."""
        if keep.all() and not self._below:
            return 0
        filled = [pl.col(name).str.strip_chars() != "" for name in batch.frame.columns]
        some = pl.any_horizontal(filled).fill_null(value=False).alias("some")
        full = batch.frame.select(some).to_series().to_numpy()
        gone = 0
        for at in range(batch.frame.height):
            if not keep[at]:
                self._below = True
            elif full[at]:
                self._below = False
            elif self._below:
                keep[at] = False
                gone += 1
        return gone

    def is_total(self, row: _Row, match: _Match) -> bool:
        """Whether a row whose numbers are sums shows by words or gaps that it is of totals."""
        sure = self._first is not None and self._first.is_sure(_kind(row))
        if match.single and not sure:
            return False
        most = 2 * match.agreeing >= len(row.amounts)
        if not row.word:
            whole = match.agreeing == len(row.amounts)
            return row.bare and match.gap and whole and match.digits >= _LEAST_EVIDENCE
        if not row.first:
            return most and match.gap
        strong = match.gap or match.digits >= _LEAST_EVIDENCE
        if row.strict:
            return strong or sure
        return most and (strong or sure or self._first is None)

    def is_sure(self, kind: str) -> bool:
        """Whether rows of this kind are of totals, as several of them show."""
        several = self._several.get(kind, 0)
        least = 1 if kind.endswith(_ALONE) else 2
        return several >= least and 2 * several >= self._named[kind]

    def is_few(self, kind: str) -> bool:
        """Whether no more than two rows of this kind are there."""
        return self._named.get(kind, 0) <= 2

    def _is_rare(self, row: _Row) -> bool:
        """Whether a word for a sum may be one; in many rows that are none it is a value."""
        kind = _kind(row)
        return self._first is None or self._first.is_sure(kind) or self._first.is_few(kind)

    def _is_value(self, row: _Row) -> bool:
        """Whether so many rows of a kind hold no sums that its word is a value of the column."""
        for known in (self._first, self):
            if known is not None and row.word and row.first:
                named, several = known.counted(_kind(row))
                if named >= _MANY and 2 * several < named:
                    return True
        return False

    def counted(self, kind: str) -> tuple[int, int]:
        """Return how many rows of a kind there are, and how many of these are sums."""
        return self._named.get(kind, 0), self._several.get(kind, 0)

    def _count(self, row: _Row, match: _Match | None) -> None:
        kind = _kind(row)
        if row.word and row.first and (match is None or not match.single):
            self._named[kind] = self._named.get(kind, 0) + 1
            self._several[kind] = self._several.get(kind, 0) + (match is not None)

    def _begin(self, line: int) -> None:
        assert self._now is not None  # noqa: S101 - some rows were added
        start = replace(self._now, line=line)
        # The beginning of the table stays: a last row may hold the sums of all rows.
        self._starts = [*self._starts[:1], *self._starts[1:][-_MOST_STARTS:], start]

    def _add(self, batch: RawBatch, counts: _Counts, begin: int, end: int) -> None:
        """Add the rows from `begin` to before `end` to the sums."""
        if self._now is None or not self._now.rows:
            # A first block may hold nothing but the header.
            first = int(batch.lines[0]) if len(batch.lines) else 0
            none = np.zeros((batch.frame.width, 2))
            self._now = _Start(first, 0, none, none, np.zeros(batch.frame.width))
            self._starts = [self._now]
        if begin < end:
            self._now = counts.added(self._now, begin, end)

    def _match(self, row: _Row) -> _Match | None:
        """Return the block above whose sums most numbers of the row are, the nearest first."""
        assert self._now is not None  # noqa: S101 - begins with the first row
        best: _Match | None = None
        blocks = list(reversed(self._starts))
        for start in blocks if row.word else blocks[:1]:
            found = self._of_block(row, start, self._now)
            if found is not None and (best is None or found.agreeing > best.agreeing):
                best = found
        return best

    def _of_block(self, row: _Row, start: _Start, now: _Start) -> _Match | None:
        rows = now.rows - start.rows
        if rows < 1:
            return None
        agreeing, digits, several = 0, 0.0, False
        for place, text in row.amounts.items():
            counted = now.nonzero[place] - start.nonzero[place]
            with np.errstate(invalid="ignore"):
                sums = now.sums[place] - start.sums[place]
            evidence = _evidence(text, sums, counted.max())
            if evidence is not None and counted.max() > 0:
                agreeing += 1
                digits += evidence
                several |= counted.max() > 1
        if not agreeing:
            return None
        filled = now.filled - start.filled
        gap = any(not text and filled[at] == rows for at, text in enumerate(row.cells))
        return _Match(
            agreeing=agreeing, digits=digits, single=not several, gap=gap, line=start.line
        )


def _kind(row: _Row) -> str:
    """Return what rows of totals of one table have in common: the word, with or without a name."""
    found = re.search(_NAMED, row.word)
    if found is None:
        return ""
    return re.sub(r"\W", "", found[0].lower()) + (_ALONE if row.strict else "")


@dataclass(slots=True)
class _Counts:
    """Sums, numbers and texts above some rows of a batch, by the place of the row."""

    at: dict[int, int]
    sums: np.ndarray
    nonzero: np.ndarray
    filled: np.ndarray

    @classmethod
    def of(cls, frame: pl.DataFrame, places: Sequence[int]) -> _Counts:
        """Count above these rows, a column at a time: the numbers of no other row are kept."""
        order = sorted(set(places))
        shape = (len(order), frame.width, 2)
        counts = cls(dict(zip(order, range(len(order)), strict=True)), *map(np.zeros, (shape,) * 3))
        for place, name in enumerate(frame.columns):
            texts = frame[name]
            full = (texts.str.strip_chars() != "").fill_null(value=False).to_numpy()
            counts.filled[:, place, 0] = _above(full, order)
            for which, mark in enumerate((".", ",")):
                numbers = values_of(texts, mark).fill_null(0.0).to_numpy()
                numbers = np.where(np.isfinite(numbers), numbers, 0.0)
                counts.sums[:, place, which] = _above(numbers, order)
                counts.nonzero[:, place, which] = _above(numbers != 0, order)
        return counts

    def added(self, now: _Start, begin: int, end: int) -> _Start:
        """Return the sums with those of the rows from `begin` to before `end`."""
        first, last = self.at[begin], self.at[end]
        with np.errstate(over="ignore", invalid="ignore"):
            sums = now.sums + (self.sums[last] - self.sums[first])
        return _Start(
            now.line,
            now.rows + end - begin,
            sums,
            now.nonzero + (self.nonzero[last] - self.nonzero[first]),
            now.filled + (self.filled[last, :, 0] - self.filled[first, :, 0]),
        )


def _above(values: np.ndarray, places: Sequence[int]) -> np.ndarray:
    """Return the sums of the values before each place."""
    with np.errstate(over="ignore", invalid="ignore"):  # a sum beyond all floats is no row's
        sums: np.ndarray = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])[places]
    return sums


def _number(text: str, decimal: str) -> float | None:
    """Return the number in one text, as `values_of` those of many."""
    below = re.search(r"^\s*\(.*\)\s*$|\d\s*-\s*$", text) is not None
    bare = re.sub(rf"[^0-9{decimal}eE+-]", "", re.sub(r"-\s*$", "", text))
    bare = re.sub(r"^[eE]+|[eE]+$", "", bare).replace(decimal, ".", 1)
    try:
        return -float(bare) if below else float(bare)
    except ValueError:
        return None


def _evidence(text: str, sums: np.ndarray, counted: float) -> float | None:
    """Return the digits of a number that is a sum, or None where it is none.

    A total may be rounded as it is written, and so may what it sums: n numbers that are each off
    by up to half a unit are together off by about its root n times.
    """
    best: float | None = None
    for mark, total in zip((".", ","), sums.tolist(), strict=True):
        value = _number(text, mark)
        if not value or not np.isfinite(total):
            continue
        decimals = len(re.sub(r"\D", "", text.rpartition(mark)[2])) if mark in text else 0
        off = 0.5 * 10.0**-decimals * max(1.0, counted) ** 0.5 + _REL * abs(total)
        if decimals == 0 and float(total).is_integer():
            off = max(1e-9, 1e-12 * abs(total))  # whole numbers add up exactly
        if abs(value - total) <= off:
            digits = float(np.log10(max(1.0, abs(value) / max(off, 0.5 * 10.0**-decimals))))
            best = digits if best is None else max(best, digits)
    return best


def _reason(row: _Row, match: _Match, line: int) -> str:
    said = f" ({row.word!r})" if row.word else ""
    return f"a row of totals{said}: the sums of lines {match.line} to {line - 1}"


def _no_sums(row: _Row) -> str:
    return f"named {row.word!r}, but its numbers are not the sums of the rows above it"


def _no_gap(row: _Row) -> str:
    return f"{row.word!r} beside the sums of the rows above it, in a row that has all cells"
