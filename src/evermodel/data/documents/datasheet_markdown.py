"""A datasheet as Markdown, in which nothing that people or files wrote acts as markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from evermodel.data.documents.datasheet import PARTS, Datasheet, Part, gap
from evermodel.data.documents.datasheet_words import (
    FOUND,
    MOST_COLUMNS,
    about_columns,
    counted,
    foot,
    origin,
    overview,
    paragraphs,
    reading,
    scan,
    type_of,
    values_of,
)
from evermodel.data.documents.table_facts import ColumnFacts
from evermodel.records import CheckResult
from evermodel.report.wording import WORDS, interval, number, percent, plain_name, whole

__all__ = ["as_markdown"]

_SIGNS = frozenset("\\|`*_<[]#")


def as_markdown(sheet: Datasheet) -> str:
    """Return the datasheet as Markdown.

    Examples
    --------
    >>> from evermodel.data.documents.table_facts import TableFacts
    >>> print(as_markdown(Datasheet(name="shop", facts=TableFacts(rows=0, columns=())))[:54])
    # Datasheet: shop
    <BLANKLINE>
    **0 of 15 questions answered.** The
    """
    blocks = [
        f"# Datasheet: {_inline(sheet.name)}",
        f"**{sheet.count}.** {counted(sheet)}",
        "\n".join(f"- {name}: {_plain(value)}" for name, value in overview(sheet).items()),
    ]
    for part in PARTS:
        blocks += [f"## {part.title}", *_part_blocks(sheet, part)]
    blocks += ["---", foot(sheet)]
    return "\n\n".join(blocks) + "\n"


def _part_blocks(sheet: Datasheet, part: Part) -> Iterator[str]:
    if part.tables == ("composition",):
        heads: tuple[str, ...] = (
            "column",
            "type",
            "missing",
            "different values",
            "values, or usual range",
            "ends",
        )
        yield _rows(heads, (_column_line(c) for c in sheet.facts.columns[:MOST_COLUMNS]))
        yield about_columns(sheet)
        if sheet.digest:
            yield f"Digest of the content: `{sheet.digest}`"
    if part.tables == ("collection",) and sheet.source:
        yield _sentence(origin(sheet))
    if part.tables == ("preprocessing",):
        yield _sentence(reading(sheet))
    for question in part.questions:
        said = sheet.answers[question.name]
        open_ = gap(question)
        yield f"### {question.ask}"
        yield _answer(said) if said else f"> **{open_[0].upper()}{open_[1:]}**"
    if part.tables == ("composition",):
        yield f"## {FOUND}"
        heads = ("what", "of", "verdict", "value", "interval", "rows", "why")
        yield (
            _rows(heads, map(_finding_line, sheet.findings)) if sheet.findings else counted(sheet)
        )
        yield scan(sheet)


def _column_line(column: ColumnFacts) -> list[str]:
    shown, under = values_of(column)
    values = f"{shown} ({under})" if shown and under else shown or under
    ends = f"{column.least} to {column.greatest}" if column.least else ""
    role = f" ({column.role})" if column.role else ""
    missing = percent(column.missing / column.rows) if column.rows and column.missing else ""
    return [column.name + role, type_of(column), missing, whole(column.distinct), values, ends]


def _finding_line(result: CheckResult) -> list[str]:
    return [
        plain_name(result.name),
        " · ".join(part for part in (result.subject, result.slice) if part),
        WORDS[result.verdict].lower(),
        number(result.value, result.unit) if result.value is not None else "",
        interval(result),
        whole(result.n) if result.n is not None else "",
        result.why,
    ]


def _rows(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(heads), ["---"] * len(heads), *([_inline(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _plain(value: str | int | None) -> str:
    if isinstance(value, int):
        return whole(value)
    return _inline(value) if value else "\N{EN DASH}"


def _inline(text: str) -> str:
    """Return a text on one line that Markdown shows as it is."""
    return " ".join(_escaped(text).split())


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in _SIGNS else sign for sign in text)


def _sentence(text: str) -> str:
    """Return a sentence in which what stands between backticks is code, and all else as it is."""
    pieces = " ".join(text.split()).split("`")
    if len(pieces) % 2 == 0:  # a lone backtick is only a backtick
        return _inline(text)
    return "`".join(piece if i % 2 else _escaped(piece) for i, piece in enumerate(pieces))


def _answer(text: str) -> str:
    """Return an answer with its paragraphs; it cannot open a heading, a table or an element."""
    return "\n\n".join(_inline(part) for part in paragraphs(text))
