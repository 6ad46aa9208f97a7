from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evermodel.serve import read_segments, seal_segments
from tests.serve.client import Client, serving
from tests.serve.models import CHURN


def test_one_record_gets_one_answer(client: Client) -> None:
    answer = client.post("/predict", CHURN)
    said = answer.json()
    assert answer.status == 200
    assert said["prediction"] == "yes"
    assert said["probability"] == pytest.approx(0.679178699)
    assert said["version"] == 3
    assert len(said["id"]) == 27


@pytest.mark.parametrize("wrap", [list, lambda rows: {"records": rows}])
def test_many_records_get_answers_in_their_order(client: Client, wrap: Any) -> None:
    rows = [{**CHURN, "tenure": tenure} for tenure in range(200)]
    answers = client.post("/predict", wrap(rows)).json()
    probabilities = [answer["probability"] for answer in answers]
    assert len(answers) == 200
    assert probabilities == sorted(probabilities, reverse=True)
    assert len({answer["id"] for answer in answers}) == 200


def test_a_long_list_is_answered_whole_and_in_order(echo_client: Client) -> None:
    answers = echo_client.post("/predict", [{"x": x} for x in range(1000)]).json()
    assert [answer["prediction"] for answer in answers] == [1e6 + x for x in range(1000)]


def test_an_empty_list_gets_an_empty_list(client: Client) -> None:
    assert client.post("/predict", []).json() == []


def test_a_class_of_many_gets_its_probability_by_name(colours_client: Client) -> None:
    said = colours_client.post("/predict", {"x": 3}).json()
    assert said["prediction"] == "red"
    assert list(said["probability"]) == ["blue", "green", "red"]
    assert sum(said["probability"].values()) == pytest.approx(1)


def test_missing_values_are_answered(client: Client) -> None:
    everything = dict.fromkeys(CHURN)
    assert client.post("/predict", everything).status == 200


def test_a_word_that_means_missing_is_accepted_and_logged_as_null(
    client: Client, log_folder: Path
) -> None:
    id_ = client.post("/predict", {**CHURN, "charges": " "}).json()["id"]
    assert _logged(log_folder, id_)["features"]["charges"] is None


def test_keys_are_logged_and_ignored_columns_are_dropped(client: Client, log_folder: Path) -> None:
    asked = {**CHURN, "customer": "c-7", "note": {"any": ["thing", 10**30]}}
    said = client.post("/predict", asked).json()
    row = _logged(log_folder, said["id"])
    assert row["key"] == {"customer": "c-7"}
    assert row["features"] == CHURN
    assert row["output"] == {k: said[k] for k in ("prediction", "probability")}
    assert row["action"] == said["prediction"]
    assert (row["version"], row["deployment"], row["arm"]) == (3, "churn-3", "champion")
    assert row["route"] == "/predict"
    assert row["propensity"] == 1.0
    assert row["latency_us"] > 0


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({}, "pass"),
        ({"tenure": 500}, "warn"),
        ({"plan": "weekly"}, "warn"),
        ({"plan": None}, "pass"),
    ],
)
def test_rows_outside_what_was_trained_on_are_marked(
    client: Client, log_folder: Path, change: dict[str, Any], gate: str
) -> None:
    id_ = client.post("/predict", {**CHURN, **change}).json()["id"]
    assert _logged(log_folder, id_)["gate"] == gate


def test_ids_rise_with_time(client: Client) -> None:
    ids = [client.post("/predict", CHURN).json()["id"] for _ in range(20)]
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tenur": 1}, ("unknown column 'tenur'", "did you mean 'tenure'")),
        ({"tenure": "five"}, ("'tenure' has the wrong type", "a number or null")),
        ({"tenure": True}, ("'tenure' has the wrong type",)),
        ({"paperless": 1}, ("'paperless' has the wrong type", "true, false or null")),
        ({"plan": 3}, ("'plan' has the wrong type", "a text or null")),
        ({"plan": ["monthly"]}, ("'plan' has the wrong type",)),
        ({"joined": "yesterday"}, ("'joined' has the wrong type", "2026-01-31")),
        ({"joined": "99999-01-01"}, ("'joined'",)),
        ({"customer": [1]}, ("'customer' has the wrong type", "a key is")),
        ({"customer": 10**30}, ("'customer' has the wrong type",)),
        ({"tenure": 10**400}, ("'tenure' has the wrong type",)),
    ],
)
def test_a_wrong_column_is_named(client: Client, change: Any, words: tuple[str, ...]) -> None:
    answer = client.post("/predict", {**CHURN, **change})
    assert answer.status == 422
    said = answer.json()
    assert set(said) == {"error", "where", "found", "hint", "problems", "more"}
    for word in words:
        assert word in " ".join(said[name] for name in ("error", "where", "found", "hint"))
    assert [problem["field"] for problem in said["problems"]] == [*change]
    assert said["more"] == 0


def test_an_absent_column_is_named_with_its_row(client: Client) -> None:
    without = {name: value for name, value in CHURN.items() if name != "plan"}
    answer = client.post("/predict", {"records": [CHURN, without]})
    assert answer.status == 422
    assert "'plan' is absent" in answer.json()["error"]
    assert answer.json()["where"] == "row 1"


def test_one_wrong_row_refuses_the_request_and_logs_none_of_it(
    client: Client, log_folder: Path
) -> None:
    rows = [{**CHURN, "customer": "refused"}] * 300 + [{**CHURN, "joined": "never"}]
    assert client.post("/predict", rows).status == 422
    seal_segments(log_folder)
    kept = [row for _, rows in read_segments(log_folder) for row in rows]
    assert not [row for row in kept if row["key"] == {"customer": "refused"}]


def test_without_a_live_version_requests_are_told_to_come_again() -> None:
    with serving(None) as client:
        answer = client.post("/predict", CHURN)
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"
        assert client.get("/readyz").status == 503
        assert client.get("/ping").status == 503
        assert client.get("/v2/health/ready").status == 503
        assert client.get("/healthz").status == 200
        assert client.get("/").status == 200
        assert client.get("/metrics").status == 200


def test_more_rows_than_one_request_may_have_are_refused(client: Client) -> None:
    answer = client.post("/invocations", {"instances": [{}] * 100_001})
    assert answer.status == 413
    assert "evermodel score" in answer.json()["hint"]


def _logged(folder: Path, id_: str) -> dict[str, Any]:
    assert seal_segments(folder)
    return next(row for _, rows in read_segments(folder) for row in rows if row["id"] == id_)
