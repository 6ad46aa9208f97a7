"""The models that can be trained: regularised linear, LightGBM, and any scikit-learn estimator.

Each fitted model gives margins (log odds, or the target on its link's scale) in two ways: `margin`
is the trained library's own prediction, `add` writes the same into the graph. Parity compares them.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from evermodel.bundle.model import open_session
from evermodel.errors import InputError, Mistake, ProjectError
from evermodel.records import BINARY, MULTICLASS, REGRESSION, Task
from evermodel.train.features import Features
from evermodel.train.graph import OPSET, GraphBuilder
from evermodel.train.trees import add_trees

__all__ = [
    "Blend",
    "External",
    "Fitted",
    "Linear",
    "Trees",
    "fit_external",
    "fit_linear",
    "fit_trees",
    "load_estimator",
    "try_conversion",
]

Matrix = NDArray[np.float32]
Margins = NDArray[np.float64]

_CONVERSION_ROWS = 200
_CONVERSION_GAP = 1e-5
_FEWEST_ROUNDS = 20
_SMALL_HESSIAN = 600


class Fitted(Protocol):
    """A trained model: margins float64 [N] (binary, regression) or [N, K] (multiclass)."""

    def margin(self, tree: Matrix, linear: Matrix) -> Margins:
        """Return the margins as the training library computes them."""
        ...

    def add(self, graph: GraphBuilder, features: Features) -> str:
        """Add the model to a graph and return its margins, float64 [N, 1] or [N, K]."""
        ...


@dataclass(frozen=True)
class Linear:
    """Coefficients [G, T] and intercepts [T] on the filled and scaled features."""

    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]

    def margin(self, tree: Matrix, linear: Matrix) -> Margins:
        """Return `linear @ coefficients + intercepts`."""
        found = linear.astype(np.float64) @ self.coefficients + self.intercepts
        return found[:, 0] if found.shape[1] == 1 else found

    def add(self, graph: GraphBuilder, features: Features) -> str:
        """Add the product in float64: its sum would lose digits in float32."""
        exact = graph.add("Cast", [features.linear], to=TensorProto.DOUBLE)
        product = graph.add("MatMul", [exact, graph.constant(self.coefficients)])
        return graph.add("Add", [product, graph.constant(self.intercepts)])


@dataclass(frozen=True)
class Trees:
    """A LightGBM booster with `targets` margins a row."""

    booster: Any
    targets: int

    def margin(self, tree: Matrix, linear: Matrix) -> Margins:
        """Return LightGBM's own raw scores."""
        return np.asarray(self.booster.predict(tree, raw_score=True), dtype=np.float64)

    def add(self, graph: GraphBuilder, features: Features) -> str:
        """Add the trees; see `evermodel.train.trees`."""
        return add_trees(graph, features.tree, self.booster)


@dataclass(frozen=True)
class Blend:
    """A weighted mean of two models' margins."""

    first: Fitted
    second: Fitted
    weight: float

    def margin(self, tree: Matrix, linear: Matrix) -> Margins:
        """Return `weight * first + (1 - weight) * second`."""
        first, second = self.first.margin(tree, linear), self.second.margin(tree, linear)
        return self.weight * first + (1 - self.weight) * second

    def add(self, graph: GraphBuilder, features: Features) -> str:
        """Add both models and their weighted sum."""
        first = graph.constant(np.array(self.weight))
        second = graph.constant(np.array(1 - self.weight))
        return graph.add(
            "Add",
            [
                graph.add("Mul", [self.first.add(graph, features), first]),
                graph.add("Mul", [self.second.add(graph, features), second]),
            ],
        )


@dataclass(frozen=True)
class External:
    """A scikit-learn estimator of the user's, on the filled and scaled features.

    `classes` is how many classes there are, of which a fold's fit may have seen fewer.
    """

    estimator: Any
    task: Task
    classes: int = 2

    def margin(self, tree: Matrix, linear: Matrix) -> Margins:
        """Return log odds, log probabilities, or predictions in regression."""
        if self.task == REGRESSION:
            return np.asarray(self.estimator.predict(linear), dtype=np.float64).reshape(-1)
        known = np.asarray(self.estimator.classes_).astype(np.intp)
        found = np.zeros((len(linear), max(self.classes, 2)))
        found[:, known] = self.estimator.predict_proba(linear)
        return _log_odds(found, self.task)

    def add(self, graph: GraphBuilder, features: Features) -> str:
        """Graft the estimator as converted by skl2onnx."""
        model, output = _convert(self.estimator, len(features.linear_names), self.task)
        found = graph.graft(model, {"features": features.linear}, output)
        exact = graph.add("Cast", [found], to=TensorProto.DOUBLE)
        if self.task == REGRESSION:
            return graph.add("Reshape", [exact, graph.constant(np.array([-1, 1]))])
        tiny = graph.constant(np.array(_TINY))
        bounded = graph.add("Max", [exact, tiny])
        logs = graph.add("Log", [bounded])
        if self.task == MULTICLASS:
            return logs
        columns = [graph.constant(np.array([column], dtype=np.int64)) for column in (0, 1)]
        no, yes = (graph.add("Gather", [logs, column], axis=1) for column in columns)
        return graph.add("Sub", [yes, no])


