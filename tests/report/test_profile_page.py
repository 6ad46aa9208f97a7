"""A summary reads as a line a column, and as one page with a small picture beside each."""

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.report.profile_page import closest, held, profile_page, profile_text
from evermodel.tables import Summary, read, summarise
from tests.real import real_data

ROWS = pl.DataFrame(
    {
        "id": [f"c{n:03}" for n in range(100)],
        "kg": [float(n) for n in range(99)] + [None],
        "pounds": [2.2 * n for n in range(100)],
        "plan": ["a"] * 75 + ["b"] * 25,
        "nothing": pl.Series([None] * 100, dtype=pl.Float64),
    }
)
TYPES = {"id": "category", "kg": "number", "pounds": "number", "plan": "category"}


def _summary(frame: pl.DataFrame = ROWS) -> Summary:
    kinds = {
        name: "number" if frame[name].dtype.is_numeric() else "category" for name in frame.columns
    }
    return summarise([frame], kinds).result()  # type: ignore[arg-type]


def test_each_column_has_a_line_in_plain_numbers() -> None:
    lines = profile_text(_summary(), title="a.csv: ").splitlines()
    assert lines[0] == "a.csv: 100 rows, 5 columns"
    found = {line.split()[0]: line for line in lines[2:7]}
    assert found["id"].endswith("100 different; written like a999")
    assert "1 % missing, 99 different; 0 to 98, median 49, mean 49" in found["kg"]
    assert found["plan"].endswith("2 different; 'a' 75 %, 'b' 25 %")
    assert found["nothing"].endswith("100 % missing, 0 different; nothing")


def test_what_is_closely_correlated_is_told_with_its_interval_and_rows() -> None:
    (pair,) = closest(_summary())
    assert {pair.first, pair.second} == {"kg", "pounds"}
    assert "n = 99)" in profile_text(_summary())
    assert "Which go together?" in profile_page(_summary(), title="a.csv")


def test_the_page_draws_what_varies_and_loads_nothing() -> None:
    page = profile_page(_summary(), title="a.csv", notes=["read as Windows-1252"])
    assert page.count("<svg") == 3
    assert "read as Windows-1252" in page
    assert "src=" not in page
    assert "url(" not in page
    assert not re.search(r"href=[\"']?(?!#)", page)


names = st.text(max_size=30).filter(lambda name: not (name[:1] == "^" and name[-1:] == "$"))


@given(names, st.text(min_size=1, max_size=60))
def test_no_name_or_value_breaks_a_line_or_the_page(name: str, value: str) -> None:
    frame = pl.DataFrame({name or "x": [value] * 3 + ["b"]})
    text = profile_text(_summary(frame), 80)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    page = profile_page(_summary(frame), title=name)
    assert "<script" not in page
    assert page.count("<tr>") == 2


@pytest.mark.real
def test_a_real_table_is_told_as_its_owner_knows_it() -> None:
    frame = read(real_data("bike/hour.csv")).frame.drop("dteday")
    summary = _summary(frame)
    assert held(summary["cnt"]).startswith("1 to 977, median 142")
    assert {(pair.first, pair.second) for pair in closest(summary)} >= {("temp", "atemp")}
