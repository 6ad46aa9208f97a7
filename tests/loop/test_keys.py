"""A key is the same whoever writes it: a file, a request, the log, the rows learned from."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.loop.keys import key_text, keys_of, refs_of, refs_of_log
from evermodel.loop.outcomes import labelled, labels
from evermodel.loop.predictions import logged
from evermodel.loop.reading import keys_read
from evermodel.loop.releasing import promote, register
from evermodel.loop.scoring import score
from evermodel.loop.state import read_state
from evermodel.loop.training import train
from evermodel.loop.unseen import unseen
from evermodel.loop.watching import monitor
from evermodel.loop.workspace import Workspace, open_workspace
from tests.loop.shop import DAY, PROJECT, Shop, answers, customers

Begin = Callable[..., Workspace]
Make = Callable[..., Shop]
KEY = ["store", "day", "open", "size"]


def _visits(rows: int, *, seed: int, day: date) -> pl.DataFrame:
    """Return rows that are known by a store, a day, a truth and a number, no two alike."""
    place = pl.int_range(rows, eager=True)
    return customers(rows, seed=seed).with_columns(
        store="s" + (place % 6).cast(pl.String),
        day=pl.Series([day + timedelta(days=n // 12) for n in range(rows)]),
        open=place // 6 % 2 == 1,
        size=place % 4 / 2,
    )


@pytest.fixture
def stores(begin: Begin, tmp_path: Path) -> Shop:
    text = PROJECT.replace('["customer"]', '["store", "day", "open", "size"]')
    text = text.replace("[outcome]", '[data.types]\nopen = "boolean"\n\n[outcome]')
    rows = _visits(900, seed=1, day=date(2025, 6, 1))
    workspace = begin(text.replace("[data]", "[data]\nleave_out = ['customer']"), rows)
    train(workspace)
    register("", workspace)
    promote(None, workspace)
    workspace.close()
    return Shop(workspace.root.parent, tmp_path / "stores")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_outcomes_find_scored_and_served_rows_by_dates_truth_and_numbers(
    stores: Shop, ending: str
) -> None:
    scored = _visits(60, seed=2, day=date(2026, 2, 1))
    served = _visits(60, seed=3, day=date(2026, 3, 1))
    path = stores.folder / "new.parquet"
    scored.drop("churned").write_parquet(path)
    assert score(path, stores.folder / "out.csv", stores.workspace).facts["logged"] == 60
    with stores.serving() as url:
        answers(url, served.drop("churned").cast({"day": pl.String}).to_dicts())
    stores.clock.advance(2 * DAY)
    outcomes = stores.folder / f"outcomes.{ending}"
    known = pl.concat([scored, served]).select(*KEY, "churned")
    known.write_csv(outcomes) if ending == "csv" else known.write_parquet(outcomes)
    counts = labels(outcomes, stores.workspace).facts
    assert (counts["matched"], counts["unmatched"]) == (120, 0)
    found = labelled(stores.workspace)
    assert found is not None
    assert (
        found["outcome"]
        .value_counts(sort=True)
        .equals(known["churned"].value_counts(sort=True).rename({"churned": "outcome"}))
    )
    assert monitor(stores.workspace).find("brier").n == 120


def test_scored_training_rows_are_known_by_a_key_of_dates_and_truth(stores: Shop) -> None:
    path = stores.folder / "again.parquet"
    old = _visits(900, seed=1, day=date(2025, 6, 1)).head(100)
    # The same features on other days are of others.
    rows = pl.concat([old, old.with_columns(day=pl.lit(date(2026, 5, 1)))])
    rows.drop("churned").write_parquet(path)
    score(path, stores.folder / "out.csv", stores.workspace)
    log = logged(stores.workspace)
    assert log is not None
    fresh = unseen(stores.workspace, log, read_state(stores.workspace).version(1))
    days = keys_of(log, {"day": pl.Date})[0]
    assert fresh[(days == date(2026, 5, 1)).to_numpy()].all()
    learned = fresh[(days < date(2026, 1, 1)).to_numpy()]
    # Those of the test rows may judge.
    assert 0.3 * len(learned) < (~learned).sum() < len(learned)


@pytest.mark.parametrize(
    ("column", "sent"),
    [
        ([date(2026, 1, 31)], ["2026-01-31", "2026-01-31 00:00:00", "2026-01-31T02:00+02:00"]),
        ([datetime(2026, 1, 31, 9, 5, 0, 500_000)], ["2026-01-31T09:05:00.5"]),
        ([datetime(2026, 1, 31, 9, 5, 0, 500_000)], ["2026-01-31 09:05:00.500000Z"]),
        ([True], [True, "true"]),
        ([17.0], [17, 17.0, "17"]),
        ([1e-7], [1e-7]),
        ([1e20], [10**20]),
        ([2**63 - 1], [2**63 - 1, "9223372036854775807"]),
        ([2**64 - 1], [2**64 - 1]),
        ([Decimal("1.50")], [1.5]),
        ([Decimal(12345678901234567891)], [12345678901234567891]),
        (["017"], ["017"]),
        (["20260131"], [20260131]),
        (["2026-02-31"], ["2026-02-31"]),
    ],
)  # fmt: skip
def test_a_value_of_a_file_and_of_a_request_have_one_text(
    column: list[Any], sent: list[Any]
) -> None:
    kind = pl.UInt64 if column == [2**64 - 1] else None
    said = refs_of(pl.DataFrame({"k": pl.Series(column, dtype=kind)}), ["k"]).to_list()
    keys = [msgspec.json.encode({"k": each}).decode() for each in sent]
    assert refs_of_log(pl.DataFrame({"key": keys}), ["k"]).to_list() == said * len(sent)


@pytest.mark.parametrize("pair", [("017", 17), ("2026-02-31", "2026-03-03"), (True, 1), ("1.0", 1)])
def test_what_is_not_the_same_has_another_text(pair: tuple[Any, Any]) -> None:
    assert key_text(pair[0]) != key_text(pair[1])


@given(st.floats(allow_nan=False) | st.integers() | st.datetimes() | st.booleans())
def test_a_text_of_a_key_is_written_as_itself(value: Any) -> None:
    once = key_text(value)
    assert key_text(once) == once
    if isinstance(value, float) and np.isfinite(value):
        assert once is not None
        assert float(once) == value


def test_a_key_that_was_logged_as_before_is_still_found() -> None:
    before = pl.DataFrame(
        {"key": ['{"k":"2026-02-01 00:00:00"}', '{"k":"2026-02-01 10:00:00.500"}']}
    )
    now = pl.DataFrame({"k": [datetime(2026, 2, 1), datetime(2026, 2, 1, 10, 0, 0, 500_000)]})
    assert refs_of_log(before, ["k"]).equals(refs_of(now, ["k"]))


def test_outcomes_of_other_keys_are_told_beside_one_of_the_log(shop: Make) -> None:
    one = shop()
    rows = customers(20, seed=1)
    one.ask(rows)
    other = rows.with_columns(customer="k" + pl.col("customer"))
    report = labels(one.bring(other), one.workspace)
    told = report.find("matched")
    assert told.verdict == "warn"
    assert "none of their keys is in the log" in told.why
    theirs, ours = told.evidence["examples"]
    assert theirs == "customer 'kc000019' in the file"
    assert ours.startswith("customer 'c0000")
    assert ours.endswith("in the log")
    assert "kc000019" not in str(one.workspace.events("labels")[-1].body)


def test_outcomes_of_predictions_that_are_too_young_are_told_as_such(shop: Make) -> None:
    one = shop()
    rows = customers(20, seed=1)
    one.ask(rows)
    told = labels(one.bring(rows, after=DAY / 2), one.workspace).find("matched")
    assert "known_after" in told.why
    assert not told.evidence


def _written(rows: pl.DataFrame, path: Path) -> Path:
    """Write rows as their people do: days with the day first, a letter before each store."""
    rows.with_columns(pl.col("day").dt.strftime("%d/%m/%Y")).write_csv(path)
    return path


@pytest.fixture
def lettered(begin: Begin, tmp_path: Path) -> Shop:
    text = PROJECT.replace('["customer"]', '["store", "day", "open", "size"]')
    text = text.replace("[data]", "[data]\nleave_out = ['customer']")
    text = text.replace("[outcome]", '[data.repairs.store]\nstrip = "s"\n\n[outcome]')
    workspace = begin(text)
    _written(_visits(900, seed=1, day=date(2025, 6, 1)), workspace.root.parent / "customers.csv")
    train(workspace)
    register("", workspace)
    promote(None, workspace)
    workspace.close()
    return Shop(workspace.root.parent, tmp_path / "lettered")


def test_outcomes_are_read_as_scored_and_served_rows_were(lettered: Shop) -> None:
    one = lettered
    # Which number is the month, none of these days tells by itself.
    scored = _visits(60, seed=2, day=date(2026, 11, 3))
    served = _visits(24, seed=3, day=date(2026, 12, 3))
    path = _written(scored.drop("churned"), one.folder / "new.csv")
    assert score(path, one.folder / "out.csv", one.workspace).facts["logged"] == 60
    with one.serving() as url:
        days = pl.col("day").dt.strftime("%d/%m/%Y")
        answers(url, served.drop("churned").with_columns(days).to_dicts())
    one.clock.advance(2 * DAY)
    known = pl.concat([scored, served]).select(*KEY, "churned")
    known = known.with_columns(note=pl.lit("none"))
    report = labels(_written(known, one.folder / "outcomes.csv"), one.workspace)
    assert (report.facts["matched"], report.facts["unmatched"]) == (84, 0)
    other = known.with_columns(day=pl.col("day").dt.offset_by("70d"))
    report = labels(_written(other, one.folder / "others.csv"), one.workspace)
    assert report.facts["matched"] == 0
    assert any("dates are written day first" in note for note in report.facts["understood"])
    log = logged(one.workspace)
    assert log is not None
    sent = keys_of(log, {"day": pl.Date})[0]
    assert set(sent.drop_nulls().dt.month()) == {11}, "a server logs what it was sent"
    read = keys_read(one.workspace, read_state(one.workspace).version(1).trained)
    read_days, numbers = keys_of(log, {"day": pl.Date, "store": pl.Int64}, read)
    assert set(read_days.dt.month()) == {11, 12}
    assert set(numbers) == set(range(6))


def test_a_time_of_outcomes_is_read_as_the_live_version_reads_it(
    begin: Begin, tmp_path: Path
) -> None:
    days = [f"{1 + place % 28:02}/{1 + place % 12:02}/2025 10:00" for place in range(1000)]
    text = PROJECT.replace("[data]", '[data]\ntime = "seen"')
    workspace = begin(text, customers(1000).with_columns(seen=pl.Series(days)))
    train(workspace)
    register("", workspace)
    promote(None, workspace)
    workspace.close()
    one = Shop(workspace.root.parent, tmp_path / "timed")
    rows = customers(20, seed=1).with_columns(seen=pl.lit("03/11/2025 10:00"))
    rows.drop("churned").write_csv(one.folder / "new.csv")
    score(one.folder / "new.csv", one.folder / "out.csv", one.workspace)
    one.clock.advance(60 * DAY)
    rows.select("customer", "seen", "churned").write_csv(one.folder / "o.csv")
    assert labels(one.folder / "o.csv", one.workspace).facts["matched"] == 20


def test_a_few_cells_of_a_key_that_are_not_of_its_type_are_told_and_refused(shop: Make) -> None:
    one = shop(("data.types", 'visits = "number"'))
    text = (one.folder / "evermodel.toml").read_text()
    text = text.replace('key = ["customer"]', 'key = ["visits"]')
    (one.folder / "evermodel.toml").write_text(text)
    path = one.folder / "o.csv"
    path.write_text("visits,churned\n" + "1,yes\n" * 40 + "TOTAL?,no\n")
    with open_workspace(one.folder, clock=one.clock) as workspace:
        report = labels(path, workspace)
    assert report.facts["refused"] == 1
    told = report.find("cells taken as missing", "visits")
    assert (told.verdict, told.evidence["examples"]) == ("warn", ["'TOTAL?' on line 42"])
