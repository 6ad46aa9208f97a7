"""Train a challenger on all that is known now and compare it with the champion."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "train a challenger and compare it"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("data", nargs="?", metavar="DATA", help="a newer file than the project's")
    parser.add_argument("--reason", default="asked for", help="written into the ledger")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.retraining import retrain

    report = retrain(
        options.folder,
        data=options.data,
        why=options.reason,
        seed=options.seed,
        progress=output.progress,
    )
    return output.report(report)
