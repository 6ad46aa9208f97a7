"""The commands: parses, calls one verb, prints its report, and gives its exit code."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import re
import sys
import time
import traceback
from collections.abc import Sequence
from typing import NoReturn

from evermodel.cli.flags import everywhere
from evermodel.cli.interrupts import INTERRUPTED, Interrupts
from evermodel.cli.output import Output
from evermodel.cli.stopped import stopped
from evermodel.errors import EvermodelError, InputError, MissingExtraError, nearest

__all__ = ["VERBS", "build_parser", "run"]

VERBS = (
    "init", "check", "data", "train", "evaluate", "register", "promote", "rollback", "status",
    "history", "serve", "score", "labels", "monitor", "retrain", "run", "report", "reproduce",
    "doctor", "ledger", "demo",
)  # fmt: skip
"""In the order in which one meets them; each is a module of this package."""

_RUNTIME = frozenset({
    "numpy", "onnxruntime", "msgspec", "uvicorn", "httptools", "cryptography", "evermodel",
})  # fmt: skip


class _Parser(argparse.ArgumentParser):
    """A parser whose mistakes are answered in the house's way."""

    def error(self, message: str) -> NoReturn:
        hint = f"see {self.prog} --help"
        if message.startswith(("argument COMMAND: invalid choice", "argument WHAT: invalid")):
            given, *known = re.findall(r"'([^']+)'", message.split("invalid choice: ")[1])
            top = message.startswith("argument COMMAND")
            message, word = (
                f"there is no command {given!r}",
                nearest(given, VERBS if top else known),
            )
            hint = f"did you mean {word}?" if word else hint
        raise InputError(message, hint=hint)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="evermodel",
        description="Keeps machine-learning models right after day one: check, train, evaluate, "
        "register, serve, monitor, retrain, promote or roll back.",
        epilog="Begin with: evermodel init DATA --target COLUMN, then evermodel run.",
    )
    parser.add_argument(
        "--version", action="store_true", dest="about", help="print the version and end"
    )
    everywhere(parser, top=True)
    commands = parser.add_subparsers(dest="verb", metavar="COMMAND", title="commands")
    for verb in VERBS:
        module = importlib.import_module(f"evermodel.cli.{verb}")
        command = commands.add_parser(
            verb, help=module.HELP, description=module.__doc__, prog=f"evermodel {verb}"
        )
        everywhere(command, top=False)
        module.arguments(command)
        command.set_defaults(call=module.call)
    return parser


def run(arguments: Sequence[str] | None, interrupts: Interrupts) -> int:
    """Run one command and return its exit code; `interrupts` tell whether it was to stop."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no such character shows another one; it never stops the work.
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = build_parser()
    try:
        options = parser.parse_args(words)
    except InputError as error:
        verb = next((word for word in words if word in VERBS), "usage")
        Output(verb, json="--json" in words).error(error)
        return error.exit_code
    if options.about:
        import evermodel

        print(f"evermodel {evermodel.__version__}")
        return 0
    if not options.verb:
        parser.print_help()
        return 2
    output = Output(options.verb, json=options.json)
    interrupts.loud = options.debug
    began = time.time_ns()
    try:
        if options.verb != "serve":
            interrupts.before_polars()
        code = int(options.call(options, output))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output went away; nor may Python fail on it when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BaseException as caught:
        if isinstance(caught, SystemExit):
            raise
        if options.debug:
            traceback.print_exc()
        if interrupts.heard or isinstance(caught, KeyboardInterrupt):
            # Some libraries turn the interrupt into an error of their own.
            said, code = EvermodelError(stopped(options, began)), INTERRUPTED
        else:
            said, code = _said(caught, options.verb)
        interrupts.speak()
        output.error(said)
        interrupts.hush()
    finally:
        output.close()
    return code


def _said(caught: BaseException, verb: str) -> tuple[EvermodelError, int]:
    """Return what to say of an exception, and the exit code."""
    if isinstance(caught, EvermodelError):
        return caught, caught.exit_code
    if isinstance(caught, ModuleNotFoundError):
        absent = (caught.name or "").partition(".")[0]
        if absent and absent not in _RUNTIME:
            return MissingExtraError(f"evermodel {verb}", "loop", found=f"no {absent}"), 2
    if isinstance(caught, OSError):
        return _refused(caught), 2
    if isinstance(caught, MemoryError):
        return _too_large(caught), 2
    return _inside(caught), 3


def _refused(error: OSError) -> EvermodelError:
    from evermodel.errors import SurroundingsError

    return SurroundingsError(
        "the machine refused",
        where=str(error.filename or ""),
        found=error.strerror or str(error),
        hint="free some disk space, or look at the permissions",
    )


def _too_large(error: MemoryError) -> EvermodelError:
    from evermodel.errors import SurroundingsError

    return SurroundingsError(
        "there is not enough memory for this",
        found=str(error)[:200],
        hint="close other programs, or take a part of the rows",
    )


def _inside(error: BaseException) -> EvermodelError:
    return EvermodelError(
        "an error inside Evermodel; your data are as they were",
        found=f"{type(error).__name__}: {error}"[:500],
        hint="run it again with --debug and report what it shows",
    )
