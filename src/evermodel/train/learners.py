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
    """A scikit-learn estimator of the user's, on the filled and scaled features."""

    estimator: Any
    task: Task

    def margin(self, tree: Matrix, linear: Matrix) -> Margins:
        """Return log odds, log probabilities, or predictions in regression."""
        if self.task == REGRESSION:
            return np.asarray(self.estimator.predict(linear), dtype=np.float64).reshape(-1)
        return _log_odds(np.asarray(self.estimator.predict_proba(linear)), self.task)

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


_TINY = 1e-7


def _log_odds(probability: NDArray[Any], task: Task) -> Margins:
    logs = np.log(np.maximum(probability.astype(np.float64), _TINY))
    return logs[:, 1] - logs[:, 0] if task == BINARY else logs


def fit_linear(linear: Matrix, y: NDArray[Any], task: Task, *, strength: float) -> Linear:
    """Fit a ridge or (multinomial) logistic regression; `strength` is the penalty's weight."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    if task == REGRESSION:
        ridge = Ridge(alpha=strength).fit(linear.astype(np.float64), y)
        return Linear(ridge.coef_.reshape(-1, 1), np.array([ridge.intercept_]))
    targets = len(np.unique(y)) if task == MULTICLASS else 1
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
    def check(environment: Any) -> None:
        from lightgbm.callback import EarlyStopException

        if perf_counter() > deadline and environment.iteration + 1 >= _FEWEST_ROUNDS:
            raise EarlyStopException(environment.iteration, environment.evaluation_result_list)

    return check


def load_estimator(name: str) -> Any:
    """Return a fresh estimator from `module:function`.

    Raises
    ------
    ProjectError
        When it cannot be imported or returns something without `fit`.
    """
    module, _, function = name.partition(":")
    try:
        estimator = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        mistake = Mistake(
            what=f"the model {name!r} cannot be made",
            found=f"{type(error).__name__}: {error}",
            hint="name a function without arguments that returns an estimator, as module:function",
        )
        raise ProjectError("[train] models", [mistake]) from None
    if not hasattr(estimator, "fit"):
        mistake = Mistake(what=f"{name!r} returned no estimator", found=type(estimator).__name__)
        raise ProjectError("[train] models", [mistake])
    return estimator


def fit_external(name: str, linear: Matrix, y: NDArray[Any], task: Task) -> External:
    """Fit the user's estimator on the filled and scaled features."""
    return External(load_estimator(name).fit(linear, y), task)


def try_conversion(name: str, linear: Matrix, y: NDArray[Any], task: Task) -> None:
    """Convert the estimator once on 200 rows, before any search is paid for.

    Raises
    ------
    InputError
        When it does not convert, or its graph predicts otherwise than the estimator.
    """
    rows = _spread_rows(y, task)
    fitted = fit_external(name, linear[rows], y[rows], task)
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
    expected = fitted.margin(linear[rows], linear[rows])
    if not np.allclose(np.squeeze(found), np.squeeze(expected), atol=1e-3, rtol=1e-4):
        gap = float(np.abs(np.squeeze(found) - np.squeeze(expected)).max())
        raise InputError(
            f"the graph of the model {name!r} predicts otherwise than the model",
            found=f"margins differ by up to {gap:.2g}",
            hint="take another estimator",
        )


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
