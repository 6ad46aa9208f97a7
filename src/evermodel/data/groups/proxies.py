"""How well other columns tell a protected trait, so that leaving it out does not leave it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.bands import column, group_edges, grouped
from evermodel.data.intake import extremes, take
from evermodel.data.naming import is_identifier, is_row_number, is_weight
from evermodel.data.roles import is_text
from evermodel.records import CheckResult, Verdict
from evermodel.stats.intervals import Interval, delong
from evermodel.stats.metrics import roc_auc

__all__ = ["proxies"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_MOST_ROWS = 20_000
_LEAST_OF_GROUP = 50
_BINS = 32
_MOST_WORDS = 100
_MOST_GROUPS = 10
_NAMED = 5
_SHOWN = 3
_TREES = 80  # in all, over the groups where there are more than two
_MODEL = {
    "num_leaves": 15,
    "learning_rate": 0.15,
    "min_data_in_leaf": 50,
    "num_threads": 1,  # it is small, and threads that wait for a busy core cost more
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


def proxies(
    frame: Any,
    protected: Sequence[str],
    columns: Sequence[str] | None = None,
    *,
    edges: Mapping[str, Sequence[float]] | None = None,
    margin: float = 0.8,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[CheckResult, ...]:
    """Return how well other columns tell each protected one, as ROC AUCs of rows held out, "proxy".

    For each protected column: first the AUC of all other columns together, by a small LightGBM
    (the mean of each group against the rest where there are more than two; `evidence` names the
    strongest columns); then a warning for each single column that tells it alone. 0.5 is a guess,
    1 is certain. At most 20,000 rows are used, drawn at random; groups of fewer than 50 of them
    and more than the 10 most frequent groups are set aside. What tells the trait is
    learned from one half of them and measured on the other, so that the intervals mean what they
    say (those of pooled folds cover too rarely: Bates, Hastie, Tibshirani 2024); those of the
    columns hold together with confidence `level`, and take what was learned as it is.

    Parameters
    ----------
    frame : DataFrame or Table
        The data.
    protected, columns : sequence of str
        The traits, and those that may tell them: by default all columns but the traits and what
        no model learns from (identifiers, row numbers, sampling weights, free texts, and texts of
        more than 1,000 values).
    edges : mapping, optional
        Edges of bands for traits that are numbers; fifths by default.
    margin : float
        An AUC whose interval lies above it warns.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson (1988) (interval); Feldman et al. (2015), "Certifying and
    Removing Disparate Impact" (a trait that can be predicted has not been left out); Bates,
    Hastie, Tibshirani (2024), "Cross-Validation: What Does It Estimate and How Well Does It Do
    It?".

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.integers(0, 2, 1000)
    >>> table = pl.DataFrame({"sex": sex, "height": sex * 13 + rng.normal(165, 6, 1000)})
    >>> [(r.subject, r.slice, round(r.value, 1), r.verdict) for r in proxies(table, ["sex"])]
    [('sex', '', 0.9, 'warn'), ('height', 'sex', 0.9, 'warn')]

    Raises
    ------
    DataError
        When a column is not there, or a trait has too many values.
    """
    data = take(frame).frame
    for name in (*protected, *(columns or ())):
        column(data, name)
    used = list(columns) if columns is not None else _candidates(data, protected)
    banding = group_edges(protected, data, edges=edges)
    results: list[CheckResult] = []
    for trait in protected:
        groups = grouped(data[trait], banding.get(trait, ())).alias(trait)
        told = [name for name in used if name != trait]
        claims = len(told) * len(protected)
        results += _of_trait(data.select(told), groups, margin, level, claims, seed)
    return tuple(results)


def _candidates(frame: pl.DataFrame, protected: Sequence[str]) -> list[str]:
    found = []
    for series in frame:
        name = series.name
        wordy = series.dtype == pl.String and (series.n_unique() > 1000 or is_text(series))
        named = is_identifier(name) or is_row_number(name) or is_weight(name)
        if name not in protected and not wordy and not named and series.n_unique() > 1:
            found.append(name)
    return found


def _of_trait(
    frame: pl.DataFrame, groups: pl.Series, margin: float, level: float, claims: int, seed: int
) -> list[CheckResult]:
    rows = groups.is_not_null().arg_true()
    rows = rows.gather(np.random.default_rng(seed).permutation(rows.len())[:_MOST_ROWS])
    sizes = groups.gather(rows).alias("value").value_counts(sort=True, name="n").head(_MOST_GROUPS)
    names = sizes.filter(pl.col("n") >= _LEAST_OF_GROUP)["value"].sort().to_list()
    if len(names) < 2 or not frame.width:
        why = "there is no other column" if not frame.width else "too few rows to say: it takes "
        why += "" if not frame.width else f"{_LEAST_OF_GROUP} rows of at least two groups"
        return [
            CheckResult(name="proxy", subject=groups.name, n=rows.len(), verdict="unknown", why=why)
        ]
    rows = rows.filter(groups.gather(rows).is_in(names))
    y = groups.gather(rows).replace_strict(names, range(len(names)), return_dtype=pl.Int64)
    aim = y.to_numpy().astype(np.int64)
    held = _held_out(aim, seed)
    some = frame[rows.to_list()]
    alone = [_alone(column, aim, held, len(names), level, claims) for column in some]
    alone.sort(key=lambda one: -one[1])
    score, tested = _told_by_all(some, aim, held, len(names), seed), aim[held]
    together = roc_auc(tested, score), delong(tested, score, level)
    strongest = {
        name: {"auc": round(auc, 3), "low": round(bounds.low, 3), "high": round(bounds.high, 3)}
        for name, auc, bounds in alone[:_NAMED]
    }
    trait = groups.name
    why = f"the other columns together tell {trait!r} {_how_well(together[0])}"
    if together[1].low > margin:
        why += f", most of all {alone[0][0]!r}; without {trait!r} a model can still go by it"
    results = [_result(trait, "", together, margin, tested.size, why)]
    results[0].evidence.update({"strongest": strongest, "groups": names})
    shown = [f"{name}: ROC AUC {one['auc']:.2f}" for name, one in strongest.items()]
    results[0].evidence["examples"] = shown
    for name, auc, bounds in alone:
        if bounds.low > margin:
            why = f"{name!r} alone tells {trait!r} {_how_well(auc)}, so it can stand in for it"
            found = _result(name, trait, (auc, bounds), margin, tested.size, why)
            found.evidence["examples"] = _telling(some[name], aim, names, trait)
            results.append(found)
    return results


def _telling(series: pl.Series, aim: Codes, names: Sequence[str], trait: str) -> list[str]:
    """Return the values, or ranges of them, that move the groups' shares in most rows."""
    bins = _binned(series)
    counts = np.zeros((int(bins.max()) + 1, len(names)))
    np.add.at(counts, (bins, aim), 1.0)
    sizes = counts.sum(axis=1)
    moved = np.abs(counts - np.outer(sizes, counts.sum(axis=0) / aim.size)).sum(axis=1)
    shown = []
    for code in np.argsort(-moved, kind="stable")[:_SHOWN].tolist():
        held = series.filter(pl.Series(bins == code))
        if not sizes[code] or (held.dtype == pl.String and code == _MOST_WORDS):
            continue
        value = "missing" if held[0] is None else str(held[0])
        if held[0] is not None and held.dtype.is_numeric():
            value = " to ".join(f"{end:g}" for end in sorted(set(extremes(held))))
        most = int(counts[code].argmax())
        part = f"{counts[code][most] / sizes[code]:.0%} of {int(sizes[code]):,} rows"
        shown.append(f"{series.name} {value}: {trait} {names[most]} in {part}")
    return shown


