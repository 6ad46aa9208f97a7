"""The way from data to model through the events of runs, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from evermodel.errors import InputError, NotFoundError, nearest
from evermodel.records import Record
from evermodel.store.openlineage import InputDataset, Name, OutputDataset, RunEvent

__all__ = ["Link", "Version", "downstream", "instant", "upstream"]

_LAST = datetime.max.replace(tzinfo=UTC)


class Version(Record, frozen=True, kw_only=True):
    """One data set or model of a run; `digest` is "" where its content is not known."""

    namespace: str
    name: str
    digest: str = ""


class Link(Record, frozen=True, kw_only=True):
    """One run that stands between data sets, `steps` runs away from where the walk began.

    `state` is how the run ended, or START while it has not; `ended` is "" then.
    """

    run: str
    job: str
    state: str
    begun: str
    ended: str
    inputs: tuple[Version, ...]
    outputs: tuple[Version, ...]
    steps: int


def upstream(events: Iterable[RunEvent], name: str, *, version: str = "") -> list[Link]:
    """Return the runs that a data set or a model came from, the nearest first.

    Only runs that ended well made anything. Where both digests are known, a run made what another
    one read only if these are equal; a run that ended after the other began made none of it.

    Parameters
    ----------
    events : iterable of RunEvent
    name : str
        As the events have it, such as ``churn.model``, or the end of it after a slash.
    version : str
        The digest of one version; all of them without it.

    Raises
    ------
    NotFoundError
        When no run read or made anything of that name and version.
    InputError
        When the name fits more than one data set.

    Examples
    --------
    >>> upstream([], "churn.model")
    Traceback (most recent call last):
    evermodel.errors.NotFoundError: no run read or made a data set of this name
      where: churn.model
    """
    runs = _runs(events)
    start = _start(runs, name, version)
    ended = [run for run in runs if run.link.state == "COMPLETE"]
    makers = _by_name(ended, lambda run: run.link.outputs)
    return _walk(
        [run for run in ended if _any(run.link.outputs, start)],
        lambda near: [far for far in _found(makers, near.link.inputs) if _met(far, near)],
    )


def downstream(events: Iterable[RunEvent], name: str, *, version: str = "") -> list[Link]:
    """Return the runs that used a data set, and all that came from it, the nearest first.

    Runs that failed or have not ended are among them, as they read it too; nothing came from them.

    Parameters
    ----------
    events : iterable of RunEvent
    name : str
        As the events have it, such as ``churn/orders.csv``, or the end of it after a slash.
    version : str
        The digest of one version; all of them without it.

    Raises
    ------
    NotFoundError
        When no run read or made anything of that name and version.
    InputError
        When the name fits more than one data set.

    Examples
    --------
    >>> downstream([], "orders.csv")
    Traceback (most recent call last):
    evermodel.errors.NotFoundError: no run read or made a data set of this name
      where: orders.csv
    """
    runs = _runs(events)
    start = _start(runs, name, version)
    readers = _by_name(runs, lambda run: run.link.inputs)

    def onward(near: _Run) -> list[_Run]:
        made = near.link.outputs if near.link.state == "COMPLETE" else ()
        return [far for far in _found(readers, made) if _met(near, far)]

    return _walk([run for run in runs if _any(run.link.inputs, start)], onward)


class _Run(Record, frozen=True, kw_only=True):
    link: Link
    begun: datetime
    ended: datetime


def instant(text: str) -> datetime:
    """Return a time of an event; one that cannot be read is taken as later than all others.

    Examples
    --------
    >>> instant("2026-11-03T09:00:00Z") < instant("soon")
    True
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return _LAST
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _runs(events: Iterable[RunEvent]) -> list[_Run]:
    """Add up the events of each run, as each may hold a part of what is known of it."""
    found: dict[str, list[RunEvent]] = {}
    for event in events:
        found.setdefault(event.run.run_id, []).append(event)
    return [_added(run, parts) for run, parts in found.items()]


