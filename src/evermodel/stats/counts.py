"""Metrics of two classes from counts that merge: for data larger than memory, or on many machines.

All that is kept are whole numbers, so that sums do not depend on their order: any partition of the
rows, merged in any order, gives the very same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.stats.arrays import Codes, Floats, codes, floats, weights
from evermodel.stats.metrics import (
    auc_of_sums,
    average_precision_of_sums,
    binary_rates,
    brier_scores,
    log_losses,
)

__all__ = ["DISTINCT", "LARGEST_WEIGHT", "MetricCounts"]

DISTINCT = 65_536
"""Distinct scores that are kept as they are; of more, scores are put on a grid of as many steps."""

LARGEST_WEIGHT = 1e6

_WEIGHT = 2**20
"""A row's weight is kept as a whole number of such parts."""

_LOSS = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCounts:
    """Counts of rows by score, outcome and decision; `a.merged(b)` is that of all their rows.

    Rates, log loss and Brier score are those of the rows themselves. ROC AUC and average precision
    are exact while there are at most `distinct` different scores; of more, scores are rounded down
    to a grid of `distinct` steps in [0, 1], and `roc_auc_error` bounds how far the AUC is off.

    Examples
    --------
    >>> one = MetricCounts.of([0, 1], [0.2, 0.7])
    >>> both = one.merged(MetricCounts.of([0, 1], [0.8, 0.9]))
    >>> both.metrics()["roc_auc"], both.rows
    (0.75, 4)
    """

    threshold: float
    distinct: int
    gridded: bool
    score: Floats
    count: Codes  # [2, S]: negative and positive rows' weight in parts
    table: Codes  # [2, 2]
    losses: tuple[int, int]
    rows: int

    @classmethod
    def of(
        cls,
        y: npt.ArrayLike,
        probability: npt.ArrayLike,
        *,
        weight: npt.ArrayLike | None = None,
        threshold: float = 0.5,
        distinct: int = DISTINCT,
    ) -> MetricCounts:
        """Return the counts of rows with outcomes (0 or 1) and probabilities [N].

        Raises
        ------
        InputError
            When a probability is not finite or lies outside 0 and 1, an outcome is neither 0 nor
            1, or a weight is negative, not finite or above 1e6.
        """
        labels, p = codes(y), floats(probability, name="probabilities")
        if labels.shape != p.shape:
            raise InputError(
                "as many probabilities as outcomes are needed", found=f"{p.size} and {labels.size}"
            )
        if ((p < 0) | (p > 1)).any():
            raise InputError("probabilities lie between 0 and 1", found=f"{p.min()}, {p.max()}")
        if ((labels != 0) & (labels != 1)).any():
            raise InputError("outcomes must be 0 or 1")
        each = np.ones(p.size) if weight is None else weights(weight, p.size)
        if (each > LARGEST_WEIGHT).any():
            raise InputError("weights must be at most 1e6", found=f"{each.max():g}")
        parts = np.rint(each * _WEIGHT).astype(np.int64)
        kept = parts / _WEIGHT
        score, place = np.unique(p, return_inverse=True)
        return cls(
            threshold=threshold,
            distinct=distinct,
            gridded=False,
            score=score,
            count=_added(place + labels * score.size, parts, 2 * score.size).reshape(2, -1),
            table=_added(labels * 2 + (p >= threshold), parts, 4).reshape(2, 2),
            losses=(
                _whole(kept * log_losses(labels, p)),
                _whole(kept * brier_scores(labels, p)),
            ),
            rows=int(p.size),
        )._fitted()

    def merged(self, other: MetricCounts) -> MetricCounts:
        """Return the counts of both.

        Raises
        ------
        InputError
            When they were counted with different thresholds or numbers of distinct scores.
        """
        if (self.threshold, self.distinct) != (other.threshold, other.distinct):
            raise InputError("only counts of one threshold and grid can be merged")
        one, two = self, other
        if one.gridded or two.gridded:
            one, two = one._on_grid(), two._on_grid()
        score, place = np.unique(np.r_[one.score, two.score], return_inverse=True)
        count = np.zeros((2, score.size), np.int64)
        count[:, place[: one.score.size]] += one.count
        count[:, place[one.score.size :]] += two.count
        return MetricCounts(
            threshold=self.threshold,
            distinct=self.distinct,
            gridded=one.gridded,
            score=score,
            count=count,
            table=one.table + two.table,
            losses=(one.losses[0] + two.losses[0], one.losses[1] + two.losses[1]),
            rows=one.rows + two.rows,
        )._fitted()

    def _fitted(self) -> MetricCounts:
        return self if self.gridded or self.score.size <= self.distinct else self._on_grid()

    def _on_grid(self) -> MetricCounts:
        if self.gridded:
            return self
        steps = np.minimum(np.floor(self.score * self.distinct), self.distinct - 1)
        score, place = np.unique(steps / self.distinct, return_inverse=True)
        count = np.stack([_added(place, row, score.size) for row in self.count])
        return MetricCounts(
            threshold=self.threshold,
            distinct=self.distinct,
            gridded=True,
            score=score,
            count=count,
            table=self.table,
            losses=self.losses,
            rows=self.rows,
        )

    @property
    def roc_auc_error(self) -> float:
        """How far the ROC AUC may be from that of the rows: 0 while all scores are kept.

        A grid can change the order of rows within a step alone: at most half of such pairs.
        """
        if not self.gridded:
            return 0.0
        negative, positive = self.count.astype(np.float64)
        pairs = negative.sum() * positive.sum()
        return float((negative * positive).sum() / pairs / 2) if pairs else math.nan

    def metrics(self) -> Mapping[str, float]:
        """Return the metrics of two classes by their names; NaN where one is not defined."""
        negative, positive = self.count.astype(np.float64)
        total = int(self.table.sum()) / _WEIGHT
        log_loss, brier = (s / _LOSS / total if total else math.nan for s in self.losses)
        rates = binary_rates(self.table)
        return {name: float(value) for name, value in rates.items()} | {
            "roc_auc": float(auc_of_sums(positive, negative)),
            "average_precision": float(average_precision_of_sums(positive, negative)),
            "log_loss": log_loss,
            "brier": brier,
        }


def _added(place: Codes, parts: Codes, size: int) -> Codes:
    """Return the sums of whole numbers by place, exactly: floats would round them."""
    out = np.zeros(size, np.int64)
    np.add.at(out, place, parts)
    return out


def _whole(values: Floats) -> int:
    """Return the sum of values, each rounded to 2**-32, exactly and in any order."""
    if not values.size:
        return 0
    parts = np.rint(values * _LOSS).astype(np.int64)
    step = max(1, int(2**62 // max(int(parts.max()), 1)))
    return sum(int(parts[at : at + step].sum()) for at in range(0, parts.size, step))
