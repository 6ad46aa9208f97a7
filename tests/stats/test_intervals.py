"""Intervals hold what they promise: in simulated worlds whose truth is known."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from scipy.special import expit

from evermodel.stats import intervals, metrics
from evermodel.stats.arrays import Codes, Floats
from evermodel.stats.intervals import Interval
from evermodel.stats.reliability import equal_mass_bins

ROUNDS = 400
LEAST = 0.92  # three standard errors of 400 rounds below 0.95


def _world(rng: np.random.Generator, n: int, base: float) -> tuple[Codes, Floats]:
    """Outcomes, and probabilities that are too extreme."""
    margin = 1.5 * rng.normal(size=n) + base
    return (rng.random(n) < expit(margin)).astype(np.int64), expit(1.5 * margin)


def _share(hits: list[bool]) -> float:
    return sum(hits) / len(hits)


def _inside(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


@pytest.mark.parametrize(("n", "base"), [(150, 0.0), (400, -2.0)])
def test_intervals_of_a_classifier_cover_the_truth(n: int, base: float) -> None:
    rng = np.random.default_rng(7)
    y, p = _world(rng, 1_000_000, base)
    truth = {k: float(v) for k, v in metrics.binary_rates(_table(y, p)).items()}
    truth |= {"roc_auc": metrics.roc_auc(y, p), "log_loss": metrics.log_loss(y, p)}
    truth |= {"average_precision": metrics.average_precision(y, p), "brier": metrics.brier(y, p)}
    hits: dict[str, list[bool]] = {name: [] for name in truth}
    for seed in range(ROUNDS):
        y, p = _world(rng, n, base)
        for name, interval in _all(y, p, seed).items():
            hits[name].append(_inside(interval, truth[name]))
    shares = {name: _share(found) for name, found in hits.items()}
    assert min(shares.values()) >= LEAST, shares


def _table(y: Codes, p: Floats) -> Codes:
    return metrics.confusion(y, p >= 0.4, 2)


def _all(y: Codes, p: Floats, seed: int) -> Mapping[str, Interval]:
    table = _table(y, p)
    hit = int(table[1, 1])
    drawn = intervals.confusion_intervals(table, metrics.binary_rates, seed=seed, draws=800)
    return {
        **drawn,
        "accuracy": intervals.wilson(int(np.trace(table)), y.size),
        "precision": intervals.wilson(hit, int(table[:, 1].sum())),
        "recall": intervals.wilson(hit, int(table[1].sum())),
        "roc_auc": intervals.delong(y, p),
        "average_precision": intervals.average_precision_interval(y, p),
        "log_loss": intervals.mean_interval(metrics.log_losses(y, p), least=0.0),
        "brier": intervals.mean_interval(metrics.brier_scores(y, p), least=0.0),
    }


@pytest.mark.parametrize("n", [150, 1500])
def test_the_interval_of_the_calibration_error_covers_it_with_and_without_error(n: int) -> None:
    rng = np.random.default_rng(8)
    wrong, right = [], []
    for _ in range(ROUNDS):
        y, p = _world(rng, n, -1.0)
        found = equal_mass_bins(p, y)
        truth = expit(np.log(p / (1 - p)) / 1.5)
        group = np.searchsorted(found.low, p, side="right") - 1
        gap = found.mean - np.bincount(group, truth) / found.count
        error = math.sqrt(float((found.count / n * gap**2).sum()))
        wrong.append(_inside(intervals.ece_interval(y, p), error))
        right.append(intervals.ece_interval(rng.random(n) < p, p).low == 0)
    assert _share(wrong) >= LEAST
    assert _share(right) >= LEAST


def test_intervals_of_a_regression_cover_the_truth() -> None:
    rng = np.random.default_rng(9)

    def world(n: int) -> tuple[Floats, Floats]:
        value = 2 * rng.normal(size=n)
        return value + rng.normal(size=n), value

    y, value = world(1_000_000)
    truth = {
        "mae": metrics.mae(y, value),
        "rmse": metrics.rmse(y, value),
        "r2": metrics.r2(y, value),
    }
    hits: dict[str, list[bool]] = {name: [] for name in truth}
    for _ in range(ROUNDS):
        y, value = world(150)
        hits["mae"].append(_inside(intervals.mean_interval(np.abs(y - value)), truth["mae"]))
        hits["rmse"].append(_inside(intervals.rmse_interval(y, value), truth["rmse"]))
        hits["r2"].append(_inside(intervals.r2_interval(y, value), truth["r2"]))
    shares = {name: _share(found) for name, found in hits.items()}
    assert min(shares.values()) >= LEAST, shares


def test_intervals_of_more_classes_cover_the_truth() -> None:
    rng = np.random.default_rng(10)

    def world(n: int) -> tuple[Codes, Floats]:
        p = rng.dirichlet([1.0, 0.7, 0.4], n)
        return (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=2), p

    y, p = world(500_000)
    rates = metrics.macro_rates(metrics.confusion(y, p.argmax(axis=1), 3))
    truth = {k: float(v) for k, v in rates.items()} | {"roc_auc": metrics.roc_auc(y, p)}
    hits: dict[str, list[bool]] = {name: [] for name in truth}
    for seed in range(ROUNDS):
        y, p = world(200)
        table = metrics.confusion(y, p.argmax(axis=1), 3)
        found = intervals.confusion_intervals(table, metrics.macro_rates, seed=seed, draws=800)
        for name, interval in (found | {"roc_auc": intervals.delong(y, p)}).items():
            hits[name].append(_inside(interval, truth[name]))
    shares = {name: _share(found) for name, found in hits.items()}
    assert min(shares.values()) >= LEAST, shares


def test_delong_variance_is_the_pairwise_definition() -> None:
    rng = np.random.default_rng(3)
    y, s = rng.integers(0, 2, 60), rng.integers(0, 9, 60).astype(float)
    kernel = (s[y == 1][:, None] > s[y == 0]) + 0.5 * (s[y == 1][:, None] == s[y == 0])
    m, n = kernel.shape
    variance = kernel.mean(1).var(ddof=1) / m + kernel.mean(0).var(ddof=1) / n
    area, influence = intervals._auc_influence(y == 1, s)
    assert area == pytest.approx(kernel.mean())
    assert float((influence**2).sum()) == pytest.approx(variance)


def test_average_precision_variance_is_the_bootstraps() -> None:
    rng = np.random.default_rng(4)
    y, p = _world(rng, 800, -1.0)
    drawn = []
    for _ in range(400):
        rows = rng.integers(0, 800, 800)
        drawn.append(metrics.average_precision(y[rows], p[rows]))
    value = metrics.average_precision(y, p)
    influence = intervals._average_precision_influence(y == 1, p, value)
    assert abs(float(influence.mean())) < 1e-12
    assert float(influence.std()) / 800**0.5 == pytest.approx(np.std(drawn), rel=0.12)


def test_a_perfect_result_on_few_rows_is_not_certain() -> None:
    y, p = np.repeat([0, 1], 10), np.linspace(0, 1, 20)
    table = metrics.confusion(y, y, 2)
    drawn = intervals.confusion_intervals(table, metrics.binary_rates, seed=0)
    for interval in (
        intervals.delong(y, p),
        intervals.average_precision_interval(y, p),
        intervals.wilson(20, 20),
        drawn["f1"],
        drawn["balanced_accuracy"],
    ):
        assert interval.low < 0.93, interval


@pytest.mark.parametrize("interval", [intervals.delong, intervals.average_precision_interval])
def test_one_class_gives_no_interval(interval: Callable[..., Interval]) -> None:
    assert math.isnan(interval([1, 1, 1], [0.1, 0.2, 0.3]).low)


def test_a_higher_level_gives_a_wider_interval() -> None:
    narrow, wide = intervals.wilson(40, 100, 0.8), intervals.wilson(40, 100, 0.99)
    assert wide.low < narrow.low < 0.4 < narrow.high < wide.high


@pytest.mark.parametrize("values", [[0.3, 0.3], [1.0] * 20, [0.0] * 300])
def test_equal_values_of_no_known_range_have_no_interval(values: list[float]) -> None:
    for found in (
        intervals.mean_interval(values),
        intervals.mean_interval(values, least=0.0),
        intervals.rmse_interval(np.zeros(len(values)), np.sqrt(values)),
    ):
        assert np.isnan(found.low)
        assert np.isnan(found.high)


def test_equal_losses_allow_for_the_rows_that_chance_may_have_hidden() -> None:
    low, high, *_ = intervals.mean_interval([0.0] * 300, least=0.0, most=1.0)
    assert low == 0.0
    assert 3 / 300 < high < 4 / 300
    wide = intervals.mean_interval([0.0] * 300, 0.99, least=0.0, most=2.0)
    assert wide.high > 2 * high
    low, high, *_ = intervals.mean_interval([0.25] * 20, least=0.0, most=1.0)
    assert 0 < low < 0.25 < high < 0.5


def test_rarely_wrong_answers_are_covered_where_a_sample_holds_none() -> None:
    rng = np.random.default_rng(0)
    rate, rows, hits = 0.01, 100, 0
    for _ in range(500):
        losses = (rng.random(rows) < rate).astype(np.float64)
        found = intervals.mean_interval(losses, least=0.0, most=1.0)
        if not losses.any():
            hits += found.low <= rate <= found.high
        else:
            hits += 1
    assert hits == 500


def test_predictions_that_are_never_off_have_no_interval_of_r2() -> None:
    y = np.arange(20.0)
    assert np.isnan(intervals.r2_interval(y, y).low)
