"""Calibrators: frozen, JSON-able records that turn a model's margin into a probability.

The margin is the raw score on the logistic scale (log odds), as the exported graph gives it. A
calibrator's parameters are plain floats, so that the bundle's graph can hold the same arithmetic
in float64.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.stats.arrays import Codes, Floats, codes, floats
from evermodel.stats.metrics import log_losses

__all__ = [
    "KINDS",
    "Beta",
    "Calibrator",
    "Isotonic",
    "Kind",
    "Sigmoid",
    "Temperature",
    "choose_calibrator",
    "fit_calibrator",
]

Kind = Literal["sigmoid", "beta", "isotonic", "temperature"]
KINDS: tuple[Kind, ...] = ("sigmoid", "beta", "isotonic")
"""Kinds for two classes, the simplest first: the order in which a near tie is decided."""

KNOTS = 64


class Sigmoid(msgspec.Struct, frozen=True, tag="sigmoid", tag_field="kind"):
    """Platt scaling: 1 / (1 + exp(-(a * margin + b))), a >= 0.

    References
    ----------
    Platt (1999); Lin, Lin, Weng (2007), "A Note on Platt's Probabilistic Outputs".

    Examples
    --------
    >>> Sigmoid(a=1.0, b=0.0)(np.array([0.0]))
    array([0.5])
    """

    a: float
    b: float

    @property
    def kind(self) -> Kind:
        """The word in the record's JSON."""
        return "sigmoid"

    def __call__(self, margin: npt.ArrayLike) -> Floats:
        """Return the probabilities [N] of margins [N]."""
        return _expit(self.a * np.asarray(margin, np.float64) + self.b)


class Beta(msgspec.Struct, frozen=True, tag="beta", tag_field="kind"):
    """Beta calibration: 1 / (1 + exp(-(a * ln p - b * ln(1 - p) + c))), p = expit(margin).

    `a` and `b` are not negative. In terms of the margin ln p is -softplus(-margin) and ln(1 - p)
    is -softplus(margin).

    References
    ----------
    Kull, Silva Filho, Flach (2017), "Beta calibration".

    Examples
    --------
    >>> Beta(a=1.0, b=1.0, c=0.0)(np.array([0.0]))
    array([0.5])
    """

    a: float
    b: float
    c: float

    @property
    def kind(self) -> Kind:
        """The word in the record's JSON."""
        return "beta"

    def __call__(self, margin: npt.ArrayLike) -> Floats:
        """Return the probabilities [N] of margins [N]."""
        ln_p, minus_ln_q = _log_odds_parts(np.asarray(margin, np.float64))
        return _expit(self.a * ln_p + self.b * minus_ln_q + self.c)


class Isotonic(msgspec.Struct, frozen=True, tag="isotonic", tag_field="kind"):
    """Piecewise-linear interpolation through knots (x, y), level beyond the outer ones.

    The knots are the centres of an isotonic regression's blocks.

    References
    ----------
    Zadrozny, Elkan (2002); Oron, Flournoy (2017), "Centered Isotonic Regression".

    Examples
    --------
    >>> Isotonic(x=(-1.0, 1.0), y=(0.2, 0.8))(np.array([-5.0, 0.0, 1.0]))
    array([0.2, 0.5, 0.8])
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    @property
    def kind(self) -> Kind:
        """The word in the record's JSON."""
        return "isotonic"

    def __call__(self, margin: npt.ArrayLike) -> Floats:
        """Return the probabilities [N] of margins [N]."""
        return np.asarray(np.interp(np.asarray(margin, np.float64), self.x, self.y))


class Temperature(msgspec.Struct, frozen=True, tag="temperature", tag_field="kind"):
    """Temperature scaling for more than two classes: softmax(margins / t).

    References
    ----------
    Guo, Pleiss, Sun, Weinberger (2017), "On Calibration of Modern Neural Networks".

    Examples
    --------
    >>> Temperature(t=2.0)(np.array([[0.0, 0.0]]))
    array([[0.5, 0.5]])
    """

    t: float

    @property
    def kind(self) -> Kind:
        """The word in the record's JSON."""
        return "temperature"

    def __call__(self, margin: npt.ArrayLike) -> Floats:
        """Return the probabilities [N, K] of margins [N, K]."""
        return _softmax(np.asarray(margin, np.float64) / self.t)


Calibrator = Sigmoid | Beta | Isotonic | Temperature


