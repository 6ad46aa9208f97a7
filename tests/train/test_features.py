"""The graph's features equal those of scikit-learn, polars and Python's datetime."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import skew
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from evermodel import tables
from evermodel.errors import DataError
from evermodel.train.features import feature_matrices
from evermodel.train.prepare import Preparation, calendar_parts, encode_by_earlier, learn
from evermodel.train.split import Crossing, cross_folds
from tests.real import real_data
from tests.train.rows import columns, encoded


def features(
    frame: pl.DataFrame, y: NDArray[Any] | None = None, *, new: pl.DataFrame | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Learn from `frame`, and return tree and linear features of `new` (or of `frame`) by name."""
    inputs, blocks = encoded(frame)
    y = np.arange(frame.height) % 2 if y is None else y
    preparation = learn(inputs, blocks, y, "binary", 2)
    if new is not None:
        _, blocks = encoded(new.select(frame.columns))
    tree, linear, found = feature_matrices(preparation, blocks)
    assert not np.isnan(linear).any()
    assert np.isfinite(linear).all()
    return (
        dict(columns(tree, found.tree_names)),
        dict(columns(linear, found.linear_names)),
    )


def linear_reference(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the linear feature as its documentation says, in float64 by other libraries."""
    low, centre, high = np.nanquantile(x, [0.25, 0.5, 0.75])
    far = abs(centre) > 2**10 * (high - low or np.nanstd(x)) or np.nanmax(np.abs(x)) > 2**24
    offset = centre if far else 0.0
    x = x - offset
    if abs(skew(x, nan_policy="omit")) > 3:
        x = np.sign(x) * np.log1p(np.abs(x) / np.median(np.abs(x[(x != 0) & ~np.isnan(x)])))
    scaler = StandardScaler().fit(x[~np.isnan(x), None])
    filled = np.where(np.isnan(x), np.nanmedian(x), x)
    return np.asarray(scaler.transform(filled[:, None]))[:, 0]


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("credit/default_credit_card.parquet", 3000),
        ("adult/adult.parquet", 3000),
        ("churn/telco_churn.csv", 3000),
        ("pm25/beijing_pm25.csv", 3000),
        ("bike/hour.csv", 3000),
    ],
)
def test_real_numbers_are_scaled_as_scikit_learn_does(path: str, rows: int) -> None:
    frame = tables.read(real_data(path)).frame.head(rows)
    numbers = frame.select(
        pl.col(name)
        for name, dtype in frame.schema.items()
        if dtype.is_numeric() and frame[name].n_unique() > 1
    )
    assert numbers.width >= 3
    tree, linear = features(numbers)
    for name in numbers.columns:
        x = numbers[name].cast(pl.Float64).to_numpy()
        np.testing.assert_array_equal(tree[name], x.astype(np.float32))
        np.testing.assert_allclose(linear[name], linear_reference(x), atol=2e-4)
        assert (f"{name} is missing" in linear) == bool(np.isnan(x).any())
        if np.isnan(x).any():
            np.testing.assert_array_equal(linear[f"{name} is missing"], np.isnan(x))


def test_huge_numbers_keep_what_makes_them_differ() -> None:
    generator = np.random.default_rng(0)
    x = 1e9 + generator.integers(0, 50, 500).astype(float)
    x[::7] = np.nan
    tree, linear = features(pl.DataFrame({"id": x}).fill_nan(None))
    np.testing.assert_array_equal(tree["id"], (x - np.nanmedian(x)).astype(np.float32))
    np.testing.assert_allclose(linear["id"], linear_reference(x), atol=1e-5)
    assert len(np.unique(tree["id"][~np.isnan(x)])) == len(np.unique(x[~np.isnan(x)]))


@pytest.mark.parametrize("outlier", [None, 0.0])
def test_numbers_far_from_nought_that_lie_close_together_keep_their_steps(
    outlier: float | None,
) -> None:
    days = 2_460_000 + np.arange(400) % 20 * 0.05  # Julian days
    assert len(np.unique(days.astype(np.float32))) == 5
    x = days if outlier is None else np.append(days, outlier)
    tree, linear = features(pl.DataFrame({"day": x}))
    assert len(np.unique(linear["day"][:400])) == 20
    np.testing.assert_allclose(np.diff(np.unique(tree["day"][:400])), 0.05, rtol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        [1e300, -1e300, 0.0, 5.0],
        [1e39, 1.0, 2.0],
        [5e-324, 1e-310, 0.0],
        [1e-44, 2e-44, 3e-44],
        [3e38, -3e38],
        [0.0, -0.0, 1e-38],
        [2.0**53, 2.0**53 + 2],
    ],
    ids=str,
)
def test_numbers_at_the_ends_of_what_a_float_holds_give_finite_features(
    values: list[float],
) -> None:
    # Some of these do not differ as float32: beside them stands a column that does.
    frame = pl.DataFrame({"x": values * 20, "z": range(20 * len(values))})
    tree, linear = features(frame)
    assert np.isfinite(tree["z"]).all()
    for column in linear.values():
        assert np.isfinite(column).all()


def test_a_new_number_beyond_the_training_rows_is_bounded_for_linear_models_only() -> None:
    frame = pl.DataFrame({"x": np.linspace(-1, 1, 100)})
    new = pl.DataFrame({"x": [-50.0, -1.0, 1.0, 1e25]})
    tree, linear = features(frame, new=new)
    assert linear["x"][0] == linear["x"][1]
    assert linear["x"][2] == linear["x"][3]
    np.testing.assert_array_equal(tree["x"], new["x"].to_numpy().astype(np.float32))


def test_skewed_numbers_enter_linear_models_as_signed_logarithms() -> None:
    x = np.random.default_rng(1).lognormal(0, 2, 1000) * np.where(np.arange(1000) % 9, 1, -1)
    assert skew(x) > 3
    _, linear = features(pl.DataFrame({"x": x}))
    np.testing.assert_allclose(linear["x"], linear_reference(x), atol=1e-5)


def test_a_boolean_column_is_nought_and_one() -> None:
    frame = pl.DataFrame({"b": [True, False, None, False] * 10})
    tree, linear = features(frame)
    np.testing.assert_array_equal(tree["b"], [1, 0, np.nan, 0] * 10)
    np.testing.assert_array_equal(linear["b is missing"], [0, 0, 1, 0] * 10)


WORDS = ["red", "grün", "青い", "1.0", "1", "🟣"]


def test_categories_are_one_hot_as_scikit_learn_does_with_rare_and_unseen_words() -> None:
    generator = np.random.default_rng(2)
    words = [*generator.choice(WORDS, 600), *["seldom"] * 4, *["once"], *[""] * 40]
    frame = pl.DataFrame({"c": words})
    new = pl.DataFrame({"c": [*WORDS, "", "seldom", "once", "never seen", None]})
    tree, linear = features(frame, new=new)
    reference = OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist")
    reference.fit(frame["c"].to_numpy()[:, None])
    expected = reference.transform(new["c"].fill_null("").to_numpy()[:, None]).toarray()
    assert expected.shape[1] == len(WORDS) + 2
    np.testing.assert_array_equal(np.stack(list(tree.values()), axis=1), expected)
    assert list(tree) == list(linear)
    assert list(tree)[-1] == "c is rare"


def test_without_rare_words_an_unseen_one_is_none_of_the_known() -> None:
    frame = pl.DataFrame({"c": ["a", "b", "c"] * 30})
    tree, _ = features(frame, new=pl.DataFrame({"c": ["b", "?"]}))
    assert [column.tolist() for column in tree.values()] == [[0, 0], [1, 0], [0, 0]]


def test_two_words_are_one_column_and_an_unseen_one_stands_between() -> None:
    frame = pl.DataFrame({"c": ["no", "yes"] * 30})
    tree, _ = features(frame, new=pl.DataFrame({"c": ["yes", "no", "maybe", None]}))
    assert {name: column.tolist() for name, column in tree.items()} == {"c = yes": [1, 0, 0.5, 0.5]}


@pytest.mark.parametrize("name", ["adult", "churn"])
def test_real_categories_are_one_hot_as_scikit_learn_does(name: str) -> None:
    path = {"adult": "adult/adult.parquet", "churn": "churn/telco_churn.csv"}[name]
    frame = tables.read(real_data(path)).frame.head(5000)
    words = frame.select(
        column.cast(pl.String).fill_null("")
        for column in frame.select(pl.col(pl.String)).iter_columns()
        if 3 <= column.n_unique() <= 12
    )
    assert words.width >= 3
    for column in words.iter_columns():
        fit, rest = column[:3000], column[3000:]
        if fit.n_unique() < 3:
            continue
        tree, _ = features(fit.to_frame(), new=rest.to_frame())
        reference = OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist")
        reference.fit(fit.to_numpy()[:, None])
        expected = reference.transform(rest.to_numpy()[:, None]).toarray()
        np.testing.assert_array_equal(np.stack(list(tree.values()), axis=1), expected)


def many_valued(rows: int = 3000) -> tuple[pl.DataFrame, NDArray[Any]]:
    generator = np.random.default_rng(3)
    cities = np.array([f"city {number}" for number in range(60)])
    place = np.minimum(generator.geometric(0.06, rows) - 1, 59)
    y = (generator.random(rows) < 0.2 + place / 100).astype(np.int64)
    return pl.DataFrame({"city": cities[place]}), y


def pooled(words: pl.Series) -> NDArray[Any]:
    counts = words.value_counts()
    common = counts.filter(pl.col("count") >= 5)[words.name].implode()
    return (
        words.to_frame()
        .select(
            pl.when(pl.col(words.name).is_in(common)).then(words.name).otherwise(pl.lit("<rare>"))
        )[words.name]
        .to_numpy()
    )


def test_many_valued_categories_are_encoded_by_their_target_as_scikit_learn_does() -> None:
    frame, y = many_valued()
    assert (frame["city"].value_counts()["count"] < 5).any()
    tree, _ = features(frame, y)
    words = pooled(frame["city"])[:, None]
    reference = TargetEncoder(smooth=10.0, target_type="binary").fit(words, y)
    np.testing.assert_allclose(
        tree["city: target mean 1"], reference.transform(words)[:, 0], rtol=1e-6
    )
    known = frame["city"].value_counts().filter(pl.col("count") >= 5)
    sizes = dict(known.iter_rows())
    for word, logs in zip(frame["city"], tree["city: log rows"], strict=True):
        if word in sizes:
            assert logs == pytest.approx(np.log1p(sizes[word]), rel=1e-6)


def test_an_unseen_word_is_encoded_as_the_rare_ones_together() -> None:
    frame, y = many_valued()
    counts = frame["city"].value_counts()
    rare = counts.filter(pl.col("count") < 5)["city"].to_list()
    tree, _ = features(frame, y, new=pl.DataFrame({"city": [rare[0], "nowhere", None]}))
    inside = frame["city"].is_in(rare).to_numpy()
    expected = (y[inside].sum() + 10 * y.mean()) / (inside.sum() + 10)
    assert tree["city: target mean 1"] == pytest.approx([expected] * 3, rel=1e-6)


def test_a_training_row_s_encoding_never_uses_its_own_target() -> None:
    frame, y = many_valued(1500)
    inputs, blocks = encoded(frame)
    preparation = learn(inputs, blocks, y, "binary", 2)
    folds = np.random.default_rng(0).integers(0, 5, len(y))
    tree, linear, found = feature_matrices(preparation, blocks, y, Crossing(folds))
    place = found.tree_names.index("city: target mean 1")
    for fold in range(5):
        inside = folds == fold
        flipped = np.where(inside, 1 - y, y)
        other, scaled, _ = feature_matrices(preparation, blocks, flipped, Crossing(folds))
        np.testing.assert_array_equal(tree[inside], other[inside])
        np.testing.assert_array_equal(linear[inside], scaled[inside])
        assert (tree[~inside, place] != other[~inside, place]).any()
        words = pooled(frame["city"])[:, None]
        reference = TargetEncoder(smooth=10.0, target_type="binary").fit(words[~inside], y[~inside])
        expected = reference.transform(words[inside])[:, 0]
        np.testing.assert_allclose(tree[inside, place], expected, rtol=1e-6)


def test_forward_in_time_an_encoding_uses_only_what_was_known_by_then() -> None:
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 6, 300)
    goals = generator.normal(size=(300, 2))
    moments = generator.integers(0, 40, 300)
    until = moments - generator.integers(1, 9, 300)
    found, rows = encode_by_earlier(codes, goals, moments, until)
    for row in range(300):
        known = (codes == codes[row]) & (moments <= until[row])
        expected = (goals[known].sum(0) + 10 * goals.mean(0)) / (known.sum() + 10)
        np.testing.assert_allclose(found[row], expected)
        assert rows[row] == known.sum()


def test_forward_in_time_the_rows_of_a_word_are_those_known_by_then_as_a_share_of_all() -> None:
    frame, y = many_valued(1500)
    inputs, blocks = encoded(frame)
    preparation = learn(inputs, blocks, y, "binary", 2)
    time = np.random.default_rng(0).integers(0, 400, len(y))
    crossing, _ = cross_folds(y, rows=len(y), time=time, seed=0, gap=20)
    tree, linear, found = feature_matrices(preparation, blocks, y, crossing)
    logs = tree[:, found.tree_names.index("city: log rows")]
    item, words = preparation.categories[0], frame["city"].to_numpy()
    assert crossing.until is not None
    for row in range(len(y)):
        known = time <= crossing.until[row]
        same = (known & (words == words[row])).sum()
        pooled_word = words[row] not in item.values or same < 5
        expected = item.unseen[-1] if pooled_word else np.log1p(same * len(y) / known.sum())
        assert logs[row] == pytest.approx(expected, rel=1e-6)
    assert len(np.unique(logs)) > 100
    scaled = linear[:, found.linear_names.index("city: log rows")]
    assert np.corrcoef(logs, scaled)[0, 1] == pytest.approx(1)


def test_forward_in_time_the_count_of_rows_does_not_tell_which_is_a_device_s_last() -> None:
    generator = np.random.default_rng(0)
    life = generator.geometric(1 / 40, 300)
    day = np.concatenate([generator.integers(0, 100) + np.arange(days) for days in life])
    device = np.repeat(np.arange(300), life)
    y = (np.diff(device, append=300) > 0).astype(int)  # a row a day, until it fails
    inputs, blocks = encoded(pl.DataFrame({"device": [f"device {n}" for n in device]}))
    preparation = learn(inputs, blocks, y, "binary", 2)
    crossing, _ = cross_folds(y, rows=len(y), time=day, seed=0)
    logs = {}
    for name, known in (("in time", crossing), ("of all", None)):
        tree, _, found = feature_matrices(preparation, blocks, y, known)
        logs[name] = tree[:, found.tree_names.index("device: log rows")]
    assert roc_auc_score(y, -logs["of all"]) > 0.7
    assert abs(roc_auc_score(y, -logs["in time"]) - 0.5) < 0.07


def test_forward_in_time_no_later_target_changes_an_encoding() -> None:
    frame, y = many_valued(1500)
    inputs, blocks = encoded(frame)
    preparation = learn(inputs, blocks, y, "binary", 2)
    time = np.random.default_rng(0).integers(0, 400, len(y))
    crossing, _ = cross_folds(y, rows=len(y), time=time, seed=0, gap=20)
    tree, _, found = feature_matrices(preparation, blocks, y, crossing)
    place = found.tree_names.index("city: target mean 1")
    swapped, late = y.copy(), time > 200
    swapped[late] = np.random.default_rng(1).permutation(y[late])  # the overall mean stays
    other, _, _ = feature_matrices(preparation, blocks, swapped, crossing)
    np.testing.assert_array_equal(tree[time <= 220], other[time <= 220])
    assert (tree[time > 280, place] != other[time > 280, place]).any()


def test_several_classes_and_numbers_are_encoded_by_their_mean_too() -> None:
    frame, _ = many_valued(1000)
    generator = np.random.default_rng(0)
    inputs, blocks = encoded(frame)
    three = generator.integers(0, 3, 1000)
    value = generator.normal(5, 2, 1000)
    words = pooled(frame["city"])
    for task, classes, y in (("multiclass", 3, three), ("regression", 1, value)):
        preparation = learn(inputs, blocks, y, task, classes)  # type: ignore[arg-type]
        tree, _, _ = feature_matrices(preparation, blocks)
        goals = np.eye(3)[three] if task == "multiclass" else ((y - y.mean()) / y.std())[:, None]
        assert tree.shape[1] == goals.shape[1] + 1
        for word in np.unique(words):
            inside = words == word
            shrunk = (goals[inside].sum(axis=0) + 10 * goals.mean(axis=0)) / (inside.sum() + 10)
            np.testing.assert_allclose(tree[inside][0, :-1], shrunk, rtol=1e-5, atol=1e-7)


def test_words_that_fewer_than_five_rows_hold_are_nowhere_in_what_was_learned() -> None:
    generator = np.random.default_rng(4)
    rows = 2000
    frame = pl.DataFrame(
        {
            "name": [f"person {number}" for number in range(rows)],
            "street": [f"street {number // 3}" for number in range(rows)],
            "city": [*generator.choice([f"city {n}" for n in range(40)], rows - 1), "own"],
            "plan": ["basic", "plus", "gold"] * (rows // 3) + ["secret", "other"],
            "flag": ["no"] * (rows - 1) + ["yes, one"],
        }
    )
    inputs, blocks = encoded(frame)
    preparation = learn(inputs, blocks, np.arange(rows) % 2, "binary", 2)
    known = {item.name: item.values for item in preparation.categories}
    assert set(known) == {"city", "plan", "flag"}
    assert "own" not in known["city"]
    assert known["plan"] == ("basic", "gold", "plus")
    assert known["flag"] == ("no",)


MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 12, 31))


@given(st.lists(MOMENTS, min_size=2, max_size=30))
def test_calendar_parts_are_those_of_python_s_datetime(moments: list[datetime]) -> None:
    fixed = [datetime(1900, 3, 1, 1), datetime(2100, 12, 30, 2), datetime(1967, 5, 6)]
    frame = pl.DataFrame({"t": pl.Series([*fixed, *moments], dtype=pl.Datetime("us"))})
    tree, _ = features(frame)
    epoch = datetime(1970, 1, 1)
    origin = min(frame["t"]).replace(hour=0, minute=0, second=0, microsecond=0)
    assert set(tree) == {
        f"t: {part}" for part in ("days", "hour", "weekday", "day", "month", "day of year")
    }
    for place, t in enumerate(frame["t"]):
        expected = {
            "t: days": (t - origin) / timedelta(days=1),
            "t: hour": (t - t.replace(hour=0, minute=0, second=0, microsecond=0))
            / timedelta(hours=1),
            "t: weekday": t.weekday(),
            "t: day": t.day,
            "t: month": t.month,
            "t: day of year": t.timetuple().tm_yday,
        }
        for name, value in expected.items():
            assert tree[name][place] == np.float32(value), (name, t)
    micros = np.array([(t - epoch) // timedelta(microseconds=1) for t in frame["t"]])
    parts = calendar_parts(micros, 0)
    assert parts[:, 3:].tolist() == [
        [t.day, t.month, t.timetuple().tm_yday] for t in frame["t"].to_list()
    ]


@pytest.mark.parametrize("year", [1900, 1904, 1999, 2000, 2023, 2024, 2100])
def test_every_day_of_leap_and_common_years_has_its_parts(year: int) -> None:
    first = datetime(year, 1, 1, tzinfo=UTC)
    days = [
        first + timedelta(days=n) for n in range(366) if (first + timedelta(days=n)).year == year
    ]
    micros = np.array([int(day.timestamp()) * 1_000_000 for day in days])
    expected = [[d.weekday(), d.day, d.month, d.timetuple().tm_yday] for d in days]
    assert calendar_parts(micros, 0)[:, 2:].astype(int).tolist() == expected


def test_a_missing_time_is_missing_for_trees_and_flagged_for_linear_models() -> None:
    times = [datetime(2024, 1 + n % 12, 5) for n in range(60)]
    frame = pl.DataFrame({"t": [None, *times]})
    tree, linear = features(frame)
    assert all(np.isnan(column[0]) and not np.isnan(column[1:]).any() for column in tree.values())
    assert linear["t is missing"].tolist() == [1] + [0] * 60
    assert all(column[0] == 0 for name, column in linear.items() if name != "t is missing")


def test_a_time_that_is_the_same_or_missing_still_tells_by_being_missing() -> None:
    frame = pl.DataFrame({"t": [datetime(2024, 1, 1), None] * 20})
    tree, linear = features(frame)
    assert np.isnan(next(iter(tree.values()))[1])
    assert linear["t is missing"].tolist() == [0, 1] * 20


def test_the_row_s_own_clock_gives_no_count_of_days() -> None:
    times = [datetime(2024, 1, 1) + timedelta(hours=7 * n) for n in range(200)]
    inputs, blocks = encoded(pl.DataFrame({"t": times}))
    preparation = learn(inputs, blocks, np.arange(200) % 2, "binary", 2, clock="t")
    assert "days" not in preparation.times[0].parts
    assert "hour" in preparation.times[0].parts


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"c": [f"id {n}" for n in range(50)]}),
        pl.DataFrame({"x": [1.0] * 50, "c": ["a"] * 50}),
        pl.DataFrame({"x": [None] * 50}, schema={"x": pl.Float64}),
    ],
)
def test_columns_that_tell_nothing_apart_are_refused_in_words(frame: pl.DataFrame) -> None:
    inputs, blocks = encoded(frame)
    with pytest.raises(DataError, match="no column tells one row from another"):
        learn(inputs, blocks, np.arange(50) % 2, "binary", 2)


def test_a_preparation_is_plain_words_and_numbers() -> None:
    import msgspec

    frame, y = many_valued(500)
    inputs, blocks = encoded(frame.with_columns(x=pl.int_range(500)))
    preparation = learn(inputs, blocks, y, "binary", 2)
    again = msgspec.json.decode(msgspec.json.encode(preparation), type=Preparation)
    assert again == preparation


@pytest.mark.parametrize(
    ("days", "parts"),
    [
        (5, {"hour"}),
        (20, {"hour", "weekday"}),
        (300, {"hour", "weekday", "day"}),
        (400, {"hour", "weekday", "day", "month", "day of year"}),
    ],
)
def test_the_row_s_own_clock_tells_only_of_cycles_that_were_lived_through(
    days: int, parts: set[str]
) -> None:
    step = timedelta(days=days) / 997
    frame = pl.DataFrame({"t": [datetime(2024, 1, 1) + place * step for place in range(998)]})
    inputs, blocks = encoded(frame)
    preparation = learn(inputs, blocks, np.arange(998) % 2, "binary", 2, clock="t")
    assert set(preparation.times[0].parts) == parts
