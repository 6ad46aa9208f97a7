"""Numbers are summarised exactly where that is said, and within the stated error elsewhere."""

import math
from datetime import datetime

import hypothesis.extra.numpy as hnp
import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel.tables.summaries import Summarising, summarise
from evermodel.tables.summarised import SHARES, Summary
from tests.tables.summarising import SCHEMA, TYPES, whole_summary


@settings(max_examples=40, deadline=None)
@given(values=hnp.arrays(np.float64, st.integers(1, 200), elements=st.floats(-1e6, 1e6)))
def test_what_is_exact_is_what_polars_says(values: np.ndarray) -> None:
    values = np.round(values, 2)
    series = pl.Series("x", values)
    found = whole_summary(pl.DataFrame([series]), {"x": "number"})["x"]
    numbers = found.numbers
    assert numbers is not None
    assert (found.distinct, found.distinct_error) == ((series + 0.0).n_unique(), 0.0)
    assert numbers.minimum == series.min()
    assert numbers.maximum == series.max()
    assert numbers.zeros == (series == 0).sum()
    assert numbers.negatives == (series < 0).sum()
    assert numbers.whole == (series == series.floor()).sum()
    assert numbers.rank_error == 0.0
    expected = np.quantile(values, SHARES, method="inverted_cdf")
    assert numbers.quantiles == tuple((expected + 0.0).tolist())
    scale = float(np.abs(values).max()) or 1.0
    assert numbers.mean == pytest.approx(series.mean(), abs=1e-12 * scale)
    assert numbers.sd == pytest.approx(series.std(ddof=0), abs=1e-12 * scale)
    if numbers.sd is not None and numbers.sd > 1e-3 * scale:
        assert numbers.skew == pytest.approx(series.skew(), rel=1e-9, abs=1e-9)


