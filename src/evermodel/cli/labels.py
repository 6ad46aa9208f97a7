"""Take in outcomes that arrived later."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "bring outcomes back"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("file", metavar="FILE", help="prediction ids or keys, and outcomes")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.outcomes import labels

    report = labels(options.file, options.folder, progress=output.progress)
    notes = [f"read: {note}" for note in report.facts["understood"]]
    return output.report(report, lines=notes)
