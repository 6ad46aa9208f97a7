"""A plain HTTP client over the standard library, and one application around one model."""

from __future__ import annotations

import http.client
import json
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from evermodel.serve import App, BackgroundServer, Live, Served
from evermodel.store import SystemClock


class Answer:
    """Status, headers and body of one answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks one server over one connection, and over a new one where the server ended the last."""

    def __init__(self, url: str) -> None:
        split = urlsplit(url)
        self.connection = http.client.HTTPConnection(split.hostname or "", split.port, timeout=20)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        self._leave_ended()
        self.connection.request(method, path, body, headers)
        return Answer(self.connection.getresponse())

    def _leave_ended(self) -> None:
        """Let go of a connection that the server ended: it does so after 75 idle seconds.

        Between two asks no byte is due, so that whatever can be read is the end.
        """
        held = self.connection.sock
        if held is not None and select.select([held], [], [], 0)[0]:
            self.connection.close()

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.ask("POST", path, body, {k.replace("_", "-"): v for k, v in headers.items()})


@contextmanager
def serving(served: Served | None, **options: Any) -> Iterator[Client]:
    """Serve one version on a free port for the length of the block."""
    log = options.pop("log", None)
    app = App(Live(served), log, clock=SystemClock(), **options)
    with BackgroundServer(app) as server:
        client = Client(server.url)
        try:
            yield client
        finally:
            client.connection.close()
