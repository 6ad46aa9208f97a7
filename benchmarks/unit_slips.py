"""Slips of units in a part of one column: how often they are found, and how often there is none.

Run: python -m benchmarks.unit_slips [REPEATS], from the project folder. About a minute; ends by
itself.
A slip counts as found when at least nine tenths of the slipped rows are named, of others at most
one in twenty, and the factor is right. The families are those of the tests, other seeds.
"""

import sys

import numpy as np
from tests.data.cells.test_units import CLEAN, FAMILIES, Floats

from evermodel.data.second_units import second_unit

SIZES = {200: (3, 5, 10, 20, 40), 5000: (3, 5, 15, 40, 60, 250, 1000)}
FACTORS = (10.0, 100.0, 1000.0, 0.01, 0.001)
MOST_ALARMS = 0.002


def found(values: Floats, rows: np.ndarray, factor: float) -> bool:
    slipped = values.copy()
    slipped[rows] *= factor
    slip = second_unit(slipped)
    if slip is None:
        return False
    hits = int(np.isin(np.flatnonzero(slip.which), rows).sum())
    right = abs(slip.unit.factor / factor - 1.0) < 0.01
    return right and hits >= 0.9 * rows.size and int(slip.which.sum()) <= 1.05 * hits


def main() -> int:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    rng = np.random.default_rng(11)
    alarms = looks = 0
    for name, draw in CLEAN.items():
        for n in (200, 1000, 5000):
            seen = sum(second_unit(draw(rng, n)) is not None for _ in range(4 * repeats))
            alarms, looks = alarms + seen, looks + 4 * repeats
            if seen:
                print(f"{name}, {n} rows: {seen} false alarms in {4 * repeats}")
    print(f"clean columns: {alarms} false alarms in {looks}, goal at most {MOST_ALARMS:.1%}")
    for name, draw in FAMILIES.items():
        for n, counts in SIZES.items():
            for factor in FACTORS:
                shares = []
                for k in counts:
                    trials = (
                        found(draw(rng, n), rng.choice(n, k, replace=False), factor)
                        for _ in range(repeats)
                    )
                    shares.append(f"{k}: {sum(trials) / repeats:.2f}")
                print(f"{name}, {n} rows, times {factor:g}: {', '.join(shares)}")
    return int(alarms > MOST_ALARMS * looks)


if __name__ == "__main__":
    raise SystemExit(main())
