"""Simulated rows and projects for the tests of training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from evermodel.bundle import Blocks, Input, Manifest
from evermodel.bundle.encode import Encoder
from evermodel.project import Project
from evermodel.records import Task
from evermodel.train.fit import Trained, train


def project(task: Task = "binary", target: str = "y", **settings: Any) -> Project:
    """Return a project with a small search; `settings` go to the project file's tables."""
    search = {"trials": 1, "budget": "60s", **settings.pop("train", {})}
    data = {"source": "rows.csv", "target": target, "task": task, **settings.pop("data", {})}
    return msgspec.convert(
        {"project": {"name": "test"}, "data": data, "train": search, **settings}, Project
    )


def shop(rows: int = 400, *, task: Task = "binary", seed: int = 0) -> pl.DataFrame:
    """Return rows with a column of each type, some of it missing, and an outcome `y`."""
    generator = np.random.default_rng(seed)
    amount = generator.lognormal(3, 1.5, rows)
    plan = generator.choice(["basic", "plus", "gold"], rows, p=[0.5, 0.3, 0.2])
    member = generator.random(rows) < 0.4
    days = generator.integers(0, 700, rows)
    score = 0.8 * np.log(amount) - 2 * (plan == "gold") + member + generator.normal(0, 0.5, rows)
    frame = pl.DataFrame(
        {
            "amount": np.where(generator.random(rows) < 0.1, np.nan, amount),
            "visits": generator.poisson(3, rows),
            "plan": plan,
            "member": member,
            "since": np.datetime64("2024-01-01T06:00:00", "us") + days.astype("timedelta64[D]"),
        }
    ).with_columns(pl.col("amount").fill_nan(None))
    cuts = np.quantile(score, [0.5] if task == "binary" else [0.3, 0.7])
    if task == "regression":
        return frame.with_columns(y=pl.Series(10 + 3 * score))
    words = ["no", "yes"] if task == "binary" else ["low", "middle", "high"]
    return frame.with_columns(y=pl.Series([words[i] for i in np.searchsorted(cuts, score)]))


def fit(frame: pl.DataFrame, made: Project, folder: Path, **settings: Any) -> Trained:
    """Train one candidate into `folder`/candidate."""
    known = {"run": "run", "created": "2026-01-01T00:00:00Z", **settings}
    return train(frame, made, folder / "candidate", **known)


_TYPES = {pl.Boolean: "boolean", pl.String: "category", pl.Datetime: "timestamp"}


def encoded(frame: pl.DataFrame) -> tuple[tuple[Input, ...], Blocks]:
    """Return inputs and blocks of all columns of a frame."""
    inputs = tuple(
        Input(name=name, type=_TYPES.get(dtype.base_type(), "number"))  # type: ignore[arg-type]
        for name, dtype in frame.schema.items()
    )
    manifest = Manifest(project="test", task="binary", target="y", inputs=inputs)
    return inputs, Encoder(manifest).frame(frame)


def columns(matrix: np.ndarray[Any, Any], names: list[str]) -> Mapping[str, Any]:
    """Return the columns of a feature matrix by name, which must be given once each."""
    assert len(names) == matrix.shape[1] == len(set(names))
    return {name: matrix[:, place] for place, name in enumerate(names)}
