"""One project, trained, registered and promoted once; every test takes a copy of it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from evermodel.loop import registry, training
from evermodel.loop.releasing import promote, register
from evermodel.loop.training import train
from evermodel.loop.workspace import Workspace, attach_mlflow, open_workspace
from evermodel.store import FixedClock
from tests.loop.shop import BEGIN, PROJECT, Shop, write_project


@pytest.fixture(autouse=True)
def _where_mlflow_is_told(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attach MLflow, a third of the time of a turn, only in tests that are marked `mlflow`."""
    if request.node.get_closest_marker("mlflow") is None:
        for module in (registry, training):
            monkeypatch.setattr(module, "attach_mlflow", lambda workspace: None)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose version 1 is live."""
    folder = write_project(tmp_path_factory.mktemp("base") / "shop")
    with open_workspace(folder, clock=FixedClock(BEGIN), actor="test") as workspace:
        attach_mlflow(workspace)
        assert workspace.ports.registry is not None
        assert workspace.ports.registry.aliases("shop") == {}
        shutil.copy(workspace.root / "mlflow.db", folder.parent / "mlflow.db")
        train(workspace)
        register("", workspace)
        promote(None, workspace)
    return folder


@pytest.fixture
def begin(base: Path, tmp_path: Path) -> Iterator[Callable[..., Workspace]]:
    """Return a maker of new projects; MLflow's empty database, which takes seconds, is a copy."""
    opened: list[Workspace] = []

    def make(text: str = PROJECT, rows: pl.DataFrame | None = None) -> Workspace:
        folder = write_project(tmp_path / f"new-{len(opened)}", text=text, rows=rows)
        (folder / ".evermodel").mkdir()
        shutil.copy(base.parent / "mlflow.db", folder / ".evermodel" / "mlflow.db")
        opened.append(open_workspace(folder, clock=FixedClock(BEGIN), actor="test"))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def shop(base: Path, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Return a maker of copies, each with more lines in its project file."""
    opened: list[Shop] = []

    def make(*lines: tuple[str, str]) -> Shop:
        opened.append(Shop(base, tmp_path / f"shop-{len(opened)}", *lines))
        return opened[-1]

    yield make
    for one in opened:
        one.workspace.close()
