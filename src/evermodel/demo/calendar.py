"""The shop next door: retrains every four weeks on whatever came in, and releases unseen.

It has the same rows, the same training and the same computer as the loop, and learns from its
newest rows as the loop does. What it lacks is a look at the data, at the outcomes, and at whether
the new model is better than the old one.
"""

from __future__ import annotations

import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np
import polars as pl

from evermodel.bundle import Model, load
from evermodel.demo.plan import WEEKS
from evermodel.demo.setting import project_text
from evermodel.demo.shop import Shop
from evermodel.project import ROW_ORDER, Project, parse_project
from evermodel.train.fit import train

__all__ = ["EVERY", "Calendar", "one_thread_each"]

EVERY = 4
"""Weeks between two trainings."""

_PART = "part"
_NEWEST, _TESTED = 1500, 0.2
_SAID = "said.txt"
_NAP = 0.02


def one_thread_each() -> Any:
    """Keep numerical libraries, as this thread calls them, to one thread each; returns the limit.

    On a few thousand rows several threads gain nothing, and on a busy machine they wait for one
    another most of the time. The limit's `restore_original_limits` takes it back.
    """
    import_module("sklearn.linear_model")  # what is loaded later would not be limited
    return import_module("threadpoolctl").threadpool_limits(limits=1)


class Calendar:
    """Trains in a process of its own, so that the loop's year need not wait for it.

    Parameters
    ----------
    seed : int
        Of the year, and of the trainings.
    """

    def __init__(self, *, seed: int) -> None:
        self._models: dict[int, Model] = {}
        self._kept = TemporaryDirectory(prefix="evermodel-calendar-")
        self._folder = Path(self._kept.name)
        # -P: a module of the user's folder never takes the place of one of ours.
        command = [sys.executable, "-P", "-W", "ignore", "-m", __name__, self._kept.name, str(seed)]
        with (self._folder / _SAID).open("wb") as said:
            self._process = subprocess.Popen(  # noqa: S603 - this very module
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._kept.cleanup()

    def model(self, week: int) -> Model:
        """Return what this shop serves in a week from its first training on; waits for it.

        Until week `EVERY` there is none.
        """
        week -= week % EVERY
        if week not in self._models:
            place = self._folder / str(week)
            while not place.exists():
                if self._process.poll() is not None and not place.exists():
                    said = (self._folder / _SAID).read_text(errors="replace").strip()
                    raise RuntimeError(f"the training of week {week} failed: {said[-2000:]}")
                time.sleep(_NAP)
            self._models[week] = load(place, trusted=None)
        return self._models[week]


def _train_all(folder: Path, seed: int) -> None:
    """Train what the shop serves from each of its weeks on, into a folder of that number."""
    one_thread_each()
    shop, project = Shop(seed), parse_project(project_text())
    for week in range(EVERY, WEEKS, EVERY):
        _train(shop, project, folder / str(week), week, seed)


def _train(shop: Shop, project: Project, place: Path, week: int, seed: int) -> None:
    known = shop.known(week).drop_nulls("churned").sort("scored_at", maintain_order=True)
    marks = np.full(known.height, "train", object)
    rng = np.random.default_rng([seed, week])
    newest = rng.permutation(np.arange(known.height)[-_NEWEST:])
    marks[newest[: int(_TESTED * len(newest))]] = "test"
    rows = known.with_columns(pl.Series(_PART, marks.tolist(), dtype=pl.String))
    data = msgspec.structs.replace(project.data, split=_PART, time=ROW_ORDER)
    project = msgspec.structs.replace(project, data=data)
    train(rows, project, place, run=f"week {week}", created="", seed=seed)


if __name__ == "__main__":
    _train_all(Path(sys.argv[1]), int(sys.argv[2]))
