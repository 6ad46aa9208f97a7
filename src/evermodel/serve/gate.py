"""Says of each row which checks it breaks, and where it lies outside what training saw."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evermodel.bundle import Blocks, Checks, Input, Manifest, Rule
from evermodel.bundle.blocks import MISSING_TIME
from evermodel.project.expectations import number_word, number_words

__all__ = ["Finding", "Found", "Gate"]

_Wrong = Callable[[NDArray[Any]], NDArray[np.bool_]]
_BLOCK = {"number": "numbers", "boolean": "numbers", "category": "strings", "timestamp": "times"}
_REMEMBERED = 10_000
_LONGEST = 1_000
_NOTHING = Checks()


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one value of one row; "fail" is of a sentence of the project alone."""

    column: str
    kind: str
    why: str
    asked: str = ""
    level: Literal["fail", "warn"] = "warn"

    def told(self) -> dict[str, str]:
        """Return it as an answer holds it."""
        return {"column": self.column, "kind": self.kind, "why": self.why}


Found = dict[int, tuple[Finding, ...]]
"""Findings by row; rows without any are not in it."""


@dataclass(frozen=True, slots=True)
class _Test:
    block: str
    place: int
    finding: Finding
    wrong: _Wrong


class Gate:
    """Holds rows against the sentences of the project, and the ranges and values of training.

    Batches are looked at as a whole first, by the tightest bound of each column; only where that
    finds something, it is asked which row breaks what.

    Parameters
    ----------
    manifest : Manifest
    checks : Checks, optional

    Examples
    --------
    >>> age = Input(name="age", type="number", low=18.0, high=90.0)
    >>> gate = Gate(Manifest(project="p", task="binary", target="y", inputs=(age,)))
    >>> none = np.empty((2, 0))
    >>> rows = Blocks(np.array([[30.0], [300.0]]), none.astype(object), none.astype(np.int64))
    >>> gate.look(rows)[1][0].why
    'training saw 18 to 90'
    """

    def __init__(self, manifest: Manifest, checks: Checks = _NOTHING) -> None:
        of: dict[str, list[Input]] = {"numbers": [], "strings": [], "times": []}
        for item in manifest.inputs:
            of[_BLOCK[item.type]].append(item)
        rules: dict[str, list[Rule]] = {item.name: [] for item in manifest.inputs}
        for rule in checks.rules:
            rules.get(rule.column, []).append(rule)
        self._tests = [
            test
            for block, items in of.items()
            for place, item in enumerate(items)
            for test in _tests(item, block, place, rules[item.name])
        ]
        self._numbers = _Bounds(
            [_bounds(rules[item.name], item.low, item.high) for item in of["numbers"]]
        )
        self._times = _Bounds([_bounds(rules[item.name], None, None) for item in of["times"]])
        self._needed = [
            np.array([p for p, item in enumerate(of[block]) if _needs(rules[item.name])], np.intp)
            for block in ("numbers", "times")
        ]
        rest = [t for t in self._tests if t.finding.kind in ("one_of", "like")]
        self._listed = [test for test in rest if test.block != "strings"]
        self._words = [
            (place, _Allowed(item, rules[item.name]))
            for place, item in enumerate(of["strings"])
            if item.values is not None or rules[item.name]
        ]

    def look(self, blocks: Blocks) -> Found:
        """Return what is wrong with rows, by row.

        A missing value is outside of nothing, unless a sentence says that it is never missing.
        """
        if self._clean(blocks):
            return {}
        found: dict[int, list[Finding]] = {}
        for test in self._tests:
            column = getattr(blocks, test.block)[:, test.place]
            for row in np.flatnonzero(test.wrong(column)).tolist():
                told = found.setdefault(row, [])
                # What a sentence says of a column says more than where training ended.
                if all(one.column != test.finding.column for one in told) or _asked(test.finding):
                    told.append(test.finding)
        return {row: tuple(told) for row, told in sorted(found.items())}

    def breaks(self, blocks: Blocks) -> dict[int, list[tuple[str, str]]]:
        """Return column and sentence of what rows may not break, by row."""
        broken = {
            row: [(one.column, one.asked) for one in told if one.level == "fail"]
            for row, told in self.look(blocks).items()
        }
        return {row: told for row, told in broken.items() if told}

    def warns(self, blocks: Blocks) -> list[bool]:
        """Return for each row whether anything is wrong with it."""
        found = self.look(blocks)
        return [row in found for row in range(len(blocks))]

    def _clean(self, blocks: Blocks) -> bool:
        numbers, times = blocks.numbers, blocks.times
        needed, needed_times = self._needed
        if self._numbers.broken(numbers):
            return False
        if needed.size and np.isnan(numbers[:, needed]).any():
            return False
        for test in self._listed:
            if test.wrong(getattr(blocks, test.block)[:, test.place]).any():
                return False
        if self._words:
            columns = [*zip(*blocks.strings.tolist(), strict=True)]
            for place, allowed in self._words if columns else ():
                if not allowed.all(columns[place]):
                    return False
        if needed_times.size and (times[:, needed_times] == MISSING_TIME).any():
            return False
        return not (self._times.any and self._times.broken(_times(times)))


