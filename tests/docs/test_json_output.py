"""Every command prints one document that follows the schema in docs/reference."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from evermodel.cli.main import main
from tests.docs.pages import ROOT
from tests.docs.shell import command_parser, verbs

SCHEMA = json.loads((ROOT / "docs/reference/output.schema.json").read_text())
# In an order in which a person could type them; what a verb needs stands before it.
CALLS = [
    ["init", "customers.csv", "--target", "churned", "--force"],
    ["doctor"],
    ["check"],
    ["train"],
    ["data", "profile"],
    ["data", "review", "--out", "review.csv"],
    ["data", "corrections"],
    ["data", "log"],
    ["data", "show"],
    ["data", "diff", "1"],
    ["data", "restore", "1", "restored.parquet"],
    ["data", "document"],
    ["data", "tidy"],
    ["evaluate"],
    ["register"],
    ["promote", "1"],
    ["score", "new_customers.csv", "scored.csv"],
    ["labels", "outcomes.csv"],
    ["monitor"],
    ["retrain"],
    ["run"],
    # Learned from the same rows, it is hardly better: a person insists, and takes it back.
    ["promote", "2", "--force"],
    ["rollback"],
    ["status"],
    ["history"],
    ["report"],
    ["reproduce", "1"],
    ["ledger", "verify"],
]
NOT_HERE = {
    "serve": "it does not end by itself; tests/cli/test_serving_alone.py reads what it prints",
    "demo": "it takes a minute; tests/demo reads what it prints",
}


def _run(folder: Path, *words: str) -> tuple[int, str, str]:
    program = Path(sys.executable).with_name("evermodel")
    done = subprocess.run(
        [program, "-C", str(folder), *words, "--json"],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=folder,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def _check(words: list[str], code: int, out: str, err: str) -> None:
    def refuse(constant: str) -> Any:
        raise AssertionError(f"{constant} is not JSON")

    assert out.strip(), f"{words} printed nothing: {err[-2000:]}"
    document = json.loads(out, parse_constant=refuse)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["schema"].removeprefix("evermodel.").split("/")[0].split(".")[0] == words[0]
    assert code == (1 if document["verdict"] == "fail" else 0), f"{words}: {code}: {err[-2000:]}"


def test_every_verb_is_called_here_or_says_why_not() -> None:
    assert {*(words[0] for words in CALLS), *NOT_HERE} == set(verbs(command_parser()))


@pytest.mark.slow
def test_every_document_follows_the_schema(
    champion: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """One process says it all, which imports everything once; what it prints is read as a pipe."""
    shutil.copytree(champion, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for words in CALLS:
        code = main(["-C", str(tmp_path), *words, "--json"])
        out, err = capfd.readouterr()
        _check(words, code, out, err)
        if words[0] == "init":  # how good the model is does not matter here
            path = tmp_path / "evermodel.toml"
            assert "# trials = " in path.read_text()
            path.write_text(path.read_text().replace("# trials = 12", "trials = 2"))


@pytest.mark.slow
def test_an_error_is_a_document_too(tmp_path: Path) -> None:
    command_parser()
    code, out, _ = _run(tmp_path, "train")
    assert code == 2
    document = json.loads(out)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert "project file" in document["error"]["what"]


@pytest.mark.slow
def test_what_cannot_be_done_is_an_error_document_and_no_verdict(
    champion: Path, tmp_path: Path
) -> None:
    shutil.copytree(champion, tmp_path, dirs_exist_ok=True)
    code, out, _ = _run(tmp_path, "rollback")
    document = json.loads(out)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert (code, document["verdict"], document["results"]) == (2, "unknown", [])
    assert document["error"]["what"] == "there is no version to go back to"
