"""A summary is the same for any division and order of the rows, and right beside polars."""

import itertools
import math
import pickle
from datetime import datetime
from typing import Any

import hypothesis.extra.numpy as hnp
import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel import tables
from evermodel.errors import DataError
from evermodel.records import ColumnType
from evermodel.tables.summaries import Summarising, summarise
from evermodel.tables.summarised import SHARES, ColumnSummary, NumberSummary, Summary
from tests.real import real_data

_TYPES: dict[str, ColumnType] = {
    "x": "number",
    "y": "number",
    "i": "number",
    "c": "category",
    "b": "boolean",
    "t": "timestamp",
    "s": "text",
}
_SCHEMA: dict[str, Any] = {
    "x": pl.Float64,
    "y": pl.Float64,
    "i": pl.Int64,
    "c": pl.String,
    "b": pl.Boolean,
    "t": pl.Datetime("us"),
    "s": pl.String,
}
_ROWS = st.lists(
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


def _frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, _SCHEMA)


def _whole(frame: pl.DataFrame, types: dict[str, ColumnType]) -> Summary:
    return Summarising(types).add(frame).result()


def _divided(
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


def _without(found: Summary) -> Summary:
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


def _same(one: Summary, other: Summary, *, pairs: bool = True) -> None:
    assert _without(one) == _without(other)
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


@settings(max_examples=40, deadline=None)
@given(rows=_ROWS, seed=st.integers(0, 2**32 - 1), parts=st.integers(0, 8))
def test_any_division_and_order_of_extreme_rows_gives_the_same(
    rows: list[dict[str, object]], seed: int, parts: int
) -> None:
    frame = _frame(rows)
    exact: dict[str, ColumnType] = {name: _TYPES[name] for name in ("y", "i", "c", "b", "t", "s")}
    _same(_whole(frame, exact), _divided(frame, exact, seed=seed, parts=parts), pairs=False)
    # Sums of the largest floats overflow in one order and not in another; the rest may not differ.
    x: dict[str, ColumnType] = {"x": "number"}
    whole, divided = _whole(frame, x), _divided(frame, x, seed=seed, parts=parts)
    assert _without(whole) == _without(divided)


_FEW = st.integers(-100, 100).map(lambda i: i / 10) | st.none() | st.just(1.5)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(_FEW, _FEW, _FEW), max_size=30),
    seed=st.integers(0, 2**32 - 1),
    parts=st.integers(0, 8),
)
def test_any_division_and_order_gives_the_same_correlations(
    rows: list[tuple[float | None, ...]], seed: int, parts: int
) -> None:
    frame = pl.DataFrame(rows, dict.fromkeys("abc", pl.Float64), orient="row")
    types: dict[str, ColumnType] = dict.fromkeys("abc", "number")
    _same(_whole(frame, types), _divided(frame, types, seed=seed, parts=parts))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), parts=st.integers(1, 30), place=st.floats(-1e9, 1e9))
def test_any_division_and_order_of_many_rows_gives_the_same(
    seed: int, parts: int, place: float
) -> None:
    rng = np.random.default_rng(seed)
    n = 30_000
    frame = pl.DataFrame(
        {
            "normal": rng.normal(place, 1, n),
            "wide": rng.lognormal(0, 8, n),
            "gaps": pl.Series(rng.normal(size=n)).set(pl.Series(rng.random(n) < 0.2), None),
            "large": rng.integers(2**60, 2**60 + n, n),
            "clusters": np.where(rng.random(n) < 0.5, rng.normal(size=n), 1e9 + rng.normal(size=n)),
            "ids": [f"Kunde-{i}" for i in rng.integers(0, n, n)],
        }
    )
    types: dict[str, ColumnType] = dict.fromkeys(frame.columns, "number")
    types["ids"] = "category"
    whole, divided = _whole(frame, types), _divided(frame, types, seed=seed, parts=parts)
    # Which of many equally rare values are still known depends on order, within the stated error.
    for found in (whole, divided):
        counts = dict(frame["ids"].value_counts().iter_rows())
        for one in found["ids"].top:
            assert one.rows <= counts[one.value] <= one.rows + found["ids"].top_error
        assert found["ids"].top_error <= n / 8_000

    def without_top(found: Summary) -> Summary:
        columns = [msgspec.structs.replace(c, top=(), top_error=0) for c in found.columns]
        return msgspec.structs.replace(found, columns=tuple(columns))

    _same(_rank_free(without_top(whole)), _rank_free(without_top(divided)))


def _rank_free(found: Summary) -> Summary:
    columns = [
        msgspec.structs.replace(
            c, numbers=c.numbers and msgspec.structs.replace(c.numbers, rank_error=0.0)
        )
        for c in found.columns
    ]
    return msgspec.structs.replace(found, columns=tuple(columns))


