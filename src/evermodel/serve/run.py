"""The application on uvicorn: in the foreground until a signal, or in a thread."""

from __future__ import annotations

import errno
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from evermodel.errors import InputError, SurroundingsError
from evermodel.serve.app import App

if TYPE_CHECKING:
    import uvicorn

__all__ = ["BackgroundServer", "address", "check_free", "serve"]

_LOOPBACK = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})
_DRAIN_SECONDS = 10
_ADDRESSES = "use 127.0.0.1, or 0.0.0.0 for all"


def address(host: str, port: int) -> str:
    """Return the URL of a server.

    Examples
    --------
    >>> address("::1", 8000)
    'http://[::1]:8000'
    """
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_free(host: str, port: int) -> None:
    """Find out whether one could listen there, before long work that ends in serving.

    Raises
    ------
    InputError
        When the address is empty.
    SurroundingsError
        When the port is in use, forbidden, or the address is not this machine's.

    Examples
    --------
    >>> check_free("127.0.0.1", 0)
    """
    _listen(host, port).close()


def serve(
    app: App,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    on_ready: Callable[[str, int], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered before it returns.

    Parameters
    ----------
    app : App
    host : str
        Address to listen on. On a loopback address only loopback names are answered.
    port : int
        0 takes a free one.
    on_ready : callable
        Called with host and port once connections are accepted.

    Raises
    ------
    InputError
        When the address is empty.
    SurroundingsError
        When the port is in use, forbidden, or the address is not this machine's.

    Examples
    --------
    >>> from evermodel.serve import Live
    >>> from evermodel.store import SystemClock
    >>> try:
    ...     serve(App(Live(), None, clock=SystemClock()), host="203.0.113.7", port=0)
    ... except SurroundingsError as error:
    ...     print(error.what)
    this address cannot be listened on
    """
    listener = _listen(host, port)
    server = _server(app, host, listener, on_ready)
    with listener, _signals_only_drain():
        server.run(sockets=[listener])


class BackgroundServer:
    """The server in a thread of this process, for as long as a `with` block.

    Parameters
    ----------
    app : App
    host : str
    port : int
        0 takes a free one.

    Raises
    ------
    InputError
        When the address is empty.
    SurroundingsError
        As `serve`, or when the server does not come up.

    Examples
    --------
    >>> from evermodel.serve import Live
    >>> from evermodel.store import SystemClock
    >>> with BackgroundServer(App(Live(), None, clock=SystemClock())) as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, app: App, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._listener = _listen(host, port)
        self.host, self.port = host, int(self._listener.getsockname()[1])
        self._ready = threading.Event()
        self._server = _server(app, host, self._listener, lambda *_: self._ready.set())
        self._thread = threading.Thread(target=self._run, name="evermodel-serve", daemon=True)
        self._thread.start()
        while not self._ready.wait(0.05):
            if not self._thread.is_alive():
                self._listener.close()
                raise SurroundingsError("the server did not start", where=self.url)

    @property
    def url(self) -> str:
        """The address, such as `http://127.0.0.1:8000`."""
        return address(self.host, self.port)

    def stop(self) -> None:
        """Answer what is in flight, close the prediction log and end the thread."""
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])


def _listen(host: str, port: int) -> socket.socket:
    if not host.strip():  # the system would take it for all addresses of this machine
        raise InputError("there is no address to listen on", found=repr(host), hint=_ADDRESSES)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    where = f"{host}:{port}"
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Listening at once: two servers may both bind, but only one may listen.
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        code = error.errno if isinstance(error, OSError) else None
        if code == errno.EADDRINUSE:
            what = f"port {port} is in use"
            hint = "end the program that holds it, or choose another with --port (0: a free one)"
        elif code == errno.EACCES:
            what, hint = f"port {port} is not allowed for this user", "choose one from 1024 on"
        else:
            what, hint = "this address cannot be listened on", _ADDRESSES
        raise SurroundingsError(what, where=where, found=str(error), hint=hint) from None
    listener.set_inheritable(True)
    return listener


def _server(
    app: App,
    host: str,
    listener: socket.socket,
    on_ready: Callable[[str, int], None] | None,
) -> uvicorn.Server:
    import uvicorn

    app.hosts = _own_names(host, listener)

    class Server(uvicorn.Server):
        """Says when it accepts connections."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started and on_ready is not None:
                on_ready(host, int(listener.getsockname()[1]))

    options: dict[str, Any] = {"http": "httptools", "ws": "none", "lifespan": "on", "loop": "auto"}
    config = uvicorn.Config(
        app,
        **options,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,  # longer than the 60 s for which proxies keep a connection
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    return Server(config)


def _own_names(host: str, listener: socket.socket) -> frozenset[bytes] | None:
    """Return the names that a server of this machine alone answers to, None for one of a network.

    What counts is where the system listens, however the address was spelled: 127.1, localhost. and
    ::ffff:127.0.0.1 are loopback too.
    """
    bound = ipaddress.ip_address(listener.getsockname()[0].partition("%")[0])
    mapped = getattr(bound, "ipv4_mapped", None)
    if not (bound.is_loopback or (mapped is not None and mapped.is_loopback)):
        return None
    spelled = {host, str(bound)}
    names = {f"[{name}]" if ":" in name else name for name in spelled}
    return _LOOPBACK | {name.lower().encode() for name in names}


@contextmanager
def _signals_only_drain() -> Iterator[None]:
    """Let uvicorn's handlers drain, then return normally instead of dying by the signal.

    uvicorn raises a caught signal again when it is done; these handlers take it then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
