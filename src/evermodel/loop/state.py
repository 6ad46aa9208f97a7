"""What is live, and how it came to be: read from the ledger, the only truth about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evermodel.bundle import Model, load
from evermodel.errors import BundleError, NotFoundError
from evermodel.loop.workspace import Workspace
from evermodel.records import Deployment, Event

__all__ = [
    "DECISIONS",
    "HARM",
    "WORSE",
    "State",
    "Version",
    "load_candidate",
    "load_version",
    "read_state",
]

HARM = "measured harm on outcomes"
"""The reason of a retraining that measured harm brought about."""

WORSE = "the previous version is better on later outcomes"
"""The reason of going back from what outcomes proved to be worse."""

DECISIONS = ("promoted", "rolled_back", "held", "rejected", "retrained", "data_refused")
"""Kinds of events that decide something; `history` shows these and registrations."""


@dataclass(frozen=True)
class Version:
    """A registered version, with what its training left behind."""

    number: int
    digest: str
    run: str
    trained: dict[str, Any]
    registered: dict[str, Any]
    time: str


@dataclass
class State:
    """The ledger's events folded into what holds now.

    `proven_worse` holds the versions that outcomes proved worse than the one before, and when.
    `harm_at` is when measured harm last brought about a retraining or the way back, and
    `since_harm` counts the retrainings after it. `beaten` holds the runs of windows that another
    window of the same retraining beat: nobody has to look at them again.
    """

    versions: dict[int, Version] = field(default_factory=dict)
    candidates: dict[str, dict[str, Any]] = field(default_factory=dict)
    evaluations: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    newest: dict[str, dict[str, Any]] = field(default_factory=dict)
    live: int | None = None
    live_since: str = ""
    live_seq: int = 0
    live_forced: bool = False
    went_live: list[str] = field(default_factory=list)
    lived: set[int] = field(default_factory=set)
    previous: int | None = None
    challenger: int | None = None
    challenger_since: str = ""
    retrained_at: str = ""
    proven_worse: dict[int, str] = field(default_factory=dict)
    harm_at: str = ""
    since_harm: int = 0
    beaten: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    monitored: dict[str, Any] | None = None
    monitored_at: str = ""
    mirrored: dict[str, int | None] = field(default_factory=dict)
    tracked: dict[str, str] = field(default_factory=dict)

    @property
    def candidate(self) -> dict[str, Any] | None:
        """The newest trained candidate, registered or not, that nothing beat at once."""
        left = (each for run, each in self.candidates.items() if run not in self.beaten)
        return next(reversed([*left]), None)

    def version(self, number: int | None) -> Version:
        """Return one version.

        Raises
        ------
        NotFoundError
            When there is no such version.
        """
        if number in self.versions:
            return self.versions[number]
        known = ", ".join(map(str, self.versions)) or "none yet"
        what = "there is no such version" if number is not None else "nothing is live yet"
        asked = "" if number is None else f"asked for {number}, "
        hint = "evermodel run trains and releases a first version"
        if self.versions:
            hint = "evermodel history says what each is; evermodel promote puts one live"
        raise NotFoundError(what, found=f"{asked}registered: {known}", hint=hint)

    def reign(self, project: str) -> str:
        """Return the name of the present reign, which every prediction made in it carries.

        A version that comes back reigns anew: what it answered before is not of this reign.
        """
        return f"{project}@{self.live_seq}"

    def deployment(self, project: str) -> Deployment | None:
        """Return what is live as a record, or None."""
        if self.live is None:
            return None
        shares = {self.live: 1.0}
        return Deployment(
            project=project, shares=shares, since=self.live_since, previous=self.previous
        )


def read_state(workspace: Workspace) -> State:
    """Fold the project's events into what holds now."""
    return fold(workspace.ports.ledger.events(workspace.project.name))


def load_version(workspace: Workspace, version: Version, *, threads: int = 0) -> Model:
    """Load a registered version, and see that it is the very bundle the ledger knows.

    Raises
    ------
    BundleError
        When it was altered, is not signed by a trusted key, or is another version's bundle.
    """
    place = workspace.bundles / str(version.number)
    hint = "bring the bundle back from a backup, or go back to another version: evermodel rollback"
    what = "the bundle is not the one that was registered under this number"
    try:
        model = load(place, trusted=workspace.ports.keys.trusted(), threads=threads)
    except BundleError as error:
        error.hint = error.hint or hint
        raise
    return _known(model, place, version.digest, what, hint)