def _added(run: str, parts: list[RunEvent]) -> _Run:
    parts = sorted(parts, key=lambda event: instant(event.event_time))
    ends = [event for event in parts if event.event_type in ("COMPLETE", "FAIL", "ABORT")]
    last = ends[-1] if ends else None
    link = Link(
        run=run,
        job=parts[0].job.name,
        state=(last and last.event_type) or "START",
        begun=parts[0].event_time,
        ended=last.event_time if last else "",
        inputs=_versions(one for event in parts for one in event.inputs),
        outputs=_versions(one for event in parts for one in event.outputs),
        steps=0,
    )
    ended = instant(last.event_time) if last else _LAST
    return _Run(link=link, begun=instant(link.begun), ended=ended)


def _versions(sets: Iterable[InputDataset | OutputDataset]) -> tuple[Version, ...]:
    found: dict[tuple[Name, str], Version] = {}
    for one in sets:
        digest = str(one.facets.get("version", {}).get("datasetVersion", ""))
        key = Name(one.namespace, one.name)
        # A version that is told later is that of the data set named without one before.
        found.pop((key, ""), None)
        if digest or not any(known == key for known, _ in found):
            found[key, digest] = Version(namespace=key.namespace, name=key.name, digest=digest)
    return tuple(found.values())


def _start(runs: list[_Run], name: str, version: str) -> Version:
    sets = {one for run in runs for one in (*run.link.inputs, *run.link.outputs)}
    fitting = {
        Name(one.namespace, one.name)
        for one in sets
        if not version or one.digest in ("", version)
        if name in (one.name, f"{one.namespace}/{one.name}")
    } or {
        Name(one.namespace, one.name)
        for one in sets
        if not version or one.digest in ("", version)
        if one.name.endswith(f"/{name}")
    }
    if not fitting:
        near = nearest(name, sorted({one.name for one in sets}))
        what = "no run read or made a data set of this name"
        if version:
            what += " and version"
        raise NotFoundError(what, where=name, hint=f"did you mean {near!r}?" if near else "")
    if len(fitting) > 1:
        whole = ", ".join(sorted(f"{one.namespace}/{one.name}" for one in fitting))
        what = "the name fits more than one data set"
        raise InputError(what, where=name, found=whole, hint="give one of these whole names")
    one = fitting.pop()
    return Version(namespace=one.namespace, name=one.name, digest=version)


def _same(one: Version, other: Version) -> bool:
    named = (one.namespace, one.name) == (other.namespace, other.name)
    return named and (not one.digest or not other.digest or one.digest == other.digest)


def _any(sets: Iterable[Version], one: Version) -> bool:
    return any(_same(each, one) for each in sets)


def _met(earlier: _Run, later: _Run) -> bool:
    """Return whether the later run read what the earlier one made."""
    if earlier.ended > later.begun:
        return False
    return any(_any(later.link.inputs, made) for made in earlier.link.outputs)


def _by_name(
    runs: Iterable[_Run], sets: Callable[[_Run], Iterable[Version]]
) -> dict[Name, list[_Run]]:
    found: dict[Name, list[_Run]] = {}
    for run in runs:
        for name in {Name(one.namespace, one.name) for one in sets(run)}:
            found.setdefault(name, []).append(run)
    return found


def _found(runs: dict[Name, list[_Run]], sets: Iterable[Version]) -> Iterator[_Run]:
    for name in {Name(one.namespace, one.name) for one in sets}:
        yield from runs.get(name, ())


def _walk(edge: list[_Run], neighbours: Callable[[_Run], list[_Run]]) -> list[Link]:
    """Return the links in the order of their distance, and of time where that is the same."""
    seen: set[str] = set()
    found: list[Link] = []
    steps = 1
    while edge:
        seen |= {run.link.run for run in edge}
        edge.sort(key=lambda run: (run.begun, run.link.run))
        found += [msgspec.structs.replace(run.link, steps=steps) for run in edge]
        far = {one.link.run: one for near in edge for one in neighbours(near)}
        edge = [run for name, run in far.items() if name not in seen]
        steps += 1
    return found
