"""The sentences of a project hold requests to what they ask: refused, warned of or set aside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.bundle import Blocks, Input, Manifest, rules_of
from evermodel.data.expectations import expected
from evermodel.project.expectations import parse_expectation
from evermodel.serve import Policy, PredictionLog
from evermodel.serve.gate import Gate
from tests.serve.client import Client, serving
from tests.serve.models import CHURN, churn
from tests.serve.test_protocols import INFER, tensors

CHECKS = (
    "tenure is between 0 and 100",
    "charges is never missing",
    "charges is at most 500 (warn)",
    "plan is one of monthly, yearly, weekly",
    "joined is at least 2020-01-01",
)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    log = PredictionLog(tmp_path_factory.mktemp("log"))
    served = churn(tmp_path_factory.mktemp("bundles"), checks=CHECKS, ignored=("note", "left"))
    with serving(served, log=log) as client:
        yield client


def test_a_row_that_is_all_right_is_answered_without_a_word(strict: Client) -> None:
    answer = strict.post("/predict", CHURN)
    assert answer.status == 200
    assert "warnings" not in answer.json()


@pytest.mark.parametrize(
    ("change", "asked", "found"),
    [
        ({"tenure": 101}, "tenure is between 0 and 100", "101"),
        ({"tenure": -1}, "tenure is between 0 and 100", "-1"),
        ({"charges": None}, "charges is never missing", "null"),
        ({"plan": "daily"}, "plan is one of monthly, yearly, weekly", '"daily"'),
        ({"joined": "2019-12-31"}, "joined is at least 2020-01-01", '"2019-12-31"'),
    ],
)
def test_a_row_that_breaks_a_check_is_refused_with_the_reason(
    strict: Client, change: dict[str, Any], asked: str, found: str
) -> None:
    answer = strict.post("/predict", {**CHURN, **change})
    assert answer.status == 422
    (problem,) = answer.json()["problems"]
    assert problem["field"] == next(iter(change))
    assert (problem["error"], problem["expected"], problem["found"]) == (
        "breaks a check",
        asked,
        found,
    )


@pytest.mark.parametrize("change", [{"tenure": None}, {"plan": None}, {"joined": None}])
def test_what_is_missing_breaks_only_what_asks_for_a_value(
    strict: Client, change: dict[str, Any]
) -> None:
    assert strict.post("/predict", {**CHURN, **change}).status == 200


def test_broken_checks_and_wrong_columns_are_listed_together(strict: Client) -> None:
    rows = [
        {**CHURN, "tenure": 500, "plam": "x", "joined": "never"},
        CHURN,
        {**CHURN, "charges": None, "plan": "daily"},
    ]
    said = strict.post("/predict", rows).json()
    assert sorted((one["record"], one["field"], one["error"]) for one in said["problems"]) == [
        (0, "joined", "wrong type or value"),
        (0, "plam", "unknown column"),
        (0, "tenure", "breaks a check"),
        (2, "charges", "breaks a check"),
        (2, "plan", "breaks a check"),
    ]


def test_one_broken_row_of_many_requests_at_once_costs_the_others_nothing(
    strict: Client,
) -> None:
    rows = [CHURN] * 300
    assert strict.post("/predict", rows).status == 200
    answer = strict.post("/predict", [*rows, {**CHURN, "tenure": 500}])
    assert answer.status == 422
    assert answer.json()["where"] == "row 300"


def test_what_is_only_warned_of_is_answered_and_said(strict: Client) -> None:
    said = strict.post("/predict", {**CHURN, "charges": 900, "tenure": 80}).json()
    assert said["prediction"] == "no"
    assert said["warnings"] == [
        {"column": "tenure", "kind": "outside_training", "why": "training saw 0 to 72"},
        {
            "column": "charges",
            "kind": "at_most",
            "why": "the project asks that charges is at most 500",
        },
    ]
    plan = strict.post("/predict", [CHURN, {**CHURN, "plan": "weekly"}]).json()
    assert "warnings" not in plan[0]
    assert [one["kind"] for one in plan[1]["warnings"]] == ["unseen_value"]


def test_the_target_and_columns_left_out_are_not_taken_without_a_word(strict: Client) -> None:
    said = strict.post("/predict", [CHURN, {**CHURN, "left": "yes", "note": 1}]).json()
    assert "warnings" not in said[0]
    assert {one["column"]: one["kind"] for one in said[1]["warnings"]} == {
        "left": "target_sent",
        "note": "column_not_read",
    }


def test_every_protocol_refuses_and_warns_alike(strict: Client) -> None:
    wrong, odd = {**CHURN, "tenure": 500}, {**CHURN, "tenure": 80}
    mlflow = strict.post("/invocations", {"dataframe_records": [CHURN, wrong]})
    assert mlflow.status == 422
    assert mlflow.json()["problems"][0]["record"] == 1
    v2 = strict.post(INFER, {"inputs": tensors([wrong])})
    assert v2.status == 400
    assert "tenure is between 0 and 100" in v2.json()["error"]
    told = strict.post("/invocations", {"dataframe_records": [CHURN, odd]}).json()["warnings"]
    assert told == [
        {
            "row": 1,
            "column": "tenure",
            "kind": "outside_training",
            "why": "training saw 0 to 72",
        }
    ]
    answer = strict.post(INFER, {"inputs": tensors([CHURN, odd])}).json()
    assert json.loads(answer["parameters"]["warnings"]) == told


def test_findings_are_counted_by_kind_and_no_value_is_among_them(tmp_path: Path) -> None:
    with serving(churn(tmp_path, checks=CHECKS)) as client:
        assert "evermodel_findings_total" not in client.get("/metrics").body.decode()
        client.post("/predict", {**CHURN, "tenure": 31_415})
        client.post("/predict", [{**CHURN, "plan": "weekly"}, {**CHURN, "charges": 27_182}])
        client.post("/predict", {**CHURN, "note": "x"})
        text = client.get("/metrics").body.decode()
    lines = {line for line in text.splitlines() if line.startswith("evermodel_findings_total{")}
    assert lines == {
        'evermodel_findings_total{kind="breaks_a_check",done="refused"} 1',
        'evermodel_findings_total{kind="unseen_value",done="warned"} 1',
        'evermodel_findings_total{kind="at_most",done="warned"} 1',
        'evermodel_findings_total{kind="column_not_read",done="warned"} 1',
    }
    assert "31415" not in text
    assert "27182" not in text


def test_where_the_server_only_warns_a_broken_check_is_answered_and_said(tmp_path: Path) -> None:
    with serving(churn(tmp_path, checks=CHECKS), policy=Policy("warn")) as client:
        answer = client.post("/predict", {**CHURN, "tenure": 500})
        wrong = client.post("/predict", {**CHURN, "tenure": 500, "plan": 3})
    assert answer.status == 200
    assert [one["kind"] for one in answer.json()["warnings"]] == ["between"]
    assert [one["field"] for one in wrong.json()["problems"]] == ["plan"]


def _set_aside(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_a_row_set_aside_is_on_disk_with_its_reason_before_it_is_refused(tmp_path: Path) -> None:
    policy = Policy("quarantine", quarantine=PredictionLog(tmp_path / "aside"))
    with serving(churn(tmp_path, checks=CHECKS), policy=policy) as client:
        answer = client.post(
            "/predict", [CHURN, {**CHURN, "tenure": 500, "customer": "c-9"}, CHURN]
        )
    (row,) = _set_aside(tmp_path / "aside")
    assert answer.status == 422
    assert row["id"] in answer.json()["hint"]
    assert row["features"]["tenure"] == 500
    assert row["key"] == {"customer": "c-9"}
    assert [one["column"] for one in row["found"]] == ["tenure"]


def test_a_row_set_aside_can_be_answered_with_a_flag_and_without_its_values_kept(
    tmp_path: Path,
) -> None:
    aside = PredictionLog(tmp_path / "aside")
    policy = Policy("quarantine", quarantine=aside, answer=True, keep_features=False)
    with serving(churn(tmp_path, checks=CHECKS), policy=policy) as client:
        answers = client.post("/predict", [CHURN, {**CHURN, "tenure": 500}]).json()
    (row,) = _set_aside(tmp_path / "aside")
    assert row["features"] is None
    assert "warnings" not in answers[0]
    assert [one["kind"] for one in answers[1]["warnings"]] == ["between", "quarantined"]
    assert row["id"] in answers[1]["warnings"][1]["why"]


_SENTENCES = (
    "x is never missing",
    "x is between -2 and 3.5",
    "x is at least 0",
    "x is at most 1",
    "x is one of 1, 2.5, -3",
    "x is like -?[12](.5)?",
)


@given(
    st.lists(st.sampled_from([None, -3.0, -2.5, -2.0, 0.0, 1.0, 2.5, 3.5, 4.0, 1e300])),
    st.lists(st.sampled_from(_SENTENCES), min_size=1, unique=True),
)
def test_a_request_breaks_what_a_table_of_the_same_rows_breaks(
    values: list[float | None], sentences: list[str]
) -> None:
    column = Input(name="x", type="number")
    manifest = Manifest(project="p", task="binary", target="y", inputs=(column,))
    none = np.empty((len(values), 0))
    numbers = np.array(values, dtype=float).reshape(-1, 1)
    rows = Blocks(numbers, none.astype(object), none.astype(np.int64))
    found = Gate(manifest, rules_of(sentences, [column])).look(rows)
    told = [one.asked for each in found.values() for one in each]
    frame = pl.DataFrame({"x": values}, schema={"x": pl.Float64})
    for sentence in sentences:
        made = parse_expectation(sentence)
        assert made is not None
        assert told.count(sentence) == expected(frame, made).value


@given(
    st.lists(st.sampled_from([None, "a", "b", "ab", "c, d", "é"])),
    st.lists(
        st.sampled_from(["x is never missing", 'x is one of a, "c, d"', "x is like [ab]+"]),
        min_size=1,
        unique=True,
    ),
    st.booleans(),
)
def test_words_of_a_request_are_judged_as_in_a_table_whatever_came_before(
    values: list[str | None], sentences: list[str], known: bool
) -> None:
    column = Input(
        name="x", type="category", values=("a", "b", "ab", "c, d", "é") if known else None
    )
    manifest = Manifest(project="p", task="binary", target="y", inputs=(column,))
    gate = Gate(manifest, rules_of(sentences, [column]))
    frame = pl.DataFrame({"x": values}, schema={"x": pl.String})
    for part in (slice(0, 2), slice(0, None)):
        words = np.array([value or "" for value in values[part]], dtype=object).reshape(-1, 1)
        none = np.empty((len(words), 0))
        found = gate.look(Blocks(none, words, none.astype(np.int64)))
        told = [one.asked for each in found.values() for one in each]
        for sentence in sentences:
            made = parse_expectation(sentence)
            assert made is not None
            assert told.count(sentence) == expected(frame[part], made).value


def _told(value: float, sentence: str) -> tuple[bool, bool]:
    """Return whether a request and a table break a sentence."""
    column = Input(name="x", type="number")
    manifest = Manifest(project="p", task="binary", target="y", inputs=(column,))
    none = np.empty((1, 0))
    row = Blocks(np.array([[value]]), none.astype(object), none.astype(np.int64))
    asked = bool(Gate(manifest, rules_of([sentence], [column])).look(row))
    made = parse_expectation(sentence)
    assert made is not None
    return asked, expected(pl.DataFrame({"x": [value]}), made).verdict != "pass"


NUMBERS = (1e-7, 1.5e-10, 1e16, 1e19, 1e300, 0.1 + 0.2, -0.0, 7.0, 1e-5, 123456.789, -2.5e-8)


@pytest.mark.parametrize("value", NUMBERS)
def test_a_number_is_one_of_its_own_writings_in_requests_and_tables(value: float) -> None:
    for word in (repr(value), f"{value:.17g}", f"{value:e}" if float(f"{value:e}") == value else "",
                 str(int(value)) if value.is_integer() else ""):  # fmt: skip
        if word:
            assert _told(value, f"x is one of {word}, 3") == (False, False), word
            assert _told(2.0, f"x is one of {word}, 3") == (True, True), word


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_named_alike_in_requests_and_tables(value: float) -> None:
    assert _told(value, f"x is one of {value!r}") == (False, False)
    for pattern in (r"-?\d+", r"\d+e-\d", r"0\.\d{1,6}", r".*e-0.*"):
        asked, found = _told(value, f"x is like {pattern}")
        assert asked == found, pattern


def test_whole_numbers_are_named_without_a_point_and_no_exponent_is_padded() -> None:
    assert _told(1e-7, "x is like 1e-7") == _told(7.0, "x is like 7") == (False, False)
    whole = pl.DataFrame({"x": [7, 1000]})
    made = parse_expectation("x is one of 7.0, 1e3")
    assert made is not None
    assert expected(whole, made).verdict == "pass"
