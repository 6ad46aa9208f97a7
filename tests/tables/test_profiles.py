"""Profiles of parts add up to the profile of the whole, and compare with their reference."""

from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel import tables
from evermodel.errors import DataError
from evermodel.records import ColumnType

_TYPES: dict[str, ColumnType] = {
    "x": "number",
    "c": "category",
    "b": "boolean",
    "t": "timestamp",
    "s": "text",
}
_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "x": st.floats(-1e6, 1e6) | st.none(),
            "c": st.sampled_from("abcdefg") | st.none(),
            "b": st.booleans() | st.none(),
            "t": st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)) | st.none(),
            "s": st.text(max_size=9) | st.none(),
        }
    ),
    min_size=1,
    max_size=40,
)
_SCHEMA: dict[str, Any] = {
    "x": pl.Float64,
    "c": pl.String,
    "b": pl.Boolean,
    "t": pl.Datetime("us"),
    "s": pl.String,
}


def _close(a: tables.ColumnProfile, b: tables.ColumnProfile) -> None:
    assert (a.rows, a.missing, a.counts, a.value_counts, a.other, a.minimum, a.maximum) == (
        (b.rows, b.missing, b.counts, b.value_counts, b.other, b.minimum, b.maximum)
    )
    for one, two in ((a.mean, b.mean), (a.sd, b.sd)):
        assert (one is None) == (two is None)
        if one is not None and two is not None:
            assert one == pytest.approx(two, rel=1e-6, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(past=_ROWS, rows=_ROWS, cuts=st.lists(st.integers(0, 40), max_size=4))
def test_merged_parts_equal_the_whole(
    past: list[dict[str, object]], rows: list[dict[str, object]], cuts: list[int]
) -> None:
    reference = tables.profile(pl.DataFrame(past, _SCHEMA), _TYPES)
    frame = pl.DataFrame(rows, _SCHEMA)
    whole = tables.profile(frame, _TYPES, like=reference)
    bounds = [0, *sorted(min(cut, frame.height) for cut in cuts), frame.height]
    merged = None
    for start, end in pairwise(bounds):
        part = tables.profile(frame[start:end], _TYPES, like=reference)
        merged = part if merged is None else tables.merge(merged, part)
    assert merged is not None
    assert merged.rows == whole.rows
    for one, two in zip(merged.columns, whole.columns, strict=True):
        _close(one, two)
    for column in whole.columns:
        assert sum(column.counts or column.value_counts) + column.other == column.present


def test_bins_of_a_smooth_column_hold_about_the_same() -> None:
    x = np.random.default_rng(0).normal(size=50_000)
    found = tables.profile(pl.DataFrame({"x": x}), {"x": "number"})["x"]
    assert len(found.counts) == 20
    assert max(found.counts) - min(found.counts) < 50
    assert found.mean == pytest.approx(x.mean())
    assert found.sd == pytest.approx(x.std())


def test_a_heap_of_equal_values_has_a_bin_of_its_own() -> None:
    x = [0.0] * 60 + [float(i) for i in range(1, 41)]
    found = tables.profile(pl.DataFrame({"x": x}), {"x": "number"})["x"]
    assert found.edges[0] == 0.0
    assert found.counts[0] == 60


def test_a_heap_above_rarer_values_has_a_bin_of_its_own_too() -> None:
    x = [0.0] * 3 + [1.0] * 94 + [2.0] * 3
    found = tables.profile(pl.DataFrame({"x": x}), {"x": "number"})["x"]
    assert (found.edges, found.counts) == ((0.0, 1.0), (3, 94, 3))


def test_what_lies_outside_the_reference_is_counted() -> None:
    past = tables.profile(pl.DataFrame({"x": [1, 2, 3]}), {"x": "number"})
    now = pl.DataFrame({"x": [0, 1, 3, 4, 5, None]})
    found = tables.profile(now, {"x": "number"}, like=past)["x"]
    assert (found.below, found.above, sum(found.counts)) == (1, 2, 5)


def test_a_constant_column_has_one_bin() -> None:
    found = tables.profile(pl.DataFrame({"x": [5, 5, None]}), {"x": "number"})["x"]
    assert (found.edges, found.counts, found.distinct, found.missing) == ((), (2,), 1, 1)


def test_only_the_most_frequent_values_are_kept() -> None:
    words = [f"w{i}" for i in range(150) for _ in range(150 - i)]
    found = tables.profile(pl.DataFrame({"c": words}), {"c": "category"})["c"]
    assert len(found.values) == 100
    assert found.values[0] == "w0"
    assert found.other == sum(range(1, 51))
    assert found.distinct == 150


def test_values_that_are_new_are_counted_as_others() -> None:
    past = tables.profile(pl.DataFrame({"c": ["a", "b"]}), {"c": "category"})
    found = tables.profile(pl.DataFrame({"c": ["a", "z", "z"]}), {"c": "category"}, like=past)["c"]
    assert (found.values, found.value_counts, found.other) == (("a", "b"), (1, 0), 2)


def test_a_profile_is_the_same_after_json() -> None:
    found = tables.profile(pl.DataFrame({"x": [1.5, None]}), {"x": "number"})
    assert tables.Profile.from_json(found.to_json()) == found


def test_infinite_numbers_do_not_break_a_profile() -> None:
    found = tables.profile(pl.DataFrame({"x": [1.0, float("inf"), 2.0]}), {"x": "number"})
    assert sum(found["x"].counts) == 3
    assert tables.Profile.from_json(found.to_json()) == found


def test_columns_that_are_not_there_or_of_another_type_are_refused() -> None:
    frame = pl.DataFrame({"x": ["a"]})
    with pytest.raises(DataError, match="not in the table"):
        tables.profile(frame, {"y": "number"})
    with pytest.raises(DataError, match="not a number"):
        tables.profile(frame, {"x": "number"})
    with pytest.raises(DataError, match="different"):
        tables.merge(
            tables.profile(frame, {"x": "category"}),
            tables.profile(pl.DataFrame({"x": ["b"]}), {"x": "category"}),
        )
