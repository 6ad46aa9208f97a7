"""The search: candidates compared on the same folds by the loss that is tuned for.

Optuna proposes LightGBM's parameters by a seeded tree-structured Parzen estimator (Akiba et al.
2019). Each trial is stopped early, and given up after its first fold when that is clearly worse
than the best trial's first fold. Out-of-fold margins are kept, for calibration and the blend.
"""

from __future__ import annotations

import functools
import math
import os
import time as clock
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evermodel.records import BINARY, MULTICLASS, REGRESSION, Task
from evermodel.train.learners import (
    Blend,
    Fitted,
    Trees,
    fit_external,
    fit_linear,
    fit_trees,
)

__all__ = ["Candidate", "Folds", "mean_loss", "refit", "search"]

_GIVE_UP = 1.01
_MAX_ROUNDS = 1500
_SMALL_CELLS = 5_000_000
_WORKERS = min(8, 2 * (os.cpu_count() or 1))
"""Folds fitted at a time, each on one thread: an odd one out leaves no core idle."""
_PENALTIES = (10.0, 1.0, 100.0, 0.1)
_LINEAR_SHARE = 0.25
_BLEND_WEIGHTS = np.linspace(0.1, 0.9, 9)
_BLEND_GAIN = 0.998
_LINKS = ("identity", "log1p")


@dataclass(frozen=True)
class Folds:
    """The training rows as both kinds of features, and the pairs of fit and validation rows."""

    tree: NDArray[np.float32]
    linear: NDArray[np.float32]
    y: NDArray[Any]
    pairs: list[tuple[NDArray[np.intp], NDArray[np.intp]]]
    task: Task
    classes: int
    ordered: bool = False

    @property
    def scored(self) -> NDArray[np.intp]:
        """Rows that are validated once."""
        return np.concatenate([valid for _, valid in self.pairs])


@dataclass
class Candidate:
    """One way to train, with its loss and margins on rows it was not fitted on."""

    name: str
    parameters: dict[str, Any]
    loss: float
    margins: NDArray[np.float64]
    link: str = "identity"
    rounds: int = 0
    fold_rounds: tuple[int, ...] = ()
    parts: tuple[Candidate, ...] = ()
    trials: list[dict[str, Any]] = field(default_factory=list)


def apply_link(link: str, margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return predictions on the target's own scale."""
    return np.expm1(margin) if link == "log1p" else margin


def mean_loss(y: NDArray[Any], margin: NDArray[np.float64], task: Task, link: str) -> float:
    """Return log loss (nats) of margins, or the mean squared error in regression."""
    if task == REGRESSION:
        return float(np.mean((y - apply_link(link, margin)) ** 2))
    if task == BINARY:
        return float(np.mean(np.logaddexp(0, margin) - y * margin))
    shifted = margin - margin.max(axis=1, keepdims=True)
    log_total = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(log_total - shifted[np.arange(len(y)), y.astype(int)]))


def search(
    folds: Folds,
    models: tuple[str, ...],
    *,
    chosen: Candidate | None = None,
    trials: int,
    budget: float,
    seed: int,
    progress: Callable[[str, float], None],
) -> list[Candidate]:
    """Return all candidates, the best first.

    Parameters
    ----------
    folds : Folds
    models : tuple of str
        "linear", "lightgbm" or "module:function".
    chosen : Candidate, optional
        Only measure this one on the folds: no search.
    trials : int
        LightGBM parameters to try at most.
    budget : float
        Seconds for linear models and LightGBM together. Linear models try no further penalty after
        a quarter of it; LightGBM's first trial is cut short rather than left out. The user's own
        estimators come last and take what time they take.
    seed : int
    progress : callable (step, share)
    """
    if chosen is not None:
        return [_measured(folds, chosen, seed)]
    begun = clock.perf_counter()
    found: list[Candidate] = []
    # The user's own last: what they take is not taken from those that keep to the budget.
    for name in sorted(models, key=lambda model: (":" in model, model != "linear")):
        if name == "linear":
            progress("linear model", 0.0)
            found.append(_linear(folds, begun + _LINEAR_SHARE * budget))
        elif name == "lightgbm":
            found.append(_lightgbm(folds, trials, begun + budget, seed, progress))
        else:
            progress(name, 0.0)
            found.append(_external(folds, name))
    by_name = {candidate.name: candidate for candidate in found}
    pair = by_name.get("linear"), by_name.get("lightgbm")
    if pair[0] and pair[1] and pair[0].link == pair[1].link:
        blend = _blend(folds, pair[0], pair[1])
        # Two models cost twice the time to answer: only for a gain that is worth it.
        if blend.loss < _BLEND_GAIN * min(candidate.loss for candidate in found):
            found.append(blend)
    return sorted(found, key=lambda candidate: candidate.loss)


def _margins(folds: Folds) -> NDArray[np.float64]:
    shape = (len(folds.y), folds.classes) if folds.task == MULTICLASS else (len(folds.y),)
    return np.full(shape, np.nan)


