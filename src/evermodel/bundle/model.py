"""A loaded bundle: immutable, checked, and run by ONNX Runtime in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evermodel.bundle.blocks import Blocks, Predictions
from evermodel.bundle.checks import read_checks
from evermodel.bundle.encode import Encoder
from evermodel.bundle.files import verify_bundle
from evermodel.bundle.manifest import Manifest, manifest_digest
from evermodel.errors import BundleError
from evermodel.records import BINARY, MULTICLASS, REGRESSION

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Model", "load", "open_session"]


def open_session(graph: bytes, *, threads: int = 1) -> Any:
    """Return an ONNX Runtime session that does not spin and uses `threads` threads."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _opened(manifest: Manifest, graph: bytes, threads: int) -> Any:
    try:
        return open_session(graph, threads=threads)
    except Exception as error:  # noqa: BLE001 - ONNX Runtime has an error class for each status
        raise BundleError(
            "the bundle's graph cannot be run", where=manifest.project, found=str(error)[:300]
        ) from None


class Model:
    """One version, ready to answer. Made by `load`; never changes afterwards.

    Parameters
    ----------
    manifest : Manifest
    parts : mapping of role to content
        Must hold "graph".
    threads : int
        Threads of ONNX Runtime; 1 is best for single rows.
    """

    def __init__(self, manifest: Manifest, parts: Mapping[str, bytes], *, threads: int = 1) -> None:
        if "graph" not in parts:
            raise BundleError("the bundle holds no graph", where=manifest.project)
        self.manifest = manifest
        self.digest = manifest_digest(manifest)
        self.encoder = Encoder(manifest)
        self._parts = {role: content for role, content in parts.items() if role != "graph"}
        self.checks = read_checks(self._parts.get("checks"))
        self._session = _opened(manifest, parts["graph"], threads)
        self._classes = np.array(manifest.classes, dtype=object)
        negative = next((name for name in manifest.classes if name != manifest.positive), "")
        self._pair = np.array([negative, manifest.positive], dtype=object)
        self._threshold = 0.5 if manifest.threshold is None else manifest.threshold
        answers = ["value", "low", "high"] if manifest.task == REGRESSION else ["probability"]
        offered = {output.name for output in self._session.get_outputs()}
        if answers[0] not in offered:
            raise BundleError(f"the graph does not answer with {answers[0]!r}", found=str(offered))
        self._outputs = [name for name in answers if name in offered]

    def part(self, role: str) -> bytes | None:
        """Return the content of a part other than the graph, or None."""
        return self._parts.get(role)

    def encode(self, records: Sequence[Mapping[str, Any]]) -> Blocks:
        """Return the blocks of plain records; see `Encoder.records`."""
        return self.encoder.records(records)

    def encode_frame(self, frame: pl.DataFrame, *, repaired: bool = False) -> Blocks:
        """Return the blocks of a polars frame; see `Encoder.frame`."""
        return self.encoder.frame(frame, repaired=repaired)

    def raw(self, blocks: Blocks, output: str) -> NDArray[Any]:
        """Return one named output of the graph, such as "margin"."""
        return np.asarray(self._session.run([output], blocks.feed())[0])

    def predict(self, blocks: Blocks) -> Predictions:
        """Return the calibrated predictions of all rows."""
        manifest = self.manifest
        if not len(blocks):
            shape = (0, len(manifest.classes)) if manifest.task == MULTICLASS else (0,)
            found = {name: np.empty(shape) for name in self._outputs}
        else:
            answers = self._session.run(self._outputs, blocks.feed())
            found = dict(zip(self._outputs, answers, strict=True))
        if manifest.task == REGRESSION:
            return Predictions(
                REGRESSION, value=found["value"], low=found.get("low"), high=found.get("high")
            )
        probability = found["probability"]
        if manifest.task == BINARY:
            label = self._pair[(probability >= self._threshold).astype(np.intp)]
        else:
            label = self._classes[probability.argmax(axis=1)]
        return Predictions(
            manifest.task, manifest.classes, manifest.positive, probability, label=label
        )


def load(path: Path | str, *, trusted: Mapping[str, bytes] | None, threads: int = 1) -> Model:
    """Load a bundle after checking every digest and its signature.

    Parameters
    ----------
    path : Path or str
        The bundle's folder.
    trusted : mapping of key id to raw public key, or None
        None accepts an unsigned candidate.
    threads : int
        Threads of ONNX Runtime.

    Raises
    ------
    BundleError
        When the bundle is altered, unsigned, by an unknown key, or of an unknown format.

    Examples
    --------
    A graph that answers with the number it is given:

    >>> from tempfile import TemporaryDirectory
    >>> from onnx import TensorProto, helper
    >>> from evermodel.bundle import Input, Part, write_bundle
    >>> rows = helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, [None, 1])
    >>> value = helper.make_tensor_value_info("value", TensorProto.DOUBLE, [None])
    >>> nodes = [helper.make_node("ReduceSum", ["numbers", "axis"], ["value"], keepdims=0)]
    >>> axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    >>> graph = helper.make_graph(nodes, "echo", [rows], [value], [axis])
    >>> content = helper.make_model(
    ...     graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)]
    ... ).SerializeToString()
    >>> manifest = Manifest(
    ...     project="p", task="regression", target="y", inputs=(Input(name="x", type="number"),)
    ... )
    >>> part = Part(role="graph", path="model.onnx", sha256="", media_type="application/onnx")
    >>> with TemporaryDirectory() as home:
    ...     _ = write_bundle(Path(home) / "1", manifest, {"graph": (part, content)})
    ...     model = load(Path(home) / "1", trusted=None)
    >>> model.predict(model.encode([{"x": 2.5}])).value.tolist()
    [2.5]
    """
    manifest, parts = verify_bundle(Path(path), trusted)
    return Model(manifest, parts, threads=threads)
