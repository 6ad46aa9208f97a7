"""The whole model as one graph, and the proof that it predicts what the trained pipeline does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from evermodel.bundle import Blocks
from evermodel.bundle.model import open_session
from evermodel.errors import BundleError
from evermodel.records import MULTICLASS, REGRESSION, Task
from evermodel.stats.calibrators import Beta, Calibrator, Isotonic, Sigmoid, Temperature
from evermodel.train.features import add_features, feature_matrices
from evermodel.train.graph import GraphBuilder
from evermodel.train.learners import Blend, Fitted, Trees
from evermodel.train.prepare import Preparation
from evermodel.train.search import apply_link
from evermodel.train.trees import split_thresholds

__all__ = ["PARITY_LIMIT", "Parity", "Pipeline", "add_calibrator", "check_parity", "export_graph"]

PARITY_LIMIT = 1e-5
"""Largest accepted difference: of a probability, or of the target's range in regression."""

_THRESHOLD_ROWS = 2000


@dataclass(frozen=True)
class Pipeline:
    """All that was trained: from raw blocks to calibrated predictions, in the training libraries.

    `radius` is the half width of the interval in regression; `calibrator` is None there.
    """

    task: Task
    classes: int
    preparation: Preparation
    model: Fitted
    calibrator: Calibrator | None
    link: str = "identity"
    radius: float | None = None

    def predict(self, blocks: Blocks) -> NDArray[np.float64]:
        """Return probabilities ([N] or [N, K]) or values [N], without the exported model."""
        tree, linear, _ = feature_matrices(self.preparation, blocks)
        margin = self.model.margin(tree, linear)
        if self.calibrator is None:
            return apply_link(self.link, margin)
        return np.asarray(self.calibrator(margin), dtype=np.float64)


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """The largest difference found between graph and pipeline, and on how many rows."""

    limit: float
    real_rows: int
    real_gap: float
    threshold_rows: int
    threshold_gap: float

    @property
    def gap(self) -> float:
        """The larger of both differences; not a number when one of them is none."""
        return float(np.max([self.real_gap, self.threshold_gap]))


def export_graph(pipeline: Pipeline) -> bytes:
    """Return the serialised graph from raw blocks to the calibrated output."""
    graph = GraphBuilder()
    features = add_features(graph, pipeline.preparation)
    margin = pipeline.model.add(graph, features)
    if pipeline.task == REGRESSION:
        value = margin
        if pipeline.link == "log1p":
            one = graph.constant(np.array(1.0))
            value = graph.add("Sub", [graph.add("Exp", [margin]), one])
        value = graph.add("Reshape", [value, graph.constant(np.array([-1]))])
        outputs = {"value": value}
        if pipeline.radius is not None:
            radius = graph.constant(np.array(pipeline.radius))
            outputs["low"] = graph.add("Sub", [value, radius])
            outputs["high"] = graph.add("Add", [value, radius])
        return graph.build({k: (v, TensorProto.DOUBLE, ("N",)) for k, v in outputs.items()})
    if pipeline.calibrator is None:
        raise ValueError("a classifier is exported with its calibrator")
    probability = add_calibrator(graph, pipeline.calibrator, margin)
    shape: tuple[Any, ...] = ("N", pipeline.classes)
    if pipeline.task != MULTICLASS:
        shape = ("N",)
        probability = graph.add("Reshape", [probability, graph.constant(np.array([-1]))])
    width = pipeline.classes if pipeline.task == MULTICLASS else 1
    return graph.build(
        {
            "probability": (probability, TensorProto.DOUBLE, shape),
            "margin": (margin, TensorProto.DOUBLE, ("N", width)),
        }
    )


def add_calibrator(graph: GraphBuilder, calibrator: Calibrator, margin: str) -> str:
    """Add a calibrator in float64; `margin` is float64 [N, 1], or [N, K] for several classes."""
    match calibrator:
        case Sigmoid(a=a, b=b):
            scaled = graph.add("Mul", [margin, graph.constant(np.array(a))])
            return _logistic(graph, graph.add("Add", [scaled, graph.constant(np.array(b))]))
        case Beta(a=a, b=b, c=c):
            # ln p and ln(1 - p) of the raw logistic, without leaving the margin's scale.
            rising = graph.add("Mul", [_softplus(graph, margin), graph.constant(np.array(b))])
            mirrored = _softplus(graph, graph.add("Neg", [margin]))
            falling = graph.add("Mul", [mirrored, graph.constant(np.array(a))])
            total = graph.add("Sub", [rising, falling])
            return _logistic(graph, graph.add("Add", [total, graph.constant(np.array(c))]))
        case Isotonic(x=x, y=y):
            return _interpolated(graph, margin, np.array(x), np.array(y))
        case Temperature(t=t):
            scaled = graph.add("Div", [margin, graph.constant(np.array(t))])
            return graph.add("Softmax", [scaled], axis=1)


