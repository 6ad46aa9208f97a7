"""`POST /predict`: plain JSON records in, plain JSON answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from evermodel.bundle.problems import Breaks
from evermodel.errors import RequestError
from evermodel.serve.exchange import Limits, Request, Response, ignoring, json_response
from evermodel.serve.live import Live, Served
from evermodel.serve.policy import Policy
from evermodel.serve.scoring import OverloadedError, Scorer

__all__ = ["Plain", "current", "refuse_many", "told_of"]

_Sent = TypeVar("_Sent")
_TOLD_BYTES, _TOLD_RECORDS = 16_384, 100


def current(live: Live) -> Served:
    """Return what is served now.

    Raises
    ------
    OverloadedError
        When no version is live yet: the client should come again.
    """
    served = live.current
    if served is None:
        raise OverloadedError("no version is live yet", hint="evermodel promote VERSION")
    return served


def refuse_many(rows: int, limits: Limits) -> None:
    """Refuse a request with more rows than one request may have.

    Raises
    ------
    RequestError
        With status 413.
    """
    if rows > limits.rows:
        raise RequestError(
            "too many rows in one request",
            found=str(rows),
            hint=f"send at most {limits.rows} at once, or use evermodel score",
            status=413,
        )


async def _told(
    tell: Callable[[RequestError, _Sent, Breaks | None], RequestError],
    error: RequestError,
    sent: _Sent,
    breaks: Breaks | None,
    *,
    aside: bool,
) -> RequestError:
    """Return a refusal with all that is wrong in what was sent; looked for in a thread `aside`."""
    if aside:
        return await asyncio.to_thread(tell, error, sent, breaks)
    return tell(error, sent, breaks)


async def told_of(
    served: Served, error: RequestError, records: Sequence[Any], policy: Policy
) -> RequestError:
    """Return the refusal of records, as plain Python values, with all that is wrong in them."""
    told = await _told(
        served.reader.told_of,
        error,
        records,
        policy.breaks_of(served),
        aside=len(records) > _TOLD_RECORDS,
    )
    policy.count_refused(told)
    return told


class Plain:
    """Answers `/predict`.

    Parameters
    ----------
    live : Live
    scorer : Scorer
    limits : Limits
    """

    def __init__(self, live: Live, scorer: Scorer, limits: Limits) -> None:
        self._live = live
        self._scorer = scorer
        self._limits = limits

    async def predict(self, request: Request) -> Response:
        """Answer one record with one answer, a list of records with a list in the same order."""
        served = current(self._live)
        try:
            rows, alone = served.reader.body(request.body)
            refuse_many(len(rows), self._limits)
            if not rows:
                return json_response([], version=served.version)
            scored = await self._scorer.score(served, rows, "/predict", request.began)
        except RequestError as error:
            policy = self._scorer.policy
            refused = await _told(
                served.reader.told,
                error,
                request.body,
                policy.breaks_of(served),
                aside=len(request.body) > _TOLD_BYTES,
            )
            policy.count_refused(refused)
            raise refused from None
        version = served.version
        answers: list[dict[str, Any]] = [
            {"id": id_, **output, "version": version}
            for id_, output in zip(scored.ids, scored.outputs, strict=True)
        ]
        unread = served.model.encoder.unread(rows)
        if scored.found or unread:
            for row, told in self._scorer.policy.warnings(scored, rows, unread).items():
                answers[row]["warnings"] = [one.told() for one in told]
        response = json_response(answers[0] if alone else answers, version=version)
        return ignoring(response, unread)
