"""Whether the shares of groups in the data are those of the people the model is for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from evermodel.data.groups.intervals import Sample, distance, joint_z, judged, newcombe
from evermodel.data.groups.reference import Side, both, side
from evermodel.errors import DataError
from evermodel.records import CheckResult, Verdict

__all__ = ["shares"]

_SHOWN = 3
_MOST_UNKNOWN = 0.1
_TURNS = 50


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as material, and how surely it is to be known."""

    margin: float
    least: float
    apart: float
    level: float


def shares(
    frame: Any,
    columns: Sequence[str],
    reference: Any,
    *,
    weight: str = "",
    reference_weight: str = "",
    cluster: str = "",
    edges: Mapping[str, Sequence[float]] | None = None,
    margin: float = 0.2,
    least: float = 0.01,
    apart: float = 0.1,
    level: float = 0.95,
) -> tuple[CheckResult, ...]:
    """Return how the shares of groups differ from those of a reference, all "representation".

    For each column: the distance of all its groups together (`slice` empty), then each group's
    difference in share. For each two columns: their distance, then those groups of both which are
    off by more than their columns alone explain. All differences of a call hold together with the
    confidence `level`, half of the error going to single columns and half to pairs. A warning
    needs an interval wholly outside the margin; "unknown" is an interval wider than the margin.

    Parameters
    ----------
    frame : DataFrame or Table
        The data; rows without a group are left aside and counted.
    columns : sequence of str
        The columns that make groups. Numbers of more than 20 values are banded: at the bands of
        the reference's table, at `edges`, or at the reference's fifths.
    reference : DataFrame, Table, path or address
        A table of `columns` and `share` (adding up to 1 or 100), taken as known without error; or
        any other table, taken as a sample of those who are meant.
    weight, reference_weight : str
        Columns of sampling weights. Kish's design effect lowers what rows are worth.
    cluster : str
        Column of the data whose equal values are not independent, such as a customer.
    margin, least : float
        A share is off when it is below 1 - `margin` times the reference's, or above the
        reference's over 1 - `margin`, and by more than `least`.
    apart : float
        The distance (the share of rows that would have to be of other groups) that is too far.

    References
    ----------
    Newcombe (1998), method 10, with Bonferroni; Kish (1965); Gold (1963) for the distance;
    Deming, Stephan (1940), "On a Least Squares Adjustment" (what the columns alone explain).

    Examples
    --------
    >>> import polars as pl
    >>> people = pl.DataFrame({"sex": ["f"] * 300 + ["m"] * 700})
    >>> census = pl.DataFrame({"sex": ["F", "M"], "share": [0.51, 0.49]})
    >>> for found in shares(people, ["sex"], census):
    ...     print(found.slice or "all", round(found.value, 2), found.verdict)
    all 0.21 warn
    sex=f -0.21 warn
    sex=m 0.21 warn

    Raises
    ------
    DataError
        When a column is missing on one side, shares do not add up, or no group is on both sides.
    """
    here, there = both(
        frame,
        columns,
        reference,
        weights=(weight, reference_weight),
        cluster=cluster,
        edges=edges,
    )
    asked = _Asked(margin=margin, least=least, apart=apart, level=level)
    singles = [(name,) for name in columns]
    pairs = list(combinations(columns, 2))
    spent = (1 - level) / 2 if pairs else 1 - level
    results: list[CheckResult] = []
    doubt: set[str] = set()
    for sets in (singles, pairs):
        sides = [(side(here, names), side(there, names)) for names in sets]
        # One more claim for each distance.
        claims = sum(len({*a.shares, *b.shares}) + 1 for a, b in sides)
        for names, (a, b) in zip(sets, sides, strict=True):
            if len(names) == 1 and _under_two_names(a, b, least):
                doubt |= set(names)
            results += _compared(names, (a, b), asked, claims, spent, doubt)
    return tuple(results)


