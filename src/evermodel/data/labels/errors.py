"""Labels that look wrong, ranked for people to look at: nothing is corrected or left out here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.bands import column
from evermodel.data.copies.twins import twin_groups
from evermodel.data.intake import take
from evermodel.data.labels.held_out import deal_folds, held_out_probabilities
from evermodel.data.labels.noise import NoiseRate, noise_rate
from evermodel.data.labels.odd_targets import odd_amounts
from evermodel.data.naming import is_identifier, is_row_number, is_weight
from evermodel.data.roles import is_text
from evermodel.data.target import labels, target_advice
from evermodel.records import CheckResult, Task, Verdict

__all__ = ["LabelErrors", "Suspect", "label_errors"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_LEAST_OF_CLASS = 20
_LEAST_ROWS = 100
_FEW_WRONG = 0.03
_PROVEN = 0.01
_SHORT_LIST = 30
_LONG_LIST = 1000
_SHOWN = 5
_SURELY = 0.05
_FILTER = "confident_learning"


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A row whose label to look at: the lower its `quality`, from 0 to 1, the sooner."""

    row: int
    given: str
    suggested: str
    quality: float


class LabelErrors(msgspec.Struct, frozen=True, kw_only=True):
    """Rows to look at, the most suspicious first, how many labels may be wrong, and the result."""

    target: str
    task: Task
    rows: int
    suspects: tuple[Suspect, ...]
    noise: NoiseRate | None
    result: CheckResult


def label_errors(
    frame: Any,
    *,
    target: str,
    leave_out: Sequence[str] = (),
    seed: int = 0,
    rows: int = 20_000,
) -> LabelErrors:
    """Return the rows whose label looks wrong, ranked for review, and how many labels may be.

    A quick model judges each row without having learned from it or its twins (5 folds, see
    `twin_groups`). Of classes, those rows are listed which confident learning finds or whose label
    the model all but excludes, by the margin of their own class, and no more than may be wrong (30
    are listed in any case, and 1,000 at most); see `noise_rate` for how many that is. Its
    interval begins at 0 where hard rows would look the same as wrong labels. Of amounts, those
    that lie where no other row of their kind does are listed, see `odd_amounts`. Nothing is known
    of errors that the columns cannot show.

    Parameters
    ----------
    frame : DataFrame or Table
        The data.
    target : str
        Column of the labels; rows without one are left aside.
    leave_out : sequence of str
        Columns not to judge by: keys, and what is only known together with the label.
        Identifiers, row numbers and sampling weights are left out by their names.
    seed : int
        Of the folds, and of the rows where there are more than `rows`.
    rows : int
        At most so many are judged, drawn at random.

    References
    ----------
    Northcutt, Jiang, Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset
    Labels"; Kuan, Mueller (2022), "Model-agnostic label quality scoring to detect real-world label
    errors" (the ranking).

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=2000)
    >>> kept = np.where(x > 0, "yes", "no")
    >>> kept[7] = "no" if x[7] > 0 else "yes"
    >>> found = label_errors(pl.DataFrame({"x": x, "kept": kept}), target="kept")
    >>> found.suspects[0].row, found.result.verdict
    (7, 'pass')

    Raises
    ------
    DataError
        When it is no table, a column is not there, or nothing can be learned from the target.
    """
    data = take(frame).frame
    for name in (target, *leave_out):
        column(data, name)
    task = target_advice(data[target], where=target).task
    places = data[target].is_not_null().arg_true().to_numpy().astype(np.int64)
    if len(places) > rows:
        places = np.sort(np.random.default_rng(seed).permutation(places)[:rows])
    some = data[places]
    away = {target, *leave_out}
    features = some.select(series for series in some if _teaches(series, away))
    if not features.width or (task == "regression" and some.height < _LEAST_ROWS):
        why = "there is no column to judge the labels by" if not features.width else ""
        return _unknown(target, task, some.height, why or "too few rows to say")
    groups = twin_groups(features).to_numpy().astype(np.int64)
    if task == "regression":
        found = odd_amounts(features, some[target], groups, seed=seed)
        odd = [
            Suspect(row=int(places[one.row]), given=one.given, suggested=one.expected,
                    quality=one.quality)
            for one in found.amounts
        ]  # fmt: skip
        result = _with_rows(found.result, odd)
        return LabelErrors(
            target=target, task=task, rows=some.height, suspects=tuple(odd), noise=None,
            result=result,
        )  # fmt: skip
    return _of_classes(features, labels(some[target]), groups, places, target, task, seed)


def _teaches(series: pl.Series, away: set[str]) -> bool:
    """Say whether a column can be judged by: no names and numbers that each row has its own of."""
    name = series.name
    if name in away or is_identifier(name) or is_row_number(name) or is_weight(name):
        return False
    kinds = series.n_unique()
    return kinds > 1 and (series.dtype != pl.String or is_text(series) or kinds < 0.9 * len(series))


