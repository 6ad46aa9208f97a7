"""The gate finds broken batches and lets changed ones through."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import msgspec
import numpy as np
import polars as pl
import pytest

from evermodel.data import gate
from evermodel.records import ColumnType, Report
from evermodel.tables import Profile, profile, read
from tests.real import real_data

RNG = np.random.default_rng(5)


def types(frame: pl.DataFrame) -> dict[str, ColumnType]:
    found: dict[str, ColumnType] = {}
    for name, dtype in frame.schema.items():
        if dtype.is_numeric():
            found[name] = "number"
        elif dtype.is_temporal():
            found[name] = "timestamp"
        else:
            found[name] = "boolean" if dtype == pl.Boolean else "category"
    return found


def usual(n: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": np.arange(n) + n * seed,
            "weight": rng.normal(70, 12, n),
            "price": rng.lognormal(3, 0.8, n),
            "temp": rng.normal(20, 5, n),
            "bonus": np.where(rng.random(n) < 0.9, 0.0, rng.uniform(500, 900, n)),
            "plan": rng.choice(["free", "basic", "pro"], n, p=[0.5, 0.3, 0.2]),
        }
    )


PAST = profile(usual(4000, 0), types(usual(10, 0)))
NEW = usual(1000, 1)
SOME = pl.Series(np.random.default_rng(0).random(1000) < 0.3)


def fails(report: Report) -> set[tuple[str, str]]:
    return {(r.name, r.subject) for r in report.results if r.verdict == "fail"}


def test_an_ordinary_batch_passes() -> None:
    assert gate(NEW, PAST, key=["id"]).verdict == "pass"


def changed(column: str, make: Callable[[pl.Expr], pl.Expr]) -> pl.DataFrame:
    return NEW.with_columns(make(pl.col(column)).alias(column))


def partly(column: str, make: Callable[[pl.Expr], pl.Expr]) -> pl.DataFrame:
    return changed(column, lambda x: pl.when(pl.lit(SOME)).then(make(x)).otherwise(x))


@pytest.mark.parametrize(
    ("batch", "name", "column"),
    [
        (changed("weight", lambda x: x * 1000), "unit_slip", "weight"),
        (changed("weight", lambda x: x / 1000), "unit_slip", "weight"),
        (changed("weight", lambda x: x / 0.45359237), "unit_slip", "weight"),
        (changed("price", lambda x: x * 100), "unit_slip", "price"),
        (changed("temp", lambda x: x * 1.8 + 32), "unit_slip", "temp"),
        (changed("temp", lambda x: x + 273.15), "unit_slip", "temp"),
        (changed("temp", lambda x: -x), "unit_slip", "temp"),
        (changed("bonus", lambda x: x * 100), "unit_slip", "bonus"),
        (partly("weight", lambda x: x * 1000), "unit_slip", "weight"),
        (partly("weight", lambda x: x / 1000), "unit_slip", "weight"),
        (partly("price", lambda x: x * 0), "default_flood", "price"),
        (partly("weight", lambda x: x * 0 + 999), "default_flood", "weight"),
        (changed("weight", lambda x: x.first()), "default_flood", "weight"),
        (changed("plan", lambda x: pl.lit("unknown")), "values_changed", "plan"),
        (changed("plan", lambda x: x.str.to_uppercase()), "values_changed", "plan"),
        (partly("weight", lambda x: pl.lit(None)), "feed_stopped", "weight"),
        (changed("plan", lambda x: pl.lit(None, pl.String)), "feed_stopped", "plan"),
        (changed("weight", lambda x: x.cast(pl.String) + " kg"), "type_changed", "weight"),
        (NEW.drop("price"), "column_missing", "price"),
        (pl.concat([NEW, NEW]), "delivered_twice", "rows"),
        (pl.concat([NEW, NEW.head(200)]), "delivered_twice", "rows"),
        (pl.concat([NEW, NEW]).sample(fraction=1, shuffle=True, seed=1), "delivered_twice", "rows"),
        (NEW.clear(), "rows", "rows"),
    ],
)
def test_a_broken_batch_is_found_and_named(batch: pl.DataFrame, name: str, column: str) -> None:
    report = gate(batch, PAST)
    assert fails(report) == {(name, column)}
    assert report.find(name, column).why


def test_the_fault_is_shown_by_rows_and_examples() -> None:
    found = gate(partly("weight", lambda x: x * 1000), PAST).find("unit_slip")
    first = SOME.arg_true().to_list()[:5]
    assert found.evidence["rows"] == first
    assert float(found.evidence["examples"][0]) == NEW["weight"][first[0]] * 1000
    assert "1,000" in found.why


@pytest.mark.parametrize(
    "batch",
    [
        changed("weight", lambda x: x + 15),
        changed("price", lambda x: x * 1.6),
        changed("price", lambda x: x * 3),
        changed("temp", lambda x: x - 18),
        changed("plan", lambda x: pl.lit("pro")),
        partly("plan", lambda x: pl.lit("family")),
        partly("bonus", lambda x: x * 0),
        NEW.with_columns(extra=pl.lit(1)),
    ],
)
def test_a_changed_batch_is_no_broken_one(batch: pl.DataFrame) -> None:
    assert fails(gate(batch, PAST)) == set()


def test_keys_that_never_repeated_and_now_do_are_a_second_delivery() -> None:
    again = NEW.head(200).with_columns(pl.col("price") + 0.01)
    report = gate(pl.concat([NEW, again]), PAST, key=["id"])
    assert fails(report) == {("delivered_twice", "id")}


def _calendar(rng: np.random.Generator, n: int) -> pl.DataFrame:
    hour = int(rng.integers(0, 9999)) + np.arange(n)
    return pl.DataFrame({"hour": hour % 24, "day": hour // 24 % 7})


SOUND: dict[str, Callable[[np.random.Generator, int], pl.DataFrame]] = {
    "flag and plan": lambda rng, n: pl.DataFrame(
        {"flag": rng.random(n) < 0.5, "plan": rng.choice(["a", "b"], n)}
    ),
    "one rare flag": lambda rng, n: pl.DataFrame({"flag": rng.random(n) < 0.02}),
    "three categories": lambda rng, n: pl.DataFrame(
        {c: rng.choice(["x", "y", "z"], n, p=[0.6, 0.3, 0.1]) for c in "abc"}
    ),
    "many categories, one usual row": lambda rng, n: pl.DataFrame(
        {c: np.where(rng.random(n) < 0.03, rng.integers(0, 50, n), 0) for c in "abcd"}
    ),
    "by turns": lambda rng, n: pl.DataFrame({"side": ["left", "right"] * (n // 2)}),
    "calendar": _calendar,
    "two small counts": lambda rng, n: pl.DataFrame(
        {"a": rng.poisson(2, n), "b": rng.poisson(1, n)}
    ),
    "numbers": lambda rng, n: pl.DataFrame({"x": rng.normal(size=n), "k": rng.integers(0, 9, n)}),
    "rounded numbers": lambda rng, n: pl.DataFrame(
        {"x": rng.normal(size=n).round(1), "y": rng.normal(size=n).round(1)}
    ),
}


@pytest.mark.parametrize("kind", SOUND)
def test_rows_that_are_alike_by_chance_are_no_second_delivery(kind: str) -> None:
    rng = np.random.default_rng(0)
    usual = SOUND[kind](rng, 2000)
    past = profile(usual, types(usual))
    alarms = 0
    for i in range(400):
        report = gate(SOUND[kind](rng, (40, 200, 350)[i % 3] // 2 * 2), past)
        alarms += any(name == "delivered_twice" for name, _ in fails(report))
    assert alarms == 0  # none in 3,600 sound batches, all kinds together


def test_a_short_delivery_that_came_twice_is_found() -> None:
    short = NEW.head(20)
    assert fails(gate(pl.concat([short, short]), PAST)) == {("delivered_twice", "rows")}


def test_small_batches_are_judged_by_columns_and_types_only() -> None:
    tiny = changed("weight", lambda x: x * 1000).head(5)
    assert gate(tiny, PAST).find("rows").verdict == "unknown"
    assert fails(gate(tiny, PAST)) == set()
    assert fails(gate(tiny.drop("price"), PAST)) == {("column_missing", "price")}


def test_a_profile_that_went_through_json_judges_alike() -> None:
    stored = msgspec.json.decode(msgspec.json.encode(PAST), type=Profile)
    assert fails(gate(changed("weight", lambda x: x * 1000), stored)) == {("unit_slip", "weight")}


def test_the_prediction_in_a_reference_is_not_asked_of_a_batch() -> None:
    past = profile(
        usual(4000, 0).with_columns(prediction=pl.lit(0.5)),
        types(usual(9, 0)) | {"prediction": "number"},
    )
    assert gate(NEW, past).verdict == "pass"


@pytest.mark.real
@pytest.mark.parametrize("parts", [4, 12, 40])
@pytest.mark.parametrize(
    "path",
    [
        "retail/online_retail.parquet",
        "bike/hour.csv",
        "elec2/elec2.parquet",
        "weather/noaa_bellevue.csv",
        "credit/default_credit_card.parquet",
    ],
)
def test_unaltered_slices_of_drifting_data_pass(path: str, parts: int) -> None:
    frame = read(real_data(path)).frame
    size = frame.height // parts
    slices = [frame[i * size : (i + 1) * size] for i in range(parts)]
    for before, after in pairwise(slices):
        assert fails(gate(after, profile(before, types(before)))) == set()


@pytest.mark.real
def test_planted_slips_in_real_prices_temperatures_and_ages_are_found() -> None:
    plans = [
        ("retail/online_retail.parquet", "UnitPrice"),
        ("bike/hour.csv", "hum"),
        ("weather/noaa_bellevue.csv", "feat_3"),
        ("elec2/elec2.parquet", "nswdemand"),
        ("adult/adult.parquet", "age"),
        ("churn/telco_churn.csv", "MonthlyCharges"),
    ]
    found = []
    for path, column in plans:
        frame = read(real_data(path)).frame
        size = frame.height // 8
        past = profile(frame[: 4 * size], types(frame))
        batch = frame[4 * size : 5 * size]
        for factor in (0.001, 0.01, 100.0, 1000.0):
            slipped = batch.with_columns((pl.col(column) * factor).alias(column))
            found.append(("unit_slip", column) in fails(gate(slipped, past)))
    assert sum(found) >= 0.9 * len(found)


def test_a_few_slipped_rows_in_the_reference_do_not_hide_a_batch_of_them() -> None:
    rng = np.random.default_rng(3)
    usual = rng.lognormal(6.5, 0.5, 5000)
    usual[::125] *= 1000
    past = profile(pl.DataFrame({"kwh": usual}), {"kwh": "number"})
    winter = pl.DataFrame({"kwh": rng.lognormal(7.0, 0.2, 430)})
    assert gate(winter, past).verdict == "pass"
    found = gate(winter * 1000, past).find("unit_slip", "kwh")
    assert (found.verdict, "a factor of 1,000:" in found.why) == ("fail", False)
    assert "a factor of 1,000 is" in found.why


@pytest.mark.parametrize("factor", [100.0, 1000.0, 0.001])
@pytest.mark.parametrize("k", [5, 10, 40, 150])
@pytest.mark.parametrize("wild", [False, True])
def test_a_slip_of_few_rows_is_found_though_earlier_data_held_a_wild_value(
    factor: float, k: int, wild: bool
) -> None:
    rng = np.random.default_rng(k)
    usual = rng.gamma(16, 5, 4000)
    if wild:
        usual[7] *= factor
    past = profile(pl.DataFrame({"kg": usual}), {"kg": "number"})
    batch = rng.gamma(16, 5, 500)
    rows = np.sort(rng.choice(500, k, replace=False))
    batch[rows] *= factor
    found = gate(pl.DataFrame({"kg": batch}), past).find("unit_slip", "kg")
    assert found.verdict == "fail"
    assert found.value == pytest.approx(k / 500)
    assert found.evidence["rows"] == rows[:5].tolist()


def test_degrees_of_another_scale_in_a_part_of_the_rows_are_found() -> None:
    rng = np.random.default_rng(8)
    past = profile(pl.DataFrame({"temp": rng.normal(20, 4, 4000)}), {"temp": "number"})
    batch = rng.normal(20, 4, 500)
    batch[:25] = batch[:25] * 1.8 + 32
    found = gate(pl.DataFrame({"temp": batch}), past).find("unit_slip", "temp")
    assert (found.verdict, found.value) == ("fail", 0.05)
    assert "Fahrenheit" in found.why


def test_skewed_batches_without_a_slip_pass_beside_earlier_ones() -> None:
    rng = np.random.default_rng(9)
    draws: list[Callable[[int], np.ndarray]] = [
        lambda n: rng.lognormal(3, 1.5, n),
        lambda n: rng.pareto(1.2, n) * 10,
        lambda n: rng.normal(0, 5, n),
        lambda n: np.where(rng.random(n) < 0.03, rng.lognormal(7, 0.3, n), rng.lognormal(3, 1, n)),
    ]
    for draw in draws:
        past = profile(pl.DataFrame({"x": draw(3000)}), {"x": "number"})
        assert sum(bool(fails(gate(pl.DataFrame({"x": draw(500)}), past))) for _ in range(30)) == 0
