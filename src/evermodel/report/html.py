"""The parts of a page: one verdict first, one number an idea, the rest folded away.

All functions return HTML and escape what they are given. A page is one file: its style and its
pictures are inside, it holds no script and asks for nothing from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import msgspec

from evermodel.records import CheckResult, Event, Verdict
from evermodel.report.style import STYLE
from evermodel.report.wording import (
    NONE,
    SHAPES,
    WORDS,
    by_urgency,
    interval,
    number,
    only_measured,
    plain_name,
    required,
    whole,
)

__all__ = [
    "NARROW",
    "WIDE",
    "Section",
    "day",
    "empty_part",
    "event_words",
    "facts",
    "figure",
    "folded",
    "ledger_table",
    "marked",
    "marks_list",
    "page",
    "paragraph",
    "results_table",
    "side_by_side",
    "table",
    "tag",
    "verdict_banner",
]

WIDE = 824
"""Width in pixels of a picture on a wide page."""

NARROW = 328
"""Width in pixels of a picture on a page 360 px wide."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One question of a page: its title, one line under it, and its body as HTML."""

    title: str
    body: str
    lead: str = ""


def page(
    title: str, sections: Sequence[Section], *, banner: str = "", footer: str = "", lang: str = "en"
) -> str:
    """Return one self-contained HTML page.

    Examples
    --------
    >>> text = page("Churn", [Section(title="How good is it?", body="<p>Good.</p>")])
    >>> text.startswith("<!doctype html>"), "<script" in text
    (True, False)
    """
    parts = []
    for i, section in enumerate(sections, start=1):
        lead = f'<p class="lead">{escape(section.lead)}</p>' if section.lead else ""
        parts.append(
            f'<section aria-labelledby="part-{i}"><h2 id="part-{i}">{escape(section.title)}</h2>'
            f"{lead}{section.body}</section>"
        )
    # Even if something slipped through the escaping, the page may load and run nothing.
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
    end = f"<footer>{escape(footer)}</footer>" if footer else ""
    return (
        f'<!doctype html><html lang="{escape(lang)}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<header><h1>{escape(title)}</h1>{banner}</header>"
        f"<main>{''.join(parts)}</main>{end}</body></html>\n"
    )


def verdict_banner(verdict: Verdict, say: str, why: str = "", *, more: str = "") -> str:
    """Return the one verdict of a page: a few words, the reason, and the next step.

    Examples
    --------
    >>> verdict_banner("pass", "You can rely on it")[:24]
    '<div class="banner pass"'
    """
    reason = f"<p>{marked(why)}</p>" if why else ""
    after = f'<p class="more">{marked(more)}</p>' if more else ""
    shape = f'<span aria-hidden="true">{SHAPES[verdict]}</span> '
    return (
        f'<div class="banner {verdict}" role="status"><p class="say">{shape}{escape(say)}</p>'
        f"{reason}{after}</div>"
    )


MEASURED = '<span class="tag">measured</span>'
"""In the place of a verdict where nothing was asked of a number."""


def tag(verdict: Verdict) -> str:
    """Return a verdict as a small label: shape, word and colour."""
    shape = f'<span aria-hidden="true">{SHAPES[verdict]}</span>'
    return f'<span class="tag {verdict}">{shape} {WORDS[verdict]}</span>'


def facts(pairs: Mapping[str, Any]) -> str:
    """Return names and values as a calm grid; a dash for what is not known.

    Examples
    --------
    >>> "<dd>1,409</dd>" in facts({"Rows": 1409})
    True
    """
    cells = []
    for name, value in pairs.items():
        if isinstance(value, bool) or value is None or value == "":
            shown = {True: "yes", False: "no"}.get(value, NONE) if value != "" else NONE
        else:
            shown = number(value) if isinstance(value, int | float) else str(value)
        cells.append(f"<div><dt>{escape(name)}</dt><dd>{escape(shown)}</dd></div>")
    return f'<dl class="facts">{"".join(cells)}</dl>'


