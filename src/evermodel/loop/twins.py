"""Rows that stand in a table twice, or nearly, for a split that keeps them on one side."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evermodel.data.copies.twins import twin_groups
from evermodel.project import Project
from evermodel.records import CheckResult

__all__ = ["MOST_ROWS", "kept_together", "twins_of"]

MOST_ROWS = 200_000
"""Of larger tables only rows that are equal word for word are kept on one side."""


def twins_of(frame: pl.DataFrame, project: Project) -> NDArray[np.int64] | None:
    """Return a number for each row that copies and near-copies share; None where none are sought.

    What the model does not learn from sets no rows apart: the key, the target, columns left out.
    Where time or a column decides the split, it stays as it is: copies come again there as in use.
    """
    data = project.data
    if data.time or data.split or not 0 < frame.height <= MOST_ROWS:
        return None
    aside = [n for n in (*data.key, *data.leave_out, data.target) if n in frame.columns]
    if len(aside) == frame.width:
        return None
    return twin_groups(frame, list(dict.fromkeys(aside))).to_numpy()


def kept_together(
    frame: pl.DataFrame, project: Project, twins: NDArray[np.int64] | None
) -> tuple[CheckResult, ...]:
    """Return how many rows were kept beside a twin, or why none were sought."""
    said: dict[str, Any] = {"name": "twins_kept_together", "subject": "split", "unit": "rows"}
    if twins is not None:
        sizes = np.bincount(twins)
        rows = int(sizes[sizes > 1].sum())
        if not rows:
            return ()
        # Without an n: the page takes the largest n of a report for the rows tested on.
        why = "equal or nearly, but for key and target: each stands on one side with its twins"
        return (CheckResult(**said, value=float(rows), why=why),)
    if project.data.time or project.data.split or frame.height <= MOST_ROWS:
        return ()
    why = f"near-copies were not sought: of more than {MOST_ROWS:,} rows that takes too long"
    return (CheckResult(**said, verdict="unknown", why=why),)
