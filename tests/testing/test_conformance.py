"""The suite lets a good check through, and says of a bad one what is wrong, in plain words."""

import sys
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np
import polars as pl
import pytest

from evermodel.data.column_checks import column_checks
from evermodel.errors import InputError
from evermodel.records import CheckResult
from evermodel.stats.intervals import wilson
from evermodel.testing import (
    check_conformance,
    conformance_cases,
    frames,
    frames_like,
    result_problems,
)
from tests.real import real_data


def gaps(frame: pl.DataFrame) -> list[CheckResult]:
    """Find the share of missing cells: a check as it should be."""
    cells = frame.width * frame.height
    if not cells:
        return [CheckResult(name="gaps", n=0, verdict="unknown", why="the table has no cells")]
    absent = sum(frame.null_count().row(0))
    low, high, *_ = wilson(absent, cells)
    return [
        CheckResult(
            name="gaps",
            value=absent / cells,
            low=low,
            high=high,
            level=0.95,
            n=cells,
            unit="share",
            why="what is missing cannot be learned from",
        )
    ]


def columns(frame: pl.DataFrame) -> list[CheckResult]:
    """Evermodel's own checks of single columns, as a check of a table."""
    return [result for series in frame.get_columns() for result in column_checks(series)]


CASES = [*conformance_cases(gaps), *conformance_cases(columns)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_good_check_and_the_checks_of_evermodel_pass(case: Callable[[], None]) -> None:
    case()


@pytest.mark.real
@pytest.mark.parametrize(
    "name",
    ["churn/telco_churn.csv", "flights/dirty.csv", "credit/german_credit.csv", "sms/sms_spam.csv"],
)
def test_the_checks_of_evermodel_pass_on_tables_like_real_ones(name: str) -> None:
    table = pl.read_csv(real_data(name), infer_schema_length=None)
    check_conformance(columns, like=table)


def _one(**fields: Any) -> Callable[[pl.DataFrame], list[CheckResult]]:
    def check(frame: pl.DataFrame) -> list[CheckResult]:
        given: dict[str, Any] = {
            "name": "one",
            "value": 3.0,
            "max": 2.0,
            "why": "there are too many of them",
        }
        return [CheckResult(**given | fields)]

    return check


_numbers = count()
_seeded = np.random.default_rng(0)


def _renames(frame: pl.DataFrame) -> list[CheckResult]:
    frame.columns = [f"{name}." for name in frame.columns]
    return []


def _drops(frame: pl.DataFrame) -> list[CheckResult]:
    if "age" in frame.columns:
        frame.drop_in_place("age")
    return []


def _fills(frame: pl.DataFrame) -> list[CheckResult]:
    if frame.height and "age" in frame.columns:
        frame[0, "age"] = 99
    return []


def _panics(frame: pl.DataFrame) -> list[CheckResult]:
    raise pl.exceptions.PanicException("the engine gave up")


def _exits(frame: pl.DataFrame) -> list[CheckResult]:
    sys.exit(3)


def _sleeps(frame: pl.DataFrame) -> list[CheckResult]:
    time.sleep(0.02)
    return []


def _past_the_end(frame: pl.DataFrame) -> list[CheckResult]:
    return [CheckResult(name="one", evidence={"rows": [frame.height]})]


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (lambda frame: None, "it returned None; return a list of CheckResult"),
        (lambda frame: (name for name in frame.columns), "it returned a generator"),
        (lambda frame: "fine", "it returned a str"),
        (lambda frame: [{"name": "one"}], "item 0 of what it returned is a dict and no CheckRes"),
        (lambda frame: [CheckResult(name="a", value=float(frame["age"].sum()))], "like=TABLE"),
        (lambda frame: [1 // 0], "it ended with ZeroDivisionError: integer division"),
        (_panics, "it ended with PanicException: the engine gave up"),
        (_exits, "it ended with SystemExit: 3"),
        (_renames, "it changed the table it was given"),
        (_drops, "it changed the table it was given"),
        (_fills, "it changed the table it was given"),
        (lambda frame: _one(value=float(next(_numbers)))(frame), "something else the second"),
        (lambda frame: _one(value=_seeded.random())(frame), "something else the second time"),
        (_one(verdict="ok"), "the verdict is 'ok'; it must be one of pass, warn, fail, unknown"),
        (_one(name=""), "it has no name"),
        (_one(name=None), "name is None and must be a text"),
        (_one(value="3"), "value is a str and must be a number"),
        (_one(value=np.int64(3)), "value is an int64 and must be a number; write float(...)"),
        (_one(value=True), "value is a bool and must be a number"),
        (_one(value=float("nan")), "value is nan; use None where there is no number"),
        (_one(high=float("inf"), n=3), "high is inf"),
        (_one(n=3.0), "n is a float and must be a whole number"),
        (_one(n=-1), "n is -1 and below 0"),
        (_one(anytime="no"), "anytime is a str and must be True or False"),
        (_one(value=1.0, low=2.0, high=3.0, n=9), "value is 1 and below low, 2"),
        (_one(value=4.0, low=2.0, high=3.0, n=9), "value is 4 and above high, 3"),
        (_one(low=4.0, high=3.0, n=9), "low is 4 and above high, 3"),
        (_one(value=0.5, low=0.4, high=0.6), "there is an interval and no n"),
        (_one(level=95), "level is 95 and must lie between 0 and 1"),
        (_one(min=2.0, max=1.0), "min is 2 and above max, 1"),
        (_one(value=None), "there is no value, no interval and no n"),
        (_one(verdict="warn", max=None), "the verdict is warn and there is no min and no max"),
        (_one(verdict="fail", max=None), "the verdict is fail and there is no min and no max"),
        (_one(why=""), "why is empty; say in one sentence why this matters"),
        (_one(verdict="fail", why=""), "the verdict is fail and why is empty"),
        (_one(verdict="unknown", why=" "), "the verdict is unknown and why is empty"),
        (_one(why="Traceback (most recent call last):"), "why holds a traceback"),
        (_one(why='File "a.py", line 3, in check'), "why holds a traceback"),
        (_one(why="<Thing object at 0x7f00> is odd"), "why holds a traceback or the name of"),
        (_one(why="one thing\nand another"), "why has more than one line"),
        (_one(why="long " * 200), "why has 1000 letters"),
        (_one(why="bad"), "why is 'bad'; make it a sentence"),
        (_one(why="no answer from http://me:secret@db/x"), "shows the password of an address"),
        (_past_the_end, "and the table has"),
        (_one(evidence={"rows": [-1]}), "evidence names row -1"),
        (_one(evidence={"rows": [0.0]}), "a row of evidence is a float"),
        (_one(evidence={"rows": "all"}), "the rows of evidence are a str"),
        (_one(evidence=[1]), "evidence is a list and must be a dict"),
        (_one(evidence={"thing": object()}), "it cannot be kept as JSON"),
        (_one(evidence={"series": pl.Series([1])}), "it cannot be kept as JSON"),
    ],
)
def test_a_bad_check_is_told_what_is_wrong(
    check: Callable[[pl.DataFrame], Sequence[CheckResult]], said: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        check_conformance(check)
    assert said in str(caught.value)
    assert "Traceback (most" not in str(caught.value).replace(said, "")


def test_a_slow_check_is_told_how_long_it_may_take() -> None:
    with pytest.raises(AssertionError, match=r"it took 0\.\d seconds, and 0\.01 are allowed"):
        check_conformance(_sleeps, seconds=0.01)


def test_all_that_is_wrong_is_told_at_once_and_the_first_error_is_its_cause() -> None:
    def check(frame: pl.DataFrame) -> list[CheckResult]:
        if frame.is_empty():
            raise ValueError("nothing there")
        return [CheckResult(name="one", n=-1), CheckResult(name="two", verdict="warn")]

    with pytest.raises(AssertionError) as caught:
        check_conformance(check)
    lines = str(caught.value).splitlines()
    assert "check on a clean table: result 'one': n is -1 and below 0" in lines
    assert "check on a clean table: result 'two': the verdict is warn and why is empty" in lines
    assert "check on no rows: it ended with ValueError: nothing there" in lines
    assert isinstance(caught.value.__cause__, ValueError)


def test_whoever_stops_the_tests_is_obeyed() -> None:
    def check(frame: pl.DataFrame) -> list[CheckResult]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_conformance(check)


def test_a_check_for_one_table_is_tested_with_tables_like_it() -> None:
    def minors(frame: pl.DataFrame) -> list[CheckResult]:
        young = int((frame["age"] < 18).sum())
        why = "customers under 18 may not sign"
        verdict: Any = "fail" if young else "pass"
        return [CheckResult(name="minors", value=young, max=0, verdict=verdict, why=why)]

    check_conformance(minors, like=pl.DataFrame({"age": [17, 40, None]}))
    with pytest.raises(AssertionError, match="return an empty list where a column is not there"):
        check_conformance(minors)


def test_a_check_that_is_an_object_has_the_name_of_its_kind() -> None:
    class Rows:
        def __call__(self, frame: pl.DataFrame, /) -> list[CheckResult]:
            return [CheckResult(name="rows", value=frame.height, why="few rows teach little")]

    assert str(conformance_cases(Rows())[0]) == "Rows on a clean table"


def test_the_tables_are_the_same_whenever_they_are_made() -> None:
    for kind, make in frames().items():
        first, second = make(), make()
        assert first.schema == second.schema, kind
        assert first.equals(second), kind
        assert first is not second


def test_the_tables_hold_what_they_are_named_for() -> None:
    made = {kind: make() for kind, make in frames().items()}
    assert made["no rows"].shape == (0, 4)
    assert made["no columns"].width == 0
    assert made["10000 rows"].height == 10_000
    assert sum(made["every value missing"].null_count().row(0)) == 20 * 4
    assert made["every row twice"].is_duplicated().all()
    assert not any(made["clean numbers"].null_count().row(0))
    assert any(not name.isascii() for name in made["odd names"].columns)
    kinds = {kind for frame in made.values() for kind in frame.dtypes}
    assert {pl.Boolean(), pl.Date(), pl.Binary(), pl.Categorical(), pl.Null()} <= kinds


def test_tables_like_another_have_its_columns_and_types() -> None:
    table = pl.DataFrame({"age": [1, 2, 3], "plan": ["a", None, "b"]})
    made = {kind: make() for kind, make in frames_like(table).items()}
    assert {frame.schema == table.schema for frame in made.values()} == {True}
    assert {kind: frame.height for kind, frame in made.items()} == {
        "the table itself": 3,
        "no rows": 0,
        "one row": 1,
        "every value missing": 3,
        "its rows in reverse": 3,
        "10000 rows": 10_000,
    }
    with pytest.raises(InputError, match="has no rows"):
        frames_like(table.clear())


def test_a_value_at_the_very_end_of_its_interval_is_within_it() -> None:
    third = 1 / 3
    result = CheckResult(
        name="one", value=third, low=third * (1 + 1e-12), high=third * (1 - 1e-15) + 1e-12, n=3,
        why="a third is no half",
    )  # fmt: skip
    assert result_problems(result, rows=3) == []
