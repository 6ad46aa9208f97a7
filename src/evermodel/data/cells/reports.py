"""Tables in which several sources report on the same things: what most trusted ones say is right.

Flights as several web sites list them, products as several shops do: rows are told apart by who
reports and on what, and all other columns should agree for one thing. There no dependency holds
nearly exactly, for sources err often, so their accuracy is estimated with the truth itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evermodel.data.cells.claims import Claim
from evermodel.data.cells.columns import Floats, Ints, Values
from evermodel.data.cells.formats import is_moment
from evermodel.data.cells.groups import SAMPLE, strength

__all__ = ["Vote", "reports", "sources_and_things", "vote"]

_MOST_SOURCES = 500
_UNIQUE = 0.95
_AGREE = 0.35
_ROUNDS = 12
_FALSE_VALUES = 10.0
_PRIOR, _PRIOR_ROWS = 0.7, 4.0
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?\s*([ap])?", re.IGNORECASE)
_DATED = re.compile(r"\d{4}|\d[/.-]\d")


@dataclass(frozen=True)
class Vote:
    """For each row: how likely its value is right (nan: empty), the likeliest value and how likely.

    `likeliest` is a code of the column, -1 where nobody says anything; `accuracy` is by source.
    """

    right: Floats
    likeliest: Ints
    certainty: Floats
    voices: Ints
    accuracy: Floats


def reports(columns: Sequence[Values]) -> list[Claim]:
    """Return the cells in which a source says otherwise than the truth that the sources make likely.

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> rng = np.random.default_rng(0)
    >>> rows = [(s, f"ship {i}", f"{i % 12 + 1}:{i:02}", f"pier {i % 7}")
    ...         for i in range(20) for s in ("ann", "bob", "cay", "dan", "eve")]
    >>> frame = pl.DataFrame(rows, schema=["who", "ship", "leaves", "from"], orient="row")
    >>> frame[7, "leaves"], frame[9, "from"] = "9:59", ""
    >>> claims = reports(read_columns(frame))
    >>> [(claim.place, claim.rows.tolist(), claim.suggestions) for claim in claims]
    [(2, [7], ('2:01',)), (3, [9], ('pier 1',))]
    """
    claims: list[Claim] = []
    pair = sources_and_things(columns)
    if pair is None:
        return claims
    source, thing, told = pair
    for place in told:
        y = columns[place]
        result = vote(columns[source], columns[thing], y)
        empty = y.codes == y.empty
        sure = (result.certainty >= 0.5) & (result.voices >= 2)
        wrong = np.flatnonzero(~empty & (result.right < 0.5) & (result.voices >= 3))
        absent = np.flatnonzero(empty & sure)
        names = (columns[source].name, columns[thing].name)
        for rows, kind, score in (
            (wrong, "reports", 0.6 + 0.35 * (1.0 - result.right[wrong])),
            (absent, "empty", 0.75 + 0.2 * result.certainty[absent]),
        ):
            if rows.size:
                claims.append(
                    Claim(
                        place, rows, score, "reports" if kind == "reports" else "empty",
                        _reason(kind, names),
                        tuple(y.texts[result.likeliest[row]] if sure[row] else "" for row in rows),
                    )
                )
    return claims


def _reason(kind: str, names: tuple[str, str]) -> str:
    if kind == "empty":
        return f"The cell is empty, and other rows of the same {names[1]!r} say what belongs here."
    return f"For the same {names[1]!r}, more trustworthy values of {names[0]!r} say otherwise."


def sources_and_things(columns: Sequence[Values]) -> tuple[int, int, list[int]] | None:
    """Return the columns that say who reports and on what, and those that should agree; or None.

    Together the two tell the rows apart, and all other columns hang on the thing far more than
    chance could make it, and less on who reports.
    """
    if len(columns) < 4 or len(columns) > 60 or columns[0].rows < 30:
        return None
    rows = columns[0].rows
    some = np.sort(np.random.default_rng(0).permutation(rows)[:SAMPLE])
    others = [c for c in columns if c.alone < 0.9 and len(c.texts) > 1]
    sources = [c for c in others if _may_report(c)]
    things = [c for c in others if 5 <= len(c.texts) <= rows / 3 and not c.decimal and c.empty < 0]
    best: tuple[float, int, int, list[int]] | None = None
    for source in sources:
        for thing in things:
            told = [c for c in others if c is not source and c is not thing]
            if source is thing or len(told) < 2 or is_moment(thing):
                continue
            both = np.unique(source.codes * len(thing.texts) + thing.codes).size
            if both < _UNIQUE * rows:
                continue
            gain = _agreement(source, thing, told, some)
            if gain >= _AGREE and (best is None or gain > best[0]):
                best = (gain, source.place, thing.place, [c.place for c in told])
    return None if best is None else best[1:]


def _may_report(column: Values) -> bool:
    few = 3 <= len(column.texts) <= min(_MOST_SOURCES, column.rows / 5)
    return few and column.empty < 0 and column.numeric_share < 0.1 and not is_moment(column)


def _agreement(source: Values, thing: Values, told: Sequence[Values], some: Ints) -> float:
    """Return the least that the thing explains of any column, 0 where the source explains more."""
    rng = np.random.default_rng(1)
    least = 1.0
    for y in told:
        plain = _canonical(y)
        mixed = plain.codes[some][rng.permutation(some.size)]
        _, gain = strength(thing, plain, some, mixed)
        _, other = strength(source, plain, some, mixed)
        if other >= gain:
            return 0.0
        least = min(least, gain)
        if least < _AGREE:
            break
    return least


def _canonical(column: Values) -> Values:
    """Return a column of times of day with different spellings of a time made one."""
    if not is_moment(column):
        return column
    clocks = [_CLOCK.search(text) for text in column.texts]
    dated = sum(int(n) for n, t in zip(column.counts, column.texts, strict=True) if _DATED.search(t))
    if dated > 0.5 * column.filled:
        return column
    keys = [
        f"{int(found[1])}:{found[2]}{(found[3] or '').lower()}" if found else text
        for found, text in zip(clocks, column.texts, strict=True)
    ]
    firsts: dict[str, int] = {}
    order = np.argsort(-column.counts, kind="stable")
    for code in order:
        firsts.setdefault(keys[code], int(code))
    codes = np.asarray([firsts[key] for key in keys], dtype=np.int64)[column.codes]
    return replace(column, codes=codes, counts=np.bincount(codes, minlength=len(column.texts)))


def vote(source: Values, thing: Values, column: Values) -> Vote:
    """Return what the sources together say of each thing, each weighed by its estimated accuracy.

    The weights and the truth are found in turn, as in Dong, Berti-Equille and Srivastava (2009),
    "Integrating conflicting data: the role of source dependence" (their model without copying).
    """
    y = _canonical(column)
    said = y.codes != y.empty
    who, what, value = source.codes[said], thing.codes[said], y.codes[said]
    base = len(y.texts)
    pairs, of_pair = np.unique(what * base + value, return_inverse=True)
    about = pairs // base
    accuracy = np.full(len(source.texts), _PRIOR)
    posterior = np.zeros(pairs.size)
    rows = np.bincount(who, minlength=accuracy.size)
    for _ in range(_ROUNDS):
        weight = np.log(_FALSE_VALUES * accuracy / (1.0 - accuracy))
        score = np.bincount(of_pair, weights=weight[who], minlength=pairs.size)
        top = np.full(len(thing.texts), -np.inf)
        np.maximum.at(top, about, score)
        # One more voice of weight 0: the truth may be what nobody says.
        part = np.exp(score - np.maximum(top, 0.0)[about])
        total = np.bincount(about, weights=part, minlength=top.size)
        posterior = part / (total[about] + np.exp(-np.maximum(top, 0.0))[about])
        hits = np.bincount(who, weights=posterior[of_pair], minlength=accuracy.size)
        accuracy = (hits + _PRIOR * _PRIOR_ROWS) / (rows + _PRIOR_ROWS)
        accuracy = np.clip(accuracy, 0.02, 0.98)
    likeliest = np.full(len(thing.texts), -1, dtype=np.int64)
    certainty = np.zeros(len(thing.texts))
    order = np.argsort(posterior, kind="stable")
    likeliest[about[order]] = pairs[order] % base
    certainty[about[order]] = posterior[order]
    right = np.full(column.rows, np.nan)
    right[said] = posterior[of_pair]
    voices = np.bincount(what, minlength=likeliest.size)
    at = thing.codes
    return Vote(right, likeliest[at], certainty[at], voices[at], accuracy)
