"""A datasheet as people read it: one self-contained HTML page, and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from html import escape

from evermodel.data.answers import ANSWERS_FILE, Question
from evermodel.data.datasheet import PARTS, Datasheet, Part, gap, shown_values, usual_range
from evermodel.data.table_facts import ColumnFacts
from evermodel.records import CheckResult, Verdict
from evermodel.report.html import (
    Section,
    day,
    empty_part,
    facts,
    figure,
    folded,
    page,
    paragraph,
    results_table,
    table,
    verdict_banner,
)
from evermodel.report.svg import ACCENT, MUTED, Canvas, Scale, fit
from evermodel.report.wording import WORDS, interval, number, percent, plain_name, whole

__all__ = ["as_markdown", "as_page"]

_MOST_COLUMNS = 500
_MOST_BARS = 12
_BAR = 30
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank"}
_FOUND = "What did the checks find?"
_OPEN = "What is still open?"
_RULES = (
    "Values are shown of columns with few of them, each in at least ten rows. A usual range leaves"
    " out the rows at either end, at least ten."
)
_NO_ENDS = " Least and greatest values are not shown: the rows are about people."
_FOOTER = (
    "After Datasheets for Datasets (Gebru and others, 2021). Numbers were measured on these rows;"
    " answers are what people said. This is evidence for a judgement, and no judgement itself."
)
_SAY: dict[Verdict, str] = {
    "fail": "Something here must be mended first",
    "warn": "Use these data with the findings in mind",
    "unknown": "Too little is known to say",
    "pass": "Nothing was found that speaks against these data",
}


def as_page(sheet: Datasheet) -> str:
    """Return the datasheet as one self-contained HTML page.

    Examples
    --------
    >>> from evermodel.data.table_facts import TableFacts
    >>> text = as_page(Datasheet(name="shop", facts=TableFacts(rows=0, columns=())))
    >>> "0 of 15 questions answered" in text, "<script" in text
    (True, False)
    """
    sections = []
    for part in PARTS:
        body = "".join(_asked(sheet, question) for question in part.questions)
        if part.tables == ("composition",):
            body = _measured(sheet) + body
        if part.tables == ("preprocessing",):
            body += paragraph(_reading(sheet))
        sections.append(Section(title=part.title, lead=part.lead, body=body))
        if part.tables == ("composition",):
            sections.append(Section(title=_FOUND, lead="Findings", body=_findings(sheet)))
    sections.append(Section(title=_OPEN, lead=sheet.count.capitalize(), body=_open(sheet)))
    title = f"Datasheet: {sheet.name}"
    return page(title, sections, banner=_banner(sheet), footer=_FOOTER)


def _standing(sheet: Datasheet) -> Verdict:
    """Return the verdict of the page: what nobody has answered yet keeps it from a plain pass."""
    return "unknown" if sheet.verdict == "pass" and sheet.gaps else sheet.verdict


def _banner(sheet: Datasheet) -> str:
    verdict = _standing(sheet)
    say = _SAY["pass"] if sheet.verdict == "pass" else _SAY[verdict]
    more = f"Answer the others in `{ANSWERS_FILE}`." if sheet.gaps else ""
    told = facts(_overview(sheet))
    return verdict_banner(verdict, say, f"{sheet.count}. {_counted(sheet)}", more=more) + told


def _counted(sheet: Datasheet) -> str:
    if not sheet.findings:
        return "The rows have not been checked yet."
    counts = {
        "to mend": sum(result.verdict == "fail" for result in sheet.findings),
        "to look at": sum(result.verdict == "warn" for result in sheet.findings),
    }
    told = " and ".join(f"{n} {what}" for what, n in counts.items() if n)
    return f"The checks found {told}." if told else "The checks found nothing to look at."


def _overview(sheet: Datasheet) -> Mapping[str, str | int | None]:
    measured = sheet.facts
    told: dict[str, str | int | None] = {
        "Rows": measured.rows,
        "Columns": len(measured.columns),
        "Rows that repeat another": measured.duplicates,
        "Cells without a value": _missing_cells(sheet),
    }
    if measured.first:
        told |= {"First row": measured.first, "Last row": measured.last}
    told["Source"] = sheet.source
    if sheet.made:
        told["Written"] = day(sheet.made)
    return told


def _missing_cells(sheet: Datasheet) -> str:
    cells = sheet.facts.rows * len(sheet.facts.columns)
    gaps = sum(column.missing for column in sheet.facts.columns)
    return percent(gaps / cells) if cells else ""


def _asked(sheet: Datasheet, question: Question) -> str:
    said = sheet.answers[question.name]
    head = f"<h3>{escape(question.ask)}</h3>"
    if not said:
        mark = '<span class="tag unknown"><span aria-hidden="true">?</span> Not answered yet</span>'
        return f"{head}<p>{mark}</p>"
    return head + "".join(paragraph(" ".join(part.split())) for part in _paragraphs(said))


def _paragraphs(text: str) -> list[str]:
    return [part for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]


def _measured(sheet: Datasheet) -> str:
    shown = sheet.facts.columns[:_MOST_COLUMNS]
    rows = [_column_cells(column) for column in shown]
    heads = [
        ("Column", ""),
        ("Type", ""),
        ("Missing", "number"),
        ("Different values", "number"),
        ("Values, or usual range", "why"),
        ("Least and greatest", ""),
    ]
    filled = [i for i in range(len(heads)) if i < 5 or any(row[i][0] for row in rows)]
    more = len(sheet.facts.columns) - len(shown)
    about = _about_columns(sheet) + (f" {more:,} more columns are not shown." if more > 0 else "")
    columns = table(
        "Columns", [heads[i] for i in filled], [[row[i] for i in filled] for row in rows]
    )
    return _pictures(sheet) + columns + paragraph(about) + _content_digest(sheet)


def _about_columns(sheet: Datasheet) -> str:
    return _RULES + (_NO_ENDS if sheet.facts.about_people else "")


def _content_digest(sheet: Datasheet) -> str:
    if not sheet.digest:
        return ""
    return folded("Digest of the content", paragraph(f"`{sheet.digest}`"))


def _column_cells(column: ColumnFacts) -> list[tuple[str, str]]:
    role = f"<small>{escape(column.role)}</small>" if column.role else ""
    missing = percent(column.missing / column.rows) if column.rows and column.missing else ""
    told, under = _told(column)
    small = f"<small>{escape(under)}</small>" if under else ""
    ends = f"{column.least} to {column.greatest}" if column.least else ""
    return [
        (f"{escape(column.name)}{role}", ""),
        (escape(_type(column)), ""),
        (missing, "number"),
        (whole(column.distinct), "number"),
        (f"{escape(told)}{small}", "why"),
        (escape(ends), ""),
    ]


def _type(column: ColumnFacts) -> str:
    return "whole number" if column.type == "number" and column.whole else column.type


def _told(column: ColumnFacts) -> tuple[str, str]:
    """Return what is told of a column's values, and a remark on it."""
    if column.values:
        return shown_values(column), ""
    if column.low:
        return usual_range(column), f"{percent(1 - 2 * column.tail)} of the rows"
    return "", f"not shown: {column.hidden}" if column.hidden else ""


