"""A plain LightGBM on the shop's rows: what the planted events do to any model, ours aside."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.demo import START, Plan, Shop

Floats = npt.NDArray[np.float64]

SEEDS = range(5)
KEYS = ["customer", "scored_at"]
_LEFT_OUT = {*KEYS, "support_note", "churned"}


@cache
def shop(seed: int) -> Shop:
    return Shop(seed)


@cache
def quiet_shop(seed: int) -> Shop:
    return Shop(seed, plan=Plan.quiet())


@cache
def champion(seed: int) -> "Model":
    return fit(shop(seed).history())


@dataclass(frozen=True)
class Model:
    booster: Any
    columns: list[str]
    words: dict[str, list[str]]

    def predict(self, rows: pl.DataFrame) -> Floats:
        probability: Floats = self.booster.predict(_numbers(rows, self.columns, self.words))
        return probability


def fit(table: pl.DataFrame) -> Model:
    columns = [name for name in table.columns if name not in _LEFT_OUT]
    words = {
        name: sorted(table[name].drop_nulls().unique())
        for name in columns
        if table.schema[name] == pl.String
    }
    data = lightgbm.Dataset(
        _numbers(table, columns, words),
        left(table),
        categorical_feature=[columns.index(name) for name in words],
    )
    parameters = {
        "objective": "binary",
        "learning_rate": 0.06,
        "num_leaves": 12,
        "min_data_in_leaf": 40,
        "lambda_l2": 5.0,
        "num_threads": 1,
        "seed": 0,
        "verbose": -1,
    }
    return Model(lightgbm.train(parameters, data, num_boost_round=90), columns, words)


def _numbers(rows: pl.DataFrame, columns: list[str], words: dict[str, list[str]]) -> Floats:
    """Return the features; a word never seen and a column that is not there are missing."""
    arrays = []
    for name in columns:
        if name not in rows.columns:
            arrays.append(np.full(rows.height, np.nan))
        elif name in words:
            codes = {word: float(code) for code, word in enumerate(words[name])}
            codes_or_null = rows[name].replace_strict(codes, default=None, return_dtype=pl.Float64)
            arrays.append(codes_or_null.cast(pl.Float64).to_numpy())
        else:
            arrays.append(rows[name].cast(pl.Float64).to_numpy())
    return np.column_stack(arrays)


def left(rows: pl.DataFrame) -> Floats:
    return (rows["churned"] == "yes").to_numpy().astype(np.float64)


def scored(seller: Shop, weeks: range) -> tuple[pl.DataFrame, Floats]:
    """Return the rows of these weeks as they were sent, and what really became of them."""
    rows = pl.concat([seller.week(week).rows for week in weeks])
    truth = pl.concat([seller.truth(week) for week in weeks])
    return rows, left(rows.select(KEYS).join(truth, on=KEYS, maintain_order="left"))


def delivered(seller: Shop, until: int, since: int) -> pl.DataFrame:
    """Return the rows scored from week `since` with the outcomes that came in up to `until`."""
    return seller.known(until).filter(pl.col("scored_at") >= START + pl.duration(weeks=since))


def z(difference: Floats) -> float:
    """Return the mean of paired differences in units of its standard error."""
    return float(np.mean(difference) / np.std(difference, ddof=1) * np.sqrt(len(difference)))