def _logistic(graph: GraphBuilder, margin: str) -> str:
    return graph.add("Sigmoid", [margin])


def _softplus(graph: GraphBuilder, margin: str) -> str:
    """Return ln(1 + exp(m)) as max(m, 0) + ln(1 + exp(-|m|)), which cannot overflow."""
    zero, one = graph.constant(np.array(0.0)), graph.constant(np.array(1.0))
    tail = graph.add("Exp", [graph.add("Neg", [graph.add("Abs", [margin])])])
    log = graph.add("Log", [graph.add("Add", [one, tail])])
    return graph.add("Add", [graph.add("Max", [margin, zero]), log])


def _interpolated(
    graph: GraphBuilder, margin: str, x: NDArray[np.float64], y: NDArray[np.float64]
) -> str:
    """Return the piecewise-linear function as a sum of clipped ramps."""
    if len(x) == 1:
        zero = graph.add("Mul", [margin, graph.constant(np.array(0.0))])
        return graph.add("Add", [zero, graph.constant(y)])
    widths = np.diff(x)
    above = graph.add("Max", [graph.add("Sub", [margin, graph.constant(x[:-1])]), _zero(graph)])
    ramps = graph.add("Min", [above, graph.constant(widths)])
    slopes = (np.diff(y) / widths)[:, None]
    rise = graph.add("MatMul", [ramps, graph.constant(slopes)])
    return graph.add("Add", [rise, graph.constant(np.array(y[0]))])


def _zero(graph: GraphBuilder) -> str:
    return graph.constant(np.array(0.0))


def check_parity(pipeline: Pipeline, graph: bytes, blocks: Blocks, scale: float) -> Parity:
    """Compare graph and pipeline on real rows and on rows at split thresholds.

    Parameters
    ----------
    pipeline : Pipeline
    graph : bytes
    blocks : Blocks
        Real rows; all of them are compared.
    scale : float
        1 for probabilities, the target's range in regression.

    Raises
    ------
    BundleError
        When they differ by more than `PARITY_LIMIT`: such a bundle is never made.
    """
    edge = threshold_rows(pipeline, blocks)
    parity = Parity(
        limit=PARITY_LIMIT,
        real_rows=len(blocks),
        real_gap=_gap(pipeline, graph, blocks) / scale,
        threshold_rows=len(edge),
        threshold_gap=_gap(pipeline, graph, edge) / scale if len(edge) else 0.0,
    )
    if not parity.gap <= PARITY_LIMIT:
        raise BundleError(
            "the graph does not predict what the trained pipeline predicts",
            found=f"they differ by up to {parity.gap:.2g}, accepted is {PARITY_LIMIT:g}",
            hint="leave out columns with huge values, or take another model in train.models",
        )
    return parity


def _gap(pipeline: Pipeline, graph: bytes, blocks: Blocks) -> float:
    output = "value" if pipeline.task == REGRESSION else "probability"
    found = open_session(graph).run([output], blocks.feed())[0]
    return float(np.abs(found - pipeline.predict(blocks)).max())


def threshold_rows(pipeline: Pipeline, blocks: Blocks) -> Blocks:
    """Return real rows with one number set to a split threshold, or just above it."""
    trees = _find_trees(pipeline.model)
    if trees is None or not pipeline.preparation.numbers:
        return blocks[:0]
    items = pipeline.preparation.numbers
    thresholds = split_thresholds(trees.booster, trees.booster.num_feature())[: len(items)]
    per_feature = max(1, _THRESHOLD_ROWS // (2 * len(items)))
    columns, values = [], []
    for item, found in zip(items, thresholds, strict=True):
        chosen = found[np.linspace(0, len(found) - 1, min(per_feature, len(found))).astype(int)]
        with np.errstate(over="ignore"):
            above = np.nextafter(chosen, np.float32(np.inf))
        for value in (chosen, above):
            columns += [item.index] * len(value)
            values += [float(v) + item.offset for v in value]
    if not values:
        return blocks[:0]
    picked = np.arange(len(values)) % len(blocks)
    edge = blocks[picked]
    numbers = edge.numbers.copy()
    numbers[np.arange(len(values)), columns] = values
    return Blocks(numbers, edge.strings, edge.times)


def _find_trees(model: Fitted) -> Trees | None:
    if isinstance(model, Blend):
        return _find_trees(model.first) or _find_trees(model.second)
    return model if isinstance(model, Trees) else None
