"""The year in plain words: what happened, what the loop did about it, and what it cost or saved.

The narrator is the only reader of the plan besides the simulator. It writes the first half of each
chapter; the second half is written from the ledger once the loop has acted.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from evermodel.demo.batch import START
from evermodel.demo.money import ASSUMPTION, Total
from evermodel.demo.plan import OUTCOME_WEEKS, Plan
from evermodel.records import Record

__all__ = ["Chapter", "chapters", "tell", "tell_chapter", "tell_totals"]

_WIDTH = 88


class Chapter(Record, frozen=True, kw_only=True):
    """One event of the year.

    `week` is when it begins, `until` the week by which the loop should have dealt with it, and
    `expected` what dealing with it means. `what_the_loop_did` and `money` stay empty until known;
    `as_expected` says whether the ledger bears `expected` out (None: not judged yet).
    """

    event: str
    week: int
    until: int
    title: str
    what_happened: str
    expected: str
    what_the_loop_did: str = ""
    money: str = ""
    as_expected: bool | None = None

    def told(self, did: str, *, money: str = "", as_expected: bool | None = None) -> Chapter:
        """Return the chapter with its second half."""
        return msgspec.structs.replace(
            self, what_the_loop_did=did, money=money, as_expected=as_expected
        )


def chapters(plan: Plan) -> tuple[Chapter, ...]:
    """Return the five events of a plan in order of time, first halves only.

    Examples
    --------
    >>> [chapter.event for chapter in chapters(Plan.draw(0))]
    ['broken feed', 'campaign', 'bad release', 'competitor', 'mislabelled']
    """
    feed, campaign = plan.broken_feed, plan.campaign
    weeks = "one week" if feed.end - feed.start == 1 else f"{feed.end - feed.start} weeks"
    told = (
        Chapter(
            event="broken feed",
            week=feed.start,
            until=feed.end,
            title="A broken feed",
            what_happened=f"For {weeks} the order system sends order values in cents instead of "
            "euros: a customer's usual 35 euros become 3,500.",
            expected="Named as broken data in the same week; no retraining, no new model.",
        ),
        Chapter(
            event="campaign",
            week=campaign.start,
            until=campaign.end + 4 + OUTCOME_WEEKS,
            title="Other customers, same behaviour",
            what_happened="A mail campaign brings young customers in numbers. The mix changes; "
            "each kind of customer behaves as before.",
            expected="Named as a harmless shift; the model stays.",
        ),
        Chapter(
            event="bad release",
            week=plan.bad_release,
            until=plan.bad_release + OUTCOME_WEEKS + 4,
            title="A bad release",
            what_happened="Somebody puts a model live by hand. It looks splendid on past data, "
            "because it reads a field that is filled in only after customers have left.",
            expected="Rolled back to the version before.",
        ),
        Chapter(
            event="competitor",
            week=plan.competitor,
            until=plan.competitor + OUTCOME_WEEKS + 9,
            title="A competitor opens",
            what_happened="A competitor opens in the regions "
            f"{' and '.join(plan.competitor_regions)}. Price-minded customers there now come only "
            "every six weeks: a recent order, once a good sign, begins a long silence.",
            expected="Named as a real loss; a model trained on newer data is promoted.",
        ),
        Chapter(
            event="mislabelled",
            week=plan.mislabelled,
            until=plan.mislabelled + 6,
            title="Outcomes that are wrong",
            what_happened="After three silent weeks a whole month of outcomes comes in one file, "
            f"and the export has turned {plan.flipped:.0%} of them around.",
            expected="No model trained on that file goes live.",
        ),
    )
    return tuple(sorted(told, key=lambda chapter: chapter.week))


def tell_chapter(chapter: Chapter) -> str:
    """Return one chapter as text for a terminal.

    Examples
    --------
    >>> chapter = chapters(Plan.draw(0))[0].told("Held the batch back.", as_expected=True)
    >>> print(tell_chapter(chapter).splitlines()[-1])
      The loop:  Held the batch back. (as it should)
    """
    day = START + timedelta(weeks=chapter.week)
    verdict = {True: " (as it should)", False: " (NOT as it should)", None: ""}
    did = chapter.what_the_loop_did and chapter.what_the_loop_did + verdict[chapter.as_expected]
    lines = [f"Week {chapter.week + 1}, {day.day} {day:%B}: {chapter.title}"]
    for label, words in (
        ("Happened:", chapter.what_happened),
        ("The loop:", did),
        ("Money:", chapter.money),
    ):
        if words:
            lines += textwrap.wrap(
                words, _WIDTH, initial_indent=f"  {label:<11}", subsequent_indent=" " * 13
            )
    return "\n".join(lines)


def tell_totals(
    totals: Sequence[tuple[str, Total]], gains: Sequence[tuple[str, Total]] = ()
) -> str:
    """Return what each policy earned, and what the first earned more than each of the others.

    Examples
    --------
    >>> total = Total(euros=70000.0, low=65000.0, high=75000.0, level=0.95, rows=27000)
    >>> gain = Total(euros=900.0, low=-200.0, high=2000.0, level=0.95, rows=27000)
    >>> text = tell_totals([("Evermodel", total), ("never retrain", total)],
    ...                    [("never retrain", gain)])
    >>> print(text.splitlines()[3])
    Against "never retrain": 900 EUR (-200 to 2,000) more, which may be chance.
    """
    level = totals[0][1].level
    width = max(len(name) for name, _ in totals)
    lines = [f"The year in money, with {level:.0%} intervals"]
    lines += [f"  {name:<{width}}  {total}" for name, total in totals]
    lines += [f'Against "{name}": {_compared(gain)}.' for name, gain in gains]
    return "\n".join([*lines, *textwrap.wrap(ASSUMPTION, _WIDTH)])


def _compared(gain: Total) -> str:
    bounds = sorted((abs(gain.low), abs(gain.high)))
    if gain.low > 0:
        return f"{gain} more"
    if gain.high < 0:
        return f"{-gain.euros:,.0f} EUR ({bounds[0]:,.0f} to {bounds[1]:,.0f}) LESS"
    return f"{gain} more, which may be chance"


def tell(told: Sequence[Chapter], totals: Sequence[tuple[str, Total]] = ()) -> str:
    """Return the whole year as text: the chapters, then what each policy earned.

    Examples
    --------
    >>> total = Total(euros=70000.0, low=65000.0, high=75000.0, level=0.95, rows=27000)
    >>> print(tell([], [("never retrain", total)]).splitlines()[1])
      never retrain  70,000 EUR (65,000 to 75,000)
    """
    parts = [tell_chapter(chapter) for chapter in told]
    if totals:
        parts.append(tell_totals(totals))
    return "\n\n".join(parts)