_TINY = 1e-5
"""Probabilities nearer to 0 are taken for this: float32, which converted models answer in, holds
what is left of 1 to 6e-8 only, a hundredth of it."""


def _log_odds(probability: NDArray[Any], task: Task) -> Margins:
    logs = np.log(np.maximum(probability.astype(np.float64), _TINY))
    return logs[:, 1] - logs[:, 0] if task == BINARY else logs


def fit_linear(
    linear: Matrix, y: NDArray[Any], task: Task, *, strength: float, classes: int = 2
) -> Linear:
    """Fit a ridge or (multinomial) logistic regression; `strength` is the penalty's weight.

    A class of the `classes` that `y` does not hold, as may be in a fold, is given the odds of one
    row in all.
    """
    from sklearn.linear_model import Ridge

    if task == REGRESSION:
        ridge = Ridge(alpha=strength).fit(linear.astype(np.float64), y)
        return Linear(ridge.coef_.reshape(-1, 1), np.array([ridge.intercept_]))
    known = np.unique(y).astype(np.intp)
    if len(known) == (2 if task == BINARY else classes):
        return _logistic(linear, y, strength, 1 if task == BINARY else classes)
    shape = (linear.shape[1], max(classes, 2))
    coefficients, intercepts = np.zeros(shape), np.full(shape[1], -np.log(len(y)))
    intercepts[known] = 0.0
    if len(known) > 1:
        fitted = _logistic(linear, y, strength, len(known))
        rising = fitted.coefficients.shape[1] == 1
        shown = known[1:] if rising else known
        coefficients[:, shown], intercepts[shown] = fitted.coefficients, fitted.intercepts
        intercepts += np.where(np.isin(np.arange(shape[1]), known), 0.0, intercepts[known].min())
    if task == BINARY:
        coefficients, intercepts = coefficients[:, 1:], intercepts[1:] - intercepts[:1]
    return Linear(coefficients, intercepts)


def _logistic(linear: Matrix, y: NDArray[Any], strength: float, targets: int) -> Linear:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    # Newton's method needs a few steps where L-BFGS needs hundreds, while the Hessian is small.
    solver = "newton-cholesky" if linear.shape[1] * targets <= _SMALL_HESSIAN else "lbfgs"
    with warnings.catch_warnings():
        # A fit stopped early is as good here; the calibrator takes the rest.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=1 / strength, max_iter=100, solver=solver)
        model.fit(linear.astype(np.float64), y)
    return Linear(np.ascontiguousarray(model.coef_.T), model.intercept_)


def fit_trees(
    data: Any,
    parameters: Mapping[str, Any],
    *,
    rounds: int,
    valid: Any = None,
    patience: int = 50,
    deadline: float = float("inf"),
) -> Any:
    """Train a LightGBM booster.

    With a validation set it stops early: when `patience` rounds brought no gain, or at `deadline`
    (on `time.perf_counter`), keeping the best round so far.
    """
    import lightgbm

    callbacks: list[Any] = []
    if valid is not None:
        callbacks = [lightgbm.early_stopping(patience, verbose=False), _stop_at(deadline)]
    return lightgbm.train(
        {
            **parameters,
            "verbosity": -1,
            "deterministic": True,
            "force_row_wise": True,
            "feature_pre_filter": False,
        },
        data,
        num_boost_round=rounds,
        valid_sets=[valid] if valid is not None else None,
        callbacks=callbacks,
    )


def _stop_at(deadline: float) -> Callable[[Any], None]:
    best = (np.inf, 0)

    def check(environment: Any) -> None:
        from lightgbm.callback import EarlyStopException

        nonlocal best
        loss = environment.evaluation_result_list[0][2]
        if loss < best[0]:
            best = (loss, environment.iteration)
        if perf_counter() > deadline and environment.iteration + 1 >= _FEWEST_ROUNDS:
            raise EarlyStopException(best[1], environment.evaluation_result_list)

    return check


def load_estimator(name: str) -> Any:
    """Return a fresh estimator from `module:function`, its chance fixed where it left it open.

    Raises
    ------
    ProjectError
        When it cannot be imported or returns something without `fit`.
    """
    module, _, function = name.partition(":")
    try:
        estimator = getattr(importlib.import_module(module), function)()
    except Exception as error:  # noqa: BLE001 - it is the user's code
        mistake = Mistake(
            what=f"the model {name!r} cannot be made",
            found=f"{type(error).__name__}: {error}",
            hint="name a function without arguments that returns an estimator, as module:function",
        )
        raise ProjectError("[train] models", [mistake]) from None
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        mistake = Mistake(what=f"{name!r} returned no estimator", found=type(estimator).__name__)
        raise ProjectError("[train] models", [mistake])
    if hasattr(estimator, "get_params"):
        settings = estimator.get_params()
        open_ones = [key for key, value in settings.items() if value is None]
        seeds = {k: 0 for k in open_ones if k == "random_state" or k.endswith("__random_state")}
        estimator.set_params(**seeds)
    return estimator


