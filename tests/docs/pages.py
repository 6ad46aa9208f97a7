"""Reads the documentation as a list of things that a reader would do.

What counts as a step: a fenced `console` block (its lines that begin with `$ ` are commands, the
others show what comes back), a fenced `python` block, and a `toml` block that the reader is to put
into the project file. HTML comments steer the tests and are not seen by readers:

- `<!-- start: data -->` anywhere: the page begins in a folder with the simulated customers;
  `<!-- start: champion -->`: and with a project of them whose first version is live;
  `<!-- start: second -->`: and with a second version that took over from the first.
- `<!-- test: skip BECAUSE -->` before a block: it is not run, only read.
- `<!-- test: exit 1 -->` before a block: its last command ends with that code.
- `<!-- test: set -->` before a `toml` block: its keys are put into the project file.
- `<!-- test: background -->` before a block: its last command keeps running until the page ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Page", "Step", "pages", "read"]

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^\s*```")
_DIRECTIVE = re.compile(r"<!--\s*test:\s*(\w+)\s*(.*?)\s*-->")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command, piece of Python or of a project file, with the line on which it stands."""

    kind: str
    text: str
    line: int
    skip: str = ""
    code: int = 0
    background: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: where it lies, what it begins with, and its steps in order."""

    path: Path
    start: str
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """The path from the root of the project, as test names show it."""
        return self.path.relative_to(ROOT).as_posix()


def pages() -> list[Page]:
    """Return every page of the documentation, README first."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [read(path) for path in found]


def read(path: Path) -> Page:
    """Return one page with its steps."""
    text = path.read_text(encoding="utf-8")
    start = re.search(r"<!--\s*start:\s*(\w+)\s*-->", text)
    steps: list[Step] = []
    directives: list[tuple[str, str]] = []
    language, block, began = "", [""], 0
    for number, line in enumerate(text.splitlines(), start=1):
        if _FENCE.match(line) and not began:
            language, block, began = line.strip().strip("`").split(" ")[0], [], number
        elif _FENCE.match(line):
            steps += _steps(language, block, began, dict(directives))
            directives, began = [], 0
        elif began:
            block.append(line)
        elif directive := _DIRECTIVE.fullmatch(line.strip()):
            directives.append((directive[1], directive[2]))
    return Page(path=path, start=start[1] if start else "", steps=tuple(steps))


def _steps(language: str, block: list[str], line: int, directives: dict[str, str]) -> list[Step]:
    skip = directives.get("skip", "")
    if language == "python":
        return [Step(kind="python", text="\n".join(block), line=line + 1, skip=skip)]
    if language == "toml" and "set" in directives:
        return [Step(kind="settings", text="\n".join(block), line=line + 1)]
    if language != "console":
        return []
    commands: list[tuple[str, int]] = []
    for offset, text in enumerate(block, start=1):
        if text.startswith("$ "):
            commands.append((text[2:], line + offset))
        elif commands and commands[-1][0].endswith("\\"):
            commands[-1] = (commands[-1][0][:-1] + text.strip(), commands[-1][1])
    last = len(commands) - 1
    return [
        Step(
            kind="command",
            text=text,
            line=at,
            skip=skip,
            code=int(directives.get("exit", 0)) if index == last else 0,
            background="background" in directives and index == last,
        )
        for index, (text, at) in enumerate(commands)
    ]
