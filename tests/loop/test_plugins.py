"""The user's own checks and drift methods: from an installed package or beside the project file."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evermodel.errors import InputError
from evermodel.loop.beginning import check
from evermodel.loop.releasing import register
from evermodel.loop.training import train
from evermodel.loop.watching import monitor
from evermodel.loop.workspace import Workspace
from evermodel.plugins import found
from tests.loop.shop import Shop, customers, setting

RULES = """
from evermodel.records import CheckResult

def plans(frame):
    odd = int((~frame["plan"].is_in(["basic", "plus", "pro"])).sum())
    return [CheckResult(name="plans", value=odd, n=frame.height)]

def target(frame, project):
    return [CheckResult(name="target", subject=project.data.target, value=frame.height)]

def refuse(frame):
    return [CheckResult(name="refused", verdict="fail", why="not today")]

def breaks(frame):
    raise ValueError(frame["customer"][0])

def nothing(frame):
    return None

def means(before, after):
    if before.dtype.kind not in "fiu":
        return CheckResult(name="means", verdict="unknown")
    return CheckResult(name="means", value=float(after.mean() - before.mean()), n=len(after))
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lay a distribution out as an installer leaves it."""
    site = tmp_path / "site"
    facts = site / "shop_rules-1.0.dist-info"
    facts.mkdir(parents=True)
    (site / "shop_rules.py").write_text(RULES)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-rules\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[evermodel.check]\nplans = shop_rules:plans\ngone = shop_rules:gone\n"
        "[evermodel.drift_method]\nmeans = shop_rules:means\n"
    )
    monkeypatch.syspath_prepend(site)
    yield
    sys.modules.pop("shop_rules", None)


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Write the rules beside a project file, and forget their module afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    sys.modules.pop("own_rules", None)

    def write(folder: Path) -> None:
        (folder / "own_rules.py").write_text(RULES)

    yield write
    sys.modules.pop("own_rules", None)


@pytest.mark.usefixtures("installed")
def test_an_installed_package_offers_checks_and_drift_methods_by_name(
    shop: Callable[..., Shop],
) -> None:
    assert "plans" in found("check")
    one = shop(("data", 'checks = ["plans"]'), ("monitor", 'drift_methods = ["means"]'))
    result = check(folder=one.folder).find("plans")
    assert (result.value, result.n, result.method) == (0, 1000, "check plans")
    one.ask(customers(300, seed=11, first=10_000, scale=1.0))
    report = monitor(one.workspace)
    amount = report.find("means", "amount")
    assert amount.value is not None
    assert abs(amount.value) < 10
    assert report.find("means", "plan").verdict == "unknown"


def test_a_module_beside_the_project_file_can_be_named(
    begin: Callable[..., Workspace], beside: Callable[[Path], None]
) -> None:
    workspace = begin()
    folder = Path(workspace.project.root)
    beside(folder)
    setting(folder, "data", 'checks = ["own_rules:plans"]')
    assert check(folder=folder).find("plans").verdict == "pass"


def test_a_check_that_asks_for_the_project_gets_it(
    begin: Callable[..., Workspace], beside: Callable[[Path], None]
) -> None:
    folder = Path(begin().project.root)
    beside(folder)
    setting(folder, "data", 'checks = ["own_rules:target", "leakage", "groups"]')
    report = check(folder=folder, thorough=False)
    assert report.find("target", "churned").value == 1000
    assert any(each.method == "check leakage" for each in report.results)


def test_a_check_that_says_no_keeps_the_data_from_being_learned_from(
    shop: Callable[..., Shop], beside: Callable[[Path], None]
) -> None:
    one = shop(("data", 'checks = ["own_rules:refuse"]'))
    beside(one.folder)
    report = train(one.workspace)
    assert [result.name for result in report.results] == ["refused"]
    assert one.workspace.events("data_refused")


def test_a_check_that_breaks_is_named_and_the_others_go_on(
    shop: Callable[..., Shop], beside: Callable[[Path], None]
) -> None:
    names = [f"own_rules:{name}" for name in ("breaks", "nothing", "plans")]
    one = shop(("data", f"checks = {names}".replace("'", '"')))
    beside(one.folder)
    report = check(folder=one.folder)
    broken = report.find("own_rules:breaks")
    assert (broken.verdict, "'own_rules:breaks' is broken" in broken.why) == ("fail", True)
    assert "c000000" not in broken.why, "what an error says may be somebody's value"
    assert "NoneType" in report.find("own_rules:nothing").why
    assert report.find("plans").verdict == "pass"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("name", "what"), [("plnas", "did you mean 'plans'"), ("gone", "gone")])
def test_a_plugin_that_is_not_there_is_named(
    shop: Callable[..., Shop], name: str, what: str
) -> None:
    one = shop(("data", f'checks = ["{name}"]'))
    with pytest.raises(InputError, match=what):
        check(folder=one.folder)


def test_an_estimator_beside_the_project_file_is_trained(
    begin: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from evermodel.loop.workspace import open_workspace

    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = Path(begin().project.root)
    (folder / "own_estimators.py").write_text(
        "from sklearn.tree import DecisionTreeClassifier\n"
        "def tree():\n    return DecisionTreeClassifier(max_depth=3)\n"
    )
    text = (folder / "evermodel.toml").read_text()
    (folder / "evermodel.toml").write_text(
        text.replace('models = ["linear"]', 'models = ["own_estimators:tree"]')
    )
    with open_workspace(folder) as workspace:
        report = train(workspace)
        assert report.facts["model"] == "own_estimators:tree"
        assert register("", workspace).verdict != "fail"
    sys.modules.pop("own_estimators", None)
