"""Planted errors of each kind are found without any setting; clean tables are passed over."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel.data.cells import Cell, suspect_cells
from evermodel.errors import DataError
from tests.data.cells.tables import ERRORS, orders, plant

SEEDS = (1, 2, 3)
# A few large mistakes are told from a long tail only while they are few.
FEW = {"paid a million times": 2}
# Of a number that has slipped into another column of numbers nothing shows.
LEAST = {"row slipped to the right": 0.65}


def places(cells: list[Cell]) -> set[tuple[int, str]]:
    return {(cell.row, cell.column) for cell in cells}


@pytest.mark.parametrize("seed", range(6))
def test_a_clean_table_is_passed_over(seed: int) -> None:
    assert suspect_cells(pl.DataFrame(orders(seed))) == []


@pytest.mark.parametrize("kind", list(ERRORS))
def test_planted_errors_are_found_and_little_else(kind: str) -> None:
    hits = planted = claimed = 0
    for seed in SEEDS:
        table = orders(seed)
        bad = plant(table, kind, seed, rows=FEW.get(kind, 12))
        found = places(suspect_cells(pl.DataFrame(table)))
        hits, planted, claimed = hits + len(found & bad), planted + len(bad), claimed + len(found)
    assert hits >= LEAST.get(kind, 0.9) * planted, (kind, hits, planted)
    assert hits >= 0.9 * claimed, (kind, hits, claimed)


def test_errors_of_all_kinds_at_once_are_found() -> None:
    table = orders(5, rows=3000)
    bad: set[tuple[int, str]] = set()
    for number, kind in enumerate(ERRORS):
        if kind not in FEW:
            bad |= plant(table, kind, 50 + number, rows=6)
    cells = suspect_cells(pl.DataFrame(table))
    found = places(cells)
    assert len(found & bad) >= 0.85 * len(bad)
    assert len(found & bad) >= 0.9 * len(found)
    assert sum((cell.row, cell.column) in bad for cell in cells[:20]) >= 19


@pytest.mark.parametrize(
    ("kind", "column", "right"),
    [
        ("misspelt town", "town", 0.95),
        ("empty town", "town", 0.95),
        ("grams for kilograms", "weight", 0.9),
        ("unit in the number", "weight", 0.95),
        ("canton moved into town", "canton", 0.95),
        ("town and canton swapped", "town", 0.95),
    ],
)
def test_what_is_suggested_is_what_stood_there(kind: str, column: str, right: float) -> None:
    clean, table = orders(4), orders(4)
    bad = plant(table, kind, 4)
    cells = [c for c in suspect_cells(pl.DataFrame(table)) if c.column == column]
    same = [_same(c.suggestion, clean[c.column][c.row]) for c in cells if (c.row, c.column) in bad]
    assert same
    assert np.mean(same) >= right


def _same(one: str, other: str) -> bool:
    try:
        return abs(float(one) - float(other)) <= 0.1
    except ValueError:
        return one == other


def test_a_cell_says_what_stands_there_and_why() -> None:
    table = orders(1)
    table["town"][7] = " Bexn "
    table["customer"][7] = table["customer"][8]
    cells = [c for c in suspect_cells(pl.DataFrame(table)) if (c.row, c.column) == (7, "town")]
    assert [cell.value for cell in cells] == [" Bexn "]
    assert cells[0].reason.endswith(".")
    assert 0.5 < cells[0].score <= 1.0


def test_an_exception_that_another_column_explains_is_no_mistake() -> None:
    rng = np.random.default_rng(0)
    days = rng.integers(0, 7, 2000)
    holiday = rng.random(2000) < 0.03
    frame = pl.DataFrame(
        {
            "weekday": [str(day) for day in days],
            "holiday": ["yes" if h else "no" for h in holiday],
            "open": [
                "closed" if h or d == 6 else "open" for d, h in zip(days, holiday, strict=True)
            ],
        }
    )
    assert suspect_cells(frame) == []


def test_a_long_tail_is_no_outlier() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        frame = pl.DataFrame(
            {
                "sales": [f"{x:.2f}" for x in rng.pareto(1.2, 3000) * 10],
                "wealth": [f"{x:.0f}" for x in rng.lognormal(8, 1.5, 3000)],
                "share": [f"{x:.3f}" for x in rng.beta(0.4, 3, 3000)],
                "drift": [f"{x:.2f}" for x in rng.standard_t(3, 3000)],
            }
        )
        assert len(suspect_cells(frame)) <= 1, seed


def test_codes_that_have_a_form_of_their_own_are_no_mistakes() -> None:
    numbers = [str(100_000 + i) for i in range(1000)]
    numbers[::50] = [f"C{100_000 + i}" for i in range(20)]
    assert suspect_cells(pl.DataFrame({"invoice": numbers})) == []


def test_a_column_that_is_mostly_empty_may_be_empty() -> None:
    note = ["gift" if i % 5 == 0 else "" for i in range(200)]
    assert suspect_cells(pl.DataFrame({"note": note, "n": [str(i) for i in range(200)]})) == []


def test_na_among_country_codes_is_namibia() -> None:
    land = ["DE", "FR", "CH", "NA"] * 25
    assert suspect_cells(pl.DataFrame({"land": land})) == []


def test_columns_that_are_no_texts_are_refused() -> None:
    with pytest.raises(DataError, match="'n' does not hold texts"):
        suspect_cells(pl.DataFrame({"n": [1, 2]}))


def test_empty_tables_have_no_wrong_cells() -> None:
    assert suspect_cells(pl.DataFrame()) == []
    assert suspect_cells(pl.DataFrame({"a": []}, schema={"a": pl.String})) == []
    assert suspect_cells(pl.DataFrame({"a": ["", ""], "b": ["x", None]})) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.text(alphabet="ab1. -:/%é\ufffd\n", max_size=6) for _ in range(3)]),
        max_size=60,
    )
)
def test_any_texts_give_cells_that_are_there(rows: list[tuple[str, ...]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.String), orient="row")
    cells = suspect_cells(frame)
    assert len(places(cells)) == len(cells)
    for cell in cells:
        assert frame[cell.column][cell.row] == cell.value
        assert 0.0 < cell.score <= 1.0
        assert not cell.suggestion or cell.suggestion != cell.value.strip()


def test_the_order_of_columns_that_tell_nothing_changes_nothing() -> None:
    table = orders(3)
    plant(table, "misspelt town", 3)
    frame = pl.DataFrame(table)
    assert suspect_cells(frame) == suspect_cells(frame)
