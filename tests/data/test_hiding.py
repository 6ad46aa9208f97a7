"""No finding, comparison or summary prints a value of a personal column."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import evermodel as em
from evermodel.data import changes, check
from evermodel.project import parse_project
from evermodel.report import findings_page, findings_text
from tests.data.test_personal_roles import MAILS, PEOPLE, PHONES, N

ROWS = pl.DataFrame(
    {
        "mail": [*MAILS[:-3], "ADA.1@Example.org", "ada.1@example.org", " ada.1@example.org"],
        "Kunde": [*PEOPLE[:-2], "anna Schmidt.", "Anna Schmidt."],
        "phone": PHONES,
        "born": ["1971-03-02"] * N,
        "Geburtsdatum": [f"{1930 + n % 70}-0{1 + n % 9}-11" for n in range(N)],
        "plan": ["basic", "pro", "Pro "] * 40,
        "left": ["yes", "no"] * 60,
    }
)
PROJECT = """
[project]
name = "p"
[data]
source = "a.csv"
target = "left"
task = "binary"
key = ["mail"]
checks = ["mail is one of a, b", "Kunde is like x", "plan is one of basic, pro"]
"""
SECRET = ("mail", "Kunde", "phone", "Geburtsdatum")


def _secrets(frame: pl.DataFrame = ROWS) -> set[str]:
    return {str(value).strip() for name in SECRET for value in frame[name] if len(str(value)) > 6}


def _told(text: str) -> list[str]:
    return [secret for secret in _secrets() if secret in text]


def test_examples_of_findings_show_the_writing_and_no_value() -> None:
    twice = pl.concat([ROWS, ROWS.head(9)])
    for thorough in (False, True):
        report = check(twice, project=parse_project(PROJECT), thorough=thorough)
        assert {"expectation", "duplicate_rows"} <= {each.name for each in report.results}
        assert _told(findings_text(report)) == []
        assert _told(findings_page(report)) == []
        assert _told(repr(report.results)) == []
    plan = report.find("expectation", "plan")
    assert plan.evidence["examples"][0] == "Pro "


def test_the_page_and_the_text_of_a_file_hide_wrong_cells_and_json_keeps_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    phones = [*PHONES[:-2], "+49 30 12x4567", "+49 30 1234567890123"]
    ROWS.with_columns(phone=pl.Series(phones)).write_csv(path)
    report = em.check(path, tmp_path, html=tmp_path / "a.html")
    shown = findings_text(report) + (tmp_path / "a.html").read_text()
    assert _told(shown) == []
    assert "12x4567" not in shown
    cells = {cell["value"] for cell in report.facts["cells"] if cell["column"] == "phone"}
    assert "+49 30 12x4567" in cells


def test_what_came_and_went_is_told_without_its_value() -> None:
    after = ROWS.with_columns(
        Kunde=pl.Series([*PEOPLE[1:], "Zora Neumann"]), plan=pl.Series(["gold", "pro"] * 60)
    )
    found = {each.subject: each for each in changes(ROWS, after)}
    assert "Zora" not in found["Kunde"].why
    assert "'**** *******'" in found["Kunde"].why
    assert "'gold'" in found["plan"].why
    assert _told(repr(found)) == []


@pytest.mark.parametrize("kind", [str, repr])
def test_a_row_that_is_cut_within_a_value_shows_nothing_of_it(kind: type[str]) -> None:
    long = [f"{'x' * 90}", f"{'x' * 90}"]
    frame = pl.DataFrame({"text": long, "mail": ["ada.lovelace@example.org"] * 2})
    report = check(frame, thorough=True)
    assert "ada" not in kind(report.results)
