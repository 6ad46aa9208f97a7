"""Real bundles with small graphs, for the tests of serving."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from evermodel.bundle import Input, Manifest, Model, Part, Repair, load, rules_of, write_bundle
from evermodel.serve import Served

_numbers = itertools.count()

CHURN = {
    "tenure": 5,
    "charges": 70.5,
    "paperless": True,
    "plan": "monthly",
    "joined": "2026-01-31T12:00:00",
}
"""A valid row of `churn`."""


def churn(
    folder: Path,
    *,
    version: int = 1,
    ignored: tuple[str, ...] = ("note",),
    checks: tuple[str, ...] = (),
) -> Served:
    """Return a binary model over all four types: the plan decides, tenure helps."""
    inputs = (
        Input(name="tenure", type="number", low=0, high=72),
        Input(name="charges", type="number", missing=(" ",)),
        Input(name="paperless", type="boolean"),
        Input(name="plan", type="category", values=("monthly", "yearly")),
        Input(name="joined", type="timestamp"),
    )
    nodes = [
        helper.make_node("Gather", ["numbers", "zero"], ["tenure"], axis=1),
        helper.make_node("IsNaN", ["tenure"], ["absent"]),
        helper.make_node("Where", ["absent", "mean", "tenure"], ["known"]),
        helper.make_node("Mul", ["known", "slope"], ["helps"]),
        helper.make_node("Equal", ["strings", "monthly"], ["is_monthly"]),
        helper.make_node("Cast", ["is_monthly"], ["decides"], to=TensorProto.DOUBLE),
        helper.make_node("Squeeze", ["decides", "one"], ["decides_1"]),
        helper.make_node("Add", ["decides_1", "helps"], ["margin"]),
        helper.make_node("Cast", ["times"], ["unused"], to=TensorProto.DOUBLE),
        helper.make_node("Sigmoid", ["margin"], ["probability"]),
    ]
    constants = {
        "zero": np.array(0),
        "one": np.array([1]),
        "mean": np.array(20.0),
        "slope": np.array(-0.05),
        "monthly": np.array(["monthly"], dtype=object),
    }
    manifest = Manifest(
        project="churn",
        version=version,
        task="binary",
        target="left",
        inputs=inputs,
        keys=("customer",),
        ignored=ignored,
        classes=("no", "yes"),
        positive="yes",
        threshold=0.5,
    )
    kinds = {"numbers": (TensorProto.DOUBLE, 3), "strings": (TensorProto.STRING, 1)}
    kinds["times"] = (TensorProto.INT64, 1)
    model = _model(folder, manifest, nodes, constants, kinds, {"probability": ["N"]}, checks)
    return Served(model, version, f"churn-{version}", "2026-11-03T00:00:00Z")


def echo(folder: Path, *, version: int = 1, slow: int = 0, brittle: bool = False) -> Served:
    """Return a regression whose value is its input plus a million times its version.

    `slow` multiplies matrices of that size beside it, so that a batch takes milliseconds;
    `brittle` looks the input up in a table, so that a run fails on 13 and more, and on missing.
    """
    nodes = [helper.make_node("Gather", ["numbers", "zero"], ["x"], axis=1)]
    constants: dict[str, Any] = {"zero": np.array(0), "shift": np.array(version * 1e6)}
    last = "x"
    if slow:
        # The product with zeros is used, so that the runtime cannot leave it out.
        constants["left"] = np.zeros((slow, slow))
        nodes += [
            helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0),
            helper.make_node("Add", ["left", "total"], ["filled"]),
            helper.make_node("MatMul", ["filled", "left"], ["product"]),
            helper.make_node("ReduceSum", ["product"], ["nothing"], keepdims=0),
            helper.make_node("Add", ["x", "nothing"], ["x_again"]),
        ]
        last = "x_again"
    if brittle:
        constants["table"] = np.zeros(13)
        nodes += [
            helper.make_node("Cast", ["x"], ["place"], to=TensorProto.INT64),
            helper.make_node("Gather", ["table", "place"], ["zero_again"]),
            helper.make_node("Add", ["x", "zero_again"], ["looked_up"]),
        ]
        last = "looked_up"
    nodes.append(helper.make_node("Add", [last, "shift"], ["value"]))
    manifest = Manifest(
        project="echo",
        version=version,
        task="regression",
        target="y",
        inputs=(Input(name="x", type="number"),),
    )
    kinds = {"numbers": (TensorProto.DOUBLE, 1)}
    model = _model(folder, manifest, nodes, constants, kinds, {"value": ["N"]})
    return Served(model, version, f"echo-{version}", "2026-11-03T00:00:00Z")


def colours(folder: Path) -> Served:
    """Return a model of three classes: a softmax over x times (0, 1, 2)."""
    nodes = [
        helper.make_node("Mul", ["numbers", "weights"], ["margin"]),
        helper.make_node("Softmax", ["margin"], ["probability"], axis=1),
    ]
    constants = {"weights": np.array([[0.0, 1.0, 2.0]])}
    manifest = Manifest(
        project="colours",
        version=1,
        task="multiclass",
        target="colour",
        inputs=(Input(name="x", type="number"),),
        classes=("blue", "green", "red"),
    )
    kinds = {"numbers": (TensorProto.DOUBLE, 1)}
    model = _model(folder, manifest, nodes, constants, kinds, {"probability": ["N", 3]})
    return Served(model, 1, "colours-1", "2026-11-03T00:00:00Z")


def german(folder: Path) -> Served:
    """Return a regression whose value is an amount in euro, beside a time with the day first."""
    nodes = [
        helper.make_node("Gather", ["numbers", "zero"], ["value"], axis=1),
        helper.make_node("Cast", ["times"], ["unused"], to=TensorProto.DOUBLE),
    ]
    amount = Repair(decimal=",", thousands=".", sign="€")
    manifest = Manifest(
        project="german",
        version=1,
        task="regression",
        target="y",
        inputs=(
            Input(name="amount", type="number", repair=amount),
            Input(name="since", type="timestamp", repair=Repair(dates="day first")),
        ),
    )
    kinds = {"numbers": (TensorProto.DOUBLE, 1), "times": (TensorProto.INT64, 1)}
    model = _model(folder, manifest, nodes, {"zero": np.array(0)}, kinds, {"value": ["N"]})
    return Served(model, 1, "german-1", "2026-11-03T00:00:00Z")


def _model(
    folder: Path,
    manifest: Manifest,
    nodes: list[Any],
    constants: dict[str, Any],
    inputs: dict[str, tuple[int, int]],
    outputs: dict[str, list[Any]],
    checks: tuple[str, ...] = (),
) -> Model:
    graph = helper.make_graph(
        nodes,
        manifest.project,
        [helper.make_tensor_value_info(n, kind, ["N", w]) for n, (kind, w) in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.DOUBLE, s) for n, s in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(model)
    part = Part(role="graph", path="model.onnx", sha256="", media_type="application/onnx")
    home = folder / f"{manifest.project}-{next(_numbers)}"
    parts = {"graph": (part, model.SerializeToString())}
    if checks:
        asked = msgspec.json.encode(rules_of(checks, manifest.inputs))
        beside = Part(role="checks", path="checks.json", sha256="", media_type="application/json")
        parts["checks"] = (beside, asked)
    write_bundle(home, manifest, parts)
    return load(home, trusted=None)
