"""The shop next door: retrains every four weeks on whatever came in, and releases unseen.

It has the same rows, the same training and the same computer as the loop, and learns from its
newest rows as the loop does. What it lacks is a look at the data, at the outcomes, and at whether
the new model is better than the old one.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
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
from evermodel.demo.shop import Shop
from evermodel.project import ROW_ORDER, Project
from evermodel.train.fit import train

__all__ = ["EVERY", "Calendar", "one_thread_each"]

EVERY = 4
"""Weeks between two trainings."""

_PART = "part"
_NEWEST, _TESTED = 1500, 0.2


def one_thread_each() -> Any:
    """Keep numerical libraries, as this thread calls them, to one thread each; returns the limit.

    On a few thousand rows several threads gain nothing, and on a busy machine they wait for one
    another most of the time. The limit's `restore_original_limits` takes it back.
    """
    import_module("sklearn.linear_model")  # what is loaded later would not be limited
    return import_module("threadpoolctl").threadpool_limits(limits=1)


class Calendar:
    """Trains in a thread of its own, so that the loop's year need not wait for it.

    Parameters
    ----------
    shop : Shop
    project : Project
        How to train.
    first : Model
        What serves until the first training.
    seed : int
    """

    def __init__(self, shop: Shop, project: Project, first: Model, *, seed: int) -> None:
        self._shop = shop
        self._project = project
        self._first = first
        self._seed = seed
        self._folder = TemporaryDirectory(prefix="evermodel-calendar-")
        self._thread = ThreadPoolExecutor(
            1, thread_name_prefix="calendar", initializer=one_thread_each
        )
        self._models: list[Future[Model]] = [
            self._thread.submit(self._trained, week) for week in range(0, WEEKS, EVERY)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def model(self, week: int) -> Model:
        """Return what this shop serves in a week; waits for its training where need be."""
        return self._models[week // EVERY].result()

    def _trained(self, week: int) -> Model:
        if not week:
            return self._first
        known = self._shop.known(week).drop_nulls("churned").sort("scored_at", maintain_order=True)
        marks = np.full(known.height, "train", object)
        rng = np.random.default_rng([self._seed, week])
        newest = rng.permutation(np.arange(known.height)[-_NEWEST:])
        marks[newest[: int(_TESTED * len(newest))]] = "test"
        rows = known.with_columns(pl.Series(_PART, marks.tolist(), dtype=pl.String))
        data = msgspec.structs.replace(self._project.data, split=_PART, time=ROW_ORDER)
        place = Path(self._folder.name) / str(week)
        project = msgspec.structs.replace(self._project, data=data)
        train(rows, project, place, run=f"week {week}", created="", seed=self._seed)
        return load(place, trusted=None)
