"""How the loop deals with the five events of the demo's year, and what that is worth, seed by seed.

    python benchmarks/demo_seeds.py [SEED ...]    (default: 0 to 4)

Plays each year as `evermodel demo` does, without MLflow, and compares in the same year with never
retraining and with retraining every month unseen. Exits 1 when an event is not dealt with as it
should be. One to two minutes a seed.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evermodel.demo import WEEKS
from evermodel.demo.judging import Found, judge
from evermodel.demo.year import EVERMODEL, MONTHLY, NEVER, Year
from evermodel.errors import SurroundingsError
from evermodel.loop.workspace import Workspace


class Silent:
    """An MLflow that never answers."""

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: Any) -> Any:
            raise SurroundingsError("no answer")

        return refuse


def without_mlflow(workspace: Workspace) -> None:
    """Take MLflow away, which is not what is measured here."""
    workspace.ports.tracker = workspace.ports.registry = Silent()


def lived(seed: int, folder: Path) -> tuple[Year, dict[str, Found]]:
    """Return one year as it was lived through, and what the ledger says of its events."""
    with Year(folder, seed=seed, prepare=without_mlflow) as year:
        for week in range(WEEKS):
            year.monday(week)
        year.follow_calendar(WEEKS)
    return year, judge(year.plan, year.events, year.proofs)


def main(seeds: list[int]) -> int:
    """Print a line a seed and return the exit code."""
    missed = 0
    print("seed  seconds  against never retraining      against retraining every month  not as due")
    for seed in seeds:
        began = time.perf_counter()
        with TemporaryDirectory(prefix="evermodel-demo-") as home:
            year, found = lived(seed, Path(home))
        seconds = time.perf_counter() - began
        wrong = [event for event, each in found.items() if not each.as_expected]
        missed += len(wrong)
        never, monthly = (year.book.gain(EVERMODEL, other) for other in (NEVER, MONTHLY))
        shown = ", ".join(wrong) or "none"
        print(f"{seed:4}  {seconds:7.0f}  {never!s:28}  {monthly!s:29}  {shown}", flush=True)
        for event in wrong:
            print(f"      {event}: {found[event].did}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main([int(word) for word in sys.argv[1:]] or list(range(5))))
