"""What a thorough look at a project's data adds: across the split, and whom the rows stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

import msgspec
import polars as pl

from evermodel.data.groups import label_rate_by_group, missingness_by_group, proxies, shares
from evermodel.data.labels.errors import LabelErrors, label_errors
from evermodel.data.leakage.split import split_leakage
from evermodel.errors import DataError, EvermodelError
from evermodel.project import Project, duration_seconds
from evermodel.records import REGRESSION, CheckResult
from evermodel.tables import read

__all__ = ["across_split", "people", "suspect_labels", "wrong_labels"]

_MOST_ROWS = 200_000
"""Of more rows as many at random: an interval of a share of these is narrower than half a point."""


def across_split(
    frame: pl.DataFrame,
    project: Project,
    tested: pl.Series | None,
    columns: Mapping[str, pl.Series],
) -> Iterator[CheckResult]:
    """Yield what the test rows of a project would share with those that are learned from.

    Where the project's split is random, it keeps equal rows together. What a split by row would
    give away is told all the same: the next person to split this table may not know.
    """
    data = project.data
    ordered = bool(data.time or data.split)
    try:
        found = split_leakage(
            frame,
            target=data.target,
            task=data.task,
            key=data.key,
            time=data.time,
            split=tested if tested is not None else "random",
            test_share=project.train.test,
            known_after=timedelta(seconds=duration_seconds(project.outcome.known_after)),
            columns=list(columns),
        )
        random = () if ordered or tested is None else _of_random(frame, project, list(columns))
    except DataError as error:
        yield CheckResult(
            name="across_split",
            subject="rows",
            n=frame.height,
            verdict="unknown",
            why=f"{error.what}",
        )
        return
    told = {result.name for result in found if result.verdict in ("warn", "fail")}
    for result in found:
        if result.name not in {other.name for other in random} or result.name in told:
            yield result
    for result in random:
        if result.name not in told:
            yield result


def _of_random(
    frame: pl.DataFrame, project: Project, columns: list[str]
) -> tuple[CheckResult, ...]:
    """Return what a split by row would leak and the project's own keeps together."""
    data = project.data
    found = split_leakage(
        frame, target=data.target, task=data.task, key=data.key, columns=columns,
        test_share=project.train.test,
    )  # fmt: skip
    kept = "; the split of this project keeps them together"
    return tuple(
        msgspec.structs.replace(result, why=result.why + kept)
        for result in found
        if result.name in ("equal_rows_across_split", "entity_across_split")
        and result.verdict == "warn"
    )


def suspect_labels(
    frame: pl.DataFrame, project: Project, columns: Iterable[str]
) -> LabelErrors | None:
    """Return which labels of a project's data look wrong, judged by the columns it learns from."""
    data = project.data
    kept = [name for name in columns if name in frame.columns]
    if not kept or data.target not in frame.columns:
        return None
    try:
        found = label_errors(
            frame.select(*kept, data.target), target=data.target, seed=project.train.seed
        )
    except DataError:
        return None  # too few rows, or nothing to tell apart: the checks of the target say so
    return found if (found.task == REGRESSION) == (data.task == REGRESSION) else None


def wrong_labels(
    frame: pl.DataFrame, project: Project, columns: Iterable[str]
) -> Iterator[CheckResult]:
    """Yield how many labels may be wrong, with those to review first."""
    found = suspect_labels(frame, project, columns)
    if found is not None:
        yield found.result


def people(frame: pl.DataFrame, project: Project) -> Iterator[CheckResult]:
    """Yield who is in the data, and how the groups of protected columns differ."""
    data = project.data
    groups = [name for name in data.protected if name in frame.columns]
    if not groups:
        return
    if frame.height > _MOST_ROWS:
        frame = frame.sample(_MOST_ROWS, seed=project.train.seed)
    # Of a time, such as a date of birth, each day would be a group of its own.
    times = [name for name in groups if frame[name].dtype in (pl.Date, pl.Datetime)]
    frame = frame.with_columns(frame[name].dt.year().alias(name) for name in times)
    for look in (_missing, _outcomes, _proxies, _represented):
        try:
            yield from _one_of_two(look(frame, project, groups))
        except EvermodelError as error:
            why = " ".join(part for part in (error.what, error.where, error.found) if part)
            named = ", ".join(groups)
            yield CheckResult(
                name="groups", subject=named, n=frame.height, verdict="unknown", why=why
            )


def _one_of_two(results: tuple[CheckResult, ...]) -> list[CheckResult]:
    """Return the results; of two groups that mirror one another only the one above the other."""
    sides: dict[tuple[str, str, str], list[CheckResult]] = {}
    for each in results:
        column = each.slice.partition("=")[0] if "=" in each.slice else each.slice
        sides.setdefault((each.name, each.subject, column), []).append(each)
    mirrored = {
        id(min(pair, key=lambda each: each.value or 0.0))
        for pair in sides.values()
        if len(pair) == 2
        and all(each.slice.count("=") == 1 and each.value is not None for each in pair)
        and abs(sum(each.value or 0.0 for each in pair)) < 1e-9
    }
    return [each for each in results if id(each) not in mirrored]


def _missing(frame: pl.DataFrame, project: Project, groups: list[str]) -> tuple[CheckResult, ...]:
    return missingness_by_group(frame, groups)


def _outcomes(frame: pl.DataFrame, project: Project, groups: list[str]) -> tuple[CheckResult, ...]:
    data = project.data
    if data.target not in frame.columns:
        return ()
    return label_rate_by_group(frame, groups, data.target, data.task, positive=data.positive)


def _proxies(frame: pl.DataFrame, project: Project, groups: list[str]) -> tuple[CheckResult, ...]:
    data = project.data
    away = {data.target, data.time, data.split, *data.key, *data.leave_out, *groups}
    others = [name for name in frame.columns if name not in away]
    return proxies(frame, groups, others) if others else ()


def _represented(
    frame: pl.DataFrame, project: Project, groups: list[str]
) -> tuple[CheckResult, ...]:
    data = project.data
    if not data.reference:
        return ()
    other = read(project.beside(data.reference))
    both = [name for name in groups if name in other.frame.columns]
    if not both:
        what = "the reference has none of the protected columns"
        found = ", ".join(other.frame.columns[:10])
        raise DataError(what, where=data.reference, found=found)
    return shares(frame, both, other, reference_weight=data.reference_weight)
