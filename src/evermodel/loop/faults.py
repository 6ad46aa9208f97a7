"""What is wrong with single rows that are to be scored: sentences they break, cells not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from evermodel.data.expectations import breaking
from evermodel.project.expectations import Expectation, parse_expectation
from evermodel.records import CheckResult

__all__ = [
    "UNREAD",
    "Fault",
    "broken_sentences",
    "columns_of",
    "reasons_of",
    "row_sentences",
    "unread",
]

Fault = tuple[str, str, pl.Series]
"""The column that is at fault, what is said of it, and which rows it is in."""
UNREAD = "not of the type that the model reads"

_SHOWN = 5


def row_sentences(sentences: Sequence[str], target: str) -> tuple[Expectation, ...]:
    """Return the sentences that one row alone can be held to, before its outcome is known.

    Examples
    --------
    >>> sentences = ["age is at least 0", "id is unique", "y is one of a"]
    >>> [one.column for one in row_sentences(sentences, "y")]
    ['age']
    """
    made = map(parse_expectation, sentences)
    return tuple(
        one for one in made if one is not None and one.kind != "unique" and one.column != target
    )


def broken_sentences(
    frame: pl.DataFrame, asked: Sequence[Expectation]
) -> Iterator[tuple[CheckResult, pl.Series]]:
    """Yield what rows break, and which do; no value is named, and no absent column is asked.

    Where a sentence cannot be asked of the type that a column has, no row is said to break it.
    """
    for one in asked:
        if one.column not in frame.columns:
            continue
        wrong = breaking(frame[one.column], one)
        said = one.text.removesuffix(" (warn)")
        why = f"you asked that {said}"
        if wrong is None:
            why = f"{said!r} cannot be asked of a column of this type ({frame[one.column].dtype})"
            wrong = pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
        elif not wrong.any():
            continue
        result = CheckResult(
            name="expectation",
            subject=one.column,
            slice=one.kind,
            value=float(wrong.sum()),
            unit="rows",
            n=frame.height,
            max=0,
            verdict=one.verdict if wrong.any() else "warn",
            why=why,
            evidence={"rows": wrong.arg_true().head(_SHOWN).to_list(), "examples": []},
        )
        yield result, wrong


def unread(
    latest: Mapping[str, Sequence[int]], lines: np.ndarray, inputs: Sequence[str]
) -> Iterator[tuple[str, pl.Series]]:
    """Yield the inputs with cells that cannot be read, and on which of the rows these are."""
    for name in inputs:
        wrong = np.isin(lines, latest.get(name, ()))
        if wrong.any():
            yield name, pl.Series(wrong)


def reasons_of(faults: Sequence[Fault], rows: int) -> tuple[pl.Series, list[str]]:
    """Return which of so many rows have a fault, and for each of these all of its reasons.

    Examples
    --------
    >>> wrong, reasons = reasons_of([("age", "too old", pl.Series([False, True]))], 2)
    >>> wrong.to_list(), reasons
    ([False, True], ['too old'])
    """
    said: dict[int, list[str]] = {}
    for _, reason, wrong in faults:
        for row in wrong.arg_true().to_list():
            said.setdefault(row, []).append(reason)
    mask = pl.int_range(rows, eager=True).is_in(list(said))
    return mask, ["; ".join(said[row]) for row in sorted(said)]


def columns_of(faults: Sequence[Fault], rows: int) -> list[tuple[str, ...]]:
    """Return for each row with a fault the columns that it is in.

    Examples
    --------
    >>> columns_of([("age", "too old", pl.Series([False, True]))], 2)
    [('age',)]
    """
    found: dict[int, set[str]] = {}
    for column, _, wrong in faults:
        for row in wrong.arg_true().to_list():
            found.setdefault(row, set()).add(column)
    return [tuple(sorted(found[row])) for row in sorted(found)]
