"""Cells as rows of numbers, so that a few marked ones teach what the others are.

The idea is that of Raha (Mahdavi et al. 2019, "Raha: a configuration-free error detection system"):
many simple detectors, none of them tuned, each give a cell one number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.cells.claims import Claim
from evermodel.data.cells.columns import Floats, Ints, Values
from evermodel.data.cells.groups import grouping

__all__ = ["KINDS", "agreement", "chance", "own", "prior", "shared"]

Matrix = npt.NDArray[np.float64]

KINDS = (
    "damaged", "dependency", "disguised", "empty", "format", "impossible", "outlier", "reports",
    "shifted", "spelling",
)  # fmt: skip
_MOST_SIGNS = 40
_MOST_SHAPES = 12
_MOST_VALUES = 12
_MOST_GROUPINGS = 10
_MOST_LEFTS, _LEAST_LEFTS, _MOST_CELLS = 20, 6, 500_000
_MOST_TEXTS = 5_000
_UNSUSPECTED = 0.03


def prior(columns: Sequence[Values], claims: Sequence[Claim]) -> dict[int, Matrix]:
    """Return for each column the score of each kind of claim in each row, 0 where there is none."""
    found = {c.place: np.zeros((c.rows, len(KINDS))) for c in columns}
    for claim in claims:
        kind = KINDS.index(claim.kind)
        scores = np.broadcast_to(np.asarray(claim.score, dtype=np.float64), claim.rows.shape)
        table = found[claim.place]
        table[claim.rows, kind] = np.maximum(table[claim.rows, kind], scores)
    return found


def chance(scores: Matrix) -> Floats:
    """Return how likely each cell is wrong before anyone has marked a cell."""
    top: Floats = scores.max(axis=1)
    return np.where(top > 0, np.clip(top, 0.5, 0.97), _UNSUSPECTED)


def shared(column: Values, scores: Matrix, agreed: Matrix, rows: Ints) -> Matrix:
    """Return the numbers that mean the same in every column: claims, rarity, agreement.

    Those of a cell that a detector speaks of are the claims alone: that most rare values are right
    is no reason to doubt a claim about one.
    """
    best = np.zeros((rows.size, 2))
    if agreed.shape[1]:
        best[:, 0] = agreed[:, 0::3].max(axis=1)
        best[:, 1] = agreed[:, 1::3].max(axis=1)
    quiet = (scores[rows].max(axis=1) == 0).astype(np.float64)[:, None]
    plain = np.hstack([np.ones((rows.size, 1)), _plain(column, column.codes[rows])[:, :4], best])
    return np.hstack([scores[rows], plain * quiet])


def own(column: Values, scores: Matrix, agreed: Matrix, rows: Ints) -> Matrix:
    """Return one row of numbers between 0 and 1 for each of these rows of a column.

    They tell what the detectors say, how common the value and its shape are, which signs it holds,
    whether other rows that agree in another column agree here (`agreed`, from `agreement`), and
    which of the most frequent values and shapes it has.
    """
    codes = column.codes[rows]
    parts = [scores[rows], _plain(column, codes), _signs(column, codes)]
    parts.append(_most_frequent(column.shapes, column, codes, _MOST_SHAPES))
    parts.append(_most_frequent(column.texts, column, codes, _MOST_VALUES))
    parts.append(agreed)
    made = np.hstack(parts)
    quiet = scores[rows].max(axis=1) == 0
    return np.column_stack([quiet, made[:, made.min(axis=0) < made.max(axis=0)]])


def _plain(column: Values, codes: Ints) -> Matrix:
    """Return emptiness, rarity of value and shape, whether it is a number, length and size."""
    counts = column.counts / column.rows
    by_shape = column.tally(column.shapes)
    shape = np.array([by_shape.get(s, 1) for s in column.shapes]) / column.rows
    length = np.array([len(text) for text in column.texts], dtype=np.float64)
    values = column.numbers
    known = np.isfinite(values)
    size = np.zeros(values.size)
    if known.any():
        order = np.argsort(np.argsort(values[known], kind="stable"), kind="stable")
        size[known] = (order + 1) / known.sum()
    empty = np.zeros(values.size)
    if column.empty >= 0:
        empty[column.empty] = 1.0
    rare = np.clip(-np.log10(np.maximum(counts, 1e-6)) / 4.0, 0.0, 1.0)
    odd = np.clip(-np.log10(np.maximum(shape, 1e-6)) / 4.0, 0.0, 1.0)
    by_length = np.bincount(length.astype(np.int64), weights=column.counts)
    unusual = -np.log10(by_length[length.astype(np.int64)] / column.rows) / 4.0
    long = length / max(1.0, float(length.max()))
    table = np.column_stack([empty, rare, odd, np.clip(unusual, 0, 1), known, long, size])
    return table[codes]


def _signs(column: Values, codes: Ints) -> Matrix:
    """Return for signs that some cells hold and others do not whether a cell holds them."""
    texts = pl.Series(column.texts, dtype=pl.String).str.slice(0, 200)
    some = np.argsort(-column.counts, kind="stable")[:_MOST_TEXTS]
    held: dict[str, int] = {}
    for text, n in zip(texts.gather(some).to_list(), column.counts[some].tolist(), strict=True):
        for sign in set(text):
            held[sign] = held.get(sign, 0) + n
    rows = int(column.counts[some].sum())
    usable = [s for s, n in held.items() if n > 0.002 * rows and n < 0.998 * rows]
    # Signs that are neither letters nor digits tell most; then those that halve the column best.
    usable.sort(key=lambda s: (s.isalnum(), abs(held[s] / rows - 0.5), s))
    found = [texts.str.contains(sign, literal=True).to_numpy() for sign in usable[:_MOST_SIGNS]]
    if not found:
        return np.zeros((codes.size, 0))
    return np.column_stack(found).astype(np.float64)[codes]


def _most_frequent(labels: Sequence[str], column: Values, codes: Ints, most: int) -> Matrix:
    rows: dict[str, int] = {}
    for label, n in zip(labels, column.counts.tolist(), strict=True):
        rows[label] = rows.get(label, 0) + n
    top = sorted(rows, key=lambda label: (-rows[label], label))[:most]
    top = [label for label in top if rows[label] > 0.005 * column.rows]
    at = {label: i for i, label in enumerate(top)}
    table = np.zeros((len(labels), len(top)))
    for code, label in enumerate(labels):
        if label in at:
            table[code, at[label]] = 1.0
    return table[codes]


def agreement(columns: Sequence[Values], column: Values, rows: Ints) -> Matrix:
    """Return three numbers for each of the columns that group the rows best.

    How firmly the group has another value than the row, whether most of it has, and the share of
    the group that has the row's own value.
    """
    lefts = [
        c
        for c in columns
        if c is not column and len(c.texts) >= 2 and c.alone < 0.5 and not c.prose and not c.decimal
    ]
    found: list[tuple[float, Matrix]] = []
    most = min(_MOST_LEFTS, max(_LEAST_LEFTS, _MOST_CELLS // max(1, column.rows)))
    for left in sorted(lefts, key=lambda c: c.alone)[:most]:
        g = grouping(left, column)
        size = np.maximum(1, g.size[rows])
        off = (g.usual[rows] != column.codes[rows]) & (g.usual[rows] >= 0) & (g.most[rows] >= 2)
        firm = g.most[rows] / size
        table = np.column_stack([off * firm, off & (firm > 0.5), g.same[rows] / size])
        found.append((float(firm.mean()), table))
        found.sort(key=lambda item: -item[0])
        found = found[:_MOST_GROUPINGS]
    return np.hstack([table for _, table in found]) if found else np.zeros((rows.size, 0))
