"""A datasheet as one HTML page: nothing in it is loaded from elsewhere, and no script runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape

from evermodel.data.documents.answers import ANSWERS_FILE
from evermodel.data.documents.datasheet import PARTS, Datasheet
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
from evermodel.data.documents.questions import Question
from evermodel.data.documents.table_facts import ColumnFacts
from evermodel.records import Verdict
from evermodel.report.html import (
    Section,
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
from evermodel.report.wording import percent, whole

__all__ = ["as_page"]

_MOST_BARS = 12
_BAR = 30
_OPEN = "What is still open?"
_SAY: dict[Verdict, str] = {
    "fail": "Something here must be mended first",
    "warn": "Use these data with the findings in mind",
    "unknown": "Too little is known to say",
    "pass": "Nothing speaks against these data so far",
}


def as_page(sheet: Datasheet) -> str:
    """Return the datasheet as one self-contained HTML page.

    Examples
    --------
    >>> from evermodel.data.documents.table_facts import TableFacts
    >>> text = as_page(Datasheet(name="shop", facts=TableFacts(rows=0, columns=())))
    >>> "0 of 15 questions answered" in text, "<script" in text
    (True, False)
    """
    sections = []
    for part in PARTS:
        body = "".join(_asked(sheet, question) for question in part.questions)
        if part.tables == ("composition",):
            body = _measured(sheet) + body
        if part.tables == ("collection",) and sheet.source:
            body = paragraph(origin(sheet)) + body
        if part.tables == ("preprocessing",):
            body = paragraph(reading(sheet)) + body
        sections.append(Section(title=part.title, lead=part.lead, body=body))
        if part.tables == ("composition",):
            sections.append(Section(title=FOUND, lead="Findings", body=_findings(sheet)))
    sections.append(Section(title=_OPEN, lead=sheet.count.capitalize(), body=_open(sheet)))
    title = f"Datasheet: {sheet.name}"
    return page(title, sections, banner=_banner(sheet), footer=foot(sheet))


def _standing(sheet: Datasheet) -> Verdict:
    """Return the verdict of the page: what nobody has answered yet keeps it from a plain pass."""
    return "unknown" if sheet.verdict == "pass" and sheet.gaps else sheet.verdict


def _banner(sheet: Datasheet) -> str:
    verdict = _standing(sheet)
    say = _SAY["pass"] if sheet.verdict == "pass" else _SAY[verdict]
    more = f"Answer the others in `{ANSWERS_FILE}`." if sheet.gaps else ""
    told = facts(overview(sheet))
    return verdict_banner(verdict, say, f"{sheet.count}. {counted(sheet)}", more=more) + told


def _asked(sheet: Datasheet, question: Question) -> str:
    said = sheet.answers[question.name]
    head = f"<h3>{escape(question.ask)}</h3>"
    if not said:
        mark = '<span class="tag unknown"><span aria-hidden="true">?</span> Not answered yet</span>'
        return f"{head}<p>{mark}</p>"
    return head + "".join(paragraph(" ".join(part.split())) for part in paragraphs(said))


def _measured(sheet: Datasheet) -> str:
    shown = sheet.facts.columns[:MOST_COLUMNS]
    rows = [_column_cells(column) for column in shown]
    heads = [
        ("Column", ""),
        ("Values, or usual range", "why"),
        ("Least and greatest", ""),
        ("Missing", "number"),
        ("Different values", "number"),
    ]
    filled = [i for i in range(len(heads)) if not i or any(row[i][0] for row in rows)]
    more = len(sheet.facts.columns) - len(shown)
    about = about_columns(sheet) + (f" {more:,} more columns are not shown." if more > 0 else "")
    columns = table(
        "Columns", [heads[i] for i in filled], [[row[i] for i in filled] for row in rows]
    )
    return _pictures(sheet) + columns + paragraph(about) + _content_digest(sheet)


def _content_digest(sheet: Datasheet) -> str:
    if not sheet.digest:
        return ""
    return folded("Digest of the content", paragraph(f"`{sheet.digest}`"))


def _column_cells(column: ColumnFacts) -> list[tuple[str, str]]:
    kind = " · ".join(part for part in (type_of(column), column.role) if part)
    missing = percent(column.missing / column.rows) if column.rows and column.missing else ""
    shown, under = values_of(column)
    small = f"<small>{escape(under)}</small>" if under else ""
    ends = f"{column.least} to {column.greatest}" if column.least else ""
    return [
        (f"{escape(column.name)}<small>{escape(kind)}</small>", ""),
        (f"{escape(shown)}{small}", "why"),
        (escape(ends), ""),
        (missing, "number"),
        (whole(column.distinct), "number"),
    ]


def _pictures(sheet: Datasheet) -> str:
    told = ""
    classes = _classes(sheet)
    if classes:
        labels, shares = zip(*classes[:_MOST_BARS], strict=True)
        more = f", the {_MOST_BARS} most frequent" if len(classes) > _MOST_BARS else ""
        title = f"How often each value of {sheet.facts.target} occurs{more}"
        told += figure(partial(_bars, labels, shares, title, max(shares)), caption=title)
    gaps = sorted(
        (
            (c.name, c.missing / c.rows)
            for c in sheet.facts.columns
            if c.missing and c.missing >= 0.01 * c.rows
        ),
        key=lambda pair: -pair[1],
    )
    if gaps:
        labels, shares = zip(*gaps[:_MOST_BARS], strict=True)
        more = f", the {_MOST_BARS} with most" if len(gaps) > _MOST_BARS else ""
        title = f"Share of rows without a value, by column{more}"
        told += figure(partial(_bars, labels, shares, title, 1.0), caption=title)
    return told


def _classes(sheet: Datasheet) -> list[tuple[str, float]]:
    found = [column for column in sheet.facts.columns if column.role == "target"]
    if not found:
        return []
    present = max(found[0].rows - found[0].missing, 1)
    return [(word, rows / present) for word, rows in found[0].values]


def _bars(
    labels: Sequence[str], shares: Sequence[float], title: str, most: float, width: float
) -> str:
    says = "; ".join(f"{name} {percent(n)}" for name, n in zip(labels, shares, strict=True))
    board = Canvas(width, _BAR * len(labels), title, says)
    left, right = (128.0, 58.0) if width < 480 else (210.0, 70.0)
    x = Scale(0, most, left, width - right)
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
    told = results_table(urgent, caption=FOUND) if urgent else paragraph("Nothing to look at.")
    if calm:
        told += folded(
            f"{len(calm)} in order or only told", results_table(calm, caption="In order")
        )
    return told + paragraph(scan(sheet))


def _open(sheet: Datasheet) -> str:
    if not sheet.gaps:
        return paragraph("Every question has an answer.")
    items = "".join(
        f"<li>{escape(question.ask)} <small>[{question.table}] {question.key}</small></li>"
        for question in sheet.answers.open
    )
    what = f"Answer them in `{ANSWERS_FILE}`, then write the datasheet again."
    return f"{paragraph(what)}<ul>{items}</ul>"
