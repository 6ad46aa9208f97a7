"""What holds for every test: no clock judges it, and it leaves its surroundings as they were."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.postgres import postgres

__all__ = ["postgres"]

# How long an example takes is the machine's affair, and no test's.
settings.register_profile("evermodel", deadline=None)
settings.load_profile("evermodel")

# In a job in the background of a shell Ctrl-C is ignored, and so it would be in all that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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


# Files of which one worker runs all tests, as what they share takes long to make.
_TOGETHER = (
    "tests/demo/test_playing.py",
    "tests/e2e/test_real_input.py",
    "tests/store/test_mlflow.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker one test after the other, or all of a file that stays together.

    The mark `xdist_group` is not heeded by pytest-xdist 3.8 beside pytest 9.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file if file in _TOGETHER else nodeid

    return Scheduling(config, log)
