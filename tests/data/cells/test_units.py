"""A slip of units in a part of a column is named, however many cells it is, and a mixture is not.

The long simulation is benchmarks/unit_slips.py; this is a slice of it with fixed seeds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from evermodel.data.cells import Cell, suspect_cells
from evermodel.data.cells.columns import read_columns
from evermodel.data.cells.extremes import extremes
from evermodel.data.second_units import second_unit

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

FAMILIES: dict[str, Draw] = {
    "lognormal": lambda rng, n: rng.lognormal(3, 0.8, n),
    "normal": lambda rng, n: rng.normal(70, 10, n),
    "gamma": lambda rng, n: rng.gamma(4, 10, n),
    "bimodal": lambda rng, n: np.where(
        rng.random(n) < 0.5, rng.normal(20, 3, n), rng.normal(60, 8, n)
    ),
    "integers": lambda rng, n: 1.0 + rng.poisson(30, n).astype(np.float64),
    "prices": lambda rng, n: rng.lognormal(3, 0.7, n).round(2),
}
CLEAN: dict[str, Draw] = {
    "incomes": lambda rng, n: rng.lognormal(8, 1.5, n).round(),
    "populations": lambda rng, n: np.floor(rng.pareto(1.05, n) * 500) + 1,
    "wide prices": lambda rng, n: rng.lognormal(3, 2.5, n).round(2),
    "dust": lambda rng, n: rng.gamma(1.2, 80, n).round(),
    "many zeros": lambda rng, n: np.where(rng.random(n) < 0.7, 0, rng.lognormal(5, 1.2, n)),
    "both signs": lambda rng, n: rng.standard_t(1.5, n),
    "counts": lambda rng, n: rng.poisson(2, n).astype(np.float64),
    "shares": lambda rng, n: rng.beta(0.4, 3, n).round(4),
    "a ceiling": lambda rng, n: np.where(rng.random(n) < 0.1, 99999, rng.lognormal(7, 1, n)),
    "two kinds, far apart": lambda rng, n: np.where(
        rng.random(n) < 0.15, rng.lognormal(7, 0.4, n), rng.lognormal(2, 0.7, n)
    ).round(2),
    "halves a factor 100 apart": lambda rng, n: np.where(
        rng.random(n) < 0.4, rng.normal(2000, 300, n), rng.normal(20, 3, n)
    ).round(2),
}


def outliers(values: Floats, **others: list[str]) -> list[Cell]:
    frame = pl.DataFrame({"x": [f"{v:.10g}" for v in values], **others})
    return [cell for cell in suspect_cells(frame) if cell.column == "x" and cell.kind == "outlier"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_any_number_of_slipped_values_is_found_with_its_factor(family: str, factor: float) -> None:
    rng = np.random.default_rng(3)
    found = 0
    plans = [(200, k) for k in (5, 20, 40)] + [(5000, k) for k in (5, 15, 40, 60, 250, 1000)]
    for n, k in plans:
        values = FAMILIES[family](rng, n)
        slipped = rng.choice(n, k, replace=False)
        values[slipped] *= factor
        slip = second_unit(values)
        if slip is None:
            continue
        hits = int(np.isin(np.flatnonzero(slip.which), slipped).sum())
        right = slip.unit.factor == pytest.approx(factor) and int(slip.which.sum()) == hits
        found += right and hits >= 0.95 * k
    assert found >= len(plans) - 1


@pytest.mark.parametrize("family", CLEAN)
def test_clean_columns_hold_no_slip_however_skewed_or_mixed(family: str) -> None:
    rng = np.random.default_rng(4)
    alarms = [second_unit(CLEAN[family](rng, n)) for n in (100, 200, 1000, 5000) for _ in range(25)]
    assert sum(alarm is not None for alarm in alarms) == 0


@pytest.mark.parametrize("k", [15, 40, 60])
def test_slipped_cells_are_named_with_reason_and_what_to_write(k: int) -> None:
    rng = np.random.default_rng(k)
    values = rng.lognormal(6, 0.8, 5000).round(2)
    right = dict(zip(rng.choice(5000, k, replace=False).tolist(), values, strict=False))
    right = {row: float(values[row]) for row in right}
    values[list(right)] *= 1000
    cells = outliers(values)
    assert {cell.row for cell in cells} == set(right)
    assert all(float(cell.suggestion) == pytest.approx(right[cell.row]) for cell in cells)
    assert {cell.reason for cell in cells} == {
        "It is 1,000 times greater than the usual values: another unit, perhaps."
    }


def test_two_slips_of_one_column_are_both_named() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(70, 9, 2000).round(1)
    values[:30] *= 1000
    values[30:60] /= 100
    cells = outliers(values)
    assert {cell.row for cell in cells} == set(range(60))


def test_degrees_minutes_and_pounds_are_told_by_what_the_others_are() -> None:
    rng = np.random.default_rng(1)
    heat, hours, mass = rng.normal(20, 4, 1000), rng.gamma(9, 1, 1000), rng.normal(70, 4, 1000)
    heat[:40] = heat[:40] * 1.8 + 32
    hours[:40] *= 60
    mass[:40] /= 0.45359237
    said = {}
    for name, values in (("temperature", heat), ("hours_worked", hours), ("mass", mass)):
        found = second_unit(values, name)
        assert found is not None
        assert np.flatnonzero(found.which).tolist() == list(range(40))
        said[name] = found.unit.said
    assert "Fahrenheit for Celsius" in said["temperature"]
    assert said["hours_worked"].startswith("60 times")
    assert "pounds" in said["mass"]


def test_things_of_another_kind_that_another_column_tells_are_no_slip() -> None:
    rng = np.random.default_rng(2)
    dear = rng.random(2000) < 0.1
    price = np.where(dear, 100, 1) * rng.lognormal(3, 0.4, 2000).round(2)
    assert len(outliers(price)) == dear.sum()
    assert outliers(price, kind=["bicycle" if d else "bell" for d in dear]) == []
    weight = np.where(dear, rng.normal(12, 1, 2000), rng.normal(0.2, 0.05, 2000).clip(0.1))
    assert outliers(price, kg=[f"{w:.2f}" for w in weight]) == []
    town = [str(t) for t in rng.choice(["Bern", "Basel", "Chur"], 2000)]
    assert len(outliers(price, town=town)) == dear.sum()


@pytest.mark.parametrize("k", [3, 5, 8])
def test_a_few_values_close_together_are_a_thing_of_their_own(k: int) -> None:
    """Orders of one large customer, twelve times the middle, are no slip of a factor of ten."""
    rng = np.random.default_rng(k)
    claims = 0
    for _ in range(40):
        values = rng.lognormal(3, 0.4, 1000)
        values[:k] = 12 * np.exp(3) * rng.lognormal(0, 0.05, k)
        claims += second_unit(values) is not None
    assert claims <= 2


def test_a_value_that_repeats_is_no_sample_of_the_others() -> None:
    rng = np.random.default_rng(5)
    values = rng.lognormal(3, 0.5, 2000).round(2)
    values[:60] = 20000.0
    assert second_unit(values) is None


def _wide(columns: int, rows: int = 50) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    draws = (rng.random, lambda n: rng.beta(2.0, 1.0, n), lambda n: rng.normal(170.0, 9.0, n))
    made = {f"x{n}": np.round(draws[n % 3](rows), 4) for n in range(columns)}
    return pl.DataFrame(made).cast(pl.String)


def test_thousands_of_clean_columns_hold_no_cell_of_another_unit() -> None:
    columns = read_columns(_wide(2_000))
    # Every tenth of them takes a tenth of the time, and is judged as one of 2,000.
    found = [claim for column in columns[::10] for claim in extremes(column, others=columns)]
    assert not [claim.place for claim in found if "unit" in claim.reason]


def test_slips_of_units_are_found_among_thousands_of_columns_too() -> None:
    frame = _wide(2_000)
    heights = frame["x2"].cast(pl.Float64).to_numpy().copy()
    heights[[7, 20, 33]] /= 100.0
    one = frame["x5"].cast(pl.Float64).to_numpy().copy()
    one[9] /= 100.0
    slipped = [pl.Series("x2", heights.round(6)), pl.Series("x5", one.round(6))]
    columns = read_columns(frame.with_columns(series.cast(pl.String) for series in slipped))
    for place, rows in ((2, [7, 20, 33]), (5, [9])):
        claims = list(extremes(columns[place], others=columns))
        assert [claim.rows.tolist() for claim in claims if "unit" in claim.reason] == [rows]


def test_heights_are_not_called_pounds() -> None:
    """Weights among the heights of a column in cm are told, and not turned into other heights."""
    rng = np.random.default_rng(5)
    heights = rng.normal(169, 8, 900).round()
    heights[[5, 60, 200, 300, 700, 800]] = [75, 82, 64, 71, 69, 90]
    found = suspect_cells(pl.DataFrame({"Height (cm)": [f"{each:.0f}" for each in heights]}))
    assert {cell.row for cell in found} == {5, 60, 200, 300, 700, 800}
    assert {cell.suggestion for cell in found} == {""}
