"""What the five planted events do to a plain model: large enough to see, harmless where said so."""

import numpy as np
import polars as pl
import pytest

from evermodel.demo import WEEKS, Plan, Terms, money
from evermodel.stats.metrics import brier_scores, roc_auc
from tests.demo.plain import SEEDS, champion, delivered, fit, left, quiet_shop, scored, shop, z

THRESHOLD = Terms().threshold


@pytest.mark.parametrize("seed", SEEDS)
def test_there_is_a_signal_to_learn_that_lasts_through_a_quiet_year(seed: int) -> None:
    for weeks in (range(12), range(40, WEEKS)):
        rows, y = scored(quiet_shop(seed), weeks)
        probability = champion(seed).predict(rows)
        assert 0.79 < roc_auc(y, probability) < 0.87
        assert abs(np.mean(probability - y)) < 0.025


@pytest.mark.parametrize("seed", SEEDS)
def test_the_broken_feed_multiplies_money_by_a_hundred_for_its_weeks_only(seed: int) -> None:
    plan = Plan.draw(seed)
    for week in range(plan.broken_feed.start - 1, plan.broken_feed.end + 1):
        rows, right = shop(seed).week(week).rows, quiet_shop(seed).week(week).rows
        factor = 100 if week in plan.broken_feed else 1
        ratio = rows["mean_order_value"] / right["mean_order_value"]
        assert ratio.min() == pytest.approx(factor)
        assert ratio.max() == pytest.approx(factor)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_campaign_changes_who_comes_and_the_model_stays_right_about_them(seed: int) -> None:
    plan = Plan.draw(seed)
    young_by_mail = (pl.col("channel") == "mail") & pl.col("age_band").is_in(["18-25", "26-35"])
    before = shop(seed).history().select(young_by_mail.mean()).item()
    rows, y = scored(shop(seed), range(plan.campaign.start + 1, plan.campaign.end + 3))
    assert before < 0.09
    assert rows.select(young_by_mail.mean()).item() > 0.2
    probability = champion(seed).predict(rows)
    # The loss is what the model itself expects of its probabilities, within its noise.
    surprise = brier_scores(y, probability) - probability * (1 - probability)
    assert abs(z(surprise)) < 3
    assert abs(np.mean(probability - y)) < 0.03


@pytest.mark.parametrize("seed", SEEDS)
def test_the_competitor_is_visible_in_two_weeks_of_outcomes(seed: int) -> None:
    opening = Plan.draw(seed).competitor
    rows, y = scored(shop(seed), range(opening, opening + 2))
    probability = champion(seed).predict(rows)
    assert z(brier_scores(y, probability) - probability * (1 - probability)) > 4


@pytest.mark.parametrize("seed", SEEDS)
def test_after_the_competitor_never_retraining_loses_money_to_a_model_of_newer_data(
    seed: int,
) -> None:
    opening = Plan.draw(seed).competitor
    newer = fit(delivered(shop(seed), opening + 9, opening - 8))
    rows, y = scored(shop(seed), range(opening + 5, WEEKS))
    old, new = champion(seed).predict(rows), newer.predict(rows)
    assert roc_auc(y, new) > roc_auc(y, old) + 0.02
    # Two weeks of rows are enough to tell the two apart.
    few = slice(0, 1100)
    assert z(brier_scores(y[few], old[few]) - brier_scores(y[few], new[few])) > 2
    gain = money(new >= THRESHOLD, y) - money(old >= THRESHOLD, y)
    assert z(gain) > 3


@pytest.mark.parametrize("seed", SEEDS)
def test_a_model_trained_on_the_wrong_outcomes_is_worse_on_right_ones(seed: int) -> None:
    plan = Plan.draw(seed)
    since = plan.mislabelled - 13  # the shop's window
    clean = fit(delivered(shop(seed), plan.mislabelled - 1, since))
    poisoned = fit(delivered(shop(seed), plan.mislabelled, since))
    alone = fit(delivered(shop(seed), plan.mislabelled, plan.mislabelled - 8))
    rows, y = scored(shop(seed), range(plan.mislabelled - 4, plan.mislabelled - 2))
    right = brier_scores(y, clean.predict(rows))
    assert z(brier_scores(y, poisoned.predict(rows)) - right) > 4
    assert z(brier_scores(y, alone.predict(rows)) - right) > 6


@pytest.mark.parametrize("seed", SEEDS)
def test_the_bad_release_looks_fine_on_past_data_and_is_worse_live(seed: int) -> None:
    release = Plan.draw(seed).bad_release
    table = shop(seed).release_table(release)
    cut = int(0.8 * table.height)
    model = fit(table[:cut])
    past = table[cut:]
    assert roc_auc(left(past), model.predict(past)) > 0.9
    rows, y = scored(shop(seed), range(release, release + 2))
    lost = brier_scores(y, model.predict(rows)) - brier_scores(y, champion(seed).predict(rows))
    assert z(lost) > 4
    assert np.mean(model.predict(rows)) < np.mean(y) - 0.08
