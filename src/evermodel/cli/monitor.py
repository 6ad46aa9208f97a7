"""Compare what is served with the training rows, and measure it on outcomes."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "broken data, harm or harmless change"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("--reference", metavar="A", help="with --current: compare two files")
    parser.add_argument("--current", metavar="B", help="with --reference: compare two files")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.watching import monitor

    report = monitor(
        options.folder,
        reference=options.reference,
        current=options.current,
        progress=output.progress,
    )
    return output.report(report)
