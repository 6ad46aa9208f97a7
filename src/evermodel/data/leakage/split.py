"""What leaks from the rows that are learned from into those that are tested on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.bands import column
from evermodel.data.intake import row_text, take
from evermodel.data.leakage.shown import side_by_side
from evermodel.data.leakage.sides import Flags, Sides, moments, row_times, sides
from evermodel.data.leakage.target_formulas import formulas
from evermodel.data.leakage.written_afterwards import gaps_that_tell, later_dates
from evermodel.data.naming import is_identifier, is_row_number, is_weight
from evermodel.data.roles import is_text
from evermodel.data.target import labels
from evermodel.project import ROW_ORDER
from evermodel.records import CheckResult, Task, Verdict
from evermodel.stats.intervals import wilson

__all__ = ["copies_by_chance", "split_leakage"]

_MATERIAL = 0.01
_MOST_BY_CHANCE = 1 / 3
_MOST_COLUMNS = 60
_DIGITS = 9


def split_leakage(
    frame: Any,
    *,
    target: str,
    task: Task,
    key: Sequence[str] = (),
    time: str = "",
    split: str | pl.Series = "random",
    test_share: float = 0.2,
    known_after: timedelta = timedelta(0),
    columns: Sequence[str] | None = None,
) -> tuple[CheckResult, ...]:
    """Return what the test would know already, and how to split or what to leave out instead.

    `evidence["propose"]` names the way out where there is one. Shares of a random split are the
    mean over all random splits by row; those of a given one are counted.

    - `entity_across_split`: test rows whose key training has too ("keep groups of KEY together").
      Of a split by time it is told and never held against it: who is known is predicted again.
    - `equal_rows_across_split`: test rows that training has word for word, blanks, case and the
      ninth digit aside ("keep equal rows together"). Nothing is claimed where rows of few values
      are alike by chance (see `copies_by_chance`), or where equal rows do not share an outcome.
    - `time_across_split`: test rows older than the newest row of training ("split by time").
    - `outcomes_across_split`: rows of training whose outcome was not known yet, `known_after`
      their time, when the test began.
    - `target_from_columns`: columns that make up the target exactly (see `target_formulas`).
    - `gaps_tell_target`, `later_than_row`: columns that seem to be written afterwards.

    Parameters
    ----------
    frame : DataFrame or Table
        All rows, of training and test.
    target, task : str, Task
        The column of the truth, and its kind.
    key : sequence of str
        Columns that name who or what a row is about.
    time : str
        Column of the moment of each row, or "row order".
    split : str or Series of bool
        "random" (by row), "time" (the newest rows are the test), the name of a column that says
        test or train, or for each row whether it is tested on.
    test_share : float
        Part of the rows to test on, where `split` is "random" or "time".
    known_after : timedelta
        How long after a row its outcome is known.
    columns : sequence of str, optional
        Columns to learn from: by default all that have no other role.

    References
    ----------
    Kapoor, Narayanan (2023), "Leakage and the Reproducibility Crisis in Machine-Learning-Based
    Science"; Wilson (1927) (intervals of shares).

    Examples
    --------
    >>> texts = [f"please call me back on line {i % 40}, it is urgent" for i in range(50)]
    >>> table = pl.DataFrame({"text": texts, "spam": ["yes", "no"] * 25})
    >>> (found,) = split_leakage(table, target="spam", task="binary")
    >>> found.name, found.verdict, found.evidence["propose"]
    ('equal_rows_across_split', 'warn', 'keep equal rows together')

    Raises
    ------
    DataError
        When a column is not there, the time is none, or one side of the split would be empty.
    InputError
        When `test_share` is no share, or a split by time has no time.
    """
    data = take(frame).frame
    named = [split] if isinstance(split, str) and split not in ("random", "time") else []
    timed = [time] if time and time != ROW_ORDER else []
    for name in (target, *key, *timed, *named, *(columns or ())):
        column(data, name)
    stamps = row_times(data, time)
    cut = sides(data, split, stamps, test_share)
    roles = {target, time, *key, *named}
    used = list(columns) if columns is not None else [n for n in data.columns if n not in roles]
    features = {name: data[name] for name in used}
    results: list[CheckResult] = []
    if key:
        results += _entities(data, key, cut)
    results += _equal_rows(features, data[target], task, cut)
    if stamps is not None:
        results += _times(stamps, cut, known_after)
        results += later_dates(features, stamps)
    results += _formulas(features, data[target], task)
    results += gaps_that_tell(features, data[target], task)
    return tuple(results)


def _groups(frame: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Return a number for each distinct row, and -1 where nothing is known in it."""
    none = frame.select(pl.all_horizontal(pl.all().is_null())).to_series().to_numpy().astype(bool)
    found = frame.select(pl.struct(pl.all()).rank("dense").cast(pl.Int64) - 1).to_series()
    return np.where(none, -1, found.to_numpy().astype(np.int64))


