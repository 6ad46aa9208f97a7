"""A summary of 2 million rows x 30 columns beside a hand-written pass of polars, and peers.

Run: python benchmarks/profiling.py [--peers] [--reader] [--environments FOLDER]. About 2 minutes,
with `--peers` at most 15; ends by itself. Every contestant is a process of its own that reads the
same parquet file; seconds are those from the first byte read to the last number, without imports.
Exits 1 when a summary takes more than twice the hand-written pass, 1 GB, memory that grows with the
rows, or more time or memory than a peer. `--peers` makes an environment for each of them, or takes
those in FOLDER.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

GOAL_RATIO, GOAL_BYTES, GOAL_GROWTH = 2.0, 1e9, 1.25
ROUNDS = 3
ROWS = (200_000, 2_000_000)
# Peers that do not end within this are shown as not done.
PATIENCE = 170

PEERS = {
    "ydata": ["ydata-profiling==4.*", "setuptools<81", "pyarrow"],
    "whylogs": ["whylogs==1.6.*", "numpy<2", "pandas<3", "pyarrow<20", "setuptools<81"],
    "evidently": ["evidently==0.7.23", "pandas<3", "pyarrow"],
    "gx": ["great_expectations>=1", "pandas<3", "pyarrow"],
}


def make(rows: int, file: Path) -> None:
    """Write 20 floats (half of them with gaps), 5 integers, 4 categories, 1 time."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(0)
    columns = []
    for i in range(20):
        series = pl.Series(f"x{i}", _floats(rng, i, rows))
        if i % 2 == 0:
            series = series.set(pl.Series(rng.random(rows) < 0.03 * (1 + i % 3)), None)
        columns.append(series)
    for i, most in enumerate((2, 100, 1_000, 50_000, 10_000_000)):
        columns.append(pl.Series(f"n{i}", rng.integers(0, most, rows)))
    for i, most in enumerate((3, 20, 300, 3_000)):
        words = np.array([f"K{i}-{j:04d}" for j in range(most)])
        columns.append(pl.Series(f"c{i}", words[np.minimum(rng.zipf(1.5, rows) - 1, most - 1)]))
    times = 1_600_000_000_000_000 + np.sort(rng.integers(0, 10**14, rows))
    columns.append(pl.Series("t", times).cast(pl.Datetime("us")))
    pl.DataFrame(columns).write_parquet(file)


def _floats(rng: Any, i: int, rows: int) -> Any:
    if i % 4 == 0:
        return rng.normal(i, 1 + i, rows)
    if i % 4 == 1:
        return rng.lognormal(1, 1, rows)
    if i % 4 == 2:
        return rng.uniform(-i, i, rows)
    return rng.exponential(i, rows) * (rng.random(rows) < 0.6)


def _types(file: str) -> dict[str, Any]:
    import polars as pl

    known = {pl.String: "category", pl.Datetime("us"): "timestamp"}
    return {n: known.get(t, "number") for n, t in pl.read_parquet_schema(file).items()}


def evermodel_summary(file: str) -> float:
    import polars as pl

    from evermodel.tables.summaries import summarise

    types = _types(file)
    begun = time.perf_counter()
    batches = pl.scan_parquet(file).collect_batches(chunk_size=65_536, maintain_order=True)
    found = summarise(batches, types)
    found.result()
    found.profile()
    return time.perf_counter() - begun


def evermodel_scan(file: str) -> float:
    from evermodel import tables
    from evermodel.tables.summaries import summarise

    types = _types(file)
    begun = time.perf_counter()
    summarise(tables.scan(file), types).result()
    return time.perf_counter() - begun


def reader_of_csv(file: str) -> float:
    """Go through a CSV file in batches, with the look at all of it that comes before."""
    from evermodel import tables

    begun = time.perf_counter()
    for _ in tables.scan(file):
        pass
    return time.perf_counter() - begun


