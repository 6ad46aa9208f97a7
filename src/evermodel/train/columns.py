"""Which columns are learned from, and the target as numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evermodel.bundle import Input, Repair
from evermodel.bundle.encode import NOT_IN_NAMES
from evermodel.errors import DataError, nearest
from evermodel.project import ROW_ORDER, ROWS_A_CLASS, Project, duration_seconds
from evermodel.records import BINARY, MULTICLASS, REGRESSION
from evermodel.tables import row_hashes
from evermodel.train.prepare import SEEN_AT_LEAST

__all__ = [
    "PREDICTION",
    "Target",
    "blurred_bounds",
    "draw_hashes",
    "feature_inputs",
    "mature_rows",
    "outcome_gap",
    "read_target",
    "row_times",
    "timed_rows",
    "with_target",
    "without_key",
]

PREDICTION = "prediction"
"""Name of the reference's column that holds what the model answers."""

_KNOWN_VALUES = 1000
_LEAST_SPREAD = 1e-300

InputType = Literal["number", "boolean", "category", "timestamp"]


@dataclass(frozen=True)
class Target:
    """The target of N rows: class numbers with their names, or values in regression."""

    y: NDArray[Any]
    classes: tuple[str, ...]
    positive: str

    @property
    def count(self) -> int:
        """How many classes; 1 in regression."""
        return max(1, len(self.classes))


def with_target(frame: pl.DataFrame, project: Project) -> tuple[pl.DataFrame, int]:
    """Return the rows whose target is known, and how many were not.

    Raises
    ------
    DataError
        When the target column is absent or nowhere known.
    """
    name = project.data.target
    if name not in frame.columns:
        word = nearest(name, frame.columns)
        raise DataError(
            f"there is no target column {name!r}",
            found=", ".join(frame.columns[:20]),
            hint=f"did you mean {word!r}?" if word else "set data.target to one of these",
        )
    missing = pl.col(name).is_null()
    if frame[name].dtype.is_float():
        missing |= pl.col(name).is_nan()
    known = frame.filter(~missing)
    if not known.height:
        raise DataError(f"the target {name!r} is missing in every row", hint="bring outcomes")
    return known, frame.height - known.height


def read_target(column: pl.Series, project: Project) -> Target:
    """Return the target as numbers.

    Raises
    ------
    DataError
        When it has one class only, or is no number in regression.
    """
    data = project.data
    if data.task == REGRESSION:
        if not column.dtype.is_numeric():
            raise DataError(
                f"the target {data.target!r} is not a number in every row",
                found=f"for example {column[0]!r}",
                hint='set data.task = "multiclass", or repair the values',
            )
        y = column.cast(pl.Float64).to_numpy()
        if not np.isfinite(y).all():
            raise DataError(
                f"the target {data.target!r} holds {int(np.isinf(y).sum())} infinite value(s)",
                hint="repair them, or make them missing: such rows are left out",
            )
        if y.min() == y.max():
            raise DataError(f"the target {data.target!r} has the same value in every row")
        return Target(y, (), "")
    words = column.cast(pl.String)
    classes = tuple(sorted(words.unique().to_list()))
    if len(classes) < 2:
        raise DataError(
            f"the target {data.target!r} has one class only",
            found=repr(classes[0]),
            hint="bring rows of another class: there is nothing to tell apart",
        )
    if data.task == MULTICLASS and len(classes) == 2:
        raise DataError(
            f"the target {data.target!r} has two classes, and the task is multiclass",
            found=" and ".join(map(repr, classes)),
            hint='set data.task = "binary", or bring rows of the other classes',
        )
    if data.task == MULTICLASS and len(column) < ROWS_A_CLASS * len(classes):
        raise DataError(
            f"the target {data.target!r} has too many classes for its rows",
            found=f"{len(classes)} classes in {len(column)} rows",
            hint='join classes, or set data.task = "regression" if they are numbers',
        )
    positive = ""
    if data.task == BINARY:
        positive = _positive(classes, project)
        negative = next(name for name in classes if name != positive)
        classes = (negative, positive)
    codes = {name: number for number, name in enumerate(classes)}
    return Target(words.replace_strict(codes).cast(pl.Int64).to_numpy(), classes, positive)


