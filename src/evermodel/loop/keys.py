"""The text of a key: one for what a file, a request and the log say of the same entity."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from evermodel.bundle import Input
from evermodel.bundle.repair import Mender, microseconds

__all__ = ["ROUTE", "key_text", "key_texts", "keys_of", "refs_of", "refs_of_log", "shown_ref"]

ROUTE = "score"
"""The route of rows that `score` wrote, which were read as their file was."""

_AS_SENT: Mapping[str, Input] = {}
_BETWEEN = "\x1f"
_EXACT = 2**53
# As files and requests write them. What looks like a number, as 20260131 does, is no time.
_TIME = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_is_time = re.compile(_TIME).fullmatch


def key_text(value: Any) -> str | None:
    """Return the text of one value of a key, or None where it is missing.

    Whole numbers are written without a point whatever they are stored as, integers of any size with
    all their digits, truth as JSON writes it, and times in UTC in ISO 8601 with six digits of a
    second. A text is itself, but for a time in ISO 8601, which is written as all times are.

    Examples
    --------
    >>> key_text(17.0), key_text(2**70), key_text(1e-7), key_text(True)
    ('17', '1180591620717411303424', '1e-07', 'true')
    >>> key_text("017"), key_text("2026-01-31 12:00+02:00"), key_text(date(2026, 1, 31))
    ('017', '2026-01-31T10:00:00.000000', '2026-01-31T00:00:00.000000')
    """
    if value is None or isinstance(value, str):
        return value if value is None or not _is_time(value) else _time_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal):
        return _number_text(value)
    if isinstance(value, datetime):
        moment = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        return moment.isoformat(timespec="microseconds")
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00.000000"
    return str(value)


def _time_text(text: str) -> str:
    try:
        return key_text(datetime.fromisoformat(text)) or text
    except (ValueError, OverflowError):
        return text  # the 31st of February is a text like any other


def _number_text(value: float | Decimal) -> str | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return str(value)
    whole = int(value)
    if whole == value:
        return str(whole)
    return repr(value) if isinstance(value, float) else str(value.normalize())


def key_texts(values: pl.Series) -> pl.Series:
    """Return the text of each value of a column of keys, as `key_text` writes it.

    Examples
    --------
    >>> key_texts(pl.Series([1.5, 2.0, None])).to_list()
    ['1.5', '2', None]
    """
    kind = values.dtype
    if kind.is_integer():
        return values.cast(pl.String)
    if kind == pl.String and not values.str.contains(f"^(?:{_TIME})$").any():
        return values
    if isinstance(kind, pl.Categorical | pl.Enum):
        return key_texts(values.cast(pl.String))
    return _texts(values.name, values.to_list())


def _texts(name: str, values: Iterable[Any]) -> pl.Series:
    """Return the text of each value; one that comes often is written once."""
    known: dict[tuple[type, Any], str | None] = {}
    found = []
    for value in values:
        mark = (type(value), value)  # True is 1 in a dictionary
        if mark not in known:
            known[mark] = key_text(value)
        found.append(known[mark])
    return pl.Series(name, found, dtype=pl.String)


def refs_of(frame: pl.DataFrame, key: Sequence[str]) -> pl.Series:
    r"""Return the text of each row's whole key, or None where all of it is missing.

    Examples
    --------
    >>> refs_of(pl.DataFrame({"shop": ["a", None], "day": [7.0, None]}), ["shop", "day"]).to_list()
    ['a\x1f7', None]
    """
    return _joined([key_texts(frame[name]) for name in key])


def refs_of_log(
    log: pl.DataFrame, key: Sequence[str], read: Mapping[str, Input] = _AS_SENT
) -> pl.Series:
    """Return the text of the whole key of each logged row, or None where none of it was sent.

    A key that was set later was a column like any other when it was asked: it is looked for among
    the features where the log's rows hold them.

    Parameters
    ----------
    log : polars.DataFrame
        Rows of the prediction log.
    key : sequence of str
    read : mapping of str to Input, optional
        How key columns are read in files: a server writes down what it was sent.

    Examples
    --------
    >>> log = pl.DataFrame({"key": ['{"day":"2026-01-31"}', None], "features": [None, '{"day":7}']})
    >>> refs_of_log(log, ["day"]).to_list()
    ['2026-01-31T00:00:00.000000', '7']
    """
    rows = _rows(log, read)
    if "features" in log.columns:
        for place, features in enumerate(log["features"].to_list()):
            row = rows[place]
            if features and any(name not in row for name in key):
                rows[place] = {**msgspec.json.decode(features), **row}
    return _joined([_texts(name, [row.get(name) for row in rows]) for name in key])


def _rows(log: pl.DataFrame, read: Mapping[str, Input]) -> list[dict[str, Any]]:
    """Return the key of each logged row, as a file with the same key would have been read."""
    rows = [msgspec.json.decode(text) if text else {} for text in log["key"].to_list()]
    menders = {name: mend for name, one in read.items() if (mend := Mender(one)).needed}
    if menders:
        for row, route in zip(rows, log["route"].to_list(), strict=True):
            for name, mend in menders.items() if route != ROUTE else ():
                if isinstance(row.get(name), str):
                    row[name] = _mended(row[name], mend)
    return rows


def _mended(text: str, mend: Mender) -> Any:
    """Return the value of a text that was sent; what cannot be read is itself."""
    try:
        value = mend(text)
    except ValueError:
        return text
    exact = not isinstance(value, float) or abs(value) < _EXACT
    return value if exact else text


def _joined(parts: Sequence[pl.Series]) -> pl.Series:
    texts = pl.DataFrame([part.alias(str(place)) for place, part in enumerate(parts)])
    said = pl.any_horizontal(pl.all().is_not_null())
    ref = pl.concat_str(pl.all().fill_null(""), separator=_BETWEEN)
    return texts.select(ref=pl.when(said).then(ref))["ref"]


def shown_ref(ref: str, key: Sequence[str]) -> str:
    r"""Return the text of a whole key as a person reads it.

    Examples
    --------
    >>> shown_ref("a\x1f7", ["shop", "day"])
    "shop 'a', day '7'"
    """
    parts = zip(key, ref.split(_BETWEEN), strict=False)
    return ", ".join(f"{name} {part!r}" for name, part in parts)


def keys_of(
    log: pl.DataFrame, kinds: Mapping[str, Any], read: Mapping[str, Input] = _AS_SENT
) -> list[pl.Series]:
    """Return the named key columns of logged rows, each in the polars type given for it.

    Parameters
    ----------
    log : polars.DataFrame
        Rows of the prediction log.
    kinds : mapping of str to polars type
    read : mapping of str to Input, optional
        As `refs_of_log` takes it.

    Examples
    --------
    >>> log = pl.DataFrame({"key": ['{"day":"2026-01-31","open":true}']})
    >>> [column.to_list() for column in keys_of(log, {"day": pl.Date, "open": pl.Boolean})]
    [[datetime.date(2026, 1, 31)], [True]]
    """
    rows = _rows(log, read)
    return [_typed(name, [row.get(name) for row in rows], kind) for name, kind in kinds.items()]


def _typed(name: str, values: Sequence[Any], kind: Any) -> pl.Series:
    if kind == pl.String:
        # Among texts a time stands as it was written.
        values = [each if isinstance(each, str) else key_text(each) for each in values]
        return pl.Series(name, values, dtype=pl.String)
    texts = _texts(name, values)
    if kind == pl.Boolean:
        truth = {"true": True, "false": False}
        return pl.Series(name, [truth.get(text or "") for text in texts], dtype=pl.Boolean)
    if kind.is_temporal():
        times = [None if text is None else _micros(text) for text in texts]
        return pl.Series(name, times, dtype=pl.Int64).cast(pl.Datetime("us")).cast(kind)
    return texts.cast(kind, strict=False)


def _micros(text: str) -> int | None:
    try:
        return microseconds(text)
    except ValueError:
        return None
