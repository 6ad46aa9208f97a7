"""A thousand resamples of every binary metric on 1M rows, and whether intervals hold the truth.

Run: python benchmarks/metrics_with_intervals.py [--rows N] [--rounds N]. About 10 minutes; ends by
itself. First the time of 1,000 resamples beside one plain evaluation with scikit-learn, in turn
and three times; then the share of simulated worlds whose truth lies in the interval, for rows that
share a key and rows that follow one another, beside intervals that take rows for independent.
Exits 1 when resamples take more than 3 times ten plain evaluations, or an interval holds its truth
in less than 90 % of the rounds.
"""

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import sklearn.metrics as reference
from scipy.signal import lfilter
from scipy.special import expit

from evermodel.stats.arrays import Codes, Floats
from evermodel.stats.counts import MetricCounts
from evermodel.stats.intervals import mean_interval
from evermodel.stats.resampling import blocks, clusters, interval_of_draws, resampled
from evermodel.stats.scored import binary_bootstrap

GOAL_RATIO, GOAL_COVERAGE = 3.0, 0.90


def plainly(y: Codes, p: Floats, said: npt.ArrayLike) -> dict[str, float]:
    """Measure once, as people would."""
    return {
        "accuracy": reference.accuracy_score(y, said),
        "balanced_accuracy": reference.balanced_accuracy_score(y, said),
        "precision": reference.precision_score(y, said),
        "recall": reference.recall_score(y, said),
        "f1": reference.f1_score(y, said),
        "roc_auc": reference.roc_auc_score(y, p),
        "average_precision": reference.average_precision_score(y, p),
        "log_loss": reference.log_loss(y, p),
        "brier": reference.brier_score_loss(y, p),
    }


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return seconds and what came back."""
    begun = time.perf_counter()
    found = call()
    return time.perf_counter() - begun, found


def speed(rows: int) -> float:
    """Return the median ratio of 1,000 resamples to ten plain evaluations."""
    rng = np.random.default_rng(0)
    p = expit(1.5 * rng.normal(size=rows))
    y = (rng.random(rows) < p).astype(np.int64)
    said = (p >= 0.5).astype(np.int64)
    units = clusters(np.arange(rows) // 5)
    ratios: dict[str, list[float]] = {
        "single rows": [],
        "weighted rows": [],
        "clusters of 5 (100 of 1,000)": [],
    }
    weight = rng.gamma(2.0, size=rows)
    for _ in range(3):
        plain, theirs = timed(lambda: plainly(y, p, said))
        ours, found = timed(lambda: binary_bootstrap(y, p, said))
        assert all(abs(found[name][0] - value) < 1e-9 for name, value in theirs.items())
        ratios["single rows"].append(ours / (10 * plain))
        ours, _ = timed(lambda: binary_bootstrap(y, p, said, weight=weight))
        ratios["weighted rows"].append(ours / (10 * plain))
        ours, _ = timed(lambda: binary_bootstrap(y, p, said, units=units, resamples=100))
        ratios["clusters of 5 (100 of 1,000)"].append(10 * ours / (10 * plain))
    print(f"{rows:,} rows: one plain evaluation with scikit-learn {plain:.2f} s")
    for name, each in ratios.items():
        print(f"  1,000 resamples, {name}: {statistics.median(each):.3f} times ten of them")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"  peak memory {peak:.2f} GB")
    seconds, counts = timed(lambda: MetricCounts.of(y, p))
    off = abs(counts.metrics()["roc_auc"] - reference.roc_auc_score(y, p))
    print(f"  counts that merge: {seconds:.2f} s, ROC AUC off by {off:.1e}", end="")
    print(f" (bound {counts.roc_auc_error:.1e})")
    return max(statistics.median(each) for each in ratios.values())


def customers(rng: np.random.Generator, keys: int, rows: int) -> tuple[Codes, Floats, Codes]:
    """Return outcomes, probabilities and keys: what a customer's rows share the score lacks."""
    key = np.repeat(np.arange(keys), rows)
    margin = rng.normal(size=keys)[key] + 0.5 * rng.normal(size=key.size)
    own = 1.2 * rng.normal(size=keys)[key]
    y = (rng.random(key.size) < expit(1.5 * margin + own)).astype(np.int64)
    return y, expit(1.5 * margin), key


def of_clusters(rounds: int) -> dict[str, list[float]]:
    """Return the coverage of each metric, with the key and without."""
    rng = np.random.default_rng(1)
    y, p, _ = customers(rng, 200_000, 5)
    truth = plainly(y, p, p >= 0.5)
    held = {name: [0, 0] for name in truth}
    for seed in range(rounds):
        y, p, key = customers(rng, 100, 8)
        for i, units in enumerate((clusters(key), None)):
            found = binary_bootstrap(y, p, p >= 0.5, units=units, seed=seed, resamples=500)
            for name, (_, interval) in found.items():
                held[name][i] += interval.low <= truth[name] <= interval.high
    return {name: [count / rounds for count in counts] for name, counts in held.items()}


def of_times(rounds: int) -> list[float]:
    """Return the coverage of the mean of a series that remembers, in blocks and as single rows."""
    rng = np.random.default_rng(2)
    held = [0, 0]
    for seed in range(rounds):
        x = lfilter([1.0], [1.0, -0.6], rng.normal(size=1500))[500:]
        units = blocks(np.arange(x.size), x)
        drawn = [w @ x / w.sum(axis=1) for w in resampled(units, seed=seed, resamples=500)]
        blocked = interval_of_draws(float(x.mean()), np.concatenate(drawn), units.independent)
        for i, found in enumerate((blocked, mean_interval(x))):
            held[i] += found.low <= 0 <= found.high
    return [count / rounds for count in held]


def main() -> int:
    """Run all, and say whether the goals are met."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1_000)
    options = parser.parse_args()
    ratio = speed(options.rows)
    print(f"share of {options.rounds:,} worlds whose truth lies in the 95 % interval:")
    covered = of_clusters(options.rounds)
    for name, (known, blind) in covered.items():
        print(f"  {name}, 100 keys of 8 rows: {known:.3f}; taken for independent {blind:.3f}")
    known, blind = of_times(options.rounds)
    print(f"  mean of 1,000 times with memory 0.6: {known:.3f}; taken for independent {blind:.3f}")
    least = min(known, *(share for share, _ in covered.values()))
    print(f"goals: ratio {ratio:.3f} <= {GOAL_RATIO}, coverage {least:.3f} >= {GOAL_COVERAGE}")
    return int(ratio > GOAL_RATIO or least < GOAL_COVERAGE)


if __name__ == "__main__":
    sys.exit(main())
