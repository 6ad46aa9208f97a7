"""Calibrators put margins right, keep their order, and are plain enough to be exported."""

import msgspec
import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from evermodel.errors import InputError
from evermodel.stats.arrays import Codes, Floats
from evermodel.stats.calibrators import (
    KINDS,
    Beta,
    Calibrator,
    Isotonic,
    Kind,
    Sigmoid,
    Temperature,
    choose_calibrator,
    fit_calibrator,
)
from evermodel.stats.metrics import ece, log_loss


def _rows(n: int = 4000, seed: int = 0) -> tuple[Floats, Codes]:
    """Margins twice too extreme and shifted."""
    rng = np.random.default_rng(seed)
    true = 1.5 * rng.normal(size=n) - 1
    return 2 * true + 0.7, (rng.random(n) < expit(true)).astype(np.int64)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_calibrates_new_rows(kind: Kind) -> None:
    fitted = fit_calibrator(kind, *_rows(seed=1))
    margin, y = _rows(20_000, seed=2)
    assert ece(y, expit(margin)) > 0.05
    assert ece(y, fitted(margin)) < 0.025


def test_the_sigmoid_is_the_logistic_regression_of_the_margin() -> None:
    margin, y = _rows(20_000)
    reference = LogisticRegression(C=1e9).fit(margin[:, None], y)
    fitted = fit_calibrator("sigmoid", margin, y)
    assert isinstance(fitted, Sigmoid)
    assert fitted.a == pytest.approx(reference.coef_[0, 0], abs=2e-3)
    assert fitted.b == pytest.approx(reference.intercept_[0], abs=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_better_margin_never_gets_a_smaller_probability(kind: Kind) -> None:
    margin, y = _rows(500)
    for labels in (y, 1 - y):  # the second margin is worse than useless
        p = fit_calibrator(kind, margin, labels)(np.linspace(-50, 50, 2001))
        assert (np.diff(p) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", ["separable", "all 0", "all 1", "one row", "equal margins"])
def test_no_sample_gives_a_certain_probability(kind: Kind, labels: str) -> None:
    margin = np.linspace(-4, 4, 40)
    y = (margin > 0).astype(np.int64)
    if labels.startswith("all"):
        y = np.full(40, int(labels[-1]))
    if labels == "one row":
        margin, y = margin[:1], y[:1]
    if labels == "equal margins":
        margin = np.zeros(40)
    p = fit_calibrator(kind, margin, y)(np.linspace(-10, 10, 101))
    assert np.isfinite(p).all()
    assert p.min() > 0
    assert p.max() < 1


def test_isotonic_has_at_most_64_knots_and_is_near_scikit_learns() -> None:
    from sklearn.isotonic import IsotonicRegression

    margin, y = _rows(20_000)
    fitted = fit_calibrator("isotonic", margin, y)
    assert isinstance(fitted, Isotonic)
    assert len(fitted.x) == len(fitted.y) <= 64
    assert (np.diff(fitted.x) > 0).all()
    reference = IsotonicRegression(out_of_bounds="clip").fit(margin, y)
    assert float(np.abs(fitted(margin) - reference.predict(margin)).mean()) < 0.01


def test_beta_with_equal_slopes_is_the_sigmoid() -> None:
    margin = np.linspace(-30, 30, 101)
    assert Beta(a=0.7, b=0.7, c=0.2)(margin) == pytest.approx(Sigmoid(a=0.7, b=0.2)(margin))


def test_extreme_margins_do_not_overflow() -> None:
    margin = np.array([-1e6, 1e6])
    for calibrator in (Sigmoid(a=1.0, b=0.0), Beta(a=1.0, b=1.0, c=0.0)):
        assert calibrator(margin).tolist() == [0.0, 1.0]


def test_the_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    true = 2 * rng.normal(size=(20_000, 4))
    y = (softmax(true, axis=1).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1).clip(max=3)
    fitted, losses = choose_calibrator(3 * true, y, seed=0)
    assert isinstance(fitted, Temperature)
    assert fitted.t == pytest.approx(3, rel=0.05)
    assert losses["temperature"] == pytest.approx(log_loss(y, fitted(3 * true)), abs=1e-3)


def test_the_sigmoid_is_preferred_where_it_is_true_and_left_where_it_is_not() -> None:
    assert choose_calibrator(*_rows(3000), seed=0)[0].kind == "sigmoid"
    rng = np.random.default_rng(1)
    margin = rng.uniform(-3, 3, 6000)
    y = (rng.random(6000) < np.where(margin > 1, 0.9, 0.2)).astype(np.int64)
    chosen, losses = choose_calibrator(margin, y, seed=0)
    assert chosen.kind == "isotonic"
    assert losses["isotonic"] < losses["sigmoid"]


def test_the_choice_depends_on_the_seed_only() -> None:
    rows = _rows(800)
    assert choose_calibrator(*rows, seed=3) == choose_calibrator(*rows, seed=3)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_choice_can_be_made_from_a_handful_of_rows(n: int) -> None:
    margin, y = _rows(n)
    p = choose_calibrator(margin, y, seed=0)[0](margin)
    assert ((p > 0) & (p < 1)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_calibrators_survive_json_bit_by_bit(kind: Kind) -> None:
    margin, y = _rows(900)
    fitted = fit_calibrator(kind, margin, y)
    text = msgspec.json.encode(fitted)
    assert msgspec.json.decode(text)["kind"] == kind
    assert msgspec.json.decode(text, type=Calibrator) == fitted


def test_bad_margins_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="finite"):
        fit_calibrator("sigmoid", [0.0, np.nan], [0, 1])
    with pytest.raises(InputError, match="as many margins"):
        fit_calibrator("sigmoid", [0.0, 1.0], [0])
    with pytest.raises(InputError, match="shape"):
        fit_calibrator("temperature", [0.0, 1.0], [0, 1])
