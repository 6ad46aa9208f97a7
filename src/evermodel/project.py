"""The project file: `evermodel.toml` becomes a validated, frozen `Project`.

Every mistake is reported at once, each with its line and column, what was found there and the
nearest valid word. Data live in TOML; logic lives in Python and is named by `module:function`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from evermodel.errors import Mistake, ProjectError, nearest
from evermodel.records import ColumnType, Task

__all__ = [
    "FILE_NAME",
    "ON_HARM",
    "ROW_ORDER",
    "Data",
    "Evaluate",
    "Loop",
    "Monitor",
    "Outcome",
    "Project",
    "Reading",
    "Repair",
    "Requirement",
    "Serve",
    "Store",
    "Train",
    "alarms_a_year",
    "duration_seconds",
    "load_project",
    "parse_project",
    "parse_requirement",
]

FILE_NAME = "evermodel.toml"
ROW_ORDER = "row order"
ON_HARM = "on harm"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class _Table(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the tables of a project file."""


class Repair(_Table, frozen=True, kw_only=True):
    """A declared change to the values of one column, applied wherever the column is read."""

    strip: str = ""
    missing: tuple[str, ...] = ()
    type: ColumnType | None = None
    map: dict[str, str] = msgspec.field(default_factory=dict)


class Reading(_Table, frozen=True, kw_only=True):
    """How a text file is written; empty fields are found out from the file."""

    separator: str = ""
    encoding: str = ""
    decimal: Literal["", ".", ","] = ""
    dates: Literal["", "year first", "day first", "month first"] = ""
    missing: tuple[str, ...] = ()


class Data(_Table, frozen=True, kw_only=True):
    """`[data]`: where the rows are and what the columns mean."""

    source: str
    target: str
    task: Task
    positive: str = ""
    key: tuple[str, ...] = ()
    time: str = ""
    split: str = ""
    leave_out: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    types: dict[str, ColumnType] = msgspec.field(default_factory=dict)
    reading: Reading = Reading()
    repairs: dict[str, Repair] = msgspec.field(default_factory=dict)


class Outcome(_Table, frozen=True, kw_only=True):
    """`[outcome]`: when the truth is known and what mistakes cost."""

    known_after: str = "0d"
    cost_false_positive: float = 1.0
    cost_false_negative: float = 1.0
    currency: str = ""


class Train(_Table, frozen=True, kw_only=True):
    """`[train]`: candidates and the budget of the search."""

    models: tuple[str, ...] = ("linear", "lightgbm")
    trials: int = 12
    budget: str = "2m"
    seed: int = 0
    test: float = 0.2


class Evaluate(_Table, frozen=True, kw_only=True):
    """`[evaluate]`: the gate, as lines like "roc_auc >= 0.8"."""

    require: tuple[str, ...] = ()
    level: float = 0.95


class Monitor(_Table, frozen=True, kw_only=True):
    """`[monitor]`: how often false alarms are acceptable, and what loss is tolerated."""

    false_alarms: str = "1 per year"
    tolerance: float = 0.1

    @property
    def false_alarms_a_year(self) -> float:
        """How many false alarms a year are accepted."""
        return alarms_a_year(self.false_alarms)


class Loop(_Table, frozen=True, kw_only=True):
    """`[loop]`: how often the loop turns and how sure it must be to promote."""

    every: str = "1d"
    retrain: str = ON_HARM
    confidence: float = 0.95
    deadline: str = "60d"
    approve: Literal["automatic", "person"] = "automatic"


class Serve(_Table, frozen=True, kw_only=True):
    """`[serve]`: where the server listens and what it writes down."""

    host: str = "127.0.0.1"
    port: int = 8000
    log_features: bool = True


class Store(_Table, frozen=True, kw_only=True):
    """`[store]`: the workspace; a folder beside the project file unless said otherwise."""

    workspace: str = ".evermodel"


class _Name(_Table, frozen=True, kw_only=True):
    """`[project]`."""

    name: str


class Project(_Table, frozen=True, kw_only=True):
    """One model, as one file describes it."""

    project: _Name
    data: Data
    outcome: Outcome = Outcome()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    monitor: Monitor = Monitor()
    loop: Loop = Loop()
    serve: Serve = Serve()
    store: Store = Store()
    root: str = "."

    @property
    def name(self) -> str:
        """The project's name: key of its events, jobs, versions and aliases."""
        return self.project.name

    @property
    def workspace(self) -> Path:
        """The folder that holds ledger, blobs, tables and bundles."""
        return Path(self.root) / self.store.workspace

    @property
    def source(self) -> str:
        """The data source, as an address or as a path that holds from anywhere."""
        source = self.data.source
        return source if "://" in source else str(Path(self.root) / source)


class Requirement(_Table, frozen=True, kw_only=True):
    """One line of a gate: metric `name`, optionally of one `slice`, within `min` and `max`."""

    name: str
    slice: str = ""
    min: float | None = None
    max: float | None = None


