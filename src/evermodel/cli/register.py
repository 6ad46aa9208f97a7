"""Sign and number the newest candidate whose gate has passed."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "sign and number a candidate"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("--run", default="", help="the candidate's run (default: the newest)")
    parser.add_argument("--force", action="store_true", help="although the gate said no")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.releasing import register

    report = register(options.run, options.folder, force=options.force, progress=output.progress)
    return output.report(report)
