"""What a datasheet asks of people.

The questions follow "Datasheets for Datasets" (Gebru et al., Communications of the ACM 64, 2021),
one for each thing that cannot be measured.
"""

from __future__ import annotations

from evermodel.records import Record

__all__ = ["QUESTIONS", "TABLES", "Question"]


class Question(Record, frozen=True, kw_only=True):
    """One question: `table.key` of the answers file, the question, and what an answer may say."""

    table: str
    key: str
    ask: str
    more: str

    @property
    def name(self) -> str:
        """Where the answer stands in the file, such as "uses.limits"."""
        return f"{self.table}.{self.key}"


def _question(name: str, ask: str, more: str) -> Question:
    table, _, key = name.partition(".")
    return Question(table=table, key=key, ask=ask, more=more)


QUESTIONS = (
    _question(
        "motivation.why",
        "Why were these data collected?",
        "The task or the decision that they were to serve, and the gap that they were to fill.",
    ),
    _question(
        "motivation.by_whom",
        "Who collected them, and for which organisation?",
        "The team, company or institution.",
    ),
    _question("motivation.funding", "Who paid for it?", "A grant with its number, a company."),
    _question(
        "composition.biases",
        "Who or what is missing in them, rare, or there too often?",
        "Groups, places, seasons or cases, compared with where the data are to be used.",
    ),
    _question(
        "composition.sensitive",
        "Which personal or sensitive information do they hold?",
        'Such as health, origin, religion, age, address or income; "none" if so.',
    ),
    _question(
        "collection.process",
        "By which means, and from where, were they collected?",
        "Also over which time, and how the cases were chosen.",
    ),
    _question(
        "collection.consent",
        "Did the people in them know and agree, and how can they withdraw?",
        'If they are about no people, say "about no people".',
    ),
    _question(
        "preprocessing.steps",
        "What was cleaned, left out, filled in or labelled, and by whom?",
        "And whether the raw data were kept.",
    ),
    _question(
        "uses.intended",
        "What are they meant to be used for?",
        "Tasks, and whether for training, for testing or for both.",
    ),
    _question(
        "uses.avoid",
        "What should they not be used for?",
        "Tasks for which they would mislead or harm.",
    ),
    _question(
        "uses.limits",
        "What can they not show?",
        "Known errors and noise, and the places, times or people for which they do not hold.",
    ),
    _question(
        "uses.impact",
        "Whom could a use of them help, and whom could it harm?",
        "And what is done about it.",
    ),
    _question(
        "distribution.terms",
        "Who may have them, how, and under which terms?",
        "Licence, fees, contracts and laws that bind whoever gets them.",
    ),
    _question(
        "maintenance.plan",
        "Who keeps them, how often are they renewed, and when are they withdrawn?",
        "And whether older versions stay.",
    ),
    _question(
        "maintenance.contact",
        "Whom does one ask about them?",
        "A role or a shared address lasts longer than a person.",
    ),
)
"""What is asked, in the order of the datasheet."""

TABLES = {
    "motivation": "Why the data are there",
    "composition": "What is in them; what can be counted is measured",
    "collection": "How they were collected",
    "preprocessing": "How they were prepared",
    "uses": "What they are for",
    "distribution": "Who gets them",
    "maintenance": "Who looks after them",
}
"""The tables of the file of answers, and what each is about."""
