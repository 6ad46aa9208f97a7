"""Scores on real pairs of dirty and clean files, and silence on real files that are in order.

The floors lie a little below what benchmarks/wrong_cells.py measures. hospital and beers were
looked at while the detectors were made; flights and rayyan were not.
"""

from __future__ import annotations

import csv
from collections import Counter
from functools import cache

import polars as pl
import pytest

from evermodel.data.cells import learn, pick_rows, suspect_cells
from tests.real import real_data

pytestmark = pytest.mark.real

Cells = set[tuple[int, str]]


@cache
def pair(name: str) -> tuple[pl.DataFrame, Cells]:
    """Return the dirty table, and the cells in which the clean one differs, by position."""
    sides = []
    for side in ("dirty", "clean"):
        with real_data(f"{name}/{side}.csv").open(newline="", encoding="utf-8") as file:
            sides.append(list(csv.reader(file)))
    dirty, clean = sides
    wrong = {
        (row, name)
        for row, (a, b) in enumerate(zip(dirty[1:], clean[1:], strict=True))
        for name, one, other in zip(dirty[0], a, b, strict=True)
        if one.strip() != other.strip()
    }
    return pl.DataFrame(dirty[1:], schema=dict.fromkeys(dirty[0], pl.String), orient="row"), wrong


def f1(found: Cells, wrong: Cells) -> float:
    return 2 * len(found & wrong) / max(1, len(found) + len(wrong))


@pytest.mark.parametrize(
    ("name", "floor"), [("hospital", 0.98), ("flights", 0.82), ("beers", 0.98), ("rayyan", 0.23)]
)
def test_wrong_cells_are_found_without_labels(name: str, floor: float) -> None:
    frame, wrong = pair(name)
    cells = suspect_cells(frame)
    assert f1({(cell.row, cell.column) for cell in cells}, wrong) >= floor
    assert sum((cell.row, cell.column) in wrong for cell in cells[:20]) >= 19


@pytest.mark.parametrize(
    ("name", "seeds", "floor"),
    [("hospital", 1, 0.98), ("flights", 3, 0.83), ("beers", 1, 0.99), ("rayyan", 3, 0.80)],
)
def test_twenty_marked_rows_teach_the_rest(name: str, seeds: int, floor: float) -> None:
    frame, wrong = pair(name)
    scores = []
    for seed in range(seeds):
        shown = pick_rows(frame, {}, 20, seed=seed)
        marks = {(row, column): (row, column) in wrong for row in shown for column in frame.columns}
        scores.append(f1({(cell.row, cell.column) for cell in learn(frame, marks)}, wrong))
    assert sum(scores) / len(scores) >= floor


@pytest.mark.parametrize(
    ("path", "rows", "known"),
    [
        # Blank totals of customers who have just begun.
        ("churn/telco_churn.csv", None, {("TotalCharges", "empty"): 11}),
        # "?" for unknown, and a ceiling of 99999.
        (
            "adult/adult.parquet",
            None,
            {
                ("workclass", "disguised"): 2799,
                ("occupation", "disguised"): 2809,
                ("native_country", "disguised"): 857,
                ("capital_gain", "disguised"): 244,
            },
        ),
        # NA for hours that were not measured.
        ("pm25/beijing_pm25.csv", None, {("pm2.5", "disguised"): 2067}),
        # -1 for "not applicable".
        ("acs/acs_gov_2018.parquet", 20_000, {("children", "disguised"): 2_000}),
        ("credit/german_credit.csv", None, {}),
        ("credit/default_credit_card.parquet", None, {}),
        ("bike/hour.csv", None, {}),
        ("weather/noaa_bellevue.csv", None, {}),
        ("elec2/elec2.parquet", None, {}),
        ("sms/sms_spam.csv", None, {}),
        ("banking77/train.csv", None, {}),
    ],
)
def test_files_in_order_are_passed_over_but_for_what_is_known_of_them(
    path: str, rows: int | None, known: dict[tuple[str, str], int]
) -> None:
    frame = table(path)
    cells = suspect_cells(frame.head(rows or frame.height))
    found = Counter((cell.column, str(cell.kind)) for cell in cells)
    other = sum(n for key, n in found.items() if key not in known)
    assert other <= 4, found
    assert all(found[key] <= most for key, most in known.items()), found
    if rows is None:
        assert {key: found[key] for key in known} == known


def test_what_is_said_of_a_shop_is_true_of_it() -> None:
    frame = table("retail/online_retail.parquet").sample(20_000, seed=1, shuffle=False)
    cells = suspect_cells(frame)
    # Codes in lower case, notes by staff, empty and changed descriptions, a country not told.
    assert {cell.column for cell in cells} <= {"StockCode", "Description", "Country", "CustomerID"}
    assert len(cells) <= 200
    case = [c for c in cells if c.column == "StockCode"]
    assert sum(c.suggestion.casefold() == c.value.casefold() for c in case) >= 0.9 * len(case)


def table(path: str) -> pl.DataFrame:
    source = real_data(path)
    if path.endswith("parquet"):
        frame = pl.read_parquet(source)
    else:
        frame = pl.read_csv(source, infer_schema=False)
    return frame.select(pl.all().cast(pl.String).fill_null(""))
