"""How alike two texts are, as slips of the keyboard count it."""

from __future__ import annotations

import re

__all__ = ["distance", "lookalike"]

_OTHERS = re.compile(r"\D+")
_NUMBER = re.compile(r"[+-]?[\d.,]+")
_LONGEST = 300


def distance(one: str, other: str, most: int) -> int:
    """Return how many letters differ, are missing, added or swapped; `most` + 1 when it is more.

    This is the restricted Damerau-Levenshtein distance (Damerau 1964, "A technique for computer
    detection and correction of spelling errors").

    Examples
    --------
    >>> distance("ningham", "ningxam", 2), distance("form", "from", 2), distance("a", "xyz", 2)
    (1, 1, 3)
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    start = 0
    least = min(len(one), len(other))
    while start < least and one[start] == other[start]:
        start += 1
    end = 0
    while end < least - start and one[-1 - end] == other[-1 - end]:
        end += 1
    a, b = one[start : len(one) - end], other[start : len(other) - end]
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        now = [i]
        for j, facing in enumerate(b, 1):
            cost = min(row[j] + 1, now[j - 1] + 1, row[j - 1] + (letter != facing))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == facing:
                cost = min(cost, before[j - 2] + 1)
            now.append(cost)
        if min(now) > most:
            return most + 1
        before, row = row, now
    return min(row[-1], most + 1)


def lookalike(value: str, usual: str, share: float = 0.34) -> bool:
    """Say whether a value is likely a slip in writing the usual one.

    At most about a third of the letters may differ. Another number is another value, not a slip:
    digits may be lost to letters, but none may stand for another.

    Examples
    --------
    >>> lookalike("100x9", "10019"), lookalike("10018", "10019"), lookalike("Yes", "yes")
    (True, False, True)
    >>> lookalike("Bostom", "Boston"), lookalike("Boston", "Austin"), lookalike("S", "C")
    (True, False, False)
    """
    if value == usual or max(len(value), len(usual)) > _LONGEST:
        return False
    if value.casefold().split() == usual.casefold().split():
        return True
    if min(len(value), len(usual)) < 2:
        return False
    most = max(1, int(share * max(len(value), len(usual))))
    return _same_digits(value, usual) and distance(value, usual, most) <= most


def _same_digits(value: str, usual: str) -> bool:
    """Say whether the digits of a text are those of the usual one, or what is left of them."""
    one, other = _OTHERS.sub("", value), _OTHERS.sub("", usual)
    if one == other:
        return True
    if not other:
        return True
    if len(one) >= len(other) or _NUMBER.fullmatch(value):
        return False
    rest = iter(other)
    return all(digit in rest for digit in one)
