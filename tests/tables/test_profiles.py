"""Profiles count every row once, and in the bins of their reference."""

from datetime import datetime
from typing import Any

import msgspec
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


@settings(max_examples=60, deadline=None)
@given(past=_ROWS, rows=_ROWS)
def test_every_row_is_counted_once(
    past: list[dict[str, object]], rows: list[dict[str, object]]
) -> None:
    reference = tables.profile(pl.DataFrame(past, _SCHEMA), _TYPES)
    whole = tables.profile(pl.DataFrame(rows, _SCHEMA), _TYPES, like=reference)
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
    assert msgspec.json.decode(msgspec.json.encode(found), type=tables.Profile) == found


def test_infinite_numbers_do_not_break_a_profile() -> None:
    found = tables.profile(pl.DataFrame({"x": [1.0, float("inf"), 2.0]}), {"x": "number"})
    assert sum(found["x"].counts) == 3
    assert msgspec.json.decode(msgspec.json.encode(found), type=tables.Profile) == found


def test_columns_that_are_not_there_or_of_another_type_are_refused() -> None:
    frame = pl.DataFrame({"x": ["a"]})
    with pytest.raises(DataError, match="not in the table"):
        tables.profile(frame, {"y": "number"})
    with pytest.raises(DataError, match="not a number"):
        tables.profile(frame, {"x": "number"})
