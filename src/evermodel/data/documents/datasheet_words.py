"""The sentences of a datasheet that its page and its Markdown share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from evermodel.data.documents.datasheet import Datasheet
from evermodel.data.documents.table_facts import ColumnFacts
from evermodel.report.html import day
from evermodel.report.wording import percent

__all__ = [
    "FOUND",
    "MOST_COLUMNS",
    "about_columns",
    "counted",
    "foot",
    "origin",
    "overview",
    "paragraphs",
    "reading",
    "scan",
    "type_of",
    "values_of",
]

MOST_COLUMNS = 500
"""Columns of a table that are shown."""

FOUND = "What did the checks find?"
"""The title of the findings."""

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank"}
_RULES = (
    "Values are shown of columns with few of them, each in at least ten rows. A usual range"
    " ends where at least ten rows still lie at its end or beyond."
)
_NO_ENDS = " Least and greatest values are not shown: the rows are about people."
_FOOTER = (
    "After Datasheets for Datasets (Gebru and others, 2021). Numbers were measured on these rows;"
    " answers are what people said. This is evidence for a judgement, and no judgement itself."
)


def foot(sheet: Datasheet) -> str:
    """Return what stands below a datasheet: after whom it is made, what it is, and when."""
    return f"{_FOOTER} Written {day(sheet.made)}." if sheet.made else _FOOTER


def counted(sheet: Datasheet) -> str:
    """Return how many findings there are, as a sentence.

    Examples
    --------
    >>> from evermodel.data.documents.table_facts import TableFacts
    >>> counted(Datasheet(name="a", facts=TableFacts(rows=1, columns=())))
    'The rows have not been checked yet.'
    """
    if not sheet.findings:
        return "The rows have not been checked yet."
    mend, look = (sum(r.verdict == v for r in sheet.findings) for v in ("fail", "warn"))
    things = "thing" if mend + look == 1 else "things"
    if mend and look:
        return f"The checks found {mend + look} {things}, {mend} of them to mend."
    if mend or look:
        return f"The checks found {mend + look} {things} to {'mend' if mend else 'look at'}."
    return "The checks found nothing to look at."


def overview(sheet: Datasheet) -> Mapping[str, str | int | None]:
    """Return the numbers that stand first, by what they are called; None where not measured."""
    measured = sheet.facts
    told: dict[str, str | int | None] = {
        "Rows": measured.rows,
        "Columns": len(measured.columns),
        "Rows that repeat another": measured.duplicates,
        "Cells without a value": _missing_cells(sheet),
    }
    if measured.first:
        told |= {"First row": measured.first, "Last row": measured.last}
    return told


def _missing_cells(sheet: Datasheet) -> str:
    cells = sheet.facts.rows * len(sheet.facts.columns)
    gaps = sum(column.missing for column in sheet.facts.columns)
    return percent(gaps / cells) if cells else ""


def paragraphs(text: str) -> list[str]:
    r"""Return the paragraphs of an answer.

    Examples
    --------
    >>> paragraphs("One.\n\nTwo.")
    ['One.', 'Two.']
    """
    return [part for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]


def about_columns(sheet: Datasheet) -> str:
    """Return by which rules values are shown or not."""
    return _RULES + (_NO_ENDS if sheet.facts.about_people else "")


def type_of(column: ColumnFacts) -> str:
    """Return the type of a column in plain words."""
    return "whole number" if column.type == "number" and column.whole else column.type


def values_of(column: ColumnFacts) -> tuple[str, str]:
    """Return what is told of a column's values, or its usual range, and a remark on it.

    Examples
    --------
    >>> values_of(ColumnFacts(name="a", type="category", rows=40, values=(("x", 30), ("y", 10))))
    ('x (75 %), y (25 %)', '')
    >>> values_of(ColumnFacts(name="a", type="number", rows=900, low="2", high="9", tail=0.01))
    ('2 to 9', 'at least 98 % of the rows')
    >>> values_of(ColumnFacts(name="a", type="text", rows=9, hidden="free text"))
    ('', 'not shown: free text')
    """
    if column.values:
        return _shares(column), ""
    if column.low:
        ends = [column.low, column.high] if column.low != column.high else [column.low]
        return (
            " to ".join(ends),
            f"at least {percent(1 - 2 * column.tail)} of the rows",
        )
    return "", f"not shown: {column.hidden}" if column.hidden else ""


def _shares(column: ColumnFacts, *, most: int = 8) -> str:
    present = max(column.rows - column.missing, 1)
    told = [f"{word} ({percent(rows / present)})" for word, rows in column.values[:most]]
    more = len(column.values) - most
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def origin(sheet: Datasheet) -> str:
    """Return where the rows come from and the time that they span."""
    told = f"The rows come from `{sheet.source}`"
    if sheet.facts.first:
        told += f" and span {sheet.facts.first} to {sheet.facts.last}, by `{sheet.facts.time}`"
    return f"{told}."


def reading(sheet: Datasheet) -> str:
    """Return how the rows were read, as sentences."""
    measured = sheet.facts
    if not measured.kind:
        return "How the rows were read was not recorded."
    parts = [f"The rows were read from {_KINDS.get(measured.kind, measured.kind)}"]
    if measured.separator:
        parts.append(f"cells parted by {_SEPARATORS.get(measured.separator, measured.separator)}")
    if measured.encoding:
        parts.append(f"letters in {measured.encoding}")
    if measured.decimal == ",":
        parts.append("numbers with a decimal comma")
    if measured.dates:
        parts.append(f"dates written {measured.dates}")
    said = ", ".join(parts) + "."
    if measured.left_out:
        many = "row" if measured.left_out == 1 else "rows"
        said += f" {measured.left_out:,} {many} that could not be read were left out."
    if measured.missing_words:
        said += f" Taken as missing: {_words(measured.missing_words)}."
    return said


def _words(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" if word.strip() else "blanks" for word in words[:10])


_KINDS = {
    "text": "a text file", "parquet": "a parquet file", "Delta": "a Delta table",
    "json": "a file of JSON lines", "database": "a database", "excel": "a spreadsheet",
}  # fmt: skip


def scan(sheet: Datasheet) -> str:
    """Return whether anything looked for personal data."""
    if sheet.scanned:
        return "A scan for personal data is among the checks; it cannot see everything."
    return "No scan for personal data was run: columns were judged by their names alone."
