"""The loader that MLflow calls: rows in any usual form, keys from where the workspace is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evermodel.bundle import load
from evermodel.errors import BundleError, RequestError
from evermodel.register import register
from evermodel.register.pyfunc import BundleModel, _load_pyfunc
from evermodel.store import Keys
from tests.register.tiny import ROWS, candidate

pd = pytest.importorskip("pandas", reason="the extra `loop` is not installed")


@pytest.fixture
def model(tmp_path: Path) -> BundleModel:
    return BundleModel(load(candidate(tmp_path / "candidate"), trusted=None))


def _expected(model: BundleModel, rows: list[dict[str, Any]]) -> Any:
    return model.model.predict(model.model.encode(rows)).probability


def test_an_array_has_the_inputs_as_columns(model: BundleModel) -> None:
    array = pd.DataFrame(ROWS, dtype=object).to_numpy()
    np.testing.assert_array_equal(model.predict(array)["probability"], _expected(model, ROWS))


def test_no_rows_give_no_rows(model: BundleModel) -> None:
    found = model.predict(pd.DataFrame(columns=list(ROWS[0])))
    assert list(found.columns) == ["prediction", "probability"]
    assert len(found) == 0


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("tenure", "5", 5.0),
        ("tenure", " ", None),
        ("tenure", np.int64(5), 5.0),
        ("tenure", np.float32(5), 5.0),
        ("tenure", float("nan"), None),
        ("senior", "True", True),
        ("senior", np.bool_(False), False),
        ("senior", 1, True),
        ("senior", 0.0, False),
        ("region", 1, "1"),
        ("region", 1.0, "1"),
        ("region", None, None),
        ("since", np.datetime64("2026-01-31T12:00:00.000000001"), "2026-01-31T12:00:00"),
        ("since", "2026-01-31", "2026-01-31T00:00:00"),
    ],
)
def test_a_value_is_read_as_pandas_may_write_it(
    model: BundleModel, name: str, written: Any, meant: Any
) -> None:
    rows = [ROWS[0] | {name: meant}]
    frame = pd.DataFrame([ROWS[0] | {name: written}], dtype=object)
    np.testing.assert_array_equal(model.predict(frame)["probability"], _expected(model, rows))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tenure", "many"),
        ("tenure", "inf"),
        ("charges", [1]),
        ("senior", "perhaps"),
        ("since", "31/01/2026"),
        ("since", 5),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(
    model: BundleModel, name: str, value: Any
) -> None:
    frame = pd.DataFrame([ROWS[0], ROWS[0]], dtype=object)
    frame.at[1, name] = value
    with pytest.raises(RequestError, match=name) as caught:
        model.predict(frame)
    assert "row 1" in str(caught.value)


def test_an_absent_column_is_refused_by_name(model: BundleModel) -> None:
    with pytest.raises(RequestError, match="'senior' is absent"):
        model.predict(pd.DataFrame(ROWS).drop(columns="senior"))


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EVERMODEL_KEYS", raising=False)
    register(
        candidate(tmp_path / "candidate"),
        destination=tmp_path / "bundles" / "churn",
        number=1,
        keys=Keys(tmp_path / "project" / ".evermodel" / "keys"),
        created="2026-11-03T12:00:00.000000Z",
    )
    return tmp_path / "bundles" / "churn" / "1"


def test_the_keys_of_the_workspace_around_are_used(
    registered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "project" / "notebooks"
    inside.mkdir()
    monkeypatch.chdir(inside)
    assert _load_pyfunc(str(registered)).model.manifest.version == 1


def test_the_keys_that_the_environment_names_win(
    registered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("EVERMODEL_KEYS", str(tmp_path / "nobody"))
    with pytest.raises(BundleError, match="not trusted"):
        _load_pyfunc(str(registered))


def test_without_any_keys_it_is_said_that_the_signature_was_not_checked(
    registered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with pytest.warns(UserWarning, match="signature was not checked"):
        assert _load_pyfunc(str(registered)).model.manifest.version == 1
    (registered / "model.onnx").write_bytes(b"altered")
    with (
        pytest.warns(UserWarning, match="not checked"),
        pytest.raises(BundleError, match="altered"),
    ):
        _load_pyfunc(str(registered))
