"""What a loaded bundle answers, of every task and of no rows at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evermodel.bundle import Blocks, Input, Manifest, Model, Predictions, load
from tests.bundle.graphs import (
    NUMBERS,
    binary_graph,
    manifest,
    multiclass_graph,
    regression_graph,
    write,
)

X = (Input(name="x", type="number"),)


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    """Return a model of each task over one number."""
    colours = {"classes": ("blue", "green", "red"), "positive": "", "threshold": None}
    value = {"classes": (), "positive": "", "threshold": None}
    return {
        "binary": Model(manifest(inputs=X), {"graph": binary_graph(1)}),
        "multiclass": Model(
            manifest(inputs=X, task="multiclass", **colours), {"graph": multiclass_graph(1)}
        ),
        "regression": Model(
            manifest(inputs=X, task="regression", **value), {"graph": regression_graph(1)}
        ),
    }


def predict(model: Model, *values: float | None) -> Predictions:
    return model.predict(model.encode([{"x": value} for value in values]))


def test_two_classes_are_answered_with_label_and_probability(models: dict[str, Model]) -> None:
    found = predict(models["binary"], 0.0, -1e-9, 100.0)
    assert found.rows()[0] == {"prediction": "yes", "probability": 0.5}
    assert [row["prediction"] for row in found.rows()] == ["yes", "no", "yes"]
    assert found.classes == ("no", "yes")


def test_the_threshold_itself_counts_as_positive_and_its_absence_as_one_half() -> None:
    for threshold, labels in ((None, ["no", "yes"]), (0.25, ["yes", "yes"]), (1.0, ["no", "no"])):
        model = Model(manifest(inputs=X, threshold=threshold), {"graph": binary_graph(1)})
        found = predict(model, -1.0, 0.0).rows()
        assert [row["prediction"] for row in found] == labels


def test_several_classes_are_answered_with_a_probability_each(models: dict[str, Model]) -> None:
    found = predict(models["multiclass"], 1.0, -1.0)
    rows = found.rows()
    assert [row["prediction"] for row in rows] == ["red", "blue"]
    weights = np.exp([0.0, 1.0, 2.0])
    expected = dict(zip(["blue", "green", "red"], weights / weights.sum(), strict=True))
    assert rows[0]["probability"] == pytest.approx(expected)
    assert rows[1]["probability"]["blue"] == pytest.approx(expected["red"])


def test_a_number_is_answered_with_its_interval(models: dict[str, Model]) -> None:
    rows = predict(models["regression"], 2.5, -3.0).rows()
    assert rows == [
        {"prediction": 2.5, "low": 1.5, "high": 3.5},
        {"prediction": -3.0, "low": -4.0, "high": -2.0},
    ]


def test_a_number_without_an_interval_is_answered_alone() -> None:
    found = Predictions("regression", value=np.array([1.0, 2.0]))
    assert found.rows() == [{"prediction": 1.0}, {"prediction": 2.0}]
    assert len(found) == 2


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_no_rows_are_answered_with_no_rows(models: dict[str, Model], task: str) -> None:
    model = models[task]
    blocks = model.encode([])
    found = model.predict(blocks)
    assert len(blocks) == len(found) == 0
    assert found.rows() == []
    if task == "multiclass":
        assert found.probability is not None
        assert found.probability.shape == (0, 3)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_slice_of_the_answers_is_the_answer_to_the_slice(
    models: dict[str, Model], task: str
) -> None:
    model = models[task]
    values = [0.5, -2.0, 3.0, 0.0]
    together = predict(model, *values)
    assert together[1:3].rows() == predict(model, *values[1:3]).rows()
    assert together[np.array([3, 0])].rows() == predict(model, values[3], values[0]).rows()
    assert together[np.array([True, False, False, True])].rows() == together.rows()[::3]


def test_rows_are_plain_python_values_that_json_can_hold(models: dict[str, Model]) -> None:
    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(map(plain, value.values()))
        return type(value) in (str, float)

    for model in models.values():
        assert all(plain(row) for row in predict(model, 1.0, 2.0).rows())


def test_a_row_without_any_value_is_answered(models: dict[str, Model]) -> None:
    assert predict(models["binary"], None).rows() == [{"prediction": "yes", "probability": 0.5}]


def test_blocks_are_cut_and_joined_by_rows() -> None:
    blocks = Blocks(
        np.arange(6.0).reshape(3, 2),
        np.array([["a"], ["b"], ["c"]], dtype=object),
        np.empty((3, 0), dtype=np.int64),
    )
    assert list(blocks.feed()) == ["numbers", "strings"]
    again = Blocks.concat([blocks[:1], blocks[1:]])
    np.testing.assert_array_equal(again.numbers, blocks.numbers)
    np.testing.assert_array_equal(again.strings, blocks.strings)
    assert Blocks.concat([blocks]) is blocks
    np.testing.assert_array_equal(blocks[np.array([2, 0])].strings[:, 0], ["c", "a"])


def test_any_output_of_the_graph_can_be_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "b")
    model = load(str(tmp_path / "b"), trusted=None, threads=2)
    blocks = model.encode([{NUMBERS[0].name: 2.0, NUMBERS[1].name: None, NUMBERS[2].name: False}])
    assert model.raw(blocks, "margin").tolist() == [2.0]


def test_a_manifest_names_its_parts_by_role() -> None:
    empty = Manifest(project="p", task="binary", target="y", inputs=())
    assert empty.part("graph") is None
