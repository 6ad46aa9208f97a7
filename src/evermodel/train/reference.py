"""The profile of the training rows that the bundle keeps, without what one person alone has."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evermodel.bundle import Input, Predictions
from evermodel.records import BINARY, REGRESSION, ColumnType
from evermodel.tables import ColumnProfile, Profile, profile
from evermodel.train.columns import PREDICTION, blurred_bounds
from evermodel.train.prepare import SEEN_AT_LEAST

__all__ = ["prediction_column", "reference_profile"]

_ROWS = 200_000


def prediction_column(predictions: Predictions) -> pl.Series:
    """Return what is watched of the answers: probability, value, or label of several classes."""
    if predictions.task == BINARY:
        return pl.Series(PREDICTION, predictions.probability)
    if predictions.task == REGRESSION:
        return pl.Series(PREDICTION, predictions.value)
    return pl.Series(PREDICTION, [] if predictions.label is None else predictions.label.tolist())


def reference_profile(
    rows: pl.DataFrame, inputs: tuple[Input, ...], predictions: Predictions, *, seed: int
) -> Profile:
    """Return the profile of inputs and answers, of 200,000 rows at random where there are more.

    Words that fewer than five rows hold are counted as others, edges of bins lie between values,
    and bounds are blurred: nobody's own word or number is in it.

    Parameters
    ----------
    rows : polars.DataFrame
        The training rows.
    inputs : tuple of Input
    predictions : Predictions
        The model's answers, for these rows or others.
    seed : int
    """
    types: dict[str, ColumnType] = {item.name: item.type for item in inputs}
    features = _thinned(rows.select(_as_read(item) for item in inputs), seed)
    kind: ColumnType = "category" if predictions.task == "multiclass" else "number"
    answers = _thinned(prediction_column(predictions).to_frame(), seed)
    found = (profile(features, types), profile(answers, {PREDICTION: kind}))
    columns = [
        _blurred(column, frame[column.name])
        for part, frame in zip(found, (features, answers), strict=True)
        for column in part.columns
    ]
    return Profile(rows=features.height, columns=tuple(columns))


def _as_read(item: Input) -> pl.Expr:
    """Return the column in the type that profiles are made of."""
    column = pl.col(item.name)
    match item.type:
        case "timestamp":
            return column.cast(pl.Datetime("us"))
        case "category":
            return column.cast(pl.String)
        case _:
            return column


def _thinned(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    if frame.height <= _ROWS:
        return frame
    chosen = np.random.default_rng(seed).permutation(frame.height)[:_ROWS]
    return frame[np.sort(chosen)]


def _blurred(column: ColumnProfile, series: pl.Series) -> ColumnProfile:
    if column.values:
        shown = [
            (word, count)
            for word, count in zip(column.values, column.value_counts, strict=True)
            if count >= SEEN_AT_LEAST or column.type == "boolean"
        ]
        return msgspec.structs.replace(
            column,
            values=tuple(word for word, _ in shown),
            value_counts=tuple(count for _, count in shown),
            other=column.other + sum(column.value_counts) - sum(count for _, count in shown),
        )
    if column.minimum is None:
        return column
    numbers = series.dt.timestamp("us") / 1e6 if column.type == "timestamp" else series
    low, high = blurred_bounds(numbers)
    known = numbers.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
    edges = _between(np.array(column.edges), np.sort(known))
    return msgspec.structs.replace(column, minimum=low, maximum=high, edges=edges)


def _between(edges: NDArray[np.float64], known: NDArray[np.float64]) -> tuple[float, ...]:
    """Return edges moved half way to the next value where few rows hold them: no count changes."""
    first = np.searchsorted(known, edges, "left")
    after = np.searchsorted(known, edges, "right")
    following = known[np.minimum(after, len(known) - 1)]
    middle = edges + (following - edges) / 2
    few = (after - first < SEEN_AT_LEAST) & (middle > edges) & (middle < following)
    return tuple(np.where(few, middle, edges).tolist())
