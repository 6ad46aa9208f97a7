"""Drift a column: named when it matters, quiet when it does not, never called harm."""

from datetime import datetime, timedelta

import msgspec
import numpy as np
import polars as pl
import pytest

from evermodel.errors import InputError
from evermodel.monitor.drift import drift
from evermodel.records import CheckResult, ColumnType
from evermodel.tables import Profile, profile

LEVELS = [3, 5, 8, 12, 20, 50, 400, 5000]


def _table(
    rows: int, seed: int, *, moved: bool = False
) -> tuple[pl.DataFrame, dict[str, ColumnType]]:
    """Thirty columns: numbers of four shapes, categories of 3 to 5,000 values, a flag, a time."""
    rng = np.random.default_rng(seed)
    columns: dict[str, pl.Series] = {}
    types: dict[str, ColumnType] = {}
    for i in range(20):
        shapes = (rng.normal, rng.exponential, rng.lognormal, rng.uniform)
        x: np.ndarray = shapes[i % 4](size=rows)
        if moved and i in (0, 7, 13):
            x = x * 1.25 + 0.25
        x[rng.random(rows) < 0.02] = np.nan
        columns[f"n{i:02d}"] = pl.Series(x, nan_to_null=True)
        types[f"n{i:02d}"] = "number"
    for i, k in enumerate(LEVELS):
        w = 1 / np.arange(1, k + 1) ** (1.4 if moved and i in (2, 6) else 1.0)
        words = pl.Series([f"v{j}" for j in range(k)])
        columns[f"c{i:02d}"] = words[rng.choice(k, rows, p=w / w.sum())]
        types[f"c{i:02d}"] = "category"
    columns["b00"], types["b00"] = pl.Series(rng.random(rows) < 0.3), "boolean"
    seconds = rng.integers(0, 86400 * 30, rows).astype("timedelta64[s]")
    columns["t00"] = pl.Series((np.datetime64("2026-01-01") + seconds).astype("datetime64[us]"))
    types["t00"] = "timestamp"
    return pl.DataFrame(columns), types


def _one(before: pl.Series, after: pl.Series, type: ColumnType) -> CheckResult:
    past = profile(pl.DataFrame({"x": before}), {"x": type})
    found = drift(past, profile(pl.DataFrame({"x": after}), {"x": type}, like=past))
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("rows", [4_000, 60_000])
def test_exactly_the_columns_that_drift_are_named(rows: int) -> None:
    frame, types = _table(60_000, 1)
    past = profile(frame, types)
    found = drift(past, profile(_table(rows, 2, moved=True)[0], types, like=past))
    assert len(found) == 30
    assert [r.subject for r in found if r.verdict != "pass"] == ["n00", "n07", "n13", "c02", "c06"]


@pytest.mark.slow
def test_without_drift_two_months_of_looking_raise_at_most_one_alarm() -> None:
    frame, types = _table(5_000, 1)
    past = profile(frame, types)
    alarms = 0
    for day in range(60):
        found = drift(past, profile(_table(500, 100 + day)[0], types, like=past))
        alarms += any(result.verdict in ("warn", "fail") for result in found)
        open_ones = [result for result in found if result.verdict == "unknown"]
        assert all((r.value or 0) > (r.max or 0) > (r.low or 0) for r in open_ones)
    assert alarms <= 1


def test_the_reason_is_one_plain_sentence_with_shares() -> None:
    before = pl.Series(["shop"] * 8000 + ["mail"] * 2000)
    after = pl.Series(["shop"] * 1180 + ["mail"] * 820)
    assert _one(before, after, "category").why == "New rows have more `mail`: 41 % instead of 20 %."


def test_more_missing_values_are_a_difference_of_their_own() -> None:
    rng = np.random.default_rng(0)
    before = pl.Series(rng.normal(size=5000))
    after = pl.Series([None] * 200 + rng.normal(size=800).tolist())
    found = _one(before, after, "number")
    assert found.verdict == "warn"
    assert found.why == "More values are missing: 20 % instead of 0 %."


def test_a_shifted_number_is_told_by_where_the_rows_went() -> None:
    rng = np.random.default_rng(0)
    found = _one(pl.Series(rng.normal(size=5000)), pl.Series(rng.normal(1, 1, 1000)), "number")
    assert found.verdict == "warn"
    assert found.why.startswith("New rows have more values above 0.")
    assert found.evidence["bins"]["labels"][0].startswith("up to ")
    assert sum(found.evidence["bins"]["current"]) == pytest.approx(1.0, abs=0.01)


def test_a_constant_that_becomes_another_constant_is_seen() -> None:
    found = _one(pl.Series([5.0] * 1000), pl.Series([7.0] * 1000), "number")
    assert found.why == "New rows have more values other than 5: 100 % instead of 0 %."


@pytest.mark.parametrize(("old", "new"), [(1.0, 9.0), (1.0, 1000.0), (0.0, -9.0)])
def test_values_beyond_all_that_was_seen_are_drift(old: float, new: float) -> None:
    before = pl.Series([0.0, 1.0] * 500)
    found = _one(before, before.replace(old, new), "number")
    assert found.verdict == "warn"
    assert found.value == pytest.approx(0.7, abs=0.05)
    where = "above 1" if new > 1 else "below 0"
    assert found.why == f"New rows have more values {where}: 50 % instead of 0 %."
    assert where in found.evidence["bins"]["labels"]
    assert sum(found.evidence["bins"]["current"]) == pytest.approx(1.0)


