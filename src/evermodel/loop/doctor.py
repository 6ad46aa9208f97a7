"""Whether this machine and this project are in order."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evermodel.errors import (
    EvermodelError,
    ProjectError,
    SurroundingsError,
    masked,
    nearest,
)
from evermodel.loop.environment import changed_since
from evermodel.loop.state import State, load_version, read_state
from evermodel.loop.workspace import (
    Workspace,
    attach_mlflow,
    heads_path,
    open_workspace,
    project_file,
    tell,
)
from evermodel.project import ROW_ORDER, Project, load_project
from evermodel.records import CheckResult, Report, Verdict
from evermodel.serve import address, check_free

__all__ = ["doctor"]

_LOOP = ("polars", "deltalake", "sklearn", "lightgbm", "optuna", "onnx", "skl2onnx", "mlflow")
_ENOUGH_GB = 2.0


def doctor(folder: str | Path = ".") -> Report:
    """Look at interpreter, extras, disk, project file, data, keys, ledger, MLflow, live version.

    Only what stops Evermodel from working here fails; what does not pass says what to do.
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
    free = shutil.disk_usage(place).free / 1e9
    enough = free > _ENOUGH_GB
    return CheckResult(
        name="disk",
        value=round(free, 1),
        unit="GB",
        min=_ENOUGH_GB,
        verdict="pass" if enough else "warn",
        why="free where the workspace lies"
        + ("" if enough else "; make room, or move the workspace by [store] workspace"),
    )


def _project(folder: Path) -> list[CheckResult]:
    try:
        project = load_project(folder)
    except ProjectError as error:
        return [
            _result("project file", each.told(), "fail", each.place(error.path))
            for each in error.mistakes
        ]
    results = [_result("project file", "every line of it is understood")]
    results += [*_data(project), _writable(project), _port(project)]
    if (project.workspace / "store.db").exists():
        results += [_keys(project), *_ledger(folder)]
    return results


def _data(project: Project) -> list[CheckResult]:
    """Read the data as training would, and look for the columns that the project names."""
    source = masked(project.source)
    if find_spec("polars") is None:
        return [_result("data", "cannot be read without evermodel[loop]", "unknown", source)]
    from evermodel.loop.beginning import read_source

    try:
        columns = read_source(project).frame.columns
    except EvermodelError as error:
        hint = error.hint or "correct [data] source"
        return [_result("data", f"{tell(error)}; {hint}", "fail", source)]
    found = [_result("data", f"{len(columns)} columns are read", subject=source)]
    wrong = []
    for key, name in _named_columns(project):
        if name not in columns:
            near = nearest(name, columns)
            advice = f"did you mean {near!r}?" if near else "correct it or take it out"
            wrong.append(f"[data] {key} names {name!r}, which is not in the data: {advice}")
    if wrong:
        return [*found, *(_result("columns", why, "fail", "project file") for why in wrong)]
    return [*found, _result("columns", "all that the project file names are there")]


def _named_columns(project: Project) -> list[tuple[str, str]]:
    data = project.data
    time = "" if data.time == ROW_ORDER else data.time
    single = (("target", data.target), ("time", time), ("split", data.split))
    lists = {
        "key": data.key,
        "leave_out": data.leave_out,
        "protected": data.protected,
        "types": data.types,
        "repairs": data.repairs,
    }
    named = [(key, name) for key, name in single if name]
    return named + [(key, name) for key, names in lists.items() for name in names]


def _writable(project: Project) -> CheckResult:
    root = project.workspace
    place = next(p for p in (root.resolve(), *root.resolve().parents) if p.exists())
    if not os.access(place, os.W_OK):
        why = "cannot be written; change its owner or rights, or [store] workspace"
        return _result("workspace", why, "fail", str(root))
    if root.exists() and root.stat().st_mode & _OTHERS:
        why = "other users of this machine can read the rows in it; unless they shall: chmod 700"
        return _result("workspace", why, "warn", str(root))
    return _result("workspace", "can be written", subject=str(root))


def _port(project: Project) -> CheckResult:
    host, port = project.serve.host, project.serve.port
    try:
        check_free(host, port)
    except SurroundingsError as error:
        return _result("port", f"{tell(error)}; {error.hint}", "warn", address(host, port))
    return _result("port", "free", subject=address(host, port))


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
            found = [*workspace.ports.ledger.verify(), _mlflow(workspace)]
            state = read_state(workspace)
            if state.live is not None:
                found += _live(workspace, state)
    except EvermodelError as error:
        hint = error.hint or "evermodel ledger verify says where it begins"
        return [_result("ledger", f"{tell(error)}; {hint}", "fail")]
    where = str(heads_path(load_project(folder).workspace))
    return [*found, _result("signed heads", "kept outside the database", subject=where)]


def _mlflow(workspace: Workspace) -> CheckResult:
    where = masked(os.environ.get("MLFLOW_TRACKING_URI", "")) or "in the workspace"
    try:
        attach_mlflow(workspace)
        registry = workspace.ports.registry
        if registry is not None:
            registry.aliases(workspace.project.name)
    except EvermodelError as error:
        return _result("mlflow", f"{tell(error)}; {error.hint}", "warn", where)
    return _result("mlflow", "answers", subject=where)


def _live(workspace: Workspace, state: State) -> list[CheckResult]:
    """Load what is live as a server would, and compare the packages with those it was made with."""
    version = state.version(state.live)
    name = f"{workspace.project.name}/{version.number}"
    try:
        load_version(workspace, version)
    except EvermodelError as error:
        hint = error.hint or "evermodel rollback puts the version before live again"
        return [_result("live version", f"{tell(error)}; {hint}", "fail", name)]
    loads = _result("live version", "its bundle loads and its signature holds", subject=name)
    return [loads, _packages(workspace, version.trained, name)]


def _packages(workspace: Workspace, trained: dict[str, Any], name: str) -> CheckResult:
    changed = changed_since(workspace.ports.blobs, trained)
    if changed is None:
        return _result("packages", "not written down for this version", "unknown", name)
    matter = [one for one in changed if one["name"].replace("-", "_") in _MATTER]
    said = ", ".join(
        f"{one['name']} {one['then'] or 'absent'} then, {one['now'] or 'absent'} now"
        for one in matter
    )
    if matter:
        why = f"{said}; a refit may differ: install the recorded ones, or evermodel reproduce"
        return _result("packages", why, "warn", name)
    others = f"; {len(changed)} others differ" if changed else ""
    return _result("packages", f"what models are made with is as recorded{others}", subject=name)


_MATTER = {
    "evermodel",
    "lightgbm",
    "numpy",
    "onnx",
    "onnxmltools",
    "onnxruntime",
    "polars",
    "python",
    "scikit_learn",
    "scipy",
    "skl2onnx",
}
