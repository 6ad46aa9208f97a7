"""Put a version live, if its gate passes and it is not known to be worse."""

from __future__ import annotations

import argparse

from evermodel.cli.numbers import version_number
from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "put a version live"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument(
        "version",
        nargs="?",
        type=version_number,
        metavar="VERSION",
        help="default: the newest",
    )
    parser.add_argument("--reason", default="", help="written into the ledger")
    parser.add_argument("--force", action="store_true", help="whatever gate and comparison say")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.releasing import promote

    report = promote(
        options.version,
        options.folder,
        reason=options.reason,
        force=options.force,
        progress=output.progress,
    )
    return output.report(report, lines=[f"live: version {report.facts['live']}"])
