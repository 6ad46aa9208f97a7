"""All that is wrong with records that a model has refused, field by field.

The way in that is taken by every request stops at the first wrong value (`encode.py`). This one is
slower and goes on: it is walked only after a refusal, with the same types and the same readings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from evermodel.bundle.blocks import Blocks
from evermodel.bundle.encode import Encoder, key_fits
from evermodel.errors import RequestError, nearest

__all__ = ["Breaks", "Problem", "Problems", "find_problems"]

Breaks = Callable[[Blocks], Mapping[int, Iterable[tuple[str, str]]]]
"""Says which columns of which rows break what, of rows that can be read: column and sentence."""

_LISTED, _COUNTED, _CHUNK = 20, 1000, 256


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong in one record: records count from 0, as rows do in the sentence.

    `field` is "" where the record is none; `nearest` is the known column that an unknown one
    resembles, or "".
    """

    record: int
    field: str
    error: str
    found: str
    expected: str
    nearest: str = ""

    def __str__(self) -> str:
        near = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        said = f"row {self.record}, {self.field!r}: {self.error}"
        return f"{said}, found {self.found}, expected {self.expected}{near}"


class Problems(msgspec.Struct, frozen=True):
    """The first problems, and how many more were counted: of a thousand in all, no further."""

    listed: tuple[Problem, ...]
    more: int


def find_problems(
    encoder: Encoder, records: Sequence[Any], breaks: Breaks | None = None
) -> Problems:
    """Return what is wrong with records that are plain Python values.

    Where `breaks` is given, what it says of values that can be read is listed as well.

    Examples
    --------
    >>> from evermodel.bundle import Input, Manifest
    >>> inputs = (Input(name="age", type="number"), Input(name="plan", type="category"))
    >>> manifest = Manifest(project="p", task="binary", target="y", inputs=inputs)
    >>> found = find_problems(Encoder(manifest), [{"age": "x", "plam": "a"}])
    >>> [(one.field, one.error, one.nearest) for one in found.listed]
    [('age', 'wrong type or value', ''), ('plam', 'unknown column', 'plan'), ('plan', 'absent', '')]
    """
    listed: list[Problem] = []
    more = 0
    for problem in _walk(encoder, records, breaks):
        if len(listed) < _LISTED:
            listed.append(problem)
        else:
            more += 1
        if len(listed) + more == _COUNTED:
            break
    return Problems(tuple(listed), more)


def _walk(encoder: Encoder, records: Sequence[Any], breaks: Breaks | None) -> Iterator[Problem]:
    for start in range(0, len(records), _CHUNK):
        chunk = records[start : start + _CHUNK]
        fits = _fits(encoder, chunk)
        if fits and (breaks is None or not breaks(encoder.records(chunk))):
            continue
        for number, record in enumerate(chunk, start):
            found = [] if fits else list(_of_record(encoder, number, record))
            yield from found
            if breaks is not None and isinstance(record, dict):
                yield from _broken(encoder, number, record, found, breaks)


def _broken(
    encoder: Encoder,
    number: int,
    record: Mapping[str, Any],
    found: Sequence[Problem],
    breaks: Breaks,
) -> Iterator[Problem]:
    """Yield what a record breaks in the columns that can be read."""
    unread = {problem.field for problem in found}
    readable = {name: None if name in unread else record[name] for name in encoder.required}
    for column, asked in breaks(encoder.records([readable])).get(0, ()):
        if column not in unread:
            yield Problem(
                record=number,
                field=column,
                error="breaks a check",
                found=_shown(record[column]),
                expected=asked,
            )


def _fits(encoder: Encoder, records: Sequence[Any]) -> bool:
    """Whether a whole chunk is read without a refusal, which is found out fast."""
    try:
        rows = [msgspec.convert(record, encoder.row_type, strict=True) for record in records]
        encoder.check_keys(rows)
        encoder.rows(rows)
    except (msgspec.ValidationError, RequestError, OverflowError):
        return False
    return True


def _of_record(encoder: Encoder, number: int, record: Any) -> Iterator[Problem]:
    if not isinstance(record, dict):
        expected = 'a record such as {"column": 1}'
        yield Problem(
            record=number, field="", error="no record", found=_shown(record), expected=expected
        )
        return
    for name, value in record.items():
        if not encoder.knows(name):
            yield Problem(
                record=number,
                field=str(name)[:200],
                error="unknown column",
                found=_shown(value),
                expected="a column that the model knows",
                nearest=nearest(str(name)[:200], encoder.known),
            )
        elif not (encoder.reads(name, value) and (name not in encoder.keys or key_fits(value))):
            yield Problem(
                record=number,
                field=name,
                error="wrong type or value",
                found=_shown(value),
                expected=encoder.expected(name),
            )
    for name in encoder.required:
        if name not in record:
            yield Problem(
                record=number,
                field=name,
                error="absent",
                found="nothing",
                expected=encoder.expected(name),
            )


def _shown(value: Any) -> str:
    """Return a value as JSON has it, in a few signs."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if isinstance(value, float) and not math.isfinite(value):
        return "a number that is too large"
    if isinstance(value, str):
        value = value[:80]
    return json.dumps(value, ensure_ascii=False, default=str)[:80]
