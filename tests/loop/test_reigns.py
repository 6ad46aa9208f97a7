"""A reign begins with each decision: what a version did in an earlier one is not of this one."""

from collections.abc import Callable

import numpy as np
import polars as pl

from evermodel.loop.deciding import worse_than_previous
from evermodel.loop.outcomes import labels
from evermodel.loop.releasing import promote, register, rollback
from evermodel.loop.state import read_state
from evermodel.loop.telling import history
from evermodel.loop.training import train
from evermodel.loop.turning import run
from evermodel.loop.watching import monitor
from tests.cli.shell import evermodel
from tests.loop.shop import DAY, Shop, customers

Make = Callable[..., Shop]


def _bad_release(one: Shop) -> None:
    """Put version 2 live, which knows the customers the other way round, and prove it wrong."""
    customers(1000, seed=4, strength=-1.0).write_csv(one.folder / "customers.csv")
    train(one.workspace)
    register("", one.workspace)
    promote(2, one.workspace, force=True)
    rows = customers(400, seed=41, first=410_000)
    one.ask(rows)
    labels(one.bring(rows), one.workspace)


def test_outcomes_of_an_earlier_reign_are_not_held_against_a_version_that_came_back(
    shop: Make,
) -> None:
    one = shop()
    _bad_release(one)
    assert worse_than_previous(one.workspace, read_state(one.workspace)) is not None
    rollback(one.workspace)
    one.clock.advance(DAY)
    promote(2, one.workspace, force=True)
    assert worse_than_previous(one.workspace, read_state(one.workspace)) is None
    report = monitor(one.workspace)
    assert report.facts["state"] == "too few to say"
    assert "No prediction was logged" in report.find("action").why
    rows = customers(60, seed=42, first=420_000)
    one.ask(rows)
    labels(one.bring(rows), one.workspace)
    again = monitor(one.workspace)
    assert (again.facts["rows"], again.find("brier").n) == (60, 60)


def _second_version(one: Shop, rows: pl.DataFrame | None = None) -> None:
    """Put another version live, and have it answer a few."""
    if rows is not None:
        rows.write_csv(one.folder / "customers.csv")
    train(one.workspace, seed=5)
    register("", one.workspace)
    promote(2, one.workspace, force=True)
    asked = customers(60, seed=42, first=420_000)
    one.ask(asked if rows is None else asked.with_columns(basket=pl.lit(1.0)))


def test_harm_is_seen_across_a_promotion_by_outcomes_that_come_after_it(shop: Make) -> None:
    one = shop()
    rows = customers(700, seed=31, first=310_000, strength=-1.0)
    one.ask(rows)
    _second_version(one)
    labels(one.bring(rows), one.workspace)
    report = monitor(one.workspace)
    assert (report.facts["version"], report.facts["state"]) == (2, "harmful change")
    assert report.find("risk").n == report.find("brier").n == 700


def test_outcomes_by_which_a_version_was_chosen_do_not_measure_it(shop: Make) -> None:
    one = shop()
    rows = customers(700, seed=31, first=310_000, strength=-1.0)
    one.ask(rows)
    labels(one.bring(rows), one.workspace)
    one.clock.advance(DAY)
    _second_version(one)
    assert monitor(one.workspace).facts["state"] == "too few to say"


def test_rows_that_lack_a_column_of_the_live_version_do_not_measure_it(shop: Make) -> None:
    one = shop()
    rows = customers(700, seed=31, first=310_000, strength=-1.0)
    one.ask(rows)
    basket = np.random.default_rng(0).normal(size=1000).round(2)
    _second_version(one, customers(1000, seed=4).with_columns(basket=pl.Series(basket)))
    labels(one.bring(rows), one.workspace)
    report = monitor(one.workspace)
    assert report.facts["version"] == 2
    assert report.facts["state"] != "harmful change"
    assert not [result for result in report.results if result.name == "brier"]


def test_a_version_that_went_live_during_a_look_is_not_judged_by_what_was_seen(shop: Make) -> None:
    one = shop()
    _bad_release(one)

    def meanwhile(step: str, share: float) -> None:
        if step == "looking at what is live":
            done = evermodel("promote", "1", "--force", folder=one.folder)
            assert done.code == 0, done.err

    report = run(one.workspace, progress=meanwhile)
    assert (report.facts["decision"], report.facts["live"]) == ("none", 1)
    assert "during this look" in report.find("decision").why
    assert one.workspace.events("rolled_back") == []


def test_history_shows_the_proof_of_a_way_back(shop: Make) -> None:
    one = shop()
    _bad_release(one)
    assert run(one.workspace).facts["decision"] == "roll back"
    promote(2, one.workspace, force=True)
    rollback(one.workspace, reason="customers complain")
    shown = [each for each in history(one.workspace).results if each.name == "rolled back"]
    proven, asked = (one.workspace.report(each.evidence["reports"][0]) for each in shown)
    assert proven.find("regret").low is not None
    assert asked.find("rolled back").why == "customers complain"


def test_the_way_back_to_what_was_proven_worse_warns(shop: Make) -> None:
    one = shop()
    _bad_release(one)
    assert run(one.workspace).facts["decision"] == "roll back"
    again = rollback(one.workspace, to=2)
    assert again.facts["live"] == 2
    told = again.find("worse")
    assert (told.verdict, told.subject) == ("warn", "version 2")
    assert "the version before was better" in told.why
    assert not [each for each in rollback(one.workspace, to=1).results if each.name == "worse"]


def test_history_shows_the_reports_of_every_decision_that_rests_on_one(shop: Make) -> None:
    one = shop(("loop", 'deadline = "10d"'))
    _bad_release(one)
    rollback(one.workspace)
    train(one.workspace, seed=7)
    register("", one.workspace)
    run(one.workspace)
    shown = history(one.workspace).results
    assert {"registered", "promoted", "rolled back"} <= {each.name for each in shown}
    for each in shown:
        for digest in each.evidence["reports"]:
            assert one.workspace.report(digest).results
        assert each.evidence["reports"], each.name