class _Bounds:
    """The tightest bounds of the columns of one block."""

    def __init__(self, bounds: list[tuple[float, float]]) -> None:
        self._low = np.array([low for low, _ in bounds])
        self._high = np.array([high for _, high in bounds])
        self.any = bool(np.isfinite(self._low).any() or np.isfinite(self._high).any())

    def broken(self, block: NDArray[np.float64]) -> bool:
        """Whether any value lies outside; one that is missing does not."""
        return self.any and bool(((block < self._low) | (block > self._high)).any())


class _Allowed:
    """Whether all words of a column are of those that are known and pass its sentences."""

    def __init__(self, item: Input, rules: list[Rule]) -> None:
        self._item = None if item.values is None else frozenset(item.values)
        self._rules = [_word_test(rule) for rule in rules]
        self._empty = not _needs(rules)
        self._passed: set[str] = set()

    def all(self, values: Collection[str]) -> bool:
        """Whether all pass; those that did are remembered, as far as they are few."""
        if self._passed.issuperset(values):
            return True
        for value in values:
            if value not in self._passed:
                if not self._fits(value):
                    return False
                if len(self._passed) < _REMEMBERED:
                    self._passed.add(value)
        return True

    def _fits(self, value: str) -> bool:
        if not value:
            return self._empty
        known = self._item is None or value in self._item
        return known and all(passes(value) for passes in self._rules)


def _asked(finding: Finding) -> bool:
    return finding.kind not in ("outside_training", "unseen_value")


def _needs(rules: Iterable[Rule]) -> bool:
    return any(rule.kind == "never missing" for rule in rules)


def _bounds(rules: list[Rule], low: float | None, high: float | None) -> tuple[float, float]:
    lows = [b for b in (low, *(rule.low for rule in rules)) if b is not None]
    highs = [b for b in (high, *(rule.high for rule in rules)) if b is not None]
    return max(lows, default=-np.inf), min(highs, default=np.inf)


def _times(block: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return times as numbers, and missing ones as no number."""
    return np.where(block == MISSING_TIME, np.nan, block.astype(np.float64))


def _tests(item: Input, block: str, place: int, rules: list[Rule]) -> Iterable[_Test]:
    """Yield all that is asked of one column: first what sentences ask, then what training saw."""
    for rule in rules:
        kind, why = rule.kind.replace(" ", "_"), f"the project asks that {rule.text}"
        finding = Finding(item.name, kind, why, rule.text, rule.level)
        yield _Test(block, place, finding, _breaks(item, block, rule))
    if item.low is not None or item.high is not None:
        low = -np.inf if item.low is None else item.low
        high = np.inf if item.high is None else item.high
        seen = Finding(item.name, "outside_training", f"training saw {low:.10g} to {high:.10g}")
        yield _Test(block, place, seen, lambda values: (values < low) | (values > high))
    if item.values is not None and block == "strings":
        known = frozenset((*item.values, ""))
        unseen = Finding(item.name, "unseen_value", "training did not see this value")
        yield _Test(block, place, unseen, _each(lambda value: value not in known))


def _breaks(item: Input, block: str, rule: Rule) -> _Wrong:
    """Return what tells which values of a column break a rule."""
    if rule.kind == "never missing":
        if block == "numbers":
            return lambda values: np.isnan(values)
        missing: Any = "" if block == "strings" else MISSING_TIME
        return _each(lambda value: value == missing)
    if block == "strings":
        passes = _word_test(rule)
        return _each(lambda value: bool(value) and not passes(value))
    if rule.kind in ("one of", "like"):
        if block == "times":
            return lambda values: np.zeros(len(values), dtype=bool)
        boolean = item.type == "boolean"
        fits = _word_test(rule, numbers=not boolean)
        return _each(lambda value: value == value and not fits(_word(value, boolean=boolean)))
    low = -np.inf if rule.low is None else rule.low
    high = np.inf if rule.high is None else rule.high
    if block == "times":
        return lambda values: (_times(values) < low) | (_times(values) > high)
    return lambda values: (values < low) | (values > high)


def _word_test(rule: Rule, *, numbers: bool = False) -> Callable[[str], bool]:
    if rule.kind == "one of":
        return (number_words(rule.words) if numbers else frozenset(rule.words)).__contains__
    if rule.kind == "like":
        matches = re.compile(rule.words[0]).fullmatch
        # What is longer is none: even a harmless pattern takes the square of the length.
        return lambda value: len(value) <= _LONGEST and matches(value) is not None
    return lambda value: True


def _word(value: float, *, boolean: bool) -> str:
    """Return a number as a sentence names it."""
    if boolean:
        return "true" if value else "false"
    return number_word(value)


def _each(wrong: Callable[[Any], bool]) -> _Wrong:
    """Return a test of values one by one, which costs little where they are few."""
    return lambda values: np.fromiter(map(wrong, values.tolist()), bool, len(values))
