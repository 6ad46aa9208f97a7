"""What monitoring finds in predictions that a real server answered and logged."""

from collections.abc import Callable
from typing import Any

import msgspec
import polars as pl
import pytest

from evermodel.errors import InputError
from evermodel.loop.matured import broken_windows, input_types, matured_rows
from evermodel.loop.outcomes import labels
from evermodel.loop.predictions import logged
from evermodel.loop.releasing import promote, register
from evermodel.loop.scoring import score
from evermodel.loop.state import load_version, read_state
from evermodel.loop.telling import history, status
from evermodel.loop.training import train
from evermodel.loop.turning import run
from evermodel.loop.unseen import unseen
from evermodel.loop.watching import monitor
from evermodel.monitor import drift_level, risk_level
from evermodel.records import Report
from evermodel.tables import Profile, versions
from tests.loop.shop import DAY, Shop, customers

Make = Callable[..., Shop]
TYPES = {"amount": "number", "visits": "number", "plan": "category"}


def _learn(one: Shop, rows: pl.DataFrame) -> None:
    labels(one.bring(rows), one.workspace)


def _matured(one: Shop) -> int:
    found = matured_rows(one.workspace, TYPES)  # type: ignore[arg-type]
    return 0 if found is None else len(found)


def _state(report: Report) -> str:
    assert report.facts["state"] == report.find("action").evidence["state"]
    return str(report.facts["state"])


def test_rows_like_the_training_rows_are_steady(shop: Make) -> None:
    one = shop()
    rows = customers(600, seed=11, first=10_000)
    one.ask(rows)
    assert _state(monitor(one.workspace)) == "steady"
    _learn(one, rows)
    report = monitor(one.workspace)
    assert (_state(report), report.verdict) == ("steady", "pass")
    assert report.find("brier").n == 600
    assert status(one.workspace).find("trust").verdict == "pass"


def test_a_unit_slip_is_broken_data_and_neither_judged_nor_learned_from(shop: Make) -> None:
    one = shop()
    good = customers(300, seed=11, first=10_000)
    one.ask(good)
    _learn(one, good)
    assert _state(monitor(one.workspace)) == "steady"
    slipped = customers(400, seed=12, first=20_000, scale=100.0)
    one.ask(slipped)
    _learn(one, slipped)
    report = run(one.workspace)
    assert (_state(report), report.verdict) == ("broken data", "fail")
    assert report.facts["columns"] == ["amount"]
    assert report.facts["decision"] == "none"
    assert "retraining" in report.find("decision").why
    assert len(broken_windows(one.workspace)) == 1
    (told,) = [each for each in history(one.workspace).results if each.name == "monitored"]
    assert "broken data: The data are broken: amount" in told.why
    monitor(one.workspace)
    names = [each.name for each in history(one.workspace).results]
    assert names.count("monitored") == 1, "the first of equal looks"
    aside = monitor(one.workspace).find("outcomes_set_aside")
    assert (aside.value, aside.n) == (400, 700)
    assert _matured(one) == 300
    assert len(one.workspace.events("trained")) == 1
    assert status(one.workspace).find("trust").verdict == "warn"


def test_a_mended_feed_is_seen_at_once_and_its_rows_count_again(shop: Make) -> None:
    one = shop()
    one.ask(customers(400, seed=12, first=20_000, scale=100.0))
    assert _state(monitor(one.workspace)) == "broken data"
    one.clock.advance(DAY)
    assert _state(monitor(one.workspace)) == "broken data", "nothing new was served since"
    mended = customers(60, seed=13, first=30_000)
    one.ask(mended)
    assert _state(monitor(one.workspace)) != "broken data"
    _learn(one, mended)
    assert _matured(one) == 60


def test_another_mix_of_customers_that_costs_nothing_is_harmless(shop: Make) -> None:
    one = shop()
    rows = customers(800, seed=14, first=10_000, pro=0.9)
    one.ask(rows)
    before = monitor(one.workspace)
    assert _state(before) == "too few to say"
    assert "not known yet" in before.find("action").why
    _learn(one, rows)
    report = run(one.workspace)
    assert (_state(report), report.facts["decision"]) == ("harmless change", "none")
    assert report.facts["columns"][0] == "plan"
    assert report.verdict != "fail"


