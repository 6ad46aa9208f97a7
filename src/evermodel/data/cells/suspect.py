"""All detectors over one table, and the list of cells that come of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from evermodel.data.cells.broken import broken, proven
from evermodel.data.cells.claims import Cell, Claim
from evermodel.data.cells.columns import Bools, Values, read_columns
from evermodel.data.cells.extremes import extremes, impossible
from evermodel.data.cells.formats import damaged, formats
from evermodel.data.cells.groups import Dependency, dependencies
from evermodel.data.cells.missing import disguised, gaps, missing_codes
from evermodel.data.cells.places import places
from evermodel.data.cells.reports import Votes, hold_votes, reports
from evermodel.data.cells.rows import slipped_rows
from evermodel.data.cells.spelling import spelling, strokes
from evermodel.errors import DataError

__all__ = ["Findings", "cells_of", "findings", "suspect_cells"]


_SURE = 0.85


@dataclass(frozen=True)
class Findings:
    """What was found out about a table: its columns, what tells what, all claims, and votes."""

    columns: list[Values]
    ties: list[Dependency]
    claims: list[Claim]
    votes: Votes


def suspect_cells(frame: pl.DataFrame) -> list[Cell]:
    """Return the cells that are probably wrong, the surest first; nothing has to be set.

    Parameters
    ----------
    frame : polars.DataFrame
        Texts as they stand in the file, all columns `pl.String`, "" for empty.

    Notes
    -----
    Dependencies between columns are looked for in at most 20,000 rows and 2,000 pairs of columns;
    those found are then applied to every row. All else looks at every row.

    Examples
    --------
    >>> town = ["Bern", "Basel", "Chur", "Genf"] * 10
    >>> town[5] = "Baxel"
    >>> frame = pl.DataFrame({"zip": ["3000", "4000", "7000", "1200"] * 10, "town": town})
    >>> [(cell.row, cell.column, cell.value, cell.suggestion) for cell in suspect_cells(frame)]
    [(5, 'town', 'Baxel', 'Basel')]

    Raises
    ------
    DataError
        When a column is not of texts.
    """
    found = findings(frame)
    return cells_of(frame, found.claims)


def findings(frame: pl.DataFrame) -> Findings:
    """Return what the detectors say of a table of texts.

    Raises
    ------
    DataError
        When a column is not of texts.
    """
    for name, dtype in frame.schema.items():
        if dtype != pl.String:
            raise DataError(
                f"column {name!r} does not hold texts",
                found=str(dtype),
                hint="give the cells as they stand in the file, as strings",
            )
    if frame.height == 0:
        return Findings([], [], [], Votes(("", ""), {}))
    columns = read_columns(frame)
    ties = dependencies(columns)
    votes = hold_votes(columns)
    voted = reports(columns, votes)
    claims = [claim for column in columns for claim in _alone(column, columns, ties)]
    claims += [*places(columns), *slipped_rows(columns)]
    wrong = _claimed(columns, claims)
    spoken = {claim.place for claim in voted}
    claims += voted
    claims += broken(columns, [tie for tie in ties if tie.right not in spoken], wrong)
    return Findings(columns, ties, claims, votes)


def _claimed(columns: Sequence[Values], claims: Sequence[Claim]) -> dict[int, Bools]:
    """Return for each column in which rows something is surely wrong."""
    wrong: dict[int, Bools] = {}
    for claim in claims:
        if np.min(claim.score) >= _SURE:
            rows = wrong.setdefault(claim.place, np.zeros(columns[0].rows, dtype=np.bool_))
            rows[claim.rows] = True
    return wrong


def _alone(
    column: Values, columns: Sequence[Values], ties: Sequence[Dependency]
) -> Iterator[Claim]:
    """Yield what one column shows by itself."""
    yield from damaged(column)
    if column.prose:
        return
    known = missing_codes(column)
    coded = list(disguised(column, known))
    yield from coded
    yield from gaps(column)
    written = list(formats(column, known))
    yield from written
    yield from impossible(column)
    said = frozenset(int(code) for claim in coded for code in np.unique(column.codes[claim.rows]))
    yield from extremes(column, said, columns)
    odd = frozenset(int(code) for claim in written for code in np.unique(column.codes[claim.rows]))
    yield from spelling(column, proven(column, columns, ties), odd)
    yield from strokes(column)


def cells_of(frame: pl.DataFrame, claims: Sequence[Claim]) -> list[Cell]:
    """Return one cell for all claims of it: the surest speaks, and agreement makes it surer.

    Examples
    --------
    >>> claim = Claim(0, np.array([1]), 0.9, "spelling", "A slip.", ("b",))
    >>> cells_of(pl.DataFrame({"a": ["b", "x"]}), [claim])[0].suggestion
    'b'
    """
    best: dict[tuple[int, int], tuple[float, int, int]] = {}
    for number, claim in enumerate(claims):
        scores = np.broadcast_to(np.asarray(claim.score, dtype=np.float64), claim.rows.shape)
        for at, (row, score) in enumerate(zip(claim.rows.tolist(), scores.tolist(), strict=True)):
            cell = (row, claim.place)
            before = best.get(cell)
            if before is None:
                best[cell] = (score, number, at)
                continue
            both = max(score, before[0])
            if claims[before[1]].kind != claim.kind:
                both = max(both, min(0.99, 1.0 - 2.0 * (1.0 - score) * (1.0 - before[0])))
            best[cell] = (both, number, at) if score > before[0] else (both, *before[1:])
    listed = sorted(best.items(), key=lambda item: (-round(item[1][0], 6), item[0]))
    texts = [frame.get_column(name).fill_null("").to_list() for name in frame.columns]
    return [
        _cell(frame.columns[place], texts[place][row], row, score, claims[number], at)
        for (row, place), (score, number, at) in listed
    ]


def _cell(name: str, value: str, row: int, score: float, claim: Claim, at: int) -> Cell:
    given = str(claim.suggestions[at]) if len(claim.suggestions) else ""
    return Cell(
        row=row,
        column=name,
        value=value,
        score=round(float(score), 4),
        reason=claim.reason,
        suggestion=given if given != value.strip() else "",
        kind=claim.kind,
    )
