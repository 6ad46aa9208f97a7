"""The model card: what a version is, what was measured of it, and what nobody has said yet.

Follows Mitchell et al., "Model Cards for Model Reporting" (2019): intended use, data, metrics with
their intervals, groups, limits. Only what was recorded is filled in; the rest stays a visible gap.
"""

from __future__ import annotations

from collections.abc import Sequence

from evermodel.bundle import Input, Manifest
from evermodel.records import REGRESSION, CheckResult

__all__ = ["model_card"]

_GAP = "> **Not stated yet.** {0}"
_WORDS = {"pass": "passed", "warn": "warning", "fail": "**failed**", "unknown": "too few to say"}


def model_card(manifest: Manifest, results: Sequence[CheckResult]) -> str:
    """Return the card of one version as Markdown.

    Parameters
    ----------
    manifest : Manifest
        Of the version, or of a candidate that has no number yet.
    results : sequence of CheckResult
        What evaluation measured; each is shown with its interval and its n.

    Examples
    --------
    >>> from evermodel.bundle import Input
    >>> inputs = (Input(name="tenure", type="number", low=0, high=72),)
    >>> manifest = Manifest(project="churn", task="binary", target="Churn", inputs=inputs)
    >>> print(model_card(manifest, [])[:33])
    # Model card: churn (a candidate)
    """
    version = f"version {manifest.version}" if manifest.version else "a candidate"
    sections = (
        f"# Model card: {_cell(manifest.project)} ({version})",
        "## What it predicts",
        _purpose(manifest),
        "## Intended use",
        _GAP.format("Who shall use it, for what, and for what not? Only people can say."),
        "## What was measured",
        _measured(results),
        "## What it reads",
        _inputs(manifest.inputs),
        "## Limits and risks",
        _GAP.format("Which people or cases are rare in the data? What does a mistake cost whom?"),
        "## Where it comes from",
        _origin(manifest),
    )
    return "\n\n".join(sections) + "\n"


def _purpose(manifest: Manifest) -> str:
    lines = [f"- Task: {manifest.task}", f"- Target: {_cell(manifest.target)}"]
    if manifest.task != REGRESSION:
        lines.append(f"- Classes: {', '.join(map(_cell, manifest.classes))}")
    if manifest.positive:
        lines.append(f"- The probability is that of: {_cell(manifest.positive)}")
    if manifest.threshold is not None:
        lines.append(f"- Said from a probability of: {manifest.threshold:.4g}")
    return "\n".join(lines)


def _measured(results: Sequence[CheckResult]) -> str:
    if not results:
        return _GAP.format("Nothing was measured: run `evermodel evaluate`.")
    rows = [
        (
            _cell(result.name),
            _cell(" / ".join(part for part in (result.subject, result.slice) if part)),
            _number(result.value, result.unit),
            _interval(result),
            "" if result.n is None else f"{result.n:,}",
            _required(result),
            _WORDS[result.verdict] + (f": {_cell(result.why)}" if result.why else ""),
        )
        for result in results
    ]
    return _table(("what", "of", "value", "interval", "n", "required", "verdict"), rows)


def _number(value: float | None, unit: str = "") -> str:
    return "" if value is None else f"{value:.4g}{' ' + _cell(unit) if unit else ''}"


def _interval(result: CheckResult) -> str:
    if result.low is None or result.high is None:
        return ""
    level = f" ({result.level:.0%})" if result.level else ""
    return f"{result.low:.4g} to {result.high:.4g}{level}"


def _required(result: CheckResult) -> str:
    least = "" if result.min is None else f"at least {result.min:.4g}"
    most = "" if result.max is None else f"at most {result.max:.4g}"
    return ", ".join(part for part in (least, most) if part)


def _inputs(inputs: Sequence[Input]) -> str:
    return _table(
        ("column", "type", "range or values in training"),
        [(_cell(item.name), item.type, _seen(item)) for item in inputs],
    )


def _seen(item: Input) -> str:
    if item.values is not None:
        shown = ", ".join(map(_cell, item.values[:8]))
        more = len(item.values) - 8
        return f"{shown} and {more} more" if more > 0 else shown
    if item.low is None or item.high is None or item.type == "timestamp":
        return ""
    return f"{item.low:.6g} to {item.high:.6g}"


def _origin(manifest: Manifest) -> str:
    rows = {
        "Made": manifest.created,
        "Run": manifest.run,
        "Training data (digest)": manifest.data,
        "Signed by key": manifest.key_id,
    }
    return "\n".join(f"- {name}: {_cell(text) or '*not recorded*'}" for name, text in rows.items())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(text: str) -> str:
    """Return a text that stays inside its cell and is shown as it is."""
    for sign in ("\\", "|", "`", "*", "_", "<", "[", "#"):
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())
