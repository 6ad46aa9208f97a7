"""Every version of the data that was learned from can be listed, compared and brought back."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from evermodel.errors import InputError, NotFoundError
from evermodel.loop.datasets import data_diff, data_log, data_restore, data_show, data_tidy
from evermodel.loop.releasing import promote, register
from evermodel.loop.reproducing import reproduce
from evermodel.loop.training import train
from evermodel.loop.workspace import Workspace
from evermodel.tables import read
from tests.loop.shop import PROJECT, Shop, customers

Make = Callable[..., Shop]


def _source(workspace: Workspace) -> Path:
    return Path(workspace.project.source)


def _with_fewer_rows(workspace: Workspace) -> None:
    path = _source(workspace)
    read(path).frame.head(350).write_csv(path)


def test_each_version_is_listed_once_with_what_learned_from_it(shop: Make) -> None:
    workspace = shop().workspace
    train(workspace)
    (one,) = data_log(workspace).results
    assert one.why.endswith("learned from by version 1, which is live")
    _with_fewer_rows(workspace)
    train(workspace)
    one, two = data_log(workspace).results
    assert two.n == 350
    assert two.why.endswith("learned from by 1 candidate, none registered")


def test_a_version_comes_back_in_the_order_and_with_the_types_in_which_it_was_read(
    shop: Make, tmp_path: Path
) -> None:
    workspace = shop().workspace
    before = read(_source(workspace)).frame
    _with_fewer_rows(workspace)
    out = tmp_path / "back.parquet"
    data_restore("1", out, workspace)
    assert read(out).frame.equals(before)
    with pytest.raises(InputError, match="there is a file already"):
        data_restore("1", out, workspace)
    with pytest.raises(NotFoundError, match="no such version"):
        data_restore("7", out, workspace)


def test_a_version_is_compared_with_the_source_as_it_is_now(shop: Make, tmp_path: Path) -> None:
    workspace = shop().workspace
    same = data_diff("1", "", workspace)
    assert same.facts["same"] is True
    rows = read(_source(workspace)).frame.height
    _with_fewer_rows(workspace)
    found = data_diff("1", "", workspace)
    assert found.facts["same"] is False
    assert found.find("rows_removed").value == rows - 350
    out = tmp_path / "other.csv"
    pl.read_csv(_source(workspace)).head(10).write_csv(out)
    assert data_diff("1", str(out), workspace).find("rows_removed").value == rows - 10


def test_a_version_is_shown_without_any_value_that_tells_a_person(shop: Make) -> None:
    workspace = shop().workspace
    report = data_show("", workspace)
    frame = read(_source(workspace)).frame
    assert [result.subject for result in report.results] == frame.columns
    for result in report.results:
        for value, count in frame[result.subject].cast(pl.String).value_counts().iter_rows():
            assert value is None or count >= 10 or f"{value!r}" not in result.why


def test_by_digest_only_no_row_is_kept_and_reproduction_needs_the_source(
    begin: Callable[..., Workspace],
) -> None:
    text = PROJECT.replace("[data]", '[data]\nkeep = "digest"')
    workspace = begin(text, customers(400))
    train(workspace)
    assert not workspace.table("data").exists()
    (one,) = data_log(workspace).results
    assert one.evidence["version"] is None
    register("", workspace)
    promote(None, workspace)
    assert reproduce(None, workspace).verdict in ("pass", "warn")
    _with_fewer_rows(workspace)
    with pytest.raises(NotFoundError, match="not kept") as caught:
        reproduce(None, workspace)
    assert "the source has changed since" in str(caught.value)


def test_tidying_up_keeps_what_registered_versions_learned_from(shop: Make) -> None:
    workspace = shop().workspace
    frame = read(_source(workspace)).frame
    for count in (350, 360):
        frame.head(count).write_csv(_source(workspace))
        train(workspace)
    folder = workspace.table("data")
    _age(folder, days=40)
    frame.head(370).write_csv(_source(workspace))
    train(workspace)
    freed = data_tidy(workspace)
    assert (freed.find("freed", "data").value or 0) > 0
    rows = [result.n for result in data_log(workspace).results]
    assert rows == [frame.height, 350, 360, 370]
    assert reproduce(1, workspace).find("reproduced").verdict == "pass"
    # The third version was replaced only now, so it is not old yet.
    for kept in ("1", "3", "4"):
        assert data_diff(kept, kept, workspace).facts["same"] is True
    with pytest.raises(NotFoundError, match="are gone"):
        data_diff("2", "", workspace)
    # What was freed and is learned from again is kept anew, under its old number.
    frame.head(350).write_csv(_source(workspace))
    train(workspace)
    assert data_diff("2", "", workspace).facts["same"] is True


def _age(folder: Path, *, days: float) -> None:
    """Make all files, and the log's own times, look that old."""
    then = time.time() - days * 86_400
    for path in folder.rglob("*.json"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            for action in line.values():
                for name in ("deletionTimestamp", "modificationTime", "timestamp"):
                    if name in action:
                        action[name] = int(then * 1000)
        path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    for path in folder.rglob("*"):
        os.utime(path, (then, then))


def test_a_file_that_may_still_be_written_is_never_freed(shop: Make) -> None:
    with pytest.raises(InputError, match="younger than a day"):
        data_tidy(shop().workspace, days=0)
