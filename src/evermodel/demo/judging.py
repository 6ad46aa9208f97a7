"""What the loop did about each planted event, read from its ledger, and whether that was right.

The ledger is the only witness: nothing here looks into a model or asks the loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from evermodel.demo.batch import START
from evermodel.demo.plan import OUTCOME_WEEKS, WEEKS, Plan
from evermodel.records import CheckResult, Event, Record

__all__ = ["LOOP", "Found", "judge", "week_of"]

LOOP = "evermodel"
_CHANGES = ("retrained", "promoted", "rolled_back")
_TO_UNDO = 9
_TO_NOTICE = (4, 7)
_TO_MEND = (5, 14)


class Found(Record, frozen=True, kw_only=True):
    """What the loop did about one event, in words, and whether that was as it should be."""

    as_expected: bool
    did: str


class Happened(Record, frozen=True, kw_only=True):
    """One event of the ledger in its week of the simulated year."""

    week: int
    kind: str
    actor: str
    body: dict[str, Any]

    @property
    def number(self) -> int | None:
        """The version it is about."""
        return self.body.get("number")


def week_of(event: Event) -> int:
    """Return the week of the simulated year in which something was written down.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> week_of(SimpleNamespace(time="2025-01-20T06:00:00.000000Z"))
    2
    """
    return (datetime.fromisoformat(event.time).replace(tzinfo=None) - START).days // 7


def judge(
    plan: Plan, events: Iterable[Event], proofs: Mapping[int, CheckResult] | None = None
) -> dict[str, Found]:
    """Return what the ledger says about each event of the plan, by the event's name.

    Parameters
    ----------
    plan : Plan
    events : iterable of Event
        The ledger of the year.
    proofs : mapping of int to CheckResult, optional
        By week, the comparison that a decision of that week stood on; told, never judged by.

    Examples
    --------
    >>> judge(Plan.draw(0), [])["bad release"].as_expected
    False
    """
    ledger = _Ledger(events, proofs or {})
    judges: dict[str, Callable[[Plan, _Ledger], Found]] = {
        "broken feed": _broken_feed,
        "campaign": _campaign,
        "bad release": _bad_release,
        "competitor": _competitor,
        "mislabelled": _mislabelled,
    }
    return {name: judged(plan, ledger) for name, judged in judges.items()}


class _Ledger:
    """The year's events by week."""

    def __init__(self, events: Iterable[Event], proofs: Mapping[int, CheckResult]) -> None:
        self._all = [
            Happened(week=week_of(event), kind=event.kind, actor=event.actor, body=event.body)
            for event in events
        ]
        self._proofs = proofs

    def of(self, kinds: str | Sequence[str], weeks: Container[int]) -> list[Happened]:
        """Return the events of these kinds in these weeks, in order."""
        wanted = (kinds,) if isinstance(kinds, str) else kinds
        return [each for each in self._all if each.kind in wanted and each.week in weeks]

    def looks(self, state: str, weeks: Container[int]) -> list[Happened]:
        """Return the looks of these weeks that found this state."""
        return [each for each in self.of("monitored", weeks) if each.body.get("state") == state]

    def proof(self, week: int) -> str:
        """Return the proof behind a decision as half a sentence, or ""."""
        found = self._proofs.get(week)
        if found is None or found.value is None or found.low is None or found.n is None:
            return ""
        return (
            f": over {found.n:,} outcomes its loss was smaller by {found.value:.3f} on average, "
            f"by {found.low:.3f} at the very least"
        )


def _broken_feed(plan: Plan, ledger: _Ledger) -> Found:
    window = range(plan.broken_feed.start, plan.broken_feed.end)
    looks = ledger.looks("broken data", window)
    acted = ledger.of(_CHANGES, window)
    if not looks:
        return Found(as_expected=False, did="Did not notice.")
    did = (
        f"Said so in {_weeks(each.week for each in looks)}: {_reason(looks[0])} "
        "It judged nobody by these rows and learned nothing from them."
    )
    if acted:
        did += f" But it {_listed(acted)}."
    return Found(as_expected={each.week for each in looks} == set(window) and not acted, did=did)


def _campaign(plan: Plan, ledger: _Ledger) -> Found:
    window = range(plan.campaign.start, plan.bad_release)
    harmless = ledger.looks("harmless change", window)
    harmful = ledger.looks("harmful change", window)
    by_harm = [each for each in ledger.of("retrained", window) if "harm" in each.body["reason"]]
    moved = sorted({name for each in harmless for name in each.body.get("columns", ())})
    did = "Saw no change."
    if harmless:
        judged = re.search(r"over ([\d,]+) outcomes", harmless[-1].body["why"])
        over = f" over {judged[1]} outcomes" if judged else ""
        did = (
            f"Saw in {_weeks(each.week for each in harmless)} that new customers look different "
            f"({', '.join(moved)}), and that the answers did not get worse{over}."
        )
    if harmful:
        did += f" But it called it harmful in {_weeks(each.week for each in harmful)}."
    promoted = ledger.of("promoted", window)
    if promoted:
        did += f" By its calendar it {_listed(promoted)}, proven better on the same rows."
    elif not by_harm:
        did += " The model stayed."
    return Found(as_expected=bool(harmless) and not harmful and not by_harm, did=did)


