"""A small builder of ONNX graphs: names, constants and nodes, nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

__all__ = ["IR_VERSION", "ML_OPSET", "OPSET", "GraphBuilder"]

OPSET = 18
ML_OPSET = 3
IR_VERSION = 9
_ML = "ai.onnx.ml"
_ML_OPS = frozenset({"LabelEncoder", "TreeEnsembleRegressor"})


class GraphBuilder:
    """Collects nodes; every method returns the name of the tensor it made.

    Examples
    --------
    >>> from onnx import TensorProto
    >>> graph = GraphBuilder()
    >>> x = graph.input("numbers", TensorProto.DOUBLE, 2)
    >>> total = graph.add("ReduceSum", [x, graph.constant(np.array([1]))], keepdims=0)
    >>> content = graph.build({"total": (total, TensorProto.DOUBLE, ("N",))})
    >>> len(content) > 0
    True
    """

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._known: dict[tuple[str, bytes, tuple[int, ...]], str] = {}
        self._inputs: dict[str, Any] = {}
        self._count = 0

    def input(self, name: str, kind: int, width: int) -> str:
        """Declare the input `name` of shape [N, width], once."""
        self._inputs[name] = helper.make_tensor_value_info(name, kind, ["N", width])
        return name

    def constant(self, array: NDArray[Any]) -> str:
        """Return the name of a constant; equal constants are kept once."""
        array = np.asarray(array)
        key = (str(array.dtype), array.tobytes(), array.shape)
        if key not in self._known:
            name = f"c{len(self._known)}"
            self._constants.append(numpy_helper.from_array(array, name))
            self._known[key] = name
        return self._known[key]

    def add(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add one node with one output and return that output's name."""
        self._count += 1
        name = f"t{self._count}"
        domain = _ML if op in _ML_OPS else ""
        self._nodes.append(helper.make_node(op, list(inputs), [name], domain=domain, **attributes))
        return name

    def graft(self, model: Any, feeds: dict[str, str], output: str) -> str:
        """Add another model's nodes, its inputs taken from `feeds`, and return its `output`."""
        self._count += 1
        prefix = f"g{self._count}_"
        rename = dict(feeds)
        for constant in model.graph.initializer:
            rename[constant.name] = prefix + constant.name
            copy = onnx.TensorProto()
            copy.CopyFrom(constant)
            copy.name = prefix + constant.name
            self._constants.append(copy)
        for node in model.graph.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            del copy.input[:], copy.output[:]
            copy.name = prefix + node.name
            copy.input.extend(
                rename.get(name, prefix + name) if name else "" for name in node.input
            )
            copy.output.extend(prefix + name if name else "" for name in node.output)
            self._nodes.append(copy)
        return prefix + output

    def build(self, outputs: dict[str, tuple[str, int, tuple[Any, ...]]]) -> bytes:
        """Return the serialised model; `outputs` maps a public name to (tensor, type, shape)."""
        nodes = list(self._nodes)
        infos = []
        for name, (tensor, kind, shape) in outputs.items():
            nodes.append(helper.make_node("Identity", [tensor], [name]))
            infos.append(helper.make_tensor_value_info(name, kind, list(shape)))
        graph = helper.make_graph(
            nodes, "evermodel", list(self._inputs.values()), infos, self._constants
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_ML, ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
