"""What can be measured of a table for its datasheet, without showing any row of a person.

Three rules keep rows out. Of a column that holds personal data, names rows or holds free text, only
counts are told. Values are shown only of columns with few of them, each in at least ten rows. A
range is told between two quantiles with at least ten rows at or beyond each; least and greatest
values, which are single rows, only of tables in which nothing speaks of people.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

from evermodel.data.intake import take
from evermodel.data.naming import is_identifier, is_row_number, time_rank, words
from evermodel.data.personal.hiding import of_persons
from evermodel.data.roles import find_roles, is_text, protected_columns
from evermodel.project import Project
from evermodel.records import Record, Report
from evermodel.report.wording import number

__all__ = ["LEAST_ROWS", "MOST_VALUES", "ColumnFacts", "TableFacts", "table_facts"]

LEAST_ROWS = 10
"""Rows that a value, or the end of a range, stands for at the least."""

MOST_VALUES = 20
"""Different values of a column up to which they are shown."""

_LEAST_FOR_RANGE = 5 * LEAST_ROWS
_MOST_CLASSES = 100
_TAIL = 0.01
_GROUPED = 10_000
_YES_NO = {"yes", "no", "y", "n", "true", "false", "0", "1", "ja", "nein"}
_PERSONAL_CHECK = "personal_data"
_REACHED = {
    "email", "mail", "phone", "telephone", "mobile", "fax", "passport", "ssn", "iban", "street",
    "birthdate", "birthday", "dob", "geburtsdatum", "telefon", "handy", "strasse", "straße",
    "anschrift",
}  # fmt: skip
_CALLED = {"surname", "firstname", "lastname", "fullname", "username", "vorname", "nachname"}
_PERSONS = {
    "customer", "client", "user", "patient", "person", "member", "subject", "player", "student",
    "employee", "subscriber", "guest", "driver", "borrower", "household", "applicant", "kunde",
    "kunden", "patienten", "mitglied", "mitarbeiter",
}  # fmt: skip
_NAMES = _PERSONS | {
    "first", "last", "full", "middle", "given", "family", "maiden", "contact", "owner", "author",
}  # fmt: skip
_OF_NUMBERS = {"number", "no", "nr", "address", "nummer"}


class ColumnFacts(Record, frozen=True, kw_only=True):
    """What is told of one column; `hidden` says why its values are not.

    `values` are pairs of a value and its rows, the most frequent first. `low` and `high` bound all
    but a share `tail` of the rows at either end; `least` and `greatest` are the ends themselves.
    """

    name: str
    type: str
    role: str = ""
    rows: int = 0
    missing: int = 0
    distinct: int = 0
    whole: bool = False
    values: tuple[tuple[str, int], ...] = ()
    low: str = ""
    high: str = ""
    tail: float = 0.0
    least: str = ""
    greatest: str = ""
    hidden: str = ""

    @property
    def identifies(self) -> bool:
        """Whether every row has a value of its own."""
        return 0 < self.rows == self.distinct and not self.missing


class TableFacts(Record, frozen=True, kw_only=True):
    """What is told of a table: counts, columns, how it was read, its time range and its classes."""

    rows: int
    columns: tuple[ColumnFacts, ...]
    target: str = ""
    time: str = ""
    first: str = ""
    last: str = ""
    duplicates: int | None = None
    personal: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    about_people: bool = False
    kind: str = ""
    separator: str = ""
    encoding: str = ""
    decimal: str = ""
    dates: str = ""
    left_out: int = 0
    missing_words: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> ColumnFacts:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def table_facts(
    table: Any, *, report: Report | None = None, project: Project | None = None
) -> TableFacts:
    """Return what may be told of a table.

    Parameters
    ----------
    table : tables.Table or polars.DataFrame
    report : Report, optional
        Of the checks of this table: its findings of personal data hide columns, and its count of
        equal rows is taken over.
    project : Project, optional
        Says which columns are target, key and time; without it, keys are found by their look.

    Examples
    --------
    >>> frame = pl.DataFrame({"plan": ["a", "b"] * 30})
    >>> found = table_facts(frame.with_columns(email=pl.lit("ada@shop.example")))
    >>> found["plan"].values, found["email"].values, found["email"].hidden
    ((('a', 30), ('b', 30)), (), 'personal data')

    Raises
    ------
    DataError
        When it is no table or has no columns.
    """
    intake = take(table)
    frame, understood = intake.frame, intake.understood
    columns = {series.name: series for series in frame.get_columns()}
    roles = _roles(columns, project)
    personal = _personal(frame, report)
    protected = {advice.column for advice in protected_columns(columns)}
    if project is not None:
        protected |= set(project.data.protected) & set(columns)
    about_people = bool(personal or protected) or any(map(_counts_persons, columns))
    types = {one.name: one.type for one in getattr(understood, "columns", ())}
    told = tuple(
        _column(
            series,
            type=types.get(name) or _type(series),
            role=roles.get(name, ""),
            hidden=_hidden(series, roles.get(name, ""), name in personal),
            ends=not about_people,
        )
        for name, series in columns.items()
    )
    time = _time(columns, roles, personal, unsure=not about_people)
    first, last = _span(columns[time]) if time else ("", "")
    counts = intake.missing.values()
    return TableFacts(
        rows=frame.height,
        columns=told,
        target=next((name for name, role in roles.items() if role == "target"), ""),
        time=time,
        first=first,
        last=last,
        duplicates=_duplicates(report),
        personal=tuple(name for name in columns if name in personal),
        protected=tuple(name for name in columns if name in protected),
        about_people=about_people,
        kind=getattr(understood, "kind", ""),
        separator=getattr(understood, "separator", ""),
        encoding=getattr(understood, "encoding", ""),
        decimal=getattr(understood, "decimal", ""),
        dates=getattr(understood, "dates", ""),
        left_out=getattr(understood, "rejected_rows", 0),
        missing_words=tuple(sorted({word for found in counts for word in found if word})),
    )


def _roles(columns: dict[str, pl.Series], project: Project | None) -> dict[str, str]:
    """Return the role of the columns that have one, as a reader would say it."""
    # Counting the values of a column called "count" would clash with the name of the counts.
    found = find_roles({name: series.alias("value") for name, series in columns.items()})
    keys = {advice.column for advice in found.key}
    numbered = {
        advice.column
        for advice in found.leave_out
        if is_row_number(advice.column) or "identifier" in advice.why or "numbers the" in advice.why
    }
    roles = dict.fromkeys(keys | numbered, "key")
    if project is not None:
        data = project.data
        roles |= dict.fromkeys(data.key, "key")
        roles |= {name: role for name, role in ((data.time, "time"), (data.split, "split")) if name}
        roles[data.target] = "target"
    return {name: roles[name] for name in columns if name in roles}


def _personal(frame: pl.DataFrame, report: Report | None) -> set[str]:
    """Return the columns that a scan or their own name calls personal; any hint is enough."""
    results = report.results if report is not None else ()
    scanned = {result.subject for result in results if result.name == _PERSONAL_CHECK}
    scanned |= of_persons(frame, results)
    return {
        series.name
        for series in frame.get_columns()
        if series.name in scanned or (_names_persons(series.name) and not _yes_or_no(series))
    }


def _yes_or_no(series: pl.Series) -> bool:
    """Say whether a column only tells that something is there, as "Phone" with "Yes" and "No"."""
    known = series.drop_nulls().unique()
    return known.len() <= len(_YES_NO) and {str(v).lower() for v in known} <= _YES_NO


def _names_persons(name: str) -> bool:
    """Say whether a name is that of what a person is called or reached by."""
    found = [word for word in words(name) if word not in _OF_NUMBERS]
    if set(found) & _CALLED or set(found[-1:]) & _REACHED:
        return True
    return found[-1:] == ["name"] and (len(found) == 1 or bool(set(found) & _NAMES))


def _counts_persons(name: str) -> bool:
    """Say whether a name is that of the number of a person, as "CustomerID"."""
    return bool(set(words(name)) & _PERSONS) and is_identifier(name)


def _hidden(series: pl.Series, role: str, personal: bool) -> str:
    if personal:
        return "personal data"
    if role == "key":
        return "names rows"
    return "free text" if is_text(series) else ""


def _type(series: pl.Series) -> str:
    if series.dtype == pl.Boolean:
        return "boolean"
    if series.dtype.is_numeric():
        return "number"
    return "timestamp" if isinstance(series.dtype, pl.Datetime) else "category"


def _column(series: pl.Series, *, type: str, role: str, hidden: str, ends: bool) -> ColumnFacts:
    known = series.drop_nulls()
    facts = ColumnFacts(
        name=series.name,
        type="text" if hidden == "free text" else type,
        role=role,
        rows=series.len(),
        missing=series.null_count(),
        distinct=known.n_unique(),
        whole=series.dtype.is_integer(),
        hidden=hidden,
    )
    if hidden or not known.len():
        return facts
    most = _MOST_CLASSES if role == "target" else MOST_VALUES
    if facts.distinct <= most:
        counts = known.alias("value").value_counts(name="rows")
        if bool((counts["rows"] >= LEAST_ROWS).all()):
            counts = counts.sort("rows", "value", descending=[True, False])
            shown = _day if _whole_days(known) else _written
            pairs = tuple((shown(value), int(n)) for value, n in counts.iter_rows())
            return msgspec.structs.replace(facts, values=pairs)
    if series.dtype.is_numeric() or series.dtype.is_temporal():
        return _ranged(facts, known, ends=ends)
    few = "some values stand in fewer than ten rows"
    hidden = few if facts.distinct <= most else "many different values"
    return msgspec.structs.replace(facts, hidden=hidden)


def _ranged(facts: ColumnFacts, known: pl.Series, *, ends: bool) -> ColumnFacts:
    if known.dtype.is_float():
        known = known.filter(known.is_finite())
    rows = known.len()
    if rows < _LEAST_FOR_RANGE:
        return msgspec.structs.replace(facts, hidden="too few rows to show a range")
    ordered = known.sort()
    beyond = max(-int(-_TAIL * rows // 1), LEAST_ROWS)
    shown = _day if _spans_days(ordered) else _written
    facts = msgspec.structs.replace(
        facts,
        low=shown(ordered[beyond - 1]),
        high=shown(ordered[rows - beyond]),
        tail=beyond / rows,
    )
    if not ends:
        return facts
    return msgspec.structs.replace(facts, least=shown(ordered[0]), greatest=shown(ordered[-1]))


def _spans_days(ordered: pl.Series) -> bool:
    return ordered.dtype.is_temporal() and _day(ordered[0]) != _day(ordered[-1])


def _whole_days(known: pl.Series) -> bool:
    return isinstance(known.dtype, pl.Datetime) and bool((known == known.dt.truncate("1d")).all())


def _day(value: Any) -> str:
    return f"{value:%Y-%m-%d}" if isinstance(value, datetime) else str(value)


def _written(value: Any) -> str:
    """Return a value as a reader writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, int) and abs(value) < _GROUPED:
        return str(value)  # years among them
    return number(value) if isinstance(value, int | float) else str(value)


def _time(
    columns: dict[str, pl.Series], roles: dict[str, str], personal: Collection[str], *, unsure: bool
) -> str:
    """Return the column that says when rows happened: the project's, or the likeliest by name.

    A date whose name says nothing, of which people may have one each, is taken only where `unsure`.
    """
    stamps = [
        name
        for name, series in columns.items()
        if isinstance(series.dtype, pl.Datetime) and name not in personal and series.count()
    ]
    told = [name for name in stamps if roles.get(name) == "time"]
    ranks = {name: time_rank(name) for name in stamps}
    likely = sorted((name for name in stamps if ranks[name] <= unsure), key=ranks.__getitem__)
    return next(iter([*told, *likely]), "")


def _span(series: pl.Series) -> tuple[str, str]:
    known: Sequence[Any] = (series.min(), series.max())
    return _day(known[0]), _day(known[1])


def _duplicates(report: Report | None) -> int | None:
    try:
        found = report.find("duplicate_rows") if report is not None else None
    except KeyError:
        return None
    return int(found.value) if found is not None and found.value is not None else None
