"""Customers as they are looked at on one Monday: what is known by then, and what followed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.demo.days import FIRST_DAY, TOPICS, Diary
from evermodel.demo.notes import write_notes
from evermodel.demo.people import (
    AGE_BANDS,
    CHANNELS,
    MEMBERSHIPS,
    PREFERENCES,
    REGIONS,
    Codes,
    Flags,
    People,
)

__all__ = ["KEYS", "START", "look_at"]

START = datetime(2025, 1, 6, 6)
"""Monday at six: week 0 is scored now. UTC without a zone, as in all tables."""

KEYS = ("customer", "scored_at")
"""The columns that name a row: a customer is scored at most once in any 30 days."""

_LATEST_ORDER_DAYS = 45
_STARS = np.asarray([1, 2, 1, 2, 4, 5])  # after late, wrong, damaged, price, question, thanks
_ANSWERS_SURVEY = 0.35


def look_at(
    people: People, diary: Diary, numbers: Codes, week: int, rng: np.random.Generator
) -> pl.DataFrame:
    """Return that week's batch: the columns known on its Monday, then `churned`, "yes" or "no".

    A customer is looked at in every fifth week, and only within 45 days of the last order.
    `numbers` are the customers' numbers.
    """
    at = 7 * week - FIRST_DAY
    since = 7 * week - diary.last_order[at].astype(np.int64)
    who = np.flatnonzero((people.review == week % 5) & (since <= _LATEST_ORDER_DAYS))
    who = who[np.argsort(numbers[who])]

    def words(names: tuple[str, ...], codes: Codes) -> pl.Series:
        return pl.Series(np.asarray(names)[codes[who]], dtype=pl.String)

    traits = {
        "customer": [f"C{number:05d}" for number in numbers[who]],
        "scored_at": np.full(len(who), START + timedelta(weeks=week), "datetime64[us]"),
        "channel": words(CHANNELS, people.channel),
        "region": words(REGIONS, people.region),
        "age_band": words(AGE_BANDS, people.age),
        "membership": words(MEMBERSHIPS, people.membership),
        "preference": words(PREFERENCES, people.preference),
        "tenure_days": 7 * week - people.joined[who],
        "days_since_order": since[who],
    }
    frame = pl.DataFrame(traits | _bought(diary, at, who))
    frame = frame.hstack(_heard(diary, at, who, people.subscribed, frame["preference"], rng))
    silent = diary.orders[at + 30, who] == diary.orders[at, who]
    churned = np.where(silent, "yes", "no")
    return frame.with_columns(churned=pl.Series(churned, dtype=pl.String))


def _lately(total: npt.NDArray[Any], at: int, who: Codes, days: int) -> Codes:
    counts: Codes = (total[at, who] - total[at - days, who]).astype(np.int64)
    return counts


def _bought(diary: Diary, at: int, who: Codes) -> dict[str, npt.NDArray[Any]]:
    orders = _lately(diary.orders, at, who, 90)
    spent = (diary.euros[at, who] - diary.euros[at - 90, who]).astype(np.float64)
    discounts = diary.discounts[at, who] / np.maximum(diary.orders[at, who], 1)
    return {
        "orders_30d": _lately(diary.orders, at, who, 30),
        "orders_90d": orders,
        "mean_order_value": np.round(spent / np.maximum(orders, 1), 2),
        "last_order_value": np.round(diary.last_euros[at, who].astype(np.float64), 2),
        "discount_share": np.round(discounts, 3),
        "returns_60d": _lately(diary.returns, at, who, 60),
        "payment_failures_60d": _lately(diary.failures, at, who, 60),
    }


def _heard(
    diary: Diary,
    at: int,
    who: Codes,
    subscribed: Flags,
    things: pl.Series,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Return what the customers opened, asked and answered; who was not asked has no value."""
    contacts = _lately(diary.contacts, at, who, 60)
    topic = np.where(contacts > 0, diary.last_topic[at, who], -1).astype(np.int8)
    asked, answered = topic >= 0, rng.random(len(who)) < _ANSWERS_SURVEY
    opens = pl.Series(_lately(diary.opens, at, who, 28))
    return pl.DataFrame(
        {
            # Who has not agreed to the newsletter has no count, which is not a count of zero.
            "mail_opens_28d": opens.set(pl.Series(~subscribed[who]), None),
            "support_contacts_60d": contacts,
            "support_topic": pl.Series(np.asarray(TOPICS)[topic]).set(pl.Series(~asked), None),
            "satisfaction": pl.Series(_STARS[topic]).set(pl.Series(~(asked & answered)), None),
            "support_note": pl.Series(write_notes(topic, things.to_list(), rng), dtype=pl.String),
        }
    )
