"""A project whose version 1 is live, made once; every test takes a copy of it."""

import shutil
from pathlib import Path

import pytest

from evermodel.loop.releasing import promote, register
from evermodel.loop.training import train
from evermodel.loop.workspace import open_workspace
from tests.loop.shop import write_project


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the copies are made from."""
    folder = write_project(tmp_path_factory.mktemp("released") / "shop")
    with open_workspace(folder) as workspace:
        train(workspace)
        register("", workspace)
        promote(None, workspace)
    return folder


@pytest.fixture
def live(released: Path, tmp_path: Path) -> Path:
    """Return the folder of a project whose version 1 is live."""
    return shutil.copytree(released, tmp_path / "shop")
