"""What a command prints: progress on a terminal, then a report as text or as one JSON document."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evermodel.errors import EvermodelError
    from evermodel.records import Report

__all__ = ["Output"]

_BAR = 24
_EVERY = 0.5


class Output:
    """Prints for one verb.

    Parameters
    ----------
    verb : str
        Names the JSON document's schema.
    json : bool
        Print JSON only.
    """

    def __init__(self, verb: str, *, json: bool = False) -> None:
        self.verb = verb
        self.json = json
        self._live = sys.stderr.isatty() and not json
        self._drawn = False
        self._share = 0.0
        self._step = ""
        self._begun = time.perf_counter()
        self._lock = threading.Lock()

    def progress(self, step: str, share: float) -> None:
        """Draw the progress bar; nothing where standard error is no terminal."""
        if not self._live:
            return
        with self._lock:
            # A step that ends sooner than was thought never takes the bar back.
            self._share, self._step = min(max(share, self._share), 1.0), step
            self._draw()
            self._drawn = True

    def _draw(self) -> None:
        filled = round(_BAR * self._share)
        seconds = time.perf_counter() - self._begun
        width = shutil.get_terminal_size().columns
        bar = f"{'█' * filled}{'░' * (_BAR - filled)}"
        line = f"{bar} {self._share:4.0%} {seconds:4.0f} s  {self._step}"
        print(f"\r\x1b[K{line[: width - 1]}", end="", file=sys.stderr, flush=True)

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Draw the bar again and again while work is done, so that a long step is seen to go on."""
        if not self._live:
            yield
            return
        over = threading.Event()
        thread = threading.Thread(target=self._tick, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _tick(self, over: threading.Event) -> None:
        while not over.wait(_EVERY):
            with self._lock:
                if self._drawn:
                    self._draw()

    def close(self) -> None:
        """Take the progress bar away."""
        with self._lock:
            if self._drawn:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
                self._drawn = False
            self._share = 0.0

    def report(self, report: Report, *, lines: list[str] | None = None, title: str = "") -> int:
        """Print a report and return the exit code: 1 when its verdict is "fail".

        `lines` are said after the results: what is worth knowing next.
        """
        self.close()
        if self.json:
            print(document(self.verb, report), flush=True)
        else:
            from evermodel.report.text import results_text

            width, colour = _width(), _colour()
            heading = title or f"{report.verb} {report.subject}".strip()
            print(results_text(report.results, width, title=heading, colour=colour))
            if lines:
                print()
                print("\n".join(lines))
        return 1 if report.verdict == "fail" else 0

    def findings(self, report: Report, *, notes: list[str]) -> int:
        """Print what was found in data, what to fix first; return the exit code as `report`."""
        self.close()
        if self.json:
            return self.report(report)
        from evermodel.report.findings import findings_text

        print(findings_text(report, _width(), colour=_colour(), notes=notes))
        return 1 if report.verdict == "fail" else 0

    def say(self, text: str) -> None:
        """Print one line for a person, unless JSON was asked for."""
        self.close()
        if not self.json:
            print(text, flush=True)

    def error(self, error: EvermodelError) -> None:
        """Print an error: on standard error, and as a JSON document where that was asked for."""
        self.close()
        print(error, file=sys.stderr)
        if self.json:
            import msgspec

            said = {"what": error.what, "where": error.where, "found": error.found}
            body = {
                "schema": f"evermodel.{self.verb}/1",
                "verdict": "unknown",
                "results": [],
                "error": {**said, "hint": error.hint},
            }
            print(msgspec.json.encode(body).decode())


def _width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, 120)


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def document(verb: str, report: Report) -> str:
    """Return a report as the JSON document of its verb."""
    import msgspec

    results: list[Any] = msgspec.to_builtins(report.results)
    body = {
        "schema": f"evermodel.{report.verb if '.' in report.verb else verb}/1",
        "verdict": report.verdict,
        "subject": report.subject,
        "results": results,
        "facts": report.facts,
    }
    if "cells" in report.facts:
        # Cells are rows of a table of their own, and long: they stand beside the facts.
        body["facts"] = {key: value for key, value in report.facts.items() if key != "cells"}
        body["cells"] = report.facts["cells"]
    return msgspec.json.encode(body, enc_hook=_plain).decode()


def _plain(value: Any) -> Any:
    """Return numbers of numpy as Python's own."""
    return value.item() if hasattr(value, "item") else str(value)
