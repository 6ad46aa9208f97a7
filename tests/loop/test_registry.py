"""MLflow shows what the ledger says; moving an alias there is a request, not a decision."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest

from evermodel.loop.registry import mirror
from evermodel.loop.releasing import evaluate, promote, register, rollback
from evermodel.loop.scoring import score
from evermodel.loop.state import read_state
from evermodel.loop.telling import status
from evermodel.loop.training import train
from evermodel.loop.turning import run
from evermodel.loop.workspace import Workspace, attach_mlflow
from tests.loop.shop import Shop, customers

pytestmark = pytest.mark.mlflow

Make = Callable[..., Shop]


def _aliases(workspace: Workspace) -> dict[str, int]:
    attach_mlflow(workspace)
    assert workspace.ports.registry is not None
    return workspace.ports.registry.aliases("shop")


def _move(workspace: Workspace, number: int | None) -> None:
    """Move the champion alias as a person does in MLflow's own pages."""
    attach_mlflow(workspace)
    assert workspace.ports.registry is not None
    workspace.ports.registry.alias("shop", "champion", number)


def _second(one: Shop, *, strength: float) -> None:
    """Register version 2, from customers who behave as said; its test rows are version 1's."""
    customers(1000, seed=4, strength=strength).write_csv(one.folder / "customers.csv")
    train(one.workspace)
    register("", one.workspace)
    state, blobs = read_state(one.workspace), one.workspace.ports.blobs
    tests = [blobs.path(state.version(number).trained["test"]) for number in (1, 2)]
    tests[1].write_bytes(tests[0].read_bytes())


def test_aliases_follow_every_decision(shop: Make) -> None:
    one = shop()
    assert _aliases(one.workspace) == {"champion": 1}
    _second(one, strength=1.0)
    assert _aliases(one.workspace) == {"champion": 1, "challenger": 2}
    promote(2, one.workspace, force=True)
    assert _aliases(one.workspace) == {"champion": 2}
    rollback(one.workspace)
    assert _aliases(one.workspace) == {"champion": 1}


def test_an_alias_moved_to_a_worse_version_is_refused_and_put_back(shop: Make) -> None:
    one = shop()
    _second(one, strength=-1.0)
    _move(one.workspace, 2)
    seen = status(one.workspace).find("mlflow")
    assert "moved to version 2" in seen.why
    assert _aliases(one.workspace)["champion"] == 2, "status took the request away"
    report = run(one.workspace)
    assert (report.facts["decision"], report.verdict) == ("reject", "fail")
    assert one.workspace.events("rejected")[-1].actor == "mlflow"
    assert _aliases(one.workspace)["champion"] == 1
    assert read_state(one.workspace).live == 1


def test_an_alias_moved_to_a_fair_version_promotes_it(shop: Make) -> None:
    one = shop()
    _second(one, strength=1.0)
    _move(one.workspace, 2)
    report = run(one.workspace)
    assert (report.facts["decision"], report.facts["live"]) == ("promote", 2)
    assert one.workspace.events("promoted")[-1].actor == "mlflow"


def test_status_puts_back_an_alias_that_was_deleted(shop: Make) -> None:
    one = shop()
    _move(one.workspace, None)
    assert _aliases(one.workspace) == {}
    assert status(one.workspace).find("mlflow").verdict == "pass"
    assert _aliases(one.workspace) == {"champion": 1}


def test_registering_leaves_a_request_that_waits(shop: Make) -> None:
    one = shop()
    _second(one, strength=1.0)
    _move(one.workspace, 2)
    train(one.workspace)
    register("", one.workspace)
    assert _aliases(one.workspace) == {"champion": 2, "challenger": 3}


@contextmanager
def _another_registry(folder: Path) -> Iterator[None]:
    with patch.dict(os.environ, MLFLOW_TRACKING_URI=f"sqlite:///{folder}/other.db"):
        yield


@pytest.mark.slow
def test_status_fills_a_registry_that_knows_nothing(
    shop: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop()
    monkeypatch.chdir(tmp_path)  # where MLflow keeps artifacts beside a database
    with _another_registry(tmp_path):
        found = status(one.workspace).find("mlflow")
        assert found.verdict == "pass", found.why
        assert _aliases(one.workspace) == {"champion": 1}


def test_a_silent_registry_costs_a_warning_and_is_told_later(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop()
    with monkeypatch.context() as patched:
        patched.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        trained = train(one.workspace)
        assert trained.find("mlflow").verdict == "warn"
        assert register("", one.workspace).find("mlflow").verdict == "warn"
        promoted = promote(2, one.workspace, force=True)
        assert (promoted.facts["live"], promoted.find("mlflow").verdict) == (2, "warn")
        turned = run(one.workspace)
        assert turned.find("mlflow").verdict == "warn"
        assert turned.facts["decision"] == "none"
        assert status(one.workspace).find("mlflow").verdict == "warn"
    assert mirror(one.workspace) == ()
    assert _aliases(one.workspace) == {"champion": 2}


_PYFUNC = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow, pandas
model = mlflow.pyfunc.load_model("models:/shop@champion")
rows = pandas.read_csv(sys.argv[1])[["amount", "visits", "plan"]]
print(json.dumps(model.predict(rows)["probability"].tolist()))
"""


@pytest.mark.slow
def test_mlflow_score_server_and_evaluate_give_the_same_numbers(base: Path, shop: Make) -> None:
    one = shop()
    new, scored = one.folder / "new.csv", one.folder / "scored.parquet"
    rows = customers(300, seed=8)
    rows.write_csv(new)
    score(new, scored, one.workspace)
    probability = pl.read_parquet(scored)["probability"].to_numpy()
    given = one.ask(rows)
    np.testing.assert_allclose([a["probability"] for a in given], probability, atol=1e-9)
    measured = evaluate(1, one.workspace, data=new).find("brier").value
    truth = (rows["churned"] == "yes").to_numpy()
    assert measured == pytest.approx(np.mean((probability - truth) ** 2), abs=1e-9)
    home = base / ".evermodel"
    known = {"MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db", "EVERMODEL_KEYS": f"{home}/keys"}
    done = subprocess.run(
        [sys.executable, "-c", _PYFUNC, str(new)],
        env={**os.environ, **known}, cwd=one.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    answered = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(answered, probability, atol=1e-9)
