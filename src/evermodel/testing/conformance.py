"""What a check promises to whoever runs it, as cases that a test can run one by one.

A check is a function of a polars DataFrame that returns a list of `CheckResult`
(`evermodel.protocols.Check`). Whatever the table, it ends by itself, leaves the table as it was,
finds the same again, and what it finds can be shown, kept and read by people.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import msgspec
import polars as pl

from evermodel.errors import masked
from evermodel.plugins import asks_for_project
from evermodel.protocols import Check
from evermodel.records import CheckResult, Verdict
from evermodel.testing.frames import Made, frames, frames_like, project_of

__all__ = ["Case", "check_conformance", "conformance_cases", "result_problems"]

_SECONDS = 10.0
_LONGEST = 500
_TEXTS = ("name", "subject", "slice", "unit", "why", "method")
_NUMBERS = ("value", "low", "high", "level", "min", "max")
_VERDICTS = get_args(Verdict)
_TRACEBACK = re.compile(r'Traceback \(most recent|File "[^"]*", line \d|object at 0x[0-9a-f]+')


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to test: calling it raises `AssertionError` where it does not hold."""

    name: str
    run: Callable[[], None]

    def __call__(self) -> None:
        """Run it."""
        self.run()

    def __str__(self) -> str:
        return self.name


def check_conformance(
    check: Check, *, like: pl.DataFrame | None = None, seconds: float = _SECONDS
) -> None:
    """Run a check on tables of every kind and say all that it does wrong.

    Parameters
    ----------
    check : callable
        A function of a polars DataFrame that returns a list of `CheckResult`. One with a parameter
        `project` is given one that predicts the last column of the table.
    like : polars.DataFrame, optional
        A table that the check is meant for, where it cannot do with any other: the tables it is
        run on are then made from this one.
    seconds : float
        How long it may take on one table.

    Raises
    ------
    AssertionError
        With a line for each thing that does not hold.
    InputError
        When `like` has no rows.

    Examples
    --------
    >>> def rows(frame):
    ...     why = "without rows there is nothing to learn from"
    ...     return [CheckResult(name="rows", value=frame.height, why=why)]
    >>> check_conformance(rows)
    >>> def some_rows(frame):
    ...     few = frame.height < 1
    ...     verdict = "warn" if few else "pass"
    ...     return [CheckResult(name="rows", value=frame.height, min=1, verdict=verdict)]
    >>> check_conformance(some_rows, like=pl.DataFrame({"age": [31, 52]}))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: some_rows on the table itself: result 'rows': why is empty...
    """
    told: list[str] = []
    cause: BaseException | None = None
    for case in conformance_cases(check, like=like, seconds=seconds):
        try:
            case()
        except AssertionError as error:
            told.append(str(error))
            cause = cause or error.__cause__
    if told:
        raise AssertionError("\n".join(told)) from cause


def conformance_cases(
    check: Check,
    *,
    like: pl.DataFrame | None = None,
    seconds: float = _SECONDS,
    name: str = "",
) -> list[Case]:
    """Return the cases of `check_conformance`, one for each table, to be run one by one.

    Under pytest: ``@pytest.mark.parametrize("case", conformance_cases(check), ids=str)``.

    Examples
    --------
    >>> def rows(frame):
    ...     return [CheckResult(name="rows", value=frame.height)]
    >>> str(conformance_cases(rows)[2])
    'rows on no rows'
    """
    name = name or getattr(check, "__name__", type(check).__name__)
    made = frames() if like is None else frames_like(like)
    return [_case(f"{name} on {kind}", check, make, seconds) for kind, make in made.items()]


def _case(name: str, check: Check, make: Made, seconds: float) -> Case:
    def run() -> None:
        told: list[str] = []
        cause = None
        try:
            told += _problems(check, make, seconds)
        except _EndedError as error:
            told.append(str(error))
            cause = error.__cause__
        if told:
            raise AssertionError("\n".join(f"{name}: {one}" for one in told)) from cause

    return Case(name, run)


class _EndedError(Exception):
    """The check itself raised; its own error is the cause."""


def _problems(check: Check, make: Made, seconds: float) -> Iterator[str]:
    frame = make()
    begun = time.perf_counter()
    found = _called(check, frame)
    took = time.perf_counter() - begun
    if took > seconds:
        yield f"it took {took:.1f} seconds, and {seconds:g} are allowed"
    whole = make()
    if frame.schema != whole.schema or not frame.equals(whole):
        yield "it changed the table it was given; work on a copy"
    if not isinstance(found, Sequence) or isinstance(found, str | bytes):
        yield f"it returned {_kind(found)}; return a list of CheckResult"
        return
    for place, result in enumerate(found):
        if not isinstance(result, CheckResult):
            yield f"item {place} of what it returned is {_kind(result)} and no CheckResult"
            continue
        for problem in result_problems(result, rows=whole.height):
            yield f"result {result.name!r}: {problem}"
    again = _called(check, whole)
    if _plain(again) != _plain(found):
        yield "it found something else the second time; give random numbers a seed and sort sets"


def _called(check: Check, frame: pl.DataFrame) -> Any:
    try:
        if asks_for_project(check):
            return check(frame, project=project_of(frame))  # type: ignore[call-arg]
        return check(frame)
    except KeyboardInterrupt:
        raise
    # A panic of polars and an exit are no Exception, and end a run all the same.
    except BaseException as error:
        said = str(error).strip().splitlines()
        what = f"it ended with {type(error).__name__}" + (f": {said[0]}" if said else "")
        if isinstance(error, pl.exceptions.ColumnNotFoundError | KeyError):
            what += "; return an empty list where a column is not there, or test it with like=TABLE"
        raise _EndedError(what) from error


