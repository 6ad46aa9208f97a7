"""Rows on their way into the graph, and its answers on their way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evermodel.records import BINARY, REGRESSION, Task

__all__ = ["MISSING_TIME", "Blocks", "Predictions"]

MISSING_TIME = np.iinfo(np.int64).min
"""The time that stands for "missing" in a block of times."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """N rows as three dense blocks, in the order of the manifest's inputs of each type.

    `numbers` is float64 [N, k] with NaN where missing (booleans are 0 and 1), `strings` is an
    object array [N, m] of str with "" where missing, `times` is int64 [N, t] in microseconds since
    1970 (UTC) with `MISSING_TIME` where missing. Packing by type keeps a request to at most three
    tensors, which is what makes one row cheap.
    """

    numbers: NDArray[np.float64]
    strings: NDArray[np.object_]
    times: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: slice | NDArray[Any]) -> Blocks:
        return Blocks(self.numbers[rows], self.strings[rows], self.times[rows])

    @staticmethod
    def concat(blocks: Sequence[Blocks]) -> Blocks:
        """Return the rows of many blocks as one, in order."""
        if len(blocks) == 1:
            return blocks[0]
        return Blocks(
            np.concatenate([block.numbers for block in blocks]),
            np.concatenate([block.strings for block in blocks]),
            np.concatenate([block.times for block in blocks]),
        )

    def feed(self) -> dict[str, NDArray[Any]]:
        """Return the tensors that the graph reads; blocks without a column are left out."""
        tensors = {"numbers": self.numbers, "strings": self.strings, "times": self.times}
        return {name: block for name, block in tensors.items() if block.shape[1]}


@dataclass(frozen=True, slots=True)
class Predictions:
    """Answers for N rows.

    Binary: `probability` float64 [N] of the positive class, and `label`. Multiclass: `probability`
    [N, K] in the order of `classes`, and `label`. Regression: `value`, `low`, `high` float64 [N].
    """

    task: Task
    classes: tuple[str, ...] = ()
    positive: str = ""
    probability: NDArray[np.float64] | None = None
    value: NDArray[np.float64] | None = None
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None
    label: NDArray[np.object_] | None = None

    def __len__(self) -> int:
        first = self.value if self.probability is None else self.probability
        return 0 if first is None else len(first)

    def __getitem__(self, rows: slice | NDArray[Any]) -> Predictions:
        def cut(array: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if array is None else array[rows]

        return Predictions(
            self.task,
            self.classes,
            self.positive,
            cut(self.probability),
            cut(self.value),
            cut(self.low),
            cut(self.high),
            cut(self.label),
        )

    def __add__(self, others: Predictions) -> Predictions:
        def joined(mine: NDArray[Any] | None, theirs: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if mine is None or theirs is None else np.concatenate([mine, theirs])

        return Predictions(
            self.task,
            self.classes,
            self.positive,
            joined(self.probability, others.probability),
            joined(self.value, others.value),
            joined(self.low, others.low),
            joined(self.high, others.high),
            joined(self.label, others.label),
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain record a row, as `/predict` answers it and the log keeps it."""
        if self.task == REGRESSION:
            values = _listed(self.value)
            if self.low is None or self.high is None:
                return [{"prediction": value} for value in values]
            bounds = zip(values, self.low.tolist(), self.high.tolist(), strict=True)
            return [{"prediction": v, "low": low, "high": high} for v, low, high in bounds]
        pairs = zip(_listed(self.label), _listed(self.probability), strict=True)
        if self.task == BINARY:
            return [{"prediction": label, "probability": p} for label, p in pairs]
        return [
            {"prediction": label, "probability": dict(zip(self.classes, p, strict=True))}
            for label, p in pairs
        ]


def _listed(array: NDArray[Any] | None) -> list[Any]:
    return [] if array is None else array.tolist()
