"""One year of the shop, Monday by Monday: ask the server, bring outcomes, turn the loop.

What is done here is what a shop would do; nobody in it knows the plan but the person who releases a
model by hand, and that person is one of the planted events.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from evermodel.bundle import Manifest, Model, load, read_manifest
from evermodel.demo.asking import Client
from evermodel.demo.batch import START
from evermodel.demo.calendar import EVERY, Calendar, one_thread_each
from evermodel.demo.money import Book
from evermodel.demo.plan import Plan
from evermodel.demo.setting import project_text
from evermodel.demo.shop import Shop, Week
from evermodel.loop.outcomes import labels
from evermodel.loop.releasing import promote, register
from evermodel.loop.serving import application
from evermodel.loop.state import read_state
from evermodel.loop.training import train_on
from evermodel.loop.turning import run
from evermodel.loop.workspace import Workspace, open_workspace
from evermodel.project import FILE_NAME
from evermodel.records import CheckResult, Event, Report
from evermodel.serve import BackgroundServer
from evermodel.store import FixedClock
from evermodel.tables import read

__all__ = ["EVERMODEL", "MONTHLY", "NEVER", "POLICIES", "Year"]

EVERMODEL, NEVER, MONTHLY = "Evermodel", "never retrain", "retrain every month"
POLICIES = (EVERMODEL, NEVER, MONTHLY)
"""The loop; version 1 kept for good; and a new model every four weeks, released unseen."""

_PERSON = "a person"
_PROOFS = ("gain", "regret")
_DATETIME = "%Y-%m-%d %H:%M:%S"


def _as_it_is(workspace: Workspace) -> None:
    """Leave the workspace's ports as they are."""


class Year:
    """A shop with its project, its server and its loop, for as long as a `with` block.

    After each `monday`, `book` says who was offered what under which policy, `losses` the mean loss
    (Brier score) of each policy's answers by week, `events` is the ledger, and `proofs` holds the
    comparison by which the loop decided in a week.

    Parameters
    ----------
    folder : Path
        Gets the shop's files, the project file and the workspace.
    seed : int
        Chooses the year.
    prepare : callable (workspace), optional
        Called before the first training, to give the workspace other ports.
    calendar : bool
        Whether the shop that retrains every month is followed too.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 0,
        prepare: Callable[[Workspace], None] = _as_it_is,
        calendar: bool = True,
    ) -> None:
        self.plan = Plan.draw(seed)
        self.shop = Shop(seed, plan=self.plan)
        self.book = Book()
        self.losses: dict[tuple[str, int], float] = {}
        self.events: list[Event] = []
        self.proofs: dict[int, CheckResult] = {}
        self._seed = seed
        self._folder = folder
        self._prepare = prepare
        self._clock = FixedClock(START)
        self._ids: dict[tuple[str, datetime], str] = {}
        self._entered = 0
        self._follow = calendar
        self._calendar: Calendar | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _open(self, stack: ExitStack) -> None:
        """Write the project, train and release the first version, and serve it."""
        if self._follow:
            self._calendar = stack.enter_context(Calendar(seed=self._seed))
        stack.callback(one_thread_each().restore_original_limits)
        self.shop.write_history(self._folder / "customers.csv")
        (self._folder / FILE_NAME).write_text(project_text())
        self.workspace = stack.enter_context(
            open_workspace(self._folder, clock=self._clock, actor=_PERSON)
        )
        self._prepare(self.workspace)
        self._hear(-1, run(self.workspace, seed=self._seed))
        self._first = load(self.workspace.bundles / "1", trusted=self.workspace.trusted)
        server = stack.enter_context(BackgroundServer(application(self.workspace)))
        self._client = stack.enter_context(Client(server.host, server.port))

    def monday(self, number: int) -> Report:
        """Live through one Monday (0 to 51, in order) and return what the loop decided on it."""
        week = self.shop.week(number)
        self._clock.set(week.time)
        self.book.settle(number, self.shop.truth(number))
        if number == self.plan.bad_release:
            self._release_by_hand(number)
        self._score(week)
        self._score_by(NEVER, week, self._first)
        for path in week.write_outcomes(self._folder, ids=self._ids):
            labels(path, self.workspace)
        report = run(self.workspace, seed=self._seed)
        self._hear(number, report)
        return report

    def follow_calendar(self, until: int) -> None:
        """Enter what the shop that retrains every month did in the weeks before `until`."""
        if self._calendar is not None:
            for number in range(self._entered, until):
                model = self._first if number < EVERY else self._calendar.model(number)
                self._score_by(MONTHLY, self.shop.week(number), model)
            self._entered = max(self._entered, until)

    def _hear(self, week: int, report: Report) -> None:
        """Keep what the ledger gained and the loop proved."""
        known = self.events[-1].seq if self.events else 0
        name = self.workspace.project.name
        self.events += self.workspace.ports.ledger.events(name, after=known)
        if report.facts.get("decision") in ("promote", "roll back"):
            proofs = (result for result in report.results if result.name in _PROOFS)
            self.proofs.update((week, result) for result in islice(proofs, 1))

    def _release_by_hand(self, number: int) -> None:
        """Train on a table with a field of hindsight and put the model live at once."""
        path = self._folder / "release.csv"
        self.shop.release_table(number).write_csv(path, datetime_format=_DATETIME)
        workspace, why = self.workspace, "it looks splendid on past data"
        report = train_on(workspace, read(path), seed=self._seed, why="a new field in the books")
        version = register(report.facts["run"], workspace, force=True).facts["version"]
        promote(version, workspace, force=True, reason=why, actor=_PERSON)

    def _score(self, week: Week) -> None:
        """Have the batch answered by what is live, and make offers to those said to leave."""
        live = read_state(self.workspace).live
        if live is None:
            raise RuntimeError("nothing is live")
        self._client.wait_for(live)
        fields = _fields(read_manifest(self.workspace.bundles / str(live)))
        answers = self._client.predict(week.requests(fields))
        keys = week.rows.select("customer", "scored_at").iter_rows()
        self._ids.update((key, each["id"]) for key, each in zip(keys, answers, strict=True))
        self._enter(
            EVERMODEL,
            week,
            [each["probability"] for each in answers],
            [each["prediction"] for each in answers],
        )

    def _score_by(self, policy: str, week: Week, model: Model) -> None:
        """Enter what a model answers to the same rows without being live."""
        names = [item.name for item in model.manifest.inputs]
        rows = model.predict(model.encode_frame(week.rows.select(names))).rows()
        self._enter(
            policy,
            week,
            [row["probability"] for row in rows],
            [row["prediction"] for row in rows],
        )

    def _enter(self, policy: str, week: Week, probability: list[float], said: list[str]) -> None:
        left = (self.shop.truth(week.number)["churned"] == "yes").to_numpy()
        offered = [word == "yes" for word in said]
        self.book.decide(policy, week.number, week.rows["customer"], offered)
        self.losses[policy, week.number] = float(np.mean((np.asarray(probability) - left) ** 2))


def _fields(manifest: Manifest) -> list[str]:
    """Return what a client of this version sends: what it reads, and who the customer is."""
    return [*(item.name for item in manifest.inputs), *manifest.keys]
