"""The parts by themselves: distances, skew, dependencies, and what counts as a column of what."""

from __future__ import annotations

import itertools
import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.data.cells import suspect_cells
from evermodel.data.cells.columns import read_columns
from evermodel.data.cells.extremes import medcouple
from evermodel.data.cells.groups import dependencies, grouping
from evermodel.data.cells.likeness import distance, lookalike
from evermodel.data.cells.missing import missing_codes
from tests.data.cells.tables import orders, plant

WORDS = st.text(alphabet="abx", max_size=6)


def plain_distance(one: str, other: str) -> int:
    """The definition, without any short cut: every table cell of every prefix pair."""
    table = {(i, j): max(i, j) for i in range(len(one) + 1) for j in range(len(other) + 1)}
    for i, j in itertools.product(range(1, len(one) + 1), range(1, len(other) + 1)):
        table[i, j] = min(
            table[i - 1, j] + 1,
            table[i, j - 1] + 1,
            table[i - 1, j - 1] + (one[i - 1] != other[j - 1]),
        )
        if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
            table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(one), len(other)]


@given(WORDS, WORDS, st.integers(0, 7))
def test_the_distance_is_the_defined_one_up_to_its_limit(one: str, other: str, most: int) -> None:
    assert distance(one, other, most) == min(plain_distance(one, other), most + 1)
    assert distance(one, other, most) == distance(other, one, most)


@pytest.mark.parametrize(
    ("value", "usual", "slip"),
    [
        ("Zürcih", "Zürich", True),
        ("  new   york", "New York", True),
        ("35x33", "35233", True),
        ("35234", "35233", False),
        ("A12", "A13", False),
        ("50 pieces", "0 pieces", False),
        ("male", "female", True),
        ("ab", "xy", False),
        ("S", "C", False),
    ],
)
def test_a_slip_changes_letters_and_loses_digits_but_makes_no_other_number(
    value: str, usual: str, slip: bool
) -> None:
    assert lookalike(value, usual) is slip


def test_the_medcouple_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(0)
    for draw in (rng.normal(size=61), rng.exponential(size=80), -rng.lognormal(size=41)):
        middle = float(np.median(draw))
        pairs = itertools.product(draw[draw >= middle], draw[draw <= middle])
        kernel = [((b - middle) - (middle - a)) / (b - a) for b, a in pairs if b > a]
        assert medcouple(draw) == pytest.approx(float(np.median(kernel)), abs=0.02)
        assert medcouple(-draw) == pytest.approx(-medcouple(draw))
        assert medcouple(3.0 * draw + 7.0) == pytest.approx(medcouple(draw))


def test_dependencies_are_found_with_errors_in_them_and_none_by_chance() -> None:
    table = orders(8)
    plant(table, "name of another customer", 8, rows=30)
    columns = read_columns(pl.DataFrame(table))
    name = {column.name: column.place for column in columns}
    found = {(one.left, one.right) for one in dependencies(columns)}
    assert (name["customer"], name["name"]) in found
    assert (name["customer"], name["town"]) in found
    assert (name["town"], name["canton"]) in found
    told = {"name", "town", "canton", "customer"}
    assert {right for _, right in found} <= {name[column] for column in told}


def test_chance_makes_no_dependency_however_small_the_groups() -> None:
    rng = np.random.default_rng(3)
    frame = pl.DataFrame(
        {
            "pair": [str(i // 2) for i in range(4000)],
            "rare": [str(x) for x in rng.choice(["no", "yes"], 4000, p=[0.97, 0.03])],
            "kind": [str(x) for x in rng.choice(list("abcd"), 4000)],
        }
    )
    assert dependencies(read_columns(frame)) == []


def test_a_group_of_ties_has_no_second_without_a_first() -> None:
    x, y = read_columns(pl.DataFrame({"x": ["a", "a", "b", ""], "y": ["1", "2", "", "3"]}))
    told = grouping(x, y)
    assert told.most.tolist() == [1, 1, 0, 0]
    assert told.second.tolist() == [1, 1, 0, 0]
    assert told.usual[2:].tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["12", "-", "7"] * 5, ["-"]),
        (["red", "-", "blue"] * 5, []),
        (["red", "unknown", "blue"] * 5, ["unknown"]),
        (["none", "one", "two"] * 5, []),
        (["NW", "NA", "SE"] * 5, []),
        (["N/A"] * 15, []),
    ],
)
def test_words_for_missing_are_told_from_answers(texts: list[str], found: list[str]) -> None:
    [column] = read_columns(pl.DataFrame({"a": texts}))
    assert [column.texts[code] for code in missing_codes(column)] == found


def test_a_large_table_takes_seconds() -> None:
    table = {name: values * 20 for name, values in orders(1, rows=1500).items()}
    table["order"] = [f"R-{i:06}" for i in range(30_000)]
    begun = time.process_time()
    assert suspect_cells(pl.DataFrame(table)) == []
    assert time.process_time() - begun < 20


def test_many_columns_do_not_explode() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{i}": [f"v{x}" for x in rng.integers(0, 9, 100)] for i in range(600)})
    begun = time.process_time()
    cells = suspect_cells(frame)
    assert time.process_time() - begun < 30
    assert cells == []
