"""The five events of the simulated year, kept apart from everything the loop may look at.

Only the simulator, the narrator and the tests read a plan: a stage that did would know the answer.
Weeks count from 0, the first week of the year; outcomes are known in the fifth week after scoring.
"""

from __future__ import annotations

import numpy as np

from evermodel.records import Record

__all__ = ["OUTCOME_WEEKS", "WEEKS", "Plan", "Window"]

WEEKS = 52
"""Weeks of scoring in the simulated year."""

OUTCOME_WEEKS = 5
"""A batch's outcomes are known after 30 days, so they come with the fifth weekly file after it."""

NEVER = 10_000
_REGIONS = ("north", "south", "east", "west", "centre")


class Window(Record, frozen=True, kw_only=True):
    """Weeks from `start` up to, not including, `end`.

    Examples
    --------
    >>> 3 in Window(start=2, end=4), 4 in Window(start=2, end=4)
    (True, False)
    """

    start: int
    end: int

    def __contains__(self, week: object) -> bool:
        return isinstance(week, int) and self.start <= week < self.end


class Plan(Record, frozen=True, kw_only=True):
    """When each of the five events happens, and to whom.

    `broken_feed`: money columns arrive in cents. `campaign`: many young customers sign up by mail.
    `bad_release`: the week in which somebody puts a leaking model live by hand. `competitor`: the
    week from which customers of `competitor_regions` are drawn away for good. `mislabelled`: the
    week of the one outcome file (a month of outcomes) with the share `flipped` of its labels wrong.

    Examples
    --------
    >>> plan = Plan.draw(0)
    >>> plan.broken_feed.end <= plan.campaign.start < plan.bad_release < plan.competitor
    True
    >>> plan == Plan.draw(0)
    True
    """

    broken_feed: Window
    campaign: Window
    bad_release: int
    competitor: int
    competitor_regions: tuple[str, ...]
    mislabelled: int
    flipped: float

    @classmethod
    def draw(cls, seed: int) -> Plan:
        """Return the plan of one year; each position lies in a range of three weeks."""
        rng = np.random.default_rng([seed, 1])
        feed, campaign, release, competitor, mislabelled = (
            int(first + rng.integers(0, 3)) for first in (4, 9, 15, 24, 41)
        )
        regions = rng.choice(len(_REGIONS), size=2, replace=False)
        return cls(
            broken_feed=Window(start=feed, end=feed + int(rng.integers(1, 3))),
            campaign=Window(start=campaign, end=campaign + 4),
            bad_release=release,
            competitor=competitor,
            competitor_regions=tuple(_REGIONS[i] for i in sorted(regions)),
            mislabelled=mislabelled,
            flipped=round(float(rng.uniform(0.35, 0.45)), 3),
        )

    @classmethod
    def quiet(cls) -> Plan:
        """Return a plan in which nothing happens: what the year would have been.

        Examples
        --------
        >>> 0 in Plan.quiet().campaign
        False
        """
        nothing = Window(start=NEVER, end=NEVER)
        return cls(
            broken_feed=nothing,
            campaign=nothing,
            bad_release=NEVER,
            competitor=NEVER,
            competitor_regions=(),
            mislabelled=NEVER,
            flipped=0.0,
        )