def _smooth(name: str, n: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    if name == "half zeros":
        return rng.exponential(size=n) * (rng.random(n) < 0.5)
    if name == "seconds":
        return np.sort(rng.integers(1_600_000_000, 1_700_000_000, n)).astype(float)
    kinds = {
        "normal": rng.normal(size=n),
        "far": rng.normal(1e9, 1, n),
        "lognormal": rng.lognormal(0, 3, n),
        "uniform": rng.uniform(size=n),
        "capped": np.minimum(rng.exponential(size=n), 2.0),
        "cauchy": rng.standard_cauchy(n),
    }
    return kinds[name]


@pytest.mark.parametrize(
    "name",
    ["normal", "far", "lognormal", "uniform", "half zeros", "capped", "cauchy", "seconds"],
)
def test_quantiles_are_within_the_rank_error_that_is_stated(name: str) -> None:
    values = _smooth(name, 300_000)
    frame = pl.DataFrame({"x": values})
    found = summarise(frame.iter_slices(20_000), {"x": "number"}).result()["x"].numbers
    assert found is not None
    assert found.rank_error <= 0.005
    for share, quantile in zip(SHARES, found.quantiles, strict=True):
        below, up_to = (values < quantile).mean(), (values <= quantile).mean()
        assert below - found.rank_error <= share <= up_to + found.rank_error + 1e-12


@pytest.mark.parametrize("name", ["normal", "lognormal", "half zeros", "capped", "seconds"])
def test_histograms_count_exactly_in_bins_of_about_equal_mass_and_width(name: str) -> None:
    values = _smooth(name, 300_000)
    found = summarise(pl.DataFrame({"x": values}).iter_slices(20_000), {"x": "number"}).result()
    numbers = found["x"].numbers
    assert numbers is not None
    for bins in (numbers.equal_mass, numbers.equal_width):
        below = [int((values <= edge).sum()) for edge in bins.edges]
        assert bins.counts == tuple(np.diff([0, *below, len(values)]).tolist())
    if name in ("normal", "lognormal", "seconds"):
        assert len(numbers.equal_mass.counts) == 20
        assert max(numbers.equal_mass.counts) < 0.06 * len(values)
    if name != "lognormal":
        widths = np.diff([values.min(), *numbers.equal_width.edges, values.max()])
        assert widths == pytest.approx(np.ptp(values) / 20, rel=0.2)


def test_heaps_in_a_column_of_many_values_are_among_its_top_values() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(50, 20, 200_000)
    values[rng.random(len(values)) < 0.05] = 49.0
    frame = pl.DataFrame({"x": values})
    found = summarise(frame.iter_slices(10_000), {"x": "number"}).result()["x"]
    assert found.top[0].value == "49"
    assert found.top[0].rows <= (values == 49).sum() <= found.top[0].rows + found.top_error
    assert found.top_error <= len(values) / 256 + len(values) / 1_000
    assert found.numbers is not None
    assert found.numbers.rank_error < 0.01


def test_the_number_of_distinct_values_is_within_its_error_as_often_as_is_said() -> None:
    within = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        values = rng.random(20_000)
        found = whole_summary(pl.DataFrame({"x": values}), {"x": "number"})["x"]
        assert 0 < found.distinct_error < 0.03
        within += abs(found.distinct / 20_000 - 1) <= found.distinct_error
    assert within >= 52  # 57 of 60 are expected; fewer than 52 come once in 250 times


def test_what_the_grid_cannot_tell_apart_is_said() -> None:
    rng = np.random.default_rng(9)
    n = 100_000
    values = np.where(rng.random(n) < 0.5, rng.normal(size=n), 1e9 + rng.normal(size=n))
    found = whole_summary(pl.DataFrame({"x": values}), {"x": "number"})["x"].numbers
    assert found is not None
    assert found.rank_error == pytest.approx(0.5, abs=0.02)
    for share, quantile in zip(SHARES, found.quantiles, strict=True):
        assert abs((values <= quantile).mean() - share) <= found.rank_error


def test_there_are_never_more_distinct_values_than_rows() -> None:
    for seed in range(20):
        values = np.random.default_rng(seed).random(9_000)
        assert whole_summary(pl.DataFrame({"x": values}), {"x": "number"})["x"].distinct <= 9_000


def test_integers_that_no_float_holds_are_told_apart() -> None:
    frame = pl.DataFrame({"i": [2**53, 2**53 + 1, 2**53 + 1, 2**63 - 1, -(2**63), None]})
    assert whole_summary(frame, {"i": "number"})["i"].distinct == 4


def test_a_large_mean_costs_no_digits() -> None:
    rng = np.random.default_rng(4)
    small = np.round(rng.gamma(2, 1, 50_000) * 1024) / 1024  # exact also beside 2**33
    frame = pl.DataFrame({"x": small, "far": small + 2.0**33})
    found = summarise(frame.iter_slices(999), {"x": "number", "far": "number"}).result()
    near, far = found["x"].numbers, found["far"].numbers
    assert near is not None
    assert far is not None
    assert far.sd == pytest.approx(near.sd, rel=1e-12)
    assert far.skew == pytest.approx(near.skew, rel=1e-12)
    assert found.correlation("x", "far").r == pytest.approx(1.0, abs=1e-12)


def test_columns_without_a_value_and_tables_without_a_row_are_summarised() -> None:
    empty = pl.DataFrame(schema=SCHEMA)
    for frame in (empty, pl.DataFrame([dict.fromkeys(SCHEMA)] * 3, SCHEMA)):
        found = Summarising(TYPES).add(frame).result()
        assert found.rows == frame.height
        for column in found.columns:
            assert (column.missing, column.distinct, column.top) == (frame.height, 0, ())
    unfed = Summarising(TYPES)
    assert unfed.result().rows == 0
    assert unfed.merge(Summarising(TYPES).add(empty)).profile().rows == 0


def test_infinite_numbers_are_counted_beside_the_finite() -> None:
    frame = pl.DataFrame({"x": [1.0, math.inf, -math.inf, math.nan, 3.0], "y": [1.0, 2, 3, 4, 5]})
    found = whole_summary(frame, {"x": "number", "y": "number"})
    numbers = found["x"].numbers
    assert numbers is not None
    assert (numbers.n, numbers.minus_infinite, numbers.plus_infinite) == (2, 1, 1)
    assert (numbers.mean, numbers.maximum, found["x"].missing, found["x"].distinct) == (2, 3, 1, 4)
    assert found.correlation("x", "y").n == 2
    assert msgspec.json.decode(msgspec.json.encode(found), type=Summary) == found


def test_numbers_of_every_size_are_summarised() -> None:
    rng = np.random.default_rng(10)
    bits = rng.integers(0, 2**64, 40_000, dtype=np.uint64)
    values = bits.view(np.float64)
    values = np.r_[values[np.isfinite(values)], np.finfo(float).max, -np.finfo(float).max, 5e-324]
    found = summarise(pl.DataFrame({"x": values}).iter_slices(7_000), {"x": "number"}).result()
    numbers = found["x"].numbers
    assert numbers is not None
    assert list(numbers.quantiles) == sorted(numbers.quantiles)
    for share, quantile in zip(SHARES, numbers.quantiles, strict=True):
        assert abs((values <= quantile).mean() - share) <= numbers.rank_error + 1e-9
    assert sum(numbers.equal_width.counts) == sum(numbers.equal_mass.counts) == len(values)


def test_a_timestamp_has_its_range() -> None:
    frame = pl.DataFrame({"t": [datetime(2024, 5, 1, 12), datetime(1969, 1, 1), None]})
    found = whole_summary(frame, {"t": "timestamp"})["t"]
    assert (found.first, found.last) == ("1969-01-01 00:00:00", "2024-05-01 12:00:00")