def _bad_release(plan: Plan, ledger: _Ledger) -> Found:
    release = plan.bad_release
    by_hand = [each for each in ledger.of("promoted", [release]) if each.actor != LOOP]
    if not by_hand:
        return Found(as_expected=False, did="Nothing was released.")
    bad, before = by_hand[-1].number, by_hand[-1].body["previous"]
    window = range(release, release + _TO_UNDO + 1)
    back = [e for e in ledger.of("rolled_back", window) if e.body["previous"] == bad]
    broken = ledger.looks("broken data", range(release, release + OUTCOME_WEEKS))
    did = f"Said in the same week: {_reason(broken[0])} " if broken else ""
    if not back:
        return Found(as_expected=False, did=f"{did}Version {bad} stayed.")
    week = back[0].week
    if week == release:
        did += (
            f"Version {back[0].number}, which does not read that field, was live again before the "
            "next customers were scored."
        )
        return Found(as_expected=back[0].number == before, did=did)
    did += (
        f"In week {week + 1}, when the first outcomes were known, it went back to version "
        f"{back[0].number}{ledger.proof(week)}."
    )
    return Found(as_expected=back[0].number == before, did=did)


def _competitor(plan: Plan, ledger: _Ledger) -> Found:
    start = plan.competitor
    noticed = range(start + _TO_NOTICE[0], start + _TO_NOTICE[1] + 1)
    mended = range(start + _TO_MEND[0], start + _TO_MEND[1] + 1)
    harm = ledger.looks("harmful change", noticed)
    new = [e for e in ledger.of("promoted", mended) if e.actor == LOOP and not e.body["forced"]]
    did = "Did not call it a loss in time."
    if harm:
        did = f"Measured the loss from week {harm[0].week + 1} on: {_loss(harm[0])}"
    if new:
        last = new[0]
        did += (
            f" Trained on newer data, and in week {last.week + 1} put version {last.number} live"
            f"{ledger.proof(last.week)}."
        )
        if len(new) > 1:
            did += f" Later it {_listed(new[1:])}, better still."
    else:
        did += " No newer model was proven better in time."
    return Found(as_expected=bool(harm) and bool(new), did=did)


def _mislabelled(plan: Plan, ledger: _Ledger) -> Found:
    came, corrected = plan.mislabelled, plan.mislabelled + 6
    trained = ledger.of("retrained", range(came, corrected))
    if not trained:
        did = "Trained nothing on this file: a challenger was still being weighed."
        return Found(as_expected=True, did=did)
    numbers = {each.number for each in trained}
    live = [e for e in ledger.of("promoted", range(came, WEEKS)) if e.number in numbers]
    refused = [e for e in ledger.of("rejected", range(came, WEEKS)) if e.number in numbers]
    did = (
        f"Learned from this file in {_weeks(each.week for each in trained)}, but put nothing of it "
        "live: only outcomes that come after a training may decide."
    )
    for each in refused:
        did += f" Version {each.number} was turned down in week {each.week + 1}."
    for each in live:
        did += (
            f" Version {each.number} went live in week {each.week + 1}, proven better on right "
            f"outcomes that came later{ledger.proof(each.week)}."
        )
    # Files after the botched one are right: whoever wins on them has unlearned what was wrong.
    early = [each for each in live if each.week <= _trained_in(trained, each.number)]
    first = {each.number for each in trained if each.week == came}
    wrong = [each for each in live if each.number in first] + early
    return Found(as_expected=not wrong, did=did)


def _trained_in(trained: Sequence[Happened], number: int | None) -> int:
    return next(each.week for each in trained if each.number == number)


def _reason(look: Happened) -> str:
    """Return what a look found broken, without its advice."""
    text = re.sub(r"^The data are broken: | Mend the feed first.*$", "", look.body["why"])
    return re.sub(r"(^|\. )(\w+): ", r"\1`\2`: ", text)


def _loss(look: Happened) -> str:
    return str(look.body["why"]).split(" A possible reason:")[0]


def _listed(acts: Iterable[Happened]) -> str:
    words = {
        "retrained": "trained version {}",
        "promoted": "put version {} live",
        "rolled_back": "went back to version {}",
    }
    each = [f"{words[act.kind].format(act.number)} in week {act.week + 1}" for act in acts]
    return _and(each)


def _weeks(weeks: Iterable[int]) -> str:
    """Return weeks as a calendar names them: the first of the year is week 1."""
    named = [str(week + 1) for week in sorted(set(weeks))]
    return f"week{'s' if len(named) > 1 else ''} {_and(named)}"


def _and(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
