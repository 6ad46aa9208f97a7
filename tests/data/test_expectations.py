"""Sentences about columns: proposed by init, active only when their owner says so."""

import re
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel.data import check, propose, render
from evermodel.data.expectations import expected, learned, set_aside, usual_range
from evermodel.errors import InputError, ProjectError
from evermodel.project import Project, parse_project
from evermodel.project.expectations import bound_of, parse_expectation
from evermodel.records import CheckResult
from evermodel.tables import read
from tests.real import real_data

N = 200
ROWS = pl.DataFrame(
    {
        "id": [f"c{n:04}" for n in range(N)],
        "age": [20 + n % 50 for n in range(N)],
        "plan": [("basic", "plus, family")[n % 2] for n in range(N)],
        "born": pl.Series([f"19{50 + n % 50}-01-31" for n in range(N)]).str.to_datetime(),
        "left": [("no", "yes")[n % 3 == 0] for n in range(N)],
    }
)


def _project(*sentences: str) -> Project:
    listed = ", ".join(f"'{sentence}'" for sentence in sentences)
    text = '[project]\nname="p"\n[data]\nsource="a.csv"\ntarget="left"\ntask="binary"\n'
    return parse_project(f"{text}checks=[{listed}]")


def _broken(sentence: str, frame: pl.DataFrame = ROWS) -> CheckResult:
    made = parse_expectation(sentence)
    assert made is not None
    return expected(frame, made)


@pytest.mark.parametrize(
    ("sentence", "rows"),
    [
        ("id is unique", 0),
        ("plan is unique", N),
        ("age is never missing", 0),
        ("age is between 20 and 69", 0),
        ("age is between 21 and 68", 8),
        ("age is at least 20", 0),
        ("age is at most 68", 4),
        ('plan is one of basic, "plus, family"', 0),
        ("plan is one of basic", N // 2),
        ("id is like c\\d{4}", 0),
        ("id is like c000\\d", N - 10),
        ("born is at least 1950-01-31", 0),
        ("born is between 1951-01-01 and 2000-01-01", 4),
        ("`age` is at most 68", 4),
    ],
)
def test_rows_that_break_a_sentence_are_counted_and_shown(sentence: str, rows: int) -> None:
    found = _broken(sentence)
    assert (found.value, found.verdict) == (rows, "fail" if rows else "pass")
    assert len(found.evidence["rows"]) == min(rows, 5)


def test_what_is_missing_breaks_only_never_missing() -> None:
    frame = pl.DataFrame({"a": [None, 1, 2], "b": ["x", None, "x"]})
    assert _broken("a is at least 1", frame).value == 0
    assert _broken("b is one of x", frame).value == 0
    assert _broken("a is unique", frame).value == 0
    assert _broken("b is never missing", frame).value == 1


def test_a_sentence_that_cannot_be_asked_fails_and_says_why() -> None:
    assert "did you mean 'age'" in _broken("aeg is unique").why
    assert "of this type" in _broken("plan is at least 3").why
    assert "of this type" in _broken("born is at least 3").why


def test_a_broken_sentence_fails_the_check_unless_it_only_tells() -> None:
    strict = check(ROWS, project=_project("age is at most 60"))
    assert strict.find("expectation", "age").verdict == strict.verdict == "fail"
    mild = check(ROWS, project=_project("age is at most 60 (warn)"))
    assert mild.find("expectation", "age").verdict == "warn"
    assert check(ROWS, project=_project("age is at most 99")).verdict != "fail"


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("age is nice", "not understood"),
        ("age is between 3", "not understood"),
        ("age is at least many", "neither a number nor a date"),
        ("id is like c(", "regular expression"),
    ],
)
def test_mistakes_are_told_with_the_line_of_the_project_file(sentence: str, said: str) -> None:
    with pytest.raises(ProjectError, match=said) as caught:
        _project("id is unique", sentence)
    assert ":7" in str(caught.value)
    with pytest.raises(InputError, match=said):
        parse_expectation(sentence)


def test_names_of_plugins_are_no_sentences() -> None:
    assert parse_expectation("house_rules:no_minors") is None
    assert parse_expectation("ranges") is None


def test_init_proposes_what_is_true_and_nothing_of_it_is_active() -> None:
    proposal = propose(ROWS, source="a.csv", target="left", name="p")
    assert "id is unique" in proposal.expectations
    assert 'plan is one of basic, "plus, family"' in proposal.expectations
    text = render(proposal)
    assert parse_project(text).data.checks == ()
    lines = text.splitlines()
    begin = lines.index("# checks = [")
    end = lines.index("# ]", begin)
    for place in range(begin, end + 1):
        lines[place] = lines[place].removeprefix("# ")
    active = parse_project("\n".join(lines))
    assert len(active.data.checks) == 8
    assert set(active.data.checks) < set(proposal.expectations)
    assert check(ROWS, project=active).verdict != "fail"


@pytest.mark.parametrize(
    ("wrong", "least", "most"),
    [
        ([999] * 4, 100, 105),
        ([-1] * 9, 0, 105),
        ([450], 60, 105),
        ([30 * 100], 60, 105),
        ([999] * 2 + [640], 60, 105),
    ],
)
def test_a_range_comes_from_what_looks_right(wrong: list[int], least: int, most: int) -> None:
    ages = [18 + n * 7 % 73 for n in range(300)]
    (sentence,) = [s for s in learned({"Alter": pl.Series([*ages, *wrong])}) if "between" in s]
    low, high = map(int, re.findall(r"-?\d+", sentence))
    assert 0 <= low <= 18
    assert 90 <= high <= most
    assert least <= high


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["normal", "lognormal", "exponential", "uniform"]))
def test_tails_of_usual_distributions_are_no_errors(seed: int, shape: str) -> None:
    values = getattr(np.random.default_rng(seed), shape)(size=400)
    low, high = usual_range(pl.Series(values))
    assert np.mean((values < low) | (values > high)) <= 1 / 400


