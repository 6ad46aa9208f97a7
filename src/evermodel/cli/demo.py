"""Play one year of a simulated shop through the loop."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "a year of a simulated shop, played in a minute or two"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("--keep", metavar="DIR", default="demo", help="default: demo")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.demo import play

    return output.report(play(options.keep, seed=options.seed or 0, say=output.say))
