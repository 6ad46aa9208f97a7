"""A proposal as the text of a project file: each choice with its reason, the rest as defaults."""

from __future__ import annotations

import textwrap
from typing import Any

import msgspec

from evermodel.data.proposal import Proposal
from evermodel.project import (
    Evaluate,
    Loop,
    Monitor,
    Outcome,
    Reading,
    Repair,
    Serve,
    Store,
    Train,
)

__all__ = ["render", "toml_key", "toml_value"]

_WIDTH = 100
_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_ESCAPES = {
    "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\",
}  # fmt: skip

# What each setting is for; a setting that is missing here fails a test.
_MEANING: dict[str, dict[str, str]] = {
    "reading": {
        "separator": "between fields; found out from the file when empty",
        "encoding": "of the text",
        "decimal": '"." or ","',
        "dates": '"year first", "day first" or "month first"',
        "missing": "words that mean missing in every column",
    },
    "outcome": {
        "known_after": 'how long until the truth is known, such as "30d"',
        "cost_false_positive": "what acting for nothing costs",
        "cost_false_negative": "what a missed case costs; sets the threshold",
        "costs": "of more than two classes, such as { ill = { well = 50.0 } }",
        "currency": 'such as "EUR"',
    },
    "train": {
        "models": 'also any scikit-learn estimator, as "module:function"',
        "trials": "settings tried per model",
        "budget": "time for the search",
        "seed": "the same seed gives the same model",
        "test": "share of the rows kept for the test",
    },
    "evaluate": {
        "require": "a gate; a model that misses it is refused",
        "level": "of every interval",
    },
    "monitor": {
        "false_alarms": "how many you accept, however often you look",
        "tolerance": "growth of the loss, as a share of it, that is no harm",
        "drift_methods": 'your own: installed plugins, or "module:function"',
    },
    "loop": {
        "every": "how often the loop turns",
        "retrain": '"on harm", or also on a schedule such as "4w"',
        "confidence": "needed to promote a challenger",
        "deadline": "after which a comparison is decided",
        "approve": '"automatic", or "person" to be asked',
    },
    "serve": {
        "host": "127.0.0.1 is this machine only",
        "port": "0 takes any free one",
        "log_features": "false keeps inputs out of the prediction log",
        "checks": 'of [data], when a request breaks one: "fail", "warn" or "quarantine"',
        "answer_quarantined": "true answers rows that are set aside, with a warning",
    },
    "store": {"workspace": "where runs, models and the ledger are kept"},
}
_TABLES: tuple[tuple[str, type[msgspec.Struct]], ...] = (
    ("outcome", Outcome),
    ("train", Train),
    ("evaluate", Evaluate),
    ("monitor", Monitor),
    ("loop", Loop),
    ("serve", Serve),
    ("store", Store),
)
_GATES = {
    "binary": ["roc_auc >= 0.75", "ece <= 0.05"],
    "multiclass": ["balanced_accuracy >= 0.6"],
    "regression": ["r2 >= 0.5"],
}


_MOST_EXPECTATIONS = 8


def render(proposal: Proposal) -> str:
    r"""Return the text of `evermodel.toml`, valid under `parse_project`.

    Examples
    --------
    >>> from evermodel.data.proposal import TargetAdvice
    >>> outcome = TargetAdvice(task="regression", why="many numbers")
    >>> text = render(Proposal(name="p", source="a.csv", target="y", rows=9, columns=2,
    ...                        outcome=outcome))
    >>> text.splitlines()[3:5]
    ['[project]', 'name = "p"']
    """
    lines = [
        "# One model, from its data to its monitoring. Edit freely: every mistake is reported with",
        '# its line. A line such as "# trials = 12" shows a default; take away the # to change it.',
        "",
        "[project]",
        f"name = {toml_value(proposal.name)}",
        "",
        *_data(proposal),
        *_types(proposal),
        *_reading(proposal),
        *_repairs(proposal),
    ]
    for table, kind in _TABLES:
        lines += ["", f"[{table}]", *_defaults(table, kind, proposal)]
    return "\n".join(lines) + "\n"


