"""Outcomes that come back: late, twice, contradicting, about nobody, and not yet due."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evermodel.errors import DataError
from evermodel.loop.outcomes import labelled, labels
from evermodel.loop.predictions import compact, logged
from evermodel.loop.releasing import promote, register
from evermodel.loop.retraining import retrain
from evermodel.loop.state import read_state
from evermodel.loop.training import train
from evermodel.loop.workspace import Workspace, open_workspace
from tests.loop.shop import DAY, PROJECT, Shop, answers, customers

Make = Callable[..., Shop]


def _write(one: Shop, name: str, **columns: Any) -> Path:
    path = one.folder / name
    pl.DataFrame(columns).write_csv(path)
    return path


def _known(one: Shop) -> dict[str, str]:
    """Return the outcome of each prediction whose outcome is known, by its id."""
    found = labelled(one.workspace)
    return {} if found is None else dict(zip(found["id"], found["outcome"], strict=True))


def test_outcomes_by_prediction_id_belong_to_that_prediction(shop: Make) -> None:
    one = shop()
    given = one.ask(customers(30, seed=1))
    ids = [answer["id"] for answer in given]
    path = _write(one, "o.csv", prediction_id=ids[:20], churned=["yes", "no"] * 10)
    counts = labels(path, one.workspace).facts
    assert (counts["matched"], counts["unmatched"], counts["new"]) == (20, 0, 20)
    assert _known(one) == dict(zip(ids[:20], ["yes", "no"] * 10, strict=True))


def test_a_prediction_id_counts_before_the_key_where_both_stand(shop: Make) -> None:
    one = shop()
    rows = customers(4, seed=1)
    first, second = one.ask(rows), one.ask(rows)
    ids = [answer["id"] for answer in first]
    path = _write(one, "o.csv", prediction_id=ids, customer=rows["customer"], churned=["yes"] * 4)
    labels(path, one.workspace)
    assert set(_known(one)) == set(ids)
    assert not set(_known(one)) & {answer["id"] for answer in second}


def test_outcomes_by_key_belong_to_the_newest_prediction_that_is_old_enough(shop: Make) -> None:
    one = shop()
    rows = customers(10, seed=1)
    old = one.ask(rows)
    one.clock.advance(2 * DAY)
    labels_file = _write(one, "o.csv", customer=rows["customer"], churned=rows["churned"])
    one.ask(rows)
    counts = labels(labels_file, one.workspace).facts
    assert counts["matched"] == 10
    assert set(_known(one)) == {answer["id"] for answer in old}


def test_outcomes_that_cannot_be_known_yet_match_nothing(shop: Make) -> None:
    one = shop()
    rows = customers(10, seed=1)
    one.ask(rows)
    report = labels(one.bring(rows, after=DAY / 2), one.workspace)
    assert (report.facts["matched"], report.facts["unmatched"]) == (0, 10)
    assert report.verdict == "warn"
    assert not _known(one)


def test_outcomes_with_a_time_belong_to_the_prediction_before_it(shop: Make) -> None:
    one = shop()
    rows = customers(10, seed=1)
    first = one.ask(rows)
    between = one.clock.now() + timedelta(hours=1)
    one.clock.advance(2 * DAY)
    one.ask(rows)
    one.clock.advance(5 * DAY)
    when = between.replace(tzinfo=None).isoformat()
    path = _write(
        one, "o.csv", customer=rows["customer"], time=[when] * 10, churned=rows["churned"]
    )
    assert labels(path, one.workspace).facts["matched"] == 10
    assert set(_known(one)) == {answer["id"] for answer in first}


def test_outcomes_of_rows_with_a_time_belong_to_the_prediction_made_for_that_row(
    begin: Callable[..., Workspace], tmp_path: Path
) -> None:
    text = PROJECT.replace("[data]", '[data]\ntime = "seen"')
    seen = [f"2025-{1 + place % 12:02}-{1 + place % 28:02}T10:00:00" for place in range(1000)]
    workspace = begin(text, customers(1000).with_columns(seen=pl.Series(seen)))
    train(workspace)
    register("", workspace)
    promote(None, workspace)
    workspace.close()
    one = Shop(workspace.root.parent, tmp_path / "timed")
    rows = customers(10, seed=1)
    months = ["2026-01-01T10:00:00", "2026-02-01T12:00:00+02:00"]
    # Both are asked at once, the newer first: only the time of the row tells them apart.
    newer, older = (one.ask(rows.with_columns(seen=pl.lit(month))) for month in reversed(months))
    one.clock.advance(60 * DAY)
    path = _write(
        one,
        "o.csv",
        customer=pl.concat([rows["customer"]] * 3),
        seen=["2026-01-01 10:00:00"] * 10 + ["2026-02-01 10:00:00"] * 10 + ["2024-01-01"] * 10,
        churned=["no"] * 10 + ["yes"] * 10 + ["yes"] * 10,
    )
    counts = labels(path, one.workspace).facts
    assert (counts["matched"], counts["unmatched"], counts["contradicting"]) == (20, 10, 0)
    known = _known(one)
    assert {known[answer["id"]] for answer in older} == {"no"}
    assert {known[answer["id"]] for answer in newer} == {"yes"}
    one.clock.advance(DAY)
    again = one.ask(rows.with_columns(seen=pl.lit(months[0])))
    compact(one.workspace)
    assert _known(one) == known, "who is asked about when it is known is not predicted"
    assert not set(known) & {answer["id"] for answer in again}


def test_where_the_time_of_a_row_is_not_sent_its_day_tells_the_prediction(shop: Make) -> None:
    one = shop(("data", 'time = "seen"'))
    rows = customers(10, seed=1)
    first = one.ask(rows)
    today = f"{one.clock.now():%Y-%m-%d}"
    one.clock.advance(2 * DAY)
    one.ask(rows)
    one.clock.advance(5 * DAY)
    long_ago = ["2020-01-01"] * 10
    path = _write(
        one,
        "o.csv",
        customer=pl.concat([rows["customer"]] * 2),
        seen=[today] * 10 + long_ago,
        churned=pl.concat([rows["churned"]] * 2),
    )
    counts = labels(path, one.workspace).facts
    assert (counts["matched"], counts["unmatched"]) == (10, 10)
    assert set(_known(one)) == {answer["id"] for answer in first}


def test_outcomes_that_came_before_their_prediction_count_once_they_are_brought_again(
    shop: Make,
) -> None:
    one = shop()
    rows = customers(30, seed=1)
    path = one.bring(rows)
    assert labels(path, one.workspace).facts["matched"] == 0
    given = one.ask(rows.head(20))
    one.clock.advance(2 * DAY)
    assert labels(path, one.workspace).facts["matched"] == 20
    assert set(_known(one)) == {answer["id"] for answer in given}
    assert labels(path, one.workspace).facts["repeated"] == 30
    assert len(_known(one)) == 20


def test_outcomes_are_read_as_the_project_file_says(shop: Make) -> None:
    one = shop(("data.reading", 'missing = ["n/a"]'))
    rows = customers(20, seed=1)
    one.ask(rows)
    one.clock.advance(2 * DAY)
    words = ["n/a"] * 5 + ["yes"] * 15
    report = labels(_write(one, "o.csv", customer=rows["customer"], churned=words), one.workspace)
    assert (report.facts["matched"], report.facts["refused"]) == (15, 5)


def test_outcomes_come_from_a_database_too(shop: Make) -> None:
    one = shop()
    rows = customers(20, seed=1)
    one.ask(rows)
    one.clock.advance(2 * DAY)
    with closing(sqlite3.connect(one.folder / "shop.db")) as connection:
        connection.execute("create table outcomes (customer text, churned text)")
        pairs = rows.select("customer", "churned").rows()
        connection.executemany("insert into outcomes values (?, ?)", pairs)
        connection.commit()
    address = f"sqlite:///{one.folder}/shop.db?table=outcomes"
    assert labels(address, one.workspace).facts["matched"] == 20
    assert labels(address, one.workspace).facts["repeated"] == 20


def test_outcomes_of_two_months_are_no_contradiction(shop: Make) -> None:
    one = shop()
    rows = customers(10, seed=1)
    one.ask(rows)
    january = labels(one.bring(rows.with_columns(churned=pl.lit("no"))), one.workspace)
    one.ask(rows)
    february = labels(one.bring(rows.with_columns(churned=pl.lit("yes"))), one.workspace)
    assert january.facts["contradicting"] == february.facts["contradicting"] == 0
    assert (february.facts["new"], february.facts["matched"]) == (10, 10)
    assert sorted(_known(one).values()) == ["no"] * 10 + ["yes"] * 10


def test_the_same_file_twice_changes_nothing(shop: Make) -> None:
    one = shop()
    rows = customers(10, seed=1)
    one.ask(rows)
    path = one.bring(rows)
    labels(path, one.workspace)
    before = _known(one)
    again = labels(path, one.workspace).facts
    assert (again["new"], again["repeated"], again["contradicting"]) == (0, 10, 0)
    assert _known(one) == before


def test_outcomes_said_again_in_another_file_count_once(shop: Make) -> None:
    one = shop()
    given = one.ask(customers(10, seed=1))
    ids = [answer["id"] for answer in given]
    labels(_write(one, "a.csv", prediction_id=ids, churned=["yes"] * 10), one.workspace)
    again = labels(
        _write(one, "b.csv", prediction_id=ids[:4], churned=["yes"] * 4), one.workspace
    ).facts
    assert (again["new"], again["repeated"], again["contradicting"]) == (0, 4, 0)
    assert len(_known(one)) == 10


def test_of_contradicting_outcomes_the_newest_counts_and_they_are_counted(shop: Make) -> None:
    one = shop()
    given = one.ask(customers(10, seed=1))
    ids = [answer["id"] for answer in given]
    labels(_write(one, "a.csv", prediction_id=ids, churned=["yes"] * 10), one.workspace)
    one.clock.advance(DAY)
    report = labels(_write(one, "b.csv", prediction_id=ids[:3], churned=["no"] * 3), one.workspace)
    assert report.facts["contradicting"] == 3
    assert report.find("contradicting").verdict == "warn"
    assert [_known(one)[name] for name in ids] == ["no"] * 3 + ["yes"] * 7


def test_a_file_that_contradicts_itself_is_counted_and_its_last_word_counts(shop: Make) -> None:
    one = shop()
    given = one.ask(customers(2, seed=1))
    a, b = (answer["id"] for answer in given)
    path = _write(one, "a.csv", prediction_id=[a, b, a], churned=["yes", "yes", "no"])
    assert labels(path, one.workspace).facts["contradicting"] == 1
    assert _known(one) == {a: "no", b: "yes"}


def test_late_outcomes_wait_for_predictions_that_are_still_in_a_server(shop: Make) -> None:
    one = shop()
    rows = customers(5, seed=1)
    labels(_write(one, "a.csv", prediction_id=["later"], churned=["yes"]), one.workspace)
    with one.serving() as url:
        given = answers(url, rows.drop("churned").to_dicts())
        path = _write(one, "b.csv", prediction_id=[g["id"] for g in given], churned=rows["churned"])
        assert labels(path, one.workspace).facts["matched"] == 5, "the open segment was not read"


def test_a_class_nobody_knows_is_refused_and_counted(shop: Make) -> None:
    one = shop()
    given = one.ask(customers(4, seed=1))
    ids = [answer["id"] for answer in given]
    path = _write(one, "a.csv", prediction_id=ids, churned=["yes", "maybe", "no", None])
    report = labels(path, one.workspace)
    assert (report.facts["refused"], report.facts["matched"]) == (2, 2)
    refused = report.find("refused")
    assert refused.verdict == "warn"
    assert refused.evidence == {"rows": [2, 4], "examples": ["'maybe'", "nothing"]}
    assert "known are 'no', 'yes'" in refused.why
    assert "maybe" not in str(one.workspace.events("labels")[-1].body)


def test_outcomes_about_nobody_are_kept_and_counted(shop: Make) -> None:
    one = shop()
    one.ask(customers(4, seed=1))
    path = _write(one, "a.csv", customer=["nobody", "noone"], churned=["yes", "no"])
    one.clock.advance(5 * DAY)
    facts = labels(path, one.workspace).facts
    assert (facts["matched"], facts["unmatched"], facts["new"]) == (0, 2, 2)


@pytest.mark.parametrize(
    ("columns", "what", "hint"),
    [
        ({"customer": ["a"], "chured": ["yes"]}, "no outcome column 'churned'", "chured"),
        ({"who": ["a"], "churned": ["yes"]}, "does not say which prediction", "customer"),
    ],
)
def test_a_file_that_names_nothing_is_refused(
    shop: Make, columns: dict[str, list[str]], what: str, hint: str
) -> None:
    one = shop()
    with pytest.raises(DataError, match=what) as caught:
        labels(_write(one, "a.csv", **columns), one.workspace)
    assert hint in caught.value.hint
    assert not one.workspace.events("labels")


def test_every_logged_row_is_found_once_after_compaction(shop: Make) -> None:
    one = shop()
    ids = [answer["id"] for _ in range(3) for answer in one.ask(customers(20, seed=1))]
    labels(_write(one, "a.csv", prediction_id=ids, churned=["yes"] * 60), one.workspace)
    log = logged(one.workspace)
    assert log is not None
    assert sorted(log["id"].to_list()) == sorted(ids)
    assert set(log["version"]) == {1}
    assert log["time"].dt.year().unique().to_list() == [2026]


def test_a_segment_committed_but_not_yet_removed_is_not_counted_twice(shop: Make) -> None:
    from evermodel.loop.predictions import compact

    one = shop()
    one.ask(customers(20, seed=1))
    kept = {path: path.read_bytes() for path in one.workspace.segments.glob("*.jsonl")}
    assert compact(one.workspace) == 20
    for path, content in kept.items():
        path.write_bytes(content)
    compact(one.workspace)
    log = logged(one.workspace)
    assert log is not None
    assert log.height == 20
    assert not list(one.workspace.segments.glob("*.jsonl"))


def test_a_file_of_all_outcomes_so_far_makes_none_of_them_newer(shop: Make) -> None:
    one = shop()
    rows = customers(400, seed=1, first=5000, strength=-1.0)
    ids = [answer["id"] for answer in one.ask(rows)]

    def so_far(name: str, count: int) -> Path:
        return _write(one, name, prediction_id=ids[:count], churned=rows["churned"][:count])

    one.clock.advance(2 * DAY)
    labels(so_far("jan.csv", 399), one.workspace)
    one.clock.advance(60)
    assert retrain(one.workspace).facts["decision"] == "hold"
    one.clock.advance(DAY)
    assert labels(so_far("feb.csv", 400), one.workspace).facts["repeated"] == 399
    state = read_state(one.workspace)
    challenger = state.version(state.challenger)
    trained = datetime.fromisoformat(challenger.trained["time"]).replace(tzinfo=None)
    found = labelled(one.workspace)
    assert found is not None
    assert found.filter(pl.col("arrived") > trained)["id"].to_list() == [ids[-1]]
    # Said otherwise, an outcome is as new as that.
    changed = ["no" if word == "yes" else "yes" for word in rows["churned"][:10]]
    one.clock.advance(DAY)
    labels(_write(one, "mar.csv", prediction_id=ids[:10], churned=changed), one.workspace)
    found = labelled(one.workspace)
    assert found is not None
    assert set(found.filter(pl.col("arrived") > trained)["id"]) == {ids[-1], *ids[:10]}


def test_an_outcome_that_had_its_prediction_is_not_that_of_a_later_one(shop: Make) -> None:
    one = shop()
    rows = customers(10, seed=1)
    first = {answer["id"] for answer in one.ask(rows)}
    path = one.bring(rows)
    labels(path, one.workspace)
    one.ask(rows)
    one.clock.advance(2 * DAY)
    assert labels(path, one.workspace).facts["repeated"] == 10
    assert set(_known(one)) == first


def test_a_key_that_was_set_later_joins_what_was_predicted_before(shop: Make) -> None:
    one = shop()
    rows = customers(30, seed=1).unique("amount", maintain_order=True)
    given = one.ask(rows.drop("customer"))
    path = one.folder / "evermodel.toml"
    path.write_text(path.read_text().replace('key = ["customer"]', 'key = ["amount"]'))
    workspace = open_workspace(one.folder, clock=one.clock)
    one.clock.advance(2 * DAY)
    file = _write(one, "o.csv", amount=rows["amount"], churned=rows["churned"])
    assert labels(file, workspace).facts["matched"] == rows.height
    found = labelled(workspace)
    assert found is not None
    assert set(found["id"]) == {each["id"] for each in given}


def test_a_time_of_an_outcome_that_is_none_is_refused_by_name(shop: Make) -> None:
    one = shop()
    one.ask(customers(3, seed=1))
    names = customers(3, seed=1)["customer"]
    path = _write(
        one,
        "o.csv",
        customer=names,
        churned=["yes"] * 3,
        as_of=["2026-01-03", "99.99.2026", "2026-01-04"],
    )
    with pytest.raises(DataError, match="'as_of' holds what is no time") as caught:
        labels(path, one.workspace)
    assert "99.99.2026" in caught.value.found


def test_a_file_of_no_usable_outcome_fails(shop: Make) -> None:
    one = shop()
    rows = customers(3, seed=1)
    one.ask(rows)
    path = _write(one, "o.csv", customer=rows["customer"], churned=["Ja", "NEIN", "?"])
    assert labels(path, one.workspace).verdict == "fail"
