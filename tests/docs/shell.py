"""Runs the steps of a page as a reader would: in one folder, one after the other."""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import pytest

from tests.docs.pages import Page, Step

__all__ = ["STARTS", "Reader", "command_parser", "customers", "verbs"]

STARTS: dict[str, tuple[str, ...]] = {
    "data": (),
    "champion": ("evermodel init customers.csv --target churned", "evermodel run"),
}
STARTS["second"] = (*STARTS["champion"], "evermodel retrain", "evermodel promote 2 --force")
_PORT = re.compile(r"\b8000\b")
_SERVES = re.compile(r"evermodel( -C \S+)? (serve|run .*--serve)\b")


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, or skip where there is none yet."""
    if importlib.util.find_spec("evermodel.cli") is None:
        pytest.skip("the command line is not there yet")
    from evermodel.cli.commands import build_parser

    return build_parser()


def verbs(parser: argparse.ArgumentParser) -> list[str]:
    """Return the verbs of the command line."""
    return [
        name
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name in action.choices
    ]


def customers(folder: Path) -> None:
    """Write the simulated customers of the tutorial into a folder."""
    script = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "customers.py"
    subprocess.run([sys.executable, str(script)], cwd=folder, check=True)


class Reader:
    """Somebody who types a page's steps in a folder; servers stop when the page ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: list[subprocess.Popen[str]] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONWARNINGS": "default",
        }

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for server in self._servers:
            os.killpg(server.pid, signal.SIGINT)
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)

    def follow(self, page: Page) -> None:
        """Do every step of the page that is not marked as skipped."""
        for step in page.steps:
            if not step.skip:
                self.do(page, step)

    def do(self, page: Page, step: Step) -> None:
        """Do one step and fail, with all that was printed, when it ends otherwise than it says."""
        place = f"{page.name}:{step.line}: {step.text}"
        if step.kind == "settings":
            self._set(step.text)
            return
        # The pages say 8000, which may be taken on the machine that tests.
        text = _PORT.sub(str(self._port), step.text)
        if step.kind == "command" and _SERVES.search(text):
            text += f" --port {self._port}"
        argv = [sys.executable, "-c", text] if step.kind == "python" else ["sh", "-c", text]
        if step.background:
            self._begin(place, argv)
            return
        done = subprocess.run(
            argv,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == step.code, (
            f"{place}\nended with {done.returncode}, the page says {step.code}\n"
            f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )

    def _set(self, block: str) -> None:
        """Put keys under their tables in the project file, as one does by hand."""
        path = self._folder / "evermodel.toml"
        lines = path.read_text(encoding="utf-8").splitlines()
        at = len(lines)
        for line in block.splitlines():
            if line.startswith("["):
                if line not in lines:
                    lines += ["", line]
                at = lines.index(line)
            else:
                lines.insert(at, line)
            at += 1
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _begin(self, place: str, argv: list[str]) -> None:
        log = self._folder / "background.log"
        with log.open("w") as out:
            server = subprocess.Popen(
                argv,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                text=True,
                start_new_session=True,
            )
        self._servers.append(server)
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            assert server.poll() is None, f"{place}\nended at once:\n{log.read_text()[-3000:]}"
            if self._answers():
                return
            time.sleep(0.1)
        raise AssertionError(f"{place}\nanswers nothing:\n{log.read_text()[-3000:]}")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
