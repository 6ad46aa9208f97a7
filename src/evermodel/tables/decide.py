"""The verdict on the evidence: what type each column has, and everything that was not plain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from evermodel.project import Reading
from evermodel.records import ColumnType
from evermodel.tables.date_orders import file_order, not_real, order_of
from evermodel.tables.evidence import Evidence
from evermodel.tables.mixed import Settled, has_slips, settle
from evermodel.tables.understanding import ColumnReading, DateOrder
from evermodel.tables.values import MARKS

__all__ = ["decide"]

_KEPT = "kept as category"
_FEW = 0.05
_FEW_DIGITS = 0.01
# Of numbers with three decimals one in ten loses a zero at the end where such are not written.
_HARDLY, _ENOUGH_MARKS = 0.02, 100


def decide(
    evidence: Sequence[Evidence],
    *,
    reading: Reading,
    forced: Mapping[str, ColumnType],
    separator: str,
    like: Mapping[str, ColumnReading] | None = None,
    lenient: bool = False,
) -> tuple[tuple[ColumnReading, ...], list[str]]:
    """Return how each column is read, and notes on everything that was not plain.

    `like` says how columns of those names were read before, which decides what is left open here.
    Where `lenient`, a few dates that do not exist do not make words of the others, nor a few notes
    and slips among numbers or dates, nor a few texts of the typed cells of a sheet.
    """
    notes: list[str] = []
    settled = [settle(one, told=one.name in forced) for one in evidence]
    bare = [found.evidence for found in settled]
    known = _Known(
        decimal=_file_decimal(bare, reading),
        told=bool(reading.decimal),
        dates=file_order(bare, reading.dates),
        first_year=reading.first_year,
        separator=separator,
        like=like or {},
    )
    columns = []
    for one, found in zip(evidence, settled, strict=True):
        kind = forced.get(one.name) or (_typed(one, found.evidence) if lenient else None)
        if kind:
            column = _as_told(one, found, kind, known, notes)
        else:
            column = _infer(one, found, known, notes)
        if column.type in ("category", "text") and _is_padded(one):
            column = msgspec.structs.replace(column, padded=True)
            notes.append(f"{one.name}: every value begins with a blank: taken off")
        columns.append(column)
    return tuple(columns), notes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the user or other columns of the file say about marks and the order of dates."""

    decimal: Literal["", ".", ","]
    told: bool
    dates: DateOrder
    first_year: int
    separator: str
    like: Mapping[str, ColumnReading]

    def order(self, column: str) -> DateOrder:
        """Return the order of day and month where a column does not say it."""
        before = self.like[column].dates if column in self.like else ""
        return before or self.dates

    def years(self, column: str) -> int:
        """Return the first of the hundred years that two digits stand for."""
        before = self.like.get(column)
        return before.first_year if before is not None and before.dates else self.first_year

    def serials(self, column: str) -> bool:
        """Return whether numbers among the dates of a column were days of a spreadsheet before."""
        return column in self.like and self.like[column].serials

    def mark(self, column: str) -> Literal["", ".", ","]:
        """Return the decimal mark where the numbers of a column do not say it."""
        before = self.like.get(column)
        if self.decimal or before is None or (before.decimal == "." and not before.thousands):
            return self.decimal
        return before.decimal


def _is_padded(one: Evidence) -> bool:
    return (
        one.padded > 0
        and one.padded == one.others + sum(one.marked[kind] for kind in MARKS)
        and not one.numbers
    )


def _file_decimal(evidence: Sequence[Evidence], reading: Reading) -> Literal["", ".", ","]:
    """Return the decimal mark that columns prove, the user's word first."""
    if reading.decimal:
        return reading.decimal
    commas = sum(_proves_comma(one) for one in evidence if one.is_marked_number)
    points = sum(bool(one.marked["point"]) for one in evidence if one.is_marked_number)
    if commas and commas >= points:
        return ","
    return "." if points else ""


def _proves_comma(one: Evidence) -> bool:
    commas = one.marked["comma"]
    if commas and not one.marked["spaced comma"] and _is_slip(commas, one.marked["either"]):
        return False
    return bool(commas or one.marked["spaced comma"])


def _is_slip(odd: int, grouped: int) -> bool:
    """Whether marks that part no three digits are too few to be decimal marks."""
    return grouped >= _ENOUGH_MARKS and odd <= _HARDLY * grouped


