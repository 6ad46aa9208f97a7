"""The share of wrong labels, as cleanlab estimates it, with an interval."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from evermodel.errors import InputError
from evermodel.stats.arrays import Codes, Floats
from evermodel.stats.noise import label_noise


def _noisy(rate: float, classes: int, seed: int, n: int = 3000) -> tuple[Codes, Floats]:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, n)
    X = rng.normal(size=(n, classes)) + 4 * np.eye(classes)[true]
    wrong = rng.random(n) < rate
    labels = np.where(wrong, (true + rng.integers(1, classes, n)) % classes, true)
    p = cross_val_predict(LogisticRegression(), X, labels, cv=5, method="predict_proba")
    return labels, p


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.15])
@pytest.mark.parametrize("classes", [2, 3])
def test_planted_noise_is_found(rate: float, classes: int) -> None:
    found = label_noise(*_noisy(rate, classes, seed=1))
    assert found.rate == pytest.approx(rate, abs=0.03)
    assert found.low <= found.rate <= found.high
    assert found.high - found.low < 0.05


@pytest.mark.parametrize("classes", [2, 4])
def test_the_estimate_is_cleanlabs(classes: int) -> None:
    count = pytest.importorskip("cleanlab.count", reason="cleanlab is not installed")
    labels, p = _noisy(0.1, classes, seed=2)
    reference = count.estimate_joint(labels, p)
    found = label_noise(labels, p)
    # cleanlab rounds the joint to whole rows
    assert np.array(found.joint) == pytest.approx(reference, abs=2 / labels.size)


def test_no_disagreement_does_not_prove_that_there_is_no_noise() -> None:
    found = label_noise([0] * 20 + [1] * 20, [0.1] * 20 + [0.9] * 20)
    assert found.rate == 0
    assert 0.05 < found.high < 0.2


def test_probabilities_of_the_positive_class_will_do() -> None:
    labels, p = _noisy(0.1, 2, seed=3)
    assert label_noise(labels, p[:, 1]).rate == pytest.approx(label_noise(labels, p).rate)


def test_a_class_without_labels_is_left_out() -> None:
    found = label_noise([0] * 10 + [1] * 10, np.tile([0.4, 0.4, 0.2], (20, 1)))
    assert found.joint[2] == (0.0, 0.0, 0.0)


def test_missing_probabilities_are_refused() -> None:
    with pytest.raises(InputError, match="finite"):
        label_noise([0, 1], [np.nan, 0.5])
    with pytest.raises(InputError, match="at least one"):
        label_noise([], np.zeros((0, 2)))
