"""What differs between groups: how often a value is missing, and how the truth falls out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.bands import column, group_edges, grouped
from evermodel.data.groups.intervals import Sample, joint_z, judged, newcombe, worth
from evermodel.data.intake import numbers, take
from evermodel.data.target import labels
from evermodel.errors import DataError
from evermodel.records import CheckResult, Task, Verdict

__all__ = ["label_rate_by_group", "missingness_by_group"]

_FEWEST = 30
_FEWEST_CLUSTERS = 20
_LONGEST = 80
_METHOD = "Newcombe (1998) from Wilson's bounds, Bonferroni over all groups"


class _Contrast(msgspec.Struct, frozen=True, kw_only=True):
    """One group against all other rows: values, the bounds of their difference, and the rows."""

    column: str
    group: str
    own: float
    others: float
    low: float
    high: float
    n: int
    n_others: int
    least: float
    most: float
    worth: float
    enough: bool = True

    @property
    def verdict(self) -> Verdict:
        """Unknown where rows or clusters are too few, else as the interval says."""
        return judged(self.low, self.high, self.least, self.most) if self.enough else "unknown"

    @property
    def slice(self) -> str:
        """The group, as tables and pictures name it."""
        return f"{self.column}={self.group}"

    @property
    def where(self) -> str:
        """The group in a sentence."""
        return f"{self.column!r} is {self.group!r}"


def missingness_by_group(
    frame: Any,
    groups: Sequence[str],
    columns: Sequence[str] | None = None,
    *,
    cluster: str = "",
    edges: Mapping[str, Sequence[float]] | None = None,
    margin: float = 0.05,
    level: float = 0.95,
) -> tuple[CheckResult, ...]:
    """Return where a value is missing more often in one group than in all others.

    One result for each column with gaps and each column of groups (its group that differs most),
    and one more for every further group that differs by more than `margin`. All differences of a
    call hold together with confidence `level`. A group of fewer than 30 rows, or whose difference
    is known worse than the margin, is "unknown".

    Parameters
    ----------
    frame : DataFrame or Table
        Gaps are what the reader took for missing.
    groups, columns : sequence of str
        Columns that make groups, and those to look for gaps in (all others by default).
    cluster : str
        Column whose equal values are not independent: a customer, or a day or month where gaps
        come in runs.
    edges : mapping, optional
        Edges of bands of numbers; fifths by default.
    margin : float
        A difference of shares that is material.

    References
    ----------
    Newcombe (1998), method 10, with Bonferroni; clusters by the linearised variance of a ratio.

    Examples
    --------
    >>> age = [30] * 400 + [None] * 100 + [30] * 500
    >>> table = pl.DataFrame({"shop": ["a"] * 500 + ["b"] * 500, "age": age})
    >>> [(r.subject, r.slice, r.value, r.verdict) for r in missingness_by_group(table, ["shop"])]
    [('age', 'shop=a', 0.2, 'warn'), ('age', 'shop=b', -0.2, 'warn')]

    Raises
    ------
    DataError
        When a column is not there or makes too many groups.
    """
    data = take(frame).frame
    parts = _parts(data, groups, edges)
    bundles = column(data, cluster) if cluster else None
    looked = columns if columns is not None else [n for n in data.columns if n not in parts]
    gaps = {n: column(data, n).is_null() for n in looked if column(data, n).null_count()}
    claims = len(gaps) * sum(part.n_unique() for part in parts.values())
    z = joint_z(level, claims)
    results: list[CheckResult] = []
    for name, gap in gaps.items():
        for part in parts.values():
            if part.name == name:
                continue
            found = list(_rates(part, gap, bundles, z, (-margin, margin)))
            found.sort(key=lambda one: (one.verdict != "warn", -abs(one.own - one.others)))
            shown = [one for one in found if one.verdict == "warn"] or found[:1]
            results += [_gaps(name, one, level) for one in shown]
    return tuple(results)


def _gaps(name: str, one: _Contrast, level: float) -> CheckResult:
    why = (
        f"{_short(repr(name))} is missing in {one.own:.1%} of the rows where {_short(one.where)} "
        f"and in {one.others:.1%} of the others"
    )
    if one.verdict == "warn" and one.own > one.others:
        why += "; a model knows less of this group, and may take the gap for the group itself"
    elif one.verdict == "warn":
        why += "; a model knows more of this group than of the others"
    return _result("missing_by_group", name, one, why, level, _METHOD)


def label_rate_by_group(
    frame: Any,
    groups: Sequence[str],
    target: str,
    task: Task,
    *,
    positive: str = "",
    cluster: str = "",
    edges: Mapping[str, Sequence[float]] | None = None,
    margin: float = 0.2,
    least: float = 0.01,
    level: float = 0.95,
) -> tuple[CheckResult, ...]:
    """Return how the truth differs between each group and all others.

    The share of `positive` rows in a binary task; of each class in a multiclass one, of which the
    class that differs most is told; the mean in a regression. All differences of a call hold
    together with confidence `level`. A group of fewer than 30 rows, or whose difference is known
    worse than the margin, is "unknown".

    Parameters
    ----------
    frame : DataFrame or Table
        Rows without a truth or a group are left aside.
    groups, target, task : sequence of str, str, Task
        Columns that make groups, the column of the truth, and its kind.
    positive : str
        The class that is counted; the rarer one by default.
    cluster : str
        Column whose equal values are not independent, such as a customer.
    margin, least : float
        A difference of shares is material above `margin` times the rate in all rows (of the rarer
        side) and above `least`; of means above `margin` times the standard deviation.

    References
    ----------
    Newcombe (1998), method 10, with Bonferroni; Welch (1947) for means.

    Examples
    --------
    >>> told = ["yes"] * 150 + ["no"] * 350 + ["yes"] * 50 + ["no"] * 450
    >>> table = pl.DataFrame({"sex": ["m"] * 500 + ["f"] * 500, "paid": told})
    >>> for r in label_rate_by_group(table, ["sex"], "paid", "binary"):
    ...     print(r.slice, round(r.value, 2), r.verdict)
    sex=f -0.2 warn
    sex=m 0.2 warn

    Raises
    ------
    DataError
        When a column is not there or makes too many groups, no row has a truth, or `positive` is
        not among the classes.
    """
    data = take(frame).frame
    truth = column(data, target)
    data = data.filter(truth.is_not_null())
    if not data.height:
        raise DataError(f"no row has a value of {target!r}")
    parts = _parts(data, [name for name in groups if name != target], edges)
    bundles = column(data, cluster) if cluster else None
    count = sum(part.n_unique() for part in parts.values())
    if task == "regression":
        amount = numbers(data[target])
        z = joint_z(level, count)
        return tuple(
            _labelled(one, target, "", level)
            for part in parts.values()
            for one in _means(part, amount, bundles, z, margin)
        )
    names = labels(data[target])
    sizes = names.alias("value").value_counts(sort=True, name="n").get_column("value").to_list()
    if positive and positive not in sizes:
        raise DataError(
            f"the class {positive!r} does not occur in {target!r}",
            found=", ".join(map(repr, sizes[:5])),
        )
    if task == "binary":
        sizes = [positive or sizes[-1]]
    z = joint_z(level, count * len(sizes))
    results = []
    for part in parts.values():
        best: dict[str, tuple[_Contrast, str]] = {}
        for name in sizes:
            hit = (names == name).alias(target)
            share = float(hit.sum()) / hit.len()
            allowed = max(least, margin * min(share, 1 - share))
            for one in _rates(part, hit, bundles, z, (-allowed, allowed)):
                if one.group not in best or _excess(one) > _excess(best[one.group][0]):
                    best[one.group] = one, str(name)
        results += [_labelled(one, target, name, level) for one, name in best.values()]
    return tuple(results)


def _excess(one: _Contrast) -> float:
    """How far the nearer end of the interval lies beyond what is allowed, against its size."""
    return max(one.low / one.most, one.high / one.least)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _labelled(one: _Contrast, target: str, name: str, level: float) -> CheckResult:
    if name:
        why = (
            f"{_short(repr(target))} is {_short(repr(name))} in {one.own:.1%} of the rows where "
            f"{_short(one.where)} and in {one.others:.1%} of the others"
        )
    else:
        why = (
            f"{_short(repr(target))} is {one.own:,.6g} on average where {_short(one.where)} and "
            f"{one.others:,.6g} elsewhere"
        )
    if one.verdict == "warn":
        why += "; a model learns this difference, whether it is fair or a fault of the records"
    method = _METHOD if name else "Welch (1947), Bonferroni over all groups"
    return _result("label_rate_by_group", target, one, why, level, method)


def _result(
    name: str, subject: str, one: _Contrast, why: str, level: float, method: str
) -> CheckResult:
    unit = "" if method.startswith("Welch") else "share"
    if one.verdict == "unknown":
        why += "; too few rows to say"
        if one.enough and one.high > one.low:
            factor = ((one.high - one.low) / (one.most - one.least)) ** 2
            why += f": it takes about {math.ceil(one.n * factor):,} rows of this group"
    return CheckResult(
        name=name,
        subject=subject,
        slice=one.slice,
        value=one.own - one.others,
        unit=unit,
        low=one.low,
        high=one.high,
        level=level,
        n=one.n,
        min=one.least,
        max=one.most,
        verdict=one.verdict,
        why=why,
        method=method,
        evidence={
            "rows": [],
            "examples": [
                f"{one.slice}: {_amount(one.own, unit)} of {one.n:,} rows",
                f"others: {_amount(one.others, unit)} of {one.n_others:,} rows",
            ],
            "here": one.own,
            "others": one.others,
            "worth": round(one.worth, 1),
        },
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:.1%}" if unit == "share" else f"a mean of {value:,.6g}"


def _parts(
    frame: pl.DataFrame, groups: Sequence[str], edges: Mapping[str, Sequence[float]] | None
) -> dict[str, pl.Series]:
    banding = group_edges(groups, frame, edges=edges)
    return {name: grouped(frame[name], banding.get(name, ())) for name in groups}


def _rates(
    part: pl.Series,
    hit: pl.Series,
    cluster: pl.Series | None,
    z: float,
    allowed: tuple[float, float],
) -> Iterator[_Contrast]:
    """Yield each group's share of hits against that of all other rows that have a group."""
    known = part.is_not_null()
    names, hits = part.filter(known), hit.filter(known)
    bundles = cluster.filter(known) if cluster is not None else None
    for name in names.unique().sort().to_list():
        inside = names == name
        own, rest = (_sample(hits, bundles, where) for where in (inside, ~inside))
        n = int(inside.sum())
        if n == names.len():
            continue
        low, high = newcombe(own, rest, z)
        yield _Contrast(
            column=part.name,
            group=str(name),
            own=own[0],
            others=rest[0],
            low=low,
            high=high,
            n=n,
            n_others=names.len() - n,
            least=allowed[0],
            most=allowed[1],
            worth=own[1],
            enough=_enough(inside, bundles),
        )


