"""Misspelt answers of a yes or no are told and joined; a third class of its own stays one."""

import polars as pl
import pytest

from evermodel.data import check
from evermodel.data.label_slips import label_slips
from evermodel.data.proposing.propose import propose
from evermodel.errors import DataError
from evermodel.project import parse_project
from evermodel.train.columns import read_target


def _table(**labels: int) -> pl.DataFrame:
    words = [label for label, rows in labels.items() for _ in range(rows)]
    frame = pl.DataFrame({"left": words}).sample(fraction=1.0, shuffle=True, seed=3)
    return frame.with_columns(size=pl.Series([row * 37 % 101 for row in range(frame.height)]))


@pytest.mark.parametrize("slip", ["nien", "neinn", "nei", "Neim", "NEIN ", "jaa"])
def test_a_misspelt_answer_is_joined_when_a_project_begins(slip: str) -> None:
    made = propose(_table(ja=400, nein=500, **{slip: 3}), source="a.csv", target="left", name="a")
    assert made.task == "binary"
    assert set(made.outcome.classes) == {"ja", "nein"}


@pytest.mark.parametrize("other", ["vielleicht", "offen", "n", "jein"])
def test_a_third_answer_stays_a_class(other: str) -> None:
    rows = {"ja": 400, "nein": 500, other: 3}
    if other == "jein":
        rows["jein"] = 60  # as near to nein as a slip, and far too often for one
    made = propose(_table(**rows), source="a.csv", target="left", name="a")
    assert made.task == "multiclass"


def test_grades_and_codes_are_no_slips_of_one_another() -> None:
    assert label_slips({"grade 1": 500, "grade 2": 300, "grade 3": 4}) == {}
    assert label_slips({"A": 500, "B": 300, "C": 4}) == {}
    assert label_slips({"cat": 500, "hat": 300, "bat": 4}) == {}


def test_a_misspelt_answer_is_told_with_its_row() -> None:
    frame = _table(ja=400, nein=500, nien=1)
    made = parse_project(
        '[project]\nname="a"\n[data]\nsource="a.csv"\ntarget="left"\ntask="multiclass"\n'
    )
    found = check(frame, project=made).find("label_slips", "left")
    row = frame["left"].index_of("nien")
    assert (found.verdict, found.value, found.max, found.evidence["rows"]) == ("warn", 1, 0, [row])
    assert "'nien' for 'nein'" in found.why


def test_two_classes_are_refused_as_many() -> None:
    frame = _table(ja=40, nein=50)
    made = parse_project(
        '[project]\nname="a"\n[data]\nsource="a.csv"\ntarget="left"\ntask="multiclass"\n'
    )
    found = check(frame, project=made).find("classes", "left")
    assert (found.verdict, found.min) == ("fail", 3)
    with pytest.raises(DataError, match="two classes, and the task is multiclass"):
        read_target(frame["left"], made)
