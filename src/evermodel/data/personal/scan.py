"""Personal data in a table: what its writing gives away, and what such a scan cannot see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from evermodel.data.personal.contacts import addresses, devices, emails, phones
from evermodel.data.personal.identifiers import KINDS, identifiers
from evermodel.data.personal.names import persons_beside
from evermodel.data.personal.persons import births, hints, pipeline, recognised
from evermodel.data.personal.values import LONGEST, MOST, Drawn, Finding, draw, masked
from evermodel.records import CheckResult
from evermodel.stats.intervals import wilson

__all__ = ["findings", "personal_data"]

_EXAMPLES = 5
_MEANS = {
    "email": "each can lead to a person",
    "phone": "each can lead to a person",
    "payment_card": "each leads to a person and to money",
    "iban": "each leads to a person and to money",
    "ip_address": "each can lead to a household or a device of a person",
    "mac_address": "each stands for one device, and so often for one person",
    "postal_address": "each can lead to a household",
    "postal_code": "together with age and sex they can single out a person",
    "date_of_birth": "together with a post code and sex they can single out a person",
    "year_of_birth": "together with other columns they can help to single out a person",
    "person_name": "each names somebody",
}
_CANNOT = (
    "names of persons inside longer texts",
    "a person whom several harmless columns single out together",
    "numbers given by a shop, a school or a ward, such as customer numbers: they stand for persons",
    "identifiers of countries and kinds that are not listed",
    "what is rare in a column with more different values than were drawn",
    "what stands in pictures, files and nested columns",
    "health, faith or other sensitive facts told in plain words",
)


def personal_data(frame: pl.DataFrame, *, seed: int = 0) -> Iterator[CheckResult]:
    """Yield one line for each kind of personal data in each column, and one on the scan's limits.

    `value` is the share of the distinct values that hold it. Verdict "warn" where the values tell;
    "pass" where only the column's name hints at it; "unknown" where too few numbers have a right
    check digit to tell them from chance. `evidence` holds the kind, rows counted from 0, and
    examples with every letter and digit hidden.

    Parameters
    ----------
    frame : pl.DataFrame
        The table; texts, whole numbers and dates are looked at.
    seed : int
        Which values are drawn from a column with more than 20,000 different ones.

    References
    ----------
    Regulation (EU) 2016/679 (GDPR), article 4(1), for what personal data are; Wilson (1927) for the
    interval. Check digits are judged by a binomial test against how often a random number passes.

    Examples
    --------
    >>> people = pl.DataFrame({"mail": ["ada@example.org", "alan@example.org"], "age": [36, 41]})
    >>> mail, scan = personal_data(people)
    >>> mail.subject, mail.evidence["kind"], mail.evidence["examples"][0]
    ('mail', 'email', '***@*******.***')
    >>> scan.name
    'personal_data_scan'
    """
    model, model_name = pipeline()
    beside = persons_beside(frame.columns)
    looked, cut, skipped = 0, [], []
    for series in frame.get_columns():
        drawn = draw(series, seed=seed)
        if drawn is not None or series.dtype.is_temporal():
            looked += 1
        elif series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
            skipped.append(series.name)
        if drawn is not None and not drawn.complete:
            cut.append(series.name)
        for finding in findings(series, drawn, model, beside=beside):
            yield _result(series, drawn, finding, seed)
    yield _scan(frame, looked, cut, skipped, model_name)


def findings(
    series: pl.Series, drawn: Drawn | None, model: Any, *, beside: bool = False
) -> Iterator[Finding]:
    """Yield what one column holds of persons; `beside` as in `names.is_names`."""
    born = tuple(births(series, drawn))
    yield from born
    if drawn is None or not drawn.n or any(one.verdict == "warn" for one in born):
        return
    numbers = tuple(identifiers(drawn))
    yield from numbers
    found = {one.kind for one in numbers}
    # What is known to be an identifier is not also a number to dial.
    if not any(one.verdict == "warn" and not one.within for one in numbers):
        calls = tuple(phones(drawn))
        yield from calls
        found |= {one.kind for one in calls}
    if drawn.written:
        for search in (emails, devices, addresses):
            held = tuple(search(drawn))
            yield from held
            found |= {one.kind for one in held}
    rows = series.len() - series.null_count()
    named = tuple(hints(drawn, frozenset(found), rows=rows, beside=beside))
    yield from named
    if model is not None and not found and not named:
        yield from recognised(drawn, model)


def _result(series: pl.Series, drawn: Drawn | None, finding: Finding, seed: int) -> CheckResult:
    n = series.len() - series.null_count() if drawn is None else drawn.n
    count = finding.detail.get("looked_at", n)
    hits = finding.hits
    at = hits.arg_true().head(_EXAMPLES)
    rows = at if drawn is None else drawn.rows.gather(at)
    only_named = finding.basis == "name"
    share = None if only_named else int(hits.sum()) / count
    low, high = (None, None) if share is None else wilson(int(hits.sum()), count)[:2]
    return CheckResult(
        name="personal_data",
        subject=series.name,
        value=share,
        unit="share",
        low=low,
        high=high,
        level=None if only_named else 0.95,
        n=count,
        max=finding.needed if finding.verdict == "warn" and not only_named else None,
        verdict=finding.verdict,
        why=_why(finding, share, int(hits.sum()), count, of="dates" if drawn is None else "values"),
        method=_method(drawn, count, finding, seed),
        evidence={
            "kind": finding.kind,
            "within_text": finding.within,
            "basis": finding.basis,
            "rows": [] if only_named else rows.to_list(),
            "examples": [] if only_named else [masked(one) for one in finding.found[:_EXAMPLES]],
        }
        | finding.detail,
    )


def _why(finding: Finding, share: float | None, hits: int, count: int, *, of: str) -> str:
    means = _MEANS.get(finding.kind, "each is given to one person")
    if share is None:
        return f"by its name the column may hold {finding.said}; its values alone do not tell"
    if finding.verdict == "unknown":
        return (
            f"{hits} of {count} different values could be {finding.said}; too few to tell them "
            "from other numbers"
        )
    if finding.verdict == "pass" and finding.kind == "person_name":
        return f"by the column's name and the writing of its values these look like {finding.said}"
    where = "have" if finding.within else "are"
    more = f" in their text: {means}" if finding.within else f": {means}"
    many = f"{hits} of {count}" if share < 0.01 or count < 100 else f"{share:.0%}"
    return f"{many} of the different {of} {where} {finding.said}{more}".replace(
        f"{hits} of {count} of the", f"{hits} of {count}"
    )


def _method(drawn: Drawn | None, count: int, finding: Finding, seed: int) -> str:
    if drawn is None:
        return "column name and range; all values; Wilson score interval"
    sampled = "all distinct values"
    if "looked_at" in finding.detail:
        sampled = f"the first {count} values of capitalised words"
    elif not drawn.complete:
        sampled = f"{count} distinct values drawn at random (seed {seed}, at most {MOST})"
    how = {
        "check digits": "check digits, binomial test against chance",
        "model": "a spaCy pipeline for names",
    }.get(finding.basis, f"{finding.basis} of the values")
    return f"{how}; {sampled}, the first {LONGEST} letters of each; Wilson score interval"


def _scan(
    frame: pl.DataFrame, looked: int, cut: list[str], skipped: list[str], model: str
) -> CheckResult:
    cannot = list(_CANNOT)
    if not model:
        cannot.insert(
            0, "names of persons, unless column name and writing tell: no spaCy pipeline is there"
        )
    return CheckResult(
        name="personal_data_scan",
        value=float(looked),
        unit="columns",
        n=frame.height,
        why=(
            "by how they are written and by column names: such a look cannot see names inside "
            "texts, customer numbers, or people whom several columns single out together"
        ),
        method=f"texts, whole numbers and dates; at most {MOST} distinct values of a column",
        evidence={
            "cannot_see": cannot,
            "kinds": ["email", "phone", *(one.kind for one in KINDS), *list(_MEANS)[4:]],
            "sampled": cut,
            "not_looked_at": skipped,
            "names_model": model,
        },
    )
