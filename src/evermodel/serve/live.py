"""What is being served, and how a new version takes its place without losing a request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from evermodel.bundle import Blocks, Model
from evermodel.bundle.blocks import MISSING_TIME
from evermodel.errors import BundleError
from evermodel.serve.gate import Gate
from evermodel.serve.reading import Reader

__all__ = ["Follower", "Live", "Served"]

_log = logging.getLogger("evermodel.serve")


@dataclass(frozen=True, eq=False)
class Served:
    """One version as it is served: never changes, so a request keeps the one it began with.

    Parameters
    ----------
    model : Model
    version : int
        The number in the registry.
    deployment : str
        Name of the deployment that put it live; written to every row of the prediction log.
    since : str
        When it was put live (ISO, UTC).
    """

    model: Model
    version: int
    deployment: str
    since: str
    reader: Reader = field(init=False, repr=False)
    gate: Gate = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reader", Reader(self.model))
        object.__setattr__(self, "gate", Gate(self.model.manifest, self.model.checks))

    @property
    def name(self) -> str:
        """The model's name: the project it belongs to."""
        return self.model.manifest.project

    def warm(self) -> None:
        """Run a batch of one and of many rows, so that no request pays for a first run.

        Raises
        ------
        BundleError
            When the graph does not answer, or not with one prediction a row.
        """
        kinds = [item.type for item in self.model.manifest.inputs]
        strings, times = kinds.count("category"), kinds.count("timestamp")
        numbers = len(kinds) - strings - times
        for rows in (1, 64):
            blocks = Blocks(
                np.full((rows, numbers), np.nan),
                np.full((rows, strings), "", dtype=object),
                np.full((rows, times), MISSING_TIME, dtype=np.int64),
            )
            try:
                answered = len(self.model.predict(blocks))
            except Exception as error:
                raise BundleError(
                    "the model does not run", where=f"version {self.version}", found=str(error)
                ) from error
            if answered != rows:
                found = f"{answered} answers for {rows} rows"
                raise BundleError(
                    "the model loses rows", where=f"version {self.version}", found=found
                )


class Live:
    """The one reference to what is served now; swapping it is atomic.

    Parameters
    ----------
    served : Served or None
        None until a first version is live: requests are then answered with 503.

    Examples
    --------
    >>> Live().current is None
    True
    """

    def __init__(self, served: Served | None = None) -> None:
        self.current = served
        self.swaps = 0

    def swap(self, served: Served) -> None:
        """Serve another version from the next request on; those in flight keep theirs."""
        self.current = served
        self.swaps += 1


class Follower:
    """Asks again and again what should be live, and swaps when there is a new version.

    Parameters
    ----------
    poll : callable
        Returns a new `Served`, already warm, when the champion changed, else None. Whoever polls
        knows what was given before: a version that does not run must be raised, and tried again at
        the next poll. Runs in a thread.
    live : Live
    every : float
        Seconds between two polls.
    """

    def __init__(self, poll: Callable[[], Served | None], live: Live, every: float = 0.25) -> None:
        self._poll = poll
        self._live = live
        self._every = every
        self.failures = 0
        self.failing = ""

    async def run(self) -> None:
        """Follow until cancelled. A poll that fails leaves the present version serving."""
        while True:
            await self.once()
            await asyncio.sleep(self._every)

    async def once(self) -> None:
        """Poll once, and swap when there is a new version."""
        try:
            served = await asyncio.to_thread(self._poll)
        except Exception as error:  # noqa: BLE001 - whatever a poll raises, serving goes on
            self.failures += 1
            said = f"{type(error).__name__}: {error}"
            if said != self.failing:  # the same failure four times a second is said once
                _log.error("the new champion is not served, the old one goes on: %s", said)
            self.failing = said
            return
        self.failing = ""
        if served is not None:
            self._live.swap(served)
            _log.info("serving %s version %s", served.name, served.version)
