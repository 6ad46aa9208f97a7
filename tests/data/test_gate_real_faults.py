"""The gate's faults planted in later slices of real tables, and none told where none is planted."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from evermodel.data import gate
from evermodel.records import Report
from evermodel.tables import Profile, profile, read
from tests.data.test_gate import fails, types
from tests.real import real_data

MEASURED = {
    "pm25/beijing_pm25.csv": ["pm2.5", "TEMP"],
    "bike/hour.csv": ["hum", "cnt"],
    "churn/telco_churn.csv": ["tenure", "TotalCharges"],
    "adult/adult.parquet": ["age", "hours_per_week"],
    "credit/default_credit_card.parquet": ["AGE", "BILL_AMT1"],
}
WORDS = {
    "pm25/beijing_pm25.csv": ["cbwd"],
    "churn/telco_churn.csv": ["Contract", "InternetService"],
    "adult/adult.parquet": ["workclass", "education"],
}
TABLES = pytest.mark.parametrize("path", MEASURED)
pytestmark = pytest.mark.real


@cache
def _slices(path: str) -> tuple[pl.DataFrame, ...]:
    frame = read(real_data(path)).frame
    if "split" in frame.columns:  # the labels of the test rows are written otherwise
        frame = frame.filter(pl.col("split") == "train").drop("split")
    size = frame.height // 8
    return tuple(frame[i * size : (i + 1) * size] for i in range(8))


@cache
def _past(path: str, *, whole: bool = False) -> Profile:
    before = pl.concat(_slices(path)[:5])
    before = before if whole else before.select(_columns(path))
    return profile(before, types(before))


def _columns(path: str) -> list[str]:
    return [*MEASURED[path], *WORDS.get(path, ())]


def _later(path: str) -> pl.DataFrame:
    return _slices(path)[6].select(_columns(path))


def _with(path: str, column: str, value: object, share: float) -> Report:
    """Return what is said of a later slice in which a value stands in a share of the rows."""
    batch = _later(path)
    some = pl.Series(np.random.default_rng(3).random(batch.height) < share)
    made = pl.when(some).then(pl.lit(value)).otherwise(pl.col(column))
    return gate(batch.with_columns(made.alias(column)), _past(path))


@TABLES
def test_slices_in_which_nothing_is_planted_pass(path: str) -> None:
    slices = _slices(path)
    for before, after in pairwise(slices[:3]):
        assert fails(gate(after, profile(before, types(before)))) == set()
    for after in slices[6:]:
        assert fails(gate(after, _past(path, whole=True))) == set()


@TABLES
@pytest.mark.parametrize("value", [-999.0, 99999.0])
def test_a_default_in_three_tenths_of_the_rows_floods_its_column(path: str, value: float) -> None:
    for column in MEASURED[path]:
        report = _with(path, column, value, 0.3)
        assert fails(report) == {("default_flood", column)}
        found = report.find("default_flood")
        assert found.value == pytest.approx(0.3, abs=0.05)
        assert [float(each) for each in found.evidence["examples"]] == [value] * 5


@pytest.mark.parametrize("path", WORDS)
@pytest.mark.parametrize("word", ["unknown", "N/A"])
def test_a_word_for_missing_in_half_of_the_rows_floods_its_column(path: str, word: str) -> None:
    for column in WORDS[path]:
        assert fails(_with(path, column, word, 0.5)) == {("default_flood", column)}


@TABLES
def test_a_feed_that_stopped_leaves_gaps(path: str) -> None:
    for column in _columns(path):
        before = _past(path)[column].missing / _past(path).rows
        # Where some were always missing, it takes 40 % more of them; fewer are a warning.
        share = 0.25 if before <= 0.02 else 0.5
        assert fails(_with(path, column, None, share)) == {("feed_stopped", column)}


@TABLES
def test_a_feed_that_stopped_repeats_its_last_value(path: str) -> None:
    batch = _later(path)
    half = batch.height // 2
    place = pl.int_range(pl.len())
    for column in MEASURED[path]:
        last = batch[column][:half].drop_nulls()[-1]
        stopped = pl.when(place < half).then(pl.col(column)).otherwise(pl.lit(last))
        found = fails(gate(batch.with_columns(stopped.alias(column)), _past(path)))
        if (_past(path)[column].heap or 0) > 0.1 * _past(path)[column].present:
            continue  # a value that was frequent before is told from 70 % on, below
        assert found in ({("stuck_value", column)}, {("default_flood", column)})


@TABLES
def test_a_column_that_is_one_value_is_told_whatever_was_frequent_before(path: str) -> None:
    for column in MEASURED[path]:
        value = _later(path)[column].drop_nulls().median()
        found = fails(_with(path, column, value, 1.0))
        assert {name for name, _ in found} <= {"stuck_value", "default_flood", "unit_slip"}
        assert {subject for _, subject in found} == {column}


@TABLES
def test_numbers_that_became_texts_are_another_type(path: str) -> None:
    batch = _later(path)
    for column in MEASURED[path]:
        texts = batch[column].cast(pl.String)
        tenth = pl.int_range(pl.len()) % 10 == 0
        for made in (texts + " units", pl.when(tenth).then(pl.lit("#REF!")).otherwise(texts)):
            report = gate(batch.with_columns(made.alias(column)), _past(path))
            assert fails(report) == {("type_changed", column)}


@TABLES
def test_a_delivery_that_came_twice_is_told(path: str) -> None:
    batch = _slices(path)[6]
    shuffled = pl.concat([batch, batch]).sample(fraction=1, shuffle=True, seed=1)
    fifth = pl.concat([batch, batch[: batch.height // 5]])
    for made in (shuffled, fifth):
        report = gate(made, _past(path, whole=True))
        assert fails(report) == {("delivered_twice", "rows")}
        again = made.height - batch.height
        assert report.find("delivered_twice").value == pytest.approx(again / made.height, abs=0.02)
