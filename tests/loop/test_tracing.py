"""Every run tells what it read and made, so that scores are led back to the table behind them."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from evermodel.errors import EvermodelError
from evermodel.loop.documentation import data_document
from evermodel.loop.outcomes import labels
from evermodel.loop.releasing import evaluate
from evermodel.loop.scoring import score
from evermodel.loop.state import read_state
from evermodel.loop.training import train
from evermodel.loop.turning import run
from evermodel.store.lineage import downstream, lineage, upstream
from evermodel.tables import digest, read
from tests.loop.shop import Shop, customers
from tests.store.lineage_client import facets_of

Make = Callable[..., Shop]


def test_scores_lead_back_to_the_version_of_the_table_that_was_learned_from(
    shop: Make, tmp_path: Path
) -> None:
    workspace = shop().workspace
    out = tmp_path / "scored.parquet"
    rows = tmp_path / "new.csv"
    read(workspace.project.source).frame.head(20).write_csv(rows)
    score(rows, out, workspace)
    events = lineage(workspace.root)
    assert [(event.job.name, event.event_type) for event in events] == [
        ("shop.train", "START"),
        ("shop.train", "COMPLETE"),
        ("shop.score", "START"),
        ("shop.score", "COMPLETE"),
    ]
    way = upstream(events, str(out))
    assert [link.job for link in way] == ["shop.score", "shop.train"]
    (table,) = way[1].inputs
    assert table.name == "shop/customers.csv"
    # What was learned from is the very content, whatever becomes of the file.
    (kept,) = workspace.events("data_kept")
    assert table.digest == kept.body["digest"]
    after = [link.job for link in downstream(events, "shop/customers.csv")]
    assert after == ["shop.train", "shop.score"]


def test_every_verb_of_the_loop_tells_what_it_read_and_made_and_within_which_run(
    shop: Make, tmp_path: Path
) -> None:
    one = shop()
    rows = customers(700, seed=31, first=10_000, strength=-1.0)
    new = tmp_path / "new.csv"
    rows.drop("churned").write_csv(new)
    score(new, tmp_path / "out.csv", one.workspace)
    evaluate(1, one.workspace)
    labels(one.bring(rows), one.workspace)
    turn = run(one.workspace)
    assert turn.facts["state"] == "harmful change"
    jobs = {}
    for line in (one.workspace.root / "lineage" / "shop.jsonl").read_text().splitlines():
        event = json.loads(line)
        assert list(facets_of(event))  # each is of the client's own class, or it raises
        if event["eventType"] == "COMPLETE":
            jobs[event["job"]["name"]] = event
    verbs = {"train", "score", "evaluate", "labels", "monitor", "retrain", "run"}
    assert {f"shop.{verb}" for verb in verbs} == set(jobs)
    for verb in ("monitor", "retrain", "run"):
        parent = jobs[f"shop.{verb}"]["run"]["facets"].get("parent")
        if verb == "run":
            assert parent is None
        else:
            assert parent["run"]["runId"] == jobs["shop.run"]["run"]["runId"]
            assert parent["job"]["name"] == "shop.run"
    trained = jobs["shop.train"]["run"]["facets"]["parent"]
    assert trained["job"]["name"] == "shop.retrain"
    assert "parent" not in jobs["shop.labels"]["run"]["facets"]

    def read(verb: str, way: str = "inputs") -> dict[str, str]:
        return {
            each["name"]: each["facets"].get("version", {}).get("datasetVersion", "")
            for each in jobs[f"shop.{verb}"][way]
        }

    live = read_state(one.workspace).version(1).trained
    assert read("evaluate")["shop.model"] == read("monitor")["shop.model"] == live["digest"]
    assert read("evaluate")["shop.rows"] == live["test"]
    (brought,) = one.workspace.events("labels")
    assert brought.body["file"] in read("labels").values()
    assert read("labels", "outputs")["shop.labels"] == read("monitor")["shop.labels"] != ""
    challenger = read_state(one.workspace).version(turn.facts["version"]).trained["digest"]
    assert read("retrain", "outputs")["shop.challenger"] == challenger
    assert read("train", "outputs")["shop.model"] in {
        each["digest"] for each in (e.body for e in one.workspace.events("trained"))
    }


def test_a_run_that_breaks_is_told_as_failed_without_a_value(shop: Make) -> None:
    workspace = shop().workspace
    path = Path(workspace.project.source)
    frame = pl.read_csv(path)
    frame.with_columns(churned=pl.lit("only one")).write_csv(path)
    before = len(lineage(workspace.root))
    report = train(workspace)
    # What the checks refuse never began; what breaks on the way is told.
    assert report.verdict == "fail"
    assert len(lineage(workspace.root)) == before
    frame.head(12).write_csv(path)
    try:
        report = train(workspace)
    except EvermodelError:
        last = lineage(workspace.root)[-1]
        assert last.event_type == "FAIL"
        assert "errorMessage" in last.run.facets
    else:
        assert report.verdict == "fail"


def test_a_silent_server_of_lineage_is_a_warning_and_no_failure(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    report = train(shop().workspace)
    found = report.find("lineage")
    assert found.verdict == "warn"
    assert "it is kept in" in found.why
    assert report.find("roc_auc").value


def test_the_documentation_names_the_digest_of_what_is_there_and_asks_once(shop: Make) -> None:
    workspace = shop().workspace
    root = Path(workspace.project.root)
    report = data_document(workspace)
    assert report.find("questions").verdict == "warn"
    assert (root / "datasheet.toml").exists()
    text = (root / "documentation" / "datasheet.md").read_text()
    assert digest(read(workspace.project.source).frame) in text
    with pytest.raises(KeyError):
        data_document(workspace).find("questions")
