"""The year without MLflow, which has its own tests: as if its server did not answer all year."""

from pathlib import Path
from typing import Any

from evermodel.errors import SurroundingsError
from evermodel.loop.workspace import Workspace


class Silent:
    """A tracker and a registry that never answer."""

    def log(self, *_: Any) -> str:
        raise SurroundingsError("no answer")

    def register(self, project: str, number: int, bundle: Path, run_id: str) -> str:
        raise SurroundingsError("no answer")

    def alias(self, project: str, name: str, number: int | None) -> None:
        raise SurroundingsError("no answer")

    def aliases(self, project: str) -> dict[str, int]:
        raise SurroundingsError("no answer")


def without_mlflow(workspace: Workspace) -> None:
    silent = Silent()
    workspace.ports.tracker = workspace.ports.registry = silent
