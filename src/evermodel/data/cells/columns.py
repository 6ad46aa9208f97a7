"""A column of texts seen once: its distinct values, how often each stands there, and its shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.intake import numbers

__all__ = ["MOMENT", "Bools", "Floats", "Ints", "Values", "read_columns"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOMENT = (
    r"\d{1,2}:\d{2}|\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b"
    r"|\b\d{4}/\d{1,2}/\d{1,2}\b"
    r"|\b\d{1,2}[- ](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*[- ]\d{2,4}"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{1,2},? \d{4}"
)
_LONG = 60
_WORDY = 5.0


@dataclass(frozen=True)
class Values:
    """One column: `codes` point from rows to `texts`, the distinct values without outer blanks.

    `counts` says in how many rows each distinct value stands, `empty` which code is "" (-1: none).
    """

    name: str
    place: int
    codes: Ints
    texts: list[str]
    counts: Ints
    empty: int

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.codes.size)

    @cached_property
    def filled(self) -> int:
        """The number of rows that are not empty."""
        return self.rows - (int(self.counts[self.empty]) if self.empty >= 0 else 0)

    @cached_property
    def numbers(self) -> Floats:
        """The distinct values as numbers, nan where a value is none."""
        read = numbers(pl.Series(self.texts, dtype=pl.String)).to_numpy().astype(np.float64)
        read[~np.isfinite(read)] = np.nan
        return read

    @cached_property
    def shapes(self) -> list[str]:
        """The distinct values as patterns: a run of digits is 9, of letters a or A, of blanks _."""
        return _patterns(self.texts)

    @cached_property
    def where(self) -> dict[str, int]:
        """The code of each distinct value."""
        return {text: code for code, text in enumerate(self.texts)}

    @cached_property
    def numeric_share(self) -> float:
        """The share of the filled rows that are plain numbers."""
        return float(self.counts[~np.isnan(self.numbers)].sum()) / max(1, self.filled)

    @cached_property
    def decimal(self) -> bool:
        """Whether these are measured numbers rather than codes or counts."""
        known = self.numbers[~np.isnan(self.numbers)]
        return self.numeric_share >= 0.8 and bool((known != np.floor(known)).mean() > 0.05)

    @cached_property
    def alone(self) -> float:
        """The share of the filled rows whose value stands in no other row."""
        once = int((self.counts == 1).sum()) - (self.empty >= 0 and self.counts[self.empty] == 1)
        return once / max(1, self.filled)

    @cached_property
    def prose(self) -> bool:
        """Whether these are free texts: long or of many words, and hardly ever the same."""
        some = [text for text in self.texts[:2000] if text]
        if not some or self.alone < 0.5:
            return False
        length = float(np.mean([len(text) for text in some]))
        spaces = float(np.mean([text.count(" ") for text in some]))
        return length > _LONG or spaces > _WORDY

    @cached_property
    def moment(self) -> bool:
        """Whether most cells tell a date or a time of day."""
        if self.prose or self.numeric_share > 0.2:
            return False
        some = pl.Series(self.texts[:3000], dtype=pl.String)
        like = (some.str.contains(MOMENT) & (some.str.len_chars() < 60)).to_numpy()
        counts = self.counts[:3000]
        filled = int(counts.sum()) - (int(counts[self.empty]) if 0 <= self.empty < 3000 else 0)
        return bool(like.any()) and int(counts[like].sum()) >= 0.7 * filled

    @cached_property
    def worded(self) -> Bools:
        """Which distinct values hold a letter."""
        return pl.Series(self.texts, dtype=pl.String).str.contains(r"\p{L}").to_numpy()

    def rows_of(self, codes: Sequence[int] | Ints) -> Ints:
        """Return the rows in which any of these distinct values stands."""
        wanted = np.zeros(len(self.texts), dtype=np.bool_)
        wanted[np.asarray(codes, dtype=np.int64)] = True
        return np.flatnonzero(wanted[self.codes])

    def tally(self, labels: Sequence[str]) -> dict[str, int]:
        """Return the number of filled rows of each label of a distinct value."""
        found: dict[str, int] = {}
        for code, label in enumerate(labels):
            if code != self.empty:
                found[label] = found.get(label, 0) + int(self.counts[code])
        return found


def read_columns(frame: pl.DataFrame) -> list[Values]:
    """Return the columns of a frame of texts.

    Examples
    --------
    >>> [column] = read_columns(pl.DataFrame({"a": ["x", "y ", "x", ""]}))
    >>> column.texts, column.codes.tolist(), column.counts.tolist(), column.filled
    (['x', 'y', ''], [0, 1, 0, 2], [2, 1, 1], 3)
    """
    return [_read(frame.get_column(name), place) for place, name in enumerate(frame.columns)]


def _read(series: pl.Series, place: int) -> Values:
    plain = series.fill_null("").str.strip_chars()
    counted = plain.to_frame("v").group_by("v", maintain_order=True).len(name="n")
    texts = counted.get_column("v")
    codes = plain.replace_strict(texts, np.arange(texts.len()), return_dtype=pl.Int64)
    found = texts.to_list()
    return Values(
        name=series.name,
        place=place,
        codes=codes.to_numpy(),
        texts=found,
        counts=counted.get_column("n").to_numpy().astype(np.int64),
        empty=found.index("") if "" in found else -1,
    )


def _patterns(texts: Sequence[str]) -> list[str]:
    series = pl.Series(texts, dtype=pl.String).str.slice(0, 100)
    return (
        series.str.replace_all(r"\p{Nd}+", "9")
        .str.replace_all(r"\p{Ll}+", "a")
        .str.replace_all(r"\p{Lu}+", "A")
        .str.replace_all(r"\s+", "_")
        .to_list()
    )
