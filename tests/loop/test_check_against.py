"""Two tables are compared without a project, whichever of them holds the outcome."""

from pathlib import Path

import polars as pl
import pytest

from evermodel.errors import DataError
from evermodel.loop.beginning import check
from tests.loop.shop import customers


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    """Return rows with outcomes and later ones without."""
    known, later = tmp_path / "known.csv", tmp_path / "later.csv"
    customers(400, seed=1).write_csv(known)
    customers(300, seed=2).drop("churned").write_csv(later)
    return known, later


def test_rows_to_score_are_compared_with_rows_that_have_outcomes(
    tables: tuple[Path, Path], tmp_path: Path
) -> None:
    known, later = tables
    for data, against in ((later, known), (known, later)):
        report = check(data, tmp_path, against=against, target="churned")
        assert report.verdict in ("pass", "warn")
        named = {(each.name, each.verdict) for each in report.results if each.subject == "churned"}
        assert not named & {("column_removed", "warn"), ("column_added", "warn")}
        compared = {each.name for each in report.results if each.subject == "plan"}
        assert compared & {"column_same", "column_changed"}
    assert (
        check(later, tmp_path, against=known, target="churned")
        .find("column_missing", "churned")
        .why.startswith("no outcomes")
    )


def test_without_a_target_a_column_that_is_gone_may_be_the_outcome(
    tables: tuple[Path, Path], tmp_path: Path
) -> None:
    known, later = tables
    found = check(later, tmp_path, against=known).find("column_missing", "churned")
    assert found.verdict == "warn"
    assert "--target churned" in found.why


def test_a_slip_is_found_though_the_outcome_is_in_one_table_only(
    tables: tuple[Path, Path], tmp_path: Path
) -> None:
    known, later = tables
    pl.read_csv(later).with_columns(pl.col("amount") * 100).write_csv(later)
    report = check(later, tmp_path, against=known, target="churned")
    assert report.find("unit_slip", "amount").verdict == "fail"


def test_a_target_of_neither_table_is_named(tables: tuple[Path, Path], tmp_path: Path) -> None:
    _, later = tables
    with pytest.raises(DataError, match="churned"):
        check(later, tmp_path, against=later, target="churned")
