"""Serve the live version over HTTP, following promotions without a restart."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evermodel.cli.numbers import port
from evermodel.cli.output import Output

if TYPE_CHECKING:
    from evermodel.loop.workspace import Workspace
    from evermodel.records import Report
    from evermodel.serve import App

__all__ = ["HELP", "arguments", "call", "ready", "where"]

HELP = "answer over HTTP"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("--host", help="address (default: [serve] host, loopback)")
    parser.add_argument("--port", type=port, help="port (default: [serve] port; 0: a free one)")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.serving import application
    from evermodel.loop.workspace import open_workspace
    from evermodel.serve import serve

    with open_workspace(options.folder, make=False) as workspace:
        host, number = where(options, workspace)
        app = application(workspace)
        serve(app, host=host, port=number, on_ready=ready(output, app))
    return 0


def where(options: argparse.Namespace, workspace: Workspace) -> tuple[str, int]:
    """Return address and port: from the command line, else from the project file."""
    settings = workspace.project.serve
    host = settings.host if options.host is None else options.host
    return host, settings.port if options.port is None else options.port


def _request(url: str, record: dict[str, Any]) -> str:
    """Return a command for a shell that asks for one prediction."""
    body = shlex.quote(json.dumps(record, ensure_ascii=False))
    return f"curl -s {url}/predict -H 'Content-Type: application/json' -d {body}"


def ready(output: Output, app: App, turned: Report | None = None) -> Callable[[str, int], None]:
    """Return what says once that the server answers, and where.

    With --json that is the one document: the server's own, or the one of the turn of the loop
    that came before, with the address among its facts.
    """

    def say(host: str, number: int) -> None:
        from msgspec.structs import replace

        from evermodel.records import CheckResult, Report
        from evermodel.serve import address, sample_record

        served = app.live.current
        if served is None:  # it was asked for a live one
            return
        url = address(host, number)
        output.say(f"serving {served.name} at {url} (Ctrl-C ends)")
        output.say(f"try: {_request(url, sample_record(served.model.manifest))}")
        if not output.json:
            return
        facts = {"url": url, "host": host, "port": number, "version": served.version}
        if turned is not None:
            output.report(replace(turned, facts={**turned.facts, **facts}))
            return
        name, since = f"{served.name}/{served.version}", f"since {served.since}"
        live = CheckResult(name="live", subject=name, value=served.version, why=since)
        output.report(Report(verb="serve", subject=served.name, results=(live,), facts=facts))

    return say
