"""Measure a version, or the newest candidate, and hold it to the gate; or any predictions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from evermodel.cli.numbers import version_number
from evermodel.cli.output import Output
from evermodel.errors import InputError

__all__ = ["HELP", "arguments", "call"]

HELP = "measure a model, or any predictions, and hold it to a gate"

_COLUMNS = (
    ("truth", "outcomes; several columns, divided by commas, for many labels"),
    ("score", "probabilities or ranking scores; a column for each class or label"),
    ("prediction", "predicted labels or values"),
    ("low", "lower ends of intervals"),
    ("high", "upper ends of intervals"),
    ("query", "queries of a ranking"),
    ("weight", "what each row counts for"),
    ("key", "whom a row is about: rows that share it are resampled together"),
    ("time", "when: rows that follow one another are resampled together"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument(
        "version",
        nargs="?",
        type=version_number,
        metavar="VERSION",
        help="default: the newest candidate, or what is live where that was turned down",
    )
    parser.add_argument("--data", metavar="FILE", help="other rows than the test rows")
    any_model = parser.add_argument_group(
        "predictions of any model", "with --data FILE --truth COLUMN: no version, no project"
    )
    for name, words in _COLUMNS:
        any_model.add_argument(f"--{name}", default="", metavar="COLUMN", help=words)
    add = any_model.add_argument
    many: dict[str, Any] = {"action": "append", "default": []}
    add("--group", metavar="COLUMN", help="measure its groups apart; may be repeated", **many)
    add("--quantile", metavar="COLUMN=Q", help="predicted quantiles; may be repeated", **many)
    add("--held", type=float, metavar="SHARE", help="share that intervals are meant to hold")
    add("--at", type=int, metavar="K", help="how many of the first documents count")
    add("--positive", default="", metavar="CLASS", help="the class that scores are of")
    add("--threshold", type=float, metavar="T", help="score from which on to act (default: 0.5)")
    add(
        "--cost",
        metavar="TRUE:PREDICTED=N",
        help="what calling one class another costs; may be repeated",
        **many,
    )
    add("--require", metavar="LINE", help='such as "roc_auc >= 0.8"; may be repeated', **many)
    add("--task", default="", metavar="TASK", help="where it cannot be seen from the columns")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.releasing import evaluate

    named: dict[str, Any] = {name: getattr(options, name) for name, _ in _COLUMNS}
    for name in ("group", "held", "at", "positive", "threshold", "require", "task"):
        named[name] = getattr(options, name)
    named["quantiles"] = _quantiles(options.quantile)
    named["costs"] = _costs(options.cost)
    report = evaluate(
        options.version,
        options.folder,
        data=options.data,
        seed=options.seed,
        progress=output.progress,
        **{name: value for name, value in named.items() if value not in ("", [], {}, None)},
    )
    return output.report(report, lines=report.facts.get("notes"))


def _quantiles(given: Sequence[str]) -> dict[str, float]:
    found = {}
    for text in given:
        column, _, number = text.rpartition("=")
        found[column] = _number(number, text, "--quantile", "write COLUMN=Q, such as q90=0.9")
    return found


def _costs(given: Sequence[str]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    hint = "write TRUE:PREDICTED=N, such as bad:good=5"
    for text in given:
        classes, _, number = text.rpartition("=")
        true, colon, predicted = classes.partition(":")
        if not colon:
            raise InputError("a cost cannot be read", where="--cost", found=text, hint=hint)
        found.setdefault(true.strip(), {})[predicted.strip()] = _number(
            number, text, "--cost", hint
        )
    return found


def _number(text: str, whole: str, flag: str, hint: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError("a number is missing", where=flag, found=whole, hint=hint) from None
