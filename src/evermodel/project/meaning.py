"""Mistakes of a project file that the kinds of its values alone do not show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from evermodel.errors import InputError, Mistake, nearest
from evermodel.project.expectations import parse_expectation
from evermodel.project.places import Places, mistake
from evermodel.project.words import (
    LONGEST,
    METRICS,
    MODELS,
    SLICE_METRICS,
    alarms_a_year,
    duration_seconds,
    parse_requirement,
)

__all__ = ["check_meaning"]

Tree = dict[str, dict[str, Any]]

_DURATIONS = (("train", "budget"), ("loop", "every"), ("loop", "deadline"), ("loop", "retrain"))
_MAY_BE_NOTHING = ("outcome", "known_after")
_ON_HARM = "on harm"
_RANGES = {
    ("train", "trials"): (1, 100_000),
    ("train", "test"): (0.01, 0.9),
    ("train", "seed"): (0, 2**31 - 1),
    ("evaluate", "level"): (0.5, 0.999),
    ("monitor", "tolerance"): (0.0, 10.0),
    ("loop", "confidence"): (0.5, 0.9999),
    ("outcome", "cost_false_positive"): (0.0, 1e12),
    ("outcome", "cost_false_negative"): (0.0, 1e12),
    ("serve", "port"): (0, 65535),
}
_FUNCTION = r"[A-Za-z_][\w.]*:[A-Za-z_]\w*"
_PLUGIN = rf"[\w.-]+|{_FUNCTION}"


_YEARS = (1000, 2900)


def check_meaning(tree: Tree, places: Places) -> Iterator[Mistake]:
    """Yield the mistakes in values that are of the right kind.

    Parameters
    ----------
    tree : dict of dict
        The tables, without the values that are of the wrong kind: what is wrong in one place keeps
        no mistake of another from being said.
    places : Places
    """
    yield from _times(tree, places)
    yield from _numbers(tree, places)
    yield from _models(tree, places)
    yield from _gate(tree, places)
    yield from _plugins(tree, places)
    yield from _roles(tree, places)
    if not tree.get("serve", {}).get("host", "127.0.0.1").strip():
        hint = "127.0.0.1 for this machine alone, 0.0.0.0 for all"
        yield mistake("'serve.host' is empty", places(("serve", "host")), hint=hint)


def _times(tree: Tree, places: Places) -> Iterator[Mistake]:
    for table, key in (*_DURATIONS, _MAY_BE_NOTHING):
        value = tree.get(table, {}).get(key)
        if value is None or (key == "retrain" and value == _ON_HARM):
            continue
        words = [_ON_HARM] if key == "retrain" else []
        near = nearest(value, words)
        hint = f"did you mean {near!r}?" if near else 'write a duration such as "30d" or "12h"'
        try:
            seconds = duration_seconds(value)
        except ValueError:
            yield mistake(f"'{table}.{key}' is not a duration", places((table, key)), value, hint)
            continue
        if seconds > LONGEST:
            what, hint = (
                f"'{table}.{key}' is too long",
                f"at most {LONGEST / 86400:.0f}d (100 years)",
            )
            yield mistake(what, places((table, key)), value, hint)
        elif not seconds and (table, key) != _MAY_BE_NOTHING:
            yield mistake(f"'{table}.{key}' must last", places((table, key)), value, hint)
    accepted = tree.get("monitor", {}).get("false_alarms")
    if accepted is not None:
        try:
            alarms_a_year(accepted)
        except ValueError:
            hint = 'write a rate such as "1 per year" or "2 per month"'
            place = places(("monitor", "false_alarms"))
            yield mistake("'monitor.false_alarms' is not a rate above 0", place, accepted, hint)


def _numbers(tree: Tree, places: Places) -> Iterator[Mistake]:
    for (table, key), (low, high) in _RANGES.items():
        value = tree.get(table, {}).get(key)
        if value is not None and not low <= value <= high:
            hint = f"between {low:g} and {high:g}"
            yield mistake(f"'{table}.{key}' is out of range", places((table, key)), value, hint)
    first = tree.get("data", {}).get("reading", {}).get("first_year", _YEARS[0])
    if not _YEARS[0] <= first <= _YEARS[1]:
        hint = "the first of the hundred years that two digits stand for, such as 1926"
        place = places(("data", "reading", "first_year"))
        yield mistake("'data.reading.first_year' is out of range", place, first, hint)
    costs = [tree.get("outcome", {}).get(f"cost_false_{side}") for side in ("positive", "negative")]
    if costs == [0, 0]:
        what, hint = "mistakes of both kinds cost nothing", "say what one of them costs"
        yield mistake(what, places(("outcome", "cost_false_positive")), hint=hint)
    yield from _costs(tree, places)


def _costs(tree: Tree, places: Places) -> Iterator[Mistake]:
    table = tree.get("outcome", {}).get("costs", {})
    if table and tree.get("data", {}).get("task") != "multiclass":
        hint = "of two classes: cost_false_positive and cost_false_negative"
        what = "'outcome.costs' is for a multiclass task"
        yield mistake(what, places(("outcome", "costs")), hint=hint)
    for true, row in table.items():
        for predicted, cost in row.items():
            if not 0 <= cost <= 1e12:
                what = f"'outcome.costs.{true}.{predicted}' is out of range"
                place = places(("outcome", "costs", true, predicted))
                yield mistake(what, place, cost, "between 0 and 1e+12")


def _models(tree: Tree, places: Places) -> Iterator[Mistake]:
    models = tree.get("train", {}).get("models")
    if models is None:
        return
    place = places(("train", "models"))
    known = f"{', '.join(MODELS)}, or a scikit-learn estimator as module:function"
    if not models:
        yield mistake("'train.models' names no model", place, hint=known)
    for name in models:
        if name not in MODELS and not re.fullmatch(_FUNCTION, name):
            near = nearest(name, MODELS)
            hint = f"did you mean {near!r}?" if near else known
            place = places.item(("train", "models"), name)
            yield mistake(f"unknown model {name!r}", place, hint=hint)


def _gate(tree: Tree, places: Places) -> Iterator[Mistake]:
    data = tree.get("data", {})
    for line in tree.get("evaluate", {}).get("require", ()):
        place = places.item(("evaluate", "require"), line)
        try:
            asked = parse_requirement(line)
        except ValueError:
            hint = 'write "metric >= number", such as "roc_auc >= 0.8"'
            yield mistake("a gate line cannot be read", place, line, hint)
            continue
        task = data.get("task", "")
        of_tasks = SLICE_METRICS if asked.slice else METRICS
        every = dict.fromkeys(word for words in of_tasks.values() for word in words)
        words = of_tasks.get(task, tuple(every))
        if asked.name not in words:
            near = nearest(asked.name, words)
            hint = f"did you mean {near!r}?" if near else f"known here: {', '.join(words)}"
            of = (" of a group" if asked.slice else "") + (f" in a {task} task" if task else "")
            yield mistake(f"no metric {asked.name!r} is measured{of}", place, line, hint)
        column = asked.slice.partition("=")[0].strip()
        protected = data.get("protected", ())
        if column and column not in protected:
            near = nearest(column, protected)
            hint = f"did you mean {near!r}?" if near else "declare it under [data] protected"
            yield mistake(f"no groups are formed by {column!r}", place, line, hint)


def _plugins(tree: Tree, places: Places) -> Iterator[Mistake]:
    for table, key in (("data", "checks"), ("monitor", "drift_methods")):
        for name in tree.get(table, {}).get(key, ()):
            if key == "checks" and " is " in name:
                yield from _sentence(name, places.item((table, key), name))
            elif not re.fullmatch(_PLUGIN, name):
                hint = "the name of an installed plugin, or module:function"
                place = places.item((table, key), name)
                yield mistake(f"'{table}.{key}' names no plugin", place, name, hint)


def _sentence(text: str, place: Any) -> Iterator[Mistake]:
    try:
        parse_expectation(text)
    except InputError as error:
        yield mistake(error.what, place, error.found, error.hint)


def _roles(tree: Tree, places: Places) -> Iterator[Mistake]:
    name = tree.get("project", {}).get("name")
    if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        hint = "letters, digits, dot, dash and underscore, at most 64"
        yield mistake("'project.name' cannot be used", places(("project", "name")), name, hint)
    data = tree.get("data", {})
    roles = {
        "target": [data.get("target")],
        "key": data.get("key", []),
        "split": [data.get("split")],
    }
    for role, names in roles.items():
        for name in names:
            if name and name in data.get("leave_out", []):
                what = f"column {name!r} is the {role} and left out at once"
                yield mistake(what, places(("data", "leave_out")), hint="take it out of one")