def table(
    caption: str, heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[tuple[str, str]]]
) -> str:
    """Return a table that scrolls in its own box; cells are (HTML, class), the first a row head."""

    def cell(kind: str, content: str, css: str) -> str:
        scope = {"th": ' scope="row"'}.get(kind, "")
        classes = f' class="{css}"' if css else ""
        return f"<{kind}{scope}{classes}>{content}</{kind}>"

    top = "".join(
        f'<th scope="col"{f" class={css!r}" if css else ""}>{escape(head)}</th>'
        for head, css in heads
    )
    body = "".join(
        "<tr>"
        + "".join(cell("th" if i == 0 else "td", *part) for i, part in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def results_table(results: Sequence[CheckResult], *, caption: str = "Results") -> str:
    """Return results with verdict, value, interval, n and reason, failures on top.

    Columns that no result fills are left out.

    Examples
    --------
    >>> "ROC AUC" in results_table([CheckResult(name="roc_auc", value=0.84)])
    True
    """
    ordered = by_urgency(list(results))
    levels = {f"{r.level * 100:g}" for r in ordered if r.level is not None and interval(r)}
    heads = [
        ("What", ""),
        ("Verdict", ""),
        ("Value", "number"),
        (f"{levels.pop()} % interval" if len(levels) == 1 else "Interval", "number"),
        ("Rows", "number"),
        ("Asked", "number"),
        ("Why", "why"),
    ]
    rows = [_result_cells(result) for result in ordered]
    filled = [i for i in range(len(heads)) if i < 2 or any(row[i][0] for row in rows)]
    return table(caption, [heads[i] for i in filled], [[row[i] for i in filled] for row in rows])


def _result_cells(result: CheckResult) -> list[tuple[str, str]]:
    about = " · ".join(part for part in (result.subject, result.slice) if part)
    name = escape(plain_name(result.name)) + (f"<small>{escape(about)}</small>" if about else "")
    value = number(result.value, result.unit) if result.value is not None else ""
    return [
        (name, ""),
        (MEASURED if only_measured(result) else tag(result.verdict), ""),
        (escape(value), "number"),
        (escape(interval(result)), "number"),
        (whole(result.n) if result.n is not None else "", "number"),
        (escape(required(result)), "number"),
        (marked(result.why), "why"),
    ]


_EVENTS = {
    "trained": "Trained a candidate",
    "evaluated": "Tested",
    "registered": "Registered",
    "promoted": "Put live",
    "rolled_back": "Went back",
    "held": "Waits for more outcomes",
    "rejected": "Kept the current one",
    "labels": "Outcomes arrived",
    "monitored": "Looked at new rows",
    "retrained": "Trained on newer data",
    "data_refused": "Refused broken data",
}


def event_words(kind: str) -> str:
    """Return a ledger event's kind in plain words.

    Examples
    --------
    >>> event_words("rolled_back")
    'Went back'
    """
    return _EVENTS.get(kind) or kind.replace("_", " ").capitalize()


def ledger_table(events: Sequence[Event], *, caption: str = "History") -> str:
    """Return events, the newest first: when, what, which version, who, why.

    Examples
    --------
    >>> event = Event(seq=1, time="2026-03-01T08:00:00+00:00", project="shop", kind="promoted",
    ...               actor="loop", body={"version": 2, "reason": "better"}, previous="", hash="")
    >>> "Put live" in ledger_table([event])
    True
    """
    rows = []
    for event in sorted(events, key=lambda e: -e.seq):
        version = event.body.get("version", event.body.get("number"))
        why = event.body.get("reason") or event.body.get("why") or ""
        rows.append(
            [
                (escape(event_words(event.kind)), ""),
                (escape(day(event.time)), "when"),
                (escape(str(version)) if version is not None else "", "number"),
                (escape(event.actor), ""),
                (marked(str(why)), "why"),
            ]
        )
    heads = [("What", ""), ("When", ""), ("Version", "number"), ("Who", ""), ("Why", "why")]
    return table(caption, heads, rows)


def day(time: str) -> str:
    """Return an ISO time as date and minute; what is no time stays as it is.

    Examples
    --------
    >>> day("2026-03-01T08:00:30+00:00")
    '2026-03-01 08:00'
    """
    return f"{time[:10]} {time[11:16]}" if len(time) >= 16 and time[10] in "T " else time


def figure(
    draw: Callable[[float], str],
    *,
    caption: str = "",
    wide: float = WIDE,
    narrow: float = NARROW,
    below: str = "",
) -> str:
    """Return a picture drawn once for wide and once for narrow pages, so that its text stays read.

    Examples
    --------
    >>> figure(lambda width: f"<svg width='{width}'></svg>").count("<svg")
    2
    """
    said = f"<figcaption>{marked(caption)}</figcaption>" if caption else ""
    if wide <= narrow:
        return f"<figure>{draw(wide)}{said}{below}</figure>"
    return (
        f'<figure><div class="wide">{draw(wide)}</div><div class="narrow">{draw(narrow)}</div>'
        f"{said}{below}</figure>"
    )


def side_by_side(parts: Sequence[str]) -> str:
    """Return parts beside one another where there is room, else below one another."""
    return f'<div class="side">{"".join(f"<div>{part}</div>" for part in parts)}</div>'


def marks_list(marks: Sequence[tuple[Any, str]]) -> str:
    """Return what the numbered marks of a course mean.

    Examples
    --------
    >>> "prices in cents" in marks_list([("2026-03-01", "prices in cents")])
    True
    """
    items = "".join(
        f"<li><b>{i}</b><span>{escape(str(at)[:10])}</span> {marked(text)}</li>"
        for i, (at, text) in enumerate(marks, start=1)
    )
    return f'<ol class="marks">{items}</ol>' if items else ""


def folded(summary: str, body: str) -> str:
    """Return a part that opens on demand, without a script."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def marked(text: str) -> str:
    """Return escaped text in which words between backticks are set as code.

    Examples
    --------
    >>> marked("more `mail` & less")
    'more <code>mail</code> &amp; less'
    """
    pieces = escape(text).split("`")
    if len(pieces) % 2 == 0:  # a lone backtick is only a backtick
        return escape(text)
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces))


def paragraph(text: str) -> str:
    """Return one paragraph; words between backticks are set as code.

    Examples
    --------
    >>> paragraph("run `evermodel train`")
    '<p>run <code>evermodel train</code></p>'
    """
    return f"<p>{marked(text)}</p>"


def empty_part(why: str, next_step: str) -> str:
    """Return what stands where there is nothing yet: why, and what to do next.

    Examples
    --------
    >>> "evermodel monitor" in empty_part("Nobody looked yet.", "Run `evermodel monitor`.")
    True
    """
    return f'<div class="empty">{paragraph(why)}{paragraph(next_step)}</div>'
