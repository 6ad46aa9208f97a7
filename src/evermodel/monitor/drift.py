"""Do new rows look like the reference: one result a column, from two profiles.

A difference is a reason to look, never a harm: the worst verdict here is "warn". The bounds of all
columns hold together, so that thirty columns looked at every day do not raise false alarms.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from evermodel.errors import InputError
from evermodel.monitor.difference import Bins, bins_of, in_words, picture
from evermodel.records import CheckResult
from evermodel.stats.drift import Difference, difference

if TYPE_CHECKING:
    from evermodel.tables import ColumnProfile, Profile

__all__ = ["LEAST_ROWS", "drift"]

LEAST_ROWS = 200
"""Below this many rows on either side nothing is said."""


def drift(
    reference: Profile, current: Profile, *, level: float = 0.95, material: float = 0.1
) -> tuple[CheckResult, ...]:
    """Return how far each column of `current` is from `reference`, named "drift".

    The value is the Jensen-Shannon distance to base 2 (0: same, 1: nothing in common), corrected
    for chance; missing values are a bin of their own. "warn" when it is above `material` with
    confidence `level` for all columns together (Bonferroni), "unknown" below 200 rows, otherwise
    "pass". Of times only the missing share is compared: they move on by themselves.

    Parameters
    ----------
    reference, current : Profile
        `current` made `like` the reference, so that the bins are the same.
    level : float
        Confidence of all intervals together.
    material : float
        The distance from which a difference is worth a look; 0.1 is a shift of the mean of a
        normal column by a quarter of its standard deviation.

    Raises
    ------
    InputError
        When the two profiles were not counted into the same bins.

    References
    ----------
    Lin (1991), "Divergence measures based on the Shannon entropy".

    Examples
    --------
    >>> from evermodel.tables import ColumnProfile, Profile
    >>> def plans(*counts):
    ...     column = ColumnProfile(name="plan", type="category", rows=sum(counts), missing=0,
    ...                            values=("shop", "mail"), value_counts=counts)
    ...     return Profile(rows=sum(counts), columns=(column,))
    >>> found, = drift(plans(8000, 2000), plans(500, 500))
    >>> found.verdict, found.why
    ('warn', 'New rows have more `mail`: 50 % instead of 20 %.')
    """
    names = {column.name for column in current.columns}
    common = [column for column in reference.columns if column.name in names]
    each = 1 - (1 - level) / max(len(common), 1)
    results = []
    for column in reference.columns:
        if column.name in names:
            results.append(_compare(column, current[column.name], each, level, material))
        else:
            why = "The column is not in the new rows."
            results.append(_broken(column.name, current.rows, why))
    known = {column.name for column in reference.columns}
    for column in current.columns:
        if column.name not in known:
            why = "The reference has no such column: there is nothing to compare it with."
            results.append(_unknown(column.name, current.rows, why))
    return tuple(results)


def _broken(name: str, n: int, why: str) -> CheckResult:
    evidence = {"broken": True}
    return CheckResult(name="drift", subject=name, n=n, verdict="warn", why=why, evidence=evidence)


def _unknown(name: str, n: int, why: str) -> CheckResult:
    return CheckResult(name="drift", subject=name, n=n, verdict="unknown", why=why)


def _compare(
    before: ColumnProfile, after: ColumnProfile, each: float, level: float, material: float
) -> CheckResult:
    """Return the result of one column; `each` is the confidence of its own interval."""
    if before.type != after.type:
        why = f"The column was a {before.type} and is a {after.type} now."
        return _broken(before.name, after.rows, why)
    fewest = min(before.rows, after.rows)
    if fewest < LEAST_ROWS:
        side = "rows" if after.rows <= before.rows else "rows of the reference"
        why = f"{fewest} {side} are too few to say: {LEAST_ROWS} are needed."
        return _unknown(before.name, after.rows, why)
    bins = bins_of(before, after)
    if bins is None:
        raise InputError(
            f"the profiles of column {before.name!r} have different bins",
            hint="make the profile of the new rows like the reference",
        )
    found = difference(bins.before, bins.after, level=each)
    moved = found.low > material
    why = in_words(before, bins) if moved else ""
    if not moved and found.value > material:
        why = f"more than {material:g}, which may be chance in {fewest:,} rows"
    return CheckResult(
        name="drift",
        subject=before.name,
        value=found.value,
        low=found.low,
        high=found.high,
        level=level,
        n=after.rows,
        max=material,
        verdict="warn" if moved else "unknown" if why else "pass",
        why=why,
        method="Jensen-Shannon distance, corrected for chance; bounds hold for all columns at once",
        evidence=_evidence(found, bins, moved=moved),
    )


def _evidence(found: Difference, bins: Bins, *, moved: bool) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "uncorrected": _short(found.raw),
        "expected_without_drift": _short(found.expected),
        "p_value": _short(found.p_value),
    }
    if moved:
        for measure in ("psi", "total_variation"):
            other = difference(bins.before, bins.after, measure=measure, level=found.level)
            evidence[measure] = _short(other.value)
        evidence["bins"] = picture(bins)
    return evidence


def _short(value: float) -> float | None:
    return (
        float(np.format_float_positional(value, 4, fractional=False))
        if math.isfinite(value)
        else None
    )
