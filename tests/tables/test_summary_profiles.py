"""The profile of a summary is that of the whole table."""

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from evermodel import tables
from evermodel.records import ColumnType
from evermodel.tables.summaries import Summarising, summarise
from tests.tables.summarising import ROWS, TYPES, frame_of


@settings(max_examples=40, deadline=None)
@given(past=ROWS.filter(bool), rows=ROWS.filter(bool))
def test_the_profile_of_few_values_is_that_of_the_whole_table(
    past: list[dict[str, object]], rows: list[dict[str, object]]
) -> None:
    types: dict[str, ColumnType] = {k: v for k, v in TYPES.items() if k not in ("x", "i", "c")}
    types["c"] = "category"
    # Words beyond 200 characters are told apart by these alone.
    short = pl.col("c").str.head(200)
    before, table = frame_of(past).with_columns(short), frame_of(rows).with_columns(short)
    reference = tables.profile(before, types)
    _same_profile(Summarising(types).add(before).profile(), reference)
    found = summarise(table.iter_slices(7), types, like=reference).profile()
    _same_profile(found, tables.profile(table, types, like=reference))


def _same_profile(one: tables.Profile, other: tables.Profile) -> None:
    for mine, theirs in zip(one.columns, other.columns, strict=True):
        if theirs.mean is None:
            assert (mine.mean, mine.sd) == (None, None)
        else:
            large = max(abs(theirs.minimum or 0.0), abs(theirs.maximum or 0.0))
            assert mine.mean == pytest.approx(theirs.mean, abs=1e-12 * large, rel=1e-12)
            # The seconds of year 9999 squared leave polars this much.
            assert mine.sd == pytest.approx(theirs.sd, abs=1e-7 * large, rel=1e-9)
        rest = {"mean": None, "sd": None}
        mine = msgspec.structs.replace(mine, **rest)
        assert mine == msgspec.structs.replace(theirs, **rest)


def test_the_profile_of_many_values_counts_exactly_and_measures_the_same_drift() -> None:
    rng = np.random.default_rng(5)
    past, now = rng.normal(size=150_000), rng.normal(0.3, 1, 100_000)
    types: dict[str, ColumnType] = {"x": "number"}
    frame, later = pl.DataFrame({"x": past}), pl.DataFrame({"x": now})
    streamed = summarise(frame.iter_slices(9_000), types).profile()
    moved = summarise(later.iter_slices(9_000), types, like=streamed).profile()
    assert moved == tables.profile(later, types, like=streamed).__class__(
        rows=moved.rows, columns=moved.columns
    )
    assert moved["x"].counts == tables.profile(later, types, like=streamed)["x"].counts
    whole = tables.profile(frame, types)
    exact = tables.profile(later, types, like=whole)
    distances = []
    for a, b in ((streamed, moved), (whole, exact)):
        p, q = (np.array(one["x"].counts) / one["x"].present for one in (a, b))
        distances.append(float(((p - q) * np.log(p / q)).sum()))
    assert distances[0] == pytest.approx(distances[1], rel=0.02)
