"""How good are the answers likely to be, before any outcome is known.

An estimate from the model's own calibrated probabilities. It sees that harder rows came; it cannot
see that the same rows now end differently, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.records import CheckResult, Verdict
from evermodel.report.wording import number
from evermodel.stats.arrays import Floats, floats

__all__ = ["LEAST_ROWS", "estimated"]

LEAST_ROWS = 200

CAVEAT = (
    "An estimate that trusts the model's probabilities: it would not notice that customers with "
    "the same data behave differently now."
)


def estimated(
    probability: npt.ArrayLike,
    *,
    threshold: float = 0.5,
    baseline: Mapping[str, CheckResult] | None = None,
    tolerance: float = 0.05,
    level: float = 0.95,
) -> tuple[CheckResult, ...]:
    """Return the accuracy, Brier score and log loss to expect of rows without outcomes.

    Subject "estimate". Each row is right or wrong with the probability that the model states, so
    the interval bounds what those rows will turn out to give. "unknown" below 200 rows, "warn" when
    even the better bound is worse than the baseline by more than the tolerance, never "fail".

    Parameters
    ----------
    probability : array of float
        Calibrated: [N] of the positive class, or [N, K] of each class.
    threshold : float
        From which a row of a binary task counts as positive.
    baseline : mapping of str to CheckResult, optional
        Test metrics by name.

    Raises
    ------
    InputError
        When a probability is missing or lies outside [0, 1].

    References
    ----------
    Kivimaki, Bialek, Nurminen, Kuberski (2024), "Confidence-based estimators for predictive
    performance in model monitoring", arXiv 2407.08649; Guillory, Shankar, Ebrahimi, Darrell,
    Schmidt (2021), "Predicting with confidence on unseen distributions".

    Examples
    --------
    >>> accuracy, brier, _ = estimated(np.full(1000, 0.1))
    >>> round(accuracy.value, 4), round(brier.value, 4), accuracy.method
    (0.9, 0.09, 'CBPE')
    """
    p = floats(probability, name="probabilities")
    if p.size and (p.min() < 0 or p.max() > 1):
        raise InputError("probabilities must lie in [0, 1]", found=f"{p.min():g} to {p.max():g}")
    matrix = np.column_stack([1 - p, p]) if p.ndim == 1 else p
    chosen = (p >= threshold).astype(np.int64) if p.ndim == 1 else matrix.argmax(axis=1)
    return tuple(
        _result(name, matrix, losses, baseline or {}, tolerance, level)
        for name, losses in _outcomes(matrix, chosen, binary=p.ndim == 1).items()
    )


def _outcomes(matrix: Floats, chosen: npt.NDArray[np.int64], *, binary: bool) -> dict[str, Floats]:
    """Return, a metric, what each row [N, K] would give if class k came."""
    rows, classes = matrix.shape
    hit = np.zeros((rows, classes))
    hit[np.arange(rows), chosen] = 1.0
    squared = (matrix**2).sum(axis=1, keepdims=True) - 2 * matrix + 1
    tiny = np.finfo(np.float64).eps
    return {
        "accuracy": hit,
        "brier": squared / 2 if binary else squared,
        "log_loss": -np.log(np.clip(matrix, tiny, 1.0)),
    }


def _result(
    name: str,
    matrix: Floats,
    outcome: Floats,
    baseline: Mapping[str, CheckResult],
    tolerance: float,
    level: float,
) -> CheckResult:
    n = matrix.shape[0]
    method = "CBPE"
    if n < LEAST_ROWS:
        why = f"{n} rows are too few to say: {LEAST_ROWS} are needed."
        return CheckResult(
            name=name, subject="estimate", n=n, verdict="unknown", why=why, method=method
        )
    expected = (matrix * outcome).sum(axis=1)
    variance = (matrix * outcome**2).sum(axis=1) - expected**2
    value = float(expected.mean())
    half = NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(max(float(variance.sum()), 0.0)) / n
    low, high = max(value - half, 0.0), value + half
    if name == "accuracy":
        high = min(high, 1.0)
    test = baseline.get(name)
    verdict: Verdict = "pass"
    why = CAVEAT
    if test is not None and test.value is not None:
        worse = test.value - high if name == "accuracy" else low - test.value
        if worse > tolerance:
            verdict = "warn"
            why = f"Expected to be worse than the {number(test.value)} of the test rows. {CAVEAT}"
    return CheckResult(
        name=name,
        subject="estimate",
        value=value,
        low=low,
        high=high,
        level=level,
        n=n,
        verdict=verdict,
        why=why,
        method=method,
        evidence={"estimate": True},
    )
