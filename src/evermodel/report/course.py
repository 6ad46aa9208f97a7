"""One or more lines over time, with what happened marked on them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from evermodel.report.charts import empty
from evermodel.report.svg import (
    ACCENT,
    COLOURS,
    MUTED,
    Canvas,
    Scale,
    extent,
    fit,
    tick_text,
    ticks,
)
from evermodel.report.wording import number

__all__ = ["course"]

Time = str | float

# Lines differ in dash as well as in colour.
_LINES = (
    (ACCENT, ""),
    (COLOURS["warn"], "7 4"),
    (COLOURS["pass"], "2 4"),
    (MUTED, "9 3 2 3"),
    (COLOURS["fail"], "4 2"),
)


def course(
    lines: Mapping[str, Sequence[tuple[Time, float]]],
    *,
    marks: Sequence[tuple[Time, str]] = (),
    width: float = 640,
    unit: str = "",
    title: str = "Course over time",
) -> str:
    """Return lines over time with numbered marks; a NaN breaks a line.

    Times are ISO dates or numbers, all of one kind. What each mark means stands in the description
    and beside the picture: see `evermodel.report.html.marks_list`.

    Examples
    --------
    >>> year = {"never": [("2026-01-01", 0.0), ("2026-06-01", 900.0)]}
    >>> picture = course(year, marks=[("2026-03-01", "prices in cents")], unit="EUR")
    >>> "prices in cents" in picture
    True
    """
    drawn = {name: [(_when(t), v) for t, v in points] for name, points in lines.items()}
    values = [v for points in drawn.values() for _, v in points if math.isfinite(v)]
    if not values:
        return empty("Nothing has been recorded yet.", width=width, title=title)
    events = [(_when(t), text) for t, text in marks]
    times = [t for points in drawn.values() for t, _ in points] + [t for t, _ in events]
    dated = any(isinstance(t, str) for points in lines.values() for t, _ in points)
    said = _said(drawn, events, unit, dated=dated)
    low, high = extent(values)
    if min(values) >= 0 and low < 0.3 * high:
        low = 0.0
    places = _stacked([t for t, _ in events], min(times), max(times), width)
    rows = _legend_rows(list(lines), width)
    top = (
        20 * (1 + max(row for row, _ in rows.values()))
        + 20 * (max(places) + 1 if places else 0)
        + 10
    )
    board = Canvas(width, top + 190 + 26, title, said)
    left = 58
    x = Scale(min(times), max(times), left, width - 10)
    y = Scale(low, high, top + 190, top)
    for tick in ticks(low, high, 4):
        board.line(left, y(tick), width - 10, y(tick))
        board.text(left - 8, y(tick) + 4, tick_text(tick), size=12, anchor="end", colour=MUTED)
    if unit:
        board.text(left + 6, top + 13, unit, size=12, colour=MUTED)
    for at, label in _time_ticks(min(times), max(times), width, dated=dated):
        board.text(x(at), top + 190 + 20, label, size=12, anchor="middle", colour=MUTED)
    _draw_marks(board, [x(at) for at, _ in events], places, top)
    for (name, points), (colour, dash) in zip(drawn.items(), _repeated(len(drawn)), strict=True):
        ordered = sorted(points, key=lambda point: point[0])
        board.path([(x(t), y(v)) for t, v in ordered], colour, dash=dash)
        finite = [(t, v) for t, v in ordered if math.isfinite(v)]
        if len(finite) == 1:
            board.circle(x(finite[0][0]), y(finite[0][1]), 4, colour)
        row, start = rows[name]
        board.line(start, 20 * row + 10, start + 26, 20 * row + 10, colour, width=2, dash=dash)
        board.text(start + 33, 20 * row + 14, fit(name, width - start - 40, 12), size=12)
    return board.svg()


def _draw_marks(board: Canvas, at: Sequence[float], places: Sequence[int], top: float) -> None:
    for i, (x, place) in enumerate(zip(at, places, strict=True), start=1):
        level = top - 12 - 20 * place
        board.line(x, level + 10, x, top + 190, MUTED, dash="2 3")
        board.circle(x, level, 9, MUTED, hollow=True)
        board.text(x, level + 4, str(i), size=12, anchor="middle", bold=True)


def _repeated(many: int) -> list[tuple[str, str]]:
    return [_LINES[i % len(_LINES)] for i in range(many)]


def _when(time: Time) -> float:
    if not isinstance(time, str):
        return float(time)
    moment = datetime.fromisoformat(time)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _said(
    lines: Mapping[str, Sequence[tuple[float, float]]],
    events: Sequence[tuple[float, str]],
    unit: str,
    *,
    dated: bool,
) -> str:
    parts = []
    for name, points in lines.items():
        finite = [v for _, v in sorted(points) if math.isfinite(v)]
        if finite:
            parts.append(f"{name} from {number(finite[0], unit)} to {number(finite[-1], unit)}")
    for i, (at, text) in enumerate(events, start=1):
        day = f" on {_day(at)}" if dated else ""
        parts.append(f"{i}{day}: {text}")
    return "; ".join(parts)


def _day(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.day} {moment:%b %Y}"


def _legend_rows(names: Sequence[str], width: float) -> dict[str, tuple[int, float]]:
    """Return each name's row and start, wrapped to the width."""
    rows: dict[str, tuple[int, float]] = {}
    row, start = 0, 0.0
    for name in names:
        needed = 33 + 7 * len(name) + 20
        if start and start + needed > width:
            row, start = row + 1, 0.0
        rows[name] = (row, start)
        start += needed
    return rows


def _stacked(times: Sequence[float], low: float, high: float, width: float) -> list[int]:
    """Return the storey of each mark, so that no two circles overlap."""
    x = Scale(low, high, 58, width - 10)
    taken: list[float] = []
    places = [0] * len(times)
    for i in sorted(range(len(times)), key=lambda i: times[i]):
        at = x(times[i])
        storey = next((s for s, last in enumerate(taken) if at - last >= 20), len(taken))
        taken[storey : storey + 1] = [at]
        places[i] = storey
    return places


def _time_ticks(low: float, high: float, width: float, *, dated: bool) -> list[tuple[float, str]]:
    most = max(int(width / 90), 2)
    if not dated:
        return [(tick, tick_text(tick)) for tick in ticks(low, high, most)]
    days = (high - low) / 86400
    if days < 1:
        return [(low, _day(low))]
    if days > 75:
        months = _months(low, high)
        step = math.ceil(len(months) / most)
        named = [(at, datetime.fromtimestamp(at, UTC)) for at in months[::step]]
        return [(at, f"{m:%b}" if m.month > 1 else f"{m:%b %Y}") for at, m in named]
    step = math.ceil(days / most)
    first = datetime.fromtimestamp(low, UTC)
    moments = [first + timedelta(days=step * i) for i in range(int(days / step) + 1)]
    return [(m.timestamp(), f"{m.day} {m:%b}") for m in moments]


def _months(low: float, high: float) -> list[float]:
    """Return the first days of the months in a range, as seconds."""
    start = datetime.fromtimestamp(low, UTC)
    year, month = start.year, start.month
    out: list[float] = []
    while True:
        at = datetime(year, month, 1, tzinfo=UTC).timestamp()
        if at > high:
            return out
        if at >= low:
            out.append(at)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
