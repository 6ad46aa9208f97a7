"""Every metric of two classes from counts by score, for a thousand resamples at the price of one.

Rows with one score, one outcome and one decision cannot be told apart: what a resample holds is how
often each such cell was drawn. Where scores are more than `MOST` distinct ones they are put into as
many steps of equal mass for the draws alone; values come from the rows as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evermodel.stats.arrays import Codes, Floats, codes, floats, sums, weights
from evermodel.stats.intervals import Interval, Rates
from evermodel.stats.metrics import (
    auc_of_sums,
    average_precision_of_sums,
    binary_rates,
    brier_scores,
    log_losses,
)
from evermodel.stats.resampling import RESAMPLES, Units, interval_of_draws, resampled, single_rows

__all__ = ["MOST", "RANGES", "Cells", "binary_bootstrap", "cells_of", "metrics_of_cells"]

MOST = 8192
"""Distinct scores up to which resamples are exact."""

_HELD = 2_000_000

_SHARES = ("accuracy", "balanced_accuracy", "precision", "recall", "f1")
RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys((*_SHARES, "roc_auc", "average_precision", "brier"), (0.0, 1.0)),
    "log_loss": (0.0, np.inf),
}
"""Least and largest value of each metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Cells of rows that are alike, in the order of their score.

    `of_row` numbers each row's cell. `step` numbers the cell's score; `positive` and `flagged` are
    its outcome and decision; `log_loss` and `brier` the mean loss of its rows.
    """

    of_row: Codes
    step: Codes
    positive: npt.NDArray[np.bool_]
    flagged: npt.NDArray[np.bool_]
    log_loss: Floats
    brier: Floats


def cells_of(
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    predicted: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    most: int = MOST,
) -> Cells:
    """Return the cells of rows with outcomes, probabilities and decisions [N].

    Examples
    --------
    >>> cells_of([0, 1, 1], [0.2, 0.7, 0.7], [0, 1, 1]).of_row
    array([0, 1, 1])
    """
    labels, p = codes(y) == 1, floats(probability, name="probabilities")
    said = codes(predicted) == 1
    step, steps = _steps(p, most)
    key = (step * 2 + labels) * 2 + said
    held = np.flatnonzero(np.bincount(key, minlength=steps * 4))
    place = np.zeros(steps * 4, np.int64)
    place[held] = np.arange(held.size)
    of_row = place[key]
    each = np.ones(p.size) if weight is None else weights(weight, p.size)
    total = sums(of_row, each, held.size)

    def mean(loss: Floats) -> Floats:
        out = np.zeros(held.size)
        np.divide(sums(of_row, each * loss, held.size), total, out=out, where=total > 0)
        return out

    return Cells(
        of_row=of_row,
        step=held // 4,
        positive=(held // 2) % 2 == 1,
        flagged=held % 2 == 1,
        log_loss=mean(log_losses(labels, p)),
        brier=mean(brier_scores(labels, p)),
    )


def _steps(p: Floats, most: int) -> tuple[Codes, int]:
    """Return the number of each row's score, or of a step of equal mass, and how many there are."""
    order = np.argsort(p, kind="stable")
    ordered = p[order]
    fresh = np.r_[False, ordered[1:] != ordered[:-1]][: p.size]
    number = fresh.cumsum()
    if p.size and number[-1] >= most:
        # A tie belongs to the step of its first row: rows of one score are never divided.
        first = np.flatnonzero(np.r_[True, fresh[1:]])
        number = (first * most // p.size)[number]
        number = np.r_[False, number[1:] != number[:-1]].cumsum()
    out = np.empty(p.size, np.int64)
    out[order] = number
    return out, int(number[-1]) + 1 if p.size else 0


def metrics_of_cells(
    cells: Cells, counts: Floats, rates: Rates = binary_rates
) -> dict[str, Floats]:
    """Return every metric of counts [R, C] of the cells, each [R].

    Examples
    --------
    >>> cells = cells_of([0, 1, 1], [0.2, 0.7, 0.7], [0, 1, 1])
    >>> metrics_of_cells(cells, np.array([[1.0, 2.0]]))["roc_auc"]
    array([1.])
    """
    quarter = cells.positive * 2 + cells.flagged
    table = counts @ (quarter[:, None] == np.arange(4)).astype(np.float64)
    losses = counts @ np.stack([cells.log_loss, cells.brier], axis=1)
    total = counts.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = losses / total[:, None]
    starts = np.flatnonzero(np.r_[True, cells.step[1:] != cells.step[:-1]][: cells.step.size])
    positive = np.add.reduceat(counts * cells.positive, starts, axis=1)
    negative = np.add.reduceat(counts * ~cells.positive, starts, axis=1)
    return {
        **rates(table.reshape(-1, 2, 2)),
        "roc_auc": auc_of_sums(positive, negative),
        "average_precision": average_precision_of_sums(positive, negative),
        "log_loss": means[:, 0],
        "brier": means[:, 1],
    }


def binary_bootstrap(
    y: npt.ArrayLike,
    probability: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    units: Units | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    rates: Rates = binary_rates,
) -> dict[str, tuple[float, Interval]]:
    """Return every metric of two classes and its bootstrap interval.

    Parameters
    ----------
    y, probability, predicted : array [N]
        Outcomes and decisions (0 or 1), probabilities of class 1.
    weight : array of float [N], optional
    units : Units, optional
        What is drawn as a whole; single rows unless given.
    seed, resamples, level
        Of the draws.
    rates : callable
        What is made of confusion matrices [..., 2, 2]; more may be wanted, such as costs.

    References
    ----------
    Hanley, MacGibbon (2006), "Creating non-parametric bootstrap samples using Poisson frequencies"
    (single rows). Weighted rows of a cell are drawn by a scaled Poisson number with the same mean
    and variance.

    Examples
    --------
    >>> found = binary_bootstrap([0, 0, 1, 1] * 50, [0.1, 0.6, 0.4, 0.9] * 50, [0, 1, 0, 1] * 50)
    >>> found["roc_auc"][0], found["roc_auc"][1].low < 0.75 < found["roc_auc"][1].high
    (0.75, True)
    """
    labels, p = codes(y), np.asarray(probability, np.float64)
    each = np.ones(p.size) if weight is None else weights(weight, p.size)
    whole = cells_of(labels, p, predicted, each, most=p.size + 1)
    coarse = cells_of(labels, p, predicted, each)
    exact = metrics_of_cells(whole, sums(whole.of_row, each, whole.step.size)[None], rates)
    point = metrics_of_cells(coarse, sums(coarse.of_row, each, coarse.step.size)[None], rates)
    drawn: dict[str, list[Floats]] = {name: [] for name in exact}
    for counts in _counts(coarse, each, units, seed, resamples):
        found = metrics_of_cells(coarse, counts, rates)
        for name, parts in drawn.items():
            parts.append(found[name])
    drawn_as = units or single_rows(int((each > 0).sum()))
    out = {}
    for name in exact:
        least, most = RANGES.get(name, (-np.inf, np.inf))
        value = float(exact[name][0])
        out[name] = (
            value,
            interval_of_draws(
                value,
                np.concatenate(drawn[name]),
                drawn_as.independent,
                level=level,
                name=drawn_as.name,
                least=least,
                most=most,
                point=float(point[name][0]),
            ),
        )
    return out


def _counts(
    cells: Cells, weight: Floats, units: Units | None, seed: int, resamples: int
) -> Iterator[Floats]:
    """Yield the weight [B, C] of each cell in all resamples."""
    size = cells.step.size
    if units is not None:
        for drawn in resampled(units, seed=seed, resamples=resamples, weight=weight):
            yield np.stack([sums(cells.of_row, row, size) for row in drawn])
        return
    rng = np.random.default_rng(seed)
    total, square = sums(cells.of_row, weight, size), sums(cells.of_row, weight**2, size)
    scale = np.divide(square, total, out=np.zeros(size), where=total > 0)
    rows = np.divide(total, scale, out=np.zeros(size), where=scale > 0)
    batch = max(1, _HELD // max(size, 1))
    for first in range(0, resamples, batch):
        many = min(batch, resamples - first)
        yield np.asarray(rng.poisson(rows, (many, size)) * scale, np.float64)
