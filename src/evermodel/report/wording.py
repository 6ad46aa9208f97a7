"""How numbers, intervals and verdicts are written, the same in the terminal and on pages."""

from __future__ import annotations

import math

from evermodel.records import CheckResult, Verdict

__all__ = [
    "NONE",
    "SHAPES",
    "WORDS",
    "by_urgency",
    "interval",
    "number",
    "only_measured",
    "painted",
    "percent",
    "plain_name",
    "printable",
    "required",
    "title_of",
    "whole",
]

NONE = "\N{EN DASH}"
"""Written where there is no number."""

WORDS: dict[Verdict, str] = {
    "fail": "Fail",
    "warn": "Look at this",
    "unknown": "Too few to say",
    "pass": "Pass",
}
"""Verdicts as people read them; the shape beside them carries the meaning without colour."""

SHAPES: dict[Verdict, str] = {"fail": "✕", "warn": "▲", "unknown": "?", "pass": "✓"}

_CODES: dict[Verdict, str] = {"fail": "31", "warn": "33", "unknown": "36", "pass": "32"}
_COUNTED = frozenset({"cells", "rows", "columns", "values", "bytes"})
_URGENCY: dict[Verdict, int] = {"fail": 0, "warn": 1, "unknown": 2, "pass": 3}
_ROUNDING = 1e-9  # what is left of a difference of equal shares


def number(value: float | None, unit: str = "") -> str:
    """Return a number with three or four significant digits; a dash for none, NaN and infinity.

    Examples
    --------
    >>> number(0.84321), number(12345.6), number(3.0), number(0.00012)
    ('0.843', '12,346', '3', '0.00012')
    >>> number(0.5, "share"), number(1200.0, "rows"), number(1.0, "rows")
    ('50 %', '1,200 rows', '1 row')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if unit in ("share", "%"):
        return percent(value if unit == "share" else value / 100)
    text = _plain(value)
    if text in ("1", "-1") and unit in _COUNTED:
        unit = unit[:-1]
    return f"{text} {unit}" if unit else text


def _plain(value: float) -> str:
    size = abs(value)
    if value == int(value) and size < 1e15:
        return f"{int(value):,}"
    if size >= 1e15 or size < 1e-4:
        return f"{value:.2g}"
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.1f}"
    if size >= 10:
        return f"{value:.2f}"
    return f"{value:.3f}" if size >= 0.01 else f"{value:.3g}"


def whole(value: int | None) -> str:
    """Return a count with its thousands marked; a dash for none.

    Examples
    --------
    >>> whole(1409)
    '1,409'
    """
    return NONE if value is None else f"{value:,}"


def percent(share: float) -> str:
    """Return a share as a percentage that never rounds something to nothing.

    Examples
    --------
    >>> percent(-1e-16)
    '0 %'
    >>> percent(0.312), percent(0.004), percent(0.0), percent(0.00001), percent(0.9999)
    ('31 %', '0.4 %', '0 %', 'under 0.1 %', '99.9 %')
    """
    if not math.isfinite(share):
        return NONE
    parts = 0.0 if abs(share) < _ROUNDING else 100 * share
    if 0 < parts < 0.1:
        return "under 0.1 %"
    if 99.5 <= parts < 100:
        return f"{math.floor(parts * 10) / 10:g} %"
    if 0 < abs(parts) < 9.95:
        return f"{parts:.1f} %".replace(".0 ", " ")
    return f"{parts:.0f} %"


def interval(result: CheckResult) -> str:
    """Return the bounds of a result as "0.82 to 0.86", "at least 3", or "" when it has none.

    Examples
    --------
    >>> interval(CheckResult(name="roc_auc", value=0.84, low=0.82, high=0.86))
    '0.820 to 0.860'
    """
    unit = result.unit if result.unit in ("share", "%") else ""
    low, high = (number(x, unit) for x in (result.low, result.high))
    if low == NONE and high == NONE:
        return ""
    if high == NONE:
        return f"at least {low}"
    if low == NONE:
        return f"at most {high}"
    return f"{low} to {high}"


def required(result: CheckResult) -> str:
    """Return what was asked of a result as it was asked, ">= 0.8", or "" when nothing was.

    Examples
    --------
    >>> required(CheckResult(name="roc_auc", min=0.8)), required(CheckResult(name="rows"))
    ('>= 0.8', '')
    """
    low, high = (_bound(x, result.unit) for x in (result.min, result.max))
    if low != NONE and high != NONE:
        return f"{low} to {high}"
    return f">= {low}" if low != NONE else f"<= {high}" if high != NONE else ""


def _bound(value: float | None, unit: str) -> str:
    shown = number(value, unit if unit in ("share", "%") else "")
    digits = shown.partition(".")[2]
    return shown.rstrip("0").rstrip(".") if digits.isdigit() else shown


_NAMES = {
    "roc_auc": "ROC AUC",
    "ece": "Calibration error",
    "brier": "Brier score",
    "f1": "F1",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
    "r2": "R2",
    "drift": "Difference from before",
    "action": "What to do",
    "risk": "Loss so far",
}


def plain_name(name: str) -> str:
    """Return the name of a measurement as a person would write it.

    Examples
    --------
    >>> plain_name("roc_auc"), plain_name("average_precision")
    ('ROC AUC', 'Average precision')
    """
    return _NAMES.get(name) or name.replace("_", " ").strip().capitalize()


def title_of(result: CheckResult) -> str:
    """Return what was measured on what: "roc_auc · test · sex=Female".

    Examples
    --------
    >>> title_of(CheckResult(name="drift", subject="plan"))
    'drift · plan'
    """
    return " · ".join(part for part in (result.name, result.subject, result.slice) if part)


def only_measured(result: CheckResult) -> bool:
    """Say whether a result is a number with its interval that nothing was asked of.

    Its verdict is "pass", but there was nothing to pass.

    Examples
    --------
    >>> seen = CheckResult(name="recall", value=0.6, low=0.5, high=0.7)
    >>> only_measured(seen), only_measured(CheckResult(name="rows", value=500.0))
    (True, False)
    """
    ranged = result.low is not None or result.high is not None
    asked = result.min is not None or result.max is not None
    return result.verdict == "pass" and result.value is not None and ranged and not asked


def by_urgency(results: tuple[CheckResult, ...] | list[CheckResult]) -> list[CheckResult]:
    """Return results with failures first, then warnings, then the unknown; else in their order.

    The summary named "action" leads, whatever its verdict: it already weighs the others.

    Examples
    --------
    >>> found = [CheckResult(name="a"), CheckResult(name="b", verdict="fail")]
    >>> [each.name for each in by_urgency(found)]
    ['b', 'a']
    """
    return sorted(results, key=lambda r: (r.name != "action", _URGENCY[r.verdict]))


def printable(text: str) -> str:
    r"""Return text without line breaks and control codes: names come from files of strangers.

    Examples
    --------
    >>> printable("two\nlines")
    'two lines'
    """
    return "".join(letter if letter.isprintable() else " " for letter in text)


def painted(word: str, verdict: Verdict, *, colour: bool) -> str:
    """Return a word in the colour of a verdict, as a terminal has it.

    Examples
    --------
    >>> painted("PASS", "pass", colour=False)
    'PASS'
    """
    return f"\x1b[1;{_CODES[verdict]}m{word}\x1b[0m" if colour and word else word
