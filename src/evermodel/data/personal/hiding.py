"""What is printed of personal columns: where it stands and how it is written, never the value."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import msgspec
import polars as pl

from evermodel.data.personal.columns import Personal, personal_columns
from evermodel.data.personal.values import masked
from evermodel.records import CheckResult

__all__ = ["hidden", "of_persons"]

_LOOKED_AT = 20_000
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
# Their examples are no values, or hidden already.
_NO_VALUES = frozenset({"personal_data", "personal_data_scan", "column_missing", "rejected_rows"})


def of_persons(frame: pl.DataFrame) -> frozenset[str]:
    """Return the columns of which no value is to be shown, judged by the first 20,000 rows.

    Examples
    --------
    >>> rows = pl.DataFrame({"mail": ["ada@example.org", "alan@example.org"], "age": [36, 41]})
    >>> of_persons(rows)
    frozenset({'mail'})
    """
    found: Mapping[str, Personal] = personal_columns(frame.head(_LOOKED_AT).to_dict())
    return frozenset(name for name, one in found.items() if one.away or one.age)


def hidden(
    results: Iterable[CheckResult], frame: pl.DataFrame, personal: Collection[str]
) -> tuple[CheckResult, ...]:
    """Return results in which every letter and digit of a personal value is replaced by a star.

    Parameters
    ----------
    results : iterable of CheckResult
    frame : pl.DataFrame
        The rows that they speak of.
    personal : collection of str
        The columns of `of_persons`.

    Examples
    --------
    >>> rows = pl.DataFrame({"mail": ["ada@example.org", "alan@example.org"], "age": [36, 41]})
    >>> wrong = CheckResult(name="spelling", subject="mail", why="'ada' is odd",
    ...                     evidence={"rows": [0], "examples": ["ada@example.org"]})
    >>> (found,) = hidden([wrong], rows, {"mail"})
    >>> found.why, found.evidence["examples"]
    ("'***' is odd", ['***@*******.***'])
    """
    if not personal:
        return tuple(results)
    return tuple(_hidden(result, frame, personal) for result in results)


def _hidden(result: CheckResult, frame: pl.DataFrame, personal: Collection[str]) -> CheckResult:
    if result.name in _NO_VALUES:
        return result
    examples = [str(each) for each in result.evidence.get("examples", ())]
    if not {result.subject, *result.subject.split(", ")} & set(personal):
        rows = _rows(result)
        shown = [_row_hidden(text, rows, frame, personal) for text in examples] if rows else []
        if not rows or shown == examples:
            return result
        return msgspec.structs.replace(result, evidence={**result.evidence, "examples": shown})
    names = set(frame.columns)
    why = _QUOTED.sub(lambda m: m[0] if m[0][1:-1] in names else masked(m[0]), result.why)
    evidence = dict(result.evidence)
    if examples:
        evidence["examples"] = list(map(masked, examples))
    return msgspec.structs.replace(result, why=why, evidence=evidence)


def _rows(result: CheckResult) -> list[int]:
    found = list(result.evidence.get("rows", ()))
    for group in result.evidence.get("groups", ()):
        found += group if isinstance(group, (list, tuple)) else []
    return [row for row in found[:50] if isinstance(row, int)]


def _row_hidden(
    text: str, rows: Iterable[int], frame: pl.DataFrame, personal: Collection[str]
) -> str:
    """Return an example that holds values of whole rows, also where it ends within a value."""
    for row in rows:
        if not 0 <= row < frame.height:
            continue
        for name in personal:
            value = frame[name][row] if name in frame.columns else None
            if value is None:
                continue
            for form in {str(value), repr(value)}:
                text = text.replace(form, masked(form)) if len(form) > 1 else text
                cut = next((n for n in range(len(form), 2, -1) if text.endswith(form[:n])), 0)
                text = text[: len(text) - cut] + masked(form[:cut])
    return text
