"""Whether this machine and this project are in order."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
from importlib.util import find_spec
from pathlib import Path

from evermodel.errors import EvermodelError, ProjectError
from evermodel.loop.workspace import heads_path, open_workspace, project_file, tell
from evermodel.project import Project, load_project
from evermodel.records import CheckResult, Report, Verdict

__all__ = ["doctor"]

_LOOP = ("polars", "deltalake", "sklearn", "lightgbm", "optuna", "onnx", "skl2onnx", "mlflow")
_ENOUGH_BYTES = 2 * 1024**3


def doctor(folder: str | Path = ".") -> Report:
    """Look at interpreter, extras, disk, project file, data, keys, ledger and port.

    Only what stops Evermodel from working here fails.
    """
    results = [_interpreter(), _extras(), _disk(Path(folder))]
    if project_file(folder).exists():
        results += _project(Path(folder))
    else:
        why = "no project file here yet: evermodel init DATA --target COLUMN"
        results.append(CheckResult(name="project file", verdict="unknown", why=why))
    return Report(verb="doctor", subject=str(folder), results=tuple(results))


def _result(name: str, why: str, verdict: Verdict = "pass", subject: str = "") -> CheckResult:
    return CheckResult(name=name, subject=subject, verdict=verdict, why=why)


def _interpreter() -> CheckResult:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    verdict: Verdict = "pass" if fits else "warn"
    return _result("python", f"{version}; Evermodel is tested on 3.11 to 3.13", verdict)


def _extras() -> CheckResult:
    absent = [name for name in _LOOP if find_spec(name) is None]
    if absent:
        why = f"absent: {', '.join(absent)}; serving works, the loop needs evermodel[loop]"
        return _result("extra loop", why, "warn")
    return _result("extra loop", "everything the loop needs is installed")


def _disk(folder: Path) -> CheckResult:
    place = next(p for p in (folder.resolve(), *folder.resolve().parents) if p.exists())
    free = shutil.disk_usage(place).free
    verdict: Verdict = "pass" if free > _ENOUGH_BYTES else "warn"
    return CheckResult(
        name="disk", value=free, unit="bytes", min=_ENOUGH_BYTES, verdict=verdict,
        why="free where the workspace lies",
    )  # fmt: skip


def _project(folder: Path) -> list[CheckResult]:
    try:
        project = load_project(folder)
    except ProjectError as error:
        return [_result("project file", str(error), "fail")]
    results = [_result("project file", "every line of it is understood")]
    results += [_source(project), _writable(project), _port(project)]
    if (project.workspace / "store.db").exists():
        results += [_keys(project), *_ledger(folder)]
    return results


def _source(project: Project) -> CheckResult:
    source = project.source
    if "://" in source or Path(source).exists():
        return _result("data", "found", subject=source)
    return _result("data", "the file is not there", "fail", source)


def _writable(project: Project) -> CheckResult:
    place = project.workspace
    place = next(p for p in (place.resolve(), *place.resolve().parents) if p.exists())
    if os.access(place, os.W_OK):
        return _result("workspace", "can be written", subject=str(project.workspace))
    return _result("workspace", "cannot be written", "fail", str(project.workspace))


def _port(project: Project) -> CheckResult:
    place = f"{project.serve.host}:{project.serve.port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((project.serve.host, project.serve.port))
        except OSError as error:
            return _result("port", f"in use or refused: {error.strerror}", "warn", place)
    return _result("port", "free", subject=place)


def _keys(project: Project) -> CheckResult:
    loose = [
        path.name
        for path in (project.workspace / "keys").glob("*")
        if path.is_file() and path.suffix != ".pub" and path.stat().st_mode & _OTHERS
    ]
    if loose:
        return _result("keys", f"readable by others: {', '.join(loose)}; chmod 600", "fail")
    return _result("keys", "readable by their owner only")


_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def _ledger(folder: Path) -> list[CheckResult]:
    try:
        with open_workspace(folder) as workspace:
            found = workspace.ports.ledger.verify()
    except EvermodelError as error:
        return [_result("ledger", tell(error), "fail")]
    where = str(heads_path(load_project(folder).workspace))
    return [*found, _result("signed heads", "kept outside the database", subject=where)]
