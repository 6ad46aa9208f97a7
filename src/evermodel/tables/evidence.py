"""What all values of a column say about its type, gathered batch by batch, and the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl

from evermodel.project import Reading
from evermodel.records import ColumnType
from evermodel.tables.understanding import ColumnReading, DateOrder
from evermodel.tables.values import (
    CATEGORY_MISSING,
    MARKS,
    MISSING_WORDS,
    convert_dates,
    date_format,
    date_shapes,
    looks_like_date,
    stripped,
)

__all__ = ["Evidence", "decide", "missing_words"]

_WORD_SAMPLE = 10_000


@dataclass(slots=True)
class Evidence:
    """Counts over the values of one column seen so far.

    `kinds` are the types that the source itself gave the values, if any: a text there is meant
    as a text, even when it looks like a number.
    """

    name: str
    extra: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    rows: int = 0
    nulls: int = 0
    words: Counter[str] = field(default_factory=Counter)
    numbers: int = 0
    integers: int = 0
    infinite: int = 0
    leading_zeros: int = 0
    long_integers: int = 0
    points: int = 0
    grouped_points: int = 0
    marked: Counter[str] = field(default_factory=Counter)
    marked_points: int = 0
    dates: int = 0
    ambiguous_dates: int = 0
    failing: Counter[str] = field(default_factory=Counter)
    zones: int = 0
    short_years: int = 0
    others: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)
    padded: int = 0
    sample_rows: int = 0
    sample_distinct: int = 0
    sample_letters: float = 0.0
    sample_words: float = 0.0

    @property
    def declared(self) -> bool:
        """Whether the source gave the values a type and some are texts."""
        return "text" in self.kinds

    @property
    def values(self) -> int:
        """The number of values that are not missing by any word for it."""
        return self.rows - self.nulls - self.absent(MISSING_WORDS)

    def absent(self, known: frozenset[str]) -> int:
        """Return the number of rows whose word for "missing" is one of `known`."""
        return sum(
            count for word, count in self.words.items() if _means_missing(word, known, self.extra)
        )

    def add(self, series: pl.Series, lines: np.ndarray) -> None:
        """Take in the texts of some more rows; `lines` says where each stands."""
        self.rows += len(series)
        self.nulls += series.null_count()
        texts = stripped(series)
        number = texts.cast(pl.Float64, strict=False).fill_nan(None)
        is_number = number.is_not_null()
        if self.extra:
            is_number &= ~texts.is_in(list(self.extra))
        self._add_numbers(texts.filter(is_number), number.filter(is_number))
        rest = ~is_number & texts.is_not_null()
        if rest.any():
            self._add_others(series.filter(rest), texts.filter(rest), lines[rest.to_numpy()])

    def _add_numbers(self, texts: pl.Series, numbers: pl.Series) -> None:
        if texts.is_empty():
            return
        integers = texts.cast(pl.Int64, strict=False)
        self.numbers += len(texts)
        self.integers += int(integers.is_not_null().sum())
        self.infinite += int(numbers.is_infinite().sum())
        if integers.null_count():
            odd = texts.filter(integers.is_null())
            self.long_integers += int(odd.str.contains(r"^[+-]?\d+$").sum())
            self.points += int(odd.str.contains(".", literal=True).sum())
            self.grouped_points += int(odd.str.contains(r"^[+-]?[1-9]\d{0,2}(\.\d{3})+$").sum())
        self.leading_zeros += int(texts.str.contains(r"^[+-]?0\d+$").sum())

    def _add_others(self, raw: pl.Series, texts: pl.Series, lines: np.ndarray) -> None:
        lower = texts.str.to_lowercase()
        absent = lower.is_in(list(MISSING_WORDS)) | texts.is_in(list(self.extra))
        if absent.any():
            for word, count in raw.filter(absent).value_counts().iter_rows():
                self.words[word] += count
        left = ~absent
        raw, texts, lines = raw.filter(left), texts.filter(left), lines[left.to_numpy()]
        if raw.is_empty():
            return
        self._sample(texts)
        self.padded += int(raw.str.starts_with(" ").sum())
        plain = pl.Series(raw.name, [True]).new_from_index(0, len(raw))
        for kind, pattern in MARKS.items():
            found = texts.str.contains(pattern)
            if found.any():
                self.marked[kind] += int(found.sum())
                # Of spaced numbers, what follows the last group is a decimal mark.
                if kind == "spaced":
                    comma = texts.filter(found).str.contains(",", literal=True).sum()
                    self.marked["spaced comma"] += int(comma)
                plain &= ~found
        others = texts.filter(plain)
        if others.is_empty():
            return
        self._add_dates(others)
        self.others += len(others)
        if len(self.examples) < 3:
            shown = zip(lines[plain.to_numpy()][:3].tolist(), others[:3].to_list(), strict=True)
            self.examples = (self.examples + list(shown))[:3]

    def _sample(self, texts: pl.Series) -> None:
        some = texts.head(_WORD_SAMPLE - self.sample_rows)
        if some.is_empty():
            return
        self.sample_rows += len(some)
        self.sample_distinct += some.n_unique()
        self.sample_letters += float(some.str.len_chars().sum())
        self.sample_words += float(some.str.count_matches(r"\s+").sum()) + len(some)

    def _add_dates(self, texts: pl.Series) -> None:
        if self.others != self.dates or not any(map(looks_like_date, texts[:20].to_list())):
            return  # some earlier value was no date: later ones cannot make it a column of dates
        shapes = date_shapes(texts)
        kinds = shapes.unique().to_list()
        known = {kind: date_format(kind, "day first") for kind in kinds[:200]}
        fits = shapes.is_in([kind for kind, form in known.items() if form])
        self.dates += int(fits.sum())
        if not fits.all():
            return
        self.zones += int(shapes.is_in([k for k, form in known.items() if form and form[1]]).sum())
        twofold = [kind for kind in kinds if kind[0] == "9" and "B" not in kind]
        for order in ("day first", "month first") if twofold else ("year first",):
            self.failing[order] += convert_dates(texts, order).null_count()
        if twofold:
            self.ambiguous_dates += int(shapes.is_in(twofold).sum())
            self.short_years += int(shapes.str.contains(r"^9/9/9\b").sum())

    @property
    def is_plain_number(self) -> bool:
        """Whether all values are numbers in the notation of programs."""
        return (
            self.numbers > 0
            and not self.marked
            and not self.others
            and not self.leading_zeros
            and not self.long_integers
        )

    @property
    def is_marked_number(self) -> bool:
        """Whether all values are numbers and some hold decimal commas or thousands marks."""
        return (
            bool(self.marked)
            and not self.others
            and not self.leading_zeros
            and not self.long_integers
        )

    @property
    def is_date(self) -> bool:
        """Whether all values have the shape of a date."""
        return bool(self.dates) and self.dates == self.others and not (self.numbers or self.marked)


def _means_missing(word: str, known: frozenset[str], extra: frozenset[str]) -> bool:
    text = word.strip()
    if text in extra:
        return True
    return text in known if known is CATEGORY_MISSING else text.lower() in known


def missing_words(evidence: Evidence, type: ColumnType) -> dict[str, int]:
    """Return the words that mean "missing" in a column of that type, with their rows."""
    known = CATEGORY_MISSING if type in ("category", "text") else MISSING_WORDS
    found = {
        word: count
        for word, count in evidence.words.items()
        if _means_missing(word, known, evidence.extra)
    }
    return dict(sorted(found.items()))


def decide(
    evidence: Sequence[Evidence],
    *,
    reading: Reading,
    forced: Mapping[str, ColumnType],
    separator: str,
) -> tuple[tuple[ColumnReading, ...], list[str]]:
    """Return how each column is read, and notes on everything that was not plain."""
    notes: list[str] = []
    decimal = _file_decimal(evidence, reading)
    dates = _file_dates(evidence, reading)
    columns = []
    for one in evidence:
        type = forced.get(one.name)
        if type is None:
            column = _infer(one, decimal, dates, reading, separator, notes)
        else:
            column = _as_told(one, type, decimal, dates, reading, separator, notes)
        if column.type in ("category", "text") and _is_padded(one):
            column = ColumnReading(name=one.name, type=column.type, padded=True)
            notes.append(f"{one.name}: every value begins with a blank: taken off")
        columns.append(column)
    return tuple(columns), notes


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
    return bool(one.marked["comma"] or one.marked["spaced comma"])


def _file_dates(evidence: Sequence[Evidence], reading: Reading) -> DateOrder:
    """Return the one order of day and month that columns prove, the user's word first."""
    if reading.dates:
        return reading.dates
    proven: set[DateOrder] = set()
    for one in evidence:
        if one.is_date and one.ambiguous_dates:
            days, months = one.failing["day first"], one.failing["month first"]
            if not days and months:
                proven.add("day first")
            elif days and not months:
                proven.add("month first")
    return proven.pop() if len(proven) == 1 else ""


