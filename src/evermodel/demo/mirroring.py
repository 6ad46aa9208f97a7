"""MLflow is told of the whole year at its end, in one go.

A year is a minute here, and each of its forty runs would have MLflow write some files and rows. So
for the demo's year MLflow "does not answer"; the loop goes on without it, as it would anywhere, and
what it missed is brought in line when the year is over.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from evermodel.errors import SurroundingsError
from evermodel.loop.registry import mirror
from evermodel.loop.workspace import Workspace, attach_mlflow
from evermodel.records import CheckResult, Run

__all__ = ["Later"]


@dataclass(frozen=True)
class _Told:
    run: Run
    results: tuple[CheckResult, ...]
    artifacts: tuple[Path, ...]


class Later:
    """A tracker and a registry in one that keeps what it is told for `tell`.

    Parameters
    ----------
    workspace : Workspace
        Its tracker and registry are this one until `tell`.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._kept: list[_Told] = []
        self._folder = TemporaryDirectory(prefix="artifacts-", dir=workspace.root)
        workspace.ports.tracker = workspace.ports.registry = self

    def log(self, run: Run, results: Sequence[CheckResult], artifacts: Sequence[Path]) -> str:
        """Keep a run, and say that it is not in MLflow yet.

        Raises
        ------
        SurroundingsError
            Always.
        """
        home = Path(self._folder.name) / run.id
        kept = [_copied(artifact, home / artifact.name) for artifact in artifacts]
        self._kept.append(_Told(run, tuple(results), tuple(kept)))
        raise _not_now()

    def register(self, project: str, number: int, bundle: Path, run_id: str) -> str:
        """Say that MLflow is told later.

        Raises
        ------
        SurroundingsError
            Always.
        """
        raise _not_now()

    def alias(self, project: str, name: str, number: int | None) -> None:
        """Say that MLflow is told later.

        Raises
        ------
        SurroundingsError
            Always.
        """
        raise _not_now()

    def aliases(self, project: str) -> dict[str, int]:
        """Say that MLflow is told later.

        Raises
        ------
        SurroundingsError
            Always.
        """
        raise _not_now()

    def tell(self) -> tuple[CheckResult, ...]:
        """Tell MLflow all runs, versions and aliases; return what it refused as warnings."""
        workspace = self._workspace
        workspace.ports = replace(workspace.ports, tracker=None, registry=None)
        attach_mlflow(workspace)
        tracker = workspace.ports.tracker
        with self._folder:
            for told in self._kept:
                if tracker is None:
                    break
                address = tracker.log(told.run, told.results, told.artifacts)
                workspace.record("tracked", {"run": told.run.id, "tracker": address})
        return mirror(workspace)


def _not_now() -> SurroundingsError:
    return SurroundingsError("MLflow is told at the end of the year")


def _copied(source: Path, target: Path) -> Path:
    """Return a copy: a candidate moves when it is registered."""
    if source.is_dir():
        return Path(shutil.copytree(source, target))
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy2(source, target))
