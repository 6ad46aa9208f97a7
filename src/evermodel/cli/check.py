"""Check the project's data, or any file."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "look for what is wrong with the data"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("data", nargs="?", metavar="DATA", help="default: the project's data")
    parser.add_argument(
        "--target", default="", metavar="COLUMN", help="without a project: the column to predict"
    )
    parser.add_argument(
        "--against", metavar="EARLIER", help="an earlier table: tell what changed, and what broke"
    )
    parser.add_argument(
        "--quarantine", default="", metavar="FILE", help="write the rows that cannot be read there"
    )
    parser.add_argument("--html", metavar="FILE", help="write what was found as one page, too")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.beginning import check, write_findings

    report = check(
        options.folder,
        data=options.data,
        target=options.target,
        against=options.against,
        quarantine=options.quarantine,
        progress=output.progress,
    )
    if options.html:
        write_findings(report, options.html)
    return output.findings(report, notes=report.facts.get("understood", []))
