"""How much a model is better than a guess that knows nothing of a row: the mean, or shares."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from evermodel.evaluate.cases import Cases
from evermodel.records import REGRESSION, CheckResult
from evermodel.stats.arrays import Floats
from evermodel.stats.skill import class_losses, skill, value_losses

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
    """
    if found.task != REGRESSION and found.score is None:
        why = doubt or "the model gives no probabilities"
        return CheckResult(name=SKILL, subject=subject, n=found.n, verdict="unknown", why=why)
    value, (low, high, _, method) = skill(*_losses(found), level)
    bare = CheckResult(
        name=SKILL, subject=subject, n=found.n, method=method, verdict="unknown", why=doubt
    )
    if not math.isfinite(value):
        return msgspec.structs.replace(bare, why=doubt or "all outcomes are equal")
    if not (math.isfinite(low) and math.isfinite(high)):
        return msgspec.structs.replace(bare, value=value, why=doubt or "too few rows to say")
    said = _guess(found)
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


def _losses(found: Cases) -> tuple[Floats, Floats]:
    """Return the squared loss of each row [N], and that of the guess [N]."""
    if found.task == REGRESSION:
        return value_losses(found.truth, found.predicted)
    return class_losses(found.truth, found.score if found.score is not None else ())


def _guess(found: Cases) -> str:
    """Return in words what is guessed."""
    if found.task == REGRESSION:
        mean = float(found.truth.mean())
        off = float(np.abs(found.truth - mean).mean())
        return f"guessing the mean, {mean:.4g}, which would be off by {off:.4g} on average"
    shares = zip(found.classes, found.counts / found.n, strict=True)
    names = [f"{name} {share:.1%}" for name, share in shares]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"guessing the share of each class for every row: {shown}"