def test_a_change_of_behaviour_is_harm_and_seen_only_by_outcomes(shop: Make) -> None:
    one = shop()
    rows = customers(500, seed=15, first=10_000, strength=-1.0)
    one.ask(rows)
    assert _state(monitor(one.workspace)) == "steady"
    _learn(one, rows)
    report = monitor(one.workspace)
    assert (_state(report), report.verdict) == ("harmful change", "fail")
    assert report.find("risk").verdict == "fail"
    assert report.find("brier").verdict == "warn", "an interval for one look does not decide"


def test_what_is_measured_are_the_answers_that_left_the_server(shop: Make) -> None:
    one = shop()
    rows = customers(200, seed=11, first=10_000)
    given = pl.DataFrame(one.ask(rows)).with_columns(rows["churned"])
    _learn(one, rows)
    brier = given.select(
        (pl.col("probability") - (pl.col("churned") == "yes").cast(pl.Float64)) ** 2
    ).to_series()
    assert monitor(one.workspace).find("brier").value == pytest.approx(brier.mean(), abs=1e-9)


def test_without_logged_features_the_answers_alone_are_watched(shop: Make) -> None:
    one = shop(("serve", "log_features = false"))
    rows = customers(600, seed=11, first=10_000)
    one.ask(rows)
    report = monitor(one.workspace)
    assert _state(report) == "steady"
    assert {r.subject for r in report.results if r.name == "drift"} == {"prediction"}
    _learn(one, rows)
    assert monitor(one.workspace).find("brier").verdict == "pass"
    assert _matured(one) == 0, "rows without features were learned from"
    worse = customers(600, seed=12, first=20_000, strength=-1.0)
    one.ask(worse)
    _learn(one, worse)
    harm = run(one.workspace)
    assert (_state(harm), harm.facts["decision"]) == ("harmful change", "none")


def test_a_handful_of_rows_is_too_few_to_say(shop: Make) -> None:
    one = shop()
    one.ask(customers(5, seed=11))
    assert _state(monitor(one.workspace)) == "too few to say"


def test_each_look_takes_up_where_the_last_one_ended(shop: Make) -> None:
    one = shop()
    for seed in (21, 22):
        one.ask(customers(300, seed=seed, first=seed * 1000))
        one.clock.advance(DAY)
        assert monitor(one.workspace).facts["rows"] == 300
    assert monitor(one.workspace).facts["rows"] == 200, "the newest rows, where none are new"


def test_two_files_are_compared_without_a_project(shop: Make) -> None:
    one = shop()
    a, b, c = (one.folder / name for name in ("a.csv", "b.parquet", "c.csv"))
    customers(800, seed=1).write_csv(a)
    customers(800, seed=2).write_parquet(b)
    customers(800, seed=3, pro=0.9).write_csv(c)

    def moved(report: Report) -> set[str]:
        return {r.subject for r in report.results if r.verdict == "warn"} - {"customer"}

    assert moved(monitor(reference=a, current=b)) == set()
    assert "plan" in moved(monitor(reference=a, current=c))
    for before, after in ((a, None), (None, a)):
        with pytest.raises(InputError, match="go together"):
            monitor(one.workspace, reference=before, current=after)


def test_the_types_that_are_watched_are_those_the_live_model_reads(shop: Make) -> None:
    from evermodel.bundle import load

    workspace = shop().workspace
    assert input_types(load(workspace.bundles / "1", trusted=workspace.trusted)) == TYPES


def test_alarms_are_as_sure_as_the_accepted_false_ones_ask_for(shop: Make) -> None:
    found = {}
    for accepted in ("1 per year", "1 per month"):
        one = shop(("monitor", f'false_alarms = "{accepted}"'))
        rows = customers(300, seed=11, first=10_000)
        one.ask(rows)
        _learn(one, rows)
        report = monitor(one.workspace)
        found[accepted] = report.find("drift", "amount").level, report.find("risk").level
    assert found["1 per year"] == (drift_level(1, 365), risk_level(1, 1))
    assert found["1 per month"] == (drift_level(12, 365), risk_level(12, 1))


