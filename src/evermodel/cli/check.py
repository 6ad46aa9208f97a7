"""Check the project's data, or any file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "look for what is wrong with the data"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("data", nargs="?", metavar="DATA", help="default: the project's data")
    parser.add_argument(
        "--target", default="", metavar="COLUMN", help="without a project: the column to predict"
    )
    parser.add_argument(
        "--against", metavar="EARLIER", help="an earlier table: tell what changed, and what broke"
    )
    parser.add_argument(
        "--quarantine", default="", metavar="FILE", help="write the rows that cannot be read there"
    )
    parser.add_argument(
        "--label",
        default="",
        metavar="FILE",
        help="a sheet of 20 rows that you mark, so that wrong cells are found by your marks",
    )
    parser.add_argument("--html", metavar="FILE", help="write what was found as one page, too")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.beginning import check

    def ask(line: int, cells: Mapping[str, str]) -> Sequence[str] | None:
        output.close()
        return _ask(line, cells)

    with output.ticking():
        report = check(
            options.data,
            options.folder,
            target=options.target,
            against=options.against,
            quarantine=options.quarantine,
            html=options.html or "",
            label=options.label,
            ask=ask if options.label and sys.stdin.isatty() and not output.json else None,
            progress=output.progress,
        )
    if options.label and not report.facts["marked_rows"]:
        output.say(
            f"Rows to mark are in {options.label}: write into its column `wrong` the names of the "
            'columns whose cells are wrong, or "none", and run this again.\n'
        )
    return output.findings(report, notes=report.facts.get("understood", []))


def _ask(line: int, cells: Mapping[str, str]) -> Sequence[str] | None:
    """Show one row on a terminal and return the columns that somebody calls wrong."""
    from evermodel.report.wording import printable

    names = list(cells)
    print(f"\nLine {line}", file=sys.stderr)
    for number, name in enumerate(names, start=1):
        print(f"  {number:>3}  {name}: {printable(cells[name])}", file=sys.stderr)
    while True:
        print("Which are wrong? Numbers, nothing for none, q to stop: ", end="", file=sys.stderr)
        sys.stderr.flush()
        said = sys.stdin.readline()
        if not said or said.strip().lower() == "q":
            return None
        words = said.replace(",", " ").split()
        if all(word.isdigit() and 1 <= int(word) <= len(names) for word in words):
            return [names[int(word) - 1] for word in words]
        print(f"Numbers from 1 to {len(names)}, please.", file=sys.stderr)
