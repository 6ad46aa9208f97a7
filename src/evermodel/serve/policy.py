"""What becomes of rows that break a check: refused, answered with a warning, or set aside."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from evermodel.bundle.problems import Breaks
from evermodel.errors import RequestError
from evermodel.protocols import Clock
from evermodel.serve.exchange import WrongRecordsError
from evermodel.serve.gate import Finding, Found
from evermodel.serve.live import Served
from evermodel.serve.log import PredictionLog
from evermodel.serve.metrics import counter

__all__ = ["Policy", "listed"]

_LISTED = 100
_NAMED = 20
_encoder = msgspec.json.Encoder()


class _SetAside(msgspec.Struct, frozen=True):
    """One line of the quarantine: a row, and why it lies there."""

    id: str
    time: str
    deployment: str
    version: int
    route: str
    key: dict[str, Any] | None
    features: Any
    found: list[dict[str, str]]


class Policy:
    """Judges what a gate found, and counts it by kind: never by value.

    Parameters
    ----------
    level : "fail", "warn" or "quarantine"
        What a broken sentence means that is not marked "(warn)": its request is refused, answered
        with a warning, or refused and its row written to the quarantine.
    quarantine : PredictionLog, optional
        Where rows are set aside: JSON lines, in the file before the answer leaves.
    answer : bool
        Answer rows that are set aside all the same, with a warning that says so.
    keep_features : bool
        False leaves the values of a row that is set aside out.

    Examples
    --------
    >>> Policy("warn").level
    'warn'
    """

    def __init__(
        self,
        level: Literal["fail", "warn", "quarantine"] = "fail",
        *,
        quarantine: PredictionLog | None = None,
        answer: bool = False,
        keep_features: bool = True,
    ) -> None:
        self.level = level
        self._quarantine = quarantine
        self._answer = answer
        self._keep_features = keep_features
        self._counts: Counter[tuple[str, str]] = Counter()

    def judge(
        self, served: Served, rows: Sequence[Any], found: Found, route: str, clock: Clock
    ) -> Found:
        """Return what to say of the rows beside their answers.

        Raises
        ------
        RequestError
            When a row may not be answered.
        SurroundingsError
            When rows are to be set aside and the disk refuses them.
        """
        broken = [row for row, told in found.items() if any(one.level == "fail" for one in told)]
        if not broken or self.level == "warn":
            self._count(found, "warned")
            return found
        ids: dict[int, str] = {}
        if self.level == "quarantine":
            ids = self._set_aside(served, rows, {row: found[row] for row in broken}, route, clock)
            if self._answer:
                self._count(found, "quarantined")
                return {row: told + _aside(ids.get(row)) for row, told in found.items()}
        row = broken[0]
        first = next(one for one in found[row] if one.level == "fail")
        raise RequestError(
            f"column {first.column!r} breaks a check",
            where=f"row {row}" if len(rows) > 1 else "",
            found=f"{len(broken)} of {len(rows)} rows break one" if len(rows) > 1 else "",
            hint=f"send rows of which is true: {first.asked}"
            + (f"; set aside for review as {', '.join([*ids.values()][:3])}" if ids else ""),
        )

    def breaks_of(self, served: Served) -> Breaks | None:
        """Return what lists the broken checks of a refused request, where they refuse one."""
        refuses = self.level == "fail" or (self.level == "quarantine" and not self._answer)
        return served.gate.breaks if refuses and served.model.checks.rules else None

    def warnings(self, scored: Any, rows: Sequence[Any], unread: Sequence[str]) -> Found:
        """Return all that is said beside the answers, by row: of columns not read, too.

        Parameters
        ----------
        scored : Scored
        rows : sequence of row structs
        unread : sequence of str
            Columns that any of the rows carries and the model does not read.
        """
        if not unread:
            return dict(scored.found)
        said = dict(scored.found)
        target = scored.served.model.manifest.target
        encoder = scored.served.model.encoder
        for number, row in enumerate(rows):
            more = tuple(_not_read(name, target) for name in encoder.unread([row])[:_NAMED])
            if more:
                said[number] = said.get(number, ()) + more
                self._counts.update((one.kind, "warned") for one in more)
        return dict(sorted(said.items()))

    def count_refused(self, error: RequestError) -> None:
        """Count what a refused request was refused for, as far as it is listed."""
        if isinstance(error, WrongRecordsError):
            done = "quarantined" if self.level == "quarantine" else "refused"
            for problem in error.problems.listed:
                broken = problem.error == "breaks a check"
                kind = problem.error.replace(" ", "_")
                self._counts[kind, done if broken else "refused"] += 1

    def counters(self) -> Iterator[str]:
        """Yield the counts in the format of `/metrics`."""
        if self._counts:
            help_ = "Values that are wrong or unusual, by kind and by what was done."
            labels = ({"kind": kind, "done": done} for kind, done in sorted(self._counts))
            values = (self._counts[key] for key in sorted(self._counts))
            yield counter("evermodel_findings_total", help_, zip(labels, values, strict=True))

    def close(self) -> None:
        """Make what was set aside durable."""
        if self._quarantine is not None:
            self._quarantine.close()

    def _count(self, found: Found, done: str) -> None:
        for told in found.values():
            for one in told:
                self._counts[one.kind, done if one.level == "fail" else "warned"] += 1

    def _set_aside(
        self, served: Served, rows: Sequence[Any], found: Found, route: str, clock: Clock
    ) -> dict[int, str]:
        """Write rows to the quarantine; return the id of each."""
        if self._quarantine is None:
            return {}
        stamp = clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z")
        reader = served.reader
        lines = [
            _SetAside(
                secrets.token_hex(8),
                stamp,
                served.deployment,
                served.version,
                route,
                reader.key(rows[row]),
                reader.features(rows[row]) if self._keep_features else None,
                [one.told() for one in told],
            )
            for row, told in found.items()
        ]
        self._quarantine.append_lines(_encoder.encode_lines(lines), len(lines))
        return {row: line.id for row, line in zip(found, lines, strict=True)}


def listed(warnings: Found) -> list[Mapping[str, Any]]:
    """Return warnings as a list, each with the row that it is about; of many the first hundred."""
    found: list[Mapping[str, Any]] = [
        {"row": row, **one.told()} for row, told in warnings.items() for one in told
    ]
    if len(found) <= _LISTED:
        return found
    more = Finding("", "more", f"{len(found) - _LISTED} more warnings are left out")
    return [*found[:_LISTED], more.told()]


def _not_read(name: str, target: str) -> Finding:
    if name == target:
        return Finding(name, "target_sent", "this is what is predicted: it is not read")
    return Finding(name, "column_not_read", "the model does not read this column")


def _aside(id_: str | None) -> tuple[Finding, ...]:
    return (Finding("", "quarantined", f"set aside for review as {id_}"),) if id_ else ()