def polars_by_hand(file: str) -> float:
    """Compute the same statistics as a person would who knows polars and has the memory."""
    import numpy as np
    import polars as pl

    shares = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999]
    types = _types(file)
    numeric = [name for name, kind in types.items() if kind == "number"]
    begun = time.perf_counter()
    frame = pl.read_parquet(file).with_columns(
        (pl.col("t").dt.timestamp("us") / 1e6).alias("t"), pl.col(numeric).cast(pl.Float64)
    )
    expressions = []
    for name in [*numeric, "t"]:
        x = pl.col(name)
        expressions += [
            x.null_count().alias(name),
            x.mean().alias(f"{name} mean"),
            x.std(ddof=0).alias(f"{name} sd"),
            x.skew().alias(f"{name} skew"),
            x.min().alias(f"{name} min"),
            x.max().alias(f"{name} max"),
            x.is_infinite().sum().alias(f"{name} infinite"),
            (x == 0).sum().alias(f"{name} zeros"),
            (x < 0).sum().alias(f"{name} negatives"),
            (x == x.floor()).sum().alias(f"{name} whole"),
            x.approx_n_unique().alias(f"{name} distinct"),
        ]
    known = frame.select(expressions).row(0, named=True)
    for name in [*numeric, "t"]:
        ordered = frame[name].sort().drop_nulls()
        values = ordered.to_numpy()
        values[(np.array(shares) * (len(values) - 1)).astype(int)]
        edges = values[(np.arange(1, 20) / 20 * (len(values) - 1)).astype(int)]
        np.diff(np.searchsorted(values, np.unique(edges), "right"))
        np.diff(np.searchsorted(values, np.linspace(values[0], values[-1], 21), "right"))
        if known[f"{name} distinct"] < 8_192:
            ordered.value_counts().top_k(100, by="count")
    for name, kind in types.items():
        if kind == "category":
            counts = frame[name].value_counts()
            counts.top_k(100, by="count")
            letters = pl.col(name).str.replace_all(r"\p{Lu}", "A")
            letters = letters.str.replace_all(r"[\p{L}--A]", "a").str.replace_all(r"\p{N}", "9")
            formats = counts.with_columns(letters.alias("format"))
            formats.group_by("format").agg(pl.col("count").sum())
            counts.select(pl.col(name).str.len_chars() * pl.col("count")).sum()
    _correlations_by_hand(frame.select(numeric))
    return time.perf_counter() - begun


def _correlations_by_hand(frame: Any) -> None:
    """Correlate all pairs over the rows that have both, by matrix products."""
    import numpy as np
    import polars as pl

    n = sums = squares = products = np.zeros(())
    centred = frame.select(pl.all() - pl.all().mean())
    for part in centred.iter_slices(65_536):
        there = part.select(pl.all().is_not_null().cast(pl.Float64)).to_numpy()
        away = part.select(pl.all().fill_null(0.0)).to_numpy()
        n, products = n + there.T @ there, products + away.T @ away
        sums, squares = sums + away.T @ there, squares + (away * away).T @ there
    spread = squares - sums * sums / n
    _ = (products - sums * sums.T / n) / np.sqrt(spread * spread.T)


def ydata(file: str) -> float:
    pd = import_module("pandas")
    ProfileReport = import_module("ydata_profiling").ProfileReport

    begun = time.perf_counter()
    report = ProfileReport(pd.read_parquet(file), minimal=True, progress_bar=False)
    report.get_description()
    return time.perf_counter() - begun


def whylogs(file: str) -> float:
    pd, why = import_module("pandas"), import_module("whylogs")

    begun = time.perf_counter()
    why.log(pd.read_parquet(file)).view().to_pandas()
    return time.perf_counter() - begun


def evidently(file: str) -> float:
    pd, Report = import_module("pandas"), import_module("evidently").Report
    DataSummaryPreset = import_module("evidently.presets").DataSummaryPreset

    begun = time.perf_counter()
    Report([DataSummaryPreset()]).run(pd.read_parquet(file), None).dict()
    return time.perf_counter() - begun


def gx(file: str) -> float:
    """Ask for each statistic that is an expectation: gaps, range, mean, deviation, quantiles."""
    pd, ge = import_module("pandas"), import_module("great_expectations")

    context = ge.get_context(mode="ephemeral")
    begun = time.perf_counter()
    frame = pd.read_parquet(file)
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
    batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})
    e = ge.expectations
    asked: list[Any] = []
    for name in frame.columns:
        asked.append(e.ExpectColumnValuesToNotBeNull(column=name, mostly=0.5))
        if frame[name].dtype.kind in "fi":
            between = (
                e.ExpectColumnMinToBeBetween,
                e.ExpectColumnMaxToBeBetween,
                e.ExpectColumnMeanToBeBetween,
                e.ExpectColumnStdevToBeBetween,
                e.ExpectColumnMedianToBeBetween,
            )
            asked += [one(column=name, min_value=0) for one in between]
        else:
            asked.append(e.ExpectColumnUniqueValueCountToBeBetween(column=name, min_value=1))
    batch.validate(ge.ExpectationSuite(name="s", expectations=asked))
    return time.perf_counter() - begun


CONTESTANTS: dict[str, Callable[[str], float]] = {
    "evermodel": evermodel_summary,
    "evermodel through tables.scan": evermodel_scan,
    "tables.scan of CSV": reader_of_csv,
    "polars by hand": polars_by_hand,
    "ydata": ydata,
    "whylogs": whylogs,
    "evidently": evidently,
    "gx": gx,
}


