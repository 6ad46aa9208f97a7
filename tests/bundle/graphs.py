"""Small real graphs and bundles, for the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import TensorProto, helper, numpy_helper

from evermodel.bundle import Input, Manifest, Part, sign_bundle, write_bundle

COLUMNS = (
    Input(name="tenure", type="number", low=0, high=72),
    Input(name="charges", type="number", missing=(" ", "n/a")),
    Input(name="paperless", type="boolean"),
    Input(name="plan", type="category", missing=("unknown",), values=("monthly", "yearly")),
    Input(name="joined", type="timestamp", missing=("never",)),
)
"""One input of each type, with words for "missing" where a type can have them."""

ROW: dict[str, Any] = {
    "tenure": 5,
    "charges": 70.5,
    "paperless": True,
    "plan": "monthly",
    "joined": "2026-01-31T12:00:00",
}
"""A valid row of `COLUMNS`."""


def manifest(*, inputs: tuple[Input, ...] = COLUMNS, **settings: Any) -> Manifest:
    """Return a manifest of a binary model over `inputs`."""
    given = {
        "project": "churn",
        "task": "binary",
        "target": "left",
        "classes": ("no", "yes"),
        "positive": "yes",
        "threshold": 0.5,
        **settings,
    }
    return Manifest(inputs=inputs, **given)


def binary_graph(width: int) -> bytes:
    """Return a graph whose probability is expit of the first number, 0.5 where it is missing."""
    nodes = [
        helper.make_node("Gather", ["numbers", "zero"], ["first"], axis=1),
        helper.make_node("IsNaN", ["first"], ["absent"]),
        helper.make_node("Where", ["absent", "nothing", "first"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["probability"]),
    ]
    constants = {"zero": np.array(0), "nothing": np.array(0.0)}
    return _graph(nodes, constants, width, {"margin": ["N"], "probability": ["N"]})


def multiclass_graph(width: int) -> bytes:
    """Return a graph of three classes: the softmax of the first number times 0, 1 and 2."""
    nodes = [
        helper.make_node("Gather", ["numbers", "zero"], ["first"], axis=1),
        helper.make_node("Mul", ["first", "weights"], ["margin"]),
        helper.make_node("Softmax", ["margin"], ["probability"], axis=1),
    ]
    constants = {"zero": np.array([0]), "weights": np.array([[0.0, 1.0, 2.0]])}
    return _graph(nodes, constants, width, {"probability": ["N", 3]})


def regression_graph(width: int) -> bytes:
    """Return a graph whose value is the first number, with an interval of one to each side."""
    nodes = [
        helper.make_node("Gather", ["numbers", "zero"], ["value"], axis=1),
        helper.make_node("Sub", ["value", "one"], ["low"]),
        helper.make_node("Add", ["value", "one"], ["high"]),
    ]
    constants = {"zero": np.array(0), "one": np.array(1.0)}
    return _graph(nodes, constants, width, {"value": ["N"], "low": ["N"], "high": ["N"]})


def _graph(
    nodes: list[Any], constants: dict[str, Any], width: int, outputs: dict[str, list[Any]]
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, ["N", width])],
        [helper.make_tensor_value_info(n, TensorProto.DOUBLE, s) for n, s in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def part(role: str, path: str, *, required: bool = False) -> Part:
    """Return a part whose digest is still to be filled in."""
    return Part(role=role, path=path, sha256="", media_type="", required=required)


NUMBERS = tuple(item for item in COLUMNS if item.type in ("number", "boolean"))
"""What the small graphs read."""


def write(folder: Path, *, more: Mapping[str, bytes] | None = None, **settings: Any) -> Manifest:
    """Write a binary bundle over `NUMBERS` with the parts `more` besides its graph."""
    parts = {"graph": (part("graph", "model.onnx", required=True), binary_graph(len(NUMBERS)))}
    parts |= {role: (part(role, f"{role}.json"), text) for role, text in (more or {}).items()}
    return write_bundle(folder, manifest(inputs=NUMBERS, **settings), parts)


KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TRUSTED = {"ours": KEY.public_key().public_bytes_raw()}


def sign(folder: Path, key: Ed25519PrivateKey = KEY, key_id: str = "ours") -> Manifest:
    """Sign the bundle as version 1."""
    return sign_bundle(folder, key.sign, key_id, version=1)
