"""Write the project as it stands as one HTML page."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "one page about the project"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("-o", "--output", metavar="FILE", help="default: in the workspace")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.telling import report as write_report

    report = write_report(options.folder, output=options.output, progress=output.progress)
    return output.report(report, lines=[str(report.facts["page"])])
