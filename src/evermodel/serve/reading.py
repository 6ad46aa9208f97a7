"""Request bodies into rows of one model: decoded straight into structs made from its manifest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import attrgetter
from types import GenericAlias
from typing import Any

import msgspec

from evermodel.bundle import Model
from evermodel.bundle.problems import Breaks, find_problems
from evermodel.errors import RequestError
from evermodel.serve.exchange import WrongRecordsError

__all__ = ["Reader", "decode"]

_WRONG_COLUMNS = 422
_NOT_JSON = re.compile(rb"[:\[,]\s*[-+]?(?:NaN|nan|Infinity|inf)\b")


class _Wrapped(msgspec.Struct, forbid_unknown_fields=True):
    records: msgspec.Raw


_wrapped = msgspec.json.Decoder(_Wrapped)


def decode(decoder: msgspec.json.Decoder[Any], body: bytes | msgspec.Raw) -> Any:
    """Return what a decoder reads; a body that is not JSON is refused with status 400.

    Raises
    ------
    RequestError
        With status 400 when the body is not JSON.
    msgspec.ValidationError
        When it is JSON of another shape.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _not_json(bytes(body), error) from None


class Reader:
    """Reads bodies for one model, and tells what the prediction log keeps of a row.

    Parameters
    ----------
    model : Model
    """

    def __init__(self, model: Model) -> None:
        manifest = model.manifest
        self._encoder = model.encoder
        row_type = model.encoder.row_type
        self._one = msgspec.json.Decoder(row_type)
        self._list_type: Any = GenericAlias(list, (row_type,))
        self._many: msgspec.json.Decoder[Any] = msgspec.json.Decoder(self._list_type)
        fields = {f.encode_name: f.name for f in msgspec.structs.fields(row_type)}
        self._columns = frozenset(fields)
        inputs = [item.name for item in manifest.inputs]
        self._kept = msgspec.defstruct(
            "Features",
            [(fields[name], Any) for name in inputs],
            rename={fields[name]: name for name in inputs},
            gc=False,
        )
        self._get = attrgetter(*(fields[name] for name in inputs))
        self._single = len(inputs) == 1
        menders = [model.encoder.mender(item.name) for item in manifest.inputs]
        self._menders = [(place, mend) for place, mend in enumerate(menders) if mend is not None]
        self._keyed = bool(manifest.keys)

    def body(self, body: bytes) -> tuple[list[Any], bool]:
        """Return the rows of a plain JSON body, and whether it was one record alone.

        Raises
        ------
        RequestError
            Status 400 when it is not JSON, 422 when a column is wrong, unknown or absent.
        """
        try:
            if body.lstrip(b" \t\r\n")[:1] == b"[":
                return self._checked(decode(self._many, body)), False
            try:
                return self._checked([decode(self._one, body)]), True
            except msgspec.ValidationError:
                inner = self._unwrap(body)
                if inner is None:
                    raise
                return self._checked(decode(self._many, inner)), False
        except msgspec.ValidationError as error:
            raise self._encoder.explain(error) from None

    def records(self, records: Sequence[Any]) -> list[Any]:
        """Return the rows of records that are already plain Python values.

        Raises
        ------
        RequestError
            When a column is wrong, unknown or absent.
        """
        try:
            return self._checked(msgspec.convert(records, self._list_type, strict=True))
        except msgspec.ValidationError as error:
            raise self._encoder.explain(error) from None
        except OverflowError:
            raise RequestError(
                "a number is too large", hint="send numbers that fit a double"
            ) from None

    def told(self, error: RequestError, body: bytes, breaks: Breaks | None = None) -> RequestError:
        """Return the refusal of a plain JSON body with all that is wrong in it, as far as said.

        What is refused for another reason than its columns (status 422) is told as it is.
        """
        if error.status != _WRONG_COLUMNS:
            return error
        try:
            tree = msgspec.json.decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return error
        if isinstance(tree, dict) and self._unwrap(body) is not None:
            tree = tree["records"]
        return self.told_of(error, tree if isinstance(tree, list) else [tree], breaks)

    def told_of(
        self, error: RequestError, records: Sequence[Any], breaks: Breaks | None = None
    ) -> RequestError:
        """Return the refusal of plain Python values with all that is wrong in them."""
        if error.status != _WRONG_COLUMNS:
            return error
        found = find_problems(self._encoder, records, breaks)
        if not found.listed:
            return error
        return WrongRecordsError(error, found)

    def features(self, row: Any) -> Any:
        """Return what the model read of a row, by column name: after its columns' repairs."""
        found = self._get(row)
        values = [found] if self._single else [*found]
        for place, mend in self._menders:
            values[place] = mend(values[place])
        return self._kept(*values)

    def key(self, row: Any) -> dict[str, Any] | None:
        """Return the entity key of a row, or None when the request did not carry it."""
        return self._encoder.key(row) if self._keyed else None

    def _unwrap(self, body: bytes) -> msgspec.Raw | None:
        """Return the list in `{"records": [...]}`, or None when the body is something else."""
        if "records" in self._columns:
            return None
        try:
            inner = _wrapped.decode(body).records
        except (msgspec.DecodeError, RecursionError):
            return None
        return inner if bytes(inner)[:1] == b"[" else None

    def _checked(self, rows: list[Any]) -> list[Any]:
        self._encoder.check_keys(rows)
        return rows


def _not_json(body: bytes, error: Exception) -> RequestError:
    hint = 'send one record, such as {"column": 1}, or a list of records'
    if not body.strip():
        return RequestError("the body is empty", hint=hint, status=400)
    if isinstance(error, RecursionError):
        return RequestError("the JSON is nested too deeply", hint=hint, status=400)
    if _NOT_JSON.search(body):
        hint = "JSON has no NaN and no Infinity: send null for a missing number"
    elif body[:3] == b"\xef\xbb\xbf":
        hint = "take the byte order mark off the beginning"
    found = str(error)[:200]
    return RequestError("the body is not JSON", found=found, hint=hint, status=400)
