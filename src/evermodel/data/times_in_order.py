"""What times show by their order: stretches without rows, and births that are yet to come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from evermodel.data.column_checks import evidence
from evermodel.data.naming import words
from evermodel.records import CheckResult

__all__ = ["births_to_come", "time_gaps"]

_LEAST_STEPS = 50
_REGULAR = 0.95
_CHANCE = 0.01
_SHOWN = 5
_MOST = 0.05
_BIRTH = {
    "birth", "birthdate", "birthday", "dob", "geburtsdatum", "geburtstag", "geboren", "naissance",
    "nacimiento", "nascita",
}  # fmt: skip


def time_gaps(series: pl.Series) -> CheckResult | None:
    """Return the stretches without a row, where times otherwise follow at one distance.

    Ninety-five of a hundred steps must be alike. A stretch counts where, at the rate at which
    single times are absent, one so long would stand in a table of this length in at most one of a
    hundred; one absent time never does.

    Examples
    --------
    >>> from datetime import timedelta
    >>> hours = [datetime(2024, 1, 1) + timedelta(hours=h) for h in range(200) if not 90 < h < 120]
    >>> found = time_gaps(pl.Series("when", hours))
    >>> found.value, found.evidence["rows"]
    (1.0, [91])
    """
    if series.dtype != pl.Date and series.dtype != pl.Datetime:
        return None
    moments = series.dt.replace_time_zone(None) if series.dtype == pl.Datetime else series
    moments = moments.cast(pl.Datetime("us")).alias("time")
    table = pl.DataFrame({"time": moments}).with_row_index("row").drop_nulls().sort("time", "row")
    table = table.unique("time", keep="first", maintain_order=True).with_columns(
        before=pl.col("time").shift(1), step=pl.col("time").diff().dt.total_microseconds()
    )[1:]
    if table.height < _LEAST_STEPS:
        return None
    usual, often = table.get_column("step").value_counts(sort=True, name="n").row(0)
    if often < _REGULAR * table.height:
        return None
    absent = table.with_columns(absent=pl.col("step") // usual - 1).filter(pl.col("absent") > 0)
    rate = (absent.height + 1) / (table.height + 2)
    chance = table.height * rate ** pl.col("absent")
    long = absent.filter((pl.col("absent") >= 2) & (chance <= _CHANCE))
    return _as_result(series, long, table.height) if long.height else None


def _as_result(series: pl.Series, long: pl.DataFrame, steps: int) -> CheckResult:
    shown = long.sort("absent", descending=True, maintain_order=True).head(_SHOWN)
    lost = int(long.get_column("absent").sum())
    return CheckResult(
        name="time_gaps",
        subject=series.name,
        value=float(long.height),
        unit="gaps",
        n=steps,
        max=0,
        verdict="warn",
        why=f"times follow at one distance, and {lost:,} are absent in a row where these gaps are: "
        "what happened then is not learned from, and values before and after are no neighbours",
        method="chance of a stretch at the rate of single absent times",
        evidence={
            "rows": shown.get_column("row").to_list(),
            "examples": [
                f"none between {before} and {after}"
                for before, after in shown.select("before", "time").iter_rows()
            ],
            "absent": lost,
        },
    )


def births_to_come(frame: pl.DataFrame, now: datetime | None = None) -> Iterator[CheckResult]:
    """Yield a line for each column of births with some after every other time of the table.

    Without other times `now` is what they are compared with. Where more than one in twenty are
    later, the other times are about something else.

    Examples
    --------
    >>> days = [datetime(1980, 1, 1)] * 30 + [datetime(2061, 5, 1)]
    >>> rows = pl.DataFrame({"birth_date": days, "seen": [datetime(2024, 1, 1)] * 31})
    >>> [(found.subject, found.value) for found in births_to_come(rows)]
    [('birth_date', 1.0)]
    """
    times = [one for one in frame.get_columns() if one.dtype in (pl.Date, pl.Datetime)]
    stamps = {one.name: one.cast(pl.Datetime("us")) for one in times}
    births = [name for name in stamps if _BIRTH & set(words(name))]
    others = [stamps[name].max() for name in stamps if name not in births]
    known = [one for one in others if isinstance(one, datetime)]
    newest = max(known) if known else now.replace(tzinfo=None) if now is not None else None
    if newest is None:
        return
    for name in births:
        late = stamps[name] > newest
        rows = int(late.fill_null(value=False).sum())
        if 0 < rows <= _MOST * frame.height:
            yield CheckResult(
                name="birth_in_the_future",
                subject=name,
                value=float(rows),
                unit="rows",
                n=frame.height,
                max=0,
                verdict="warn",
                why=f"nobody is born after {newest:%Y-%m-%d}, the newest other time: most often a "
                "year of two digits in the wrong hundred, or a default",
                evidence=evidence(frame[name], late),
            )
