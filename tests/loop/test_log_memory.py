"""A look, and what brings outcomes, take memory for their rows, not for all that was predicted."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evermodel.loop import looking
from evermodel.loop.state import read_state
from evermodel.loop.workspace import Workspace
from evermodel.tables import versions
from tests.loop.shop import BEGIN, Shop

Make = Callable[..., Shop]
WINDOW = 2_000
PART = 100_000
OUTCOMES = 50
PROGRAM = """
import re, sys
from pathlib import Path
from evermodel.loop.outcomes import labels
from evermodel.loop.watching import monitor
report = {report}
# Of this program alone: what getrusage says begins with the memory of whoever started it.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
print({rows}, peak)
"""
LOOKED = PROGRAM.format(report="monitor(sys.argv[1])", rows='report.facts["rows"]')
LABELS = PROGRAM.format(report="labels(sys.argv[2], sys.argv[1])", rows='report.facts["matched"]')
MEASURED = PROGRAM.format(report="monitor(sys.argv[1])", rows='report.find("brier").n')


def _log(workspace: Workspace, rows: int) -> None:
    """Write so many predictions of twelve features, all but the newest before the last look."""
    rng = np.random.default_rng(0)
    state = read_state(workspace)
    reign, start = state.reign("shop"), BEGIN.replace(tzinfo=None) + timedelta(days=1)
    for first in range(0, rows, PART):
        here = pl.DataFrame(
            {f"f{n}": rng.normal(size=PART).round(6) for n in range(9)}
            | {"amount": rng.gamma(3, 20, PART).round(2), "visits": rng.poisson(4, PART)}
            | {"plan": rng.choice(["basic", "plus", "pro"], PART)}
        )
        chance = pl.Series("probability", rng.random(PART))
        number = pl.int_range(first, first + PART, eager=True)
        said = pl.DataFrame({"prediction": ["no"] * PART, "probability": chance})
        part = pl.DataFrame(
            {
                "id": "p" + number.cast(pl.String).str.zfill(40),
                "time": pl.select(
                    (
                        pl.lit(start) + pl.duration(milliseconds=pl.int_range(first, first + PART))
                    ).dt.cast_time_unit("us")
                ).to_series(),
                "key": '{"customer":"c' + number.cast(pl.String) + '"}',
                "deployment": [reign] * PART,
                "arm": ["champion"] * PART,
                "propensity": [1.0] * PART,
                "version": [1] * PART,
                "features": here.select(pl.struct(pl.all()).struct.json_encode()).to_series(),
                "output": said.select(pl.struct(pl.all()).struct.json_encode()).to_series(),
                "action": ['"no"'] * PART,
                "route": ["score"] * PART,
                "gate": ["pass"] * PART,
                "latency_us": [10] * PART,
            }
        )
        versions.append(workspace.table("predictions"), part, key=str(first))
    last: datetime = start + timedelta(milliseconds=rows - WINDOW - 1)
    body = {"version": 1, "state": "steady", "columns": [], "reign": reign}
    workspace.record("monitored", {**body, "last": last.isoformat()})


def _looked(one: Shop) -> tuple[int, int]:
    return _measured(LOOKED, one.folder)


def _measured(program: str, *names: object) -> tuple[int, int]:
    """Return how many rows a program tells of, and its peak memory in bytes."""
    asked = [sys.executable, "-c", program, *map(str, names)]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    rows, peak = done.stdout.split()
    return int(rows), int(peak)


def _outcomes(one: Shop, rows: int, *, by: str) -> Path:
    """Write some outcomes of rows all over the log, named by key or id."""
    numbers = np.linspace(0, rows - 1, OUTCOMES).astype(int)
    path = one.folder / f"{by}.csv"
    named = [f"c{n}" for n in numbers] if by == "customer" else [f"p{n:040}" for n in numbers]
    pl.DataFrame({by: named, "churned": ["yes", "no"] * (OUTCOMES // 2)}).write_csv(path)
    return path


@pytest.mark.slow
def test_a_look_at_five_times_the_log_takes_the_same_memory(shop: Make) -> None:
    small, large = shop(), shop()
    sizes = (200_000, 1_000_000)
    for one, rows in zip((small, large), sizes, strict=True):
        _log(one.workspace, rows)
    # The first look is at what is new, the second at the newest rows: nothing is new since.
    for size in (WINDOW, 200):
        (rows, less), (more_rows, more) = _looked(small), _looked(large)
        assert rows == more_rows == size
        # Features of 800,000 more rows alone are 150 MB.
        _assert_alike(less, more)
    for by in ("prediction_id", "customer"):
        (rows, less), (more_rows, more) = (
            _measured(LABELS, one.folder, _outcomes(one, rows, by=by))
            for one, rows in zip((small, large), sizes, strict=True)
        )
        assert rows == more_rows == OUTCOMES
        _assert_alike(less, more)
    (rows, less), (more_rows, more) = (_measured(MEASURED, one.folder) for one in (small, large))
    assert rows == more_rows == OUTCOMES
    _assert_alike(less, more)


def _assert_alike(less: int, more: int) -> None:
    assert more - less < 60 << 20, f"{less / 2**20:.0f} MB, then {more / 2**20:.0f} MB"


def test_a_log_larger_than_a_look_is_looked_at_evenly(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop()
    _log(one.workspace, PART)
    monkeypatch.setattr(looking, "_MOST_ROWS", 500)
    state = read_state(one.workspace)
    state.monitored = None
    window = looking.window_of(one.workspace, state)
    assert window is not None
    assert window.columns == ["id", "time", "features", "output"]
    numbers = window["id"].str.strip_prefix("p").cast(pl.Int64)
    assert numbers.to_list() == np.linspace(0, PART - 1, 500).astype(np.int64).tolist()
