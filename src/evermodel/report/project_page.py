"""The page of a project as it stands: can I rely on it, how good is it, what happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

import msgspec

from evermodel.records import CheckResult, Deployment, Event, ModelVersion, Report, Verdict
from evermodel.report.charts import bars, compare, intervals, reliability
from evermodel.report.course import Time, course
from evermodel.report.data_section import data_sections
from evermodel.report.html import (
    NARROW,
    Section,
    day,
    empty_part,
    facts,
    figure,
    folded,
    ledger_table,
    marks_list,
    page,
    paragraph,
    results_table,
    side_by_side,
    table,
    verdict_banner,
)
from evermodel.report.wording import plain_name
from evermodel.tables import Summary

__all__ = ["Course", "project_page"]

LATEST_EVENTS = 12
COMPARED = 4
MOST_CLASSES = 12

_SAY: dict[Verdict, str] = {
    "pass": "You can rely on it",
    "warn": "Use it with care",
    "fail": "Do not rely on it now",
    "unknown": "Too few to say",
}

_NEXT: dict[str, str] = {
    "broken data": "Next: mend the feed, then look again.",
    "harmful change": "Next: go back to the version before, or train on newer data.",
    "useless": "Next: look at the columns, and train on more or newer data.",
    "harmless change": "Nothing to do.",
    "steady": "Nothing to do.",
    "too few to say": "Next: wait for more rows and outcomes; meanwhile nothing speaks against it.",
}
_NO_WAY_BACK = "Next: train on newer data (`evermodel retrain`)."


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A picture over time: lines of (time, value), and what happened when."""

    title: str
    lines: Mapping[str, Sequence[tuple[Time, float]]]
    marks: Sequence[tuple[Time, str]] = ()
    unit: str = ""
    caption: str = ""


def project_page(
    *,
    name: str,
    made: str,
    deployment: Deployment | None = None,
    versions: Sequence[ModelVersion] = (),
    evaluation: Report | None = None,
    reliability_bins: Sequence[Mapping[str, Any]] | None = None,
    check: Report | None = None,
    monitor: Report | None = None,
    events: Sequence[Event] = (),
    courses: Sequence[Course] = (),
    profile: Summary | None = None,
    data_version: Mapping[str, Any] | None = None,
    lineage: Sequence[tuple[str, str]] = (),
    unprofiled: str = "",
) -> str:
    """Return the page of a project as one self-contained HTML document.

    Whatever is not given yet has its place all the same, and says why it is empty and what to do.

    Parameters
    ----------
    name : str
        The project's name.
    made : str
        When the page was made, as an ISO time.
    deployment : Deployment, optional
        What is live.
    versions : sequence of ModelVersion
        All registered versions.
    evaluation, check, monitor : Report, optional
        The latest report of each verb.
    reliability_bins : sequence of mapping, optional
        With mean, rate, rate_low, rate_high and n; taken from `evaluation.facts["reliability"]`
        when not given.
    events : sequence of Event
        The project's ledger.
    courses : sequence of Course
        Pictures over time.
    profile : Summary, optional
        What the data hold that the shown version learned from; `unprofiled` says why it is absent.
    data_version : mapping, optional
        What names those data.
    lineage : sequence of (step, name)
        From the source to what is live.
    unprofiled : str

    Examples
    --------
    >>> text = project_page(name="churn", made="2026-03-01T08:00:00+00:00")
    >>> "Nothing is live yet" in text, "<script" in text
    (True, False)
    """
    bins = reliability_bins
    if bins is None and evaluation is not None:
        bins = evaluation.facts.get("reliability")
    sections = [
        *(_course_section(each) for each in courses),
        _quality(evaluation, bins or ()),
        _watch(monitor),
        *data_sections(check, profile, version=data_version, lineage=lineage, why=unprofiled),
        _history(versions, deployment, events),
    ]
    banner = _banner(deployment, evaluation, monitor) + facts(
        _at_a_glance(deployment, versions, evaluation, monitor)
    )
    footer = f"Made by Evermodel on {day(made)}. This page is one file and loads nothing."
    return page(name, sections, banner=banner, footer=footer)


def _live(deployment: Deployment) -> str:
    shares = sorted(deployment.shares.items(), key=lambda item: -item[1])
    if len(shares) == 1:
        return f"version {shares[0][0]}"
    return ", ".join(f"version {number} ({share * 100:g} %)" for number, share in shares)


