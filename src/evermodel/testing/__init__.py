"""Conformance suites that authors of plugins run too: what a check must do on any table."""

from evermodel.testing.conformance import (
    Case,
    check_conformance,
    conformance_cases,
    result_problems,
)
from evermodel.testing.frames import frames, frames_like
from evermodel.testing.offered import check_plugins_of

__all__ = [
    "Case",
    "check_conformance",
    "check_plugins_of",
    "conformance_cases",
    "frames",
    "frames_like",
    "result_problems",
]
