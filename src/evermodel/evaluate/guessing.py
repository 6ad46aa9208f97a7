"""How much a model is better than a guess that knows nothing of a row: the mean, or shares."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from evermodel.evaluate.cases import Cases
from evermodel.records import REGRESSION, CheckResult
from evermodel.stats import intervals, metrics
from evermodel.stats.arrays import Floats

__all__ = ["USELESS", "measure_skill"]

SKILL = "skill"
USELESS = "useless"
"""Named in the evidence of a model that is no better than guessing."""

_BETTER_RANKING = 0.5


def measure_skill(
    found: Cases, *, subject: str, level: float, doubt: str, auc: CheckResult | None
) -> CheckResult:
    """Return the share of the guess's squared loss that the model saves: R2, or Brier's skill.

    It warns where the interval holds 0. At 0 and below the evidence says `useless`, unless
    probabilities that are of no use come with a ranking that certainly is better than chance.

    Parameters
    ----------
    found : Cases
    subject, level
        Of the result and its interval.
    doubt : str
        Why there are too few rows to tell, "" when there are not.
    auc : CheckResult or None
        The ROC AUC of the same rows (classification).

    References
    ----------
    Murphy (1988), "Skill Scores Based on the Mean Square Error and Their Relationships to the
    Correlation Coefficient", Monthly Weather Review 116. The interval is that of a ratio of means
    by its influence function; to first order it does not matter that the guess is the mean of the
    same rows, because there the guess's loss is at its least.
    """
    method = "1 - squared loss / that of the guess (Murphy 1988), delta method"
    losses, guess, said = _losses(found)
    bare = CheckResult(
        name=SKILL, subject=subject, n=found.n, method=method, verdict="unknown", why=doubt
    )
    if losses is None or not guess.any():
        why = doubt or ("all outcomes are equal" if losses is not None else said)
        return msgspec.structs.replace(bare, why=why)
    ratio = float(losses.mean() / guess.mean())
    value = 1 - ratio
    each = value - (losses - ratio * guess) / guess.mean()
    low, high, *_ = intervals.mean_interval(each, level, most=1.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        return msgspec.structs.replace(bare, value=value, why=doubt or "too few rows to say")
    measured = msgspec.structs.replace(bare, value=value, low=low, high=high, level=level)
    if doubt:
        return measured
    ranked = auc is not None and auc.low is not None and auc.low > _BETTER_RANKING
    if value <= 0 and not ranked:
        why = f"no better than {said}"
        return msgspec.structs.replace(measured, verdict="warn", why=why, evidence={USELESS: True})
    if low <= 0:
        why = f"not shown to be better than {said}"
        return msgspec.structs.replace(measured, verdict="warn", why=why)
    return msgspec.structs.replace(measured, verdict="pass", why=f"beside {said}")


def _losses(found: Cases) -> tuple[Floats | None, Floats, str]:
    """Return the squared loss of each row [N], that of the guess [N], and what is guessed."""
    if found.task == REGRESSION:
        mean = float(found.truth.mean())
        off = np.abs(found.truth - mean)
        said = f"guessing the mean, {mean:.4g}, which would be off by {off.mean():.4g} on average"
        return (found.truth - found.predicted) ** 2, off**2, said
    if found.score is None:
        return None, np.zeros(0), "the model gives no probabilities"
    shares = found.counts / found.n
    guess = np.broadcast_to(shares[1] if found.score.ndim == 1 else shares, found.score.shape)
    names = [f"{name} {share:.1%}" for name, share in zip(found.classes, shares, strict=True)]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    said = f"guessing the share of each class for every row: {shown}"
    squares = metrics.brier_scores(found.truth, found.score)
    return squares, metrics.brier_scores(found.truth, guess), said
