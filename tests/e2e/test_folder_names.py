"""A project works wherever a person keeps it: blanks, umlauts and other signs in the path."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from evermodel.loop.datasets import data_restore
from evermodel.loop.outcomes import labels
from evermodel.loop.releasing import promote, register
from evermodel.loop.scoring import score
from evermodel.loop.training import train
from evermodel.loop.watching import monitor
from evermodel.loop.workspace import open_workspace
from evermodel.store.clock import FixedClock
from evermodel.tables import read, versions
from tests.loop.shop import customers, write_project

NAMES = ["Meine Läden (alt)", "100 % & mehr", "日本 店"]


@pytest.mark.slow
def test_a_project_in_a_folder_of_any_name_goes_round_the_loop(tmp_path: Path) -> None:
    folder = write_project(tmp_path / NAMES[0] / "shop")
    rows = customers(400, seed=2, first=10_000)
    rows.drop("churned").write_csv(folder / "new.csv")
    rows.select("customer", "churned").write_csv(folder / "outcomes.csv")
    clock = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))
    with open_workspace(folder, clock=clock) as workspace:
        train(workspace)
        register("", workspace)
        promote(None, workspace)
        assert score(folder / "new.csv", folder / "out.csv", workspace).facts["logged"] == 400
        clock.advance(90 * 86_400)
        assert labels(folder / "outcomes.csv", workspace).facts["matched"] == 400
        assert monitor(workspace).verdict in ("pass", "warn")
        data_restore(1, folder / "back.csv", workspace)
    assert read(folder / "back.csv").frame.height == read(folder / "customers.csv").frame.height


@pytest.mark.parametrize("name", NAMES)
def test_a_table_in_a_folder_of_any_name_is_read_back(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "t"
    versions.append(folder, pl.DataFrame({"a": [1, 2]}), key="monday")
    versions.append(folder, pl.DataFrame({"a": [3], "b": ["x"]}), key="tuesday")
    kept = versions.read_all(folder)
    assert kept is not None
    assert sorted(kept["a"].to_list()) == [1, 2, 3]
    assert sum(part.height for part in versions.parts(folder)) == 3
    assert versions.scan_version(folder, 0).collect()["a"].to_list() == [1.0, 2.0]
    assert read(folder).frame.height == 3
