"""Check the data, train a candidate and measure it on its test rows."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "train, calibrate and measure a candidate"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    del parser


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.training import train

    report = train(options.folder, seed=options.seed, progress=output.progress)
    facts = report.facts
    lines = ["nothing was trained: mend the data, or what the project file says of them"]
    if "run" in facts:
        lines = [
            f"{facts['model']}, calibrated ({facts['calibrator'] or 'interval'}); "
            f"{facts['train_rows']:,} rows learned from, {facts['test_rows']:,} tested on, "
            f"split {facts['split']}",
            _next(str(facts["gate"])),
        ]
    return output.report(report, lines=lines)


def _next(gate: str) -> str:
    if gate in ("", "pass", "warn"):
        return "next: evermodel register, then evermodel promote"
    missed = "does not pass" if gate == "fail" else "cannot be told"
    return (
        f"the gate of [evaluate] require {missed}: see the lines above; next: more rows, other "
        "columns or another requirement (evermodel register --force goes on all the same)"
    )
