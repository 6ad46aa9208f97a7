"""Raw rows into blocks: plain records (requests) and polars frames (batches), one schema for both.

A record is checked by a struct made from the manifest, so that a wrong type, an unknown or an
absent field is refused by name before anything is computed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from evermodel.bundle.blocks import MISSING_TIME, Blocks
from evermodel.bundle.manifest import Input, Manifest
from evermodel.errors import DataError, RequestError, nearest

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Encoder"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK = {"number": "numbers", "boolean": "numbers", "category": "strings", "timestamp": "times"}
_JSON = {"number": float, "boolean": bool, "category": str, "timestamp": str}
_EXPECTED = {
    "number": "a number or null",
    "boolean": "true, false or null",
    "category": "a text or null",
    "timestamp": 'a time such as "2026-01-31T12:00:00" or null',
}


class Encoder:
    """Turns rows into `Blocks` in the order that the graph expects.

    Parameters
    ----------
    manifest : Manifest
        Its inputs, keys and ignored columns say what a row may hold.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._inputs = {item.name: item for item in manifest.inputs}
        self._known = [*self._inputs, *manifest.keys, *manifest.ignored]
        self._of: dict[str, list[Input]] = {"numbers": [], "strings": [], "times": []}
        for item in manifest.inputs:
            self._of[_BLOCK[item.type]].append(item)
        fields: list[Any] = []
        rename: dict[str, str] = {}
        attributes = {}
        for index, name in enumerate(dict.fromkeys(self._known)):
            field = f"f{index}"
            rename[field] = name
            attributes[name] = field
            fields.append(_field(field, self._inputs.get(name)))
        required = [field for field in fields if len(field) == 2]
        optional = [field for field in fields if len(field) == 3]
        self.row_type: type[msgspec.Struct] = msgspec.defstruct(
            "Row", [*required, *optional], rename=rename, forbid_unknown_fields=True, kw_only=True
        )
        self._get = {
            block: attrgetter(*(attributes[item.name] for item in items)) if items else None
            for block, items in self._of.items()
        }
        self._plain_numbers = not any(item.missing for item in self._of["numbers"])
        self._get_keys = {name: attributes[name] for name in manifest.keys}

    def records(self, records: Sequence[Mapping[str, Any]]) -> Blocks:
        """Return the blocks of plain records.

        Raises
        ------
        RequestError
            Naming the row and the field that is wrong, unknown or absent.
        """
        try:
            rows = msgspec.convert(records, list[self.row_type], strict=True)  # type: ignore[name-defined]
        except msgspec.ValidationError as error:
            raise self._explain(error) from None
        return self.rows(rows)

    def rows(self, rows: Sequence[msgspec.Struct]) -> Blocks:
        """Return the blocks of rows that are already of `row_type` (decoded from JSON)."""
        count = len(rows)
        numbers = np.empty((count, len(self._of["numbers"])))
        strings = np.empty((count, len(self._of["strings"])), dtype=object)
        times = np.empty((count, len(self._of["times"])), dtype=np.int64)
        for index, row in enumerate(rows):
            if (get := self._get["numbers"]) is not None:
                numbers[index] = self._numbers(get(row), index)
            if (get := self._get["strings"]) is not None:
                strings[index] = self._strings(get(row))
            if (get := self._get["times"]) is not None:
                times[index] = self._times(get(row), index)
        self._refuse_infinite(numbers)
        return Blocks(numbers, strings, times)

    def key(self, row: msgspec.Struct) -> dict[str, Any] | None:
        """Return the entity key of a row, or None when the request did not carry it."""
        found = {name: getattr(row, field) for name, field in self._get_keys.items()}
        return found if any(value is not None for value in found.values()) else None

    def frame(self, frame: pl.DataFrame) -> Blocks:
        """Return the blocks of a polars frame; columns that the graph does not read are passed by.

        Raises
        ------
        DataError
            When a column that the graph reads is absent or of another type.
        """
        import polars as pl

        absent = [name for name in self._inputs if name not in frame.columns]
        if absent:
            word = nearest(absent[0], frame.columns)
            raise DataError(
                f"the rows lack {len(absent)} column(s) that the model reads",
                where=", ".join(absent[:10]),
                found=", ".join(frame.columns[:20]),
                hint=f"is {word!r} the column {absent[0]!r}?" if word else "add these columns",
            )
        for item in self._inputs.values():
            _check_dtype(item, frame[item.name])
        count = frame.height
        numbers = np.empty((count, len(self._of["numbers"])))
        for index, item in enumerate(self._of["numbers"]):
            series = frame[item.name].cast(pl.Float64)
            numbers[:, index] = series.fill_null(float("nan")).to_numpy()
        self._refuse_infinite(numbers)
        strings = np.empty((count, len(self._of["strings"])), dtype=object)
        for index, item in enumerate(self._of["strings"]):
            strings[:, index] = frame[item.name].cast(pl.String).fill_null("").to_numpy()
        times = np.empty((count, len(self._of["times"])), dtype=np.int64)
        for index, item in enumerate(self._of["times"]):
            micros = frame[item.name].cast(pl.Datetime("us")).to_physical()
            times[:, index] = micros.fill_null(MISSING_TIME).to_numpy()
        return Blocks(numbers, strings, times)

    def _numbers(self, values: Any, row: int) -> Any:
        items = self._of["numbers"]
        values = values if len(items) > 1 else (values,)
        if self._plain_numbers:
            return [np.nan if value is None else value for value in values]
        filled = []
        for item, value in zip(items, values, strict=True):
            if isinstance(value, str):
                if value not in item.missing:
                    raise _wrong(item, value, row)
                value = None
            filled.append(np.nan if value is None else value)
        return filled

    def _strings(self, values: Any) -> Any:
        items = self._of["strings"]
        values = values if len(items) > 1 else (values,)
        return [
            "" if value is None or value in item.missing else value
            for item, value in zip(items, values, strict=True)
        ]

    def _times(self, values: Any, row: int) -> Any:
        items = self._of["times"]
        values = values if len(items) > 1 else (values,)
        filled = []
        for item, value in zip(items, values, strict=True):
            if value is None or value in item.missing:
                filled.append(MISSING_TIME)
                continue
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                raise _wrong(item, value, row) from None
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            delta = moment - _EPOCH
            filled.append((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds)
        return filled

    def _refuse_infinite(self, numbers: Any) -> None:
        infinite = np.isinf(numbers)
        if infinite.any():
            row, column = np.argwhere(infinite)[0]
            raise _wrong(self._of["numbers"][column], numbers[row, column], int(row))

    def explain(self, error: msgspec.ValidationError) -> RequestError:
        """Return the refusal, in our words, of rows that do not fit `row_type`."""
        return self._explain(error)

    def _explain(self, error: msgspec.ValidationError) -> RequestError:
        message = str(error)
        place = re.search(r" - at `\$(.*?)`$", message)
        path = place[1] if place else ""
        row = re.match(r"\[(\d+|\.\.\.)\]", path)
        where = f"row {row[1]}" if row and row[1] != "..." else ""
        if unknown := re.search(r"unknown field `(.*?)`", message):
            name = unknown[1]
            word = nearest(name, self._known)
            hint = f"did you mean {word!r}?" if word else f"known: {', '.join(self._known[:30])}"
            return RequestError(f"unknown column {name!r}", where=where, hint=hint)
        if absent := re.search(r"missing required field `(.*?)`", message):
            return RequestError(
                f"column {absent[1]!r} is absent",
                where=where,
                hint=f'send it, or null where it is not known: {{"{absent[1]}": null}}',
            )
        field = re.search(r"\.([^.\[\]]+)$", path)
        name = self._field_name(field[1]) if field else ""
        found = re.search(r"got `(.*?)`", message)
        item = self._inputs.get(name)
        return RequestError(
            f"column {name!r} has the wrong type" if name else "not a record of columns",
            where=where,
            found=found[1] if found else "",
            hint=f"send {_EXPECTED[item.type]}" if item else "",
        )

    def _field_name(self, text: str) -> str:
        return text if text in self._inputs else nearest(text, self._inputs) or text


def _field(field: str, item: Input | None) -> Any:
    """Return the struct field of an input (required), or of a key or ignored column (optional)."""
    if item is None:
        return (field, Any, None)
    if item.missing and item.type != "category":
        return (field, _JSON[item.type] | str | None)
    return (field, _JSON[item.type] | None)


def _wrong(item: Input, value: Any, row: int) -> RequestError:
    return RequestError(
        f"column {item.name!r} has the wrong type or value",
        where=f"row {row}",
        found=repr(value)[:80],
        hint=f"send {_EXPECTED[item.type]}",
    )


def _check_dtype(item: Input, series: pl.Series) -> None:
    import polars as pl

    dtype = series.dtype
    fits = {
        "number": dtype.is_numeric() or dtype == pl.Boolean,
        "boolean": dtype == pl.Boolean or dtype.is_numeric(),
        "category": dtype in (pl.String, pl.Categorical) or isinstance(dtype, pl.Enum),
        "timestamp": dtype in (pl.Date, pl.Datetime),
    }[item.type]
    if not fits and dtype != pl.Null and series.null_count() < len(series):
        raise DataError(
            f"column {item.name!r} is of another type than the model was trained on",
            found=str(dtype),
            hint=f"make it {_EXPECTED[item.type].removesuffix(' or null')}",
        )
