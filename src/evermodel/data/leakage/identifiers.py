"""Columns to learn from that number or name the rows: what is learned of one row by heart."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import polars as pl

from evermodel.data.column_checks import evidence
from evermodel.data.roles import names_rows
from evermodel.records import CheckResult

__all__ = ["identifiers"]


def identifiers(
    columns: Mapping[str, pl.Series], told: Collection[str] = ()
) -> Iterator[CheckResult]:
    """Yield the columns of which each row has a number or name of its own, but those `told`.

    In a test of rows drawn from the same file such a column tells their order or neighbours; new
    rows have others. `init` leaves them out by the same rule.

    Examples
    --------
    >>> [found.subject for found in identifiers({"No": pl.Series("No", range(1, 90))})]
    ['No']
    """
    for name, series in columns.items():
        named = names_rows(series.alias(name)) if name not in told else ""
        if not named:
            continue
        n, distinct = series.len() - series.null_count(), series.drop_nulls().n_unique()
        yield CheckResult(
            name="identifier",
            subject=name,
            value=distinct / n,
            unit="share",
            n=n,
            # Nothing is wrong with the data: it matters to what is learned from them.
            verdict="pass",
            why=f"{named}: what it tells of these holds for no new one; put it into leave_out",
            evidence=evidence(series, series.is_not_null()),
        )
