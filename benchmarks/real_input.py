"""Quality on real data, nothing edited by hand: five seeds of every set, through the public API.

Run: python benchmarks/real_input.py [DATA]. About 15 minutes on 2 cores; ends by itself.
DATA is the folder with churn/, adult/, credit/ and bike/ (default: shared/data beside the project).
"""

import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import evermodel as em
from evermodel.records import Report
from evermodel.stats.metrics import squared_calibration_error_debiased

SEEDS = range(5)
CASES = (
    ("churn", "churn/telco_churn.csv", "Churn", "roc_auc", 0.845),
    ("adult", "adult/adult.parquet", "income", "roc_auc", 0.925),
    (
        "credit",
        "credit/default_credit_card.parquet",
        "default_payment_next_month",
        "roc_auc",
        0.775,
    ),
    ("bike", "bike/hour.csv", "cnt", "r2", 0.90),
)
ECE_LIMIT = 0.03


def one(path: Path, target: str, seed: int) -> tuple[Report, float | None]:
    """Return the training report and the debiased squared calibration error on the test rows."""
    with tempfile.TemporaryDirectory() as home:
        em.init(path, target=target, folder=home)
        report = em.train(home, seed=seed)
        model = em.load(report.facts["candidate"], trusted=None)
        if model.manifest.task != "binary":
            return report, None
        with em.open_workspace(home) as workspace:
            import polars as pl

            event = workspace.events("trained")[-1]
            rows = pl.read_parquet(workspace.ports.blobs.path(event.body["test"]))
        predictions = model.predict(model.encode_frame(rows))
        probability = np.asarray(predictions.probability)
        y = rows[target].cast(pl.String).to_numpy() == model.manifest.positive
        return report, squared_calibration_error_debiased(y.astype(int), probability)


def main() -> int:
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    missed = []
    for name, relative, target, metric, floor in CASES:
        values, errors, seconds = [], [], []
        for seed in SEEDS:
            begun = time.perf_counter()
            report, error = one(data / relative, target, seed)
            values.append(report.find(metric, "test").value or float("nan"))
            seconds.append(time.perf_counter() - begun)
            if error is not None:
                errors.append(error)
        mean = float(np.mean(values))
        line = f"{name}: {metric} {mean:.4f} ({min(values):.4f} to {max(values):.4f}), goal {floor}"
        if errors:
            ece = math.sqrt(max(0.0, float(np.mean(errors))))
            line += f"; calibration error {ece:.4f}, goal at most {ECE_LIMIT}"
            if ece > ECE_LIMIT:
                missed.append(f"{name} calibration")
        print(f"{line}; {np.median(seconds):.0f} s for init and train", flush=True)
        if mean < floor:
            missed.append(name)
    print("missed: " + ", ".join(missed) if missed else "every goal is reached")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
