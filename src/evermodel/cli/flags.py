"""Flags that every command has, wherever they stand among its words."""

from __future__ import annotations

import argparse

from evermodel.cli.numbers import seed

__all__ = ["SPREADSHEET_SAFE", "everywhere"]

SPREADSHEET_SAFE = "put an apostrophe before texts that a spreadsheet would run as formulas"
"""What is said of the flag of commands that write tables."""


def everywhere(parser: argparse.ArgumentParser, *, top: bool) -> None:
    """Add the flags that stand before or after the verb alike."""
    quiet = argparse.SUPPRESS
    parser.add_argument(
        "-C", dest="folder", metavar="DIR", default="." if top else quiet,
        help="the project's folder (default: this one)",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", default=False if top else quiet,
        help="print one JSON document instead of text",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=seed, default=None if top else quiet, help="seed of everything random"
    )
    parser.add_argument(
        "--debug", action="store_true", default=False if top else quiet,
        help="show tracebacks of errors",
    )  # fmt: skip
