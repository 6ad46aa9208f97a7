"""Training, start to end: rows in, a candidate bundle out, with its parity proven."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evermodel.bundle import (
    Blocks,
    Input,
    Manifest,
    Model,
    Part,
    Predictions,
    Repair,
    Step,
    rules_of,
    write_bundle,
)
from evermodel.bundle.encode import Encoder
from evermodel.errors import BundleError, DataError
from evermodel.project import Project, duration_seconds
from evermodel.records import BINARY, MULTICLASS, REGRESSION
from evermodel.stats.calibrators import Calibrator, Sigmoid, Temperature, choose_calibrator
from evermodel.stats.conformal import conformal_radius
from evermodel.stats.thresholds import choose_threshold
from evermodel.train.columns import (
    Target,
    feature_inputs,
    mature_rows,
    outcome_gap,
    read_target,
    row_times,
    timed_rows,
    with_target,
)
from evermodel.train.export import Parity, Pipeline, check_parity, export_graph
from evermodel.train.features import feature_matrices
from evermodel.train.holding_out import entities, hold_out
from evermodel.train.learners import try_conversion
from evermodel.train.prepare import learn
from evermodel.train.reference import reference_profile
from evermodel.train.sample import sample_records
from evermodel.train.search import Candidate, Folds, apply_link, refit, search
from evermodel.train.split import Split, cross_folds

__all__ = ["INTERVAL_LEVEL", "Chosen", "Trained", "train"]

INTERVAL_LEVEL = 0.9
"""Coverage of the interval that regression models answer with."""

_FEWEST_ROWS = 20
_TWINS = "evermodel twins"
_PARITY_ROWS = 2000


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
    repairs: Mapping[str, Repair] | None = None,
    seed: int | None = None,
    chosen: Chosen | None = None,
    twins: NDArray[np.int64] | None = None,
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
    repairs : mapping, optional
        What was done to the columns when they were read, for the bundle to do the same.
    seed : int, optional
        Instead of the project's.
    chosen : Chosen, optional
        Fit this model without a search (to reproduce, or to refit on newer rows).
    twins : array, optional
        A number for each row that copies and near-copies share: they stand on one side of a split
        at random, and in one fold.
    progress : callable (step, share), optional

    Raises
    ------
    DataError
        When the rows cannot be learned from.
    BundleError
        When the graph does not predict what the pipeline predicts, or `folder` exists already.
    """
    seed = project.train.seed if seed is None else seed
    if folder.exists():  # better said before the training than after it
        what = "there is something already where the bundle shall lie"
        raise BundleError(what, where=str(folder))
    progress("reading the columns", 0.02)
    rows = _rows(frame, project, seed, created, twins)
    columns = feature_inputs(rows.train, project, missing or {}, repairs)
    draft = _draft(rows, project, columns, created=created, run=run, data=data)
    blocks = Encoder(draft).frame(rows.train, repaired=True)
    fitted = _fit(draft, rows, blocks, project, seed, chosen, progress)
    progress("converting and proving the graph", 0.9)
    trained = _bundled(draft, rows, blocks, fitted, folder, seed, project.data.checks)
    progress("done", 1.0)
    return trained


@dataclass(frozen=True)
class _Rows:
    """The rows whose outcome is known, on both sides of the split; `y` is of those to train on."""

    train: pl.DataFrame
    test: pl.DataFrame
    split: Split
    target: Target
    without_target: int
    untimed: int
    young: int
    twins: NDArray[np.int64] | None = None

    @property
    def y(self) -> NDArray[Any]:
        return self.target.y[self.split.train]


def _rows(
    frame: pl.DataFrame,
    project: Project,
    seed: int,
    created: str,
    twins: NDArray[np.int64] | None,
) -> _Rows:
    if twins is not None:
        frame = frame.with_columns(pl.Series(_TWINS, twins))
    known, without_target = with_target(frame, project)
    known, untimed = timed_rows(known, project)
    known, young = mature_rows(known, project, created)
    if twins is not None:
        twins = known[_TWINS].to_numpy()
        known = known.drop(_TWINS)
    if known.height < _FEWEST_ROWS:
        raise DataError(
            f"{known.height} row(s) with an outcome are too few to learn from",
            found=f"{young} more are younger than outcome.known_after" if young else "",
            hint=f"bring at least {_FEWEST_ROWS}, better some hundred",
        )
    target = read_target(known[project.data.target], project)
    split = hold_out(known, project, target, seed, twins)
    if outcome_gap(known, project) and len(split.train) < _FEWEST_ROWS:
        raise DataError(
            f"{len(split.train)} row(s) to learn from are too few",
            where=f"split {split.how}",
            found=f"{known.height} rows with an outcome",
            hint="bring more rows, or change train.test, data.time or outcome.known_after",
        )
    _require_classes(target, split)
    return _Rows(
        known[split.train],
        known[split.test],
        split,
        target,
        without_target,
        untimed,
        young,
        None if twins is None else twins[split.train],
    )


def _draft(
    rows: _Rows, project: Project, columns: tuple[tuple[Input, ...], tuple[str, ...]], **facts: Any
) -> Manifest:
    """Return the manifest as far as the rows and the project say it."""
    inputs, ignored = columns
    return Manifest(
        project=project.name,
        task=project.data.task,
        target=project.data.target,
        inputs=inputs,
        keys=project.data.key,
        ignored=ignored,
        classes=rows.target.classes,
        positive=rows.target.positive,
        **facts,
    )


