import time
from pathlib import Path

import polars as pl
import pytest

from evermodel import demo
from evermodel.demo import LEAK, OUTCOME_WEEKS, START, WEEKS, Plan, Shop, project_text
from evermodel.project import parse_project
from tests.demo.plain import KEYS, SEEDS, quiet_shop, shop


def test_the_same_seed_gives_the_same_year_and_another_seed_another() -> None:
    one, two, other = shop(0), Shop(0), shop(1)
    assert one.history().equals(two.history())
    assert one.week(30).rows.equals(two.week(30).rows)
    assert not one.week(30).rows.equals(other.week(30).rows)


def test_weeks_may_be_asked_for_in_any_order() -> None:
    backwards = Shop(0)
    last = backwards.week(51).rows
    assert last.equals(shop(0).week(51).rows)
    assert backwards.week(0).rows.equals(shop(0).week(0).rows)


def test_a_year_takes_less_than_two_seconds_of_one_core() -> None:
    seconds = []
    for seed in (7, 8):
        began = time.process_time()
        seller = Shop(seed)
        seller.history()
        for week in range(WEEKS):
            seller.week(week)
        seconds.append(time.process_time() - began)
    assert min(seconds) < 2


@pytest.mark.parametrize("seed", SEEDS)
def test_history_and_batches_have_the_size_of_a_small_shop(seed: int) -> None:
    history = shop(seed).history()
    assert 8000 <= history.height <= 12000
    assert 0.2 < (history["churned"] == "yes").mean() < 0.35  # type: ignore[operator]
    sizes = [shop(seed).week(week).rows.height for week in range(WEEKS)]
    assert min(sizes) > 330
    assert max(sizes) < 800


def test_history_was_known_when_the_year_began() -> None:
    latest = shop(0).history()["scored_at"].max()
    assert latest < START - pl.select(pl.duration(days=30)).item()


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_is_scored_twice_within_the_thirty_days_of_an_outcome(seed: int) -> None:
    rows = pl.concat([shop(seed).week(week).rows.select(KEYS) for week in range(WEEKS)])
    gaps = rows.sort(KEYS).select(pl.col("scored_at").diff().over("customer")).to_series()
    assert gaps.drop_nulls().dt.total_days().min() == 35


def test_batches_have_missing_values_where_customers_were_not_asked() -> None:
    rows = shop(0).history()
    assert rows["mail_opens_28d"].null_count() > 0
    assert rows.filter(pl.col("support_contacts_60d") == 0)["support_topic"].null_count() > 0
    complete = rows.drop("mail_opens_28d", "support_topic", "satisfaction", "support_note")
    assert sum(complete.null_count().row(0)) == 0


def test_what_reaches_the_loop_has_no_target_and_no_trace_of_the_plan() -> None:
    week = shop(0).week(0)
    history = shop(0).history()
    assert week.rows.columns == history.columns[:-1]
    assert LEAK not in history.columns
    assert all(not isinstance(getattr(week, name), Plan) for name in week.__slots__)


def test_outcomes_come_five_weeks_later_once_each_and_true_save_for_one_file() -> None:
    seller, plan = shop(0), Plan.draw(0)
    for number in range(WEEKS):
        week = seller.week(number)
        if number < OUTCOME_WEEKS or plan.mislabelled - 3 <= number < plan.mislabelled:
            assert week.outcomes.height == 0
        elif number != plan.mislabelled:
            assert week.outcomes.equals(seller.truth(number - OUTCOME_WEEKS))
    came = pl.concat([seller.week(number).outcomes for number in range(WEEKS)])
    assert came.select(KEYS).is_unique().all()
    assert came.height == sum(seller.truth(n).height for n in range(WEEKS - OUTCOME_WEEKS))


@pytest.mark.parametrize("seed", SEEDS)
def test_one_file_of_a_month_has_many_labels_wrong_and_is_corrected_later(seed: int) -> None:
    seller, plan = shop(seed), Plan.draw(seed)
    file = seller.week(plan.mislabelled).outcomes
    correction = seller.week(plan.mislabelled + 6).corrections
    assert file.height > 1500
    assert file.select(KEYS).equals(correction.select(KEYS))
    wrong = (file["churned"] != correction["churned"]).mean()
    assert wrong == pytest.approx(plan.flipped, abs=0.04)


def test_what_is_known_holds_wrong_labels_until_they_are_corrected() -> None:
    seller, bad = shop(0), Plan.draw(0).mislabelled
    for week, right in ((bad - 1, True), (bad, False), (bad + 6, True)):
        known = seller.known(week)
        truth = pl.concat([seller.truth(n) for n in range(WEEKS)])
        both = known.join(truth, on=KEYS, suffix="_true")
        assert known.columns == seller.history().columns
        assert (both["churned"] == both["churned_true"]).all() is right
        assert known.select(KEYS).is_unique().all()


def test_requests_are_plain_json_records_with_null_for_what_the_shop_has_not() -> None:
    first = shop(0).week(2).requests(["customer", "scored_at", "tenure_days", LEAK])[0]
    assert first["scored_at"] == "2025-01-20T06:00:00"
    assert isinstance(first["tenure_days"], int)
    assert first[LEAK] is None


def test_files_are_written_as_the_shop_would_send_them(tmp_path: Path) -> None:
    seller = shop(0)
    table = pl.read_csv(seller.write_history(tmp_path / "customers.csv"), try_parse_dates=True)
    assert table.columns == seller.history().columns
    assert table.height == seller.history().height
    assert seller.week(0).write_outcomes(tmp_path) == ()
    (path,) = seller.week(6).write_outcomes(tmp_path)
    assert path.name == "outcomes-2025-02-17.csv"
    assert pl.read_csv(path).columns == ["customer", "scored_at", "churned"]
    rows = seller.week(1).rows.select(KEYS).iter_rows()
    (path,) = seller.week(6).write_outcomes(tmp_path, ids={key: key[0] + "-1" for key in rows})
    assert pl.read_csv(path)["id"].str.ends_with("-1").all()


def test_a_week_outside_the_year_is_refused() -> None:
    with pytest.raises(IndexError):
        shop(0).week(WEEKS)


def test_events_change_only_what_the_plan_says() -> None:
    plan = Plan.draw(0)
    for week in range(plan.broken_feed.start):
        same = quiet_shop(0).week(week).rows.drop("customer")
        assert shop(0).week(week).rows.drop("customer").equals(same)


def test_the_project_file_of_the_shop_is_valid_and_its_costs_follow_from_the_offer() -> None:
    project = parse_project(project_text())
    costs = project.outcome.cost_false_positive, project.outcome.cost_false_negative
    assert costs[0] / sum(costs) == pytest.approx(demo.Terms().threshold)
    assert set(project.data.leave_out) < set(shop(0).history().columns)
