"""Turn the loop: train and release the first version, then watch and act."""

from __future__ import annotations

import argparse
import logging
import threading
from typing import TYPE_CHECKING

from evermodel.cli.numbers import port
from evermodel.cli.output import Output
from evermodel.cli.serve import ready, where
from evermodel.errors import InputError

if TYPE_CHECKING:
    from evermodel.loop.workspace import Workspace
    from evermodel.records import Report

__all__ = ["HELP", "arguments", "call"]

HELP = "the whole loop, once or on a schedule"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("--forever", action="store_true", help="one turn every [loop] every")
    parser.add_argument("--serve", action="store_true", help="and answer over HTTP meanwhile")
    parser.add_argument("--host", help="with --serve: address (default: [serve] host)")
    parser.add_argument("--port", type=port, help="with --serve: port (default: [serve] port)")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    if not options.serve and (options.host is not None or options.port is not None):
        raise InputError("--host and --port are about serving", hint="add --serve")
    from evermodel.loop.turning import run
    from evermodel.loop.workspace import open_workspace

    if options.debug:
        logging.getLogger("evermodel").setLevel(logging.DEBUG)  # failed turns come with a traceback
    with open_workspace(options.folder) as workspace:
        if not options.forever and not options.serve:
            report = run(workspace, seed=options.seed, progress=output.progress)
            return output.report(report, lines=_decision(report))
        if not options.serve:
            _forever(options, output, workspace)
            return 0
        from evermodel.serve import check_free

        check_free(*where(options, workspace))
        report = run(workspace, seed=options.seed, progress=output.progress)
        nothing = report.facts.get("live") is None
        if nothing or not output.json:
            code = output.report(report, lines=_decision(report))
        if nothing:
            return code
        _serve(options, output, workspace, report)
    return 0


def _decision(report: Report) -> list[str]:
    if "decision" not in report.facts:  # the turn failed before anything was decided
        return []
    live = report.facts.get("live")
    shown = "nothing" if live is None else f"version {live}"
    return [f"decided: {report.facts['decision']}; live: {shown}"]


def _forever(options: argparse.Namespace, output: Output, workspace: Workspace) -> None:
    from evermodel.loop.schedule import run_forever

    def say(report: Report) -> None:
        output.report(report, lines=_decision(report))

    run_forever(workspace, seed=options.seed, after=say)


def _serve(
    options: argparse.Namespace, output: Output, workspace: Workspace, report: Report
) -> None:
    """Serve in the foreground and, with --forever, turn the loop in a thread."""
    from evermodel.loop.schedule import run_forever
    from evermodel.loop.serving import application
    from evermodel.serve import serve

    host, number = where(options, workspace)
    app = application(workspace)
    ended = threading.Event()
    turning: threading.Thread | None = None

    def say(later: Report) -> None:
        if not output.json:  # its one document is that of the first turn
            output.report(later, lines=_decision(later))

    if options.forever:
        keep = {"seed": options.seed, "after": say, "stop": ended, "first": False}
        turning = threading.Thread(target=run_forever, args=(workspace,), kwargs=keep)
        turning.start()
    try:
        serve(app, host=host, port=number, on_ready=ready(output, app, report))
    finally:
        ended.set()
        if turning is not None:
            turning.join()
