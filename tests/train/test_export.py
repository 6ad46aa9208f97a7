"""The calibrators in the graph, and the proof that the graph is what was trained."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from evermodel.bundle import Blocks
from evermodel.bundle.model import open_session
from evermodel.errors import BundleError
from evermodel.stats.calibrators import (
    Beta,
    Calibrator,
    Isotonic,
    Sigmoid,
    Temperature,
    fit_calibrator,
)
from evermodel.train.export import (
    PARITY_LIMIT,
    Parity,
    Pipeline,
    add_calibrator,
    check_parity,
    export_graph,
)
from evermodel.train.features import feature_matrices
from evermodel.train.graph import GraphBuilder
from evermodel.train.learners import Blend, Fitted, Linear, Trees, fit_linear
from evermodel.train.prepare import learn
from evermodel.train.search import Candidate, Folds, refit
from tests.train.rows import encoded, shop


def in_graph(calibrator: Calibrator, margin: NDArray[np.float64]) -> NDArray[np.float64]:
    graph = GraphBuilder()
    width = margin.shape[1] if margin.ndim == 2 else 1
    source = graph.input("margin", TensorProto.DOUBLE, width)
    found = add_calibrator(graph, calibrator, source)
    content = graph.build({"probability": (found, TensorProto.DOUBLE, ("N", width))})
    answer = open_session(content).run(["probability"], {"margin": margin.reshape(-1, width)})[0]
    return np.asarray(answer).reshape(margin.shape)


MARGINS = st.lists(
    st.floats(-700, 700) | st.sampled_from([0.0, -0.0, 1e-300, 40.0, -40.0, 1e4, -1e4]),
    min_size=1,
    max_size=20,
).map(np.array)
SLOPES = st.floats(0, 5)


@given(MARGINS, SLOPES, st.floats(-10, 10))
def test_platt_s_sigmoid_is_the_same_in_the_graph(
    margin: NDArray[np.float64], a: float, b: float
) -> None:
    calibrator = Sigmoid(a=a, b=b)
    np.testing.assert_allclose(in_graph(calibrator, margin), calibrator(margin), atol=1e-12)


@given(MARGINS, SLOPES, SLOPES, st.floats(-10, 10))
def test_beta_calibration_is_the_same_in_the_graph(
    margin: NDArray[np.float64], a: float, b: float, c: float
) -> None:
    calibrator = Beta(a=a, b=b, c=c)
    np.testing.assert_allclose(in_graph(calibrator, margin), calibrator(margin), atol=1e-12)


@given(MARGINS, st.lists(st.floats(-20, 20), min_size=1, max_size=30, unique=True), st.randoms())
def test_isotonic_calibration_is_the_same_in_the_graph(
    margin: NDArray[np.float64], knots: list[float], random: Any
) -> None:
    x = sorted(round(knot, 6) for knot in knots)
    x = sorted(set(x))
    y = sorted(random.random() for _ in x)
    calibrator = Isotonic(x=tuple(x), y=tuple(y))
    margins = np.concatenate([margin, x])
    np.testing.assert_allclose(in_graph(calibrator, margins), calibrator(margins), atol=1e-12)


@given(st.floats(0.05, 20), st.integers(0, 10_000), st.integers(2, 6))
def test_temperature_scaling_is_the_same_in_the_graph(t: float, seed: int, classes: int) -> None:
    margin = np.random.default_rng(seed).normal(0, 10, (15, classes))
    calibrator = Temperature(t=t)
    np.testing.assert_allclose(in_graph(calibrator, margin), calibrator(margin), atol=1e-12)


@pytest.mark.parametrize("kind", ["sigmoid", "beta", "isotonic"])
def test_a_calibrator_as_it_is_fitted_is_the_same_in_the_graph(kind: Any) -> None:
    generator = np.random.default_rng(0)
    margin = generator.normal(0, 2, 3000)
    y = (generator.random(3000) < 1 / (1 + np.exp(-1.7 * margin + 0.4))).astype(int)
    calibrator = fit_calibrator(kind, margin, y)
    new = np.concatenate([generator.normal(0, 4, 3000), margin])
    np.testing.assert_allclose(in_graph(calibrator, new), calibrator(new), atol=1e-12)


@pytest.fixture(scope="module")
def trained() -> tuple[Pipeline, Blocks]:
    """Return a blend of both models over columns of all types, and its rows."""
    frame = shop(400)
    y = (frame["y"] == "yes").cast(pl.Int64).to_numpy()
    inputs, blocks = encoded(frame.drop("y"))
    preparation = learn(inputs, blocks, y, "binary", 2)
    tree, linear, _ = feature_matrices(preparation, blocks)
    folds = Folds(tree, linear, y, [], "binary", 1)
    parameters = {"learning_rate": 0.1, "num_leaves": 7, "min_data_in_leaf": 5}
    boosted = Candidate("lightgbm", parameters, 0.0, np.empty(0), rounds=30)
    model = Blend(refit(boosted, folds, seed=0), fit_linear(linear, y, "binary", strength=1.0), 0.6)
    return Pipeline("binary", 2, preparation, model, Sigmoid(a=1.1, b=-0.2)), blocks


def test_the_graph_predicts_what_the_pipeline_predicts(trained: tuple[Pipeline, Blocks]) -> None:
    pipeline, blocks = trained
    parity = check_parity(pipeline, export_graph(pipeline), blocks, 1.0)
    assert parity.gap < 1e-6
    assert parity.real_rows == len(blocks)
    assert parity.threshold_rows > 50
    assert parity.limit == PARITY_LIMIT == 1e-5


def constants(content: bytes) -> list[Any]:
    return [
        item
        for item in onnx.load_model_from_string(content).graph.initializer
        if item.data_type in (TensorProto.DOUBLE, TensorProto.FLOAT)
    ]


def test_a_graph_that_was_altered_by_a_little_is_refused(trained: tuple[Pipeline, Blocks]) -> None:
    pipeline, blocks = trained
    content = export_graph(pipeline)
    refused = 0
    for old in constants(content):
        model = onnx.load_model_from_string(content)
        values = numpy_helper.to_array(old)
        item = next(i for i in model.graph.initializer if i.name == old.name)
        item.CopyFrom(
            numpy_helper.from_array(
                values * values.dtype.type(1.01) + values.dtype.type(0.01), old.name
            )
        )
        refused += _is_refused(pipeline, model.SerializeToString(), blocks)
    # Bounds far out, or a scale that is multiplied out again, may move without any effect.
    assert refused >= 10


def _is_refused(pipeline: Pipeline, content: bytes, blocks: Blocks) -> bool:
    try:
        check_parity(pipeline, content, blocks, 1.0)
    except BundleError as error:
        return "does not predict what the trained pipeline predicts" in error.what
    return False


def test_a_threshold_that_was_rounded_up_is_refused(trained: tuple[Pipeline, Blocks]) -> None:
    pipeline, blocks = trained
    model = onnx.load_model_from_string(export_graph(pipeline))
    nodes = [node for node in model.graph.node if node.op_type == "TreeEnsembleRegressor"]
    for attribute in nodes[0].attribute:
        if attribute.name == "nodes_values":
            moved = np.nextafter(np.array(attribute.floats, np.float32), np.float32(np.inf))
            attribute.floats[:] = moved.tolist()
    with pytest.raises(BundleError, match="does not predict"):
        check_parity(pipeline, model.SerializeToString(), blocks, 1.0)


def test_a_graph_that_answers_with_no_number_is_refused(trained: tuple[Pipeline, Blocks]) -> None:
    pipeline, blocks = trained
    wrong = dataclasses.replace(pipeline, calibrator=Sigmoid(a=1.0, b=float("nan")))
    with pytest.raises(BundleError, match="does not predict"):
        check_parity(pipeline, export_graph(wrong), blocks, 1.0)


def test_a_gap_that_is_no_number_is_never_a_small_one() -> None:
    facts: dict[str, Any] = {"limit": 1e-5, "real_rows": 1, "threshold_rows": 1}
    for real, edge in ((0.0, np.nan), (np.nan, 0.0)):
        parity = Parity(real_gap=real, threshold_gap=edge, **facts)
        assert np.isnan(parity.gap)
    assert Parity(real_gap=0.1, threshold_gap=0.2, **facts).gap == 0.2


def test_another_calibrator_than_the_trained_one_is_refused(
    trained: tuple[Pipeline, Blocks],
) -> None:
    pipeline, blocks = trained
    other = dataclasses.replace(pipeline, calibrator=Sigmoid(a=1.1, b=-0.2001))
    with pytest.raises(BundleError, match=r"accepted is 1e-05"):
        check_parity(pipeline, export_graph(other), blocks, 1.0)


def test_a_classifier_is_not_exported_without_its_calibrator(
    trained: tuple[Pipeline, Blocks],
) -> None:
    with pytest.raises(ValueError, match="with its calibrator"):
        export_graph(dataclasses.replace(trained[0], calibrator=None))


def test_the_logarithm_as_a_link_is_undone_in_the_graph() -> None:
    frame = shop(300, task="regression")
    y = frame["y"].to_numpy()
    inputs, blocks = encoded(frame.drop("y"))
    preparation = learn(inputs, blocks, y, "regression", 1)
    tree, linear, _ = feature_matrices(preparation, blocks)
    model = fit_linear(linear, np.log1p(y), "regression", strength=1.0)
    pipeline = Pipeline("regression", 1, preparation, model, None, link="log1p", radius=2.5)
    content = export_graph(pipeline)
    value, low, high = open_session(content).run(["value", "low", "high"], blocks.feed())
    np.testing.assert_allclose(value, np.expm1(model.margin(tree, linear)), rtol=1e-6)
    np.testing.assert_allclose(high - value, 2.5, rtol=1e-9)
    np.testing.assert_allclose(value - low, 2.5, rtol=1e-9)
    assert check_parity(pipeline, content, blocks, float(np.ptp(y))).threshold_rows == 0


def test_linear_models_and_trees_say_how_they_were_made(trained: tuple[Pipeline, Blocks]) -> None:
    model: Fitted = trained[0].model
    assert isinstance(model, Blend)
    assert isinstance(model.first, Trees)
    assert isinstance(model.second, Linear)
    assert msgspec.json.encode(trained[0].preparation)


def test_the_graph_holds_nothing_but_the_operators_of_onnx(
    trained: tuple[Pipeline, Blocks], tmp_path: Path
) -> None:
    model = onnx.load_model_from_string(export_graph(trained[0]))
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx.ml"}
    assert not [item for item in model.graph.initializer if item.external_data]
    assert not model.functions
