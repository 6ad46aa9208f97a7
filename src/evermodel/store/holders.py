"""Who holds a piece of work: host, process and the moment that process began."""

from __future__ import annotations

import os
import socket
from pathlib import Path

__all__ = ["alive", "gone", "holder"]


def holder() -> str:
    """Return `host:pid:start` of this process.

    The start (kernel ticks, where the system tells) keeps a later process that was given the same
    number from being taken for this one.

    Examples
    --------
    >>> gone(holder())
    False
    """
    return f"{socket.gethostname()}:{os.getpid()}:{_began(os.getpid())}"


def gone(text: str) -> bool:
    """Return whether a holder is surely dead; a holder on another host is never called so.

    Examples
    --------
    >>> gone("another-host:1:")
    False
    """
    host, number, began = text.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    pid = int(number)
    if not alive(pid):
        return True
    now = _began(pid)
    return bool(began and now and began != now)


def alive(pid: int) -> bool:
    """Return whether a process of that number runs on this host.

    Examples
    --------
    >>> alive(os.getpid())
    True
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A process that has ended and was not waited for does no more work.
    return _stat(pid)[:1] != ["Z"]


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    # The name in parentheses may hold spaces and parentheses itself.
    return text.rpartition(")")[2].split()


def _began(pid: int) -> str:
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""
