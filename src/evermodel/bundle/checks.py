"""What has to be true of every row that a bundle answers: the sentences of its project, as a part.

A bundle without the part asks for nothing; one whose part is of a later format is refused, since
checks that are not understood would be checks that are not made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from evermodel.bundle.manifest import Input
from evermodel.errors import BundleError
from evermodel.project.expectations import Expectation, bound_of, parse_expectation

__all__ = ["CHECKS_VERSION", "Checks", "Rule", "read_checks", "rules_of"]

CHECKS_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Kind = Literal["never missing", "between", "at least", "at most", "one of", "like"]


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sentence about an input. Bounds of times are microseconds since 1970 (UTC)."""

    column: str
    kind: _Kind
    text: str
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    level: Literal["fail", "warn"] = "fail"


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a bundle's part `checks`, format version 1."""

    format_version: int = CHECKS_VERSION
    rules: tuple[Rule, ...] = ()


def rules_of(sentences: Iterable[str], inputs: Sequence[Input]) -> Checks:
    """Return the sentences of `[data] checks` that can be asked of one row of a request.

    That leaves out checks in Python, what a row alone cannot show ("is unique"), and columns that
    a request may lack: the target, the key, and those that are not learned from.

    Examples
    --------
    >>> age = Input(name="age", type="number")
    >>> found = rules_of(["age is between 0 and 120", "id is unique", "rules:mine"], [age])
    >>> [(rule.column, rule.low, rule.high, rule.level) for rule in found.rules]
    [('age', 0.0, 120.0, 'fail')]
    """
    types = {item.name: item.type for item in inputs}
    made = map(parse_expectation, sentences)
    asked = [one for one in made if one is not None and one.column in types]
    rules = [_rule(one, of_time=types[one.column] == "timestamp") for one in asked]
    return Checks(rules=tuple(rule for rule in rules if rule is not None))


def _rule(made: Expectation, *, of_time: bool) -> Rule | None:
    if made.kind == "unique":
        return None
    low, high = (_number(bound, of_time=of_time) for bound in (made.low, made.high))
    return Rule(
        column=made.column,
        kind=made.kind,
        text=made.text.removesuffix(" (warn)"),
        low=low,
        high=high,
        words=made.words,
        level="warn" if made.verdict == "warn" else "fail",
    )


def _number(text: str, *, of_time: bool) -> float | None:
    bound = bound_of(text) if text else None
    if isinstance(bound, datetime):
        return (bound.replace(tzinfo=UTC) - _EPOCH).total_seconds() * 1e6 if of_time else None
    return None if of_time else bound


def read_checks(content: bytes | None) -> Checks:
    """Return the checks of a bundle; none where it has no such part.

    Raises
    ------
    BundleError
        When they are damaged, or of a later format.

    Examples
    --------
    >>> read_checks(None).rules, read_checks(b'{"format_version": 1, "rules": []}').rules
    ((), ())
    """
    if content is None:
        return Checks()
    try:
        version = msgspec.json.decode(content, type=dict[str, msgspec.Raw])["format_version"]
        if int(bytes(version)) > CHECKS_VERSION:
            raise BundleError(
                "the bundle's checks are of a later format than this Evermodel reads",
                found=f"format {int(bytes(version))}, this reads up to {CHECKS_VERSION}",
                hint="pip install --upgrade evermodel",
            )
        return msgspec.json.decode(content, type=Checks)
    except (msgspec.DecodeError, KeyError, ValueError, RecursionError) as error:
        raise BundleError("the bundle's checks are damaged", found=str(error)[:200]) from None
