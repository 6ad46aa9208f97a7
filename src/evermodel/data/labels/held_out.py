"""What a quick model says of each row without having learned from it or from its twins."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.roles import is_text

__all__ = ["deal_folds", "held_out_amounts", "held_out_probabilities"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

FOLDS = 5
_MOST_VALUES = 1000
_LEAST_OF_VALUE = 5
_ROUNDS = 80
_TREES = 240  # in all, where there are more than two classes
_LEAST_ROUNDS = 15
_WORDS = r"\w+|[^\w\s]"
_MODEL = {
    "num_leaves": 15,
    "learning_rate": 0.1,
    "min_data_in_leaf": 20,
    "cat_smooth": 20,
    # Threads that wait for one another cost more than they gain on a few thousand rows.
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


def deal_folds(strata: npt.ArrayLike, groups: npt.ArrayLike, seed: int = 0) -> Codes:
    """Return one of 5 folds for each row: a group is in one, and strata are spread evenly.

    A group counts for the stratum of its first row.

    Examples
    --------
    >>> folds = deal_folds([0] * 10 + [1] * 10, np.arange(20))
    >>> np.bincount(folds[:10]).tolist(), np.bincount(folds[10:]).tolist()
    ([2, 2, 2, 2, 2], [2, 2, 2, 2, 2])
    """
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    strata = np.asarray(strata)[first]
    mixed = np.random.default_rng(seed).permutation(len(first))
    order = mixed[np.argsort(strata[mixed], kind="stable")]
    fold = np.empty(len(first), np.int64)
    fold[order] = np.arange(len(first)) % FOLDS
    return fold[group]


def held_out_probabilities(
    frame: pl.DataFrame, aim: Codes, classes: int, folds: Codes, seed: int = 0
) -> Floats:
    """Return the probability of each class for each row, [N, K], by models of the other folds.

    Where there is a column of free text: logistic regressions, one class against the rest, on
    TF-IDF of words and pairs of words, one-hot categories and scaled numbers. Elsewhere a small
    LightGBM.

    Examples
    --------
    >>> x = np.arange(200.0)
    >>> aim = (x >= 100).astype(np.int64)
    >>> folds = deal_folds(aim, np.arange(200))
    >>> found = held_out_probabilities(pl.DataFrame({"x": x}), aim, 2, folds)
    >>> found.shape, bool((found.argmax(axis=1) == aim).mean() > 0.95)
    ((200, 2), True)
    """
    found = np.zeros((len(aim), classes))
    texts = [series.name for series in frame if is_text(series)]
    if texts:
        features = _sparse(frame, texts)
        for fold in range(FOLDS):
            held = folds == fold
            known, part = np.unique(aim[~held]), features[held]
            found[np.ix_(held, known)] = _linear(features[~held], aim[~held], part, seed)
    else:
        matrix, words = _matrix(frame)
        goal: dict[str, Any] = {"objective": "binary"}
        rounds = _ROUNDS
        if classes > 2:
            goal = {"objective": "multiclass", "num_class": classes}
            rounds = max(_TREES // classes, _LEAST_ROUNDS)
        for fold in range(FOLDS):
            held = folds == fold
            said = _trees(matrix, aim, held, words, goal | {"seed": seed}, rounds)
            found[held] = said if classes > 2 else np.stack([1 - said, said], axis=1)
    return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1e-12))


def held_out_amounts(frame: pl.DataFrame, aim: Floats, folds: Codes, seed: int = 0) -> Floats:
    """Return the amount of each row, [N], by small LightGBMs of the other folds.

    Examples
    --------
    >>> x = np.arange(500.0)
    >>> folds = deal_folds(np.zeros(500), np.arange(500))
    >>> found = held_out_amounts(pl.DataFrame({"x": x}), 2 * x, folds)
    >>> bool(np.median(np.abs(found - 2 * x)) < 20)
    True
    """
    found = np.empty(len(aim))
    matrix, words = _matrix(frame)
    for fold in range(FOLDS):
        held = folds == fold
        goal = {"objective": "regression_l1", "seed": seed}
        found[held] = _trees(matrix, aim, held, words, goal, _ROUNDS)
    return found


def _trees(
    matrix: Floats, aim: Any, held: Any, words: Sequence[int], goal: dict[str, Any], rounds: int
) -> Floats:
    import lightgbm

    rows = lightgbm.Dataset(
        matrix[~held], aim[~held], categorical_feature=list(words), params={"verbose": -1}
    )
    return np.asarray(lightgbm.train(_MODEL | goal, rows, rounds).predict(matrix[held]))


def _linear(features: Any, aim: Codes, asked: Any, seed: int) -> Floats:
    """Return probabilities of the classes that `aim` holds, in order."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    known = np.unique(aim)
    if len(known) == 1:
        return np.ones((asked.shape[0], 1))
    model = LogisticRegression(
        C=20, solver="liblinear", dual=True, tol=0.1, max_iter=30, random_state=seed
    )
    with warnings.catch_warnings():
        # A fit stopped early ranks as well, and its probabilities are compared with one another.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if len(known) > 2:
            return np.asarray(OneVsRestClassifier(model).fit(features, aim).predict_proba(asked))
        return np.asarray(model.fit(features, aim).predict_proba(asked))


