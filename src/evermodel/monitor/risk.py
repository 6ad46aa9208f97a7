"""The risk of a live model, followed row by row, with a promise that holds however often one looks.

The state is a few numbers, whatever the number of rows, and is JSON by `msgspec`.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.records import CheckResult, Verdict
from evermodel.report.wording import number
from evermodel.stats.arrays import Floats, floats
from evermodel.stats.compare import uniform_boundary

__all__ = ["RiskTracker"]

LEAST_ROWS = 200

LARGEST_BET = 0.5
"""Truncation c of the predictable bets of the confidence sequence (Waudby-Smith and Ramdas)."""

STAKES = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
"""Shares of the capital that are at stake; small ones win when the harm is small and long."""


class RiskTracker(msgspec.Struct, kw_only=True):
    """Follows losses in [0, 1], as outcomes arrive, against the largest mean that is tolerated.

    Two tests share the error 1 - `level` evenly. A confidence sequence bounds the risk so far, a
    mean weighted by its bets, from below. An e-process bets against "the risk is at most `bound`"
    and starts a new bet at each look, with weights that add up to 1: so months of good answers do
    not hide a change that came late. Under any risk that never exceeds `bound`, changing or not,
    `harmful` ever becomes true with probability at most 1 - `level`.

    What is shown is the plain mean loss so far, with a bound of its own that holds at every look;
    it decides nothing.

    Parameters
    ----------
    bound : float
        Baseline loss plus tolerance, between 0 and 1.
    level : float
        Confidence that no false alarm is ever raised.

    References
    ----------
    Podkopaev, Ramdas (2022), "Tracking the risk of a deployed model and detecting harmful
    distribution shifts", ICLR; Waudby-Smith, Ramdas (2024), "Estimating means of bounded random
    variables by betting", JRSS B, theorem 2; Howard, Ramdas, McAuliffe, Sekhon (2021),
    "Time-uniform, nonparametric, nonasymptotic confidence sequences" (the plain mean); Shin,
    Ramdas, Rinaldo (2024), "E-detectors".

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tracker = RiskTracker(bound=0.3)
    >>> lower = tracker.update(rng.random(2000) * 0.4)  # a mean loss of 0.2
    >>> tracker.harmful, bool(0.15 < lower[-1] < 0.2)
    (False, True)
    >>> lower = tracker.update(rng.random(500))  # a mean loss of 0.5
    >>> tracker.harmful
    True
    """

    bound: float
    level: float = 0.95
    rows: int = 0
    looks: int = 0
    total: float = 0.0
    squares: float = 0.0
    surprise: float = 0.0
    bets: float = 0.0
    won: float = 0.0
    penalty: float = 0.0
    wealth: tuple[float, ...] = (-math.inf,) * len(STAKES)
    harmful_at: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.bound < 1 or not 0 < self.level < 1:
            raise InputError(
                "a risk is tracked against a bound and at a level between 0 and 1",
                found=f"bound {self.bound:g}, level {self.level:g}",
            )

    @property
    def harmful(self) -> bool:
        """Whether the risk was ever shown to exceed the bound; stays true once it is."""
        return self.harmful_at is not None

    def update(self, losses: npt.ArrayLike) -> Floats:
        """Take the next losses and return the lower bound of the risk after each of them.

        It bounds the mean weighted by the sequence's bets, in which early losses count for more.

        Raises
        ------
        InputError
            When a loss is missing or outside [0, 1].
        """
        new = floats(losses, name="losses").ravel()
        if new.size and (new.min() < 0 or new.max() > 1):
            raise InputError("losses must lie in [0, 1]", found=f"{new.min():g} to {new.max():g}")
        if not new.size:
            return new
        self.looks += 1
        wealth = self._bet(new)
        lower = self._bound_below(new)
        shown = (lower > self.bound) | (wealth >= math.log(2 / (1 - self.level)))
        if self.harmful_at is None and shown.any():
            self.harmful_at = self.rows + int(np.argmax(shown)) + 1
        self.rows += new.size
        return lower

    def result(self, *, scale: float | None = None) -> CheckResult:
        """Return where the risk stands: "fail" once harmful, "unknown" below 200 rows.

        With the `scale` of a regression's errors it is told in the target's own unit.
        """
        mean = self.total / self.rows if self.rows else None
        times, what = (1.0, "loss") if scale is None else (scale, "error")
        why = ""
        verdict: Verdict = "pass"
        if self.harmful:
            verdict = "fail"
            why = (
                f"The mean {what} rose above the {number(times * self.bound)} that is tolerated; "
                f"chance was ruled out after {self.harmful_at:,} outcomes."
            )
        elif self.rows < LEAST_ROWS:
            verdict = "unknown"
            why = f"{self.rows} known outcomes are too few to say: {LEAST_ROWS} are needed."
        return CheckResult(
            name="risk",
            subject="live",
            value=None if mean is None else times * mean,
            low=None if mean is None else times * self._low(mean),
            level=self.level,
            anytime=True,
            n=self.rows,
            max=times * self.bound,
            verdict=verdict,
            why=why,
            method="confidence sequence and e-process (Podkopaev & Ramdas 2022)",
            evidence={"harmful_at": self.harmful_at} if self.harmful else {},
        )

    def _bet(self, new: Floats) -> Floats:
        """Return the log of the e-process after each loss, and keep the capital of each stake."""
        fresh = -math.log(self.looks) - math.log(self.looks + 1)
        stakes = STAKES[:, None] / self.bound
        gains = np.log1p(stakes * (new[None, :] - self.bound)).cumsum(axis=1)
        before = np.logaddexp(np.array(self.wealth), fresh)[:, None]
        capital = before + gains
        self.wealth = tuple(capital[:, -1].tolist())
        unused = -math.log(self.looks + 1)  # what is kept for later starts: 1 - sum of weights
        mean = np.logaddexp.reduce(capital, axis=0) - math.log(len(STAKES))
        return np.asarray(np.logaddexp(mean, unused))

    def _bound_below(self, new: Floats) -> Floats:
        """Return the predictable plug-in empirical Bernstein bound after each loss."""
        seen = self.rows + np.arange(1, new.size + 1)
        total = self.total + new.cumsum()
        mean = (0.5 + total) / (seen + 1)
        squares = self.squares + ((new - mean) ** 2).cumsum()
        mean_before = np.r_[(0.5 + self.total) / (self.rows + 1), mean[:-1]]
        variance_before = (0.25 + np.r_[self.squares, squares[:-1]]) / seen
        log = math.log(2 / (1 - self.level))
        bet = np.sqrt(2 * log / (variance_before * seen * np.log1p(seen)))
        bet = np.minimum(bet, LARGEST_BET)
        bets = self.bets + bet.cumsum()
        won = self.won + (bet * new).cumsum()
        cost = (new - mean_before) ** 2 * (-np.log1p(-bet) - bet)
        penalty = self.penalty + cost.cumsum()
        self.surprise += float(((new - mean_before) ** 2).sum())
        self.total, self.squares = float(total[-1]), float(squares[-1])
        self.bets, self.won, self.penalty = float(bets[-1]), float(won[-1]), float(penalty[-1])
        return np.asarray((won - penalty - log) / bets)

    def _low(self, mean: float) -> float:
        """Return the lower bound of the plain mean, which holds however often one looks.

        An empirical-Bernstein sequence: each loss is foretold by the mean of those before it.
        """
        return max(mean - uniform_boundary(self.surprise, self.level) / self.rows, 0.0)
