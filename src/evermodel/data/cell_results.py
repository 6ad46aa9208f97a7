"""Cells that look wrong as findings: one for each column and kind of error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evermodel.data.cells import Cell
from evermodel.records import CheckResult

__all__ = ["cell_results"]

_EXAMPLES = 5


def cell_results(
    cells: Sequence[Cell], rows: int, lines: Sequence[int] = ()
) -> Iterator[CheckResult]:
    """Yield a finding for each column and kind of wrong cell, those with the most cells first.

    Gaps of which nothing says what is missing are counted among the gaps of their column already.

    Parameters
    ----------
    cells : sequence of Cell
        The surest first.
    rows : int
        How many rows were looked at.
    lines : sequence of int
        The line of each row, where it has one.

    Examples
    --------
    >>> cell = Cell(row=4, column="zip", value="1xx19", score=0.9, reason="letters among digits",
    ...             suggestion="10019", kind="spelling")
    >>> (found,) = cell_results([cell], 90)
    >>> found.subject, found.value, found.evidence["examples"]
    ('zip', 1.0, ["'1xx19' (10019?)"])
    """
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        if cell.kind == "empty" and not cell.suggestion:
            continue
        groups.setdefault((cell.column, cell.kind), []).append(cell)
    for (column, kind), found in sorted(groups.items(), key=lambda item: -len(item[1])):
        shown = found[:_EXAMPLES]
        evidence = {
            "rows": [cell.row for cell in shown],
            "examples": [_said(cell) for cell in shown],
            "kind": kind,
        }
        if lines:
            evidence["lines"] = [lines[cell.row] for cell in shown]
        yield CheckResult(
            name="wrong_cells",
            subject=column,
            slice=kind,
            value=float(len(found)),
            unit="cells",
            n=rows,
            max=0,
            verdict="warn",
            why=found[0].reason,
            evidence=evidence,
        )


def _said(cell: Cell) -> str:
    value = repr(cell.value[:60]) if cell.value else "nothing"
    return f"{value} ({cell.suggestion[:60]}?)" if cell.suggestion else value
