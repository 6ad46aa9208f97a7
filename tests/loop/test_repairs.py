"""Declared repairs hold in training, evaluation, scoring, serving and MLflow alike."""

import io
import json
import urllib.request
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pytest

from evermodel.loop.beginning import read_source
from evermodel.loop.matured import input_types
from evermodel.loop.predictions import compact, features_of, logged
from evermodel.loop.releasing import evaluate, promote, register
from evermodel.loop.scoring import score
from evermodel.loop.serving import application
from evermodel.loop.state import load_version, read_state
from evermodel.loop.training import train
from evermodel.loop.workspace import Workspace
from evermodel.register.pyfunc import BundleModel
from evermodel.serve import BackgroundServer
from tests.loop.shop import PROJECT, answers

REPAIRED = (
    PROJECT.replace('key = ["customer"]\n', "")
    + """
[data.reading]
missing = ["-77"]

[data.repairs.weight]
strip = " kg"
missing = ["-999"]
map = { heavy = "95" }

[data.repairs.visits]
missing = ["-999"]

[data.repairs.plan]
strip = "."
map = { P = "pro", Pro = "pro" }
missing = ["unknown"]

[data.repairs.active]
type = "boolean"
map = { J = "true", N = "false" }

[data.repairs.level]
map = { "1" = "low", "2" = "high" }

[data.repairs.since]
missing = ["1900-01-01"]
"""
)


def raw_rows(rows: int = 500, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    weight = random.normal(70, 12, rows).round(1)
    visits = random.poisson(4, rows)
    plan = random.choice(["basic", "basic.", "pro", "P", "Pro.", "unknown", "?"], rows)
    active = random.choice(["J", "N"], rows)
    level = random.choice(["1", "2"], rows)
    z = (weight - 70) / 12 + (active == "J") - 0.7 * (level == "2") - (visits - 4) / 3
    gone = random.random(rows) < 0.1
    odd = random.choice(["-999", "-999.0", "-77", "heavy", ""], rows)
    days = random.choice(["2026-01-03", "2026-02-11", "1900-01-01", "2025-05-05"], rows)
    churned = np.where(random.random(rows) < 1 / (1 + np.exp(-z)), "yes", "no")
    return pl.DataFrame(
        {
            "weight": [o if g else f"{w} kg" for o, g, w in zip(odd, gone, weight, strict=True)],
            "visits": np.where(random.random(rows) < 0.1, -999, visits),
            "plan": plan,
            "active": active,
            "level": level,
            "since": days,
            "churned": churned,
        }
    )


def _live(begin: Callable[..., Workspace]) -> Workspace:
    workspace = begin(REPAIRED, raw_rows())
    train(workspace)
    register("", workspace)
    promote(None, workspace, force=True)
    return workspace


def _invoked(url: str, rows: pl.DataFrame) -> list[dict[str, Any]]:
    headers = {"Content-Type": "text/csv"}
    request = urllib.request.Request(url + "/invocations", rows.write_csv().encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return list(json.load(answer)["predictions"])


def test_a_raw_row_gets_the_same_probability_from_every_way_in(
    begin: Callable[..., Workspace],
) -> None:
    workspace = _live(begin)
    fresh = raw_rows(300, seed=7)
    path = workspace.root.parent / "fresh.csv"
    fresh.write_csv(path)
    out = workspace.root.parent / "out.parquet"
    score(path, out, workspace)
    scored = pl.read_parquet(out)["probability"].to_numpy()
    assert len(np.unique(scored.round(6))) > 100

    model = load_version(workspace, read_state(workspace).version(1))
    trained = read_source(workspace.project, path).frame
    read_as_trained = model.predict(model.encode_frame(trained, repaired=True))
    assert read_as_trained.probability is not None
    np.testing.assert_allclose(read_as_trained.probability, scored, atol=1e-6)

    inputs = fresh.drop("churned")
    raw = model.predict(model.encode_frame(inputs))
    assert raw.probability is not None
    np.testing.assert_allclose(raw.probability, scored, atol=1e-6)

    # Codes come as numbers too, once from a client and once from a typed file.
    records = inputs.with_columns(pl.col("level").cast(pl.Int64)).to_dicts()
    with BackgroundServer(application(workspace)) as server:
        served = [answer["probability"] for answer in answers(server.url, records)]
        invoked = [answer["probability"] for answer in _invoked(server.url, inputs)]
    np.testing.assert_allclose(served, scored, atol=1e-6)
    np.testing.assert_allclose(invoked, scored, atol=1e-6)

    found = BundleModel(model).predict(pd.read_csv(io.StringIO(inputs.write_csv())))
    np.testing.assert_allclose(found["probability"], scored, atol=1e-6)

    typed = workspace.root.parent / "fresh.parquet"
    fresh.with_columns(
        pl.col("level", "visits").cast(pl.Float64), pl.col("since").str.to_date()
    ).write_parquet(typed)
    score(typed, out, workspace)
    np.testing.assert_allclose(pl.read_parquet(out)["probability"], scored, atol=1e-6)

    report = evaluate(1, workspace, data=typed)
    y = (fresh["churned"] == "yes").to_numpy()
    assert report.find("brier").value == pytest.approx(np.mean((scored - y) ** 2), abs=1e-6)

    compact(workspace)
    log = logged(workspace)
    assert log is not None
    kept = features_of(log, input_types(model))
    assert set(kept["plan"].drop_nulls()) == {"basic", "pro"}
    assert set(kept["level"]) == {"low", "high"}
    again = model.predict(model.encode_frame(kept, repaired=True)).probability
    # The two files hold the same rows, which are written down once.
    said = np.sort([*served, *invoked, *scored])
    np.testing.assert_allclose(np.sort(again), said, atol=1e-6)  # type: ignore[arg-type]


def test_a_version_is_scored_by_its_own_repairs_after_the_project_file_changed(
    begin: Callable[..., Workspace],
) -> None:
    workspace = _live(begin)
    model = load_version(workspace, read_state(workspace).version(1))
    before, after = (workspace.root.parent / name for name in ("before.csv", "after.csv"))
    source = workspace.root.parent / "customers.csv"
    score(source, before, workspace)
    data = msgspec.structs.replace(workspace.project.data, repairs={})
    workspace.project = msgspec.structs.replace(workspace.project, data=data)
    score(source, after, workspace)
    first, second = (pl.read_csv(path)["probability"].to_list() for path in (before, after))
    assert first == second
    assert model.manifest.inputs[0].repair is not None
