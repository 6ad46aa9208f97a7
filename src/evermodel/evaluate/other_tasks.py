"""Metrics of tasks that no bundle of Evermodel has, from arrays of anybody's model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.evaluate.measure import ENOUGH, result
from evermodel.evaluate.resampled import means, ordering
from evermodel.evaluate.sampling import Setting, drawn
from evermodel.records import CheckResult
from evermodel.stats import intervals
from evermodel.stats.arrays import Codes, Floats
from evermodel.stats.intervals import Interval
from evermodel.stats.multilabel import label_rates, of_rows
from evermodel.stats.quantiles import interval_scores, interval_widths, pinball_losses
from evermodel.stats.ranking import Ranked, rank_queries

__all__ = ["measure_labels", "measure_quantiles", "measure_queries"]

_SHARE = (0.0, 1.0)
_SIZE = (0.0, math.inf)


def measure_labels(
    truth: Codes, predicted: Codes, score: Floats | None, names: tuple[str, ...], at: Setting
) -> list[CheckResult]:
    """Return the metrics of rows with many labels: outcomes and decisions 0 or 1 [N, L].

    Examples
    --------
    >>> from evermodel.evaluate.sampling import Sampling
    >>> y = np.array([[1, 0], [0, 1]] * 20)
    >>> at = Setting(Sampling(), "test", 0.95, 0)
    >>> measure_labels(y, y, None, ("a", "b"), at)[0].value
    1.0
    """
    n = len(truth)
    positive = truth.sum(axis=0)
    rarer = np.minimum(positive, n - positive)
    worst = int(rarer.argmin())
    few = ""
    if rarer[worst] < ENOUGH:
        few = f"{rarer[worst]} rows of the rarer side of label {names[worst]!r} are too few to say"
        few += f": {ENOUGH} are needed"
    each = of_rows(truth, predicted)
    out = _means({name: (values, _SHARE) for name, values in each.items()}, at)

    def statistic(weight: Floats) -> Mapping[str, Floats]:
        parts = [weight @ (truth * predicted), weight @ predicted, weight @ truth]
        found = dict(label_rates(np.stack(parts, axis=1)))
        if score is not None:
            of = [ordering(truth[:, i] == 1, score[:, i])(weight) for i in range(len(names))]
            for name in ("roc_auc", "average_precision"):
                found[name] = np.mean([label[name] for label in of], axis=0)
        return found

    loss = each["hamming_loss"]
    ranges = dict.fromkeys(statistic(np.ones((1, n))), _SHARE)
    measured = drawn(statistic, at.how, loss, level=at.level, seed=at.seed, ranges=ranges)
    for name, (value, interval, units) in measured.items():
        why = "" if name.endswith("_micro") else "mean over the labels"
        doubt = (few if why else "") or units
        out.append(result(name, value, interval, n, subject=at.subject, doubt=doubt, why=why))
    if score is None:
        why = "there are no scores"
        out += [_nothing(name, n, why, at) for name in ("roc_auc", "average_precision")]
    return out


def measure_quantiles(
    y: Floats,
    quantiles: Mapping[float, Floats],
    bounds: tuple[Floats, Floats] | None,
    held: float | None,
    at: Setting,
) -> list[CheckResult]:
    """Return pinball loss and coverage of each quantile, and what is said of intervals [N].

    `held` is the share of the outcomes that the intervals are meant to hold.

    Examples
    --------
    >>> from evermodel.evaluate.sampling import Sampling
    >>> y = np.arange(50.0)
    >>> found = measure_quantiles(y, {0.9: y + 1}, None, None, Setting(Sampling(), "", 0.95, 0))
    >>> [(each.name, each.slice, round(each.value, 3)) for each in found]
    [('pinball_loss', 'quantile=0.9', 0.1), ('quantile_coverage', 'quantile=0.9', 1.0)]
    """
    out = []
    for quantile, value in sorted(quantiles.items()):
        rows = {
            "pinball_loss": (pinball_losses(y, value, quantile), _SIZE),
            "quantile_coverage": (y <= value, _SHARE),
        }
        label = f"quantile={quantile:g}"
        found = [msgspec.structs.replace(each, slice=label) for each in _means(rows, at)]
        out += [found[0], _as_meant(found[1], quantile)]
    if bounds is None:
        return out
    low, high = bounds
    crossed = int((low > high).sum())
    names = ["interval_coverage", "interval_width", "interval_score"]
    if crossed:
        why = f"the lower end of {crossed} of {y.size} intervals lies above the upper one"
        return out + [_nothing(name, y.size, why, at) for name in names]
    rows = {
        "interval_coverage": ((y >= low) & (y <= high), _SHARE),
        "interval_width": (interval_widths(low, high), _SIZE),
    }
    if held is not None:
        rows["interval_score"] = interval_scores(y, low, high, held), _SIZE
    found = _means(rows, at)
    out += [found[0] if held is None else _as_meant(found[0], held), *found[1:]]
    if held is None:
        why = "it is not said which share of the outcomes the intervals are meant to hold"
        out.append(_nothing("interval_score", y.size, why, at))
    return out


def _as_meant(covered: CheckResult, share: float) -> CheckResult:
    if covered.verdict != "pass" or covered.low is None or covered.high is None:
        return covered
    meant = f"{100 * share:g} % are meant to"
    if covered.low <= share <= covered.high:
        return msgspec.structs.replace(covered, why=meant)
    side = "fewer do" if covered.high < share else "more do"
    return msgspec.structs.replace(covered, verdict="warn", why=f"{meant}: {side}")


def measure_queries(
    relevance: Floats, score: Floats, query: Codes, k: int | None, at: Setting
) -> list[CheckResult]:
    """Return the means over queries of NDCG, average precision, reciprocal rank and hit rate.

    `at.how` is that of the documents: a query takes the weight, the key and the time of its first.

    Examples
    --------
    >>> from evermodel.evaluate.sampling import Sampling
    >>> query = np.repeat(np.arange(30), 2)
    >>> found = measure_queries(np.tile([1.0, 0.0], 30), np.tile([2.0, 1.0], 30), query, 1,
    ...                         Setting(Sampling(), "test", 0.95, 0))
    >>> [(each.name, each.value, each.n) for each in found][:2]
    [('ndcg_at_1', 1.0, 30), ('map_at_1', 1.0, 30)]
    """
    ranked = rank_queries(relevance, score, query, k)
    some = np.flatnonzero(np.isfinite(ranked.ndcg))
    first = np.unique(query, return_index=True)[1][some]
    ending = "" if k is None else f"_at_{k}"
    names = [f"{name}{ending}" for name in ("ndcg", "map", "mrr", "hit_rate")]
    if not some.size:
        why = "no query has a relevant document"
        return [_nothing(name, 0, why, at) for name in names]
    columns = {
        name: (values[some], _SHARE) for name, values in zip(names, _arrays(ranked), strict=True)
    }
    left = int(ranked.query.size - some.size)
    why = "mean over the queries" + (f"; {left} without a relevant one left out" if left else "")
    tied = not np.ptp(score)
    out = _means(columns, at._replace(how=at.how.of(first)))
    flat = "all documents have the same score, so that nothing is ranked" if tied else ""
    return [
        msgspec.structs.replace(each, why=each.why or why)
        if not flat
        else msgspec.structs.replace(each, verdict="unknown", why=flat)
        for each in out
    ]


def _arrays(ranked: Ranked) -> list[Floats]:
    return [ranked.ndcg, ranked.average_precision, ranked.reciprocal_rank, ranked.hit]


def _means(
    columns: Mapping[str, tuple[npt.ArrayLike, tuple[float, float]]], at: Setting
) -> list[CheckResult]:
    """Return the mean of each column of one number a row, with the interval that suits it."""
    values = {name: np.asarray(given, np.float64) for name, (given, _) in columns.items()}
    n = next(iter(values.values())).size
    few = f"{n} are too few to say: {ENOUGH} are needed" if n < ENOUGH else ""
    found: dict[str, Any]
    if at.how.plain:
        found = {
            name: (float(each.mean()) if n else math.nan, _plain(each, columns[name][1], at), "")
            for name, each in values.items()
        }
    else:
        ranges = {name: span for name, (_, span) in columns.items()}
        loss = next(iter(values.values()))
        found = drawn(means(values), at.how, loss, level=at.level, seed=at.seed, ranges=ranges)
    return [
        result(name, value, interval, n, subject=at.subject, doubt=few or units)
        for name, (value, interval, units) in found.items()
    ]


def _plain(values: Floats, span: tuple[float, float], at: Setting) -> Interval:
    if span == _SHARE and np.isin(values, (0.0, 1.0)).all():
        return intervals.wilson(float(values.sum()), values.size, at.level)
    found = intervals.mean_interval(values, at.level, least=span[0], most=span[1])
    return found._replace(high=min(found.high, span[1])) if found.high == found.high else found


def _nothing(name: str, n: int, why: str, at: Setting) -> CheckResult:
    return CheckResult(name=name, subject=at.subject, n=n, verdict="unknown", why=why)
