"""Every result of `check` says what was measured, of how many, judged by what, and shows it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from evermodel.loop.beginning import check
from evermodel.records import CheckResult
from evermodel.tables import read
from evermodel.testing import result_problems
from tests.real import real_data

FILES = [
    ("churn/telco_churn.csv", "Churn", 500),
    ("adult/adult.parquet", "income", 600),
    ("bike/hour.csv", "cnt", 600),
    ("beers/dirty.csv", "", 500),
    ("hospital/dirty.csv", "", 300),
    ("rayyan/dirty.csv", "", 300),
    ("sms/sms_spam.csv", "label", 400),
    ("pm25/beijing_pm25.csv", "pm2.5", 300),
]
NO_VALUE = {
    "personal_data": "the name of a column may say so where its values do not: no share is measured"
}
NO_EXAMPLE = {
    "column_changed": "values of a whole column lie elsewhere than those of another table",
    "majority_accuracy": "it is the share of a class in all rows",
}
OF_COLUMNS = "columns"  # a result that counts columns: what is not there is in no row
NO_ROW = {
    **NO_EXAMPLE,
    "label_rate_by_group": "a difference of shares is in no single row: the groups are shown",
    "missing_by_group": "a difference of shares is in no single row: the groups are shown",
    "representation": "a difference of shares is in no single row: the groups are shown",
    "proxy": "what most rows have in common is in no single one: columns and values are shown",
}


def owed(result: CheckResult, rows: int) -> Iterator[str]:
    """Yield what a result of a file owes its reader."""
    yield from result_problems(result, rows=rows)
    if result.value is None and result.verdict != "unknown" and result.name not in NO_VALUE:
        yield "it has no value"
    if result.n is None:
        yield "it has no n"
    if result.verdict in ("warn", "fail"):
        yield from owed_by_an_alarm(result)


def owed_by_an_alarm(result: CheckResult) -> Iterator[str]:
    """Yield what a result that warns or fails owes beside: what was crossed, and where to look."""
    value, evidence = result.value, result.evidence
    below = result.min is not None and value is not None and value <= result.min
    above = result.max is not None and value is not None and value >= result.max
    if not below and not above:
        yield f"its value {value} is within its threshold, {result.min} to {result.max}"
    if result.unit == OF_COLUMNS:
        return
    if not evidence.get("examples") and result.name not in NO_EXAMPLE:
        yield "it has no examples"
    if result.name not in NO_ROW:
        lines = evidence.get("lines", [])
        if not lines:
            yield "it says no line"
        elif len(lines) < len(evidence.get("rows", [])):
            yield "it says fewer lines than rows"


@pytest.fixture(params=FILES, ids=lambda case: str(case[0]).partition("/")[0])
def head(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """The first rows of a real file, and what is predicted in it."""
    name, target, rows = request.param
    source, path = real_data(name), tmp_path / "rows.csv"
    if source.suffix == ".parquet":
        pl.read_parquet(source).head(rows).write_csv(path)
    else:
        lines = source.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: rows + 1]))
    return path, target


@pytest.mark.real
def test_every_result_on_real_files_says_all_that_it_owes(
    head: tuple[Path, str], tmp_path: Path
) -> None:
    path, target = head
    report = check(path, tmp_path, target=target)
    found = [
        f"{result.name} of {result.subject!r} ({result.verdict}): {problem}"
        for result in report.results
        for problem in owed(result, report.facts["rows"])
    ]
    assert found == []


def odd_table(rows: int = 600) -> pl.DataFrame:
    """A table with much that is wrong, of which no real file has all."""
    rng = np.random.default_rng(3)
    day = [datetime(2024, 1, 1) + timedelta(days=int(i)) for i in rng.permutation(rows)]
    men = rng.random(rows) < 0.5
    lost = rng.random(rows) < np.where(men, 0.5, 0.2)
    table = pl.DataFrame(
        {
            "customer": [f"c{i % 300:04}" for i in range(rows)],
            "day": day,
            "sex": np.where(men, "m", "f"),
            "height": np.round(np.where(men, 181.0, 167.0) + rng.normal(0, 4, rows), 1),
            "age": np.where(rng.random(rows) < 0.02, -1, rng.integers(18, 90, rows)),
            "paid": [one + timedelta(days=9) for one in day],
            "told": np.where(lost, "gone", "here"),
            "reason": [("price" if no and i % 3 == 0 else None) for i, no in enumerate(lost)],
            "income": [None if he and i % 4 == 0 else 1000 + i % 97 for i, he in enumerate(men)],
            "code": [f"no{i % 7}" for i in range(rows)],
            "empty": pl.Series([None] * rows, dtype=pl.String),
            "mail": [f"person{i}@example.org" for i in range(rows)],
            "lost": np.where(lost, "yes", "no"),
        }
    )
    return pl.concat([table, table.head(60)])


PROJECT = """
[project]
name = "odd"
[data]
source = "rows.csv"
target = "lost"
task = "binary"
positive = "yes"
key = ["customer"]
protected = ["sex"]
reference = "all.csv"
types = { code = "number" }
checks = ["age is between 0 and 120", "nowhere is never missing"]
"""


@pytest.mark.parametrize("time", ['time = "day"', ""])
def test_every_result_on_a_table_that_is_wrong_in_many_ways_says_all_that_it_owes(
    tmp_path: Path, time: str
) -> None:
    odd_table().write_csv(tmp_path / "rows.csv")
    pl.DataFrame({"sex": ["m"] * 100 + ["f"] * 900}).write_csv(tmp_path / "all.csv")
    (tmp_path / "evermodel.toml").write_text(f"{PROJECT}{time}\n")
    report = check(None, tmp_path)
    found = [
        f"{result.name} of {result.subject!r} ({result.verdict}): {problem}"
        for result in report.results
        for problem in owed(result, report.facts["rows"])
    ]
    assert found == []
    wrong = {each.name for each in report.results if each.verdict in ("warn", "fail")}
    assert wrong >= {"leakage", "representation", "missing_by_group", "expectation", "proxy"}


@pytest.mark.real
def test_every_result_against_an_earlier_table_says_all_that_it_owes(tmp_path: Path) -> None:
    usual = read(real_data("adult/adult.parquet")).frame.head(900)
    wrong = usual.with_columns(
        hours_per_week=pl.col("hours_per_week") * 1000,
        age=pl.when(pl.int_range(900) % 2 == 0).then(None).otherwise("age"),
        sex=pl.lit("unknown"),
        education=pl.col("education").str.to_uppercase() + "!",
        capital_gain=pl.lit("none"),
        new=pl.int_range(900) % 7,
    ).drop("race")
    for name, frame in (("before.csv", usual), ("after.csv", pl.concat([wrong, wrong]))):
        frame.write_csv(tmp_path / name)
    report = check(
        tmp_path / "after.csv", tmp_path, against=tmp_path / "before.csv", thorough=False
    )
    found = [
        f"{result.name} of {result.subject!r} ({result.verdict}): {problem}"
        for result in report.results
        for problem in owed(result, report.facts["rows"])
    ]
    assert found == []
    told = {each.name for each in report.results if each.verdict in ("warn", "fail")}
    assert told >= {"unit_slip", "feed_stopped", "column_missing", "type_changed"}


FULL = CheckResult(
    name="below_zero", subject="age", value=3.0, unit="rows", n=90, max=0, verdict="warn",
    why="nobody is younger than nothing",
    evidence={"rows": [4, 7, 9], "lines": [6, 9, 11], "examples": ["-4", "-1", "-1"]},
)  # fmt: skip


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ({"value": None}, "it has no value"),
        ({"n": None}, "it has no n"),
        ({"max": None}, "there is no min and no max"),
        ({"max": 5.0}, "within its threshold"),
        ({"why": ""}, "why is empty"),
        ({"evidence": {"rows": [4], "lines": [6]}}, "it has no examples"),
        ({"evidence": {"rows": [4], "examples": ["-4"]}}, "it says no line"),
        ({"evidence": {"rows": [4, 5], "lines": [6], "examples": ["-4"]}}, "fewer lines than rows"),
    ],
)
def test_a_result_that_owes_something_is_told(without: dict[str, object], said: str) -> None:
    assert list(owed(FULL, 90)) == []
    lacking = msgspec.structs.replace(FULL, **without)
    assert said in "; ".join(owed(lacking, 90))