def test_more_looks_than_planned_make_each_one_surer(shop: Make) -> None:
    one = shop(("loop", 'every = "52w"'))
    one.ask(customers(300, seed=11, first=10_000))
    levels = [monitor(one.workspace).find("drift", "amount").level for _ in range(5)]
    assert levels[-1] == drift_level(1, 365 / 364, 5)


def test_each_version_that_goes_live_in_a_year_gets_a_smaller_share(shop: Make) -> None:
    one = shop()
    train(one.workspace)
    register("", one.workspace)
    promote(2, one.workspace, force=True)
    rows = customers(300, seed=11, first=10_000)
    one.ask(rows)
    _learn(one, rows)
    assert monitor(one.workspace).find("risk").level == risk_level(1, 2)


def test_answers_are_compared_with_those_to_rows_the_model_never_learned_from(shop: Make) -> None:
    one = shop()
    model = load_version(one.workspace, read_state(one.workspace).version(1))
    reference = msgspec.json.decode(model.part("reference") or b"", type=Profile)
    assert reference["prediction"].rows == model.manifest.training["test_rows"]
    assert reference["amount"].rows == model.manifest.training["rows"]


def _released(one: Shop, **columns: pl.Expr) -> None:
    """Put version 2 live, which learned from columns that version 1 does not know."""
    customers(1200, seed=6).with_columns(**columns).write_csv(one.folder / "customers.csv")
    train(one.workspace)
    register("", one.workspace, force=True)
    assert promote(2, one.workspace, force=True).facts["live"] == 2


HINDSIGHT = (
    pl.when((pl.col("churned") == "yes") & (pl.col("visits") % 3 > 0))
    .then(pl.lit("gone"))
    .otherwise(pl.lit("here"))
)


