"""A value that stands still is found from a share that no single value ever came near."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import polars as pl
import pytest

from evermodel.data import gate
from evermodel.tables import profile, read
from tests.data.test_gate import fails, types
from tests.real import real_data


def _weather(n: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    rain = np.where(rng.random(n) < 0.85, 0.0, rng.gamma(2, 3, n))
    return pl.DataFrame({"temp": rng.normal(12, 9, n).round(), "rain": rain})


PAST = profile(_weather(6000, 0), types(_weather(9, 0)))


def _stuck(frame: pl.DataFrame, column: str, value: float, share: float) -> pl.DataFrame:
    some = pl.Series(np.random.default_rng(1).random(frame.height) < share)
    return frame.with_columns(
        pl.when(some).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)
    )


@pytest.mark.parametrize("share", [0.25, 0.4, 0.6])
def test_a_usual_value_in_a_quarter_of_the_rows_is_a_sensor_that_stands_still(share: float) -> None:
    broken = _stuck(_weather(2000, 1), "temp", 12.0, share)
    report = gate(broken, PAST)
    assert fails(report) == {("stuck_value", "temp")}
    found = report.find("stuck_value")
    shown = (broken["temp"] == 12.0).arg_true()[:5].to_list()
    assert found.evidence == {"rows": shown, "examples": ["12.0"] * 5}
    assert found.value == pytest.approx((broken["temp"] == 12.0).mean())
    assert found.low is not None
    assert found.max is not None
    assert found.low >= found.max
    assert "12 is in" in found.why


def test_values_that_always_flood_their_column_are_silent() -> None:
    dry = _stuck(_weather(2000, 2), "rain", 0.0, 0.9)
    assert gate(dry, PAST).verdict == "pass"


def test_a_calm_day_of_few_values_is_no_sensor_that_stands_still() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        day = pl.DataFrame({"temp": rng.normal(8, 1.2, 48).round(), "rain": np.zeros(48)})
        assert fails(gate(day, PAST)) == set()


def test_a_customer_who_buys_much_is_no_sensor_that_stands_still() -> None:
    rng = np.random.default_rng(4)
    past = profile(pl.DataFrame({"customer_id": rng.integers(0, 900, 4000)}), {
        "customer_id": "number"
    })  # fmt: skip
    batch = _stuck(pl.DataFrame({"customer_id": rng.integers(0, 900, 1000)}), "customer_id", 7, 0.5)
    assert fails(gate(batch, past)) == set()


def test_a_profile_that_does_not_know_its_heap_judges_by_its_fullest_bin() -> None:
    columns = tuple(msgspec.structs.replace(each, heap=None) for each in PAST.columns)
    older = msgspec.structs.replace(PAST, columns=columns)
    assert fails(gate(_stuck(_weather(2000, 1), "temp", 12.0, 0.6), older)) == {
        ("stuck_value", "temp")
    }
    assert fails(gate(_weather(2000, 2), older)) == set()


@pytest.mark.real
@pytest.mark.parametrize("parts", [12])
@pytest.mark.parametrize(
    "path",
    ["weather/noaa_bellevue.csv", "bike/hour.csv", "pm25/beijing_pm25.csv"],
)
def test_no_value_stands_still_in_unaltered_slices(path: str, parts: int) -> None:
    frame = read(real_data(path)).frame
    size = frame.height // parts
    slices = [frame[i * size : (i + 1) * size] for i in range(parts)]
    for before, after in pairwise(slices):
        found = fails(gate(after, profile(before, types(before))))
        assert not [name for name, _ in found if name == "stuck_value"]


@pytest.mark.real
@pytest.mark.parametrize("share", [0.3, 0.4])
@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("pm25/beijing_pm25.csv", ["TEMP", "DEWP", "PRES"]),
        ("bike/hour.csv", ["temp", "hum"]),
        ("churn/telco_churn.csv", ["MonthlyCharges", "TotalCharges"]),
        ("adult/adult.parquet", ["age"]),
        ("credit/default_credit_card.parquet", ["AGE"]),
    ],
)
def test_a_value_planted_in_a_third_of_real_rows_is_found(
    path: str, columns: list[str], share: float
) -> None:
    frame = read(real_data(path)).frame.select(columns)
    size = frame.height // 8
    past = profile(frame[: 4 * size], types(frame))
    for column in columns:
        broken = _stuck(frame[5 * size : 6 * size], column, frame[column][4 * size], share)
        found = fails(gate(broken, past))
        assert found in ({("stuck_value", column)}, {("default_flood", column)})
