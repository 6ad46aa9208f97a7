"""Setting up says what is wrong with the machine, and does nothing the second time."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with all that setting up reads."""
    shutil.copytree(ROOT / "locks", tmp_path / "locks")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _install(checkout: Path, python: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "locks/install.sh", "loop"],
        cwd=checkout,
        env={**os.environ, "PYTHON": python},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_python_that_is_too_old_is_named_with_its_version(checkout: Path) -> None:
    done = _install(checkout, _script(checkout / "old", "echo 3.9.1"))
    assert done.returncode == 2
    assert "old is Python 3.9.1" in done.stderr
    assert "make demo PYTHON=" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_name_that_leads_nowhere_counts_as_no_python(checkout: Path) -> None:
    done = _install(checkout, _script(checkout / "shim", "exit 127"))
    assert done.returncode == 2
    assert "no Python at all" in done.stderr


def test_what_is_installed_already_is_left_alone_at_once(checkout: Path) -> None:
    bin_ = checkout / ".venv" / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "python").symlink_to(sys.executable)
    sums = subprocess.run(
        ["cksum", "locks/loop.txt", "locks/install.sh", "pyproject.toml"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    (checkout / ".venv" / ".installed-loop").write_text(f"{checkout.resolve()}\n{sums.stdout}")
    done = _install(checkout, _script(checkout / "never", "exit 127"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
