"""What a scored file was answered counts as served: watched, joined by outcomes, once."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from evermodel.errors import DataError
from evermodel.loop import scoring
from evermodel.loop.matured import input_types
from evermodel.loop.outcomes import labelled, labels
from evermodel.loop.predictions import features_of, logged
from evermodel.loop.releasing import promote, register
from evermodel.loop.scoring import score
from evermodel.loop.state import load_version, read_state
from evermodel.loop.training import train
from evermodel.loop.turning import run
from evermodel.loop.watching import answered, monitor
from evermodel.loop.workspace import Workspace
from evermodel.tables import Lined, scan_lines
from tests.loop.shop import DAY, PROJECT, Shop, customers

Make = Callable[..., Shop]


def _scored(one: Shop, rows: pl.DataFrame, name: str = "new", *, log: bool = True) -> pl.DataFrame:
    source, target = one.folder / f"{name}.csv", one.folder / f"{name}-scored.parquet"
    rows.write_csv(source)
    score(source, target, one.workspace, log=log)
    return pl.read_parquet(target)


def test_a_shop_of_files_alone_closes_the_loop(shop: Make) -> None:
    one = shop()
    rows = customers(600, seed=11, first=10_000)
    out = _scored(one, rows.drop("churned"))
    assert "prediction_id" not in out.columns
    assert monitor(one.workspace).facts["state"] == "steady"
    assert labels(one.bring(rows), one.workspace).facts["matched"] == 600
    report = monitor(one.workspace)
    assert report.find("brier").n == 600
    said = labelled(one.workspace)
    assert said is not None
    chances = {
        msgspec.json.decode(key)["customer"]: msgspec.json.decode(output)["probability"]
        for key, output in said.select("key", "output").iter_rows()
    }
    scored = dict(out.select("customer", "probability").iter_rows())
    assert chances == pytest.approx(scored, abs=1e-12)
    other = customers(900, seed=12, first=20_000, strength=-1.0)
    _scored(one, other.drop("churned"), "other")
    labels(one.bring(other), one.workspace)
    assert run(one.workspace).facts["state"] == "harmful change"


def test_the_same_rows_are_written_down_once_and_a_trial_never(shop: Make) -> None:
    one = shop()
    rows = customers(300, seed=11, first=10_000).drop("churned")
    _scored(one, rows, log=False)
    assert logged(one.workspace) is None
    for name in ("new", "again"):
        _scored(one, rows, name)
    log = logged(one.workspace)
    assert log is not None
    assert (log.height, log["id"].n_unique(), set(log["route"])) == (300, 300, {"score"})
    report = score(one.folder / "new.csv", one.folder / "third.csv", one.workspace)
    assert report.find("rows logged").value == 0
    assert report.find("rows scored").value == 300
    assert monitor(one.workspace).facts["state"] == "steady", "rows that came twice are no fault"


def test_a_file_that_is_refused_halfway_leaves_nothing_in_the_log(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop()
    monkeypatch.setattr(scoring, "_BATCH_ROWS", 100)
    path, out = one.folder / "new.csv", one.folder / "out.csv"
    customers(300, seed=11, first=10_000).drop("churned").write_csv(path)
    seen: list[int] = []

    def cut_short(*args: Any, **settings: Any) -> Iterator[Lined]:
        for batch in scan_lines(*args, **settings):
            seen.append(batch.frame.height)
            yield batch
        raise DataError("the file ends within a row")

    with monkeypatch.context() as patch:
        patch.setattr(scoring, "scan_lines", cut_short)
        with pytest.raises(DataError):
            score(path, out, one.workspace)
    assert len(seen) > 1
    assert logged(one.workspace) is None
    assert not out.exists()
    assert not list(one.workspace.root.glob("scored-*"))
    assert score(path, out, one.workspace).find("rows logged").value == 300


def test_the_same_rows_in_another_order_keep_their_ids(shop: Make) -> None:
    one = shop()
    rows = customers(50, seed=11).drop("churned", "customer")
    rows = pl.concat([rows, rows.head(3)])
    first, second = _scored(one, rows), _scored(one, rows.reverse(), "again")
    assert first["prediction_id"].n_unique() == 53
    columns = ["amount", "visits", "plan", "probability", "prediction_id"]
    assert first.sort(columns).select(columns).equals(second.sort(columns).select(columns))
    log = logged(one.workspace)
    assert log is not None
    assert set(log["id"]) == set(first["prediction_id"])


def test_what_a_killed_scoring_held_is_removed_by_a_later_one(shop: Make) -> None:
    one = shop()
    old, young = one.workspace.root / "scored-old", one.workspace.root / "scored-young"
    for left in (old, young):
        left.mkdir()
        (left / "0.parquet").write_bytes(b"rows")
    os.utime(old, (0, 0))
    _scored(one, customers(20, seed=11, first=10_000).drop("churned"))
    assert (old.exists(), young.exists()) == (False, True)


def test_rows_without_a_key_are_named_by_the_prediction(shop: Make) -> None:
    one = shop()
    rows = customers(250, seed=11)
    out = _scored(one, rows.drop("churned", "customer"))
    assert out["prediction_id"].n_unique() == 250
    one.clock.advance(2 * DAY)
    path = one.folder / "o.csv"
    pl.DataFrame({"prediction_id": out["prediction_id"], "churned": rows["churned"]}).write_csv(
        path
    )
    assert labels(path, one.workspace).facts["matched"] == 250


def test_a_version_that_is_not_live_writes_nothing_down(shop: Make) -> None:
    one = shop()
    train(one.workspace, seed=1)
    register("", one.workspace)
    rows = customers(50, seed=11)
    rows.write_csv(one.folder / "new.csv")
    report = score(one.folder / "new.csv", one.folder / "out.csv", one.workspace, number=2)
    assert report.facts["logged"] == 0
    assert logged(one.workspace) is None
    assert promote(2, one.workspace, force=True).facts["live"] == 2


def test_what_is_written_down_is_what_the_model_read(
    begin: Callable[..., Workspace], tmp_path: Path
) -> None:
    """Times, missing values and codes come back from the log as they were scored."""
    begun = datetime(2025, 1, 1)
    seen = [begun + timedelta(hours=7 * place) for place in range(1000)]
    rows = customers(1000).with_columns(
        amount=pl.when(pl.col("visits") == 3).then(-999.0).otherwise(pl.col("amount")),
        seen=pl.Series(seen),
    )
    text = PROJECT + '\n[data.repairs.amount]\nmissing = ["-999"]\n'
    workspace = begin(text, rows)
    train(workspace)
    register("", workspace)
    promote(None, workspace)
    workspace.close()
    one = Shop(workspace.root.parent, tmp_path / "timed")
    new = customers(400, seed=5).with_columns(
        amount=pl.when(pl.col("visits") == 2).then(-999.0).otherwise(pl.col("amount")),
        plan=pl.when(pl.col("visits") == 1).then(None).otherwise(pl.col("plan")),
        seen=pl.Series(seen[:400]),
    )
    _scored(one, new.drop("churned"))
    log = logged(one.workspace)
    assert log is not None
    state = read_state(one.workspace)
    model = load_version(one.workspace, state.version(state.live))
    again = model.predict(model.encode_frame(features_of(log, input_types(model)), repaired=True))
    first = answered(model, log)
    assert again.probability is not None
    assert first.probability is not None
    np.testing.assert_allclose(again.probability, first.probability, atol=1e-9)
    assert len(set(np.round(first.probability, 6))) > 100


def test_features_are_left_out_of_the_log_where_the_project_says_so(shop: Make) -> None:
    one = shop(("serve", "log_features = false"))
    _scored(one, customers(60, seed=11).drop("churned"))
    log = logged(one.workspace)
    assert log is not None
    assert log["features"].null_count() == log.height == 60
    assert log["key"].null_count() == 0
