"""Differences between two binned samples: right at zero, right far from it, and calm by chance."""

import math

import numpy as np
import pytest

from evermodel.errors import InputError
from evermodel.stats.drift import Measure, difference

MEASURES: tuple[Measure, ...] = ("jensen_shannon", "psi", "total_variation")


def _truth(p: np.ndarray, q: np.ndarray, measure: Measure) -> float:
    if measure == "psi":
        return float(((p - q) * np.log(p / q)).sum())
    if measure == "total_variation":
        return float(np.abs(p - q).sum() / 2)
    middle = (p + q) / 2
    return math.sqrt(float((p * np.log2(p / middle) + q * np.log2(q / middle)).sum()) / 2)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("strength", [0.0, 0.2, 1.0], ids=["no drift", "a little", "much"])
def test_the_interval_holds_the_truth_as_often_as_it_says(
    measure: Measure, strength: float
) -> None:
    rng = np.random.default_rng(7)
    p = rng.dirichlet(np.full(21, 3.0))
    q = p * np.exp(strength * rng.standard_normal(21))
    q /= q.sum()
    truth = _truth(p, q, measure)
    held = 0
    for _ in range(150):
        found = difference(rng.multinomial(5000, p), rng.multinomial(700, q), measure=measure)
        held += found.low <= truth + 1e-12 and truth <= found.high
    assert held >= 0.88 * 150


def test_few_rows_in_many_bins_are_not_taken_for_drift() -> None:
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.full(100, 2.0))
    found = [
        difference(rng.multinomial(50_000, p), rng.multinomial(200, p), seed=i) for i in range(60)
    ]
    assert np.mean([each.raw for each in found]) > 0.2
    assert np.mean([each.value for each in found]) < 0.08
    assert np.mean([each.raw for each in found]) == pytest.approx(
        np.mean([each.expected for each in found]), rel=0.03
    )


def test_p_values_are_even_under_no_drift() -> None:
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.full(20, 5.0))
    values = [
        difference(rng.multinomial(3000, p), rng.multinomial(500, p), seed=i).p_value
        for i in range(300)
    ]
    assert np.mean(np.array(values) < 0.05) < 0.1
    assert 0.4 < np.mean(np.array(values) < 0.5) < 0.6


def test_samples_without_a_common_bin_are_as_far_apart_as_can_be() -> None:
    found = difference([1000, 0], [0, 1000])
    assert found.value == pytest.approx(1.0, abs=0.01)
    assert found.high == 1.0


def test_proportional_counts_do_not_differ() -> None:
    found = difference([1000, 3000], [100, 300])
    assert (found.raw, found.value, found.low) == (0.0, 0.0, 0.0)
    assert found.p_value == 1.0


@pytest.mark.parametrize("measure", MEASURES)
def test_an_empty_sample_gives_no_number(measure: Measure) -> None:
    found = difference([10, 20], [0, 0], measure=measure)
    assert math.isnan(found.value)
    assert math.isnan(found.p_value)


@pytest.mark.parametrize(
    ("reference", "current"), [([1, 2], [1, 2, 3]), ([1, -2], [1, 2]), ([1, math.nan], [1, 2])]
)
def test_what_is_not_two_rows_of_counts_is_refused(
    reference: list[float], current: list[float]
) -> None:
    with pytest.raises(InputError):
        difference(reference, current)


def test_one_bin_that_moved_among_many_is_not_overstated_by_its_lower_bound() -> None:
    rng = np.random.default_rng(11)
    p = rng.dirichlet(np.full(100, 3.0))
    q = p.copy()
    q[0] += 0.1
    q /= q.sum()
    truth = _truth(p, q, "total_variation")
    above = 0
    for _ in range(60):
        a, b = rng.multinomial(5000, p), rng.multinomial(2000, q)
        above += difference(a, b, measure="total_variation").low > truth
    assert above <= 3


@pytest.mark.parametrize("measure", MEASURES)
def test_rounding_never_leaves_a_root_of_less_than_nought(measure: Measure) -> None:
    generator = np.random.default_rng(0)
    for _ in range(300):
        bins = int(generator.integers(1, 7))
        a = generator.integers(0, 3, bins) * generator.integers(1, 400)
        b = generator.integers(0, 3, bins) * generator.integers(1, 400)
        if a.sum() and b.sum():
            found = difference(a, b, measure=measure, level=0.9995)
            assert found.low - 1e-6 <= found.value <= found.high + 1e-6
