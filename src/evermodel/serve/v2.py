"""The Open Inference Protocol, version 2, REST with JSON tensors.

Follows https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/
inference_rest.md. Every column is one input tensor by its name, of shape [N] or [N, 1].
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from evermodel.bundle import Manifest
from evermodel.errors import RequestError, nearest
from evermodel.records import BINARY, MULTICLASS, REGRESSION
from evermodel.serve.exchange import (
    INSTALLED,
    Limits,
    Request,
    Response,
    ignoring,
    json_response,
)
from evermodel.serve.live import Live, Served
from evermodel.serve.plain import current, refuse_many, told_of
from evermodel.serve.policy import listed
from evermodel.serve.reading import decode
from evermodel.serve.scoring import Scored, Scorer

__all__ = ["OpenInference"]

_DATATYPE = {"number": "FP64", "boolean": "BOOL", "category": "BYTES", "timestamp": "BYTES"}
_BITS = (8, 16, 32, 64)
_RANGE = {f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in _BITS} | {
    f"UINT{bits}": (0, 2**bits - 1) for bits in _BITS
}
_FLOATS = ("FP16", "FP32", "FP64")


class _Tensor(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = {}


class _Wanted(msgspec.Struct):
    name: str
    parameters: dict[str, Any] = {}


class _Infer(msgspec.Struct):
    inputs: list[_Tensor]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[_Wanted] | None = None


_decoder = msgspec.json.Decoder(_Infer)


class OpenInference:
    """Answers the routes below `/v2`.

    Parameters
    ----------
    live : Live
    scorer : Scorer
    limits : Limits
    """

    def __init__(self, live: Live, scorer: Scorer, limits: Limits) -> None:
        self._live = live
        self._scorer = scorer
        self._limits = limits

    async def server(self, request: Request) -> Response:
        """Name the server and the extensions it knows."""
        return json_response({"name": "evermodel", "version": INSTALLED, "extensions": []})

    async def alive(self, request: Request) -> Response:
        """Say that the server answers."""
        return json_response({"live": True})

    async def ready(self, request: Request) -> Response:
        """Say whether predictions are answered: status 200 or 503."""
        is_ready = self._live.current is not None and not self._scorer.refusing
        return json_response({"ready": is_ready}, 200 if is_ready else 503)

    async def model(self, request: Request) -> Response:
        """Describe the model: its versions, inputs and outputs."""
        served = self._served(request)
        manifest = served.model.manifest
        return json_response(
            {
                "name": served.name,
                "versions": [str(served.version)],
                "platform": "onnx",
                "inputs": [
                    {"name": item.name, "datatype": _DATATYPE[item.type], "shape": [-1]}
                    for item in manifest.inputs
                ],
                "outputs": [
                    {"name": name, "datatype": datatype, "shape": [-1, *rest]}
                    for name, (datatype, rest) in _outputs(manifest).items()
                ],
            },
            version=served.version,
        )

    async def model_ready(self, request: Request) -> Response:
        """Say whether this model, and version, answers: status 200 or 503."""
        served = self._served(request)
        is_ready = not self._scorer.refusing
        answer = {"name": served.name, "ready": is_ready}
        return json_response(answer, 200 if is_ready else 503, served.version)

    async def infer(self, request: Request) -> Response:
        """Answer tensors with tensors."""
        served = self._served(request)
        if request.header(b"inference-header-content-length"):
            raise RequestError(
                "binary tensors are not understood here",
                hint="send JSON tensors (tritonclient: set_data_from_numpy(x, binary_data=False))",
                status=400,
            )
        try:
            asked: _Infer = decode(_decoder, request.body)
        except msgspec.ValidationError as error:
            raise RequestError("not an inference request", found=str(error), status=400) from None
        wanted = self._wanted(asked, served.model.manifest)
        records = _records(asked.inputs, self._limits)
        try:
            rows = served.reader.records(records)
            if rows:
                scored = await self._scorer.score(served, rows, "/v2/infer", request.began)
            else:
                scored = Scored(served, [], [])
        except RequestError as error:
            raise await told_of(served, error, records, self._scorer.policy) from None
        answer: dict[str, Any] = {"model_name": served.name, "model_version": str(served.version)}
        if asked.id is not None:
            answer["id"] = asked.id
        described = _outputs(served.model.manifest)
        answer["outputs"] = [
            _tensor(name, described[name][0], scored, served.model.manifest.classes)
            for name in wanted
        ]
        unread = served.model.encoder.unread(rows)
        if scored.found or unread:
            # A parameter of the protocol is a text, a number or a boolean, and no list.
            warnings = listed(self._scorer.policy.warnings(scored, rows, unread))
            answer["parameters"] = {"warnings": json.dumps(warnings, ensure_ascii=False)}
        response = json_response(answer, version=served.version)
        return ignoring(response, unread)

    def _served(self, request: Request) -> Served:
        """Return the version that the path names; only the one that is live can be asked."""
        served = current(self._live)
        name, *rest = request.parts
        if name != served.name:
            raise RequestError(
                f"unknown model {name!r}", hint=f"served here: {served.name}", status=404
            )
        if rest and rest[0] != str(served.version):
            raise RequestError(
                f"version {rest[0]!r} is not served",
                hint=f"served now: version {served.version}",
                status=404,
            )
        return served

    @staticmethod
    def _wanted(asked: _Infer, manifest: Manifest) -> list[str]:
        known = list(_outputs(manifest))
        if not asked.outputs:
            return known
        names = [output.name for output in asked.outputs]
        for name in names:
            if name not in known:
                word = nearest(name, known)
                hint = f"did you mean {word!r}?" if word else f"known: {', '.join(known)}"
                raise RequestError(f"unknown output {name!r}", hint=hint, status=400)
        return names


def _outputs(manifest: Manifest) -> dict[str, tuple[str, list[int]]]:
    """Return datatype and inner shape of each output tensor by name."""
    if manifest.task == REGRESSION:
        numbers: dict[str, tuple[str, list[int]]] = {"prediction": ("FP64", [])}
        return {**numbers, "low": ("FP64", []), "high": ("FP64", []), "id": ("BYTES", [])}
    inner = [len(manifest.classes)] if manifest.task == MULTICLASS else []
    return {"prediction": ("BYTES", []), "probability": ("FP64", inner), "id": ("BYTES", [])}


def _tensor(name: str, datatype: str, scored: Scored, classes: Sequence[str]) -> dict[str, Any]:
    shape = [len(scored.ids)]
    if name == "id":
        data: list[Any] = scored.ids
    elif name == "probability" and scored.served.model.manifest.task != BINARY:
        shape.append(len(classes))
        data = [output[name][class_] for output in scored.outputs for class_ in classes]
    else:
        data = [output.get(name) for output in scored.outputs]
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def _records(tensors: list[_Tensor], limits: Limits) -> list[dict[str, Any]]:
    """Return one record a row from one tensor a column."""
    if not tensors:
        raise RequestError("no input tensor", hint="send one tensor a column", status=400)
    columns: dict[str, list[Any]] = {}
    count = -1
    for tensor in tensors:
        shape = tensor.shape
        if tensor.name in columns:
            raise _bad(tensor, "an input tensor comes twice")
        if not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)) or shape[0] < 0:
            raise _bad(tensor, "the shape must be [N] or [N, 1]", str(shape)[:80])
        values = tensor.data
        if values and isinstance(values[0], list):
            values = [x[0] if isinstance(x, list) and len(x) == 1 else x for x in values]
        if len(values) != shape[0]:
            found = f"{len(values)} values for shape {shape}"
            raise _bad(tensor, "the data does not fit the shape", found)
        if count not in (-1, shape[0]):
            raise _bad(tensor, "the tensors differ in their number of rows", str(shape))
        count = shape[0]
        refuse_many(count, limits)
        _check_datatype(tensor, values)
        columns[tensor.name] = values
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _check_datatype(tensor: _Tensor, values: list[Any]) -> None:
    """Refuse values that are not of the tensor's datatype; null stands for a missing value."""
    datatype = tensor.datatype
    if datatype in _RANGE:
        low, high = _RANGE[datatype]
        fits = all(v is None or (type(v) is int and low <= v <= high) for v in values)
    elif datatype in _FLOATS:
        fits = all(v is None or type(v) in (int, float) for v in values)
    elif datatype == "BOOL":
        fits = all(v is None or type(v) is bool for v in values)
    elif datatype == "BYTES":
        fits = all(v is None or type(v) is str for v in values)
    else:
        known = ", ".join(("BOOL", *_RANGE, *_FLOATS, "BYTES"))
        raise _bad(tensor, "unknown datatype", repr(datatype)[:80], f"one of {known}")
    if not fits:
        raise _bad(tensor, f"not every value is of datatype {datatype}")


def _bad(tensor: _Tensor, what: str, found: str = "", hint: str = "") -> RequestError:
    return RequestError(what, where=f"input {tensor.name!r}", found=found, hint=hint, status=400)
