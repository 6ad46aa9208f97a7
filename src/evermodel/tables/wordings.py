"""All that a summary says of categories, free texts and booleans, gathered batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from evermodel.errors import DataError
from evermodel.records import ColumnType
from evermodel.tables.formats import Formats
from evermodel.tables.numbers import Numbers
from evermodel.tables.profiles import TOP_VALUES, ColumnProfile
from evermodel.tables.sketches import EXACT, Distinct, Frequent, text_hashes
from evermodel.tables.summarised import ColumnSummary, ValueCount, WordSummary

__all__ = ["WordColumn"]

_TOP_TEXTS = 1_024
_LONG = 200  # longer texts are told apart by so many characters where values are counted


class WordColumn:
    """Categories, free texts and booleans.

    While few values differ, a table of their rows is all that is kept, and the rest is worked out
    from it at the end. Beyond that lengths, formats and hashes are gathered batch by batch.
    """

    def __init__(self, name: str, kind: ColumnType, like: ColumnProfile | None) -> None:
        self.name, self.kind, self.like = name, kind, like
        self.rows = self.missing = 0
        limit = _TOP_TEXTS if kind == "text" else EXACT
        self.seen = Frequent(limit, pl.String)
        self.beyond = _Beyond(kind, like) if kind == "text" else None
        self.known: dict[str, int] = dict.fromkeys(like.values, 0) if like else {}
        self._waiting: list[pl.DataFrame] = []
        self._held = 0

    def add(self, series: pl.Series) -> None:
        """Add a batch."""
        self.rows += len(series)
        self.missing += series.null_count()
        if series.null_count() == len(series):
            return
        counts = _word_counts(series, self.kind)
        self._waiting.append(counts)
        self._held += counts.height
        if self._held > self.seen.limit or self.kind == "text":
            self._settle()

    def merge(self, other: WordColumn) -> None:
        """Add all that another has seen."""
        self._settle()
        other._settle()
        self.rows += other.rows
        self.missing += other.missing
        for word, n in other.known.items():
            self.known[word] += n
        if self.beyond is None and other.beyond is None:
            self._gather(other.seen.table, other.seen.table)
            return
        self.beyond = self._rest()
        self.beyond.merge(other._rest())
        self.seen.merge(other.seen)

    def result(self) -> ColumnSummary:
        """Return what was gathered."""
        self._settle()
        rest = self._rest()
        distinct, error = rest.distinct.estimate()
        top = [(v, n) for v, n in self.seen.top(TOP_VALUES) if n > self.seen.lost]
        return ColumnSummary(
            name=self.name,
            type=self.kind,
            rows=self.rows,
            missing=self.missing,
            distinct=min(distinct, self.rows - self.missing),
            distinct_error=error,
            top=tuple(ValueCount(value=str(v), rows=n) for v, n in top),
            top_error=self.seen.lost,
            words=None if self.kind == "boolean" else rest.result(),
        )

    def profile(self) -> ColumnProfile:
        """Return the profile of what was gathered."""
        self._settle()
        said: dict[str, Any]
        distinct: int | None = None
        if self.kind == "text":
            numbers = self._rest().lengths
            said = numbers.profile()
            distinct = len(numbers.cells.places)
        else:
            top = self.seen.top(TOP_VALUES)
            words = self.known if self.like is not None else {str(v): n for v, n in top}
            other = self.rows - self.missing - sum(words.values())
            said = {"values": tuple(words), "value_counts": tuple(words.values()), "other": other}
            if self.like is None:
                found = self._rest().distinct.estimate()[0]
                distinct = min(found, self.rows - self.missing)
        return ColumnProfile(
            name=self.name,
            type=self.kind,
            rows=self.rows,
            missing=self.missing,
            distinct=None if self.like is not None else distinct,
            **said,
        )

    def _settle(self) -> None:
        """Take in the batches that wait; few large tables are joined sooner than many small."""
        if not self._waiting:
            return
        counts = pl.concat(self._waiting).group_by("value").agg(pl.col("rows").sum())
        self._waiting, self._held = [], 0
        if self.known:
            told = counts.filter(pl.col("value").is_in(list(self.known)))
            for word, n in told.iter_rows():
                self.known[word] += n
        shown = counts
        if (counts["value"].str.len_bytes() > _LONG).any():
            self.beyond = self._rest()
            short = counts.with_columns(pl.col("value").str.head(_LONG))
            shown = short.group_by("value").agg(pl.col("rows").sum())
        self._gather(counts, shown)

    def _gather(self, counts: pl.DataFrame, shown: pl.DataFrame) -> None:
        if self.beyond is None and self.seen.table.height + counts.height > self.seen.limit:
            # Looked at before the table overflows, while it still knows all.
            every = pl.concat([self.seen.table["value"], counts["value"]])
            if every.n_unique() > self.seen.limit:
                self.beyond = self._rest()
        if self.beyond is not None:
            self.beyond.add(counts)
        self.seen.add(shown)

    def _rest(self) -> _Beyond:
        if self.beyond is not None:
            return self.beyond
        rest = _Beyond(self.kind, self.like)
        rest.add(self.seen.table)
        return rest


class _Beyond:
    """What can be said of texts without keeping them."""

    def __init__(self, kind: ColumnType, like: ColumnProfile | None) -> None:
        self.distinct = Distinct()
        self.lengths = Numbers(like if kind == "text" else None)
        self.formats = Formats() if kind == "category" else None
        self.blank = 0

    def add(self, counts: pl.DataFrame) -> None:
        words, rows = counts["value"], counts["rows"].to_numpy().astype(np.int64)
        if not len(words):
            return
        self.distinct.add(text_hashes(words))
        self.lengths.add(words.str.len_chars().to_numpy().astype(np.float64), rows)
        self.blank += int(rows[(words.str.strip_chars() == "").to_numpy()].sum())
        if self.formats is not None:
            self.formats.add(counts)

    def merge(self, other: _Beyond) -> None:
        self.distinct.merge(other.distinct)
        self.lengths.merge(other.lengths)
        self.blank += other.blank
        if self.formats is not None and other.formats is not None:
            self.formats.merge(other.formats)

    def result(self) -> WordSummary:
        formats = self.formats.counted() if self.formats is not None else []
        return WordSummary(
            lengths=self.lengths.result(),
            blank=self.blank,
            formats=tuple(ValueCount(value=value, rows=n) for value, n in formats),
            detail=self.formats.detail if self.formats is not None else 0,
        )


def _word_counts(series: pl.Series, kind: ColumnType) -> pl.DataFrame:
    if kind == "text" and series.dtype != pl.String:
        what = f"column {series.name!r} is not a {kind}"
        raise DataError(what, found=str(series.dtype), hint="read it with that type")
    counts = series.drop_nulls().alias("value").value_counts(name="rows")
    return pl.DataFrame([counts["value"].cast(pl.String), counts["rows"].cast(pl.Int64)])
