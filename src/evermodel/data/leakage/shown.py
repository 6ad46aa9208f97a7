"""Rows that show what a column gives away of the target: both values side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

__all__ = ["side_by_side"]

_SHOWN = 3
_LONGEST = 120
_KINDS = 20


def side_by_side(
    columns: Sequence[pl.Series], target: pl.Series, where: pl.Series | None = None
) -> dict[str, Any]:
    """Return rows with what stands in some columns and in the target, as evidence.

    Rows whose targets differ come first: two equal rows would show nothing. `where` says which
    rows may be shown.

    Examples
    --------
    >>> side_by_side([pl.Series("due", [5, 5, 0])], pl.Series("paid", ["no", "no", "yes"]))
    {'rows': [0, 2, 1], 'examples': ["paid 'no', due 5", "paid 'yes', due 0", "paid 'no', due 5"]}
    """
    usable = target.is_not_null()
    if where is not None:
        usable &= where.fill_null(value=False)
    table = pl.DataFrame([each.is_not_null().alias(str(at)) for at, each in enumerate(columns)])
    whole = table.select(pl.all_horizontal(pl.all())).to_series()
    # Of many values each is a kind of its own, which says nothing about gaps.
    kinds = target if target.n_unique() <= _KINDS else target.is_not_null()
    rows = pl.DataFrame({"kind": kinds, "whole": whole, "value": target}).with_row_index("row")
    rows = rows.filter(usable)
    # A gap may be what tells: each kind is shown as it mostly is.
    usual = (pl.col("whole").mean() > 0.5).over("kind") == pl.col("whole")
    rows = rows.filter(usual)
    new = pl.col("value").is_first_distinct()
    order = pl.concat([rows.filter(new).head(_SHOWN), rows.filter(~new).head(_SHOWN)])
    chosen = order["row"].head(_SHOWN).to_list()
    texts = [
        ", ".join(f"{each.name} {_said(each[row])}" for each in (target, *columns))
        for row in chosen
    ]
    # What is of persons is known again at the end of a text that is cut, and nowhere else.
    return {"rows": chosen, "examples": [text[:_LONGEST] for text in texts]}


def _said(value: Any) -> str:
    return "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
