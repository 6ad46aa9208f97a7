"""Delimited text into rows of texts, checked cell by cell for their number, never padded.

The structure of each block is first found by numpy from the bytes alone: which line breaks and
separators stand inside quotes, and how many cells each row has. Only then does polars parse the
block, so that its parser meets nothing but regular rows. From the first quote on that follows no
rule, the rest of the file goes row by row through the `csv` module.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
import polars as pl

from evermodel.errors import DataError
from evermodel.project import Reading
from evermodel.tables.encodings import (
    LineByLine,
    all_utf8,
    census_of,
    encoding_note,
    line_end,
    single_byte,
    whole_lines,
    without_broken,
)
from evermodel.tables.headings import one_table
from evermodel.tables.raw import RawBatch
from evermodel.tables.sniff import HEAD_BYTES, Dialect, sniff
from evermodel.tables.understanding import Rejected, Understanding

__all__ = ["Delimited", "follow"]

_BLOCK = 1 << 24
_LONGEST_CELL = 1 << 28
_MOST_UNPACKED, _MOST_RATIO = 1 << 30, 250
_NEWLINE, _RETURN, _QUOTE = 10, 13, 34
_BY_BYTES = ("utf-8", "utf-8-sig", "cp1252", "latin-1")
"""Encodings that are told apart by the bytes of the text itself."""


class _NotUtf8Error(Exception):
    """The file seemed to be UTF-8 and is not; `content` is the block that shows it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        super().__init__()


