"""Results in the terminal: one verdict line, then aligned rows, the urgent first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from evermodel.records import CheckResult, Verdict, worst
from evermodel.report.wording import (
    by_urgency,
    interval,
    number,
    only_measured,
    painted,
    printable,
    required,
    title_of,
    whole,
)

__all__ = ["results_text", "verdict_line"]

_PLURALS: dict[Verdict, str] = {
    "fail": "failed",
    "warn": "to look at",
    "unknown": "too few to say",
    "pass": "passed",
}
_HEADS = ("", "result", "value", "interval", "n", "needs")
_NUMERIC = (False, False, True, False, True, False)
_SHORTEST_WHY = 24
_SHORTEST_NAME = 12
_EXAMPLES = 3


def verdict_line(results: Sequence[CheckResult], *, title: str = "", colour: bool = False) -> str:
    """Return the one line that says how it stands: worst verdict and counts.

    Examples
    --------
    >>> print(verdict_line([CheckResult(name="a"), CheckResult(name="b", verdict="warn")]))
    WARN  1 to look at, 1 passed
    """
    measured = sum(map(only_measured, results))
    counts = {verdict: sum(r.verdict == verdict for r in results) for verdict in _PLURALS}
    counts["pass"] -= measured
    parts = [f"{count} {_PLURALS[v]}" for v, count in counts.items() if count]
    said = ", ".join([*parts, f"{measured} measured"] if measured else parts)
    said = said or "nothing was looked at"
    verdict = worst(list(results))
    word = painted(verdict.upper(), verdict, colour=colour)
    return f"{word}  {title}: {said}" if title else f"{word}  {said}"


def results_text(
    results: Sequence[CheckResult], width: int = 100, *, title: str = "", colour: bool = False
) -> str:
    """Return results as lines of at most `width` characters, without a final line break.

    The verdict comes first, then a row a result with value, interval, n and what was asked,
    failures on top; what was only measured has no verdict of its own. Why stands under its row.
    Long names are cut to what the width leaves them.

    Examples
    --------
    >>> found = CheckResult(name="roc_auc", subject="test", value=0.84, low=0.82, high=0.86,
    ...                     n=1409, min=0.9, verdict="fail", why="below what was asked")
    >>> print(results_text([found]))
    FAIL  1 failed
    <BLANKLINE>
          result          value  interval            n  needs
    fail  roc_auc · test  0.840  0.820 to 0.860  1,409  >= 0.9
          below what was asked
    """
    first = verdict_line(results, title=title, colour=colour)
    if not results:
        return first
    ordered = by_urgency(list(results))
    rows = [_cells(result) for result in ordered]
    used = [i for i in range(len(_HEADS)) if i < 2 or any(row[i] for row in rows)]
    sizes = [max(len(_HEADS[i]), *(len(row[i]) for row in rows)) for i in used]
    beside = sum(sizes) - sizes[1] + 2 * (len(used) - 1)
    sizes[1] = min(sizes[1], max(width - beside, _SHORTEST_NAME))
    lines = [first, "", _line(_HEADS, used, sizes)]
    for result, row in zip(ordered, rows, strict=True):
        line = _line(row, used, sizes)
        word = row[0].strip()
        lines.append(painted(word, result.verdict, colour=colour) + line[len(word) :])
        indent = " " * (sizes[0] + 2)
        room = max(width, len(indent) + _SHORTEST_WHY)
        for text in (result.why, _examples(result)):
            lines += textwrap.wrap(
                printable(text), room, initial_indent=indent, subsequent_indent=indent
            )
    return "\n".join(lines)


def _examples(result: CheckResult) -> str:
    """Return values that show what is meant: they are seen here, and never kept."""
    shown = [str(value) for value in result.evidence.get("examples", ())[:_EXAMPLES]]
    if result.verdict == "pass" or not shown:
        return ""
    rows = result.evidence.get("rows", ())[: len(shown)]
    where = f" (row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows))})" if rows else ""
    return f"such as {', '.join(shown)}{where}"


def _cells(result: CheckResult) -> tuple[str, ...]:
    name = printable(title_of(result))
    value = number(result.value, result.unit) if result.value is not None else ""
    n = whole(result.n) if result.n is not None else ""
    word = "" if only_measured(result) else result.verdict
    return word, name, value, interval(result), n, required(result)


def _line(cells: Sequence[str], used: Sequence[int], sizes: Sequence[int]) -> str:
    parts = []
    for i, size in zip(used, sizes, strict=True):
        cell = cells[i]
        if len(cell) > size:
            cell = cell[: size - 1] + "\N{HORIZONTAL ELLIPSIS}"
        parts.append(cell.rjust(size) if _NUMERIC[i] else cell.ljust(size))
    return "  ".join(parts).rstrip()