def _infer(
    one: Evidence,
    decimal: Literal["", ".", ","],
    dates: DateOrder,
    reading: Reading,
    separator: str,
    notes: list[str],
) -> ColumnReading:
    if not one.values:
        notes.append(f"{one.name}: has no values")
        return ColumnReading(name=one.name, type="category")
    if one.kinds and one.kinds <= {"boolean", "null"}:
        return ColumnReading(name=one.name, type="boolean")
    if not one.declared and (one.is_plain_number or one.is_marked_number):
        column = _number(one, decimal, separator, notes)
        if column is not None:
            return column
    if one.is_date:
        column = _date(one, dates, notes)
        if column is not None:
            return column
    _say_why_not_number(one, notes)
    return ColumnReading(name=one.name, type=_words_or_text(one))


def _words_or_text(one: Evidence) -> ColumnType:
    """Free text has many distinct values of several words."""
    if one.numbers or not one.sample_rows:
        return "category"
    distinct = one.sample_distinct / one.sample_rows
    words, letters = one.sample_words / one.sample_rows, one.sample_letters / one.sample_rows
    return "text" if distinct > 0.5 and words >= 4 and letters >= 20 else "category"


def _number(
    one: Evidence, decimal: Literal["", ".", ","], separator: str, notes: list[str]
) -> ColumnReading | None:
    """Return how a column of numbers is read; None where its marks contradict one another."""
    if one.infinite:
        notes.append(f"{one.name}: {one.infinite} values are infinite")
    whole = one.integers == one.numbers
    if not one.marked:
        grouped = bool(one.grouped_points) and one.grouped_points == one.points
        if decimal == "," and grouped and one.points + one.integers == one.numbers:
            notes.append(f"{one.name}: points are thousands marks, as elsewhere in the file")
            return ColumnReading(
                name=one.name, type="number", decimal=",", thousands=".", whole=True
            )
        return ColumnReading(name=one.name, type="number", whole=whole)
    comma = _proves_comma(one)
    point = bool(one.marked["point"]) or one.points > one.grouped_points
    if comma and point:
        notes.append(f"{one.name}: decimal commas and decimal points are mixed: kept as category")
        return None
    spaced = bool(one.marked["spaced"])
    if not comma and not point and one.marked["either"]:
        mark: Literal[".", ","] = decimal or ("," if separator == ";" else ".")  # type: ignore[assignment]
        comma, point = mark == ",", mark == "."
        if not decimal:
            as_ = "a decimal comma" if comma else "a thousands mark"
            notes.append(
                f'{one.name}: numbers such as "1,234" can be read in two ways: the comma is read'
                f" as {as_} (set reading.decimal to choose)"
            )
    if comma:
        thousands = " " if spaced else "." if one.points or one.marked["comma"] else ""
        notes.append(f"{one.name}: numbers have decimal commas")
        return ColumnReading(name=one.name, type="number", decimal=",", thousands=thousands)
    thousands = " " if spaced else ","
    notes.append(f"{one.name}: numbers have thousands marks ({thousands!r}): taken off")
    return ColumnReading(name=one.name, type="number", thousands=thousands)


