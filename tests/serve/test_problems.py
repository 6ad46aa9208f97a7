"""A refusal lists all that is wrong with a request; columns that are passed by are said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serve.client import Client, serving
from tests.serve.models import CHURN, churn
from tests.serve.test_protocols import INFER, tensors

TIME = 'a time such as "2026-01-31T12:00:00" or null'
TWO: list[Any] = [
    {**CHURN, "tenure": "five", "plam": "monthly", "joined": "yesterday"},
    {k: v for k, v in CHURN.items() if k != "plan"} | {"customer": [1]},
]


def problem(record: int, field: str, error: str, found: str, expected: str, near: str = "") -> Any:
    return {
        "record": record,
        "field": field,
        "error": error,
        "found": found,
        "expected": expected,
        "nearest": near,
    }


ALL = [
    problem(0, "tenure", "wrong type or value", '"five"', "a number or null"),
    problem(0, "joined", "wrong type or value", '"yesterday"', TIME),
    problem(0, "plam", "unknown column", '"monthly"', "a column that the model knows", "plan"),
    problem(
        1,
        "customer",
        "wrong type or value",
        "a list",
        "a text or a whole number of at most 64 bits",
    ),
    problem(1, "plan", "absent", "nothing", "a text or null"),
]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", TWO),
        ("/predict", {"records": TWO}),
        ("/invocations", {"dataframe_records": TWO}),
    ],
)
def test_all_problems_of_a_request_are_listed_at_once(client: Client, path: str, body: Any) -> None:
    answer = client.post(path, body)
    said = answer.json()
    assert answer.status == 422
    by_place = sorted(said["problems"], key=lambda one: (one["record"], str(one["field"])))
    assert by_place == sorted(ALL, key=lambda one: (one["record"], str(one["field"])))
    assert said["more"] == 0
    assert said["error"] == "column 'tenure' has the wrong type"
    assert said["where"] == "row 0"


def test_a_value_that_is_only_found_wrong_when_it_is_read_is_listed_with_all_others(
    client: Client,
) -> None:
    rows = [{**CHURN, "joined": "never"}, CHURN, {**CHURN, "joined": "later"}]
    said = client.post("/predict", rows).json()
    assert [(one["record"], one["found"]) for one in said["problems"]] == [
        (0, '"never"'),
        (2, '"later"'),
    ]


def test_the_list_is_bounded_and_the_rest_is_counted(client: Client) -> None:
    bad = {**CHURN, "tenure": "x"}
    said = client.post("/predict", [CHURN] * 300 + [bad] * 50).json()
    assert [one["record"] for one in said["problems"]] == list(range(300, 320))
    assert said["more"] == 30
    assert client.post("/predict", [bad] * 5000).json()["more"] == 980


def test_a_long_value_is_shown_in_short(client: Client) -> None:
    said = client.post("/predict", {**CHURN, "tenure": "x" * 10_000}).json()
    assert len(said["problems"][0]["found"]) <= 80


def test_the_inference_protocol_tells_all_problems_in_its_one_line(client: Client) -> None:
    rows = [{**CHURN, "joined": "never", "plam": "x"}]
    answer = client.post(INFER, {"inputs": tensors([CHURN]) + tensors_of(rows, "plam")})
    assert answer.status == 400
    assert "unknown column 'plam'" in answer.json()["error"]
    wrong = [{**CHURN, "joined": "never"}, {**CHURN, "joined": "later"}]
    said = client.post(INFER, {"inputs": tensors(wrong)}).json()["error"]
    assert "row 0, 'joined'" in said
    assert "row 1, 'joined'" in said


def tensors_of(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    data = [row[name] for row in rows]
    return [{"name": name, "shape": [len(rows)], "datatype": "BYTES", "data": data}]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([*CHURN, "customer", "note", "other"]),
            st.sampled_from([None, True, 1, 0.5, "x", " ", "2026-01-31", [1], {}, 10**400]),
        )
        | st.none(),
        min_size=1,
        max_size=4,
    )
)
def test_a_list_of_problems_is_given_exactly_where_a_request_is_refused(
    client: Client, records: list[Any]
) -> None:
    answer = client.post("/predict", records)
    assert answer.status in (200, 422)
    wrong = {one["record"] for one in answer.json()["problems"]} if answer.status == 422 else set()
    alone = {
        number
        for number, record in enumerate(records)
        if client.post("/predict", [record]).status == 422
    }
    assert wrong == alone


def test_columns_that_are_known_and_not_read_are_named_once_an_answer(client: Client) -> None:
    sent = {**CHURN, "customer": "c-1", "note": None}
    for path, body in (
        ("/predict", sent),
        ("/predict", [CHURN, sent, sent]),
        ("/invocations", {"dataframe_records": [sent]}),
    ):
        answer = client.post(path, body)
        assert answer.status == 200
        assert json.loads(answer.headers["Evermodel-Ignored"]) == ["note"]
    inputs = tensors([CHURN]) + tensors_of([{"note": "x"}], "note")
    answer = client.post(INFER, {"inputs": inputs})
    assert json.loads(answer.headers["Evermodel-Ignored"]) == ["note"]


def test_an_answer_to_what_is_all_read_names_no_column(client: Client) -> None:
    for body in ({**CHURN, "customer": "c-1"}, [CHURN]):
        assert client.post("/predict", body).headers["Evermodel-Ignored"] is None


def test_a_column_of_any_name_can_be_named_as_ignored(tmp_path: Path) -> None:
    names = ("größe", *(f"a long name of a column {number}" for number in range(500)))
    with serving(churn(tmp_path, ignored=names)) as client:
        answer = client.post("/predict", {**CHURN, **dict.fromkeys(names, 1)})
        said = json.loads(answer.headers["Evermodel-Ignored"])
    assert answer.status == 200
    assert said[0] == "größe"
    assert said == list(names[: len(said)])
    assert len(answer.headers["Evermodel-Ignored"]) < 4100
