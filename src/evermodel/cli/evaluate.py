"""Measure a version, or the newest candidate, and hold it to the gate."""

from __future__ import annotations

import argparse

from evermodel.cli.numbers import version_number
from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "measure a model and hold it to its gate"


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


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.releasing import evaluate

    report = evaluate(
        options.version,
        options.folder,
        data=options.data,
        seed=options.seed,
        progress=output.progress,
    )
    return output.report(report)
