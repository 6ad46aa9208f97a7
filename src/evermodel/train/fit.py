"""Training, start to end: rows in, a candidate bundle out, with its parity proven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evermodel.bundle import Blocks, Manifest, Model, Part, Predictions, Step, write_bundle
from evermodel.bundle.encode import Encoder
from evermodel.errors import DataError
from evermodel.project import Project, duration_seconds
from evermodel.records import BINARY, REGRESSION, ColumnType
from evermodel.stats.calibrators import Calibrator, choose_calibrator
from evermodel.stats.conformal import conformal_radius
from evermodel.stats.thresholds import choose_threshold
from evermodel.tables import profile
from evermodel.train.columns import (
    Target,
    feature_inputs,
    read_target,
    row_times,
    with_target,
)
from evermodel.train.export import Parity, Pipeline, check_parity, export_graph
from evermodel.train.features import feature_matrices
from evermodel.train.learners import try_conversion
from evermodel.train.prepare import learn
from evermodel.train.sample import sample_records
from evermodel.train.search import Candidate, Folds, apply_link, refit, search
from evermodel.train.split import Split, choose_split, cross_folds

__all__ = ["INTERVAL_LEVEL", "Chosen", "Trained", "train"]

INTERVAL_LEVEL = 0.9
"""Coverage of the interval that regression models answer with."""

_FEWEST_ROWS = 20
_PARITY_ROWS = 2000
_REFERENCE_ROWS = 200_000


@dataclass(frozen=True)
class Chosen:
    """What a search decided, so that the same model can be fitted again without a search."""

    model: str
    parameters: dict[str, Any]
    link: str = "identity"
    rounds: int = 0
    fold_rounds: tuple[int, ...] = ()
    parts: tuple[Chosen, ...] = ()


@dataclass(frozen=True)
class Trained:
    """A candidate bundle on disk, and what is known of it.

    `test` holds the test rows as they were read, `y` their outcomes (class names or values),
    `predictions` what the bundle itself answers for them.
    """

    folder: Path
    manifest: Manifest
    chosen: Chosen
    parity: Parity
    split: Split
    test: pl.DataFrame
    y: NDArray[Any]
    predictions: Predictions
    trials: list[dict[str, Any]] = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)


def _silent(step: str, share: float) -> None:
    """Report nothing."""


def train(
    frame: pl.DataFrame,
    project: Project,
    folder: Path,
    *,
    run: str,
    created: str,
    data: str = "",
    missing: dict[str, tuple[str, ...]] | None = None,
    seed: int | None = None,
    chosen: Chosen | None = None,
    progress: Callable[[str, float], None] = _silent,
) -> Trained:
    """Train, calibrate, convert and prove one candidate; write its bundle to `folder`.

    Parameters
    ----------
    frame : polars.DataFrame
        All rows, as `tables.read` gave them.
    project : Project
    folder : Path
        Where the candidate bundle shall lie; must not exist.
    run, created, data : str
        The run's id, its time, and the digest of the data: written into the manifest.
    missing : dict, optional
        Words that stand for "missing", by column.
    seed : int, optional
        Instead of the project's.
    chosen : Chosen, optional
        Fit this model without a search (to reproduce, or to refit on newer rows).
    progress : callable (step, share), optional

    Raises
    ------
    DataError
        When the rows cannot be learned from.
    BundleError
        When the graph does not predict what the pipeline predicts.
    """
    seed = project.train.seed if seed is None else seed
    progress("reading the columns", 0.02)
    known, without_target = with_target(frame, project)
    if known.height < _FEWEST_ROWS:
        raise DataError(
            f"{known.height} row(s) with an outcome are too few to learn from",
            hint=f"bring at least {_FEWEST_ROWS}, better some hundred",
        )
    target = read_target(known[project.data.target], project)
    split = _split(known, project, target, seed)
    _require_classes(target, split)
    train_rows, test_rows = known[split.train], known[split.test]
    inputs, ignored = feature_inputs(train_rows, project, missing or {})
    draft = Manifest(
        project=project.name,
        task=project.data.task,
        target=project.data.target,
        inputs=inputs,
        keys=tuple(name for name in project.data.key if name in frame.columns),
        ignored=ignored,
        classes=target.classes,
        positive=target.positive,
        created=created,
        run=run,
        data=data,
    )
    blocks = Encoder(draft).frame(train_rows)
    fitted = _fit(draft, train_rows, blocks, target.y[split.train], project, seed, chosen, progress)
    progress("converting and proving the graph", 0.9)
    graph = export_graph(fitted.pipeline)
    parity = _prove(fitted.pipeline, graph, blocks, seed)
    manifest = msgspec.structs.replace(
        draft,
        threshold=fitted.threshold,
        steps=(Step(part="graph", inputs=tuple(blocks.feed()), outputs=_outputs(draft)),),
        training={
            "rows": len(split.train),
            "test_rows": len(split.test),
            "rows_without_outcome": without_target,
            "split": split.how,
            "seed": seed,
            "model": msgspec.to_builtins(fitted.chosen),
            "calibrator": None
            if fitted.pipeline.calibrator is None
            else msgspec.to_builtins(fitted.pipeline.calibrator),
            "target_range": float(np.ptp(target.y[split.train])) if not target.classes else None,
            "interval_level": INTERVAL_LEVEL if draft.task == REGRESSION else None,
        },
    )
    model = Model(manifest, {"graph": graph}, threads=0)
    predictions = model.predict(model.encode_frame(test_rows))
    parts = _parts(manifest, graph, parity, train_rows, model, blocks, seed)
    manifest = write_bundle(folder, manifest, parts)
    progress("done", 1.0)
    y = test_rows[project.data.target]
    return Trained(
        folder=folder,
        manifest=manifest,
        chosen=fitted.chosen,
        parity=parity,
        split=split,
        test=test_rows,
        y=y.to_numpy() if draft.task == REGRESSION else y.cast(pl.String).to_numpy(),
        predictions=predictions,
        trials=fitted.trials,
        losses=fitted.losses,
    )


def _split(known: pl.DataFrame, project: Project, target: Target, seed: int) -> Split:
    data = project.data
    for name in (*data.key, data.split):
        if name and name not in known.columns:
            raise DataError(f"there is no column {name!r}", found=", ".join(known.columns[:20]))
    named = known[data.split].cast(pl.String).fill_null("").to_numpy() if data.split else None
    return choose_split(
        rows=known.height,
        y=None if data.task == REGRESSION else target.y,
        named=named,
        time=row_times(known, project),
        groups=_groups(known, project),
        share=project.train.test,
        seed=seed,
    )


def _groups(frame: pl.DataFrame, project: Project) -> NDArray[np.object_] | None:
    """Return the entity of each row, or None where no entity has two rows."""
    keys = [name for name in project.data.key if name in frame.columns]
    if not keys or not frame.select(keys).is_duplicated().any():
        return None
    return frame.select(
        pl.concat_str(pl.col(keys).cast(pl.String).fill_null(""), separator="\x1f")
    )[keys[0]].to_numpy()


def _require_classes(target: Target, split: Split) -> None:
    if not target.classes:
        return
    absent = set(range(len(target.classes))) - set(target.y[split.train].tolist())
    if absent:
        names = ", ".join(target.classes[number] for number in sorted(absent)[:5])
        raise DataError(
            "a class has no row to learn from",
            where=f"split {split.how}",
            found=f"no rows of {names}",
            hint="bring more rows of it, join it with another class, or change the split",
        )


@dataclass(frozen=True)
class _Fit:
    pipeline: Pipeline
    chosen: Chosen
    threshold: float | None
    trials: list[dict[str, Any]]
    losses: dict[str, float]


def _fit(
    draft: Manifest,
    rows: pl.DataFrame,
    blocks: Blocks,
    y: NDArray[Any],
    project: Project,
    seed: int,
    chosen: Chosen | None,
    progress: Callable[[str, float], None],
) -> _Fit:
    task, classes = draft.task, max(1, len(draft.classes))
    targets = 1 if task == BINARY else classes
    progress("learning how to prepare the columns", 0.05)
    preparation = learn(draft.inputs, blocks, y, task, classes, clock=project.data.time)
    times = row_times(rows, project)
    encoding_folds, pairs = cross_folds(
        None if task == REGRESSION else y,
        rows=len(y),
        time=times,
        groups=_groups(rows, project),
        seed=seed,
    )
    tree, linear, _ = feature_matrices(
        preparation, blocks, y, encoding_folds, task=task, classes=classes
    )
    folds = Folds(tree, linear, y, pairs, task, targets, times is not None)
    models = project.train.models if chosen is None else ()
    for name in models:
        if ":" in name:
            try_conversion(name, linear, y, task)
    found = search(
        folds,
        models,
        chosen=None if chosen is None else _candidate(chosen),
        trials=project.train.trials,
        budget=duration_seconds(project.train.budget),
        seed=seed,
        progress=lambda step, share: progress(step, 0.1 + 0.7 * share),
    )
    best = found[0]
    progress("fitting the chosen model on all training rows", 0.8)
    model = refit(best, folds, seed=seed)
    calibrator, threshold, radius = _calibrate(draft, best, folds, project, seed)
    pipeline = Pipeline(
        task=task,
        classes=classes,
        preparation=preparation,
        model=model,
        calibrator=calibrator,
        link=best.link,
        radius=radius,
    )
    trials = [trial for candidate in found for trial in candidate.trials]
    return _Fit(pipeline, _choice(best), threshold, trials, {c.name: c.loss for c in found})


def _calibrate(
    draft: Manifest, best: Candidate, folds: Folds, project: Project, seed: int
) -> tuple[Calibrator | None, float | None, float | None]:
    """Return calibrator, decision threshold and interval radius, from out-of-fold margins only."""
    rows = folds.scored
    margins, y = best.margins[rows], folds.y[rows]
    if draft.task == REGRESSION:
        residuals = np.abs(y - apply_link(best.link, margins))
        return None, None, conformal_radius(residuals, INTERVAL_LEVEL)
    calibrator, _ = choose_calibrator(margins, y, seed=seed)
    if draft.task != BINARY:
        return calibrator, None, None
    outcome = project.outcome
    threshold = choose_threshold(
        calibrator(margins), y, outcome.cost_false_positive, outcome.cost_false_negative
    )
    return calibrator, threshold, None


def _choice(candidate: Candidate) -> Chosen:
    return Chosen(
        model=candidate.name,
        parameters=candidate.parameters,
        link=candidate.link,
        rounds=candidate.rounds,
        fold_rounds=candidate.fold_rounds,
        parts=tuple(_choice(part) for part in candidate.parts),
    )


def _candidate(chosen: Chosen) -> Candidate:
    return Candidate(
        name=chosen.model,
        parameters=chosen.parameters,
        loss=np.nan,
        margins=np.empty(0),
        link=chosen.link,
        rounds=chosen.rounds,
        fold_rounds=chosen.fold_rounds,
        parts=tuple(_candidate(part) for part in chosen.parts),
    )


def _outputs(draft: Manifest) -> tuple[str, ...]:
    return ("value", "low", "high") if draft.task == REGRESSION else ("probability", "margin")


def _prove(pipeline: Pipeline, graph: bytes, blocks: Blocks, seed: int) -> Parity:
    picked = np.random.default_rng(seed).permutation(len(blocks))[:_PARITY_ROWS]
    rows = blocks[np.sort(picked)]
    scale = 1.0
    if pipeline.task == REGRESSION:
        values = pipeline.predict(rows)
        scale = max(float(values.max() - values.min()), np.finfo(float).tiny)
    return check_parity(pipeline, graph, rows, scale)


def _parts(
    manifest: Manifest,
    graph: bytes,
    parity: Parity,
    rows: pl.DataFrame,
    model: Model,
    blocks: Blocks,
    seed: int,
) -> dict[str, tuple[Part, bytes]]:
    """Return the bundle's files: no row of a person's, no pickle."""

    def part(role: str, path: str, media: str, content: bytes, *, required: bool = False) -> Any:
        return Part(role=role, path=path, sha256="", media_type=media, required=required), content

    reference = rows.select([item.name for item in manifest.inputs])
    answers = model.predict(blocks)
    reference = reference.with_columns(prediction_column(answers)).head(_REFERENCE_ROWS)
    types: dict[str, ColumnType] = {item.name: item.type for item in manifest.inputs}
    kind: ColumnType = "category" if manifest.task == "multiclass" else "number"
    summary = profile(reference, {**types, PREDICTION: kind})
    sample = sample_records(rows, manifest.inputs, seed=seed)
    encode = msgspec.json.encode
    json = "application/json"
    return {
        "graph": part("graph", "model.onnx", "application/octet-stream", graph, required=True),
        "reference": part("reference", "reference.json", json, encode(summary)),
        "sample": part("sample", "sample.json", json, encode(sample)),
        "parity": part("parity", "parity.json", json, encode(parity)),
    }


PREDICTION = "prediction"
"""Name of the reference's column that holds what the model answers."""


def prediction_column(predictions: Predictions) -> pl.Series:
    """Return what is watched of the answers: probability, value, or label of several classes."""
    if predictions.task == BINARY:
        return pl.Series(PREDICTION, predictions.probability)
    if predictions.task == REGRESSION:
        return pl.Series(PREDICTION, predictions.value)
    return pl.Series(PREDICTION, [] if predictions.label is None else predictions.label.tolist())
