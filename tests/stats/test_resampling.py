"""Resampled intervals hold what they promise where rows hang together, and counts merge."""

from collections.abc import Callable
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.special import expit

from evermodel.errors import InputError
from evermodel.stats import metrics
from evermodel.stats.arrays import Codes, Floats
from evermodel.stats.counts import MetricCounts
from evermodel.stats.drawn_calibration import drawn_ece
from evermodel.stats.intervals import delong, ece_interval, wilson
from evermodel.stats.resampling import (
    Units,
    block_length,
    blocks,
    clusters,
    interval_of_draws,
    resampled,
    single_rows,
)
from evermodel.stats.scored import RANGES, binary_bootstrap

ROUNDS = 100
LEAST = 0.95 - 3 * (0.95 * 0.05 / ROUNDS) ** 0.5


def _world(rng: np.random.Generator, keys: int, rows: int) -> tuple[Codes, Floats, Codes]:
    """Customers whose rows share what the score does not know."""
    key = np.repeat(np.arange(keys), rows)
    margin = rng.normal(size=keys)[key] + 0.5 * rng.normal(size=key.size)
    own = 1.2 * rng.normal(size=keys)[key]
    y = (rng.random(key.size) < expit(1.5 * margin + own)).astype(np.int64)
    return y, expit(1.5 * margin), key


def test_a_cluster_bootstrap_covers_the_truth_where_intervals_of_single_rows_do_not() -> None:
    rng = np.random.default_rng(1)
    y, p, _ = _world(rng, 100_000, 5)
    truth = {name: value for name, (value, _) in _measured(y, p, None, resamples=2).items()}
    held = dict.fromkeys(RANGES, 0)
    naive = 0
    for seed in range(ROUNDS):
        y, p, key = _world(rng, 60, 8)
        for name, (_, interval) in _measured(y, p, clusters(key), seed=seed).items():
            held[name] += interval.low <= truth[name] <= interval.high
        alone = wilson(int((y == (p >= 0.5)).sum()), y.size)
        naive += alone.low <= truth["accuracy"] <= alone.high
    shares = {name: count / ROUNDS for name, count in held.items()}
    assert min(shares.values()) >= LEAST, shares
    assert naive / ROUNDS < LEAST


def _measured(y: Codes, p: Floats, units: Units | None, seed: int = 0, resamples: int = 300):  # type: ignore[no-untyped-def]
    return binary_bootstrap(y, p, p >= 0.5, units=units, seed=seed, resamples=resamples)


def test_the_calibration_error_of_clusters_is_not_seen_where_there_is_none() -> None:
    rng = np.random.default_rng(5)
    seen = blind = found = 0
    for seed in range(ROUNDS):
        key = np.repeat(np.arange(60), 8)
        p = expit(1.5 * rng.normal(size=60))[key]
        # A customer's rows are mostly alike: each is right on average, and they tell much less.
        alike, own = rng.random(60)[key], rng.random(key.size)
        y = (np.where(rng.random(key.size) < 0.8, alike, own) < p).astype(np.int64)
        off = (np.where(rng.random(key.size) < 0.8, alike, own) < p**3).astype(np.int64)
        units = clusters(key)
        seen += drawn_ece(y, p, units, seed=seed)[1].low > 0
        blind += ece_interval(y, p).low > 0
        found += drawn_ece(off, p, units, seed=seed)[1].low > 0
    assert seen / ROUNDS <= 1 - LEAST
    assert blind / ROUNDS > 0.3
    assert found / ROUNDS > 0.5


def test_a_block_bootstrap_covers_the_mean_of_a_series_that_remembers() -> None:
    rng = np.random.default_rng(2)
    held = alone = 0
    for seed in range(ROUNDS):
        x = lfilter([1.0], [1.0, -0.6], rng.normal(size=700))
        for units in (blocks(np.arange(700), x), single_rows(700)):
            drawn = np.concatenate(
                [w @ x / w.sum(axis=1) for w in resampled(units, seed=seed, resamples=300)]
            )
            low, high, *_ = interval_of_draws(float(x.mean()), drawn, units.independent)
            if units.length > 1:
                held += low <= 0 <= high
            else:
                alone += low <= 0 <= high
    assert held / ROUNDS >= 0.88  # blocks of finite length miss a little of the memory
    assert alone / ROUNDS < 0.8


def test_the_block_grows_with_the_memory_and_is_one_without() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(size=4000)
    smooth = np.convolve(noise, np.ones(20), mode="valid")
    assert block_length(noise) <= 3
    assert block_length(smooth) > 10
    assert block_length(np.ones(50)) == 1


