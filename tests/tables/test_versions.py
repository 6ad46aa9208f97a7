"""Versioned tables: saved once, appended once, whole after a kill, with no writer's rows lost."""

import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from evermodel.errors import DataError, NotFoundError, SurroundingsError
from evermodel.tables import digest, versions


def _all(folder: Path) -> pl.DataFrame:
    found = versions.read_all(folder)
    assert found is not None
    return found


def test_a_table_is_saved_once_for_a_digest(tmp_path: Path) -> None:
    one, two = pl.DataFrame({"a": [1]}), pl.DataFrame({"b": ["x", None]})
    assert versions.save(tmp_path / "t", one, digest="one") == 0
    assert versions.save(tmp_path / "t", two, digest="two") == 1
    assert versions.save(tmp_path / "t", one, digest="one") == 0
    assert versions.load(tmp_path / "t", 0).equals(one)
    assert versions.load(tmp_path / "t", 1).equals(two)


def test_every_type_and_name_comes_back(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "a b": [1, None],
            "c,d;e": [1.5, 2.0],
            "{f}=g": ["x", None],
            "zeit(ü)": [datetime(2020, 1, 31, 10, 0, 0, 5), None],
            "ok": [True, None],
            "whole": [1.0, 2.0],
            "big": [2**62 + 1, -(2**62) - 1],
        }
    )
    versions.save(tmp_path / "t", frame, digest="d")
    back = versions.load(tmp_path / "t", 0)
    assert digest(back) == digest(frame)
    assert back.schema == frame.schema


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    assert versions.read_all(tmp_path / "none") is None
    with pytest.raises(NotFoundError):
        versions.load(tmp_path / "none", 0)
    versions.save(tmp_path / "t", pl.DataFrame({"a": [1]}), digest="d")
    with pytest.raises(NotFoundError):
        versions.load(tmp_path / "t", 7)


def _aged(folder: Path) -> None:
    """Let the log of a table be older than the month for which Delta keeps it by default."""
    for path in (folder / "_delta_log").iterdir():
        os.utime(path, (time.time() - 40 * 86_400,) * 2)


