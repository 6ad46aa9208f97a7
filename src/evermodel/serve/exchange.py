"""One request and one answer, as every protocol here sees them; no protocol in it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import msgspec

from evermodel.bundle.problems import Problems
from evermodel.errors import EvermodelError, RequestError

__all__ = [
    "IGNORED",
    "INSTALLED",
    "Handler",
    "Limits",
    "Request",
    "Response",
    "WrongRecordsError",
    "ignoring",
    "json_response",
    "refusal",
]

INSTALLED = version("evermodel")
"""The version of Evermodel that serves."""

IGNORED = "Evermodel-Ignored"
"""The header of an answer that names the columns which were sent and not read."""

_IGNORED = IGNORED.lower().encode()
_IGNORED_BYTES = 4000
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one request, and all of them together, may ask for.

    Parameters
    ----------
    body_bytes : int
        Larger bodies are refused with 413.
    body_seconds : float
        A body that takes longer to arrive is refused with 408.
    rows : int
        More rows in one request are refused with 413.
    batch_rows : int
        No run of the graph is larger.
    queue_rows : int
        When that many rows wait, requests are refused with 503.

    Examples
    --------
    >>> Limits(batch_rows=16).rows
    100000
    """

    body_bytes: int = 8 << 20
    body_seconds: float = 30.0
    rows: int = 100_000
    batch_rows: int = 64
    queue_rows: int = 4096


@dataclass(slots=True)
class Request:
    """One request with its whole body.

    `media` is its content type without parameters; `route` is the pattern that its path has, for
    the metrics.
    """

    method: str
    path: str
    media: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    began: float
    parts: tuple[str, ...] = ()
    route: str = "unknown"

    def header(self, name: bytes) -> bytes:
        """Return a header's value, or b"" when it was not sent."""
        return next((value for key, value in self.headers if key == name), b"")


@dataclass(slots=True)
class Response:
    """One answer; `version` is the model version that gave it, for the metrics."""

    body: bytes
    status: int = 200
    media: bytes = b"application/json"
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    version: int | None = None


class WrongRecordsError(RequestError):
    """The refusal of a request's records: one sentence, and all problems beside it."""

    def __init__(self, first: RequestError, problems: Problems) -> None:
        super().__init__(
            first.what, where=first.where, found=first.found, hint=first.hint, status=first.status
        )
        self.problems = problems


Handler = Callable[[Request], Awaitable[Response]]


def json_response(content: Any, status: int = 200, version: int | None = None) -> Response:
    """Return an answer whose body is `content` as JSON.

    Examples
    --------
    >>> json_response({"ready": True}).body
    b'{"ready":true}'
    """
    return Response(_encoder.encode(content), status, version=version)


def ignoring(response: Response, names: Sequence[str]) -> Response:
    r"""Return an answer that names columns which were sent and not read, as a list in JSON.

    A header holds ASCII only, and few bytes: names that do not fit are left out.

    Examples
    --------
    >>> ignoring(json_response({}), ["größe", "note"]).headers
    {b'evermodel-ignored': b'["gr\\u00f6\\u00dfe", "note"]'}
    """
    if names:
        kept: list[str] = []
        size = 2
        for name in names:
            size += len(json.dumps(name)) + 2
            if size > _IGNORED_BYTES:
                break
            kept.append(name)
        response.headers = {**response.headers, _IGNORED: json.dumps(kept).encode()}
    return response


def refusal(error: EvermodelError, status: int = 0) -> Response:
    """Return an error as JSON: what happened, where, what was found, what to try.

    Of wrong records all problems are listed beside the sentence, and counted beyond the list.

    Examples
    --------
    >>> refusal(RequestError("no such column", where="row 0")).body
    b'{"error":"no such column","where":"row 0","found":"","hint":""}'
    """
    if not status:
        status = error.status if isinstance(error, RequestError) else 500
    said: dict[str, Any] = {
        "error": error.what,
        "where": error.where,
        "found": error.found,
        "hint": error.hint,
    }
    if isinstance(error, WrongRecordsError):
        said |= {"problems": error.problems.listed, "more": error.problems.more}
    return json_response(said, status)
