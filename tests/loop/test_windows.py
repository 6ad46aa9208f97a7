"""The rows a challenger learns from: the source and the log, nobody twice, in their time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from evermodel.loop.beginning import read_source
from evermodel.loop.outcomes import labels
from evermodel.loop.predictions import compact
from evermodel.loop.releasing import promote, register
from evermodel.loop.retraining import retrain
from evermodel.loop.state import read_state
from evermodel.loop.telling import status
from evermodel.loop.training import train, train_on
from evermodel.loop.windows import Window, training_windows
from evermodel.loop.workspace import Workspace
from tests.loop.shop import PROJECT, Shop, customers

PART = "evermodel part"
BEGIN = datetime(2025, 1, 1)
TIMED = PROJECT.replace("[data]", '[data]\ntime = "seen"').replace('"1d"', '"10d"')


def dated(rows: pl.DataFrame, first: datetime, days: int) -> pl.DataFrame:
    """Return rows spread evenly over so many days."""
    step = timedelta(days=days) / rows.height
    seen = [f"{first + place * step:%Y-%m-%dT%H:%M:%S}" for place in range(rows.height)]
    return rows.with_columns(seen=pl.Series(seen))


def windows(one: Shop, rows: pl.DataFrame) -> list[Window]:
    """Ask for rows, bring their outcomes, and return the windows after that."""
    one.ask(rows)
    labels(one.bring(rows, after=30 * 86_400.0), one.workspace)
    compact(one.workspace)
    table = read_source(one.workspace.project)
    return training_windows(one.workspace, read_state(one.workspace), table, seed=0)


def test_who_is_in_the_source_and_in_the_log_is_learned_from_once(
    shop: Callable[..., Shop],
) -> None:
    logged = pl.concat([customers(1000)[:200], customers(100, seed=5, first=5000)])
    everything = windows(shop(), logged)[0].table.frame
    assert everything.height == 1100
    assert everything["customer"].n_unique() == 1100
    assert everything["customer"].tail(300).to_list() == logged["customer"].to_list()


@pytest.mark.slow
def test_a_challenger_is_validated_in_the_time_of_its_rows_where_callers_send_it(
    begin: Callable[..., Workspace], tmp_path: Path
) -> None:
    workspace = begin(TIMED, dated(customers(1000), BEGIN, 300))
    train(workspace)
    register("", workspace)
    promote(None, workspace)
    workspace.close()
    one = Shop(workspace.root.parent, tmp_path / "timed")
    window = windows(one, dated(customers(300, seed=5, first=5000), datetime(2026, 1, 1), 3))[0]
    assert window.project.data.time == "seen"
    report = train_on(one.workspace, window.table, project=window.project)
    assert report.find("parity").verdict == "pass"


def test_nobody_who_was_learned_from_is_tested_on_in_the_next_window(
    shop: Callable[..., Shop],
) -> None:
    one = shop()
    before = windows(one, customers(300, seed=5, first=5000))[0].table.frame
    after = windows(one, customers(200, seed=6, first=6000))[0].table.frame
    tested = [set(frame.filter(pl.col(PART) == "test")["customer"]) for frame in (before, after)]
    learned = set(before.filter(pl.col(PART) == "train")["customer"])
    assert len(tested[0]) > 40
    assert len(tested[1]) > 40
    assert not learned & tested[1]
    # While it is among the newest, a row that was tested on stays so.
    newest = set(after.tail(after.height // 4)["customer"])
    assert tested[0] & newest
    assert tested[0] & newest <= tested[1]


@pytest.mark.parametrize("keys", [("k0", "k1", "k2"), (None,)])
def test_rows_of_few_keys_or_of_none_are_on_both_sides(
    shop: Callable[..., Shop], keys: tuple[str | None, ...]
) -> None:
    one = shop()
    rows = customers(600, seed=5)
    sent = pl.Series([keys[place % len(keys)] for place in range(600)], dtype=pl.String)
    answered = one.ask(rows.with_columns(customer=sent))
    one.clock.advance(30 * 86_400.0)
    path = one.folder / "by-id.csv"
    ids = pl.Series([answer["id"] for answer in answered])
    rows.select("churned").with_columns(prediction_id=ids).write_csv(path)
    labels(path, one.workspace)
    compact(one.workspace)
    table = read_source(one.workspace.project)
    for seed in range(4):
        found = training_windows(one.workspace, read_state(one.workspace), table, seed=seed)
        assert set(found[0].table.frame.tail(600)[PART]) == {"train", "test"}


def test_in_a_small_table_what_is_new_is_a_window_of_its_own_and_tests_all(
    shop: Callable[..., Shop],
) -> None:
    changed = customers(400, seed=5, first=5000, strength=-1.0)
    everything, newest = windows(shop(), changed)
    assert (everything.name, newest.name) == ("all", "newest 466")
    tested = everything.table.frame.filter(pl.col(PART) == "test")
    assert set(tested["customer"]) <= set(changed["customer"].tail(350))
    assert tested["customer"].to_list() == (
        newest.table.frame.filter(pl.col(PART) == "test")["customer"].to_list()
    )


def test_a_window_that_lost_is_no_candidate_that_waits(shop: Callable[..., Shop]) -> None:
    one = shop()
    windows(one, customers(400, seed=5, first=5000, strength=-1.0))
    report = retrain(one.workspace)
    state = read_state(one.workspace)
    assert len(state.candidates) == 3
    assert state.candidate is not None
    assert state.candidate["run"] == state.version(report.facts["version"]).run
    assert "candidate" not in [result.name for result in status(one.workspace).results]
