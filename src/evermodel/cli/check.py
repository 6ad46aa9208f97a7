"""Check the project's data, or any file."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "look for what is wrong with the data"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("data", nargs="?", metavar="DATA", help="default: the project's data")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.beginning import check

    report = check(options.folder, data=options.data, progress=output.progress)
    return output.report(report, lines=[*report.facts.get("understood", [])])
