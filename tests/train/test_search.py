"""The search keeps to its budget."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evermodel.train import search as searching
from evermodel.train.learners import fit_external, fit_linear, fit_trees
from evermodel.train.search import Folds, search
from evermodel.train.split import cross_folds

OWN = "sklearn.naive_bayes:GaussianNB"


def test_linear_models_and_lightgbm_share_one_clock_and_own_estimators_come_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int)
    _, pairs = cross_folds(None, rows=300, time=np.arange(300), seed=0)
    now = 1000.0
    deadlines: list[float] = []

    def taking(seconds: float, call: Any) -> Any:
        def slow(*args: Any, **settings: Any) -> Any:
            nonlocal now
            now += seconds
            return call(*args, **settings)

        return slow

    def trees(*args: Any, deadline: float, **settings: Any) -> Any:
        deadlines.append(deadline)
        return fit_trees(*args, **{**settings, "rounds": 5})

    monkeypatch.setattr(searching, "clock", SimpleNamespace(perf_counter=lambda: now))
    monkeypatch.setattr(searching, "_WORKERS", 1)
    monkeypatch.setattr(searching, "fit_linear", taking(10, fit_linear))
    monkeypatch.setattr(searching, "fit_external", taking(10_000, fit_external))
    monkeypatch.setattr(searching, "fit_trees", taking(5, trees))
    begun: dict[str, float] = {}
    found = search(
        Folds(x, x, y, pairs, "binary", 1, ordered=True),
        (OWN, "lightgbm", "linear"),
        trials=50,
        budget=100.0,
        seed=0,
        progress=lambda step, _: begun.update({step: now}),
    )
    assert {"linear", "lightgbm", OWN} <= {candidate.name for candidate in found}
    assert list(begun)[:2] == ["linear model", "trial 1 of 50"]
    assert begun["trial 1 of 50"] == 1030  # one penalty of three folds is more than a quarter
    assert deadlines[0] == pytest.approx(1030 + 70 / 3)
    assert list(begun)[-1] == OWN
    assert 1095 <= begun[OWN] <= 1115  # the trial that was begun in time is finished
