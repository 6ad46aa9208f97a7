"""What is served, as an OpenAPI document: the columns of the version that is live.

Follows https://spec.openapis.org/oas/v3.1.0. It describes the plain protocol; the Open Inference
Protocol and MLflow's are described by their own standards.
"""

from __future__ import annotations

from typing import Any

from evermodel.bundle import Input, Manifest
from evermodel.bundle.repair import Mender
from evermodel.records import MULTICLASS, REGRESSION
from evermodel.serve.exchange import IGNORED, INSTALLED
from evermodel.serve.live import Served

__all__ = ["describe", "sample_record"]

_TYPE = {"number": "number", "boolean": "boolean", "category": "string", "timestamp": "string"}
_REFUSALS = {
    "400": "The body is not JSON.",
    "413": "Too many rows or bytes.",
    "415": "Another content type than JSON.",
    "422": "Columns are wrong, unknown or absent, or break a check; the answer lists all problems.",
    "503": "No answer can be given now; come again after the seconds in Retry-After.",
}

_PROBLEM = {
    "type": "object",
    "required": ["record", "field", "error", "found", "expected", "nearest"],
    "properties": {
        "record": {"type": "integer", "description": "Counted from 0."},
        **{name: {"type": "string"} for name in ("field", "error", "found", "expected")},
        "nearest": {"type": "string", "description": "The known column an unknown one resembles."},
    },
}
_WARNINGS = {
    "type": "array",
    "description": "What is unusual about the record; absent when nothing is.",
    "items": {
        "type": "object",
        "required": ["column", "kind", "why"],
        "properties": {name: {"type": "string"} for name in ("column", "kind", "why")},
    },
}
_IGNORED = {
    "description": "Columns that were sent and that the model does not read: a list in JSON. "
    "Absent when there are none.",
    "schema": {"type": "string"},
}


def describe(served: Served | None) -> dict[str, Any]:
    """Return the OpenAPI document of a server; without a live version it knows no column.

    Examples
    --------
    >>> sorted(describe(None)["paths"])
    ['/healthz', '/metrics', '/predict', '/readyz']
    """
    info = {"title": "Evermodel", "version": INSTALLED}
    schemas: dict[str, Any] = {"Record": {"type": "object"}, "Prediction": {"type": "object"}}
    if served is not None:
        manifest = served.model.manifest
        info = {
            "title": f"{served.name}: predictions",
            "version": str(served.version),
            "description": f"Predicts {manifest.target}; live since {served.since}.",
        }
        schemas = {"Record": _record(manifest), "Prediction": _prediction(manifest)}
    schemas["Error"] = {
        "type": "object",
        "required": ["error"],
        "properties": {
            **{n: {"type": "string"} for n in ("error", "where", "found", "hint")},
            "problems": {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}},
            "more": {"type": "integer", "description": "Problems beyond the list; counted to 980."},
        },
    }
    schemas["Problem"] = _PROBLEM
    predict = {
        "operationId": "predict",
        "summary": "One record gets one answer, a list of records a list in the same order.",
        "requestBody": {"required": True, "content": _json(_one_or_many("Record"))},
        "responses": {
            "200": {
                "description": "Answered.",
                "headers": {IGNORED: _IGNORED},
                "content": _json(_one_or_many("Prediction")),
            },
            **{code: _refusal(why) for code, why in _REFUSALS.items()},
        },
    }
    ready = {"200": {"description": "Ready."}, "503": {"description": "Not ready; says why."}}
    return {
        "openapi": "3.1.0",
        "info": info,
        "paths": {
            "/predict": {"post": predict},
            "/healthz": {"get": _get("Whether the server runs.", {"200": {"description": "Yes."}})},
            "/readyz": {"get": _get("Whether predictions are answered.", ready)},
            "/metrics": {
                "get": _get("Numbers for Prometheus.", {"200": {"description": "As text."}})
            },
        },
        "components": {"schemas": schemas},
    }


