"""A few made-up rows that show what the model reads; none of them is a person's."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from evermodel.bundle import Input

__all__ = ["sample_records"]

_ROWS = 5
_SEEN_AT_LEAST = 5


def sample_records(
    rows: pl.DataFrame, inputs: tuple[Input, ...], *, seed: int
) -> list[dict[str, Any]]:
    """Return five records, each column drawn on its own.

    A number is a rounded quantile; a word is one that at least five rows hold; a time is a day
    without its hour. Columns are drawn independently, so no record repeats a real row on purpose.

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
        counts = known.cast(pl.String).value_counts()
        words = counts.filter(pl.col("count") >= _SEEN_AT_LEAST)[column.name].sort().to_list()
        return [str(generator.choice(words)) if words else None for _ in range(_ROWS)]
    if item.type == "boolean":
        return [bool(value) for value in generator.random(_ROWS) < 0.5]
    shares = generator.uniform(0.1, 0.9, _ROWS)
    if item.type == "timestamp":
        days = known.cast(pl.Date).to_physical()
        return [
            str(np.datetime64(int(days.quantile(share, "nearest") or 0), "D")) for share in shares
        ]
    whole = known.dtype.is_integer()
    found = [float(known.quantile(share, "nearest") or 0.0) for share in shares]
    return [round(value) if whole else float(f"{value:.3g}") for value in found]
