"""Tables larger than memory are read in memory that does not grow with their rows."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evermodel import tables
from evermodel.errors import DataError
from evermodel.tables import delimited, room

COLUMNS = 30
PROGRAM = """
import re, sys
from pathlib import Path
from evermodel.tables import scan, summarise, understand
path = sys.argv[1]
understood = understand(path)
types = {column.name: column.type for column in understood.columns}
rows = summarise(scan(path, understood=understood), types).result().rows
# Of this program alone: what getrusage says begins with the memory of whoever started it.
print(rows, int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024)
"""


def _write(path: Path, rows: int) -> Path:
    rng = np.random.default_rng(0)
    words = np.array(["basic", "plus", "pro", "family"])
    part = pl.DataFrame(
        {f"x{n}": rng.normal(100, 30, 50_000).round(3) for n in range(COLUMNS - 6)}
        | {f"n{n}": rng.integers(0, 10**6, 50_000) for n in range(3)}
        | {f"w{n}": words[rng.integers(0, 4, 50_000)] for n in range(3)}
    )
    with path.open("wb") as file:
        for start in range(0, rows, part.height):
            part.write_csv(file, include_header=not start)
    return path


def _peak(path: Path) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True
    )
    rows, peak = done.stdout.split()
    return int(rows), int(peak)


@pytest.mark.slow
def test_reading_and_summarising_takes_the_same_memory_for_twice_the_rows(tmp_path: Path) -> None:
    """The whole of 2 million rows is in benchmarks/profiling.py --reader; memory is the same."""
    once, twice = _write(tmp_path / "once.csv", 300_000), _write(tmp_path / "twice.csv", 600_000)
    (rows, less), (more_rows, more) = _peak(once), _peak(twice)
    assert (rows, more_rows) == (300_000, 600_000)
    assert more < 1 << 30
    # Texts of 300,000 more rows alone are 60 MB.
    assert more - less < 60 << 20, f"{less / 2**20:.0f} MB, then {more / 2**20:.0f} MB"


def _packed(path: Path, rows: int, line: bytes = b"1,2.5,abc\n") -> Path:
    with gzip.open(path, "wb", compresslevel=6) as file:
        file.write(b"a,b,c\n")
        for _ in range(rows // 1000):
            file.write(line * 1000)
    return path


def test_a_file_that_unpacks_to_far_more_than_its_size_is_read_in_parts_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "_MOST_UNPACKED", 4 << 20)
    path = _packed(tmp_path / "bomb.csv.gz", 500_000)
    with pytest.raises(DataError, match="unpacks to far more") as caught:
        tables.read(path)
    assert caught.value.found.startswith("5 MB, ")
    assert "4 MB at more than 250 times" in caught.value.hint
    assert "unpack it yourself" in caught.value.hint
    assert sum(batch.height for batch in tables.scan(path)) == 500_000


def test_a_large_file_that_is_packed_as_others_are_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "_MOST_UNPACKED", 1 << 10)
    noise = np.random.default_rng(0).normal(size=5_000)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"x\n" + b"".join(b"%.6f\n" % x for x in noise)))
    assert tables.read(path).frame.height == 5_000


def _large(path: Path) -> Path:
    path.write_bytes(b"a,b,c,d\n" + b"1,2.5,abc,x\n" * 200_000)
    return path


def _container(folder: Path, most: int, used: int, files: int) -> Path:
    for name, text in (("max", most), ("current", used), ("stat", f"anon 7\nfile {files}\n")):
        (folder / f"memory.{name}").write_text(f"{text}\n")
    return folder


@pytest.mark.parametrize("files", [0, 1 << 30])
def test_a_table_larger_than_the_memory_left_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", 1 << 19)
    monkeypatch.setattr(room, "_MUCH", 1 << 20)
    monkeypatch.setattr(room, "_MARGIN", 64 << 20)
    # What a container holds of files is let go of when room is needed.
    monkeypatch.setattr(room, "_GROUP", _container(tmp_path, 2 << 30, (2 << 30) - 5, files))
    path = _large(tmp_path / "large.csv")
    if files:
        assert tables.read(path).frame.height == 200_000
        return
    with pytest.raises(DataError, match="larger than the memory that is left") as caught:
        tables.read(path)
    assert "score" in caught.value.hint
    assert caught.value.where == str(path)
    assert sum(batch.height for batch in tables.scan(path)) == 200_000


def test_memory_that_runs_out_between_two_looks_is_said_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", 1 << 19)
    layout, blocks = delimited._layout, iter(range(3))

    def exhausted(*args: object) -> object:
        if next(blocks, None) is None:
            raise MemoryError
        return layout(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(delimited, "_layout", exhausted)
    with pytest.raises(DataError, match="larger than the memory that is left"):
        tables.read(_large(tmp_path / "large.csv"))


def test_a_small_table_is_read_however_little_memory_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "left", lambda: 0)
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n" + b"1\n" * 1000)
    assert tables.read(path).frame.height == 1000


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("quote", ["", '"', '"quoted" '])
def test_a_line_without_an_end_is_called_that_and_no_open_quote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, quote: str
) -> None:
    monkeypatch.setattr(delimited, "_LONGEST_CELL", 4 << 20)
    monkeypatch.setattr(delimited, "_BLOCK", 1 << 18)
    content = b"a,b\n1,x\n2," + quote.encode() + b"0123456789" * 1_000_000
    path = tmp_path / name
    path.write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
    with pytest.raises(DataError, match="longer than 4 MB") as caught:
        tables.read(path)
    assert caught.value.where.endswith(f"{name}:3")


def test_a_quote_that_is_open_over_many_lines_is_called_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "_LONGEST_CELL", 1 << 20)
    monkeypatch.setattr(delimited, "_BLOCK", 1 << 18)
    path = tmp_path / "a.csv"
    path.write_bytes(b'a,b\n1,x\n2,"' + b"0123456789,\n" * 200_000)
    with pytest.raises(DataError, match="never closed") as caught:
        tables.read(path)
    assert caught.value.where.endswith("a.csv:3")
