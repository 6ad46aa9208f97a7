"""What has to be true of every row, written as a sentence: "age is between 0 and 120"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from re import _parser as re_parser  # type: ignore[attr-defined]  # nothing public tells the parts
from typing import Any, Literal

from evermodel.errors import InputError
from evermodel.records import Record, Verdict

__all__ = ["Expectation", "bound_of", "number_word", "number_words", "parse_expectation"]

Kind = Literal["never missing", "unique", "between", "at least", "at most", "one of", "like"]

_FORM = re.compile(
    r"(?P<column>.+?) is (?P<rule>never missing|unique|between .+? and .+?|at least .+?|at most .+?"
    r"|one of .+?|like .+?)(?P<warn> \(warn\))?",
    re.DOTALL,
)
_FORMS = (
    '"COLUMN is never missing", "COLUMN is unique", "COLUMN is between A and B", '
    '"COLUMN is at least A", "COLUMN is at most B", "COLUMN is one of a, b, c" or '
    '"COLUMN is like REGULAR EXPRESSION"'
)


class Expectation(Record, frozen=True, kw_only=True):
    """One sentence of `[data] checks`; `verdict` is what a row that breaks it means."""

    text: str
    column: str
    kind: Kind
    low: str = ""
    high: str = ""
    words: tuple[str, ...] = ()
    verdict: Verdict = "fail"


def parse_expectation(text: str) -> Expectation | None:
    """Return a sentence as an expectation, or None where it is none but the name of a check.

    Examples
    --------
    >>> found = parse_expectation("age is between 0 and 120 (warn)")
    >>> found.column, found.kind, found.low, found.high, found.verdict
    ('age', 'between', '0', '120', 'warn')
    >>> parse_expectation("house_rules:no_minors") is None
    True

    Raises
    ------
    InputError
        When it begins as a sentence and goes on as none that is known.
    """
    if " is " not in text:
        return None
    found = _FORM.fullmatch(text.strip())
    if found is None:
        what = "this sentence about a column is not understood"
        raise InputError(what, where="data.checks", found=text, hint=f"write {_FORMS}")
    column, rule = found["column"].strip("`"), found["rule"]
    more: dict[str, object] = {"verdict": "warn" if found["warn"] else "fail"}
    kind: Kind
    if rule in ("never missing", "unique"):
        kind = "unique" if rule == "unique" else "never missing"
    elif rule.startswith("between "):
        low, _, high = rule.removeprefix("between ").partition(" and ")
        kind, more = "between", {**more, "low": low.strip(), "high": high.strip()}
    elif rule.startswith("at least "):
        kind, more = "at least", {**more, "low": rule.removeprefix("at least ").strip()}
    elif rule.startswith("at most "):
        kind, more = "at most", {**more, "high": rule.removeprefix("at most ").strip()}
    elif rule.startswith("one of "):
        kind, more = "one of", {**more, "words": tuple(_words(rule.removeprefix("one of ")))}
    else:
        kind, more = "like", {**more, "words": (_pattern(rule.removeprefix("like "), text),)}
    made: Expectation = Expectation(text=text, column=column, kind=kind, **more)  # type: ignore[arg-type]
    for bound in (made.low, made.high):
        if bound and bound_of(bound) is None:
            what = "the bound of an expectation is neither a number nor a date"
            hint = "write 12.5, or a date such as 2026-01-31"
            raise InputError(what, where="data.checks", found=bound, hint=hint)
    return made


def _words(text: str) -> Iterator[str]:
    for match in re.finditer(r'\s*(?:"([^"]*)"|([^,]+))\s*(?:,|$)', text):
        yield match[1] if match[1] is not None else match[2].strip()


def _pattern(text: str, sentence: str) -> str:
    """Return a regular expression that files and requests are held against alike, and soon."""
    try:
        parts = list(re_parser.parse(text))
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        what = "the regular expression of an expectation is none"
        found = f"{sentence}: {error}"
        raise InputError(what, where="data.checks", found=found) from None
    trouble = _trouble(parts)
    if trouble:
        what = f"the regular expression of an expectation has {trouble}"
        hint = "write it without: one request could hold up all others, or a file not be judged"
        raise InputError(what, where="data.checks", found=sentence, hint=hint)
    return text


_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_LOOKS = ("ASSERT", "ASSERT_NOT", "GROUPREF", "GROUPREF_EXISTS", "ATOMIC_GROUP")
_FEW_TIMES = 10


def _trouble(parts: Sequence[Any], *, repeated: bool = False) -> str:
    """Return what makes a pattern one that may take for ever, or that not all engines know.

    Backtracking over a repeat inside a repeat takes time that doubles with each sign (Davis et al.
    2018, "The Impact of Regular Expression Denial of Service").
    """
    for name, held in ((str(code), held) for code, held in parts):
        if name in _LOOKS or name == "POSSESSIVE_REPEAT":
            return "a look around, a reference to a group or a group that gives nothing back"
        again = name in _REPEATS and int(held[1]) > 1
        if again and repeated and int(held[1]) > _FEW_TIMES:
            return "a repeat inside a repeat"
        if name == "BRANCH" and repeated:
            return "alternatives inside a repeat"
        for inner in _inner(name, held):
            found = _trouble(inner, repeated=repeated or again)
            if found:
                return found
    return ""


def _inner(name: str, held: Any) -> list[Sequence[Any]]:
    if name in _REPEATS:
        return [list(held[2])]
    if name == "SUBPATTERN":
        return [list(held[3])]
    return [list(branch) for branch in held[1]] if name == "BRANCH" else []


def bound_of(text: str) -> float | datetime | None:
    """Return a bound as a number or a moment, or None where it is neither.

    Examples
    --------
    >>> bound_of("2.5"), bound_of("2026-01-31").day, bound_of("many")
    (2.5, 31, None)
    """
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    # Tables hold times without a zone, in UTC.
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def number_word(value: float) -> str:
    """Return a number as sentences name it, in files and requests alike: 7.0 is 7.

    Examples
    --------
    >>> number_word(7.0), number_word(1e-7), number_word(1e16), number_word(-0.0)
    ('7', '1e-7', '10000000000000000', '0')
    """
    return str(int(value)) if value.is_integer() else repr(value).replace("e-0", "e-")


def number_words(words: Sequence[str]) -> frozenset[str]:
    """Return the words of a sentence as the numbers of a column are named: 1.50 is 1.5.

    Examples
    --------
    >>> sorted(number_words(["1.50", "1e-07", "none"]))
    ['1.5', '1e-7', 'none']
    """
    return frozenset(map(_renamed, words))


def _renamed(word: str) -> str:
    try:
        return number_word(float(word))
    except ValueError:
        return word
