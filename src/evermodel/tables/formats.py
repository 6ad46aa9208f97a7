"""How values are written: 'AB-12' has the format 'AA-99', or 'A+-9+' where lengths vary."""

from __future__ import annotations

import polars as pl

__all__ = ["Formats", "written"]

FORMATS = 40
_LONGEST = 60
_ANY = "any"


def written(words: pl.Series, detail: int = 0) -> pl.Series:
    """Return the format of each text: A is a capital, a another letter, 9 a digit.

    Each further `detail` says less: 1 puts + for one or more of a kind, 2 puts x+ for letters
    and digits in any mixture, 3 is the same for all texts.

    Examples
    --------
    >>> [written(pl.Series(["AB-12x"]), detail)[0] for detail in range(4)]
    ['AA-99a', 'A+-9+a+', 'x+-x+', 'any']
    """
    short = words.str.head(_LONGEST)
    signs = (
        short.str.replace_all(r"\p{Lu}", "A")
        .str.replace_all(r"[\p{Ll}\p{Lo}\p{Lt}\p{Lm}]", "a")
        .str.replace_all(r"\p{N}", "9")
        .str.replace_all(r"\s", " ")
    )
    for step in range(1, detail + 1):
        signs = _coarser(signs, step)
    return signs


def _coarser(formats: pl.Series, detail: int) -> pl.Series:
    if detail == 1:
        for sign in "Aa9 ":
            runs = " " if sign == " " else f"{sign}+"
            formats = formats.str.replace_all(f"{sign}+", runs)
        return formats
    if detail == 2:
        return formats.str.replace_all(r"(?:[Aa9]\+)+", "x+")
    return formats.str.replace_all(r"(?s)^.*$", _ANY)


class Formats:
    """Exact rows of each format, in as much detail as leaves no more than `limit` formats.

    The detail depends on the content alone, so order and parts do not matter.

    Examples
    --------
    >>> formats = Formats()
    >>> formats.add(pl.DataFrame({"value": ["A1", "B2", "c"], "rows": [1, 1, 5]}))
    >>> formats.counted()
    [('a', 5), ('A9', 2)]
    """

    def __init__(self, limit: int = FORMATS) -> None:
        self.limit = limit
        self.detail = 0
        self._table = pl.DataFrame(schema={"value": pl.String, "rows": pl.Int64})

    def add(self, counts: pl.DataFrame) -> None:
        """Add the rows of texts: a table of `value` and `rows`."""
        if counts.height:
            formats = written(counts["value"], self.detail).alias("value")
            self._join(pl.DataFrame([formats, counts["rows"].cast(pl.Int64)]))

    def merge(self, other: Formats) -> None:
        """Add all that another has counted."""
        table = other._table
        detail = max(self.detail, other.detail)
        self._table = _at(self._table, self.detail, detail)
        self.detail = detail
        self._join(_at(table, other.detail, detail))

    def counted(self) -> list[tuple[str, int]]:
        """Return the formats, those of most rows first."""
        return list(self._table.sort(["rows", "value"], descending=[True, False]).iter_rows())

    def _join(self, table: pl.DataFrame) -> None:
        whole = pl.concat([self._table, table])
        self._table = whole.group_by("value").agg(pl.col("rows").sum())
        while self._table.height > self.limit:
            self._table = _at(self._table, self.detail, self.detail + 1)
            self.detail += 1


def _at(table: pl.DataFrame, now: int, then: int) -> pl.DataFrame:
    """Return the same rows in less detail."""
    for step in range(now + 1, then + 1):
        table = table.with_columns(_coarser(table["value"], step))
    return table.group_by("value").agg(pl.col("rows").sum())
