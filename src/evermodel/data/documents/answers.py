"""What only people can say of a data set: asked once, kept as `datasheet.toml` beside the project.

Empty answers stay visible as gaps; mistakes in the file are told with their lines.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from evermodel.data.documents.questions import QUESTIONS, TABLES, Question
from evermodel.data.proposing.toml_text import toml_value
from evermodel.errors import Mistake, ProjectError, nearest
from evermodel.project.places import Places, mistake
from evermodel.records import Record
from evermodel.store.durable import write_durably

__all__ = [
    "ANSWERS_FILE",
    "Answers",
    "Catalogue",
    "answers_text",
    "ask",
    "load_answers",
    "parse_answers",
]

ANSWERS_FILE = "datasheet.toml"
_CATALOGUE = "catalogue"
_WIDTH = 96
# What people write in place of an answer; "none" and "no" are answers.
_LATER = frozenset({"", "?", "??", "???", "-", ".", "..", "...", "todo", "tbd", "fixme", "xxx"})
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?")
_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)


class Catalogue(Record, frozen=True, kw_only=True):
    """How the data set is listed in a catalogue; empty where nobody said it yet.

    `synthetic` says whether any of the rows were made by a program rather than observed.
    """

    name: str = ""
    description: str = ""
    url: str = ""
    licence: str = ""
    version: str = ""
    published: str = ""
    creators: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    citation: str = ""
    derived_from: tuple[str, ...] = ()
    synthetic: bool | None = None


_CATALOGUE_SAID = {
    "name": "how the data set is called; the project's name when empty",
    "description": "what it holds, in two or three sentences",
    "url": 'its page, such as "https://example.org/data/churn"',
    "licence": 'the address of the licence, such as "https://spdx.org/licenses/CC-BY-4.0.html"',
    "version": 'three numbers, such as "1.0.0"',
    "published": 'the day, such as "2026-03-01"',
    "creators": 'people, such as ["Ada Example"]',
    "organisations": 'such as ["Example University"]',
    "keywords": 'such as ["customers", "churn"]',
    "languages": 'of the texts in it, such as ["en"]',
    "citation": "how to cite it, best as BibTeX",
    "derived_from": 'names or addresses of the data it was made from; ["none"] if from none',
    "synthetic": "true if a program made any of the rows up, else false",
}


class Answers(Record, frozen=True, kw_only=True):
    """The answers by the names of their questions, and the entry for a catalogue.

    Examples
    --------
    >>> found = Answers(given={"uses.limits": "one city only"})
    >>> found["uses.limits"], found["uses.avoid"], found.answered
    ('one city only', '', 1)
    """

    given: dict[str, str] = msgspec.field(default_factory=dict)
    catalogue: Catalogue = Catalogue()

    def __getitem__(self, name: str) -> str:
        return self.given.get(name, "")

    @property
    def answered(self) -> int:
        """How many of the questions have an answer."""
        return sum(bool(self[question.name]) for question in QUESTIONS)

    @property
    def open(self) -> tuple[Question, ...]:
        """The questions that have none, in order."""
        return tuple(question for question in QUESTIONS if not self[question.name])


def answers_text() -> str:
    """Return the text of an answers file in which nothing is answered yet.

    Examples
    --------
    >>> print(answers_text()[:59])
    # What only people can say of these data. Write each answer
    >>> parse_answers(answers_text()).answered
    0
    """
    lines = [
        "# What only people can say of these data. Write each answer between the quotes; for one",
        '# of several lines use """ at both ends. What stays empty is shown as a gap.',
        "# Do not write of single persons here: the answers are published with the data set.",
    ]
    table = ""
    for question in QUESTIONS:
        if question.table != table:
            table = question.table
            lines += ["", f"[{table}]  # {TABLES[table]}"]
        lines += [f"# {line}" for line in textwrap.wrap(f"{question.ask} {question.more}", _WIDTH)]
        lines.append(f'{question.key} = ""')
    lines += [
        "",
        f"[{_CATALOGUE}]  # For catalogues of data sets (Croissant); take away a # to set it",
    ]
    for field in msgspec.structs.fields(Catalogue):
        value = "false" if field.name == "synthetic" else toml_value(field.default)
        lines.append(f"# {field.name} = {value}  # {_CATALOGUE_SAID[field.name]}")
    return "\n".join(lines) + "\n"


def ask(folder: str | Path) -> Path | None:
    """Write the questions into a folder, and return where; None where there is such a file already.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     ask(folder).name, ask(folder)
    ('datasheet.toml', None)

    Raises
    ------
    SurroundingsError
        When the folder cannot be written to.
    """
    path = Path(folder) / ANSWERS_FILE
    if path.exists():
        return None
    write_durably(path, answers_text().encode())
    return path