class Delimited:
    """A delimited text file (also gzip-compressed) whose dialect is known.

    Parameters
    ----------
    path : Path
        The file.
    reading : Reading
        What the user says about it; the rest is found out.
    dialect : Dialect, optional
        When given, nothing is found out.
    """

    kind = "text"

    def __init__(self, path: Path, reading: Reading, dialect: Dialect | None = None) -> None:
        self.path = path
        self.where = str(path)
        self.reading = reading
        self.dialect = self._sniffed(reading) if dialect is None else dialect
        self.told = bool(reading.encoding)
        self.blank_lines = 0
        self.unpacked = 0
        self._broken: list[int] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """How the file is written, where that is not plain."""
        return self.dialect.notes

    def batches(self, rows: int) -> Iterator[RawBatch]:
        """Yield all rows in order as texts, a block of the file at a time.

        Raises
        ------
        DataError
            When a quote is never closed, or bytes do not belong to a text.
        """
        del rows  # blocks are cut by size, which bounds memory better than rows do
        self.blank_lines = 0
        self._broken = []
        try:
            yield from one_table(self._batches(), self.dialect.heads)
        except _NotUtf8Error as error:
            raise DataError(
                "the text is not in the encoding it was taken for",
                where=self.where,
                found=f"bytes that are not {self.dialect.encoding}",
                hint=f'set reading.encoding = "{single_byte(error.content)}"',
            ) from None

    def settle(self) -> None:
        """Read the whole file once for its encoding, and for lines that are in another."""
        if self.told or self.dialect.encoding not in _BY_BYTES:
            return
        if self.dialect.encoding.startswith("utf-8"):
            with self._open() as file:
                if all_utf8(self._blocks(file)):
                    return
        with self._open() as file:
            census = census_of(self._blocks(file))
        dialect, notes = self.dialect, []
        encoding = "utf-8" if census.is_utf8 else "latin-1" if census.undefined else "cp1252"
        if dialect.encoding not in ("utf-8-sig", encoding):
            dialect = self._sniffed(msgspec.structs.replace(self.reading, encoding=encoding))
            dialect = msgspec.structs.replace(dialect, encoding=encoding)
            notes += [] if census.is_utf8 else [encoding_note(encoding)]
        odd = census.odd if dialect.encoding.startswith("utf-8") else 0
        notes.append(census.note(dialect.encoding, dialect.skip + dialect.header + dialect.units))
        every = (*dialect.notes, *filter(None, notes))
        self.dialect = msgspec.structs.replace(dialect, odd_lines=odd, notes=every)

    def require_modest(self) -> None:
        """Raise `DataError` when the file unpacks to far more than one that tells anything.

        Whoever reads it in parts need not ask: its rows take no more room than others.
        """
        ratio = self.unpacked / max(1, self.path.stat().st_size)
        if self.unpacked > _MOST_UNPACKED and ratio > _MOST_RATIO:
            what = "this file unpacks to far more than its size"
            found = f"{self.unpacked / 2**20:,.0f} MB, {ratio:,.0f} times its size"
            limit = f"{_MOST_UNPACKED / 2**20:,.0f} MB at more than {_MOST_RATIO} times"
            hint = f"more than {limit} is not read into memory: unpack it yourself if it is a table"
            raise DataError(what, where=self.where, found=found, hint=hint)

    def _sniffed(self, reading: Reading) -> Dialect:
        with self._open() as file:
            return sniff(_read(file, HEAD_BYTES, self.where), reading, where=self.where)

    def _blocks(self, file: BinaryIO) -> Iterator[bytes]:
        size = 0
        while block := _read(file, _BLOCK, self.where):
            size += len(block)
            self.unpacked = max(self.unpacked, size)
            yield block

    def _open(self) -> BinaryIO:
        file: BinaryIO = self.path.open("rb")
        if file.read(2) == b"\x1f\x8b":
            file.close()
            return gzip.open(self.path, "rb")  # type: ignore[return-value]
        file.seek(0)
        return file

    def _batches(self) -> Iterator[RawBatch]:
        dialect = self.dialect
        place = _Place(skip=dialect.skip, header=dialect.header, units=dialect.units)
        rest = b""
        with self._open() as file:
            blocks = self._utf8(file)
            for block in blocks:
                rest += block
                whole, rest = _cut(rest, dialect)
                if not whole:
                    if len(rest) > _LONGEST_CELL:
                        raise self._endless(rest, place.line)
                    continue
                if dialect.padded:
                    yield from self._slow(whole + rest, blocks, place)
                    return
                batch = self._fast(whole, place)
                if batch is None:
                    yield from self._slow(whole + rest, blocks, place)
                    return
                yield self._sound(batch, place.line)
            if rest:
                batch = None if dialect.padded else self._fast(rest + b"\n", place)
                if batch is None:
                    yield from self._slow(rest, iter(()), place)
                else:
                    yield self._sound(batch, place.line)

    def _sound(self, batch: RawBatch, until: int) -> RawBatch:
        """Return the batch, which ends before this line, without rows that are no clean text."""
        broken = [line for line in self._broken if line < until]
        if not broken:
            return batch
        del self._broken[: len(broken)]
        return without_broken(batch, broken, self.dialect.separator)

    def _utf8(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the file as UTF-8 with a line feed at every line's end."""
        old_mac: bool | None = None
        for content in self._decoded(file):
            if b"\x00" in content:
                what = "this is a binary file, not a text table"
                hint = "export it as CSV"
                raise DataError(what, where=self.where, found="a NUL byte", hint=hint)
            if old_mac is None and content:
                old_mac = line_end(content) == b"\r"
            if old_mac:
                content = content.replace(b"\r", b"\n")
            if content:
                yield content

    def _decoded(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the file as UTF-8."""
        if self.dialect.odd_lines:
            yield from self._line_by_line(file)
            return
        decoder = codecs.getincrementaldecoder(self.dialect.encoding)()
        plain = self.dialect.encoding == "utf-8"
        while True:
            block = _read(file, _BLOCK, self.where)
            try:
                text = decoder.decode(block, final=not block)
                # An encoding may have letters that are none, such as half a pair of UTF-16.
                yield block if plain else text.encode()
            except UnicodeError:
                raise _NotUtf8Error(block) from None
            if not block:
                return

    def _line_by_line(self, file: BinaryIO) -> Iterator[bytes]:
        lines: LineByLine | None = None
        for content, end in whole_lines(self._blocks(file)):
            if lines is None:
                lines = LineByLine(end)
                self._broken = lines.broken
            yield lines.utf8(content)

    def _fast(self, content: bytes, place: _Place) -> RawBatch | None:
        """Return the rows of a block of whole lines, or None where its quotes follow no rule."""
        dialect = self.dialect
        layout = _layout(content, dialect)
        if layout is None:
            return None
        lines = layout.lines + place.line
        keep, reject = layout.judge(len(dialect.names))
        drop = place.leading(layout.blank)
        keep[:drop] = reject[:drop] = False
        self.blank_lines += int(layout.blank[drop:].sum())
        rejected = tuple(
            _ragged(
                int(lines[row]),
                int(layout.cells[row]),
                len(dialect.names),
                layout.text(content, int(row)),
            )
            for row in np.flatnonzero(reject)
        )
        if not keep.all():
            lengths = np.diff(layout.ends, prepend=-1)
            content = np.frombuffer(content, np.uint8)[np.repeat(keep, lengths)].tobytes()
        place.line += layout.breaks
        frame = _parse(content, dialect) if keep.any() else _no_rows(dialect)
        return RawBatch(
            frame, lines[keep], rejected, separator=dialect.separator, quote=dialect.quote
        )

    def _slow(self, content: bytes, blocks: Iterator[bytes], place: _Place) -> Iterator[RawBatch]:
        """Yield the rest of the file row by row."""
        dialect = self.dialect
        csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
        counted = _Lines(content, blocks)
        reader = csv.reader(
            counted,
            delimiter=dialect.separator,
            quotechar=dialect.quote or None,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            skipinitialspace=dialect.padded,
            strict=True,
        )
        rows: list[list[str]] = []
        lines: list[int] = []
        rejected: list[Rejected] = []
        while True:
            start = place.line + counted.number
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                if "unexpected end of data" in str(error):
                    raise self._unclosed(start) from None
                text = counted.taken()
                rejected.append(Rejected(line=start, reason=_plain(error), text=text))
                continue
            text = counted.taken()
            if place.skip or place.header:
                # Lines before the header count as rows here, the header as the last of them.
                place.header, place.skip = place.header and place.skip > 0, max(0, place.skip - 1)
            elif not row:
                self.blank_lines += 1
            elif place.units:
                place.units = False
            elif len(row) != len(dialect.names):
                rejected.append(_ragged(start, len(row), len(dialect.names), text))
            else:
                rows.append(row)
                lines.append(start)
            if len(rows) >= 65_536:
                batch = _collect(rows, lines, rejected, dialect)
                yield self._sound(batch, place.line + counted.number)
                rows, lines, rejected = [], [], []
        yield self._sound(_collect(rows, lines, rejected, dialect), sys.maxsize)

    def _endless(self, content: bytes, line: int) -> DataError:
        """Return what to say of a row that is longer than any, as far as it was read."""
        if self.dialect.quote and b"\n" in content:
            return self._unclosed(line)
        return DataError(
            f"a line is longer than {_LONGEST_CELL / 2**20:,.0f} MB",
            where=f"{self.where}:{line}",
            found="no end of a line",
            hint="export it again with a line for each row",
        )

    def _unclosed(self, line: int) -> DataError:
        return DataError(
            "a quote is opened and never closed: the file may be cut off",
            where=f"{self.where}:{line}",
            hint="export it again, or close the quote on that line",
        )


@dataclass(slots=True)
class _Place:
    """Where in the file the next block begins: its line, and what still stands before the rows."""

    skip: int
    header: bool
    units: bool
    line: int = 1

    def leading(self, blank: np.ndarray) -> int:
        """Return how many rows of a block come before the first row of values."""
        if not self.skip and not self.header:
            return 0
        drop = self.skip
        while self.header and drop < len(blank) and blank[drop]:
            drop += 1
        drop += self.header + self.units
        self.skip, self.header, self.units = 0, False, False
        return drop


@dataclass(slots=True)
class _Layout:
    """The rows of a block: where each ends, its cells, its line, and whether it is blank."""

    ends: np.ndarray
    cells: np.ndarray
    lines: np.ndarray
    blank: np.ndarray
    breaks: int

    def text(self, content: bytes, row: int) -> str:
        """Return one row as it stands in the block."""
        start = int(self.ends[row - 1]) + 1 if row else 0
        return content[start : int(self.ends[row])].decode("utf-8", "replace").rstrip("\r")

    def judge(self, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Return which rows have `width` cells, and which are to be rejected."""
        right = (self.cells == width) & ~self.blank
        return right, ~right & ~self.blank


def _layout(content: bytes, dialect: Dialect) -> _Layout | None:
    """Find the rows of whole lines; None where quotes stand in the middle of a cell."""
    data = np.frombuffer(content, np.uint8)
    separator = ord(dialect.separator)
    marks = (data == separator) | (data == _NEWLINE)
    quotes = np.flatnonzero(data == _QUOTE) if dialect.quote else np.empty(0, np.int64)
    if len(quotes):
        if not _regular(data, quotes, separator):
            return None
        inside = np.cumsum(data == _QUOTE, dtype=np.uint8) & 1
        marks &= inside == 0
    places = np.flatnonzero(marks)
    rows = np.flatnonzero(data[places] == _NEWLINE)
    ends = places[rows]
    starts = np.concatenate([[0], ends[:-1] + 1])
    size = ends - starts
    blank = (size == 0) | ((size == 1) & (data[starts] == _RETURN))
    if len(quotes):
        breaks = np.flatnonzero(data == _NEWLINE)
        lines, total = np.searchsorted(breaks, starts), len(breaks)
    else:
        lines, total = np.arange(len(ends)), len(ends)
    return _Layout(ends, np.diff(rows, prepend=-1), lines, blank, total)


def _regular(data: np.ndarray, quotes: np.ndarray, separator: int) -> bool:
    """Whether every quote opens a cell, closes one, or is one of a pair inside a cell."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = data[np.maximum(opening - 1, 0)]
    opens = (opening == 0) | (before == separator) | (before == _NEWLINE)
    opens[1:] |= opening[1:] == closing[:-1] + 1
    after = data[np.minimum(closing + 1, len(data) - 1)]
    closes = (after == separator) | (after == _NEWLINE)
    returned = (after == _RETURN) & (data[np.minimum(closing + 2, len(data) - 1)] == _NEWLINE)
    closes |= returned
    closes[:-1] |= closing[:-1] + 1 == opening[1:]
    return bool(opens.all() and closes.all())


def _cut(content: bytes, dialect: Dialect) -> tuple[bytes, bytes]:
    """Divide a block after its last line break outside quotes."""
    end = content.rfind(b"\n")
    while dialect.quote and end >= 0 and content.count(b'"', 0, end) % 2:
        # A line break inside quotes: the row began before the quote that is still open.
        end = content.rfind(b"\n", 0, content.rfind(b'"', 0, end))
    return content[: end + 1], content[end + 1 :]


def _parse(content: bytes, dialect: Dialect) -> pl.DataFrame:
    return pl.read_csv(
        content,
        has_header=False,
        new_columns=list(dialect.names),
        separator=dialect.separator,
        quote_char=dialect.quote or None,
        infer_schema=False,
        empty_string_is_null=False,
        raise_if_empty=False,
    )


def _no_rows(dialect: Dialect) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(dialect.names, pl.String))


def _collect(
    rows: list[list[str]], lines: list[int], rejected: list[Rejected], dialect: Dialect
) -> RawBatch:
    columns = zip(*rows, strict=True) if rows else ([] for _ in dialect.names)
    series = [
        pl.Series(name, list(values), dtype=pl.String)
        for name, values in zip(dialect.names, columns, strict=True)
    ]
    return RawBatch(
        pl.DataFrame(series),
        np.array(lines, dtype=np.int64),
        tuple(rejected),
        separator=dialect.separator,
        quote=dialect.quote,
    )


class _Lines:
    """The lines of a stream of blocks, counted."""

    def __init__(self, content: bytes, blocks: Iterator[bytes]) -> None:
        self.number = 0
        self._content = content
        self._blocks = blocks
        self._taken: list[str] = []
        self._lines = self._split()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self._taken.append(line)
        return line

    def taken(self) -> str:
        """Return the lines since the last call: those of one row."""
        text = "".join(self._taken).rstrip("\r\n")
        self._taken.clear()
        return text

    def _split(self) -> Iterator[str]:
        rest = self._content
        while True:
            *whole, rest = rest.split(b"\n")
            for line in whole:
                yield line.decode() + "\n"
            block = next(self._blocks, b"")
            if not block:
                break
            rest += block
        if rest:
            yield rest.decode()


def _ragged(line: int, cells: int, width: int, text: str) -> Rejected:
    noun = "cell" if cells == 1 else "cells"
    reason = f"{cells} {noun} where the header has {width}"
    return Rejected(line=line, reason=reason, text=text)


def _plain(error: csv.Error) -> str:
    if "expected after" in str(error):
        return "text stands behind a closing quote"
    if "new-line character" in str(error):
        return "a carriage return stands in a cell without quotes"
    return f"cannot be read: {error}"


def _read(file: BinaryIO, size: int, where: str) -> bytes:
    try:
        return file.read(size)
    except (EOFError, zlib.error, io.UnsupportedOperation, OSError) as error:
        what = "the file cannot be read to its end"
        raise DataError(what, where=where, found=str(error), hint="copy it again") from None


def follow(opened: Delimited, understood: Understanding) -> None:
    """Read a text file in the way that was understood, whatever its first bytes suggest."""
    told = Reading(separator=understood.separator, encoding=understood.encoding)
    again = Delimited(opened.path, told)
    opened.dialect = msgspec.structs.replace(
        again.dialect,
        quote=understood.quote,
        header=understood.header,
        odd_lines=understood.odd_lines,
    )
    opened.told = True
    absent = [one.name for one in understood.columns if one.name not in opened.dialect.names]
    if absent:
        what = "the file has not the columns that were understood before"
        raise DataError(what, where=opened.where, found=f"no {', '.join(absent)}")
