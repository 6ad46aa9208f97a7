"""LightGBM's trees in the graph decide as LightGBM does, on every float32."""

from __future__ import annotations

import functools
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from onnx import TensorProto

from evermodel.bundle.model import open_session
from evermodel.train.graph import GraphBuilder
from evermodel.train.learners import fit_trees
from evermodel.train.trees import add_trees, round_down, split_thresholds

WIDTH = 4
TINY = np.finfo(np.float32).tiny


@functools.cache
def booster(kind: str) -> Any:
    """Return a booster over columns with awkward values, some of them missing."""
    generator = np.random.default_rng(0)
    rows = 1500
    x = np.stack(
        [
            generator.normal(size=rows),
            generator.choice([-1e-36, 0.0, 1e-40, 1e-35, 1e-30, -1e-30, 2.0], rows),
            generator.lognormal(0, 8, rows) * generator.choice([-1, 1], rows),
            generator.integers(0, 5, rows),
        ],
        axis=1,
    ).astype(np.float32)
    if kind != "nothing missing":
        x[generator.random(x.shape) < 0.1] = np.nan
    signal: NDArray[Any] = np.nan_to_num(x[:, 0]) + (np.nan_to_num(x[:, 1]) > 0) + np.isnan(x[:, 2])
    signal = signal + np.sign(np.nan_to_num(x[:, 2])) + generator.normal(size=rows)
    settings: dict[str, Any] = {"objective": "binary"}
    y = (signal > 0.5).astype(float)
    if kind == "multiclass":
        settings = {"objective": "multiclass", "num_class": 3}
        y = np.digitize(signal, [0.0, 1.0]).astype(float)
    if kind == "regression":
        settings = {"objective": "regression"}
        y = 1e6 + 1e3 * signal
    data = lightgbm.Dataset(x, y, params={"verbosity": -1, "feature_pre_filter": False})
    return fit_trees(
        data, {**settings, "num_leaves": 15, "min_data_in_leaf": 5, "num_threads": 1}, rounds=40
    )


@functools.cache
def session(kind: str) -> Any:
    graph = GraphBuilder()
    source = graph.input("x", TensorProto.FLOAT, WIDTH)
    margin = add_trees(graph, source, booster(kind))
    return open_session(graph.build({"margin": (margin, TensorProto.DOUBLE, ("N", None))}))


def gap(kind: str, x: NDArray[np.float32]) -> float:
    """Return the largest difference of margins, of their size in all rows."""
    expected = booster(kind).predict(x, raw_score=True)
    found = session(kind).run(["margin"], {"x": x})[0].reshape(expected.shape)
    return float(np.abs(found - expected).max())


TOLERANCE = {
    "binary": 2e-6,
    "multiclass": 2e-6,
    "nothing missing": 2e-6,
    "regression": 2e-3,  # of a target around a million that varies by thousands
}
KINDS = list(TOLERANCE)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_at_every_threshold_and_just_beside_it_go_the_same_way(kind: str) -> None:
    generator = np.random.default_rng(1)
    rows = []
    for feature, found in enumerate(split_thresholds(booster(kind), WIDTH)):
        below = np.nextafter(found, np.float32(-np.inf))
        with np.errstate(over="ignore"):
            above = np.nextafter(found, np.float32(np.inf))
        for values in (found, below, above):
            part = generator.normal(size=(len(values), WIDTH)).astype(np.float32)
            part[:, feature] = values
            rows.append(part)
    x = np.concatenate(rows)
    assert len(x) > 200
    assert gap(kind, x) < TOLERANCE[kind]


ODD = [0.0, -0.0, np.nan, 1e-45, -1e-45, float(TINY), -float(TINY), 1e-35, -1e-35, 1.1e-35]
ODD += [-1.1e-35, 3.4e38, -3.4e38, 1.0, -1.0, 1e-40, 1e-36, -1e-36, 1e-30]
VALUES = st.sampled_from([np.float32(v) for v in ODD]) | st.floats(width=32, allow_infinity=False)


@pytest.mark.parametrize("kind", KINDS)
def test_zeros_denormals_nan_and_any_other_number_go_the_same_way(kind: str) -> None:
    @given(arrays.arrays(np.float32, (20, WIDTH), elements=VALUES.map(float)))
    @example(np.array([[v] * WIDTH for v in ODD], dtype=np.float32))
    def check(x: NDArray[np.float32]) -> None:
        assert gap(kind, x) < TOLERANCE[kind]

    check()


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(width=32, allow_nan=False))
def test_a_threshold_rounded_down_parts_float32_numbers_as_it_did(
    threshold: float, x: float
) -> None:
    if abs(x) <= 1.0000000180025095e-35:
        x = 0.0  # as LightGBM reads it
    assert (x <= threshold) == (x <= round_down(threshold))
    assert float(np.float32(round_down(threshold))) == round_down(threshold)


def test_a_model_of_one_leaf_and_one_of_many_trees_are_the_same_in_the_graph() -> None:
    x = np.random.default_rng(0).normal(size=(400, WIDTH)).astype(np.float32)
    settings = {"objective": "regression", "num_threads": 1, "min_data_in_leaf": 5}
    for y, rounds in ((np.full(400, 3.25), 5), (x[:, 0] * 2.0 + 7, 600)):
        data = lightgbm.Dataset(x, y, params={"verbosity": -1, "feature_pre_filter": False})
        model = fit_trees(data, {**settings, "num_leaves": 4}, rounds=rounds)
        graph = GraphBuilder()
        source = graph.input("x", TensorProto.FLOAT, WIDTH)
        margin = add_trees(graph, source, model)
        content = graph.build({"margin": (margin, TensorProto.DOUBLE, ("N", None))})
        found = open_session(content).run(["margin"], {"x": x})[0][:, 0]
        np.testing.assert_allclose(found, model.predict(x), atol=1e-5)


def test_a_split_that_has_no_exact_form_is_refused() -> None:
    generator = np.random.default_rng(0)
    x = generator.integers(0, 8, size=(400, 1)).astype(np.float32)
    y = np.isin(x[:, 0], [1, 4, 6]).astype(float)
    settings = {"objective": "binary", "verbosity": -1, "min_data_in_leaf": 5}
    data = lightgbm.Dataset(x, y, categorical_feature=[0], params={"verbosity": -1})
    model = lightgbm.train(settings, data, 3)
    with pytest.raises(ValueError, match="no exact conversion"):
        add_trees(GraphBuilder(), "x", model)
