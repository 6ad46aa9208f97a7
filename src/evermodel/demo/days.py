"""What happens in the shop, day by day: orders, e-mails, support, returns, payments.

Each customer is either shopping here or away. Shopping customers order at their own pace; they go
away with a hazard that depends on what can be seen (membership, channel, age, how long they are
here, basket, recent trouble) and on a warmth towards the shop that drifts and is never seen; away
customers come back after weeks, or never. Nobody decides "to churn": the label is what follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evermodel.demo.people import REGIONS, Flags, Floats, People
from evermodel.demo.plan import Plan

__all__ = ["FIRST_DAY", "LAST_DAY", "NEWSLETTER_DAYS", "TOPICS", "Diary", "live"]

FIRST_DAY, LAST_DAY = -320, 390
"""Days are counted from the first day of the year; the shop is watched from before history."""

NEWSLETTER_DAYS = (1, 4)
"""Tuesday and Friday; day 0 of the year is a Monday."""

TOPICS = ("delivery late", "wrong item", "damaged", "price", "question", "thanks")
_TOPIC_EDGES = np.cumsum([0.22, 0.12, 0.12, 0.16, 0.24]).astype(np.float32)
_TROUBLE = np.asarray([1.0, 0.9, 1.0, 0.6, 0.0, -0.4], np.float32)

_CHANNEL_RISK = np.asarray([0.0, 0.4, -0.1, -0.7, 0.6], np.float32)
_REGION_RISK = np.asarray([0.0, -0.15, 0.1, -0.1, 0.15], np.float32)
_AGE_RISK = np.asarray([0.35, 0.15, 0.0, -0.25, -0.1], np.float32)
_MEMBERSHIP_RISK = np.asarray([0.15, -0.35, -0.8], np.float32)
_WEEKDAY = np.asarray([0.95, 0.9, 0.95, 1.0, 1.1, 1.15, 0.95], np.float32)

_BASE_HAZARD = 0.0058
_RETURN_RATE = 1 / 60
_GONE_FOR_GOOD = 0.12
_TROUBLE_FADES = np.float32(np.exp(-1 / 22))
_DRIFT_STAYS = np.float32(np.exp(-1 / 35))
_DRIFT_SD = 0.75


@dataclass(frozen=True, slots=True)
class Diary:
    """Running totals of what was seen, [days + 1, customers]: row d holds all before day d.

    Row 0 is `FIRST_DAY`. `last_order` is the latest day with an order (`FIRST_DAY - 999`: none),
    `last_topic` the latest support topic (-1: none).
    """

    orders: npt.NDArray[np.int16]
    euros: Floats
    discounts: npt.NDArray[np.int16]
    returns: npt.NDArray[np.int16]
    opens: npt.NDArray[np.int16]
    contacts: npt.NDArray[np.int16]
    failures: npt.NDArray[np.int16]
    last_order: npt.NDArray[np.int16]
    last_euros: Floats
    last_topic: npt.NDArray[np.int8]


def live(people: People, plan: Plan, rng: np.random.Generator) -> Diary:
    """Return the diary of these customers under the plan.

    Customers do not influence one another and each day takes the same number of random draws
    whatever the plan, so that two plans can be compared customer by customer.

    Examples
    --------
    >>> from evermodel.demo.people import arrive
    >>> rng = np.random.default_rng(0)
    >>> diary = live(arrive(np.array([0, 200]), rng), Plan.quiet(), rng)
    >>> diary.orders[-FIRST_DAY + 1].tolist()  # the evening of day 0: who signs up orders
    [1, 0]
    """
    days, n = LAST_DAY - FIRST_DAY, len(people)
    counts = np.zeros((6, days + 1, n), np.int16)
    euros = np.zeros((2, days + 1, n), np.float32)
    last_order = np.full((days + 1, n), FIRST_DAY - 999, np.int16)
    last_topic = np.full((days + 1, n), -1, np.int8)
    life = _Life(people, plan, rng)
    for row, day in enumerate(range(FIRST_DAY, LAST_DAY)):
        seen = life.spend(day, day - last_order[row])
        events = (seen.ordered, seen.discounted, seen.returned, seen.opened, seen.asked)
        np.add(
            counts[:, row],
            np.stack((*events, seen.failed)),
            out=counts[:, row + 1],
            casting="unsafe",
        )
        euros[0, row + 1] = euros[0, row] + seen.paid
        euros[1, row + 1] = np.where(seen.ordered, seen.paid, euros[1, row])
        last_order[row + 1] = np.where(seen.ordered, day, last_order[row])
        last_topic[row + 1] = np.where(seen.asked, seen.topic, last_topic[row])
    orders, discounts, returns, opens, contacts, failures = counts
    return Diary(
        orders=orders,
        euros=euros[0],
        discounts=discounts,
        returns=returns,
        opens=opens,
        contacts=contacts,
        failures=failures,
        last_order=last_order,
        last_euros=euros[1],
        last_topic=last_topic,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """One day of all customers, as the shop's systems see it."""

    ordered: Flags
    paid: Floats
    discounted: Flags
    returned: Flags
    opened: Flags
    asked: Flags
    topic: npt.NDArray[np.int8]
    failed: Flags