def _linked(y: NDArray[Any], link: str) -> NDArray[Any]:
    return np.log1p(y) if link == "log1p" else y


def _linear(folds: Folds, end: float) -> Candidate:
    best: Candidate | None = None
    links = _LINKS if folds.task == REGRESSION and folds.y.min() >= 0 else _LINKS[:1]
    rows = folds.scored
    for link in links:
        for penalty in _PENALTIES:
            if best is not None and clock.perf_counter() > end:
                break
            margins = _margins(folds)
            for fit, valid in folds.pairs:
                model = fit_linear(
                    folds.linear[fit],
                    _linked(folds.y[fit], link),
                    folds.task,
                    strength=penalty,
                    classes=folds.classes,
                )
                margins[valid] = model.margin(folds.tree[valid], folds.linear[valid])
            loss = mean_loss(folds.y[rows], margins[rows], folds.task, link)
            if best is None or loss < best.loss:
                best = Candidate("linear", {"strength": penalty}, loss, margins, link)
    if best is None:
        raise ValueError("no penalty to try")
    return best


def _external(folds: Folds, name: str) -> Candidate:
    margins = _margins(folds)
    for fit, valid in folds.pairs:
        model = fit_external(
            name, folds.linear[fit], folds.y[fit], folds.task, classes=folds.classes
        )
        margins[valid] = model.margin(folds.tree[valid], folds.linear[valid])
    rows = folds.scored
    loss = mean_loss(folds.y[rows], margins[rows], folds.task, "identity")
    return Candidate(name, {}, loss, margins)


def _space(trial: Any, folds: Folds) -> tuple[dict[str, Any], str]:
    """Return one trial's parameters and link."""
    parameters = {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.12, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 63, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 5, 100, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.4, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.6, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 1e-2, 30.0, log=True),
    }
    link = "identity"
    if folds.task == REGRESSION and folds.y.min() >= 0:
        link = trial.suggest_categorical("link", list(_LINKS))
    return parameters, link


_FIRST = {
    "learning_rate": 0.07,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "lambda_l2": 1.0,
}


_DATA = {"feature_pre_filter": False, "force_row_wise": True, "verbosity": -1}
"""How LightGBM bins the rows: once, whatever a trial's smallest leaf."""


def _objective(folds: Folds) -> dict[str, Any]:
    kinds = {BINARY: "binary", MULTICLASS: "multiclass", REGRESSION: "regression"}
    fixed: dict[str, Any] = {"objective": kinds[folds.task], "bagging_freq": 1}
    if folds.task == MULTICLASS:
        fixed["num_class"] = folds.classes
    return fixed


class _Trials:
    """The trials of LightGBM on the folds; keeps the best one's out-of-fold margins."""

    def __init__(self, folds: Folds, seed: int, end: float) -> None:
        self.folds = folds
        self.seed = seed
        self.end = end
        self.best: Candidate | None = None
        self.first_fold = np.inf
        self.log: list[dict[str, Any]] = []
        self._data: dict[str, list[tuple[Any, Any]]] = {}

    def data(self, link: str) -> list[tuple[Any, Any]]:
        """Return the fold's data sets, binned once for all trials."""
        import lightgbm

        if link not in self._data:
            y = _linked(self.folds.y, link)
            pairs = []
            for fit, valid in self.folds.pairs:
                train = lightgbm.Dataset(self.folds.tree[fit], y[fit], params=_DATA)
                check = lightgbm.Dataset(
                    self.folds.tree[valid], y[valid], reference=train, params=_DATA
                )
                pairs.append((train.construct(), check.construct()))
            self._data[link] = pairs
        return self._data[link]

    def _folds(
        self,
        places: range,
        settings: dict[str, Any],
        link: str,
        margins: NDArray[np.float64],
    ) -> list[int]:
        """Fit some folds side by side, write their margins, and return their best rounds."""
        folds = self.folds
        workers = _WORKERS if settings["num_threads"] == 1 else 1
        # A fold alone has the time of one of all; those that remain have all that is left.
        share = len(folds.pairs) if places == range(1) else math.ceil(len(places) / workers)
        seconds = (self.end - clock.perf_counter()) / max(1, share)
        data = self.data(link)

        def fit(place: int) -> int:
            train, check = data[place]
            deadline = clock.perf_counter() + seconds
            booster = fit_trees(train, settings, rounds=_MAX_ROUNDS, valid=check, deadline=deadline)
            valid = folds.pairs[place][1]
            margins[valid] = booster.predict(folds.tree[valid], raw_score=True)
            return int(booster.best_iteration)

        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(fit, places))

    def run(self, parameters: dict[str, Any], link: str) -> float | None:
        """Return the trial's loss, or None when it was given up after its first fold."""
        folds = self.folds
        margins = _margins(folds)
        settings = {**_objective(folds), **parameters, "seed": self.seed, **_threads(folds)}
        work = functools.partial(self._folds, settings=settings, link=link, margins=margins)
        # Until there is a trial to be worse than, the first fold need not be waited for.
        ahead = 1 if self.best is not None else len(folds.pairs)
        rounds = work(range(ahead))
        valid = folds.pairs[0][1]
        first = mean_loss(folds.y[valid], margins[valid], folds.task, link)
        if first > _GIVE_UP * self.first_fold and ahead < len(folds.pairs):
            self.log.append({**parameters, "link": link, "loss": None, "first": first})
            return None
        rounds += work(range(ahead, len(folds.pairs)))
        rows = folds.scored
        loss = mean_loss(folds.y[rows], margins[rows], folds.task, link)
        self.log.append(
            {**parameters, "link": link, "loss": loss, "first": first, "rounds": rounds}
        )
        if self.best is None or loss < self.best.loss:
            # In time the last fold is the one most like the fit on all rows; all rows are more
            # than a fold's, and bear as many more rounds.
            base = rounds[-1] if folds.ordered else float(np.mean(rounds))
            count = max(10, round(base * len(folds.y) / len(folds.pairs[-1][0])))
            self.best = Candidate(
                "lightgbm", dict(parameters), loss, margins, link, count, tuple(rounds)
            )
            self.first_fold = first
        return loss