@pytest.mark.parametrize("make", [single_rows, lambda n: clusters(np.arange(n) // 4)])
def test_a_resample_draws_units_as_a_whole(make: Callable[[int], Units]) -> None:
    units = make(40)
    for batch in resampled(units, seed=0, resamples=20):
        for row in batch:
            each = [set(row[units.of_row == u]) for u in range(units.count)]
            assert all(len(times) == 1 for times in each)
            assert row.sum() == 40


def test_blocks_are_times_in_a_row_and_go_round_the_end() -> None:
    units = Units(of_row=np.arange(10), count=10, length=5, name="blocks")
    for batch in resampled(units, seed=0, resamples=50):
        assert (batch.sum(axis=1) == 10).all()
        assert batch.max() <= 2


def test_the_fast_bootstrap_agrees_with_the_interval_of_delong_and_with_weights_of_two() -> None:
    rng = np.random.default_rng(4)
    p = rng.random(20_000)
    y = (rng.random(p.size) < p).astype(np.int64)
    value, found = binary_bootstrap(y, p, p >= 0.5)["roc_auc"]
    known = delong(y, p)
    assert value == pytest.approx(metrics.roc_auc(y, p), abs=1e-12)
    assert found.low == pytest.approx(known.low, abs=0.0015)
    assert found.high == pytest.approx(known.high, abs=0.0015)
    doubled = binary_bootstrap(y, p, p >= 0.5, weight=np.full(p.size, 2.0))["roc_auc"]
    assert doubled[0] == pytest.approx(value, abs=1e-12)
    assert doubled[1] == pytest.approx(found)


def test_draws_that_are_all_alike_say_how_few_units_there_are() -> None:
    y, p = np.repeat([0, 1], 40), np.repeat([0.1, 0.9], 40)
    _, interval = binary_bootstrap(y, p, p >= 0.5, units=clusters(np.arange(80) // 8))["accuracy"]
    assert interval.low == pytest.approx(wilson(10, 10).low)
    assert "Wilson" in interval.method


rows = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 200), st.integers(0, 3)), min_size=1, max_size=60
)


@settings(max_examples=150, deadline=None)
@given(rows, st.lists(st.integers(0, 60), max_size=5), st.randoms(), st.sampled_from([8, 1000]))
def test_any_partition_of_the_rows_merged_in_any_order_gives_the_same_numbers(
    given_rows: list[tuple[int, int, int]], cuts: list[int], order: object, distinct: int
) -> None:
    def count(part: list[tuple[int, int, int]]) -> MetricCounts:
        y, p, w = np.asarray(part, np.int64).reshape(-1, 3).T
        return MetricCounts.of(y, p / 200, weight=w / 3, distinct=distinct)

    whole = count(given_rows)
    ends = sorted({0, len(given_rows), *(cut for cut in cuts if cut < len(given_rows))})
    parts = [count(given_rows[a:b]) for a, b in pairwise(ends)]
    order.shuffle(parts)  # type: ignore[attr-defined]
    for merged in (reduce(MetricCounts.merged, parts), _backwards(parts)):
        assert (merged.count == whole.count).all()
        assert merged.roc_auc_error == pytest.approx(whole.roc_auc_error, nan_ok=True, abs=0)
        assert merged.metrics() == pytest.approx(whole.metrics(), nan_ok=True, abs=0, rel=0)


def _backwards(parts: list[MetricCounts]) -> MetricCounts:
    out = parts[-1]
    for part in reversed(parts[:-1]):
        out = part.merged(out)
    return out


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 400), st.sampled_from([4, 16, 64, 4096]))
def test_counts_give_the_metrics_of_the_rows_and_bound_the_error_of_the_area(
    seed: int, n: int, distinct: int
) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    y = np.r_[0, 1, (rng.random(n - 2) < p[2:])].astype(np.int64)
    counts = MetricCounts.of(y, p, distinct=distinct)
    found = counts.metrics()
    rates = metrics.binary_rates(metrics.confusion(y, p >= 0.5, 2))
    assert {name: found[name] for name in rates} == pytest.approx(
        {name: float(value) for name, value in rates.items()}, abs=1e-9
    )
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, p), abs=1e-9)
    assert found["brier"] == pytest.approx(metrics.brier(y, p), abs=1e-9)
    assert abs(found["roc_auc"] - metrics.roc_auc(y, p)) <= counts.roc_auc_error + 1e-12
    if n <= distinct:
        assert counts.roc_auc_error == 0.0
        assert found["average_precision"] == pytest.approx(
            metrics.average_precision(y, p), abs=1e-9
        )


@pytest.mark.parametrize(
    ("y", "p", "weight"),
    [
        ([0, 1], [0.1, np.nan], None),
        ([0, 1], [0.1, 1.2], None),
        ([0, 2], [0.1, 0.2], None),
        ([0, 1], [0.1, 0.2], [1.0, -1.0]),
        ([0, 1], [0.1], None),
    ],
)
def test_counts_refuse_what_they_cannot_count(
    y: list[int], p: list[float], weight: list[float] | None
) -> None:
    with pytest.raises(InputError):
        MetricCounts.of(y, p, weight=weight)
