"""Texts into typed columns, by an understanding; what does not fit is an error, never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
import polars as pl

from evermodel.errors import DataError
from evermodel.project import Repair
from evermodel.project.keys import key_of
from evermodel.tables.dates import convert_dates
from evermodel.tables.understanding import ColumnReading, Misfits
from evermodel.tables.values import (
    CATEGORY_MISSING,
    MISSING_WORDS,
    amounts,
    bared,
    convert_numbers,
    stripped,
)

__all__ = ["apply_repairs", "convert", "in_codes", "repair_values"]

_TRUE = ("true", "yes", "y", "t", "1", "1.0", "on")
_FALSE = ("false", "no", "n", "f", "0", "0.0", "off")

# An e-mail address, an IBAN, and a number of seven digits or more that is no amount and no date.
_OF_PERSON = re.compile(
    r"\S@\S|^\s*[A-Z]{2}\d{2}[A-Z0-9 ]{11,}$"
    r"|^(?!\s*\d{1,4}[-./]\d{1,2}[-./]\d{1,4}\b)(?=(?:\D*\d){7})"
    r"\s*[+(]?\d[\d.]*[ /()-][\d ()/.-]*$"
)
_LETTER = re.compile(r"[^\W_]")


def apply_repairs(frame: pl.DataFrame, repairs: Mapping[str, Repair]) -> pl.DataFrame:
    """Return the texts after the declared repairs: `strip`, then `map`, then `missing`.

    Texts that `map` or `missing` name as they stand are not stripped.

    Examples
    --------
    >>> frame = pl.DataFrame({"income": ["<=50K.", ">50K", "-1"]})
    >>> repair = Repair(strip=".", missing=("-1",))
    >>> apply_repairs(frame, {"income": repair})["income"].to_list()
    ['<=50K', '>50K', None]
    """
    changed = []
    for name, repair in repairs.items():
        if name not in frame.columns:
            continue
        values = _stripped_off(frame[name], repair)
        if repair.map:
            values = values.replace(dict(repair.map))
        if repair.missing:
            values = values.set(values.is_in(list(repair.missing)), None)
        changed.append(values)
    return frame.with_columns(changed)


def _stripped_off(texts: pl.Series, repair: Repair) -> pl.Series:
    if not repair.strip:
        return texts
    whole = stripped(texts)
    number = repair.type == "number"
    bare = amounts(whole, repair.strip) if number else bared(whole, repair.strip)
    # A word that is declared as it stands loses nothing: "k.A." beside "5 km".
    named = whole.is_in([*repair.missing, *repair.map]).fill_null(False)
    return bare.zip_with(~named, whole)


def repair_values(texts: pl.Series, repair: Repair, how: ColumnReading) -> pl.Series:
    """Return the repaired texts of a column of numbers or times, whose codes are values.

    `-999` is the code -999 however a file writes it: -999.0, -9.99e2.

    Examples
    --------
    >>> how = ColumnReading(name="age", type="number")
    >>> repair = Repair(missing=("-999",), map={"120": "99"})
    >>> repair_values(pl.Series(["-999.0", "120.00", "7"]), repair, how).to_list()
    [None, '99', '7']
    """
    texts = _stripped_off(texts, repair)
    if repair.map:
        values, exact = _values(texts, how), texts.is_in(list(repair.map)).fill_null(False)
        fresh = texts.replace(dict(repair.map))
        for key, new in reversed(repair.map.items()):
            code = _values(pl.Series([key]), how)[0]
            if code is not None:
                fresh = fresh.set((values == code).fill_null(False) & ~exact, new)
        texts = fresh
    if repair.missing:
        absent = texts.is_in(list(repair.missing)).fill_null(False)
        absent |= in_codes(_values(texts, how), repair.missing, how)
        texts = texts.set(absent, None)
    return texts


def in_codes(values: pl.Series, words: Iterable[str], how: ColumnReading) -> pl.Series:
    """Return which numbers or times are codes for "missing", whatever words are among them."""
    codes = _values(pl.Series(list(words), dtype=pl.String), how).drop_nulls()
    return values.cast(codes.dtype).is_in(codes.implode()).fill_null(False)


def _values(texts: pl.Series, how: ColumnReading) -> pl.Series:
    if how.type == "timestamp":
        return _dates(stripped(texts), how)
    return convert_numbers(stripped(texts), msgspec.structs.replace(how, whole=False))


def _dates(texts: pl.Series, how: ColumnReading) -> pl.Series:
    return convert_dates(texts, how.dates, first_year=how.first_year, serials=how.serials)


def convert(
    frame: pl.DataFrame,
    columns: Iterable[ColumnReading],
    *,
    extra: Iterable[str],
    lines: np.ndarray,
    where: str,
    misfits: Misfits | None = None,
    native: Mapping[str, pl.Series] | None = None,
) -> pl.DataFrame:
    """Return texts as typed columns; where `misfits` counts them, a few odd cells are missing.

    Cells that are `native` came as numbers, and have no marks that people write.

    Raises
    ------
    DataError
        When a value is not of its column's type; names the column, the lines and the values.
    """
    extra = tuple(extra)
    return pl.DataFrame(
        [
            _convert(
                frame[one.name],
                one,
                (*extra, *one.missing),
                lines,
                where,
                misfits,
                (native or {}).get(one.name),
            )
            for one in columns
        ]
    )


def _convert(
    values: pl.Series,
    how: ColumnReading,
    extra: tuple[str, ...],
    lines: np.ndarray,
    where: str,
    misfits: Misfits | None,
    native: pl.Series | None,
) -> pl.Series:
    texts = stripped(values)
    if how.type in ("category", "text"):
        absent = texts.is_in([*CATEGORY_MISSING, *extra])
        return (texts if how.padded else values).set(absent, None)
    absent = texts.is_null() | texts.is_in(list(extra))
    if how.type == "number":
        result = convert_numbers(texts, how)
        if native is not None and (how.decimal == "," or how.thousands == "."):
            plain = texts.cast(result.dtype, strict=False)
            result = plain.zip_with(native & plain.is_not_null(), result)
    elif how.type == "timestamp":
        result = _dates(texts, how)
    else:
        lower = texts.str.to_lowercase()
        yes, no = lower.is_in(list(_TRUE)), lower.is_in(list(_FALSE))
        result = yes.set(~(yes | no), None)
    if extra and how.type in ("number", "timestamp"):
        absent |= in_codes(result, extra, how)
    result = result.set(absent, None) if extra else result
    wrong = result.is_null() & ~absent
    if wrong.any():
        wrong &= ~texts.str.to_lowercase().is_in(list(MISSING_WORDS))
    cells = int(wrong.sum())
    if misfits is not None:
        first = _first(values, wrong, lines) if cells else []
        places = lines[wrong.to_numpy()].tolist() if cells else ()
        tolerated = misfits.take(how.name, cells, first, rows=len(values), lines=places)
    else:
        tolerated = not cells
    if not tolerated:
        raise _unfit(values, wrong, how, lines, where)
    return result


def _first(values: pl.Series, wrong: pl.Series, lines: np.ndarray) -> list[tuple[int, str]]:
    places = lines[wrong.to_numpy()][:5].tolist()
    texts = map(_printed, values.filter(wrong).head(5).to_list())
    return list(zip(places, texts, strict=True))


def _printed(text: str) -> str:
    """Return a text as it may be printed: of an address, a number of a person only its writing.

    Examples
    --------
    >>> _printed("ada@example.org"), _printed("0172 1234567"), _printed("see invoice 4711")
    ('***@*******.***', '**** *******', 'see invoice 4711')
    >>> _printed("02/31/2024"), _printed("2024-13-13 10:30")
    ('02/31/2024', '2024-13-13 10:30')
    """
    return _LETTER.sub("*", text) if _OF_PERSON.search(text) else text


def _unfit(
    values: pl.Series, wrong: pl.Series, how: ColumnReading, lines: np.ndarray, where: str
) -> DataError:
    count = int(wrong.sum())
    shown = ", ".join(f"{text!r} on line {line}" for line, text in _first(values, wrong, lines)[:3])
    kind = {"number": "numbers", "timestamp": "dates", "boolean": "true or false"}[how.type]
    name = key_of(how.name)
    repair = f"data.repairs.{name}.missing or .map, or data.types.{name}"
    return DataError(
        f"{count} of {len(values)} values of column {how.name!r} are not {kind}",
        where=where,
        found=shown,
        hint=f"set {repair}",
    )
