"""Tables larger than memory are read in memory that does not grow with their rows."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

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
