"""The Open Inference Protocol V2 and MLflow's scoring protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.serve.client import Client
from tests.serve.models import CHURN

INFER = "/v2/models/churn/infer"
KINDS = {"tenure": "INT64", "charges": "FP32", "paperless": "BOOL", "plan": "BYTES"}


def tensors(rows: list[dict[str, Any]], nested: bool = False) -> list[dict[str, Any]]:
    found = []
    for name in rows[0]:
        data: list[Any] = [row[name] for row in rows]
        shape = [len(data), 1] if nested else [len(data)]
        data = [[value] for value in data] if nested else data
        kind = KINDS.get(name, "BYTES")
        found.append({"name": name, "shape": shape, "datatype": kind, "data": data})
    return found


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("path", [INFER, "/v2/models/churn/versions/3/infer"])
def test_tensors_get_the_answers_of_predict(client: Client, nested: bool, path: str) -> None:
    rows = [{**CHURN, "tenure": 1}, {**CHURN, "tenure": 70}]
    plain = client.post("/predict", rows).json()
    said = client.post(path, {"id": "a-7", "inputs": tensors(rows, nested)}).json()
    outputs = {output["name"]: output for output in said["outputs"]}
    assert (said["model_name"], said["model_version"], said["id"]) == ("churn", "3", "a-7")
    assert outputs["probability"] == {
        "name": "probability",
        "shape": [2],
        "datatype": "FP64",
        "data": [row["probability"] for row in plain],
    }
    assert outputs["prediction"]["datatype"] == "BYTES"
    assert outputs["prediction"]["data"] == [row["prediction"] for row in plain]
    assert len(outputs["id"]["data"]) == 2


def test_only_the_wanted_outputs_come_back(client: Client) -> None:
    asked = {"inputs": tensors([CHURN]), "outputs": [{"name": "probability"}]}
    assert [o["name"] for o in client.post(INFER, asked).json()["outputs"]] == ["probability"]


def test_probabilities_of_many_classes_are_a_matrix(colours_client: Client) -> None:
    tensor = {"name": "x", "shape": [2], "datatype": "FP64", "data": [0, 3]}
    said = colours_client.post("/v2/models/colours/infer", {"inputs": [tensor]}).json()
    matrix = next(output for output in said["outputs"] if output["name"] == "probability")
    assert matrix["shape"] == [2, 3]
    assert sum(matrix["data"]) == pytest.approx(2)


def test_metadata_says_what_infer_takes_and_gives(client: Client) -> None:
    said = client.get("/v2/models/churn").json()
    assert said["versions"] == ["3"]
    assert {tensor["name"] for tensor in said["inputs"]} == set(CHURN)
    assert {tensor["datatype"] for tensor in said["inputs"]} == {"FP64", "BOOL", "BYTES"}
    assert client.get("/v2/models/churn/versions/3").json() == said
    assert client.get("/v2/models/churn/ready").json() == {"name": "churn", "ready": True}
    assert client.get("/v2").json()["name"] == "evermodel"
    assert client.get("/v2/health/live").json() == {"live": True}


@pytest.mark.parametrize("path", ["/v2/models/chrun", "/v2/models/churn/versions/2"])
def test_another_model_or_version_is_not_found(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status == 404
    assert list(answer.json()) == ["error"]


def broken(**changes: Any) -> dict[str, Any]:
    first, *rest = tensors([CHURN])
    return {"inputs": [{**first, **changes}, *rest]}


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        (broken(shape=[2]), "does not fit the shape"),
        (broken(shape=[1, 2]), "[N] or [N, 1]"),
        (broken(shape=[-1]), "[N] or [N, 1]"),
        (broken(datatype="FP31"), "unknown datatype"),
        (broken(datatype="UINT8", data=[256]), "not every value"),
        (broken(datatype="BYTES", data=["a"]), "'tenure' has the wrong type"),
        (broken(datatype="BOOL", data=[True]), "'tenure' has the wrong type"),
        (broken(name="tenur"), "did you mean 'tenure'"),
        (broken(name="plan"), "comes twice"),
        ({"inputs": []}, "no input tensor"),
        ({}, "not an inference request"),
        ({**broken(), "outputs": [{"name": "propability"}]}, "did you mean 'probability'"),
        ([], "not an inference request"),
    ],
)
def test_a_wrong_tensor_is_named(client: Client, asked: Any, word: str) -> None:
    answer = client.post(INFER, asked)
    assert answer.status == 400
    assert list(answer.json()) == ["error"]
    assert word in answer.json()["error"]


def test_binary_tensors_are_refused_in_words(client: Client) -> None:
    answer = client.post(INFER, b"{}....", Inference_Header_Content_Length="2")
    assert answer.status == 400
    assert "binary" in answer.json()["error"]


FORMS = {
    "dataframe_split": {"columns": list(CHURN), "data": [list(CHURN.values())], "index": [0]},
    "dataframe_records": [CHURN],
    "instances": [CHURN],
    "inputs": {name: [value] for name, value in CHURN.items()},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_mlflow_gets_the_same_predictions(client: Client, form: str) -> None:
    plain = client.post("/predict", CHURN).json()
    said = client.post("/invocations", {form: FORMS[form], "params": {}}).json()
    expected = {name: plain[name] for name in ("prediction", "probability")}
    assert said["predictions"] == [expected]
    assert len(said["ids"]) == 1


def test_csv_gets_the_same_predictions(client: Client) -> None:
    plain = client.post("/predict", [CHURN, {**CHURN, "charges": None}]).json()
    text = "tenure,charges,paperless,plan,joined,customer\r\n"
    text += "5,70.5,True,monthly,2026-01-31T12:00:00,c1\n5,,true,monthly,2026-01-31T12:00:00,\n"
    answer = client.post("/invocations", text.encode(), Content_Type="text/csv; charset=utf-8")
    expected = [row["probability"] for row in plain]
    assert [row["probability"] for row in answer.json()["predictions"]] == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"", "empty"),
        (b"tenure,tenure\n1,2", "twice"),
        (b"tenur\n1", "did you mean 'tenure'"),
        (b"tenure;plan\n1;a", "separate columns by commas"),
        (b"tenure,plan\n1", "must hold 2 values"),
        (b"tenure\n1_000", "wrong type"),
        (b"tenure\ninf", "wrong type"),
        (b"tenure\n1", "is absent"),
        (b"\xff\xfe", "not CSV"),
        (b'a,"b', "not CSV"),
    ],
)
def test_wrong_csv_is_refused_in_words(client: Client, text: bytes, word: str) -> None:
    answer = client.post("/invocations", text, Content_Type="text/csv")
    assert answer.status in (400, 422)
    assert word in json.dumps(answer.json()).replace('\\"', '"')


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        3,
        {"instances": [CHURN], "inputs": [CHURN]},
        {"instances": 3},
        {"instances": [[1, 2]]},
        {"inputs": {"tenure": [1, 2], "plan": ["a"]}},
        {"dataframe_split": 3},
        {"dataframe_split": {"columns": ["tenure"], "data": [[1, 2]]}},
        {"dataframe_split": {"columns": [3], "data": []}},
        {"dataframe_split": {"columns": ["tenure", "tenure"], "data": [[1, 2]]}},
        {"dataframe_split": {"columns": ["tenure"], "data": {}}},
        {"dataframe_records": {"tenure": 1}},
    ],
)
def test_a_wrong_invocation_is_refused(client: Client, body: Any) -> None:
    answer = client.post("/invocations", body)
    assert answer.status == 422
    assert answer.json()["error"]


def test_mlflow_health_routes_answer(client: Client) -> None:
    assert client.get("/ping").status == 200
    assert client.get("/health").status == 200
    assert client.get("/version").body.startswith(b"0.")
