"""What was required of the metrics, and whether it is met."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from evermodel.errors import InputError, nearest
from evermodel.project import METRICS, SLICE_METRICS, Requirement, parse_requirement
from evermodel.records import CheckResult, Task, Verdict

__all__ = ["METRICS", "SLICE_METRICS", "apply", "gate_verdict", "requirements"]


def requirements(
    lines: Iterable[Requirement | str], task: Task, columns: Collection[str]
) -> tuple[Requirement, ...]:
    """Return the gate lines, each one checked to name something that is measured.

    Raises
    ------
    InputError
        When a line cannot be read, or names no metric of the task or no column of the slices.

    Examples
    --------
    >>> requirements(["roc_auc >= 0.8"], "binary", ())[0].name
    'roc_auc'
    """
    return tuple(_checked(line, task, columns) for line in lines)


def _checked(line: Requirement | str, task: Task, columns: Collection[str]) -> Requirement:
    where = "[evaluate] require"
    if isinstance(line, str):
        try:
            line = parse_requirement(line)
        except ValueError:
            hint = 'write "metric >= number", such as "roc_auc >= 0.8"'
            raise InputError(
                "a gate line cannot be read", where=where, found=repr(line), hint=hint
            ) from None
    words = SLICE_METRICS[task] if line.slice else METRICS[task]
    if line.name not in words:
        of = f"of a group in a {task} task" if line.slice else f"in a {task} task"
        raise InputError(
            f"no metric {line.name!r} is measured {of}", where=where, hint=_advice(line.name, words)
        )
    column = _column(line.slice)
    if line.slice and column not in columns:
        raise InputError(
            f"no groups are formed by {column!r}", where=where, hint=_advice(column, columns)
        )
    return line


def _advice(word: str, words: Collection[str]) -> str:
    near = nearest(word, words)
    known = f"known here: {', '.join(words)}" if words else "declare it under [data] protected"
    return f"did you mean {near!r}? {known}" if near else known


def apply(
    results: Sequence[CheckResult], required: Sequence[Requirement], subject: str
) -> tuple[CheckResult, ...]:
    """Return the results with what was required of them; what was not measured is added, unknown.

    The point value decides; a result in doubt stays unknown, with the reason.

    Examples
    --------
    >>> measured = [CheckResult(name="roc_auc", value=0.75)]
    >>> apply(measured, [Requirement(name="roc_auc", min=0.8)], "test")[0].why
    '0.75 is below the required 0.8'
    """
    bounds: dict[tuple[str, str], Requirement] = {}
    for line in required:
        key = _about(line)
        bounds[key] = _narrower(bounds[key], line) if key in bounds else line
    met = {_about(each) for each in results}
    out = [
        _judged(each, bounds[_about(each)]) if _about(each) in bounds else each for each in results
    ]
    for (name, group), line in bounds.items():
        if (name, group) in met:
            continue
        why = f"{name} was not measured: no costs are given"
        if group:
            column = _column(group)
            of = dict.fromkeys(each.slice for each in results if _column(each.slice) == column)
            why = f"no row is of {group}; measured are {', '.join(of) or 'no groups'}"
        missing = CheckResult(
            name=name, subject=subject, slice=group, verdict="unknown", why=why, n=0
        )
        out.append(msgspec.structs.replace(missing, min=line.min, max=line.max))
    return tuple(out)


def _column(group: str) -> str:
    return group.partition("=")[0].strip()


def _about(each: Requirement | CheckResult) -> tuple[str, str]:
    """Return metric and group; blanks around a value count neither in a line nor in the data."""
    column, equals, value = (part.strip() for part in each.slice.partition("="))
    return each.name, column + equals + value


def _narrower(one: Requirement, other: Requirement) -> Requirement:
    least = [bound for bound in (one.min, other.min) if bound is not None]
    most = [bound for bound in (one.max, other.max) if bound is not None]
    return msgspec.structs.replace(
        one, min=max(least) if least else None, max=min(most) if most else None
    )


def _judged(each: CheckResult, line: Requirement) -> CheckResult:
    verdict, why = _judgement(each, line)
    return msgspec.structs.replace(each, min=line.min, max=line.max, verdict=verdict, why=why)


def _judgement(each: CheckResult, line: Requirement) -> tuple[Verdict, str]:
    if each.value is None or each.verdict == "unknown":
        return "unknown", each.why or "too few rows to say"
    value = f"{each.value:.4g}"
    if line.min is not None and each.value < line.min:
        return "fail", f"{value} is below the required {line.min:g}" + _doubt(each, line)
    if line.max is not None and each.value > line.max:
        return "fail", f"{value} is above the allowed {line.max:g}" + _doubt(each, line)
    least = "" if line.min is None else f"at least {line.min:g}"
    most = "" if line.max is None else f"at most {line.max:g}"
    asked = " and ".join(part for part in (least, most) if part)
    return "pass", f"{value} is {asked}, as required" + _doubt(each, line)


def _doubt(each: CheckResult, line: Requirement) -> str:
    """Say whether the interval crosses a bound: then more rows could turn the verdict."""
    if each.low is None or each.high is None or each.level is None:
        return ""
    interval = f"the {100 * each.level:g} % interval is {each.low:.4g} to {each.high:.4g}"
    crossed = any(
        bound is not None and each.low <= bound <= each.high for bound in (line.min, line.max)
    )
    return f"; {interval}, so more rows could turn this" if crossed else f"; {interval}"


def gate_verdict(results: Iterable[CheckResult]) -> Verdict:
    """Return the verdict of the required results alone: fail, else unknown, else pass.

    Unlike the verdict of a whole report, an unknown among them is not outvoted: what was required
    and could not be told has not been shown.

    Examples
    --------
    >>> gate_verdict([CheckResult(name="f1", min=0.5), CheckResult(name="recall", verdict="fail")])
    'pass'
    """
    verdicts = {each.verdict for each in results if each.min is not None or each.max is not None}
    for verdict in ("fail", "unknown", "warn"):
        if verdict in verdicts:
            return verdict
    return "pass"
