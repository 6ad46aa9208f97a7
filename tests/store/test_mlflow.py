"""What people see in MLflow: runs, versions, aliases, and a model that predicts the same."""

import math
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evermodel.bundle import load
from evermodel.errors import BundleError, NotFoundError, SurroundingsError
from evermodel.protocols import Registry, Tracker
from evermodel.records import CheckResult, Run, Task
from evermodel.register import register
from evermodel.store import Keys
from evermodel.store.mlflow_store import MlflowRegistry, MlflowTracker
from tests.register.tiny import ROWS, candidate

pytest.importorskip("mlflow", reason="the extra `loop` is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")

RUN = Run(
    id="0123456789abcdef",
    verb="train",
    project="churn",
    started="2026-11-03T12:00:00.000000Z",
    seconds=12.5,
    cpu_seconds=20.25,
    peak_bytes=300_000_000,
    bytes_written=4096,
    seed=7,
    inputs={"data": "d" * 64},
    parameters={"models": ("linear", "lightgbm"), "odd name!": {"a": 1}, "long": "x" * 9000},
    code="c" * 64,
)
RESULTS = (
    CheckResult(name="roc_auc", subject="test", value=0.84),
    CheckResult(name="roc_auc", subject="test", slice="region=1", value=0.8),
    CheckResult(name="rows", value=7043.0),
    CheckResult(name="undefined", value=math.nan),
    CheckResult(name="unknown", value=None),
)


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "EVERMODEL_KEYS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty `mlflow.db`: making one takes MLflow more than a second."""
    folder = tmp_path_factory.mktemp("empty")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert MlflowRegistry(folder).aliases("churn") == {}
    return folder / "mlflow.db"


@pytest.fixture
def workspace(database: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "odd 50% name ü"
    folder.mkdir()
    (folder / "mlflow.db").write_bytes(database.read_bytes())
    return folder


def registered(workspace: Path, number: int = 1, task: Task = "binary", **fields: Any) -> Path:
    source = workspace / f"candidate-{number}"
    if not source.exists():
        candidate(source, task=task, **fields)
    home = workspace / "bundles" / "churn"
    created = "2026-11-03T12:00:00.000000Z"
    keys = Keys(workspace / "keys")
    register(source, destination=home, number=number, keys=keys, created=created)
    return home / str(number)


def uri(workspace: Path) -> str:
    return MlflowTracker(workspace)._connection.uri


@contextmanager
def at(address: str) -> Iterator[Any]:
    """Give the `mlflow` module pointed at an address, as a user would."""
    import mlflow

    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(address)
    try:
        yield mlflow
    finally:
        # MLflow writes the address into the environment as well.
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type, unused-ignore]


def test_tracker_and_registry_are_what_the_loop_asks_for(tmp_path: Path) -> None:
    assert isinstance(MlflowTracker(tmp_path), Tracker)
    assert isinstance(MlflowRegistry(tmp_path), Registry)
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_logged_with_its_numbers_tags_and_artifacts(workspace: Path) -> None:
    report = workspace / "report.html"
    report.write_text("<p>report</p>")
    tracker = MlflowTracker(workspace)
    found = tracker.log(RUN, RESULTS, [report, candidate(workspace / "bundle")])
    with at(uri(workspace)) as mlflow:
        run = mlflow.get_run(found)
        names = {item.path for item in mlflow.MlflowClient().list_artifacts(found)}
        experiment = mlflow.get_experiment(run.info.experiment_id)
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 12_500
    assert run.data.metrics == {
        "test.roc_auc": 0.84,
        "test.roc_auc.region_1": 0.8,
        "rows": 7043.0,
        "seconds": 12.5,
        "cpu_seconds": 20.25,
        "peak_bytes": 300_000_000.0,
        "bytes_written": 4096.0,
    }
    assert run.data.params["models"] == '["linear", "lightgbm"]'
    assert run.data.params["odd name_"] == '{"a": 1}'
    assert len(run.data.params["long"]) == 500
    assert run.data.tags["evermodel.run"] == RUN.id
    assert run.data.tags["evermodel.input.data"] == "d" * 64
    assert names == {"report.html", "bundle"}
    assert experiment.name == "churn"
    assert (workspace / "mlartifacts" / "churn" / found / "artifacts" / "report.html").exists()


