"""What is printed of personal columns: where it stands and how it is written, never the value."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import msgspec
import polars as pl

from evermodel.data.personal.columns import personal_columns
from evermodel.data.personal.values import masked
from evermodel.records import CheckResult
from evermodel.tables import Profile, Summary

__all__ = ["hidden", "notes_without", "of_persons", "profile_without", "summary_without"]

_LOOKED_AT = 20_000
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_NUMBER = re.compile(r"^[-+.e\d]+(?= is in )")
# Their examples are no values, or hidden already.
_NO_VALUES = frozenset({"personal_data", "personal_data_scan", "column_missing", "rejected_rows"})


def of_persons(
    frame: pl.DataFrame, found: Iterable[CheckResult] = (), *, profile: Profile | None = None
) -> frozenset[str]:
    """Return the columns of which no value is to be shown: those where anything of persons stands.

    This is the one place that says so. Where the results `found` hold a scan of the table it is
    taken over; else the first 20,000 rows are looked at. `profile` tells of earlier rows, too, for
    what comes in a column of persons today may be written otherwise.

    Examples
    --------
    >>> rows = pl.DataFrame({"mail": ["ada@example.org", "alan@example.org"], "age": [36, 41]})
    >>> of_persons(rows)
    frozenset({'mail'})
    """
    known = list(found)
    if any(each.name == "personal_data_scan" for each in known):
        named = {each.subject for each in known if _by_its_values(each)}
    else:
        named = set(personal_columns(frame.head(_LOOKED_AT).to_dict()))
    return frozenset(named | (_of_profile(profile) if profile is not None else set()))


def summary_without(summary: Summary, personal: Collection[str]) -> Summary:
    """Return a summary in which no value of these columns stands."""
    columns = tuple(
        msgspec.structs.replace(
            column, of_persons=True, top=(), numbers=None, words=None, first="", last=""
        )
        if column.name in personal
        else column
        for column in summary.columns
    )
    return msgspec.structs.replace(summary, columns=columns)


def notes_without(notes: Iterable[str], personal: Collection[str]) -> tuple[str, ...]:
    """Return what was said of the reading of a table, without what stands in these columns.

    Examples
    --------
    >>> notes_without(["mail: 'ada@x.org' on line 5 is odd", "n: 'x' is odd"], {"mail"})
    ("mail: '***@*.***' on line 5 is odd", "n: 'x' is odd")
    """
    return tuple(
        _QUOTED.sub(lambda m: masked(m[0]), note)
        if any(note.startswith(f"{name}: ") for name in personal)
        else note
        for note in notes
    )


def profile_without(profile: Profile, personal: Collection[str]) -> Profile:
    """Return a profile in which no value of these columns stands."""
    columns = tuple(
        msgspec.structs.replace(
            column, values=(), value_counts=(), minimum=None, maximum=None, mean=None, sd=None,
            edges=(), counts=(),
        )
        if column.name in personal
        else column
        for column in profile.columns
    )  # fmt: skip
    return msgspec.structs.replace(profile, columns=columns)


def _by_its_values(result: CheckResult) -> bool:
    told = result.name == "personal_data" and result.verdict != "unknown"
    return told and result.evidence.get("basis") != "name"


def _of_profile(profile: Profile) -> set[str]:
    columns = {}
    for column in profile.columns:
        ends = [column.minimum, column.maximum] if column.type == "number" else []
        columns[column.name] = pl.Series(ends or column.values, strict=False)
    return set(personal_columns(columns))


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
    why = _NUMBER.sub(lambda m: masked(m[0]), why)
    evidence = dict(result.evidence)
    if examples:
        evidence["examples"] = list(map(masked, examples))
    return msgspec.structs.replace(result, why=why, evidence=evidence)


def _rows(result: CheckResult) -> list[int]:
    found = list(result.evidence.get("rows", ()))
    groups = result.evidence.get("groups", ())
    for group in groups if isinstance(groups, (list, tuple)) else ():  # or how many there are
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
