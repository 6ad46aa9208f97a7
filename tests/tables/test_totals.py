"""Rows of totals between the rows of a table are found by their sums, and no other row is."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evermodel import tables
from tests.tables.test_workbooks import workbook

_WORDS = st.sampled_from(
    ["Subtotal", "Zwischensumme", "Total {}", "{} Total", "Sub-total {}:", "Summe {}"]
)
_CENTS = st.integers(1, 99_999).map(lambda cents: Decimal(cents) / 100)
_BLOCKS = st.lists(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(1, 500), _CENTS), min_size=2, max_size=6
    ),
    min_size=1,
    max_size=6,
)


def _read(tmp_path: Path, text: str) -> tables.Table:
    path = tmp_path / "table.csv"
    path.write_text(text)
    return tables.read(path)


def _lines_out(table: tables.Table) -> list[int]:
    return [row.line for row in table.understood.rejected]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(blocks=_BLOCKS, word=_WORDS, gap=st.sampled_from(["", "\n", ";;;\n"]), grand=st.booleans())
def test_a_table_with_totals_of_its_blocks_reads_back_to_the_same_rows_as_without(
    tmp_path: Path, blocks: list[list[tuple[str, int, Decimal]]], word: str, gap: str, grand: bool
) -> None:
    plain, written = "region;shop;n;paid\n", "region;shop;n;paid\n"
    for number, block in enumerate(blocks):
        rows = "".join(f"R{number};{shop};{n};{paid:.2f}\n" for shop, n, paid in block)
        plain += rows
        n, paid = sum(row[1] for row in block), sum(row[2] for row in block)
        written += f"{rows}{word.format(f'R{number}')};;{n};{paid:.2f}\n{gap}"
    if grand:
        every = [row for block in blocks for row in block]
        n, paid = sum(row[1] for row in every), sum(row[2] for row in every)
        written += f"Grand total;;{n};{paid:.2f}\n"
    expected, found = _read(tmp_path, plain), _read(tmp_path, written)
    assert found.frame.equals(expected.frame)
    assert pl.concat(tables.scan(tmp_path / "table.csv", batch_rows=3)).equals(expected.frame)
    (told,) = [note for note in found.understood.notes if "left out" in note]
    assert f"line {2 + len(blocks[0])}: a row of totals" in told


def test_totals_of_nested_groups_are_the_sums_of_theirs(tmp_path: Path) -> None:
    table = _read(
        tmp_path,
        "place;n;paid\nUlm;100;5.5\nUlm;200;6.5\nTotal Ulm;300;12.0\nBonn;10;1\nBonn;20;2\n"
        "Total Bonn;30;3\nTotal South;330;15.0\nRom;7;8\nTotal Rom;7;8\nTotal;337;23.0\n",
    )
    assert table.frame["n"].to_list() == [100, 200, 10, 20, 7]
    assert _lines_out(table) == [4, 7, 8, 10, 11]


def test_small_whole_numbers_are_sums_where_several_rows_are_so_named(tmp_path: Path) -> None:
    rows = "region;n\nNorth;2\nNorth;3\nNorth Total;5\nSouth;1\nSouth;1\nSouth Total;2\n"
    assert _lines_out(_read(tmp_path, rows)) == [4, 7]


def test_the_totals_of_a_sheet_are_found_among_its_merged_and_empty_cells(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["region", "shop", "n", "paid"],
        ["North", "a", 1, 0.1],
        [None, "b", 2, 0.2],
        ["North Total", None, 3, 0.1 + 0.2],
        [],
        ["South", "c", 4, 10.25],
        [None, "d", 5, 20.5],
        ["South Total", None, 9, 30.75],
        ["Grand Total", None, 12, 31.05],
    ]
    table = tables.read(workbook(tmp_path / "a.xlsx", {"S": rows}))
    assert table.frame["n"].to_list() == [1, 2, 4, 5]
    assert _lines_out(table) == [4, 8, 9]


def test_totals_rounded_as_they_are_written_are_sums(tmp_path: Path) -> None:
    rows = "k;x;y\na;10.04;1\nb;20.04;2\nc;30.04;3\nSubtotal;60.1;6\nd;1;1\ne;1;1\n"
    assert _lines_out(_read(tmp_path, rows)) == [5]


@pytest.mark.parametrize(
    "rows",
    [
        "Aldi;120;3\nLidl;140;5\nTotal Wine;170;9\nRewe;90;2\n",  # a name
        "Aldi;2;3\nLidl;3;5\nTotal Wine;5;9\nRewe;9;2\n",  # and one number is a sum by chance
        "a;100;1\nb;200;2\n;300;4\nc;1;1\n",  # a key is not known
        "Part;1;1\nTotal;1;1\nPart;2;2\nTotal;2;2\nPart;3;3\nTotal;3;3\nPart;4;4\n",
        "Mo;5;sum of all\nTu;7;sum of all\nWe;12;sum of all\nTh;1;sum of all\n",
    ],
)
def test_a_row_like_any_other_stays(tmp_path: Path, rows: str) -> None:
    table = _read(tmp_path, "name;n;m\n" + rows)
    assert table.frame.height == rows.count("\n")
    assert not table.understood.rejected


def test_a_word_for_a_sum_whose_numbers_are_none_is_kept_and_told(tmp_path: Path) -> None:
    table = _read(tmp_path, "k;x;y\na;100;5\nb;200;6\nSubtotal;301;12\nc;10;5\n")
    assert table.frame.height == 4
    assert table.understood.notes == (
        "1 row kept that may be none: line 4: named 'Subtotal', but its numbers are not the sums "
        "of the rows above it",
    )


def test_a_total_of_a_category_that_has_all_cells_is_kept_and_told(tmp_path: Path) -> None:
    table = _read(
        tmp_path, "land;sex;n\nDE;M;4000\nDE;F;4200\nDE;Total;8200\nFR;M;3000\nFR;F;3100\n"
    )
    assert table.frame.height == 5
    assert any("line 4: 'Total' beside the sums" in note for note in table.understood.notes)


@pytest.mark.parametrize("most", [10, 1_000, 100_000])
def test_rows_of_random_tables_with_gaps_and_names_of_totals_stay(
    tmp_path: Path, most: int
) -> None:
    lost = rows = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        height = int(rng.integers(5, 60))
        names = rng.choice(["Total Wine", "Aldi", "Sum Up Ltd", "Lidl", ""], height)
        numbers = rng.integers(0, most, (height, 3))
        lines = [f"{k};{a};;{b};{c};" for k, (a, b, c) in zip(names, numbers, strict=True)]
        table = _read(tmp_path, "store;n;note;m;o;p\n" + "\n".join([*lines, "Rewe;1;;1;1;"]) + "\n")
        rows += height
        lost += table.understood.rejected_rows
    assert lost <= 0.001 * rows


def test_a_value_that_is_a_word_for_a_sum_is_no_total_and_costs_little(tmp_path: Path) -> None:
    lost = rows = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        height = int(rng.integers(8, 60))
        kinds = rng.choice(["total", "partial", "none"], height)
        numbers = rng.integers(1, 90, (height, 3))
        lines = [f"{kind};{a};{b};{c}" for kind, (a, b, c) in zip(kinds, numbers, strict=True)]
        table = _read(tmp_path, "resection;n;age;days\n" + "\n".join([*lines, "none;1;1;1"]) + "\n")
        rows += height
        lost += table.understood.rejected_rows
    assert lost <= 0.002 * rows
