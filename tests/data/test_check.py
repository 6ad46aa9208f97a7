"""What check says of tables: fails sparingly, warns with rows and examples, passes real data."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evermodel.data import check, propose, render
from evermodel.errors import DataError
from evermodel.project import Project, parse_project
from evermodel.records import Report
from evermodel.tables import profile, read
from tests.real import real_data

RNG = np.random.default_rng(11)
N = 500


def sheet(**columns: object) -> pl.DataFrame:
    usual = {"x": RNG.normal(size=N), "y": ["yes" if v else "no" for v in RNG.random(N) < 0.3]}
    return pl.DataFrame(usual | columns)


def project(extra: str = "", task: str = "binary") -> Project:
    text = f'[project]\nname="p"\n[data]\nsource="a.csv"\ntarget="y"\ntask="{task}"\n{extra}'
    return parse_project(text)


def said(report: Report, verdict: str) -> set[tuple[str, str]]:
    return {(r.name, r.subject) for r in report.results if r.verdict == verdict}


def test_a_clean_table_passes() -> None:
    report = check(sheet(), project=project())
    assert report.verdict == "pass"
    assert report.find("classes").n == N


@pytest.mark.parametrize(
    ("column", "values", "name"),
    [
        ("age", [*[30.0] * 10, -4.0], "below_zero"),
        ("discount_percent", [*[30.0] * 10, 140.0], "above_100_percent"),
        ("income", [*range(400), *[99999] * 100], "code_among_numbers"),
        ("children", [*range(20)] * 24 + [-1] * 20, "code_among_numbers"),
        ("city", ["Rome", "Rome ", "Paris"], "spelling"),
        ("city", ["Rome", "rome", "Paris"], "spelling"),
        ("city", ["Rome", "M\ufffdnchen", "Paris"], "damaged_letters"),
        ("charge", ["1.5", "2.5", "3.5", " "], "spelling"),
        ("born", [datetime(2000, 1, 1), datetime(1800, 1, 1)], "date_before_1900"),
        ("same", ["a"], "constant"),
        ("mostly", [None, None, None, 1.0, 2.0], "missing"),
        ("name", [f"n{i}" for i in range(N)], ""),
    ],
)
def test_what_looks_wrong_warns_with_rows_and_examples(
    column: str, values: list[object], name: str
) -> None:
    spread = (values * N)[:N]
    report = check(sheet(**{column: pl.Series(spread, strict=False)}))
    assert report.verdict == ("warn" if name else "pass")
    if name:
        found = report.find(name, column)
        assert found.why
        assert {"rows", "examples"} <= set(found.evidence)
        assert name == "constant" or found.evidence["rows"]


def test_the_share_that_is_missing_has_an_interval() -> None:
    found = check(sheet(z=[None] * 50 + [1.0] * 450)).find("missing", "z")
    assert found.value == 0.1
    assert found.low is not None
    assert found.high is not None
    assert 0.07 < found.low < 0.1 < found.high < 0.14


def test_dates_in_the_future_are_judged_only_against_a_given_now() -> None:
    frame = sheet(when=[datetime(2024, 1, 1)] * (N - 1) + [datetime(2031, 1, 1)])
    assert check(frame).verdict == "pass"
    now = datetime(2025, 1, 1, tzinfo=UTC)
    assert check(frame, now=now).find("date_in_the_future", "when").evidence["rows"] == [N - 1]


def test_many_dates_to_come_are_appointments() -> None:
    days = [datetime(2024, 1, 1)] * (N - N // 10) + [datetime(2031, 1, 1)] * (N // 10)
    now = datetime(2025, 1, 1, tzinfo=UTC)
    names = {each.name for each in check(sheet(when=days), now=now).results}
    assert "date_in_the_future" not in names


def test_names_that_differ_only_by_case_fail() -> None:
    frame = sheet(when=range(N)).with_columns(WHEN=pl.lit(1))
    found = check(frame).find("names_alike", "when, WHEN")
    assert (found.verdict, found.value) == ("fail", 1)


def test_infinite_numbers_fail() -> None:
    report = check(sheet(z=[float("inf")] * 2 + [1.0] * (N - 2)))
    assert said(report, "fail") == {("infinite", "z")}
    assert report.find("infinite").value == 2


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        (sheet(y=["no"] * N), "classes"),
        (sheet(y=[f"c{place % 3}" for place in range(N)]), "classes"),
        (sheet(y=pl.Series([None] * N, dtype=pl.String)), "target_missing"),
        (sheet().drop("y"), "column_missing"),
        (sheet().clear(), "rows"),
    ],
)
def test_what_makes_training_impossible_fails(frame: pl.DataFrame, name: str) -> None:
    report = check(frame, project=project())
    assert report.verdict == "fail"
    assert name in {result for result, _ in said(report, "fail")}


def test_a_missing_target_names_the_nearest_column() -> None:
    found = check(sheet().rename({"y": "yy"}), project=project()).find("column_missing", "y")
    assert found.verdict == "fail"


def test_a_column_that_gives_the_target_away_fails_until_it_is_left_out() -> None:
    frame = sheet()
    frame = frame.with_columns(gone=(pl.col("y") == "yes").cast(pl.Int64))
    assert said(check(frame, project=project()), "fail") == {("leakage", "gone")}
    assert check(frame, project=project('leave_out=["gone"]')).verdict == "pass"


def test_equal_rows_with_other_labels_are_counted() -> None:
    frame = pl.DataFrame({"x": [*range(400), *range(100)], "y": ["a"] * 400 + ["b"] * 100})
    found = check(frame, project=project()).find("conflicting_labels")
    assert (found.verdict, found.value) == ("warn", 0.4)


def test_repeated_rows_and_keys_are_told() -> None:
    frame = sheet(id=[f"k{i}" for i in range(N)])
    twice = pl.concat([frame, frame.head(10)])
    report = check(twice, project=project('key=["id"]'))
    assert report.find("duplicate_rows").value == 10
    assert report.find("duplicate_keys").verdict == "warn"
    assert report.find("duplicate_rows").evidence["rows"] == [500, 501, 502, 503, 504]


def test_repeated_keys_are_named_by_their_rows_in_the_file() -> None:
    keys = [None, None, None, "a", "b", None, "a", *[f"k{i}" for i in range(N - 7)]]
    found = check(sheet(id=keys), project=project('key=["id"]')).find("duplicate_keys")
    assert (found.verdict, found.evidence["rows"]) == ("warn", [3, 6])


def test_a_rare_class_warns_with_its_size() -> None:
    found = check(sheet(y=["a"] * 20 + ["b"] * 480), project=project()).find("rarest_class")
    assert (found.verdict, found.slice) == ("warn", "y=a")
    assert "20 rows" in found.why


ODD_NAMES = [
    "n", "count", "value", "row", "rows", "index", "h", "y ", "p", "k", "literal", "len", "share",
    "place", "class", "target", "word", "text", "line", "code", "g", "_n", "prediction", "weight",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("kind", ["number", "word"])
def test_a_column_may_have_any_name(name: str, kind: str) -> None:
    values = {"number": [1.5, 2.5, None, 99.0] * 125, "word": ["yes", "no", None, "Yes "] * 125}
    frame = sheet(**{name: values[kind]}).rename({"y": "outcome"})
    head = '[project]\nname="p"\n[data]\nsource="a.csv"\ntarget="outcome"\n'
    text = f'{head}task="binary"\nprotected=["{name}"]'
    report = check(frame, project=parse_project(text), thorough=True)
    assert report.find("missing", name).n == N
    assert propose(frame, source="a.csv", target="outcome", name="p").target == "outcome"
    if kind == "word":
        as_target = frame.rename({"outcome": "other"})
        assert propose(as_target, source="a.csv", target=name, name="p").target == name


def test_words_in_a_number_to_be_learned_fail() -> None:
    frame = sheet(y=["12 kg"] * 100 + [str(i) for i in range(400)])
    report = check(frame, project=project(task="regression"))
    assert ("target_is_a_number", "y") in said(report, "fail")


def test_columns_are_compared_with_earlier_data() -> None:
    frame = sheet(z=RNG.normal(size=N))
    past = profile(frame, {"x": "number", "z": "number", "y": "category"})
    now = frame.drop("z").with_columns(new=pl.lit(1), x=pl.lit("a"))
    report = check(now, reference=past)
    assert {("column_missing", "z"), ("wrong_type", "x")} <= said(report, "fail")
    assert ("column_unknown", "new") in said(report, "warn")


def test_rows_that_could_not_be_read_are_told_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "1,a\n2,b\n" * 100 + "1,2,3,4\n")
    found = check(read(path)).find("rejected_rows")
    assert (found.verdict, found.value) == ("warn", 1)
    assert found.evidence["rows"] == [202]


def test_something_that_is_no_table_is_refused() -> None:
    with pytest.raises(DataError):
        check([1])


@pytest.mark.real
@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("churn/telco_churn.csv", "Churn"),
        ("adult/adult.parquet", "income"),
        ("credit/default_credit_card.parquet", "default_payment_next_month"),
        ("credit/german_credit.csv", "class"),
        ("bike/hour.csv", "cnt"),
        ("elec2/elec2.parquet", "class"),
        ("weather/noaa_bellevue.csv", "rain"),
        ("pm25/beijing_pm25.csv", "pm2.5"),
        ("sms/sms_spam.csv", "label"),
        ("retail/online_retail.parquet", "Quantity"),
    ],
)
def test_real_data_do_not_fail_under_their_own_proposal(path: str, target: str) -> None:
    source = real_data(path)
    made = parse_project(render(propose(read(source), source=path, target=target, name="it")))
    data = made.data
    table = read(source, reading=data.reading, repairs=data.repairs, types=data.types)
    report = check(table, project=made, now=datetime(2026, 1, 1, tzinfo=UTC))
    assert said(report, "fail") == set()
    assert report.find("rows").value == table.frame.height


@pytest.mark.real
def test_the_two_parts_of_the_bike_count_fail_as_leakage() -> None:
    table = read(real_data("bike/hour.csv"))
    report = check(
        table,
        project=parse_project(
            '[project]\nname="p"\n[data]\nsource="a"\ntarget="cnt"\ntask="regression"\n'
        ),
    )
    assert said(report, "fail") == {("leakage", "casual"), ("leakage", "registered")}


@pytest.mark.real
def test_the_ceiling_code_of_adult_is_seen() -> None:
    found = check(read(real_data("adult/adult.parquet"))).find("code_among_numbers")
    assert (found.subject, found.value) == ("capital_gain", 244)


@pytest.mark.parametrize("name", ["Bestellungen", "orders", "Anzahl", "Menge", "pedidos"])
def test_a_count_below_zero_is_told_by_its_name(name: str) -> None:
    found = check(sheet(**{name: [3, 4, 5, 6, -2] + [7] * (N - 5)})).find("below_zero", name)
    assert (found.value, found.evidence["rows"]) == (1, [4])
