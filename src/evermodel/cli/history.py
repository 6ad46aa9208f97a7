"""Say what was decided, when, by whom and why."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "what was live, when and why"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("--all", action="store_true", help="every event, not decisions only")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.telling import history

    report = history(options.folder, everything=options.all)
    if output.json:
        return output.report(report)
    if not report.results:
        output.say("nothing was decided yet")
    for result in report.results:
        number = "" if result.value is None else f" version {result.value:.0f}"
        output.say(f"{result.subject[:19]}  {result.name}{number}  {result.why}")
    return 0
