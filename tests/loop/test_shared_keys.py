"""Test rows of one key are taken together when a version is measured."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import evermodel as em
from evermodel.loop.training import shared_key

FILE = """
[project]
name = "shops"
[data]
source = "shops.csv"
target = "late"
task = "binary"
positive = "yes"
key = ["shop"]
[train]
models = ["linear"]
trials = 1
"""


@pytest.mark.parametrize(("rows_a_shop", "method"), [(5, "cluster bootstrap"), (1, "Wilson")])
def test_a_version_is_measured_by_key_where_test_rows_share_one(
    tmp_path: Path, rows_a_shop: int, method: str
) -> None:
    rng = np.random.default_rng(0)
    shop = np.repeat(np.arange(1000 // rows_a_shop), rows_a_shop)
    load = rng.normal(size=shop.size)
    late = load + rng.normal(size=shop.size) > 0
    pl.DataFrame({
        "shop": [f"s{i}" for i in shop], "load": load, "late": np.where(late, "yes", "no"),
    }).write_csv(tmp_path / "shops.csv")  # fmt: skip
    (tmp_path / "evermodel.toml").write_text(FILE)
    trained, again = em.train(tmp_path), em.evaluate(folder=tmp_path)
    for report in (trained, again):
        assert report.find("accuracy", subject="test").method.startswith(method)
    assert trained.find("accuracy", subject="test").low == again.find("accuracy").low


def test_a_key_that_is_missing_somewhere_or_shared_by_no_rows_takes_none_together() -> None:
    frame = pl.DataFrame({"a": ["x", "x", None], "b": [1, 2, 3], "c": ["u", "u", "v"]})
    assert shared_key(frame, ("a",)) is None
    assert shared_key(frame, ("b",)) is None
    assert shared_key(frame, ()) is None
    assert shared_key(frame, ("gone",)) is None
    found = shared_key(frame, ("c",))
    assert found is not None
    assert found[0] == found[1] != found[2]