def _positive(classes: tuple[str, ...], project: Project) -> str:
    data = project.data
    if len(classes) > 2:
        raise DataError(
            f"the target {data.target!r} has {len(classes)} classes, not two",
            found=", ".join(classes[:8]),
            hint='set data.task = "multiclass", or declare a repair that joins spellings',
        )
    positive = data.positive or classes[1]
    if positive not in classes:
        raise DataError(
            f"the positive class {positive!r} does not occur in {data.target!r}",
            found=", ".join(classes),
            hint="set data.positive to one of these",
        )
    return positive


def _input_type(name: str, dtype: pl.DataType) -> InputType:
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_numeric():
        return "number"
    if dtype in (pl.Date, pl.Datetime):
        return "timestamp"
    if dtype in (pl.String, pl.Categorical) or isinstance(dtype, pl.Enum):
        return "category"
    raise DataError(
        f"column {name!r} holds values that no model here can learn from",
        found=str(dtype),
        hint="add it to data.leave_out",
    )


def feature_inputs(
    frame: pl.DataFrame,
    project: Project,
    missing: dict[str, tuple[str, ...]],
    repairs: Mapping[str, Repair] | None = None,
) -> tuple[tuple[Input, ...], tuple[str, ...]]:
    """Return the inputs, and the columns that a client may send and that are passed by.

    Parameters
    ----------
    frame : polars.DataFrame
        The training rows.
    project : Project
    missing : dict
        Words that stand for "missing", by column.
    repairs : mapping, optional
        What is done to raw values before they are read, by column.

    Raises
    ------
    DataError
        When nothing is left to learn from, or a column's name cannot be used.
    """
    data = project.data
    aside = {data.target, data.split, *data.key, *data.leave_out}
    inputs, ignored = [], [name for name in data.leave_out if name in frame.columns]
    ignored += [name for name in (data.split, data.target) if name and name not in ignored]
    for name in frame.columns:
        if name in aside:
            continue
        column = frame[name]
        if column.n_unique() < 2 or data.types.get(name) == "text":
            ignored.append(name)
            continue
        inputs.append(_describe(column, missing.get(name, ()), (repairs or {}).get(name, Repair())))
    for name in (*(item.name for item in inputs), *data.key):
        _require_usable(name)
    if not inputs:
        raise DataError(
            "no column is left to learn from",
            found=", ".join(frame.columns[:20]),
            hint="take some columns out of data.leave_out, or bring more",
        )
    return tuple(inputs), tuple(ignored)


def _require_usable(name: str) -> None:
    if NOT_IN_NAMES.search(name):
        raise DataError(
            "a column's name holds a quote, a backslash or a control character",
            found=repr(name),
            hint="rename the column, or add it to data.leave_out",
        )
    if name == PREDICTION:
        raise DataError(
            f"a column is called {PREDICTION!r}, as the model's own answers are",
            hint="rename the column, or add it to data.leave_out",
        )


def _describe(column: pl.Series, missing: tuple[str, ...], repair: Repair) -> Input:
    kind = _input_type(column.name, column.dtype)
    low = high = values = None
    if kind == "number":
        low, high = blurred_bounds(column)
    elif kind == "category":
        words = column.drop_nulls().cast(pl.String).alias("value").value_counts(sort=True)
        common = words.filter(pl.col("count") >= SEEN_AT_LEAST)["value"].head(_KNOWN_VALUES)
        values = tuple(sorted(common.to_list()))
    return Input(
        name=column.name,
        type=kind,
        missing=missing,
        low=low,
        high=high,
        values=values,
        repair=repair,
    )


def blurred_bounds(column: pl.Series) -> tuple[float | None, float | None]:
    """Return a number at or below the least value and one at or above the largest.

    A bound that few rows hold, such as the highest income, is moved outwards to two digits of the
    column's spread, so that nobody is known by it.

    Examples
    --------
    >>> blurred_bounds(pl.Series([1.0] * 5 + [1234.5]))
    (1.0, 1300.0)
    """
    known = column.cast(pl.Float64).drop_nulls().drop_nans()
    known = known.filter(known.is_finite())
    if not len(known):
        return None, None
    low, high = float(known.min()), float(known.max())  # type: ignore[arg-type]
    spread = high - low
    if not _LEAST_SPREAD < spread < math.inf:
        return low, high
    step = 10.0 ** (math.floor(math.log10(spread)) - 1)
    if (known == low).sum() < SEEN_AT_LEAST:
        low = math.floor(low / step) * step
    if (known == high).sum() < SEEN_AT_LEAST:
        high = math.ceil(high / step) * step
    return low, high


