"""The report page says what the model learned from, and stays small for a wide table."""

from __future__ import annotations

import numpy as np
import polars as pl

from evermodel.records import CheckResult, Report
from evermodel.report.project_page import project_page
from evermodel.tables import summarise

MADE = "2026-03-01T08:00:00+00:00"


def test_a_page_for_100_columns_is_one_file_below_a_megabyte_and_folds_what_is_beyond_20() -> None:
    values = np.random.default_rng(0).normal(size=(500, 100))
    frame = pl.DataFrame(values, schema=[f"measure_{place:02d}" for place in range(100)])
    summary = summarise([frame], dict.fromkeys(frame.columns, "number")).result()
    text = project_page(name="wide", made=MADE, profile=summary)
    assert len(text.encode()) < 1_000_000
    assert all(f"measure_{place:02d}" in text for place in range(100))
    shown, folded = text.split("80 more columns")
    assert shown.count("<title>How measure_") == 20
    assert "How measure_" not in folded
    assert "src=" not in text
    assert "https://" not in text


def test_findings_stand_in_their_groups_with_version_and_lineage_of_the_data() -> None:
    found = (
        CheckResult(name="leakage", subject="later", verdict="fail", why="it is the answer"),
        CheckResult(name="below_zero", subject="age", value=3.0, unit="rows", verdict="warn"),
        CheckResult(name="duplicate_rows", subject="rows", value=2.0, unit="rows"),
    )
    text = project_page(
        name="shop",
        made=MADE,
        check=Report(verb="check", results=found),
        data_version={"Digest": "0123456789abcdef", "Rows learned from": "1,200"},
        lineage=[("source", "<shop>.csv"), ("version", "3 (live)")],
        unprofiled="Their columns cannot be shown: only a digest was kept",
    )
    places = [text.index(word) for word in ("Must fix", "Worth fixing", "Good to know")]
    assert places == sorted(places)
    for words in ("0123456789abcdef", "1,200", "&lt;shop&gt;.csv", "3 (live)", "only a digest"):
        assert words in text
