"""Evermodel's own checks as plugins: named in `[data] checks` they run at training, too."""

from __future__ import annotations

import polars as pl

from evermodel.data.cell_results import cell_results
from evermodel.data.cells import suspect_cells
from evermodel.data.column_checks import column_checks
from evermodel.data.copies.twins import duplicates
from evermodel.data.intake import take
from evermodel.data.personal import personal_data as _personal_data
from evermodel.records import CheckResult
from evermodel.tables.typed import written

__all__ = ["columns", "personal_data", "twins", "wrong_cells"]

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
