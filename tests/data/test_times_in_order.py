"""Stretches without rows and births that are yet to come are found; what is usual is not.

The long simulation is benchmarks/time_gaps.py; this is a slice of it with fixed seeds.
"""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from evermodel.data import check
from evermodel.data.times_in_order import births_to_come, time_gaps
from evermodel.tables import read
from tests.real import real_data

START = datetime(2024, 1, 1)


def _hours(hours: list[int]) -> pl.Series:
    return pl.Series("when", [START + timedelta(hours=hour) for hour in hours])


def test_a_stretch_without_rows_is_told_with_its_place_in_whatever_order_rows_stand() -> None:
    series = _hours([hour for hour in range(500) if not 200 <= hour < 224])
    for frame, row in ((series.to_frame(), 200), (series.reverse().to_frame(), 275)):
        found = check(frame).find("time_gaps", "when")
        assert (found.value, found.verdict, found.evidence["rows"]) == (1, "warn", [row])
        (said,) = found.evidence["examples"]
        assert said == "none between 2024-01-09 07:00:00 and 2024-01-10 08:00:00"
        assert found.evidence["absent"] == 24


@pytest.mark.parametrize(
    "series",
    [
        _hours(list(range(500))),
        _hours([hour for hour in range(500) if hour not in (100, 300)]),  # one alone
        _hours([24 * day for day in range(500) if day % 7 < 5]),  # weekends
        _hours([0] * 400 + [1] * 400),
        pl.Series("when", [START] * 100),
        pl.Series("when", [None] * 100, dtype=pl.Datetime("us")),
    ],
)
def test_what_is_regular_or_irregular_throughout_has_no_gaps(series: pl.Series) -> None:
    assert time_gaps(series) is None


def test_times_that_are_absent_by_chance_are_hardly_ever_called_gaps() -> None:
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(300):
        rate = rng.uniform(0.0, 0.06)
        kept = np.flatnonzero(rng.random(800) >= rate)
        alarms += time_gaps(_hours(kept.tolist())) is not None
    assert alarms <= 6  # 1 % of 300, and what chance adds to it


def test_births_after_all_other_times_are_told() -> None:
    born = [START - timedelta(days=300 * place) for place in range(99)]
    frame = pl.DataFrame({"Geburtsdatum": [*born, datetime(2068, 3, 1)], "seen": [START] * 100})
    found = check(frame).find("birth_in_the_future", "Geburtsdatum")
    assert (found.value, found.evidence["rows"], found.verdict) == (1, [99], "warn")
    assert not list(births_to_come(frame.drop("seen")))
    assert [one.value for one in births_to_come(frame.drop("seen"), START)] == [1]


def test_births_beside_times_of_something_else_are_none_to_come() -> None:
    born = pl.Series([START + timedelta(days=place) for place in range(100)])
    frame = pl.DataFrame({"dob": born, "married": born - timedelta(days=50)})
    assert not list(births_to_come(frame))
    assert not list(births_to_come(frame.rename({"dob": "due"})))


@pytest.mark.parametrize("code", [-273.15, -99.9, 9999.0])
def test_a_code_that_floods_numbers_with_decimals_is_told(code: float) -> None:
    degrees = np.random.default_rng(0).normal(15, 8, 500).round(1)
    clean = pl.DataFrame({"degrees": degrees})
    assert not [one for one in check(clean).results if one.name == "code_among_numbers"]
    degrees[40:60] = code
    found = check(pl.DataFrame({"degrees": degrees})).find("code_among_numbers", "degrees")
    assert (found.value, found.evidence["rows"]) == (20, [40, 41, 42, 43, 44])


@pytest.mark.parametrize("name", ["adult/adult.parquet"])
def test_a_clean_real_table_has_none_of_these(name: str) -> None:
    found = {one.name for one in check(read(real_data(name))).results}
    assert not found & {"time_gaps", "birth_in_the_future"}
