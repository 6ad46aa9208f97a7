"""Fit a version again from its recorded data and compare the predictions."""

from __future__ import annotations

import argparse

from evermodel.cli.numbers import version_number
from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "fit a version again and compare"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument(
        "version",
        nargs="?",
        type=version_number,
        metavar="VERSION",
        help="default: the live one",
    )


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.reproducing import reproduce

    report = reproduce(options.version, options.folder, progress=output.progress)
    return output.report(report)
