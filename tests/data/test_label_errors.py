"""Wrong labels are ranked first, counted as far as they can be, and hard rows are no errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel.data.labels.errors import label_errors
from evermodel.data.labels.held_out import deal_folds, held_out_probabilities
from evermodel.data.labels.noise import noise_rate
from evermodel.data.labels.odd_targets import usual_limit
from evermodel.errors import DataError
from evermodel.tables import read
from tests.real import real_data

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def uniform(classes: int, share: float) -> Floats:
    """Every label is wrong equally often, and any other class takes its place."""
    other = share / (classes - 1)
    return np.eye(classes) * (1 - share - other) + other


def one_way(classes: int, share: float) -> Floats:
    """Only the second class is labelled wrongly, always as the first."""
    mixing = np.eye(classes)
    mixing[1, :2] = share * classes, 1 - share * classes
    return mixing


def drawn(
    rng: np.random.Generator, rows: int, mixing: Floats, apart: float
) -> tuple[Floats, Codes, Codes]:
    """Normal clouds `apart` from one another: features, true classes, and labels with errors."""
    classes = len(mixing)
    truth = rng.integers(0, classes, rows)
    x = np.eye(classes)[truth] * apart + rng.normal(size=(rows, classes))
    given = (rng.random(rows)[:, None] > mixing.cumsum(axis=1)[truth]).sum(axis=1)
    return x, truth, given.astype(np.int64)


def posterior(x: Floats, mixing: Floats, apart: float, rng: np.random.Generator) -> Floats:
    """What a good model says: the probability of each label, a little off."""
    log = x * apart
    true = np.exp(log - log.max(axis=1, keepdims=True))
    true /= true.sum(axis=1, keepdims=True)
    return np.asarray(true @ mixing + 0.02 * rng.normal(size=true.shape))


def table(x: Floats, labels: Codes) -> pl.DataFrame:
    frame = pl.DataFrame(x, schema=[f"x{i}" for i in range(x.shape[1])])
    return frame.with_columns(y=pl.Series([f"class {label}" for label in labels]))


def easy(rows: int = 1200, seed: int = 0, wrong: float = 0.05) -> tuple[pl.DataFrame, Codes]:
    x, truth, labels = drawn(np.random.default_rng(seed), rows, uniform(3, wrong), 5.0)
    return table(x, labels), np.flatnonzero(truth != labels)


# ---- how many ----


@pytest.mark.parametrize("apart", [5.0, 2.5, 1.2])
@pytest.mark.parametrize("mixing", [uniform, one_way])
@pytest.mark.parametrize(("classes", "rows"), [(2, 1000), (2, 5000), (5, 3000)])
def test_the_bound_holds_whatever_is_wrong_and_however_hard_the_rows_are(
    apart: float, mixing: Any, classes: int, rows: int
) -> None:
    rng = np.random.default_rng(classes)
    # One way and of 5 classes, 5 % of all rows are a quarter of their class.
    for share in (0.0, 0.02, 0.05):
        above, below = [], []
        matrix = mixing(classes, share)
        for _ in range(25):
            x, _, labels = drawn(rng, rows, matrix, apart)
            found = noise_rate(labels, posterior(x, matrix, apart, rng))
            above.append(share <= found.high)
            below.append(found.low <= share)
        assert np.mean(above) > 0.9
        assert np.mean(below) > 0.9


def test_the_bound_holds_as_often_as_it_says() -> None:
    rng = np.random.default_rng(8)
    matrix = uniform(2, 0.05)
    held = []
    for _ in range(400):
        x, _, labels = drawn(rng, 1000, matrix, 4.0)
        found = noise_rate(labels, posterior(x, matrix, 4.0, rng))
        held.append(found.low <= 0.05 <= found.high)
    assert np.mean(held) > 0.95


def test_where_rows_are_easy_the_estimate_is_near_the_truth() -> None:
    rng = np.random.default_rng(1)
    for share in (0.02, 0.05, 0.1):
        matrix = uniform(3, share)
        x, _, labels = drawn(rng, 20_000, matrix, 5.0)
        found = noise_rate(labels, posterior(x, matrix, 5.0, rng))
        assert found.value == pytest.approx(share, abs=0.01)
        assert 0 < found.low < share < found.high < share + 0.02


def test_hard_rows_are_not_taken_for_errors_as_the_confident_joint_takes_them() -> None:
    from cleanlab.count import compute_confident_joint  # type: ignore[import-untyped]

    rng = np.random.default_rng(2)
    matrix = uniform(2, 0.0)
    x, truth, labels = drawn(rng, 10_000, matrix, 1.2)
    sure = np.clip(posterior(x, matrix, 1.2, rng), 0.001, 0.999)
    joint = compute_confident_joint(labels, sure / sure.sum(axis=1, keepdims=True))
    found = noise_rate(labels, sure)
    assert (truth == labels).all()
    assert 1 - np.trace(joint) / joint.sum() > 0.1
    assert found.low == 0
    assert found.high < 0.05


def test_errors_that_come_only_in_hard_rows_are_not_bounded() -> None:
    # This is what the method cannot see, and the reason why it says "if".
    rng = np.random.default_rng(3)
    x, truth, labels = drawn(rng, 10_000, uniform(2, 0.0), 2.0)
    hard = np.abs(x[:, 0] - x[:, 1]) < 1.0
    labels = np.where(hard & (rng.random(10_000) < 0.3), 1 - labels, labels)
    found = noise_rate(labels, posterior(x, uniform(2, 0.05), 2.0, rng))
    assert found.high < float((truth != labels).mean())


# ---- which ----


@pytest.mark.parametrize("wrong", [0.0, 0.02, 0.05, 0.1])
@pytest.mark.parametrize("mixing", [uniform, one_way])
def test_planted_errors_are_ranked_first_and_counted(wrong: float, mixing: Any) -> None:
    x, truth, labels = drawn(np.random.default_rng(4), 1500, mixing(3, wrong), 5.0)
    found = label_errors(table(x, labels), target="y")
    planted = truth != labels
    assert found.noise is not None
    assert found.noise.low <= planted.mean() <= found.noise.high
    assert found.noise.high < wrong + 0.05
    if wrong:
        listed = [planted[one.row] for one in found.suspects]
        assert np.mean(listed[: max(10, int(planted.sum()) // 2)]) > 0.9
        assert sum(listed) > 0.6 * planted.sum()
        right = [one.suggested == f"class {truth[one.row]}" for one in found.suspects[:20]]
        assert np.mean(right) >= 0.9
    if not wrong:
        assert found.result.verdict == "pass"


def test_many_errors_in_easy_rows_are_a_finding_with_rows_to_look_at() -> None:
    frame, planted = easy(4000, wrong=0.1)
    found = label_errors(frame, target="y")
    assert found.result.verdict == "warn"
    assert found.result.low is not None
    assert found.result.low > 0.01
    assert "30 rows that stand out most" in found.result.why
    assert set(found.result.evidence["rows"]) <= set(planted)
    assert found.result.evidence["to_review"] == len(found.suspects)
    qualities = [one.quality for one in found.suspects]
    assert qualities == sorted(qualities)
    assert all(0 <= quality <= 1 for quality in qualities)


def test_hard_clean_labels_are_never_called_wrong() -> None:
    for seed in range(3):
        x, _, labels = drawn(np.random.default_rng(seed), 1500, uniform(2, 0.0), 1.0)
        found = label_errors(table(x, labels), target="y").result
        assert found.verdict in ("pass", "unknown")
        assert found.low == 0


def test_columns_that_tell_nothing_leave_it_unknown() -> None:
    rng = np.random.default_rng(5)
    frame = table(rng.normal(size=(800, 2)), rng.integers(0, 2, 800))
    found = label_errors(frame, target="y").result
    assert (found.verdict, found.low) == ("unknown", 0.0)
    assert "anything from none to" in found.why


def test_copies_of_a_wrong_row_do_not_vouch_for_it() -> None:
    frame, planted = easy(800, seed=6, wrong=0.02)
    copies = pl.concat([frame[int(planted[0])]] * 12)
    listed = label_errors(pl.concat([frame, copies]), target="y").suspects
    rows = {one.row for one in listed}
    assert int(planted[0]) in rows
    assert set(range(800, 812)) <= rows


def test_texts_are_judged_by_their_words() -> None:
    rng = np.random.default_rng(7)
    words = {
        "travel": "flight hotel ticket airport luggage beach".split(),  # noqa: SIM905
        "food": "dinner recipe kitchen soup bread salad".split(),  # noqa: SIM905
    }
    said, aim = [], []
    for i in range(600):
        kind = "travel" if i % 2 else "food"
        said.append(f"please tell me all of {' and '.join(rng.choice(words[kind], 3))} now {i}")
        aim.append(kind)
    aim[10], aim[21] = "travel", "food"
    found = label_errors(pl.DataFrame({"said": said, "topic": aim}), target="topic")
    assert {one.row for one in found.suspects[:2]} == {10, 21}
    assert found.suspects[0].suggested != found.suspects[0].given


# ---- what is left aside ----


def test_rows_are_counted_in_the_table_that_was_given() -> None:
    frame, planted = easy(900, seed=9)
    gaps = pl.DataFrame({"x0": [0.0] * 50, "x1": [0.0] * 50, "x2": [0.0] * 50}).with_columns(
        y=pl.lit(None, pl.String)
    )
    found = label_errors(pl.concat([gaps, frame]), target="y", rows=700)
    assert found.rows == 700
    listed = [one.row - 50 for one in found.suspects[:10]]
    assert np.isin(listed, planted).mean() > 0.8
    assert all(
        one.given == frame["y"][row] for one, row in zip(found.suspects, listed, strict=False)
    )


def test_rare_classes_are_set_aside_and_named() -> None:
    frame, _ = easy(600, seed=10)
    rare = frame[:7].with_columns(y=pl.lit("seldom"))
    found = label_errors(pl.concat([frame, rare]), target="y")
    assert found.result.evidence["classes_set_aside"] == {"seldom": 7}
    assert found.rows == 600
    assert all("seldom" not in (one.given, one.suggested) for one in found.suspects)


def test_too_few_rows_or_no_columns_are_too_little_to_say() -> None:
    few = pl.DataFrame({"x": range(30), "y": ["a"] * 15 + ["b"] * 15})
    assert label_errors(few, target="y").result.verdict == "unknown"
    bare = pl.DataFrame({"id": range(200), "y": ["a", "b"] * 100})
    assert "no column to judge" in label_errors(bare, target="y").result.why
    amounts = pl.DataFrame({"x": range(60), "y": [i + 0.5 for i in range(60)]})
    found = label_errors(amounts, target="y").result
    assert (found.name, found.verdict) == ("odd_targets", "unknown")


def test_what_is_left_out_does_not_judge() -> None:
    frame, planted = easy(900, seed=11)
    known_later = frame.with_columns(again=pl.col("y"))
    assert label_errors(known_later, target="y").suspects == ()
    listed = label_errors(known_later, target="y", leave_out=["again"]).suspects
    assert np.isin([one.row for one in listed[:20]], planted).mean() > 0.9


def test_an_unknown_column_is_refused() -> None:
    frame, _ = easy(100)
    with pytest.raises(DataError, match="not in the table"):
        label_errors(frame, target="label")
    with pytest.raises(DataError, match="not in the table"):
        label_errors(frame, target="y", leave_out=["x9"])


def test_the_same_seed_gives_the_same_list_and_the_table_is_left_as_it_is() -> None:
    frame, _ = easy(600, seed=12)
    before = frame.clone()
    first, again = (label_errors(frame, target="y", seed=3, rows=500) for _ in range(2))
    assert first == again
    assert frame.equals(before)


# ---- folds ----


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), min_size=1, max_size=80))
@settings(max_examples=60, deadline=None)
def test_a_group_is_in_one_fold_only(rows: list[tuple[int, int]]) -> None:
    strata, groups = (np.array(part) for part in zip(*rows, strict=True))
    folds = deal_folds(strata, groups)
    for group in np.unique(groups):
        assert np.unique(folds[groups == group]).size == 1
    used = np.bincount(folds[np.unique(groups, return_index=True)[1]], minlength=5)
    assert used.max() - used.min() <= 1


def test_probabilities_sum_to_one_and_come_from_other_rows() -> None:
    # A column that names each row tells nothing about a row that was not learned from.
    rng = np.random.default_rng(13)
    aim = rng.integers(0, 3, 600)
    frame = pl.DataFrame({"name": [f"n{i // 5}" for i in range(600)], "z": rng.normal(size=600)})
    folds = deal_folds(aim, np.arange(600) // 5)
    found = held_out_probabilities(frame, aim.astype(np.int64), 3, folds)
    assert np.allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == aim).mean() < 0.45


# ---- amounts ----


def test_a_slip_of_the_decimal_point_is_found() -> None:
    rng = np.random.default_rng(14)
    size = rng.uniform(20, 200, 2000)
    price = 3000 * size * np.exp(0.1 * rng.normal(size=2000))
    slipped = rng.choice(2000, 6, replace=False)
    price[slipped] *= 10
    found = label_errors(pl.DataFrame({"size": size, "price": price}), target="price")
    assert {one.row for one in found.suspects} == set(slipped.tolist())
    assert (found.result.name, found.result.value, found.result.verdict) == (
        "odd_targets",
        6,
        "warn",
    )
    assert found.result.evidence["rows"] == [one.row for one in found.suspects[:5]]


@pytest.mark.parametrize("tail", ["normal", "laplace", "lognormal", "student"])
def test_amounts_with_a_heavy_tail_are_not_called_wrong(tail: str) -> None:
    rng = np.random.default_rng(15)
    x = rng.uniform(1, 5, 1500)
    noise: dict[str, Floats] = {
        "normal": rng.normal(size=1500),
        "laplace": rng.laplace(size=1500),
        "lognormal": rng.lognormal(size=1500),
        "student": rng.standard_t(3, 1500),
    }
    frame = pl.DataFrame({"x": x, "y": 4 * x + x * noise[tail]})
    assert label_errors(frame, target="y").result.verdict == "pass"


@pytest.mark.parametrize("zeros", [0.5, 0.9, 0.99])
def test_amounts_that_are_mostly_zero_are_judged_without_a_mishap(zeros: float) -> None:
    rng = np.random.default_rng(18)
    paid = np.where(rng.random(1000) < zeros, 0.0, rng.exponential(50, 1000))
    frame = pl.DataFrame({"x": rng.normal(size=1000), "paid": paid})
    assert label_errors(frame, target="paid").result.verdict == "pass"


@pytest.mark.parametrize("heavy", [False, True])
def test_the_limit_is_passed_in_one_of_twenty_tables_at_most(heavy: bool) -> None:
    rng = np.random.default_rng(16)
    tails = [np.abs(rng.normal(size=(400, 3000))), rng.exponential(size=(400, 3000))]
    if heavy:
        tails += [rng.pareto(3, (400, 3000)) + 1, rng.lognormal(size=(400, 3000))]
    for tables in tails:
        passed = np.mean([row.max() > usual_limit(row, heavy=heavy) for row in tables])
        assert passed < 0.1


# ---- real data ----


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "target", "most"),
    [
        ("adult/adult.parquet", "income", 0.02),
        ("churn/telco_churn.csv", "Churn", 0.1),
        ("credit/german_credit.csv", "class", 0.2),
        ("sms/sms_spam.csv", "label", 0.02),
    ],
)
def test_real_labels_are_not_called_wrong(name: str, target: str, most: float) -> None:
    frame = read(real_data(name)).frame
    if target == "income":
        frame = frame.with_columns(pl.col(target).str.strip_chars_end(".")).head(8000)
    found = label_errors(frame, target=target).result
    assert found.verdict in ("pass", "unknown")
    assert found.low == 0
    assert found.high is not None
    assert found.high < most


@pytest.mark.real
def test_errors_planted_in_real_messages_are_found() -> None:
    frame = read(real_data("sms/sms_spam.csv")).frame
    rng = np.random.default_rng(17)
    planted = rng.random(frame.height) < 0.1
    other = pl.when(pl.col("label") == "ham").then(pl.lit("spam")).otherwise(pl.lit("ham"))
    turned = pl.when(pl.Series(planted)).then(other).otherwise("label")
    found = label_errors(frame.with_columns(label=turned), target="label")
    assert found.result.verdict == "warn"
    assert found.result.low is not None
    assert found.result.high is not None
    assert found.result.low < planted.mean() < found.result.high
    assert np.mean([planted[one.row] for one in found.suspects[:100]]) > 0.9