def _entities(frame: pl.DataFrame, key: Sequence[str], cut: Sides) -> Iterator[CheckResult]:
    group = _groups(frame.select(key))
    known = np.unique(group[group >= 0]).size
    if known == int((group >= 0).sum()):
        return
    share, named = cut.beside(group), ", ".join(key)
    why = f"in {cut.how}, {share:.1%} of the test rows are of a {named} that training has too"
    if cut.by_time:
        why += "; that is as it will be, if those who are known come again"
    else:
        why += ": a model may know them by heart, and be worse for those who are new"
    yield _share(
        "entity_across_split", named, share, cut.tested(frame.height), why,
        propose="" if cut.by_time else f"keep groups of {named} together",
        evidence={"entities": known, **_first_twins(frame.select(key), group, cut)},
    )  # fmt: skip


def _share(
    name: str,
    subject: str,
    share: float,
    n: int,
    why: str,
    *,
    propose: str,
    evidence: dict[str, Any],
    verdict: Verdict | None = None,
) -> CheckResult:
    """One share of the test rows; it warns where there is a way out and one row in 100 needs it."""
    low, high, level, method = wilson(share * n, n)
    warns = bool(propose) and low > _MATERIAL
    shown = {"rows": [], "examples": []} | evidence
    return CheckResult(
        name=name,
        subject=subject,
        value=share,
        unit="share",
        low=low,
        high=high,
        level=level,
        n=n,
        max=_MATERIAL,
        verdict=verdict or ("warn" if warns else "pass"),
        why=why,
        method=method,
        evidence=shown | ({"propose": propose} if warns else {}),
    )


def _normal(series: pl.Series) -> pl.Series:
    """Return values that are equal where people would call them so."""
    if series.dtype == pl.String:
        return series.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    return series.round_sig_figs(_DIGITS) if series.dtype.is_float() else series


def copies_by_chance(frame: pl.DataFrame) -> float:
    """Return which part of the pairs of equal rows chance explains; 0 where there are none.

    Rows that agree in all columns but one, and differ there, are alike by chance. How many more
    of these agree in that column too follows from how often any two rows do; the column that
    explains most is taken. Copies agree in everything, and hardly ever in all but one.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> coarse = pl.DataFrame({name: rng.integers(0, 4, 500) for name in "abc"})
    >>> fine = pl.DataFrame({name: rng.normal(size=500) for name in "abc"})
    >>> copies_by_chance(coarse) > 0.9, copies_by_chance(pl.concat([fine, fine[:50]]))
    (True, 0.0)
    """
    equal = _pairs(frame)
    if not equal:
        return 0.0
    if frame.width == 1:
        return 1.0
    n, explained = frame.height, 0.0
    for name in frame.columns[:_MOST_COLUMNS]:
        alike = _pairs(frame.select(name)) / (n * (n - 1) / 2)
        if alike < 1:
            nearly = _pairs(frame.drop(name)) - equal
            explained = max(explained, nearly * alike / (1 - alike))
    return min(explained / equal, 1.0)


def _pairs(frame: pl.DataFrame) -> float:
    counts = frame.hash_rows(seed=0).value_counts(name="n")["n"].to_numpy().astype(np.float64)
    return float((counts * (counts - 1) / 2).sum())


def _equal_rows(
    features: dict[str, pl.Series], target: pl.Series, task: Task, cut: Sides
) -> Iterator[CheckResult]:
    kept = {
        name: _normal(series)
        for name, series in features.items()
        if not (is_identifier(name) or is_row_number(name) or is_weight(name))
    }
    if not kept:
        return
    frame = pl.DataFrame(list(kept.values()))
    group = _groups(frame)
    share = cut.beside(group)
    if share == 0:
        return
    written = any(is_text(features[name]) for name in kept)
    chance = 0.0 if written else copies_by_chance(frame)
    same = _same_answer(group, labels(target)) if task != "regression" else None
    why = (
        f"in {cut.how}, {share:.1%} of the test rows stand in training too, in all but the outcome"
    )
    propose = "keep equal rows together"
    if chance > _MOST_BY_CHANCE:
        why += "; the columns have so few values that rows are often alike by chance"
        propose = ""
    elif same is not None:
        right, usual, twins = same
        if wilson(right * twins, twins).low > usual:
            why += f": of these a model that only remembers gets {right:.0%} right"
        else:
            why += "; but their outcomes differ, so that it does not help to remember them"
            propose = ""
    evidence = {
        **_first_twins(pl.DataFrame([*features.values(), target]), group, cut),
        "by_chance": round(chance, 3),
        "remembered_right": same[0] if same else None,
        "twins_in_test": round(share * cut.tested(frame.height)),
    }
    yield _share(
        "equal_rows_across_split", "rows", share, cut.tested(frame.height), why,
        propose=propose, evidence=evidence,
    )  # fmt: skip


