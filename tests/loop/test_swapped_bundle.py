"""A bundle that is validly signed, but not the one that the ledger knows under its number."""

import shutil
from collections.abc import Callable

import pytest

from evermodel.errors import BundleError
from evermodel.loop.registry import mirror
from evermodel.loop.releasing import evaluate, promote, register, rollback
from evermodel.loop.reproducing import reproduce
from evermodel.loop.scoring import score
from evermodel.loop.serving import application
from evermodel.loop.state import load_version, read_state
from evermodel.loop.training import train
from tests.loop.shop import Shop

pytestmark = pytest.mark.mlflow


def test_another_versions_bundle_is_never_served_scored_or_promoted(
    shop: Callable[..., Shop],
) -> None:
    workspace = shop().workspace
    train(workspace, seed=1)
    assert register("", workspace, force=True).facts["version"] == 2
    shutil.rmtree(workspace.bundles / "2")
    shutil.copytree(workspace.bundles / "1", workspace.bundles / "2")
    with pytest.raises(BundleError, match="not the one that was registered"):
        promote(2, workspace, force=True)
    with pytest.raises(BundleError, match="not the one that was registered"):
        score(workspace.project.source, workspace.root / "out.csv", workspace, number=2)
    assert application(workspace).live.current is not None
    shutil.rmtree(workspace.bundles / "1")
    shutil.copytree(workspace.bundles / "2", workspace.bundles / "1")
    (workspace.bundles / "1" / "model.onnx").write_bytes(b"other")
    with pytest.raises(BundleError, match="altered"):
        application(workspace)


def test_another_versions_bundle_is_never_measured_fitted_again_or_gone_back_to(
    shop: Callable[..., Shop],
) -> None:
    workspace = shop().workspace
    train(workspace, seed=1)
    register("", workspace)
    promote(2, workspace, force=True)
    shutil.rmtree(workspace.bundles / "1")
    shutil.copytree(workspace.bundles / "2", workspace.bundles / "1")
    verbs: tuple[Callable[[], object], ...] = (
        lambda: evaluate(1, workspace),
        lambda: reproduce(1, workspace),
        lambda: rollback(workspace),
        lambda: load_version(workspace, read_state(workspace).version(1)),
    )
    for verb in verbs:
        with pytest.raises(BundleError, match="not the one that was registered"):
            verb()
    assert read_state(workspace).live == 2


def test_another_trainings_bundle_is_never_measured_or_signed(shop: Callable[..., Shop]) -> None:
    workspace = shop().workspace
    train(workspace, seed=1)
    place = workspace.candidates / read_state(workspace).candidate["run"]  # type: ignore[index]
    shutil.rmtree(place)
    shutil.copytree(workspace.bundles / "1", place)
    with pytest.raises(BundleError, match="not the one that this training left"):
        evaluate(None, workspace)
    with pytest.raises(BundleError, match="not the one that this training left"):
        register("", workspace)
    assert set(read_state(workspace).versions) == {1}


def test_another_versions_bundle_is_never_shown_in_mlflow(
    shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = shop().workspace
    train(workspace, seed=1)
    with monkeypatch.context() as patched:
        patched.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        assert register("", workspace).find("mlflow").verdict == "warn"
    shutil.rmtree(workspace.bundles / "2")
    shutil.copytree(workspace.bundles / "1", workspace.bundles / "2")
    assert "not the one that was registered" in mirror(workspace)[0].why
    assert "version 2" not in read_state(workspace).mirrored
