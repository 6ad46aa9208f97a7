"""A delivery of rows that came before is told from a table that was carried on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evermodel.data.deliveries import delivered_before
from evermodel.loop.beginning import check
from evermodel.records import CheckResult
from evermodel.tables import profile, read
from tests.data.test_gate import types, usual
from tests.real import real_data

EVERY = usual(6000, 0)
OLD = EVERY[:4000]


def _told(after: pl.DataFrame, before: pl.DataFrame = OLD) -> CheckResult:
    return delivered_before(before, after, profile(before, types(before)))


@pytest.mark.parametrize(
    ("after", "share", "said"),
    [
        (OLD, 1.0, "nothing is new"),
        (OLD.reverse(), 1.0, "nothing is new"),
        (OLD[:300], 1.0, "nothing is new"),
        (EVERY[:2000].vstack(EVERY[4000:4500]), 0.8, "50% is left out"),
        (OLD.sample(2500, seed=1).vstack(EVERY[4000:5000]), 2500 / 3500, "left out"),
    ],
)
def test_rows_of_the_earlier_table_are_told_with_their_share(
    after: pl.DataFrame, share: float, said: str
) -> None:
    found = _told(after)
    assert (found.verdict, found.n) == ("warn", after.height)
    assert found.value == pytest.approx(share)
    assert said in found.why
    assert found.evidence["rows"] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "after",
    [
        EVERY,  # an export to which rows are appended
        EVERY.sample(fraction=1, shuffle=True, seed=2),
        EVERY[1000:5000],  # a window that moved on
        EVERY[4000:],
        EVERY[3000:6000],  # a third of the rows overlaps
        OLD.with_columns(pl.when(pl.col("id") < 40).then(0).otherwise("price").alias("price")),
    ],
)
def test_a_table_that_was_carried_on_or_corrected_passes(after: pl.DataFrame) -> None:
    assert _told(after).verdict == "pass"


def test_rows_of_few_possible_values_are_alike_by_chance() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({c: rng.choice(["x", "y", "z"], 3000) for c in "abc"})
    assert _told(frame[2000:], frame[:2000]).verdict == "pass"


def test_check_against_an_earlier_file_names_lines_and_does_not_fail(tmp_path: Path) -> None:
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    EVERY[:400].write_csv(old)
    EVERY[:200].vstack(EVERY[400:450]).write_csv(new)
    report = check(new, tmp_path, against=old, thorough=False)
    found = report.find("delivered_before", "rows")
    assert (found.verdict, found.value, found.n) == ("warn", 0.8, 250)
    assert found.evidence["lines"] == [2, 3, 4, 5, 6]
    assert report.verdict == "warn"


@pytest.mark.real
@pytest.mark.parametrize(
    "path",
    [
        "pm25/beijing_pm25.csv",
        "churn/telco_churn.csv",
        "credit/default_credit_card.parquet",
    ],
)
def test_real_slices_are_new_to_one_another_and_old_to_themselves(path: str) -> None:
    frame = read(real_data(path)).frame
    size = min(frame.height // 8, 5000)
    slices = [frame[i * size : (i + 1) * size] for i in range(3)]
    for before, after in pairwise(slices):
        past = profile(before, types(before))
        assert delivered_before(before, after, past).verdict == "pass"
        assert delivered_before(before, before.vstack(after), past).verdict == "pass"
        assert delivered_before(before, before, past).verdict == "warn"
        part = before[: size // 2].vstack(after[: size // 8])
        assert delivered_before(before, part, past).verdict == "warn"