def fit_external(
    name: str, linear: Matrix, y: NDArray[Any], task: Task, *, classes: int = 2
) -> Fitted:
    """Fit the user's estimator on the filled and scaled features.

    Rows of one class, as may be in a fold, which many estimators refuse, give that class and to
    every other the odds of one row in all, as `fit_linear` does.

    Raises
    ------
    ProjectError
        When `name` makes no estimator.
    InputError
        When the estimator refuses the rows.
    """
    known = [] if task == REGRESSION else np.unique(y).tolist()
    if len(known) == 1:
        return fit_linear(linear, y, task, strength=1.0, classes=classes)
    estimator = load_estimator(name)
    try:
        fitted = estimator.fit(linear, y)
    except Exception as error:  # noqa: BLE001 - it is the user's code
        seen = "" if task == REGRESSION else f" of {len(known)} of {max(classes, 2)} classes"
        raise InputError(
            f"the model {name!r} cannot be fitted",
            where=f"on {len(y)} rows{seen}",
            found=f"{type(error).__name__}: {error}"[:300],
            hint="take another estimator, or bring more rows of every class",
        ) from None
    return External(fitted, task, classes)


def try_conversion(
    name: str, linear: Matrix, y: NDArray[Any], task: Task, *, classes: int = 2
) -> None:
    """Fit the estimator on 200 rows and convert it, before any search is paid for.

    Raises
    ------
    InputError
        When it cannot be fitted, gives no probabilities, does not convert, or its graph predicts
        otherwise than the estimator.
    """
    rows = _spread_rows(y, task)
    try:
        fitted = fit_external(name, linear[rows], y[rows], task, classes=classes)
        expected = fitted.margin(linear[rows], linear[rows])
    except (InputError, ProjectError):
        raise
    except Exception as error:  # noqa: BLE001 - it is the user's code
        raise InputError(
            f"the model {name!r} cannot be asked for its predictions",
            found=f"{type(error).__name__}: {error}"[:300],
            hint="take an estimator with fit and predict_proba (with predict in regression)",
        ) from None
    graph = GraphBuilder()
    source = graph.input("features", TensorProto.FLOAT, linear.shape[1])
    features = Features()
    features.linear, features.linear_names = source, [""] * linear.shape[1]
    try:
        margin = fitted.add(graph, features)
        content = graph.build({"margin": (margin, TensorProto.DOUBLE, ("N", None))})
        found = open_session(content).run(["margin"], {"features": linear[rows]})[0]
    except Exception as error:  # noqa: BLE001 - a converter may raise anything
        raise InputError(
            f"the model {name!r} does not convert to a graph",
            found=f"{type(error).__name__}: {error}"[:300],
            hint="take an estimator that skl2onnx supports",
        ) from None
    gap = _answer_gap(np.asarray(found).reshape(expected.shape), expected, task)
    # Not `gap > limit`: a difference that is not a number passes no limit.
    if not gap <= _CONVERSION_GAP:
        raise InputError(
            f"the graph of the model {name!r} predicts otherwise than the model",
            found=f"they differ by up to {gap:.2g}, accepted is {_CONVERSION_GAP:g}",
            hint="take another estimator",
        )


def _answer_gap(found: Margins, expected: Margins, task: Task) -> float:
    """Return the largest difference of probabilities, or of the answers' range in regression."""
    if task == REGRESSION:
        scale = float(np.ptp(expected)) or float(np.abs(expected).max()) or 1.0
        return float(np.abs(found - expected).max()) / scale
    if task == BINARY:
        pair = [np.exp(-np.logaddexp(0, -margin)) for margin in (found, expected)]
    else:
        pair = [np.exp(m - np.logaddexp.reduce(m, axis=1)[:, None]) for m in (found, expected)]
    return float(np.abs(pair[0] - pair[1]).max())


def _spread_rows(y: NDArray[Any], task: Task) -> NDArray[np.intp]:
    """Return up to 200 row numbers that hold every class."""
    if task == REGRESSION:
        return np.arange(min(_CONVERSION_ROWS, len(y)))
    share = max(2, _CONVERSION_ROWS // len(np.unique(y)))
    return np.concatenate([np.flatnonzero(y == value)[:share] for value in np.unique(y)])


def _convert(estimator: Any, width: int, task: Task) -> tuple[Any, str]:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    options = {} if task == REGRESSION else {id(estimator): {"zipmap": False}}
    model = to_onnx(
        estimator,
        initial_types=[("features", FloatTensorType([None, width]))],
        target_opset={"": OPSET, "ai.onnx.ml": 3},
        options=options,
    )
    return model, model.graph.output[-1].name
