"""The drawing board: a small SVG builder, scales and ticks.

Pictures carry no script, no style sheet and no address. Text takes the colour of its surroundings;
other colours are CSS variables with a fallback, so that one picture serves light and dark pages and
stands alone as a file. What a picture shows is also said in its title and description.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Literal

from evermodel.records import Verdict

__all__ = [
    "ACCENT",
    "COLOURS",
    "GRID",
    "MUTED",
    "QUIET",
    "Canvas",
    "Scale",
    "extent",
    "fit",
    "marker",
    "tick_text",
    "ticks",
]

ACCENT = "var(--em-accent,#0a5fb4)"
MUTED = "var(--em-muted,#57606a)"
QUIET = "var(--em-quiet,#b6bec8)"
GRID = "var(--em-grid,#e3e7ec)"

COLOURS: dict[Verdict, str] = {
    "pass": "var(--em-pass,#1a6b3c)",
    "warn": "var(--em-warn,#8a5a00)",
    "fail": "var(--em-fail,#b3261e)",
    "unknown": MUTED,
}

_WIDTH_OF_A_LETTER = 0.56
"""Of the font size: a mean for sans-serif faces; text is cut a little early rather than late."""

Anchor = Literal["start", "middle", "end"]


class Canvas:
    """Shapes on a board of `width` by `height` units; `svg` gives the picture.

    Examples
    --------
    >>> board = Canvas(100, 20, "A title", "What is to be seen.")
    >>> board.text(0, 12, "a < b")
    >>> "a &lt; b" in board.svg()
    True
    """

    def __init__(self, width: float, height: float, title: str, description: str = "") -> None:
        self.width, self.height = width, height
        self._title, self._description = title, description
        self._shapes: list[str] = []

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        colour: str = GRID,
        *,
        width: float = 1,
        dash: str = "",
    ) -> None:
        """Draw a straight line; nothing when an end is not a number."""
        if _drawable(x1, y1, x2, y2):
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            self._shapes.append(
                f'<line x1="{_u(x1)}" y1="{_u(y1)}" x2="{_u(x2)}" y2="{_u(y2)}" '
                f'stroke="{colour}" stroke-width="{_u(width)}"{dashed}/>'
            )

    def rect(
        self, x: float, y: float, width: float, height: float, colour: str, *, opacity: float = 1
    ) -> None:
        """Draw a filled rectangle; nothing when it has no size."""
        if _drawable(x, y, width, height) and width > 0 and height > 0:
            faint = f' fill-opacity="{_u(opacity)}"' if opacity < 1 else ""
            self._shapes.append(
                f'<rect x="{_u(x)}" y="{_u(y)}" width="{_u(width)}" height="{_u(height)}" '
                f'fill="{colour}"{faint}/>'
            )

    def circle(
        self, x: float, y: float, radius: float, colour: str, *, hollow: bool = False
    ) -> None:
        """Draw a dot, filled or as a ring."""
        if _drawable(x, y):
            paint = (
                f'fill="none" stroke="{colour}" stroke-width="2"' if hollow else f'fill="{colour}"'
            )
            self._shapes.append(f'<circle cx="{_u(x)}" cy="{_u(y)}" r="{_u(radius)}" {paint}/>')

    def path(
        self,
        points: Sequence[tuple[float, float]],
        colour: str,
        *,
        width: float = 2,
        dash: str = "",
        closed: bool = False,
    ) -> None:
        """Draw a line through points, broken where one is not a number; or a filled shape."""
        steps, pen_down = [], False
        for x, y in points:
            if not _drawable(x, y):
                pen_down = False
                continue
            steps.append(f"{'L' if pen_down else 'M'}{_u(x)} {_u(y)}")
            pen_down = True
        if not steps:
            return
        if closed:
            self._shapes.append(f'<path d="{"".join(steps)}Z" fill="{colour}"/>')
            return
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._shapes.append(
            f'<path d="{"".join(steps)}" fill="none" stroke="{colour}" stroke-width="{_u(width)}" '
            f'stroke-linejoin="round" stroke-linecap="round"{dashed}/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 13,
        anchor: Anchor = "start",
        colour: str = "currentColor",
        bold: bool = False,
    ) -> None:
        """Write one line of text with its baseline at y."""
        if not _drawable(x, y):
            return
        extra = "" if anchor == "start" else f' text-anchor="{anchor}"'
        extra += ' font-weight="600"' if bold else ""
        self._shapes.append(
            f'<text x="{_u(x)}" y="{_u(y)}" font-size="{_u(size)}" fill="{colour}"{extra}>'
            f"{escape(text)}</text>"
        )

    def svg(self) -> str:
        """Return the picture as an SVG element."""
        label = f"{self._title}. {self._description}" if self._description else self._title
        described = f"<desc>{escape(self._description)}</desc>" if self._description else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_u(self.width)} '
            f'{_u(self.height)}" width="{_u(self.width)}" height="{_u(self.height)}" role="img" '
            f'aria-label="{escape(label)}" font-family="system-ui,sans-serif">'
            f"<title>{escape(self._title)}</title>{described}{''.join(self._shapes)}</svg>"
        )


def _drawable(*numbers: float) -> bool:
    return all(math.isfinite(number) for number in numbers)


def _u(value: float) -> str:
    """Return a coordinate with one decimal at most: enough for the eye, small in the file."""
    return f"{value:.1f}".removesuffix(".0")


class Scale:
    """From values to places on the board, straight; everything in the middle where all are equal.

    Examples
    --------
    >>> Scale(0, 10, 100, 200)(5)
    150.0
    """

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high, self.start, self.end = low, high, start, end

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def extent(values: Sequence[float | None], *, pad: float = 0.05) -> tuple[float, float]:
    """Return the range of the finite values with some room; (0, 1) where there are none.

    Examples
    --------
    >>> extent([1.0, None, 3.0], pad=0.5)
    (0.0, 4.0)
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    room = (high - low) * pad or abs(high) * pad or 0.5
    return low - room, high + room


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers within a range, at most `most` and a few less.

    Examples
    --------
    >>> ticks(0.0, 1.0)
    [0.0, 0.25, 0.5, 0.75, 1.0]
    >>> ticks(12.0, 97.0, 3)
    [25.0, 50.0, 75.0]
    """
    if not _drawable(low, high) or high <= low:
        return [low] if _drawable(low) else []
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (power * m for m in (1, 2, 2.5, 5, 10, 20)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [round(i * step, 12) for i in range(first, last + 1)]
    return [low, high]


def tick_text(tick: float) -> str:
    """Return a tick's number, as short as it can be.

    Examples
    --------
    >>> tick_text(0.25), tick_text(0.5), tick_text(20000.0)
    ('0.25', '0.5', '20,000')
    """
    return f"{tick:,.0f}" if abs(tick) >= 1000 else f"{tick:g}"


def fit(text: str, room: float, size: float = 13) -> str:
    """Return the text, cut with an ellipsis where it would be wider than `room` units.

    Examples
    --------
    >>> len(fit("a_very_long_column_name", 80))
    10
    """
    letters = max(int(room / (size * _WIDTH_OF_A_LETTER)), 2)
    return text if len(text) <= letters else text[: letters - 1] + "\N{HORIZONTAL ELLIPSIS}"


def marker(board: Canvas, x: float, y: float, verdict: Verdict, size: float = 5) -> None:
    """Draw the shape of a verdict: dot pass, triangle look, cross fail, ring too few to say."""
    colour = COLOURS[verdict]
    if verdict == "warn":
        up, down = y - size * 1.2, y + size * 0.9
        board.path([(x - size * 1.2, down), (x, up), (x + size * 1.2, down)], colour, closed=True)
    elif verdict == "fail":
        board.line(x - size, y - size, x + size, y + size, colour, width=3)
        board.line(x - size, y + size, x + size, y - size, colour, width=3)
    else:
        board.circle(x, y, size, colour, hollow=verdict == "unknown")
