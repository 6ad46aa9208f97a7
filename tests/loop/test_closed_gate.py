"""What was required and was not shown does not pass, by whatever way it comes."""

from collections.abc import Callable

import polars as pl
import pytest

from evermodel.loop.releasing import evaluate, promote, register, rollback
from evermodel.loop.retraining import retrain
from evermodel.loop.scoring import score
from evermodel.loop.state import read_state
from evermodel.loop.training import train
from evermodel.loop.turning import run
from evermodel.loop.watching import monitor
from evermodel.loop.workspace import Workspace, open_workspace
from tests.loop.shop import PROJECT, Shop, customers

Make = Callable[..., Shop]
Begin = Callable[..., Workspace]
GATED = PROJECT + '\n[evaluate]\nrequire = ["roc_auc >= 0.5"]\n'


def _few_who_left(leaving: int = 15) -> pl.DataFrame:
    rows = customers(1000)
    yes, no = (rows.filter(pl.col("churned") == word) for word in ("yes", "no"))
    return pl.concat([yes.head(leaving), no.head(185)])


def test_a_requirement_that_cannot_be_told_passes_nothing_unless_forced(begin: Begin) -> None:
    workspace = begin(GATED, _few_who_left())
    assert train(workspace).facts["gate"] == "unknown"
    refused = register("", workspace)
    assert refused.verdict == "fail"
    why = refused.find("gate").why
    assert "too few to say: 10 are needed, about " in why
    assert "rows in all" in why
    assert read_state(workspace).versions == {}
    assert evaluate(None, workspace).find("gate").verdict == "fail"
    assert register("", workspace, force=True).facts["version"] == 1
    stopped = promote(1, workspace)
    assert (stopped.verdict, stopped.facts["live"]) == ("fail", None)
    assert "too few to say" in workspace.events("rejected")[0].body["reason"]
    assert promote(1, workspace, force=True).facts["live"] == 1


def test_a_first_version_whose_gate_cannot_be_told_is_not_released(begin: Begin) -> None:
    workspace = begin(GATED, _few_who_left())
    report = run(workspace)
    assert (report.verdict, report.facts["decision"]) == ("fail", "none")
    assert "too few to say" in report.find("gate").why
    assert (read_state(workspace).live, read_state(workspace).versions) == (None, {})


def test_a_first_version_that_is_no_better_than_guessing_is_not_released(begin: Begin) -> None:
    rows = customers(600)
    workspace = begin(PROJECT, rows.with_columns(rows["churned"].shuffle(seed=7)))
    report = run(workspace)
    assert (report.facts["decision"], report.find("gate").evidence["gate"]) == ("none", "fail")
    assert train(workspace).facts["gate"] == "fail"
    assert "no better than guessing the share of each class" in report.find("gate").why
    assert read_state(workspace).live is None
    assert register("", workspace, force=True).facts["version"] == 1
    assert promote(1, workspace, force=True).facts["live"] == 1
    new = workspace.root / "new.csv"
    customers(300, seed=8, first=80_000).drop("churned").write_csv(new)
    score(new, workspace.root / "scored.csv", workspace)
    watched = monitor(workspace)
    assert (watched.facts["state"], watched.verdict) == ("useless", "fail")
    assert "no better than guessing" in watched.find("action").why


def test_few_rows_are_no_obstacle_where_nothing_is_required(begin: Begin) -> None:
    workspace = begin(PROJECT, _few_who_left())
    assert run(workspace).facts["live"] == 1


def test_a_challenger_whose_gate_cannot_be_told_is_rejected(begin: Begin) -> None:
    workspace = begin(GATED)
    assert run(workspace).facts["live"] == 1
    newer = workspace.root / "newer.csv"
    _few_who_left().write_csv(newer)
    report = retrain(workspace, data=newer)
    assert report.facts["decision"] == "reject"
    assert "too few to say" in report.find("gate").why
    assert read_state(workspace).live == 1


@pytest.mark.parametrize("name", ["lenient.csv", "test"])
def test_other_rows_never_make_a_missed_gate_forgotten(shop: Make, name: str) -> None:
    one = shop(("evaluate", 'require = ["roc_auc >= 0.7"]'))
    assert train(one.workspace).facts["gate"] == "pass"
    path = one.folder / "evermodel.toml"
    with_gate = path.read_text()
    rows = customers(600, seed=3, strength=50.0)
    rows.write_csv(one.folder / name)

    def reopened(least: float) -> Workspace:
        path.write_text(with_gate.replace("0.7", str(least)))
        return open_workspace(one.folder, clock=one.clock)

    own = evaluate(None, one.workspace).find("roc_auc").value
    other = evaluate(None, one.workspace, data=one.folder / name).find("roc_auc").value
    assert own is not None
    assert other is not None
    assert other > own
    with reopened((own + other) / 2) as workspace:
        assert evaluate(None, workspace, data=one.folder / name).facts["gate"] == "pass"
        assert register("", workspace).verdict == "fail"
        assert evaluate(None, workspace).facts["gate"] == "fail"
        assert register("", workspace).verdict == "fail"


def test_a_version_that_was_never_live_is_no_way_around_the_gate(shop: Make) -> None:
    one = shop(("evaluate", 'require = ["roc_auc >= 0.99"]'))
    train(one.workspace)
    register("", one.workspace, force=True)
    refused = rollback(one.workspace, to=2)
    assert (refused.verdict, refused.facts["live"]) == ("fail", 1)
    assert one.workspace.events("rejected")[0].body["number"] == 2
    forced = rollback(one.workspace, to=2, force=True)
    assert (forced.verdict, forced.facts["live"]) == ("warn", 2)
    event = one.workspace.events("rolled_back")[0]
    assert event.body["forced"] is True
    assert one.workspace.report(event.body["reports"][0]).find("gate").verdict == "fail"
    # Whatever was live before is one step away.
    promote(1, one.workspace, force=True)
    back = rollback(one.workspace)
    assert (back.verdict, back.facts["live"]) == ("pass", 2)


def test_what_the_project_file_requires_now_decides(shop: Make) -> None:
    one = shop(("evaluate", 'require = ["roc_auc >= 0.5"]'))
    train(one.workspace)
    register("", one.workspace)
    path = one.folder / "evermodel.toml"
    loose = path.read_text()

    def reopened(text: str) -> Workspace:
        path.write_text(text)
        return open_workspace(one.folder, clock=one.clock)

    with reopened(loose.replace("roc_auc >= 0.5", "roc_auc >= 0.999")) as workspace:
        refused = promote(2, workspace)
        assert (refused.verdict, refused.facts["live"]) == ("fail", 1)
        assert "roc_auc: 0." in refused.find("gate").why
        assert "below the required 0.999" in refused.find("gate").why
    with reopened(loose) as workspace:
        assert promote(2, workspace).find("gate").verdict == "pass"
