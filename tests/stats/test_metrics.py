"""Our metrics are scikit-learn's, to the ninth decimal."""

import numpy as np
import pytest
import sklearn.metrics as reference

from evermodel.stats import metrics
from evermodel.stats.arrays import Codes, Floats

SEEDS = range(3)


def _binary(seed: int) -> tuple[Codes, Floats]:
    rng = np.random.default_rng(seed)
    p = rng.random(400).round(2)  # rounded: ties, zeros and ones must be handled as well
    return (rng.random(400) < p).astype(np.int64), p


def _multiclass(seed: int) -> tuple[Codes, Floats]:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([1.0, 0.5, 2.0, 0.3], 400)
    y = np.array([rng.choice(4, p=row) for row in p])
    return y, p


@pytest.mark.parametrize("seed", SEEDS)
def test_metrics_of_two_classes_are_scikit_learns(seed: int) -> None:
    y, p = _binary(seed)
    predicted = (p >= 0.4).astype(np.int64)
    ours = metrics.binary_rates(metrics.confusion(y, predicted, 2))
    theirs = {
        "accuracy": reference.accuracy_score(y, predicted),
        "balanced_accuracy": reference.balanced_accuracy_score(y, predicted),
        "precision": reference.precision_score(y, predicted),
        "recall": reference.recall_score(y, predicted),
        "f1": reference.f1_score(y, predicted),
    }
    assert {k: float(v) for k, v in ours.items()} == pytest.approx(theirs, abs=1e-9)
    of_scores = {
        "roc_auc": (metrics.roc_auc(y, p), reference.roc_auc_score(y, p)),
        "average_precision": (
            metrics.average_precision(y, p),
            reference.average_precision_score(y, p),
        ),
        "log_loss": (metrics.log_loss(y, p), reference.log_loss(y, p)),
        "brier": (metrics.brier(y, p), reference.brier_score_loss(y, p)),
    }
    for name, (mine, theirs_) in of_scores.items():
        assert mine == pytest.approx(theirs_, abs=1e-9), name


@pytest.mark.parametrize("seed", SEEDS)
def test_metrics_of_more_classes_are_scikit_learns(seed: int) -> None:
    y, p = _multiclass(seed)
    predicted = p.argmax(axis=1)
    ours = metrics.macro_rates(metrics.confusion(y, predicted, 4))
    theirs = {
        "accuracy": reference.accuracy_score(y, predicted),
        "balanced_accuracy": reference.balanced_accuracy_score(y, predicted),
        "precision": reference.precision_score(y, predicted, average="macro", zero_division=0),
        "recall": reference.recall_score(y, predicted, average="macro", zero_division=0),
        "f1": reference.f1_score(y, predicted, average="macro", zero_division=0),
    }
    assert {k: float(v) for k, v in ours.items()} == pytest.approx(theirs, abs=1e-9)
    area = reference.roc_auc_score(y, p, multi_class="ovr", average="macro")
    assert metrics.roc_auc(y, p) == pytest.approx(area, abs=1e-9)
    assert metrics.log_loss(y, p) == pytest.approx(reference.log_loss(y, p), abs=1e-9)
    assert metrics.brier(y, p) == pytest.approx(reference.brier_score_loss(y, p), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_metrics_of_numbers_are_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=300)
    value = y + rng.normal(size=300)
    assert metrics.mae(y, value) == pytest.approx(reference.mean_absolute_error(y, value))
    assert metrics.rmse(y, value) == pytest.approx(reference.root_mean_squared_error(y, value))
    assert metrics.r2(y, value) == pytest.approx(reference.r2_score(y, value))


def test_classes_that_do_not_occur_are_left_out_of_macro_means_as_in_scikit_learn() -> None:
    y, predicted = np.array([0, 0, 2, 2]), np.array([0, 2, 2, 2])
    ours = metrics.macro_rates(metrics.confusion(y, predicted, 5))
    assert float(ours["f1"]) == pytest.approx(reference.f1_score(y, predicted, average="macro"))


def test_a_metric_that_is_not_defined_is_nan() -> None:
    ones = np.ones(5, np.int64)
    assert np.isnan(metrics.roc_auc(ones, np.linspace(0, 1, 5)))
    assert np.isnan(metrics.average_precision(ones, np.linspace(0, 1, 5)))
    assert np.isnan(metrics.r2([1.0, 1.0], [0.0, 1.0]))
    assert np.isnan(metrics.log_loss([], []))
    assert np.isnan(metrics.ece([], []))


def test_calibration_error_finds_a_known_error_and_is_unbiased_where_there_is_none() -> None:
    rng = np.random.default_rng(0)
    p = rng.random((300, 600))
    honest = [metrics.squared_calibration_error_debiased(rng.random(600) < row, row) for row in p]
    assert abs(float(np.mean(honest))) < 2e-4
    assert min(honest) < 0
    off = rng.random(100_000) * 0.8 + 0.1
    assert metrics.ece(rng.random(off.size) < off + 0.07, off) == pytest.approx(0.07, abs=0.005)


def test_calibration_error_does_not_depend_on_the_order_of_rows_with_equal_probabilities() -> None:
    y, p = np.repeat([0, 1], 500), np.full(1000, 0.5)
    shuffled = np.random.default_rng(0).permutation(y)
    assert metrics.ece(y, p) == metrics.ece(shuffled, p) == 0.0


def test_calibration_error_of_more_classes_is_that_of_the_top_label() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1.0, 1.0, 1.0], 20_000)
    y = (p.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert metrics.ece(y, p) < 0.015
    assert metrics.ece((y + 1) % 3, p) > 0.2


def test_no_bin_has_a_single_row() -> None:
    from evermodel.stats.reliability import equal_mass_bins

    for p in ([0.1, 0.5, 0.5, 0.5], [0.1, 0.2, 0.3], [0.5, 0.5, 0.9], [0.2] * 7 + [0.9]):
        found = equal_mass_bins(p, [0] * len(p), bins=15)
        assert found.count.min() >= 2
        assert found.count.sum() == len(p)
