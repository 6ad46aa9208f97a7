"""Evermodel's own checks as plugins: named in `[data] checks` they run at training, too."""

from __future__ import annotations

import polars as pl

from evermodel.data.cell_results import cell_results
from evermodel.data.cells import suspect_cells
from evermodel.data.column_checks import column_checks
from evermodel.data.copies.twins import duplicates
from evermodel.data.intake import take
from evermodel.data.personal import personal_data as _personal_data
from evermodel.data.target_checks import target_checks
from evermodel.data.thorough import across_split, people, wrong_labels
from evermodel.data.times_in_order import births_to_come, time_gaps
from evermodel.project import Project
from evermodel.records import CheckResult
from evermodel.tables.typed import written

__all__ = [
    "columns",
    "groups",
    "label_errors",
    "leakage",
    "personal_data",
    "split",
    "times",
    "twins",
    "wrong_cells",
]

_ROWS = 20_000


def columns(frame: pl.DataFrame) -> list[CheckResult]:
    """Look at each column by itself: gaps, constants, values that cannot be, spellings.

    Examples
    --------
    >>> [found.name for found in columns(pl.DataFrame({"age": [31, -4, 52]}))]
    ['below_zero']
    """
    if not frame.width:
        return []
    plain = take(frame).frame
    return [found for name in plain.columns for found in column_checks(plain[name])]


def twins(frame: pl.DataFrame) -> list[CheckResult]:
    """Look for rows that repeat another, word for word or nearly.

    Examples
    --------
    >>> twins(pl.DataFrame({"kg": [70.5, 80.25, 70.5]}))[0].value
    1.0
    """
    return list(duplicates(frame)) if frame.width and frame.height else []


def personal_data(frame: pl.DataFrame) -> list[CheckResult]:
    """Look for data that can lead to a person.

    Examples
    --------
    >>> rows = pl.DataFrame({"mail": ["ada@example.org", "alan@example.org"]})
    >>> personal_data(rows)[0].verdict
    'warn'
    """
    return list(_personal_data(frame)) if frame.width else []


def wrong_cells(frame: pl.DataFrame) -> list[CheckResult]:
    """Look for single cells that are wrong, in the first 20,000 rows.

    Examples
    --------
    >>> rows = pl.DataFrame({"town": ["Birmingham"] * 60 + ["Birmingxam"]})
    >>> [(found.subject, found.value) for found in wrong_cells(rows)]
    [('town', 1.0)]
    """
    if not frame.width or not frame.height:
        return []
    some = frame.head(_ROWS)
    texts = some.with_columns(written(series).fill_null("") for series in some.get_columns())
    return list(cell_results(suspect_cells(texts), some.height))


def times(frame: pl.DataFrame) -> list[CheckResult]:
    """Look for gaps between times that else follow at one distance, and births yet to come.

    Examples
    --------
    >>> from datetime import date
    >>> days = pl.date_range(date(2024, 1, 1), date(2025, 12, 31), eager=True)
    >>> [found.name for found in times(pl.DataFrame({"day": days.filter(days.dt.month() != 5)}))]
    ['time_gaps']
    """
    if not frame.width or not frame.height:
        return []
    plain = take(frame).frame
    return [*filter(None, map(time_gaps, plain.get_columns())), *births_to_come(plain)]


def leakage(frame: pl.DataFrame, project: Project) -> list[CheckResult]:
    r"""Look at the target: enough of it, not contradicting itself, not given away by a column.

    Examples
    --------
    >>> from evermodel.project import parse_project
    >>> rows = pl.DataFrame({"copy": ["y", "n"] * 50, "left": ["yes", "no"] * 50})
    >>> data = 'source = "a.csv"\ntarget = "left"\ntask = "binary"'
    >>> made = parse_project('[project]\nname = "a"\n[data]\n' + data)
    >>> [found.subject for found in leakage(rows, made) if found.name == "leakage"]
    ['copy']
    """
    known = _known(frame, project)
    if known is None:
        return []
    data = project.data
    target, features = known[data.target], _features(known, project)
    return list(target_checks(features, target, data.task, positive=data.positive))


def split(frame: pl.DataFrame, project: Project) -> list[CheckResult]:
    """Look at what the rows to test on would share with those that are learned from."""
    known = _known(frame, project)
    features = {} if known is None else _features(known, project)
    return [] if known is None else list(across_split(known, project, None, features))


def label_errors(frame: pl.DataFrame, project: Project) -> list[CheckResult]:
    """Look for labels that may be wrong, by confident learning."""
    known = _known(frame, project)
    return [] if known is None else list(wrong_labels(known, project, _features(known, project)))


def groups(frame: pl.DataFrame, project: Project) -> list[CheckResult]:
    """Look at who is in the data, and how the groups of protected columns differ."""
    known = _known(frame, project)
    return [] if known is None else list(people(known, project))


def _known(frame: pl.DataFrame, project: Project) -> pl.DataFrame | None:
    """Return the table in the types of the house, or None where there is nothing to predict."""
    if not frame.width or not frame.height or project.data.target not in frame.columns:
        return None
    plain = take(frame).frame
    # The engine takes such a name for several columns; no file that is read has one.
    kept = [name for name in plain.columns if name != "*" and name[:1] + name[-1:] != "^$"]
    return pl.DataFrame([plain[name] for name in kept]) if project.data.target in kept else None


def _features(frame: pl.DataFrame, project: Project) -> dict[str, pl.Series]:
    data = project.data
    away = {data.target, data.time, data.split, *data.key, *data.leave_out}
    return {name: frame[name] for name in frame.columns if name not in away}
