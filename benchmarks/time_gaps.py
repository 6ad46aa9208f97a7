"""Stretches without rows: how often one is named where times are absent by chance alone.

Run: python -m benchmarks.time_gaps [REPEATS], from the project folder. Less than a minute; ends by
itself. Up to six in a hundred times are absent, each by itself.
"""

import sys

import numpy as np
import polars as pl

from evermodel.data.times_in_order import time_gaps

MOST_ALARMS = 0.01
HOUR = 3_600_000_000


def main() -> int:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rng = np.random.default_rng(1)
    worst = 0.0
    for rows in (200, 800, 5000):
        alarms = 0
        for _ in range(repeats):
            kept = np.flatnonzero(rng.random(rows) >= rng.uniform(0.0, 0.06))
            times = pl.Series("when", kept.astype(np.int64) * HOUR).cast(pl.Datetime("us"))
            alarms += time_gaps(times) is not None
        worst = max(worst, alarms / repeats)
        print(f"{rows} rows: {alarms} false alarms in {repeats} tables")
    return int(worst > MOST_ALARMS)


if __name__ == "__main__":
    sys.exit(main())