def _threads(folds: Folds) -> dict[str, int]:
    """Return LightGBM's number of threads: one for small tables, whose folds run side by side.

    Two threads on one small fit gain little, and lose much where the machine is busy: each waits
    for the other at every split.
    """
    return {"num_threads": 1 if folds.tree.size < _SMALL_CELLS else 0}


def _lightgbm(
    folds: Folds,
    trials: int,
    end: float,
    seed: int,
    progress: Callable[[str, float], None],
) -> Candidate:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    runs = _Trials(folds, seed, end)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(8, trials))
    study = optuna.create_study(sampler=sampler)
    study.enqueue_trial(_FIRST)
    for number in range(trials):
        if number and clock.perf_counter() > end:
            break
        progress(f"trial {number + 1} of {trials}", number / trials)
        trial = study.ask()
        loss = runs.run(*_space(trial, folds))
        if loss is None:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, loss)
    if runs.best is None:
        raise ValueError("no trial was finished")
    runs.best.trials = runs.log
    return runs.best


def _blend(folds: Folds, first: Candidate, second: Candidate) -> Candidate:
    rows = folds.scored
    best: Candidate | None = None
    for weight in _BLEND_WEIGHTS:
        margins = weight * first.margins + (1 - weight) * second.margins
        loss = mean_loss(folds.y[rows], margins[rows], folds.task, first.link)
        if best is None or loss < best.loss:
            best = Candidate(
                "blend", {"weight": float(weight)}, loss, margins, first.link, parts=(first, second)
            )
    if best is None:
        raise ValueError("no weight to try")
    return best


def _measured(folds: Folds, candidate: Candidate, seed: int) -> Candidate:
    """Return the candidate with its loss and margins on these folds."""
    margins = _margins(folds)
    for place, (fit, valid) in enumerate(folds.pairs):
        part = Folds(
            folds.tree[fit], folds.linear[fit], folds.y[fit], [], folds.task, folds.classes
        )
        model = refit(_at_fold(candidate, place), part, seed=seed)
        margins[valid] = model.margin(folds.tree[valid], folds.linear[valid])
    rows = folds.scored
    loss = mean_loss(folds.y[rows], margins[rows], folds.task, candidate.link)
    return replace(candidate, loss=loss, margins=margins)


def _at_fold(candidate: Candidate, place: int) -> Candidate:
    """Return the candidate with the rounds that early stopping found on this fold."""
    parts = tuple(_at_fold(part, place) for part in candidate.parts)
    known = place < len(candidate.fold_rounds)
    rounds = candidate.fold_rounds[place] if known else candidate.rounds
    return replace(candidate, rounds=rounds, parts=parts)


def refit(candidate: Candidate, folds: Folds, *, seed: int) -> Fitted:
    """Return the candidate's model fitted on all training rows."""
    y = _linked(folds.y, candidate.link)
    if candidate.name == "blend":
        first, second = (refit(part, folds, seed=seed) for part in candidate.parts)
        return Blend(first, second, candidate.parameters["weight"])
    if candidate.name == "linear":
        strength = candidate.parameters["strength"]
        return fit_linear(folds.linear, y, folds.task, strength=strength, classes=folds.classes)
    if candidate.name == "lightgbm":
        import lightgbm

        settings = {**_objective(folds), **candidate.parameters, "seed": seed, **_threads(folds)}
        data = lightgbm.Dataset(folds.tree, y, params=_DATA)
        booster = fit_trees(data, settings, rounds=candidate.rounds)
        return Trees(booster, folds.classes)
    return fit_external(candidate.name, folds.linear, y, folds.task, classes=folds.classes)
