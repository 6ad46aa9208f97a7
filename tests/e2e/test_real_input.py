"""Real data, nothing edited by hand: `init` and `train` as a stranger runs them, one seed of each.

Five seeds of every set, adult and default of credit cards too, are in benchmarks/real_input.py;
these are their fixed-seed slice.
"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import evermodel as em
from evermodel.loop.workspace import open_workspace
from tests.real import real_data

pytestmark = [pytest.mark.real, pytest.mark.slow]

CASES = (
    ("churn/telco_churn.csv", "Churn", "roc_auc", 0.845),
    ("bike/hour.csv", "cnt", "r2", 0.90),
)


@pytest.mark.parametrize(("file", "target", "metric", "floor"), CASES)
def test_what_init_proposes_trains_at_once_and_reaches_its_floor(
    tmp_path: Path, file: str, target: str, metric: str, floor: float
) -> None:
    path = real_data(file)
    em.init(path, target=target, folder=tmp_path)
    report = em.train(tmp_path)
    found = report.find(metric, "test")
    assert found.value is not None
    assert found.value >= floor
    assert found.low is not None
    assert found.n == report.facts["test_rows"]
    assert report.find("parity").value is not None
    assert report.find("parity").verdict == "pass"


def test_bike_leaves_out_by_itself_what_adds_up_to_the_target(tmp_path: Path) -> None:
    report = em.init(real_data("bike/hour.csv"), target="cnt", folder=tmp_path)
    assert {"casual", "registered"} <= set(report.facts["leave_out"])
    assert report.facts["time"] == "dteday"


@pytest.fixture(scope="module")
def live_churn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("churn")
    em.init(real_data("churn/telco_churn.csv"), target="Churn", folder=home)
    text = (home / "evermodel.toml").read_text()
    (home / "evermodel.toml").write_text(text.replace("[train]", "[train]\ntrials = 2", 1))
    assert em.run(home).facts["live"] == 1
    return home


def test_the_same_probabilities_come_from_score_serve_and_mlflow(
    live_churn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json
    import urllib.request

    import mlflow
    import pandas as pd

    from evermodel.serve import BackgroundServer

    source = real_data("churn/telco_churn.csv")
    output = live_churn / "scored.parquet"
    em.score(source, output, live_churn)
    scored = pl.read_parquet(output)["probability"].to_numpy()
    rows = pd.read_csv(source).drop(columns="Churn")

    with open_workspace(live_churn) as workspace:
        numbers = rows.assign(TotalCharges=pd.to_numeric(rows["TotalCharges"], errors="coerce"))
        records = json.loads(numbers.head(500).to_json(orient="records", double_precision=15))
        with BackgroundServer(em.application(workspace)) as server:
            request = urllib.request.Request(
                f"{server.url}/predict",
                json.dumps(records).encode(),
                {"content-type": "application/json"},
            )
            with urllib.request.urlopen(request) as answer:
                served = np.array([row["probability"] for row in json.load(answer)])
    # The runtime adds trees up in another order for batches of another size: float32's last digits.
    assert np.abs(served - scored[:500]).max() < 1e-6

    monkeypatch.setenv("EVERMODEL_KEYS", str(live_churn / ".evermodel" / "keys"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{live_churn}/.evermodel/mlflow.db")
    model = mlflow.pyfunc.load_model("models:/telco_churn@champion")
    assert np.abs(model.predict(rows)["probability"].to_numpy() - scored).max() < 1e-6

    report = em.evaluate(1, live_churn, data=source)
    y = pl.read_csv(source)["Churn"].to_numpy() == "Yes"
    assert report.find("brier").value == pytest.approx(float(np.mean((scored - y) ** 2)), abs=1e-6)


def test_a_version_of_real_data_is_reproduced_exactly(live_churn: Path) -> None:
    report = em.reproduce(1, live_churn)
    assert report.find("reproduced").value == 0.0
