"""One project in its workspace: paths, ports, jobs and reports; what every verb begins with."""

from __future__ import annotations

import importlib
import os
import resource
import sys
import threading
import time as stopwatch
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from evermodel.errors import BusyError, EvermodelError, SurroundingsError, masked
from evermodel.loop.environment import code_digest, environment_digest
from evermodel.plugins import importable
from evermodel.project import FILE_NAME, Project, load_project
from evermodel.protocols import Blobs, Clock, Jobs, Ledger, Progress, Registry, Tracker
from evermodel.records import CheckResult, Event, Job, Report, Run
from evermodel.store import (
    FolderBlobs,
    Keys,
    MemoryJobs,
    MemoryLedger,
    SqliteJobs,
    SqliteLedger,
    SystemClock,
    stamp,
)

__all__ = ["LOOP", "Effort", "Ports", "Workspace", "open_workspace"]

_LEASE_SECONDS = 900.0
_PERSON = "person"
LOOP = "evermodel"
"""The loop itself as the ledger's actor."""


def silent(step: str, share: float) -> None:
    """Report no progress."""


@dataclass
class Ports:
    """What the loop uses of the outside world, each replaceable."""

    clock: Clock
    keys: Keys
    ledger: Ledger
    jobs: Jobs
    blobs: Blobs
    tracker: Tracker | None = None
    registry: Registry | None = None


@dataclass
class Effort:
    """What one stage cost."""

    begun: float = field(default_factory=stopwatch.perf_counter)
    processor: float = field(default_factory=stopwatch.process_time)
    bytes_written: int = 0

    @property
    def seconds(self) -> float:
        """Wall time so far."""
        return stopwatch.perf_counter() - self.begun

    @property
    def cpu_seconds(self) -> float:
        """Processor time of this process so far."""
        return stopwatch.process_time() - self.processor

    @property
    def peak_bytes(self) -> int:
        """Largest resident memory of this process."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


class Workspace:
    """A project with its ports, and the places of everything it keeps.

    Parameters
    ----------
    project : Project
    ports : Ports
    actor : str
        Who acts, as the ledger names it: a person's login, or the loop itself.
    """

    def __init__(self, project: Project, ports: Ports, *, actor: str = "") -> None:
        self.project = project
        self.ports = ports
        self.memo: dict[str, tuple[object, Any]] = {}
        self._release: tuple[int, _Held] | None = None
        self.actor = actor or _login()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store."""
        self.forget()
        self.ports.ledger.close()
        self.ports.jobs.close()

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.project.workspace

    @property
    def candidates(self) -> Path:
        """Where trained, unsigned bundles lie."""
        return self.root / "candidates"

    @property
    def bundles(self) -> Path:
        """Where the project's registered versions lie, by number."""
        return self.root / "bundles" / self.project.name

    @property
    def segments(self) -> Path:
        """Where servers write the prediction log."""
        return self.root / "segments" / self.project.name

    @property
    def set_aside(self) -> Path:
        """Where servers and `score` put rows that break a check, if they are asked to."""
        return self.root / "quarantine" / self.project.name

    def table(self, name: str) -> Path:
        """Return the folder of one of the project's tables: data, predictions or labels."""
        return self.root / "tables" / self.project.name / name

    @cached_property
    def trusted(self) -> dict[str, bytes]:
        """Public keys whose signatures count here."""
        return self.ports.keys.trusted()

    def now(self) -> str:
        """Return the present time as the ledger writes it."""
        return stamp(self.ports.clock.now())

    def record(self, kind: str, body: dict[str, Any], *, actor: str = "") -> Event:
        """Append one event to the ledger, no password of an address in it."""
        actor = actor or self.actor
        kept = _without_passwords(body)
        return self.ports.ledger.append(self.project.name, kind, kept, actor=actor)

    def events(self, kind: str = "") -> list[Event]:
        """Return the project's events, in order."""
        return list(self.ports.ledger.events(self.project.name, kind=kind))

    def keep_report(self, report: Report) -> str:
        """Store a report as evidence and return its digest.

        Examples of values are for the eyes of whoever asked: what is kept says how many rows and
        which, never what stands in them. Passwords of addresses are not kept either.
        """
        kept = msgspec.structs.replace(
            report, results=tuple(map(_without_examples, report.results))
        )
        return self.ports.blobs.put(msgspec.json.encode(_without_passwords(kept)))

    def report(self, digest: str) -> Report:
        """Return a stored report."""
        return msgspec.json.decode(self.ports.blobs.path(digest).read_bytes(), type=Report)

    @contextmanager
    def job(self, verb: str, progress: Progress = silent) -> Iterator[Progress]:
        """Hold the lease on a verb; yields the progress callback that keeps it.

        Raises
        ------
        BusyError
            When another process does the same for this project.
        """
        job = self.ports.jobs.start(self.project.name, verb, seconds=_LEASE_SECONDS)
        held = _Held(self.ports.jobs, job, progress)
        try:
            yield held
        except BaseException as error:
            held.end("failed", error=_outline(error))
            raise
        held.end("done")

    @contextmanager
    def releasing(self, patience: float = 0.0) -> Iterator[Callable[[], None]]:
        """Hold the one lease on what is live; yields what makes sure that it is still held.

        Whoever changes what is live reads the state inside it, decides, makes sure, and writes. A
        thread that has it already goes on with it.

        Parameters
        ----------
        patience : float
            Seconds to wait for another one who decides.

        Raises
        ------
        BusyError
            When another one decides on what is live.
        """
        me = threading.get_ident()
        if self._release is not None and self._release[0] == me:
            yield self._release[1].renew
            return
        job = self._release_job(patience)
        held = _Held(self.ports.jobs, job, silent)
        self._release = (me, held)
        try:
            yield held.renew
        except BaseException as error:
            held.end("failed", error=type(error).__name__)
            raise
        finally:
            self._release = None
        held.end("done")

    def _release_job(self, patience: float) -> Job:
        until = stopwatch.monotonic() + patience
        while True:
            try:
                return self.ports.jobs.start(self.project.name, "release", seconds=_LEASE_SECONDS)
            except BusyError:
                if stopwatch.monotonic() >= until:
                    raise
            stopwatch.sleep(0.1)

    def remember(self, name: str, mark: object, make: Callable[[], Any]) -> Any:
        """Return what `make` returns, made once as long as `mark` stays the same.

        It is kept until the workspace is closed or `forget` is called.
        """
        known = self.memo.get(name)
        if known is None or known[0] != mark:
            known = self.memo[name] = (mark, make())
        return known[1]

    def forget(self) -> None:
        """Give the memory of what is remembered back."""
        self.memo.clear()

    def new_run(self, verb: str, *, seed: int = 0) -> Run:
        """Return a run that begins now."""
        return Run(
            id=uuid.uuid4().hex,
            verb=verb,
            project=self.project.name,
            started=self.now(),
            seed=seed,
            code=code_digest(),
            environment=environment_digest(),
        )


