"""Runs and events of every kind, for the tests of lineage."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from evermodel.records import Column, Run, Schema
from evermodel.store.lineage import DataSet, run_event
from evermodel.store.openlineage import RunEvent

__all__ = ["a_run", "every_event", "plain"]

SHOP = Schema(
    columns=(
        Column(name="customer", type="text", role="key"),
        Column(name="größe", type="number"),
        Column(name="plan", type="category"),
        Column(name="left", type="boolean", role="target"),
    )
)
DATA = DataSet(
    address="data/orders.csv",
    schema=SHOP,
    rows=120,
    nulls={"plan": 3},
    description="the shop's customers",
)


def a_run(**changes: Any) -> Run:
    """Return a training of a project, changed where asked."""
    run = Run(
        id="0123456789abcdef0123456789abcdef",
        verb="train",
        project="churn",
        started="2026-11-03T09:00:00.000000Z",
        seconds=90.5,
        seed=7,
        inputs={"data": "d1"},
        outputs={"model": "m1"},
        parameters={"model": "lightgbm", "depth": 3, "db_password": "hush", "weights": [1, 2]},
        code="c1",
        environment="e1",
    )
    return msgspec.structs.replace(run, **changes)


def every_event() -> list[RunEvent]:
    """Return every kind of event, with all that can be told and with nothing of it."""
    known: dict[str, Any] = {
        "inputs": {"data": DATA},
        "outputs": {"model": DataSet(kind="model"), "scores": DataSet(address="s.csv", rows=9)},
    }
    bare = a_run(id="run 1", inputs={}, outputs={}, parameters={}, code="", environment="")
    return [
        run_event(a_run(), "START", **known),
        run_event(a_run(), "COMPLETE", **known),
        run_event(a_run(), "FAIL", **known, error=ValueError("somebody's value")),
        run_event(bare, "START"),
        run_event(bare, "COMPLETE"),
        run_event(bare, "FAIL"),
    ]


def plain(event: RunEvent) -> dict[str, Any]:
    """Return an event as JSON has it."""
    told: dict[str, Any] = json.loads(msgspec.json.encode(event))
    return told
