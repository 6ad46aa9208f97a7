"""Say what is live, whether it can be trusted, and what waits."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "what is live and what waits"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("--no-repair", action="store_true", help="do not ask MLflow")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.telling import status

    return output.report(status(options.folder, repair=not options.no_repair))