@settings(max_examples=40, deadline=None)
@given(values=hnp.arrays(np.float64, st.integers(1, 200), elements=st.floats(-1e6, 1e6)))
def test_what_is_exact_is_what_polars_says(values: np.ndarray) -> None:
    values = np.round(values, 2)
    series = pl.Series("x", values)
    found = _whole(pl.DataFrame([series]), {"x": "number"})["x"]
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
        found = _whole(pl.DataFrame({"x": values}), {"x": "number"})["x"]
        assert 0 < found.distinct_error < 0.03
        within += abs(found.distinct / 20_000 - 1) <= found.distinct_error
    assert within >= 52  # 57 of 60 are expected; fewer than 52 come once in 250 times


def test_what_the_grid_cannot_tell_apart_is_said() -> None:
    rng = np.random.default_rng(9)
    n = 100_000
    values = np.where(rng.random(n) < 0.5, rng.normal(size=n), 1e9 + rng.normal(size=n))
    found = _whole(pl.DataFrame({"x": values}), {"x": "number"})["x"].numbers
    assert found is not None
    assert found.rank_error == pytest.approx(0.5, abs=0.02)
    for share, quantile in zip(SHARES, found.quantiles, strict=True):
        assert abs((values <= quantile).mean() - share) <= found.rank_error


def test_there_are_never_more_distinct_values_than_rows() -> None:
    for seed in range(20):
        values = np.random.default_rng(seed).random(9_000)
        assert _whole(pl.DataFrame({"x": values}), {"x": "number"})["x"].distinct <= 9_000


def test_integers_that_no_float_holds_are_told_apart() -> None:
    frame = pl.DataFrame({"i": [2**53, 2**53 + 1, 2**53 + 1, 2**63 - 1, -(2**63), None]})
    assert _whole(frame, {"i": "number"})["i"].distinct == 4


def test_texts_are_described_by_length_blanks_and_format() -> None:
    words = ["AB-12", "CD-34", "x9", "", "  ", None, "Łódź"]
    found = _whole(pl.DataFrame({"c": words}), {"c": "category"})["c"]
    assert found.words is not None
    formats = {one.value: one.rows for one in found.words.formats}
    assert formats == {"AA-99": 2, "a9": 1, "": 1, "  ": 1, "Aaaa": 1}
    assert (found.words.blank, found.words.lengths.maximum, found.missing) == (2, 5.0, 1)


@pytest.mark.parametrize("n", [5_000, 20_000])
def test_formats_of_many_kinds_say_less(n: int) -> None:
    rng = np.random.default_rng(0)
    words = ["a" * a + "-" + "7" * b for a, b in rng.integers(1, 20, (n, 2))]
    unique = [f"{word}-{i}" for i, word in enumerate(words)]
    found = _whole(pl.DataFrame({"c": unique}), {"c": "category"})["c"]
    assert found.words is not None
    assert (found.words.detail, found.words.formats[0].value) == (1, "a+-9+-9+")
    assert found.words.formats[0].rows == n
    assert found.distinct == pytest.approx(n, rel=0.04)
    assert found.words.lengths.n == n


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
        found = _whole(pl.DataFrame({"a": a, "b": b}), {"a": "number", "b": "number"})
        pair = found.correlation("a", "b")
        held += (pair.low or 0) <= 0.5 <= (pair.high or 0)
    assert held >= 272  # 285 expected, standard deviation 3.8


def test_a_column_that_does_not_vary_where_the_other_is_has_no_correlation() -> None:
    frame = pl.DataFrame(
        {"a": [1.0, 2.0, 5.0, None, None], "b": [0.01, 0.01, 0.01, 99.0, 97.3]},
    )
    types: dict[str, ColumnType] = {"a": "number", "b": "number"}
    for seed in range(40):
        found = _divided(frame, types, seed=seed, parts=2)
        assert found.correlation("a", "b").r is None
        assert found.correlation("a", "b").n == 3


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
    empty = pl.DataFrame(schema=_SCHEMA)
    for frame in (empty, pl.DataFrame([dict.fromkeys(_SCHEMA)] * 3, _SCHEMA)):
        found = Summarising(_TYPES).add(frame).result()
        assert found.rows == frame.height
        for column in found.columns:
            assert (column.missing, column.distinct, column.top) == (frame.height, 0, ())
    unfed = Summarising(_TYPES)
    assert unfed.result().rows == 0
    assert unfed.merge(Summarising(_TYPES).add(empty)).profile().rows == 0


def test_infinite_numbers_are_counted_beside_the_finite() -> None:
    frame = pl.DataFrame({"x": [1.0, math.inf, -math.inf, math.nan, 3.0], "y": [1.0, 2, 3, 4, 5]})
    found = _whole(frame, {"x": "number", "y": "number"})
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