def test_old_versions_can_be_loaded_however_many_follow(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    for number in range(98):
        versions.save(folder, pl.DataFrame({"a": [number]}), digest=f"d{number}")
    _aged(folder)
    for number in range(98, 104):
        versions.save(folder, pl.DataFrame({"a": [number]}), digest=f"d{number}")
    assert versions.load(folder, 0)["a"].to_list() == [0]
    assert versions.load(folder, 50)["a"].to_list() == [50]
    assert versions.save(folder, pl.DataFrame({"a": [5]}), digest="d5") == 5


def test_a_table_of_before_keeps_its_log_from_the_next_version_on(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    write_deltalake(str(folder), pl.DataFrame({"a": [1]}).to_arrow())
    number = versions.save(folder, pl.DataFrame({"a": [2]}), digest="d")
    assert versions.load(folder, number)["a"].to_list() == [2]
    kept = DeltaTable(str(folder)).metadata().configuration
    assert kept == {"delta.enableExpiredLogCleanup": "false"}


def test_what_the_disk_refuses_is_said_however_delta_lake_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "Failed to parse parquet: LocalFileSystem error: File too large (os error 27)"

    def refuse(*_: object, **__: object) -> None:
        raise DeltaError(said)

    monkeypatch.setattr("deltalake.write_deltalake", refuse)
    rows = pl.DataFrame({"a": [1]})
    with pytest.raises(SurroundingsError, match="cannot be written") as saved:
        versions.save(tmp_path / "t", rows, digest="d")
    with pytest.raises(SurroundingsError, match="cannot be written") as appended:
        versions.append(tmp_path / "u", rows, key="k")
    assert "os error 27" in saved.value.found
    assert "os error 27" in appended.value.found


def test_rows_are_appended_once_for_a_key(tmp_path: Path) -> None:
    rows = pl.DataFrame({"a": [1, 2]})
    assert versions.append(tmp_path / "t", rows, key="k")
    assert not versions.append(tmp_path / "t", rows, key="k")
    assert versions.append(tmp_path / "t", rows, key="l")
    assert sorted(_all(tmp_path / "t")["a"]) == [1, 1, 2, 2]


def test_a_new_column_is_added_and_an_old_one_may_be_absent(tmp_path: Path) -> None:
    versions.append(tmp_path / "t", pl.DataFrame({"a": [1], "b": ["x"]}), key="1")
    versions.append(tmp_path / "t", pl.DataFrame({"a": [2], "c": [True]}), key="2")
    found = _all(tmp_path / "t").sort("a")
    assert found.to_dict(as_series=False) == {
        "a": [1, 2],
        "b": ["x", None],
        "c": [None, True],
    }


def test_integers_may_get_fractions_later(tmp_path: Path) -> None:
    versions.append(tmp_path / "t", pl.DataFrame({"a": [1, 2]}), key="1")
    assert _all(tmp_path / "t")["a"].dtype == pl.Int64
    versions.append(tmp_path / "t", pl.DataFrame({"a": [2.5]}), key="2")
    assert sorted(_all(tmp_path / "t")["a"]) == [1, 2, 2.5]


def test_a_column_without_values_fits_any_type(tmp_path: Path) -> None:
    versions.append(tmp_path / "t", pl.DataFrame({"a": [1], "b": [None]}), key="1")
    versions.append(tmp_path / "t", pl.DataFrame({"a": [2], "b": ["x"]}), key="2")
    nothing = pl.DataFrame({"a": pl.Series([None], dtype=pl.String), "b": ["y"]})
    versions.append(tmp_path / "t", nothing, key="3")
    assert sorted(_all(tmp_path / "t")["b"].drop_nulls()) == ["x", "y"]


def test_another_type_is_refused_by_name(tmp_path: Path) -> None:
    versions.append(tmp_path / "t", pl.DataFrame({"a": [1]}), key="1")
    with pytest.raises(DataError, match="'a'"):
        versions.append(tmp_path / "t", pl.DataFrame({"a": ["x"]}), key="2")


_WRITER = """
import sys
import polars as pl
from evermodel.tables import versions
folder, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
for number in range(count):
    rows = pl.DataFrame({"who": [name] * 50, "n": [number] * 50})
    versions.append(folder, rows, key=f"{name}{number}")
    print(number, flush=True)
"""


def _writer(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    writers = [_writer(tmp_path / "t", name, 8) for name in "ab"]
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    found = _all(tmp_path / "t").group_by("who", "n").len()
    assert found.height == 16
    assert found["len"].to_list() == [50] * 16


def test_a_killed_writer_leaves_whole_appends_that_can_be_done_again(tmp_path: Path) -> None:
    writer = _writer(tmp_path / "t", "a", 1000)
    assert writer.stdout is not None
    acknowledged = -1
    for line in writer.stdout:
        if line.strip().isdigit():
            acknowledged = int(line)
        if acknowledged >= 3:
            break
    time.sleep(0.02)
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    found = _all(tmp_path / "t").group_by("n").len()
    assert set(range(acknowledged + 1)) <= set(found["n"])
    assert set(found["len"]) == {50}
    again = _writer(tmp_path / "t", "a", 8)
    again.communicate(timeout=120)
    found = _all(tmp_path / "t").group_by("n").len()
    assert set(range(8)) <= set(found["n"])
    assert set(found["len"]) == {50}


def test_a_table_is_read_in_parts_of_its_files_whatever_columns_these_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "_PART_ROWS", 3)
    folder = tmp_path / "table"
    versions.append(folder, pl.DataFrame({"a": list(range(7)), "none": [None] * 7}), key="0")
    versions.append(folder, pl.DataFrame({"b": ["x", "y"], "a": [0.5, None]}), key="1")
    versions.append(folder, pl.DataFrame({"at": [datetime(2026, 1, 1)], "b": ["z"]}), key="2")
    found = list(versions.parts(folder))
    assert max(part.height for part in found) == 3
    assert {tuple(part.schema.items()) for part in found} == {tuple(found[0].schema.items())}
    whole = versions.whole(found)
    assert whole.sort("a", "b").equals(_all(folder).select(whole.columns).sort("a", "b"))
    assert [part.columns for part in versions.parts(folder, ["b"])] == [["b"]] * len(found)
    assert list(versions.parts(tmp_path / "none")) == []


def test_rows_that_were_picked_out_hold_no_texts_of_the_others() -> None:
    rows = pl.DataFrame(
        {"a": ["x" * 100] * 1000, "n": range(1000), "t": [datetime(2026, 1, 1)] * 1000}
    )
    some = versions.alone(rows[500:501])
    assert some.equals(rows[500:501])
    assert some.schema == rows.schema
    assert versions.alone(rows.clear()).schema == rows.schema
