"""The datasheet of a data set: what was measured, what was found, what people said, and the gaps.

Follows "Datasheets for Datasets" (Gebru et al., Communications of the ACM 64, 2021) in its seven
parts. It is evidence for those who judge the data; it judges nothing itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from urllib.parse import parse_qs, urlsplit

import msgspec

from evermodel.data.documents.answers import Answers
from evermodel.data.documents.questions import QUESTIONS, Question
from evermodel.data.documents.table_facts import LEAST_ROWS, ColumnFacts, TableFacts
from evermodel.records import CheckResult, Record, Report, Verdict, worst
from evermodel.report.wording import by_urgency

__all__ = [
    "PARTS",
    "Datasheet",
    "Part",
    "datasheet",
    "gap",
    "public_source",
]

_QUOTED = re.compile(
    r"""(?<!\w)(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`([^`]*)`)(?!\w)""", re.DOTALL
)
_COMMAND = "evermodel "
_GROUPS = re.compile(r"\s*(?:,|&|;| and )\s*(?=[^=]+=)")
_RANGED = ("number", "timestamp")


class Part(Record, frozen=True, kw_only=True):
    """One of the seven parts: its title, one line under it, and the tables of answers it shows."""

    title: str
    lead: str
    tables: tuple[str, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions of this part, in order."""
        return tuple(question for question in QUESTIONS if question.table in self.tables)


PARTS = (
    Part(title="Why are the data there?", lead="Motivation", tables=("motivation",)),
    Part(title="What is in them?", lead="Composition", tables=("composition",)),
    Part(title="How were they collected?", lead="Collection process", tables=("collection",)),
    Part(
        title="How were they prepared?",
        lead="Preprocessing, cleaning, labelling",
        tables=("preprocessing",),
    ),
    Part(title="What may they be used for?", lead="Uses and limits", tables=("uses",)),
    Part(title="Who gets them?", lead="Distribution", tables=("distribution",)),
    Part(title="Who looks after them?", lead="Maintenance", tables=("maintenance",)),
)
"""The parts of a datasheet, in the order of the paper."""


class Datasheet(Record, frozen=True, kw_only=True):
    """What is known of a data set: measured facts, findings, answers.

    `source` is told without the place where it lies; `findings` hold no example rows and quote no
    values that are not shown of their column. `made` is when it was written.
    """

    name: str
    facts: TableFacts
    answers: Answers = Answers()
    findings: tuple[CheckResult, ...] = ()
    source: str = ""
    digest: str = ""
    made: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings; "unknown" when nothing was checked."""
        return worst(self.findings)

    @property
    def asked(self) -> int:
        """How many questions there are."""
        return len(QUESTIONS)

    @property
    def count(self) -> str:
        """How many of the questions are answered, in words.

        Examples
        --------
        >>> Datasheet(name="a", facts=TableFacts(rows=1, columns=())).count
        '0 of 15 questions answered'
        """
        return f"{self.answers.answered} of {self.asked} questions answered"

    @property
    def gaps(self) -> tuple[str, ...]:
        """The questions without an answer, as they are shown."""
        return tuple(gap(question) for question in self.answers.open)

    @property
    def scanned(self) -> bool:
        """Whether a scan for personal data is among the findings."""
        return any(result.name.startswith("personal_data") for result in self.findings)


def gap(question: Question) -> str:
    """Return how an unanswered question is shown.

    Examples
    --------
    >>> gap(QUESTIONS[0])
    'not answered yet: why were these data collected?'
    """
    return f"not answered yet: {question.ask[0].lower()}{question.ask[1:]}"


def datasheet(
    facts: TableFacts,
    report: Report | None,
    answers: Answers,
    *,
    name: str = "",
    source: str = "",
    digest: str = "",
    made: str = "",
) -> Datasheet:
    """Return the datasheet of a table.

    Parameters
    ----------
    facts : TableFacts
        What `table_facts` measured.
    report : Report or None
        What the checks found.
    answers : Answers
        What people said; `answers.catalogue.name` is the title where it is given.
    name, source, digest, made : str
        A title for want of a better one, where the rows come from, the digest of their content, and
        the time, such as "2026-03-01T08:00:00+00:00".

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.documents.table_facts import table_facts
    >>> facts = table_facts(pl.DataFrame({"plan": ["a", "b"] * 30}))
    >>> sheet = datasheet(facts, None, Answers(), source="/srv/ada/plans.csv")
    >>> sheet.name, sheet.source, sheet.count, len(sheet.gaps)
    ('plans', 'plans.csv', '0 of 15 questions answered', 15)
    """
    public = public_source(source)
    found = report.results if report is not None else ()
    return Datasheet(
        name=answers.catalogue.name or name or PurePath(public).stem or "data",
        facts=facts,
        answers=answers,
        findings=tuple(_public(result, facts) for result in by_urgency(found)),
        source=public,
        digest=digest,
        made=made,
    )


def public_source(source: str) -> str:
    r"""Return where rows come from, without folders, hosts, names of users and passwords.

    Examples
    --------
    >>> public_source("/srv/ada/shop/orders.csv"), public_source(r"C:\shop\orders.csv")
    ('orders.csv', 'orders.csv')
    >>> public_source("postgresql://ada:secret@db.example/shop?table=orders")
    'table orders of a postgresql database'
    >>> public_source("https://shop.example/files/orders.csv?token=secret")
    'orders.csv'
    """
    if "://" not in source:
        return re.split(r"[/\\]", source.rstrip("/\\"))[-1]
    parts = urlsplit(source)
    scheme = parts.scheme.partition("+")[0]
    asked = parse_qs(parts.query) | parse_qs(parts.fragment)
    if "table" in asked:
        return f"table {asked['table'][0]} of a {scheme} database"
    if "query" in asked:
        return f"a query of a {scheme} database"
    return PurePath(parts.path).name or f"a {scheme} address"


def _public(result: CheckResult, facts: TableFacts) -> CheckResult:
    """Return a finding without example rows, quoted values and the names of small groups."""
    known = {column.name for column in facts.columns}
    known |= {word for column in _meant(result, facts) for word, _ in column.values}

    def shown(found: re.Match[str]) -> str:
        inner = next(group for group in found.groups() if group is not None)
        open_ = inner in known or inner.startswith(_COMMAND) or inner in facts.missing_words
        return found[0] if open_ else "\N{HORIZONTAL ELLIPSIS}"

    return msgspec.structs.replace(
        result,
        slice=result.slice if _large(result, facts) else "a small group",
        why=_QUOTED.sub(shown, result.why),
        evidence={},
    )


def _large(result: CheckResult, facts: TableFacts) -> bool:
    """Say whether a finding's group is one that may be named: its values are shown, its rows many.

    Of columns of numbers the groups are ranges, which name no value.
    """
    if not result.slice:
        return True
    rows = result.value if result.unit == "rows" else result.n
    if rows is None or rows < LEAST_ROWS:
        return False
    columns = {column.name: column for column in facts.columns}
    for part in _GROUPS.split(result.slice):
        name, is_value, value = part.partition("=")
        column = columns.get(name.strip())
        if not is_value or column is None:
            return False
        shown = {word for word, _ in column.values}
        if value.strip() not in shown and (column.hidden or column.type not in _RANGED):
            return False
    return True


def _meant(result: CheckResult, facts: TableFacts) -> Sequence[ColumnFacts]:
    return [column for column in facts.columns if column.name == result.subject]
