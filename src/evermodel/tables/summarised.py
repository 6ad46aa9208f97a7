"""What a summary of a table says, as records."""

from __future__ import annotations

import math

from evermodel.errors import DataError
from evermodel.records import ColumnType, Record

__all__ = [
    "SHARES",
    "ColumnSummary",
    "Correlation",
    "Histogram",
    "NumberSummary",
    "Summary",
    "ValueCount",
    "WordSummary",
]

SHARES = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)


class ValueCount(Record, frozen=True, kw_only=True):
    """A value (or a format) and its rows."""

    value: str
    rows: int


class Histogram(Record, frozen=True, kw_only=True):
    """Rows in bins: bin i counts ``edges[i-1] < value <= edges[i]``, exactly."""

    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


class NumberSummary(Record, frozen=True, kw_only=True):
    """Summary of numbers; of finite ones only, and infinite ones are counted beside.

    `sd` and `skew` are those of the rows as they are (divided by n). `quantiles` belong to
    `SHARES`; the share of rows at or below each is right within `rank_error`, which is 0 where
    they are exact. It is large only where numbers crowd in several places of very different
    size, such as fractions and seconds since 1970 in one column. `whole` counts the numbers
    without a fraction.
    """

    n: int = 0
    mean: float | None = None
    sd: float | None = None
    skew: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    minus_infinite: int = 0
    plus_infinite: int = 0
    zeros: int = 0
    negatives: int = 0
    whole: int = 0
    quantiles: tuple[float, ...] = ()
    rank_error: float = 0.0
    equal_mass: Histogram = Histogram()
    equal_width: Histogram = Histogram()

    def quantile(self, share: float) -> float:
        """Return one of the quantiles.

        Raises
        ------
        KeyError
            When there are no numbers, or the share is not one of `SHARES`.
        """
        if not self.quantiles or share not in SHARES:
            raise KeyError(share)
        return self.quantiles[SHARES.index(share)]


class WordSummary(Record, frozen=True, kw_only=True):
    """Summary of texts: their lengths in characters, blank ones, and how they are written.

    `formats` are counted exactly; `detail` says how much they leave out (see `formats.written`).
    Free text has none.
    """

    lengths: NumberSummary = NumberSummary()
    blank: int = 0
    formats: tuple[ValueCount, ...] = ()
    detail: int = 0


class ColumnSummary(Record, frozen=True, kw_only=True):
    """Summary of one column.

    `distinct` is right within the share `distinct_error` at 95 per cent, 0 where it is exact.
    A value has at most `top_error` rows more than `top` says, 0 where it is exact; values of no
    more rows than that are left out. Texts of more than 200 characters are told apart there by
    the first 200. `numbers` are there for numbers and timestamps (seconds since 1970, UTC),
    `words` for texts. `first` and `last` are the range of a timestamp. Where a column is
    `of_persons` its values were taken out.
    """

    name: str
    type: ColumnType
    rows: int
    missing: int
    distinct: int
    distinct_error: float = 0.0
    top: tuple[ValueCount, ...] = ()
    top_error: int = 0
    numbers: NumberSummary | None = None
    words: WordSummary | None = None
    first: str = ""
    last: str = ""
    of_persons: bool = False

    @property
    def present(self) -> int:
        """The number of rows that have a value."""
        return self.rows - self.missing


class Correlation(Record, frozen=True, kw_only=True):
    """Pearson's correlation of two columns over the `n` rows that have both, with its interval.

    The interval is Fisher's (Metron 1, 1921), at 95 per cent, for columns near a normal
    distribution; `r` is None where one of them does not vary.
    """

    first: str
    second: str
    r: float | None
    n: int
    low: float | None = None
    high: float | None = None


class Summary(Record, frozen=True, kw_only=True):
    """Summaries of the columns of a table, in order, and the correlations of its numbers."""

    rows: int
    columns: tuple[ColumnSummary, ...]
    correlated: tuple[str, ...] = ()
    correlations: tuple[tuple[float | None, ...], ...] = ()
    pairs: tuple[tuple[int, ...], ...] = ()

    def __getitem__(self, name: str) -> ColumnSummary:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def correlation(self, first: str, second: str) -> Correlation:
        """Return the correlation of two columns of numbers.

        Raises
        ------
        DataError
            When one of them is not among `correlated`.
        """
        for name in (first, second):
            if name not in self.correlated:
                what = f"column {name!r} has no correlations"
                raise DataError(what, found=", ".join(self.correlated[:20]))
        i, j = self.correlated.index(first), self.correlated.index(second)
        r, n = self.correlations[i][j], self.pairs[i][j]
        low = high = None
        if r is not None and n > 3:
            if abs(r) == 1.0:
                low = high = r
            else:
                reach = 1.959963984540054 / math.sqrt(n - 3)
                low, high = math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach)
        return Correlation(first=first, second=second, r=r, n=n, low=low, high=high)
