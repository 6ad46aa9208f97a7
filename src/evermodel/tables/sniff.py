"""Finds out how a delimited text file is written, from its first bytes: the dialect."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from evermodel.errors import DataError
from evermodel.project import Reading
from evermodel.records import Record
from evermodel.tables.dates import looks_like_date
from evermodel.tables.encodings import (
    decoded,
    encoding_note,
    is_utf8,
    line_end,
    mostly_utf8,
    single_byte,
)
from evermodel.tables.headings import combined, has_groups
from evermodel.tables.unit_lines import has_units, units_note
from evermodel.tables.values import looks_like_number

__all__ = ["HEAD_BYTES", "Dialect", "groups_note", "name_binary", "sniff"]

HEAD_BYTES = 1 << 20
ONE_COLUMN = "\x1f"  # a separator that text does not hold: the whole line is one cell
_MOST_TITLES = 20
_SEPARATORS = (",", ";", "\t", "|")
_MAGIC = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "gzip-compressed"),
    (b"BZh", "bzip2-compressed"),
    (b"\xfd7zXZ", "xz-compressed"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x80\x05\x95", "a Python pickle"),
)


class Dialect(Record, frozen=True, kw_only=True):
    """How a delimited file is written: `skip` leading lines stand before the header.

    `grouped` says that the last of these groups the names, `units` that a line of units stands
    below them; `heads` are these lines and the header, cell by cell. `odd_lines` counts the lines
    of a text in UTF-8 that are in another encoding, once the whole was looked through.
    """

    separator: str
    encoding: str
    quote: str
    header: bool
    names: tuple[str, ...]
    skip: int = 0
    padded: bool = False
    grouped: bool = False
    units: bool = False
    heads: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    odd_lines: int = 0


def name_binary(head: bytes) -> str:
    r"""Return what a file that begins with these bytes is, or "" where it may be text.

    Examples
    --------
    >>> name_binary(b"\x89PNG\r\n")
    'a PNG picture'
    >>> name_binary(b"a,b\n")
    ''
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return ""


def sniff(head: bytes, reading: Reading, *, where: str) -> Dialect:
    r"""Return the dialect of a file from its first bytes; what `reading` says is not guessed.

    Examples
    --------
    >>> dialect = sniff(b"day;price\n1.2.2020;1,5\n2.2.2020;2,5\n", Reading(), where="prices.csv")
    >>> dialect.separator, dialect.names
    (';', ('day', 'price'))

    Raises
    ------
    DataError
        When the file is empty, binary, or its header has no or equal names.
    """
    kind = name_binary(head)
    if kind:
        what = f"this is {kind}, not a text table"
        raise DataError(what, where=where, hint="export it as CSV or parquet")
    encoding = _encoding(head, reading, where)
    text = _decode(head, encoding)
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        what = "this is a binary file, not a text table"
        raise DataError(what, where=f"{where}:{line}", found="a NUL byte", hint="export it as CSV")
    if not text.strip():
        raise DataError("the file is empty", where=where, hint="export it again")
    lines = _lines(text, whole=len(head) < HEAD_BYTES)
    notes: list[str] = []
    if encoding in ("cp1252", "latin-1") and not reading.encoding:
        notes.append(encoding_note(encoding))
    skip, separator = _leading(lines)
    if not separator:
        above = _titles(lines[skip:], reading.separator)
        skip += above
        if above:
            notes.append(
                f"lines above the header are passed over: {_shown(lines[skip - above : skip])}"
            )
    quote = '"'
    separator = reading.separator or separator or _separator(lines[skip:])
    if separator == "\t" and _stray_quotes(lines[skip:]):
        quote = ""
        notes.append("quotes are part of the text: cells are divided by tabs alone")
    padded = bool(quote) and _is_padded(lines[skip:], separator)
    rows = _parse(lines[skip : skip + 200], separator, quote, padded)
    header = _has_header(rows)
    grouped = header and _whole(lines[skip : skip + 2]) and has_groups(rows)
    heads = rows[: 1 + grouped] if header else []
    if grouped:
        rows = [combined(*rows[:2]), *rows[2:]]
        skip += 1
        notes.append(groups_note(skip + 1, rows[0]))
    units = header and _whole(lines[skip + 1 : skip + 2]) and has_units(rows)
    if units:
        heads.append(rows[1])
    names = _names(rows[0], header, where, notes)
    if units:
        notes.append(units_note(skip + 2, names, rows[1]))
    if not header:
        notes.append("the first line holds values: columns are named column_1, column_2, ...")
    if separator == ONE_COLUMN:
        notes.append("the file has one column")
    return Dialect(
        separator=separator,
        encoding=encoding,
        quote=quote,
        header=header,
        names=names,
        skip=skip,
        padded=padded,
        grouped=grouped,
        units=units,
        heads=tuple(map(tuple, heads)),
        notes=tuple(notes),
    )


def _whole(lines: Sequence[str]) -> bool:
    """Whether these lines are rows, not parts of a cell in quotes, and none is blank."""
    return all(line.strip() and not line.count('"') % 2 for line in lines)


