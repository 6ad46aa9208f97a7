"""Correlations are those of the rows that have both numbers, with an honest interval."""

import math

import numpy as np
import polars as pl
import pytest

from evermodel.errors import DataError
from evermodel.records import ColumnType
from evermodel.tables.summaries import summarise
from tests.tables.summarising import (
    divided_summary,
    whole_summary,
)


def test_correlations_are_those_of_the_rows_that_have_both() -> None:
    rng = np.random.default_rng(3)
    n = 20_000
    base = rng.normal(size=n)
    frame = pl.DataFrame({"a": base + 1e6, "b": base + rng.normal(size=n), "c": rng.normal(size=n)})
    gaps = [pl.Series(rng.random(n) < share) for share in (0.1, 0.3)]
    frame = frame.with_columns(frame["b"].set(gaps[0], None), frame["c"].set(gaps[1], None))
    types: dict[str, ColumnType] = dict.fromkeys("abc", "number")
    found = summarise(frame.iter_slices(1_000), types).result()
    for one, two in ("ab", "ac", "bc"):
        both = frame.select(one, two).drop_nulls()
        pair = found.correlation(one, two)
        assert pair.n == both.height
        assert pair.r == pytest.approx(both.select(pl.corr(one, two)).item(), abs=1e-9)
        assert pair.low is not None
        assert pair.r is not None
        assert pair.low < pair.r < (pair.high or 0)
    with pytest.raises(DataError, match="no correlations"):
        found.correlation("a", "z")


def test_the_interval_of_a_correlation_holds_it_as_often_as_is_said() -> None:
    held = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        a = rng.normal(size=60)
        b = 0.5 * a + math.sqrt(0.75) * rng.normal(size=60)
        found = whole_summary(pl.DataFrame({"a": a, "b": b}), {"a": "number", "b": "number"})
        pair = found.correlation("a", "b")
        held += (pair.low or 0) <= 0.5 <= (pair.high or 0)
    assert held >= 272  # 285 expected, standard deviation 3.8


def test_a_column_that_does_not_vary_where_the_other_is_has_no_correlation() -> None:
    frame = pl.DataFrame(
        {"a": [1.0, 2.0, 5.0, None, None], "b": [0.01, 0.01, 0.01, 99.0, 97.3]},
    )
    types: dict[str, ColumnType] = {"a": "number", "b": "number"}
    for seed in range(40):
        found = divided_summary(frame, types, seed=seed, parts=2)
        assert found.correlation("a", "b").r is None
        assert found.correlation("a", "b").n == 3
