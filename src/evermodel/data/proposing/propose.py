"""Look at a table once and propose the project file that makes `train` run on it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
import polars as pl

from evermodel.data.cells import suspect_cells
from evermodel.data.expectations import learned
from evermodel.data.intake import Intake, take
from evermodel.data.leakage.columns import FEW_CLASSES, class_leaks, number_leaks, suspects
from evermodel.data.leakage.written_afterwards import gaps_that_tell
from evermodel.data.naming import is_weight
from evermodel.data.personal.columns import Personal, personal_columns
from evermodel.data.proposal import Advice, Proposal, RepairAdvice, TargetAdvice
from evermodel.data.proposing.order import row_order
from evermodel.data.proposing.times import TimeAdvice, date_texts, time_advice
from evermodel.data.repairs import mended, repair_for, with_label_slips
from evermodel.data.roles import Roles, find_roles, protected_columns, split_column
from evermodel.data.target import target_advice
from evermodel.errors import DataError, nearest
from evermodel.project import ROW_ORDER
from evermodel.records import ColumnType, Task
from evermodel.tables.typed import written

__all__ = ["propose"]

_MANY_VALUES = 50
_LOOKED_AT = 20_000
_PUT_BACK = "known before the outcome? then take it off this list"
_PUT_OUT = "leave it out unless it is known before the outcome"


def propose(
    table: Any, *, source: str, target: str, name: str, task: Task | None = None
) -> Proposal:
    """Return what to write into the project file for this table, each choice with its reason.

    `table` is what `tables.read` returned, or a polars DataFrame; nothing in it is changed.
    `task` is found from the target's values unless given.

    Examples
    --------
    >>> frame = pl.DataFrame({"age": [31, 45, 52] * 9, "paid": ["yes", "no", "no"] * 9})
    >>> proposal = propose(frame, source="loans.csv", target="paid", name="loans")
    >>> proposal.task, proposal.positive, [column.column for column in proposal.protected]
    ('binary', 'yes', ['age'])

    Raises
    ------
    DataError
        When the target is unknown, has no value or only one, or when no column is left to learn
        from.
    """
    intake = take(table)
    _usable(intake, source, target)
    repairs = _repairs(intake)
    answers = with_label_slips(intake.frame[target], repairs.get(target))
    if answers is not None and task != "multiclass":
        repairs[target] = answers
    columns = {
        column: mended(intake.frame[column], repairs[column].repair if column in repairs else None)
        for column in intake.frame.columns
    }
    outcome = target_advice(columns[target], where=f"{source}, column {target!r}", task=task)
    inputs = {column: series for column, series in columns.items() if column != target}
    split, split_why = split_column(inputs)
    inputs.pop(split, None)
    personal = personal_columns(inputs)
    births = {column for column, one in personal.items() if one.age}
    time = time_advice({column: s for column, s in inputs.items() if column not in births})
    dates = {time.time, *time.others, *(c for c in births if _dated(inputs[c]))}
    kept = {column: s for column, s in inputs.items() if column not in dates}
    roles = find_roles(kept, personal)
    features = _features(inputs, time, roles)
    leaks, doubts = _leaks(features, columns[target], outcome)
    features = _without(features, leaks)
    texts, features, notes = _texts(roles, features, inputs)
    leave_out = (*roles.leave_out, *leaks, *texts)
    out = {advice.column for advice in leave_out}
    if not features and not time.time:
        raise _nothing_left(source, target, leave_out)
    if not time.time and not split:
        time = _by_rows(intake.frame, target, columns, features, roles, time)
    return Proposal(
        name=_project_name(name),
        source=source,
        target=target,
        rows=intake.rows,
        columns=intake.frame.width,
        outcome=outcome,
        key=roles.key,
        time=time.time,
        time_why=time.why,
        split=split,
        split_why=split_why,
        leave_out=leave_out,
        protected=_protected({c: s for c, s in inputs.items() if c != time.time}, births),
        types=_types(roles, (time.time, *time.others, *sorted(births)), inputs, features),
        repairs=tuple(_without_values(r, personal) for c, r in repairs.items() if c not in out),
        reading=_reading(intake.understood),
        expectations=learned(
            {c: s for c, s in columns.items() if c not in out},
            key=[advice.column for advice in roles.key],
            personal=personal,
            suspects=_suspects(columns, out),
        ),
        notes=(*time.notes, *notes, *doubts, *_weights(features), *_many_values(features)),
    )


def _usable(intake: Intake, source: str, target: str) -> None:
    if target not in intake.frame.columns:
        word = nearest(target, intake.frame.columns)
        shown = ", ".join(repr(column) for column in intake.frame.columns[:12])
        raise DataError(
            f"there is no column {target!r}",
            where=source,
            found=shown + (", ..." if intake.frame.width > 12 else ""),
            hint=_which(intake.frame.columns, word),
        )
    if intake.rows < 2:
        raise DataError(
            "there are too few rows to learn from",
            where=source,
            found=f"{intake.rows} row{'' if intake.rows == 1 else 's'}",
            hint="give a table with many rows; some hundreds are a beginning",
        )
    if intake.frame.width < 2:
        raise DataError(
            "there is no column beside the target",
            where=source,
            hint="check the separator, and that the file holds what is known before the outcome",
        )


def _which(columns: list[str], near: str) -> str:
    """Return what to do where the target is none of the columns."""
    mixed = [column for column in columns if set(column) & set(";\t|")]
    if mixed:
        return (
            f"the header (line 1) holds two separators, as in {mixed[0]!r}: write the same one in "
            "the whole file"
        )
    return f"did you mean {near!r}?" if near else "name one of these columns with --target"


def _nothing_left(source: str, target: str, leave_out: tuple[Advice, ...]) -> DataError:
    return DataError(
        f"no column is left to learn {target!r} from",
        where=source,
        found="; ".join(f"{a.column!r}: {a.why}" for a in leave_out[:4]) or "no other column",
        hint="give a table with columns that are known before the outcome",
    )


def _repairs(intake: Intake) -> dict[str, RepairAdvice]:
    found = {}
    signs = {one.name: one.sign for one in getattr(intake.understood, "columns", ())}
    for column in intake.frame.columns:
        advice = repair_for(
            intake.frame[column], intake.missing.get(column), sign=signs.get(column, "")
        )
        if advice is not None:
            found[column] = advice
    return found


def _features(
    inputs: Mapping[str, pl.Series], time: TimeAdvice, roles: Roles
) -> dict[str, pl.Series]:
    away = {a.column for a in (*roles.key, *roles.leave_out, *roles.texts, *roles.names)}
    return {c: s for c, s in inputs.items() if c not in away and c != time.time}


def _leaks(
    features: Mapping[str, pl.Series], target: pl.Series, outcome: TargetAdvice
) -> tuple[tuple[Advice, ...], tuple[str, ...]]:
    """Return the columns to leave out as they give the target away, and notes on doubtful ones.

    What nearly tells one of a few classes, or tells it by its gaps, is left out until a person
    says that it is known before the outcome. Of many classes, and of numbers, honest columns are
    as telling: what a rule connects, or last week's value. They are kept, with a note.
    """
    number = outcome.task == "regression"
    leaks: list[Advice] = [
        *(number_leaks(features, target) if number else class_leaks(features, target))
    ]
    rest = _without(features, leaks)
    near = suspects(rest, target, number=number)
    if number or target.n_unique() > FEW_CLASSES:
        return tuple(leaks), tuple(f"{a.column!r}: {a.why}; {_PUT_OUT}" for a in near)
    leaks += (Advice(column=a.column, why=f"{a.why}; {_PUT_BACK}") for a in near)
    gaps = gaps_that_tell(_without(rest, near), target, outcome.task)
    leaks += (Advice(column=gap.subject, why=f"{gap.why}; {_PUT_BACK}") for gap in gaps)
    return tuple(leaks), ()


def _without(columns: Mapping[str, pl.Series], advised: Iterable[Advice]) -> dict[str, pl.Series]:
    away = {advice.column for advice in advised}
    return {column: series for column, series in columns.items() if column not in away}


def _texts(
    roles: Roles, features: dict[str, pl.Series], inputs: Mapping[str, pl.Series]
) -> tuple[tuple[Advice, ...], dict[str, pl.Series], tuple[str, ...]]:
    """Leave texts and names out, unless nothing else is there to learn from."""
    left = (*roles.names, *roles.texts)
    if features or not left:
        return left, features, ()
    kept = {advice.column: inputs[advice.column] for advice in left}
    shown = ", ".join(repr(column) for column in kept)
    what = "free text, which is" if roles.texts else "made of names, which are"
    note = (
        f"{shown} is {what} not learned from yet; as there is no other column it is "
        "kept as a plain category, so expect a model that is little better than guessing"
    )
    return (), kept, (note,)


def _suspects(columns: Mapping[str, pl.Series], out: Collection[str]) -> dict[str, set[int]]:
    """Return the rows whose cell looks wrong, column by column: nothing is to be copied of them."""
    frame = pl.DataFrame([s.alias(c) for c, s in columns.items() if c not in out]).head(_LOOKED_AT)
    texts = frame.with_columns(written(series).fill_null("") for series in frame.get_columns())
    found: dict[str, set[int]] = {}
    for cell in suspect_cells(texts):
        found.setdefault(cell.column, set()).add(cell.row)
    return found


def _dated(series: pl.Series) -> bool:
    return series.dtype.is_temporal() or date_texts(series)


def _protected(inputs: Mapping[str, pl.Series], births: Collection[str]) -> tuple[Advice, ...]:
    """Return the columns of protected traits; a date of birth tells the age."""
    found = protected_columns(inputs)
    told = {advice.column for advice in found}
    more = (Advice(column=c, why="age") for c in inputs if c in births and c not in told)
    return (*found, *more)


def _without_values(advice: RepairAdvice, personal: Mapping[str, Personal]) -> RepairAdvice:
    """Return a repair that copies nothing of a person into the project file."""
    if advice.column not in personal or not advice.repair.map:
        return advice
    plain = msgspec.structs.replace(advice.repair, map={})
    return msgspec.structs.replace(advice, repair=plain, why="values of persons are not shown")


def _by_rows(
    frame: pl.DataFrame,
    target: str,
    columns: Mapping[str, pl.Series],
    features: Mapping[str, pl.Series],
    roles: Roles,
    time: TimeAdvice,
) -> TimeAdvice:
    keys = [advice.column for advice in roles.key if "repeat" in advice.why]
    found = row_order(frame, target, list(features), keys=keys, named=columns)
    return TimeAdvice(
        time=ROW_ORDER if found.depends else "",
        why=found.why,
        others=time.others,
        notes=time.notes,
    )


def _types(
    roles: Roles,
    dates: Iterable[str],
    inputs: Mapping[str, pl.Series],
    features: Mapping[str, pl.Series],
) -> dict[str, ColumnType]:
    types: dict[str, ColumnType] = {c: t for c, t in roles.types.items() if c in features}
    for column in dates:
        if column in inputs and date_texts(inputs[column]):
            types[column] = "timestamp"
    for advice in (*roles.names, *roles.texts):
        if advice.column in features:
            types[advice.column] = "category"
    return types


def _weights(features: Mapping[str, pl.Series]) -> tuple[str, ...]:
    return tuple(
        f"{column!r} looks like a sampling weight (how many a row stands for): it is learned from "
        "as any number; leave it out if new rows will not have it"
        for column in features
        if is_weight(column)
    )


def _many_values(features: Mapping[str, pl.Series]) -> tuple[str, ...]:
    """Say of categories with very many values how they are learned from."""
    found = []
    for column, series in features.items():
        distinct = series.drop_nulls().n_unique() if series.dtype == pl.String else 0
        if distinct >= _MANY_VALUES and distinct > 0.05 * series.len():
            each = f"{series.len() / distinct:.1f} rows each"
            found.append(
                f"{column!r} has {distinct:,} different values in {series.len():,} rows, {each}: "
                "it is learned from by the mean outcome of each value, which teaches little where "
                "so few rows have it; leave it out if new rows bring new values"
            )
    return tuple(found)


def _reading(understood: Any) -> dict[str, str]:
    """Fix what a later, shorter file could be read differently by: decimal mark, order of dates."""
    found = {}
    for setting, usual in (("decimal", "."), ("dates", "year first")):
        value = str(getattr(understood, setting, ""))
        if value not in ("", usual):
            found[setting] = value
    return found


def _project_name(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:64]
    return plain or "model"
