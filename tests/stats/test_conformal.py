"""Conformal intervals cover new rows at least as often as promised."""

import math

import numpy as np
import pytest

from evermodel.errors import InputError
from evermodel.stats.conformal import conformal_radius


@pytest.mark.parametrize("n", [19, 60, 500])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_new_rows_are_covered_as_promised_and_not_much_more(n: int, level: float) -> None:
    rng = np.random.default_rng(n)
    covered = []
    for _ in range(400):
        radius = conformal_radius(rng.standard_t(3, n), level)
        covered.append(float((np.abs(rng.standard_t(3, 200)) <= radius).mean()))
    exact = math.ceil((n + 1) * level - 1e-9) / (n + 1)
    assert float(np.mean(covered)) == pytest.approx(exact, abs=0.012)


def test_too_few_rows_give_no_finite_radius() -> None:
    assert conformal_radius(np.ones(18), 0.95) == math.inf
    assert conformal_radius(np.ones(19), 0.95) == 1.0
    assert conformal_radius([], 0.5) == math.inf


def test_missing_residuals_are_refused() -> None:
    with pytest.raises(InputError, match="finite"):
        conformal_radius([1.0, np.nan])
