"""Tables that stand side by side in one sheet, parted by an empty column."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

__all__ = ["Blocks"]

_LEAST_ROWS = 3


class Blocks:
    """Which columns of a sheet hold anything, and how far down each group of them goes.

    Parameters
    ----------
    named : sequence of int
        The columns that have a name.

    Examples
    --------
    >>> blocks = Blocks([0, 1, 3, 4])
    >>> for row in range(9):
    ...     blocks.add([True, True, False, row < 4, row < 4])
    >>> blocks.main()
    ([0, 1], [[3, 4]])
    """

    def __init__(self, named: Sequence[int]) -> None:
        self.used = set(named)
        self.rows = 0
        self._named = sorted(named)
        # Of a column, how many cells are filled, and whether they are all in the first rows.
        self._filled: dict[int, int] = {}
        self._last: dict[int, int] = {}

    @property
    def parted(self) -> bool:
        """Whether an unused column may still part the named ones."""
        return any(
            not self.used.issuperset(range(one + 1, other)) for one, other in pairwise(self._named)
        )

    def add(self, filled: Sequence[bool]) -> None:
        """Take the next row: which of its cells are filled."""
        if any(filled):
            self.rows += 1
        for place, full in enumerate(filled):
            if full:
                self.used.add(place)
                self._filled[place] = self._filled.get(place, 0) + 1
                self._last[place] = self.rows

    def main(self) -> tuple[list[int], list[list[int]]]:
        """Return the columns of the longest table, and those of each table beside it.

        A group of columns is a table of its own where it is filled from the first row on without a
        gap, and ends where at least half of the rows of the longest group are still to come.
        """
        groups = self._groups()
        longest = max(groups, key=lambda group: (self._count(group), len(group)))
        others = [group for group in groups if self._is_apart(group, self._count(longest))]
        kept = [place for group in groups if group not in others for place in group]
        return kept, others

    def _groups(self) -> list[list[int]]:
        groups: list[list[int]] = []
        for place in sorted(self.used):
            if groups and place == groups[-1][-1] + 1:
                groups[-1].append(place)
            else:
                groups.append([place])
        return groups

    def _count(self, group: Sequence[int]) -> int:
        return max(self._filled.get(place, 0) for place in group)

    def _is_apart(self, group: Sequence[int], rows: int) -> bool:
        count = self._count(group)
        ends = max(self._last.get(place, 0) for place in group)
        return rows >= _LEAST_ROWS and 0 < count == ends <= rows / 2