def fit_calibrator(kind: Kind, margin: npt.ArrayLike, y: npt.ArrayLike) -> Calibrator:
    """Return the calibrator of that kind with the least log loss on margins and class numbers.

    Raises
    ------
    InputError
        When there are no rows, lengths differ, or a margin is not finite.

    Examples
    --------
    >>> fit_calibrator("sigmoid", [-2.0, -1.0, 1.0, 2.0], [0, 0, 1, 1]).kind
    'sigmoid'
    """
    margins, labels = floats(margin, name="margins"), codes(y)
    if labels.size == 0 or margins.shape[0] != labels.shape[0]:
        found = f"{margins.shape[0]} margins, {labels.size} labels"
        raise InputError("a calibrator needs as many margins as labels, and one row", found=found)
    if (margins.ndim == 2) != (kind == "temperature"):
        raise InputError(
            f"calibrator {kind!r} does not fit margins of shape {margins.shape}",
            hint="temperature is for [N, K], the others are for [N]",
        )
    if kind == "temperature":
        return _fit_temperature(margins, labels)
    if kind == "isotonic":
        return _fit_isotonic(margins, labels)
    return _fit_beta(margins, labels) if kind == "beta" else _fit_sigmoid(margins, labels)


def choose_calibrator(
    margin: npt.ArrayLike, y: npt.ArrayLike, *, seed: int, folds: int = 5
) -> tuple[Calibrator, dict[str, float]]:
    """Return the calibrator with the best cross-validated log loss, and each kind's log loss.

    A more flexible kind must beat a simpler one by more than one standard error of their paired
    difference. Margins [N, K] are given a temperature.

    Examples
    --------
    >>> margin = np.linspace(-3, 3, 200)
    >>> y = np.random.default_rng(0).random(200) < 1 / (1 + np.exp(-margin))
    >>> choose_calibrator(margin, y, seed=0)[0].kind
    'sigmoid'
    """
    margins, labels = floats(margin, name="margins"), codes(y)
    kinds: tuple[Kind, ...] = KINDS if margins.ndim == 1 else ("temperature",)
    fold = _stratified_folds(labels, min(folds, labels.size), seed)
    losses = {}
    for kind in kinds:
        rows = np.empty(labels.size)
        for held_out in range(int(fold.max(initial=0)) + 1):
            out = fold == held_out
            if out.all():  # one row, or one fold: there is nothing else to fit on
                out = np.zeros_like(out)
            fitted = fit_calibrator(kind, margins[~out], labels[~out])
            test = out if out.any() else ~out
            rows[test] = log_losses(labels[test], fitted(margins[test]))
        losses[kind] = rows
    best = min(kinds, key=lambda kind: float(losses[kind].mean()))
    chosen = next(kind for kind in kinds if _not_worse(losses[kind], losses[best]))
    means = {str(kind): float(rows.mean()) for kind, rows in losses.items()}
    return fit_calibrator(chosen, margins, labels), means


def _not_worse(rows: Floats, best: Floats) -> bool:
    difference = rows - best
    error = float(difference.std()) / math.sqrt(max(difference.size - 1, 1))
    return float(difference.mean()) <= error


def _stratified_folds(labels: Codes, folds: int, seed: int) -> Codes:
    """Deal each class's rows, shuffled, to the folds in turn."""
    order = np.random.default_rng(seed).permutation(labels.size)
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(labels.size, np.int64)
    fold[order] = np.arange(labels.size) % max(folds, 1)
    return fold


def _expit(x: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))


def _softmax(x: Floats) -> Floats:
    shifted = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _log_odds_parts(margin: Floats) -> tuple[Floats, Floats]:
    """Return ln p and -ln(1 - p) of the margin's probability."""
    return -np.logaddexp(0.0, -margin), np.logaddexp(0.0, margin)


def _platt_targets(labels: Codes) -> Floats:
    """Platt's targets: just inside 0 and 1, so that separable rows do not drive a to infinity."""
    positives = int((labels == 1).sum())
    negatives = labels.size - positives
    return np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def _fit_sigmoid(margin: Floats, labels: Codes) -> Sigmoid:
    a, b = _monotone_logistic([margin], _platt_targets(labels))
    return Sigmoid(a=a, b=b)


def _fit_beta(margin: Floats, labels: Codes) -> Beta:
    a, b, c = _monotone_logistic(list(_log_odds_parts(margin)), _platt_targets(labels))
    return Beta(a=a, b=b, c=c)


def _monotone_logistic(columns: list[Floats], target: Floats) -> list[float]:
    """Logistic regression with slopes >= 0: the slope that turns negative is left out, as Kull's.

    Returns the slopes and the intercept.
    """
    kept = [i for i, column in enumerate(columns) if np.ptp(column) > 0]
    while True:
        found = _logistic([columns[i] for i in kept], target)
        lowest = int(np.argmin(found[:-1])) if kept else -1
        if not kept or found[lowest] >= 0:
            break
        del kept[lowest]
    slopes = dict(zip(kept, found[:-1], strict=True))
    return [float(slopes.get(i, 0.0)) for i in range(len(columns))] + [float(found[-1])]


