"""Metrics of rows that have weights, share a key or follow one another: by resampling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from evermodel.evaluate.cases import Cases
from evermodel.evaluate.guessing import Guess
from evermodel.evaluate.sampling import Sampling, Statistic, drawn, few_units, wider
from evermodel.records import BINARY, REGRESSION
from evermodel.stats.arrays import Codes, Floats
from evermodel.stats.intervals import Interval, Rates
from evermodel.stats.metrics import (
    LARGEST_LOG_LOSS,
    auc_of_sums,
    average_precision_of_sums,
    binary_rates,
    brier_scores,
    confusion,
    log_losses,
    macro_rates,
)
from evermodel.stats.resampling import Units
from evermodel.stats.scored import RANGES, binary_bootstrap
from evermodel.stats.skill import class_losses, value_losses

__all__ = ["group_measures", "means", "ordering", "resampled_measures", "squares", "worth"]

Measured = dict[str, tuple[float, Interval, str]]

_BOUNDS: dict[str, tuple[float, float]] = {
    **RANGES,
    "mae": (0.0, math.inf),
    "rmse": (0.0, math.inf),
    "r2": (-math.inf, 1.0),
    "skill": (-math.inf, 1.0),
    "interval_coverage": (0.0, 1.0),
    "selection_rate": (0.0, 1.0),
    "cost": (0.0, math.inf),
}


def resampled_measures(
    found: Cases, how: Sampling, *, level: float, seed: int, rates: Rates | None = None
) -> Measured:
    """Return every metric of the task but the calibration error: value, interval, doubt.

    Parameters
    ----------
    found : Cases
    how : Sampling
    level, seed
        Of the intervals.
    rates : callable, optional
        What is made of confusion matrices; the task's rates unless given.
    """
    settings: dict[str, Any] = {"level": level, "seed": seed}
    if found.task == REGRESSION:
        return drawn(_regression(found, how), how, squares(found), ranges=_BOUNDS, **settings)
    rates = rates or (binary_rates if found.task == BINARY else macro_rates)
    if found.score is None:
        only = _table_rates(found, rates)
        return drawn(only, how, squares(found), ranges=_BOUNDS, **settings)
    skill = drawn(_skill(found, how), how, squares(found), ranges=_BOUNDS, **settings)
    if found.task != BINARY:
        several = _several_classes(found, rates)
        bounds = {**_BOUNDS, "brier": (0.0, 2.0), "log_loss": (0.0, LARGEST_LOG_LOSS)}
        return {**drawn(several, how, squares(found), ranges=bounds, **settings), **skill}
    return {**_binary(found, how, level, seed, rates), **skill}


def _binary(found: Cases, how: Sampling, level: float, seed: int, rates: Rates) -> Measured:
    """Use cells of rows that are alike: a million rows take seconds."""
    p = found.score if found.score is not None else np.zeros(0)
    apart = how.key is None and how.time is None
    together: list[Units | None] = [None] if apart else [*how.units(found.n, squares(found))]
    out: Measured = {}
    for units in together:
        each = binary_bootstrap(
            found.truth,
            p,
            found.predicted,
            weight=how.weight,
            units=units,
            seed=seed,
            level=level,
            rates=rates,
        )
        few = few_units(units) if units is not None else ""
        for name, (value, interval) in each.items():
            one = value, interval, few
            out[name] = wider(out[name], one) if name in out else one
    return out


def squares(found: Cases) -> Floats:
    """Return the squared error, or Brier score, of each row [N]; whether it is wrong else."""
    if found.task == REGRESSION:
        return np.asarray((found.truth - found.predicted) ** 2, np.float64)
    if found.score is None:
        return np.asarray(found.truth != found.predicted, np.float64)
    return brier_scores(found.truth, found.score)


def means(columns: Mapping[str, npt.ArrayLike]) -> Statistic:
    """Return the weighted mean of each column [N] as a statistic.

    Examples
    --------
    >>> means({"a": [1.0, 3.0]})(np.array([[1.0, 1.0], [0.0, 2.0]]))["a"]
    array([2., 3.])
    """
    names, matrix = list(columns), np.column_stack([np.asarray(c, float) for c in columns.values()])

    def statistic(weight: Floats) -> dict[str, Floats]:
        total = weight.sum(axis=1, keepdims=True)
        found = np.divide(
            weight @ matrix, total, out=np.full((len(weight), len(names)), np.nan), where=total > 0
        )
        return {name: found[:, i] for i, name in enumerate(names)}

    return statistic


def _regression(found: Cases, how: Sampling) -> Statistic:
    y, value = found.truth, found.predicted
    middle = np.average(y, weights=how.weights(found.n))
    columns = {"mae": np.abs(y - value), "square": (y - value) ** 2}
    # About their middle: the squares of large numbers would lose their digits.
    columns |= {"first": y - middle, "second": (y - middle) ** 2}
    if found.low is not None and found.high is not None:
        columns["interval_coverage"] = (y >= found.low) & (y <= found.high)
    mean = means(columns)

    def statistic(weight: Floats) -> dict[str, Floats]:
        of = dict(mean(weight))
        square, first, second = of.pop("square"), of.pop("first"), of.pop("second")
        spread = second - first**2
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(spread > 0, 1 - square / spread, np.nan)
        return {**of, "rmse": np.sqrt(square), "r2": share, "skill": share}

    return statistic


def _table_rates(found: Cases, rates: Rates) -> Statistic:
    k = len(found.classes)
    cell = found.truth * k + found.predicted

    def statistic(weight: Floats) -> Mapping[str, Floats]:
        tables = np.stack([np.bincount(cell, row, minlength=k * k) for row in weight])
        return {name: np.atleast_1d(v) for name, v in rates(tables.reshape(-1, k, k)).items()}

    return statistic


def _skill(found: Cases, how: Sampling, guess: Guess | None = None) -> Statistic:
    """Return the share saved of the loss of a guess: that of these rows unless one is given."""
    losses, guessed = _beside(found, _shares(found, how) if guess is None else guess)
    mean = means({"loss": losses, "guess": guessed})

    def statistic(weight: Floats) -> dict[str, Floats]:
        of = mean(weight)
        with np.errstate(invalid="ignore", divide="ignore"):
            return {"skill": np.where(of["guess"] > 0, 1 - of["loss"] / of["guess"], np.nan)}

    return statistic


def _shares(found: Cases, how: Sampling) -> Guess:
    each = how.weights(found.n)
    if found.task == REGRESSION:
        return float(np.average(found.truth, weights=each))
    shares = np.bincount(found.truth, each, minlength=len(found.classes)) / each.sum()
    return [float(share) for share in shares]


def _beside(found: Cases, guess: Any) -> tuple[Floats, Floats]:
    if found.task == REGRESSION:
        return value_losses(found.truth, found.predicted, guess=guess)
    p = found.score if found.score is not None else np.zeros(0)
    return class_losses(found.truth, p, guess=guess)


def worth(found: Cases, how: Sampling, guess: Guess, *, level: float, seed: int) -> float:
    """Return the upper bound of the share that the model saves of the loss of a given guess."""
    measured = drawn(
        _skill(found, how, guess), how, squares(found), level=level, seed=seed, ranges=_BOUNDS
    )
    high = measured["skill"][1].high
    return high if math.isfinite(high) else math.inf


def _several_classes(found: Cases, rates: Rates) -> Statistic:
    p = found.score if found.score is not None else np.zeros((0, 0))
    table = _table_rates(found, rates)
    mean = means({"log_loss": log_losses(found.truth, p), "brier": brier_scores(found.truth, p)})
    orders = [ordering(found.truth == k, p[:, k]) for k in range(p.shape[1])]

    def statistic(weight: Floats) -> dict[str, Floats]:
        areas = np.mean([order(weight)["roc_auc"] for order in orders], axis=0)
        return {**table(weight), **mean(weight), "roc_auc": areas}

    return statistic


def ordering(positive: npt.NDArray[np.bool_], score: Floats) -> Statistic:
    """Return ROC AUC and average precision as a statistic of rows [N], sorted once for all.

    Examples
    --------
    >>> order = ordering(np.array([False, True]), np.array([0.2, 0.4]))
    >>> float(order(np.ones((1, 2)))["roc_auc"][0])
    1.0
    """
    order = np.argsort(score, kind="stable")
    ordered, of = score[order], positive[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: score.size])

    def statistic(weight: Floats) -> dict[str, Floats]:
        sorted_ = weight[:, order]
        hits = np.add.reduceat(sorted_ * of, first, axis=1)
        others = np.add.reduceat(sorted_ * ~of, first, axis=1)
        return {
            "roc_auc": auc_of_sums(hits, others),
            "average_precision": average_precision_of_sums(hits, others),
        }

    return statistic


def group_measures(
    found: Cases, rows: Codes, how: Sampling, *, level: float, seed: int
) -> tuple[Measured, dict[str, int]]:
    """Return what is said of one group's rows: value, interval, doubt; and each metric's n."""
    truth, predicted = found.truth[rows], found.predicted[rows]
    settings: dict[str, Any] = {"level": level, "seed": seed, "ranges": _BOUNDS}
    here, n = how.of(rows), int(rows.size)
    if found.task == REGRESSION:
        errors = np.abs(truth - predicted)
        return drawn(means({"mae": errors}), here, errors, **settings), {"mae": n}
    part: Cases = Cases(
        task=found.task,
        classes=found.classes,
        kept=np.ones(n, np.bool_),
        truth=truth,
        predicted=predicted,
    )
    counted = {"accuracy": n}
    if found.task == BINARY:
        table = confusion(truth, predicted, 2)
        counted |= {"recall": int(table[1].sum()), "precision": int(table[:, 1].sum())}
        counted["selection_rate"] = n

    def rates(tables: npt.ArrayLike) -> Mapping[str, Floats]:
        cells = np.asarray(tables, np.float64)
        if found.task != BINARY:
            return {"accuracy": macro_rates(cells)["accuracy"]}
        of, total = binary_rates(cells), cells.sum(axis=(-2, -1))
        out = {name: of[name] for name in ("accuracy", "recall", "precision")}
        with np.errstate(invalid="ignore", divide="ignore"):
            out["selection_rate"] = cells[..., 1].sum(axis=-1) / total
        for name, whole in (("recall", cells[..., 1, :]), ("precision", cells[..., :, 1])):
            out[name] = np.where(whole.sum(axis=-1) > 0, out[name], np.nan)
        return out

    return drawn(_table_rates(part, rates), here, squares(part), **settings), counted
