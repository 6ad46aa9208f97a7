"""Raw rows into blocks: plain records (requests) and polars frames (batches), one schema for both.

A record is checked by a struct made from the manifest, so that a wrong type, an unknown or an
absent field is refused by name before anything is computed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from operator import attrgetter
from types import GenericAlias
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from evermodel.bundle.blocks import MISSING_TIME, Blocks
from evermodel.bundle.manifest import Input, Manifest
from evermodel.bundle.repair import Mender, microseconds
from evermodel.errors import BundleError, DataError, RequestError, nearest

if TYPE_CHECKING:
    import polars as pl

__all__ = ["NOT_IN_NAMES", "Encoder", "key_fits"]

NOT_IN_NAMES = re.compile(r'[\\"\x00-\x1f]')
"""What the name of an input or key must not hold: JSON would have to write it in other signs."""

_BLOCK = {"number": "numbers", "boolean": "numbers", "category": "strings", "timestamp": "times"}
_JSON = {"number": float, "boolean": bool, "category": str, "timestamp": str}
_EXPECTED = {
    "number": "a number or null",
    "boolean": "true, false or null",
    "category": "a text or null",
    "timestamp": 'a time such as "2026-01-31T12:00:00" or null',
}
_KEY = "a text or a whole number of at most 64 bits"
_LARGEST = 2**63


def key_fits(value: Any) -> bool:
    """Whether a value can be a key: it could be joined with labels, and be written down.

    Examples
    --------
    >>> key_fits("c-7"), key_fits(2**70), key_fits([1])
    (True, False, False)
    """
    return not (
        isinstance(value, list | dict)
        or (isinstance(value, int) and not -_LARGEST <= value < _LARGEST)
    )


class Encoder:
    """Turns rows into `Blocks` in the order that the graph expects.

    Parameters
    ----------
    manifest : Manifest
        Its inputs, keys and ignored columns say what a row may hold.

    Raises
    ------
    BundleError
        When an input or key has a name that cannot be asked for; see `NOT_IN_NAMES`.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._inputs = {item.name: item for item in manifest.inputs}
        for name in (*self._inputs, *manifest.keys):
            if NOT_IN_NAMES.search(name):
                raise BundleError(
                    "a column's name holds a quote, a backslash or a control character",
                    found=repr(name),
                    hint="rename the column and train again",
                )
        ignored = [name for name in manifest.ignored if not NOT_IN_NAMES.search(name)]
        self._known = [*self._inputs, *manifest.keys, *ignored]
        self._of: dict[str, list[Input]] = {"numbers": [], "strings": [], "times": []}
        for item in manifest.inputs:
            self._of[_BLOCK[item.type]].append(item)
        menders = {item.name: Mender(item) for item in manifest.inputs}
        self._menders = {name: mender for name, mender in menders.items() if mender.needed}
        fields: list[Any] = []
        rename: dict[str, str] = {}
        attributes = {}
        self._types: dict[str, Any] = {}
        self.keys = frozenset(manifest.keys)
        for index, name in enumerate(dict.fromkeys(self._known)):
            field = f"f{index}"
            rename[field] = name
            attributes[name] = field
            self._types[name] = _type(self._inputs.get(name), menders.get(name))
            absent = None if name in self.keys else msgspec.UNSET
            rest = () if name in self._inputs else (absent,)
            fields.append((field, self._types[name], *rest))
        required = [field for field in fields if len(field) == 2]
        optional = [field for field in fields if len(field) == 3]
        self.row_type: type[msgspec.Struct] = msgspec.defstruct(
            "Row", [*required, *optional], rename=rename, forbid_unknown_fields=True, kw_only=True
        )
        self._get = {
            block: attrgetter(*(attributes[item.name] for item in items)) if items else None
            for block, items in self._of.items()
        }
        self._menders_of = {
            block: [self._menders.get(item.name) for item in items]
            for block, items in self._of.items()
        }
        self._plain_numbers = not any(self._menders_of["numbers"])
        self._get_keys = {name: attributes[name] for name in manifest.keys}
        self._unread = [n for n in attributes if n not in self._inputs and n not in self.keys]
        # An attrgetter of one name gives no tuple, so that there are always two.
        unread = [attributes[name] for name in self._unread]
        self._get_unread = attrgetter(*unread, unread[0]) if unread else None
        self._all_unset = (msgspec.UNSET,) * (len(unread) + 1)

    def records(self, records: Sequence[Mapping[str, Any]]) -> Blocks:
        """Return the blocks of plain records.

        Raises
        ------
        RequestError
            Naming the row (of several) and the field that is wrong, unknown or absent.
        """
        rows_type: Any = GenericAlias(list, (self.row_type,))
        try:
            rows = msgspec.convert(records, rows_type, strict=True)
        except msgspec.ValidationError as error:
            refusal = self.explain(error)
            if len(records) == 1:
                refusal.where = ""
            raise refusal from None
        return self.rows(rows)

    def rows(self, rows: Sequence[msgspec.Struct]) -> Blocks:
        """Return the blocks of rows that are already of `row_type` (decoded from JSON)."""
        count = len(rows)
        strings = np.empty((count, len(self._of["strings"])), dtype=object)
        times = np.empty((count, len(self._of["times"])), dtype=np.int64)
        numbers = self._numbers(rows)
        get_strings, get_times = self._get["strings"], self._get["times"]
        for index, row in enumerate(rows if get_strings or get_times else ()):
            if get_strings is not None:
                strings[index] = self._strings(get_strings(row))
            if get_times is not None:
                times[index] = self._times(get_times(row), _place(index, count))
        infinite = np.isinf(numbers)
        if infinite.any():
            index, column = np.argwhere(infinite)[0]
            found = float(numbers[index, column])
            raise _wrong(self._of["numbers"][column], found, _place(int(index), count))
        return Blocks(numbers, strings, times)

    def unread(self, rows: Sequence[msgspec.Struct]) -> list[str]:
        """Return the known columns that rows carry and the model does not read."""
        get, nothing = self._get_unread, self._all_unset
        if get is None:
            return []
        for row in rows:
            if get(row) != nothing:
                break
        else:  # most requests hold none, and leave here
            return []
        sent = [*map(get, rows)]
        return [
            name
            for place, name in enumerate(self._unread)
            if any(got[place] is not msgspec.UNSET for got in sent)
        ]

    @property
    def known(self) -> list[str]:
        """The names that a record may hold."""
        return [*self._types]

    @property
    def required(self) -> list[str]:
        """The names that a record must hold."""
        return [*self._inputs]

    def knows(self, name: Any) -> bool:
        """Whether a record may hold a column of that name."""
        return name in self._types

    def reads(self, name: str, value: Any) -> bool:
        """Whether the value of a known column is read, as `rows` reads it."""
        try:
            value = msgspec.convert(value, self._types[name], strict=True)
            mender = self._menders.get(name)
            item = self._inputs.get(name)
            if mender is not None:
                value = mender(value)
            if item is not None and item.type == "timestamp" and value is not None:
                microseconds(value)
            return not (isinstance(value, float) and np.isinf(value))
        except (msgspec.ValidationError, ValueError, OverflowError):
            return False

    def expected(self, name: str) -> str:
        """Return in words what a known column takes."""
        item = self._inputs.get(name)
        return _KEY if item is None else _expected(item, self._menders.get(name))

    def check_keys(self, rows: Sequence[msgspec.Struct]) -> None:
        """Refuse keys that could not be joined with labels later, or not be written down.

        Raises
        ------
        RequestError
            Naming the row and the key.
        """
        for name, field in self._get_keys.items():
            for index, row in enumerate(rows):
                value = getattr(row, field)
                if value is not None and type(value) is not str and not key_fits(value):
                    raise RequestError(
                        f"column {name!r} has the wrong type",
                        where=f"row {index}",
                        found=type(value).__name__,
                        hint=f"a key is {_KEY}",
                    )

    def key(self, row: msgspec.Struct) -> dict[str, Any] | None:
        """Return the entity key of a row, or None when the request did not carry it."""
        found = {name: getattr(row, field) for name, field in self._get_keys.items()}
        return found if any(value is not None for value in found.values()) else None

    def mender(self, name: str) -> Mender | None:
        """Return what reads the raw values of an input, or None where it is plain."""
        return self._menders.get(name)

    def frame(self, frame: pl.DataFrame, *, repaired: bool = False) -> Blocks:
        """Return the blocks of a polars frame; columns that the graph does not read are passed by.

        Parameters
        ----------
        frame : polars.DataFrame
        repaired : bool
            True for rows that were read with the columns' repairs, or written down by the server:
            a repair is made once.

        Raises
        ------
        DataError
            When a column that the graph reads is absent, of another type, or holds infinities.
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
        columns = {
            name: _readable(item, self._mended(item, frame[name], repaired))
            for name, item in self._inputs.items()
        }
        count = frame.height
        numbers = np.empty((count, len(self._of["numbers"])))
        for index, item in enumerate(self._of["numbers"]):
            series = columns[item.name].cast(pl.Float64)
            numbers[:, index] = series.fill_null(float("nan")).to_numpy()
        self._refuse_impossible(numbers)
        strings = np.empty((count, len(self._of["strings"])), dtype=object)
        for index, item in enumerate(self._of["strings"]):
            strings[:, index] = columns[item.name].cast(pl.String).fill_null("").to_numpy()
        times = np.empty((count, len(self._of["times"])), dtype=np.int64)
        for index, item in enumerate(self._of["times"]):
            micros = columns[item.name].cast(pl.Datetime("us")).to_physical()
            times[:, index] = micros.fill_null(MISSING_TIME).to_numpy()
        return Blocks(numbers, strings, times)

    def _mended(self, item: Input, series: pl.Series, repaired: bool) -> pl.Series:
        """Return the column after its repair, one distinct value after the other."""
        import polars as pl

        mender = self._menders.get(item.name)
        if mender is None or series.dtype.is_temporal() or series.dtype.is_nested():
            return series
        if repaired or not (mender.declared or series.dtype == pl.String):
            words = [*item.missing, *(item.repair.missing if item.repair else ())]
            is_text = series.dtype == pl.String
            return series.set(series.is_in(words), None) if is_text else series
        found: dict[Any, Any] = {}
        for value in series.unique().to_list():
            try:
                found[value] = mender(value)
            except ValueError:
                raise DataError(
                    f"column {item.name!r} holds a value of the wrong type",
                    found=repr(value)[:80],
                    hint=f"make it {_EXPECTED[item.type].removesuffix(' or null')}",
                ) from None
        values = [found.get(value) for value in series.to_list()]
        if item.type == "timestamp":
            moments = [None if value is None else microseconds(value) for value in values]
            return pl.Series(series.name, moments, pl.Int64).cast(pl.Datetime("us"))
        kinds: dict[str, Any] = {"number": pl.Float64, "boolean": pl.Boolean}
        return pl.Series(series.name, values, kinds.get(item.type, pl.String))

    def _refuse_impossible(self, numbers: NDArray[np.float64]) -> None:
        for index, item in enumerate(self._of["numbers"]):
            column = numbers[:, index]
            wrong = np.isinf(column)
            if item.type == "boolean":
                wrong |= ~np.isnan(column) & (column != 0) & (column != 1)
            if wrong.any():
                raise DataError(
                    f"column {item.name!r} holds {int(wrong.sum())} value(s) that are not "
                    f"{_EXPECTED[item.type].removesuffix(' or null')}",
                    found=f"for example {float(column[wrong][0])!r}",
                    hint="repair them, or make them missing",
                )

    def _numbers(self, rows: Sequence[msgspec.Struct]) -> NDArray[np.float64]:
        items, get = self._of["numbers"], self._get["numbers"]
        if get is None:
            return np.empty((len(rows), 0))
        values: list[Any] = [get(row) for row in rows]
        if not self._plain_numbers:
            many = len(items) > 1
            values = [
                self._without_words(row if many else (row,), _place(index, len(rows)))
                for index, row in enumerate(values)
            ]
        # numpy makes NaN of None, and 0 and 1 of booleans, in one pass over all rows.
        return np.array(values, dtype=np.float64).reshape(len(rows), len(items))

    def _without_words(self, values: tuple[Any, ...], where: str) -> list[Any]:
        """Return a row's numbers after their repairs; texts that are no numbers are refused."""
        filled: list[Any] = []
        for index, value in enumerate(values):
            mender = self._menders_of["numbers"][index]
            if mender is None:
                filled.append(value)
                continue
            try:
                filled.append(mender(value))
            except ValueError:
                raise _wrong(self._of["numbers"][index], value, where, mender) from None
        return filled

    def _strings(self, values: Any) -> Any:
        menders = self._menders_of["strings"]
        values = values if len(menders) > 1 else (values,)
        return [
            (value if mender is None else mender(value)) or ""
            for mender, value in zip(menders, values, strict=True)
        ]

    def _times(self, values: Any, where: str) -> Any:
        items, menders = self._of["times"], self._menders_of["times"]
        values = values if len(items) > 1 else (values,)
        filled = []
        for item, mender, value in zip(items, menders, values, strict=True):
            try:
                read = value if mender is None else mender(value)
                filled.append(MISSING_TIME if read is None else microseconds(read))
            except ValueError:
                raise _wrong(item, value, where, mender) from None
        return filled

    def explain(self, error: msgspec.ValidationError) -> RequestError:
        """Return the refusal, in our words, of rows that do not fit `row_type`."""
        message = str(error)
        if unknown := _UNKNOWN.match(message):
            name = unknown[1]
            word = nearest(name, self._known)
            hint = f"did you mean {word!r}?" if word else f"known: {', '.join(self._known[:30])}"
            return RequestError(f"unknown column {name!r}", where=_row(unknown[2]), hint=hint)
        if absent := _ABSENT.match(message):
            sent = msgspec.json.encode({absent[1]: None}).decode()
            return RequestError(
                f"column {absent[1]!r} is absent",
                where=_row(absent[2]),
                hint=f"send it, or null where it is not known: {sent}",
            )
        place = _PLACE.search(message)
        index, name = (place[1], place[2]) if place else (None, None)
        found = _GOT.match(message)
        item = None if name is None else self._inputs.get(name)
        return RequestError(
            "not a record of columns" if name is None else f"column {name!r} has the wrong type",
            where=_row(index),
            found=found[1] if found else "a number that is too large" if item else "",
            hint=f"send {_expected(item, self._menders.get(item.name))}" if item else "",
        )


