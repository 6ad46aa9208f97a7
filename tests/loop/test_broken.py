"""Rows that look broken rather than changed are neither learned from nor predicted in silence."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evermodel.errors import DataError
from evermodel.loop.retraining import retrain
from evermodel.loop.scoring import score
from evermodel.loop.training import train
from evermodel.tables import Lined, read, scan_lines
from tests.loop.shop import Shop, customers

Make = Callable[..., Shop]


def _in_cents(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("amount") * 100)


def test_a_source_with_a_slip_of_units_is_not_learned_from_until_somebody_says_so(
    shop: Make,
) -> None:
    one = shop()
    path = Path(one.workspace.project.source)
    _in_cents(customers()).write_csv(path)
    for verb in (train, retrain):
        report = verb(one.workspace)
        assert report.verdict == "fail"
        found = report.find("unit_slip", "amount")
        assert "gate_training" in found.why
    (refused, _) = one.workspace.events("data_refused")
    assert refused.body["reason"]
    other = shop(("data", 'gate_training = "warn"'))
    _in_cents(customers()).write_csv(Path(other.workspace.project.source))
    report = train(other.workspace)
    assert report.find("unit_slip", "amount").verdict == "warn"
    assert "run" in report.facts


@pytest.mark.parametrize(("every", "verdict"), [(8, "fail"), (40, "warn")])
def test_a_slip_in_a_part_of_the_rows_is_refused_from_a_twentieth_on(
    shop: Make, every: int, verdict: str
) -> None:
    workspace = shop().workspace
    slipped = pl.int_range(pl.len()) % every == 0
    amount = pl.when(slipped).then(pl.col("amount") * 1000).otherwise(pl.col("amount"))
    customers().with_columns(amount).write_csv(Path(workspace.project.source))
    report = train(workspace)
    found = report.find("unit_slip", "amount")
    assert found.verdict == verdict
    assert found.value == pytest.approx(1 / every, rel=0.05)
    assert found.evidence["rows"][:2] == [0, every]
    assert ("run" in report.facts and report.verdict != "fail") == (verdict == "warn")


def test_a_source_that_only_changed_is_learned_from(shop: Make) -> None:
    workspace = shop().workspace
    frame = customers().with_columns(pl.col("amount") * 1.3, pl.col("visits") + 2)
    frame.write_csv(Path(workspace.project.source))
    assert train(workspace).verdict == "pass"


def test_a_broken_file_is_predicted_and_told_unless_it_is_to_be_refused(
    shop: Make, tmp_path: Path
) -> None:
    rows, out = tmp_path / "new.csv", tmp_path / "scored.csv"
    _in_cents(customers().head(200)).write_csv(rows)
    report = score(rows, out, shop().workspace)
    assert report.find("unit_slip", "amount").verdict == "warn"
    assert read(out).frame.height == 200
    out.unlink()
    strict = shop(("data", 'gate_scoring = "fail"')).workspace
    with pytest.raises(DataError, match="look broken") as caught:
        score(rows, out, strict)
    assert "amount" in str(caught.value)
    assert not out.exists()
    assert [path.name for path in tmp_path.glob(".*part*")] == []


def test_broken_batches_are_set_aside_and_the_others_predicted(
    shop: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evermodel.loop.scoring._BATCH_ROWS", 300)
    rows, out = tmp_path / "new.parquet", tmp_path / "scored.csv"
    frame = pl.concat([customers().head(300), _in_cents(customers()[300:600])], how="vertical")
    frame.write_parquet(rows)
    workspace = shop(("data", 'gate_scoring = "quarantine"')).workspace
    report = score(rows, out, workspace)
    aside = read(report.facts["quarantine"]).frame
    assert aside["customer"].to_list() == frame["customer"][300:].to_list()
    assert read(out).frame["customer"].to_list() == frame["customer"][:300].to_list()
    assert report.facts["rows"] == report.facts["logged"] == 300
    assert "set aside" in report.find("unit_slip", "amount").why
    assert set(aside["line"]) == set(range(301, 601))
    _in_cents(customers()).write_parquet(rows)
    with pytest.raises(DataError, match="all rows look broken"):
        score(rows, tmp_path / "none.csv", workspace)
    sizes = [read(path).frame.height for path in workspace.set_aside.glob("*.csv")]
    assert sorted(sizes) == [300, customers().height]
    assert not (tmp_path / "none.csv").exists()


def test_what_was_set_aside_of_a_file_that_ends_badly_is_not_left_behind(
    shop: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, out = tmp_path / "new.csv", tmp_path / "scored.csv"
    _in_cents(customers().head(300)).write_csv(rows)
    workspace = shop(("data", 'gate_scoring = "quarantine"')).workspace

    def stopped(*args: Any, **settings: Any) -> Iterator[Lined]:
        yield from scan_lines(*args, **settings)
        raise KeyboardInterrupt

    monkeypatch.setattr("evermodel.loop.scoring.scan_lines", stopped)
    with pytest.raises(KeyboardInterrupt):
        score(rows, out, workspace)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["new.csv"]
    assert not list(workspace.set_aside.iterdir())