def _bundled(
    draft: Manifest,
    rows: _Rows,
    blocks: Blocks,
    fitted: _Fit,
    folder: Path,
    seed: int,
    sentences: Sequence[str],
) -> Trained:
    """Convert what was fitted, prove it, write its bundle, and let that answer the test rows."""
    graph = export_graph(fitted.pipeline)
    span = float(np.ptp(rows.y)) if draft.task == REGRESSION else None
    parity = _prove(fitted.pipeline, graph, blocks, span, seed)
    facts = {
        "rows": rows.train.height,
        "test_rows": rows.test.height,
        "rows_without_outcome": rows.without_target,
        "rows_without_time": rows.untimed,
        "rows_too_young": rows.young,
        "split": rows.split.how,
        "seed": seed,
        "target_range": span,
        "guess": _guess(rows),
    }
    manifest = _described(draft, blocks, fitted, facts)
    model = Model(manifest, {"graph": graph}, threads=0)
    predictions = model.predict(model.encode_frame(rows.test, repaired=True))
    # Answers that the model has not learned from: those to its training rows are surer than it is.
    parts = _parts(manifest, graph, parity, rows.train, predictions, seed, sentences)
    y = rows.test[draft.target]
    return Trained(
        folder=folder,
        manifest=write_bundle(folder, manifest, parts),
        chosen=fitted.chosen,
        parity=parity,
        split=rows.split,
        test=rows.test,
        y=y.to_numpy() if draft.task == REGRESSION else y.cast(pl.String).to_numpy(),
        predictions=predictions,
        trials=fitted.trials,
        losses=fitted.losses,
    )


def _guess(rows: _Rows) -> float | list[float]:
    """Return what could be answered without a model: the mean, or the share of each class."""
    if not rows.target.classes:
        return float(rows.y.mean())
    counts = np.bincount(rows.y.astype(np.int64), minlength=len(rows.target.classes))
    return [float(share) for share in counts / counts.sum()]


def _described(draft: Manifest, blocks: Blocks, fitted: _Fit, facts: Mapping[str, Any]) -> Manifest:
    """Return the manifest with what was fitted and on what, but without parts."""
    calibrator = fitted.pipeline.calibrator
    regression = draft.task == REGRESSION
    outputs = ("value", "low", "high") if regression else ("probability", "margin")
    return msgspec.structs.replace(
        draft,
        threshold=fitted.threshold,
        steps=(Step(part="graph", inputs=tuple(blocks.feed()), outputs=outputs),),
        training={
            **facts,
            "model": msgspec.to_builtins(fitted.chosen),
            "calibrator": None if calibrator is None else msgspec.to_builtins(calibrator),
            "interval_level": INTERVAL_LEVEL if regression else None,
        },
    )


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
    rows: _Rows,
    blocks: Blocks,
    project: Project,
    seed: int,
    chosen: Chosen | None,
    progress: Callable[[str, float], None],
) -> _Fit:
    task, classes, y = draft.task, max(1, len(draft.classes)), rows.y
    targets = 1 if task == BINARY else classes
    progress("learning how to prepare the columns", 0.05)
    preparation = learn(draft.inputs, blocks, y, task, classes, clock=project.data.time)
    times = row_times(rows.train, project)
    crossing, pairs = cross_folds(
        None if task == REGRESSION else y,
        rows=len(y),
        time=times,
        groups=entities(rows.train, project),
        seed=seed,
        gap=outcome_gap(rows.train, project),
        twins=rows.twins,
    )
    tree, linear, _ = feature_matrices(preparation, blocks, y, crossing, task=task, classes=classes)
    folds = Folds(tree, linear, y, pairs, task, targets, times is not None)
    models = project.train.models if chosen is None else ()
    for name in models:
        if ":" in name:
            try_conversion(name, linear, y, task, classes=targets)
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
    if len(np.unique(y)) < 2:
        # Forward in time, the newest rows may all be of one class: they teach nothing of odds.
        calibrator: Calibrator = (
            Temperature(t=1.0) if draft.task == MULTICLASS else Sigmoid(a=1.0, b=0.0)
        )
    else:
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


def _prove(
    pipeline: Pipeline, graph: bytes, blocks: Blocks, span: float | None, seed: int
) -> Parity:
    """Return the parity on 2,000 rows at random; `span` is the target's range in regression."""
    picked = np.random.default_rng(seed).permutation(len(blocks))[:_PARITY_ROWS]
    return check_parity(pipeline, graph, blocks[np.sort(picked)], span or 1.0)


def _parts(
    manifest: Manifest,
    graph: bytes,
    parity: Parity,
    rows: pl.DataFrame,
    answers: Predictions,
    seed: int,
    sentences: Sequence[str],
) -> dict[str, tuple[Part, bytes]]:
    """Return the bundle's files: no row of a person's, no pickle."""

    def part(role: str, path: str, media: str, content: bytes, *, required: bool = False) -> Any:
        return Part(role=role, path=path, sha256="", media_type=media, required=required), content

    reference = reference_profile(rows, manifest.inputs, answers, seed=seed)
    sample = sample_records(rows, manifest.inputs, seed=seed)
    encode = msgspec.json.encode
    json = "application/json"
    parts = {
        "graph": part("graph", "model.onnx", "application/octet-stream", graph, required=True),
        "reference": part("reference", "reference.json", json, encode(reference)),
        "sample": part("sample", "sample.json", json, encode(sample)),
        "parity": part("parity", "parity.json", json, encode(parity)),
    }
    checks = rules_of(sentences, manifest.inputs)
    if checks.rules:
        parts["checks"] = part("checks", "checks.json", json, encode(checks))
    return parts
