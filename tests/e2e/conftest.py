"""The released project of the command line's tests."""

from tests.cli.conftest import live, released

__all__ = ["live", "released"]