def _under_two_names(here: Side, there: Side, least: float) -> bool:
    """Say whether each side has groups of its own: likely the same ones under two names."""
    alone = [
        any(key not in two.shares and share > least for key, (share, _) in one.shares.items())
        for one, two in ((here, there), (there, here))
    ]
    return all(alone)


def _compared(
    names: tuple[str, ...],
    sides: tuple[Side, Side],
    asked: _Asked,
    claims: int,
    spent: float,
    doubt: set[str],
) -> Iterator[CheckResult]:
    here, there = sides
    keys = sorted({*here.shares, *there.shares})
    if not set(here.shares) & set(there.shares):
        raise DataError(
            f"no group of {' and '.join(names)} is both in the data and in the reference",
            found=f"{_some(here.words)} here, {_some(there.words)} there",
            hint="write the groups alike on both sides, for instance by a repair",
        )
    sizes = [min((s[1] for s in side.shares.values()), default=0.0) for side in (here, there)]
    ours = np.array([here.shares.get(key, (0.0, 0.0))[0] for key in keys])
    theirs = np.array([there.shares.get(key, (0.0, 0.0))[0] for key in keys])
    apart = distance(ours, sizes[0], theirs, sizes[1], 1 - spent / claims)
    unsure = bool(doubt & set(names))
    yield _together(names, (here, there), apart, asked, doubt=unsure)
    usual = _explained(keys, ours, theirs) if len(names) == 2 else theirs
    z = joint_z(1 - spent, claims)
    for key, expected in zip(keys, usual.tolist(), strict=True):
        mine = here.shares.get(key, (0.0, sizes[0]))
        own = there.shares.get(key, (0.0, sizes[1]))
        found = _group(names, key, (here, there), (mine, own), asked, z, unsure)
        if len(names) == 1 or (found.verdict == "warn" and _beyond(mine, expected, asked, z)):
            yield found


def _some(words: Mapping[Any, tuple[str, ...]]) -> str:
    return ", ".join(repr(" and ".join(word)) for word in list(words.values())[:4])


