"""MLflow's scoring protocol: `POST /invocations` in its four JSON forms and as CSV.

Follows https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/#json-input.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import msgspec

from evermodel.bundle import Input
from evermodel.bundle.repair import Mender
from evermodel.errors import RequestError, nearest
from evermodel.serve.exchange import Limits, Request, Response, ignoring, json_response
from evermodel.serve.live import Live, Served
from evermodel.serve.plain import current, refuse_many, told_of
from evermodel.serve.policy import listed
from evermodel.serve.reading import decode
from evermodel.serve.scoring import Scorer

__all__ = ["Invocations"]

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_BOOLEAN = {"true": True, "false": False, "1": True, "0": False}
_object: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


class Invocations:
    """Answers `/invocations`.

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

    async def invoke(self, request: Request) -> Response:
        """Answer with `{"predictions": [...]}`; `ids` beside it name the rows for later labels."""
        served = current(self._live)
        if request.media == "text/csv":
            records = _from_csv(request.body, served)
        else:
            records = _from_json(request.body)
        refuse_many(len(records), self._limits)
        try:
            rows = served.reader.records(records)
            if not rows:
                return json_response({"predictions": [], "ids": []}, version=served.version)
            scored = await self._scorer.score(served, rows, "/invocations", request.began)
        except RequestError as error:
            raise await told_of(served, error, records, self._scorer.policy) from None
        answer: dict[str, Any] = {"predictions": scored.outputs, "ids": scored.ids}
        unread = served.model.encoder.unread(rows)
        if scored.found or unread:
            answer["warnings"] = listed(self._scorer.policy.warnings(scored, rows, unread))
        response = json_response(answer, version=served.version)
        return ignoring(response, unread)


def _from_json(body: bytes) -> list[Any]:
    try:
        tree = decode(_object, body)
    except msgspec.ValidationError:
        tree = {}
    forms = [form for form in _FORMS if form in tree]
    if len(forms) != 1:
        raise RequestError(
            "the body must hold exactly one of the four forms",
            found=", ".join(forms or list(tree)[:10]),
            hint=f"one of {', '.join(_FORMS)}",
        )
    content = tree[forms[0]]
    if forms[0] == "dataframe_split":
        return _from_split(content)
    if isinstance(content, dict) and forms[0] in ("instances", "inputs"):
        return _from_columns(content, forms[0])
    if not isinstance(content, list):
        raise RequestError(f"{forms[0]!r} must be a list of records", where=forms[0])
    return content


def _from_split(content: Any) -> list[Any]:
    if not isinstance(content, dict):
        content = {}
    columns, data = content.get("columns"), content.get("data")
    hint = 'send {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}'
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise RequestError("'columns' must be a list of names", where="dataframe_split", hint=hint)
    if len(set(columns)) != len(columns):
        raise RequestError("a column is named twice", where="dataframe_split.columns")
    if not isinstance(data, list):
        raise RequestError("'data' must be a list of rows", where="dataframe_split", hint=hint)
    for index, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(columns):
            raise RequestError(
                f"a row must hold {len(columns)} values",
                where=f"row {index}",
                found=str(len(row)) if isinstance(row, list) else type(row).__name__,
                hint=hint,
            )
    return [dict(zip(columns, row, strict=True)) for row in data]


def _from_columns(content: dict[str, Any], form: str) -> list[Any]:
    """Return records of `{"column": [values]}`; `[[value], ...]` is read as one value a row."""
    columns = {}
    for name, values in content.items():
        if not isinstance(values, list):
            values = [values]
        columns[name] = [
            value[0] if isinstance(value, list) and len(value) == 1 else value for value in values
        ]
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise RequestError("the columns differ in length", where=form, found=str(sorted(lengths)))
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _from_csv(body: bytes, served: Served) -> list[Any]:
    try:
        text = body.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError("the body is not CSV in UTF-8", found=str(error), status=400) from None
    lines = [line for line in lines if line]
    if not lines:
        raise RequestError("the CSV is empty", hint="send a header and rows", status=400)
    header = lines[0]
    if len(set(header)) != len(header):
        raise RequestError("a column is named twice", where="header")
    manifest = served.model.manifest
    inputs = {item.name: item for item in manifest.inputs}
    others = {*manifest.keys, *manifest.ignored}
    for name in header:
        if name not in inputs and name not in others:
            word = nearest(name, [*inputs, *others])
            hint = f"did you mean {word!r}?" if word else ""
            if len(header) == 1 and (";" in name or "\t" in name):
                hint = "separate columns by commas"
            raise RequestError(f"unknown column {name[:200]!r}", where="header", hint=hint)
    mender = served.model.encoder.mender
    readers = [_cell(inputs.get(name), mender(name)) for name in header]
    records = []
    for index, line in enumerate(lines[1:]):
        if len(line) != len(header):
            raise RequestError(
                f"a row must hold {len(header)} values",
                where=f"row {index}",
                found=str(len(line)),
            )
        cells = zip(header, readers, line, strict=True)
        records.append({name: read(cell, index) for name, read, cell in cells})
    return records


def _cell(item: Input | None, mender: Mender | None) -> Callable[[str, int], Any]:
    """Return what reads one cell of a column; an empty cell is a missing value."""

    def text(cell: str, row: int) -> Any:
        return cell or None

    reads = mender is not None and (mender.declared or mender.reads_text)
    if item is None or item.type not in ("number", "boolean") or reads:
        return text

    def typed(cell: str, row: int) -> Any:
        cell = cell if cell in item.missing else cell.strip()
        if not cell or cell in item.missing:
            return None
        if item.type == "boolean" and cell.lower() in _BOOLEAN:
            return _BOOLEAN[cell.lower()]
        if item.type == "number":
            if _NUMBER.fullmatch(cell):
                return float(cell)
            if cell.lower() == "nan":
                return None
        raise RequestError(
            f"column {item.name!r} has the wrong type",
            where=f"row {row}",
            found=repr(cell)[:80],
            hint=f"send a {item.type}, or nothing where it is not known",
        )

    return typed
