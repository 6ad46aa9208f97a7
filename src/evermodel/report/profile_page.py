"""What the columns of a table hold: a line each in the terminal, a page with small histograms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from evermodel.report.html import Section, facts, page, table
from evermodel.report.svg import ACCENT, Canvas
from evermodel.report.wording import number, percent, printable, whole
from evermodel.tables import ColumnSummary, Summary
from evermodel.tables.summarised import Correlation, Histogram

__all__ = ["closest", "held", "profile_page", "profile_table", "profile_text"]

_WORDS = 3
_STRONG = 0.8
_MOST_PAIRS = 20
_LONGEST = 40


def held(column: ColumnSummary) -> str:
    """Return what a column holds in a few words.

    Examples
    --------
    >>> from evermodel.tables import summarise
    >>> import polars as pl
    >>> rows = pl.DataFrame({"kg": [70.0, None, 90.0, 80.0], "plan": ["a", "b", "a", "a"]})
    >>> found = summarise([rows], {"kg": "number", "plan": "category"}).result()
    >>> held(found["kg"]), held(found["plan"])
    ('70 to 90, median 80, mean 80', "'a' 75 %, 'b' 25 %")
    """
    if column.of_persons:
        return "of persons: no value is shown"
    if column.type == "timestamp" and column.first:
        return f"{column.first} to {column.last}"
    found = column.numbers
    if column.type == "number" and found is not None and found.quantiles:
        parts = [f"{number(found.minimum)} to {number(found.maximum)}"]
        parts.append(f"median {number(found.quantile(0.5))}")
        parts.append(f"mean {number(found.mean)}")
        if found.zeros > 0.05 * max(found.n, 1):
            parts.append(f"{percent(found.zeros / found.n)} are 0")
        return ", ".join(parts)
    often = column.top[:_WORDS]
    if often and column.distinct < max(column.present, 1):
        present = max(column.present, 1)
        shown = [f"{_cut(value.value)!r} {percent(value.rows / present)}" for value in often]
        return ", ".join(shown)
    if column.words is not None and column.words.formats:
        return f"written like {_cut(column.words.formats[0].value)}"
    return "every value another" if column.present else "nothing"


def _cut(text: str) -> str:
    plain = printable(text)
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _distinct(column: ColumnSummary) -> str:
    about = "about " if column.distinct_error else ""
    return f"{about}{whole(column.distinct)}"


def closest(summary: Summary) -> list[Correlation]:
    """Return the pairs of columns that are closely correlated, the closest first."""
    names = summary.correlated
    pairs = [
        summary.correlation(first, second)
        for i, first in enumerate(names)
        for second in names[i + 1 :]
    ]
    close = [pair for pair in pairs if pair.r is not None and abs(pair.r) >= _STRONG]
    return sorted(close, key=lambda pair: -abs(pair.r or 0.0))[:_MOST_PAIRS]


def profile_text(summary: Summary, width: int = 100, *, title: str = "") -> str:
    """Return a line for each column: type, gaps, different values, and what it holds."""
    names = [_cut(column.name) for column in summary.columns]
    room = max(map(len, names), default=0)
    lines = [f"{title}{whole(summary.rows)} rows, {whole(len(names))} columns", ""]
    for name, column in zip(names, summary.columns, strict=True):
        gaps = (
            f"{percent(column.missing / max(summary.rows, 1))} missing, " if column.missing else ""
        )
        text = f"{name:<{room}}  {column.type:<9}  {gaps}{_distinct(column)} different; "
        lines.append((text + held(column))[: max(width, room + 30)])
    pairs = closest(summary)
    if pairs:
        lines += ["", "Closely correlated"]
        lines += [f"  {_cut(pair.first)} and {_cut(pair.second)}: {_r(pair)}" for pair in pairs]
    return "\n".join(lines)


def _r(pair: Correlation) -> str:
    if pair.low is None or pair.high is None:
        return f"{number(pair.r)} (n = {whole(pair.n)})"
    return f"{number(pair.r)} ({number(pair.low)} to {number(pair.high)}, n = {whole(pair.n)})"


def profile_page(summary: Summary, *, title: str, notes: Sequence[str] = ()) -> str:
    """Return the same as one self-contained page, a histogram beside each column.

    Examples
    --------
    >>> from evermodel.tables import summarise
    >>> import polars as pl
    >>> found = summarise([pl.DataFrame({"kg": [70.0, 90.0, 80.0]})], {"kg": "number"}).result()
    >>> text = profile_page(found, title="a.csv")
    >>> text.count("<svg"), "<script" in text
    (1, False)
    """
    body = profile_table("Columns", summary.columns)
    sections = [Section(title="What does each column hold?", body=body)]
    pairs = closest(summary)
    if pairs:
        heads = [("column", ""), ("and", ""), ("correlation", "number"), ("rows", "number")]
        cells = [
            [
                (escape(pair.first), ""),
                (escape(pair.second), ""),
                (escape(_r(pair).partition(", n")[0]), "number"),
                (whole(pair.n), "number"),
            ]
            for pair in pairs
        ]
        sections.append(
            Section(title="Which go together?", body=table("Correlations", heads, cells))
        )
    if notes:
        items = "".join(f"<li>{escape(printable(note))}</li>" for note in notes)
        sections.append(Section(title="How it was read", body=f"<ul>{items}</ul>"))
    gaps = sum(column.missing for column in summary.columns)
    share = gaps / max(summary.rows * len(summary.columns), 1)
    banner = facts(
        {
            "Rows": whole(summary.rows),
            "Columns": whole(len(summary.columns)),
            "Cells without a value": percent(share),
        }
    )
    return page(title, sections, banner=banner)


def profile_table(caption: str, columns: Sequence[ColumnSummary], *, pictures: bool = True) -> str:
    """Return a table with a row for each column: type, gaps, different values, what it holds."""
    heads = [("column", ""), ("type", ""), ("missing", "number"), ("different", "number"),
             ("holds", "why"), ("", "")]  # fmt: skip
    width = len(heads) if pictures else len(heads) - 1
    return table(caption, heads[:width], [_row(column)[:width] for column in columns])


def _row(column: ColumnSummary) -> list[tuple[str, str]]:
    gaps = percent(column.missing / max(column.rows, 1)) if column.missing else ""
    return [
        (escape(_cut(column.name)), ""),
        (escape(column.type), ""),
        (gaps, "number"),
        (_distinct(column), "number"),
        (escape(held(column)), "why"),
        (_picture(column), "picture"),
    ]


def _picture(column: ColumnSummary) -> str:
    """Return a small histogram of numbers, or bars of the most frequent words."""
    bars = list(_bars(column))
    if not bars:
        return ""
    top = max(bars)
    board = Canvas(120, 28, f"How {column.name} is distributed", held(column))
    step = 120 / len(bars)
    for place, value in enumerate(bars):
        height = 26 * value / top if top else 0
        board.rect(place * step, 28 - height, max(step - 1, 1), height, ACCENT)
    return board.svg()


def _bars(column: ColumnSummary) -> Iterator[float]:
    histogram: Histogram | None = column.numbers.equal_width if column.numbers else None
    if column.type in ("number", "timestamp") and histogram is not None:
        yield from (float(count) for count in histogram.counts)
    elif column.distinct < column.present:
        yield from (float(value.rows) for value in column.top[:12])
