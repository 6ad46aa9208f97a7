"""`pip install evermodel` alone serves a project that was trained elsewhere."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.shell import SCHEMA, evermodel, running, served
from tests.contract.test_runtime import _base, _key
from tests.loop.shop import customers, post, setting

BLOCK = """\
import sys
sys.modules.update(dict.fromkeys({names!r}))
from evermodel.cli.main import main
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def alone() -> tuple[str, ...]:
    """Return a command that runs Evermodel as if only its base installation were there."""
    base = set(_base())
    foreign = sorted(
        module
        for module, owners in packages_distributions().items()
        if not {_key(owner) for owner in owners} & base and module.isidentifier()
    )
    assert "polars" in foreign
    return (sys.executable, "-c", BLOCK.format(names=foreign))


def test_a_project_is_served_by_the_base_installation(live: Path, alone: tuple[str, ...]) -> None:
    rows = customers(5, seed=1)
    with served(live, program=alone) as (url, server):
        given = post(url, rows.drop("churned").to_dicts())
        assert [answer["version"] for answer in given] == [1] * 5
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as page:
            assert b"evermodel" in page.read()
        assert server.end(signal.SIGTERM) == 0
    said = "".join(server.lines)
    assert "Traceback" not in said
    segments = list((live / ".evermodel" / "segments" / "shop").glob("*.jsonl"))
    logged = [json.loads(line) for path in segments for line in path.read_text().splitlines()]
    assert {row["id"] for row in logged} == {answer["id"] for answer in given}


@pytest.mark.parametrize(
    "words", [["status", "--no-repair"], ["history"], ["ledger", "verify"], ["promote", "1"]]
)
def test_what_needs_no_table_works_in_the_base_installation_or_names_the_extra(
    live: Path, alone: tuple[str, ...], words: list[str]
) -> None:
    done = subprocess.run(
        [*alone, *words], capture_output=True, text=True, cwd=live, check=False, timeout=60
    )
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert done.returncode == 2
        assert "pip install 'evermodel[loop]'" in done.stderr


def document(line: str) -> Any:
    found = json.loads(line)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def test_serving_prints_one_document_with_its_address_when_it_is_ready(live: Path) -> None:
    with running("serve", "--port", "0", "--json", folder=live) as server:
        said = document(server.until(r"^(\{.*\})$").group(1))
        url = said["facts"]["url"]
        record = customers(1).drop("churned").to_dicts()[0]
        assert post(url, record)["version"] == said["facts"]["version"] == 1
        assert server.end(signal.SIGTERM) == 0
    assert len(server.lines) == 1
    assert (said["schema"], said["verdict"], said["subject"]) == (
        "evermodel.serve/1",
        "pass",
        "shop",
    )
    assert url == f"http://{said['facts']['host']}:{said['facts']['port']}"


def test_what_hinders_serving_is_said_before_anything_is_served(live: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1])
        before = sorted((live / ".evermodel" / "candidates").iterdir())
        for words in (["serve"], ["run", "--serve"]):
            done = evermodel(*words, "--port", number, folder=live)
            done.refuses(f"port {number} is in use", "--port")
            assert not done.out
        assert sorted((live / ".evermodel" / "candidates").iterdir()) == before
        said = evermodel("serve", "--port", number, "--json", folder=live)
        assert "in use" in said.refuses().document["error"]["what"]
    manifest = live / ".evermodel" / "bundles" / "shop" / "1" / "bundle.json"
    whole = manifest.read_bytes()
    for damaged in (whole[:-40], b"", b"\x00\x01", whole.replace(b"number", b"numbrr", 1)):
        manifest.write_bytes(damaged)
        evermodel("serve", "--port", "0", folder=live).refuses("try:")
    manifest.unlink()
    evermodel("serve", "--port", "0", folder=live).refuses("try:")


@pytest.mark.slow
def test_run_serve_releases_and_answers_in_one_command(live: Path) -> None:
    setting(live, "loop", 'every = "1s"')
    words = ("run", "--serve", "--forever", "--port", "0")
    with running(*words, folder=live) as process:
        url = process.until(r"(http://[^ ]+)").group(1)
        record = customers(1).drop("churned").to_dicts()[0]
        assert post(url, record)["version"] == 1
        assert process.end(signal.SIGTERM) == 0
    assert "Traceback" not in "".join(process.lines)


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--json",), ("--debug",)])
def test_run_serve_forever_says_in_one_line_that_a_turn_failed(
    live: Path, flags: tuple[str, ...]
) -> None:
    setting(live, "loop", 'every = "1s"')
    words = ("run", "--serve", "--forever", "--port", "0", *flags)
    with running(*words, folder=live) as process:
        process.until(r"(http://[^ ]+)")
        graph = next((live / ".evermodel" / "bundles" / "shop" / "1").rglob("*.onnx"))
        graph.write_bytes(graph.read_bytes() + b" ")
        assert process.until(r"^a turn of the loop failed: (.+)$").group(1)
        assert process.end(signal.SIGTERM) == 0
    said = "".join(process.lines)
    assert ("Traceback" in said) == ("--debug" in flags)
    assert sum(line.startswith("{") for line in process.lines) == ("--json" in flags)


@pytest.mark.slow
def test_run_serve_prints_one_document_with_the_address(live: Path) -> None:
    with running("run", "--serve", "--port", "0", "--json", folder=live) as process:
        said = document(process.until(r"^(\{.*\})$").group(1))
        record = customers(1).drop("churned").to_dicts()[0]
        assert post(said["facts"]["url"], record)["version"] == said["facts"]["live"] == 1
        assert process.end(signal.SIGTERM) == 0
    assert said["schema"] == "evermodel.run/1"
    assert len(process.lines) == 1


@pytest.mark.slow
def test_run_forever_turns_twice_and_ends_by_sigterm(live: Path) -> None:
    setting(live, "loop", 'every = "1s"')
    with running("run", "--forever", "--json", folder=live) as process:
        for _ in range(2):
            found = process.until(r"^(\{.*\})$").group(1)
            assert json.loads(found)["facts"]["decision"] == "none"
        assert process.end(signal.SIGTERM) == 0
    assert "Traceback" not in "".join(process.lines)
