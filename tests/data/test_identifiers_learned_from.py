"""Columns that number or name the rows are told where they would be learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evermodel.data.leakage.identifiers import identifiers
from evermodel.loop.beginning import check
from evermodel.tables import read
from tests.real import real_data

N = 400
RNG = np.random.default_rng(5)
ROWS = {
    "row": pl.Series("row", range(1, N + 1)),
    "order_id": pl.Series("order_id", RNG.permutation(9 * N)[:N]),
    "code": pl.Series("code", [f"M{i:06}" for i in RNG.permutation(N)]),
    "weight": pl.Series("weight", RNG.normal(70, 12, N)),
    "town": pl.Series("town", RNG.integers(0, 9, N)),
    "customer_id": pl.Series("customer_id", RNG.integers(0, N // 4, N)),
}


def test_what_numbers_or_names_each_row_is_told_and_what_repeats_is_not() -> None:
    found = {each.subject: each for each in identifiers(ROWS)}
    assert set(found) == {"row", "order_id", "code"}
    assert found["row"].evidence["rows"] == [0, 1, 2, 3, 4]
    assert {each.value for each in found.values()} == {1.0}
    assert set(identifiers(ROWS, told=set(found))) == set()


def test_a_few_names_that_stand_twice_are_names_all_the_same() -> None:
    again = ROWS["order_id"].gather([*range(N - 4), 0, 1, 2, 3])
    (found,) = identifiers({"order_id": again})
    assert found.value == pytest.approx(1 - 4 / N)
    assert not list(identifiers({"order_id": again.gather([*range(N - 9), *range(9)])}))


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bike/hour.csv", {"instant"}),
        ("pm25/beijing_pm25.csv", {"No"}),
        ("churn/telco_churn.csv", {"customerID"}),
        ("credit/default_credit_card.parquet", {"ID"}),
        ("adult/adult.parquet", set()),
        ("credit/german_credit.csv", set()),
        ("elec2/elec2.parquet", set()),
        ("weather/noaa_bellevue.csv", set()),
    ],
)
def test_no_column_of_real_files_is_told_that_numbers_or_names_no_rows(
    name: str, told: set[str]
) -> None:
    frame = read(real_data(name)).frame
    assert {each.subject for each in identifiers(frame.to_dict())} == told


@pytest.mark.real
def test_check_tells_the_row_number_of_a_real_file_and_not_its_key(tmp_path: Path) -> None:
    said = {
        name: {each.subject for each in report.results if each.name == "identifier"}
        for name, target in (("bike/hour.csv", "cnt"), ("churn/telco_churn.csv", "Churn"))
        for report in [check(real_data(name), tmp_path, target=target, thorough=False)]
    }
    assert said == {"bike/hour.csv": {"instant"}, "churn/telco_churn.csv": set()}
