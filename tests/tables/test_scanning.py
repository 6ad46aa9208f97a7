"""Scanning yields the same values as reading, in memory that does not grow with the file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evermodel import tables
from evermodel.errors import DataError
from evermodel.project import Repair


def test_types_come_from_all_rows_and_not_from_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,x\n" * 5000 + "2.5,y\n")
    batches = list(tables.scan(path, batch_rows=1000))
    assert {str(batch["a"].dtype) for batch in batches} == {"Float64"}
    assert sum(batch.height for batch in batches) == 5001


def test_another_file_is_scanned_as_the_first_was_understood(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("a;b;d\n1,5;x;31.01.2020\n2,5;y;01.02.2020\n")
    second.write_text("a;b;d\n7;x;01.02.2020\n8;y;02.02.2020\n")
    understood = tables.read(first).understood
    frame = pl.concat(tables.scan(second, understood=understood))
    assert frame["a"].to_list() == [7.0, 8.0]
    assert frame["d"].dt.month().to_list() == [2, 2]


def test_a_file_that_no_longer_fits_its_understanding_is_refused(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("a,b\n1,x\n2,y\n")
    understood = tables.read(first).understood
    second.write_text("a,b\n1,x\nten,y\n")
    with pytest.raises(DataError, match="not numbers") as caught:
        list(tables.scan(second, understood=understood))
    assert "line 3" in caught.value.found
    second.write_text("a,c\n1,x\n")
    with pytest.raises(DataError, match="not the columns"):
        list(tables.scan(second, understood=understood))


def test_what_does_not_fit_in_a_parquet_file_is_named_by_its_row(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": ["1"] * 2500 + ["ten"]}).write_parquet(path)
    with pytest.raises(DataError) as caught:
        list(tables.scan(path, types={"a": "number"}, batch_rows=1000))
    assert "'ten' on line 2501" in caught.value.found


def test_repairs_and_rejected_rows_are_the_same_as_in_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1 kg,x\n2 kg,y\n3\n4 kg,"z"\n')
    repairs = {"a": Repair(strip=" kg")}
    frame = pl.concat(tables.scan(path, repairs=repairs))
    table = tables.read(path, repairs=repairs)
    assert frame.equals(table.frame)
    assert table.understood == tables.understand(path, repairs=repairs)
    assert table.understood.rejected_rows == 1


def test_the_memory_of_a_scan_does_not_grow_with_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def part(rows: int) -> pl.DataFrame:
        numbers = {f"n{i}": rng.normal(size=rows) for i in range(8)}
        words = np.array([f"word{i}" for i in range(200)])
        return pl.DataFrame({**numbers, "c": words[rng.integers(0, 200, rows)]})

    peaks = []
    for times in (2, 8):
        path = tmp_path / f"{times}.csv"
        tables.write((part(50_000) for _ in range(times)), path)
        code = (
            "import re, sys\n"
            "from pathlib import Path\n"
            "from evermodel import tables\n"
            "rows = sum(batch.height for batch in tables.scan(sys.argv[1]))\n"
            # Not ru_maxrss, which begins with that of the process which started this one.
            "status = Path('/proc/self/status').read_text()\n"
            "print(rows, int(re.search(r'VmHWM:\\s+(\\d+)', status)[1]) // 1024)\n"
        )
        command = [sys.executable, "-c", code, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows, peak = map(int, done.stdout.split())
        assert rows == times * 50_000
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 150, f"{peaks} MB"
    assert peaks[1] < 700


def test_the_first_texts_are_those_of_the_whole(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": range(200_000), "t": ["a", None] * 100_000})
    rows.write_csv(tmp_path / "a.csv")
    rows.write_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        whole = tables.texts(tmp_path / name)
        assert whole.height == 200_000
        for most in (1, 65_536, 100_001, 500_000):
            assert tables.texts(tmp_path / name, most=most).equals(whole.head(most))