def _pictures(sheet: Datasheet) -> str:
    told = ""
    classes = _classes(sheet)
    if classes:
        labels, shares = zip(*classes, strict=True)
        title = f"How often each value of {sheet.facts.target} occurs"
        told += figure(partial(_bars, labels, shares, title), caption=title)
    gaps = sorted(
        ((c.name, c.missing / c.rows) for c in sheet.facts.columns if c.missing),
        key=lambda pair: -pair[1],
    )
    if gaps:
        labels, shares = zip(*gaps[:_MOST_BARS], strict=True)
        more = f", the {_MOST_BARS} with most" if len(gaps) > _MOST_BARS else ""
        title = f"Share of rows without a value, by column{more}"
        told += figure(partial(_bars, labels, shares, title), caption=title)
    return told


def _classes(sheet: Datasheet) -> list[tuple[str, float]]:
    found = [column for column in sheet.facts.columns if column.role == "target"]
    if not found:
        return []
    present = max(found[0].rows - found[0].missing, 1)
    return [(word, rows / present) for word, rows in found[0].values]


def _bars(labels: Sequence[str], shares: Sequence[float], title: str, width: float) -> str:
    says = "; ".join(f"{name} {percent(n)}" for name, n in zip(labels, shares, strict=True))
    board = Canvas(width, _BAR * len(labels), title, says)
    left, right = (128.0, 58.0) if width < 480 else (210.0, 70.0)
    x = Scale(0, max(shares) or 1.0, left, width - right)
    for i, (label, share) in enumerate(zip(labels, shares, strict=True)):
        y = _BAR * i + _BAR / 2
        board.text(0, y + 4, fit(label, left - 10))
        board.rect(left, y - 7, max(x(share) - left, 1.0), 14, ACCENT)
        board.text(width, y + 4, percent(share), anchor="end", colour=MUTED)
    return board.svg()