def _how_well(auc: float) -> str:
    if auc < 0.6:
        return "hardly better than a guess"
    return f"rightly in {auc:.0%} of pairs of people from two groups, where a guess is 50%"


def _result(
    subject: str, trait: str, found: tuple[float, Interval], margin: float, n: int, why: str
) -> CheckResult:
    auc, bounds = found
    verdict: Verdict = "warn" if bounds.low > margin else "pass"
    if verdict == "pass" and bounds.high - bounds.low > 2 * (margin - 0.5):
        verdict, why = "unknown", f"{why}; too few rows to say"
    return CheckResult(
        name="proxy",
        subject=subject,
        slice=trait,
        value=auc,
        low=bounds.low,
        high=bounds.high,
        level=bounds.level,
        n=n,
        max=margin,
        verdict=verdict,
        why=why,
        method=f"ROC AUC of the half held out, {bounds.method}",
        evidence={"rows": []},
    )


def _held_out(aim: Codes, seed: int) -> Bools:
    """Return which rows are tested on: half of each group, drawn at random."""
    held = np.zeros(aim.size, np.bool_)
    generator = np.random.default_rng(seed)
    for code in np.unique(aim):
        part = generator.permutation(np.flatnonzero(aim == code))
        held[part[: part.size // 2]] = True
    return held


def _alone(
    series: pl.Series, aim: Codes, held: Bools, groups: int, level: float, claims: int
) -> tuple[str, float, Interval]:
    """Return the AUC of the groups' rates in the other half, by value or bin of one column."""
    bins = _binned(series)
    counts = np.zeros((int(bins.max()) + 1, groups))
    np.add.at(counts, (bins[~held], aim[~held]), 1.0)
    base = counts.sum(axis=0) / counts.sum()
    rates = (counts + 5 * base) / (counts.sum(axis=1, keepdims=True) + 5)
    score, tested = rates[bins[held]], aim[held]
    given = score[:, 1] if groups == 2 else score
    bounds = delong(tested, given, 1 - (1 - level) / max(claims, 1))
    return series.name, roc_auc(tested, given), bounds


def _numbered(series: pl.Series) -> Floats | None:
    """Return numbers and times as floats with gaps as NaN; None for words."""
    if series.dtype.is_temporal():
        series = series.cast(pl.Int64)
    if not (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        return None
    return series.cast(pl.Float64).to_numpy().astype(np.float64)


def _worded(series: pl.Series) -> Codes:
    """Return the rank of each word by frequency, all rare ones as one, gaps last."""
    counts = series.drop_nulls().alias("value").value_counts(sort=True, name="n").head(_MOST_WORDS)
    words = counts.get_column("value").to_list()
    ranks = series.replace_strict(
        words, range(len(words)), default=_MOST_WORDS, return_dtype=pl.Int64
    )
    return ranks.set(series.is_null(), _MOST_WORDS + 1).to_numpy().astype(np.int64)


def _binned(series: pl.Series) -> Codes:
    values = _numbered(series)
    if values is None:
        return _worded(series)
    known = values[np.isfinite(values)]
    if not known.size:
        return np.zeros(values.size, np.int64)
    distinct = np.unique(known)
    edges = distinct if distinct.size <= _BINS else np.unique(
        np.quantile(known, np.arange(1, _BINS) / _BINS)
    )  # fmt: skip
    found = np.searchsorted(edges, values, "left").astype(np.int64)
    found[~np.isfinite(values)] = edges.size + 1
    return found


def _told_by_all(frame: pl.DataFrame, aim: Codes, held: Bools, groups: int, seed: int) -> Floats:
    """Return the scores of a small LightGBM on the rows held out, [N] or [N, K]."""
    import lightgbm

    features = np.empty((frame.height, frame.width))
    words = []
    for place, series in enumerate(frame):
        values = _numbered(series)
        if values is None:
            words.append(place)
            values = _worded(series).astype(np.float64)
        features[:, place] = values
    goal = (
        {"objective": "binary"} if groups == 2 else {"objective": "multiclass", "num_class": groups}
    )
    rows = lightgbm.Dataset(
        features[~held], aim[~held], categorical_feature=words, params={"verbose": -1}
    )
    model = lightgbm.train(_MODEL | goal | {"seed": seed}, rows, max(_TREES // groups, 10))
    return np.asarray(model.predict(features[held]))
