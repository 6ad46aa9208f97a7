"""One project, trained, registered and promoted once; every test takes a copy of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evermodel.loop.releasing import promote, register
from evermodel.loop.training import train
from evermodel.loop.workspace import open_workspace
from evermodel.store import FixedClock
from tests.loop.shop import BEGIN, Shop, write_project


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose version 1 is live."""
    folder = write_project(tmp_path_factory.mktemp("base") / "shop")
    with open_workspace(folder, clock=FixedClock(BEGIN), actor="test") as workspace:
        train(workspace)
        register("", workspace)
        promote(None, workspace)
    return folder


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
