"""What holds for every test: no clock judges it, and it leaves its surroundings as they were."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.postgres import postgres

__all__ = ["postgres"]

# How long an example takes is the machine's affair, and no test's.
settings.register_profile("evermodel", deadline=None)
settings.load_profile("evermodel")

# What leads a later test to another place; libraries keep notes of their own there too.
_LEADS = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "EVERMODEL_")


def _surroundings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_LEADS)}


@pytest.fixture(autouse=True)
def _surroundings_are_left_as_they_were() -> Iterator[None]:
    """Fail a test that leaves an address or a setting behind for those after it."""
    before = _surroundings()
    yield
    after = _surroundings()
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    for name in changed:
        if name in before:
            os.environ[name] = before[name]
        else:
            del os.environ[name]
    assert not changed, f"this test leaves behind in the environment: {sorted(changed)}"
