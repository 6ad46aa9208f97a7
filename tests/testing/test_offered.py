"""What an installed package offers is found by itself and tested."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evermodel.errors import InputError
from evermodel.testing import check_plugins_of, frames
from tests.docs.pages import ROOT

CHECKS = """
from evermodel.records import CheckResult

def rows(frame):
    return [CheckResult(name="rows", value=frame.height, why="few rows teach little")]

def first(frame):
    return [CheckResult(name="first", value=float(frame[0, 0]), why="it is first")]

def means(before, after):
    return CheckResult(name="means", value=float(after.mean() - before.mean()))

number = 3
"""
GOOD = "[evermodel.check]\nrows = shop_checks:rows\n[evermodel.drift_method]\nm = shop_checks:means"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Lay a distribution out as an installer leaves it, with these entry points."""

    def lay(points: str) -> Path:
        facts = tmp_path / "shop_checks-1.0.dist-info"
        facts.mkdir(exist_ok=True)
        (tmp_path / "shop_checks.py").write_text(CHECKS)
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-checks\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(points)
        return tmp_path

    monkeypatch.syspath_prepend(tmp_path)
    yield lay
    sys.modules.pop("shop_checks", None)


def _failures() -> list[str]:
    told = []
    for case in check_plugins_of("shop-checks"):
        try:
            case()
        except AssertionError as error:
            told.append(str(error))
    return told


def test_every_plugin_of_a_package_is_found_and_run_on_every_table(
    install: Callable[[str], Path],
) -> None:
    install(GOOD)
    names = [str(case) for case in check_plugins_of("shop-checks")]
    assert names[0] == "rows is a check that can be called"
    assert names[1 : 1 + len(frames())] == [f"rows on {kind}" for kind in frames()]
    assert names[-1] == "m is a drift_method that can be called"
    assert len(names) == len(frames()) + 2
    assert "shop_checks" not in sys.modules
    assert _failures() == []


def test_a_plugin_that_is_added_later_is_tested_without_another_line(
    install: Callable[[str], Path],
) -> None:
    install(GOOD.replace("[evermodel.drift", "first = shop_checks:first\n[evermodel.drift"))
    told = _failures()
    assert any(line.startswith("first on no rows: it ended with") for line in told)
    assert not any(line.startswith("rows on") for line in told)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (
            "[evermodel.check]\ngone = shop_checks:gone",
            "gone (shop_checks:gone) cannot be imported",
        ),
        ("[evermodel.check]\nnone = no_such:thing", "ModuleNotFoundError"),
        ("[evermodel.check]\nnumber = shop_checks:number", "cannot be called: int"),
        ("[evermodel.checks]\nrows = shop_checks:rows", "did you mean evermodel.check?"),
    ],
)
def test_an_entry_point_that_leads_nowhere_fails_by_its_name(
    install: Callable[[str], Path], points: str, said: str
) -> None:
    install(points)
    assert said in _failures()[0]


def test_a_package_that_offers_nothing_or_is_not_there_is_no_success(
    install: Callable[[str], Path],
) -> None:
    install("[console_scripts]\nshop = shop_checks:rows")
    with pytest.raises(InputError, match="offers no plugins"):
        check_plugins_of("shop-checks")
    with pytest.raises(InputError, match="no such package") as caught:
        check_plugins_of("shop-cheks")
    assert caught.value.hint == "did you mean 'shop-checks'?"


PLUGIN_TEST = """
import pytest
from evermodel.testing import check_plugins_of

@pytest.mark.parametrize("case", check_plugins_of("shop-checks"), ids=str)
def test_plugins(case):
    case()
"""


def test_an_author_of_plugins_runs_the_suite_under_pytest(install: Callable[[str], Path]) -> None:
    folder = install(GOOD + "\n[evermodel.check]\nfirst = shop_checks:first")
    (folder / "test_plugins.py").write_text(PLUGIN_TEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    path = f"{folder}:{ROOT / 'src'}"
    done = subprocess.run(
        [*command, "test_plugins.py"],
        cwd=folder,
        env={"PYTHONPATH": path, "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "test_plugins[first on no rows]" in done.stdout
    assert "FAILED test_plugins.py::test_plugins[rows on" not in done.stdout
