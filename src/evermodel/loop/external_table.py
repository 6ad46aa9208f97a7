"""A table of predictions: which column is what, and what is to be measured of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from evermodel.data.target import labels, target_advice
from evermodel.errors import InputError, nearest
from evermodel.project import Outcome
from evermodel.records import Task
from evermodel.stats.arrays import Floats
from evermodel.stats.thresholds import bayes_threshold
from evermodel.tables import read

__all__ = ["TASKS", "Answered", "Columns"]

TASKS = ("binary", "multiclass", "multilabel", "regression", "quantile", "ranking")
_ROLES = ("truth", "score", "prediction", "low", "high", "query", "weight", "key", "time", "group")
_CODES = 20
"""Distinct whole numbers up to which outcomes are taken for classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What somebody's model answered; see `evermodel.evaluate.Predictions`."""

    task: Task
    classes: Sequence[str] = ()
    positive: str = ""
    probability: Any = None
    value: Any = None
    low: Any = None
    high: Any = None
    label: Any = None


@dataclass(slots=True)
class Columns:
    """The table, the columns of each role, and the task; `notes` say what was found out."""

    frame: pl.DataFrame
    of_role: Mapping[str, tuple[str, ...]]
    quantiles: Mapping[str, float]
    asked: Mapping[str, Any]
    task: str = ""
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, data: object, named: Mapping[str, Any]) -> Columns:
        """Read a table and find the columns in it."""
        table = read(os.fspath(data) if isinstance(data, os.PathLike) else data)
        frame, where = table.frame, data if isinstance(data, str | os.PathLike) else ""
        of_role = {role: _split(named.get(role) or (), frame.columns) for role in _ROLES}
        quantiles = dict(named.get("quantiles") or {})
        for name in [name for of in of_role.values() for name in of] + list(quantiles):
            if name not in frame.columns:
                near = nearest(name, frame.columns)
                known = f"its columns are {', '.join(frame.columns[:20])}"
                hint = f"did you mean {near!r}? {known}" if near else known
                raise InputError(f"there is no column {name!r}", where=str(where), hint=hint)
        found = cls(frame, of_role, quantiles, named, notes=list(table.understood.notes))
        found.task = found._task()
        found._check()
        return found

    def names(self, role: str) -> tuple[str, ...]:
        """Return the columns of a role."""
        return self.of_role.get(role, ())

    def _task(self) -> str:
        """Return the task that is said, or that the columns show."""
        said = str(self.asked.get("task") or "")
        if said:
            if said not in TASKS:
                near = nearest(said, TASKS)
                known = f"one of {', '.join(TASKS)}"
                hint = f"did you mean {near!r}? {known}" if near else known
                raise InputError(f"there is no task {said!r}", hint=hint)
            return said
        if self.names("query"):
            return "ranking"
        if len(self.names("truth")) > 1:
            return "multilabel"
        interval = bool(self.quantiles or self.names("low") or self.names("high"))
        if interval:
            return "regression" if self.names("prediction") else "quantile"
        if len(self.names("score")) > 1:
            return "multiclass"
        if self.names("score"):
            return "binary"
        return self._of_values()

    def _of_values(self) -> str:
        """Tell classes from values where nothing but outcomes and predictions are given."""
        columns = [self.frame[name] for name in (*self.names("truth"), *self.names("prediction"))]
        if columns and columns[0].dtype.is_float() and (columns[0].drop_nulls() % 1 != 0).any():
            return "regression"
        values = set().union(*(set(column.drop_nulls().unique().to_list()) for column in columns))
        numeric = all(column.dtype.is_numeric() for column in columns)
        whole = numeric and all(float(v).is_integer() for v in values)
        if numeric and not (whole and len(values) <= _CODES):
            return "regression"
        return "binary" if len(values) <= 2 else "multiclass"

    def _check(self) -> None:
        needed = {
            "binary": ("score or prediction", ("score", "prediction")),
            "multiclass": ("score or prediction", ("score", "prediction")),
            "multilabel": ("score or prediction", ("score", "prediction")),
            "regression": ("prediction", ("prediction",)),
            "ranking": ("score", ("score",)),
            "quantile": ("quantiles, or low and high", ("low",)),
        }
        words, roles = needed[self.task]
        given = any(self.names(role) for role in roles) or (
            self.task == "quantile" and bool(self.quantiles)
        )
        if not self.names("truth") or not given:
            missing = "truth" if not self.names("truth") else words
            raise InputError(
                f"a {self.task} task needs a column of outcomes and of what was predicted",
                hint=f"name the column: {missing}",
            )
        if self.task == "ranking" and not self.names("query"):
            raise InputError("a ranking needs the column of queries", hint="name it: query")
        if bool(self.names("low")) != bool(self.names("high")):
            raise InputError("an interval has two ends", hint="name the columns of low and high")
        if self.names("group") and self.task not in ("binary", "multiclass", "regression"):
            raise InputError(f"groups are not measured apart in a {self.task} task")
        many = 1 if self.task in ("binary", "ranking") else None
        if many and len(self.names("score")) > 1:
            raise InputError(f"a {self.task} task has one column of scores")
        if self.task != "multilabel" and len(self.names("truth")) > 1:
            raise InputError(f"a {self.task} task has one column of outcomes")
        if self.task == "multilabel":
            for role in ("score", "prediction"):
                if self.names(role) and len(self.names(role)) != len(self.names("truth")):
                    raise InputError(
                        f"many labels need one column of {role} for each column of outcomes",
                        found=f"{len(self.names(role))} for {len(self.names('truth'))}",
                    )
        self._check_numbers()

    def _check_numbers(self) -> None:
        held, at = self.asked.get("held"), self.asked.get("at")
        shares = {**self.quantiles, **({"held": held} if held is not None else {})}
        for name, share in shares.items():
            if not 0 < share < 1:
                raise InputError(f"{name!r} must lie between 0 and 1", found=f"{share:g}")
        if at is not None and at < 1:
            raise InputError("at counts documents, from 1 on", found=str(at))
        self.threshold(0.5)

    def numbers(self, name: str) -> Floats:
        """Return a column as numbers [N], NaN where nothing stands."""
        column = self.frame[name]
        if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
            some = ", ".join(str(v) for v in column.drop_nulls().unique(maintain_order=True)[:3])
            raise InputError(f"column {name!r} must hold numbers", found=some)
        return column.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)

    def ends(self) -> tuple[Floats, Floats] | None:
        """Return both ends of the intervals, or None."""
        if not self.names("low"):
            return None
        return self.numbers(self.names("low")[0]), self.numbers(self.names("high")[0])

    def threshold(self, usual: float) -> float:
        """Return the threshold that is said, or the usual one."""
        said = self.asked.get("threshold")
        if said is None:
            return usual
        if not 0 <= said <= 1:
            raise InputError("a threshold lies between 0 and 1", found=f"{said:g}")
        return float(said)

    def sampled(self) -> dict[str, Any]:
        """Return weight, key and time of the rows, as `evaluate` takes them."""
        out: dict[str, Any] = {}
        if self.names("weight"):
            out["weight"] = self.numbers(self.names("weight")[0])
        if self.names("key"):
            texts = [pl.col(name).cast(pl.String) for name in self.names("key")]
            out["key"] = self.frame.select(pl.concat_str(texts, separator="\x1f")).to_series()
            out["key"] = out["key"].to_numpy()
        if self.names("time"):
            column = self.frame[self.names("time")[0]]
            if not (column.dtype.is_numeric() or column.dtype.is_temporal()):
                some = ", ".join(str(v) for v in column.drop_nulls()[:3])
                raise InputError(f"column {column.name!r} must hold times or numbers", found=some)
            out["time"] = column.to_numpy()
        return out

    def outcomes(self) -> Any:
        """Return the outcomes as `evaluate` takes them: class names or numbers."""
        name = self.names("truth")[0]
        if self.task == "regression":
            return self.numbers(name)
        return labels(self.frame[name]).to_numpy()

    def answered(self, costs: Outcome | None) -> Answered:
        """Return what was predicted, with the classes and the decision."""
        if self.task == "regression":
            return Answered(
                task="regression",
                value=self.numbers(self.names("prediction")[0]),
            )
        said = self.names("prediction")
        given = labels(self.frame[said[0]]) if said else None
        values = labels(self.frame[self.names("truth")[0]]).drop_nulls().unique().to_list()
        values += [] if given is None else given.drop_nulls().unique().to_list()
        found = sorted(set(values))
        label = None if given is None else given.to_numpy()
        if self.task == "multiclass":
            return self._several(found, label)
        return self._two(found, label, costs)

    def _several(self, found: list[str], label: Any) -> Answered:
        columns = self.names("score")
        if not columns:
            return Answered(task="multiclass", classes=found, label=label)
        classes = _classes_of(columns, found)
        p = np.column_stack([self.numbers(name) for name in columns])
        return Answered(task="multiclass", classes=classes, probability=p, label=label)

    def _two(self, found: list[str], label: Any, costs: Outcome | None) -> Answered:
        if len(found) > 2:
            raise InputError(
                "outcomes of two classes are needed",
                found=f"{len(found)}: {', '.join(found[:5])}",
                hint="give a column of scores for each class, or say the task",
            )
        positive = self._positive(found)
        classes = tuple(name for name in found if name != positive)[:1] or ("other",)
        p = self.numbers(self.names("score")[0]) if self.names("score") else None
        if label is None and p is not None:
            cut = self.threshold(_paid_threshold(costs, classes[0], positive))
            self.notes.append(f"positive: {positive}; called so from a score of {cut:g} on")
            label = np.where(p >= cut, positive, classes[0]).astype(object)
        else:
            self.notes.append(f"positive: {positive}")
        return Answered(
            task="binary", classes=(*classes, positive), positive=positive, probability=p,
            label=label,
        )  # fmt: skip

    def _positive(self, found: list[str]) -> str:
        said = str(self.asked.get("positive") or "")
        if said:
            if found and said not in found and len(found) == 2:
                raise InputError(
                    f"no outcome is {said!r}", hint=f"the classes are {', '.join(found)}"
                )
            return said
        if len(found) < 2:
            return "1" if found in (["0"], ["1"], []) else found[0]
        advice = target_advice(pl.Series(self.names("truth")[0], found), where="", task="binary")
        if not advice.positive or advice.positive_why.startswith("the rarer"):
            raise InputError(
                "which class the scores are of cannot be seen",
                found=" and ".join(found),
                hint=f"say it: positive {found[-1]}",
            )
        return advice.positive


