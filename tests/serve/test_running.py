"""Ports, addresses, metrics and the server in a thread."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from evermodel.errors import InputError, SurroundingsError
from evermodel.serve import App, BackgroundServer, Live, check_free, serve
from evermodel.store import SystemClock
from tests.serve.client import Client, serving
from tests.serve.models import CHURN, churn


def empty() -> App:
    return App(Live(), None, clock=SystemClock())


def test_a_port_in_use_is_said_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SurroundingsError, match=f"port {port} is in use") as found:
            serve(empty(), port=port)
        assert "--port" in found.value.hint
        with pytest.raises(SurroundingsError, match="in use"):
            BackgroundServer(empty(), port=port)


@pytest.mark.parametrize("address", [("203.0.113.1", 0), ("no such name", 0), ("127.0.0.1", 70000)])
def test_an_address_that_is_not_this_machines_is_said(address: tuple[str, int]) -> None:
    with pytest.raises(SurroundingsError, match="cannot be listened on"):
        serve(empty(), host=address[0], port=address[1])


@pytest.mark.parametrize("host", ["", " "])
def test_an_empty_address_never_means_every_address(host: str) -> None:
    for listen in (serve, BackgroundServer):
        with pytest.raises(InputError, match="no address to listen on"):
            listen(empty(), host=host, port=0)
    with pytest.raises(InputError):
        check_free(host, 0)


def test_a_port_is_free_again_after_the_server_stops() -> None:
    with BackgroundServer(empty()) as first:
        port = first.port
        assert first.url == f"http://127.0.0.1:{port}"
    with BackgroundServer(empty(), port=port) as second:
        client = Client(second.url)
        assert client.get("/healthz").status == 200
        client.connection.close()


def test_a_client_goes_on_after_its_idle_connection_was_ended() -> None:
    with BackgroundServer(empty()) as first:
        client = Client(first.url)
        assert client.get("/healthz").status == 200
    with BackgroundServer(empty(), port=first.port):
        assert client.get("/healthz").status == 200
        client.connection.close()


def test_beyond_the_loopback_any_host_name_is_answered() -> None:
    with BackgroundServer(empty(), host="0.0.0.0") as server:
        client = Client(f"http://127.0.0.1:{server.port}")
        answer = client.ask("GET", "/healthz", headers={"Host": "models.example"})
        assert answer.status == 200
        client.connection.close()


def test_the_first_page_says_what_is_served_and_where(client: Client) -> None:
    said = client.get("/").json()
    assert (said["model"], said["version"], said["task"]) == ("churn", 3, "binary")
    assert said["inputs"]["joined"] == "timestamp"
    assert "POST /predict" in said["routes"]


def test_a_refused_request_is_counted_under_the_route_it_was_sent_to(tmp_path: Path) -> None:
    with serving(churn(tmp_path)) as client:
        client.get("/predict")
        client.ask("POST", "/predict", b"<a/>", {"Content-Type": "text/xml"})
        client.ask("GET", "/v2/models/churn/infer")
        client.get("/nowhere")
        too_large = client.ask("POST", "/predict", b"", {"Content-Length": str(1 << 40)})
        assert too_large.status == 413
        client.connection.close()
        text = client.get("/metrics").body.decode()
    counted = set(re.findall(r'requests_total{route="([^"]+)",code="(4\d\d)"', text))
    assert counted == {
        ("/predict", "405"),
        ("/predict", "413"),
        ("/predict", "415"),
        ("/v2/models/{name}/infer", "405"),
        ("unknown", "404"),
    }


def test_metrics_are_prometheus_text_and_hold_no_value_of_a_request(tmp_path: Path) -> None:
    with serving(churn(tmp_path, version=7)) as client:
        client.post("/predict", {**CHURN, "plan": "secret"})
        client.post("/predict", {**CHURN, "secret": "secret"})
        client.get("/secret")
        answer = client.get("/metrics")
    text = answer.body.decode()
    labels = 'route="/predict",code="{}",model="churn",version="{}"'
    assert f"evermodel_requests_total{{{labels.format(200, 7)}}} 1\n" in text
    assert f"evermodel_requests_total{{{labels.format(422, '')}}} 1\n" in text
    assert 'evermodel_request_seconds_count{route="/predict"} 2\n' in text
    assert 'evermodel_live{model="churn",version="7"} 1\n' in text
    assert re.search(r"^process_resident_memory_bytes [0-9.e+]+$", text, re.MULTILINE)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "secret" not in text
    sample = re.compile(r'[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.e+-]+')
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line), line


def test_serving_imports_nothing_of_training() -> None:
    code = """
import sys, json
import evermodel.serve, evermodel.serve.run, uvicorn, onnxruntime
heavy = {"polars", "pandas", "sklearn", "lightgbm", "mlflow", "scipy", "starlette", "pydantic"}
print(json.dumps(sorted(heavy & set(sys.modules))))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []


def is_here(host: str) -> bool:
    """Whether this machine knows the address: not all have IPv6, or resolve a name with a dot."""
    try:
        check_free(host, 0)
    except SurroundingsError:
        return False
    return True


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "localhost", "LOCALHOST"])
def test_loopback_in_any_spelling_answers_to_its_own_names_alone(host: str) -> None:
    answers_to_its_own_names_alone(host)


@pytest.mark.parametrize("host", ["localhost.", "127.0.0.2", "::1", "::ffff:127.0.0.1"])
def test_loopback_that_not_every_machine_has_does_so_too(host: str) -> None:
    if not is_here(host):
        pytest.skip(f"{host} is no address of this machine")
    answers_to_its_own_names_alone(host)


def answers_to_its_own_names_alone(host: str) -> None:
    with BackgroundServer(empty(), host=host) as server:
        client = Client(server.url)
        try:
            assert client.get("/healthz").status == 200
            for name in ("localhost", "127.0.0.1:8000", "[::1]"):
                assert client.ask("GET", "/healthz", headers={"Host": name}).status == 200
            assert client.ask("GET", "/healthz", headers={"Host": "evil.example"}).status == 421
            foreign = {"Origin": "https://evil.example"}
            assert client.ask("GET", "/healthz", headers=foreign).status == 403
        finally:
            client.connection.close()


def test_an_address_of_all_networks_answers_to_every_name() -> None:
    with BackgroundServer(empty(), host="0.0.0.0") as server:
        client = Client(f"http://127.0.0.1:{server.port}")
        assert client.ask("GET", "/healthz", headers={"Host": "shop.example"}).status == 200
        client.connection.close()
