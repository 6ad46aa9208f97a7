"""A person who promotes is told what the loop would have been told."""

from collections.abc import Callable

import polars as pl
import pytest

from evermodel.loop.outcomes import labels
from evermodel.loop.releasing import promote, register
from evermodel.loop.retraining import retrain
from evermodel.loop.state import load_version, read_state
from evermodel.loop.training import train
from tests.loop.shop import Shop, customers

FLIPPED = pl.col("churned").replace_strict({"yes": "no", "no": "yes"})


@pytest.mark.slow
def test_a_challenger_of_wrong_outcomes_is_refused_to_a_person_too(
    shop: Callable[..., Shop],
) -> None:
    one = shop(("loop", 'approve = "person"'))
    wrong = customers(900, seed=5, first=5000)
    one.ask(wrong)
    labels(one.bring(wrong.with_columns(churned=FLIPPED)), one.workspace)
    held = retrain(one.workspace)
    assert (held.facts["decision"], held.facts["version"]) == ("hold", 2)
    learned = held.find("learned_from")
    assert learned.why.startswith(("source and outcomes", "the newest"))
    assert (learned.value or 0) > 300
    assert "waits for outcomes that come after its training" in held.find("gain").why
    right = customers(600, seed=6, first=9000)
    one.ask(right)
    labels(one.bring(right), one.workspace)
    refused = promote(2, one.workspace)
    assert refused.verdict == "fail"
    assert refused.find("gain").n == 600
    assert refused.find("gain").high is not None
    assert read_state(one.workspace).live == 1
    assert promote(2, one.workspace, force=True).facts["live"] == 2


def test_a_version_that_reads_a_column_by_another_type_can_be_compared(
    shop: Callable[..., Shop],
) -> None:
    one = shop(("data.types", 'visits = "category"'))
    train(one.workspace)
    register("", one.workspace)
    model = load_version(one.workspace, read_state(one.workspace).version(2))
    assert {item.name: item.type for item in model.manifest.inputs}["visits"] == "category"
    report = promote(2, one.workspace)
    assert (report.find("gain").n or 0) > 350
    assert report.find("gain").low is not None


def test_rows_that_either_version_learned_from_judge_neither(shop: Callable[..., Shop]) -> None:
    one = shop()
    train(one.workspace, seed=5)
    register("", one.workspace)
    state = read_state(one.workspace)
    first, second = (
        set(pl.read_parquet(one.workspace.ports.blobs.path(version.trained["test"]))["customer"])
        for version in (state.version(1), state.version(2))
    )
    assert len(first & second) < len(second)
    assert promote(2, one.workspace, force=True).find("gain").n == len(first & second)
    assert promote(1, one.workspace).find("gain").n == len(first & second)