def _sample(hits: pl.Series, cluster: pl.Series | None, where: pl.Series) -> Sample:
    some = hits.filter(where)
    if cluster is None:
        return float(some.sum()) / max(some.len(), 1), float(some.len())
    found = worth(some.cast(pl.String), cluster=cluster.filter(where))
    share, size = found.get("true", (0.0, 0.0))
    return share, size or min((s for _, s in found.values()), default=0.0)


def _enough(inside: pl.Series, cluster: pl.Series | None) -> bool:
    few = min(int(inside.sum()), int((~inside).sum())) < _FEWEST
    if cluster is None or few:
        return not few
    sides = [cluster.filter(where).n_unique() for where in (inside, ~inside)]
    return min(sides) >= _FEWEST_CLUSTERS


def _means(
    part: pl.Series, amount: pl.Series, cluster: pl.Series | None, z: float, margin: float
) -> Iterator[_Contrast]:
    known = part.is_not_null() & amount.is_finite().fill_null(value=False)
    names, values = part.filter(known), amount.filter(known).to_numpy().astype(np.float64)
    if not values.size:
        return
    bundles = cluster.filter(known) if cluster is not None else None
    allowed = margin * float(values.std())
    for name in names.unique().sort().to_list():
        inside = (names == name).to_numpy()
        if inside.all():
            continue
        own, rest = (_mean(values, bundles, where) for where in (inside, ~inside))
        reach = _reach(z, own, rest) * math.hypot(own[1], rest[1])
        off = own[0] - rest[0]
        yield _Contrast(
            column=part.name,
            group=str(name),
            own=own[0],
            others=rest[0],
            low=off - reach,
            high=off + reach,
            n=int(inside.sum()),
            n_others=int((~inside).sum()),
            least=-allowed,
            most=allowed,
            worth=own[2],
            enough=_enough(pl.Series(inside), bundles),
        )


def _mean(
    values: npt.NDArray[np.float64], cluster: pl.Series | None, where: npt.NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return the mean, its standard error, and the number of independent values it is worth."""
    some = values[where]
    middle, n = float(some.mean()), some.size
    plain = float(some.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    if cluster is None:
        return middle, plain, float(n)
    rest = pl.DataFrame({"c": cluster.filter(pl.Series(where)), "r": some - middle})
    sums = rest.group_by("c").agg(pl.col("r").sum())["r"].to_numpy()
    error = math.sqrt(float((sums**2).sum()) * sums.size / max(sums.size - 1, 1)) / n
    return middle, max(error, plain), float(min(sums.size, n))


def _reach(z: float, own: tuple[float, float, float], rest: tuple[float, float, float]) -> float:
    """Return Student's quantile with Welch's degrees of freedom in place of the normal z."""
    from scipy.special import ndtr, stdtrit

    errors = own[1] ** 2 + rest[1] ** 2
    if not 0 < errors < math.inf:
        return z
    parts = sum(one[1] ** 4 / max(one[2] - 1, 1) for one in (own, rest))
    return float(stdtrit(max(errors**2 / parts, 1.0), ndtr(z)))