def test_a_rare_low_value_that_becomes_frequent_is_drift() -> None:
    found = _one(pl.Series([0.0] * 30 + [1.0] * 970), pl.Series([0.0, 1.0] * 500), "number")
    assert found.why == "New rows have more values of at most 0: 50 % instead of 3 %."


@pytest.mark.parametrize("after", [[7.0, 3.0], [5.0, 7.0], [5.0, 3.0, 5.0, 7.0]])
def test_a_constant_that_scatters_to_both_sides_is_seen(after: list[float]) -> None:
    found = _one(pl.Series([5.0] * 1000), pl.Series(after * 500), "number")
    away = sum(x != 5 for x in after) / len(after)
    assert found.verdict == "warn"
    assert f"values other than 5: {100 * away:.0f} % instead of 0 %" in found.why


def test_texts_longer_than_any_before_are_drift() -> None:
    found = _one(pl.Series(["a", "bb"] * 500), pl.Series(["a", "b" * 99] * 500), "text")
    assert found.why == "New rows have more texts of more than 2 characters: 50 % instead of 0 %."


def test_a_few_new_extremes_of_a_smooth_column_are_no_drift() -> None:
    rng = np.random.default_rng(0)
    after = np.r_[rng.normal(size=1990), np.full(5, -50.0), np.full(5, 60.0)]
    assert _one(pl.Series(rng.normal(size=1000)), pl.Series(after), "number").verdict == "pass"


def test_a_reference_stored_before_there_were_outer_bins_sees_past_its_bounds() -> None:
    stored = b"""{"rows": 1000, "columns": [{"name": "x", "type": "number", "rows": 1000,
        "missing": 0, "minimum": 0.0, "maximum": 1.0, "edges": [0.0], "counts": [500, 500]}]}"""
    past = msgspec.json.decode(stored, type=Profile)
    now = profile(pl.DataFrame({"x": [0.0, 9.0] * 500}), {"x": "number"}, like=past)
    assert drift(past, now)[0].why == "New rows have more values above 1: 50 % instead of 0 %."


def test_a_constant_that_stays_is_quiet() -> None:
    assert _one(pl.Series([5.0] * 1000), pl.Series([5.0] * 1000), "number").verdict == "pass"


def test_times_that_move_on_are_no_drift() -> None:
    before = pl.datetime_range(datetime(2026, 1, 1), datetime(2026, 3, 1), "1h", eager=True)
    later = before + timedelta(days=90)
    assert _one(before, later, "timestamp").value == 0.0


def test_texts_are_compared_by_their_length() -> None:
    found = _one(pl.Series(["ok", "fine"] * 500), pl.Series(["a much longer note"] * 500), "text")
    assert found.why.startswith("New rows have more texts of more than ")


@pytest.mark.parametrize(("before", "after"), [(5000, 199), (50, 5000)])
def test_few_rows_on_either_side_are_too_few_to_say(before: int, after: int) -> None:
    found = _one(pl.Series([1.0, 2.0] * (before // 2)), pl.Series([9.0] * after), "number")
    assert found.verdict == "unknown"
    assert found.value is None
    assert f"{min(before, after)} rows" in found.why


def test_all_values_missing_is_told_and_breaks_nothing() -> None:
    found = _one(pl.Series([1.0, 2.0] * 500), pl.Series([None] * 500, dtype=pl.Float64), "number")
    assert found.why == "More values are missing: 100 % instead of 0 %."


def test_a_column_that_is_gone_and_one_that_is_new_are_both_told() -> None:
    past = profile(pl.DataFrame({"a": [1.0] * 300}), {"a": "number"})
    now = profile(pl.DataFrame({"b": [1.0] * 300}), {"b": "number"})
    gone, new = drift(past, now)
    assert (gone.subject, gone.verdict, gone.evidence) == ("a", "warn", {"broken": True})
    assert (new.subject, new.verdict) == ("b", "unknown")


def test_a_column_that_changed_its_type_is_told() -> None:
    past = profile(pl.DataFrame({"a": [1.0] * 300}), {"a": "number"})
    now = profile(pl.DataFrame({"a": ["x"] * 300}), {"a": "category"})
    (found,) = drift(past, now)
    assert found.why == "The column was a number and is a category now."


def test_profiles_with_different_bins_are_refused() -> None:
    rng = np.random.default_rng(0)
    one, two = (profile(pl.DataFrame({"a": rng.normal(size=300)}), {"a": "number"}) for _ in "12")
    with pytest.raises(InputError, match="different bins"):
        drift(one, two)


def test_drift_alone_is_never_a_failure_and_no_sentence_claims_harm() -> None:
    frame, types = _table(20_000, 1)
    past = profile(frame, types)
    for result in drift(past, profile(_table(20_000, 2, moved=True)[0], types, like=past)):
        assert result.verdict in ("pass", "warn")
        assert not {"worse", "harm", "bad", "wrong"} & set(result.why.lower().split())


def test_a_profile_with_no_rows_is_too_few_to_say() -> None:
    past = profile(pl.DataFrame({"a": [1.0, 2.0] * 300}), {"a": "number"})
    empty: Profile = profile(
        pl.DataFrame({"a": pl.Series([], dtype=pl.Float64)}), {"a": "number"}, like=past
    )
    assert drift(past, empty)[0].verdict == "unknown"
