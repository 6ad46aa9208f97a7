"""Broken data, real loss or a harmless change: one answer to "is there anything to do"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from evermodel.records import CheckResult, Report, Verdict

__all__ = ["State", "diagnose"]

State = Literal[
    "broken data", "harmful change", "useless", "harmless change", "steady", "too few to say"
]

NAMED = 3
"""Columns named in the sentence; all are in the evidence."""

_VERDICTS: dict[State, Verdict] = {
    "broken data": "fail",
    "harmful change": "fail",
    "useless": "fail",
    "harmless change": "pass",
    "steady": "pass",
    "too few to say": "unknown",
}


def diagnose(
    gate_report: Report | None,
    drift: Sequence[CheckResult],
    performance: Sequence[CheckResult] | None,
    *,
    useless: str = "",
) -> tuple[CheckResult, ...]:
    """Return one result named "action" that says in `evidence["state"]` what is the matter.

    Broken data come first, because nothing measured on them means anything; then measured harm;
    then a change without measured harm. Harm is what `risk` fails, since it alone holds at every
    look; `brier` and `mae` may cast a doubt. `evidence["columns"]` are the columns to look at.

    Parameters
    ----------
    gate_report : Report or None
        What the data gate said of the new rows; None when they were not gated.
    drift : sequence of CheckResult
        From `drift`.
    performance : sequence of CheckResult or None
        From `performance` and `RiskTracker`; None when outcomes were not asked for at all.
    useless : str
        Why the model was no better than guessing when it was tested. So it stays, as long as this
        look does not measure that it is better.

    Examples
    --------
    >>> moved = CheckResult(name="drift", subject="plan", verdict="warn", n=500,
    ...                     why="New rows have more `mail`: 31 % instead of 20 %.")
    >>> fine = CheckResult(name="brier", subject="live", verdict="pass", n=500)
    >>> found, = diagnose(None, [moved], [fine])
    >>> found.evidence
    {'state': 'harmless change', 'columns': ['plan']}
    >>> found, = diagnose(None, [moved], [])
    >>> found.verdict, found.evidence["state"]
    ('unknown', 'too few to say')
    """
    broken = _broken(gate_report, drift)
    if broken:
        why = (
            f"The data are broken: {_reasons(broken)} Mend the feed first; what was measured "
            "before says nothing of these rows."
        )
        return _action("broken data", broken, why)
    moved = [result for result in drift if result.verdict == "warn"]
    measured = [result for result in performance or () if result.name in ("brier", "mae", "risk")]
    harm = [result for result in measured if (result.name, result.verdict) == ("risk", "fail")]
    if harm:
        about = f" A possible reason: {_reasons(moved)}" if moved else ""
        return _action("harmful change", moved, f"{harm[0].why}{about}")
    if useless and not _better_than_guessing(performance or ()):
        return _action("useless", moved, f"When it was tested, what is live was {useless}.")
    judged = [result for result in measured if result.verdict == "pass"]
    doubted = [result for result in measured if result.verdict == "warn"]
    if doubted:
        return _action("too few to say", moved, f"{doubted[0].why} More outcomes will tell.")
    if moved and judged:
        n = max(result.n or 0 for result in judged)
        why = f"New rows look different, and the answers did not get worse over {n:,} outcomes."
        return _action("harmless change", moved, f"{why} {_reasons(moved)}")
    if moved:
        why = "New rows look different. Whether the answers got worse is not known yet."
        return _action("too few to say", moved, f"{why} {_reasons(moved)}")
    return _quiet(drift, judged, asked=performance is not None)


def _better_than_guessing(performance: Sequence[CheckResult]) -> bool:
    return any(each.name == "skill" and (each.low or 0.0) > 0 for each in performance)


def _quiet(
    drift: Sequence[CheckResult], judged: Sequence[CheckResult], *, asked: bool
) -> tuple[CheckResult, ...]:
    """Return the action where nothing moved and no harm was measured."""
    compared = any(result.verdict == "pass" for result in drift)
    if judged:
        return _action("steady", [], judged[0].why or "The answers are as good as they were.")
    if asked:
        why = "Too few outcomes are known yet to say whether the answers are right."
        seen = " New rows look like the reference." if compared else ""
        return _action("too few to say", [], why + seen)
    if compared:
        return _action("steady", [], "New rows look like the reference.")
    few = next((result.why for result in drift if result.verdict == "unknown"), "")
    return _action("too few to say", [], few or "There is nothing to compare yet.")


def _broken(gate_report: Report | None, drift: Iterable[CheckResult]) -> list[CheckResult]:
    gated = [r for r in gate_report.results if r.verdict == "fail"] if gate_report else []
    known = {result.subject for result in gated}
    gone = [r for r in drift if r.evidence.get("broken") and r.subject not in known]
    return gated + gone


def _reasons(results: Sequence[CheckResult]) -> str:
    """Return the first sentences; where a sentence does not name its column, the column leads."""
    shown = []
    for result in results[:NAMED]:
        text = result.why.rstrip(".") or result.name
        shown.append(f"{result.subject}: {text}." if result.subject else f"{text}.")
    left = len(results) - NAMED
    more = f" And {left} more column{'s' if left > 1 else ''}." if left > 0 else ""
    return " ".join(shown) + more


def _action(state: State, results: Sequence[CheckResult], why: str) -> tuple[CheckResult, ...]:
    columns = list(dict.fromkeys(result.subject for result in results if result.subject))
    return (
        CheckResult(
            name="action",
            verdict=_VERDICTS[state],
            why=why,
            evidence={"state": state, "columns": columns},
        ),
    )