def _findings(sheet: Datasheet) -> str:
    if not sheet.findings:
        return empty_part("The rows have not been checked yet.", "Run `evermodel check`.")
    urgent = [result for result in sheet.findings if result.verdict != "pass"]
    calm = [result for result in sheet.findings if result.verdict == "pass"]
    told = results_table(urgent, caption=_FOUND) if urgent else paragraph("Nothing to look at.")
    if calm:
        told += folded(
            f"{len(calm)} in order or only told", results_table(calm, caption="In order")
        )
    return told + paragraph(_scan(sheet))


def _scan(sheet: Datasheet) -> str:
    if sheet.scanned:
        return "A scan for personal data is among the checks; it cannot see everything."
    return "No scan for personal data was run: columns were judged by their names alone."


def _reading(sheet: Datasheet) -> str:
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
        said += f" Taken as missing: {', '.join(f'`{w}`' for w in measured.missing_words[:10])}."
    return said


_KINDS = {
    "text": "a text file", "parquet": "a parquet file", "Delta": "a Delta table",
    "json": "a file of JSON lines", "database": "a database", "excel": "a spreadsheet",
}  # fmt: skip


def _open(sheet: Datasheet) -> str:
    if not sheet.gaps:
        return paragraph("Every question has an answer.")
    items = "".join(
        f"<li>{escape(question.ask)} <small>[{question.table}] {question.key}</small></li>"
        for question in sheet.answers.open
    )
    what = f"Answer them in `{ANSWERS_FILE}`, then write the datasheet again."
    return f"{paragraph(what)}<ul>{items}</ul>"


def as_markdown(sheet: Datasheet) -> str:
    """Return the datasheet as Markdown.

    Examples
    --------
    >>> from evermodel.data.table_facts import TableFacts
    >>> print(as_markdown(Datasheet(name="shop", facts=TableFacts(rows=0, columns=())))[:54])
    # Datasheet: shop
    <BLANKLINE>
    **0 of 15 questions answered.** The
    """
    blocks = [
        f"# Datasheet: {_inline(sheet.name)}",
        f"**{sheet.count}.** {_counted(sheet)}",
        "\n".join(f"- {name}: {_plain(value)}" for name, value in _overview(sheet).items()),
    ]
    for part in PARTS:
        blocks += [f"## {part.title}", *_part_blocks(sheet, part)]
    blocks += ["---", _FOOTER]
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
        yield _rows(heads, (_column_line(c) for c in sheet.facts.columns[:_MOST_COLUMNS]))
        yield _about_columns(sheet)
        if sheet.digest:
            yield f"Digest of the content: `{sheet.digest}`"
    for question in part.questions:
        said = sheet.answers[question.name]
        yield f"### {question.ask}"
        yield _answer(said) if said else f"> **{gap(question).capitalize()}**"
    if part.tables == ("preprocessing",):
        yield _inline(_reading(sheet), keep="`")
    if part.tables == ("composition",):
        yield f"## {_FOUND}"
        heads = ("what", "of", "verdict", "value", "interval", "rows", "why")
        yield (
            _rows(heads, map(_finding_line, sheet.findings)) if sheet.findings else _counted(sheet)
        )
        yield _scan(sheet)


def _column_line(column: ColumnFacts) -> list[str]:
    told, under = _told(column)
    values = f"{told} ({under})" if told and under else told or under
    ends = f"{column.least} to {column.greatest}" if column.least else ""
    role = f" ({column.role})" if column.role else ""
    missing = percent(column.missing / column.rows) if column.rows and column.missing else ""
    return [column.name + role, _type(column), missing, whole(column.distinct), values, ends]


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


def _inline(text: str, *, keep: str = "") -> str:
    """Return a text on one line that Markdown shows as it is."""
    for sign in "\\|`*_<[]#":
        if sign not in keep:
            text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())


def _answer(text: str) -> str:
    """Return an answer with its paragraphs; it cannot open a heading, a table or an element."""
    return "\n\n".join(_inline(part) for part in _paragraphs(text))
