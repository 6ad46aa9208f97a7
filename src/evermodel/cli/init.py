"""Look at the data and write a commented evermodel.toml."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "write the project file from your data"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("data", metavar="DATA", help="CSV, parquet, JSON lines, Delta, SQL")
    parser.add_argument("--target", required=True, metavar="COL", help="the column to predict")
    tasks = ("binary", "multiclass", "regression")
    parser.add_argument("--task", choices=tasks, help="what to learn (default: by the values)")
    parser.add_argument("--name", default="", help="the project's name (default: the file's)")
    parser.add_argument("--force", action="store_true", help="replace a project file that is there")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.beginning import init

    report = init(
        options.data,
        target=options.target,
        folder=options.folder,
        name=options.name,
        task=options.task,
        force=options.force,
        progress=output.progress,
    )
    facts = report.facts
    lines = [f"wrote {facts['project_file']}: {facts['task']}, predicts {facts['target']}"]
    if facts["positive"]:
        lines[0] += f" = {facts['positive']}"
    for word in ("key", "time", "split", "leave_out", "protected", "repairs"):
        if facts[word]:
            found = facts[word] if isinstance(facts[word], str) else ", ".join(facts[word])
            lines.append(f"  {word.replace('_', ' ')}: {found}")
    lines += [f"  read: {note}" for note in facts["understood"]]
    lines += ["Read it, change what is not as you mean it, then: evermodel run"]
    return output.report(report, lines=lines)
