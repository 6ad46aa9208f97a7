"""Groups are compared with intervals that hold together, and only what matters is claimed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evermodel.data.bands import banded, quantile_edges, read_bands
from evermodel.data.groups import label_rate_by_group, missingness_by_group, proxies, shares
from evermodel.data.groups.intervals import distance, joint_z, kish, newcombe, worth
from evermodel.errors import DataError, InputError
from evermodel.records import CheckResult
from evermodel.tables import read
from tests.real import real_data

CENSUS = pl.DataFrame({"sex": ["f", "m"], "share": [0.5, 0.5]})


def people(**sizes: int) -> pl.DataFrame:
    return pl.DataFrame({"sex": [name for name, size in sizes.items() for _ in range(size)]})


def verdicts(results: tuple[CheckResult, ...]) -> dict[str, str]:
    return {result.slice: result.verdict for result in results}


def warned(results: tuple[CheckResult, ...]) -> set[str]:
    return {result.slice for result in results if result.verdict == "warn"}


def promised(runs: int, level: float = 0.95) -> float:
    """Return what coverage falls below once in 2,000 times where the interval keeps its level.

    Counts come in steps, for which half a point is allowed besides the error of the runs.
    """
    return level - 0.005 - 3.3 * math.sqrt(level * (1 - level) / runs)


# ---- what the intervals promise ----


@pytest.mark.parametrize("sizes", [(0.5, 0.5), (0.7, 0.2, 0.07, 0.02, 0.01), tuple([0.05] * 20)])
@pytest.mark.parametrize("reference", [math.inf, 800])
def test_all_differences_of_a_table_hold_at_once(
    sizes: tuple[float, ...], reference: float
) -> None:
    rng, n, runs = np.random.default_rng(1), 400, 1500
    z = joint_z(0.95, len(sizes))
    held = 0
    for _ in range(runs):
        ours = rng.multinomial(n, sizes) / n
        theirs = sizes if math.isinf(reference) else rng.multinomial(800, sizes) / 800
        bounds = [
            newcombe((float(p), n), (float(q), reference), z)
            for p, q in zip(ours, theirs, strict=True)
        ]
        held += all(low <= 0 <= high for low, high in bounds)
    assert held / runs >= promised(runs)


@pytest.mark.parametrize("groups", [2, 5, 20])
@pytest.mark.parametrize("shift", [0.0, 0.15])
@pytest.mark.parametrize("reference", [math.inf, 900])
def test_the_distance_lies_within_its_bounds(groups: int, shift: float, reference: float) -> None:
    rng, n, runs = np.random.default_rng(2), 500, 3000
    theirs = np.full(groups, 1 / groups)
    ours = theirs.copy()
    ours[0], ours[1] = ours[0] + min(shift, ours[1]), ours[1] - min(shift, ours[1])
    truth = float(np.abs(ours - theirs).sum()) / 2
    held = 0
    for _ in range(runs):
        drawn = theirs if math.isinf(reference) else rng.multinomial(900, theirs) / 900
        _, low, high = distance(rng.multinomial(n, ours) / n, n, drawn, reference)
        held += low - 1e-9 <= truth <= high + 1e-9
    assert held / runs >= promised(runs)


def test_weights_cost_rows_as_kish_says_and_the_interval_holds_with_them() -> None:
    rng, runs, held = np.random.default_rng(3), 500, 0
    for _ in range(runs):
        # Weights that have nothing to do with the group: the case that Kish's effect is made for.
        weight = rng.lognormal(0, 0.8, 300)
        group = pl.Series(np.where(rng.random(300) < 0.3, "a", "b").tolist())
        share, size = worth(group, weight=pl.Series(weight))["a"]
        assert size == pytest.approx(300 / kish(weight))
        low, high = newcombe((share, size), (0.3, math.inf), joint_z(0.95, 1))
        held += low <= 0 <= high
    assert held / runs >= promised(runs)


def test_rows_that_belong_together_count_for_less_and_the_interval_holds_with_them() -> None:
    rng, runs = np.random.default_rng(4), 400
    held = {True: 0, False: 0}
    for _ in range(runs):
        customers = rng.random(80) < 0.4
        cluster = np.repeat(np.arange(80), 10)
        same = rng.random(800) < 0.8  # most rows are as their customer is
        hit = np.where(same, customers[cluster], rng.random(800) < 0.4)
        group = pl.Series(np.where(hit, "a", "b").tolist())
        for with_clusters in held:
            bundles = pl.Series(cluster) if with_clusters else None
            sample = worth(group, cluster=bundles)["a"]
            low, high = newcombe(sample, (0.4, math.inf), joint_z(0.95, 1))
            held[with_clusters] += low <= 0 <= high
    assert held[True] / runs >= promised(runs)
    assert held[False] / runs < 0.7


# ---- bands ----


def test_numbers_are_banded_by_edges_and_a_number_on_an_edge_lies_above_it() -> None:
    found = banded(pl.Series("x", [0.1, 0.5, 2.5, 9.0, None]), [0.5, 2.5]).to_list()
    assert found == ["under 0.5", "0.5 to under 2.5", "2.5 and over", "2.5 and over", None]
    with pytest.raises(InputError, match="have to rise"):
        banded(pl.Series("x", [1, 2]), [3, 3])


def test_bands_of_equal_weight_follow_the_weights() -> None:
    values = pl.Series(range(10))
    assert quantile_edges(values, bands=2) == (5.0,)
    assert quantile_edges(values, pl.Series([9.0, 9, 1, 1, 1, 1, 1, 1, 1, 1]), bands=2) == (1.0,)
    assert quantile_edges(pl.Series([4] * 20)) == ()


@pytest.mark.parametrize(
    "names", [["under 18", "18-64", "65+"], ["< 18", "18 to under 65", "65 and over"]]
)
def test_the_bands_of_a_census_are_read(names: list[str]) -> None:
    found = read_bands(pl.Series([0, 17, 18, 64, 65, 90]), names)
    assert found is not None
    assert found.to_list() == [names[0]] * 2 + [names[1]] * 2 + [names[2]] * 2


@pytest.mark.parametrize("names", [["1", "2"], ["young", "old"], ["18-30", "25-60"], ["0-9"]])
def test_what_is_no_set_of_bands_is_not_read_as_one(names: list[str]) -> None:
    assert read_bands(pl.Series([1, 2]), names) is None


# ---- representation ----


def test_a_group_that_is_too_small_is_named_with_its_difference() -> None:
    found = shares(people(f=250, m=750), ["sex"], CENSUS)
    assert verdicts(found) == {"": "warn", "sex=f": "warn", "sex=m": "warn"}
    few = found[1]
    assert (few.value, few.n, few.min) == (-0.25, 1000, -0.1)
    assert few.low is not None
    assert few.high is not None
    assert few.low < -0.25 < few.high < -0.1
    assert "'f': 25.0% of these rows, 50.0% of the reference; too few" in few.why
    assert found[0].value == 0.25


def test_of_few_rows_it_says_how_many_it_takes() -> None:
    found = shares(people(f=14, m=26), ["sex"], CENSUS)
    assert set(verdicts(found).values()) == {"unknown"}
    assert "too few rows to say: it takes about" in found[1].why


def test_at_200_000_rows_a_difference_that_matters_to_nobody_is_no_finding() -> None:
    found = shares(people(f=98_000, m=102_000), ["sex"], CENSUS)
    assert found[1].high is not None
    assert found[1].high < 0
    assert verdicts(found) == {"": "pass", "sex=f": "pass", "sex=m": "pass"}


def test_a_group_that_is_not_there_at_all_is_found() -> None:
    census = pl.DataFrame({"sex": ["f", "m", "x"], "share": [45, 45, 10]})
    found = shares(people(f=500, m=500), ["sex"], census)
    assert warned(found) == {"sex=x"}


def test_under_differences_at_the_margin_no_more_than_one_table_in_20_is_accused() -> None:
    # The hardest case: each of two columns is off by exactly what is still allowed.
    rng, runs, claims = np.random.default_rng(6), 300, 0
    census = pl.DataFrame(
        {"a": ["1", "1", "2", "2"], "b": ["u", "v", "u", "v"], "share": [0.15, 0.15, 0.35, 0.35]}
    )
    for _ in range(runs):
        table = pl.DataFrame(
            {
                "a": np.where(rng.random(1500) < 0.24, "1", "2").tolist(),
                "b": np.where(rng.random(1500) < 0.6, "u", "v").tolist(),
            }
        )
        claims += bool(warned(shares(table, ["a", "b"], census, apart=0.2)))
    assert claims / runs <= 0.05


def test_a_group_of_half_its_size_is_found_nearly_always() -> None:
    rng, runs = np.random.default_rng(7), 100
    census = pl.DataFrame({"sex": ["f", "m"], "share": [0.3, 0.7]})
    found = 0
    for _ in range(runs):
        women = int(rng.binomial(1000, 0.15))
        found += "sex=f" in warned(shares(people(f=women, m=1000 - women), ["sex"], census))
    assert found / runs > 0.95


def test_pairs_are_named_only_where_their_columns_do_not_explain_them() -> None:
    table = {"sex": ["f", "f", "m", "m"], "town": ["x", "y", "x", "y"], "share": [0.25] * 4}
    census = pl.DataFrame(table)

    def drawn(*sizes: int) -> pl.DataFrame:
        rows = census.select(pl.all().repeat_by(pl.Series(sizes)).explode())
        return rows.drop("share")

    explained = shares(drawn(250, 250, 750, 750), ["sex", "town"], census)
    assert {"sex=f", "sex=m"} <= warned(explained)
    assert not any("," in group for group in warned(explained))
    hidden = shares(drawn(900, 100, 100, 900), ["sex", "town"], census)
    assert "sex=f, town=y" in warned(hidden)
    assert not {"sex=f", "sex=m", "town=x", "town=y"} & warned(hidden)


def test_another_table_is_a_sample_and_its_weights_count() -> None:
    census = pl.DataFrame({"sex": ["f"] * 200 + ["m"] * 200, "w": [3.0] * 200 + [1.0] * 200})
    plain = shares(people(f=750, m=250), ["sex"], census.drop("w"))
    weighted = shares(people(f=750, m=250), ["sex"], census, reference_weight="w")
    assert "sex=f" in warned(plain)
    assert not warned(weighted)
    assert weighted[0].evidence["reference_design_effect"] == 1.25
    assert weighted[1].evidence["reference"] == 0.75


def test_numbers_are_banded_as_the_reference_is() -> None:
    rng = np.random.default_rng(8)
    young = pl.DataFrame({"age": rng.integers(18, 40, 800)})
    everyone = pl.DataFrame({"age": rng.integers(18, 80, 3000)})
    by_fifths = shares(young, ["age"], everyone)
    assert by_fifths[0].evidence["groups"] == 5
    assert by_fifths[0].verdict == "warn"
    asked = shares(young, ["age"], everyone, edges={"age": [30, 65]})
    assert set(verdicts(asked)) == {"", "age=under 30", "age=30 to 64", "age=65 and over"}
    bands = pl.DataFrame({"age": ["18-39", "40+"], "share": [35, 65]})
    assert warned(shares(young, ["age"], bands)) == {"", "age=18-39", "age=40+"}


def test_one_customer_with_many_rows_is_not_many_people() -> None:
    rng = np.random.default_rng(9)
    customer = np.repeat(np.arange(40), 50)
    sex = np.where(rng.random(40) < 0.35, "f", "m")[customer]
    table = pl.DataFrame({"sex": sex.tolist(), "customer": customer})
    assert warned(shares(table, ["sex"], CENSUS))
    assert not warned(shares(table, ["sex"], CENSUS, cluster="customer"))


def test_names_that_differ_between_the_sides_are_a_question_and_no_finding() -> None:
    census = pl.DataFrame({"sex": [" F ", "man"], "share": [0.5, 0.5]})
    found = shares(people(f=600, m=400), ["sex"], census)
    # 'f' has one name on both sides, and is near enough: of the others nothing can be said.
    assert verdicts(found) == {
        "": "unknown",
        "sex=f": "pass",
        "sex=m": "unknown",
        "sex=man": "unknown",
    }
    assert found[0].evidence["only_here"] == "'m'"
    with pytest.raises(DataError, match="both in the data and in the reference"):
        shares(people(w=600, m=400), ["sex"], pl.DataFrame({"sex": ["1", "2"], "share": [50, 50]}))


def test_where_many_do_not_say_nothing_is_concluded() -> None:
    table = pl.DataFrame({"sex": ["f"] * 200 + ["m"] * 500 + [None] * 300})
    found = shares(table, ["sex"], CENSUS)
    assert (found[0].verdict, found[0].evidence["not_known"]) == ("unknown", pytest.approx(0.3))
    assert "30.0% of the rows do not say their sex" in found[0].why


def test_a_table_of_shares_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "census.csv"
    path.write_text("sex;share\nf;51,0\nm;49,0\n", encoding="utf-8")
    assert not warned(shares(people(f=510, m=490), ["sex"], path))


@pytest.mark.parametrize("given", [[0.5, 0.2], [-0.5, 1.5], [0.5, None]])
def test_shares_that_do_not_add_up_are_refused(given: list[float | None]) -> None:
    with pytest.raises(DataError, match="add up to 1"):
        shares(people(f=5, m=5), ["sex"], pl.DataFrame({"sex": ["f", "m"], "share": given}))


def test_a_column_that_is_not_there_is_named_with_a_guess() -> None:
    with pytest.raises(DataError, match="did you mean 'sex'"):
        shares(people(f=5, m=5), ["sexe"], CENSUS)


# ---- rates of groups ----


def outcomes(rng: np.random.Generator, rows: int, rates: dict[str, float]) -> pl.DataFrame:
    names = list(rates)
    group = rng.integers(0, len(names), rows)
    hit = rng.random(rows) < np.array(list(rates.values()))[group]
    return pl.DataFrame(
        {
            "shop": [names[g] for g in group],
            "lost": np.where(hit, "yes", "no").tolist(),
            "age": np.where(hit, np.nan, 40.0),
        }
    )


def test_under_a_difference_at_the_margin_no_more_than_one_table_in_20_is_accused() -> None:
    rng, runs = np.random.default_rng(11), 250
    claims = {"gaps": 0, "labels": 0}
    for _ in range(runs):
        # All others have 0.2 on average, so that a stands at its margin of 0.05.
        table = outcomes(rng, 3000, {"a": 0.25, "b": 0.2, "c": 0.2, "d": 0.2})
        claims["gaps"] += bool(warned(missingness_by_group(table, ["shop"], ["age"])))
        found = label_rate_by_group(
            table, ["shop"], "lost", "binary", positive="yes", margin=0.05 / 0.2125
        )
        claims["labels"] += bool(warned(found))
    assert max(claims.values()) / runs <= 0.05


def test_a_difference_of_three_times_the_margin_is_found_nearly_always() -> None:
    rng, found, runs = np.random.default_rng(12), 0, 100
    for _ in range(runs):
        table = outcomes(rng, 2000, {"a": 0.35, "b": 0.2, "c": 0.2, "d": 0.2})
        labelled = label_rate_by_group(table, ["shop"], "lost", "binary", positive="yes")
        gaps = missingness_by_group(table, ["shop"], ["age"])
        found += "shop=a" in warned(labelled) and "shop=a" in warned(gaps)
    assert found / runs > 0.95


def test_means_of_skewed_amounts_lie_within_their_bounds() -> None:
    rng, runs, held = np.random.default_rng(13), 400, 0
    for _ in range(runs):
        table = pl.DataFrame(
            {"shop": rng.choice(["a", "b", "c"], 600), "bill": rng.lognormal(0, 1, 600)}
        )
        found = label_rate_by_group(table, ["shop"], "bill", "regression")
        held += all(r.low <= 0 <= r.high for r in found if r.low is not None and r.high is not None)
    assert held / runs >= promised(runs)


def test_a_mean_that_differs_is_found_in_the_units_of_the_target() -> None:
    rng = np.random.default_rng(14)
    shop = rng.choice(["a", "b"], 1000)
    table = pl.DataFrame({"shop": shop, "bill": rng.normal(50, 10, 1000) + 8 * (shop == "a")})
    found = label_rate_by_group(table, ["shop"], "bill", "regression")
    assert verdicts(found) == {"shop=a": "warn", "shop=b": "warn"}
    assert found[0].value == pytest.approx(8, abs=2)


def test_few_rows_of_a_group_are_too_few_to_say() -> None:
    table = pl.DataFrame({"shop": ["a"] * 12 + ["b"] * 900, "lost": ["yes"] * 12 + ["no"] * 900})
    assert verdicts(label_rate_by_group(table, ["shop"], "lost", "binary"))["shop=a"] == "unknown"


def test_of_many_classes_the_one_that_differs_most_is_told() -> None:
    rng = np.random.default_rng(15)
    shop = rng.choice(["a", "b"], 2000)
    kind = rng.choice(["x", "y", "z"], 2000)
    kind[(shop == "a") & (rng.random(2000) < 0.4)] = "z"
    table = pl.DataFrame({"shop": shop, "kind": kind})
    found = label_rate_by_group(table, ["shop"], "kind", "multiclass")
    assert len(found) == 2
    assert "'kind' is 'z'" in found[0].why
    assert found[0].verdict == "warn"


def test_gaps_that_come_in_runs_are_judged_by_the_runs() -> None:
    rng = np.random.default_rng(16)
    # 40 days of 50 rows; on 4 of them nothing was measured, 3 of these in summer.
    day = np.repeat(np.arange(40), 50)
    off = np.isin(day, [2, 7, 11, 30])
    table = pl.DataFrame(
        {
            "summer": np.where(day < 20, "yes", "no").tolist(),
            "day": day,
            "air": np.where(off, np.nan, rng.normal(size=2000)),
        }
    )
    assert warned(missingness_by_group(table, ["summer"], ["air"]))
    assert not warned(missingness_by_group(table, ["summer"], ["air"], cluster="day"))


def test_a_positive_class_that_does_not_occur_is_refused() -> None:
    table = pl.DataFrame({"shop": ["a", "b"], "lost": ["yes", "no"]})
    with pytest.raises(DataError, match="does not occur"):
        label_rate_by_group(table, ["shop"], "lost", "binary", positive="Yes")


# ---- proxies ----


def test_a_stand_in_is_named_and_noise_is_not() -> None:
    rng = np.random.default_rng(21)
    sex = rng.integers(0, 2, 1500)
    title = np.where(rng.random(1500) < 0.93, sex, 1 - sex)
    table = pl.DataFrame(
        {
            "sex": np.where(sex == 1, "f", "m").tolist(),
            "title": np.where(title == 1, "Ms", "Mr").tolist(),
            "noise": rng.normal(size=1500),
            "member_id": sex * 1_000_000 + np.arange(1500),
        }
    )
    together, alone = proxies(table, ["sex"])
    assert (together.subject, together.slice, together.verdict) == ("sex", "", "warn")
    assert next(iter(together.evidence["strongest"])) == "title"
    assert (alone.subject, alone.slice, alone.verdict) == ("title", "sex", "warn")


def test_a_trait_that_only_many_columns_together_tell_is_found() -> None:
    rng = np.random.default_rng(22)
    sex = rng.integers(0, 2, 3000)
    parts = {f"x{i}": rng.normal(0.6 * sex, 1.0) for i in range(12)}
    found = proxies(pl.DataFrame({"sex": sex, **parts}), ["sex"])
    assert [(r.subject, r.verdict) for r in found] == [("sex", "warn")]


def test_what_cannot_be_told_stays_silent_and_its_interval_holds() -> None:
    rng, runs, held = np.random.default_rng(23), 60, 0
    # A word that is right in 70 of 100 rows has an AUC of 0.7.
    for _ in range(runs):
        sex = rng.integers(0, 2, 600)
        word = np.where(rng.random(600) < 0.7, sex, 1 - sex)
        table = pl.DataFrame({"sex": sex, "word": np.where(word == 1, "u", "v").tolist()})
        (together,) = proxies(table, ["sex"])
        bounds = together.evidence["strongest"]["word"]
        held += bounds["low"] <= 0.7 <= bounds["high"]
    assert held / runs >= promised(runs)


def test_a_trait_of_many_groups_is_told_by_their_mean() -> None:
    rng = np.random.default_rng(24)
    race = rng.integers(0, 4, 2000)
    town = np.where(rng.random(2000) < 0.95, race, rng.integers(0, 4, 2000))
    table = pl.DataFrame({"race": race, "town": town, "noise": rng.normal(size=2000)})
    found = proxies(table, ["race"])
    assert [(r.subject, r.verdict) for r in found] == [("race", "warn"), ("town", "warn")]
    assert found[0].evidence["groups"] == ["0", "1", "2", "3"]


def test_of_few_people_no_stand_in_is_claimed() -> None:
    table = pl.DataFrame({"sex": ["f"] * 20 + ["m"] * 60, "title": ["Ms"] * 20 + ["Mr"] * 60})
    (found,) = proxies(table, ["sex"])
    assert found.verdict == "unknown"
    assert "too few rows" in found.why


# ---- real data ----


@pytest.mark.real
def test_adult_against_the_shares_of_acs_lacks_women_and_no_claim_is_made_of_other_names() -> None:
    adult = read(real_data("adult/adult.parquet")).frame
    acs = read(real_data("acs/acs_gov_2018.parquet")).frame
    census = acs.group_by("sex").len("share").with_columns(pl.col("share") / acs.height)
    assert warned(shares(adult, ["sex"], census)) == {"", "sex=Female", "sex=Male"}
    race = shares(adult, ["race"], acs)
    assert not warned(race)
    assert race[0].verdict == "unknown"


@pytest.mark.real
def test_a_sample_of_acs_is_as_acs_is() -> None:
    acs = read(real_data("acs/acs_gov_2018.parquet")).frame
    some = acs.sample(20_000, seed=3)
    assert not warned(shares(some, ["sex", "race", "economic_region"], acs))


@pytest.mark.real
def test_real_groups_differ_where_they_do_and_not_elsewhere() -> None:
    churn = read(real_data("churn/telco_churn.csv")).frame
    for found in label_rate_by_group(churn, ["gender"], "Churn", "binary", positive="Yes"):
        assert found.verdict == "pass"
    assert {r.verdict for r in missingness_by_group(churn, ["gender"])} == {"pass"}
    assert {r.verdict for r in proxies(churn, ["gender"])} == {"pass"}
    credit = read(real_data("credit/default_credit_card.parquet")).frame
    found = label_rate_by_group(credit, ["SEX"], "default_payment_next_month", "binary")[0]
    assert found.value == pytest.approx(0.0339, abs=0.0005)
    acs = read(real_data("acs/acs_gov_2018.parquet")).frame
    assert "sex=female" in warned(label_rate_by_group(acs, ["sex"], "salary", "regression"))


@pytest.mark.real
def test_the_gaps_of_real_hours_are_no_matter_of_season() -> None:
    air = read(real_data("pm25/beijing_pm25.csv")).frame
    air = air.with_columns(season=pl.col("month") % 12 // 3, week=pl.col("No") // 168)
    for cluster in ("", "week"):
        (found,) = missingness_by_group(air, ["season"], ["pm2.5"], cluster=cluster)
        assert found.verdict == "pass"
        assert found.slice == "season=2"