def test_many_numbers_are_logged_in_several_batches(workspace: Path) -> None:
    results = [CheckResult(name=f"m{number}", value=float(number)) for number in range(230)]
    found = MlflowTracker(workspace).log(RUN, results, [])
    with at(uri(workspace)) as mlflow:
        metrics = mlflow.get_run(found).data.metrics
    assert {f"m{number}" for number in range(230)} <= set(metrics)


def test_a_run_whose_artifact_is_gone_is_shown_as_failed(workspace: Path) -> None:
    with pytest.raises(SurroundingsError, match="MLflow refused"):
        MlflowTracker(workspace).log(RUN, (), [workspace / "nowhere.html"])
    with at(uri(workspace)) as mlflow:
        runs = mlflow.search_runs(experiment_names=["churn"], output_format="list")
    assert [run.info.status for run in runs] == ["FAILED"]


def test_an_experiment_deleted_by_hand_comes_back(workspace: Path) -> None:
    tracker = MlflowTracker(workspace)
    tracker.log(RUN, (), [])
    with at(uri(workspace)) as mlflow:
        mlflow.delete_experiment(mlflow.get_experiment_by_name("churn").experiment_id)
    tracker.log(RUN, (), [])
    with at(uri(workspace)) as mlflow:
        assert len(mlflow.search_runs(experiment_names=["churn"], output_format="list")) == 2


def test_versions_and_aliases_are_mirrored_under_our_numbers(workspace: Path) -> None:
    run_id = MlflowTracker(workspace).log(RUN, RESULTS, [])
    registry = MlflowRegistry(workspace)
    assert registry.aliases("churn") == {}
    first = registry.register("churn", 4, registered(workspace, 4), run_id)
    second = registry.register("churn", 7, registered(workspace, 7), "")
    assert (first, second) == ("models:/churn/1", "models:/churn/2")
    registry.alias("churn", "champion", 4)
    registry.alias("churn", "challenger", 7)
    assert registry.aliases("churn") == {"champion": 4, "challenger": 7}
    registry.alias("churn", "champion", 7)
    registry.alias("churn", "challenger", None)
    registry.alias("churn", "challenger", None)
    assert registry.aliases("churn") == {"champion": 7}
    with pytest.raises(NotFoundError, match="version 5 of churn"):
        registry.alias("churn", "champion", 5)
    with at(uri(workspace)) as mlflow:
        version = mlflow.MlflowClient().get_model_version("churn", "1")
        (model,) = mlflow.get_run(run_id).outputs.model_outputs
    assert version.tags["evermodel.number"] == "4"
    assert len(version.tags["evermodel.digest"]) == 64
    assert version.run_id == run_id
    assert f"/{model.model_id}/" in version.source


def test_mirroring_a_version_again_changes_nothing(workspace: Path) -> None:
    registry = MlflowRegistry(workspace)
    bundle = registered(workspace)
    again = {registry.register("churn", 1, bundle, "") for _ in range(2)}
    assert again == {"models:/churn/1"}


def test_a_number_used_before_by_another_workspace_means_the_newest(workspace: Path) -> None:
    registry = MlflowRegistry(workspace)
    registry.register("churn", 1, registered(workspace), "")
    other = registered(workspace / "other", data="e" * 64)
    assert registry.register("churn", 1, other, "") == "models:/churn/2"
    registry.alias("churn", "champion", 1)
    with at(uri(workspace)) as mlflow:
        assert mlflow.MlflowClient().get_model_version_by_alias("churn", "champion").version == 2


def test_a_folder_that_is_no_bundle_is_refused(workspace: Path) -> None:
    (workspace / "empty").mkdir()
    with pytest.raises(BundleError, match="manifest"):
        MlflowRegistry(workspace).register("churn", 1, workspace / "empty", "")
    assert MlflowRegistry(workspace).aliases("churn") == {}


