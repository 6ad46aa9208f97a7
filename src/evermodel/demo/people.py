"""Who the customers are: what never changes about them, seen and unseen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "AGE_BANDS",
    "CHANNELS",
    "MEMBERSHIPS",
    "PREFERENCES",
    "REGIONS",
    "Codes",
    "Flags",
    "Floats",
    "People",
    "arrive",
]

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

CHANNELS = ("search", "social", "mail", "friend", "marketplace")
REGIONS = ("north", "south", "east", "west", "centre")
AGE_BANDS = ("18-25", "26-35", "36-50", "51-65", "66+")
MEMBERSHIPS = ("basic", "plus", "family")
PREFERENCES = ("coffee", "tea", "sweets", "gifts", "kitchen", "pets")

_CHANNEL_SHARES = (0.30, 0.20, 0.18, 0.14, 0.18)
_REGION_SHARES = (0.20, 0.22, 0.19, 0.21, 0.18)
_AGE_SHARES = (0.16, 0.22, 0.29, 0.22, 0.11)
_MEMBERSHIP_SHARES = (0.58, 0.27, 0.15)
_PREFERENCE_SHARES = (0.28, 0.17, 0.17, 0.12, 0.14, 0.12)
_BASKET_EUROS = (28.0, 38.0, 52.0)


@dataclass(frozen=True, slots=True)
class People:
    """Customers as arrays of one entry each: seen traits are codes into the tuples above.

    `joined` is the day of signing up. `warmth`, `bargain` (0 to 1) and `pace` (orders a day) are
    never seen, only what they lead to; `basket` is the usual order value in euro. `review` (0 to 4)
    says in which of five weeks the customer is looked at.
    """

    joined: Codes
    channel: Codes
    region: Codes
    age: Codes
    membership: Codes
    preference: Codes
    subscribed: Flags
    review: Codes
    warmth: Floats
    bargain: Floats
    pace: Floats
    basket: Floats

    def __len__(self) -> int:
        return len(self.joined)


def arrive(joined: Codes, rng: np.random.Generator, *, young_by_mail: float = 0.0) -> People:
    """Return one customer per entry of `joined`, the day of signing up.

    The share `young_by_mail` of them is made young and signed up by mail; everything else about
    them is drawn exactly as for the others of that age and channel, so that a campaign changes who
    comes and never how a given customer behaves.

    Examples
    --------
    >>> people = arrive(np.zeros(3, np.int64), np.random.default_rng(0), young_by_mail=1.0)
    >>> [CHANNELS[i] for i in people.channel]
    ['mail', 'mail', 'mail']
    """
    n = len(joined)

    def pick(shares: tuple[float, ...]) -> Codes:
        return np.asarray(rng.choice(len(shares), size=n, p=shares), np.int64)

    channel, region, age = pick(_CHANNEL_SHARES), pick(_REGION_SHARES), pick(_AGE_SHARES)
    membership = pick(_MEMBERSHIP_SHARES)
    drawn_in = rng.random(n) < young_by_mail
    channel = np.where(drawn_in, CHANNELS.index("mail"), channel)
    age = np.where(drawn_in, rng.integers(0, 2, n), age)
    warmth = rng.normal(0.0, 0.6, n)
    bargain = rng.beta(1.6, 1.9, n)
    pace = np.exp(np.log(0.165) + 0.4 * warmth + rng.normal(0.0, 0.6, n))
    basket = np.asarray(_BASKET_EUROS)[membership] * np.exp(
        rng.normal(0.0, 0.35, n) - 0.35 * (bargain - 0.45)
    )
    return People(
        joined=np.asarray(joined, np.int64),
        channel=channel,
        region=region,
        age=age,
        membership=membership,
        preference=pick(_PREFERENCE_SHARES),
        subscribed=rng.random(n) < 0.82,
        review=np.asarray(rng.integers(0, 5, n), np.int64),
        warmth=warmth.astype(np.float32),
        bargain=bargain.astype(np.float32),
        pace=np.clip(pace, 0.015, 0.6).astype(np.float32),
        basket=basket.astype(np.float32),
    )