def test_words_that_look_wrong_and_words_of_persons_are_not_listed() -> None:
    lands = pl.Series(["Germany", "France", "Italy"] * 40 + ["Grmany"])
    assert learned({"land": lands}) == ("land is never missing",)
    assert learned({"land": lands}, suspects={"land": [120]})[1] == (
        "land is one of France, Germany, Italy"
    )
    people = pl.Series(["Tina Berger", "Karl Meier", "Eva Huber"] * 30)
    calls = pl.Series(["ask ada@example.org", "none", "no 4930901820"] * 30)
    full = ("adviser is never missing",)
    assert learned({"adviser": people}) == learned({"adviser": calls}) == full
    assert learned({"adviser": lands.head(90)}, personal=["adviser"]) == full


CODES = (999.0, -999.0, 99.0, -99.0, -1.0, -9.0, 9.0, 8888.0)
NUMBERS = st.one_of(
    st.none(),
    st.floats(-1e9, 1e9),
    st.floats(0, 100),
    st.integers(-(10**9), 10**9).map(float),
    st.sampled_from(CODES),
)


def _outside(sentence: str, value: float) -> bool:
    low, high = sentence.removeprefix("x is between ").split(" and ")
    return not float(low) <= value <= float(high)


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(
        st.lists(NUMBERS, min_size=50, max_size=80),
        st.lists(st.floats(0, 100), min_size=60, max_size=80),
    ),
    st.lists(st.sampled_from((*CODES, 5000.0, -5000.0)), max_size=4),
    st.sets(st.integers(0, 49), max_size=8),
    st.booleans(),
)
def test_only_what_was_set_aside_for_a_reason_breaks_what_is_learned(
    values: list[float | None], added: list[float], suspects: set[int], whole: bool
) -> None:
    x = pl.Series([*values, *added], dtype=pl.Float64)
    x = x.cast(pl.Int64) if whole else x
    dropped = suspects if len(suspects) <= 0.1 * len(x) else set()
    trusted = x.filter(~pl.int_range(len(x), eager=True).is_in(list(dropped)))
    reasons = set_aside(trusted)
    codes = {value for value, why in reasons.items() if why == "code"}
    far = {value for value, why in reasons.items() if why == "far"}
    assert all(re.fullmatch(r"-?(9+|8+)|-1", f"{code:.0f}") for code in codes)
    assert sum(value in far for value in trusted.to_list()) <= max(1, 0.02 * len(x))
    for sentence in learned({"x": x}, suspects={"x": suspects}):
        if " is between " not in sentence:
            assert _broken(sentence, x.to_frame("x")).value == 0
            continue
        outside = [v is not None and _outside(sentence, v) for v in x.to_list()]
        allowed = [row in dropped or v in reasons for row, v in enumerate(x.to_list())]
        assert _broken(sentence, x.to_frame("x")).value == sum(outside)
        assert not [row for row in range(len(x)) if outside[row] and not allowed[row]]


def test_rows_that_were_set_aside_are_those_that_break_the_range() -> None:
    x = pl.Series([18 + n * 7 % 73 for n in range(300)] + [999] * 4 + [450] + [-7])
    assert set_aside(x) == {999.0: "code", 450.0: "far"}
    (sentence,) = [s for s in learned({"x": x}, suspects={"x": [305]}) if "between" in s]
    assert _broken(sentence, x.to_frame("x")).value == 4 + 1 + 1


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "target"), [("churn/telco_churn.csv", "Churn"), ("bike/hour.csv", "cnt")]
)
def test_half_of_a_real_table_tells_what_holds_for_nearly_all_of_the_other(
    name: str, target: str
) -> None:
    frame = read(real_data(name)).frame.sample(fraction=1.0, shuffle=True, seed=1)
    half = frame.height // 2
    sentences = learned(frame[:half].drop(target).to_dict())
    assert len(sentences) > 10
    broken = [_broken(sentence, frame[half:]) for sentence in sentences]
    assert sum(found.verdict == "fail" for found in broken) <= 1
    assert all((found.value or 0) <= 0.002 * half for found in broken)


@pytest.mark.parametrize(
    "pattern",
    [r"(\w+-?)+", r"(a+){5}", r"(a{1,20}){5}", r"(ab|a)+", r"(?!x).*", r"(a)\1", r"(?=a)a"],
)
def test_a_pattern_that_could_hold_up_a_server_or_that_files_do_not_know_is_refused(
    pattern: str,
) -> None:
    with pytest.raises(InputError, match="regular expression of an expectation has"):
        parse_expectation(f"code is like {pattern}")


@pytest.mark.parametrize(
    "pattern", [r"[A-Z]{2}\d{3,8}", r".+@.+\..+", r"(\d{1,3}\.){3}\d{1,3}", "a|b"]
)
def test_usual_patterns_are_taken(pattern: str) -> None:
    made = parse_expectation(f"code is like {pattern}")
    assert made is not None
    assert made.words == (pattern,)


def test_a_bound_with_a_zone_is_a_moment_like_any_other() -> None:
    assert bound_of("2026-01-31T00:30:00+01:00") == datetime(2026, 1, 30, 23, 30)