def _logistic(columns: list[Floats], target: Floats) -> list[float]:
    """Newton's method with halved steps on standardised columns; slopes, then the intercept."""
    middle = [float(column.mean()) for column in columns]
    scale = [float(column.std()) for column in columns]
    parts = [(c - m) / s for c, m, s in zip(columns, middle, scale, strict=True)]
    X = np.stack([*parts, np.ones(target.size)], axis=1)
    ridge = np.eye(X.shape[1]) * 1e-9 * target.size
    base = float(np.clip(target.mean(), 1e-9, 1 - 1e-9))
    weight = np.zeros(X.shape[1])
    weight[-1] = np.log(base / (1 - base))

    def loss(w: Floats) -> float:
        z = X @ w
        return float((np.logaddexp(0.0, z) - target * z).sum() + 0.5 * w @ ridge @ w)

    now = loss(weight)
    for _ in range(100):
        p = _expit(X @ weight)
        gradient = X.T @ (p - target) + ridge @ weight
        step = np.linalg.solve((X * (p * (1 - p))[:, None]).T @ X + ridge, gradient)
        size = 1.0
        while (then := loss(weight - size * step)) > now and size > 1e-10:
            size /= 2
        if now - then < 1e-12 * (1 + abs(now)):
            break
        weight, now = weight - size * step, then
    slopes = [float(w / s) for w, s in zip(weight[:-1], scale, strict=True)]
    return [*slopes, float(weight[-1] - sum(a * m for a, m in zip(slopes, middle, strict=True)))]


def _fit_isotonic(margin: Floats, labels: Codes) -> Isotonic:
    from scipy.optimize import isotonic_regression

    x, group = np.unique(margin, return_inverse=True)
    rows = np.bincount(group).astype(np.float64)
    hits = np.bincount(group[labels == 1], minlength=x.size).astype(np.float64)
    starts = isotonic_regression(hits / rows, weights=rows).blocks[:-1]
    count: Floats = np.add.reduceat(rows, starts)
    centre: Floats = np.add.reduceat(x * rows, starts) / count
    count, hits, centre = _at_most(KNOTS, count, np.add.reduceat(hits, starts), centre)
    # One pseudo-row at the base rate keeps probabilities off 0 and 1 where a block is pure; with
    # one class only, the base rate itself is kept off the edge.
    base = (labels.sum() + 0.5) / (labels.size + 1)
    level = np.maximum.accumulate((hits + base) / (count + 1))
    return Isotonic(x=tuple(centre.tolist()), y=tuple(level.tolist()))


def _at_most(
    knots: int, count: Floats, hits: Floats, centre: Floats
) -> tuple[Floats, Floats, Floats]:
    """Join the neighbours whose union costs the least likelihood until `knots` are left."""
    while count.size > knots:
        joined = _deviance(count[1:] + count[:-1], hits[1:] + hits[:-1])
        single = _deviance(count, hits)
        i = int(np.argmin(joined - single[1:] - single[:-1]))
        total = count[i] + count[i + 1]
        centre[i] = (centre[i] * count[i] + centre[i + 1] * count[i + 1]) / total
        count[i], hits[i] = total, hits[i] + hits[i + 1]
        count, hits, centre = (np.delete(array, i + 1) for array in (count, hits, centre))
    return count, hits, centre


def _deviance(count: Floats, hits: Floats) -> Floats:
    """Negative log-likelihood of each block at its own rate."""
    rate = np.clip(hits / count, 1e-12, 1 - 1e-12)
    return np.asarray(-(hits * np.log(rate) + (count - hits) * np.log1p(-rate)))


def _fit_temperature(margins: Floats, labels: Codes) -> Temperature:
    """Minimise the log loss over 1/t, in which it is convex, by Newton kept within a bracket."""
    centred = margins - margins.max(axis=1, keepdims=True)
    truth = centred[np.arange(labels.size), labels]
    scale = float(np.abs(centred).mean()) or 1.0
    low, high = 1e-3 / scale, 1e3 / scale
    inverse = float(np.clip(1.0, low, high))
    for _ in range(60):
        p = _softmax(inverse * centred)
        mean = (p * centred).sum(axis=1)
        slope = float((mean - truth).mean())
        curve = float(((p * centred**2).sum(axis=1) - mean**2).mean())
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        step = inverse - slope / curve if curve > 0 else np.inf
        then = step if low < step < high else (low * high) ** 0.5
        if abs(then - inverse) <= 1e-12 * inverse:
            break
        inverse = then
    return Temperature(t=1 / inverse)
