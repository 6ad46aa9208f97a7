"""How good an order is, query by query: NDCG, average precision, reciprocal rank, hit rate.

Documents with equal scores have no order: what is returned is the mean over all orders of them, so
that nothing depends on the order of the rows (McSherry, Najork 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.stats.arrays import Codes, Floats, floats, sums

__all__ = ["Ranked", "rank_queries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Metrics of Q queries, each an array [Q]; NaN where nothing of a query is relevant.

    `query` is the number of each query as it was given, `size` its documents.
    """

    query: Codes
    size: Codes
    ndcg: Floats
    average_precision: Floats
    reciprocal_rank: Floats
    hit: Floats


def rank_queries(
    relevance: npt.ArrayLike, score: npt.ArrayLike, query: npt.ArrayLike, k: int | None = None
) -> Ranked:
    """Return the metrics of each query's order by score, the highest first.

    Parameters
    ----------
    relevance : array of float [N]
        0 or more; NDCG takes it as gain, the others take what is above 0 as relevant.
    score : array of float [N]
    query : array of int [N]
        Number of each document's query.
    k : int, optional
        How many of the first documents count; all unless given. The average precision at k is
        divided by the number of relevant documents, or k where that is less.

    NDCG is scikit-learn's `ndcg_score`; the others equal its `average_precision_score` and
    `label_ranking_average_precision_score` where no scores are equal.

    Raises
    ------
    InputError
        When a number is not finite, a relevance is negative, lengths differ, or k is below 1.

    References
    ----------
    Jarvelin, Kekalainen (2002), "Cumulated gain-based evaluation of IR techniques"; McSherry,
    Najork (2008), "Computing Information Retrieval Performance Measures Efficiently in the
    Presence of Tied Scores" (equal scores).

    Examples
    --------
    >>> found = rank_queries([1, 0, 0, 1], [0.9, 0.1, 0.8, 0.7], [0, 0, 1, 1])
    >>> found.reciprocal_rank, found.ndcg.round(3)
    (array([1. , 0.5]), array([1.   , 0.631]))
    """
    gain, scores = floats(relevance, name="relevances"), floats(score, name="scores")
    numbers = np.asarray(query)
    if not gain.shape == scores.shape == numbers.shape:
        raise InputError("relevances, scores and queries must be of one length")
    if (gain < 0).any():
        raise InputError("relevances must be 0 or more", found=f"{gain.min():g}")
    if k is not None and k < 1:
        raise InputError("k counts documents, from 1 on", found=str(k))
    names, group = np.unique(numbers, return_inverse=True)
    size = np.bincount(group, minlength=names.size)
    relevant = np.bincount(group, gain > 0, minlength=names.size)
    ties = _Ties.of(gain, scores, group, size)
    most = size if k is None else np.minimum(size, k)
    ideal = _ideal(gain, group, size, most)
    some = relevant > 0
    return Ranked(
        query=names,
        size=size,
        ndcg=_over(_gained(ties, most), ideal, some),
        average_precision=_over(
            _precisions(ties, most), np.minimum(relevant, most if k is None else k), some
        ),
        reciprocal_rank=np.where(some, _first_hits(ties, most, reciprocal=True), np.nan),
        hit=np.where(some, _first_hits(ties, most, reciprocal=False), np.nan),
    )


@dataclass(frozen=True, slots=True)
class _Ties:
    """All places of all queries in order; what is said of a place is of its tied documents.

    `group`: its query; `rank`: from 1; `place`: from 1 within the tie; `size`: documents of the
    tie; `hits`: relevant ones among them; `before`: relevant ones in front of the tie; `gain`:
    their mean gain.
    """

    group: Codes
    rank: Codes
    place: Codes
    size: Codes
    hits: Floats
    before: Floats
    gain: Floats

    @classmethod
    def of(cls, gain: Floats, score: Floats, group: Codes, size: Codes) -> _Ties:
        order = np.lexsort((-score, group))
        of, ordered, gained = group[order], score[order], gain[order]
        start = np.r_[0, size.cumsum()[:-1]] if size.size else np.zeros(0, np.int64)
        rank = np.arange(of.size) - start[of] + 1
        fresh = np.r_[True, (of[1:] != of[:-1]) | (ordered[1:] != ordered[:-1])][: of.size]
        first = np.flatnonzero(fresh)
        tie = fresh.cumsum() - 1
        many = np.bincount(tie, minlength=first.size)
        hits = np.bincount(tie, gained > 0, minlength=first.size)
        seen = np.r_[0, (gained > 0).cumsum()]
        before = (seen[first] - seen[start[of[first]]]).astype(np.float64)
        mean = np.bincount(tie, gained, minlength=first.size) / np.maximum(many, 1)
        place = np.arange(of.size) - first[tie] + 1
        return cls(of, rank, place, many[tie], hits[tie], before[tie], mean[tie])

    def total(self, values: Floats, most: Codes) -> Floats:
        """Return the sum of each query's values over its first places."""
        counted = values * (self.rank <= most[self.group])
        return sums(self.group, counted, most.size)


def _gained(ties: _Ties, most: Codes) -> Floats:
    return ties.total(ties.gain / np.log2(ties.rank + 1), most)


def _ideal(gain: Floats, group: Codes, size: Codes, most: Codes) -> Floats:
    order = np.lexsort((-gain, group))
    start = np.r_[0, size.cumsum()[:-1]] if size.size else np.zeros(0, np.int64)
    rank = np.arange(gain.size) - start[group[order]] + 1
    discounted = gain[order] / np.log2(rank + 1) * (rank <= most[group[order]])
    return sums(group[order], discounted, size.size)


def _precisions(ties: _Ties, most: Codes) -> Floats:
    """Sum over places of P(relevant) x the expected precision there, given that it is."""
    others = np.maximum(ties.size - 1, 1)
    in_front = (ties.place - 1) * np.maximum(ties.hits - 1, 0) / others
    return ties.total(ties.hits / ties.size * (ties.before + 1 + in_front) / ties.rank, most)


def _first_hits(ties: _Ties, most: Codes, *, reciprocal: bool) -> Floats:
    """Sum over places of P(the first relevant document stands there), over its rank if asked."""
    from scipy.special import gammaln

    # Of t tied, r relevant: C(t - j, r - 1) / C(t, r) is the chance that the first is the j-th.
    t, r, j = ties.size, ties.hits, ties.place
    can = (ties.before == 0) & (r > 0) & (t - j >= r - 1)
    left, one_less = np.where(can, t - j, 0), np.where(can, r - 1, 0)
    rest = np.where(can, r, 0)

    def ways(n: Any, m: Any) -> Floats:
        return np.asarray(gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1))

    chance = np.where(can, np.exp(ways(left, one_less) - ways(t, rest)), 0.0)
    chance = np.where(t == 1, can, chance)  # no rounding where nothing is tied
    return ties.total(chance / ties.rank if reciprocal else chance, most)


def _over(part: Floats, whole: npt.NDArray[np.generic], some: npt.NDArray[np.bool_]) -> Floats:
    out = np.full(part.shape, np.nan)
    np.divide(part, whole, out=out, where=some)
    return out
