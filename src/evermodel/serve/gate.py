"""Says of each row whether it lies within what the model was trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evermodel.bundle import Blocks, Manifest

__all__ = ["Gate"]


class Gate:
    """Compares rows with the ranges and values of the training rows in the manifest.

    Parameters
    ----------
    manifest : Manifest

    Examples
    --------
    >>> from evermodel.bundle import Input
    >>> age = Input(name="age", type="number", low=18.0, high=90.0)
    >>> gate = Gate(Manifest(project="p", task="binary", target="y", inputs=(age,)))
    >>> none = np.empty((2, 0))
    >>> gate.warns(Blocks(np.array([[30.0], [300.0]]), none.astype(object), none.astype(np.int64)))
    [False, True]
    """

    def __init__(self, manifest: Manifest) -> None:
        numbers = [item for item in manifest.inputs if item.type in ("number", "boolean")]
        strings = [item for item in manifest.inputs if item.type == "category"]
        self._low = np.array([-np.inf if i.low is None else i.low for i in numbers])
        self._high = np.array([np.inf if i.high is None else i.high for i in numbers])
        self._bounded = bool(np.isfinite(self._low).any() or np.isfinite(self._high).any())
        self._known = [
            (column, frozenset((*item.values, "")))
            for column, item in enumerate(strings)
            if item.values is not None
        ]

    def warns(self, blocks: Blocks) -> list[bool]:
        """Return for each row whether any of its values was never seen in training.

        A missing value does not warn: the model was trained to read it.
        """
        outside: NDArray[np.bool_] = np.zeros(len(blocks), dtype=bool)
        if self._bounded:
            below, above = blocks.numbers < self._low, blocks.numbers > self._high
            outside |= (below | above).any(axis=1)
        for column, known in self._known:
            values = blocks.strings[:, column].tolist()
            if not known.issuperset(values):
                outside |= np.array([value not in known for value in values])
        return [bool(row) for row in outside.tolist()]
