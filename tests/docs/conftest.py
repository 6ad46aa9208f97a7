"""What a page may begin with."""

import shutil
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Page, Step
from tests.docs.shell import STARTS, Reader, command_parser, customers


@pytest.fixture(scope="session")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the simulated customers whose first version is live."""
    command_parser()
    folder = tmp_path_factory.mktemp("champion")
    customers(folder)
    _type(folder, STARTS["champion"])
    return folder


@pytest.fixture(scope="session")
def second(champion: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same project after a second version took over from the first."""
    folder = tmp_path_factory.mktemp("second")
    shutil.copytree(champion, folder, dirs_exist_ok=True)
    _type(folder, STARTS["second"][len(STARTS["champion"]) :])
    return folder


def _type(folder: Path, lines: tuple[str, ...]) -> None:
    page = Page(path=ROOT / "README.md", start="", steps=())
    with Reader(folder) as reader:
        for line in lines:
            reader.do(page, Step(kind="command", text=line, line=0))
