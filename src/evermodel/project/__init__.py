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
from evermodel.project.calendar import FIRST_YEAR
from evermodel.project.meaning import check_meaning
from evermodel.project.places import Places, mistake
from evermodel.project.words import (
    METRICS,
    ROWS_A_CLASS,
    SLICE_METRICS,
    Requirement,
    alarms_a_year,
    duration_seconds,
    parse_requirement,
)
from evermodel.records import ColumnType, Task

__all__ = [
    "FILE_NAME",
    "METRICS",
    "ON_HARM",
    "ROWS_A_CLASS",
    "ROW_ORDER",
    "SLICE_METRICS",
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
    first_year: int = FIRST_YEAR
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
    checks: tuple[str, ...] = ()
    keep: Literal["rows", "digest"] = "rows"
    gate_training: Literal["fail", "warn"] = "fail"
    gate_scoring: Literal["fail", "warn", "quarantine"] = "warn"
    reference: str = ""
    reference_weight: str = ""


class Outcome(_Table, frozen=True, kw_only=True):
    """`[outcome]`: when the truth is known and what mistakes cost."""

    known_after: str = "0d"
    cost_false_positive: float = 1.0
    cost_false_negative: float = 1.0
    costs: dict[str, dict[str, float]] = msgspec.field(default_factory=dict)
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
    drift_methods: tuple[str, ...] = ()

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
    checks: Literal["fail", "warn", "quarantine"] = "fail"
    answer_quarantined: bool = False


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
        """The data source, as an address or as a path that holds from anywhere.

        What stands as ``${NAME}`` in it is filled in from the environment when it is read.
        """
        return self.beside(self.data.source)

    def beside(self, address: str) -> str:
        """Return an address as it is, or a path beside the project file as it holds from anywhere.

        Examples
        --------
        >>> data = Data(source="a.csv", target="y", task="binary")
        >>> Project(project=_Name(name="a"), data=data, root="shop").beside("b.csv")
        'shop/b.csv'
        """
        if "://" in address or address.startswith("${"):
            return address
        return str(Path(self.root) / address)


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
    mistakes = list(_check_table(Project, tree, (), Places(text)))
    mistakes += check_meaning(_sound(tree), Places(text))
    if mistakes:
        raise ProjectError(path, sorted(mistakes, key=lambda m: (m.line, m.column)))
    return msgspec.convert({**tree, "root": root}, Project)


def _check_table(
    kind: type[_Table], tree: dict[str, Any], path: tuple[str, ...], places: Places
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
            yield mistake(what, places(here), hint=hint)
            continue
        yield from _check_value(hints[key], value, here, places)
    required = [f.name for f in msgspec.structs.fields(kind) if f.required]
    for key in required:
        if key not in tree:
            name = ".".join((*path, key))
            yield mistake(f"{name!r} is missing", places(path), hint=f"add {name}")


def _check_value(hint: Any, value: Any, path: tuple[str, ...], places: Places) -> Any:
    name = ".".join(path)
    if isinstance(hint, type) and issubclass(hint, _Table):
        if isinstance(value, dict):
            yield from _check_table(hint, value, path, places)
        else:
            yield mistake(f"{name!r} must be a table", places(path), value)
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
            yield mistake(f"{name!r} has a value of the wrong kind", places(path), value, advice)


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


def _sound(tree: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the tables with the values that are of the right kind."""
    kept: dict[str, dict[str, Any]] = {}
    for name, kind in get_type_hints(Project).items():
        table = tree.get(name)
        if not isinstance(table, dict):
            continue
        hints = get_type_hints(kind)
        for key, value in table.items():
            try:
                msgspec.convert(value, hints[key])
            except (KeyError, msgspec.ValidationError):
                continue
            kept.setdefault(name, {})[key] = value
    return kept
