"""Estimators of the user's own: converted within parity, or refused before any search."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evermodel.bundle import load
from evermodel.errors import InputError, ProjectError
from evermodel.train.learners import External, fit_external, fit_linear, load_estimator
from evermodel.train.search import mean_loss
from tests.train.rows import fit, project, shop

MODULE = '''
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def forest():
    return RandomForestClassifier(n_estimators=20, min_samples_leaf=5)


def chain():
    return make_pipeline(StandardScaler(), LogisticRegression())


def machine():
    return SVC(probability=True)


def fails():
    raise KeyError("no such setting")


def number():
    return 3


class Own(ClassifierMixin, BaseEstimator):
    """No converter knows it."""

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, x):
        return np.full((len(x), len(self.classes_)), 1 / len(self.classes_))


class Unsure(GaussianNB):
    """Converted as its base class, which predicts otherwise."""

    def predict_proba(self, x):
        found = super().predict_proba(x) ** 0.9
        return found / found.sum(axis=1, keepdims=True)


class Refuses(GaussianNB):
    def fit(self, x, y):
        raise ValueError("not these rows")
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a module of the user's."""
    (tmp_path / "own_models.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_models", raising=False)
    return "own_models"


CONVERT = [
    ("binary", "own_models:forest"),
    ("multiclass", "own_models:forest"),
    ("binary", "own_models:chain"),
    ("binary", "sklearn.ensemble:GradientBoostingClassifier"),
    ("multiclass", "sklearn.naive_bayes:GaussianNB"),
    ("regression", "sklearn.ensemble:ExtraTreesRegressor"),
    ("regression", "sklearn.linear_model:HuberRegressor"),
]


@pytest.mark.parametrize(("task", "name"), CONVERT)
@pytest.mark.usefixtures("own")
@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_that_converts_is_trained_and_predicts_the_same_in_its_bundle(
    task: Any, name: str, tmp_path: Path
) -> None:
    found = fit(shop(300, task=task), project(task, train={"models": [name]}), tmp_path)
    assert found.chosen.model == name
    assert found.parity.gap <= 1e-5
    model = load(found.folder, trusted=None)
    again = model.predict(model.encode_frame(found.test))
    # The runtime adds trees in another order for another number of threads.
    for now, then in zip(again.rows(), found.predictions.rows(), strict=True):
        assert task == "regression" or now["prediction"] == then["prediction"]
        assert _numbers(now) == pytest.approx(_numbers(then), rel=1e-5, abs=1e-6)


def _numbers(row: dict[str, Any]) -> list[float]:
    each = [value.values() if isinstance(value, dict) else [value] for value in row.values()]
    return [value for values in each for value in values if not isinstance(value, str)]


REFUSED = [
    ("own_models:Own", "does not convert to a graph"),
    ("own_models:Unsure", "(predicts otherwise|does not convert)"),
    ("own_models:Refuses", "cannot be fitted"),
    ("sklearn.linear_model:RidgeClassifier", "cannot be asked for its predictions"),
]


@pytest.mark.parametrize(("name", "message"), REFUSED)
@pytest.mark.usefixtures("own")
def test_an_estimator_that_does_not_convert_is_refused_before_the_search(
    name: str, message: str, tmp_path: Path
) -> None:
    steps: list[str] = []
    made = project(train={"models": ["lightgbm", name], "trials": 50})
    with pytest.raises(InputError, match=message) as caught:
        fit(shop(300), made, tmp_path, progress=lambda step, _: steps.append(step))
    assert repr(name) in caught.value.what
    assert caught.value.hint
    assert not [step for step in steps if "trial" in step]
    assert not list(tmp_path.glob("candidate*"))


@pytest.mark.parametrize(
    "name",
    [
        "own_models:fails",
        "own_models:number",
        "own_models:nothing",
        "no_such_module:x",
        "sklearn.ensemble",
        "sklearn.ensemble:VotingClassifier",
        "math:pi",
    ],
)
@pytest.mark.usefixtures("own")
def test_a_name_that_makes_no_estimator_is_a_mistake_in_the_project_file(name: str) -> None:
    with pytest.raises(ProjectError) as caught:
        load_estimator(name)
    assert "[train] models" in str(caught.value)
    assert caught.value.mistakes[0].what.count(repr(name)) == 1


@pytest.mark.usefixtures("own")
def test_an_estimator_left_to_chance_is_given_a_seed() -> None:
    assert load_estimator("own_models:forest").random_state == 0
    assert load_estimator("own_models:chain").get_params()["logisticregression__random_state"] == 0


def test_a_class_that_a_fold_lacks_is_given_the_odds_of_one_row() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 3)).astype(np.float32)
    three = np.digitize(x[:, 0], [-0.5, 0.5])
    for present in ([0, 2], [1, 2], [2]):
        rows = np.isin(three, present)
        models = [fit_linear(x[rows], three[rows], "multiclass", strength=1.0, classes=3)]
        if len(present) > 1:
            name = "sklearn.naive_bayes:GaussianNB"
            models.append(fit_external(name, x[rows], three[rows], "multiclass", classes=3))  # type: ignore[arg-type]
        for model in models:
            margin = model.margin(x, x)
            assert margin.shape == (200, 3)
            assert np.isfinite(margin).all()
            chosen = margin[rows].argmax(axis=1)
            assert (chosen == three[rows]).mean() > 0.85
            assert mean_loss(three, margin, "multiclass", "identity") < 8
    one = fit_linear(x, np.ones(200, dtype=int), "binary", strength=1.0).margin(x, x)
    assert one.shape == (200,)
    assert (one > 4).all()
    none = fit_linear(x, np.zeros(200, dtype=int), "binary", strength=1.0).margin(x, x)
    assert (none < -4).all()


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_meets_a_fold_of_one_class_and_is_trained(task: Any, tmp_path: Path) -> None:
    late = {0: "yes", 1: "perhaps" if task == "multiclass" else "no", 2: "no"}
    rows = shop(400).with_columns(
        y=pl.Series([late[n % 3] if n >= 310 else "no" for n in range(400)])
    )
    made = project(
        task,
        data={"time": "row order"},
        train={"models": ["sklearn.linear_model:LogisticRegression"], "test": 0.02},
    )
    found = fit(rows, made, tmp_path)
    assert np.isfinite(list(found.losses.values())).all()
    again = fit(rows, made, tmp_path / "again", chosen=found.chosen)
    assert again.losses == pytest.approx(found.losses)


@pytest.mark.usefixtures("own")
def test_a_fold_that_an_estimator_refuses_is_named() -> None:
    x = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    y = np.arange(100) % 2
    with pytest.raises(InputError, match="cannot be fitted") as caught:
        fit_external("own_models:Refuses", x, y, "multiclass", classes=3)
    assert caught.value.where == "on 100 rows of 2 of 3 classes"
    assert "not these rows" in caught.value.found


def test_an_estimator_s_margins_are_its_log_odds() -> None:
    x = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int)
    fitted = fit_external("sklearn.naive_bayes:GaussianNB", x, y, "binary")
    assert isinstance(fitted, External)
    probability = fitted.estimator.predict_proba(x)[:, 1]
    inside = (probability > 1e-4) & (probability < 1 - 1e-4)
    np.testing.assert_allclose(
        1 / (1 + np.exp(-fitted.margin(x, x)))[inside], probability[inside], rtol=1e-6
    )
    assert np.abs(fitted.margin(x, x)).max() < 12
