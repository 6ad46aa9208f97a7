"""The scoring core: rows in, logged predictions out, in one batch per tick of the event loop.

It knows no server and no protocol. Requests that arrive in the same tick share one run of the
graph; nothing waits for a timer, so an idle server answers at once. A model that takes longer than
two milliseconds a batch runs in a thread, and requests gather meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evermodel.bundle import Blocks, Predictions
from evermodel.errors import EvermodelError, RequestError, SurroundingsError
from evermodel.protocols import Clock
from evermodel.serve.gate import Found
from evermodel.serve.live import Served
from evermodel.serve.log import PredictionLog, as_lines
from evermodel.serve.policy import Policy
from evermodel.serve.segments import LogRow

__all__ = ["OverloadedError", "Scored", "Scorer"]

_log = logging.getLogger("evermodel.serve")
_SLOW_SECONDS = 0.002
_ENCODE_IN_THREAD_ROWS = 256


class OverloadedError(EvermodelError):
    """No answer can be given now; the client should come again shortly (HTTP 503)."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Answers in the order of the rows: prediction ids, and plain outputs as they are logged.

    `found` says what is wrong with rows that were answered all the same.
    """

    served: Served
    ids: list[str]
    outputs: list[dict[str, Any]]
    found: Found = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Work:
    """The rows of one request (or of one slice of it) while they wait.

    A slice keeps the lines for the log in `held`: they are written with those of all others.
    """

    served: Served
    rows: Sequence[Any]
    blocks: Blocks | None
    route: str
    began: float
    done: asyncio.Future[Scored]
    held: list[bytes] | None = None
    found: Found = field(default_factory=dict)


class Scorer:
    """Gathers rows into batches, runs them, writes them down, and hands the answers back.

    Parameters
    ----------
    log : PredictionLog or None
        None keeps nothing: for benchmarks only.
    clock : Clock
    batch_rows : int
        No run of the graph is larger than this.
    queue_rows : int
        When that many rows wait, further requests are refused with `OverloadedError`.
    log_features : bool
        False leaves the features out of the prediction log.
    policy : Policy, optional
        What becomes of rows that break a check; they are refused unless it says otherwise.
    """

    def __init__(
        self,
        log: PredictionLog | None,
        clock: Clock,
        *,
        batch_rows: int = 64,
        queue_rows: int = 4096,
        log_features: bool = True,
        policy: Policy | None = None,
    ) -> None:
        self.policy = policy or Policy()
        self._log = log
        self._clock = clock
        self._batch_rows = batch_rows
        self._queue_rows = queue_rows
        self._log_features = log_features
        self._queue: deque[_Work] = deque()
        self._scheduled = False
        self._running = False
        self._task: asyncio.Task[None] | None = None
        self._pace: tuple[Served | None, float] = (None, 0.0)
        self._process = secrets.token_hex(4)
        self._count = 0
        self.waiting_rows = 0
        self.batches = 0
        self.batched_rows = 0
        self.largest_batch = 0

    @property
    def refusing(self) -> str:
        """Why no answer is given out now, or "": what cannot be written down is not answered."""
        return "" if self._log is None else self._log.failing

    async def score(self, served: Served, rows: Sequence[Any], route: str, began: float) -> Scored:
        """Return the logged predictions of rows of `served`'s own row type.

        Parameters
        ----------
        served : Served
            The version that answers, whatever is swapped in meanwhile.
        rows : sequence of row structs
        route : str
            Written to the prediction log.
        began : float
            `time.perf_counter()` when the request arrived.

        Raises
        ------
        OverloadedError
            When too many rows wait already, or the prediction log cannot be written.
        RequestError
            When a row cannot be read by the model; then none of the request's rows is logged.
        """
        if self.refusing:
            raise _not_written(self.refusing)
        if self.waiting_rows >= self._queue_rows:
            raise OverloadedError("too many requests are waiting", hint="come again in a second")
        if len(rows) == 1:
            return await self._submit(served, rows, None, route, began)
        if len(rows) <= _ENCODE_IN_THREAD_ROWS:
            blocks, found = _looked_at(served, rows)
        else:
            blocks, found = await asyncio.to_thread(_looked_at, served, rows)
        if found:
            found = self._judged(served, rows, found, route)
        if len(rows) <= self._batch_rows:
            return await self._submit(served, rows, blocks, route, began, found=found)
        return await self._in_slices(served, rows, blocks, route, began, found)

    def _judged(self, served: Served, rows: Sequence[Any], found: Found, route: str) -> Found:
        """Return what to say of rows that are answered; those that may not be are refused."""
        try:
            return self.policy.judge(served, rows, found, route, self._clock)
        except SurroundingsError as refused:
            raise _not_written(refused.found) from None

    async def _in_slices(
        self,
        served: Served,
        rows: Sequence[Any],
        blocks: Blocks,
        route: str,
        began: float,
        found: Found,
    ) -> Scored:
        """Score a long request; its rows are written in one go, so that all of them are or none."""
        ids: list[str] = []
        outputs: list[dict[str, Any]] = []
        held: list[bytes] = []
        # One slice at a time: a long request takes turns with the short ones.
        for start in range(0, len(rows), self._batch_rows):
            part = slice(start, start + self._batch_rows)
            mine = {row - start: told for row, told in found.items() if start <= row < part.stop}
            scored = await self._submit(served, rows[part], blocks[part], route, began, held, mine)
            ids += scored.ids
            outputs += scored.outputs
        if self._log is not None:
            try:
                await asyncio.to_thread(self._log.append_lines, b"".join(held), len(rows))
            except SurroundingsError as refused:
                raise _not_written(refused.found) from None
        return Scored(served, ids, outputs, found)

    def _submit(
        self,
        served: Served,
        rows: Sequence[Any],
        blocks: Blocks | None,
        route: str,
        began: float,
        held: list[bytes] | None = None,
        found: Found | None = None,
    ) -> asyncio.Future[Scored]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Scored] = loop.create_future()
        self._queue.append(_Work(served, rows, blocks, route, began, done, held, found or {}))
        self.waiting_rows += len(rows)
        self._schedule(loop)
        return done

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._scheduled and not self._running:
            self._scheduled = True
            loop.call_soon(self._tick)

    def _tick(self) -> None:
        """Run one batch; what is left over is run in the next tick."""
        self._scheduled = False
        taken = self._take()
        loop = asyncio.get_running_loop()
        try:
            group, blocks = self._encoded(taken)
            if group:
                served = group[0].served
                if self._pace[0] is served and self._pace[1] > _SLOW_SECONDS:
                    self._running = True
                    self._task = loop.create_task(self._run_in_thread(group, blocks))
                    return
                self._finish(group, *self._run(served, blocks))
        except Exception as error:  # noqa: BLE001 - told to every request, which else waits for ever
            _break_off(taken, error)
        if self._queue:
            self._schedule(loop)

    async def _run_in_thread(self, group: list[_Work], blocks: Blocks) -> None:
        found = await asyncio.to_thread(self._run, group[0].served, blocks)
        self._running = False
        try:
            self._finish(group, *found)
        except Exception as error:  # noqa: BLE001 - as in a tick
            _break_off(group, error)
        if self._queue:
            self._schedule(asyncio.get_running_loop())

    def _take(self) -> list[_Work]:
        """Take requests from the queue: one version only, and never more rows than the cap."""
        group: list[_Work] = []
        rows = 0
        while self._queue:
            work = self._queue[0]
            if group and (
                work.served is not group[0].served or rows + len(work.rows) > self._batch_rows
            ):
                break
            rows += len(work.rows)
            group.append(self._queue.popleft())
        self.waiting_rows -= rows
        return group

    def _encoded(self, group: list[_Work]) -> tuple[list[_Work], Blocks]:
        """Return the batch as blocks, without the requests whose rows the model cannot read."""
        if not group:
            return group, _NO_ROWS
        if all(work.blocks is None for work in group):
            try:
                blocks, found = _looked_at(group[0].served, [work.rows[0] for work in group])
                return (group, blocks) if not found else self._without_broken(group, blocks, found)
            except RequestError:
                pass  # one of them is wrong: read one by one, so that only that one is refused
        kept = []
        for work in group:
            try:
                if work.blocks is None:
                    work.blocks, found = _looked_at(work.served, work.rows)
                    if found:
                        work.found = self._judged(work.served, work.rows, found, work.route)
                kept.append(work)
            except (RequestError, OverloadedError) as error:
                _refuse(work, error)
        parts = [work.blocks for work in kept if work.blocks is not None]
        return kept, Blocks.concat(parts) if parts else _NO_ROWS

    def _without_broken(
        self, group: list[_Work], blocks: Blocks, found: Found
    ) -> tuple[list[_Work], Blocks]:
        """Return requests of one row each without those that may not be answered."""
        refused: list[int] = []
        for place, told in found.items():
            work = group[place]
            try:
                work.found = self._judged(work.served, work.rows, {0: told}, work.route)
            except (RequestError, OverloadedError) as error:
                _refuse(work, error)
                refused.append(place)
        if not refused:
            return group, blocks
        kept = np.setdiff1d(np.arange(len(group)), refused)
        return [group[place] for place in kept.tolist()], blocks[kept]

    def _run(
        self, served: Served, blocks: Blocks
    ) -> tuple[Blocks, Predictions | None, Exception | None]:
        """Run the graph. Every exception is handed back: the requests in the batch need it."""
        started = time.thread_time()  # the clock would count what other programs take, too
        try:
            predictions = served.model.predict(blocks)
        except Exception as error:  # noqa: BLE001 - told to every request of the batch
            return blocks, None, error
        spent = time.thread_time() - started
        same, pace = self._pace[0] is served, self._pace[1]
        self._pace = (served, 0.8 * pace + 0.2 * spent if same else spent)
        return blocks, predictions, None

    def _finish(
        self,
        group: list[_Work],
        blocks: Blocks,
        predictions: Predictions | None,
        error: Exception | None,
    ) -> None:
        """Write the batch down, then hand out the answers."""
        if predictions is None:
            self._failed(group, blocks, error)
            return
        served = group[0].served
        outputs = predictions.rows()
        self.batches += 1
        self.batched_rows += len(outputs)
        self.largest_batch = max(self.largest_batch, len(outputs))
        now = self._clock.now()
        milliseconds = int(now.timestamp() * 1000)
        first = self._count
        self._count += len(outputs)
        prefix = f"{milliseconds:011x}{self._process}"
        ids = [f"{prefix}{number:08x}" for number in range(first, self._count)]
        if self._log is not None:
            stamp = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
            try:
                self._write(self._log, group, self._log_rows(group, ids, outputs, stamp))
            except SurroundingsError as refused:
                for work in group:
                    _refuse(work, _not_written(refused.found))
                return
        start = 0
        for work in group:
            stop = start + len(work.rows)
            if not work.done.done():
                answered = Scored(served, ids[start:stop], outputs[start:stop], work.found)
                work.done.set_result(answered)
            start = stop

    @staticmethod
    def _write(log: PredictionLog, group: list[_Work], rows: list[LogRow]) -> None:
        """Write a batch down, apart from slices of long requests, which keep their lines."""
        for work in group:
            if work.held is not None:
                break
        else:
            log.append(rows)
            return
        now: list[LogRow] = []
        start = 0
        for work in group:
            mine = rows[start : start + len(work.rows)]
            start += len(mine)
            if work.held is None:
                now += mine
            else:
                work.held.append(as_lines(mine))
        if now:
            log.append(now)

    def _log_rows(
        self,
        group: list[_Work],
        ids: list[str],
        outputs: list[dict[str, Any]],
        stamp: str,
    ) -> list[LogRow]:
        served = group[0].served
        reader, deployment, version = served.reader, served.deployment, served.version
        regression = served.model.manifest.task == "regression"
        ended = time.perf_counter()
        rows = []
        index = 0
        for work in group:
            latency = int((ended - work.began) * 1e6)
            found = work.found
            for place, row in enumerate(work.rows):
                output = outputs[index]
                rows.append(
                    LogRow(
                        ids[index],
                        stamp,
                        reader.key(row),
                        deployment,
                        "champion",
                        1.0,
                        version,
                        reader.features(row) if self._log_features else None,
                        output,
                        None if regression else output["prediction"],
                        work.route,
                        "warn" if place in found else "pass",
                        latency,
                    )
                )
                index += 1
        return rows

    def _failed(self, group: list[_Work], blocks: Blocks, error: Exception | None) -> None:
        """Run a failed batch request by request, so that one strange row fails alone."""
        if len(group) == 1:
            _log.error("the model failed on a request", exc_info=error)
            _refuse(group[0], EvermodelError("the model failed on these rows", found=str(error)))
            return
        start = 0
        for work in group:
            stop = start + len(work.rows)
            self._finish([work], *self._run(work.served, blocks[start:stop]))
            start = stop


def _looked_at(served: Served, rows: Sequence[Any]) -> tuple[Blocks, Found]:
    """Return rows as blocks, and what is wrong with them."""
    blocks = served.model.encoder.rows(rows)
    return blocks, served.gate.look(blocks)


def _not_written(why: str) -> OverloadedError:
    return OverloadedError(
        "no prediction is given out, because none can be written down",
        where="the server's prediction log",
        found=why,
        hint="come again: the server goes on by itself once its disk takes writes",
    )


def _refuse(work: _Work, error: EvermodelError) -> None:
    if not work.done.done():
        work.done.set_exception(error)


def _break_off(group: list[_Work], error: Exception) -> None:
    """Refuse what a fault of ours left without an answer."""
    _log.error("requests were broken off", exc_info=error)
    for work in group:
        _refuse(work, EvermodelError("these rows could not be answered", found=str(error)))


def _no_rows() -> Blocks:
    none = np.empty((0, 0))
    return Blocks(none, none.astype(object), none.astype(np.int64))


_NO_ROWS = _no_rows()
