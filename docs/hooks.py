"""Writes the reference of the commands from the parser itself, when the site is built."""

from __future__ import annotations

import argparse
import importlib.util
from typing import Any

MARK = "<!-- generated: commands -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the page with the commands in the place that asks for them."""
    return markdown.replace(MARK, commands()) if MARK in markdown else markdown


def commands() -> str:
    """Return one section for each command, with its help text as the terminal shows it."""
    if importlib.util.find_spec("evermodel.cli") is None:
        return ""
    from evermodel.cli.commands import build_parser

    parser = build_parser()
    sections = [_section("evermodel", parser)]
    for name, command in _inner(parser):
        sections.append(_section(f"evermodel {name}", command))
        sections += [_section(f"evermodel {name} {word}", inner) for word, inner in _inner(command)]
    return "\n".join(sections)


def _inner(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    return [
        (name, command)
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, command in action.choices.items()
    ]


def _section(title: str, parser: argparse.ArgumentParser) -> str:
    return f"## {title}\n\n```text\n{parser.format_help().rstrip()}\n```\n"
