"""What is committed lies on the disk before what it was made from is gone, or anybody is told."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evermodel.loop import scoring
from evermodel.loop.beginning import read_source
from evermodel.loop.datasets import keep
from evermodel.loop.predictions import compact
from evermodel.loop.scoring import score
from evermodel.loop.workspace import Workspace
from evermodel.tables import commits, versions
from tests.loop.shop import Shop, customers

Make = Callable[..., Shop]


class Recorder:
    """Notes what is synced, removed and renamed, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[str, Path]] = []
        sync, unlink, replace, record = os.fsync, os.unlink, os.replace, Workspace.record

        def synced(handle: int) -> None:
            self.events.append(("sync", Path(f"/proc/self/fd/{handle}").resolve()))
            sync(handle)

        def unlinked(path: Any, **settings: Any) -> None:
            self.events.append(("unlink", Path(path).resolve()))
            unlink(path, **settings)

        def replaced(old: Any, new: Any, **settings: Any) -> None:
            self.events.append(("replace", Path(new).resolve()))
            replace(old, new, **settings)

        def recorded(workspace: Workspace, kind: str, body: dict[str, Any], **settings: Any) -> Any:
            self.events.append(("record", Path(kind)))
            return record(workspace, kind, body, **settings)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(os, "unlink", unlinked)
        monkeypatch.setattr(os, "replace", replaced)
        monkeypatch.setattr(Workspace, "record", recorded)

    def before(self, what: str, path: Path) -> set[Path]:
        """Return what was synced before something was done for the first time."""
        end = self.events.index((what, path))
        return {path for event, path in self.events[:end] if event == "sync"}


def _of(table: Path) -> set[Path]:
    """Return what has to be on the disk of a table: all of its files and both folders."""
    files = {path for path in table.rglob("*") if path.is_file() and not path.name.startswith(".")}
    assert {path.suffix for path in files} >= {".json", ".parquet"}
    return {path.resolve() for path in (*files, table, table / "_delta_log", table.parent)}


def test_a_segment_is_removed_after_its_rows_are_on_the_disk(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop()
    one.ask(customers(20, seed=1))
    (segment,) = one.workspace.segments.glob("*.jsonl")
    disk = Recorder(monkeypatch)
    assert compact(one.workspace) == 20
    assert disk.before("unlink", segment.resolve()) >= _of(one.workspace.table("predictions"))


def test_a_segment_whose_rows_were_committed_before_a_kill_is_removed_after_a_sync(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop()
    one.ask(customers(20, seed=1))
    (segment,) = one.workspace.segments.glob("*.jsonl")

    def killed(folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(versions, "sync_commits", killed)
        with pytest.raises(KeyboardInterrupt):
            compact(one.workspace)
    assert segment.exists()
    disk = Recorder(monkeypatch)
    compact(one.workspace)
    wanted = _of(one.workspace.table("predictions")) - {one.workspace.table("predictions").parent}
    assert disk.before("unlink", segment.resolve()) >= wanted


def test_scored_rows_are_on_the_disk_before_the_output_appears(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop()
    monkeypatch.setattr(scoring, "_BATCH_ROWS", 100)
    path, out = one.folder / "new.csv", one.folder / "out.csv"
    customers(300, seed=11, first=10_000).drop("churned").write_csv(path)
    disk = Recorder(monkeypatch)
    assert score(path, out, one.workspace).facts["logged"] == 300
    assert disk.before("replace", out.resolve()) >= _of(one.workspace.table("predictions"))


def test_data_are_on_the_disk_before_the_ledger_says_that_they_are_kept(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop()
    customers(500, seed=9).write_csv(one.folder / "customers.csv")
    table = one.workspace.table("data")
    before = _of(table)
    disk = Recorder(monkeypatch)
    keep(one.workspace, read_source(one.workspace.project))
    fresh = _of(table) - before
    assert len(fresh) >= 2
    assert disk.before("record", Path("data_kept")) >= {*fresh, table.resolve()}


def test_files_that_are_joined_are_freed_after_the_joined_one_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "t"
    for number in range(3):
        versions.append(folder, pl.DataFrame({"a": [number]}), key=str(number))
    before = _of(folder)
    seen: list[set[Path]] = []

    def looked(table: Path) -> None:
        commits.sync_commits(table)
        seen.append(_of(table))

    monkeypatch.setattr(versions, "sync_commits", looked)
    disk = Recorder(monkeypatch)
    versions.tidy(folder, days=0)
    assert seen[0] >= before, "nothing is freed before"
    assert {path for event, path in disk.events if event == "sync"} >= seen[0] - before


def test_a_long_table_is_not_synced_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for number in range(12):
        with monkeypatch.context() as patch:
            disk = Recorder(patch)
            versions.append(tmp_path / "t", pl.DataFrame({"a": [number]}), key=str(number))
        counts.append(len(disk.events))
    assert 4 <= max(counts[1:]) == counts[-1] < 10


def test_a_table_made_anew_in_the_same_place_is_synced_from_its_beginning(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    for number in range(3):
        versions.append(folder, pl.DataFrame({"a": [number]}), key=str(number))
    shutil.rmtree(folder)
    with pytest.MonkeyPatch.context() as patch:
        disk = Recorder(patch)
        versions.append(folder, pl.DataFrame({"a": [1]}), key="0")
    assert {path for _, path in disk.events} >= _of(folder)
