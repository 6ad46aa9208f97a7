"""What decisions cost: a retention offer for some, the margin of a kept customer for a few of them.

An offer has a price whoever gets it, and keeps a share of those who would have left. Everything is
counted against making no offer, as an expected value. One assumption makes the comparison of
policies possible and is stated wherever a figure is shown: the simulated outcomes are what happens
*without* an offer, and offers do not alter what the customer does later.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.records import Record

__all__ = ["ASSUMPTION", "Book", "Terms", "Total", "money", "total"]

ASSUMPTION = (
    "Money is counted against making no offer, as an expected value; the simulated outcomes are "
    "those without an offer, and offers do not change what a customer does later."
)

_Floats = npt.NDArray[np.float64]


class Terms(Record, frozen=True, kw_only=True):
    """The price of an offer, the share of leavers it keeps, the margin of a kept customer (EUR).

    Examples
    --------
    >>> round(Terms().threshold, 4)
    0.2857
    """

    offer: float = 8.0
    works: float = 0.35
    margin: float = 80.0

    @property
    def missed(self) -> float:
        """What it costs not to make an offer to somebody who leaves."""
        return self.works * self.margin - self.offer

    @property
    def threshold(self) -> float:
        """The probability of leaving from which on an offer pays."""
        return self.offer / (self.works * self.margin)


def money(action: npt.ArrayLike, outcome: npt.ArrayLike, terms: Terms | None = None) -> _Floats:
    """Return the expected euros of each decision against making no offer, float64[n].

    Parameters
    ----------
    action : array-like of bool [n]
        Whether an offer was made.
    outcome : array-like of bool [n]
        Whether the customer would leave without one.
    terms : Terms
        What an offer costs and brings; `Terms()` where not given.

    Examples
    --------
    >>> money([True, True, False, False], [True, False, True, False])
    array([20., -8.,  0.,  0.])
    """
    terms = terms or Terms()
    offered = np.asarray(action, bool)
    left = np.asarray(outcome, bool)
    return np.where(offered, left * (terms.works * terms.margin) - terms.offer, 0.0)


class Total(Record, frozen=True, kw_only=True):
    """A sum of euros with its interval at confidence `level` over `rows` decisions."""

    euros: float
    low: float
    high: float
    level: float
    rows: int

    def __str__(self) -> str:
        return f"{self.euros:,.0f} EUR ({self.low:,.0f} to {self.high:,.0f})"


def total(euros: npt.ArrayLike, customers: Iterable[str], *, level: float = 0.95) -> Total:
    """Return the sum of `euros` with an interval that knows that customers come back.

    The rows of one customer depend on one another, so the variance is that of the customers' sums
    (cluster-robust, Liang and Zeger 1986), with the normal quantile.

    Examples
    --------
    >>> print(total([20.0, -8.0, 20.0, -8.0], ["a", "b", "c", "c"]))
    24 EUR (-25 to 73)
    """
    values = np.asarray(euros, np.float64)
    _, whose = np.unique(np.asarray(list(customers), str), return_inverse=True)
    sums = np.bincount(whose, weights=values)
    n = len(sums)
    spread = float(np.std(sums, ddof=1)) * n**0.5 if n > 1 else float("inf")
    reach = NormalDist().inv_cdf(0.5 + level / 2) * spread
    whole = float(values.sum())
    return Total(euros=whole, low=whole - reach, high=whole + reach, level=level, rows=len(values))


class Book:
    """Who decided what about whom, per policy and week, and what became of it.

    All policies are settled on the same customers and the same outcomes, so that their difference
    is measured row by row, which is far sharper than the difference of two totals.

    Examples
    --------
    >>> batch = pl.DataFrame({"customer": ["a", "b"], "churned": ["yes", "no"]})
    >>> book = Book()
    >>> book.settle(0, batch)
    >>> book.decide("never", 0, ["a", "b"], [False, True])
    >>> book.decide("evermodel", 0, ["b", "a"], [False, True])
    >>> book.total("never").euros, book.gain("evermodel", "never").euros
    (-8.0, 28.0)
    """

    def __init__(self, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self._outcomes: dict[int, pl.DataFrame] = {}
        self._offers: dict[tuple[str, int], dict[str, bool]] = {}

    def settle(self, week: int, truth: pl.DataFrame) -> None:
        """Enter what really became of that week's batch: customer, churned ("yes" or "no")."""
        self._outcomes[week] = truth.select("customer", pl.col("churned") == "yes")

    def decide(
        self, policy: str, week: int, customers: Iterable[str], offered: Iterable[bool]
    ) -> None:
        """Enter which of that week's customers this policy made an offer to."""
        self._offers[policy, week] = {
            customer: bool(offer) for customer, offer in zip(customers, offered, strict=True)
        }

    def total(self, policy: str, weeks: Iterable[int] | None = None) -> Total:
        """Return what a policy earned in those weeks (all settled ones where not given)."""
        weeks = list(self._outcomes if weeks is None else weeks)
        return total(self._euros(policy, weeks), self._customers(weeks))

    def gain(self, policy: str, over: str, weeks: Iterable[int] | None = None) -> Total:
        """Return what `policy` earned more than `over`, from their paired differences."""
        weeks = list(self._outcomes if weeks is None else weeks)
        difference = self._euros(policy, weeks) - self._euros(over, weeks)
        return total(difference, self._customers(weeks))

    def _euros(self, policy: str, weeks: list[int]) -> _Floats:
        parts = [np.empty(0)]
        for week in weeks:
            offers, truth = self._offers[policy, week], self._outcomes[week]
            offered = [offers[customer] for customer in truth["customer"]]
            parts.append(money(offered, truth["churned"].to_numpy(), self.terms))
        return np.concatenate(parts)

    def _customers(self, weeks: list[int]) -> list[str]:
        return [customer for week in weeks for customer in self._outcomes[week]["customer"]]
