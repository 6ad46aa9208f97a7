"""What to say of a command that was stopped: what is kept, and how to go on."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["stopped"]

_NOTHING = "stopped; nothing was written"
_WHOLE = "stopped; no file was half-written: what is there is whole"
_LOOP = (
    "stopped; nothing half-done is kept, and what was finished before stays "
    "(evermodel status tells): the same command goes on from there"
)
_SAID = {
    "train": "stopped; nothing half-done is kept, and what is live is as it was: "
    "evermodel train begins again",
    "labels": "stopped; a file of outcomes is taken in whole or not at all: bring it again, "
    "none counts twice",
    "init": _WHOLE,
    "report": _WHOLE,
}
_ONLY_LOOK = ("check", "history", "doctor", "ledger")  # status may put an alias right
_WRITTEN = ("html", "quarantine", "label", "out", "path")
_PARTS_THAT_LOOK = ("profile", "log", "show", "diff", "corrections")


def stopped(options: argparse.Namespace, began: int) -> str:
    """Return what holds of a command that was stopped, in one line.

    Parameters
    ----------
    options : argparse.Namespace
        Of the command.
    began : int
        When it began, in nanoseconds since 1970: a file that is younger was written by it.

    Examples
    --------
    >>> stopped(argparse.Namespace(verb="check", html=None), 0)
    'stopped; nothing was written'
    """
    verb = options.verb
    if verb == "score":
        return _of_scoring(Path(options.output), began)
    if verb in _ONLY_LOOK or (verb == "data" and options.part in _PARTS_THAT_LOOK):
        return _WHOLE if any(getattr(options, name, "") for name in _WRITTEN) else _NOTHING
    if verb == "data":
        return _WHOLE
    return _SAID.get(verb, _LOOP)


def _of_scoring(target: Path, began: int) -> str:
    try:
        written = target.stat().st_mtime_ns >= began
    except OSError:
        written = False
    if written:
        return f"stopped when {target} was written, whole"
    return (
        f"stopped; nothing was written to {target}: "
        "the same command begins again, and no prediction is logged twice"
    )
