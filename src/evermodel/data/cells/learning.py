"""Learning from rows that a person has marked: which to ask for next, and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from evermodel.data.cells.claims import Cell, Claim
from evermodel.data.cells.columns import Floats, Ints, Values
from evermodel.data.cells.features import KINDS, Matrix, agreement, chance, own, prior, shared
from evermodel.data.cells.reports import Votes, hold_votes, reports
from evermodel.data.cells.suspect import cells_of, findings
from evermodel.errors import DataError

__all__ = ["learn", "pick_rows"]

_MOST_ROWS = 2_000
_MOST_COLUMNS = 200
_TOLD = 0.5
_LEAST_MARKED = 2
_CLAIM_WEIGHT, _QUIET_WEIGHT = 2.0, 4.0
"""How many marks the detectors' own word weighs: that a cell is wrong, and that it is right."""


def pick_rows(
    frame: pl.DataFrame, marked: Mapping[tuple[int, str], bool], n: int, *, seed: int = 0
) -> list[int]:
    """Return the rows to show next, those first whose marks would tell most about other cells.

    The cells of each column are put into groups of like cells, two more than rows are marked; a row
    is worth as much as the cells in groups of which nothing is known yet, as in Raha (Mahdavi et
    al. 2019). Rows beyond 2,000 are sampled.

    Parameters
    ----------
    frame : polars.DataFrame
        Texts as they stand in the file.
    marked : mapping of (row, column) to bool
        What is known: True where a cell is wrong.
    n : int
        How many rows.
    seed : int
        Decides between rows that are worth the same.

    Examples
    --------
    >>> frame = pl.DataFrame({"a": ["1"] * 50 + ["1 kg"] * 40, "b": ["x", "y"] * 45})
    >>> first, second = pick_rows(frame, {}, 2)
    >>> {frame["a"][first], frame["a"][second]} == {"1", "1 kg"}
    True

    Raises
    ------
    DataError
        When a column is not of texts.
    """
    found = findings(frame)
    if not found.columns:
        return []
    rng = np.random.default_rng(seed)
    known = {row for row, _ in marked}
    rows = rng.permutation(frame.height)[:_MOST_ROWS]
    rows = np.union1d(rows, np.array(sorted(known), dtype=np.int64))
    scores = prior(found.columns, found.claims)
    trees = []
    for column in found.columns[:_MOST_COLUMNS]:
        agreed = agreement(found.columns, column, rows)
        tree = _tree(own(column, scores[column.place], agreed, rows))
        trees += [tree] if tree is not None else []
    chosen: list[int] = []
    at = {int(row): i for i, row in enumerate(rows)}
    shown = [at[row] for row in sorted(known)]
    for _ in range(min(n, frame.height - len(known))):
        best = _most_telling(trees, rows.size, shown, rng)
        shown.append(best)
        chosen.append(int(rows[best]))
    return chosen


def _tree(table: Matrix) -> tuple[Matrix, Ints] | None:
    """Return the merges of like cells, and which distinct cell each row has."""
    from scipy.cluster.hierarchy import linkage

    if table.shape[1] == 0:
        return None
    distinct, where = np.unique(np.round(table, 2), axis=0, return_inverse=True)
    if len(distinct) < 2:
        return None
    return linkage(distinct, method="average", metric="euclidean"), where.reshape(-1)


def _most_telling(
    trees: Sequence[tuple[Matrix, Ints]], rows: int, shown: Sequence[int], rng: np.random.Generator
) -> int:
    from scipy.cluster.hierarchy import fcluster

    worth = np.zeros(rows)
    for merges, where in trees:
        groups = fcluster(merges, len(shown) + 2, criterion="maxclust")[where]
        size = np.bincount(groups)
        told = np.bincount(groups[list(shown)], minlength=size.size) if shown else 0 * size
        worth += (np.exp(-told) * (size / rows) ** 0.25)[groups]
    worth[list(shown)] = -np.inf
    best = np.flatnonzero(worth >= worth.max() - 1e-9)
    return int(rng.choice(best))


