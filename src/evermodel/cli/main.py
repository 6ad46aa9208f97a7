"""The command `evermodel`: parses, calls one verb, prints its report, and gives its exit code.

0 done, 1 a check or gate said no, 2 wrong input or surroundings, 3 an error inside Evermodel.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from evermodel.cli.output import Output
from evermodel.errors import EvermodelError, MissingExtraError, nearest

__all__ = ["build_parser", "main"]

VERBS = (
    "init", "check", "train", "evaluate", "register", "promote", "rollback", "status", "history",
    "serve", "score", "labels", "monitor", "retrain", "run", "report", "reproduce", "doctor",
    "ledger", "demo",
)  # fmt: skip
"""In the order in which one meets them; each is a module of this package."""

_RUNTIME = frozenset({
    "numpy", "onnxruntime", "msgspec", "uvicorn", "httptools", "cryptography", "evermodel",
})  # fmt: skip


class _Parser(argparse.ArgumentParser):
    """A parser whose mistakes are answered in the house's way."""

    def error(self, message: str) -> None:  # type: ignore[override]  # exits, as the base does
        word = ""
        if "invalid choice" in message:
            given = message.split("invalid choice: ")[1].split("'")[1]
            word = nearest(given, VERBS)
        hint = f"did you mean {word}?" if word else f"see {self.prog} --help"
        print(f"{message}\n  try:   {hint}", file=sys.stderr)
        raise SystemExit(2)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="evermodel",
        description="Keeps machine-learning models right after day one: check, train, evaluate, "
        "register, serve, monitor, retrain, promote or roll back.",
        epilog="Begin with: evermodel init DATA --target COLUMN, then evermodel run.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and end")
    _common(parser, top=True)
    commands = parser.add_subparsers(dest="verb", metavar="COMMAND", title="commands")
    for verb in VERBS:
        module = importlib.import_module(f"evermodel.cli.{verb}")
        command = commands.add_parser(
            verb, help=module.HELP, description=module.__doc__, prog=f"evermodel {verb}"
        )
        _common(command, top=False)
        module.arguments(command)
        command.set_defaults(call=module.call)
    return parser


def _common(parser: argparse.ArgumentParser, *, top: bool) -> None:
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
        "--seed", type=int, default=None if top else quiet, help="seed of everything random"
    )
    parser.add_argument(
        "--debug", action="store_true", default=False if top else quiet,
        help="show tracebacks of errors",
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.version:
        import evermodel

        print(f"evermodel {evermodel.__version__}")
        return 0
    if not options.verb:
        parser.print_help()
        return 2
    output = Output(options.verb, json=options.json)
    try:
        return int(options.call(options, output))
    except KeyboardInterrupt:
        output.close()
        print("stopped; nothing half-done is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except EvermodelError as error:
        if options.debug:
            raise
        output.error(error)
        return error.exit_code
    except ModuleNotFoundError as error:
        absent = (error.name or "").partition(".")[0]
        if options.debug or absent in _RUNTIME or not absent:
            raise
        output.error(MissingExtraError(f"evermodel {options.verb}", "loop", found=f"no {absent}"))
        return 2
    except OSError as error:
        if options.debug:
            raise
        output.error(_refused(error))
        return 2
    except Exception as error:
        if options.debug:
            raise
        output.error(_inside(error))
        return 3
    finally:
        output.close()


def _refused(error: OSError) -> EvermodelError:
    from evermodel.errors import SurroundingsError

    return SurroundingsError(
        "the machine refused",
        where=str(error.filename or ""),
        found=error.strerror or str(error),
        hint="free some disk space, or look at the permissions",
    )


def _inside(error: Exception) -> EvermodelError:
    return EvermodelError(
        "an error inside Evermodel; your data are as they were",
        found=f"{type(error).__name__}: {error}"[:500],
        hint="run it again with --debug and report what it shows",
    )