def parse_requirement(line: str) -> Requirement:
    """Read a gate line.

    Examples
    --------
    >>> parse_requirement("roc_auc >= 0.8").min
    0.8
    >>> parse_requirement("recall[sex=Female] >= 0.5").slice
    'sex=Female'

    Raises
    ------
    ValueError
        When the line has not the form `metric[slice] >= number`.
    """
    found = re.fullmatch(r"\s*([a-z_0-9]+)\s*(?:\[([^\]]+)\])?\s*(>=|<=)\s*([-+0-9.eE]+)\s*", line)
    if not found:
        raise ValueError(line)
    name, slice_, sign, number = found.groups()
    bound = float(number)
    low, high = (bound, None) if sign == ">=" else (None, bound)
    return Requirement(name=name, slice=slice_ or "", min=low, max=high)


def duration_seconds(text: str) -> float:
    """Return the seconds in a duration such as "30d", "12h", "90s" or "2w".

    Examples
    --------
    >>> duration_seconds("30d")
    2592000.0

    Raises
    ------
    ValueError
        When the text is not a number followed by s, m, h, d or w.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", text)
    if not found:
        raise ValueError(text)
    return float(found.group(1)) * _UNITS[found.group(2)]


_PERIODS = {"day": 365.0, "week": 365 / 7, "month": 12.0, "year": 1.0}


def alarms_a_year(text: str) -> float:
    """Return how many a year "1 per year" or "2 per month" are.

    Examples
    --------
    >>> alarms_a_year("2 per month")
    24.0

    Raises
    ------
    ValueError
        When the text is not a number above 0, followed by per day, week, month or year.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s+per\s+(day|week|month|year)\s*", text)
    if not found or not float(found[1]):
        raise ValueError(text)
    return float(found[1]) * _PERIODS[found[2]]


def load_project(folder: str | Path) -> Project:
    r"""Read and validate `evermodel.toml` in `folder`.

    Raises
    ------
    ProjectError
        With every mistake in the file, each with its line and column.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> text = '[project]\nname="p"\n[data]\nsource="a.csv"\ntarget="y"\ntask="binary"\n'
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / FILE_NAME).write_text(text)
    ...     load_project(folder).name
    'p'
    """
    path = Path(folder) / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProjectError(
            str(path),
            [
                Mistake(
                    what="there is no project file here", hint="evermodel init DATA --target COLUMN"
                )
            ],
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(str(path), [Mistake(what="cannot be read", found=str(error))]) from None
    return parse_project(text, path=str(path), root=str(folder))


def parse_project(text: str, *, path: str = FILE_NAME, root: str = ".") -> Project:
    r"""Validate the text of a project file.

    Examples
    --------
    >>> text = '[project]\nname="p"\n[data]\nsource="a.csv"\ntarget="y"\ntask="binary"\n'
    >>> parse_project(text).data.target
    'y'
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (0, 0)
        message = re.sub(r" \(at .*\)$", "", str(error))
        raise ProjectError(
            path, [Mistake(what=f"not valid TOML: {message}", line=line, column=column)]
        ) from None
    mistakes = list(_check_table(Project, tree, (), _Places(text)))
    if not mistakes:
        mistakes = list(_check_meaning(tree, _Places(text)))
    if mistakes:
        raise ProjectError(path, sorted(mistakes, key=lambda m: (m.line, m.column)))
    return msgspec.convert({**tree, "root": root}, Project)


class _Places:
    """Where each key of a TOML text stands, so that a mistake can name its line and column."""

    def __init__(self, text: str) -> None:
        self._found: dict[tuple[str, ...], tuple[int, int]] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.splitlines(), start=1):
            header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
            if header and "=" not in line.split("#")[0].split("]")[0]:
                table = _dotted(header[1])
                self._found.setdefault(table, (number, line.index("[") + 1))
                continue
            key = re.match(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w"'-]+)*)\s*=""", line)
            if key:
                column = len(line) - len(line.lstrip()) + 1
                full = table + _dotted(key[1])
                self._found.setdefault(full, (number, column))
                # Keys inside an inline table stand on the same line.
                for inner in re.finditer(r"""[{,]\s*([\w-]+|"[^"]*")\s*=""", line):
                    place = (number, inner.start(1) + 1)
                    self._found.setdefault((*full, inner[1].strip("\"'")), place)

    def __call__(self, path: tuple[str, ...]) -> tuple[int, int]:
        while path and path not in self._found:
            path = path[:-1]
        return self._found.get(path, (0, 0))


def _dotted(text: str) -> tuple[str, ...]:
    parts = re.findall(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)", text)
    return tuple(a or b or c for a, b, c in parts)


def _mistake(what: str, place: tuple[int, int], found: Any = "", hint: str = "") -> Mistake:
    shown = repr(found) if found != "" else ""
    return Mistake(what=what, line=place[0], column=place[1], found=shown, hint=hint)


