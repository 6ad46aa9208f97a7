"""Columns that are called as what Evermodel adds to them."""

import numpy as np
import polars as pl

from evermodel.bundle import Predictions
from evermodel.data import propose
from evermodel.loop.scoring import with_predictions


def test_predictions_replace_no_column_of_the_rows() -> None:
    rows = pl.DataFrame({"prediction": ["a"], "evermodel_prediction": ["b"], "low": [1]})
    found = with_predictions(rows, Predictions("regression", value=np.array([2.5])))
    assert found.to_dicts() == [{**rows.to_dicts()[0], "evermodel_evermodel_prediction": 2.5}]


def test_a_column_named_as_the_answers_are_is_left_out_of_what_init_proposes() -> None:
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "age": random.integers(20, 70, 500),
            "prediction": random.normal(size=500),
            "paid": random.choice(["yes", "no"], 500),
        }
    )
    proposal = propose(frame, source="rows.csv", target="paid", name="p")
    assert "prediction" in [advice.column for advice in proposal.leave_out]
