"""The values that a search for personal data looks at, and what such a search hands back."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
import numpy as np
import polars as pl

from evermodel.data.naming import words

__all__ = ["LONGEST", "MOST", "Drawn", "Finding", "draw", "masked"]

MOST = 20_000
LONGEST = 2_000
_WORDY = r"\p{L}{2}.*[\s:]|[\s:].*\p{L}{2}"


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """Distinct values of one column as texts, each with the first row (from 0) that holds it.

    `written` is False where the column holds whole numbers; `complete` says that every value of
    the column was drawn; `digits` counts the digits of each value; `texts` marks the values that
    hold words rather than one number or code.
    """

    name: str
    values: pl.Series
    rows: pl.Series
    written: bool
    complete: bool
    digits: pl.Series
    texts: pl.Series

    @property
    def n(self) -> int:
        """How many values were drawn."""
        return self.values.len()

    @property
    def words(self) -> frozenset[str]:
        """The words of the column's name without numbers behind them, and the name as one word."""
        found = [word.rstrip("0123456789") or word for word in words(self.name)]
        return frozenset((*found, "".join(found)))


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: `hits` marks the values, `found` holds the found parts of some of them.

    `needed` is the share of the values that had to be hit; 0 where a single one is enough.
    """

    kind: str
    said: str
    hits: pl.Series
    found: tuple[str, ...] = ()
    within: bool = False
    basis: Literal["form", "check digits", "name and form", "name", "model"] = "form"
    verdict: Literal["pass", "warn", "unknown"] = "warn"
    detail: dict[str, Any] = {}
    needed: float = 0.0


def draw(series: pl.Series, *, seed: int = 0, most: int = MOST) -> Drawn | None:
    """Return at most so many distinct values of a column; None where it holds no texts or counts.

    The values with the smallest hashes are drawn: a uniform sample of the distinct values, however
    often each occurs, at the cost of one pass (Cohen 1997, "Size-Estimation Framework"; Bar-Yossef
    et al. 2002). The same seed draws the same values under the same version of polars. Texts are
    trimmed and cut at 2,000 letters.

    Examples
    --------
    >>> drawn = draw(pl.Series("a", ["x", None, " y", "x"]))
    >>> drawn.values.to_list(), drawn.rows.to_list(), drawn.complete
    (['x', 'y'], [0, 2], True)
    >>> draw(pl.Series("b", [1.5, 2.5])) is None
    True
    """
    if isinstance(series.dtype, (pl.Categorical, pl.Enum)):
        series = series.cast(pl.String)
    if not (series.dtype == pl.String or series.dtype.is_integer() or _whole(series)):
        return None
    table, complete = _distinct(series, seed, most)
    drawn = table.get_column("value")
    written = drawn.dtype == pl.String
    if drawn.dtype.is_float():
        drawn = drawn.cast(pl.Int64, strict=False)
    values = drawn.cast(pl.String).str.head(LONGEST).str.strip_chars()
    known = values.is_not_null() & (values != "")
    values = values.filter(known).alias(series.name)
    return Drawn(
        name=series.name,
        values=values,
        rows=table.get_column("row").filter(known),
        written=written,
        complete=complete,
        digits=values.str.count_matches(r"\d"),
        texts=values.str.contains(_WORDY),
    )


def _whole(series: pl.Series) -> bool:
    """Say whether a column of decimal numbers holds whole ones, as gaps make of phone numbers."""
    if not series.dtype.is_float():
        return False
    some = series.drop_nulls().head(1000)
    for part in (some, series):
        known = part.filter(part.is_finite())
        if known.is_empty() or not bool((known == known.floor()).all()):
            return False
    return True


def _distinct(series: pl.Series, seed: int, most: int) -> tuple[pl.DataFrame, bool]:
    hashes = series.hash(seed).to_numpy()
    share = min(1.0, 4.0 * most / max(1, series.len()))
    while True:
        below = np.flatnonzero(hashes <= np.uint64(int(share * (2**64 - 1)) & (2**64 - 1)))
        rows = below if share < 1.0 else np.arange(series.len())
        table = pl.DataFrame({"row": rows, "hash": hashes[rows]}).unique("hash", keep="first")
        if table.height >= most or share >= 1.0:
            break
        share = min(1.0, share * 8.0)
    complete = share >= 1.0 and table.height <= most
    table = table.bottom_k(most, by="hash").sort("row")
    table = table.with_columns(value=series.gather(table.get_column("row")))
    return table.filter(pl.col("value").is_not_null()), complete


def masked(text: str) -> str:
    """Return a text with every letter and digit hidden: its form can be seen and nothing else.

    Examples
    --------
    >>> masked("ada@example.org"), masked("+44 20 7946 0958")
    ('***@*******.***', '+** ** **** ****')
    """
    return re.sub(r"[^\W_]", "*", text)[:80]
