"""Say whether this machine and this project are in order."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "is everything in order here"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    del parser


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.doctor import doctor

    return output.report(doctor(options.folder))
