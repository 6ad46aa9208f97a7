"""Say whether a table is fit to learn from, and agrees with the project."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

from evermodel.data.column_checks import (
    column_checks,
    evidence,
    misfit_checks,
    nothing_there,
    reading_checks,
)
from evermodel.data.copies.twins import duplicates
from evermodel.data.intake import Intake, numbers, row_text, take
from evermodel.data.leakage.identifiers import identifiers
from evermodel.data.own_checks import own_checks
from evermodel.data.personal import personal_data
from evermodel.data.personal.hiding import hidden, of_persons
from evermodel.data.target_checks import target_checks
from evermodel.data.thorough import across_split, people, wrong_labels
from evermodel.data.times_in_order import births_to_come, time_gaps
from evermodel.errors import nearest
from evermodel.project import ROW_ORDER, Project
from evermodel.protocols import Progress
from evermodel.records import REGRESSION, CheckResult, Report
from evermodel.tables import Profile

__all__ = ["check"]

_FEW_ROWS = 100
_MOST_REJECTED = 0.05
_MOST_REPEATED = 0.01
_MOST_TWICE = 0.05
_MOST_OF_BOOLEAN = 3  # true, false and none
_TOO_FEW = "too few rows to learn from"
_OWN_KEY = "each key names one row, so that an answer that arrives for it finds that row"
# What is said of a column because it is learned from.
_OF_FEATURES = ("constant", "many_values", "missing")


def _silent(step: str, share: float) -> None:
    """Report no progress."""


def check(
    table: Any,
    *,
    project: Project | None = None,
    reference: Profile | None = None,
    now: datetime | None = None,
    tested: pl.Series | None = None,
    thorough: bool = False,
    progress: Progress = _silent,
) -> Report:
    """Return what was found in a table (what `tables.read` returned, or a polars DataFrame).

    Only what makes training wrong or impossible fails; the rest warns or is told. Rows in the
    evidence count from 0. `reference` is the profile of earlier data, to compare columns with;
    without `now`, no date is judged to lie in the future. `tested` says for each row whether the
    project's split tests on it. What takes more than a look at each column is done where it is to
    be `thorough`: who is in the data, what stands in for a protected trait. `progress` is called
    with what is looked at.

    Examples
    --------
    >>> report = check(pl.DataFrame({"x": [1.0, float("inf")] * 60}))
    >>> report.verdict, report.find("infinite", "x").value
    ('fail', 60)

    Raises
    ------
    DataError
        When it is no table or has no columns.
    """
    intake = take(table)
    results = [
        *_rows(intake),
        *_alike_names(intake.frame),
        *misfit_checks(table),
        *reading_checks(intake.frame, intake.understood),
    ]
    if project is not None:
        results += _schema(intake.frame, project)
    if reference is not None:
        results += _against(intake.frame, reference, project)
    unused: set[str] = set()
    if project is not None:
        unused = {project.data.target, *project.data.key, *project.data.leave_out}
    if intake.rows:
        progress("looking for rows that repeat", 0.0)
        results += _repeated(intake.frame, project, thorough=thorough)
        for place, column in enumerate(intake.frame.columns):
            progress(
                f"looking at column {place + 1} of {intake.frame.width}", _after(place, intake)
            )
            words = intake.missing.get(column, {})
            found = column_checks(intake.frame[column], missing_words=words, now=now)
            results += [r for r in found if column not in unused or r.name not in _OF_FEATURES]
        gaps = map(time_gaps, intake.frame.get_columns())
        births = tuple(births_to_come(intake.frame, now))
        unborn = {each.subject for each in births}
        results = [
            each
            for each in results
            if each.name != "date_in_the_future" or each.subject not in unborn
        ]
        results += [*filter(None, gaps), *births]
        if project is not None:
            results += _untimed(intake.frame, project)
            progress("looking at what is predicted", 0.4)
            results += _of_target(
                intake.frame, project, results, tested, thorough=thorough, progress=progress
            )
        if thorough:
            progress("looking for personal data", 0.7)
            results += personal_data(intake.frame)
        if project is not None and thorough:
            progress("comparing groups of people", 0.8)
            results += people(intake.frame, project)
        if project is not None:
            progress("running the project's own checks", 0.95)
            results += own_checks(intake.frame, project)
    if any(result.evidence.get("examples") for result in results):
        results = list(hidden(results, intake.frame, of_persons(intake.frame, results)))
    lines = getattr(table, "lines", ())
    if len(lines) != intake.rows:  # rows of elsewhere stand among those of the file
        lines = ()
    return Report(
        verb="check",
        subject=project.name if project is not None else "",
        results=tuple(with_lines(result, lines) for result in results),
        facts={
            "rows": intake.rows,
            "columns": intake.frame.width,
            "understood": list(getattr(intake.understood, "notes", ())),
        },
    )


def _alike_names(frame: pl.DataFrame) -> Iterator[CheckResult]:
    """Yield a failure where names differ only by case, as versions of the data cannot."""
    same: dict[str, list[str]] = {}
    for name in frame.columns:
        same.setdefault(name.lower(), []).append(name)
    twice = [names for names in same.values() if len(names) > 1]
    if twice:
        yield CheckResult(
            name="names_alike",
            subject=", ".join(twice[0]),
            value=float(len(twice)),
            unit="names",
            n=frame.width,
            max=0,
            verdict="fail",
            why="versions of the data are kept in tables that do not tell upper from lower case: "
            "give each column a name of its own",
            evidence={"rows": [], "examples": [name for names in twice for name in names][:6]},
        )


def _after(place: int, intake: Intake) -> float:
    """Return which share of the work is done when the columns before this place are looked at."""
    return 0.2 + 0.2 * place / intake.frame.width


def _of_target(
    frame: pl.DataFrame,
    project: Project,
    known: Sequence[CheckResult],
    tested: pl.Series | None,
    *,
    thorough: bool,
    progress: Progress,
) -> list[CheckResult]:
    """Return what is worth knowing about the target that is not among the `known` results."""
    data = project.data
    if data.target not in frame.columns:
        return []
    target, columns = frame[data.target], _features(frame, project)
    told = {each.name for each in known if each.name == "conflicting_labels"}
    odd = {each.subject for each in known if (each.name, each.verdict) == ("many_values", "warn")}
    found = target_checks(columns, target, data.task, positive=data.positive)
    results = [each for each in found if each.name not in told]
    leaking = {each.subject for each in results if each.name == "leakage"}
    results += identifiers(columns, odd | leaking)
    if thorough:
        progress("looking for outcomes that may be wrong", 0.45)
        results += wrong_labels(frame, project, columns)
        progress("looking across the split", 0.6)
        across = across_split(frame, project, tested, columns)
        results += [each for each in across if not _said(each, leaking)]
    return results


def _said(result: CheckResult, leaking: Collection[str]) -> bool:
    """Whether a formula of the target is told already, column by column."""
    named = result.name == "target_from_columns"
    return named and set(result.subject.split(", ")) <= set(leaking)


def with_lines(result: CheckResult, lines: Sequence[int]) -> CheckResult:
    """Return a result whose evidence says where in the file its rows stand.

    Examples
    --------
    >>> odd = CheckResult(name="missing", subject="age", evidence={"rows": [0, 2]})
    >>> with_lines(odd, [2, 3, 5]).evidence["lines"]
    [2, 5]
    """
    rows = result.evidence.get("rows", ())
    if not lines or not rows or "lines" in result.evidence:
        return result
    places = [lines[row] for row in rows]
    return msgspec.structs.replace(result, evidence={**result.evidence, "lines": places})


def _features(frame: pl.DataFrame, project: Project) -> Mapping[str, pl.Series]:
    data = project.data
    away = {data.target, data.time, data.split, *data.key, *data.leave_out}
    return {column: frame[column] for column in frame.columns if column not in away}


def _rows(intake: Intake) -> Iterator[CheckResult]:
    few = intake.rows < _FEW_ROWS
    yield CheckResult(
        name="rows",
        subject="rows",
        value=float(intake.rows),
        unit="rows",
        n=intake.rows,
        min=2 if intake.rows < 2 else _FEW_ROWS,
        verdict="fail" if intake.rows < 2 else "warn" if intake.rows < _FEW_ROWS else "pass",
        why=_TOO_FEW if few else f"fewer than {_FEW_ROWS} would be {_TOO_FEW}",
    )
    understood = intake.understood
    rejected = int(getattr(understood, "rejected_rows", 0))
    if not rejected:
        return
    unread = int(understood.unread_rows)
    share = unread / max(unread + intake.rows, 1)
    named = list(getattr(understood, "rejected", ()))[:5]
    yield CheckResult(
        name="rejected_rows",
        subject="rows",
        value=float(rejected),
        unit="rows",
        n=rejected + intake.rows,
        max=_MOST_REJECTED * (unread + intake.rows) if share > _MOST_REJECTED else 0,
        verdict="fail" if share > _MOST_REJECTED else "warn",
        why="what could not be read, or is no row of the table, is left aside, never guessed at",
        evidence={
            "rows": [row.line for row in named],
            "lines": [row.line for row in named],
            "examples": [row.reason for row in named],
            "counted": "lines of the file, from 1",
        },
    )


def _schema(frame: pl.DataFrame, project: Project) -> Iterator[CheckResult]:
    """Every column that the project names must be there; a wrongly typed one cannot be used."""
    data = project.data
    time = () if data.time == ROW_ORDER else (data.time,)
    needed = {
        "target": (data.target,),
        "key": data.key,
        "time": time,
        "split": (data.split,),
    }
    for role, names in needed.items():
        for name in names:
            if name and name not in frame.columns:
                yield _absent(name, f"it is the {role} of the project", frame, "fail")
    for name in (*data.leave_out, *data.protected, *data.types, *data.repairs):
        if name not in frame.columns:
            yield _absent(name, "the project names it", frame, "warn")
    for name, kind in data.types.items():
        if name in frame.columns and not _fits(frame[name], kind):
            yield _mistyped(frame[name], kind)
    untyped = data.time in frame.columns and data.time not in data.types
    if time and untyped and frame[data.time].dtype == pl.String:
        yield _mistyped(frame[data.time], "timestamp")


def _untimed(frame: pl.DataFrame, project: Project) -> Iterator[CheckResult]:
    """Rows that do not say when they happened have no place in a split by time."""
    name = project.data.time
    absent = frame[name].null_count() if name in frame.columns else 0
    if absent:
        yield CheckResult(
            name="time_missing",
            subject=name,
            value=float(absent),
            unit="rows",
            n=frame.height,
            max=frame.height / 2 if 2 * absent > frame.height else 0,
            verdict="fail" if 2 * absent > frame.height else "warn",
            why="rows that do not say when they happened are not learned from",
            evidence=nothing_there(frame[name]),
        )


def _absent(name: str, why: str, frame: pl.DataFrame, verdict: Any) -> CheckResult:
    word = nearest(name, frame.columns)
    return CheckResult(
        name="column_missing",
        subject=name,
        value=0.0,
        unit="columns",
        n=frame.width,
        min=1,
        verdict=verdict,
        why=why + (f"; did you mean {word!r}?" if word else ""),
        evidence={"rows": [], "examples": [word] if word else []},
    )


def _fits(series: pl.Series, kind: str) -> bool:
    if series.null_count() == series.len():
        return True
    if kind == "number":
        return series.dtype.is_numeric()
    if kind == "timestamp":
        return series.dtype.is_temporal()
    if kind == "boolean":
        return series.dtype == pl.Boolean or series.n_unique() <= _MOST_OF_BOOLEAN
    return True


def _mistyped(series: pl.Series, kind: str) -> CheckResult:
    known = series.is_not_null()
    wrong = known & numbers(series).is_null() if kind == "number" else known
    boolean = kind == "boolean"
    return CheckResult(
        name="wrong_type",
        subject=series.name,
        value=float(series.n_unique() if boolean else known.sum()),
        unit="values",
        n=series.len(),
        max=_MOST_OF_BOOLEAN if boolean else 0,
        verdict="fail",
        why=f"the column is to hold a {kind}, and not every value is one",
        evidence=evidence(series, wrong if wrong.any() else known),
    )


def _against(
    frame: pl.DataFrame, reference: Profile, project: Project | None
) -> Iterator[CheckResult]:
    """Compare columns and types with those of earlier data."""
    left_out = set(project.data.leave_out) if project is not None else set()
    known = {column.name: column for column in reference.columns}
    for name, column in known.items():
        if name not in frame.columns:
            verdict = "warn" if name in left_out else "fail"
            yield _absent(name, "earlier data had it", frame, verdict)
        elif name not in left_out and not _fits(frame[name], column.type):
            yield _mistyped(frame[name], column.type)
    for name in frame.columns:
        if name not in known:
            yield CheckResult(
                name="column_unknown",
                subject=name,
                value=1.0,
                unit="columns",
                n=frame.width,
                max=0,
                verdict="warn",
                why="earlier data did not have it: a model in use ignores it",
                evidence=evidence(frame[name], frame[name].is_not_null()),
            )


def _repeated(frame: pl.DataFrame, project: Project | None, *, thorough: bool) -> list[CheckResult]:
    """Return what repeats; where a thorough look says the same of rows, that is told alone."""
    twins = list(_twins(frame, project)) if thorough else []
    told = {each.name for each in twins}
    return [*twins, *(each for each in _duplicates(frame, project) if each.name not in told)]


def _twins(frame: pl.DataFrame, project: Project | None) -> Iterator[CheckResult]:
    """Yield rows that repeat another but for their key or their spelling, and contradictions."""
    data = project.data if project is not None else None
    key = [name for name in (data.key if data else ()) if name in frame.columns]
    target = data.target if data and data.task != REGRESSION else ""
    if project is None or target not in frame.columns:
        yield from duplicates(frame, key=key)
        return
    features = list(_features(frame, project))
    yield from duplicates(frame, key=key, target=target, features=features or None)


def _duplicates(frame: pl.DataFrame, project: Project | None) -> Iterator[CheckResult]:
    again = ~frame.hash_rows(seed=0).is_first_distinct()
    rows = int(again.sum())
    share = rows / frame.height
    yield CheckResult(
        name="duplicate_rows",
        subject="rows",
        value=float(rows),
        unit="rows",
        n=frame.height,
        max=_MOST_REPEATED * frame.height,
        verdict="warn" if share > _MOST_REPEATED else "pass",
        why="a row that stands in training and test alike makes the test too good",
        evidence={
            "rows": again.arg_true().head(5).to_list(),
            "examples": [row_text(row) for row in frame.filter(again).head(3).rows()],
        },
    )
    key = [name for name in (project.data.key if project else ()) if name in frame.columns]
    if not key:
        return
    given = frame.select(pl.all_horizontal(pl.col(key).is_not_null())).to_series()
    some = frame.select(key).filter(given)
    twice = some.height - some.unique().height
    # Where keys mostly repeat they name who a row is about; where hardly ever, a repeat is odd.
    odd = 0 < twice < _MOST_TWICE * some.height
    why = "keys that mostly repeat name who or what the rows are about"
    if odd or not twice:
        why = "an answer that arrives for this key fits more than one row" if odd else _OWN_KEY
    repeated = some.is_duplicated()
    yield CheckResult(
        name="duplicate_keys",
        subject=", ".join(key),
        value=float(twice),
        unit="rows",
        n=some.height,
        max=0 if odd or not twice else None,
        verdict="warn" if odd else "pass",
        why=why,
        evidence={
            "rows": given.arg_true().filter(repeated).head(5).to_list() if odd else [],
            "examples": [row_text(row) for row in some.filter(repeated).head(3).rows() if odd],
        },
    )
