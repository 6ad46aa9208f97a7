"""What is wrong with data, as their owner reads it: what to fix first, each with its examples."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from html import escape

from evermodel.records import CheckResult, Report, Verdict
from evermodel.report.html import Section, folded, marked, page, results_table, verdict_banner
from evermodel.report.wording import interval, number, painted, plain_name, printable, whole

__all__ = ["Finding", "findings_page", "findings_text", "headline"]

Finding = CheckResult
GROUPS: tuple[tuple[str, tuple[Verdict, ...]], ...] = (
    ("Must fix", ("fail",)),
    ("Worth fixing", ("warn",)),
    ("Good to know", ("unknown", "pass")),
)
_SHOWN = 3
_MOST = 8
_TOLD = frozenset(
    {"missing", "many_values", "duplicate_rows", "duplicate_but_key", "label_errors"}
) | {"near_duplicate_rows", "mended", "personal_data_scan", "identifier"}
"""Results that are worth a line although nothing is wrong with them."""
_SHOWN_IN_ORDER = frozenset({"duplicate_rows", "duplicate_but_key", "near_duplicate_rows"})
"""Those of them whose examples help."""
_SAID_IN_WHY = frozenset({"label_rate_by_group", "missing_by_group", "representation"})
"""Results whose examples are the shares that their sentence compares already."""
_NAMES = "`{subject}` looks like names of persons or firms: {value} of its values"
_SAID = {
    "rows": "{value}",
    "rejected_rows": "{value} left out: they could not be read, or are no rows of the table",
    "missing": "`{subject}`: {value} of the values are missing",
    "quarantine": "{value} in quarantine",
    "time_missing": "`{subject}`: {value} without a time",
    "constant": "`{subject}` holds the same value in every row",
    "infinite": "`{subject}`: {value} with an infinite number",
    "below_zero": "`{subject}`: {value} below zero",
    "above_100_percent": "`{subject}`: {value} above 100 %",
    "code_among_numbers": "`{subject}`: {value} with a code among the numbers",
    "date_before_1900": "`{subject}`: {value} with a date before 1900",
    "date_in_the_future": "`{subject}`: {value} with a date in the future",
    "birth_in_the_future": "`{subject}`: {value} with a birth that is yet to come",
    "time_gaps": "`{subject}`: {value} between times that else follow at one distance",
    "names_alike": "{value} of columns that differ only by upper and lower case: {subject}",
    "damaged_letters": "`{subject}`: {value} with damaged letters",
    "spelling": "`{subject}`: {value} with another spelling of the same",
    "unreadable_cells": "`{subject}`: {value} with a value that is not of its type",
    "mixed_values": "`{subject}` mixes numbers or dates with words",
    "many_values": "`{subject}` has {value} that hardly repeat",
    "duplicate_rows": "{value} {repeat} an earlier row",
    "duplicate_but_key": "{value} {repeat} an earlier row in all but the key",
    "near_duplicate_rows": "{value} {repeat} an earlier row nearly",
    "duplicate_keys": "`{subject}`: {value} with a key that another row has",
    "column_missing": "`{subject}` is not in the table",
    "column_unknown": "`{subject}` is new",
    "wrong_type": "`{subject}` holds something else than it should",
    "leakage": "`{subject}` gives the answer away",
    "near_leakage": "`{subject}` nearly gives the answer away",
    "label_rate_by_group": "`{subject}` differs between groups: {slice}, {value}",
    "missing_by_group": "`{subject}` is missing more often in one group: {slice}, {value}",
    "representation": "Shares differ from the reference: {group}, {value}",
    "proxy": "`{subject}` can be told from other columns: {value}",
    "identifier": "`{subject}` has a value of its own in {value} of the rows",
    "personal_data_scan": "Personal data were looked for in {value}",
    "personal_data": "`{subject}` holds personal data: {value} of its values",
    "majority_accuracy": "Always guessing {slice} is right in {value} of the rows",
    "rarest_class": "Few rows of the rarest outcome: {slice}",
    "entity_across_split": "{value} of the test rows are about someone known from training",
    "equal_rows_across_split": "{value} of the test rows stand in training as well",
    "time_across_split": "{value} of the test rows are older than training",
    "outcomes_across_split": "{value} with an outcome that was not known yet",
    "target_from_columns": "The outcome can be calculated: {subject}",
    "gaps_tell_target": "`{subject}`: whether it is missing tells the outcome",
    "later_than_row": "`{subject}` may be written after the fact",
    "label_errors": "Outcomes in `{subject}` that may be wrong: {value}",
    "label_slips": "Outcomes in `{subject}` that look misspelt: {value}",
    "odd_targets": "Outcomes in `{subject}` far from what rows of their kind have: {value}",
    "conflicting_labels": "{value} of the rows contradict an equal row",
    "wrong_cells": "`{subject}`: {value} looking wrong",
    "mended": "Mended by the declared repairs: {value}",
}

_UNTOLD = "Whether outcomes in `{subject}` are wrong cannot be told from these rows"


def headline(result: CheckResult) -> str:
    """Return what was found, in a few words.

    Examples
    --------
    >>> headline(CheckResult(name="below_zero", subject="age", value=3.0, unit="rows"))
    '`age`: 3 rows below zero'
    >>> headline(CheckResult(name="odd_thing", subject="age", value=0.2, unit="share"))
    '`age`: Odd thing, 20 %'
    """
    value = number(result.value, result.unit) if result.value is not None else ""
    text = _NAMES if _hints_at_names(result) else _SAID.get(result.name)
    if result.name == "label_errors" and result.verdict == "unknown":
        text = _UNTOLD  # the middle of so wide an interval would be taken for the answer
    if text is not None and (value or "{value}" not in text):
        named = {"subject": printable(result.subject), "slice": printable(result.slice)}
        named["repeat"] = "repeats" if result.value == 1 else "repeat"
        return text.format(value=value, group=named["slice"] or named["subject"], **named)
    subject = f"`{printable(result.subject)}`: " if result.subject else ""
    measured = f", {value}" if value else ""
    return f"{subject}{plain_name(result.name)}{measured}"


def grouped(results: Sequence[CheckResult]) -> list[tuple[str, list[CheckResult]]]:
    """Return the findings under their headings; what is in order and tells nothing is in none."""
    groups = []
    for title, verdicts in GROUPS:
        chosen = [each for each in results if each.verdict in verdicts and _worth_a_line(each)]
        if chosen:
            groups.append((title, chosen))
    return groups


def _worth_a_line(result: CheckResult) -> bool:
    if result.verdict in ("fail", "warn"):
        return True
    if result.verdict == "unknown":
        return bool(result.why)
    return (result.name in _TOLD and bool(result.value)) or _hints_at_names(result)


def _hints_at_names(result: CheckResult) -> bool:
    """Whether name and writing of a column together look like persons; the headline says it all."""
    hint = result.name == "personal_data" and result.verdict == "pass" and bool(result.value)
    return hint and result.evidence.get("kind") == "person_name"


def counts(results: Sequence[CheckResult]) -> str:
    """Return how many findings there are, in words.

    Examples
    --------
    >>> counts([CheckResult(name="a", verdict="warn"), CheckResult(name="b")])
    '1 worth fixing, 1 in order'
    """
    words = {"fail": "to fix", "warn": "worth fixing", "unknown": "too few to say"}
    found = {verdict: sum(each.verdict == verdict for each in results) for verdict in words}
    parts = [f"{count} {words[verdict]}" for verdict, count in found.items() if count]
    fine = len(results) - sum(found.values())
    return ", ".join([*parts, f"{fine} in order"] if fine else parts) or "nothing was looked at"


def findings_text(
    report: Report, width: int = 100, *, colour: bool = False, notes: Sequence[str] = ()
) -> str:
    """Return findings as lines of at most `width` characters: a verdict, then what to do first.

    Examples
    --------
    >>> wrong = CheckResult(name="below_zero", subject="age", value=1.0, unit="rows", n=90,
    ...                     verdict="warn", why="nobody is younger than nothing",
    ...                     evidence={"rows": [4], "lines": [6], "examples": ["-4"]})
    >>> print(findings_text(Report(verb="check", subject="a.csv", results=(wrong,))))
    WARN  a.csv: 1 worth fixing
    <BLANKLINE>
    Worth fixing
      `age`: 1 row below zero (of 90)
        nobody is younger than nothing
        line 6: -4
    """
    verdict = report.verdict
    words = painted(verdict.upper(), verdict, colour=colour)
    size = f" ({_size(report)})" if _size(report) else ""
    lines = [f"{words}  {printable(report.subject)}: {counts(report.results)}{size}"]
    for title, findings in grouped(report.results):
        lines += ["", title]
        shown, more = _bounded(findings)
        before: list[str] = []
        for result in shown:
            lines += _wrapped(headline(result) + _of(result), width, "  ")
            why = "" if _hints_at_names(result) else result.why
            examples = _example_lines(result)
            # The parts of one sum are shown by the same rows.
            for text in (why, *(examples if examples != before else ())):
                lines += _wrapped(text, width, "    ")
            before = examples
        if more:
            lines.append(f"  and {more} more like these: --html or --json shows them all")
    said = _unsaid(notes, report.results)
    if said:
        lines += ["", "How it was read"]
        for note in said:
            lines += _wrapped(note, width, "  ")
    return "\n".join(lines)


def _bounded(findings: Sequence[CheckResult]) -> tuple[list[CheckResult], int]:
    """Return at most a few findings of each name, and how many there are beyond these."""
    seen: Counter[str] = Counter()
    shown = []
    for result in findings:
        seen[result.name] += 1
        most = _MOST if result.verdict in ("fail", "warn") else _SHOWN
        if seen[result.name] <= most:
            shown.append(result)
    return shown, len(findings) - len(shown)


def _unsaid(notes: Sequence[str], results: Sequence[CheckResult]) -> list[str]:
    """Return the notes that no finding says already."""
    whys = [result.why for result in results if result.verdict in ("fail", "warn")]
    # A note begins with the name of its column, a finding names it elsewhere.
    parts = [(note, note.partition(": ")[2] or note) for note in notes]
    return [note for note, part in parts if not any(part in why for why in whys)]


def _size(report: Report) -> str:
    rows, columns = report.facts.get("rows"), report.facts.get("columns")
    if rows is None or columns is None:
        return ""
    return f"{number(rows, 'rows')}, {number(columns, 'columns')}"


def _of(result: CheckResult) -> str:
    """Return the interval of a share, or of how many rows a count is."""
    if result.unit in ("rows", "cells") and result.n and result.name != "rows":
        return f" (of {whole(result.n)})"
    ranged = interval(result)
    return f" ({ranged}, n = {whole(result.n)})" if ranged and result.n else ""


def _example_lines(result: CheckResult) -> list[str]:
    """Return the first examples with where they stand; in order only rows that repeat others."""
    if result.verdict == "pass" and result.name not in _SHOWN_IN_ORDER:
        return []
    values = [str(value) for value in result.evidence.get("examples", ())][:_SHOWN]
    if result.name in _SAID_IN_WHY or (values and all(repr(v) in result.why for v in values)):
        return []
    lines, rows = result.evidence.get("lines", ()), result.evidence.get("rows", ())
    word, places = ("line", lines) if lines else ("row", rows)
    if len(values) > 1 and len(set(values)) == 1 and len(places) >= len(values):
        named = ", ".join(map(str, places[: len(values)]))
        return [f"{word}s {named}: {printable(values[0])}"]
    if values and len(places) >= len(values):
        pairs = zip(places, values, strict=False)
        return ["; ".join(f"{word} {place}: {printable(value)}" for place, value in pairs)]
    if values:
        return ["such as " + ", ".join(map(printable, values))]
    if places:
        more = " and others" if len(places) > _SHOWN else ""
        return [f"{word}s {', '.join(map(str, places[:_SHOWN]))}{more}"]
    return []


def findings_page(report: Report, *, notes: Sequence[str] = (), footer: str = "") -> str:
    """Return the same findings as one self-contained HTML page.

    Examples
    --------
    >>> text = findings_page(Report(verb="check", subject="a.csv", results=()))
    >>> "Nothing was found" in text, "<script" in text
    (True, False)
    """
    groups = grouped(report.results)
    sections = [
        Section(title=title, body="".join(map(_finding, findings))) for title, findings in groups
    ]
    if not sections:
        body = "<p>Nothing was found that you would have to know.</p>"
        sections.append(Section(title="In order", body=body))
    said = _unsaid(notes, report.results)
    if said:
        items = "".join(f"<li>{escape(printable(note))}</li>" for note in said)
        sections.append(Section(title="How it was read", body=f"<ul>{items}</ul>"))
    if report.results:
        every = results_table(report.results, caption="Every check")
        sections.append(Section(title="Everything that was checked", body=folded("Show", every)))
    says: dict[Verdict, str] = {
        "fail": "Fix this before you rely on the data",
        "warn": "You can go on, and some things are worth fixing",
        "unknown": "There are too few rows to say",
        "pass": "The data are in order",
    }
    why = f"{counts(report.results)}. {_size(report)}".strip()
    banner = verdict_banner(report.verdict, says[report.verdict], why)
    return page(printable(report.subject) or "Data", sections, banner=banner, footer=footer)


def _finding(result: CheckResult) -> str:
    examples = "".join(f"<p><code>{escape(text)}</code></p>" for text in _example_lines(result))
    said = result.why and not _hints_at_names(result)
    why = f"<p>{marked(result.why)}</p>" if said else ""
    return f"<h3>{marked(headline(result) + _of(result))}</h3>{why}{examples}"


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    room = max(width, len(indent) + 24)
    return textwrap.wrap(printable(text), room, initial_indent=indent, subsequent_indent=indent)
