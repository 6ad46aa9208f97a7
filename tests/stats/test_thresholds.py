"""Thresholds that cost least, without chasing luck."""

import csv

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from evermodel.errors import InputError
from evermodel.stats.arrays import Codes, Floats
from evermodel.stats.metrics import confusion
from evermodel.stats.thresholds import choose_threshold, expected_cost
from tests.real import real_data


def _cost(y: Codes, p: Floats, threshold: float, fp: float, fn: float) -> float:
    return float(expected_cost(confusion(y, p >= threshold, 2), fp, fn))


def _world(n: int, stretch: float = 1.0, seed: int = 0) -> tuple[Floats, Codes]:
    rng = np.random.default_rng(seed)
    margin = 1.5 * rng.normal(size=n) - 1
    return expit(stretch * margin), (rng.random(n) < expit(margin)).astype(np.int64)


@pytest.mark.parametrize(("fp", "fn"), [(1.0, 1.0), (1.0, 5.0), (3.0, 1.0)])
def test_calibrated_probabilities_keep_the_threshold_of_theory(fp: float, fn: float) -> None:
    chosen = np.array([choose_threshold(*_world(2000, seed=s), fp, fn) for s in range(20)])
    assert float(np.mean(np.abs(chosen - fp / (fp + fn)) < 1e-9)) >= 0.7
    assert chosen == pytest.approx(fp / (fp + fn), abs=0.04)


def test_uncalibrated_probabilities_are_put_right() -> None:
    rng = np.random.default_rng(0)
    margin = 1.5 * rng.normal(size=5000)
    p, y = expit(margin - 2), (rng.random(5000) < expit(margin)).astype(np.int64)
    chosen = choose_threshold(p, y)
    assert chosen == pytest.approx(expit(-2), abs=0.08)
    assert _cost(y, p, chosen, 1, 1) < _cost(y, p, 0.5, 1, 1) - 0.03


def test_the_chosen_cost_is_within_luck_of_the_cheapest() -> None:
    p, y = _world(600, stretch=2.5)
    chosen = _cost(y, p, choose_threshold(p, y, 1, 8), 1, 8)
    cheapest = min(_cost(y, p, t, 1, 8) for t in np.unique(p))
    assert chosen <= cheapest + 0.12


@pytest.mark.real
def test_german_credit_at_five_to_one_costs_less_than_at_one_half() -> None:
    with real_data("credit/german_credit.csv").open() as file:
        rows = list(csv.DictReader(file))
    y = np.array([int(row["class"] == "2") for row in rows])
    names = [name for name in rows[0] if name != "class"]
    columns = []
    for name in names:
        values = [row[name] for row in rows]
        if values[0].startswith("A"):
            columns += [[float(v == word) for v in values] for word in sorted(set(values))[1:]]
        else:
            numbers = np.array(values, float)
            columns.append(((numbers - numbers.mean()) / numbers.std()).tolist())
    X = np.array(columns).T
    p = cross_val_predict(LogisticRegression(C=0.1), X, y, cv=5, method="predict_proba")[:, 1]
    half = np.arange(1000) % 2 == 0
    threshold = choose_threshold(p[half], y[half], 1.0, 5.0)
    assert 0.05 < threshold < 0.35
    assert _cost(y[~half], p[~half], threshold, 1, 5) < 0.8 * _cost(y[~half], p[~half], 0.5, 1, 5)
    assert _cost(y[~half], p[~half], threshold, 1, 5) < 0.7  # always saying bad costs 0.7


@pytest.mark.parametrize(
    ("fp", "fn", "flagged"), [(0.0, 1.0, 1.0), (1.0, 0.0, 0.0), (0.0, 0.0, None)]
)
def test_free_mistakes_are_made_freely(fp: float, fn: float, flagged: float | None) -> None:
    p, y = _world(300)
    threshold = choose_threshold(p, y, fp, fn)
    assert 0 <= threshold <= 1
    if flagged is not None:
        assert float((p >= threshold).mean()) == flagged


@pytest.mark.parametrize("p", [[], [0.3], [0.3] * 50, [0.0] * 50, [1.0] * 50])
def test_odd_samples_still_give_a_threshold(p: list[float]) -> None:
    assert 0 <= choose_threshold(p, [0] * len(p)) <= 1


def test_wrong_costs_and_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="costs"):
        choose_threshold([0.5], [1], -1.0, 1.0)
    with pytest.raises(InputError, match="as many"):
        choose_threshold([0.5], [1, 0])
