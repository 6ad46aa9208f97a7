"""The OpenAPI document says what the server really takes and gives."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from tests.serve.client import Client, serving
from tests.serve.models import CHURN


def accepts(said: dict[str, Any], schema: dict[str, Any], body: Any) -> bool:
    whole = {**schema, "components": said["components"]}
    jsonschema.Draft202012Validator.check_schema(whole)
    return bool(jsonschema.Draft202012Validator(whole).is_valid(body))


def schemas(said: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    predict = said["paths"]["/predict"]["post"]
    media = "application/json"
    taken = predict["requestBody"]["content"][media]["schema"]
    return taken, predict["responses"]["200"]["content"][media]["schema"]


@pytest.mark.parametrize(
    "body",
    [
        CHURN,
        [CHURN, {**CHURN, "tenure": None}],
        {**CHURN, "customer": 7, "note": ["any"]},
        {**CHURN, "charges": " "},
        {**CHURN, "charges": "cheap"},
        {**CHURN, "tenure": "5"},
        {**CHURN, "customer": [1]},
        {**CHURN, "tenur": 5},
        {name: value for name, value in CHURN.items() if name != "plan"},
        3,
    ],
)
def test_it_takes_what_it_says_and_gives_what_it_says(client: Client, body: Any) -> None:
    said = client.get("/openapi.json").json()
    taken, given = schemas(said)
    answer = client.post("/predict", body)
    assert accepts(said, taken, body) == (answer.status == 200)
    if answer.status == 200:
        assert accepts(said, given, answer.json())
    else:
        error = said["components"]["schemas"]["Error"]
        assert str(answer.status) in said["paths"]["/predict"]["post"]["responses"]
        assert accepts(said, error, answer.json())


def test_it_names_the_version_that_is_live(client: Client) -> None:
    said = client.get("/openapi.json").json()
    assert said["openapi"] == "3.1.0"
    assert said["info"]["version"] == "3"
    assert set(CHURN) <= set(said["components"]["schemas"]["Record"]["properties"])


def test_answers_of_other_tasks_are_as_it_says(echo_client: Client, colours_client: Client) -> None:
    for client in (echo_client, colours_client):
        said = client.get("/openapi.json").json()
        _, given = schemas(said)
        assert accepts(said, given, client.post("/predict", [{"x": 1}]).json())


def test_a_server_without_a_version_describes_itself_too() -> None:
    with serving(None) as client:
        assert client.get("/openapi.json").json()["components"]["schemas"]["Record"]


def test_the_list_of_problems_and_the_header_of_ignored_columns_are_described(
    client: Client,
) -> None:
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    said = client.post("/predict", {"tenur": 1}).json()
    assert set(said) == set(schemas["Error"]["properties"])
    assert set(said["problems"][0]) == set(schemas["Problem"]["properties"])
    answered = document["paths"]["/predict"]["post"]["responses"]["200"]
    headers = client.post("/predict", {**CHURN, "note": 1}).headers
    assert all(name in headers for name in answered["headers"])


def test_its_example_of_a_record_is_answered(client: Client) -> None:
    said = client.get("/openapi.json").json()
    example = said["components"]["schemas"]["Record"]["example"]
    assert accepts(said, schemas(said)[0], example)
    assert client.post("/predict", example).status == 200
