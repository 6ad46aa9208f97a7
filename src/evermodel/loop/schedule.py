"""The loop on a schedule: one turn every `[loop] every`, until it is stopped."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evermodel.errors import BusyError, EvermodelError, masked
from evermodel.loop.turning import run
from evermodel.loop.workspace import Workspace, open_workspace, tell
from evermodel.project import duration_seconds
from evermodel.records import CheckResult, Report

__all__ = ["run_forever"]

_log = logging.getLogger("evermodel.loop")


def run_forever(
    folder: str | Path | Workspace = ".",
    *,
    seed: int | None = None,
    after: Callable[[Report], None] = lambda report: None,
    stop: threading.Event | None = None,
    first: bool = True,
) -> None:
    """Turn the loop at once and then every `[loop] every`, until SIGINT, SIGTERM or `stop`.

    A turn that fails, for whatever reason, is logged, reported and tried again at the next time; a
    turn that another process holds is left to it. The lease makes sure that two schedules never
    turn at once.

    Parameters
    ----------
    folder : path or Workspace
    seed : int, optional
        Instead of the project's.
    after : callable (report)
        Called after each turn; of one that failed it gets why, as the one result "turn".
    stop : threading.Event, optional
        Ends the schedule when set.
    first : bool
        Whether to turn at once; otherwise after the first interval.
    """
    from apscheduler.schedulers.background import BackgroundScheduler

    workspace = open_workspace(folder)
    ended = stop or threading.Event()

    def turn() -> None:
        try:
            report = run(workspace, seed=seed)
        except BusyError:
            _log.info("another process turns the loop now")
            return
        except Exception as error:  # noqa: BLE001 - whatever fails one turn, the next one comes
            why = _said(error)
            trace = error if _log.isEnabledFor(logging.DEBUG) else None
            _log.error("a turn of the loop failed: %s", why, exc_info=trace)
            failed = CheckResult(name="turn", verdict="fail", why=why)
            report = Report(verb="run", subject=workspace.project.name, results=(failed,))
        workspace.forget()  # the next turn may be a day away
        after(report)

    scheduler = BackgroundScheduler(timezone=UTC)
    seconds = duration_seconds(workspace.project.loop.every)
    begin = datetime.now(UTC)
    scheduler.add_job(
        turn,
        "interval",
        seconds=seconds,
        next_run_time=begin if first else begin + timedelta(seconds=seconds),
        max_instances=1,
        coalesce=True,
    )
    with _ended_by_signals(ended):
        scheduler.start()
        try:
            while not ended.wait(0.2):
                continue
        finally:
            scheduler.shutdown(wait=True)


def _said(error: Exception) -> str:
    """Return an error in one line."""
    if isinstance(error, EvermodelError):
        return tell(error)
    return masked(" ".join(f"{type(error).__name__}: {error}".split()))


@contextmanager
def _ended_by_signals(ended: threading.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the schedule after the turn that is under way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
