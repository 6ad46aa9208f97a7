"""What detectors say of cells, before it is decided which cells are listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from evermodel.data.cells.columns import Floats, Ints
from evermodel.records import Record

__all__ = ["Cell", "Claim", "Kind"]

Kind = Literal[
    "damaged", "dependency", "disguised", "empty", "format", "impossible", "label", "learnt",
    "outlier", "reports", "shifted", "spelling",
]  # fmt: skip


class Cell(Record, frozen=True, kw_only=True):
    """One cell that is probably wrong: where, what stands there, how sure, why, what may be right.

    `row` counts data rows from 0; `value` is the text as it stands; `suggestion` is "" for none.

    Examples
    --------
    >>> Cell(row=3, column="city", value="birmingxam", score=0.95, kind="spelling").suggestion
    ''
    """

    row: int
    column: str
    value: str
    score: float
    reason: str = ""
    suggestion: str = ""
    kind: Kind = "format"


@dataclass(frozen=True)
class Claim:
    """What one detector says of some cells of one column, all for the same reason.

    `suggestions` holds the likely right text of each row, or none at all.
    """

    place: int
    rows: Ints
    score: float | Floats
    kind: Kind
    reason: str
    suggestions: tuple[str, ...] | npt.NDArray[np.object_] = ()
