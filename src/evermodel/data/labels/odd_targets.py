"""Amounts that lie where no other row of their kind does."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.intake import numbers
from evermodel.data.labels.held_out import deal_folds, held_out_amounts
from evermodel.records import CheckResult
from evermodel.stats.conformal import conformal_radius

__all__ = ["OddAmount", "OddAmounts", "odd_amounts", "usual_limit"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_LEVEL = 0.95
_TAIL = 0.01
_CHANCE = 0.05
_MOST = 200


class OddAmount(msgspec.Struct, frozen=True, kw_only=True):
    """A row, its amount, what was expected, and how near the amount comes to that: 1 is usual."""

    row: int
    given: str
    expected: str
    quality: float


class OddAmounts(msgspec.Struct, frozen=True, kw_only=True):
    """The odd amounts, the oddest first, and the result."""

    amounts: tuple[OddAmount, ...]
    result: CheckResult


def odd_amounts(
    features: pl.DataFrame, target: pl.Series, groups: npt.ArrayLike, *, seed: int = 0
) -> OddAmounts:
    """Return the amounts that are far outside the conformal interval of their row, "odd_targets".

    A quick model says what to expect, and a second how far off it is in such rows; neither has
    learned from the row or its twins. A distance counts in units of the radius that 95 % of the
    rows stay in (split conformal prediction, locally scaled). Those beyond what 19 of 20 tables
    reach are listed, see `usual_limit`; it warns if some lie beyond that for a heavy tail too.
    Amounts above zero that spread over orders of magnitude are judged by their logarithm.

    References
    ----------
    Lei, G'Sell, Rinaldo, Tibshirani, Wasserman (2018), "Distribution-Free Predictive Inference for
    Regression", 5.2; Weissman (1978), "Estimation of Parameters and Large Quantiles Based on the k
    Largest Observations".

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(1, 9, 1000)
    >>> price = 10 * x + rng.normal(size=1000)
    >>> price[3] = 1000.0
    >>> found = odd_amounts(pl.DataFrame({"x": x}), pl.Series("price", price), range(1000))
    >>> [one.row for one in found.amounts], found.result.verdict
    ([3], 'warn')
    """
    values = numbers(target).to_numpy().astype(np.float64)
    known = np.flatnonzero(np.isfinite(values))
    given, some = values[known], features[known]
    scale = np.log if _by_orders(given) else np.asarray
    aim = np.asarray(scale(given), np.float64)
    folds = deal_folds(np.zeros(len(aim)), np.asarray(groups)[known], seed)
    expected = held_out_amounts(some, aim, folds, seed)
    off = np.abs(aim - expected)
    # Logarithms keep the few rows that are far off from drawing all that are near them along.
    floor = max(float(np.median(off)) * 0.1, 1e-9 * float(np.abs(aim).max()), 1e-300)
    width = np.exp(held_out_amounts(some, np.log(off + floor), folds, seed))
    score = off / (width + floor)
    radius = conformal_radius(score, _LEVEL)
    # Amounts that are nearly all alike, and told to the last digit, have no scale to be far on.
    distance = score / radius if 0 < radius < math.inf else np.zeros(len(score))
    limit = max(usual_limit(distance), 1.0)
    certain = int((distance > max(usual_limit(distance, heavy=True), limit)).sum())
    order = np.argsort(-distance, kind="stable")
    order = order[distance[order] > limit]
    back = np.exp(expected) if scale is np.log else expected
    amounts = tuple(
        OddAmount(
            row=int(known[row]),
            given=f"{given[row]:.15g}",
            expected=f"{back[row]:.3g}",
            quality=float(1 / distance[row]),
        )
        for row in order[:_MOST].tolist()
    )
    return OddAmounts(
        amounts=amounts, result=_result(target.name, len(order), certain, len(aim), limit)
    )


def usual_limit(distances: npt.ArrayLike, *, heavy: bool = False) -> float:
    """Return the distance that the largest of as many stays below in 19 of 20 tables.

    The tail beyond the 99 % quantile is taken to fall as it does from the 95 % one to there:
    exponentially, or by a power where it is to be taken for `heavy`. Of tails that are lighter, as
    the normal one, even fewer tables reach it. Infinite below 100 rows.

    References
    ----------
    Breiman, Stone, Kooperberg (1990), "Robust confidence bounds for extreme upper quantiles"
    (exponential tail); Weissman (1978), "Estimation of Parameters and Large Quantiles Based on the
    k Largest Observations" (power).

    Examples
    --------
    >>> sizes = np.abs(np.random.default_rng(0).normal(size=10_000))
    >>> bool(usual_limit(sizes) > sizes.max())
    True
    >>> usual_limit(sizes, heavy=True) > usual_limit(sizes)
    True
    """
    sizes = np.asarray(distances, np.float64)
    if sizes.size < 1 / _TAIL:
        return math.inf
    near, far = np.quantile(sizes, [_LEVEL, 1 - _TAIL])
    if near <= 0:
        return math.inf
    steps = math.log(_TAIL * sizes.size / _CHANCE) / math.log((1 - _LEVEL) / _TAIL)
    return float(far * (far / near) ** steps if heavy else far + (far - near) * steps)


def _by_orders(values: Floats) -> bool:
    """Say whether amounts are above zero and less skewed as logarithms."""
    if values.min() <= 0 or np.ptp(values) == 0:
        return False
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return bool(high / middle > 3 and abs(high * low / middle**2 - 1) < (high + low) / middle - 2)


def _result(name: str, odd: int, certain: int, n: int, limit: float) -> CheckResult:
    why = "no amount lies where those of such rows do not"
    if odd:
        why = (
            f"more than {limit:.2g} times as far from what such rows have as 95 % of all: "
            "a slip of the decimal point, another unit, or a rare case"
        )
    return CheckResult(
        name="odd_targets",
        subject=name,
        value=float(odd),
        unit="rows",
        n=n,
        # One that no usual tail reaches is enough; those that only a light tail leaves out are not.
        max=0 if certain else None,
        verdict="warn" if certain else "pass",
        why=why,
        method="locally scaled split conformal intervals; exponential tail, power tail to warn",
        evidence={"rows": [], "examples": [], "limit": round(limit, 3), "beyond_heavy": certain},
    )
