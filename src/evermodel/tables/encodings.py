"""Encodings of a text and of its lines: files that were put together hold lines of several."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evermodel.tables.raw import RawBatch
from evermodel.tables.understanding import Rejected

__all__ = [
    "UNREADABLE",
    "Census",
    "LineByLine",
    "all_utf8",
    "census_of",
    "decoded",
    "encoding_note",
    "is_utf8",
    "line_end",
    "mostly_utf8",
    "single_byte",
    "whole_lines",
    "without_broken",
]

UNREADABLE = "letters that are neither UTF-8 nor Windows-1252"
_NAMES = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}
_MARK = b"\xef\xbb\xbf"
_PIECE = 1 << 20
_LONGEST_LINE = 1 << 28
_MOST_NAMED = 20

# Windows-1252 leaves these five bytes without a meaning.
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_NO_LETTER = np.isin(np.arange(256), [0x81, 0x8D, 0x8F, 0x90, 0x9D])
# Of letters that begin so, which bytes may be the second.
_NARROWER = (
    (0xE0, 0xA0, 0xBF),
    (0xED, 0x80, 0x9F),
    (0xF0, 0x90, 0xBF),
    (0xF4, 0x80, 0x8F),
)
_LOWER, _UPPER = "a-zß-öø-ÿšœž", "À-ÖØ-ÞŠŒŽŸ"
# What letters of DOS and old Macs and halves of UTF-8 letters look like when read as Windows-1252.
_DAMAGED = re.compile(
    f"[{_LOWER}][{_UPPER}]|[^\\W\\d_][‚„ˆ]"  # noqa: RUF001
    "|[^\\W\\d_][¡¢£¤¥¦¨«¬¯±¶¸»¼½¾¿×÷†‡‰‹›˜“”][^\\W\\d_]"  # noqa: RUF001
)


def is_utf8(content: bytes) -> bool:
    r"""Return whether these bytes are whole letters of UTF-8.

    Examples
    --------
    >>> is_utf8("Zoë".encode()), is_utf8(b"Zo\xeb")
    (True, False)
    """
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def single_byte(content: bytes) -> str:
    r"""Return the encoding of one byte a letter that can hold the content.

    Examples
    --------
    >>> single_byte(b"Zo\xeb"), single_byte(b"\x81")
    ('cp1252', 'latin-1')
    """
    return "latin-1" if _UNDEFINED.search(content) else "cp1252"


def encoding_note(encoding: str) -> str:
    """Return what to say of a text of one byte a letter.

    Examples
    --------
    >>> encoding_note("latin-1")
    'the text is not UTF-8: read as Latin-1 (set reading.encoding if letters look wrong)'
    """
    hint = "set reading.encoding if letters look wrong"
    return f"the text is not UTF-8: read as {_NAMES[encoding]} ({hint})"


def line_end(content: bytes) -> bytes:
    r"""Return the byte that ends lines: the carriage return where, as on old Macs, it is alone.

    Examples
    --------
    >>> line_end(b"a\r\nb\r\n"), line_end(b"a\rb\r")
    (b'\n', b'\r')
    """
    return b"\r" if b"\n" not in content and b"\r" in content else b"\n"


def mostly_utf8(content: bytes) -> bool:
    r"""Return whether at least as many lines with letters beyond ASCII are UTF-8 as are not.

    Examples
    --------
    >>> mostly_utf8("Zoë\nJosé\n".encode() + b"Ren\xe9\n"), mostly_utf8(b"Ren\xe9\n")
    (True, False)
    """
    if is_utf8(content):
        return True
    census = Census(line_end(content))
    census.add(content)
    return census.is_utf8


def decoded(content: bytes) -> str:
    r"""Return the text of a head in UTF-8, of which single lines may be Windows-1252.

    Examples
    --------
    >>> decoded("Zoë\n".encode() + b"Ren\xe9\n")
    'Zoë\nRené\n'
    """
    content = content.removeprefix(_MARK)
    return LineByLine(line_end(content)).utf8(content).decode("utf-8", "replace")


@dataclass(slots=True)
class Census:
    r"""How many lines are UTF-8 beyond ASCII, and how many are not UTF-8: the odd ones.

    Examples
    --------
    >>> census = Census(b"\n")
    >>> census.add("Zoë\nJosé\nAnn\n".encode() + b"Ren\xe9\n")
    >>> census.utf8, census.odd, census.is_utf8
    (2, 1, True)
    >>> print(census.note("utf-8"))
    not UTF-8 as the others are, read as Windows-1252 where that gives clean text: line 4
    """

    end: bytes
    utf8: int = 0
    odd: int = 0
    line: int = 1
    undefined: bool = False
    first_utf8: list[int] = field(default_factory=list)
    first_odd: dict[int, bytes] = field(default_factory=dict)

    @property
    def is_utf8(self) -> bool:
        """Whether the text is UTF-8 but for single lines."""
        return self.odd <= self.utf8

    def add(self, content: bytes) -> None:
        """Count some more whole lines."""
        for start, stop in _pieces(content, self.end):
            self._add(content[start:stop])

    def _add(self, content: bytes) -> None:
        data = np.frombuffer(content, np.uint8)
        ends = np.flatnonzero(data == self.end[0])
        foreign = np.unique(np.searchsorted(ends, np.flatnonzero(data & 0x80)))
        odd = np.unique(np.searchsorted(ends, _bad_bytes(data))) if foreign.size else foreign
        proper = np.setdiff1d(foreign, odd, assume_unique=True)
        self.utf8 += len(proper)
        self.odd += len(odd)
        self.first_utf8 += (proper[: _MOST_NAMED - len(self.first_utf8)] + self.line).tolist()
        for place in odd[: _MOST_NAMED - len(self.first_odd)].tolist():
            first, last = _span(ends, place, len(data))
            self.first_odd[self.line + place] = content[first:last]
        if odd.size and not self.undefined:
            unknown = np.searchsorted(ends, np.flatnonzero(_NO_LETTER[data]))
            self.undefined = bool(np.isin(unknown, odd).any())
        self.line += len(ends)

    def note(self, encoding: str, above: int = 0) -> str:
        """Return what to say of lines that are in another encoding than the text, or "".

        Rows that cannot be read are told as such; up to the line `above` there are none.
        """
        if encoding in _NAMES:
            others = _NAMES[encoding]
            what = f"UTF-8 where the others are {others}, so that letters may be wrong"
            return _named(what, self.utf8, self.first_utf8)
        what = "not UTF-8 as the others are, read as Windows-1252 where that gives clean text"
        notes = [_named(what, self.odd, list(self.first_odd))]
        heads = [
            line
            for line, text in self.first_odd.items()
            if line <= above and _as_windows(text) is None
        ]
        notes.append(_named(f"{UNREADABLE} above the rows", len(heads), heads))
        return "; ".join(filter(None, notes))


def all_utf8(blocks: Iterable[bytes]) -> bool:
    """Return whether blocks, which may cut letters, are UTF-8 together.

    Examples
    --------
    >>> whole = "Zoë".encode()
    >>> all_utf8([whole[:3], whole[3:]]), all_utf8([whole[:3]])
    (True, False)
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in blocks:
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def whole_lines(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    r"""Yield blocks cut behind ends of lines, without a byte order mark, and what ends the lines.

    Examples
    --------
    >>> list(whole_lines([b"a\nb", b"c\nd"]))
    [(b'a\n', b'\n'), (b'bc\n', b'\n'), (b'd', b'\n')]
    """
    end, rest = b"", b""
    for block in blocks:
        if not end:
            block = block.removeprefix(_MARK)
            end = line_end(block)
        rest += block
        cut = rest.rfind(end) + 1
        # No row is as long: whoever reads the rows says so.
        cut = cut or (len(rest) if len(rest) > _LONGEST_LINE else 0)
        if cut:
            yield rest[:cut], end
            rest = rest[cut:]
    if rest:
        yield rest, end


def census_of(blocks: Iterable[bytes]) -> Census:
    """Return how many lines of all blocks are in which encoding, in the room of one of them."""
    census: Census | None = None
    for content, end in whole_lines(blocks):
        census = census or Census(end)
        census.add(content)
    return census or Census(b"\n")


class LineByLine:
    """Turns whole lines into UTF-8: those that are not are read as Windows-1252.

    Where that gives no clean text, what cannot be read becomes the sign U+FFFD, and the number of
    the line is among `broken`.

    Parameters
    ----------
    end : bytes
        What ends a line.
    """

    def __init__(self, end: bytes) -> None:
        self.end = end
        self.line = 1
        self.broken: list[int] = []

    def utf8(self, content: bytes) -> bytes:
        """Return some more whole lines as UTF-8."""
        if is_utf8(content):
            self.line += content.count(self.end)
            return content
        pieces = _pieces(content, self.end)
        return b"".join(self._piece(content[start:stop]) for start, stop in pieces)

    def _piece(self, content: bytes) -> bytes:
        data = np.frombuffer(content, np.uint8)
        ends = np.flatnonzero(data == self.end[0])
        parts: list[bytes] = []
        done = 0
        for place in np.unique(np.searchsorted(ends, _bad_bytes(data))).tolist():
            first, last = _span(ends, place, len(data))
            text = _as_windows(content[first:last])
            if text is None:
                self.broken.append(self.line + place)
                text = content[first:last].decode("utf-8", "replace")
            parts += [content[done:first], text.encode()]
            done = last
        self.line += len(ends)
        return b"".join([*parts, content[done:]])


def without_broken(batch: RawBatch, broken: Sequence[int], separator: str) -> RawBatch:
    """Return the batch without the rows that these lines belong to, which are then rejected."""
    others = np.array([row.line for row in batch.rejected], dtype=np.int64)
    rows = np.searchsorted(batch.lines, broken, side="right") - 1
    drop: set[int] = set()
    for line, row in zip(broken, rows.tolist(), strict=True):
        nearest = int(np.searchsorted(others, line, side="right")) - 1
        # A line above the first row, or of one that is rejected anyway, leaves all others alone.
        if row >= 0 and (nearest < 0 or others[nearest] < batch.lines[row]):
            drop.add(row)
    if not drop:
        return batch
    rejected = [
        Rejected(
            line=int(batch.lines[row]),
            reason=UNREADABLE,
            text=_row(batch.frame.row(row), separator),
        )
        for row in drop
    ]
    every = sorted((*batch.rejected, *rejected), key=lambda row: row.line)
    keep = np.ones(len(batch.lines), np.bool_)
    keep[list(drop)] = False
    return replace(
        batch, frame=batch.frame.filter(keep), lines=batch.lines[keep], rejected=tuple(every)
    )


def _row(cells: Sequence[str], separator: str) -> str:
    """Return a row as it would be written, with quotes where these are needed."""
    special = re.compile(f'["\r\n{re.escape(separator)}]')
    quoted = (cell.replace('"', '""') if special.search(cell) else None for cell in cells)
    return separator.join(
        cell if text is None else f'"{text}"' for cell, text in zip(cells, quoted, strict=True)
    )


def _pieces(content: bytes, end: bytes) -> Iterator[tuple[int, int]]:
    """Yield where to cut whole lines so that what is made of a piece takes little room."""
    start = 0
    while start < len(content):
        found = content.find(end, start + _PIECE)
        stop = len(content) if found < 0 else found + 1
        yield start, stop
        start = stop


def _span(ends: np.ndarray, place: int, size: int) -> tuple[int, int]:
    """Return where a line begins and where its end stands."""
    return (
        int(ends[place - 1]) + 1 if place else 0,
        int(ends[place]) if place < len(ends) else size,
    )


def _bad_bytes(data: np.ndarray) -> np.ndarray:
    """Return the places of bytes that are not UTF-8 behind those before them."""
    data = np.append(data, np.zeros(1, np.uint8))
    within = (data & 0xC0) == 0x80
    due = np.zeros(len(data), np.bool_)
    due[1:] = data[:-1] >= 0xC2
    due[2:] |= (data[:-2] >= 0xE0) & within[1:-1]
    due[3:] |= (data[:-3] >= 0xF0) & within[1:-2] & within[2:-1]
    bad = (within != due) | (data == 0xC0) | (data == 0xC1) | (data > 0xF4)
    # Longer than they need be, halves of a pair, and beyond the last letter.
    first, second = data[:-1], data[1:]
    for lead, low, high in _NARROWER:
        bad[1:] |= (first == lead) & within[1:] & ((second < low) | (second > high))
    return np.minimum(np.flatnonzero(bad), len(data) - 2)


def _as_windows(line: bytes) -> str | None:
    """Return a line of Windows-1252, or None where that is no clean text."""
    # Letters of UTF-8 beside others: a part of the line would be read wrongly either way.
    if _UNDEFINED.search(line) or not line.decode("utf-8", "ignore").isascii():
        return None
    text = line.decode("cp1252")
    return None if _DAMAGED.search(text) else text


def _named(what: str, count: int, lines: Sequence[int]) -> str:
    if not count:
        return ""
    shown = ", ".join(map(str, lines)) + (", ..." if count > len(lines) else "")
    return f"{what}: line {shown}" if count == 1 else f"{what}: {count} lines, {shown}"
