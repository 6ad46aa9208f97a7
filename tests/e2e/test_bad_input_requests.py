"""Wrong requests to a server that runs: each is a 4xx that names the field; good ones go on."""

import json
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import evermodel, served
from tests.loop.shop import customers, post, setting

GOOD = customers(1).drop("churned").to_dicts()[0]


@pytest.fixture(scope="module")
def server(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a server that runs for all tests of this module."""
    import shutil

    folder = shutil.copytree(released, tmp_path_factory.mktemp("served") / "shop")
    with served(folder) as (url, _):
        yield url


def _refused(url: str, body: Any, path: str = "/predict") -> tuple[int, str]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url + path, content, headers)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)
    with caught.value as answer:
        said = answer.read().decode()
    assert "Traceback" not in said
    return caught.value.code, said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": "much"}, ("amount", "send a number")),
        ({"amount": [1, 2]}, ("amount",)),
        ({"plan": 7.5}, ("plan",)),
        ({"amuont": 3.0}, ("amuont", "amount")),
        ({"visits": {"n": 1}}, ("visits",)),
    ],
    ids=["text for a number", "list for a number", "number for a text", "unknown", "nested"],
)
def test_a_wrong_field_is_named(server: str, change: dict[str, Any], words: tuple[str]) -> None:
    code, said = _refused(server, {**GOOD, **change})
    assert 400 <= code < 500
    for word in words:
        assert word in said
    code, said = _refused(server, [GOOD, {**GOOD, **change}])
    assert 400 <= code < 500
    assert post(server, GOOD)["version"] == 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\x00\xff", b"[1, 2]", b'"text"', b'{"amount": NaN}', b"[" * 5000]
)
def test_what_is_no_json_record_is_refused(server: str, body: bytes) -> None:
    code, said = _refused(server, body)
    assert 400 <= code < 500
    assert said
    assert post(server, GOOD)["version"] == 1


def test_an_absent_field_is_named_and_a_null_is_a_missing_value(server: str) -> None:
    less = {name: value for name, value in GOOD.items() if name != "amount"}
    code, said = _refused(server, less)
    assert (400 <= code < 500, "amount" in said) == (True, True)
    assert post(server, {**less, "amount": None})["prediction"] in {"yes", "no"}


def test_a_category_never_seen_is_answered(server: str) -> None:
    assert 0 < post(server, {**GOOD, "plan": "platinum"})["probability"] < 1


def test_an_unknown_address_and_a_wrong_method_are_refused(server: str) -> None:
    assert _refused(server, GOOD, "/predictions")[0] == 404
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{server}/predict", timeout=20)
    with caught.value:
        assert caught.value.code == 405


def test_a_client_that_goes_away_harms_no_other(server: str) -> None:
    host, port = server.removeprefix("http://").split(":")
    for content in (
        b"POST /predict HTTP/1.1\r\nContent-Le",
        b"\x16\x03\x01 no http at all\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=5) as client:
            client.sendall(content)
    assert post(server, GOOD)["version"] == 1


def test_a_port_in_use_is_said_with_a_way_out(live: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        done = evermodel("serve", "--port", port, "--json", folder=live)
        done.refuses(f"port {port} is in use", f"127.0.0.1:{port}", "--port")
        assert done.document["error"]["hint"]
        setting(live, "serve", f"port = {port}")
        path = live / "evermodel.toml"
        path.write_text(path.read_text().replace("port = 0\n", ""))
        evermodel("run", "--serve", folder=live).refuses(f"port {port} is in use")
    assert evermodel("ledger", "verify", folder=live).code == 0


def test_an_address_of_another_machine_cannot_be_served(live: Path) -> None:
    done = evermodel("serve", "--host", "203.0.113.7", "--port", "0", folder=live)
    done.refuses("cannot be listened on", "203.0.113.7", "127.0.0.1")


def test_a_server_that_is_asked_to_end_ends_well(live: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with served(live) as (url, process):
            assert post(url, GOOD)["version"] == 1
            assert process.end(number) == 0
        assert "Traceback" not in "".join(process.lines)