def _unknown(target: str, task: Task, rows: int, why: str, **more: Any) -> LabelErrors:
    name = "odd_targets" if task == "regression" else "label_errors"
    result = CheckResult(
        name=name, subject=target, n=rows, verdict="unknown", why=why,
        evidence={"rows": [], "examples": [], **more},
    )  # fmt: skip
    return LabelErrors(target=target, task=task, rows=rows, suspects=(), noise=None, result=result)


def _of_classes(
    features: pl.DataFrame,
    given: pl.Series,
    groups: Codes,
    places: Codes,
    target: str,
    task: Task,
    seed: int,
) -> LabelErrors:
    sizes = given.alias("name").value_counts(name="n").sort("name")
    rare = sizes.filter(pl.col("n") < _LEAST_OF_CLASS)
    names = sizes.filter(pl.col("n") >= _LEAST_OF_CLASS)["name"].to_list()
    aside = {name: int(n) for name, n in rare.iter_rows()}
    if len(names) < 2:
        why = f"too few rows to say: it takes {_LEAST_OF_CLASS} of at least two classes"
        return _unknown(target, task, given.len(), why, classes_set_aside=aside)
    kept = given.is_in(names).arg_true().to_numpy().astype(np.int64)
    aim = given.gather(kept).replace_strict(names, range(len(names)), return_dtype=pl.Int64)
    y = aim.to_numpy().astype(np.int64)
    folds = deal_folds(y, groups[kept], seed)
    sure = held_out_probabilities(features[kept], y, len(names), folds, seed)
    first = np.unique(groups[kept], return_index=True)[1]
    noise = noise_rate(y[first], sure[first])
    order, quality = _ranked(y, sure, noise)
    said = sure.argmax(axis=1)
    suspects = tuple(
        Suspect(
            row=int(places[kept[row]]),
            given=names[y[row]],
            suggested=names[said[row]],
            quality=float(quality[row]),
        )
        for row in order
    )
    result = _result(target, noise, suspects, float((said == y).mean()), len(y), aside)
    return LabelErrors(
        target=target, task=task, rows=len(y), suspects=suspects, noise=noise, result=result
    )


def _ranked(y: Codes, sure: Floats, noise: NoiseRate) -> tuple[list[int], Floats]:
    """Return the rows to look at in order, and the quality of all labels."""
    from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]
    from cleanlab.rank import get_label_quality_scores  # type: ignore[import-untyped]

    quality = np.asarray(get_label_quality_scores(y, sure, method="normalized_margin"))
    flagged = np.asarray(find_label_issues(y, sure, filter_by=_FILTER, n_jobs=1), bool)
    # Where a class is told almost without doubt, its threshold is above what is sure enough.
    flagged |= quality < _SURELY
    rows = np.flatnonzero(flagged)
    order = rows[np.argsort(quality[rows], kind="stable")]
    most = min(max(round(noise.high * len(y)), _SHORT_LIST), _LONG_LIST)
    return order[:most].tolist(), quality


def _result(
    target: str,
    noise: NoiseRate,
    suspects: tuple[Suspect, ...],
    right: float,
    n: int,
    aside: dict[str, int],
) -> CheckResult:
    verdict: Verdict = "pass" if noise.high <= _FEW_WRONG else "unknown"
    most = f"{noise.high:.1%}"
    if noise.low > _PROVEN:
        verdict = "warn"
        why = (
            f"between {noise.low:.1%} and {most} of the labels seem wrong, in rows that are "
            "easy to tell as often as in others; or a telling column is missing"
        )
    elif verdict == "pass":
        why = (
            f"where rows are easy to tell, at most {most} of the labels are wrong; "
            "of rows that are hard to tell these columns cannot say"
        )
    else:
        why = (
            "rows that are hard to tell look the same as wrong labels here: "
            f"anything from none to {most} of the labels may be wrong"
        )
    if suspects:
        count = min(len(suspects), _SHORT_LIST)
        rows = "the row that stands out" if count == 1 else f"the {count} rows that stand out most"
        why += f"; look at {rows} before you change any label"
    evidence = {
        "to_review": len(suspects),
        "model_right": round(right, 4),
        "measured_in_rows": noise.rows,
        "classes_set_aside": dict(list(aside.items())[:20]),
    }
    found = CheckResult(
        name="label_errors",
        subject=target,
        value=noise.value,
        unit="share",
        low=noise.low,
        high=noise.high,
        level=noise.level,
        n=n,
        max=_PROVEN if verdict == "warn" else _FEW_WRONG,
        verdict=verdict,
        why=why,
        method=noise.method,
        evidence=evidence,
    )
    return _with_rows(found, suspects)


def _with_rows(result: CheckResult, suspects: Sequence[Suspect]) -> CheckResult:
    first = suspects[:_SHOWN]
    shown = [f"{one.given!r}, where {one.suggested!r} would fit" for one in first]
    more = {"rows": [one.row for one in first], "examples": shown}
    return msgspec.structs.replace(result, evidence={**result.evidence, **more})
