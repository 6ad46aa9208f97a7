"""The demo as people call it: one folder, one tale, one page."""

import re
import shutil
from pathlib import Path

import pytest

from evermodel.demo import play
from evermodel.demo.folder import fresh_folder
from evermodel.errors import InputError
from evermodel.loop.telling import verify_ledger
from evermodel.store.mlflow_store import MlflowRegistry


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object, list[str]]:
    """Return folder, report and tale of one year; the slow part of this file."""
    folder = tmp_path_factory.mktemp("played") / "demo"
    told: list[str] = []
    return folder, play(folder, seed=100, say=told.append), told


pytestmark = pytest.mark.timeout(1200)


@pytest.mark.slow
def test_the_year_is_told_event_by_event_with_its_money(played: tuple) -> None:  # type: ignore[type-arg]
    folder, report, told = played
    text = "\n".join(told)
    assert len(re.findall(r"^Week \d+, ", text, flags=re.MULTILINE)) == 5
    assert text.count("The loop:") == text.count("Money:") == 5
    for policy in ("Evermodel", "never retrain", "retrain every month"):
        assert re.search(rf"^  {policy} +[\d,]+ EUR \(", text, flags=re.MULTILINE)
    assert told[-1].endswith(str(folder / "report.html"))
    assert report.results[-1].subject == str(folder / "report.html")
    assert report.facts["as_expected"] == 5
    assert verify_ledger(folder).verdict == "pass"


@pytest.mark.slow
def test_the_page_loads_nothing_and_shows_the_year(played: tuple) -> None:  # type: ignore[type-arg]
    page = (played[0] / "report.html").read_text()
    assert not re.search(r"<script|<link|(?:src|href)=[\"']?(?:https?:)?//|@import|url\(", page)
    for words in ("against never retraining", "Brier score", "A broken feed", "Back to version 1"):
        assert words in page


@pytest.mark.slow
def test_mlflow_shows_the_whole_year_at_its_end(played: tuple) -> None:  # type: ignore[type-arg]
    folder, report, _ = played
    assert not [result for result in report.results if result.name == "mlflow"]
    live = MlflowRegistry(folder / ".evermodel").aliases("shop")["champion"]
    assert live > 1


@pytest.mark.slow
def test_a_former_demo_is_replaced_and_nothing_else(played: tuple, tmp_path: Path) -> None:  # type: ignore[type-arg]
    folder = shutil.copytree(played[0], tmp_path / "demo")
    note = folder / "notes.txt"
    note.write_text("mine")
    with pytest.raises(InputError, match="did not write"):
        fresh_folder(folder)
    assert note.exists()
    assert (folder / "report.html").exists()
    note.unlink()
    assert [entry.name for entry in fresh_folder(folder).iterdir()] == [".evermodel-demo"]


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "customers.csv").write_text("customer")
    with pytest.raises(InputError, match="no demo made it"):
        play(mine)
    assert (mine / "customers.csv").read_text() == "customer"


def test_a_link_and_a_file_are_no_folder_for_a_demo(tmp_path: Path) -> None:
    made = fresh_folder(tmp_path / "demo")
    (tmp_path / "link").symlink_to(made)
    (tmp_path / "file").write_text("mine")
    for name in ("link", "file"):
        with pytest.raises(InputError):
            fresh_folder(tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