def _banner(
    deployment: Deployment | None, evaluation: Report | None, monitor: Report | None
) -> str:
    if deployment is None or not deployment.shares:
        more = "Next: `evermodel train`, then `evermodel register` and `evermodel promote`."
        return verdict_banner("unknown", "Nothing is live yet", "No version answers.", more=more)
    live = _live(deployment)
    action, missed = _found(monitor, "action"), _missed(evaluation)
    if action is not None:
        state = str(action.evidence.get("state"))
        more = _NEXT.get(state, "")
        if state == "harmful change" and deployment.previous is None:
            more = _NO_WAY_BACK
        if action.verdict == "pass" and missed:
            why = f"{action.why} On the test rows it does not reach what was asked: {missed}."
            return verdict_banner("warn", _SAY["warn"], why)
        return verdict_banner(action.verdict, _SAY[action.verdict], action.why, more=more)
    if monitor is not None and monitor.results:
        verdict = monitor.verdict
        why = next((r.why for r in monitor.results if r.verdict == verdict and r.why), "")
        return verdict_banner(verdict, _SAY[verdict], why or f"{live.capitalize()} is live.")
    why = f"{live.capitalize()} is live since {day(deployment.since)}."
    if missed:
        why += f" On the test rows it does not reach what was asked: {missed}."
        return verdict_banner("fail", _SAY["fail"], why, more="Next: `evermodel train`.")
    why += " Nobody has looked at its answers since."
    return verdict_banner("unknown", "Not watched yet", why, more="Next: `evermodel monitor`.")


def _missed(evaluation: Report | None) -> str:
    """Return the names of what was asked of the tested version and not reached."""
    failed = [r for r in evaluation.results if r.verdict == "fail"] if evaluation else []
    return ", ".join(" of ".join(x for x in (plain_name(r.name), r.slice) if x) for r in failed)


def _found(report: Report | None, name: str) -> CheckResult | None:
    return next((r for r in report.results if r.name == name), None) if report else None


def _at_a_glance(
    deployment: Deployment | None,
    versions: Sequence[ModelVersion],
    evaluation: Report | None,
    monitor: Report | None,
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Live": _live(deployment) if deployment and deployment.shares else None,
        "Since": day(deployment.since)[:10] if deployment else None,
        "Versions": len(versions),
    }
    if evaluation is not None:
        tested = (r.n for r in evaluation.results if r.name != "parity" and r.n is not None)
        rows = max(tested, default=None)
        shown["Tested on"] = None if rows is None else f"{rows:,} rows"
    if monitor is not None:
        rows = max((r.n for r in monitor.results if r.name == "drift" and r.n), default=None)
        shown["New rows looked at"] = None if rows is None else f"{rows:,}"
    return shown


def _course_section(each: Course) -> Section:
    draw = partial(_draw_course, each)
    body = figure(draw, caption=each.caption, below=marks_list(each.marks))
    return Section(title=each.title, body=body)


def _draw_course(each: Course, width: float) -> str:
    return course(each.lines, marks=each.marks, width=width, unit=each.unit, title=each.title)


def _quality(evaluation: Report | None, bins: Sequence[Mapping[str, Any]]) -> Section:
    title = "How good is it?"
    if evaluation is None or not evaluation.results:
        body = empty_part(
            "No version has been tested on rows it never saw.",
            "Run `evermodel train`, then `evermodel evaluate`.",
        )
        return Section(title=title, body=body)
    whole = [r for r in evaluation.results if not r.slice]
    scores = [
        r
        for r in whole
        if r.value is not None and 0 <= r.value <= 1 and not r.unit and r.name != "parity"
    ]
    parts = []
    if scores:
        caption = (
            "Each line is the range in which the value lies; the dotted mark is what was asked."
        )
        parts.append(figure(partial(_draw_intervals, scores), caption=caption))
    if evaluation.facts.get("confusion"):
        parts.append(_confusion_part(evaluation.facts))
    if bins:
        parts.append(_reliability_part(bins))
    parts.append(folded("All measurements", results_table(whole, caption="Measurements")))
    groups = [r for r in evaluation.results if r.slice]
    if groups:
        parts.append(folded("By group", results_table(groups, caption="Measurements by group")))
    return Section(
        title=title, lead="Measured on rows it never saw while it learned.", body="".join(parts)
    )


def _draw_intervals(results: Sequence[CheckResult], width: float) -> str:
    return intervals(results, width=width, title="Measurements with their intervals")


def _confusion_part(measured: Mapping[str, Any]) -> str:
    """Return how often each class was said where each was true, as counts of rows."""
    classes, counts = measured["classes"], measured["confusion"]
    if len(classes) > MOST_CLASSES:
        return ""
    heads = [("True", ""), *((f"it said {name}", "number") for name in classes), ("rows", "number")]
    rows = [
        [(escape(name), ""), *((f"{count:,}", "number") for count in (*row, sum(row)))]
        for name, row in zip(classes, counts, strict=True)
    ]
    words = "<h3>What did it say, and what was true?</h3>"
    words += paragraph(_right(sum(map(sum, counts)), sum(r[i] for i, r in enumerate(counts))))
    return side_by_side([words, table("Confusion matrix", heads, rows)])