def outcome_gap(frame: pl.DataFrame, project: Project) -> int:
    """Return the label delay in the unit of `row_times`, 0 where rows have no time of the clock."""
    name = project.data.time
    if name not in frame.columns or frame[name].dtype not in (pl.Date, pl.Datetime):
        return 0
    return int(duration_seconds(project.outcome.known_after) * 1_000_000)


def mature_rows(frame: pl.DataFrame, project: Project, now: str) -> tuple[pl.DataFrame, int]:
    """Return the rows whose outcome can be known at the time `now`, and how many are too young.

    An outcome that is written down before its time has passed says only what did not happen yet.
    """
    gap = outcome_gap(frame, project)
    times = row_times(frame, project) if gap else None
    if times is None:
        return frame, 0
    moment = round(datetime.fromisoformat(now).timestamp() * 1_000_000)
    mature = times <= moment - gap
    return frame.filter(pl.Series(mature)), int((~mature).sum())


def timed_rows(frame: pl.DataFrame, project: Project) -> tuple[pl.DataFrame, int]:
    """Return the rows that say when they happened, and how many do not; all where none has to.

    Raises
    ------
    DataError
        When most rows say nothing of their time.
    """
    name = project.data.time
    if name not in frame.columns:
        return frame, 0
    absent = frame[name].null_count()
    if 2 * absent > frame.height:
        raise DataError(
            f"the time {name!r} is missing in {absent} of {frame.height} rows",
            hint='repair them, or set data.time = "row order"',
        )
    return frame.filter(pl.col(name).is_not_null()), absent


def draw_hashes(frame: pl.DataFrame, project: Project, seed: int) -> NDArray[np.uint64]:
    """Return what a random split goes by: the key's hash, or that of all but the outcome.

    A row without a key is a row of its own. Copies of a row stay on one side. Where most rows are
    alike, as in a table of few columns with few values, the place among its likes tells them apart:
    else whole regions would be untested.
    """
    keys = [name for name in project.data.key if name in frame.columns]
    alone = without_key(frame, keys)
    hashes = np.empty(frame.height, dtype=np.uint64)
    if not alone.all():
        hashes[~alone] = row_hashes(frame.filter(~alone).select(keys), seed=seed)
    if alone.any():
        rows = row_hashes(frame.filter(alone).drop(project.data.target), seed=seed)
        if len(np.unique(rows)) * 2 < len(rows):
            place = pl.int_range(pl.len()).over("hash").alias("place")
            rows = row_hashes(pl.DataFrame({"hash": rows}).select("hash", place), seed=seed)
        hashes[alone] = rows
    return hashes


def without_key(frame: pl.DataFrame, keys: Sequence[str]) -> NDArray[np.bool_]:
    """Return which rows say nothing of whom or what they are about.

    Examples
    --------
    >>> rows = pl.DataFrame({"shop": [1, None], "customer": [None, None]})
    >>> without_key(rows, ["shop", "customer"])
    array([False,  True])
    """
    if not keys:
        return np.ones(frame.height, dtype=bool)
    return frame.select(pl.all_horizontal(pl.col(keys).is_null())).to_series().to_numpy()


def row_times(frame: pl.DataFrame, project: Project) -> NDArray[np.int64] | None:
    """Return when each row happened (microseconds, or its row number), or None without time.

    Raises
    ------
    DataError
        When the time column is absent, is no time, or is missing in some rows.
    """
    name = project.data.time
    if not name:
        return None
    if name == ROW_ORDER:
        return np.arange(frame.height, dtype=np.int64)
    if name not in frame.columns:
        raise DataError(f"there is no time column {name!r}", found=", ".join(frame.columns[:20]))
    column = frame[name]
    if column.null_count():
        raise DataError(
            f"the time {name!r} is missing in {column.null_count()} rows",
            hint='repair them, or set data.time = "row order"',
        )
    if column.dtype in (pl.Date, pl.Datetime):
        return column.cast(pl.Datetime("us")).to_physical().to_numpy()
    if column.dtype.is_numeric():
        return column.rank("dense").cast(pl.Int64).to_numpy()
    raise DataError(
        f"the time column {name!r} holds no times",
        found=f"for example {column[0]!r}",
        hint='write them as 2026-01-31 or 2026-01-31T12:00:00, or set data.time = "row order"',
    )
