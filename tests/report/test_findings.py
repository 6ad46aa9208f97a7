"""Findings about data: what to fix first, each with three examples and where they stand."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.records import CheckResult, Report, Verdict
from evermodel.report import findings_page, findings_text
from evermodel.report.findings import headline

WRONG = CheckResult(
    name="infinite",
    subject="income",
    value=4.0,
    unit="rows",
    n=90,
    verdict="fail",
    why="no model can be fitted to infinite numbers",
    evidence={"rows": [4, 7, 9, 11], "lines": [6, 9, 11, 13], "examples": ["inf"] * 4},
)
ODD = CheckResult(
    name="below_zero", subject="age", value=1.0, unit="rows", n=90, verdict="warn", why="odd",
    evidence={"rows": [1], "examples": ["-4"]},
)  # fmt: skip
GAPS = CheckResult(
    name="missing", subject="tel", value=0.25, low=0.2, high=0.31, unit="share", n=90, why="a gap"
)
FEW = CheckResult(name="rows_of_group", subject="plan=c", verdict="unknown", why="4 rows are few")
FINE = CheckResult(name="rows", subject="rows", value=90.0, unit="rows", n=90)
REPORT = Report(
    verb="check",
    subject="a.csv",
    results=(GAPS, FINE, ODD, FEW, WRONG),
    facts={"rows": 90, "columns": 5},
)


def test_the_verdict_comes_first_and_what_must_be_fixed_next() -> None:
    lines = findings_text(REPORT).splitlines()
    assert lines[0] == (
        "FAIL  a.csv: 1 to fix, 1 worth fixing, 1 too few to say, 2 in order (90 rows, 5 columns)"
    )
    titles = [line for line in lines[1:] if line and not line.startswith(" ")]
    assert titles == ["Must fix", "Worth fixing", "Good to know"]


def test_three_examples_are_shown_with_the_lines_of_the_file() -> None:
    text = findings_text(REPORT)
    assert "lines 6, 9, 11: inf\n" in text
    assert "row 1: -4" in text  # no file with lines
    assert "line 13" not in text


def test_what_is_in_order_has_no_line_and_a_gap_has_one() -> None:
    text = findings_text(REPORT)
    assert "25 % of the values are missing (20 % to 31 %, n = 90)" in text
    assert "4 rows are few" in text
    assert "90 rows\n" not in text


def test_how_it_was_read_is_said_once() -> None:
    note = f"income: {WRONG.why}"
    text = findings_text(REPORT, notes=[note, "columns are divided by ;"])
    assert "How it was read\n  columns are divided by ;" in text
    assert text.count(WRONG.why) == 1


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(["fail", "warn", "unknown"]))
def test_no_name_or_value_can_break_a_line_or_a_page(
    name: str, value: str, verdict: Verdict
) -> None:
    odd = CheckResult(
        name="mixed_values", subject=name, verdict=verdict, why=value,
        evidence={"examples": [value]},
    )  # fmt: skip
    report = Report(verb="check", subject=name, results=(odd,))
    text = findings_text(report, 80)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    page = findings_page(report)
    assert "<script" not in page.lower().replace("&lt;script", "")
    assert page.count("<h3>") == bool(odd.verdict != "unknown" or value)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_asked(width: int) -> None:
    lines = findings_text(REPORT, width, notes=["a note " * 20]).splitlines()
    assert max(map(len, lines[1:])) <= width


def test_the_page_is_one_file_with_the_same_words() -> None:
    page = findings_page(REPORT, notes=["columns are divided by ;"])
    for words in ("Must fix", "lines 6, 9, 11: inf", "columns are divided by ;", "1 to fix"):
        assert words in page
    assert "http" not in page.replace("http-equiv", "")


def test_an_unknown_name_is_still_a_sentence() -> None:
    own = CheckResult(name="my_own_check", subject="x", value=3.0, unit="rows", verdict="warn")
    assert headline(own) == "`x`: My own check, 3 rows"