def learn(frame: pl.DataFrame, marked: Mapping[tuple[int, str], bool]) -> list[Cell]:
    """Return the cells that are probably wrong, given what a person said of about 20 rows.

    What was marked counts as it was marked. What the detectors say is kept as far as the marks bear
    it out: a logistic regression, once for all columns and once more for each, moves it.

    Parameters
    ----------
    frame : polars.DataFrame
        Texts as they stand in the file.
    marked : mapping of (row, column) to bool
        Every cell of some rows: True where it is wrong. `pick_rows` says which rows teach most.

    Examples
    --------
    >>> frame = pl.DataFrame({"a": [str(i % 7) for i in range(60)], "b": ["x", "y", "z"] * 20})
    >>> marks = {(row, "b"): frame["b"][row] == "z" for row in range(20)}
    >>> {frame[cell.column][cell.row] for cell in learn(frame, marks)}
    {'z'}

    Raises
    ------
    DataError
        When a column is not of texts, or a mark speaks of a cell that is not there.
    """
    places = {name: place for place, name in enumerate(frame.columns)}
    for row, name in marked:
        if name not in places or not 0 <= row < frame.height:
            raise DataError("a mark speaks of a cell that is not there", found=f"{row}, {name!r}")
    found = findings(frame)
    marks = {(row, places[name]): wrong for (row, name), wrong in marked.items()}
    if len({row for row, _ in marks}) < _LEAST_MARKED:
        return _as_marked(frame, found.claims, marks)
    # A mark on one row tells which sources to trust, and so speaks for other rows as well.
    votes = hold_votes(found.columns, marks, before=found.votes)
    claims = [claim for claim in found.claims if claim.kind != "reports"]
    claims += [claim for claim in reports(found.columns, votes) if claim.kind == "reports"]
    scores = prior(found.columns, claims)
    told = _probabilities(found.columns, scores, marks, votes)
    return _as_marked(frame, _decided(found.columns, claims, told), marks)


def _probabilities(
    columns: Sequence[Values],
    scores: Mapping[int, Matrix],
    marks: Mapping[tuple[int, int], bool],
    votes: Votes,
) -> dict[int, Floats]:
    """Return how likely each cell of each column is wrong, after all marks."""
    every = np.arange(columns[0].rows)
    base: dict[int, Floats] = {}
    common: list[Matrix] = []
    truth: list[bool] = []
    before: list[float] = []
    for column in columns:
        rows = _marked_rows(column, marks)
        base[column.place] = _logit(_before(column, scores[column.place], votes))
        if rows.size:
            agreed = agreement(columns, column, rows)
            common.append(shared(column, scores[column.place], agreed, rows))
            truth += [marks[row, column.place] for row in rows.tolist()]
            before += base[column.place][rows].tolist()
    weights = _fit(np.vstack(common), np.array(truth), np.array(before), strictness=3.0)
    told = {}
    for column in columns:
        known = scores[column.place]
        agreed = agreement(columns, column, every)
        moved = base[column.place] + _moved(shared(column, known, agreed, every), weights)
        rows = _marked_rows(column, marks)
        wrong = np.array([marks[row, column.place] for row in rows.tolist()], dtype=np.bool_)
        # Where nothing is wrong and nothing suspected, there is nothing to tell apart.
        if wrong.any() or (rows.size and (moved > 0).any()):
            table = own(column, known, agreed, every)
            moved = moved + _moved(table, _fit(table[rows], wrong, moved[rows], strictness=1.0))
        likely = 1.0 / (1.0 + np.exp(-moved))
        told[column.place] = _bounded(likely, chance(known), known, rows, wrong)
    return told