def _kind(value: Any) -> str:
    kind = type(value).__name__
    return "None" if value is None else f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"


def _plain(found: Any) -> Any:
    """Return what two runs are compared by, whatever can be made of it."""
    try:
        return msgspec.json.encode(found, order="deterministic")
    except (TypeError, ValueError, OverflowError, RecursionError):
        return repr(found)


def result_problems(result: CheckResult, *, rows: int) -> list[str]:
    """Return, in sentences, what is wrong with one result about a table of so many rows.

    Examples
    --------
    >>> why = "few rows teach little"
    >>> result_problems(CheckResult(name="rows", value=3.0, why=why), rows=3)
    []
    >>> result_problems(CheckResult(name="share", value=0.5, low=0.4, high=0.6, why=why), rows=3)
    ['there is an interval and no n; say how many values it comes from']
    >>> result_problems(CheckResult(name="rows", value=3.0, verdict="warn", why=why), rows=3)
    ['the verdict is warn and there is no min and no max; say what the value is compared with']
    """
    wrong = [*_wrong_types(result)]
    if wrong:
        return wrong
    return [
        *_owed(result),
        *_interval(result),
        *_why(result),
        *_rows(result.evidence.get("rows", []), rows),
        *_written(result),
    ]


def _wrong_types(result: CheckResult) -> Iterator[str]:
    for name in _TEXTS:
        value = getattr(result, name)
        if not isinstance(value, str):
            yield f"{name} is {_kind(value)} and must be a text"
    if result.name == "":
        yield "it has no name"
    for name in _NUMBERS:
        value = getattr(result, name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{name} is {_kind(value)} and must be a number; write float(...)"
        elif not math.isfinite(value):
            yield f"{name} is {value}; use None where there is no number"
    # A record does not look at what it is made of: nothing here is sure to be of its type.
    fields: dict[str, Any] = {name: getattr(result, name) for name in result.__struct_fields__}
    if fields["n"] is not None and type(fields["n"]) is not int:
        yield f"n is {_kind(fields['n'])} and must be a whole number; write int(...)"
    if not isinstance(fields["anytime"], bool):
        yield f"anytime is {_kind(fields['anytime'])} and must be True or False"
    if fields["verdict"] not in _VERDICTS:
        yield f"the verdict is {fields['verdict']!r}; it must be one of {', '.join(_VERDICTS)}"
    if not isinstance(fields["evidence"], dict):
        yield f"evidence is {_kind(fields['evidence'])} and must be a dict"


def _owed(result: CheckResult) -> Iterator[str]:
    """Find what nobody could judge the result without."""
    if all(one is None for one in (result.value, result.low, result.high, result.n)):
        yield "there is no value, no interval and no n; say what was measured, or of how many"
    if result.verdict in ("warn", "fail") and result.min is None and result.max is None:
        yield (
            f"the verdict is {result.verdict} and there is no min and no max; say what the value "
            "is compared with"
        )


def _interval(result: CheckResult) -> Iterator[str]:
    low, high, value = result.low, result.high, result.value
    if low is not None and high is not None and low > high:
        yield f"low is {low:g} and above high, {high:g}"
    # What was computed in two ways may differ in the last digits.
    slack = 1e-9 * max((abs(one) for one in (low, high, value) if one is not None), default=0.0)
    if value is not None and low is not None and value < low - slack:
        yield f"value is {value:g} and below low, {low:g}"
    if value is not None and high is not None and value > high + slack:
        yield f"value is {value:g} and above high, {high:g}"
    if (low is not None or high is not None) and result.n is None:
        yield "there is an interval and no n; say how many values it comes from"
    if result.n is not None and result.n < 0:
        yield f"n is {result.n} and below 0"
    if result.level is not None and not 0 < result.level < 1:
        yield f"level is {result.level:g} and must lie between 0 and 1, such as 0.95"
    if result.min is not None and result.max is not None and result.min > result.max:
        yield f"min is {result.min:g} and above max, {result.max:g}: nothing can fulfil that"


def _why(result: CheckResult) -> Iterator[str]:
    why = result.why
    if not why.strip():
        if result.verdict != "pass":
            yield f"the verdict is {result.verdict} and why is empty"
        else:
            yield "why is empty; say in one sentence why this matters"
        return
    if _TRACEBACK.search(why):
        yield "why holds a traceback or the name of an object; say in a sentence what is wrong"
    elif "\n" in why or "\r" in why:
        yield "why has more than one line; make it one sentence"
    elif len(why) > _LONGEST:
        yield f"why has {len(why)} letters; make it one sentence of at most {_LONGEST}"
    elif len(why.split()) < 2:
        yield f"why is {why!r}; make it a sentence"
    if masked(why) != why:
        yield "why shows the password of an address"


def _rows(named: Any, rows: int) -> Iterator[str]:
    if not isinstance(named, Sequence) or isinstance(named, str | bytes):
        yield f"the rows of evidence are {_kind(named)} and must be a list of whole numbers"
        return
    for row in named:
        if isinstance(row, bool) or not isinstance(row, int):
            yield f"a row of evidence is {_kind(row)}; rows are whole numbers from 0"
            return
        if not 0 <= row < rows:
            yield f"evidence names row {row}, and the table has {rows}, counted from 0"
            return


def _written(result: CheckResult) -> Iterator[str]:
    """Find what cannot be kept as JSON and read again."""
    try:
        msgspec.json.decode(msgspec.json.encode(result), type=CheckResult)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        yield f"it cannot be kept as JSON: {error}"
