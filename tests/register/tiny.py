"""A small candidate bundle with every type of input, made without training anything."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from evermodel.bundle import Input, Manifest, Part, write_bundle
from evermodel.records import BINARY, Task

INPUTS = (
    Input(name="tenure", type="number", missing=(" ",), low=0, high=72),
    Input(name="charges", type="number", low=18.25, high=118.75),
    Input(name="senior", type="boolean"),
    Input(name="contract", type="category", values=("monthly", "yearly")),
    Input(name="region", type="category", values=("1", "2", "3")),
    Input(name="since", type="timestamp"),
)
ROWS: list[dict[str, Any]] = [
    {
        "tenure": 5.0,
        "charges": 20.5,
        "senior": True,
        "contract": "monthly",
        "region": "1",
        "since": "2026-01-31T12:00:00",
    },
    {
        "tenure": None,
        "charges": 99.25,
        "senior": None,
        "contract": None,
        "region": "3",
        "since": None,
    },
    {
        "tenure": 30.0,
        "charges": 70.0,
        "senior": False,
        "contract": "yearly",
        "region": "never seen",
        "since": "2020-02-29T00:00:00",
    },
]
MISSING = np.iinfo(np.int64).min


def _graph(task: Task) -> bytes:
    """Return numbers, strings and times -> one score -> the answers of the task."""
    weights = np.array([[0.03], [-0.01], [0.7]])
    constants = {
        "weights": weights,
        "zeros": np.zeros((1, 3)),
        "word": np.array(["monthly"], dtype=object),
        "month": np.array(2.6e12),
        "missing": np.array([MISSING], dtype=np.int64),
        "zero": np.array(0.0),
        "half": np.array(0.5),
        "flat": np.array([-1]),
        "three": np.array([[1.0, 0.5, -1.0]]),
        "column": np.array([-1, 1]),
    }
    node = helper.make_node
    nodes = [
        node("IsNaN", ["numbers"], ["absent"]),
        node("Where", ["absent", "zeros", "numbers"], ["filled"]),
        node("MatMul", ["filled", "weights"], ["linear"]),
        node("Equal", ["strings", "word"], ["same"]),
        node("Cast", ["same"], ["hot"], to=TensorProto.DOUBLE),
        node("ReduceSum", ["hot"], ["words"], keepdims=0),
        node("Equal", ["times", "missing"], ["unknown"]),
        node("Cast", ["times"], ["micros"], to=TensorProto.DOUBLE),
        node("Div", ["micros", "month"], ["months"]),
        node("Where", ["unknown", "zero", "months"], ["age"]),
        node("Mul", ["age", "zero"], ["nothing"]),
        node("Add", ["linear", "nothing"], ["with_time"]),
        node("Add", ["with_time", "words"], ["score"]),
    ]
    outputs = {"probability": [None], "value": [None], "low": [None], "high": [None]}
    if task == BINARY:
        nodes += [
            node("Sigmoid", ["score"], ["squashed"]),
            node("Reshape", ["squashed", "flat"], ["probability"]),
        ]
        names = ["probability"]
    elif task == "multiclass":
        nodes += [
            node("MatMul", ["score", "three"], ["scores"]),
            node("Softmax", ["scores"], ["probability"], axis=1),
        ]
        names, outputs["probability"] = ["probability"], [None, None]
    else:
        nodes += [
            node("Reshape", ["score", "flat"], ["value"]),
            node("Sub", ["value", "half"], ["low"]),
            node("Add", ["value", "half"], ["high"]),
        ]
        names = ["value", "low", "high"]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            info("numbers", TensorProto.DOUBLE, [None, 3]),
            info("strings", TensorProto.STRING, [None, 2]),
            info("times", TensorProto.INT64, [None, 1]),
        ],
        [info(name, TensorProto.DOUBLE, outputs[name]) for name in names],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def candidate(
    folder: Path,
    *,
    task: Task = BINARY,
    gap: float = 1e-7,
    extra: dict[str, tuple[Part, bytes]] | None = None,
    **fields: Any,
) -> Path:
    """Write an unsigned bundle to a new folder and return it."""
    classes = {BINARY: ("no", "yes"), "multiclass": ("a", "b", "c")}.get(task, ())
    manifest = Manifest(
        project="candidate",
        task=task,
        target="churn",
        inputs=INPUTS,
        keys=("customer",),
        classes=classes,
        positive="yes" if task == BINARY else "",
        run="run-1",
        data="d" * 64,
    )
    manifest = msgspec.structs.replace(manifest, **fields)
    sample = msgspec.json.encode(ROWS)
    # JSON has no "not a number": a gap of that kind is written as null.
    parity = msgspec.json.encode({"limit": 1e-5, "real_gap": gap, "threshold_gap": 0.0})
    parts = {
        "graph": (_part("graph", "model.onnx", required=True), _graph(task)),
        "sample": (_part("sample", "sample.json"), sample),
        "parity": (_part("parity", "parity.json"), parity),
    }
    write_bundle(folder, manifest, parts | (extra or {}))
    return folder


def _part(role: str, path: str, *, required: bool = False) -> Part:
    media = "application/json" if path.endswith(".json") else "application/octet-stream"
    return Part(role=role, path=path, sha256="", media_type=media, required=required)
