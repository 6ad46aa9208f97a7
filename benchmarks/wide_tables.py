"""How long a check of a table of very many columns takes, and which cells it calls wrong.

Run: python -m benchmarks.wide_tables [COLUMNS], from the project folder. With 10,000 columns about
two minutes for numbers and four for words; ends by itself. All columns are clean: a cell called
wrong is a false alarm.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from evermodel.data.cells import suspect_cells
from evermodel.loop.beginning import check
from evermodel.tables import texts


def main() -> int:
    columns = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rng = np.random.default_rng(0)
    words = np.array(["red", "blue", "green", "black"])
    alarms = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind, rows in (("numbers", 50), ("words", 200)):
            path = Path(folder) / f"{kind}.csv"
            draw = rng.random if kind == "numbers" else lambda n: words[rng.integers(0, 4, n)]
            pl.DataFrame({f"x{n}": draw(rows) for n in range(columns)}).write_csv(path)
            start = time.perf_counter()
            check(path)
            took = time.perf_counter() - start
            cells = suspect_cells(texts(path))
            alarms += len(cells)
            print(f"{kind}, {rows} rows x {columns:,} columns: {took:.1f} s, {len(cells)} alarms")
    return int(alarms > 0)


if __name__ == "__main__":
    raise SystemExit(main())