def load_candidate(workspace: Workspace, recorded: Mapping[str, Any]) -> Model:
    """Load a trained, unsigned bundle, and see that it is the very one the ledger knows.

    Raises
    ------
    BundleError
        When it was altered, or is another training's bundle.
    NotFoundError
        When it is gone.
    """
    place = workspace.candidates / recorded["run"]
    hint = "train again: evermodel train"
    if not place.exists():
        raise NotFoundError("the candidate's bundle is gone", where=str(place), hint=hint)
    what = "the bundle is not the one that this training left"
    return _known(load(place, trusted=None), place, recorded["digest"], what, hint)


def _known(model: Model, place: Path, digest: str, what: str, hint: str) -> Model:
    if model.digest != digest:
        raise BundleError(
            what,
            where=str(place),
            found=f"digest {model.digest[:16]}, the ledger says {digest[:16]}",
            hint=hint,
        )
    return model


def fold(events: Iterable[Event]) -> State:
    """Return the state after these events."""
    state = State()
    for event in events:
        _APPLY.get(event.kind, _nothing)(state, event)
    return state


def _nothing(state: State, event: Event) -> None:
    """Leave the state as it is: the event tells, it does not decide."""


def _trained(state: State, event: Event) -> None:
    state.candidates[event.body["run"]] = {**event.body, "time": event.time}
    state.sources.add(event.body["data"])


def _evaluated(state: State, event: Event) -> None:
    body = event.body
    state.evaluations[body["run"], body["subject"]] = state.newest[body["run"]] = body


def _tracked(state: State, event: Event) -> None:
    state.tracked[event.body["run"]] = event.body["tracker"]


def _registered(state: State, event: Event) -> None:
    body = event.body
    state.versions[body["number"]] = Version(
        number=body["number"],
        digest=body["digest"],
        run=body["run"],
        trained=state.candidates.get(body["run"], {}),
        registered=body,
        time=event.time,
    )
    state.challenger, state.challenger_since = body["number"], event.time
    state.retrained_at = state.retrained_at or event.time


def _promoted(state: State, event: Event) -> None:
    state.previous = state.live
    state.live, state.live_since = event.body["number"], event.time
    state.live_seq = event.seq
    state.live_forced = bool(event.body.get("forced"))
    state.went_live.append(event.time)
    state.lived.add(event.body["number"])
    # Whoever waited was compared with another champion.
    state.challenger = None


def _retrained(state: State, event: Event) -> None:
    state.retrained_at = event.time
    state.sources.add(event.body.get("source", ""))
    state.beaten.update(event.body.get("beaten", ()))
    state.since_harm += 1
    if event.body["reason"] == HARM:
        state.harm_at, state.since_harm = event.time, 0


def _rolled_back(state: State, event: Event) -> None:
    state.live, state.live_since = event.body["number"], event.time
    state.live_seq = event.seq
    state.live_forced = bool(event.body.get("forced"))
    state.went_live.append(event.time)
    state.lived.add(event.body["number"])
    state.previous = None
    if state.challenger == event.body["number"]:
        state.challenger = None
    if event.body["reason"] == WORSE:
        state.harm_at, state.since_harm = event.time, 0
        state.proven_worse[event.body["previous"]] = event.time


def _rejected(state: State, event: Event) -> None:
    if state.challenger == event.body["number"]:
        state.challenger = None


def _monitored(state: State, event: Event) -> None:
    state.monitored, state.monitored_at = event.body, event.time


def _mirrored(state: State, event: Event) -> None:
    state.mirrored[event.body["alias"]] = event.body["number"]


_APPLY = {
    "trained": _trained,
    "evaluated": _evaluated,
    "tracked": _tracked,
    "registered": _registered,
    "promoted": _promoted,
    "rolled_back": _rolled_back,
    "rejected": _rejected,
    "monitored": _monitored,
    "mirrored": _mirrored,
    "retrained": _retrained,
}
