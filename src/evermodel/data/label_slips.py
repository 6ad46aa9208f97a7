"""Slips in the writing of an answer with two classes, each of which would be a class of its own."""

from __future__ import annotations

from collections.abc import Mapping

from evermodel.data.cells.likeness import distance

__all__ = ["label_slips"]

_OF_ALL, _OF_CLASS = 0.02, 0.1
_TWO, _SECOND = 0.9, 0.02


def label_slips(rows: Mapping[str, int]) -> dict[str, str]:
    """Return rare labels with the one of two frequent labels that each is surely a slip of.

    One letter is another, missing, doubled or swapped with its neighbour, or upper and lower case
    differ. Where two labels do not make up nearly all rows, or both are as near, there is no slip.

    Parameters
    ----------
    rows : Mapping of str to int
        How often each label stands.

    Examples
    --------
    >>> label_slips({"ja": 500, "nein": 300, "nien": 3, "Jaa": 1, "?": 2})
    {'nien': 'nein', 'Jaa': 'ja'}
    >>> label_slips({"low": 500, "high": 300, "medium": 3})
    {}
    >>> label_slips({"a1": 90, "b": 90, "a2": 1})
    {}
    """
    total = sum(rows.values())
    usual = sorted(rows, key=lambda label: (-rows[label], label))[:2]
    if len(rows) < 3 or sum(rows[label] for label in usual) < _TWO * total:
        return {}
    second = rows[usual[1]]
    if second < _SECOND * total:
        return {}
    found = {}
    for label, n in rows.items():
        if label in usual or n > min(_OF_ALL * total, _OF_CLASS * second):
            continue
        near = [other for other in usual if _is_slip(label, other)]
        if len(near) == 1:
            found[label] = near[0]
    return found


def _is_slip(label: str, other: str) -> bool:
    one, two = (" ".join(text.casefold().split()) for text in (label, other))
    if one == two:
        return True
    digits = [[letter for letter in text if letter.isdigit()] for text in (one, two)]
    return len(one) > 1 and digits[0] == digits[1] and distance(one, two, 1) <= 1
