"""Every metric of every task is scikit-learn's to the ninth decimal, with and without weights."""

import itertools
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel.errors import InputError
from evermodel.stats import metrics, multilabel, quantiles
from evermodel.stats.arrays import Floats
from evermodel.stats.ranking import rank_queries

TINY = pytest.approx

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(4, 120)
# Few digits: ties are met; a weight of 0 leaves a row out.
digits = st.integers(1, 4)


def _weights(rng: np.random.Generator, n: int, kind: int) -> Any:
    return [None, rng.integers(0, 4, n).astype(float) + (np.arange(n) < 4), rng.gamma(1.0, 3.0, n)][
        kind
    ]


def _both(y: Any) -> Any:
    y[:2] = 0, 1
    return y


@settings(max_examples=80, deadline=None)
@given(seeds, sizes, digits, st.integers(0, 2))
def test_two_classes(seed: int, n: int, digit: int, kind: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random(n).round(digit)
    y, w = _both((rng.random(n) < p).astype(np.int64)), _weights(rng, n, kind)
    said = (p >= 0.5).astype(np.int64)
    with_w: dict[str, Any] = {"sample_weight": w}
    ours = metrics.binary_rates(metrics.confusion(y, said, 2, w))
    theirs = {
        "accuracy": reference.accuracy_score(y, said, **with_w),
        "balanced_accuracy": reference.balanced_accuracy_score(y, said, **with_w),
        "precision": reference.precision_score(y, said, zero_division=0, **with_w),
        "recall": reference.recall_score(y, said, zero_division=0, **with_w),
        "f1": reference.f1_score(y, said, zero_division=0, **with_w),
    }
    assert {k: float(v) for k, v in ours.items()} == TINY(theirs, abs=1e-9)
    assert metrics.roc_auc(y, p, w) == TINY(reference.roc_auc_score(y, p, **with_w), abs=1e-9)
    assert metrics.average_precision(y, p, w) == TINY(
        reference.average_precision_score(y, p, **with_w), abs=1e-9
    )
    assert metrics.log_loss(y, p, w) == TINY(reference.log_loss(y, p, **with_w), abs=1e-9)
    assert metrics.brier(y, p, w) == TINY(reference.brier_score_loss(y, p, **with_w), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(6, 120), st.integers(0, 2))
def test_more_classes(seed: int, n: int, kind: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([1.0, 0.5, 2.0], n)
    y, w = np.r_[0, 1, 2, rng.integers(0, 3, n - 3)], _weights(rng, n, kind)
    said = p.argmax(axis=1)
    with_w: dict[str, Any] = {"sample_weight": w}
    macro: dict[str, Any] = {"average": "macro", "zero_division": 0, **with_w}
    ours = metrics.macro_rates(metrics.confusion(y, said, 3, w))
    theirs = {
        "accuracy": reference.accuracy_score(y, said, **with_w),
        "balanced_accuracy": reference.balanced_accuracy_score(y, said, **with_w),
        "precision": reference.precision_score(y, said, labels=[0, 1, 2], **macro),
        "recall": reference.recall_score(y, said, labels=[0, 1, 2], **macro),
        "f1": reference.f1_score(y, said, labels=[0, 1, 2], **macro),
    }
    assert {k: float(v) for k, v in ours.items()} == TINY(theirs, abs=1e-9)
    area = reference.roc_auc_score(y, p, multi_class="ovr", average="macro", **with_w)
    assert metrics.roc_auc(y, p, w) == TINY(area, abs=1e-9)
    assert metrics.log_loss(y, p, w) == TINY(reference.log_loss(y, p, **with_w), abs=1e-9)
    assert metrics.brier(y, p, w) == TINY(reference.brier_score_loss(y, p, **with_w), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(seeds, sizes, st.integers(1, 5), st.integers(0, 2))
def test_many_labels(seed: int, n: int, labels: int, kind: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random((n, labels)).round(2)
    y, w = (rng.random((n, labels)) < p).astype(np.int64), _weights(rng, n, kind)
    y[0], y[1] = 0, 1
    said = (p >= 0.5).astype(np.int64)
    ours: dict[str, float] = {
        k: float(v) for k, v in multilabel.label_rates(multilabel.label_counts(y, said, w)).items()
    }
    ours |= {k: metrics.mean(v, w) for k, v in multilabel.of_rows(y, said).items()}
    ours |= multilabel.over_labels(y, p, w)
    if labels == 1:  # scikit-learn takes one column for a binary task
        y, said, p = y.repeat(2, axis=1), said.repeat(2, axis=1), p.repeat(2, axis=1)
    more: dict[str, Any] = {"sample_weight": w, "zero_division": 0}
    scores = {
        "precision": reference.precision_score,
        "recall": reference.recall_score,
        "f1": reference.f1_score,
    }
    theirs = {name: score(y, said, average="macro", **more) for name, score in scores.items()}
    theirs |= {
        f"{name}_micro": score(y, said, average="micro", **more) for name, score in scores.items()
    }
    theirs |= {
        "accuracy": reference.accuracy_score(y, said, sample_weight=w),
        "hamming_loss": reference.hamming_loss(y, said, sample_weight=w),
        "jaccard": reference.jaccard_score(y, said, average="samples", **more),
        "f1_samples": reference.f1_score(y, said, average="samples", **more),
        "roc_auc": reference.roc_auc_score(y, p, sample_weight=w),
        "average_precision": reference.average_precision_score(y, p, sample_weight=w),
    }
    assert ours == TINY(theirs, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(seeds, sizes, st.floats(0.01, 0.99), st.integers(0, 2))
def test_numbers_and_quantiles(seed: int, n: int, quantile: float, kind: int) -> None:
    rng = np.random.default_rng(seed)
    y, w = rng.normal(size=n), _weights(rng, n, kind)
    value = y + rng.normal(size=n)
    with_w: dict[str, Any] = {"sample_weight": w}
    pairs = [
        (metrics.mae(y, value, w), reference.mean_absolute_error(y, value, **with_w)),
        (metrics.rmse(y, value, w), reference.root_mean_squared_error(y, value, **with_w)),
        (metrics.r2(y, value, w), reference.r2_score(y, value, **with_w)),
        (
            metrics.mean(quantiles.pinball_losses(y, value, quantile), w),
            reference.mean_pinball_loss(y, value, alpha=quantile, **with_w),
        ),
    ]
    for ours, theirs in pairs:
        assert ours == TINY(theirs, abs=1e-9, rel=1e-9)


@settings(max_examples=80, deadline=None)
@given(seeds, st.integers(2, 30), st.integers(1, 3), st.integers(1, 12))
def test_orders_of_queries(seed: int, n: int, digit: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    query = np.repeat(np.arange(4), n)
    relevance = rng.integers(0, 4, query.size).astype(float)
    relevance[::n] = 1.0
    score = rng.random(query.size).round(digit)
    mixed = rng.permutation(query.size)
    found = rank_queries(relevance[mixed], score[mixed], query[mixed], k)
    theirs = [
        reference.ndcg_score([relevance[query == q]], [score[query == q]], k=k) for q in range(4)
    ]
    assert found.ndcg == TINY(theirs, abs=1e-9)
    apart = rng.permutation(query.size).astype(float)
    whole = rank_queries(relevance, apart, query)
    binary = (relevance > 0).astype(int)
    areas = [
        reference.label_ranking_average_precision_score([binary[query == q]], [apart[query == q]])
        for q in range(4)
    ]
    assert whole.average_precision == TINY(areas, abs=1e-9)
    first = [
        1 / (1 + int(np.argmax(binary[query == q][np.argsort(-apart[query == q])])))
        for q in range(4)
    ]
    assert whole.reciprocal_rank == TINY(first, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=6),
    st.integers(1, 6),
)
def test_equal_scores_count_as_the_mean_over_all_their_orders(
    rows: list[tuple[int, int]], k: int
) -> None:
    relevance = np.array([gain for gain, _ in rows], float)
    score = np.array([place for _, place in rows], float)
    if not relevance.any():
        relevance[0] = 1.0
    query = np.zeros(len(rows), np.int64)
    each = []
    for order in itertools.permutations(range(len(rows))):
        # The sort by score is made strict by each order in turn.
        one = rank_queries(relevance, score + 1e-3 * np.array(order), query, k)
        each.append([float(v[0]) for v in _four(one)])
    tied = [float(v[0]) for v in _four(rank_queries(relevance, score, query, k))]
    assert tied == TINY(np.mean(each, axis=0).tolist(), abs=1e-9)


def _four(found: Any) -> list[Floats]:
    return [found.ndcg, found.average_precision, found.reciprocal_rank, found.hit]


def test_a_query_without_anything_relevant_has_no_value() -> None:
    found = rank_queries([0, 0, 1, 0], [1, 2, 3, 4], [7, 7, 9, 9], 1)
    assert found.query.tolist() == [7, 9]
    assert np.isnan(found.ndcg[0])
    assert np.isnan(found.hit[0])
    assert found.hit[1] == 0.0


@pytest.mark.parametrize("wrong", [[-1.0, 1.0], [np.nan, 1.0], [np.inf, 1.0], [1.0]])
def test_weights_that_mean_nothing_are_refused(wrong: list[float]) -> None:
    with pytest.raises(InputError, match="weight"):
        metrics.roc_auc([0, 1], [0.2, 0.4], wrong)


def test_the_interval_score_is_least_for_the_true_quantiles() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=100_000)

    def score(half: float) -> float:
        return float(quantiles.interval_scores(y, -half + 0 * y, half + 0 * y, 0.9).mean())

    assert score(1.645) < min(score(1.2), score(2.2))