def _bounded(
    likely: Floats, before: Floats, scores: Matrix, rows: Ints, wrong: np.ndarray
) -> Floats:
    """Return how likely cells are wrong, moved no further than so many marks can move it.

    The share of wrong cells among those of which the same kind of claim is made in a column has a
    Beta distribution: before any mark its mean is the detector's own score and its weight that of
    a few marks. The regression says which cells are like the marked ones; if all those marked the
    other way are, the mean of the Beta-binomial posterior is as far as it can go.
    """
    kind = np.where(scores.max(axis=1) > 0, scores.argmax(axis=1), -1)
    right = np.bincount(kind[rows[~wrong]] + 1, minlength=len(KINDS) + 1)[kind + 1]
    least = before * _CLAIM_WEIGHT / (_CLAIM_WEIGHT + right)
    missed = int((kind[rows[wrong]] < 0).sum())
    most = (before * _QUIET_WEIGHT + missed) / (_QUIET_WEIGHT + missed)
    return np.where(kind >= 0, np.maximum(likely, least), np.minimum(likely, most))


def _marked_rows(column: Values, marks: Mapping[tuple[int, int], bool]) -> Ints:
    return np.array([row for row, place in marks if place == column.place], dtype=np.int64)


def _before(column: Values, scores: Matrix, votes: Votes) -> Floats:
    """Return how likely each cell was thought to be wrong; a vote says it of right ones as well."""
    likely = chance(scores)
    if column.place in votes.by_place:
        wrong = 1.0 - votes.by_place[column.place].right
        said = ~np.isnan(wrong)
        known = np.clip(wrong[said], 0.02, 0.98)
        listed = scores[said].max(axis=1) > 0
        likely[said] = np.where(listed, np.maximum(known, likely[said]), known)
    return likely


def _logit(share: Floats) -> Floats:
    return np.log(share / (1.0 - share))


def _moved(table: Matrix, weights: Floats) -> Floats:
    made: Floats = table @ weights
    return made


def _fit(table: Matrix, wrong: np.ndarray, before: Floats, *, strictness: float) -> Floats:
    """Return the weights of a ridge logistic regression on top of what was thought before."""
    from scipy.optimize import minimize

    sign = np.where(wrong, 1.0, -1.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = sign * (before + table @ weights)
        value = np.logaddexp(0.0, -margin).sum() + 0.5 * strictness * (weights**2).sum()
        pull = -sign / (1.0 + np.exp(np.clip(margin, -50, 50)))
        return float(value), table.T @ pull + strictness * weights

    found = minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B")
    weights: Floats = found.x
    return weights


def _decided(
    columns: Sequence[Values], claims: Sequence[Claim], told: Mapping[int, Floats]
) -> list[Claim]:
    """Return the claims that the marks bear out, and those that only the marks make."""
    out: list[Claim] = []
    for column in columns:
        likely = told[column.place]
        new = likely >= _TOLD
        for claim in claims:
            if claim.place != column.place:
                continue
            keep = likely[claim.rows] >= _TOLD
            new[claim.rows] = False
            given = tuple(s for s, kept in zip(claim.suggestions, keep, strict=False) if kept)
            rows = claim.rows[keep]
            if rows.size:
                out.append(Claim(column.place, rows, likely[rows], claim.kind, claim.reason, given))
        rows = np.flatnonzero(new)
        if rows.size:
            reason = "It is like cells of this column that were marked as wrong."
            out.append(Claim(column.place, rows, likely[rows], "learnt", reason))
    return out


def _as_marked(
    frame: pl.DataFrame, claims: Sequence[Claim], marks: Mapping[tuple[int, int], bool]
) -> list[Cell]:
    """Return the cells as listed, but for those that a person has seen: these are as marked."""
    extra = [
        Claim(place, np.array([row]), 0.99, "learnt", "It was marked as wrong.")
        for (row, place), wrong in marks.items()
        if wrong
    ]
    places = {name: place for place, name in enumerate(frame.columns)}
    return [
        cell
        for cell in cells_of(frame, [*claims, *extra])
        if marks.get((cell.row, places[cell.column]), True)
    ]
