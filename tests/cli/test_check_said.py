"""What `evermodel check FILE` says at a terminal: the verdict, three groups, a few examples."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

import pytest

from tests.cli.shell import evermodel
from tests.real import real_data

pytestmark = pytest.mark.real

GROUPS = ("Must fix", "Worth fixing", "Good to know")
PLACE = re.compile(r"\b(?:line|row) \d+: ")
PLACES = re.compile(r"\b(?:line|row)s ((?:\d+, )*\d+): ")


def head(name: str, rows: int, folder: Path) -> Path:
    """Write the first rows of a real file."""
    path = folder / "rows.csv"
    lines = real_data(name).read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: rows + 1]))
    return path


def parts(text: str) -> dict[str, list[str]]:
    """Return the lines of each group, and of how the file was read."""
    found: dict[str, list[str]] = {}
    for block in text.split("\n\n")[1:]:
        title, *lines = block.splitlines()
        found[title] = lines
    return found


def example_rows(lines: list[str]) -> list[int]:
    """Return how many rows are named as examples below each headline of a group."""
    blocks = [
        " ".join(line.strip() for line in below)
        for deep, below in groupby(lines, lambda line: line.startswith("    "))
        if deep
    ]
    alike = [[len(rows.split(", ")) for rows in PLACES.findall(text)] for text in blocks]
    return [len(PLACE.findall(text)) + sum(more) for text, more in zip(blocks, alike, strict=True)]


def test_a_file_that_the_gate_fails_is_told_from_the_worst_on_and_ends_with_1(
    tmp_path: Path,
) -> None:
    path = head("bike/hour.csv", 600, tmp_path)
    done = evermodel("check", path, "--target", "cnt", folder=tmp_path)
    assert done.code == 1, done.err
    first = done.out.splitlines()[0]
    assert re.match(
        r"FAIL  \S*rows\.csv: 2 to fix, \d+ .*in order \(600 rows, 17 columns\)$", first
    )
    said = parts(done.out)
    assert [title for title in said if title in GROUPS] == list(GROUPS)
    assert said["Must fix"][0] == "  `casual` gives the answer away"
    assert "`instant` has a value of its own in 100 % of the rows" in "\n".join(
        said["Good to know"]
    )
    counts = [rows for title in GROUPS for rows in example_rows(said[title])]
    assert 3 in counts
    assert max(counts) == 3


def test_a_file_that_passes_ends_with_0_and_says_what_a_look_for_persons_cannot_see(
    tmp_path: Path,
) -> None:
    path = head("rayyan/dirty.csv", 300, tmp_path)
    done = evermodel("check", path, folder=tmp_path)
    assert done.code == 0, done.err
    first = done.out.splitlines()[0]
    assert re.match(
        r"WARN  \S*rows\.csv: \d+ worth fixing, .*in order \(300 rows, 11 columns\)$", first
    )
    said = parts(done.out)
    assert [title for title in said if title in GROUPS] == list(GROUPS[1:])
    counts = [rows for title in GROUPS[1:] for rows in example_rows(said[title])]
    assert max(counts) == 3
    words = " ".join(done.out.split())  # where a line ends depends on how long a path is
    assert words.count("such a look cannot see names inside texts") == 1
    assert "such a look cannot see" in " ".join(said["Good to know"])
    assert all(len(line) <= 100 for line in done.out.splitlines()[1:])
