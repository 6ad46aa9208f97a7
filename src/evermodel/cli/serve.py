"""Serve the live version over HTTP, following promotions without a restart."""

from __future__ import annotations

import argparse

from evermodel.cli.output import Output

__all__ = ["HELP", "arguments", "call"]

HELP = "answer over HTTP"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own flags."""
    parser.add_argument("--host", help="address (default: [serve] host, loopback)")
    parser.add_argument("--port", type=int, help="port (default: [serve] port; 0: a free one)")


def call(options: argparse.Namespace, output: Output) -> int:
    """Run the command and return its exit code."""
    from evermodel.loop.serving import application
    from evermodel.loop.workspace import open_workspace
    from evermodel.serve import serve

    with open_workspace(options.folder) as workspace:
        settings = workspace.project.serve
        host = options.host or settings.host
        port = settings.port if options.port is None else options.port
        app = application(workspace)

        def ready(at: str, on: int) -> None:
            output.say(f"serving {workspace.project.name} at http://{at}:{on} (Ctrl-C ends)")

        serve(app, host=host, port=port, on_ready=ready)
    return 0
