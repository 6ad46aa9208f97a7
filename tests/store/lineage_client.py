"""The official client of OpenLineage as a judge of events, and a lineage server on this machine."""

from __future__ import annotations

import importlib
import json
import pkgutil
import threading
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Union, get_args, get_origin, get_type_hints

import attr
import openlineage.client.generated as generated
import pytest

__all__ = ["LineageServer", "facets_of", "serving", "structured"]

_CLASSES: dict[str, Any] = {
    name: kind
    for info in pkgutil.iter_modules(generated.__path__)
    for name, kind in vars(importlib.import_module(f"{generated.__name__}.{info.name}")).items()
    if isinstance(kind, type) and attr.has(kind)
}


def structured(kind: Any, value: Any) -> Any:
    """Return plain values as the client's own class; a field it does not know is an error."""
    options = [one for one in get_args(kind) if one is not type(None)]
    if get_origin(kind) in (Union, types.UnionType):
        return None if value is None else structured(options[0], value)
    if get_origin(kind) is list:
        return [structured(options[0], one) for one in value]
    if get_origin(kind) is dict:
        return {key: structured(options[1], one) for key, one in value.items()}
    if isinstance(kind, type) and attr.has(kind):
        hints = get_type_hints(kind)
        return kind(**{key: structured(hints[key], one) for key, one in value.items()})
    if isinstance(kind, type) and kind is not float:
        assert isinstance(value, kind), f"{value!r} is not {kind.__name__}"
    return value


def facets_of(event: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every facet of an event under its key, each made into the class its schema names."""
    places = [event["run"]["facets"], event["job"]["facets"]]
    for one in (*event["inputs"], *event["outputs"]):
        places += [one["facets"], one.get("inputFacets", {}), one.get("outputFacets", {})]
    for facets in places:
        for key, facet in facets.items():
            fields = dict(facet)
            address, _ = fields.pop("_schemaURL"), fields.pop("_producer")
            kind = _CLASSES[address.rpartition("/")[2]]
            assert kind._get_schema() == address
            hints = get_type_hints(kind)
            yield (
                key,
                kind(**{name: structured(hints[name], value) for name, value in fields.items()}),
            )


class LineageServer(ThreadingHTTPServer):
    """Takes what is posted; `status` is its answer, `pause` the seconds between two bytes of it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 201
        self.pause = 0.0
        self.got: list[tuple[str, str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: LineageServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers.get("Authorization", "")
        self.server.got.append((self.path, key, json.loads(body)))
        if self.server.pause:
            self._trickle()
            return
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _trickle(self) -> None:
        self.close_connection = True
        try:
            for byte in b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n":
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(self.server.pause)
        except OSError:
            return

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, *, key: str = "") -> Iterator[LineageServer]:
    """Serve, with the environment set as for any client of OpenLineage."""
    with LineageServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setenv("OPENLINEAGE_URL", server.url)
        if key:
            monkeypatch.setenv("OPENLINEAGE_API_KEY", key)
        try:
            yield server
        finally:
            server.shutdown()
