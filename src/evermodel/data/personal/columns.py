"""What a personal column is for a model: out of learning, at most a key, or a trait of persons."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import polars as pl

from evermodel.data.personal.names import persons_beside
from evermodel.data.personal.persons import pipeline
from evermodel.data.personal.scan import findings
from evermodel.data.personal.values import Drawn, Finding, draw

__all__ = ["Personal", "personal_columns"]

_PHRASES = {
    "email": "e-mail addresses of persons",
    "phone": "telephone numbers of persons",
    "ip_address": "IP addresses, each of which can lead to a person",
    "mac_address": "hardware addresses of devices, each of which can lead to a person",
    "postal_address": "street addresses, each of which can lead to a person",
}
_BIRTHS = frozenset({"date_of_birth", "year_of_birth"})
# Several people share an address or a name, and the number of a card is nothing to keep.
_NO_KEY = frozenset({"ip_address", "postal_address", "person_name", "payment_card"})
_LEAST = 0.2
_LEAST_WITHIN = 0.5


class Personal(msgspec.Struct, frozen=True, kw_only=True):
    """What one column holds of persons, by the strongest finding in it.

    `away` says that it teaches nothing of the next person and is not learned from, `key` that it
    may say whom a row is about, `age` that it tells how old somebody is; `hint` marks what name
    and writing suggest without proof.
    """

    column: str
    kind: str
    phrase: str
    away: bool = False
    key: bool = False
    age: bool = False
    hint: bool = False

    @property
    def why(self) -> str:
        """Why it is not learned from, in a sentence."""
        return f"left out: {'looks like ' if self.hint else ''}{self.phrase}"


def personal_columns(columns: Mapping[str, pl.Series], *, seed: int = 0) -> dict[str, Personal]:
    """Return the columns in which something of persons was found.

    A column is `away` where a fifth of its rows and more are such values, or half of them hold one
    inside a text: a single e-mail address among the names of tariffs does not make it personal.

    Parameters
    ----------
    columns : mapping of str to pl.Series
    seed : int
        Which values are drawn from a long column.

    Examples
    --------
    >>> mails = pl.Series([f"u{n}@example.org" for n in range(5)])
    >>> found = personal_columns({"mail": mails, "visits": pl.Series([1, 2, 3, 4, 5])})
    >>> {name: (one.kind, one.away, one.why) for name, one in found.items()}
    {'mail': ('email', True, 'left out: e-mail addresses of persons')}
    """
    model, _ = pipeline()
    beside = persons_beside(columns)
    found = {}
    for name, series in columns.items():
        named = series.alias(name)
        drawn = draw(named, seed=seed)
        each = [
            _judged(named, drawn, one)
            for one in findings(named, drawn, model, beside=beside)
            if one.verdict != "unknown" and one.basis != "name"
        ]
        if each:
            found[name] = max(each, key=lambda one: (one.away, one.age, not one.hint))
    return found


def _judged(series: pl.Series, drawn: Drawn | None, finding: Finding) -> Personal:
    births = finding.kind in _BIRTHS
    least = _LEAST_WITHIN if finding.within else _LEAST
    away = not births and _share(series, drawn, finding) >= least
    return Personal(
        column=series.name,
        kind=finding.kind,
        phrase=_PHRASES.get(finding.kind, finding.said),
        away=away,
        key=away and not finding.within and finding.kind not in _NO_KEY,
        age=births,
        hint=finding.verdict == "pass" and not births,
    )


def _share(series: pl.Series, drawn: Drawn | None, finding: Finding) -> float:
    """Return the share of the known rows that hold what was found."""
    known = series.drop_nulls()
    if drawn is None or not known.len():
        return 0.0
    if not drawn.complete:
        return int(finding.hits.sum()) / drawn.n
    firsts = series.gather(drawn.rows.filter(finding.hits))
    return int(known.is_in(firsts.implode()).sum()) / known.len()
