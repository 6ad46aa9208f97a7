"""A bundle that is validly signed, but not the one that the ledger knows under its number."""

import shutil
from collections.abc import Callable

import pytest

from evermodel.errors import BundleError
from evermodel.loop.releasing import promote, register
from evermodel.loop.scoring import score
from evermodel.loop.serving import application
from evermodel.loop.training import train
from tests.loop.shop import Shop


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
