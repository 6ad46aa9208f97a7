"""What `train` costs beside a bare script doing the same fits, as whole processes in one run.

Run: python benchmarks/train_overhead.py [DATA]. About 4 minutes; ends by itself. The bare script
reads the same file, encodes it in a few lines of polars, and does exactly the fits that the search
did (same parameters, folds, early stopping, give-ups, penalties and the last fit), nothing else.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS = 3
GOAL = 1.5

TRAIN = """
import sys, json, evermodel as em
report = em.train(sys.argv[1], seed=0)
"""

BARE = """
import sys, json, warnings
import lightgbm, numpy as np, polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
warnings.simplefilter("ignore")
plan = json.loads(open(sys.argv[1]).read())
frame = pl.read_parquet(plan["file"])
frame = frame.filter(pl.col("split") == "train")
y = frame["income"].str.contains(">50K").cast(pl.Int8).to_numpy()
columns, wide = [], []
for s in frame.drop("income", "split"):
    if s.dtype == pl.String:
        code = s.cast(pl.Categorical).to_physical().to_numpy().astype("float32")
        columns.append(code)
        wide += [(code == k).astype("float32") for k in range(min(12, int(code.max()) + 1))]
    else:
        v = s.cast(pl.Float32).to_numpy()
        columns.append(v)
        wide.append((v - v.mean()) / v.std())
X, W = np.column_stack(columns), np.column_stack(wide)
pairs = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
for strength in plan["penalties"]:
    for fit, valid in pairs:
        model = LogisticRegression(C=1 / strength, solver="newton-cholesky")
        model.fit(W[fit], y[fit]).decision_function(W[valid])
fixed = dict(objective="binary", bagging_freq=1, verbosity=-1, deterministic=True,
             force_row_wise=True, feature_pre_filter=False, seed=0)
data = []
for fit, valid in pairs:
    train = lightgbm.Dataset(X[fit], y[fit], params=fixed)
    data.append((train, lightgbm.Dataset(X[valid], y[valid], reference=train, params=fixed)))
for trial in plan["trials"]:
    settings = {k: v for k, v in trial.items() if k not in ("link", "loss", "first", "rounds")}
    for (train, check), (_, valid) in list(zip(data, pairs))[: None if trial["loss"] else 1]:
        booster = lightgbm.train({**fixed, **settings}, train, num_boost_round=1500,
                                 valid_sets=[check],
                                 callbacks=[lightgbm.early_stopping(50, verbose=False)])
        booster.predict(X[valid], raw_score=True)
lightgbm.train({**fixed, **plan["best"]}, lightgbm.Dataset(X, y, params=fixed),
               num_boost_round=plan["rounds"])
"""


def timed(code: str, argument: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, argument], check=True, capture_output=True)
    return time.perf_counter() - begun


def main() -> int:
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    file = (Path(sys.argv[1]) if len(sys.argv) > 1 else default) / "adult" / "adult.parquet"
    ratios = []
    with tempfile.TemporaryDirectory() as home:
        run = [str(Path(sys.executable).with_name("evermodel")), "-C", home]
        subprocess.run([*run, "init", str(file), "--target", "income"], check=True)
        timed(TRAIN, home)  # makes the workspace, and warms the caches of files
        for _ in range(REPEATS):
            ours = timed(TRAIN, home)
            plan = Path(home, "plan.json")
            plan.write_text(json.dumps(_plan(Path(home), file)))
            bare = timed(BARE, str(plan))
            ratios.append(ours / bare)
            print(
                f"train {ours:.1f} s, bare script {bare:.1f} s, ratio {ratios[-1]:.2f}", flush=True
            )
    median = sorted(ratios)[len(ratios) // 2]
    print(f"median ratio {median:.2f}, goal at most {GOAL}")
    return int(median > GOAL)


def _plan(home: Path, file: Path) -> dict[str, object]:
    """Return the fits of the newest training, from the trials that it kept as an artifact."""
    newest = max(
        home.glob(".evermodel/mlartifacts/**/*-trials.json"), key=lambda p: p.stat().st_mtime
    )
    trials = json.loads(newest.read_text())
    finished = [trial for trial in trials if trial["loss"] is not None]
    best = min(finished, key=lambda trial: trial["loss"])
    keep = {k: v for k, v in best.items() if k not in ("link", "loss", "first", "rounds")}
    rounds = round(sum(best["rounds"]) / len(best["rounds"]) * 1.5)
    return {"file": str(file), "trials": trials, "penalties": [0.1, 1.0, 10.0, 100.0],
            "best": keep, "rounds": rounds}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
