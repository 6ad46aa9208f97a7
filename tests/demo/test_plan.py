import pytest

from evermodel.demo import OUTCOME_WEEKS, WEEKS, Plan


@pytest.mark.parametrize("seed", range(50))
def test_every_event_has_its_outcomes_within_the_year(seed: int) -> None:
    plan = Plan.draw(seed)
    assert 1 <= plan.broken_feed.end - plan.broken_feed.start <= 2
    assert plan.broken_feed.end < plan.campaign.start < plan.campaign.end <= plan.bad_release
    assert plan.bad_release + OUTCOME_WEEKS + 2 <= plan.competitor
    # The competitor is dealt with before the wrong outcomes come, and these before the year ends.
    assert plan.competitor + OUTCOME_WEEKS + 10 <= plan.mislabelled
    assert plan.mislabelled + 6 < WEEKS
    assert 0.35 <= plan.flipped <= 0.45


def test_the_seed_decides_when_events_happen() -> None:
    assert Plan.draw(3) == Plan.draw(3)
    assert len({Plan.draw(seed).competitor for seed in range(20)}) == 3
    assert len({Plan.draw(seed).competitor_regions for seed in range(20)}) > 3
