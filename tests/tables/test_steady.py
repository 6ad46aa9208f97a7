"""A file that somebody writes to while it is read is refused, however they write."""

import os
import threading
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evermodel import tables
from evermodel.errors import DataError
from evermodel.tables.steady import require_unchanged, settled_state, state_of

_ROW = "1,abcdefgh\n"


def _times_of(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_atime_ns, found.st_mtime_ns


def test_a_file_of_the_same_size_and_time_with_another_content_is_another(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + _ROW * 50_000)
    batches = tables.scan(path, batch_rows=1000)
    next(batches)
    times = _times_of(path)
    with path.open("r+b") as file:
        file.seek(200_000)
        file.write(b"x")
    os.utime(path, ns=times)
    with pytest.raises(DataError, match="changed while it was read"):
        list(batches)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(min_size=1, max_size=300), place=st.integers(0, 299))
def test_one_other_byte_makes_a_small_file_another(
    tmp_path: Path, content: bytes, place: int
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    before = state_of(path)
    assert before is not None
    require_unchanged(path, before)
    place %= len(content)
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    after = state_of(path)
    assert after is not None
    assert after.content != before.content


def test_a_file_that_is_rewritten_slowly_is_refused_and_read_when_it_is_done(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    half, go_on = threading.Event(), threading.Event()

    def write() -> None:
        with path.open("w") as file:
            file.write("a,b\n" + _ROW * 1000 + "1,ab")
            file.flush()
            half.set()
            go_on.wait(10)
            for _ in range(40):
                file.write(_ROW)
                file.flush()
                time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    half.wait(10)
    threading.Timer(0.05, go_on.set).start()
    with pytest.raises(DataError, match="changed while it was read"):
        tables.read(path)
    writer.join()
    assert tables.read(path).frame.height > 1000


def test_a_whole_file_without_a_last_line_break_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(("a,b\n" + _ROW * 1000).rstrip())
    assert settled_state(path) == state_of(path)
    assert tables.read(path).frame.height == 1000


def test_a_workbook_of_which_a_sheet_is_named_is_watched_too(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    pl.DataFrame({"a": range(2000)}).write_excel(path, worksheet="S")
    batches = tables.scan(f"{path}#sheet=S", batch_rows=100)
    next(batches)
    os.utime(path)
    with pytest.raises(DataError, match="changed while it was read"):
        list(batches)
