"""The order of rows is taken for time only where consecutive rows depend on one another."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evermodel.data.proposing.order import row_order


def walk(n: int, keep: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    out = np.zeros(n)
    for i in range(1, n):
        out[i] = keep * out[i - 1] + rng.normal()
    return out


def stream(seed: int = 0, n: int = 1500) -> pl.DataFrame:
    x = walk(n, 0.8, seed)
    y = walk(n, 0.6, seed + 1) + 0.5 * x
    return pl.DataFrame({"x": x, "y": (y > 0).astype(int)})


@pytest.mark.parametrize("seed", range(5))
def test_a_stream_is_found(seed: int) -> None:
    found = row_order(stream(seed), "y", ["x"])
    assert found.depends
    assert found.p <= 0.01


@pytest.mark.parametrize("seed", range(5))
def test_a_shuffled_stream_is_none(seed: int) -> None:
    frame = stream(seed).sample(fraction=1, shuffle=True, seed=seed)
    assert not row_order(frame, "y", ["x"]).depends


def test_rows_sorted_by_the_target_are_no_stream() -> None:
    assert not row_order(stream().sort("y"), "y", ["x"]).depends


def test_rows_sorted_by_a_feature_are_no_stream() -> None:
    rng = np.random.default_rng(1)
    x = np.sort(rng.normal(size=2000))
    frame = pl.DataFrame({"x": x, "z": rng.normal(size=2000), "y": x + rng.normal(size=2000)})
    assert not row_order(frame, "y", ["x", "z"]).depends


def test_rows_grouped_by_a_category_are_no_stream() -> None:
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(300), 6)
    level = rng.normal(size=300)[group]
    frame = pl.DataFrame(
        {
            "city": [f"c{g:03d}" for g in group],
            "x": level + rng.normal(size=1800),
            "y": level + rng.normal(size=1800),
        }
    )
    found = row_order(frame, "y", ["city", "x"])
    assert not found.depends
    assert "'city'" in found.why


def test_visits_of_one_patient_after_another_are_no_stream_of_all() -> None:
    frame = stream(n=2000).with_columns(patient_id=pl.Series(np.repeat(np.arange(100), 20)))
    assert not row_order(frame, "y", ["x"], keys=["patient_id"]).depends


def test_few_rows_tell_nothing() -> None:
    assert not row_order(stream(n=100), "y", ["x"]).depends


def test_the_false_alarm_rate_on_independent_rows_is_low() -> None:
    rng = np.random.default_rng(5)
    found = [
        row_order(
            pl.DataFrame({"x": rng.normal(size=300), "y": rng.integers(0, 2, 300)}), "y", ["x"]
        ).depends
        for _ in range(100)
    ]
    assert sum(found) <= 1