def groups_note(line: int, names: Sequence[str]) -> str:
    """Return what to say of a header of two lines, of which the names stand on this one.

    Examples
    --------
    >>> groups_note(2, ["shop", "sales spring", "sales autumn"])
    "the header has two lines (1 and 2), put together: 'sales spring', 'sales autumn'"
    """
    made = [repr(name) for name in names if " " in name]
    shown = ", ".join(made[:4]) + (", ..." if len(made) > 4 else "")
    return f"the header has two lines ({line - 1} and {line}), put together: {shown}"


def _encoding(head: bytes, reading: Reading, where: str) -> str:
    if reading.encoding:
        try:
            known = codecs.lookup(reading.encoding)
            if not known._is_text_encoding:
                raise LookupError(reading.encoding)  # noqa: TRY301
        except LookupError:
            what = "reading.encoding names no encoding"
            hint = 'write "utf-8", "utf-16" or "cp1252"'
            raise DataError(what, where=where, found=reading.encoding, hint=hint) from None
        # With a byte order mark in front, the plain name would keep the mark as text.
        utf8 = known.name == "utf-8" and head.startswith(codecs.BOM_UTF8)
        return "utf-8-sig" if utf8 else known.name
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return name
    sample = head[:4096]
    zeros = sample[1::2].count(0), sample[0::2].count(0)
    half = max(1, len(sample) // 2)
    if len(sample) >= 4 and zeros[0] > 0.7 * half and not zeros[1]:
        return "utf-16-le"
    if len(sample) >= 4 and zeros[1] > 0.7 * half and not zeros[0]:
        return "utf-16-be"
    return "utf-8" if mostly_utf8(_whole_lines(head)) else single_byte(head)


def _whole_lines(head: bytes) -> bytes:
    """Return the head without the line, or the letter, that goes on behind it."""
    if len(head) < HEAD_BYTES:
        return head
    end = head.rfind(line_end(head)) + 1
    if end:
        return head[:end]
    return next((part for cut in range(4) if is_utf8(part := head[: len(head) - cut])), head)


def _decode(head: bytes, encoding: str) -> str:
    if encoding in ("utf-8", "utf-8-sig"):
        return decoded(_whole_lines(head))
    return codecs.getincrementaldecoder(encoding)("replace").decode(head)


def _lines(text: str, *, whole: bool) -> list[str]:
    if "\n" not in text:
        text = text.replace("\r", "\n")
    lines = text.split("\n")
    if not whole and len(lines) > 1:
        lines.pop()
    return [line + "\n" for line in lines]


def _leading(lines: Sequence[str]) -> tuple[int, str]:
    """Return how many lines stand before the header, and the separator that Excel's mark names."""
    skip = 0
    while skip < len(lines) - 1 and not lines[skip].strip("\r\n"):
        skip += 1
    mark = re.fullmatch(r'"?sep=(.)"?\r?\n', lines[skip])
    return (skip + 1, mark[1]) if mark and skip + 1 < len(lines) else (skip, "")


def _titles(lines: Sequence[str], told: str) -> int:
    """Return how many lines, such as a title and a date, stand above a header.

    Each has a text in its first cell or none at all; then come names, as many as most rows have
    cells. A single line is a title only where values below the names are numbers or dates: it may
    as well be a header that names its first column alone.
    """
    separators = (told,) if told else _SEPARATORS
    usual, score = _best(lines, separators)
    for separator in separators:
        count = _bare_lines(lines, separator)
        if not 0 < count < len(lines) - 1 or any(
            line.count('"') % 2 for line in lines[: count + 1]
        ):
            continue  # a line break in quotes: lines are no rows here
        rows = [row for row in _parse(lines[count:500], separator) if any(map(str.strip, row))]
        if has_groups(rows):
            rows = [combined(*rows[:2]), *rows[2:]]
        if has_units(rows):
            rows = [rows[0], *rows[2:]]
        if len(rows) < 3 or not _is_header(rows, sure=count > 1):
            continue
        found, better = _best(lines[count:], separators)
        # Without its first line a file of two columns may seem to be divided by its commas.
        if found == separator and (found == usual or better > score):
            return count
    return 0


def _bare_lines(lines: Sequence[str], separator: str) -> int:
    """Return how many lines from the first on hold nothing beyond their first cell."""
    count = 0
    for line in lines[:_MOST_TITLES]:
        if any(map(str.strip, _parse([line], separator)[0][1:])):
            break
        count += 1
    return count


def _is_header(rows: Sequence[Sequence[str]], *, sure: bool) -> bool:
    """Whether the first row names all columns of the others; unless `sure`, above typed values."""
    names, others = [cell.strip() for cell in rows[0]], rows[1:]
    alike = [row for row in others if len(row) == len(names)]
    if len(names) < 2 or not all(names) or len(alike) < 0.9 * len(others):
        return False
    if any(looks_like_number(name) or looks_like_date(name) for name in names):
        return False
    return sure or any(
        _typed([row[place].strip() for row in alike]) for place in range(1, len(names))
    )


def _typed(cells: Sequence[str]) -> bool:
    """Whether nearly all texts that there are hold a number or a date."""
    texts = [cell.replace(",", ".") for cell in cells if cell]
    return bool(texts) and sum(
        looks_like_number(text) or looks_like_date(text) for text in texts
    ) > 0.9 * len(texts)


def _shown(lines: Sequence[str]) -> str:
    """Return the first lines that hold anything, as one text."""
    texts = [text for line in lines if (text := line.strip(" \t\r\n,;|"))]
    return ", ".join(repr(text[:60]) for text in texts[:3]) + (", ..." if len(texts) > 3 else "")


def _parse(
    lines: Sequence[str], separator: str, quote: str = '"', padded: bool = False
) -> list[list[str]]:
    """Return rows of a sample; what cannot be parsed ends it."""
    rows: list[list[str]] = []
    reader = csv.reader(
        lines,
        delimiter=separator,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        skipinitialspace=padded,
    )
    with suppress(csv.Error):
        rows.extend(row for row in reader if row)
    return rows or [[lines[0].rstrip("\r\n")]]


def _separator(lines: Sequence[str]) -> str:
    return _best(lines, _SEPARATORS)[0]


def _best(lines: Sequence[str], separators: Sequence[str]) -> tuple[str, tuple[float, int]]:
    """Return the separator that divides most lines as the first, and how well it does."""
    best, best_score = ONE_COLUMN, (0.0, 0)
    for separator in separators:
        rows = _parse(lines[:500], separator)
        if len(rows) > 1:
            rows = rows[:-1] if len(lines) > 500 else rows
        width = len(rows[0])
        if width < 2:
            continue
        share = sum(len(row) == width for row in rows) / len(rows)
        # A consistent split beats a wide one: ";" files hold decimal commas, texts hold commas.
        score = (round(share, 2), width)
        if score > best_score:
            best, best_score = separator, score
    return best, best_score


def _stray_quotes(lines: Sequence[str]) -> bool:
    """Whether quotes in a tab-separated file cannot be quotes around cells."""
    sample = [line.rstrip("\r\n") for line in lines[:5000]]
    if not any('"' in line for line in sample):
        return False
    cells = [cell for line in sample for cell in line.split("\t") if '"' in cell]
    whole = [re.fullmatch(r'"(?:[^"]|"")*"', cell) is not None for cell in cells]
    widths = Counter(line.count("\t") for line in sample if line)
    return not all(whole) and len(widths) == 1


def _is_padded(lines: Sequence[str], separator: str) -> bool:
    """Whether a blank stands between every separator and a cell in quotes."""
    sample = [line for line in lines[:500] if line.strip()]
    mark = f'{separator} "'
    if not any(mark in line for line in sample):
        return False
    # Only when each cell after a separator begins with a blank is the blank not a value's own.
    widths = {len(row) for row in _parse(sample, separator, '"', True)}
    bare = re.compile(re.escape(separator) + r"[^ \r\n]")
    outside = (re.sub(r'"(?:[^"]|"")*"', '""', line) for line in sample)
    return len(widths) == 1 and not any(bare.search(line) for line in outside)


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: no, when it holds a number wherever others do."""
    first, others = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if not others:
        return True
    valued = []
    for place, cell in enumerate(first):
        below = [row[place].strip() for row in others if row[place].strip()]
        valued += [
            looks(cell.strip())
            for looks in (looks_like_number, looks_like_date)
            if below and sum(map(looks, below)) > 0.9 * len(below)
        ]
    if not valued or not all(valued):
        return True
    years = [cell.strip() for cell in first if looks_like_number(cell.strip())]
    plausible = all(re.fullmatch(r"(19|20)\d\d", year) for year in years)
    return bool(years) and plausible and len(set(years)) == len(years) > 1


def _names(first: Sequence[str], header: bool, where: str, notes: list[str]) -> tuple[str, ...]:
    if not header:
        return tuple(f"column_{place}" for place in range(1, len(first) + 1))
    names = []
    for place, cell in enumerate(first, start=1):
        name = cell.strip().lstrip("\ufeff")
        if not name:
            name = f"column_{place}"
            notes.append(f"column {place} has no name in the header: named {name!r}")
        elif name != cell.rstrip("\r\n"):
            notes.append(f"blanks around the name of column {name!r} are taken off")
        names.append(name)
    check_names(names, where)
    return tuple(names)


def check_names(names: Sequence[str], where: str) -> None:
    """Raise `DataError` when two columns share a name, or one is written as a pattern.

    The engine takes "^a.*$" for all columns that begin with an a, and "*" for all, wherever such a
    name is used.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        found = ", ".join(map(repr, twice[:10]))
        hint = "give every column a name of its own"
        raise DataError("column names stand more than once", where=where, found=found, hint=hint)
    patterns = [
        name for name in names if name == "*" or (name.startswith("^") and name.endswith("$"))
    ]
    if patterns:
        found = ", ".join(map(repr, patterns[:10]))
        what, hint = "a column's name is written as a pattern", "write it without *, ^ and $"
        raise DataError(what, where=where, found=found, hint=hint)
