"""Where the real data sets lie: `shared/data` beside the checkout, or EVERMODEL_REAL_DATA."""

import os
from pathlib import Path

import pytest

_FOLDER = Path(
    os.environ.get("EVERMODEL_REAL_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
)


def real_data(relative: str) -> Path:
    """Return the path of a real data file, or skip the test and say that it is not there."""
    path = _FOLDER / relative
    if not path.exists():
        pytest.skip(f"the real data set {relative} is not on this machine")
    return path
