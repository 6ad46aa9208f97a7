"""Play the year through the loop, tell it event by event, and leave a page behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from evermodel.demo.batch import START
from evermodel.demo.folder import PAGE, fresh_folder
from evermodel.demo.judging import Found, judge, week_of
from evermodel.demo.mirroring import Later
from evermodel.demo.money import ASSUMPTION, Total
from evermodel.demo.plan import WEEKS
from evermodel.demo.story import Chapter, chapters, tell_chapter, tell_totals
from evermodel.demo.year import EVERMODEL, MONTHLY, NEVER, POLICIES, Year
from evermodel.loop.telling import report as write_page
from evermodel.loop.workspace import Workspace
from evermodel.records import CheckResult, Report
from evermodel.report.project_page import Course

__all__ = ["play"]

_OPENING = """\
A small online shop, one simulated year. Every Monday about 500 customers are scored over HTTP;
whether they left is known 30 days later. Five things go wrong or change. The loop is not told.
"""
_MADE = {"promoted": "Version {number} goes live", "rolled_back": "Back to version {number}"}


def _silent(text: str) -> None:
    """Say nothing."""


def play(
    folder: str | Path = "demo", *, seed: int = 0, say: Callable[[str], None] = _silent
) -> Report:
    """Play one year of a simulated shop through the loop; return what came of it.

    Parameters
    ----------
    folder : path
        Made anew; a former demo in it is replaced.
    seed : int
        Chooses the year: its customers, and when what happens.
    say : callable (text)
        Is told the year as it goes.

    Returns
    -------
    Report
        A result for each of the five events ("pass" when the loop did as it should), the gain over
        the other two policies (EUR), and the page.

    Raises
    ------
    InputError
        When the folder holds something that no demo wrote: nothing is touched then.
    SurroundingsError
        When the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "mine.txt").write_text("keep me")
    ...     play(folder)
    Traceback (most recent call last):
    evermodel.errors.InputError: this folder is not empty, and no demo made it
    ...
    """
    home = fresh_folder(folder)
    say(_OPENING)
    later: list[Later] = []

    def prepare(workspace: Workspace) -> None:
        later.append(Later(workspace))

    with Year(home, seed=seed, prepare=prepare) as year:
        waiting = list(chapters(year.plan))
        told: list[Chapter] = []
        for week in range(WEEKS):
            year.monday(week)
            for chapter in [each for each in waiting if each.until == week]:
                waiting.remove(chapter)
                told.append(_told(chapter, year, week))
                say(tell_chapter(told[-1]) + "\n")
        year.follow_calendar(WEEKS)
        told += [_told(chapter, year, WEEKS - 1) for chapter in waiting]
        totals = [(policy, year.book.total(policy)) for policy in POLICIES]
        gains = [(policy, year.book.gain(EVERMODEL, policy)) for policy in (NEVER, MONTHLY)]
        say(tell_totals(totals, gains) + "\n")
        warnings = later[0].tell()
        told.sort(key=lambda chapter: chapter.week)
        page = home / PAGE
        write_page(year.workspace, output=page, courses=_courses(year, told))
    say(f"The whole year on one page: {page}")
    return _report(home, page, told, gains, warnings)


def _told(chapter: Chapter, year: Year, week: int) -> Chapter:
    """Return a chapter with what the loop did up to a week, and what that meant in money."""
    found: Found = judge(year.plan, year.events, year.proofs)[chapter.event]
    weeks = range(chapter.week, week + 1)
    year.follow_calendar(week + 1)
    gains = [
        f"{_signed(year.book.gain(EVERMODEL, other, weeks))} against {name}"
        for other, name in ((NEVER, "never retraining"), (MONTHLY, "retraining every month"))
    ]
    money = f"In weeks {chapter.week + 1} to {week + 1}: {' and '.join(gains)}."
    return chapter.told(found.did, money=money, as_expected=found.as_expected)


def _signed(total: Total) -> str:
    return f"{total.euros:+,.0f} EUR"


def _courses(year: Year, told: list[Chapter]) -> tuple[Course, ...]:
    """Return the pictures of the year: money, and how wrong the answers were."""
    days = [(START + timedelta(weeks=week)).date().isoformat() for week in range(WEEKS)]
    money: dict[str, list[tuple[str | float, float]]] = {}
    wrong: dict[str, list[tuple[str | float, float]]] = {}
    for policy in POLICIES:
        sofar = 0.0
        money[policy] = []
        for week, day in enumerate(days):
            sofar += year.book.gain(policy, NEVER, [week]).euros
            money[policy].append((day, sofar))
        wrong[policy] = [(day, year.losses[policy, week]) for week, day in enumerate(days)]
    happened = [
        (days[chapter.week], f"{chapter.title}. {chapter.what_the_loop_did}") for chapter in told
    ]
    decided = [
        (days[max(week_of(event), 0)], f"{_MADE[event.kind].format(**event.body)}: {_why(event)}")
        for event in year.events
        if event.kind in _MADE
    ]
    return (
        Course(
            title="What the year brought, against never retraining",
            lines=money,
            marks=happened,
            unit="EUR",
            caption=f"Euros so far, more than version 1 kept for good would have earned. "
            f"{ASSUMPTION}",
        ),
        Course(
            title="How wrong the answers were, week by week",
            lines=wrong,
            marks=decided,
            unit="Brier score",
            caption="The mean squared error of the probabilities: lower is better. Measured by what"
            " really became of the customers, which the loop learned five weeks later.",
        ),
    )


def _why(event: object) -> str:
    body = getattr(event, "body", {})
    return str(body.get("reason", ""))


def _report(
    home: Path,
    page: Path,
    told: list[Chapter],
    gains: list[tuple[str, Total]],
    warnings: tuple[CheckResult, ...],
) -> Report:
    events = [
        CheckResult(
            name=chapter.event,
            subject=f"week {chapter.week + 1}",
            verdict="pass" if chapter.as_expected else "warn",
            why=chapter.expected if chapter.as_expected else chapter.what_the_loop_did,
        )
        for chapter in told
    ]
    money = [
        CheckResult(
            name="gain",
            subject=f"against {name}",
            value=round(gain.euros),
            unit="EUR",
            low=round(gain.low),
            high=round(gain.high),
            level=gain.level,
            n=gain.rows,
            method="paired differences, cluster-robust by customer",
        )
        for name, gain in gains
    ]
    written = CheckResult(name="report", subject=str(page))
    results = (*events, *money, *warnings, written)
    facts = {"page": str(page), "as_expected": sum(bool(each.as_expected) for each in told)}
    return Report(verb="demo", subject=str(home), results=results, facts=facts)
