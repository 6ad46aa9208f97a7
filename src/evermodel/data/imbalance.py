"""What unequal classes mean for the numbers that will be read off a test."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

import polars as pl

from evermodel.data.column_checks import evidence
from evermodel.data.target import labels
from evermodel.errors import InputError
from evermodel.records import CheckResult, Task
from evermodel.stats.intervals import wilson

__all__ = ["imbalance", "recall_width", "rows_for_width"]

_EASY = 0.9  # accuracy that says nothing, because it takes no model
_NARROW = 0.05
_WIDE = 0.25
_NAMED = 10


def recall_width(n: int, level: float = 0.95) -> float:
    """Return the half width of Wilson's interval of a recall on `n` rows, at a recall of 1/2.

    Elsewhere it is narrower, so that this is what can be promised before the recall is known.

    References
    ----------
    Wilson (1927), "Probable Inference, the Law of Succession, and Statistical Inference".

    Examples
    --------
    >>> round(recall_width(20), 3), round(recall_width(381), 3)
    (0.201, 0.05)
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    return 0.5 * z / math.sqrt(n + z * z)


def rows_for_width(half: float, level: float = 0.95) -> int:
    """Return how many rows of a class make its recall known to within `half`, whatever it is.

    Examples
    --------
    >>> rows_for_width(0.05)
    381

    Raises
    ------
    InputError
        When `half` does not lie between 0 and 1/2.
    """
    if not 0 < half < 0.5:
        raise InputError("the half width lies between 0 and 0.5", found=repr(half))
    z = NormalDist().inv_cdf(0.5 + level / 2)
    return max(1, math.ceil((0.5 * z / half) ** 2 - z * z))


def imbalance(target: pl.Series, task: Task, *, test_share: float = 0.2) -> Iterator[CheckResult]:
    """Yield what the sizes of the classes mean for accuracy and for recall; nothing of a number.

    `majority_accuracy` is the accuracy of always naming the most frequent class; it warns where
    that alone looks like a good model (its interval lies above 90 %). `rarest_class` is how far
    the rarest class's recall can lie from the truth, in a test of `test_share` of the rows that
    has its share of every class; it warns above 25 points.

    References
    ----------
    Provost, Fawcett, Kohavi (1998), "The Case Against Accuracy Estimation for Comparing Induction
    Algorithms"; Wilson (1927) (both intervals).

    Examples
    --------
    >>> found = list(imbalance(pl.Series("y", ["kept"] * 970 + ["lost"] * 30), "binary"))
    >>> [(result.name, round(result.value, 2), result.verdict) for result in found]
    [('majority_accuracy', 0.97, 'warn'), ('rarest_class', 0.31, 'warn')]

    Raises
    ------
    InputError
        When `test_share` does not lie between 0 and 1.
    """
    if not 0 < test_share < 1:
        raise InputError("the share to test on lies between 0 and 1", found=repr(test_share))
    known = labels(target.drop_nulls()).alias("class")
    if task == "regression" or known.n_unique() < 2:
        return
    sizes = known.value_counts(name="rows").sort(["rows", "class"], descending=[True, False])
    counts = {str(name): int(rows) for name, rows in sizes.iter_rows()}
    yield _majority(target.name, counts)
    yield _rarest(target, counts, test_share)


def _majority(name: str, counts: dict[str, int]) -> CheckResult:
    most, rows = next(iter(counts.items()))
    n = sum(counts.values())
    low, high, level, method = wilson(rows, n)
    easy = low > _EASY
    why = f"always saying {most!r} is right in {rows / n:.1%} of the rows"
    if easy:
        why += (
            ", so a high accuracy shows nothing here: "
            "judge by how many of each other class are found, and how many of the alarms are true"
        )
    else:
        why += "; a model has to be better than that"
    return CheckResult(
        name="majority_accuracy",
        subject=name,
        slice=f"{name}={most}",
        value=rows / n,
        unit="share",
        low=low,
        high=high,
        level=level,
        n=n,
        max=_EASY,
        verdict="warn" if easy else "pass",
        why=why,
        method=method,
        evidence={"class": most, "rows": [], "classes": len(counts)},
    )


def _rarest(target: pl.Series, counts: dict[str, int], test_share: float) -> CheckResult:
    name = target.name
    rarest, rows = list(counts.items())[-1]
    tested = round(rows * test_share)
    width, needed = recall_width(tested), rows_for_width(_NARROW)
    wide = [word for word, size in counts.items() if recall_width(round(size * test_share)) > _WIDE]
    why = (
        f"of {rarest!r} there are {_rows(rows)}, about {tested:,} of them in the test: the share "
        f"of it that a model finds is then known to within {100 * width:.0f} points either way"
    )
    if width > _NARROW:
        total = math.ceil(needed / test_share)
        why += f"; for 5 points it takes {needed} of them in the test, {total:,} in all"
    if len(wide) > 1:
        why += f"; {len(wide)} of the {len(counts)} classes are too rare to be judged one by one"
    return CheckResult(
        name="rarest_class",
        subject=name,
        slice=f"{name}={rarest}",
        value=width,
        unit="share",
        n=rows,
        level=0.95,
        max=_WIDE,
        verdict="warn" if width > _WIDE else "pass",
        why=why,
        method="half width of Wilson's interval at its widest, a recall of one half",
        evidence={
            **evidence(target, labels(target) == rarest),
            "tested": tested,
            "needed_in_test": needed,
            "too_rare": dict(list({w: counts[w] for w in reversed(wide)}.items())[:_NAMED]),
            "classes_too_rare": len(wide),
        },
    )


def _rows(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"
