"""Summaries of whole and of divided tables, and what must be equal of them."""

import itertools
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st

from evermodel.records import ColumnType
from evermodel.tables.summaries import Summarising
from evermodel.tables.summarised import NumberSummary, Summary

TYPES: dict[str, ColumnType] = {
    "x": "number",
    "y": "number",
    "i": "number",
    "c": "category",
    "b": "boolean",
    "t": "timestamp",
    "s": "text",
}
SCHEMA: dict[str, Any] = {
    "x": pl.Float64,
    "y": pl.Float64,
    "i": pl.Int64,
    "c": pl.String,
    "b": pl.Boolean,
    "t": pl.Datetime("us"),
    "s": pl.String,
}
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "x": st.floats() | st.none() | st.sampled_from([0.0, -0.0, 1.0]),
            "y": st.floats(-100, 100) | st.none(),
            "i": st.integers(-(2**63), 2**63 - 1) | st.none(),
            "c": st.sampled_from(["", " ", "a", "AB-1", "é", "x" * 300]) | st.none(),
            "b": st.booleans() | st.none(),
            "t": st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1)) | st.none(),
            "s": st.text(max_size=9) | st.none(),
        }
    ),
    max_size=40,
)


def frame_of(rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, SCHEMA)


def whole_summary(frame: pl.DataFrame, types: dict[str, ColumnType]) -> Summary:
    return Summarising(types).add(frame).result()


def divided_summary(
    frame: pl.DataFrame, types: dict[str, ColumnType], *, seed: int, parts: int
) -> Summary:
    """Shuffle, cut at random places, add some parts to one and merge the others in any order."""
    rng = np.random.default_rng(seed)
    shuffled = frame[rng.permutation(frame.height)]
    cuts = [0, *sorted(rng.integers(0, frame.height + 1, parts)), frame.height]
    several = [Summarising(types) for _ in range(3)]
    for start, end in itertools.pairwise(cuts):
        several[rng.integers(3)].add(shuffled[int(start) : int(end)])
    order: list[int] = rng.permutation(3).tolist()
    first, second, third = several[order[0]], several[order[1]], several[order[2]]
    if rng.integers(2):
        second.merge(third)
        return first.merge(second).result()
    return first.merge(second).merge(third).result()


def without_rounded(found: Summary) -> Summary:
    """Take out what rounding may touch, to compare the rest for equality."""
    columns = []
    for column in found.columns:
        numbers = column.numbers
        words = column.words
        if numbers is not None:
            numbers = _exact(numbers)
        if words is not None:
            words = msgspec.structs.replace(words, lengths=_exact(words.lengths))
        columns.append(msgspec.structs.replace(column, numbers=numbers, words=words))
    return msgspec.structs.replace(found, columns=tuple(columns), correlations=())


def _exact(numbers: NumberSummary) -> NumberSummary:
    return msgspec.structs.replace(numbers, mean=None, sd=None, skew=None)


def require_same(one: Summary, other: Summary, *, pairs: bool = True) -> None:
    assert without_rounded(one) == without_rounded(other)
    for first, second in zip(one.columns, other.columns, strict=True):
        _near(first.numbers, second.numbers)
        if first.words is not None and second.words is not None:
            _near(first.words.lengths, second.words.lengths)
    if pairs:
        for left, right in zip(one.correlations, other.correlations, strict=True):
            assert left == pytest.approx(right, abs=1e-12)


def _near(one: NumberSummary | None, other: NumberSummary | None) -> None:
    if one is None or other is None or one.sd is None or other.sd is None:
        assert (one is None or one.sd is None) == (other is None or other.sd is None)
        return
    # A mean of values that cancel is known as well as the largest of them, and no better.
    large = max(abs(one.minimum or 0.0), abs(one.maximum or 0.0))
    assert one.mean == pytest.approx(other.mean, abs=1e-12 * (one.sd + 1e-3 * large))
    assert one.sd == pytest.approx(other.sd, rel=1e-12, abs=1e-15 * large)
    if one.skew is not None and one.sd > 1e-2 * large:
        assert one.skew == pytest.approx(other.skew, rel=1e-12, abs=1e-12)