def _date(one: Evidence, dates: DateOrder, notes: list[str]) -> ColumnReading | None:
    """Return how a column of dates is read; None where no one order fits all of them."""
    order: DateOrder = "year first"
    if one.ambiguous_dates:
        days, months = one.failing["day first"], one.failing["month first"]
        if days and months:
            if min(days, months) < one.dates // 2:
                notes.append(
                    f"{one.name}: {min(days, months)} of {one.dates} dates do not exist in the"
                    " order of the others: kept as category"
                )
            return None
        order = "day first" if not days else "month first"
        if not days and not months:
            slashed = any("/" in text for _, text in one.examples)
            order = dates if dates in ("day first", "month first") else ""
            if not order:
                order = "month first" if slashed else "day first"
                notes.append(
                    f"{one.name}: day and month cannot be told apart (no number above 12): read"
                    f" as {order} (set reading.dates to choose)"
                )
        else:
            notes.append(f"{one.name}: dates are written {order}")
    elif one.failing["year first"]:
        notes.append(
            f"{one.name}: {one.failing['year first']} dates do not exist: kept as category"
        )
        return None
    if one.zones:
        notes.append(f"{one.name}: times with a zone are turned to UTC")
    if one.short_years:
        notes.append(f"{one.name}: years of two digits are taken as 1970 to 2069")
    return ColumnReading(name=one.name, type="timestamp", dates=order)


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
    elif one.numbers >= 0.5 * one.values and one.others:
        shown = ", ".join(f"{text!r} on line {line}" for line, text in one.examples)
        notes.append(
            f"{one.name}: {one.others} of {one.values} values are not numbers ({shown}): kept as"
            " category"
        )


def _as_told(
    one: Evidence,
    type: ColumnType,
    decimal: Literal["", ".", ","],
    dates: DateOrder,
    reading: Reading,
    separator: str,
    notes: list[str],
) -> ColumnReading:
    """Return how a column becomes the type that it was told to have."""
    if type == "number":
        column = _number(one, decimal, separator, notes) if one.numbers or one.marked else None
        return column or ColumnReading(name=one.name, type="number", decimal=decimal or ".")
    if type == "timestamp":
        column = _date(one, dates, notes) if one.is_date else None
        return column or ColumnReading(name=one.name, type="timestamp", dates=dates)
    return ColumnReading(name=one.name, type=type)
