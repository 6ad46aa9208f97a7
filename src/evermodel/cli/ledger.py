"""Prove that no event of the ledger was altered, removed or reordered."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "verify the record of decisions"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("what", choices=["verify"], help="check the chain and its heads")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.telling import verify_ledger

    return output.report(verify_ledger(options.folder))
