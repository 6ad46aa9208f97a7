"""The array types of this room, and what is taken for one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evermodel.errors import InputError

__all__ = ["Codes", "Floats", "codes", "floats", "sums", "weights"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def floats(values: npt.ArrayLike, *, name: str = "values") -> Floats:
    """Return finite float64 numbers.

    Raises
    ------
    InputError
        When a value is missing or infinite.

    Examples
    --------
    >>> floats([1, 2])
    array([1., 2.])
    """
    array = np.asarray(values, dtype=np.float64)
    wrong = int(array.size - np.count_nonzero(np.isfinite(array)))
    if wrong:
        raise InputError(f"{name} must be finite numbers", found=f"{wrong} of {array.size} are not")
    return array


def codes(values: npt.ArrayLike) -> Codes:
    """Return class numbers (0, 1, ...) as int64; booleans count as 0 and 1.

    Examples
    --------
    >>> codes([True, False])
    array([1, 0])
    """
    return np.asarray(values).astype(np.int64)


def sums(group: Codes, values: npt.ArrayLike, groups: int) -> Floats:
    """Return the sum of the values [N] of each of so many groups.

    Examples
    --------
    >>> sums(np.array([0, 1, 0]), [1.0, 2.0, 3.0], 2)
    array([4., 2.])
    """
    counted = np.asarray(values, np.float64)
    return np.asarray(np.bincount(group, counted, minlength=groups), np.float64)


def weights(values: npt.ArrayLike, rows: int) -> Floats:
    """Return what each row counts for: finite float64 numbers, 0 or more, one a row.

    Raises
    ------
    InputError
        When there are not as many as rows, or one is missing, infinite or negative.

    Examples
    --------
    >>> weights([1, 2], 2)
    array([1., 2.])
    """
    array = floats(values, name="weights")
    if array.shape != (rows,):
        raise InputError("there must be one weight for each row", found=f"{array.size} for {rows}")
    if (array < 0).any():
        wrong = int((array < 0).sum())
        raise InputError("weights must be 0 or more", found=f"{wrong} of {array.size} are negative")
    return array