# A column's value has no parts of its own, so that all that follows the row is the column's name,
# whatever dots, brackets and backquotes are in it.
_WHERE = r"(?: - at `\$(?:\[(\d+|\.\.\.)\])?`)?\Z"
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`" + _WHERE, re.DOTALL)
_ABSENT = re.compile(r"Object missing required field `(.*?)`" + _WHERE, re.DOTALL)
_PLACE = re.compile(r" - at `\$(?:\[(\d+|\.\.\.)\])?(?:\.(.*))?`\Z", re.DOTALL)
_GOT = re.compile(r"Expected `[^`]*`, got `([^`]*)`")


def _row(index: str | None) -> str:
    return f"row {index}" if index and index != "..." else ""


def _place(index: int, count: int) -> str:
    """Return where a row stands; of a single row there is nothing to say."""
    return f"row {index}" if count > 1 else ""


def _type(item: Input | None, mender: Mender | None) -> Any:
    """Return what a record may hold for an input, or for a key or ignored column."""
    if item is None or mender is None:
        return Any
    if mender.declared and item.type in ("category", "boolean"):
        # The repair may be of codes: 1 and "1" are the same code.
        return bool | int | float | str | None
    if mender.needed:
        return _JSON[item.type] | str | None
    return _JSON[item.type] | None


def _expected(item: Input, mender: Mender | None) -> str:
    """Return in words what an input takes, with a text as its training file had them."""
    example = mender.example if mender else ""
    return _EXPECTED[item.type] + (f', or a text such as "{example}"' if example else "")


def _wrong(item: Input, value: Any, where: str, mender: Mender | None = None) -> RequestError:
    return RequestError(
        f"column {item.name!r} has the wrong type or value",
        where=where,
        found=repr(value)[:80],
        hint=f"send {_expected(item, mender)}",
    )


def _readable(item: Input, series: pl.Series) -> pl.Series:
    """Return the column, of a type that fits the input."""
    import polars as pl

    if series.null_count() == len(series):
        kinds: dict[str, Any] = {"category": pl.String, "timestamp": pl.Datetime("us")}
        return pl.Series(series.name, [None] * len(series), dtype=kinds.get(item.type, pl.Float64))
    dtype = series.dtype
    fits = {
        "number": dtype.is_numeric() or dtype == pl.Boolean,
        "boolean": dtype == pl.Boolean or dtype.is_numeric(),
        "category": dtype in (pl.String, pl.Categorical) or isinstance(dtype, pl.Enum),
        "timestamp": dtype in (pl.Date, pl.Datetime),
    }[item.type]
    if not fits:
        raise DataError(
            f"column {item.name!r} is of another type than the model was trained on",
            found=str(dtype),
            hint=f"make it {_EXPECTED[item.type].removesuffix(' or null')}",
        )
    return series