def _infer(one: Evidence, found: Settled, known: _Known, notes: list[str]) -> ColumnReading:
    if not one.values:
        notes.append(f"{one.name}: has no values")
        return ColumnReading(name=one.name, type="category")
    if one.kinds and one.kinds <= {"boolean", "null"}:
        return ColumnReading(name=one.name, type="boolean")
    bare, told = found.evidence, len(notes)
    column = None
    if not one.declared and (bare.is_plain_number or bare.is_marked_number):
        column = _number(bare, known, notes)
    if column is None and bare.is_date:
        column = _date(bare, known, notes)
    if column is not None:
        return _with_rest(column, one, found, notes)
    _say_why_not_number(one, notes)
    codes = one.declared or one.leading_zeros or one.long_integers
    doubts = [note for note in notes[told:] if note.endswith(_KEPT)]
    return ColumnReading(
        name=one.name,
        type=_words_or_text(one),
        doubt=doubts[-1].removeprefix(f"{one.name}: ") if doubts and not codes else "",
    )


def _with_rest(
    column: ColumnReading, one: Evidence, found: Settled, notes: list[str]
) -> ColumnReading:
    """Return the reading of a column with what was set aside to come to it."""
    sign = found.sign if column.type == "number" else ""
    if sign:
        of = one.all_numbers + one.signs.total()
        notes.append(f"{one.name}: {one.signs[sign]} of {of} numbers have {sign!r}: taken off")
    return msgspec.structs.replace(column, sign=sign, missing=found.missing)


def _words_or_text(one: Evidence) -> ColumnType:
    """Free text has many distinct values of several words."""
    if one.numbers > 0.05 * one.values or not one.sample_rows:
        return "category"
    distinct = one.sample_distinct / one.sample_rows
    words, letters = one.sample_words / one.sample_rows, one.sample_letters / one.sample_rows
    return "text" if distinct > 0.5 and words >= 4 and letters >= 20 else "category"


def _number(one: Evidence, known: _Known, notes: list[str]) -> ColumnReading | None:
    """Return how a column of numbers is read; None where its marks contradict one another."""
    if one.infinite:
        notes.append(f"{one.name}: infinite values: {one.infinite}")
    if not one.marked:
        if _may_be_grouped(one, known):
            grouped = _grouped(one, known, notes)
            if grouped is not None:
                return grouped
        whole = one.integers == one.numbers
        return ColumnReading(name=one.name, type="number", whole=whole)
    comma = _proves_comma(one)
    point = bool(one.marked["point"]) or one.points > one.grouped_points
    if comma and (point or (known.told and known.decimal == ".")):
        reason = "decimal commas and decimal points are mixed" if point else "decimal commas"
        notes.append(f"{one.name}: {reason}: kept as category")
        return None
    spaced = bool(one.marked["spaced"])
    if not comma and not point and one.marked["either"]:
        mark = known.mark(one.name)
        comma = mark == "," or (not mark and known.separator == ";")
        if not mark:
            read_as = "a decimal comma" if comma else "a thousands mark"
            notes.append(
                f'{one.name}: numbers such as "1,234" can be read in two ways: the comma is read'
                f" as {read_as} (set reading.decimal to choose)"
            )
    if comma:
        thousands = " " if spaced else "."
        notes.append(f"{one.name}: numbers have decimal commas")
        return ColumnReading(name=one.name, type="number", decimal=",", thousands=thousands)
    thousands = " " if spaced else ","
    notes.append(f"{one.name}: numbers have thousands marks ({thousands!r}): taken off")
    return ColumnReading(name=one.name, type="number", thousands=thousands)


def _may_be_grouped(one: Evidence, known: _Known) -> bool:
    """Whether points in a column without commas may be thousands marks."""
    mark = known.mark(one.name)
    told = mark == "," or (not mark and known.separator == ";")
    return told and one.grouped_points > 0 and one.points + one.integers == one.numbers


def _grouped(one: Evidence, known: _Known, notes: list[str]) -> ColumnReading | None:
    """Return the reading with thousands points, where all or all but a few part three digits."""
    odd = one.points - one.grouped_points
    if odd and not _is_slip(odd, one.grouped_points):
        if one.grouped_points > odd:
            notes.append(
                f"{one.name}: points are read as decimal points, though three digits follow"
                f" {one.grouped_points} of {one.points} (set reading.decimal to choose)"
            )
        return None
    before = "as elsewhere in the file" if known.decimal else "as they were before"
    shown = "three digits follow each" if not odd else f"three digits follow all but {odd}"
    how = before if known.mark(one.name) else f"{shown} (set reading.decimal to choose)"
    notes.append(f"{one.name}: points are thousands marks, {how}")
    return ColumnReading(name=one.name, type="number", decimal=",", thousands=".", whole=True)