def _paid_threshold(costs: Outcome | None, negative: str, positive: str) -> float:
    """Return Bayes' threshold for the costs of both mistakes; one half without any."""
    if costs is None:
        return 0.5
    wrongly = costs.costs.get(negative, {}).get(positive, 0.0)
    missed = costs.costs.get(positive, {}).get(negative, 0.0)
    return bayes_threshold(wrongly, missed)


def _split(given: str | Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """Return names: a text is one column's, or those between its commas."""
    if isinstance(given, str):
        given = (given,)
    out: list[str] = []
    for text in given:
        out += [text] if text in columns else [part.strip() for part in text.split(",")]
    return tuple(name for name in out if name)


def _classes_of(columns: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """Return the class of each column of scores: its name, but for what all names share."""
    begun = _shared(list(columns))
    ended = _shared([name[::-1] for name in columns])
    cut = [name[len(begun) : len(name) - len(ended)] for name in columns]
    for names in (list(columns), [name[len(begun) :] for name in columns], cut):
        if set(found) <= set(names) and len(set(names)) == len(names):
            return tuple(names)
    # What classes share is cut off too: "a_1", "a_2" beside "p_a_1", "p_a_2".
    by_end = [next((c for c in found if name.endswith(c)), "") for name in columns]
    if set(found) <= set(by_end) and len(set(by_end)) == len(by_end):
        return tuple(by_end)
    raise InputError(
        "which class each column of scores is of cannot be seen",
        found=f"columns {', '.join(columns)}; classes {', '.join(found[:10])}",
        hint="name the columns after the classes, such as p_red, p_green",
    )


def _shared(texts: Sequence[str]) -> str:
    """Return what all texts begin with."""
    least, most = min(texts), max(texts)
    same = (i for i, letter in enumerate(least) if i >= len(most) or letter != most[i])
    return least[: next(same, len(least))]
