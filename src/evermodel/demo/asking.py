"""The shop's own client: it asks the server over HTTP, as any till or mailing tool would."""

from __future__ import annotations

import http.client
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import msgspec

from evermodel.errors import SurroundingsError

__all__ = ["Client"]

_AT_ONCE = 300
_PATIENCE = 20.0
_HEADERS = {"Content-Type": "application/json"}


class Client:
    """Asks one server, on one connection.

    Parameters
    ----------
    host : str
    port : int
    """

    def __init__(self, host: str, port: int) -> None:
        self._where = f"{host}:{port}"
        self._connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def predict(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return one answer a row: id, version, prediction and probability.

        Raises
        ------
        SurroundingsError
            When the server refuses.
        """
        answers: list[dict[str, Any]] = []
        for start in range(0, len(rows), _AT_ONCE):
            body = msgspec.json.encode(rows[start : start + _AT_ONCE])
            answers += self._ask("POST", "/predict", body)
        return answers

    def wait_for(self, version: int) -> None:
        """Return once the server serves that version; it follows the ledger by itself.

        Raises
        ------
        SurroundingsError
            When it does not within 20 seconds.
        """
        until = time.perf_counter() + _PATIENCE
        while self._ask("GET", "/").get("version") != version:
            if time.perf_counter() > until:
                what = f"the server does not follow: version {version} is not served"
                raise SurroundingsError(what, where=self._where)
            time.sleep(0.01)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        self._connection.request(method, path, body, _HEADERS)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != http.HTTPStatus.OK:
            said = content.decode(errors="replace")[:300]
            raise SurroundingsError("the server refused", where=self._where, found=said)
        return msgspec.json.decode(content)