def load_answers(folder: str | Path) -> Answers:
    r"""Return the answers in the `datasheet.toml` of a folder; none where there is no such file.

    Raises
    ------
    ProjectError
        With every mistake in the file, each with its line and column.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / ANSWERS_FILE).write_text('[uses]\nlimits = "one city only"')
    ...     load_answers(folder)["uses.limits"]
    'one city only'
    """
    path = Path(folder) / ANSWERS_FILE
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Answers()
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(str(path), [Mistake(what="cannot be read", found=str(error))]) from None
    return parse_answers(text, path=str(path))


def parse_answers(text: str, *, path: str = ANSWERS_FILE) -> Answers:
    r"""Return the answers in the text of an answers file.

    Raises
    ------
    ProjectError
        With every mistake, each with its line and column, and the nearest valid word.

    Examples
    --------
    >>> parse_answers('[uses]\nlimit = "one city only"')
    Traceback (most recent call last):
    evermodel.errors.ProjectError: 1 mistake in the project file
      datasheet.toml:2:1: unknown key 'uses.limit'; did you mean 'limits'?
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        # What is left open until the end is told there.
        line, column = (int(place[1]), int(place[2])) if place else (len(text.splitlines()), 1)
        what = f"not valid TOML: {re.sub(r' [(]at .*[)]$', '', str(error))}"
        hint = 'put answers between quotes, or between """ where they have several lines'
        wrong = Mistake(what=what, line=line, column=column, hint=hint)
        raise ProjectError(path, [wrong]) from None
    mistakes = sorted(_mistakes(tree, Places(text)), key=lambda one: (one.line, one.column))
    if mistakes:
        raise ProjectError(path, mistakes)
    given = {
        question.name: said
        for question in QUESTIONS
        if (said := tree.get(question.table, {}).get(question.key, "").strip())
        and said.lower() not in _LATER
    }
    return Answers(given=given, catalogue=_catalogue(tree.get(_CATALOGUE, {})))


def _catalogue(entry: Mapping[str, Any]) -> Catalogue:
    kept: dict[str, Any] = {}
    for key, value in entry.items():
        if isinstance(value, str):
            kept[key] = "" if value.strip().lower() in _LATER else value.strip()
        elif isinstance(value, list):
            kept[key] = tuple(item.strip() for item in value if item.strip())
        else:
            kept[key] = value.isoformat() if isinstance(value, date) else value
    return Catalogue(**kept)


def _mistakes(tree: Mapping[str, Any], places: Places) -> Iterator[Mistake]:
    for table, entry in tree.items():
        place = places((table,))
        if table == _CATALOGUE and isinstance(entry, dict):
            yield from _catalogue_mistakes(entry, places)
        elif table in TABLES and isinstance(entry, dict):
            yield from _answer_mistakes(table, entry, places)
        elif table in (*TABLES, _CATALOGUE):
            yield mistake(f"{table!r} must be a table", place, entry, f"write [{table}] above it")
        else:
            yield mistake(
                f"unknown table {table!r}", place, hint=_known(table, (*TABLES, _CATALOGUE))
            )


def _answer_mistakes(table: str, entry: Mapping[str, Any], places: Places) -> Iterator[Mistake]:
    keys = [question.key for question in QUESTIONS if question.table == table]
    for key, value in entry.items():
        place = places((table, key))
        if key not in keys:
            yield mistake(f"unknown key '{table}.{key}'", place, hint=_known(key, keys))
        elif not isinstance(value, str):
            yield mistake(f"'{table}.{key}' must be a text", place, value, "put it between quotes")


def _catalogue_mistakes(entry: Mapping[str, Any], places: Places) -> Iterator[Mistake]:
    kinds = {field.name: field.default for field in msgspec.structs.fields(Catalogue)}
    for key, value in entry.items():
        place, name = places((_CATALOGUE, key)), f"'{_CATALOGUE}.{key}'"
        if key not in kinds:
            yield mistake(f"unknown key {name}", place, hint=_known(key, kinds))
        elif key == "synthetic":
            if not isinstance(value, bool):
                yield mistake(f"{name} must be true or false", place, value)
        elif isinstance(kinds[key], tuple):
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                hint = 'a list of texts, such as ["a", "b"]'
                yield mistake(f"{name} must be a list", place, value, hint)
        elif key == "published":
            yield from _day_mistakes(name, value, place)
        elif not isinstance(value, str):
            yield mistake(f"{name} must be a text", place, value, "put it between quotes")
        elif key == "version" and value.strip() and not _VERSION.fullmatch(value.strip()):
            yield mistake(f"{name} is no version", place, value, 'three numbers, such as "1.0.0"')
        elif key == "url" and value.strip() and not _ADDRESS.fullmatch(value.strip()):
            yield mistake(f"{name} is no address", place, value, 'such as "https://example.org/a"')


def _day_mistakes(name: str, value: Any, place: tuple[int, int]) -> Iterator[Mistake]:
    if isinstance(value, date) or value == "":
        return
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        yield mistake(f"{name} is no day", place, value, 'year, month, day, such as "2026-03-01"')


def _known(word: str, words: Any) -> str:
    near = nearest(word, words)
    return f"did you mean {near!r}?" if near else f"known here: {', '.join(words)}"
