"""A summary is the same for any division and order of the rows, and right beside polars."""

import pickle

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
from evermodel.tables.summarised import ColumnSummary, Summary
from tests.real import real_data
from tests.tables.summarising import (
    ROWS,
    TYPES,
    divided_summary,
    frame_of,
    require_same,
    whole_summary,
    without_rounded,
)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, seed=st.integers(0, 2**32 - 1), parts=st.integers(0, 8))
def test_any_division_and_order_of_extreme_rows_gives_the_same(
    rows: list[dict[str, object]], seed: int, parts: int
) -> None:
    frame = frame_of(rows)
    exact: dict[str, ColumnType] = {name: TYPES[name] for name in ("y", "i", "c", "b", "t", "s")}
    require_same(
        whole_summary(frame, exact),
        divided_summary(frame, exact, seed=seed, parts=parts),
        pairs=False,
    )
    # Sums of the largest floats overflow in one order and not in another; the rest may not differ.
    x: dict[str, ColumnType] = {"x": "number"}
    whole, divided = whole_summary(frame, x), divided_summary(frame, x, seed=seed, parts=parts)
    assert without_rounded(whole) == without_rounded(divided)


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
    require_same(whole_summary(frame, types), divided_summary(frame, types, seed=seed, parts=parts))


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
    whole, divided = (
        whole_summary(frame, types),
        divided_summary(frame, types, seed=seed, parts=parts),
    )
    # Which of many equally rare values are still known depends on order, within the stated error.
    for found in (whole, divided):
        counts = dict(frame["ids"].value_counts().iter_rows())
        for one in found["ids"].top:
            assert one.rows <= counts[one.value] <= one.rows + found["ids"].top_error
        assert found["ids"].top_error <= n / 8_000

    def without_top(found: Summary) -> Summary:
        columns = [msgspec.structs.replace(c, top=(), top_error=0) for c in found.columns]
        return msgspec.structs.replace(found, columns=tuple(columns))

    require_same(_rank_free(without_top(whole)), _rank_free(without_top(divided)))


def _rank_free(found: Summary) -> Summary:
    columns = [
        msgspec.structs.replace(
            c, numbers=c.numbers and msgspec.structs.replace(c.numbers, rank_error=0.0)
        )
        for c in found.columns
    ]
    return msgspec.structs.replace(found, columns=tuple(columns))


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
