"""A look at what is live takes memory for its window, not for all that was ever predicted."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta

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
PROGRAM = """
import re, sys
from pathlib import Path
from evermodel.loop.watching import monitor
report = monitor(sys.argv[1])
# Of this program alone: what getrusage says begins with the memory of whoever started it.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
print(report.facts["rows"], peak)
"""


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
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(one.folder)], capture_output=True, text=True, check=True
    )
    rows, peak = done.stdout.split()
    return int(rows), int(peak)


@pytest.mark.slow
def test_a_look_at_five_times_the_log_takes_the_same_memory(shop: Make) -> None:
    small, large = shop(), shop()
    _log(small.workspace, 200_000)
    _log(large.workspace, 1_000_000)
    # The first look is at what is new, the second at the newest rows: nothing is new since.
    for size in (WINDOW, 200):
        (rows, less), (more_rows, more) = _looked(small), _looked(large)
        assert rows == more_rows == size
        # Features of 800,000 more rows alone are 150 MB.
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
