"""A few marked rows teach what no detector can know, and do not undo what it knows."""

from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel.data.cells import learn, pick_rows, suspect_cells
from evermodel.errors import DataError
from tests.data.cells.tables import orders, plant, times

Cells = set[tuple[int, str]]


def f1(found: Cells, bad: Cells) -> float:
    return 2 * len(found & bad) / max(1, len(found) + len(bad))


def taught(frame: pl.DataFrame, bad: Cells, rows: int, seed: int) -> float:
    shown = pick_rows(frame, {}, rows, seed=seed)
    marks = {(row, name): (row, name) in bad for row in shown for name in frame.columns}
    return f1({(cell.row, cell.column) for cell in learn(frame, marks)}, bad)


def wrong_by_house_rule(seed: int) -> tuple[pl.DataFrame, Cells]:
    """Return orders of which a person knows that January's days and odd letters are wrong."""
    table = orders(seed, rows=600)
    rng = np.random.default_rng(seed)
    bad: Cells = set()
    for row in range(600):
        year, month, day = table["day"][row].split("-")
        if rng.random() < 0.6:
            # Read as month, day by a spreadsheet: every such cell looks in order.
            table["day"][row] = f"{int(month)}/{int(day)}/{year[2:]}"
            bad.add((row, "day"))
    return pl.DataFrame(table), bad


@pytest.mark.parametrize("seed", range(3))
def test_what_only_a_person_can_know_is_learnt(seed: int) -> None:
    frame, bad = wrong_by_house_rule(seed)
    before = f1({(cell.row, cell.column) for cell in suspect_cells(frame)}, bad)
    assert before < 0.5
    assert taught(frame, bad, 12, seed) >= 0.95


@pytest.mark.parametrize("seed", range(3))
def test_marks_do_not_undo_what_was_found_rightly(seed: int) -> None:
    table = orders(seed, rows=600)
    bad = plant(table, "misspelt town", seed) | plant(table, "unit in the number", seed + 1)
    frame = pl.DataFrame(table)
    before = f1({(cell.row, cell.column) for cell in suspect_cells(frame)}, bad)
    assert taught(frame, bad, 20, seed) >= before - 0.02


def test_a_claim_that_a_person_refutes_is_withdrawn_from_all_like_cells() -> None:
    table = orders(2, rows=600)
    unsure = set(range(3, 600, 20))
    for row in unsure:
        table["ware"][row] = "unknown"
    frame = pl.DataFrame(table)
    assert {cell.row for cell in suspect_cells(frame)} == unsure
    shown = [*sorted(unsure)[:3], *range(40, 55)]
    marks = {(row, name): False for row in shown for name in frame.columns}
    assert learn(frame, marks) == []


def test_one_refuted_claim_does_not_take_back_the_others_of_its_kind() -> None:
    table = orders(3, rows=600)
    bad = plant(table, "unit in the number", 3)
    frame = pl.DataFrame(table)
    before = {cell for cell in claims_of(frame) if cell in bad}
    assert len(before) >= 6
    refuted = min(before)
    others = [row for row in range(600) if row not in {r for r, _ in bad}][:9]
    marks = {(row, name): False for row in [refuted[0], *others] for name in frame.columns}
    after = claims_of(frame, marks)
    assert before - after == {refuted}
    # Evidence adds up: of many that are all refuted, none is left.
    many = sorted(before)[: len(before) - 2]
    marks |= {(row, name): False for row, _ in many for name in frame.columns}
    assert not claims_of(frame, marks) & before


@pytest.mark.parametrize("seed", range(3))
def test_a_few_marks_of_errors_do_not_flood_a_column(seed: int) -> None:
    """Three cells marked by mistake, of which nothing tells them from all the others."""
    frame = pl.DataFrame(orders(seed, rows=600))
    before = claims_of(frame)
    shown = pick_rows(frame, {}, 10, seed=seed)
    marks = {(row, name): False for row in shown for name in frame.columns}
    marks |= {(row, "town"): True for row in shown[:3]}
    assert claims_of(frame, marks) - before == {(row, "town") for row in shown[:3]}