def _matrix(frame: pl.DataFrame) -> tuple[Floats, list[int]]:
    """Return numbers [N, C], words as ranks by frequency, and which columns are words."""
    columns, words = [np.zeros(frame.height)], []
    for series in frame:
        values = _numbers(series)
        if values is None:
            words.append(len(columns))
            values = _ranks(series).astype(np.float64)
        columns.append(values)
    return np.stack(columns, axis=1), words


def _numbers(series: pl.Series) -> Floats | None:
    """Return numbers, times and truths as floats with gaps as NaN; None for words."""
    if series.dtype.is_temporal():
        series = series.to_physical()
    if not (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        return None
    values = series.cast(pl.Float64).to_numpy().astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _ranks(series: pl.Series) -> Codes:
    """Return the rank of each word by frequency; rare ones are 0, gaps 1."""
    counts = series.cast(pl.String).drop_nulls().alias("word").value_counts(name="n")
    often = counts.filter(pl.col("n") >= _LEAST_OF_VALUE).sort(["n", "word"], descending=True)
    names = often["word"].head(_MOST_VALUES).to_list()
    if not names:
        return series.is_null().cast(pl.Int64).to_numpy().astype(np.int64)
    ranks = series.cast(pl.String).replace_strict(
        names, range(2, len(names) + 2), default=0, return_dtype=pl.Int64
    )
    return ranks.set(series.is_null(), 1).to_numpy().astype(np.int64)


def _sparse(frame: pl.DataFrame, texts: Sequence[str]) -> Any:
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    parts = []
    for name in texts:
        said = frame[name].fill_null("").to_list()
        reader = TfidfVectorizer(
            sublinear_tf=True, ngram_range=(1, 2), min_df=2, strip_accents="unicode",
            token_pattern=_WORDS, max_features=50_000,
        )  # fmt: skip
        if any(text.strip() for text in said):
            parts.append(reader.fit_transform(said))
    rows = np.arange(frame.height)
    for series in frame.drop(list(texts)):
        values = _numbers(series)
        if values is None:
            ranks = _ranks(series)
            shape = (frame.height, int(ranks.max()) + 1)
            parts.append(csr_matrix((np.ones(frame.height), (rows, ranks)), shape=shape))
            continue
        gaps = np.isnan(values)
        known = values[~gaps]
        spread = known.std() if known.size else 0.0
        scaled = np.where(gaps, 0.0, (values - (known.mean() if known.size else 0.0)))
        scaled = np.clip(scaled / (spread or 1.0), -5, 5) / 5
        parts.append(csr_matrix(np.stack([scaled, gaps.astype(np.float64)], axis=1)))
    return hstack(parts, format="csr")
