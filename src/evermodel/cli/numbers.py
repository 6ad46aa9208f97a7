"""Whole numbers on the command line: out of their range, they are refused in words."""

from __future__ import annotations

import argparse
from collections.abc import Callable

__all__ = ["port", "seed", "version_number"]


def _whole(low: int, high: int | None = None) -> Callable[[str], int]:
    wanted = f"from {low} on" if high is None else f"from {low} to {high}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if number < low or (high is not None and number > high):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {wanted}")
        return number

    return read


port = _whole(0, 65_535)
seed = _whole(0, 2**32 - 1)  # what every library takes
version_number = _whole(1)