def _check_table(
    kind: type[_Table], tree: dict[str, Any], path: tuple[str, ...], places: _Places
) -> Any:
    """Yield the mistakes of one table: unknown keys, missing keys, values of the wrong type."""
    hints = get_type_hints(kind)
    hints.pop("root", None)
    for key, value in tree.items():
        here = (*path, key)
        name = ".".join(here)
        if key not in hints:
            word = nearest(key, hints)
            hint = f"did you mean {word!r}?" if word else f"known here: {', '.join(hints)}"
            what = f"unknown {'key' if path else 'table'} {name!r}"
            yield _mistake(what, places(here), hint=hint)
            continue
        yield from _check_value(hints[key], value, here, places)
    required = [f.name for f in msgspec.structs.fields(kind) if f.required]
    for key in required:
        if key not in tree:
            name = ".".join((*path, key))
            yield _mistake(f"{name!r} is missing", places(path), hint=f"add {name}")


def _check_value(hint: Any, value: Any, path: tuple[str, ...], places: _Places) -> Any:
    name = ".".join(path)
    if isinstance(hint, type) and issubclass(hint, _Table):
        if isinstance(value, dict):
            yield from _check_table(hint, value, path, places)
        else:
            yield _mistake(f"{name!r} must be a table", places(path), value)
    elif get_origin(hint) is dict and isinstance(value, dict):
        inner = get_args(hint)[1]
        for key, entry in value.items():
            yield from _check_value(inner, entry, (*path, key), places)
    else:
        try:
            msgspec.convert(value, hint)
        except msgspec.ValidationError:
            choices = _choices(hint)
            word = nearest(value, choices) if isinstance(value, str) else ""
            if word:
                advice = f"did you mean {word!r}?"
            elif choices:
                advice = f"one of {', '.join(map(repr, choices))}"
            else:
                advice = f"expected {_words(hint)}"
            yield _mistake(f"{name!r} has a value of the wrong kind", places(path), value, advice)


def _choices(hint: Any) -> tuple[str, ...]:
    if get_origin(hint) is Literal:
        return tuple(str(choice) for choice in get_args(hint))
    return tuple(word for inner in get_args(hint) for word in _choices(inner))


def _words(hint: Any) -> str:
    if get_origin(hint) is tuple:
        return 'a list of texts, such as ["a", "b"]'
    names = {str: 'a text in quotes, such as "a"', float: "a number", int: "a whole number"}
    names[bool] = "true or false"
    return names.get(hint, "a table" if get_origin(hint) is dict else str(hint))


_DURATIONS = (("outcome", "known_after"), ("train", "budget"), ("loop", "every"))
_RANGES = {
    ("train", "trials"): (1, 100_000),
    ("train", "test"): (0.01, 0.9),
    ("train", "seed"): (0, 2**31 - 1),
    ("evaluate", "level"): (0.5, 0.999),
    ("monitor", "tolerance"): (0.0, 1e12),
    ("loop", "confidence"): (0.5, 0.9999),
    ("outcome", "cost_false_positive"): (0.0, 1e12),
    ("outcome", "cost_false_negative"): (0.0, 1e12),
    ("serve", "port"): (0, 65535),
}


def _check_meaning(tree: dict[str, Any], places: _Places) -> Any:
    """Yield the mistakes that types alone do not show."""
    for table, key in (*_DURATIONS, ("loop", "deadline"), ("loop", "retrain")):
        value = tree.get(table, {}).get(key)
        if value is None or (key == "retrain" and value == ON_HARM):
            continue
        try:
            duration_seconds(value)
        except ValueError:
            hint = 'write a duration such as "30d", "12h" or "90s"'
            yield _mistake(f"'{table}.{key}' is not a duration", places((table, key)), value, hint)
    accepted = tree.get("monitor", {}).get("false_alarms", Monitor().false_alarms)
    try:
        alarms_a_year(accepted)
    except ValueError:
        place, hint = places(("monitor", "false_alarms")), 'such as "1 per year" or "2 per month"'
        yield _mistake("'monitor.false_alarms' is not a rate above 0", place, accepted, hint)
    for (table, key), (low, high) in _RANGES.items():
        value = tree.get(table, {}).get(key)
        if value is not None and not low <= value <= high:
            hint = f"between {low:g} and {high:g}"
            yield _mistake(f"'{table}.{key}' is out of range", places((table, key)), value, hint)
    for line in tree.get("evaluate", {}).get("require", []):
        try:
            parse_requirement(line)
        except ValueError:
            hint = 'write "metric >= number", such as "roc_auc >= 0.8"'
            what = "a gate line cannot be read"
            yield _mistake(what, places(("evaluate", "require")), line, hint)
    data = tree["data"]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", tree["project"]["name"]):
        hint = "letters, digits, dot, dash and underscore, at most 64"
        place = places(("project", "name"))
        yield _mistake("'project.name' cannot be used", place, tree["project"]["name"], hint)
    roles = {"target": [data["target"]], "key": data.get("key", []), "split": [data.get("split")]}
    for role, names in roles.items():
        for name in names:
            if name and name in data.get("leave_out", []):
                what = f"column {name!r} is the {role} and left out at once"
                yield _mistake(what, places(("data", "leave_out")), hint="take it out of one")
