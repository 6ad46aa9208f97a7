"""The same rates for each group of each protected column."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError
from evermodel.evaluate.cases import Cases
from evermodel.evaluate.measure import ENOUGH, result
from evermodel.records import BINARY, REGRESSION, CheckResult
from evermodel.stats import intervals
from evermodel.stats.arrays import Codes
from evermodel.stats.metrics import confusion

__all__ = ["FEW", "MOST", "groups_of", "measure_slices"]

FEW = 30
"""Rows of a group below which nothing is said about it."""

MOST = 50
"""Groups of one column that are reported, the largest first."""

MISSING = "missing"


def groups_of(
    found: Cases, slices: Mapping[str, npt.ArrayLike]
) -> tuple[list[tuple[str, Codes]], dict[str, int]]:
    """Return each group with its rows, and the number of groups left out by column.

    Raises
    ------
    InputError
        When a column has not one value for each row.
    """
    out: list[tuple[str, Codes]] = []
    left_out: dict[str, int] = {}
    for column, given in slices.items():
        values = np.asarray(given, dtype=object)
        if values.shape != found.kept.shape:
            sizes = f"{values.size} values, {found.kept.size} rows"
            raise InputError(f"slice {column!r} needs one value for each row", found=sizes)
        texts = [MISSING if v is None or v != v else str(v) for v in values[found.kept].tolist()]
        names, group = np.unique(np.asarray(texts, dtype=np.str_), return_inverse=True)
        sizes_of = np.bincount(group, minlength=names.size)
        largest = np.argsort(-sizes_of, kind="stable")[:MOST]
        if names.size > MOST:
            left_out[column] = int(names.size - MOST)
        out += [(f"{column}={names[i]}", np.flatnonzero(group == i)) for i in sorted(largest)]
    return out, left_out


def measure_slices(
    found: Cases, slices: Mapping[str, npt.ArrayLike], *, subject: str, level: float
) -> tuple[list[CheckResult], dict[str, int]]:
    """Return the results of each group, and the number of groups left out by column.

    Raises
    ------
    InputError
        When a column has not one value for each row.
    """
    out: list[CheckResult] = []
    groups, left_out = groups_of(found, slices)
    for label, rows in groups:
        each = _of_group(found, rows, subject, level)
        out += [msgspec.structs.replace(r, slice=label) for r in each]
    return out, left_out


def _of_group(found: Cases, rows: Codes, subject: str, level: float) -> list[CheckResult]:
    n = int(rows.size)
    few = f"{n} rows are too few to say: {FEW} are needed" if n < FEW else ""
    truth, predicted = found.truth[rows], found.predicted[rows]
    if found.task == REGRESSION:
        errors = np.abs(truth - predicted)
        interval = intervals.mean_interval(errors, level, least=0.0)
        return [result("mae", float(errors.mean()), interval, n, subject=subject, doubt=few)]
    table = confusion(truth, predicted, len(found.classes))
    shares = {"accuracy": (int(np.trace(table)), n)}
    if found.task == BINARY:
        hits, flagged = int(table[1, 1]), int(table[:, 1].sum())
        shares["recall"] = (hits, int(table[1].sum()))
        shares["precision"] = (hits, flagged)
        shares["selection_rate"] = (flagged, n)
    out = []
    for name, (part, whole) in shares.items():
        doubt = few
        if not doubt and name in {"recall", "precision"} and whole < ENOUGH:
            kind = "positive" if name == "recall" else "predicted positive"
            doubt = f"{whole} rows that are {kind} are too few to say: {ENOUGH} are needed"
        value = part / whole if whole else float("nan")
        interval = intervals.wilson(part, whole, level)
        rows_of = {"rows": n}
        each = result(name, value, interval, whole, subject=subject, doubt=doubt, evidence=rows_of)
        out.append(each)
    return out
