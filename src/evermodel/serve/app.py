"""The ASGI application: routes, limits, errors and metrics around the scoring core."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from evermodel.errors import EvermodelError, RequestError, nearest
from evermodel.protocols import Clock
from evermodel.serve.exchange import (
    INSTALLED,
    Handler,
    Limits,
    Request,
    Response,
    WrongRecordsError,
    json_response,
    refusal,
)
from evermodel.serve.invocations import Invocations
from evermodel.serve.live import Follower, Live
from evermodel.serve.log import PredictionLog
from evermodel.serve.metrics import MEDIA, Metrics, gauge, resident_bytes
from evermodel.serve.openapi import describe
from evermodel.serve.plain import Plain
from evermodel.serve.policy import Policy
from evermodel.serve.scoring import OverloadedError, Scorer
from evermodel.serve.v2 import OpenInference

__all__ = ["App"]

_log = logging.getLogger("evermodel.serve")
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_LIMITS = Limits()
_LENGTH = {length: str(length).encode() for length in range(4096)}
# Some clients name no type, and binary tensors are refused in the words of their protocol.
_OPEN_MEDIA = ("", "application/octet-stream")


class _HungUpError(Exception):
    """The client left before its request was complete."""


class App:
    """The server as one ASGI application, for any ASGI server.

    Parameters
    ----------
    live : Live
        What is served; swapped by a `Follower` or by the caller.
    log : PredictionLog or None
        Where predictions are written before they are answered; closed with the application.
    clock : Clock
        Gives the time of predictions.
    limits : Limits
    follower : Follower, optional
        Runs as long as the application does.
    log_features : bool
        False leaves the features out of the prediction log.
    policy : Policy, optional
        What becomes of rows that break a check of the bundle.

    Examples
    --------
    >>> from evermodel.store import SystemClock
    >>> App(Live(), None, clock=SystemClock()).ready
    False
    """

    def __init__(
        self,
        live: Live,
        log: PredictionLog | None,
        *,
        clock: Clock,
        limits: Limits = _LIMITS,
        follower: Follower | None = None,
        log_features: bool = True,
        policy: Policy | None = None,
    ) -> None:
        self.live = live
        self.limits = limits
        self.metrics = Metrics()
        self.hosts: frozenset[bytes] | None = None
        self._log = log
        self._follower = follower
        self._following: asyncio.Task[None] | None = None
        self.scorer = Scorer(
            log,
            clock,
            batch_rows=limits.batch_rows,
            queue_rows=limits.queue_rows,
            log_features=log_features,
            policy=policy,
        )
        v2 = OpenInference(live, self.scorer, limits)
        calls = Invocations(live, self.scorer, limits)
        self._routes: dict[str, tuple[str, Handler]] = {
            "/": ("GET", self._home),
            "/openapi.json": ("GET", self._openapi),
            "/predict": ("POST", Plain(live, self.scorer, limits).predict),
            "/healthz": ("GET", self._healthy),
            "/readyz": ("GET", self._is_ready),
            "/metrics": ("GET", self._metrics),
            "/ping": ("GET", self._is_ready),
            "/health": ("GET", self._is_ready),
            "/version": ("GET", self._version),
            "/invocations": ("POST", calls.invoke),
            "/v2": ("GET", v2.server),
            "/v2/health/live": ("GET", v2.alive),
            "/v2/health/ready": ("GET", v2.ready),
        }
        self._below: dict[tuple[str, ...], tuple[str, str, Handler]] = {
            (): ("/v2/models/{name}", "GET", v2.model),
            ("ready",): ("/v2/models/{name}/ready", "GET", v2.model_ready),
            ("infer",): ("/v2/models/{name}/infer", "POST", v2.infer),
        }

    @property
    def ready(self) -> bool:
        """Whether a version is live and its predictions can be written down."""
        return self.live.current is not None and not self.scorer.refusing

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send
    ) -> None:
        """Answer one request, or start and stop with the server."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _http(self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send) -> None:
        began = time.perf_counter()
        request = Request(scope["method"], scope["path"], "", scope["headers"], b"", began)
        try:
            handler = self._open(request)
            if request.method == "POST":
                request.body = await _read_body(receive, self.limits)
            response = await handler(request)
        except _HungUpError:
            return
        except Exception as error:  # noqa: BLE001 - a server answers, whatever happens
            response = self._refused(error, request.path)
        seconds = time.perf_counter() - began
        self.metrics.observe(request.route, response.status, response.version, seconds)
        size = len(response.body)
        headers = [
            (b"content-type", response.media),
            (b"content-length", _LENGTH.get(size) or str(size).encode()),
        ]
        if response.headers:
            headers += response.headers.items()
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    def _open(self, request: Request) -> Handler:
        """Return the handler of a request after its headers are found in order."""
        host = origin = b""
        length = coded = b""
        for name, value in request.headers:
            if name == b"content-type":
                request.media = value.split(b";", 1)[0].strip().lower().decode("latin-1")
            elif name == b"content-length":
                length = value
            elif name == b"content-encoding":
                coded = value
            elif name == b"host":
                host = value
            elif name == b"origin":
                origin = value
        if self.hosts is not None:
            _check_host(host, origin, self.hosts)
        request.route, method, handler = self._find(request)
        if request.method != method and not (request.method == "HEAD" and method == "GET"):
            raise RequestError(
                f"{request.path} answers {method} only",
                found=request.method,
                hint=f"send it with {method}; GET / says what is where",
                status=405,
            )
        if method == "POST":
            if len(length) > 18 or (length.isdigit() and int(length) > self.limits.body_bytes):
                raise _too_large(self.limits)
            _check_media(request.media, coded, request.route)
        return handler

    def _find(self, request: Request) -> tuple[str, str, Handler]:
        path = request.path
        found = self._routes.get(path)
        if found is not None:
            return path, *found
        if path.startswith("/v2/models/"):
            name, *rest = path.removeprefix("/v2/models/").split("/")
            version: list[str] = []
            if rest[:1] == ["versions"] and len(rest) > 1:
                version, rest = [rest[1]], rest[2:]
            known = self._below.get(tuple(rest))
            if known is not None and name:
                request.parts = (name, *version)
                return known
        served = self.live.current
        name = "{name}" if served is None else served.name
        below = [pattern.replace("{name}", name) for pattern, _, _ in self._below.values()]
        word = nearest(path, [*self._routes, *below])
        hint = f"did you mean {word}?" if word else f"known: {', '.join(self._routes)}"
        raise RequestError("there is nothing here", where=path[:200], hint=hint, status=404)

    def _refused(self, error: Exception, path: str) -> Response:
        """Return the answer to a request that failed, in the form of its protocol."""
        if isinstance(error, OverloadedError):
            response = refusal(error, 503)
            response.headers = {b"retry-after": b"1"}
        elif isinstance(error, EvermodelError):
            response = refusal(error)
        else:
            _log.error("a request failed inside Evermodel", exc_info=error)
            response = json_response(
                {"error": "an internal error; the server's log says more"}, 500
            )
        if path.startswith("/v2") and isinstance(error, EvermodelError):
            status = 400 if response.status == 422 else response.status
            said = json_response({"error": _in_one_line(error)}, status)
            said.headers = response.headers
            response = said
        if response.status == 405:
            method = "POST" if "POST only" in str(error) else "GET"
            response.headers = {b"allow": b"POST" if method == "POST" else b"GET, HEAD"}
        elif response.status in (408, 413):
            response.headers = {b"connection": b"close"}
        return response

    async def _lifespan(self, receive: _Receive, send: _Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if self._log is not None:
                    await asyncio.to_thread(self._log.start)
                if self._follower is not None:
                    self._following = asyncio.create_task(self._follower.run())
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self._following is not None:
                    self._following.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await self._following
                if self._log is not None:
                    await asyncio.to_thread(self._log.close)
                await asyncio.to_thread(self.scorer.policy.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _home(self, request: Request) -> Response:
        served = self.live.current
        about: dict[str, Any] = {"service": "evermodel", "evermodel": INSTALLED}
        if served is not None:
            manifest = served.model.manifest
            about |= {
                "model": served.name,
                "version": served.version,
                "since": served.since,
                "task": manifest.task,
                "inputs": {item.name: item.type for item in manifest.inputs},
            }
        about["routes"] = [f"{method} {path}" for path, (method, _) in self._routes.items()]
        about["routes"] += [f"{method} {path}" for path, method, _ in self._below.values()]
        return json_response(about)

    async def _openapi(self, request: Request) -> Response:
        return json_response(describe(self.live.current))

    async def _healthy(self, request: Request) -> Response:
        return json_response({"live": True})

    async def _is_ready(self, request: Request) -> Response:
        if self.ready:
            return json_response({"ready": True})
        why = self.scorer.refusing
        why = f"the prediction log cannot be written: {why}" if why else "no version is live yet"
        return json_response({"ready": False, "why": why}, 503)

    async def _version(self, request: Request) -> Response:
        return Response(INSTALLED.encode(), media=b"text/plain; charset=utf-8")

    async def _metrics(self, request: Request) -> Response:
        served, scorer = self.live.current, self.scorer
        swaps = {"kind": "counter"}
        lines = [
            gauge("evermodel_queue_rows", "Rows that wait for a batch.", scorer.waiting_rows),
            gauge("evermodel_batches_total", "Runs of the graph.", scorer.batches, kind="counter"),
            gauge("evermodel_rows_total", "Rows scored.", scorer.batched_rows, kind="counter"),
            gauge("evermodel_swaps_total", "Versions put live.", self.live.swaps, **swaps),
            gauge("process_resident_memory_bytes", "Resident memory.", resident_bytes()),
        ]
        lines += scorer.policy.counters()
        if served is not None:
            help_ = "The version that is live."
            labels = {"model": served.name, "version": str(served.version)}
            lines.append(gauge("evermodel_live", help_, 1, **labels))
        if self._follower is not None:
            failing, failures = bool(self._follower.failing), self._follower.failures
            name = "evermodel_follower"
            lines += [
                gauge(f"{name}_failures_total", "Polls that failed.", failures, kind="counter"),
                gauge(f"{name}_failing", "1 while the newest poll failed.", failing),
            ]
        if self._log is not None:
            lines += _log_gauges(self._log)
        text = self.metrics.text("" if served is None else served.name, lines)
        return Response(text.encode(), media=MEDIA)


def _log_gauges(log: PredictionLog) -> list[str]:
    name = "evermodel_log"
    return [
        gauge(f"{name}_unsynced_bytes", "Written, not yet durable.", log.unsynced_bytes),
        gauge(f"{name}_failing", "1 while the disk refuses.", bool(log.failing)),
        gauge(f"{name}_failures_total", "Refusals of the disk.", log.failures, kind="counter"),
        gauge(f"{name}_rows_total", "Rows written.", log.rows_written, kind="counter"),
        gauge(f"{name}_rows_refused_total", "Not answered.", log.rows_refused, kind="counter"),
    ]


def _check_host(host: bytes, origin: bytes, hosts: frozenset[bytes]) -> None:
    """Refuse names that are not this machine's own: a web page elsewhere may not reach it.

    Raises
    ------
    RequestError
        With status 421 for a foreign Host, 403 for a foreign Origin.
    """
    if _bare(host) not in hosts:
        raise RequestError(
            "this server does not answer to that name",
            where="header Host",
            found=host[:100].decode("latin-1"),
            hint="use 127.0.0.1 or localhost",
            status=421,
        )
    if origin and _bare(origin.partition(b"://")[2]) not in hosts:
        raise RequestError(
            "web pages of other sites may not ask this server",
            where="header Origin",
            found=origin[:100].decode("latin-1"),
            status=403,
        )


def _check_media(media: str, coded: bytes, route: str) -> None:
    """Refuse bodies of a type that is not read here; forms of web pages are among them.

    Raises
    ------
    RequestError
        With status 415.
    """
    if coded not in (b"", b"identity"):
        raise RequestError(
            "compressed bodies are not understood",
            where="header Content-Encoding",
            found=coded[:100].decode("latin-1"),
            hint="send the body as it is",
            status=415,
        )
    if media.endswith("json") or media in _OPEN_MEDIA:
        return
    if media == "text/csv" and route == "/invocations":
        return
    hint = "send the header Content-Type: application/json"
    if media == "text/csv":
        hint = "send CSV to /invocations, and JSON here"
    raise RequestError(
        "this content type is not understood", found=media[:100], hint=hint, status=415
    )


def _bare(host: bytes) -> bytes:
    """Return a host without its port: `[::1]:80` is `[::1]`."""
    name, colon, port = host.rpartition(b":")
    return (name if colon and port.isdigit() else host).lower()


async def _read_body(receive: _Receive, limits: Limits) -> bytes:
    """Return the whole body, refused as soon as it is too large or too slow."""
    try:
        async with asyncio.timeout(limits.body_seconds):
            chunks: list[bytes] = []
            size = 0
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _HungUpError
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                if size > limits.body_bytes:
                    raise _too_large(limits)
                if not message.get("more_body", False):
                    return b"".join((*chunks, chunk)) if chunks else chunk
                chunks.append(chunk)
    except TimeoutError:
        raise RequestError(
            "the body did not arrive in time", found=f"{limits.body_seconds:g} s", status=408
        ) from None


def _in_one_line(error: EvermodelError) -> str:
    details = "; ".join(text for text in (error.where, error.found, error.hint) if text)
    said = f"{error.what} ({details})" if details else error.what
    if isinstance(error, WrongRecordsError):
        found = error.problems
        if len(found.listed) > 1:
            said += "; all that is wrong: " + "; ".join(map(str, found.listed))
        said += f"; and {found.more} more" if found.more else ""
    return said


def _too_large(limits: Limits) -> RequestError:
    return RequestError(
        "the body is too large", hint=f"send at most {limits.body_bytes} bytes", status=413
    )
