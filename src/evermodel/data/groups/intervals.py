"""Intervals for many groups at once: every one of them holds, in 95 of 100 tables.

Shares carry the number of rows that they are worth: weights and rows that belong together (of one
customer, of one day) make it less than the rows that are there.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.records import Verdict

__all__ = ["Sample", "distance", "joint_z", "judged", "kish", "newcombe", "worth"]

Floats = npt.NDArray[np.float64]
Sample = tuple[float, float]
"""A share, and the number of independent rows that it is worth (infinite: it is known)."""


def joint_z(level: float, claims: int) -> float:
    """Return the normal quantile at which `claims` intervals hold together (Bonferroni).

    Examples
    --------
    >>> round(joint_z(0.95, 1), 2), round(joint_z(0.95, 20), 2)
    (1.96, 3.02)
    """
    return NormalDist().inv_cdf(1 - (1 - level) / 2 / max(claims, 1))


def kish(weight: npt.ArrayLike) -> float:
    """Return the design effect of weights: how many weighted rows are worth one.

    References
    ----------
    Kish (1965), "Survey Sampling": n times the sum of squares, over the square of the sum.

    Examples
    --------
    >>> kish([1, 1, 1, 1]), round(kish([4, 1, 1, 1]), 3)
    (1.0, 1.551)
    """
    mass = np.asarray(weight, np.float64)
    return float(mass.size * (mass**2).sum() / mass.sum() ** 2)


def worth(
    group: pl.Series, *, weight: pl.Series | None = None, cluster: pl.Series | None = None
) -> dict[str, Sample]:
    """Return each group's share, and the number of independent rows that it is worth.

    Without clusters that is the rows over Kish's design effect. With them it is the rows that would
    give a simple sample the variance which the clusters' sums show (linearised ratio), never more
    than without.

    References
    ----------
    Kish (1965); Särndal, Swensson, Wretman (1992), "Model Assisted Survey Sampling", section 5.6.

    Examples
    --------
    >>> worth(pl.Series(["a", "a", "b", "b"]))
    {'a': (0.5, 4.0), 'b': (0.5, 4.0)}
    >>> worth(pl.Series(["a", "a", "b", "b"] * 9), cluster=pl.Series([i // 2 for i in range(36)]))
    {'a': (0.5, 17.0), 'b': (0.5, 17.0)}
    """
    mass = weight if weight is not None else pl.Series(np.ones(group.len()))
    rows = pl.DataFrame({"g": group, "w": mass.cast(pl.Float64)})
    total = float(rows["w"].sum())
    if not rows.height or total <= 0:
        return {}
    sums = rows.group_by("g").agg(pl.col("w").sum()).sort("g")
    share = {str(name): float(w) / total for name, w in sums.iter_rows()}
    plain = rows.height / kish(rows["w"].to_numpy())
    if cluster is None:
        return {name: (p, plain) for name, p in share.items()}
    both = rows.with_columns(c=cluster).group_by("c", "g").agg(pl.col("w").sum())
    both = both.with_columns(all=pl.col("w").sum().over("c"))
    whole = both.unique("c")["all"].to_numpy()
    squares = float((whole**2).sum())
    count = whole.size
    parts = both.group_by("g").agg(
        own=(pl.col("w") ** 2).sum(), mix=(pl.col("w") * pl.col("all")).sum()
    )
    found: dict[str, Sample] = {}
    for name, own, mix in parts.sort("g").iter_rows():
        p = share[str(name)]
        spread = (own - 2 * p * mix + p * p * squares) / total**2 * count / max(count - 1, 1)
        # Where nothing varies, rows of one cluster count as one.
        size = p * (1 - p) / spread if spread > 1e-15 else total**2 / squares
        found[str(name)] = (p, min(size, plain))
    return found


def _score(sample: Sample, z: float) -> tuple[float, float]:
    """Wilson's bounds at z, for rows that need not be whole; a known share has none."""
    p, n = sample
    if math.isinf(n):
        return p, p
    if n <= 0:
        return 0.0, 1.0
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half))


def newcombe(one: Sample, two: Sample, z: float) -> tuple[float, float]:
    """Return the bounds of the difference of two shares, of independent rows.

    References
    ----------
    Newcombe (1998), "Interval Estimation for the Difference Between Independent Proportions",
    method 10: Wilson's bounds of both, joined.

    Examples
    --------
    >>> low, high = newcombe((56 / 70, 70), (48 / 80, 80), 1.959964)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    (low_one, high_one), (low_two, high_two) = _score(one, z), _score(two, z)
    p, q = one[0], two[0]
    low = p - q - math.hypot(p - low_one, high_two - q)
    return low, p - q + math.hypot(high_one - p, q - low_two)


def distance(
    one: npt.ArrayLike, rows: float, two: npt.ArrayLike, other_rows: float, level: float = 0.95
) -> tuple[float, float, float]:
    """Return the total variation distance of two sets of shares, with its bounds.

    It is the share of the rows that would have to be of other groups. Bounds: the distance is the
    largest difference over all sets of groups, and score intervals with the chi-square quantile
    of K - 1 degrees hold for all sets at once.

    References
    ----------
    Gold (1963), "Tests Auxiliary to Chi-Square Tests in a Markov Chain" (all sets at once).

    Examples
    --------
    >>> value, low, high = distance([0.3, 0.7], 1000, [0.5, 0.5], float("inf"))
    >>> round(value, 3), round(low, 3), round(high, 3)
    (0.2, 0.171, 0.231)
    """
    from scipy.special import chdtri

    p, q = np.asarray(one, np.float64), np.asarray(two, np.float64)
    value = float(np.abs(p - q).sum()) / 2
    z = math.sqrt(float(chdtri(max(p.size - 1, 1), 1 - level)))
    more = p > q
    first, second = float(p[more].sum()), float(q[more].sum())
    low, _ = newcombe((min(first, 1.0), rows), (min(second, 1.0), other_rows), z)
    widest = [z / 2 / math.sqrt(n + z * z) for n in (rows, other_rows) if not math.isinf(n)]
    return value, min(value, max(low, 0.0)), min(value + math.hypot(*widest, 0.0), 1.0)


def judged(low: float, high: float, least: float, most: float) -> Verdict:
    """Return warn where the interval lies wholly outside what is allowed.

    Where it does not, and is wider than what is allowed, there are too few rows to say.

    Examples
    --------
    >>> judged(0.2, 0.3, -0.1, 0.1), judged(-0.01, 0.12, -0.1, 0.1), judged(-0.2, 0.3, -0.1, 0.1)
    ('warn', 'pass', 'unknown')
    """
    if low > most or high < least:
        return "warn"
    return "unknown" if not high - low <= most - least else "pass"