def _date(
    one: Evidence, known: _Known, notes: list[str], *, told: bool = False
) -> ColumnReading | None:
    """Return how a column of dates is read; None where no one order fits all of them."""
    found = order_of(one, known.order(one.name), told=told)
    notes += [f"{one.name}: {note}" for note in found.notes]
    if found.order is None:
        return None
    if one.short_years:
        first = known.years(one.name)
        notes.append(
            f"{one.name}: years of two digits are taken as {first} to {first + 99}"
            " (set reading.first_year to choose)"
        )
    return ColumnReading(
        name=one.name,
        type="timestamp",
        dates=found.order,
        first_year=known.years(one.name),
        serials=one.has_serials or known.serials(one.name),
    )


def _say_why_not_number(one: Evidence, notes: list[str]) -> None:
    if one.declared:
        if one.numbers and not one.others and not one.marked and not one.leading_zeros:
            notes.append(f"{one.name}: numbers are stored as text: kept as category")
        return
    if one.leading_zeros and not one.others:
        notes.append(f"{one.name}: {one.leading_zeros} codes begin with a zero: kept as category")
    elif one.long_integers and not one.others:
        notes.append(
            f"{one.name}: {one.long_integers} whole numbers have too many digits to be exact:"
            " kept as category"
        )
        return
    said = _several_signs(one) or _odd_ones(one)
    if said:
        notes.append(f"{one.name}: {said}: kept as category")


def _several_signs(one: Evidence) -> str:
    if len(one.signs) < 2 or one.all_numbers + one.signs.total() < 0.5 * one.values:
        return ""
    shown = ", ".join(
        f"{sign!r} in {rows} row{'' if rows == 1 else 's'}"
        for sign, rows in one.signs.most_common(4)
    )
    return f"amounts have several signs ({shown}), which are never added up"


def _odd_ones(one: Evidence) -> str:
    """Name the values that keep a column from being numbers or dates, where most of it is."""
    numbers = one.all_numbers >= one.dates
    kind, odd = ("numbers", one.others) if numbers else ("dates", one.values - one.dates)
    if not odd or one.values - odd < 0.5 * one.values:
        return ""
    shown = ", ".join(f"{text!r} on line {line}" for line, text in one.examples)
    return f"{odd} of {one.values} values are not {kind}" + (f" ({shown})" if shown else "")


def _typed(one: Evidence, bare: Evidence) -> ColumnType | None:
    """Return the type of nearly all values, where a few of them do not fit it.

    Texts that hold digits beside whole numbers may be codes such as 1003b, and so may zeros in
    front: there the column is one of words.
    """
    few = _FEW * one.values
    if bare.is_date and not one.declared and 0 < not_real(bare) <= few:
        return "timestamp"
    if not bare.others or one.declared or one.leading_zeros or one.long_integers:
        return None
    if 2 * one.natives < one.values:
        return _with_slips(bare, few)
    if bare.dates and bare.others - bare.dates + bare.numbers - bare.serials <= few:
        return "timestamp"
    codes = bare.integers == bare.numbers and bare.others > bare.wordy
    return "number" if bare.others <= few and not codes else None


def _with_slips(bare: Evidence, few: float) -> ColumnType | None:
    """Return the type of a column of texts whose words are notes and slips, a few of them."""
    rest = bare.others - bare.wordy
    digits = 0 < rest <= _FEW_DIGITS * bare.values and _are_amounts(bare) and not bare.dates
    if digits and not bare.wordy:
        return "number"
    if not has_slips(bare, few):
        return None
    if bare.all_numbers and (digits or not rest):
        return "number"
    return "timestamp" if bare.dates and rest == bare.dates and not bare.all_numbers else None


def _are_amounts(bare: Evidence) -> bool:
    """Whether most numbers have decimals or marks: a text with digits among them is no code."""
    decimal = bare.points + sum(bare.marked[kind] for kind in MARKS)
    return 2 * decimal > bare.all_numbers > _ENOUGH_MARKS


def _as_told(
    one: Evidence, found: Settled, kind: ColumnType, known: _Known, notes: list[str]
) -> ColumnReading:
    """Return how a column becomes the type that it was told to have."""
    bare = found.evidence
    if kind == "number":
        column = _number(bare, known, notes) if bare.numbers or bare.marked else None
        column = column or ColumnReading(name=one.name, type="number", decimal=known.decimal or ".")
        return _with_rest(column, one, found, notes)
    if kind == "timestamp":
        column = _date(bare, known, notes, told=True) if bare.dates else None
        column = column or ColumnReading(
            name=one.name,
            type="timestamp",
            dates=known.order(one.name),
            first_year=known.years(one.name),
            serials=not one.dates,
        )
        return _with_rest(column, one, found, notes)
    return ColumnReading(name=one.name, type=kind)