def _explained(
    keys: Sequence[tuple[str, ...]],
    ours: npt.NDArray[np.float64],
    theirs: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the reference's shares of pairs, fitted to the data's shares of each column."""
    fitted = theirs.copy()
    axes = [np.unique([key[axis] for key in keys], return_inverse=True)[1] for axis in (0, 1)]
    for _ in range(_TURNS):
        for axis in axes:
            wanted, have = np.bincount(axis, ours), np.bincount(axis, fitted)
            ratio = np.divide(wanted, have, out=np.zeros_like(wanted), where=have > 0)
            fitted = fitted * ratio[axis]
    return fitted


def _allowed(share: float, asked: _Asked) -> tuple[float, float]:
    below = max(asked.least, asked.margin * share)
    above = max(asked.least, share / (1 - asked.margin) - share)
    return -below, above


def _beyond(mine: Sample, expected: float, asked: _Asked, z: float) -> bool:
    low, high = newcombe(mine, (expected, math.inf), z)
    return judged(low, high, *_allowed(expected, asked)) == "warn"


def _group(
    names: tuple[str, ...],
    key: tuple[str, ...],
    sides: tuple[Side, Side],
    samples: tuple[Sample, Sample],
    asked: _Asked,
    z: float,
    doubt: bool,
) -> CheckResult:
    (here, there), (mine, own) = sides, samples
    words = here.words.get(key) or there.words[key]
    least, most = _allowed(own[0], asked)
    low, high = newcombe(mine, own, z)
    verdict: Verdict = judged(low, high, least, most)
    if doubt and verdict == "warn":
        verdict = "unknown"
    said = f"{' and '.join(words)!r}: {mine[0]:.1%} of these rows, {own[0]:.1%} of the reference"
    if doubt and verdict == "unknown":
        said += "; groups of the two sides go by other names: write them alike first"
    elif verdict == "warn" and mine[0] < own[0]:
        said += "; too few, so that what holds for all rows may not hold for this group"
    elif verdict == "warn":
        said += "; too many, so that this group counts for more than it should"
    elif verdict == "unknown":
        said += "; too few rows to say"
        said += _needed(mine[1], own[1], high - low, most - least)
    return CheckResult(
        name="representation",
        subject=", ".join(names),
        slice=", ".join(f"{name}={word}" for name, word in zip(names, words, strict=True)),
        value=mine[0] - own[0],
        unit="share",
        low=low,
        high=high,
        level=asked.level,
        n=here.rows,
        min=least,
        max=most,
        verdict=verdict,
        why=said,
        method="Newcombe (1998) from Wilson's bounds, Bonferroni over all groups",
        evidence={
            "rows": [],
            "examples": [
                f"here: {mine[0]:.1%} of {here.rows:,} rows",
                f"reference: {own[0]:.1%}" + (f" of {there.rows:,} rows" if there.rows else ""),
            ],
            "share": mine[0],
            "reference": own[0],
            "worth": round(mine[1], 1),
        },
    )


def _furthest(here: Side, there: Side) -> list[str]:
    """Return the groups whose shares lie furthest apart, with both."""
    pairs = {
        key: tuple(side.shares.get(key, (0.0, 0.0))[0] for side in (here, there))
        for key in sorted({*here.shares, *there.shares})
    }
    first = sorted(pairs, key=lambda key: -abs(pairs[key][0] - pairs[key][1]))[:_SHOWN]
    words = {**there.words, **here.words}
    return [
        f"{' and '.join(words[key])}: {pairs[key][0]:.1%} here, {pairs[key][1]:.1%} there"
        for key in first
    ]


def _needed(worth: float, other: float, width: float, allowed: float) -> str:
    """Say how many rows would do, where more rows alone can help."""
    if worth <= 0:
        return ", for they come from too few separate sources"
    if not math.isinf(other) and other < worth:
        return ", for the reference is small"
    return f": it takes about {math.ceil(worth * (width / allowed) ** 2):,}"


def _together(
    names: tuple[str, ...],
    sides: tuple[Side, Side],
    apart: tuple[float, float, float],
    asked: _Asked,
    *,
    doubt: bool,
) -> CheckResult:
    (here, there), (value, low, high) = sides, apart
    verdict: Verdict = "warn" if low > asked.apart else "pass"
    named = " and ".join(names)
    why = f"to be as the reference, {value:.1%} of the rows would have to be of other {named}"
    if here.unknown > _MOST_UNKNOWN:
        verdict, why = "unknown", f"{here.unknown:.1%} of the rows do not say their {named}"
    elif doubt:
        verdict = "unknown"
        why = f"the groups of {named} have other names in the reference: write them alike first"
    elif verdict == "pass" and high - low > 2 * asked.apart:
        verdict, why = "unknown", f"too few rows to say whether {named} are as in the reference"
    evidence: dict[str, Any] = {
        "rows": [],
        "examples": _furthest(here, there),
        "groups": len({*here.shares, *there.shares}),
        "not_known": here.unknown,
        "reference_rows": there.rows or None,
        "design_effect": round(here.effect, 3),
        "reference_design_effect": round(there.effect, 3),
    }
    if doubt:
        only = [
            _some({k: w for k, w in a.words.items() if k not in b.shares})
            for a, b in ((here, there), (there, here))
        ]
        evidence |= {"only_here": only[0], "only_there": only[1]}
    return CheckResult(
        name="representation",
        subject=", ".join(names),
        value=value,
        unit="share",
        low=low,
        high=high,
        level=asked.level,
        n=here.rows,
        max=asked.apart,
        verdict=verdict,
        why=why,
        method="total variation, score bounds over all sets of groups (Gold 1963)",
        evidence=evidence,
    )