def timed(name: str, file: Path, python: str, patience: float) -> tuple[float, int] | str:
    """Return seconds and peak bytes of a process of its own, or why there are none."""
    # No word to anybody, and no threads of a matrix library that wait for one another.
    quiet = dict.fromkeys(("DO_NOT_TRACK", "OPENBLAS_NUM_THREADS"), "1")
    quiet |= {"YDATA_PROFILING_NO_ANALYTICS": "True", "GX_ANALYTICS_ENABLED": "0"}
    child = subprocess.Popen(
        [python, "-W", "ignore", __file__, "--contestant", name, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | quiet,
    )
    try:
        said, wrong = child.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return f"not done in {patience:.0f} s"
    if child.returncode:
        return "failed: " + (wrong.strip().splitlines() or ["no word"])[-1][:100]
    seconds, peak = json.loads(said.strip().splitlines()[-1])
    return seconds, peak


def environment(name: str, folder: Path) -> str:
    """Return the interpreter of a peer's environment, which is made where there is none."""
    python = folder / name / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PEERS[name]], check=True)
    return str(python)


def show(
    name: str, rows: int, got: tuple[float, int] | str, base: tuple[float, int] | None
) -> None:
    if isinstance(got, str):
        print(f"{rows:>9} rows  {name:32} {got}", flush=True)
        return
    ratio = f"  {got[0] / base[0]:6.2f} x time {got[1] / base[1]:5.2f} x memory" if base else ""
    print(f"{rows:>9} rows  {name:32} {got[0]:7.2f} s {got[1] / 1e6:6.0f} MB{ratio}", flush=True)


def ours(files: dict[int, Path]) -> tuple[bool, dict[int, tuple[float, int]]]:
    """Time the summary and the pass by hand in turns; return whether the goals are met."""
    met, medians = True, {}
    for rows, file in files.items():
        took: dict[str, list[tuple[float, int]]] = {}
        for _ in range(ROUNDS):
            for name in ("polars by hand", "evermodel", "evermodel through tables.scan"):
                got = timed(name, file, sys.executable, PATIENCE)
                if isinstance(got, str):
                    raise SystemExit(f"{name}: {got}")
                took.setdefault(name, []).append(got)
        middle = {
            name: (statistics.median(t for t, _ in all_), max(m for _, m in all_))
            for name, all_ in took.items()
        }
        for name, got in middle.items():
            show(name, rows, got, middle["polars by hand"])
        # What users call goes through `tables.scan`; the other shows what the statistics take.
        medians[rows] = middle["evermodel through tables.scan"]
        for name in ("evermodel", "evermodel through tables.scan"):
            pairs = zip(took[name], took["polars by hand"], strict=True)
            ratio = statistics.median(a[0] / b[0] for a, b in pairs)
            print(f"{rows:>9} rows  {name}: median ratio {ratio:.2f}, goal at most {GOAL_RATIO}")
            met &= rows < max(files) or ratio <= GOAL_RATIO
    return met, medians


def reader(home: Path, file: Path) -> bool:
    """Measure what it takes to read 1 and 2 million rows of CSV; return whether it stays flat."""
    import polars as pl

    peaks = []
    for rows in (max(ROWS) // 2, max(ROWS)):
        text = home / f"{rows}.csv"
        pl.scan_parquet(file).head(rows).sink_csv(text)
        got = timed("tables.scan of CSV", text, sys.executable, 2 * PATIENCE)
        show("tables.scan of CSV", rows, got, None)
        text.unlink()
        if isinstance(got, str):
            return False
        peaks.append(got[1])
    return peaks[1] <= min(GOAL_BYTES, GOAL_GROWTH * peaks[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--reader", action="store_true")
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--contestant", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.make:
        make(int(told.make[0]), Path(told.make[1]))
        return 0
    if told.contestant:
        import resource

        seconds = CONTESTANTS[told.contestant[0]](told.contestant[1])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps([seconds, peak]))
        return 0
    with tempfile.TemporaryDirectory() as home:
        files = {rows: Path(home) / f"{rows}.parquet" for rows in (*ROWS, 2 * max(ROWS))}
        for rows, file in files.items():
            # In a process of its own: what it needs would count as the peak of those after it.
            subprocess.run([sys.executable, __file__, "--make", str(rows), str(file)], check=True)
        longest = files.pop(2 * max(ROWS))
        met, medians = ours(files)
        twice = timed("evermodel through tables.scan", longest, sys.executable, PATIENCE)
        show("evermodel through tables.scan", 2 * max(ROWS), twice, medians[max(ROWS)])
        peak = medians[max(ROWS)][1]
        flat = not isinstance(twice, str) and twice[1] <= GOAL_GROWTH * peak
        print(f"peak {peak / 1e6:.0f} MB (goal under 1000); twice the rows flat: {flat}")
        met &= flat and peak <= GOAL_BYTES
        if told.reader:
            met &= reader(Path(home), files[max(ROWS)])
        if told.peers:
            folder = told.environments or Path(home) / "environments"
            for name in PEERS:
                python = environment(name, folder)
                for rows, file in files.items():
                    got = timed(name, file, python, PATIENCE)
                    show(name, rows, got, medians[rows])
                    if isinstance(got, str):
                        break
                    met &= all(of > own for of, own in zip(got, medians[rows], strict=True))
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
