"""Bodies, headers and paths that no well-meaning client sends: always a 4xx, never a 5xx."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evermodel.serve import Limits
from tests.serve.client import Client, serving
from tests.serve.models import CHURN

POSTS = ("/predict", "/invocations", "/v2/models/churn/infer")
quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**400, -(10**30), 2**63, 1e308, "\x00", "\ud800", "2026-02-30", " "])
)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*CHURN, "customer", "note", "records", "instances", "inputs", "data"])
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@quick
@given(body=st.binary(max_size=200), path=st.sampled_from(POSTS))
@example(body=b"", path="/predict")
@example(body=b"\xff\xfe\x00", path="/predict")
@example(body=b'{"plan": "\xff"}', path="/predict")
@example(body=b'{"plan": "\\ud800"}', path="/predict")
@example(body=b'{"tenure": 1e999}', path="/predict")
@example(body=b"[" * 100_000, path="/predict")
@example(body=b'{"note": ' + b"[" * 100_000, path="/predict")
@example(body=b'{"inputs": ' + b"[" * 100_000, path="/invocations")
@example(body=b'{"parameters": ' + b'{"a":' * 100_000, path="/v2/models/churn/infer")
@example(body=b'{"tenure": ' + b"9" * 100_000 + b"}", path="/predict")
@example(body=b'{"instances": [{"tenure": ' + b"9" * 5_000 + b"}]}", path="/invocations")
def test_any_bytes_get_a_4xx(client: Client, body: bytes, path: str) -> None:
    assert 400 <= client.ask("POST", path, body).status < 500


@quick
@given(tree=trees, path=st.sampled_from(POSTS))
def test_any_json_gets_an_answer_or_a_4xx(client: Client, tree: Any, path: str) -> None:
    answer = client.post(path, tree)
    assert answer.status < 500
    assert answer.status == 200 or answer.json()["error"]


@quick
@given(
    row=st.fixed_dictionaries(dict.fromkeys(CHURN, scalars), optional={"customer": trees}),
    form=st.sampled_from(["predict", "records", "split", "columns", "v2"]),
)
def test_any_values_get_an_answer_or_a_4xx(client: Client, row: Any, form: str) -> None:
    tensors = [{"name": n, "shape": [1], "datatype": "FP64", "data": [v]} for n, v in row.items()]
    path, body = {
        "predict": ("/predict", row),
        "records": ("/predict", [CHURN, row]),
        "split": (
            "/invocations",
            {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}},
        ),
        "columns": ("/invocations", {"inputs": row}),
        "v2": ("/v2/models/churn/infer", {"inputs": tensors}),
    }[form]
    answer = client.post(path, body)
    assert answer.status < 500
    if answer.status == 200:
        json.loads(answer.body, parse_constant=pytest.fail)


@quick
@given(text=st.text(max_size=200))
def test_any_csv_gets_an_answer_or_a_4xx(client: Client, text: str) -> None:
    head = ",".join(CHURN) + "\n"
    for body in (text, head + text):
        content = body.encode("utf-8", "surrogatepass")
        assert client.post("/invocations", content, Content_Type="text/csv").status < 500


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused_in_words(client: Client, word: str) -> None:
    answer = client.post("/predict", f'{{"tenure": {word}}}'.encode())
    assert answer.status == 400
    assert "send null" in answer.json()["hint"]


def test_unknown_paths_name_the_nearest(client: Client) -> None:
    answer = client.post("/predictt", CHURN)
    assert answer.status == 404
    assert answer.json()["hint"] == "did you mean /predict?"
    assert "did you mean /v2/models/churn?" in client.get("/v2/models").json()["error"]


def test_a_wrong_method_names_the_right_one(client: Client) -> None:
    answer = client.get("/predict")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert "with POST" in answer.json()["hint"]
    answer = client.post("/ping", {})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_head_answers_like_get_without_a_body(client: Client) -> None:
    answer = client.ask("HEAD", "/ping")
    assert (answer.status, answer.body) == (200, b"")


def test_forms_of_web_pages_are_refused(client: Client) -> None:
    for media in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; b=1"):
        answer = client.post("/predict", b"{}", Content_Type=media)
        assert answer.status == 415
        assert "application/json" in answer.json()["hint"]


def test_a_body_of_another_type_is_refused_and_says_where_it_belongs(client: Client) -> None:
    text = b"tenure,plan\n1,monthly\n"
    answer = client.post("/predict", text, Content_Type="text/csv")
    assert answer.status == 415
    assert "/invocations" in answer.json()["hint"]
    assert client.post("/invocations", text, Content_Type="application/xml").status == 415
    assert client.post("/v2/models/churn/infer", text, Content_Type="text/csv").status == 415
    said = client.post("/predict", CHURN, Content_Type="application/vnd.api+json; charset=utf-8")
    assert said.status == 200


def test_compressed_bodies_are_refused_in_words(client: Client) -> None:
    packed = gzip.compress(json.dumps(CHURN).encode())
    answer = client.post(
        "/predict", packed, Content_Type="application/json", Content_Encoding="gzip"
    )
    assert answer.status == 415
    assert "compressed" in answer.json()["error"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"])
def test_foreign_host_names_are_refused_on_loopback(client: Client, host: str) -> None:
    assert client.ask("GET", "/ping", headers={"Host": host}).status == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:99", "[::1]:8000", "LOCALHOST:1"])
def test_names_of_this_machine_are_answered(client: Client, host: str) -> None:
    assert client.ask("GET", "/ping", headers={"Host": host}).status == 200


def test_pages_of_other_sites_are_refused_on_loopback(client: Client) -> None:
    assert client.post("/predict", CHURN, Origin="https://evil.example").status == 403
    assert client.post("/predict", CHURN, Origin="null").status == 403
    assert client.post("/predict", CHURN, Origin="http://localhost:3000").status == 200


def test_a_body_over_the_limit_is_refused_before_it_is_read(echo_client: Client) -> None:
    request = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n{"
    assert raw(echo_client, request).startswith(b"HTTP/1.1 413")


def test_a_chunked_body_over_the_limit_is_refused() -> None:
    with serving(None, limits=Limits(body_bytes=1000)) as client:
        head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert raw(client, head + b"400\r\n" + b" " * 1024 + b"\r\n").startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_come_is_given_up() -> None:
    with serving(None, limits=Limits(body_seconds=0.1)) as client:
        request = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{"
        assert raw(client, request).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET\r\n\r\n",
        b"GET /%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v2/models//infer HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v2/models/a/b/c/d HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1" + b"0" * 30 + b"\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
        b"Content-Length: 3\r\n\r\n{}",
    ],
)
def test_broken_http_gets_a_4xx_and_the_server_goes_on(client: Client, request_: bytes) -> None:
    answer = raw(client, request_)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer
    assert client.get("/ping").status == 200


def test_a_client_that_hangs_up_harms_nobody(client: Client) -> None:
    where = (client.connection.host, client.connection.port)
    for _ in range(5):
        with socket.create_connection(where) as connection:
            head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
            connection.sendall(head + b"{")
    assert client.post("/predict", CHURN).status == 200


def raw(client: Client, request: bytes) -> bytes:
    where = (client.connection.host, client.connection.port)
    with socket.create_connection(where, timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(4096)
