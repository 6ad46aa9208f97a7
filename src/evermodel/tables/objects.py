"""Rows of Python values (JSON lines, SQL results) into texts, with what their types declare."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from evermodel.errors import DataError
from evermodel.tables.raw import RawBatch
from evermodel.tables.sniff import check_names
from evermodel.tables.understanding import Rejected

__all__ = ["JsonLines", "batch_of"]

_KINDS = {str: "text", bytes: "text", bool: "boolean", type(None): "null"}


def batch_of(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    lines: Sequence[int],
    rejected: Sequence[Rejected] = (),
) -> RawBatch:
    """Return rows of Python values as texts.

    Numbers, true and false and times become texts that read back as the same values; `kinds` of
    the batch says which columns held texts.

    Examples
    --------
    >>> batch_of(["n"], [[1.5], [None]], [1, 2]).frame["n"].to_list()
    ['1.5', None]
    """
    series, kinds = [], {}
    for place, name in enumerate(names):
        values = [_text(row[place]) for row in rows]
        series.append(pl.Series(name, values, dtype=pl.String))
        kinds[name] = frozenset(
            _KINDS.get(kind, "value") for kind in {type(row[place]) for row in rows}
        )
    numbers = np.asarray(lines, dtype=np.int64)
    return RawBatch(pl.DataFrame(series), numbers, tuple(rejected), kinds)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime):
        plain = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return plain.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return repr(value.total_seconds())
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)  # of a database or an object: a UUID, a time of the day


class JsonLines:
    """A file of one JSON object a line, or one JSON array of objects."""

    kind = "json"
    notes: tuple[str, ...] = ()
    blank_lines = 0

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)
        self.names: tuple[str, ...] = ()

    def batches(self, rows: int) -> Iterator[RawBatch]:
        """Yield all rows as texts; a line that is no JSON object is rejected with its reason.

        Raises
        ------
        DataError
            When a column appears only after the rows that were looked at first.
        """
        if not self.names:
            self.names = self._find_names()
        known = frozenset(self.names)
        entries = self._entries()
        while some := list(islice(entries, rows)):
            values, lines, rejected = [], [], []
            for line, entry in some:
                if isinstance(entry, Rejected):
                    rejected.append(entry)
                    continue
                if not known.issuperset(entry):
                    new = ", ".join(sorted(entry.keys() - known))
                    what = "a column appears that was not there when the file was looked through"
                    raise DataError(what, where=f"{self.where}:{line}", found=new)
                values.append([entry.get(name) for name in self.names])
                lines.append(line)
            yield batch_of(self.names, values, lines, rejected)

    def _find_names(self) -> tuple[str, ...]:
        names: dict[str, None] = {}
        for _, entry in self._entries():
            if not isinstance(entry, Rejected):
                names.update(dict.fromkeys(entry))
        if not names:
            what = "no line of the file is a JSON object"
            raise DataError(what, where=self.where, hint='write lines such as {"a": 1, "b": "x"}')
        check_names(list(names), self.where)
        return tuple(names)

    def _entries(self) -> Iterator[tuple[int, Mapping[str, Any] | Rejected]]:
        with self.path.open("rb") as file:
            start = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
            file.seek(0)
            if start.startswith(b"["):
                yield from self._array(file.read())
                return
            yield from _objects(file)

    def _array(self, content: bytes) -> Iterator[tuple[int, Mapping[str, Any] | Rejected]]:
        try:
            entries = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_of_pairs)
        except _TwiceError:
            what, hint = "a name stands twice in an object", "keep one value of each name"
            raise DataError(what, where=self.where, hint=hint) from None
        except (ValueError, RecursionError) as error:
            what = "the file is not valid JSON"
            raise DataError(what, where=self.where, found=str(error)) from None
        for number, entry in enumerate(entries, start=1):
            why = _fault(entry)
            if why:
                yield number, Rejected(line=number, reason=why, text=json.dumps(entry))
            else:
                yield number, entry


_KEYS = re.compile(rb'"\s*:')


def _objects(lines: Iterable[bytes]) -> Iterator[tuple[int, Mapping[str, Any] | Rejected]]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            entry = decode(line)
            more = line.count(b":") > len(entry) and len(_KEYS.findall(line)) > len(entry)
            yield number, _lenient(line, number) if more else entry
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield number, _lenient(line, number)


def _lenient(line: bytes, number: int) -> Mapping[str, Any] | Rejected:
    """Read what only Python's own writer produces: NaN, Infinity and very long integers.

    A line in which a name stands twice is rejected: which of its values is meant nobody can say.
    """
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    try:
        entry = json.loads(line, object_pairs_hook=_of_pairs)
    except _TwiceError:
        return Rejected(line=number, reason="a name stands twice in the object", text=text)
    except (ValueError, RecursionError):
        return Rejected(line=number, reason="not valid JSON", text=text)
    why = _fault(entry)
    return Rejected(line=number, reason=why, text=text) if why else entry


class _TwiceError(ValueError):
    """A name stands twice in one object."""


def _of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _TwiceError
    return made


def _fault(entry: object) -> str:
    """Return why what stands in a file is no row, or "" where it is one."""
    if not isinstance(entry, dict):
        return "not a JSON object"
    try:
        json.dumps(entry, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "half of a letter, such as \\ud800, stands alone"
    return ""