def test_lengths_of_more_kinds_than_are_held_are_summarised() -> None:
    words = pl.DataFrame({"s": ["x" * i for i in range(1, 10_001)]}).sample(
        fraction=1.0, shuffle=True, seed=0
    )
    found = summarise(words.iter_slices(500), {"s": "text"}).result()["s"].words
    assert found is not None
    lengths = found.lengths
    assert (lengths.n, lengths.maximum) == (10_000, 10_000.0)
    assert 0 < lengths.rank_error < 0.01
    assert lengths.quantile(0.5) == pytest.approx(5_000, abs=10_000 * lengths.rank_error)
    alone = Summarising({"s": "text"})
    for part in words.iter_slices(500):
        alone.add(part)
    again = alone.result()["s"].words
    assert again is not None
    assert again.lengths.equal_mass == lengths.equal_mass


def test_a_timestamp_has_its_range() -> None:
    frame = pl.DataFrame({"t": [datetime(2024, 5, 1, 12), datetime(1969, 1, 1), None]})
    found = _whole(frame, {"t": "timestamp"})["t"]
    assert (found.first, found.last) == ("1969-01-01 00:00:00", "2024-05-01 12:00:00")


@settings(max_examples=40, deadline=None)
@given(past=_ROWS.filter(bool), rows=_ROWS.filter(bool))
def test_the_profile_of_few_values_is_that_of_the_whole_table(
    past: list[dict[str, object]], rows: list[dict[str, object]]
) -> None:
    types: dict[str, ColumnType] = {k: v for k, v in _TYPES.items() if k not in ("x", "i", "c")}
    types["c"] = "category"
    # Words beyond 200 characters are told apart by these alone.
    short = pl.col("c").str.head(200)
    before, table = _frame(past).with_columns(short), _frame(rows).with_columns(short)
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


def test_two_at_a_time_gives_the_same_numbers_every_time() -> None:
    rng = np.random.default_rng(6)
    frame = pl.DataFrame({"x": rng.normal(size=50_000), "y": rng.normal(size=50_000)})
    types: dict[str, ColumnType] = {"x": "number", "y": "number"}
    first, second = (summarise(frame.iter_slices(3_000), types).result() for _ in range(2))
    assert first == second


def test_what_was_gathered_can_go_to_another_process() -> None:
    frame = pl.DataFrame({"x": np.random.default_rng(7).normal(size=20_000)})
    one = Summarising({"x": "number"}).add(frame)
    again = pickle.loads(pickle.dumps(one))
    assert again.add(frame).result() == one.add(frame).result()


def test_merging_leaves_the_other_as_it_was() -> None:
    rng = np.random.default_rng(8)
    halves = [
        Summarising({"x": "number", "c": "category"}).add(
            pl.DataFrame({"x": rng.normal(size=n), "c": [str(i) for i in range(n)]})
        )
        for n in (20_000, 3_000)
    ]
    before = [half.result() for half in halves]
    halves[0].merge(halves[1])
    assert halves[1].result() == before[1]
    assert halves[0].result().rows == 23_000


def test_what_does_not_fit_is_refused() -> None:
    numbers = Summarising({"x": "number"})
    with pytest.raises(DataError, match="not in the table"):
        numbers.add(pl.DataFrame({"y": [1]}))
    with pytest.raises(DataError, match="not a number"):
        numbers.add(pl.DataFrame({"x": ["a"]}))
    with pytest.raises(DataError, match="not a text"):
        Summarising({"x": "text"}).add(pl.DataFrame({"x": [1]}))
    with pytest.raises(DataError, match="different columns"):
        numbers.merge(Summarising({"y": "number"}))
    past = tables.profile(pl.DataFrame({"x": [1]}), {"x": "number"})
    with pytest.raises(DataError, match="was a number"):
        Summarising({"x": "category"}, like=past)


@pytest.mark.real
@pytest.mark.parametrize("name", ["churn/telco_churn.csv", "adult/adult.parquet", "bike/hour.csv"])
def test_the_summary_of_a_real_set_is_that_of_polars(name: str) -> None:
    path = real_data(name)
    table = tables.read(path)
    types = {column.name: column.type for column in table.schema.columns}
    found = summarise(tables.scan(path, batch_rows=3_000), types).result()
    for column in found.columns:
        _like_polars(column, table.frame[column.name])


def _like_polars(column: ColumnSummary, series: pl.Series) -> None:
    present = series.drop_nulls()
    assert column.missing == series.null_count()
    if column.distinct_error == 0:
        assert column.distinct == present.n_unique()
    else:
        assert column.distinct == pytest.approx(present.n_unique(), rel=0.05)
    if column.numbers is not None and column.type == "number":
        assert column.numbers.mean == pytest.approx(present.mean())
        assert column.numbers.sd == pytest.approx(present.std(ddof=0))
        assert column.numbers.skew == pytest.approx(present.cast(pl.Float64).skew())
    if column.top_error == 0:
        counts = present.value_counts(name="rows")["rows"]
        assert column.top[0].rows == counts.max()
