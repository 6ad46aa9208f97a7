"""One year of the shop, Monday by Monday: ask the server, bring outcomes, turn the loop.

What is done here is what a shop would do; nobody in it knows the plan but the person who releases a
model by hand, and that person is one of the planted events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evermodel.bundle import Manifest, Model, load, read_manifest
from evermodel.demo.asking import Client
from evermodel.demo.money import Book
from evermodel.demo.plan import WEEKS, Plan
from evermodel.demo.setting import project_text
from evermodel.demo.shop import START, Shop, Week
from evermodel.loop.predictions import labels
from evermodel.loop.releasing import promote, register
from evermodel.loop.serving import application
from evermodel.loop.state import read_state
from evermodel.loop.training import train_on
from evermodel.loop.turning import run
from evermodel.loop.workspace import Workspace, open_workspace
from evermodel.project import FILE_NAME
from evermodel.records import Event, Report
from evermodel.serve import BackgroundServer
from evermodel.store import FixedClock
from evermodel.tables import read

__all__ = ["EVERMODEL", "NEVER", "PERSON", "Year", "live_through"]

EVERMODEL, NEVER = "evermodel", "never retrain"
PERSON = "a person"

Heard = Callable[[int, list[Event], Report], None]
"""Called after every Monday with its week, what the ledger gained, and what the loop decided."""


def _nothing(week: int, events: list[Event], report: Report) -> None:
    """Hear nothing."""


@dataclass
class Year:
    """What a year left behind: who was offered what, the loss of every answer, and the ledger."""

    shop: Shop
    plan: Plan
    book: Book = field(default_factory=Book)
    losses: dict[tuple[str, int], float] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def enter(
        self, policy: str, week: Week, probability: npt.NDArray[np.float64], offered: list[bool]
    ) -> None:
        """Enter a policy's answers of one week, and their mean loss (Brier score)."""
        left = (self.shop.truth(week.number)["churned"] == "yes").to_numpy()
        self.book.decide(policy, week.number, week.rows["customer"], offered)
        self.losses[policy, week.number] = float(np.mean((probability - left) ** 2))


def week_of(event: Event) -> int:
    """Return the week of the simulated year in which something was written down.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> week_of(SimpleNamespace(time="2025-01-20T06:00:00.000000Z"))
    2
    """
    return (datetime.fromisoformat(event.time).replace(tzinfo=None) - START).days // 7


def live_through(
    folder: Path,
    *,
    seed: int = 0,
    heard: Heard = _nothing,
    prepare: Callable[[Workspace], None] = lambda workspace: None,
) -> Year:
    """Live through the year in a folder and return what it left behind.

    Parameters
    ----------
    folder : Path
        Gets the shop's files, the project file and the workspace.
    seed : int
        Chooses the year.
    heard : callable (week, events, report)
        Called after every Monday.
    prepare : callable (workspace), optional
        Called before the first training, to give the workspace other ports.
    """
    plan = Plan.draw(seed)
    shop = Shop(seed, plan=plan)
    shop.write_history(folder / "customers.csv")
    (folder / FILE_NAME).write_text(project_text())
    clock = FixedClock(START)
    year = Year(shop, plan)
    with open_workspace(folder, clock=clock, actor=PERSON) as workspace:
        prepare(workspace)
        run(workspace, seed=seed)
        first = load(workspace.bundles / "1", trusted=workspace.trusted)
        with (
            BackgroundServer(application(workspace)) as server,
            Client(server.host, server.port) as client,
        ):
            ids: dict[tuple[str, datetime], str] = {}
            seen = 0
            for number in range(WEEKS):
                week = shop.week(number)
                clock.set(week.time)
                year.book.settle(number, shop.truth(number))
                if number == plan.bad_release:
                    _release_by_hand(workspace, shop, number, seed)
                _score(workspace, client, year, week, ids)
                _score_alone(year, NEVER, week, first)
                for path in week.write_outcomes(folder, ids=ids):
                    labels(path, workspace)
                report = run(workspace, seed=seed)
                fresh = [event for event in workspace.events() if event.seq > seen]
                seen = fresh[-1].seq
                year.events += fresh
                heard(number, fresh, report)
    return year


def _release_by_hand(workspace: Workspace, shop: Shop, number: int, seed: int) -> None:
    """Train on a table with a field of hindsight and put the model live, whatever anyone says."""
    path = Path(workspace.project.root) / "release.csv"
    shop.release_table(number).write_csv(path, datetime_format="%Y-%m-%d %H:%M:%S")
    report = train_on(workspace, read(path), seed=seed, why="a new field in the books")
    registered = register(report.facts["run"], workspace, force=True)
    why = "it looks splendid on past data"
    promote(registered.facts["version"], workspace, force=True, reason=why, actor=PERSON)


def _score(
    workspace: Workspace,
    client: Client,
    year: Year,
    week: Week,
    ids: dict[tuple[str, datetime], str],
) -> None:
    """Have the batch answered by what is live, and make offers to those who are said to leave."""
    live = read_state(workspace).live
    if live is None:
        raise RuntimeError("nothing is live")
    client.wait_for(live)
    fields = _fields(read_manifest(workspace.bundles / str(live)))
    answers = client.predict(week.requests(fields))
    keys = week.rows.select("customer", "scored_at").iter_rows()
    ids.update((key, answer["id"]) for key, answer in zip(keys, answers, strict=True))
    probability = np.array([answer["probability"] for answer in answers])
    year.enter(EVERMODEL, week, probability, [a["prediction"] == "yes" for a in answers])


def _fields(manifest: Manifest) -> list[str]:
    """Return what a client of this version sends: what it reads, and who the customer is."""
    return [*(item.name for item in manifest.inputs), *manifest.keys]


def _score_alone(year: Year, policy: str, week: Week, model: Model) -> None:
    """Enter what a model would have answered that is not live."""
    names = [item.name for item in model.manifest.inputs]
    found = model.predict(model.encode_frame(week.rows.select(names)))
    year.enter(policy, week, found.probability, [word == "yes" for word in found.label])