def _right(rows: int, right: int) -> str:
    return f"It was right for {right:,} of {rows:,} rows ({100 * right / rows:.1f} %)."


def _reliability_part(bins: Sequence[Mapping[str, Any]]) -> str:
    said = _in_tenths(bins)
    picture = figure(partial(_draw_reliability, bins), wide=400, narrow=NARROW)
    words = "<h3>Can its probabilities be taken at their word?</h3>" + paragraph(said)
    words += paragraph(
        "On the dashed line, what it said and what happened are the same. Each dot is a group of "
        "rows with similar probabilities, each bar the range that chance leaves."
    )
    return side_by_side([words, picture])


def _in_tenths(bins: Sequence[Mapping[str, Any]]) -> str:
    """Return the reliability of its surest bin in natural frequencies."""
    surest = max(bins, key=lambda b: b["mean"])
    said, came = round(surest["mean"] * 100), round(surest["rate"] * 10)
    return f"When it said about {said} %, it happened about {came} times in 10."


def _draw_reliability(bins: Sequence[Mapping[str, Any]], width: float) -> str:
    return reliability(bins, width=width)


def _watch(monitor: Report | None) -> Section:
    title = "Do new rows still look the same?"
    if monitor is None or not monitor.results:
        body = empty_part(
            "Nobody has looked at new rows yet.",
            "Run `evermodel monitor` once the model has answered 200 rows.",
        )
        return Section(title=title, body=body)
    moved = [r for r in monitor.results if r.name == "drift"]
    other = [r for r in monitor.results if r.name not in ("drift", "action")]
    parts = []
    if any(r.value is not None for r in moved):
        caption = (
            "0 is no difference, 1 is nothing in common. What chance alone would give is taken off."
        )
        parts.append(figure(partial(_draw_bars, moved), caption=caption))
    looked_at = [r for r in moved if r.verdict == "warn"]
    pictured = [r for r in looked_at if "bins" in r.evidence]
    if pictured:
        pictured.sort(key=lambda r: -(r.value or 0.0))
        parts.append(side_by_side([_compared(r) for r in pictured[:COMPARED]]))
    if other:
        parts.append("<h3>Are the answers still right?</h3>")
        parts.append(results_table(other, caption="Performance"))
    if moved:
        parts.append(folded("All columns", results_table(moved, caption="Columns")))
    lead = _lead_of(moved, len(looked_at))
    return Section(title=title, lead=lead, body="".join(parts))


def _lead_of(moved: Sequence[CheckResult], different: int) -> str:
    known = sum(r.verdict != "unknown" for r in moved)
    if not known:
        return "Too few rows to compare." if moved else ""
    if not different:
        return f"None of {known} columns differs by more than chance and what matters."
    verb = "looks" if different == 1 else "look"
    return f"{different} of {known} columns {verb} different. That alone is no harm."


def _draw_bars(results: Sequence[CheckResult], width: float) -> str:
    return bars(results, width=width)


def _compared(result: CheckResult) -> str:
    bins = result.evidence["bins"]
    title = f"{result.subject}: before and now"

    def draw(width: float) -> str:
        return compare(
            bins["labels"],
            bins["reference"],
            bins["current"],
            ordered=bool(bins.get("ordered")),
            width=width,
            title=title,
        )

    return f"<h3>{escape(result.subject)}</h3>{figure(draw, caption=result.why, wide=NARROW)}"


def _history(
    versions: Sequence[ModelVersion], deployment: Deployment | None, events: Sequence[Event]
) -> Section:
    title = "What was live, when, and why?"
    parts = []
    if versions:
        parts.append(_versions_table(versions, deployment))
    if events:
        newest = sorted(events, key=lambda e: -e.seq)
        parts.append(f"<h3>Decisions and events</h3>{ledger_table(newest[:LATEST_EVENTS])}")
        older = newest[LATEST_EVENTS:]
        if older:
            parts.append(folded(f"{len(older):,} older events", ledger_table(older)))
    if not parts:
        parts.append(
            empty_part(
                "Nothing has been decided yet.",
                "The first entry appears with `evermodel train`.",
            )
        )
    return Section(title=title, body="".join(parts))


def _versions_table(versions: Iterable[ModelVersion], deployment: Deployment | None) -> str:
    heads = [("Version", ""), ("State", ""), ("Made", ""), ("Fingerprint", "")]
    shares = deployment.shares if deployment else {}
    previous = deployment.previous if deployment else None
    rows = []
    for version in sorted(versions, key=lambda v: -v.number):
        state = "live" if version.number in shares else ""
        state = state or ("live before" if version.number == previous else "")
        rows.append(
            [
                (str(version.number), ""),
                (state, ""),
                (escape(day(version.created)), "when"),
                (f"<code>{escape(version.digest[:12])}</code>", ""),
            ]
        )
    return table("Versions", heads, rows)
