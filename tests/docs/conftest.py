"""What a page may begin with."""

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
    page = Page(path=ROOT / "README.md", start="", steps=())
    with Reader(folder) as reader:
        for line in STARTS["champion"]:
            reader.do(page, Step(kind="command", text=line, line=0))
    return folder