def _answers(bundle: Path, workspace: Path) -> dict[str, Any]:
    model = load(bundle, trusted=Keys(workspace / "keys").trusted())
    answers = model.predict(model.encode(ROWS))
    if answers.value is not None:
        return {"prediction": answers.value, "low": answers.low, "high": answers.high}
    assert answers.probability is not None
    found: dict[str, Any] = {"prediction": answers.label}
    if answers.probability.ndim == 1:
        return found | {"probability": answers.probability}
    columns = zip(answers.classes, answers.probability.T, strict=True)
    return found | {f"probability_{name}": column for name, column in columns}


def _same(frame: Any, expected: dict[str, Any]) -> None:
    assert list(frame.columns) == list(expected)
    for name, values in expected.items():
        if np.asarray(values).dtype == object:
            assert frame[name].tolist() == list(values)
        else:
            np.testing.assert_allclose(frame[name].to_numpy(float), values, rtol=0, atol=1e-12)


def _objects(pd: Any) -> Any:
    return pd.DataFrame(ROWS, dtype=object)


def _as_read_from_a_file(pd: Any) -> Any:
    import io

    # With an empty line for what is missing, columns are read as text, floats and objects.
    return pd.read_csv(io.StringIO(pd.DataFrame(ROWS).to_csv(index=False)), parse_dates=["since"])


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("form", [_objects, _as_read_from_a_file, lambda _: ROWS])
def test_the_model_in_mlflow_predicts_the_same(
    workspace: Path, task: Task, form: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    monkeypatch.setenv("EVERMODEL_KEYS", str(workspace / "keys"))
    bundle = registered(workspace, task=task)
    registry = MlflowRegistry(workspace)
    registry.register("churn", 1, bundle, "")
    registry.alias("churn", "champion", 1)
    with at(uri(workspace)) as mlflow:
        model = mlflow.pyfunc.load_model("models:/churn@champion")
    _same(model.predict(form(pd)), _answers(bundle, workspace))


def test_the_model_in_mlflow_has_signature_example_and_no_pickle(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERMODEL_KEYS", str(workspace / "keys"))
    registry = MlflowRegistry(workspace)
    registry.register("churn", 1, registered(workspace), "")
    with at(uri(workspace)) as mlflow:
        model = mlflow.pyfunc.load_model("models:/churn/1")
        example = model.input_example
    signature = model.metadata.signature
    assert signature.inputs.input_names() == list(ROWS[0])
    assert [str(kind) for kind in signature.outputs.input_types()] == [
        "DataType.string",
        "DataType.double",
    ]
    assert model.metadata.metadata["evermodel.inputs"]["since"] == "timestamp"
    assert model.predict(example)["prediction"].tolist() == ["yes", "yes", "yes"]
    files = [path for path in (workspace / "mlartifacts").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {"", ".json", ".yaml", ".txt", ".onnx"}
    assert not [path for path in files if path.read_bytes()[:1] == b"\x80"]


def test_whole_numbers_and_codes_as_pandas_reads_them_are_taken(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    monkeypatch.setenv("EVERMODEL_KEYS", str(workspace / "keys"))
    MlflowRegistry(workspace).register("churn", 1, registered(workspace), "")
    with at(uri(workspace)) as mlflow:
        model = mlflow.pyfunc.load_model("models:/churn/1")
    frame = pd.DataFrame(
        {
            "customer": ["a", "b"],
            "tenure": ["5", " "],
            "charges": [20, 30],
            "senior": [True, False],
            "contract": ["monthly", None],
            "region": [1.0, float("nan")],
            "since": [pd.Timestamp("2026-01-31T12:00:00"), pd.NaT],
        },
        index=[10, 20],
    )
    bundle = load(workspace / "bundles" / "churn" / "1", trusted=None)
    first = ROWS[0] | {"charges": 20.0}
    second = dict.fromkeys(ROWS[0]) | {"charges": 30.0, "senior": False}
    expected = bundle.predict(bundle.encode([first, second])).probability
    found = model.predict(frame)
    assert found.index.tolist() == [10, 20]
    assert expected is not None
    np.testing.assert_allclose(found["probability"], expected, rtol=0, atol=1e-12)


def test_a_model_altered_in_mlflow_is_refused_when_it_is_loaded(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERMODEL_KEYS", str(workspace / "keys"))
    MlflowRegistry(workspace).register("churn", 1, registered(workspace), "")
    (path,) = (workspace / "mlartifacts").rglob("bundle.json")
    path.write_bytes(path.read_bytes().replace(b"run-1", b"run-2"))
    with at(uri(workspace)) as mlflow, pytest.raises(BundleError, match="does not fit"):
        mlflow.pyfunc.load_model("models:/churn/1")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_is_not_there_is_said_so_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{_free_port()}")
    start = time.perf_counter()
    with pytest.raises(SurroundingsError, match="does not answer") as caught:
        MlflowTracker(tmp_path).log(RUN, (), [])
    assert "MLFLOW_TRACKING_URI" in caught.value.hint
    assert time.perf_counter() - start < 10


def test_a_server_that_listens_and_never_answers_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.perf_counter()
        with pytest.raises(SurroundingsError, match="does not answer"):
            MlflowRegistry(tmp_path).aliases("churn")
        assert time.perf_counter() - start < 10


@pytest.mark.parametrize("address", ["http://", "http://me:secret@127.0.0.1:1", "nonsense://x"])
def test_an_address_that_leads_nowhere_is_said_so_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(SurroundingsError, match="MLflow") as caught:
        MlflowTracker(tmp_path).log(RUN, (), [])
    assert "secret" not in str(caught.value)


def test_a_damaged_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"not a database, but long enough for one" * 100)
    with pytest.raises(SurroundingsError, match="MLflow refused"):
        MlflowTracker(tmp_path).log(RUN, (), [])


_QUIET = """
import sys
from pathlib import Path
from evermodel.store import SystemClock
from evermodel.store.mlflow_store import MlflowRegistry, MlflowTracker
from tests.store.test_mlflow import RESULTS, RUN, registered
folder = Path(sys.argv[1])
run_id = MlflowTracker(folder).log(RUN, RESULTS, [])
registry = MlflowRegistry(folder)
registry.register("churn", 1, registered(folder), run_id)
registry.alias("churn", "champion", 1)
"""


@pytest.mark.slow
def test_a_database_whose_making_was_killed_is_made_again(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _QUIET, str(tmp_path)]
    with subprocess.Popen(command) as process:
        end = time.monotonic() + 120
        # Well inside the making: the file has begun to grow.
        while not any(path.stat().st_size > 100_000 for path in tmp_path.glob(".mlflow.db.*.tmp")):
            assert time.monotonic() < end
            time.sleep(0.005)
        process.kill()
    assert not (tmp_path / "mlflow.db").exists()
    MlflowTracker(tmp_path).log(RUN, RESULTS, [])
    assert (tmp_path / "mlflow.db").exists()


@pytest.mark.slow
def test_mlflow_says_nothing_on_the_terminal_even_the_first_time(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "default", "-c", _QUIET, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    ours = [line for line in done.stderr.splitlines() if "mlflow" in line or "alembic" in line]
    assert ours == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    port = _free_port()
    folder = tmp_path / "server"
    folder.mkdir()
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/server.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | quiet, start_new_session=True
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(address, process)
            yield address
        finally:
            os.killpg(process.pid, 15)
            process.wait(timeout=30)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return
        except OSError:
            assert process.poll() is None, "the server ended by itself"
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.2)


@pytest.mark.slow
def test_the_same_holds_on_a_real_server(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("EVERMODEL_KEYS", str(tmp_path / "keys"))
    run_id = MlflowTracker(tmp_path).log(RUN, RESULTS, [candidate(tmp_path / "artifact")])
    registry = MlflowRegistry(tmp_path)
    bundle = registered(tmp_path, 3)
    assert registry.register("churn", 3, bundle, run_id) == "models:/churn/1"
    registry.alias("churn", "champion", 3)
    assert MlflowRegistry(tmp_path).aliases("churn") == {"champion": 3}
    with at(server) as mlflow:
        model = mlflow.pyfunc.load_model("models:/churn@champion")
        assert mlflow.get_run(run_id).data.metrics["test.roc_auc"] == 0.84
    _same(model.predict(pd.DataFrame(ROWS)), _answers(bundle, tmp_path))
    assert not (tmp_path / "mlflow.db").exists()
