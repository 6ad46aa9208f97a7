"""What each mistake costs, as a matrix over true and predicted classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from evermodel.errors import InputError, nearest
from evermodel.project import Outcome
from evermodel.records import BINARY, REGRESSION, Task
from evermodel.stats.arrays import Floats

__all__ = ["price_matrix"]


def price_matrix(costs: Outcome | None, task: Task, classes: tuple[str, ...]) -> Floats | None:
    """Return the cost [K, K] of calling a row of one class (down) another (across), or None.

    Of two classes it is made of the costs of a false positive and of a false negative, unless a
    table of costs is given; what stands in no such table costs nothing.

    Raises
    ------
    InputError
        When the table names a class that there is not, or a cost is negative or not finite.

    Examples
    --------
    >>> price_matrix(Outcome(cost_false_negative=5.0), "binary", ("good", "bad"))
    array([[0., 1.],
           [5., 0.]])
    """
    if costs is None or task == REGRESSION:
        return None
    if costs.costs:
        return _of_table(costs.costs, classes)
    if task != BINARY:
        return None
    return np.array([[0.0, costs.cost_false_positive], [costs.cost_false_negative, 0.0]])


def _of_table(table: Mapping[str, Mapping[str, float]], classes: tuple[str, ...]) -> Floats:
    out = np.zeros((len(classes), len(classes)))
    for true, row in table.items():
        for predicted, cost in row.items():
            for name in (true, predicted):
                if name not in classes:
                    near = nearest(name, classes)
                    known = f"the classes are {', '.join(classes)}"
                    hint = f"did you mean {near!r}? {known}" if near else known
                    raise InputError(f"costs are given for {name!r}, which is no class", hint=hint)
            if not (np.isfinite(cost) and cost >= 0):
                raise InputError("costs must be 0 or more", found=f"{true} as {predicted}: {cost}")
            out[classes.index(true), classes.index(predicted)] = cost
    return out
