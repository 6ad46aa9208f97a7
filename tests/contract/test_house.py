"""The house stands as ARCHITECTURE.md draws it: one room for every verb, table and how-to."""

import re
import subprocess
import sys
import tomllib

import pytest

from evermodel import project
from tests.docs.pages import ROOT
from tests.docs.shell import command_parser, verbs

SOURCE = ROOT / "src" / "evermodel"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOT_LAYERS = {"__init__", "__main__"}


def _table() -> dict[str, tuple[set[str], set[str], set[str]]]:
    """Return room -> (verbs, tables, how-tos), as ARCHITECTURE.md says."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = {}
    for line in text.split("<!-- rooms -->")[1].split("<!-- /rooms -->")[0].splitlines():
        cells = [cell.strip() for cell in line.strip()[1:-1].split("|")]
        if len(cells) == 5 and cells[0].startswith("`"):
            named = [set(re.findall(r"`([^`]+)`", cell)) for cell in cells]
            rooms[named[0].pop().rstrip("/").removesuffix(".py")] = (
                named[2],
                named[3],
                set(re.findall(r"how-to/([a-z-]+)\.md", cells[4])),
            )
    return rooms


ROOMS = _table()


def _once(column: int) -> list[str]:
    return sorted(name for row in ROOMS.values() for name in row[column])


def test_every_verb_of_the_command_line_belongs_to_one_room() -> None:
    assert _once(0) == sorted(verbs(command_parser()))


def test_every_table_of_the_project_file_belongs_to_one_room() -> None:
    fields = [name for name in project.Project.__struct_fields__ if name != "root"]
    assert _once(1) == sorted(fields)


def test_every_how_to_belongs_to_one_room() -> None:
    pages = [path.stem for path in (ROOT / "docs" / "how-to").glob("*.md") if path.stem != "index"]
    assert _once(2) == sorted(pages)


def test_the_table_the_layers_and_the_folders_name_the_same_rooms() -> None:
    layers = {
        room
        for line in SETTINGS["tool"]["importlinter"]["contracts"][0]["layers"]
        for room in re.findall(r"\w+", line)
    }
    folders = {
        path.stem
        for path in SOURCE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert set(ROOMS) == layers
    assert folders - NOT_LAYERS == layers


def test_every_benchmark_is_listed() -> None:
    page = (ROOT / "benchmarks" / "README.md").read_text()
    named = set(re.findall(r"^\| `([a-z_]+\.py)` \|", page, flags=re.MULTILINE))
    assert named == {path.name for path in (ROOT / "benchmarks").glob("[a-z]*.py")}


@pytest.mark.slow
def test_no_import_goes_against_the_layers() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
