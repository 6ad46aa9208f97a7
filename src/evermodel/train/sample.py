"""A few made-up rows that show what the model reads; none of them is a person's."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from evermodel.bundle import Input
from evermodel.train.prepare import SEEN_AT_LEAST

__all__ = ["sample_records"]

_ROWS = 5


def sample_records(
    rows: pl.DataFrame, inputs: tuple[Input, ...], *, seed: int
) -> list[dict[str, Any]]:
    """Return five records, each column drawn on its own.

    A number is a quantile, rounded unless at least five rows hold it; a word is one that at least
    five rows hold; a time is the first day of a month. Columns are drawn independently, so no
    record repeats a real row on purpose.

    Parameters
    ----------
    rows : polars.DataFrame
        Training rows.
    inputs : tuple of Input
    seed : int
    """
    generator = np.random.default_rng(seed)
    columns = {item.name: _draw(rows[item.name], item, generator) for item in inputs}
    return [{name: values[i] for name, values in columns.items()} for i in range(_ROWS)]


def _draw(column: pl.Series, item: Input, generator: np.random.Generator) -> list[Any]:
    known = column.drop_nulls()
    if not len(known):
        return [None] * _ROWS
    if item.type == "category":
        counts = known.cast(pl.String).alias("value").value_counts()
        words = counts.filter(pl.col("count") >= SEEN_AT_LEAST)["value"].sort().to_list()
        return [str(generator.choice(words)) if words else None for _ in range(_ROWS)]
    if item.type == "boolean":
        return [bool(value) for value in generator.random(_ROWS) < 0.5]
    shares = generator.uniform(0.1, 0.9, _ROWS)
    if item.type == "timestamp":
        months = known.cast(pl.Date).dt.truncate("1mo")
        return [str(months.quantile(share, "nearest"))[:10] for share in shares]
    return [_blurred(known, share) for share in shares]


def _blurred(known: pl.Series, share: float) -> float | int:
    value = known.quantile(share, "nearest") or 0.0
    if (known == value).sum() < SEEN_AT_LEAST:
        value = float(f"{value:.2g}")
    return round(value) if known.dtype.is_integer() else float(value)
