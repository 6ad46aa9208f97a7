"""What Ctrl-C and SIGTERM do: the work unwinds once, one line is said, and the code is 130."""

from __future__ import annotations

import _thread
import importlib
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Any

__all__ = ["INTERRUPTED", "Interrupts"]

INTERRUPTED = 130
"""What a shell says of a program that was stopped by Ctrl-C."""

_PATIENCE = 5.0
_AGAIN = 0.05
_UNWINDS = 1.0
_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Hears the two signals that ask a command to stop, for the process as a whole.

    The first one raises `KeyboardInterrupt` where the work is, so that whatever was begun is taken
    back; more of them would break into that, and count only when it takes long. From the first one
    on standard error is silent, until `speak`: what libraries in other threads say of being
    interrupted is no news to anybody.
    """

    def __init__(self) -> None:
        self._since: float | None = None
        self._waits: float | None = None
        self._number = int(signal.SIGINT)
        self._error = -1
        self._listening = False
        self.loud = False

    @property
    def heard(self) -> bool:
        """Whether somebody asked to stop."""
        return self._since is not None

    def listen(self) -> None:
        """Take over both signals; one that whoever started the process ignores stays ignored."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._listening = True
        sys.unraisablehook = self._swallowed
        for number in _NUMBERS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._hear)

    def before_polars(self) -> None:
        """Import polars, and take Ctrl-C back, which it hooks as it is imported.

        It would raise an interrupt of its own, from within its threads, beside ours; and now and
        then the process crashed in that.
        """
        if not self._listening:
            return
        with suppress(ModuleNotFoundError):
            importlib.import_module("polars")
        for number in _NUMBERS:
            signal.signal(number, signal.getsignal(number))

    def end(self) -> None:
        """Hear nothing more: what is left is to end."""
        if self._listening:
            for number in _NUMBERS:
                signal.signal(number, signal.SIG_IGN)

    def speak(self) -> None:
        """Let standard error be heard again, for the one line that is to be said."""
        if self._error >= 0:
            with suppress(OSError, ValueError):
                sys.stderr.flush()
            os.dup2(self._error, 2)

    def hush(self) -> None:
        """Let nothing more be said on standard error, once somebody asked to stop."""
        if self._since is None or self.loud or not self._listening:
            return
        with suppress(OSError, ValueError):
            sys.stderr.flush()
            if self._error < 0:
                self._error = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        self._number = number  # of the two, one may be ignored
        if self._since is not None:
            if now - self._since > _PATIENCE:
                os._exit(INTERRUPTED)
            return
        unwinds = sys.exc_info()[1]
        if unwinds is not None and not isinstance(unwinds, KeyboardInterrupt):
            # What is begun is being taken back already; an interrupt would break into that.
            self._waits = self._waits or now
            if now - self._waits < _UNWINDS:
                self._ask_again(number)
                return
        self._since = now
        self.hush()
        if not isinstance(unwinds, KeyboardInterrupt):
            raise KeyboardInterrupt

    def _swallowed(self, unraisable: Any) -> None:
        """Ask once more where a finaliser swallowed the interrupt, as Python lets it do."""
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(unraisable)
            return
        self._since = None
        self._ask_again(self._number)

    def _ask_again(self, number: int) -> None:
        again = threading.Timer(_AGAIN, _thread.interrupt_main, (number,))
        again.daemon = True
        again.start()
