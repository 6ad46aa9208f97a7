"""Champion and challenger on the same rows: who is better, and whether that is known yet."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evermodel.bundle import Model, Predictions
from evermodel.records import BINARY, REGRESSION, CheckResult, Verdict
from evermodel.stats.compare import Comparison, bounded_error, compare, verdict
from evermodel.stats.metrics import brier_scores

__all__ = ["compare_models", "decide", "error_scale", "row_losses"]

_VERDICTS: dict[str, Verdict] = {"promote": "pass", "reject": "fail", "hold": "unknown"}


def error_scale(*models: Model) -> float:
    """Return the error that is a whole loss to all of these regressions, fixed at their training.

    Whoever compares models asks for the scale of all: each on its own would favour the one that was
    trained on the wider outcomes.
    """
    return max(float(model.manifest.training.get("target_range") or 1.0) for model in models)


def row_losses(
    model: Model, predictions: Predictions, y: NDArray[Any], *, scale: float
) -> NDArray[np.float64]:
    """Return a loss in [0, 1] for each row: Brier score, or the error over a range.

    Parameters
    ----------
    model : Model
        Gives the order of the classes.
    predictions : Predictions
        Of N rows.
    y : array [N]
        Class names, or values.
    scale : float
        The error of a regression that is a whole loss, from `error_scale`.
    """
    manifest = model.manifest
    answers = predictions.value if manifest.task == REGRESSION else predictions.probability
    if answers is None:
        raise ValueError("predictions without a value or a probability have no loss")
    if manifest.task == REGRESSION:
        return bounded_error(y.astype(np.float64), answers, scale=scale)
    if manifest.task == BINARY:
        return brier_scores((y == manifest.positive).astype(int), answers)
    places = {name: place for place, name in enumerate(manifest.classes)}
    # A class that a model has never heard of is a whole loss to it, whatever it said.
    codes = np.array([places.get(name, -1) for name in y])
    known = codes >= 0
    losses = np.ones(len(y))
    if known.any():
        losses[known] = brier_scores(codes[known], answers[known]) / 2
    return losses


def compare_models(
    champion: Model, challenger: Model, rows: pl.DataFrame, y: NDArray[Any], *, level: float
) -> tuple[Comparison, dict[str, Any]]:
    """Return the anytime-valid comparison on the same rows, in the order given, and what changes.

    Rows stand in the order in which their outcomes came: looking again when there are more is
    allowed (Choe and Ramdas 2024, "Comparing sequential forecasters").
    """
    before, after = (
        model.predict(model.encode_frame(_as_read(rows, model), repaired=True))
        for model in (champion, challenger)
    )
    scale = error_scale(champion, challenger)
    losses = row_losses(champion, before, y, scale=scale)
    comparison = compare(losses, row_losses(challenger, after, y, scale=scale), level=level)
    facts: dict[str, Any] = {"rows": len(y)}
    if champion.manifest.task == REGRESSION:
        facts["scale"] = scale
    if before.label is not None and after.label is not None and champion.manifest.task == BINARY:
        positive = champion.manifest.positive
        facts["enter"] = int(((before.label != positive) & (after.label == positive)).sum())
        facts["leave"] = int(((before.label == positive) & (after.label != positive)).sum())
    return comparison, facts


def _as_read(rows: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Return rows in the types that a model reads: another version may read a column otherwise."""
    columns = []
    for item in model.manifest.inputs:
        column, kind = rows[item.name], rows.schema[item.name]
        if item.type == "number" and not kind.is_numeric():
            column = column.cast(pl.Float64, strict=False)
        elif item.type == "category" and kind.is_float():
            column = pl.Series(item.name, list(map(_plain, column.to_list())), dtype=pl.String)
        elif item.type == "category" and kind != pl.String:
            column = column.cast(pl.String)
        columns.append(column)
    return rows.with_columns(columns)


def _plain(value: float | None) -> str | None:
    return None if value is None else f"{value:.15g}"


def _needed(comparison: Comparison) -> str:
    if comparison.needed is None:
        return ": no difference shows so far"
    return f": about {comparison.needed} more outcomes would tell"


def decide(
    comparison: Comparison, *, margin: float = 0.0, scale: float | None = None
) -> tuple[str, CheckResult]:
    """Return "promote", "reject" or "hold", and the result that says why.

    With the `scale` of a regression's errors the gain is told in the target's own unit.
    """
    times = 1.0 if scale is None else scale
    word = verdict(comparison, margin)
    sentences = {
        "promote": "the challenger is better on the same rows",
        "reject": "the challenger is not better on the same rows",
        "hold": "not decided yet" + _needed(comparison),
    }
    result = CheckResult(
        name="gain",
        subject="challenger against champion",
        value=times * comparison.mean,
        unit="loss" if scale is None else "mae",
        low=times * comparison.low,
        high=times * comparison.high,
        level=comparison.level,
        anytime=comparison.anytime,
        n=comparison.n,
        min=margin,
        verdict=_VERDICTS[word],
        why=sentences[word],
        method=comparison.method,
    )
    return word, result
