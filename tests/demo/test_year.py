"""The year as the loop lives through it: real training, real HTTP, and what it did about it."""

from pathlib import Path

import pytest

from evermodel.demo import WEEKS
from evermodel.demo.judging import judge
from evermodel.demo.year import EVERMODEL, NEVER, Year
from evermodel.loop.telling import verify_ledger
from tests.demo.silence import without_mlflow

# Settings were chosen on seeds 0 to 9. Seed 100 is the year that test_playing.py plays; more of
# them are lived through by benchmarks/demo_seeds.py.
SEEDS = (101,)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_loop_does_about_each_of_the_five_events_what_it_should(
    seed: int, tmp_path: Path
) -> None:
    with Year(tmp_path, seed=seed, prepare=without_mlflow, calendar=False) as year:
        for week in range(WEEKS):
            year.monday(week)
        assert verify_ledger(year.workspace).verdict == "pass"
    found = judge(year.plan, year.events, year.proofs)
    wrong = {event: each.did for event, each in found.items() if not each.as_expected}
    assert not wrong
    assert len(found) == 5
    # From the competitor on, who never retrains loses to the loop beyond chance.
    later = range(year.plan.competitor + 15, WEEKS)
    assert year.book.gain(EVERMODEL, NEVER, later).low > 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_same_seed_gives_the_same_decisions(tmp_path: Path) -> None:
    told = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        with Year(folder, seed=100, prepare=without_mlflow, calendar=False) as year:
            for week in range(9):
                year.monday(week)
            said = [
                (event.time, event.kind, event.body.get("number"), event.body.get("reason"))
                for event in year.events
            ]
        told.append((said, year.losses, str(year.book.total(EVERMODEL))))
    assert any(kind == "retrained" for _, kind, _, _ in told[0][0])
    assert told[0] == told[1]