def _without_examples(result: CheckResult) -> CheckResult:
    if "examples" not in result.evidence:
        return result
    evidence = {key: value for key, value in result.evidence.items() if key != "examples"}
    return msgspec.structs.replace(result, evidence=evidence)


def _without_passwords(body: Any) -> Any:
    """Return plain values with the passwords masked text by text: no password ends in another."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return masked(value)
        if isinstance(value, list):
            return [clean(item) for item in value]
        if isinstance(value, dict):
            return {clean(key): clean(item) for key, item in value.items()}
        return value

    return clean(msgspec.to_builtins(body))


def _outline(error: BaseException) -> str:
    """Return an error as it is kept: what was found may be somebody's value, and is left out."""
    name = type(error).__name__
    if not isinstance(error, EvermodelError):
        return name
    return f"{name}: {error.what}" + (f" ({error.where})" if error.where else "")


class _Held:
    """Progress that renews the job's lease at most once a second.

    A thread renews it in steps that take longer than the lease, for as long as the process lives.
    """

    def __init__(self, jobs: Jobs, job: Job, progress: Progress) -> None:
        self._jobs = jobs
        self._job = job
        self._progress = progress
        self._last = 0.0
        self._ended = threading.Event()
        threading.Thread(target=self._beat, args=(_LEASE_SECONDS / 3,), daemon=True).start()

    def _beat(self, seconds: float) -> None:
        while not self._ended.wait(seconds):
            with suppress(SurroundingsError):
                try:
                    self.renew()
                except BusyError:
                    return  # lost: whoever holds this is told when it next writes

    def __call__(self, step: str, share: float) -> None:
        self._progress(step, share)
        if stopwatch.perf_counter() - self._last > 1.0:
            self._last = stopwatch.perf_counter()
            self._job = self._jobs.update(self._job, step=step, progress=share)

    def renew(self) -> None:
        """Renew the lease; a BusyError says that it was lost."""
        self._job = self._jobs.update(self._job)

    def end(self, state: str, *, error: str = "") -> None:
        """Write the job's end; a lease that was lost is left to its new holder."""
        self._ended.set()
        try:
            self._jobs.update(self._job, state=state, error=error, progress=1.0)
        except (BusyError, SurroundingsError):
            if state == "done":
                raise


