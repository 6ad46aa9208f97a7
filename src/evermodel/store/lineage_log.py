"""Where events of lineage go: a file of JSON lines always, and a lineage server where one is set.

One line is one event. A line begun and never ended (a crash) has no line feed: readers pass over
it, and the next writer mends it. The server is set as for every client of OpenLineage, by
OPENLINEAGE_URL and OPENLINEAGE_API_KEY in the environment. It is waited for a few seconds at most,
and when it takes nothing the event is in the file all the same.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from evermodel.errors import SurroundingsError, masked
from evermodel.store.durable import refusals, sync_folder
from evermodel.store.lineage_walk import instant
from evermodel.store.openlineage import RunEvent

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent as ClientEvent

__all__ = ["Lineage", "append_event", "client_event", "lineage", "send"]

_log = logging.getLogger("evermodel.store")
_FOLDER = "lineage"
_TAIL = 64 << 10
_ENDPOINT = "api/v1/lineage"


class Lineage:
    """Keeps the events of one project, and tells a server of them where one is set.

    Parameters
    ----------
    workspace : path
        The folder of the workspace; events lie in ``lineage/PROJECT.jsonl`` below it.
    project : str
    patience : float
        Seconds to wait for the file, and as many for the server.

    Examples
    --------
    >>> import tempfile
    >>> from evermodel.records import Run
    >>> from evermodel.store.lineage import run_event
    >>> run = Run(id="5" * 32, verb="train", project="churn", started="2026-11-03T09:00:00Z")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     said = Lineage(folder, "churn").emit(run_event(run, "START"))
    ...     [event.job.name for event in lineage(folder)]
    ['churn.train']
    """

    def __init__(self, workspace: str | Path, project: str, *, patience: float = 3.0) -> None:
        self.path = Path(workspace) / _FOLDER / f"{project}.jsonl"
        self._patience = patience

    def emit(self, event: RunEvent) -> str:
        """Keep an event and send it; return "" or, in a sentence, what did not go well.

        No run fails for its lineage: nothing is raised for a full disk or a silent server.
        """
        told = []
        try:
            append_event(self.path, event, patience=self._patience)
            kept = f"; it is kept in {self.path}"
        except SurroundingsError as error:
            told.append(f"the lineage of this run is not kept: {error.what} ({error.where})")
            kept = ""
        unsent = send([event], patience=self._patience)
        if unsent:
            told.append(f"{unsent}{kept}")
        for sentence in told:
            _log.warning("%s", sentence)
        return "; ".join(told)


def append_event(path: Path, event: RunEvent, *, patience: float = 3.0) -> None:
    """Add one line durably: after a crash the whole event is there, or nothing of it.

    Raises
    ------
    SurroundingsError
        When the disk refuses, or when another writer does not let go.

    Examples
    --------
    >>> import tempfile
    >>> from evermodel.records import Run
    >>> from evermodel.store.lineage import run_event
    >>> run = Run(id="5" * 32, verb="train", project="churn", started="2026-11-03T09:00:00Z")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     append_event(Path(folder, "a.jsonl"), run_event(run, "START"))
    ...     Path(folder, "a.jsonl").read_text().count("START")
    1
    """
    line = msgspec.json.encode(event) + b"\n"
    with refusals(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _take(handle, patience, path)
            end = _mended(handle)
            try:
                _write(handle, line, end)
                os.fsync(handle)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(handle, end)
                raise
            if new:
                sync_folder(path.parent)
        finally:
            os.close(handle)


def _take(handle: int, patience: float, path: Path) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                what = "another program holds the lineage file and does not let go"
                raise SurroundingsError(what, where=str(path), hint="end that program") from None
            time.sleep(0.002)
        else:
            return


def _mended(handle: int) -> int:
    """End or cut off a line that a crash left without its end; return where the next one begins."""
    size = start = os.fstat(handle).st_size
    rest = b""
    while start and b"\n" not in rest:
        begin = max(0, start - _TAIL)
        rest, start = os.pread(handle, start - begin, begin) + rest, begin
    rest = rest.rpartition(b"\n")[2]
    if not rest:
        return size
    if _event(rest) is not None:
        _write(handle, b"\n", size)
        return size + 1
    os.ftruncate(handle, size - len(rest))
    return size - len(rest)


def _write(handle: int, content: bytes, place: int) -> None:
    while content:
        written = os.pwrite(handle, content, place)
        content, place = content[written:], place + written


def _event(line: bytes) -> RunEvent | None:
    try:
        return msgspec.json.decode(line, type=RunEvent)
    except msgspec.MsgspecError:
        return None


def lineage(folder: str | Path) -> list[RunEvent]:
    """Return all events of a workspace in the order of their times.

    A line that is not an event is passed over; one that a crash or a writer at work has not ended
    is too.

    Parameters
    ----------
    folder : path
        The workspace's, such as ``.evermodel``.

    Raises
    ------
    SurroundingsError
        When a file cannot be read.

    Examples
    --------
    >>> lineage("no/such/folder")
    []
    """
    events: list[RunEvent] = []
    for path in sorted((Path(folder) / _FOLDER).glob("*.jsonl")):
        with refusals(path):
            lines = path.read_bytes().split(b"\n")[:-1]
        for number, line in enumerate(lines, start=1):
            event = _event(line)
            if event is not None:
                events.append(event)
            elif line.strip():
                _log.warning("%s:%d is not an event of lineage and is passed over", path, number)
    return sorted(events, key=lambda event: instant(event.event_time))


def send(events: Iterable[RunEvent], *, patience: float = 3.0) -> str:
    """Send events to the lineage server of the environment; return "" or why not all arrived.

    Events may be sent again: a server knows a run by its id. Without OPENLINEAGE_URL, or with
    OPENLINEAGE_DISABLED=true, nothing is sent and "" returned.

    Parameters
    ----------
    events : iterable of RunEvent
    patience : float
        Seconds to wait for all of them together.

    Examples
    --------
    >>> send([])
    ''
    """
    url = os.environ.get("OPENLINEAGE_URL", "").strip()
    off = os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true"
    waiting = list(events)
    if not url or off or not waiting:
        return ""
    try:
        import openlineage.client.transport.http  # noqa: F401 - imported here, used by the thread
    except ImportError:
        needed = "pip install 'evermodel[lineage]'"
        return f"nothing was sent to the lineage server, as its client is missing ({needed})"
    # A server that answers a byte a second defeats every timeout but this one.
    done: list[str] = []
    sender = threading.Thread(
        target=lambda: done.append(_sent(waiting, url, patience)), name="lineage", daemon=True
    )
    sender.start()
    sender.join(patience)
    return done[0] if done else f"the lineage server did not answer within {patience:g} seconds"


def _sent(events: list[RunEvent], url: str, patience: float) -> str:
    from openlineage.client.transport.http import (
        ApiKeyTokenProvider,
        HttpConfig,
        HttpTransport,
        TokenProvider,
    )
    from requests import HTTPError

    key = os.environ.get("OPENLINEAGE_API_KEY", "")
    try:
        config = HttpConfig(
            url=url,
            endpoint=os.environ.get("OPENLINEAGE_ENDPOINT") or _ENDPOINT,
            timeout=patience,
            auth=ApiKeyTokenProvider({"apiKey": key}) if key else TokenProvider({}),
            retry={"total": 0},
        )
        transport = HttpTransport(config)
        try:
            for event in events:
                transport.emit(client_event(event))
        finally:
            transport.close()
    except HTTPError as error:
        status = error.response.status_code if error.response is not None else "no status"
        return f"the lineage server refused the event (HTTP {status})"
    except Exception as error:  # noqa: BLE001 - no run fails for its lineage
        # What a library says may hold the address with its password.
        return f"the lineage server at {_shown(url)} cannot be reached ({type(error).__name__})"
    return ""


def _shown(url: str) -> str:
    return re.sub(r"(://)[^/@]*@", r"\1", masked(url))


def client_event(event: RunEvent) -> ClientEvent:
    """Return an event as the official client has it (``pip install openlineage-python``).

    Examples
    --------
    >>> from evermodel.records import Run
    >>> from evermodel.store.lineage import run_event
    >>> run = Run(id="5" * 32, verb="train", project="churn", started="2026-11-03T09:00:00Z")
    >>> client_event(run_event(run, "START")).job.name
    'churn.train'
    """
    from openlineage.client import event_v2

    plain: dict[str, Any] = msgspec.to_builtins(event)
    state = plain["eventType"]
    return event_v2.RunEvent(
        eventType=None if state is None else event_v2.RunState(state),
        eventTime=plain["eventTime"],
        run=event_v2.Run(**plain["run"]),
        job=event_v2.Job(**plain["job"]),
        inputs=[event_v2.InputDataset(**one) for one in plain["inputs"]],
        outputs=[event_v2.OutputDataset(**one) for one in plain["outputs"]],
        producer=plain["producer"],
    )
