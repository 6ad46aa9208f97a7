"""Predict every row of a file and write them to another."""

from __future__ import annotations

import argparse

from evermodel.cli.flags import SPREADSHEET_SAFE
from evermodel.cli.numbers import version_number
from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "predict a whole file"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("input", metavar="IN", help="CSV, parquet, JSON lines, Delta, SQL")
    parser.add_argument("output", metavar="OUT", help="CSV or parquet, by its ending")
    parser.add_argument(
        "--version", type=version_number, dest="number", help="default: the live one"
    )
    parser.add_argument(
        "--no-log",
        action="store_false",
        dest="log",
        help="a trial: keep these predictions out of the log that outcomes are joined to",
    )
    parser.add_argument("--spreadsheet-safe", action="store_true", help=SPREADSHEET_SAFE)


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.scoring import score

    report = score(
        options.input,
        options.output,
        options.folder,
        number=options.number,
        log=options.log,
        spreadsheet_safe=options.spreadsheet_safe,
        progress=output.progress,
    )
    return output.report(report)
