"""As many false alarms a year as were accepted, however the year goes."""

import numpy as np
import pytest

from evermodel.errors import InputError
from evermodel.monitor import RiskTracker, drift, drift_level, risk_level
from evermodel.tables import ColumnProfile, Profile

YEARS = 40


def _alarms_of_risk(accepted: float, *, releases: int, days: int, seed: int) -> float:
    """Return the false alarms a year where every version is exactly as bad as is tolerated."""
    rng = np.random.default_rng(seed)
    alarms = 0
    for _ in range(YEARS):
        for reign in range(1, releases + 1):
            tracker = RiskTracker(bound=0.2, level=risk_level(accepted, reign))
            for _ in range(days // releases):
                tracker.update((rng.random(20) < 0.2).astype(np.float64))
            alarms += tracker.harmful
    return alarms / YEARS


@pytest.mark.parametrize("releases", [1, 6])
def test_a_risk_at_its_bound_raises_no_more_false_alarms_a_year_than_accepted(
    releases: int,
) -> None:
    assert _alarms_of_risk(1.0, releases=releases, days=120, seed=3) <= 0.5


def test_the_shares_of_all_versions_of_a_year_add_up_to_what_is_accepted() -> None:
    spent = sum(1 - risk_level(0.4, reign) for reign in range(1, 10_000))
    assert 0.19 < spent <= 0.2


def _plans(counts: np.ndarray) -> Profile:
    numbers = tuple(int(count) for count in counts)
    column = ColumnProfile(
        name="plan",
        type="category",
        rows=sum(numbers),
        missing=0,
        values=("basic", "plus", "pro"),
        value_counts=numbers,
    )
    return Profile(rows=sum(numbers), columns=(column,))


def test_daily_looks_at_a_difference_that_is_no_matter_raise_no_more_than_accepted() -> None:
    rng = np.random.default_rng(5)
    before = [0.5, 0.3, 0.2]
    now = [0.6093, 0.2453, 0.1454]  # a Jensen-Shannon distance of 0.095: less than is looked for
    level = drift_level(12.0, 365)
    looks = 2000
    alarms = 0
    for _ in range(looks):
        old, new = rng.multinomial(5000, before), rng.multinomial(5000, now)
        alarms += drift(_plans(old), _plans(new), level=level)[0].verdict == "warn"
    assert alarms / looks * 365 <= 6


@pytest.mark.parametrize("looks", [52, 365, 100 * 365])
def test_looks_beyond_the_plan_cost_no_more_false_alarms_than_accepted(looks: int) -> None:
    spent = sum(1 - drift_level(1.0, 365, look) for look in range(1, looks + 1))
    assert spent <= 0.5
    # A few looks by hand leave those that are planned nearly as sharp as they were.
    assert 1 - drift_level(1.0, 365, 400) > 0.8 * (1 - drift_level(1.0, 365))


def test_fewer_accepted_alarms_and_more_looks_ask_for_more_certainty() -> None:
    assert drift_level(1, 365) > drift_level(12, 365)
    assert drift_level(1, 8760) > drift_level(1, 365)
    assert risk_level(0.1, 1) > risk_level(1, 1)
    with pytest.raises(InputError, match="above 0"):
        risk_level(0, 1)
