"""Who is learned from and who is tested on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evermodel.data import check
from evermodel.errors import DataError
from evermodel.tables import row_hashes
from evermodel.train.columns import draw_hashes
from evermodel.train.split import choose_split, cross_folds, drawn
from tests.train.rows import fit as train_on
from tests.train.rows import project, shop


def hashes(rows: int, seed: int = 0) -> NDArray[np.uint64]:
    return row_hashes(pl.DataFrame({"row": np.arange(rows)}), seed=seed)


def both_sides(rows: int, split: Any) -> None:
    assert sorted([*split.train, *split.test]) == list(range(rows))


def test_a_column_that_names_the_split_decides_before_all_else() -> None:
    words = np.array(["train", "Test", "valid", " TEST ", "holdout", ""], dtype=object)
    split = choose_split(
        rows=6,
        y=np.zeros(6),
        named=words,
        time=np.arange(6),
        groups=np.array(["a"] * 6, dtype=object),
        share=0.5,
        hashes=hashes(6),
    )
    assert split.test.tolist() == [1, 3, 4]
    assert split.ordered
    assert "column" in split.how


@given(st.lists(st.integers(0, 30), min_size=2, max_size=200), st.floats(0.05, 0.6))
def test_in_time_the_newest_are_the_test_and_no_moment_is_on_both_sides(
    moments: list[int], share: float
) -> None:
    time = np.array(moments, dtype=np.int64)
    try:
        split = choose_split(
            rows=len(time), y=None, time=time, share=share, hashes=hashes(len(time))
        )
    except DataError:
        # The moment at which the test would begin is that of the oldest rows, too.
        assert np.quantile(time, 1 - share, method="inverted_cdf") <= time.min() or len(time) < 20
        return
    both_sides(len(time), split)
    assert time[split.train].max() < time[split.test].min()
    assert len(split.test) >= int(len(time) * share)
    assert split.ordered


def test_of_rows_of_few_moments_the_share_is_said_that_is_really_taken() -> None:
    time = np.repeat([1, 2], [40, 60])
    split = choose_split(rows=100, y=None, time=time, share=0.2, hashes=hashes(100))
    assert len(split.test) == 60
    assert split.how == "by time: the newest 60% are the test"


@given(st.lists(st.sampled_from("abcdefgh"), min_size=10, max_size=100), st.integers(0, 50))
def test_no_key_is_on_both_sides(keys: list[str], seed: int) -> None:
    groups = np.array(keys, dtype=object)
    if len(set(keys)) < 2:
        return
    of_keys = row_hashes(pl.DataFrame({"key": keys}), seed=seed)
    split = choose_split(
        rows=len(keys), y=np.arange(len(keys)) % 2, groups=groups, share=0.3, hashes=of_keys
    )
    both_sides(len(keys), split)
    assert not set(groups[split.train]) & set(groups[split.test])
    assert len(set(groups[split.test])) == max(1, round(0.3 * len(set(keys))))


def test_keys_that_no_two_rows_share_do_not_decide() -> None:
    groups = np.array([f"id {n}" for n in range(100)], dtype=object)
    y = np.arange(100) % 4 == 0
    split = choose_split(rows=100, y=y, groups=groups, share=0.2, hashes=hashes(100))
    assert split.how == "at random, about the same share of every class"


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_at_random_every_class_has_its_share_on_both_sides(share: float) -> None:
    y = np.repeat([0, 1, 2], [4000, 80, 30])
    split = choose_split(rows=len(y), y=y, share=share, hashes=hashes(len(y), 3))
    both_sides(len(y), split)
    for label in (1, 2):
        assert (y[split.test] == label).sum() == round(share * (y == label).sum())
    # Drawn one by one: within four standard deviations of a binomial number.
    assert abs((y[split.test] == 0).sum() - 4000 * share) < 4 * np.sqrt(4000 * share * (1 - share))
    other = choose_split(rows=len(y), y=y, share=share, hashes=hashes(len(y), 4))
    assert other.test.tolist() != split.test.tolist()


@given(st.integers(0, 100), st.integers(0, 2000), st.booleans())
def test_who_is_tested_on_once_stays_so_when_the_file_grows_and_is_sorted_anew(
    seed: int, more: int, by_key: bool
) -> None:
    generator = np.random.default_rng(seed)
    keys = np.array([f"id {n}" for n in generator.permutation(1500 + more)], dtype=object)
    y = None if seed % 2 else np.array([parity_of(key) for key in keys])
    of_all = row_hashes(pl.DataFrame({"key": keys.tolist()}), seed=seed)

    def tested(rows: NDArray[np.intp]) -> set[str]:
        twice = np.concatenate([rows, rows]) if by_key else rows
        split = choose_split(
            rows=len(twice),
            y=None if y is None else y[twice],
            groups=keys[twice] if by_key else None,
            share=0.2,
            hashes=of_all[twice],
        )
        return set(keys[twice][split.test])

    small, large = tested(np.arange(1500)), tested(generator.permutation(1500 + more))
    assert small == large & set(keys[:1500])
    assert 180 < len(small) < 420


def parity_of(key: str) -> int:
    """Return one of two classes that belongs to the key, whatever the order."""
    return int(key[3:]) % 2


@pytest.mark.parametrize(
    "settings",
    [
        {"named": np.array(["train"] * 50, dtype=object)},
        {"named": np.array(["test"] * 50, dtype=object)},
        {"time": np.zeros(50, dtype=np.int64)},
        {"groups": np.array(["same"] * 50, dtype=object)},
    ],
)
def test_a_split_that_leaves_one_side_empty_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="one side without rows") as caught:
        choose_split(rows=50, y=None, share=0.2, hashes=hashes(50), **settings)
    assert "to learn from" in caught.value.found


@given(st.lists(st.integers(0, 40), min_size=20, max_size=300))
def test_forward_chaining_never_validates_on_older_rows_or_on_the_same_moment(
    moments: list[int],
) -> None:
    time = np.array(moments, dtype=np.int64)
    if len(set(moments)) < 2:
        return
    crossing, pairs = cross_folds(None, rows=len(time), time=time, seed=0)
    assert crossing.until is not None
    assert (crossing.until < time).all()
    assert 1 <= len(pairs) <= 3
    seen: list[int] = []
    for fit, valid in pairs:
        assert time[fit].max() < time[valid].min()
        assert len(fit)
        assert len(valid)
        assert (crossing.until[valid] == time[valid].min() - 1).all()
        seen += valid.tolist()
    assert len(seen) == len(set(seen))


def test_rows_of_one_moment_or_one_key_cannot_be_folded() -> None:
    with pytest.raises(DataError, match="cannot be parted"):
        cross_folds(None, rows=30, time=np.zeros(30, dtype=np.int64), seed=0)
    with pytest.raises(DataError, match="cannot be parted"):
        cross_folds(None, rows=30, groups=np.array(["a"] * 30, dtype=object), seed=0)


def test_distinct_moments_give_three_newest_blocks_of_a_tenth_each() -> None:
    time = np.random.default_rng(0).permutation(1000)
    _, pairs = cross_folds(None, rows=1000, time=time, seed=0)
    assert [len(valid) for _, valid in pairs] == [100, 100, 100]
    assert [len(fit) for fit, _ in pairs] == [700, 800, 900]


def test_folds_are_stratified_and_cover_every_row_once() -> None:
    y = np.repeat([0, 1], [900, 100])
    crossing, pairs = cross_folds(y, rows=1000, seed=0)
    assert len(pairs) == 5
    assert sorted(np.concatenate([valid for _, valid in pairs])) == list(range(1000))
    for fit, valid in pairs:
        assert not set(fit) & set(valid)
        assert (y[valid] == 1).sum() == 20
    assert crossing.folds is not None
    assert np.bincount(crossing.folds).tolist() == [200] * 5


def test_large_tables_take_fewer_folds() -> None:
    assert len(cross_folds(None, rows=10_001, seed=0)[1]) == 3
    assert len(cross_folds(None, rows=200_001, seed=0)[1]) == 1
    time = np.arange(200_001)
    assert len(cross_folds(None, rows=200_001, time=time, seed=0)[1]) == 1


def test_folds_keep_the_rows_of_a_key_together() -> None:
    groups = np.random.default_rng(0).choice([f"k{n}" for n in range(40)], 400).astype(object)
    crossing, pairs = cross_folds(np.arange(400) % 2, rows=400, groups=groups, seed=0)
    assert crossing.folds is not None
    for fit, valid in pairs:
        assert not set(groups[fit]) & set(groups[valid])
    assert all(len(set(crossing.folds[groups == key])) == 1 for key in set(groups))


def test_copies_of_a_row_are_on_one_side_and_few_kinds_of_rows_on_both(tmp_path: Path) -> None:
    rows = shop(600)
    found = train_on(pl.concat([rows, rows[:60]]), project(), tmp_path / "copies")
    mine = {n for n in found.split.test if n < 60}
    assert mine == {n - 600 for n in found.split.test if n >= 600}
    few = pl.DataFrame({"plan": ["a", "b", "c"] * 200, "y": ["no", "yes", "no", "yes"] * 150})
    table = train_on(few, project(), tmp_path / "few")
    assert set(table.test["plan"]) == {"a", "b", "c"}
    assert set(few["plan"].gather(table.split.train)) == {"a", "b", "c"}


def test_rows_without_a_key_are_drawn_one_by_one(tmp_path: Path) -> None:
    rows = shop(900).with_columns(
        id=pl.Series([f"id {n % 150}" if n < 300 else None for n in range(900)])
    )
    found = train_on(rows, project(data={"key": ["id"]}), tmp_path)
    assert found.split.how == "at random by key: no key is on both sides"
    alone = rows["id"].is_null().to_numpy()
    assert 80 < alone[found.split.test].sum() < 160
    assert not set(rows["id"][found.split.test].drop_nulls()) & set(rows["id"][found.split.train])
    few = rows.select("plan", "y").with_columns(id=pl.lit(None, pl.String))
    drawn_ones = drawn(draw_hashes(few, project(data={"key": ["id"]}), 0), 0.2)
    assert 140 < drawn_ones.sum() < 220


@given(st.lists(st.integers(0, 500), min_size=30, max_size=200), st.integers(1, 60))
def test_nothing_is_learned_from_outcomes_that_were_unknown_when_the_test_began(
    moments: list[int], gap: int
) -> None:
    time = np.array(moments, dtype=np.int64)
    try:
        split = choose_split(
            rows=len(time), y=None, time=time, share=0.2, hashes=hashes(len(time)), gap=gap
        )
        crossing, pairs = cross_folds(None, rows=len(time), time=time, seed=0, gap=gap)
    except DataError:
        return
    assert crossing.until is not None
    assert (crossing.until + gap <= time).all()
    for fit, test in ((split.train, split.test), *pairs):
        assert time[fit].max() + gap <= time[test].min()


def test_where_outcomes_are_known_late_validation_begins_when_enough_are_known() -> None:
    time = np.repeat(np.arange(101), 10)  # a hundred days, ten rows each
    _, usual = cross_folds(None, rows=len(time), time=time, seed=0, gap=30)
    assert time[usual[0][1]].min() == 70
    _, pairs = cross_folds(None, rows=len(time), time=time, seed=0, gap=95)
    assert len(pairs) == 3
    fit, valid = pairs[0]
    assert len(fit) >= sum(len(block) for _, block in pairs)
    assert time[fit].max() + 95 == time[valid].min()
    with pytest.raises(DataError, match="hardly reach back further") as caught:
        cross_folds(None, rows=len(time), time=time, seed=0, gap=101)
    assert caught.value.where == "outcome.known_after"
    assert "0 outcomes were known" in caught.value.found


def test_a_label_delay_as_long_as_the_rows_is_named_in_the_error(tmp_path: Path) -> None:
    rows = shop(200).with_columns(
        since=np.datetime64("2024-01-01", "us") + np.arange(200).astype("timedelta64[D]")
    )
    made = project(data={"time": "since"}, outcome={"known_after": "80d"})
    with pytest.raises(DataError, match="hardly reach back") as caught:
        train_on(rows, made, tmp_path)
    assert caught.value.where == "outcome.known_after"
    longer = project(data={"time": "since"}, outcome={"known_after": "60d"})
    assert train_on(rows, longer, tmp_path).parity.gap <= 1e-5


def test_a_named_test_that_lies_after_the_rest_keeps_the_label_delay() -> None:
    time = np.arange(100, dtype=np.int64)
    words = np.where(time >= 80, "test", "train").astype(object)
    split = choose_split(
        rows=100, y=None, named=words, time=time, share=0.2, hashes=hashes(100), gap=30
    )
    assert split.train.tolist() == list(range(51))
    words[5] = "test"  # no longer the newest rows: the test has no beginning to keep
    mixed = choose_split(
        rows=100, y=None, named=words, time=time, share=0.2, hashes=hashes(100), gap=30
    )
    assert len(mixed.train) == 79


def test_rows_whose_outcome_cannot_be_known_yet_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = shop(600)  # of the 700 days from the beginning of 2024
    made = project(data={"time": "since"}, outcome={"known_after": "100d"})
    found = train_on(rows, made, tmp_path, created="2025-09-01T00:00:00Z")
    last = np.datetime64("2025-09-01") - np.timedelta64(100, "D")
    young = int((rows["since"].to_numpy() > last).sum())
    assert young > 0
    assert found.manifest.training["rows_too_young"] == young
    assert found.manifest.training["rows_without_outcome"] == 0
    assert found.test["since"].to_numpy().max() <= last
    assert len(found.split.train) + len(found.split.test) < 600 - young
    with pytest.raises(DataError, match="too few to learn from") as caught:
        train_on(rows, made, tmp_path / "early", created="2024-01-20T00:00:00Z")
    assert "younger than outcome.known_after" in caught.value.found


def test_rows_that_do_not_say_when_they_happened_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = shop(600)
    made = project(data={"time": "since"})

    def without_time(every: int) -> pl.DataFrame:
        place = pl.int_range(pl.len())
        return rows.with_columns(pl.when(place % every > 0).then("since").alias("since"))

    found = train_on(without_time(100), made, tmp_path)
    assert found.manifest.training["rows_without_time"] == 6
    assert len(found.split.train) + len(found.split.test) == 594
    assert not found.test["since"].null_count()
    told = check(without_time(100), project=made).find("time_missing")
    assert (told.value, told.verdict, told.evidence["rows"][:2]) == (6, "warn", [0, 100])
    most = rows.with_columns(pl.when(pl.int_range(pl.len()) < 200).then("since").alias("since"))
    with pytest.raises(DataError, match="the time 'since' is missing in 400 of 600 rows"):
        train_on(most, made, tmp_path / "most")
    assert check(most, project=made).find("time_missing").verdict == "fail"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5), st.booleans(), st.sampled_from([30, 400]))
def test_copies_and_near_copies_stand_on_one_side_and_in_one_fold(
    seed: int, keyed: bool, rows: int
) -> None:
    generator = np.random.default_rng(seed)
    twins = np.unique(generator.integers(0, rows // 2, rows), return_inverse=True)[1]
    y = np.arange(rows) % 2
    keys = generator.integers(0, rows * 2, rows).astype(str).astype(object) if keyed else None
    split = choose_split(
        rows=rows, y=y, groups=keys, share=0.2, hashes=hashes(rows, seed), twins=twins
    )
    assert not set(twins[split.train]) & set(twins[split.test])
    _, pairs = cross_folds(y, rows=rows, groups=keys, seed=seed, twins=twins)
    for fitted, validated in pairs:
        assert not set(twins[fitted]) & set(twins[validated])


def test_twins_are_tested_on_as_often_as_rows_without_one() -> None:
    twins = np.repeat(np.arange(4000), 5)
    split = choose_split(rows=20_000, y=None, share=0.2, hashes=hashes(20_000), twins=twins)
    assert 0.17 < len(split.test) / 20_000 < 0.23


def test_rows_without_twins_are_drawn_as_they_always_were() -> None:
    y = np.arange(1000) % 3
    given: dict[str, Any] = {"rows": 1000, "y": y, "share": 0.2, "hashes": hashes(1000)}
    alone = choose_split(**given, twins=np.arange(1000))
    assert np.array_equal(alone.test, choose_split(**given).test)
    assert alone.how == choose_split(**given).how


@given(st.integers(0, 50))
def test_who_is_tested_on_stays_so_when_copies_come_along(seed: int) -> None:
    generator = np.random.default_rng(seed)
    before = np.repeat(np.arange(800), 2)
    after = np.concatenate([before, generator.integers(0, 900, 700)])
    of_all = hashes(after.size, seed)

    def tested(twins: NDArray[np.int64]) -> set[int]:
        split = choose_split(
            rows=twins.size, y=None, share=0.2, hashes=of_all[: twins.size], twins=twins
        )
        return set(twins[split.test].tolist())

    early, late = tested(before), tested(after)
    # The share is one of the rows or groups there are: those at its edge alone may change sides.
    assert len(early ^ (late & set(before.tolist()))) <= 40