def toml_value(value: Any) -> str:
    r"""Return a value as TOML.

    Examples
    --------
    >>> print(toml_value('a "b"\n'), toml_value(("x", 1)), toml_value(True))
    "a \"b\"\n" ["x", 1] true
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, dict):
        inner = ", ".join(f"{toml_key(k)} = {toml_value(v)}" for k, v in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    return '"' + "".join(_escaped(letter) for letter in str(value)) + '"'


def toml_key(name: str) -> str:
    """Return a name as a TOML key, in quotes where it needs them.

    Examples
    --------
    >>> toml_key("age"), toml_key("pm2.5")
    ('age', '"pm2.5"')
    """
    return name if name and set(name) <= _BARE else toml_value(name)


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    # Lines ends of Unicode are escaped too: an editor would break the line there.
    if letter < " " or letter in "\x7f\x85\u2028\u2029" or "\x80" <= letter <= "\x9f":
        return f"\\u{ord(letter):04x}"
    return letter


def _said(text: str, indent: str = "") -> list[str]:
    """Return a sentence as comment lines, with nothing in it that could end the comment."""
    plain = "".join(" " if _escaped(c)[:1] == "\\" and c not in '"\\' else c for c in text)
    width = _WIDTH - len(indent) - 2
    return [f"{indent}# {line}" for line in textwrap.wrap(plain, width, break_on_hyphens=False)]


def _setting(key: str, value: Any, why: str = "") -> list[str]:
    """Return one line with its reason behind it, or above it where it would be too long."""
    line = f"{key} = {toml_value(value)}"
    comment = _said(why)
    if comment and len(comment) == 1 and len(line) + 2 + len(comment[0]) <= _WIDTH:
        return [f"{line}  {comment[0]}"]
    return [*comment, line]


def _data(proposal: Proposal) -> list[str]:
    outcome = proposal.outcome
    size = f"{proposal.rows:,} rows, {proposal.columns:,} columns"
    lines = ["[data]", *_setting("source", proposal.source, size)]
    gap = ""
    if outcome.missing:
        gap = f"{outcome.missing:,} rows without it are not learned from"
        if outcome.missing == 1:
            gap = "1 row without it is not learned from"
    lines += _setting("target", proposal.target, gap)
    lines += _setting("task", outcome.task, outcome.why)
    if outcome.positive:
        lines += _setting("positive", outcome.positive, outcome.positive_why)
    if proposal.key:
        why = "; ".join(advice.why for advice in proposal.key)
        lines += _setting("key", [advice.column for advice in proposal.key], why)
    else:
        lines.append('# key = ["column"]  # who or what a row is about, if rows repeat by it')
    if proposal.time:
        lines += _setting("time", proposal.time, proposal.time_why)
    else:
        why = f"none found: {proposal.time_why}" if proposal.time_why else "when a row happened"
        short = len(why) <= _WIDTH - 22
        lines += [f'# time = "column"  # {why}'] if short else [*_said(why), '# time = "column"']
    if proposal.split:
        lines += _setting("split", proposal.split, proposal.split_why)
    else:
        lines.append('# split = "column"  # a column that says which rows are train and test')
    lines += _left_out(proposal)
    if proposal.protected:
        traits = ", ".join(dict.fromkeys(advice.why for advice in proposal.protected))
        names = [advice.column for advice in proposal.protected]
        lines += _setting("protected", names, f"by name or values: {traits}")
    else:
        lines.append('# protected = ["column"]  # traits by which no one may be treated worse')
    for note in proposal.notes:
        lines += _said(f"Note: {note}.")
    return [*lines, *_expected(proposal)]


def _expected(proposal: Proposal) -> list[str]:
    """Return what is true of every row now, for the owner to choose from: nothing is asked yet."""
    if not proposal.expectations:
        return ['# checks = ["age is between 0 and 120"]  # what has to be true of every row']
    lines = [
        "# What holds for every row now, but for cells that look wrong. Take the # off checks, the",
        "# end and the lines that have to stay true; a row that breaks one fails the check.",
        '# "... (warn)" only tells.',
        "# checks = [",
    ]
    # That a column is full says least of it.
    told = sorted(proposal.expectations, key=lambda text: text.endswith(" is never missing"))
    shown = told[:_MOST_EXPECTATIONS]
    lines += [f"#   {toml_value(sentence)}," for sentence in shown]
    more = len(proposal.expectations) - len(shown)
    if more:
        lines.append(f"#   # and {more} more like these")
    return [*lines, "# ]"]


def _left_out(proposal: Proposal) -> list[str]:
    if not proposal.leave_out:
        return ['# leave_out = ["column"]  # not learned from']
    lines = ["leave_out = ["]
    for advice in proposal.leave_out:
        line = f"  {toml_value(advice.column)},"
        comment = _said(advice.why, "  ")
        if len(comment) == 1 and len(line) + len(comment[0]) <= _WIDTH:
            lines.append(f"{line}{comment[0]}")
        else:
            lines += [*comment, line]
    return [*lines, "]"]


def _types(proposal: Proposal) -> list[str]:
    if not proposal.types:
        return []
    said = "# number, boolean, category, timestamp or text, where the values alone do not tell"
    pairs = [f"{toml_key(column)} = {toml_value(kind)}" for column, kind in proposal.types.items()]
    return ["", "[data.types]", said, *pairs]


def _reading(proposal: Proposal) -> list[str]:
    if not proposal.reading:
        return []
    usual = msgspec.structs.asdict(Reading())
    lines = ["", "[data.reading]"]
    for key in usual:
        if key in proposal.reading:
            lines += _setting(key, proposal.reading[key], "as found in the file")
    return lines


def _repairs(proposal: Proposal) -> list[str]:
    if not proposal.repairs:
        return []
    lines = ["", "[data.repairs]", "# Applied wherever a column is read: nothing else is altered."]
    usual = msgspec.structs.asdict(Repair())
    for advice in proposal.repairs:
        given = msgspec.structs.asdict(advice.repair)
        changed = {key: value for key, value in given.items() if value != usual[key]}
        many = "row" if advice.rows == 1 else "rows"
        lines += _said(f"{advice.rows:,} {many}: {advice.why}")
        lines.append(f"{toml_key(advice.column)} = {toml_value(changed)}")
    return lines


def _defaults(table: str, kind: type[msgspec.Struct], proposal: Proposal) -> list[str]:
    lines = []
    for field in msgspec.structs.fields(kind):
        value = field.default
        if table == "evaluate" and field.name == "require":
            value = _GATES[proposal.task]
        elif field.default_factory is not msgspec.NODEFAULT:
            value = field.default_factory()
        lines.append((f"# {field.name} = {toml_value(value)}", _MEANING[table][field.name]))
    if proposal.task != "binary":
        lines = [pair for pair in lines if not pair[0].startswith("# cost_false")]
    if proposal.task != "multiclass":
        lines = [pair for pair in lines if not pair[0].startswith("# costs")]
    wide = max(len(line) for line, _ in lines)
    return [f"{line:<{wide}}  # {meaning}" for line, meaning in lines]
