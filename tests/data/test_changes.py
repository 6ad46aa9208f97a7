"""What changed between two versions of a table is told row by row and column by column."""

from collections import Counter
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel.data import changes
from evermodel.records import CheckResult


def _found(before: pl.DataFrame, after: pl.DataFrame, *key: str) -> dict[str, CheckResult]:
    results = list(changes(before, after, key=key))
    assert len({(result.name, result.subject) for result in results}) == len(results)
    return {
        result.name if result.subject == "rows" else result.subject: result for result in results
    }


ROWS = pl.DataFrame({"id": ["a", "b", "c"], "plan": ["x", "y", "y"], "kg": [1.0, 2.0, None]})


def test_a_table_and_itself_in_another_order_are_the_same() -> None:
    for key in ((), ("id",)):
        found = _found(ROWS, ROWS.reverse(), *key)
        assert found["rows_added"].value == found["rows_removed"].value == 0
        assert {each.name for each in found.values() if each.subject != "rows"} == {"column_same"}


def test_with_a_key_a_changed_cell_is_told_from_a_new_row() -> None:
    after = pl.DataFrame({"id": ["c", "b", "d"], "plan": ["y", "z", "y"], "kg": [None, 2.0, 4.0]})
    found = _found(ROWS, after, "id")
    counts = [found[f"rows_{word}"].value for word in ("added", "removed", "changed")]
    assert counts == [1, 1, 1]
    assert found["plan"].name == "column_changed"
    assert found["plan"].why == "1 of 2 rows with the same key changed; new values: 'z'; gone: 'x'"
    # The number came with another row; under the same keys nothing changed.
    assert (found["kg"].name, found["kg"].why) == ("column_same", "mean 1.5, now 3")


def test_keys_that_repeat_or_are_missing_are_not_relied_on() -> None:
    twice = pl.concat([ROWS, ROWS.head(1)])
    found = _found(twice, ROWS, "id")
    assert "rows_changed" not in found
    assert (found["rows_added"].value, found["rows_removed"].value) == (0, 1)
    absent = ROWS.with_columns(id=pl.Series(["a", None, "c"]))
    assert "rows_changed" not in _found(absent, ROWS, "id")


def test_columns_that_came_went_or_are_of_another_type_are_named() -> None:
    after = ROWS.drop("kg").with_columns(new=1, plan=pl.Series([1, 2, 2]))
    found = _found(ROWS, after)
    assert found["kg"].name == "column_removed"
    assert found["new"].name == "column_added"
    assert (found["plan"].name, found["plan"].verdict) == ("type_changed", "warn")
    assert found["plan"].why == "its type was category and is number"


def test_a_whole_column_of_integers_that_gets_fractions_is_of_the_same_type() -> None:
    whole, real = pl.DataFrame({"n": [1, 2, 3]}), pl.DataFrame({"n": [1.0, 2.5, 3.0]})
    assert _found(whole, real)["n"].why == "mean 2, now 2.167"


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ([1, 2, 3], ["1", "2.0", "n.v."]),
        ([1, 2, 3], [1.0, 2.0, 3.5]),
        ([1.5, 2.0, 3.0], ["1.5", "2", "x"]),
        ([7, 8, 9], ["7", "8", "009"]),  # a code is not the number that is left of it
        ([True, False, True], ["True", "false", "maybe"]),
        ([2**60, 2**60 + 1, 3], [str(2**60), str(2**60 + 1), str(2**60 + 3)]),
        ([-0.0, 1e300, 3.0], ["0", "1e300", "-"]),
        (
            [datetime(2024, 1, 2), datetime(2024, 1, 3, 4), None],
            ["2024-01-02", "2024-01-03 04:00", "x"],
        ),
    ],
)
@pytest.mark.parametrize("key", [(), ("id",)])
def test_rows_of_a_column_that_changed_its_type_are_compared_by_value(
    was: list[object], now: list[object], key: tuple[str, ...]
) -> None:
    ids = ["a", "b", "c"]
    old, new = pl.DataFrame({"id": ids, "x": was}), pl.DataFrame({"id": ids, "x": now})
    for before, after in ((old, new), (new, old)):
        found = _found(before, after, *key)
        counts = [found[f"rows_{word}"].value for word in ("added", "removed")]
        assert counts == ([0, 0] if key else [1, 1])
        if key:
            assert found["rows_changed"].value == 1
        numeric = before["x"].dtype.is_numeric() and after["x"].dtype.is_numeric()
        assert (found["x"].name == "type_changed") != numeric


def test_keys_that_became_texts_still_name_their_rows() -> None:
    old = pl.DataFrame({"id": [1, 2, 3], "kg": [1.0, 2.0, 3.0]})
    new = pl.DataFrame({"id": ["1", "2", "K3"], "kg": [1.0, 2.5, 3.0]})
    found = _found(old, new, "id")
    counts = [found[f"rows_{word}"].value for word in ("added", "removed", "changed")]
    assert counts == [1, 1, 1]


@pytest.mark.parametrize("n", [500, 20_000])
def test_what_is_drawn_from_one_distribution_is_not_called_changed(n: int) -> None:
    """The interval of the distance is at 95 %; a warning needs a distance that matters too."""
    rng = np.random.default_rng(n)
    warned = moved = 0
    for _ in range(40):
        before, after = (
            pl.DataFrame(
                {"x": rng.normal(size=n), "k": rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])}
            )
            for _ in range(2)
        )
        for result in changes(before, after):
            warned += result.verdict == "warn"
            moved += bool(result.low)
    assert warned == 0
    assert moved <= 10  # 80 intervals at 95 %: 4 on average


def test_what_moved_far_is_warned_of_and_by_how_much() -> None:
    rng = np.random.default_rng(1)
    before, after = (pl.DataFrame({"x": rng.normal(shift, 1, 3000)}) for shift in (0, 1))
    found = _found(before, after)["x"]
    assert found.verdict == "warn"
    assert found.low is not None
    assert found.value is not None
    assert found.high is not None
    # The Jensen-Shannon distance of these two normal distributions is 0.401 (numerically).
    assert found.low < 0.401 < found.high


def test_more_gaps_are_said_in_shares() -> None:
    before = pl.DataFrame({"x": [1.0] * 50 + [2.0] * 50})
    after = pl.DataFrame({"x": [None] * 50 + [2.0] * 50})
    assert "missing 0.0%, now 50.0%" in _found(before, after)["x"].why


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None])), max_size=12),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None])), max_size=12),
)
def test_rows_added_and_removed_are_the_difference_of_two_bags(
    old: list[tuple[int, str | None]], new: list[tuple[int, str | None]]
) -> None:
    schema = {"n": pl.Int64, "t": pl.String}
    before, after = (pl.DataFrame(rows, schema=schema, orient="row") for rows in (old, new))
    found = _found(before, after)
    assert found["rows_added"].value == (Counter(new) - Counter(old)).total()
    assert found["rows_removed"].value == (Counter(old) - Counter(new)).total()