def _empty(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(mood=pl.lit(None, pl.String))


def test_a_version_that_never_gets_the_columns_it_was_tested_with_is_taken_back(shop: Make) -> None:
    one = shop()
    _released(one, mood=HINDSIGHT)
    one.ask(_empty(customers(400, seed=11, first=10_000)))
    report = run(one.workspace)
    assert (report.facts["decision"], report.facts["state"]) == ("roll back", "broken data")
    assert "mood: broken since it went live" in report.find("inputs").why
    assert read_state(one.workspace).live == 1
    one.ask(customers(400, seed=12, first=20_000))
    assert run(one.workspace).facts["decision"] == "none"


def test_a_version_stays_whose_columns_broke_later_or_break_the_version_before_too(
    shop: Make,
) -> None:
    one = shop()
    _released(one, mood=HINDSIGHT)
    one.ask(customers(400, seed=11, first=10_000).with_columns(mood=HINDSIGHT))
    assert run(one.workspace).facts["decision"] == "none"
    one.clock.advance(DAY)
    one.ask(_empty(customers(400, seed=12, first=20_000)))
    report = run(one.workspace)
    assert (report.facts["decision"], report.facts["state"]) == ("none", "broken data")

    both = shop()
    _released(both, mood=HINDSIGHT)
    both.ask(_empty(customers(400, seed=11, first=10_000, scale=100.0)))
    assert run(both.workspace).facts["columns"] == ["amount", "mood"]
    assert read_state(both.workspace).live == 2


def test_a_version_that_somebody_forced_stays_until_outcomes_speak(shop: Make) -> None:
    one = shop(("evaluate", 'require = ["recall >= 1.0", "precision >= 1.0"]'))
    _released(one, mood=pl.lit("x") + pl.col("plan"))
    assert read_state(one.workspace).live_forced
    one.ask(_empty(customers(400, seed=11, first=10_000)))
    report = run(one.workspace)
    assert (report.facts["decision"], report.facts["state"]) == ("none", "broken data")
    assert read_state(one.workspace).live == 2


def test_a_batch_that_came_twice_takes_no_version_back(shop: Make) -> None:
    one = shop()
    _released(one, mood=HINDSIGHT)
    rows = customers(300, seed=11, first=10_000).with_columns(mood=HINDSIGHT)
    one.ask(rows)
    one.ask(rows)
    report = run(one.workspace)
    assert report.facts["decision"] == "none"
    assert read_state(one.workspace).live == 2


def test_slow_outcomes_do_not_make_whole_data_look_as_if_they_never_came(shop: Make) -> None:
    one = shop()
    _released(one, mood=HINDSIGHT)
    one.ask(customers(150, seed=11, first=10_000).with_columns(mood=HINDSIGHT))
    run(one.workspace)
    one.clock.advance(DAY)
    one.ask(_empty(customers(400, seed=12, first=20_000)))
    report = run(one.workspace)
    assert (report.facts["decision"], report.facts["state"]) == ("none", "broken data")


def test_the_first_look_at_a_version_sees_all_that_it_answered(shop: Make) -> None:
    one = shop()
    one.ask(customers(300, seed=11, first=10_000))
    monitor(one.workspace)
    train(one.workspace, seed=1)
    register("", one.workspace)
    promote(2, one.workspace, force=True)
    one.ask(customers(900, seed=12, first=20_000, scale=100.0))
    one.clock.advance(1.0)
    one.ask(customers(250, seed=13, first=30_000))
    report = monitor(one.workspace)
    assert report.facts["rows"] == 1150
    assert _state(report) == "broken data"


def test_scored_rows_that_were_learned_from_do_not_measure_the_live_version(shop: Make) -> None:
    one = shop()
    rows = customers()
    rows.drop("churned").write_csv(one.folder / "same.csv")
    score(one.folder / "same.csv", one.folder / "scored.csv", one.workspace)
    _learn(one, rows)
    trained = read_state(one.workspace).version(1).trained["rows"]
    report = monitor(one.workspace)
    told = report.find("learned_from")
    assert (told.value, told.n, told.verdict) == (trained, 1000, "warn")
    assert report.find("brier").n == 1000 - trained

    new = customers(300, seed=8, first=80_000)
    new.drop("churned").write_csv(one.folder / "new.csv")
    score(one.folder / "new.csv", one.folder / "scored.csv", one.workspace)
    _learn(one, new)
    assert monitor(one.workspace).find("brier").n == 1300 - trained


def test_rows_that_were_learned_from_stay_known_beside_a_file_that_carries_the_key(
    shop: Make,
) -> None:
    one = shop()
    live = read_state(one.workspace).version(1)
    places = {"same.csv": customers().drop("customer"), "new.csv": customers(50, seed=8)}
    known = []
    for name, rows in places.items():
        rows.drop("churned").write_csv(one.folder / name)
        score(one.folder / name, one.folder / "scored.csv", one.workspace)
        log = logged(one.workspace)
        assert log is not None
        known.append(int((~unseen(one.workspace, log, live)).sum()))
    assert known[0] == known[1]
    assert live.trained["rows"] - 5 <= known[0] <= live.trained["rows"], "a few are alike"


def test_every_part_of_a_file_is_in_some_look(shop: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evermodel.loop.scoring._BATCH_ROWS", 500)
    one = shop()
    customers(2000, seed=8, first=80_000).drop("churned").write_csv(one.folder / "new.csv")
    append, seen = versions.append, []

    def and_look(*given: Any, **more: Any) -> bool:
        done = append(*given, **more)
        if given[0].name == "predictions":
            seen.append(monitor(one.workspace).facts["rows"])
        return done

    monkeypatch.setattr("evermodel.loop.batch_log.versions.append", and_look)
    score(one.folder / "new.csv", one.folder / "scored.csv", one.workspace)
    assert seen == [500, 500, 500, 500]


def test_rows_that_nothing_tells_apart_all_measure_the_live_version(shop: Make) -> None:
    one = shop()
    live = read_state(one.workspace).version(1)
    like = {"visits": [3.0, 4.0], "plan": ["pro", "pro"], "amount": [None, None]}
    log = pl.DataFrame(
        {
            "route": ["score"] * 2,
            "key": [None, None],
            "features": pl.DataFrame(like).select(pl.struct(pl.all()).struct.json_encode()),
        }
    )
    assert unseen(one.workspace, log, live).all()