def sample_record(manifest: Manifest) -> dict[str, Any]:
    """Return a record that the server answers: the middle of each range, the first of the words.

    It is nobody's: each value is made from what the bundle says of the column alone.

    Examples
    --------
    >>> age = Input(name="age", type="number", low=18.0, high=90.0)
    >>> sample_record(Manifest(project="p", task="binary", target="y", inputs=(age,)))
    {'age': 54.0}
    >>> year = Input(name="year", type="number", low=2022.0, high=2024.0)
    >>> sample_record(Manifest(project="p", task="binary", target="y", inputs=(year,)))
    {'year': 2023.0}
    """
    keys: dict[str, Any] = dict.fromkeys(manifest.keys, "example")
    return keys | {item.name: _sample(item) for item in manifest.inputs}


def _sample(item: Input) -> Any:
    if item.type == "number":
        if item.low is None or item.high is None:
            return None
        middle = item.low / 2 + item.high / 2
        short = float(f"{middle:.3g}")
        return short if item.low <= short <= item.high else middle
    if item.type == "boolean":
        return True
    if item.type == "timestamp":
        return "2026-01-31T12:00:00"
    return item.values[0] if item.values else None


def _record(manifest: Manifest) -> dict[str, Any]:
    columns: dict[str, Any] = {item.name: _column(item) for item in manifest.inputs}
    for name in manifest.ignored:
        columns.setdefault(
            name,
            {"description": "May be sent; the model does not read it."},
        )
    for name in manifest.keys:
        key = {
            "type": ["string", "integer", "null"],
            "description": "Part of the key, by which the outcome finds its prediction later.",
        }
        columns.setdefault(name, key)
    return {
        "type": "object",
        "required": [item.name for item in manifest.inputs],
        "properties": columns,
        "additionalProperties": False,
        "example": sample_record(manifest),
    }


def _column(item: Input) -> dict[str, Any]:
    said: dict[str, Any] = {"type": [_TYPE[item.type], "null"]}
    repair, example = item.repair, Mender(item).example
    if repair and item.type != "timestamp" and (repair.strip or repair.map or repair.missing):
        said["type"] = ["boolean", "number", "string", "null"]
        if item.type == "number":
            said["type"].remove("boolean")
        said["description"] = "Read after the repair that is declared for the column."
    elif item.missing and item.type != "category":
        words = [{"enum": sorted(item.missing), "description": "Read as null."}]
        said = {"anyOf": [said, *words]}
    elif example and item.type == "number":
        said["type"].insert(1, "string")
    if item.type == "timestamp":
        said["description"] = "A time such as 2026-01-31T12:00:00."
    if example:
        more = f"A text is read as in the training file: {example}"
        said["description"] = f"{said.get('description', '')} {more}".strip()
    return said


def _prediction(manifest: Manifest) -> dict[str, Any]:
    number = {"type": "number"}
    columns: dict[str, Any] = {"id": {"type": "string"}}
    if manifest.task == REGRESSION:
        columns["prediction"] = number
    else:
        columns["prediction"] = {"enum": list(manifest.classes)}
        columns["probability"] = {"type": "number", "minimum": 0, "maximum": 1}
        if manifest.task == MULTICLASS:
            columns["probability"] = {
                "type": "object",
                "properties": dict.fromkeys(manifest.classes, number),
            }
    columns["version"] = {"type": "integer"}
    required = list(columns)
    columns["warnings"] = _WARNINGS
    return {"type": "object", "required": required, "properties": columns}


def _one_or_many(name: str) -> dict[str, Any]:
    one = {"$ref": f"#/components/schemas/{name}"}
    return {"oneOf": [one, {"type": "array", "items": one}]}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _refusal(why: str) -> dict[str, Any]:
    return {"description": why, "content": _json({"$ref": "#/components/schemas/Error"})}


def _get(summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "responses": responses}
