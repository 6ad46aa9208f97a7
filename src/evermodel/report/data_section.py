"""What a model learned from: which data, where they came from, what is wrong and what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from evermodel.records import CheckResult, Report
from evermodel.report.findings import grouped, headline
from evermodel.report.html import (
    Section,
    empty_part,
    facts,
    folded,
    marked,
    paragraph,
    results_table,
    table,
)
from evermodel.report.profile_page import profile_table
from evermodel.report.wording import printable, whole
from evermodel.tables import Summary

__all__ = ["data_sections"]

_COLUMNS = 20
_FINDINGS = 5


def data_sections(
    check: Report | None,
    profile: Summary | None = None,
    *,
    version: Mapping[str, Any] | None = None,
    lineage: Sequence[tuple[str, str]] = (),
    why: str = "",
) -> list[Section]:
    """Return the sections about the data: what is wrong in them, and what was learned from.

    Parameters
    ----------
    check : Report, optional
        What a check of the data found.
    profile : Summary, optional
        Of the data that the model learned from; `why` says why there is none.
    version : mapping, optional
        What names those data, such as their digest, rows and time.
    lineage : sequence of (step, name)
        From the source to what is live.
    why : str

    Examples
    --------
    >>> [section.title for section in data_sections(None)]
    ['Are the data in order?', 'What did it learn from?']
    """
    return [_findings(check), _learned_from(profile, version or {}, lineage, why)]


def _findings(check: Report | None) -> Section:
    title = "Are the data in order?"
    if check is None or not check.results:
        body = empty_part("The data have not been checked.", "Run `evermodel check`.")
        return Section(title=title, body=body)
    counts = {v: sum(r.verdict == v for r in check.results) for v in ("fail", "warn", "pass")}
    lead = f"{counts['fail']} to mend, {counts['warn']} to look at, {counts['pass']} in order."
    parts = []
    for name, found in grouped(check.results):
        parts.append(f"<h3>{escape(name)}</h3>{_list(found[:_FINDINGS])}")
        if len(found) > _FINDINGS:
            parts.append(folded(f"{len(found) - _FINDINGS} more", _list(found[_FINDINGS:])))
    every = results_table(check.results, caption="Checks")
    parts.append(folded("Everything that was checked", every))
    return Section(title=title, lead=lead, body="".join(parts))


def _list(found: Sequence[CheckResult]) -> str:
    items = [
        f"<li><strong>{marked(headline(each))}</strong>"
        + (f"<br>{marked(printable(each.why))}" if each.why else "")
        + "</li>"
        for each in found
    ]
    return f"<ul>{''.join(items)}</ul>"


def _learned_from(
    profile: Summary | None,
    version: Mapping[str, Any],
    lineage: Sequence[tuple[str, str]],
    why: str,
) -> Section:
    title = "What did it learn from?"
    parts = [facts(version)] if version else []
    if lineage:
        heads = [("step", ""), ("what", "why")]
        rows = [[(escape(step), ""), (escape(printable(name)), "why")] for step, name in lineage]
        parts.append("<h3>Where it came from</h3>" + table("Lineage", heads, rows))
    if profile is None:
        parts.append(
            paragraph(why)
            if why
            else empty_part("Nothing was learned yet.", "Run `evermodel run`.")
        )
        return Section(title=title, body="".join(parts))
    first, rest = profile.columns[:_COLUMNS], profile.columns[_COLUMNS:]
    parts.append("<h3>What its columns hold</h3>" + profile_table("Columns", first))
    if rest:
        more = profile_table("More columns", rest, pictures=False)
        parts.append(folded(f"{whole(len(rest))} more columns", more))
    return Section(title=title, body="".join(parts))
