"""The same loop for several classes and for numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from evermodel.bundle import read_manifest
from evermodel.loop.comparing import compare_models, decide
from evermodel.loop.outcomes import labels
from evermodel.loop.releasing import register
from evermodel.loop.retraining import retrain
from evermodel.loop.scoring import score
from evermodel.loop.serving import application
from evermodel.loop.state import load_version, read_state
from evermodel.loop.training import train
from evermodel.loop.turning import run
from evermodel.loop.watching import monitor
from evermodel.loop.workspace import Workspace
from evermodel.serve import BackgroundServer
from evermodel.store import FixedClock
from tests.loop.shop import DAY, PROJECT, answers, customers

Begin = Callable[..., Workspace]
BINARY = 'task = "binary"\npositive = "yes"\n'


def _spending(rows: int, *, seed: int, first: int = 0, per_visit: float = 7.0) -> pl.DataFrame:
    """Return customers with what they spend next, named `churned` like the target."""
    found = customers(rows, seed=seed, first=first)
    noise = np.random.default_rng(seed).normal(0, 5, rows)
    spent = (0.8 * found["amount"] + per_visit * found["visits"] + noise).round(2)
    return found.with_columns(churned=spent)


def _plans(rows: int, *, seed: int, first: int = 0, turn: int = 0) -> pl.DataFrame:
    """Return customers with one of three classes; `turn` changes which one is meant."""
    found = customers(rows, seed=seed, first=first)
    random = np.random.default_rng(seed)
    level = np.digitize(found["amount"].to_numpy() + random.normal(0, 10, rows), [40, 70])
    names = np.array(["low", "middle", "high"])[(level + turn) % 3]
    return found.with_columns(churned=pl.Series(names.tolist()))


def _ask(workspace: Workspace, rows: pl.DataFrame) -> list[Any]:
    with BackgroundServer(application(workspace)) as server:
        return answers(server.url, rows.drop("churned").to_dicts())


def _learn(workspace: Workspace, rows: pl.DataFrame, name: str) -> None:
    clock = workspace.ports.clock
    assert isinstance(clock, FixedClock)
    clock.advance(2 * DAY)
    path = workspace.root / f"{name}.csv"
    rows.select("customer", "churned").write_csv(path)
    assert labels(path, workspace).facts["matched"] == rows.height


def test_numbers_are_predicted_watched_and_learned_again(begin: Begin) -> None:
    workspace = begin(PROJECT.replace(BINARY, 'task = "regression"\n'), _spending(900, seed=0))
    assert run(workspace).facts["live"] == 1
    steady = _spending(500, seed=1, first=10_000)
    given = _ask(workspace, steady)
    inside = [a["low"] <= y <= a["high"] for a, y in zip(given, steady["churned"], strict=True)]
    assert np.mean(inside) > 0.85
    _learn(workspace, steady, "steady")
    assert monitor(workspace).facts["state"] == "steady"
    changed = _spending(600, seed=2, first=20_000, per_visit=-7.0)
    _ask(workspace, changed)
    _learn(workspace, changed, "changed")
    harm = run(workspace)
    assert harm.facts["state"] == "harmful change"
    risk, mae = harm.find("risk"), harm.find("mae", "live")
    assert risk.value == pytest.approx(mae.value, rel=0.01), "in the unit of the target"
    assert "The mean error rose above the" in risk.why
    later = _spending(500, seed=3, first=30_000, per_visit=-7.0)
    _ask(workspace, later)
    _learn(workspace, later, "later")
    if harm.facts["decision"] == "hold":
        assert run(workspace).facts["decision"] == "promote"
    assert _ask(workspace, later)[0]["version"] == 2


def test_several_classes_are_predicted_watched_and_learned_again(begin: Begin) -> None:
    workspace = begin(PROJECT.replace(BINARY, 'task = "multiclass"\n'), _plans(900, seed=0))
    assert run(workspace).facts["live"] == 1
    steady = _plans(500, seed=1, first=10_000)
    given = _ask(workspace, steady)
    assert set(given[0]["probability"]) == {"low", "middle", "high"}
    assert sum(given[0]["probability"].values()) == pytest.approx(1)
    _learn(workspace, steady, "steady")
    assert monitor(workspace).facts["state"] == "steady"
    changed = _plans(600, seed=2, first=20_000, turn=1)
    _ask(workspace, changed)
    _learn(workspace, changed, "changed")
    assert run(workspace).facts["state"] == "harmful change"
    steady.write_csv(workspace.root / "new.csv")
    score(workspace.root / "new.csv", workspace.root / "out.parquet", workspace)
    scored = pl.read_parquet(workspace.root / "out.parquet")
    assert [f"probability_{name}" in scored.columns for name in ("low", "middle", "high")]


def test_classes_that_are_numbers_are_matched_as_they_were_learned(begin: Begin) -> None:
    coded = customers(600).with_columns(churned=(pl.col("churned") == "yes").cast(pl.Int64))
    text = PROJECT.replace('positive = "yes"', 'positive = "1"')
    workspace = begin(text, coded)
    assert run(workspace).facts["live"] == 1
    rows = customers(100, seed=1)
    rows = rows.with_columns(churned=(rows["churned"] == "yes").cast(pl.Float64))
    given = _ask(workspace, rows)
    assert {answer["prediction"] for answer in given} <= {"0", "1"}
    _learn(workspace, rows, "coded")
    assert monitor(workspace).find("brier").n == 100


def test_a_key_that_is_a_number_is_the_same_however_it_is_written(begin: Begin) -> None:
    rows = customers(600).with_columns(customer=pl.int_range(600))
    workspace = begin(PROJECT, rows)
    assert run(workspace).facts["live"] == 1
    some = rows.head(50)
    _ask(workspace, some)
    _learn(workspace, some.with_columns(pl.col("customer").cast(pl.Float64)), "floats")
    assert monitor(workspace).find("brier").n == 50


def test_retraining_on_outcomes_keeps_what_clients_may_send(begin: Begin) -> None:
    text = PROJECT.replace("[outcome]", 'leave_out = ["colour"]\n\n[outcome]')
    rows = customers(700).with_columns(colour=pl.lit("red"))
    workspace = begin(text.replace('key = ["customer"]\n\n', 'key = ["customer"]\n'), rows)
    assert run(workspace).facts["live"] == 1
    new = customers(400, seed=5, first=10_000).with_columns(colour=pl.lit("blue"))
    _ask(workspace, new)
    _learn(workspace, new, "new")
    number = retrain(workspace).facts["version"]
    manifest = workspace.bundles / str(number)
    assert read_manifest(manifest).keys == ("customer",)
    assert "colour" in read_manifest(manifest).ignored


def test_whole_numbers_said_again_are_repeated_and_infinity_is_no_outcome(begin: Begin) -> None:
    def whole(rows: int, *, seed: int, first: int = 0) -> pl.DataFrame:
        found = _spending(rows, seed=seed, first=first)
        return found.with_columns(pl.col("churned").round(0))

    text = PROJECT.replace(BINARY, 'task = "regression"\n')
    workspace = begin(text, whole(600, seed=0))
    assert run(workspace).facts["live"] == 1
    rows = whole(300, seed=1, first=10_000)
    ids = [answer["id"] for answer in _ask(workspace, rows)]
    clock = workspace.ports.clock
    assert isinstance(clock, FixedClock)
    clock.advance(2 * DAY)
    path = workspace.root / "outcomes.parquet"

    def bring(count: int, outcomes: list[float]) -> dict[str, Any]:
        found = {"prediction_id": ids[:count], "churned": outcomes}
        pl.DataFrame(found).write_parquet(path)
        return labels(path, workspace).facts

    said = rows["churned"].to_list()
    bring(250, said[:250])
    again = bring(100, said[:100])
    assert (again["repeated"], again["contradicting"]) == (100, 0)
    assert bring(300, [*said[:299], float("inf")])["refused"] == 1
    assert monitor(workspace).find("mae").n == 299


def test_the_gain_of_a_regression_is_the_difference_of_mean_errors_in_its_own_unit(
    begin: Begin,
) -> None:
    rows = _spending(900, seed=0)
    workspace = begin(PROJECT.replace(BINARY, 'task = "regression"\n'), rows)
    assert run(workspace).facts["live"] == 1
    wild = pl.when(pl.int_range(pl.len()) % 40 == 0).then(pl.col("churned") + 900)
    rows.with_columns(wild.otherwise("churned").alias("churned")).write_csv(
        workspace.root.parent / "customers.csv"
    )
    train(workspace)
    register("", workspace)
    first, second = (load_version(workspace, read_state(workspace).version(n)) for n in (1, 2))
    new = _spending(400, seed=4, first=40_000)
    y = new["churned"].to_numpy()
    errors = [np.abs(y - model.predict(model.encode_frame(new)).value) for model in (first, second)]
    assert errors[0].mean() < errors[1].mean()
    comparison, facts = compare_models(first, second, new, y, level=0.95)
    word, gain = decide(comparison, scale=facts["scale"])
    assert word == "reject"
    assert gain.value == pytest.approx(errors[0].mean() - errors[1].mean(), rel=1e-6)
    assert gain.unit == "mae"
    assert decide(compare_models(second, first, new, y, level=0.95)[0])[0] == "promote"
