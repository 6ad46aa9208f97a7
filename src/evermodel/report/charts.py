"""Pictures of results: intervals, reliability, a course over time, drift, two samples side by side.

Each function returns one SVG element. `width` is its size on the page in pixels: draw one for wide
and one for narrow pages rather than let text shrink.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from evermodel.records import CheckResult
from evermodel.report.svg import (
    ACCENT,
    COLOURS,
    GRID,
    MUTED,
    QUIET,
    Canvas,
    Scale,
    extent,
    fit,
    marker,
    tick_text,
    ticks,
)
from evermodel.report.wording import WORDS, interval, number, only_measured, percent, plain_name

__all__ = ["bars", "compare", "empty", "intervals", "reliability"]

ROW = 30


def empty(text: str, *, width: float = 640, title: str = "Nothing to draw yet") -> str:
    """Return a quiet box that says why there is no picture.

    Examples
    --------
    >>> "no rows yet" in empty("no rows yet")
    True
    """
    board = Canvas(width, 64, title, text)
    board.line(0, 0.5, width, 0.5)
    board.line(0, 63.5, width, 63.5)
    board.text(width / 2, 37, fit(text, width), anchor="middle", colour=MUTED)
    return board.svg()


def intervals(
    results: Sequence[CheckResult], *, width: float = 640, title: str = "Values and intervals"
) -> str:
    """Return a row a result: its interval, its value as the shape of its verdict, what was asked.

    Results without a value are left out; all share one axis, so give those of one kind.

    Examples
    --------
    >>> found = CheckResult(name="roc_auc", value=0.84, low=0.82, high=0.86, min=0.8)
    >>> intervals([found]).count("<circle")
    1
    """
    shown = [r for r in results if r.value is not None and math.isfinite(r.value)]
    if not shown:
        return empty("No value has been measured yet.", width=width, title=title)
    narrow = width < 480
    left, right = (116, 62) if narrow else (180, 150)
    height = ROW * len(shown) + 34
    says = "; ".join(f"{_row_name(r)} {number(r.value)} ({_word(r)})" for r in shown)
    board = Canvas(width, height, title, says)
    asked = [r.min for r in shown] + [r.max for r in shown]
    every = [value for r in shown for value in (r.value, r.low, r.high) if value is not None]
    low, high = extent(every + asked)
    if min(every) >= 0 and max(every) <= 1:
        low, high = 0.0, 1.0  # shares and scores read best on their whole range
    x = Scale(low, high, left, width - right)
    for tick in ticks(low, high, 3 if narrow else 5):
        board.line(x(tick), 0, x(tick), height - 26)
        board.text(x(tick), height - 8, tick_text(tick), size=12, anchor="middle", colour=MUTED)
    for i, result in enumerate(shown):
        _interval_row(board, result, x, ROW * i + ROW / 2, narrow=narrow)
    return board.svg()


def _row_name(result: CheckResult) -> str:
    return " · ".join(part for part in (plain_name(result.name), result.slice) if part)


def _word(result: CheckResult) -> str:
    return "measured" if only_measured(result) else WORDS[result.verdict]


def _colour(result: CheckResult) -> str:
    """Return the colour of the verdict; of a number that nothing was asked of, that of none."""
    return ACCENT if only_measured(result) else COLOURS[result.verdict]


def _mark(board: Canvas, result: CheckResult, x: float, y: float, size: float = 5) -> None:
    if only_measured(result):
        board.circle(x, y, size, ACCENT)
    else:
        marker(board, x, y, result.verdict, size)


def _interval_row(board: Canvas, result: CheckResult, x: Scale, y: float, *, narrow: bool) -> None:
    colour = _colour(result)
    size = 12 if narrow else 13
    board.text(0, y + 4, fit(_row_name(result), x.start - 10, size), size=size)
    if result.low is not None and result.high is not None:
        board.line(x(max(result.low, x.low)), y, x(min(result.high, x.high)), y, colour, width=3)
    for bound in (result.min, result.max):
        if bound is not None:
            board.line(x(bound), y - 9, x(bound), y + 9, MUTED, width=2, dash="3 2")
    _mark(board, result, x(result.value or 0.0), y)
    said = number(result.value)
    bounds = interval(result)
    if bounds and not narrow:
        said = f"{said}  ({bounds})"
    board.text(board.width, y + 4, said, size=size, anchor="end")


def reliability(
    bins: Sequence[Mapping[str, Any]],
    *,
    width: float = 360,
    title: str = "When it said this often, how often did it happen?",
) -> str:
    """Return the reliability diagram of bins with mean, rate, rate_low, rate_high and n.

    The diagonal is perfect calibration; a bar is the 95 % interval of a bin's rate.

    Examples
    --------
    >>> one = {"mean": 0.3, "rate": 0.28, "rate_low": 0.2, "rate_high": 0.37, "n": 120}
    >>> reliability([one]).count("<circle")
    1
    """
    if not bins:
        return empty("No outcomes to compare with yet.", width=width, title=title)
    left, top, bottom = 46, 8, 46
    size = width - left - 20
    says = "; ".join(
        f"said {percent(b['mean'])}, happened {percent(b['rate'])} of {b['n']:,}" for b in bins
    )
    board = Canvas(width, size + top + bottom, title, says)
    x, y = Scale(0, 1, left, left + size), Scale(0, 1, top + size, top)
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        board.line(x(tick), y(0), x(tick), y(1))
        board.line(x(0), y(tick), x(1), y(tick))
        board.text(x(tick), y(0) + 18, percent(tick), size=12, anchor="middle", colour=MUTED)
        board.text(left - 8, y(tick) + 4, percent(tick), size=12, anchor="end", colour=MUTED)
    board.line(x(0), y(0), x(1), y(1), MUTED, width=1.5, dash="5 4")
    board.text(x(0.5), y(0) + 38, "it said", size=13, anchor="middle")
    board.text(x(0) + 8, y(1) + 16, "it happened", size=13)
    for each in bins:
        at = x(each["mean"])
        board.line(at, y(each["rate_low"]), at, y(each["rate_high"]), ACCENT, width=2)
        board.circle(at, y(each["rate"]), 4.5, ACCENT)
    return board.svg()


def bars(
    results: Sequence[CheckResult],
    *,
    width: float = 640,
    title: str = "How far each column is from before",
    most: int = 12,
) -> str:
    """Return a bar a column, longest first, with its interval and the bound from which it matters.

    At most `most` columns; the others are said in one line.

    Examples
    --------
    >>> moved = CheckResult(name="drift", subject="plan", value=0.3, low=0.2, high=0.4, max=0.1)
    >>> "plan" in bars([moved])
    True
    """
    known = [r for r in results if r.value is not None and math.isfinite(r.value)]
    if not known:
        return empty("No column could be compared yet.", width=width, title=title)
    ordered = sorted(known, key=lambda r: -(r.value or 0.0))
    shown, rest = ordered[:most], ordered[most:]
    left, right = (104, 48) if width < 480 else (180, 60)
    height = ROW * len(shown) + (26 if rest else 0) + 30
    says = "; ".join(f"{r.subject} {number(r.value)} ({_word(r)})" for r in shown)
    board = Canvas(width, height, title, says)
    top = max([r.high or r.value or 0.0 for r in shown] + [r.max or 0.0 for r in shown]) or 1.0
    x = Scale(0, top, left, width - right)
    for i, result in enumerate(shown):
        y = ROW * i + ROW / 2
        colour = _colour(result)
        board.text(0, y + 4, fit(result.subject or result.name, left - 10))
        board.rect(left, y - 6, x(result.value or 0.0) - left, 12, colour, opacity=0.45)
        if result.low is not None and result.high is not None:
            board.line(x(result.low), y, x(min(result.high, top)), y, colour, width=2)
        _mark(board, result, x(result.value or 0.0), y, 4)
        board.text(width, y + 4, number(result.value), anchor="end")
    _material(board, shown, x, ROW * len(shown))
    if rest:
        largest = number(rest[0].value)
        said = f"{len(rest)} more columns, none above {largest}"
        board.text(0, height - 8, said, size=12, colour=MUTED)
    return board.svg()


def _material(board: Canvas, shown: Sequence[CheckResult], x: Scale, bottom: float) -> None:
    """Mark the bound from which a difference matters, where all share one."""
    bounds = {r.max for r in shown if r.max is not None}
    if len(bounds) == 1:
        at = x(bounds.pop())
        board.line(at, 0, at, bottom + 4, MUTED, width=1.5, dash="5 4")
        board.text(at, bottom + 20, "matters from here", size=12, anchor="middle", colour=MUTED)


def compare(
    labels: Sequence[str],
    reference: Sequence[float],
    current: Sequence[float],
    *,
    ordered: bool = False,
    width: float = 420,
    title: str = "Before and now",
) -> str:
    """Return the shares [K] of two samples side by side: columns where ordered, rows where not.

    Examples
    --------
    >>> compare(["shop", "mail"], [0.8, 0.2], [0.5, 0.5]).count("<rect")
    6
    """
    if not labels:
        return empty("Nothing to compare yet.", width=width, title=title)
    rows = zip(labels, reference, current, strict=True)
    says = "; ".join(f"{a} {percent(b)} before, {percent(c)} now" for a, b, c in rows)
    draw = _columns if ordered else _rows
    return draw(labels, reference, current, width, (title, says))


def _legend(board: Canvas) -> None:
    board.rect(0, 3, 11, 11, QUIET)
    board.text(17, 13, "before", size=12, colour=MUTED)
    board.rect(72, 3, 11, 11, ACCENT)
    board.text(89, 13, "now", size=12, colour=MUTED)


def _rows(
    labels: Sequence[str],
    before: Sequence[float],
    now: Sequence[float],
    width: float,
    said: tuple[str, str],
) -> str:
    board = Canvas(width, 24 + 34 * len(labels), *said)
    _legend(board)
    left, right = min(width * 0.32, 150), 52
    x = Scale(0, max([*before, *now]) or 1.0, left, width - right)
    for i, (label, old, new) in enumerate(zip(labels, before, now, strict=True)):
        y = 28 + 34 * i
        board.text(0, y + 16, fit(label, left - 10))
        board.rect(left, y, x(old) - left, 10, QUIET)
        board.rect(left, y + 12, x(new) - left, 10, ACCENT)
        board.text(width, y + 16, percent(new), anchor="end", size=12)
    return board.svg()


def _columns(
    labels: Sequence[str],
    before: Sequence[float],
    now: Sequence[float],
    width: float,
    said: tuple[str, str],
) -> str:
    board = Canvas(width, 188, *said)
    _legend(board)
    top, bottom = 28, 150
    y = Scale(0, max([*before, *now]) or 1.0, bottom, top)
    apart = 0.6 if labels[-1] == "missing" else 0.0  # missing values are no part of the order
    step = width / (len(labels) + apart)
    for i, (label, old, new) in enumerate(zip(labels, before, now, strict=True)):
        start = (i + 0.1 + (apart if label == "missing" else 0.0)) * step
        board.rect(start, y(old), step * 0.4, bottom - y(old), QUIET)
        board.rect(start + step * 0.4, y(new), step * 0.4, bottom - y(new), ACCENT)
    board.line(0, bottom, width, bottom, GRID)
    numbered = [label for label in labels if label != "missing"]
    board.text(0, bottom + 18, fit(numbered[0], width / 2), size=12, colour=MUTED)
    last = width - step * 1.6 if apart else width
    if len(numbered) > 1:
        board.text(last, bottom + 18, numbered[-1], size=12, anchor="end", colour=MUTED)
    if apart:
        board.text(width, bottom + 34, "missing", size=12, anchor="end", colour=MUTED)
    return board.svg()