class _Life:
    """What moves customers from day to day, most of it unseen."""

    def __init__(self, people: People, plan: Plan, rng: np.random.Generator) -> None:
        n = len(people)
        self._people, self._rng = people, rng
        self._opening_day = 7 * plan.competitor
        self._pull = _pull(people, plan)
        self._lasting = _lasting_risk(people)
        self._drift = rng.standard_normal(n, np.float32) * np.float32(_DRIFT_SD)
        self._innovation = np.float32(_DRIFT_SD * np.sqrt(1 - float(_DRIFT_STAYS) ** 2))
        self._trouble = np.zeros(n, np.float32)
        self._here, self._gone = np.ones(n, bool), np.zeros(n, bool)

    def spend(self, day: int, since: npt.NDArray[np.int16]) -> _Seen:
        """Return what is seen of that day; `since` counts the days since each one's last order."""
        people, n = self._people, len(self._people)
        chance = self._rng.random((9, n), np.float32)
        noise = self._rng.standard_normal(n, np.float32)
        self._drift = _DRIFT_STAYS * self._drift + self._innovation * noise
        known = people.joined <= day
        present = self._here & ~self._gone & known
        pace = people.pace * np.exp(0.4 * self._drift) * (_season(day) * _WEEKDAY[day % 7])
        if day >= self._opening_day:
            pace = pace * _every_six_weeks(self._pull, since)
        ordered = present & (chance[0] < 1 - np.exp(-pace))
        # Everybody who signs up places a first order: it is what signing up is for.
        ordered |= people.joined == day
        # Reading on while buying elsewhere is common: only part of the interest goes at once.
        warmth, away = people.warmth + self._drift, (~present).astype(np.float32)
        interest = 0.1 + 1.1 * warmth - 0.9 * self._trouble - 1.3 * away - 2 * self._gone
        opened = known & people.subscribed & (day % 7 in NEWSLETTER_DAYS)
        seen = _Seen(
            ordered=ordered,
            paid=people.basket * np.exp(0.6 * (chance[1] - 0.5)) * ordered,
            discounted=ordered & (chance[2] < 0.15 + 0.7 * people.bargain),
            returned=ordered & (chance[3] < 0.09),
            opened=opened & (chance[7] < 1 / (1 + np.exp(-interest))),
            asked=present & (chance[5] < np.where(ordered, 0.036, 0.006)),
            topic=np.searchsorted(_TOPIC_EDGES, chance[6]).astype(np.int8),
            failed=ordered & (chance[4] < 0.05),
        )
        self._come_and_go(day, seen, present, chance[8], chance[5])
        return seen

    def _come_and_go(
        self, day: int, seen: _Seen, present: Flags, chance: Floats, forever: Floats
    ) -> None:
        trouble = _TROUBLE_FADES * self._trouble + np.float32(0.8) * seen.returned
        trouble += np.float32(0.8) * seen.failed + seen.asked * _TROUBLE[seen.topic]
        self._trouble = np.maximum(trouble, np.float32(-0.5))
        age = np.maximum(day - self._people.joined, 0).astype(np.float32)
        warmth = self._people.warmth + self._drift
        risk = self._lasting + 0.6 * np.exp(age / -45) - 0.9 * warmth + 1.2 * self._trouble
        if day >= self._opening_day:
            risk = risk + 0.5 * self._pull
        leaves = present & (chance < np.minimum(_BASE_HAZARD * np.exp(risk), 0.35))
        comes = ~self._here & (chance < _RETURN_RATE)
        self._gone |= leaves & (forever < _GONE_FOR_GOOD)
        self._here = (self._here & ~leaves) | comes


def _season(day: int) -> np.float32:
    """Return the season's factor on ordering: a gentle wave, and gifts in December."""
    of_year = day % 364
    wave = 0.04 * np.cos(2 * np.pi * of_year / 364)
    return np.float32(1 + wave + 0.06 * (330 <= of_year < 352))


def _lasting_risk(people: People) -> Floats:
    """Return the part of the log hazard that does not change from day to day."""
    risk: Floats = (
        _CHANNEL_RISK[people.channel]
        + _REGION_RISK[people.region]
        + _AGE_RISK[people.age]
        + _MEMBERSHIP_RISK[people.membership]
        - np.float32(1.0) * np.log(people.basket / np.float32(34))
        - np.float32(0.6) * (people.bargain - np.float32(0.45))
    )
    return risk


def _pull(people: People, plan: Plan) -> Floats:
    """Return how much of each customer's shopping the competitor draws away, 0 to 1."""
    there = np.isin(people.region, [REGIONS.index(name) for name in plan.competitor_regions])
    price_minded = np.where(people.membership == 0, 0.9, 0.6) + 0.5 * people.bargain
    drawn: Floats = (there * np.minimum(price_minded, 1.0)).astype(np.float32)
    return drawn


def _every_six_weeks(pull: Floats, since: npt.NDArray[np.int16]) -> Floats:
    """Return the factor on the pace of customers who now buy mostly at the competitor.

    They come back only for what it has not got, once the last order is used up: a recent order,
    until now the surest sign of a loyal customer, becomes the sign of a long silence.
    """
    return np.where(since < 40, 1 - np.float32(0.97) * pull, 1 + 2 * pull).astype(np.float32)
