"""Every run tells what it read and made, so that scores are led back to the table behind them."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from evermodel.errors import EvermodelError
from evermodel.loop.documentation import data_document
from evermodel.loop.scoring import score
from evermodel.loop.training import train
from evermodel.store.lineage import downstream, lineage, upstream
from evermodel.tables import digest, read
from tests.loop.shop import Shop

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