def _first_twins(frame: pl.DataFrame, group: npt.NDArray[np.int64], cut: Sides) -> dict[str, Any]:
    """Return the first rows of a group that stands, or may stand, on both sides of the split."""
    sizes = np.bincount(group[group >= 0], minlength=1)
    if cut.test is None:
        torn = sizes > 1
    else:
        tested = np.bincount(group[(group >= 0) & cut.test], minlength=sizes.size)
        torn = (tested > 0) & (tested < sizes)
    rows = np.flatnonzero((group >= 0) & torn[np.maximum(group, 0)])
    if rows.size:
        rows = rows[group[rows] == group[rows[0]]]
    if cut.test is not None:  # one of each side first
        rows = rows[np.argsort(_turn_of(cut.test[rows]), kind="stable")]
    shown = rows[:5].tolist()
    return {"rows": shown, "examples": [row_text(frame.row(row)) for row in shown[:3]]}


def _turn_of(side: Flags) -> npt.NDArray[np.int64]:
    """Return the turn of each row among those of its side."""
    return np.where(side, np.cumsum(side), np.cumsum(~side))


def _same_answer(group: npt.NDArray[np.int64], aim: pl.Series) -> tuple[float, float, int] | None:
    """Return how often the outcome of an equal row is right, of any row, and the groups of equals.

    Rows of one group are no separate cases, so that the groups are what the rate is known by.
    """
    rows = pl.DataFrame({"g": group, "y": aim}).filter(pl.col("y").is_not_null())
    shares = rows["y"].value_counts(normalize=True, name="p")["p"].to_numpy()
    each = rows.filter(pl.col("g") >= 0).group_by("g", "y").len("own")
    each = each.with_columns(all=pl.col("own").sum().over("g")).filter(pl.col("all") > 1)
    if each.is_empty():
        return None
    right = each.select(
        (pl.col("own") * (pl.col("own") - 1) / (pl.col("all") - 1)).sum() / pl.col("own").sum()
    )
    return float(right.item()), float((shares**2).sum()), each["g"].n_unique()


def _times(stamps: pl.Series, cut: Sides, known_after: timedelta) -> Iterator[CheckResult]:
    when, known = moments(stamps)
    n = cut.tested(stamps.len())
    if cut.test is None or cut.learned is None:
        # The newest row of training is all but the newest of all.
        share = float((when[known] < when[known].max()).mean())
    else:
        learned, tested = when[cut.learned & known], when[cut.test & known]
        share = float((tested < learned.max()).mean()) if learned.size and tested.size else 0.0
    why = f"in {cut.how}, {share:.1%} of the test rows are older than the newest row of training"
    if share > 0:
        why += ": a model may learn from what came after them, which it cannot in use"
    yield _share(
        "time_across_split", stamps.name, share, n, why, propose="split by time",
        evidence=_newest_and_oldest(stamps, cut),
    )  # fmt: skip
    if known_after and isinstance(stamps.dtype, (pl.Datetime, pl.Date)):
        yield from _outcomes(stamps.cast(pl.Datetime("us")), cut, known_after)


def _outcomes(stamps: pl.Series, cut: Sides, known_after: timedelta) -> Iterator[CheckResult]:
    when, known = moments(stamps)
    if cut.learned is None or cut.test is None:
        return
    learned, tested = when[cut.learned & known], when[cut.test & known]
    if not learned.size or not tested.size:
        return
    late = known_after / timedelta(microseconds=1)
    early = float((learned + late > tested.min()).mean())
    days = known_after / timedelta(days=1)
    yield _share(
        "outcomes_across_split", stamps.name, early, learned.size,
        f"of {early:.1%} of the rows of training the outcome was not known yet when the test began",
        propose=f"split by time, and leave out the {days:g} days before the test",
        evidence={"known_after_days": days, **_newest_and_oldest(stamps, cut)},
    )  # fmt: skip


def _newest_and_oldest(stamps: pl.Series, cut: Sides) -> dict[str, Any]:
    """Return the newest row that is (or may be) learned from, and the oldest that is tested on."""
    learned = pl.Series(np.ones(stamps.len(), np.bool_) if cut.learned is None else cut.learned)
    tested = pl.Series(cut.test) if cut.test is not None else learned
    rows, said = [], []
    for side, newest in ((learned, True), (tested, False)):
        some = (stamps.is_not_null() & side).arg_true()
        when = stamps.gather(some)
        at = when.arg_max() if newest else when.arg_min()
        if at is not None:
            rows.append(int(some[at]))
            said.append(f"{stamps[rows[-1]]}, {'learned from' if newest else 'tested on'}")
    return {"rows": rows, "examples": said}


def _formulas(
    features: dict[str, pl.Series], target: pl.Series, task: Task
) -> Iterator[CheckResult]:
    for found in formulas(features, target, task):
        low, high, level, method = wilson(round(found.share * found.rows), found.rows)
        left = ", ".join(found.columns)
        yield CheckResult(
            name="target_from_columns",
            subject=left,
            value=found.share,
            unit="share",
            low=low,
            high=high,
            level=level,
            n=found.rows,
            max=found.needed,
            verdict="fail",
            why=f"{found.said}, so they are only known together with the target",
            method=method,
            evidence={
                **side_by_side([features[name] for name in found.columns], target),
                "propose": f"leave out {left}",
                "leave_out": list(found.columns),
            },
        )
