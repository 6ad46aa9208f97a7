"""Put the version live again that was live before."""

from __future__ import annotations

import argparse

from evermodel.cli.numbers import version_number
from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "go back to the version before"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("--to", type=version_number, metavar="VERSION", help="another version")
    parser.add_argument("--reason", default="", help="written into the ledger")
    parser.add_argument(
        "--force",
        action="store_true",
        help="whatever gate and comparison say",
    )


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.releasing import rollback

    report = rollback(
        options.folder,
        to=options.to,
        reason=options.reason,
        force=options.force,
        progress=output.progress,
    )
    return output.report(report, lines=[f"live: version {report.facts['live']}"])
