"""A thorough look: across the split, at twins, at groups of people, at personal data."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from evermodel.data import check
from evermodel.project import Project, parse_project
from evermodel.tables import read
from evermodel.train.holding_out import held_out
from tests.real import real_data

N = 1200
RNG = np.random.default_rng(5)


def _project(extra: str = "", target: str = "left", task: str = "binary") -> Project:
    head = f'[project]\nname="p"\n[data]\nsource="a.csv"\ntarget="{target}"\ntask="{task}"\n'
    return parse_project(head + extra)


def _people() -> pl.DataFrame:
    sex = RNG.choice(["f", "m"], N)
    return pl.DataFrame(
        {
            "sex": sex,
            "salutation": np.where(sex == "f", "Ms", "Mr"),
            "spent": RNG.normal(100, 20, N).round(2),
            "left": np.where(RNG.random(N) < np.where(sex == "f", 0.5, 0.2), "yes", "no"),
        }
    )


def test_groups_that_differ_are_told_once_and_what_stands_in_for_them_is_named() -> None:
    frame = _people()
    report = check(frame, project=_project('protected = ["sex"]'), thorough=True)
    rates = [r for r in report.results if r.name == "label_rate_by_group"]
    assert [(r.slice, r.verdict) for r in rates] == [("sex=f", "warn")]
    assert report.find("proxy", "sex").verdict == "warn"
    quick = check(frame, project=_project('protected = ["sex"]'))
    assert "proxy" not in {r.name for r in quick.results}


def test_a_reference_says_whom_the_rows_do_not_stand_for(tmp_path: object) -> None:
    frame = _people().filter((pl.col("sex") == "f") | (pl.int_range(pl.len()) % 3 == 0))
    census = pl.DataFrame({"sex": ["f", "m"], "share": [0.5, 0.5]})
    census.write_csv(f"{tmp_path}/census.csv")
    text = 'protected = ["sex"]\nreference = "census.csv"'
    project = parse_project(
        f'[project]\nname="p"\n[data]\nsource="a.csv"\ntarget="left"\ntask="binary"\n{text}',
        root=str(tmp_path),
    )
    report = check(frame, project=project, thorough=True)
    assert report.find("representation", "sex").verdict == "warn"
    gone = parse_project(
        '[project]\nname="p"\n[data]\nsource="a.csv"\ntarget="left"\ntask="binary"\n'
        'protected = ["sex"]\nreference = "nowhere.csv"',
        root=str(tmp_path),
    )
    assert "no such file" in check(frame, project=gone, thorough=True).find("groups").why


def test_rows_repeated_but_for_their_key_are_found_and_the_split_is_looked_across() -> None:
    frame = _people().with_row_index("customer").with_columns(kg=pl.Series(RNG.normal(70, 9, N)))
    twice = pl.concat([frame, frame.head(200).with_columns(pl.col("customer") + N)])
    project = _project('key = ["customer"]')
    report = check(twice, project=project, tested=held_out(twice, project), thorough=True)
    assert report.find("duplicate_but_key").value == 200
    assert report.find("equal_rows_across_split").verdict == "warn"


def test_a_row_without_an_outcome_is_on_no_side_of_the_split() -> None:
    day = pl.datetime_range(datetime(2026, 1, 1), datetime(2026, 12, 31), "1d", eager=True)
    rows = pl.concat([_people()] * 2).head(len(day)).with_columns(day=day)
    late = pl.int_range(pl.len()) == len(day) - 4
    rows = rows.with_columns(left=pl.when(~late).then("left"))
    project = _project('time = "day"')
    report = check(rows, project=project, tested=held_out(rows, project), thorough=True)
    assert report.find("time_across_split").verdict == "pass"


def test_contradictions_are_told_once() -> None:
    frame = pl.concat([_people(), _people().head(60)])
    report = check(frame, project=_project(), thorough=True)
    for name in ("conflicting_labels", "duplicate_rows"):
        assert sum(result.name == name for result in report.results) == 1


def test_personal_data_are_named_and_masked() -> None:
    frame = _people().with_columns(mail=pl.format("p{}@example.org", pl.int_range(pl.len())))
    found = check(frame, thorough=True).find("personal_data", "mail")
    assert found.verdict == "warn"
    assert "example" not in "".join(found.evidence["examples"])


@pytest.mark.real
def test_messages_that_repeat_are_told_although_the_split_keeps_them_together() -> None:
    table = read(real_data("sms/sms_spam.csv"))
    project = _project(target="label")
    report = check(table, project=project, tested=held_out(table.frame, project), thorough=True)
    assert report.find("duplicate_rows").value == 403
    across = report.find("equal_rows_across_split")
    assert (across.verdict, "keeps them together" in across.why) == ("warn", True)
    assert across.evidence["lines"][0] > 1
