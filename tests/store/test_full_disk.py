"""A disk that is full, read-only or in use: said in plain words, and nothing half-written."""

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evermodel.errors import SurroundingsError
from evermodel.records import Event, worst
from evermodel.store import FolderBlobs, SqliteJobs, SystemClock, digest_of
from evermodel.store.durable import refusals, write_durably
from tests.disk import fill, mounted
from tests.store.workspace import open_ledger


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of its own, of 512 KiB."""
    with mounted(tmp_path / "disk") as folder:
        yield folder


def test_a_full_disk_loses_no_event_and_half_writes_none(small_disk: Path) -> None:
    with open_ledger(small_disk, events=3) as ledger:
        ballast = fill(small_disk)
        with pytest.raises(SurroundingsError, match="no space left") as caught:
            ledger.append("churn", "trained", {"pad": "x" * 20_000}, actor="test")
        assert "make room" in caught.value.hint
        assert worst(ledger.verify()) == "pass"
        ballast.unlink()
        assert ledger.append("churn", "trained", {}, actor="test").seq == 4
        assert worst(ledger.verify()) == "pass"


def test_events_appended_until_the_disk_is_full_are_all_there(small_disk: Path) -> None:
    with open_ledger(small_disk) as ledger:
        acknowledged: list[Event] = []

        def go_on() -> None:
            while True:
                event = ledger.append("churn", "labels", {"pad": "x" * 4000}, actor="test")
                acknowledged.append(event)

        with pytest.raises(SurroundingsError):
            go_on()
        assert len(acknowledged) > 5
        assert list(ledger.events("churn")) == acknowledged
        assert worst(ledger.verify()) == "pass"


def test_a_full_disk_leaves_no_part_of_a_blob_or_a_file(small_disk: Path) -> None:
    blobs = FolderBlobs(small_disk / "blobs")
    digest = blobs.put(b"before")
    write_durably(small_disk / "file", b"before")
    fill(small_disk)
    with pytest.raises(SurroundingsError, match="no space left"):
        blobs.put(b"x" * 100_000)
    with pytest.raises(SurroundingsError, match="no space left"):
        write_durably(small_disk / "file", b"x" * 100_000)
    assert (small_disk / "file").read_bytes() == b"before"
    assert digest_of(blobs.path(digest)) == digest
    names = {path.name for path in small_disk.rglob("*") if path.is_file()}
    assert names == {"ballast", "file", digest}


_LIMITED = """
import resource, sys
from pathlib import Path
from evermodel.errors import SurroundingsError
from tests.store.workspace import open_ledger
ledger = open_ledger(Path(sys.argv[1]), events=3)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    while True:
        print(ledger.append("churn", "labels", {"pad": "x" * 900}, actor="test").hash, flush=True)
except SurroundingsError as error:
    print(error.what)
"""


@pytest.mark.parametrize("limit", [5_000, 150_000])
def test_a_file_that_may_not_grow_ends_in_a_clear_error(tmp_path: Path, limit: int) -> None:
    command = [sys.executable, "-c", _LIMITED, str(tmp_path), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *hashes, said = done.stdout.splitlines()
    assert said in {
        "there is no space left to write to",
        "the disk failed while the store was written",
    }
    with open_ledger(tmp_path) as ledger:
        assert [event.hash for event in ledger.events("churn", after=3)] == hashes
        assert worst(ledger.verify()) == "pass"
        ledger.append("churn", "labels", {}, actor="test")
        assert worst(ledger.verify()) == "pass"


def test_a_store_locked_by_another_program_is_said_so(tmp_path: Path) -> None:
    with open_ledger(tmp_path, events=1), open_ledger(tmp_path, wait=0.1) as ledger:
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SurroundingsError, match="locked by another program"):
            ledger.append("churn", "labels", {}, actor="test")
        with (
            SqliteJobs(tmp_path / "store.db", SystemClock(), wait=0.1) as jobs,
            pytest.raises(SurroundingsError, match="locked by another program"),
        ):
            jobs.start("churn", "train", seconds=60)
        other.execute("ROLLBACK")
        other.close()
        assert ledger.append("churn", "labels", {}, actor="test").seq == 2


def test_heads_held_by_another_program_are_not_waited_for_without_end(tmp_path: Path) -> None:
    import fcntl

    with open_ledger(tmp_path, events=1), open_ledger(tmp_path, wait=0.1) as ledger:
        with (tmp_path / "heads").open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(SurroundingsError, match="does not let go"):
                ledger.append("churn", "labels", {}, actor="test")
        assert worst(ledger.verify()) == "pass"


@pytest.mark.parametrize(
    ("number", "what"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "no space left"),
        (errno.EROFS, "cannot be written to"),
        (errno.EACCES, "cannot be written to"),
        (errno.ENOENT, "is not there"),
        (errno.EIO, "the disk refused"),
    ],
)
def test_each_refusal_of_the_disk_has_its_words(number: int, what: str) -> None:
    with pytest.raises(SurroundingsError, match=what) as caught, refusals("/somewhere"):
        raise OSError(number, os.strerror(number))
    assert caught.value.where == "/somewhere"


def test_a_file_is_replaced_in_one_step_and_no_other_name_stays(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        write_durably(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
