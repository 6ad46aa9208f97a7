"""A small shop whose customers leave or stay: simulated rows, a project around them, a server."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evermodel.loop.serving import application
from evermodel.loop.workspace import Workspace, open_workspace
from evermodel.serve import BackgroundServer
from evermodel.store import FixedClock

BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = 86_400.0

PROJECT = """\
[project]
name = "shop"

[data]
source = "customers.csv"
target = "churned"
task = "binary"
positive = "yes"
key = ["customer"]

[outcome]
known_after = "1d"

[train]
models = ["linear"]
trials = 1
test = 0.4

[serve]
port = 0
"""


def customers(
    rows: int = 1000,
    *,
    seed: int = 0,
    first: int = 0,
    pro: float = 1 / 3,
    strength: float = 1.0,
    scale: float = 1.0,
) -> pl.DataFrame:
    """Return customers with their outcome.

    `pro` is the share of the plan "pro"; `strength` tells how much amount and visits matter, and in
    which direction; `scale` is the unit in which amounts are written.
    """
    random = np.random.default_rng(seed)
    amount = random.gamma(3, 20, rows).round(2)
    visits = random.poisson(4, rows)
    others = (1 - pro) / 2
    plan = random.choice(["basic", "plus", "pro"], rows, p=[others, others, pro])
    score = strength * (0.06 * (amount - 60) - 0.6 * (visits - 4)) + (plan == "basic") - 0.3
    churned = np.where(random.random(rows) < 1 / (1 + np.exp(-score)), "yes", "no")
    return pl.DataFrame(
        {
            "customer": [f"c{first + place:06}" for place in range(rows)],
            "amount": amount * scale,
            "visits": visits,
            "plan": plan,
            "churned": churned,
        }
    )


def write_project(folder: Path, *, text: str = PROJECT, rows: pl.DataFrame | None = None) -> Path:
    """Write data and project file into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (customers() if rows is None else rows).write_csv(folder / "customers.csv")
    (folder / "evermodel.toml").write_text(text)
    return folder


def setting(folder: Path, section: str, line: str) -> None:
    """Add a line to a section of the project file."""
    path = folder / "evermodel.toml"
    text = path.read_text()
    head = f"[{section}]\n"
    if head not in text:
        text += f"\n{head}"
    path.write_text(text.replace(head, f"{head}{line}\n"))


class Shop:
    """A copy of the trained project, a clock that is moved by hand, and a server to ask."""

    def __init__(self, base: Path, folder: Path, *lines: tuple[str, str]) -> None:
        shutil.copytree(base, folder)
        for section, line in lines:
            setting(folder, section, line)
        self.folder = folder
        self.clock = FixedClock(BEGIN)
        self.clock.advance(DAY)
        self.workspace: Workspace = open_workspace(folder, clock=self.clock, actor="test")
        self._brought = 0

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve what is live for the length of the block; yields the address."""
        with BackgroundServer(application(self.workspace)) as server:
            yield server.url

    def ask(self, rows: pl.DataFrame) -> list[dict[str, Any]]:
        """Have each row answered by the served version."""
        with self.serving() as url:
            return answers(url, rows.drop("churned").to_dicts())

    def bring(self, rows: pl.DataFrame, *, after: float = 2 * DAY) -> Path:
        """Write the outcomes of rows to a file, some time later, for `labels` to take in."""
        self.clock.advance(after)
        self._brought += 1
        path = self.folder / f"outcomes-{self._brought}.csv"
        rows.select("customer", "churned").write_csv(path)
        return path


def post(url: str, body: Any, path: str = "/predict") -> Any:
    """Return the answer of a server to a JSON body."""
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url + path, content, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def answers(url: str, records: Sequence[dict[str, Any]], *, many: int = 250) -> list[Any]:
    """Return one answer a record."""
    found: list[Any] = []
    for start in range(0, len(records), many):
        found += post(url, list(records[start : start + many]))
    return found