@pytest.mark.parametrize("seed", range(3))
def test_who_marks_one_cell_in_twenty_wrongly_loses_little(seed: int) -> None:
    table = orders(seed, rows=600)
    bad = plant(table, "misspelt town", seed) | plant(table, "unit in the number", seed + 1)
    frame = pl.DataFrame(table)
    shown = pick_rows(frame, {}, 5, seed=seed)
    rng = np.random.default_rng(seed)
    marks = {
        (row, name): ((row, name) in bad) != (rng.random() < 0.05)
        for row in shown
        for name in frame.columns
    }
    elsewhere = {cell for cell in bad if cell[0] not in shown}
    found = {cell for cell in claims_of(frame, marks) if cell[0] not in shown}
    alone = {cell for cell in claims_of(frame) if cell[0] not in shown}
    assert f1(found, elsewhere) >= f1(alone, elsewhere) - 0.02


def claims_of(frame: pl.DataFrame, marks: dict[tuple[int, str], bool] | None = None) -> Cells:
    return {(cell.row, cell.column) for cell in learn(frame, marks or {})}


def test_copied_reports_are_seen_through_with_marks() -> None:
    frame, bad = times(11, wrong=0.25, copies=6)
    assert taught(frame, bad, 20, 0) >= 0.93


def test_what_was_marked_stands_as_marked() -> None:
    table = orders(3, rows=200)
    plant(table, "misspelt town", 3)
    frame = pl.DataFrame(table)
    claimed = suspect_cells(frame)[0]
    marks = {(claimed.row, name): False for name in frame.columns}
    marks |= {(9, name): name == "paid" for name in frame.columns}
    found = {(cell.row, cell.column) for cell in learn(frame, marks)}
    assert (claimed.row, claimed.column) not in found
    assert (9, "paid") in found


def test_without_marks_the_list_is_the_same() -> None:
    table = orders(3, rows=200)
    plant(table, "misspelt town", 3)
    frame = pl.DataFrame(table)
    assert learn(frame, {}) == suspect_cells(frame)


def test_rows_to_mark_differ_and_are_new() -> None:
    frame = pl.DataFrame(orders(1, rows=50))
    first = pick_rows(frame, {}, 10)
    more = pick_rows(frame, {(row, "town"): False for row in first}, 100)
    assert len(set(first)) == 10
    assert sorted([*first, *more]) == list(range(50))
    assert pick_rows(frame, {}, 10) == first
    assert pick_rows(pl.DataFrame(), {}, 5) == []


def test_rows_that_teach_are_shown_before_rows_like_those_already_seen() -> None:
    value = ["12.5"] * 180 + ["12.5 kg"] * 15 + ["N/A"] * 5
    frame = pl.DataFrame({"v": value, "w": [str(i % 3) for i in range(200)]})
    shown = {frame["v"][row] for row in pick_rows(frame, {}, 6)}
    assert shown == {"12.5", "12.5 kg", "N/A"}


@pytest.mark.parametrize("mark", [(0, "nowhere"), (99, "a"), (-1, "a")])
def test_marks_of_cells_that_are_not_there_are_refused(mark: tuple[int, str]) -> None:
    with pytest.raises(DataError, match="not there"):
        learn(pl.DataFrame({"a": ["x"] * 3}), {mark: True})


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(*[st.text(alphabet="ab1. -:", max_size=4) for _ in range(3)]), max_size=40),
    st.randoms(use_true_random=False),
)
def test_any_texts_and_marks_give_cells_that_are_there(
    rows: list[tuple[str, ...]], chance: random.Random
) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.String), orient="row")
    shown = pick_rows(frame, {}, 5)
    assert len(set(shown)) == min(5, frame.height)
    marks = {(row, name): chance.random() < 0.3 for row in shown for name in frame.columns}
    cells = learn(frame, marks)
    found = {(cell.row, cell.column) for cell in cells}
    assert len(found) == len(cells)
    assert {cell for cell, wrong in marks.items() if wrong} <= found
    assert not {cell for cell, wrong in marks.items() if not wrong} & found
