"""Copies and near-copies of real messages stand on one side of the split, and that is said."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evermodel.loop.twins import MOST_ROWS, kept_together, twins_of
from evermodel.project import Project, parse_project
from evermodel.tables import read
from evermodel.train.columns import read_target
from evermodel.train.holding_out import held_out, hold_out
from tests.real import real_data


def project(more: str = "") -> Project:
    data = 'source = "sms.csv"\ntarget = "label"\ntask = "binary"\npositive = "spam"\n'
    return parse_project(f'[project]\nname = "sms"\n[data]\n{data}{more}')


@pytest.mark.real
def test_no_near_copy_of_a_real_message_is_on_both_sides() -> None:
    frame, made = read(real_data("sms/sms_spam.csv")).frame, project()
    twins = twins_of(frame, made)
    assert twins is not None

    def crossing(given: np.ndarray | None) -> int:
        split = hold_out(frame, made, read_target(frame["label"], made), 0, given)
        return int(np.isin(twins[split.test], twins[split.train]).sum())

    assert crossing(None) > 0
    assert crossing(twins) == 0
    (said,) = kept_together(frame, made, twins)
    assert (said.value or 0) > 403
    tested = held_out(frame, made, twins)
    assert tested is not None
    assert not set(twins[tested.to_numpy()]) & set(twins[~tested.to_numpy()])


def test_of_a_table_that_is_too_large_it_is_told_that_near_copies_were_not_sought() -> None:
    frame = pl.DataFrame({"label": ["ham", "spam"] * (MOST_ROWS // 2 + 1)}).with_row_index("x")
    assert twins_of(frame, project()) is None
    (said,) = kept_together(frame, project(), None)
    assert said.verdict == "unknown"
    assert "200,000" in said.why


def test_a_split_by_time_or_by_a_column_stays_as_it_is() -> None:
    frame = pl.DataFrame({"label": ["ham", "spam"], "at": ["a", "b"]})
    for more in ('time = "at"', 'split = "at"'):
        assert twins_of(frame, project(more)) is None
        assert kept_together(frame, project(more), None) == ()
