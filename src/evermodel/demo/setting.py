"""The shop's project file, as its owner would keep it."""

from __future__ import annotations

from evermodel.demo.money import Terms

__all__ = ["project_text"]


def project_text(source: str = "customers.csv", *, terms: Terms | None = None) -> str:
    """Return the text of the shop's `evermodel.toml`.

    The costs follow from the terms of the offer, so that the decision threshold is the probability
    from which on an offer pays.

    Examples
    --------
    >>> from evermodel.project import parse_project
    >>> parse_project(project_text()).data.key
    ('customer',)
    """
    terms = terms or Terms()
    return f"""\
[project]
name = "shop"

[data]
source = "{source}"
target = "churned"
task = "binary"
positive = "yes"
key = ["customer"]
time = "scored_at"
protected = ["age_band"]
# A free text, whose topic is a column of its own; and the date: half a year of them teaches nothing
# about the dates to come.
leave_out = ["support_note", "scored_at"]

[outcome]
known_after = "30d"
cost_false_positive = {terms.offer}  # an offer to somebody who stays anyway
cost_false_negative = {terms.missed}  # no offer to somebody who leaves
currency = "EUR"

[train]
trials = 1
budget = "2m"

[evaluate]
require = ["roc_auc >= 0.65"]

[monitor]
false_alarms = "1 per year"
tolerance = 0.1

[loop]
every = "7d"
retrain = "8w"
deadline = "14d"
"""
