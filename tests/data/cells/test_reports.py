"""Where several sources report on the same things, the truth is found with who is to be trusted."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evermodel.data.cells import suspect_cells
from evermodel.data.cells.columns import read_columns
from evermodel.data.cells.reports import sources_and_things, vote
from tests.data.cells.tables import orders, times


def score(frame: pl.DataFrame, bad: set[tuple[int, str]]) -> float:
    found = {(cell.row, cell.column) for cell in suspect_cells(frame)}
    return 2 * len(found & bad) / max(1, len(found) + len(bad))


@pytest.mark.parametrize("seed", range(4))
def test_what_independent_sources_get_wrong_is_found(seed: int) -> None:
    assert score(*times(seed, wrong=0.25)) >= 0.95


@pytest.mark.parametrize("seed", range(4))
def test_a_crowd_of_copies_does_not_outvote_the_others(seed: int) -> None:
    frame, bad = times(seed, wrong=0.3, copies=4)
    page, ferry, leaves, arrives, pier = read_columns(frame)
    assert sources_and_things([page, ferry, leaves, arrives, pier]) == (0, 1, [2, 3, 4])
    assert score(frame, bad) >= 0.9
    trust = vote(page, ferry, leaves).accuracy
    order = [page.where[f"page{letter}"] for letter in "abcdefghij"]
    assert trust[order[4:]].min() > trust[order[:4]].max()


def test_a_mark_on_one_row_speaks_for_all_rows_of_the_thing() -> None:
    rows = [(f"p{i}", "boat", "noon" if i < 3 else "dusk") for i in range(5)]
    page, ferry, leaves = read_columns(pl.DataFrame(rows, schema=["p", "f", "t"], orient="row"))
    before, after = vote(page, ferry, leaves), vote(page, ferry, leaves, {0: True})
    assert leaves.texts[before.likeliest[4]] == "noon"
    assert leaves.texts[after.likeliest[4]] == "dusk"
    assert after.right[1] < 0.01 < after.right[3]


def test_other_tables_are_no_reports() -> None:
    assert sources_and_things(read_columns(pl.DataFrame(orders(1)))) is None
    rng = np.random.default_rng(0)
    # A shop and a day tell rows apart too, but the day does not tell what was sold.
    rows = [
        (
            f"shop{s}",
            f"day {d}",
            str(rng.integers(0, 500)),
            str(rng.choice(["sun", "rain", "snow"])),
        )
        for d in range(60)
        for s in "abcdefgh"
    ]
    frame = pl.DataFrame(rows, schema=["shop", "day", "sold", "weather"], orient="row")
    assert sources_and_things(read_columns(frame)) is None
    assert suspect_cells(frame) == []
