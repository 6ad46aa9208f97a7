"""Columns that moved by one place are told as one fault, and drift never is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from evermodel.data import gate
from evermodel.data.shifted import find_shift
from evermodel.records import CheckResult
from evermodel.tables import profile, read
from tests.data.test_gate import fails, types
from tests.real import real_data

BIKE = ["temp", "atemp", "hum", "windspeed"]


def _rotated(
    frame: pl.DataFrame, columns: Sequence[str], step: int, share: float = 1.0
) -> pl.DataFrame:
    """Return a table in which columns hold the values of the one `step` places further."""
    some = pl.Series(np.random.default_rng(0).random(frame.height) < share)
    made = {}
    for place, name in enumerate(columns):
        other = columns[(place + step) % len(columns)]
        texts = pl.String in (frame[name].dtype, frame[other].dtype)
        kind = pl.String if texts else pl.Float64
        cells = {"a": frame[name].cast(kind), "b": frame[other].cast(kind), "some": some}
        mixed = pl.DataFrame(cells).select(pl.when("some").then("b").otherwise("a")).to_series()
        read_again = mixed.cast(pl.Float64, strict=False)
        made[name] = read_again if read_again.null_count() == mixed.null_count() else mixed
    return frame.with_columns(**made)


def _shift(batch: pl.DataFrame, before: pl.DataFrame) -> CheckResult | None:
    found = gate(batch, profile(before, types(before))).results
    return next((each for each in found if each.name == "columns_shifted"), None)


def _sensors(n: int, seed: int, warmer: float = 0.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "temp": rng.normal(12 + warmer, 6, n),
            "dew": rng.normal(4 + warmer, 5, n),
            "humidity": rng.uniform(30, 95, n),
            "wind": rng.gamma(2, 4, n),
            "plan": rng.choice(["free", "pro"], n),
        }
    )


def test_a_lost_separator_is_told_once_with_its_columns_and_rows() -> None:
    before, now = _sensors(4000, 0), _sensors(1000, 1)
    batch = _rotated(now, ["temp", "dew", "humidity", "wind"], 1)
    report = gate(batch, profile(before, types(before)))
    found = report.find("columns_shifted")
    assert fails(report) == {("columns_shifted", found.subject)}
    assert {"dew", "humidity"} <= set(found.subject.split(", "))
    assert (found.value, found.n, found.evidence["rows"]) == (1.0, 1000, [0, 1, 2, 3, 4])
    assert "'dew' holds 'humidity'" in found.why


def test_a_part_of_the_rows_that_moved_is_told_with_rows_that_did() -> None:
    before, now = _sensors(4000, 0), _sensors(2000, 1)
    found = _shift(_rotated(now, ["temp", "dew", "humidity", "wind"], 1, 0.2), before)
    assert found is not None
    assert 0.03 <= (found.value or 0) <= 0.25
    moved = np.random.default_rng(0).random(2000) < 0.2
    assert moved[found.evidence["rows"]].mean() >= 0.8


def test_two_columns_that_took_one_anothers_place_are_a_shift() -> None:
    before, now = _sensors(4000, 0), _sensors(1000, 1)
    found = _shift(now.with_columns(temp="humidity", humidity="temp"), before)
    assert found is not None
    assert (found.verdict, found.subject) == ("fail", "temp, humidity")


@pytest.mark.parametrize("warmer", [-8.0, 8.0])
def test_a_season_that_brings_each_column_to_the_next_is_no_shift(warmer: float) -> None:
    rng = np.random.default_rng(7)
    mean = rng.normal(10, 3, 4000)
    days = pl.DataFrame({name: mean + 8 * i for i, name in enumerate(["least", "mean", "most"])})
    assert _shift(days[:1000] + warmer, days[1000:]) is None


@pytest.mark.parametrize("warmer", [-12.0, -8.0, 8.0, 12.0, 20.0])
def test_a_season_that_moves_columns_towards_their_neighbours_is_no_shift(warmer: float) -> None:
    assert _shift(_sensors(1000, 2, warmer), _sensors(4000, 0)) is None


def test_a_part_of_the_rows_with_large_sums_in_all_columns_is_no_shift() -> None:
    rng = np.random.default_rng(5)
    for seed in range(20):
        size = np.random.default_rng(seed).lognormal(0, 1.2, 3000)
        size[: 100 * (seed % 8)] *= 10
        frame = pl.DataFrame(
            {name: size * 10**i * rng.lognormal(0, 0.2, 3000) for i, name in enumerate("abcd")}
        )
        assert _shift(frame[:1500], frame[1500:]) is None


def test_a_window_of_months_that_moved_on_is_warned_of_only() -> None:
    rng = np.random.default_rng(6)
    sales = [rng.normal(level, 10, 2000) for level in (100, 220, 140, 300, 90, 260)]
    before = pl.DataFrame({f"sales_{i}": sales[4 - i] for i in range(4)})
    after = pl.DataFrame({f"sales_{i}": sales[5 - i] for i in range(4)})
    found = _shift(after, before)
    assert found is not None
    assert found.verdict == "warn"
    assert "window that moved on" in found.why


@pytest.mark.real
@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("bike/hour.csv", BIKE),
        ("pm25/beijing_pm25.csv", ["DEWP", "TEMP", "PRES", "cbwd", "Iws"]),
        (
            "churn/telco_churn.csv",
            ["tenure", "PhoneService", "MultipleLines", "InternetService", "OnlineSecurity"],
        ),
        ("adult/adult.parquet", ["workclass", "fnlwgt", "education", "education_num"]),
        (
            "credit/default_credit_card.parquet",
            ["LIMIT_BAL", "SEX", "EDUCATION", "MARRIAGE", "AGE"],
        ),
    ],
)
def test_rotated_columns_of_real_tables_are_told_as_a_shift(
    path: str, columns: list[str], step: int
) -> None:
    frame = read(real_data(path)).frame
    half = frame.height // 2
    before, after = frame[:half], frame[half:]
    past = profile(before, types(before))
    for share in (1.0, 0.2):
        found = find_shift(_rotated(after, columns, step, share), past)
        assert found is not None
        assert not found.rolling
        assert {name for name, _ in found.moves} <= set(columns)


@pytest.mark.real
@pytest.mark.parametrize("parts", [12])
@pytest.mark.parametrize(
    "path",
    [
        "bike/hour.csv",
        "pm25/beijing_pm25.csv",
        "weather/noaa_bellevue.csv",
        "elec2/elec2.parquet",
        "churn/telco_churn.csv",
        "credit/default_credit_card.parquet",
        "adult/adult.parquet",
    ],
)
def test_no_columns_moved_in_unaltered_slices(path: str, parts: int) -> None:
    frame = read(real_data(path)).frame
    size = frame.height // parts
    slices = [frame[i * size : (i + 1) * size] for i in range(min(parts, 5))]
    for before, after in pairwise(slices):
        assert find_shift(after, profile(before, types(before))) is None
