"""What all values of a column say about its type, gathered batch by batch, and the verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import cast

import numpy as np
import polars as pl

from evermodel.tables.dates import (
    LIKE_DATE,
    common_shape,
    convert_dates,
    date_part,
    date_shapes,
    has_short_year,
    is_date_shape,
    is_twofold,
    looks_like_date,
    serial_dates,
)
from evermodel.tables.understanding import ColumnReading, DateOrder
from evermodel.tables.values import (
    CATEGORY_MISSING,
    MARKS,
    MISSING_WORDS,
    amounts,
    sign_of,
    stripped,
)

__all__ = ["ORDERS", "Evidence", "Writing", "missing_words"]

_WORD_SAMPLE = 10_000
_MOST_WORDS = 20
_GROUPED = r"^[+-]?[1-9]\d{0,2}(\.\d{3})+$"
_NEAR = timedelta(days=366)
ORDERS: tuple[DateOrder, ...] = ("year first", "day first", "month first")


@dataclass(frozen=True, slots=True)
class _Part:
    """Texts with the number of rows that each stands for, and the line of the first of these."""

    raw: pl.Series
    texts: pl.Series
    weights: np.ndarray
    lines: np.ndarray
    distinct: bool

    @classmethod
    def of(cls, series: pl.Series, lines: np.ndarray) -> _Part:
        """Return the texts of a column, each once where this saves work."""
        frame = pl.DataFrame({"raw": series, "line": lines})
        if series.null_count():
            frame = frame.drop_nulls("raw")
        distinct = frame.height > 1_000 and _distinct(frame["raw"]) * 4 < frame.height
        if distinct:
            frame = (
                frame.group_by("raw")
                .agg(pl.len().alias("weight"), pl.col("line").first())
                .sort("line")
            )
            weights = frame["weight"].to_numpy().astype(np.int64)
        else:
            weights = np.ones(frame.height, np.int64)
        raw = frame["raw"]
        return cls(raw, stripped(raw), weights, frame["line"].to_numpy(), distinct)

    def filter(self, mask: pl.Series) -> _Part:
        """Return some of the texts."""
        places = mask.to_numpy()
        return _Part(
            self.raw.filter(mask),
            self.texts.filter(mask),
            self.weights[places],
            self.lines[places],
            self.distinct,
        )

    def count(self, mask: pl.Series) -> int:
        """Return the number of rows of some of the texts."""
        return int(self.weights[mask.to_numpy()].sum())

    def first(self, number: int) -> list[tuple[int, str]]:
        """Return the first texts with their lines."""
        pairs = zip(self.lines[:number].tolist(), self.raw[:number].to_list(), strict=True)
        return list(pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """One way in which dates are written: how many rows, and the first of them with its line."""

    line: int
    text: str
    rows: int = 0


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
    natives: int = 0
    words: Counter[str] = field(default_factory=Counter)
    numbers: int = 0
    integers: int = 0
    infinite: int = 0
    leading_zeros: int = 0
    long_integers: int = 0
    points: int = 0
    grouped_points: int = 0
    marked: Counter[str] = field(default_factory=Counter)
    dates: int = 0
    twofold_dates: int = 0
    impossible: int = 0
    failing: Counter[str] = field(default_factory=Counter)
    zones: int = 0
    short_years: int = 0
    slashed: int = 0
    dashed_years: int = 0
    writings: dict[str, Writing] = field(default_factory=dict)
    times: list[datetime] = field(default_factory=list)
    serials: int = 0
    serial_times: list[datetime] = field(default_factory=list)
    others: int = 0
    wordy: int = 0
    odd: Counter[str] = field(default_factory=Counter)
    signs: Counter[str] = field(default_factory=Counter)
    amounts: Evidence | None = None
    most_numbers: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)
    padded: int = 0
    sample_rows: int = 0
    sample_distinct: int = 0
    sample_letters: float = 0.0
    sample_words: float = 0.0

    @property
    def all_numbers(self) -> int:
        """The number of values that are numbers, plain or with marks."""
        return self.numbers + sum(self.marked[kind] for kind in MARKS)

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

    def add(self, series: pl.Series, lines: np.ndarray, native: pl.Series | None = None) -> None:
        """Take in the texts of some more rows; `lines` says where each stands.

        Cells that are `native` came with a type: how their numbers are written says nothing.
        """
        self.rows += len(series)
        self.nulls += series.null_count()
        if native is None or not native.any():
            self._take(_Part.of(series, lines))
            return
        self.natives += int(native.sum())
        number = native & series.cast(pl.Float64, strict=False).is_not_null()
        places = number.to_numpy()
        part = _Part.of(series.filter(number), lines[places])
        self._add_numbers(part, part.texts.cast(pl.Float64, strict=False), native=True)
        if not places.all():
            self._take(_Part.of(series.filter(~number), lines[~places]))

    def _take(self, part: _Part) -> None:
        number = part.texts.cast(pl.Float64, strict=False).fill_nan(None)
        is_number = number.is_not_null()
        if self.extra:
            is_number &= ~part.texts.is_in(list(self.extra))
        if not is_number.all():
            self._add_others(part.filter(~is_number))
        self._add_numbers(part.filter(is_number), number.filter(is_number))

    def _add_numbers(self, part: _Part, numbers: pl.Series, *, native: bool = False) -> None:
        if part.texts.is_empty():
            return
        integers = part.texts.cast(pl.Int64, strict=False)
        whole = integers.is_not_null()
        if self.most_numbers <= _MOST_WORDS:
            self.most_numbers = max(self.most_numbers, part.texts.head(_WORD_SAMPLE).n_unique())
        self.numbers += int(part.weights.sum())
        self.integers += part.count(whole)
        self.infinite += part.count(numbers.is_infinite())
        if not whole.all() and not native:
            odd = part.filter(~whole)
            self.long_integers += odd.count(odd.texts.str.contains(r"^[+-]?\d+$"))
            self.points += odd.count(odd.texts.str.contains(".", literal=True))
            self.grouped_points += odd.count(odd.texts.str.contains(_GROUPED))
        self.leading_zeros += part.count(part.texts.str.contains(r"^[+-]?0\d+$"))
        if self.dates:
            self._add_serials(part)

    def _add_serials(self, part: _Part) -> None:
        """Take in numbers that may be days as spreadsheets count them."""
        days = serial_dates(part.texts)
        self.serials += part.count(days.is_not_null())
        self.serial_times = _ends(self.serial_times, days)

    def _add_others(self, part: _Part) -> None:
        lower = part.texts.str.to_lowercase()
        absent = lower.is_in(list(MISSING_WORDS)) | part.texts.is_in(list(self.extra))
        if absent.any():
            gone = part.filter(absent)
            for word, count in zip(gone.raw.to_list(), gone.weights.tolist(), strict=True):
                self.words[word] += count
            part = part.filter(~absent)
        if part.texts.is_empty():
            return
        self._sample(part)
        self.padded += part.count(part.raw.str.starts_with(" "))
        plain = part.texts.is_not_null()
        for kind, pattern in MARKS.items():
            found = part.texts.str.contains(pattern)
            if found.any():
                self.marked[kind] += part.count(found)
                if kind == "spaced":
                    comma = found & part.texts.str.contains(",", literal=True)
                    self.marked["spaced comma"] += part.count(comma)
                plain &= ~found
        if not plain.all():
            if self.most_numbers <= _MOST_WORDS:
                marked = part.texts.filter(~plain).head(_WORD_SAMPLE).n_unique()
                self.most_numbers = max(self.most_numbers, marked)
            part = part.filter(plain)
        if part.texts.is_empty():
            return
        if len(self.examples) < 3:
            odd = part.filter(~part.texts.str.contains(LIKE_DATE))
            self.examples = (self.examples + odd.first(3))[:3]
        digits = part.texts.str.contains(r"\d")
        if not digits.all():
            self._add_words(part.filter(~digits))
            part = part.filter(digits)
        signs = sign_of(part.texts)
        if signs.null_count() < len(signs):
            part = self._add_signed(part, signs)
        if not part.texts.is_empty():
            self._add_dates(part)
            self.others += int(part.weights.sum())

    def _add_words(self, part: _Part) -> None:
        rows = int(part.weights.sum())
        self.wordy += rows
        self.others += rows
        if len(self.odd) > _MOST_WORDS:
            return
        counts = (
            pl.DataFrame({"raw": part.raw, "weight": part.weights}).group_by("raw").agg(pl.sum("*"))
        )
        self.odd.update(dict(counts.sort("raw").head(2 * _MOST_WORDS).iter_rows()))

    def _add_signed(self, part: _Part, signs: pl.Series) -> _Part:
        """Take in the numbers that have a currency, unit or percent sign, and return the rest."""
        bare = part.texts
        for sign in signs.drop_nulls().unique().to_list():
            bare = bare.zip_with(signs.fill_null("") != sign, amounts(bare, sign))
        number = bare.cast(pl.Float64, strict=False).is_not_null()
        for pattern in MARKS.values():
            number |= bare.str.contains(pattern)
        number &= signs.is_not_null()
        if not number.any():
            return part
        some = part.filter(number)
        for sign, rows in zip(signs.filter(number), some.weights.tolist(), strict=True):
            self.signs[sign] += rows
        plain = bare.filter(number)
        self.amounts = self.amounts or Evidence(self.name)
        self.amounts._take(replace(some, raw=plain, texts=plain))
        self.others += int(some.weights.sum())
        return part.filter(~number)

    def _sample(self, part: _Part) -> None:
        """Measure how long and how varied some texts are, as free text is not like a category."""
        if self.sample_rows >= _WORD_SAMPLE:
            return
        some, weights = part.texts.head(_WORD_SAMPLE), part.weights[:_WORD_SAMPLE]
        self.sample_rows += int(weights.sum())
        self.sample_distinct += len(some) if part.distinct else some.n_unique()
        self.sample_letters += float((some.str.len_chars().to_numpy() * weights).sum())
        words = some.str.count_matches(r"\s+").to_numpy() + 1
        self.sample_words += float((words * weights).sum())

    def _add_dates(self, part: _Part) -> None:
        texts = part.texts
        if self.dates * 2 < self.others - self.wordy or not any(
            map(looks_like_date, texts[:20].to_list())
        ):
            return  # most earlier values were no dates: later ones cannot make it a column of dates
        shape = common_shape(texts)
        if is_date_shape(shape):
            found = self._tried(texts, [shape])
            if not _nowhere(found).any():
                self._count_dates(part, [(shape, texts.is_not_null())])
                self._count_failing(part, found)
                return
        shapes = date_shapes(texts)
        kinds = sorted(filter(is_date_shape, shapes.unique().to_list()[:200]))
        fits = shapes.is_in(kinds)
        if not fits.all():
            part, shapes = part.filter(fits), shapes.filter(fits)
        self._count_dates(part, [(kind, shapes == kind) for kind in kinds])
        for open_order in (True, False):
            mine = [kind for kind in kinds if is_twofold(kind) == open_order]
            some = part.filter(shapes.is_in(mine))
            if not some.texts.is_empty():
                self._count_failing(some, self._tried(some.texts, mine))

    def _tried(self, texts: pl.Series, kinds: list[str]) -> dict[DateOrder, pl.Series]:
        """Return the times of texts in every order that their shapes leave open."""
        twofold = [kind for kind in kinds if is_twofold(kind)]
        orders = ORDERS[:1]
        if twofold:
            orders = ORDERS if any(map(has_short_year, twofold)) else ORDERS[1:]
        return {order: convert_dates(texts, order) for order in orders}

    def _count_failing(self, part: _Part, found: dict[DateOrder, pl.Series]) -> None:
        if len(found) == 1:
            self.impossible += part.count(_nowhere(found))
        else:
            for order in ORDERS:
                failed = found[order].is_null() if order in found else None
                rows = int(part.weights.sum()) if failed is None else part.count(failed)
                self.failing[order] += rows
        for times in found.values():
            self.times = _ends(self.times, times)

    def _count_dates(self, part: _Part, found: list[tuple[str, pl.Series]]) -> None:
        for shape, mask in found:
            rows = part.count(mask)
            self.dates += rows
            self.zones += rows if shape.endswith("+9") else 0
            self.twofold_dates += rows if is_twofold(shape) else 0
            short = has_short_year(shape)
            self.short_years += rows if short else 0
            self.dashed_years += rows if short and shape.startswith("9-9") else 0
            self.slashed += rows if "/" in shape else 0
            self._remember(part, shape, mask, rows)

    def _remember(self, part: _Part, shape: str, mask: pl.Series, rows: int) -> None:
        """Count how dates are written, whatever time follows them."""
        date = date_part(shape)
        known = self.writings.get(date)
        if known is None:
            ((line, text),) = part.filter(mask).first(1)
            known = Writing(line=line, text=text)
        if len(self.writings) < _MOST_WORDS or date in self.writings:
            self.writings[date] = replace(known, rows=known.rows + rows)

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
        if not self.dates or self.dates != self.others or self.marked:
            return False
        return not self.numbers or (self.has_serials and self.numbers == self.serials)

    @property
    def has_serials(self) -> bool:
        """Whether numbers among dates are days as spreadsheets count them, by when they are."""
        if not self.serials or self.serials > self.dates or not self.times:
            return False
        (low, high), (first, last) = self.times, self.serial_times
        return low - _NEAR <= first and last <= high + _NEAR


def _nowhere(found: dict[DateOrder, pl.Series]) -> pl.Series:
    """Return which texts are a time in none of the orders."""
    failed = [times.is_null() for times in found.values()]
    return reduce(and_, failed)


def _ends(known: list[datetime], times: pl.Series) -> list[datetime]:
    """Return the first and the last of all times, none where there are none."""
    every = [*known, *(one for one in (times.min(), times.max()) if isinstance(one, datetime))]
    return [min(every), max(every)] if every else []


def _distinct(values: pl.Series) -> int:
    """Return about how many distinct texts there are."""
    return cast("int", values.approx_n_unique())


def _means_missing(word: str, known: frozenset[str], extra: frozenset[str]) -> bool:
    text = word.strip()
    if text in extra:
        return True
    return text in known if known is CATEGORY_MISSING else text.lower() in known


def missing_words(evidence: Evidence, how: ColumnReading) -> dict[str, int]:
    """Return the words that mean "missing" in a column that is read so, with their rows."""
    known = CATEGORY_MISSING if how.type in ("category", "text") else MISSING_WORDS
    found = {
        word: count
        for word, count in evidence.words.items()
        if _means_missing(word, known, evidence.extra)
    }
    found |= {word: n for word, n in evidence.odd.items() if word.strip() in how.missing}
    return dict(sorted(found.items()))
