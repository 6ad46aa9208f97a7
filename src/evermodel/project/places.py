"""Where each key of a project file stands, so that a mistake can name its line and column."""

from __future__ import annotations

import re
from typing import Any

from evermodel.errors import Mistake

__all__ = ["Places", "mistake"]


class Places:
    """Line and column of each key of a TOML text, or of the nearest table above it."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._found: dict[tuple[str, ...], tuple[int, int]] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(self._lines, start=1):
            header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
            if header and "=" not in line.split("#")[0].split("]")[0]:
                table = _dotted(header[1])
                self._found.setdefault(table, (number, line.index("[") + 1))
                continue
            key = re.match(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w"'-]+)*)\s*=""", line)
            if key:
                column = len(line) - len(line.lstrip()) + 1
                full = table + _dotted(key[1])
                self._found.setdefault(full, (number, column))
                # Keys inside an inline table stand on the same line.
                for inner in re.finditer(r"""[{,]\s*([\w-]+|"[^"]*")\s*=""", line):
                    place = (number, inner.start(1) + 1)
                    self._found.setdefault((*full, inner[1].strip("\"'")), place)

    def __call__(self, path: tuple[str, ...]) -> tuple[int, int]:
        """Return line and column, counted from 1; 0 where nothing of the path stands."""
        while path and path not in self._found:
            path = path[:-1]
        return self._found.get(path, (0, 0))

    def item(self, path: tuple[str, ...], text: str) -> tuple[int, int]:
        """Return line and column of a text in the list at a path, or else of the list."""
        place = self(path)
        first = max(place[0], 1)
        last = min((line for line, _ in self._found.values() if line > first), default=None)
        written = re.compile(f"([\"'])({re.escape(text)})\\1")
        for number, line in enumerate(self._lines[first - 1 : last and last - 1], start=first):
            found = written.search(line)
            if found and not line.lstrip().startswith("#"):
                return number, found.start() + 1
        return place


def _dotted(text: str) -> tuple[str, ...]:
    parts = re.findall(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)", text)
    return tuple(a or b or c for a, b, c in parts)


def mistake(what: str, place: tuple[int, int], found: Any = "", hint: str = "") -> Mistake:
    """Return a mistake at a place, with what was found there as it would be written."""
    shown = repr(found) if found != "" else ""
    return Mistake(what=what, line=place[0], column=place[1], found=shown, hint=hint)