def open_workspace(
    folder: str | Path | Workspace = ".",
    *,
    clock: Clock | None = None,
    actor: str = "",
    make: bool = True,
) -> Workspace:
    """Read the project file in `folder` and open (or make) its workspace.

    Parameters
    ----------
    folder : path or Workspace
        An open workspace is returned as it is.
    clock : Clock, optional
        Instead of the machine's own.
    actor : str
        Who acts, for the ledger.
    make : bool
        Make the workspace where there is none, for its owner's eyes only. Whoever only looks leaves
        it unmade and sees an empty one: nothing is written then.

    Raises
    ------
    ProjectError
        With every mistake in the project file.
    SurroundingsError
        When the workspace cannot be written.
    """
    if isinstance(folder, Workspace):
        return folder
    project = load_project(folder)
    named = (*project.data.checks, *project.monitor.drift_methods, *project.train.models)
    if any(":" in name and " " not in name for name in named):
        importable(folder)
    root = project.workspace
    clock = clock or SystemClock()
    if not make and not root.exists():
        return Workspace(project, _nothing(root, clock), actor=actor)
    try:
        # Rows of people lie below it: a folder made here is open to nobody else.
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SurroundingsError(
            "the workspace cannot be made", where=str(root), found=error.strerror or str(error)
        ) from None
    keys = Keys(root / "keys")
    ports = Ports(
        clock=clock,
        keys=keys,
        ledger=SqliteLedger(root / "store.db", heads_path(root), keys, clock),
        jobs=SqliteJobs(root / "store.db", clock),
        blobs=FolderBlobs(root / "blobs"),
    )
    return Workspace(project, ports, actor=actor)


def _nothing(root: Path, clock: Clock) -> Ports:
    """Return the ports of a workspace that was never made."""
    return Ports(
        clock=clock,
        keys=Keys(root / "keys"),
        ledger=MemoryLedger(clock),
        jobs=MemoryJobs(clock),
        blobs=FolderBlobs(root / "blobs"),
    )


def heads_path(root: Path) -> Path:
    """Return where signed heads are kept: beside the database, or where EVERMODEL_HEADS says."""
    return Path(os.environ.get("EVERMODEL_HEADS") or root / "heads")


def _login() -> str:
    """Return who works here, as the surroundings or else the system's list of users name them."""
    named = os.environ.get("USER") or os.environ.get("LOGNAME")
    if named:
        return named
    try:
        return importlib.import_module("pwd").getpwuid(os.getuid()).pw_name or _PERSON
    except (ImportError, KeyError):  # no such list on this system, or nobody of this number in it
        return _PERSON


def attach_mlflow(workspace: Workspace) -> None:
    """Give the workspace its MLflow tracker and registry (imported on first use)."""
    from evermodel.store.mlflow_store import MlflowRegistry, MlflowTracker

    if workspace.ports.tracker is None:
        workspace.ports.tracker = MlflowTracker(workspace.root)
    if workspace.ports.registry is None:
        workspace.ports.registry = MlflowRegistry(workspace.root)


def project_file(folder: str | Path) -> Path:
    """Return where the project file lies."""
    return Path(folder) / FILE_NAME


def asked_of(data: object, folder: str | Path | Workspace) -> tuple[object, str | Path]:
    """Return the table and the folder that are meant.

    A project's folder stands for its data, and so does what it names as its source.
    """
    if isinstance(data, Workspace):
        return None, data.project.root
    if isinstance(data, (str, Path)) and "://" not in str(data) and project_file(data).exists():
        return None, data
    folder = folder.project.root if isinstance(folder, Workspace) else folder
    return (None if _is_own_source(data, folder) else data), folder


def _is_own_source(data: object, folder: str | Path) -> bool:
    if not isinstance(data, (str, Path)) or not project_file(folder).exists():
        return False
    source = load_project(folder).source
    if str(data) == source:
        return True
    (given, _, sheet), (own, _, of_own) = str(data).partition("#"), source.partition("#")
    there = Path(given).exists() and Path(own).exists()
    return there and sheet == of_own and Path(given).samefile(own)


def tell(error: EvermodelError) -> str:
    """Return an error in one line, for a result's "why"."""
    return " ".join(part for part in (error.what, error.where, error.found) if part)
