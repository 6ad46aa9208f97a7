"""How much a model is better than a guess that knows nothing of a row: the mean, or shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from evermodel.evaluate.cases import Cases
from evermodel.records import REGRESSION, CheckResult
from evermodel.stats.arrays import Floats
from evermodel.stats.skill import class_losses, skill, value_losses

__all__ = ["USELESS", "Guess", "beside_guess", "measure_skill"]

Guess = float | Sequence[float]
"""The mean of the outcomes a model was trained on, or the share of each class in them."""

SKILL = "skill"
USELESS = "useless"
"""Names in the evidence why a model is no better than guessing."""

_BETTER_RANKING = 0.5
_NO_MATTER = 0.02
"""A share of the guess's loss that is not worth a model."""


def measure_skill(
    found: Cases,
    *,
    subject: str,
    level: float,
    doubt: str,
    auc: CheckResult | None,
    guess: Guess | None,
) -> CheckResult:
    """Return the share of the guess's squared loss that the model saves: R2, or Brier's skill.

    It warns where the interval holds 0. The evidence says `useless` where the model is for certain
    not worth more than the guess that was known when it was trained, unless its probabilities come
    with a ranking that certainly is better than chance.

    Parameters
    ----------
    found : Cases
    subject, level
        Of the result and its interval.
    doubt : str
        Why there are too few rows to tell, "" when there are not.
    auc : CheckResult or None
        The ROC AUC of the same rows (classification).
    guess : float or sequence of float, optional
        What could be guessed without the model.
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
    measured = msgspec.structs.replace(bare, value=value, low=low, high=high, level=level)
    if doubt:
        return measured
    return beside_guess(measured, found, auc, guess, lambda known: _worth(found, known, level))


def beside_guess(
    measured: CheckResult,
    found: Cases,
    auc: CheckResult | None,
    guess: Guess | None,
    worth: Callable[[Guess], float],
    *,
    weighted: bool = False,
) -> CheckResult:
    """Return a measured skill with what it says of the model; `worth` bounds it beside a guess."""
    said = "guessing the same for every row" if weighted else _guess(found)
    ranked = auc is not None and auc.low is not None and auc.low > _BETTER_RANKING
    if guess is not None and not ranked and worth(guess) <= _NO_MATTER:
        why = f"no better than {_guess(found, guess)}"
        return msgspec.structs.replace(measured, verdict="warn", why=why, evidence={USELESS: why})
    if measured.low is None or measured.low <= 0:
        why = f"not shown to be better than {said}"
        return msgspec.structs.replace(measured, verdict="warn", why=why)
    return msgspec.structs.replace(measured, verdict="pass", why=f"beside {said}")


def _worth(found: Cases, guess: Guess, level: float) -> float:
    """Return the upper bound of the share that the model saves of the loss of a given guess."""
    _, interval = skill(*_losses(found, guess), level)
    return interval.high if math.isfinite(interval.high) else math.inf


def _losses(found: Cases, guess: Any = None) -> tuple[Floats, Floats]:
    """Return the squared loss of each row [N], and that of the guess [N]."""
    if found.task == REGRESSION:
        return value_losses(found.truth, found.predicted, guess=guess)
    return class_losses(found.truth, found.score if found.score is not None else (), guess=guess)


def _guess(found: Cases, guess: Any = None) -> str:
    """Return in words what is guessed: mean or shares of the rows, unless they are given."""
    if found.task == REGRESSION:
        mean = float(found.truth.mean()) if guess is None else guess
        off = float(np.abs(found.truth - mean).mean())
        return f"guessing the mean, {mean:.4g}, which would be off by {off:.4g} on average"
    shares = zip(found.classes, found.counts / found.n if guess is None else guess, strict=True)
    names = [f"{name} {share:.1%}" for name, share in shares]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"guessing the share of each class for every row: {shown}"
