"""Tables in which several sources report on the same things: what most trusted ones say is right.

Flights as several web sites list them, products as several shops do: rows are told apart by who
reports and on what, and all other columns should agree for one thing. There no dependency holds
nearly exactly, for sources err often, so their accuracy is estimated with the truth itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evermodel.data.cells.claims import Claim, Kind
from evermodel.data.cells.columns import Bools, Floats, Ints, Values
from evermodel.data.cells.groups import SAMPLE, grouping, strength

__all__ = ["Vote", "Votes", "hold_votes", "reports", "sources_and_things", "vote"]

_MOST_SOURCES = 500
_UNIQUE = 0.95
_MOST_TICKS = 50_000_000
_AGREE, _AGREE_ON_AVERAGE = 0.2, 0.4
_ROUNDS = 12
_FALSE_VALUES = 10.0
_PRIOR, _PRIOR_ROWS = 0.7, 4.0
_SEEN = 50.0
_COPIED, _COPIER = 0.8, 0.2
_MOST_SAID, _MOST_COPIERS = 50_000, 100
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?\s*([ap])?", re.IGNORECASE)
_DATED = re.compile(r"\d{4}|\d[/.-]\d")


@dataclass(frozen=True)
class Vote:
    """For each row: how likely its value is right (nan: empty), the likeliest value and how likely.

    `likeliest` is a code of the column, -1 where nobody says anything; `accuracy` is by source.
    `otherwise` marks rows that say the likeliest value in another spelling than most.
    """

    right: Floats
    likeliest: Ints
    certainty: Floats
    voices: Ints
    accuracy: Floats
    otherwise: Bools


@dataclass(frozen=True)
class Votes:
    """The names of the columns of sources and of things, and the vote in each other column."""

    names: tuple[str, str]
    by_place: dict[int, Vote]


def reports(columns: Sequence[Values], votes: Votes) -> list[Claim]:
    """Return the cells in which a source says otherwise than all sources together make likely.

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> rng = np.random.default_rng(0)
    >>> rows = [(s, f"ship {i}", f"{i % 12 + 1}:{i:02}", f"pier {i % 7}")
    ...         for i in range(20) for s in ("ann", "bob", "cay", "dan", "eve")]
    >>> frame = pl.DataFrame(rows, schema=["who", "ship", "leaves", "from"], orient="row")
    >>> frame[7, "leaves"], frame[9, "from"] = "9:59", ""
    >>> columns = read_columns(frame)
    >>> claims = reports(columns, hold_votes(columns))
    >>> [(claim.place, claim.rows.tolist(), claim.suggestions) for claim in claims]
    [(2, [7], ('2:01',)), (3, [9], ('pier 1',))]
    """
    claims: list[Claim] = []
    names = votes.names
    for place, result in votes.by_place.items():
        y = columns[place]
        empty = y.codes == y.empty
        sure = (result.certainty >= 0.5) & (result.voices >= 2)
        wrong = ~empty & (result.right < 0.5) & (result.voices >= 3)
        likely = 1.0 - result.right
        told: tuple[tuple[Bools, Kind, Floats, str], ...] = (
            (
                wrong, "reports", 0.6 + 0.35 * likely,
                f"For the same {names[1]!r}, {names[0]!r} values that are right more often differ.",
            ),
            (
                empty & sure, "empty", 0.75 + 0.2 * result.certainty,
                f"The cell is empty, and other rows of the same {names[1]!r} say what is right.",
            ),
            (
                result.otherwise & sure & ~wrong, "format", np.full(y.rows, 0.7),
                f"Most rows of the same {names[1]!r} write the same thing in another way.",
            ),
        )  # fmt: skip
        for which, kind, score, reason in told:
            rows = np.flatnonzero(which)
            if rows.size:
                right = tuple(y.texts[result.likeliest[row]] if sure[row] else "" for row in rows)
                claims.append(Claim(place, rows, score[rows], kind, reason, right))
    return claims


def hold_votes(
    columns: Sequence[Values],
    marked: Mapping[tuple[int, int], bool] | None = None,
    *,
    before: Votes | None = None,
) -> Votes:
    """Return the votes of all columns of a table of reports; none where it is not one.

    `marked` says of cells, by row and place, whether a person found them wrong. `before` are the
    votes without marks, where they are known: that it is no table of reports stays true.
    """
    if before is not None and not before.by_place:
        return before
    pair = sources_and_things(columns)
    if pair is None:
        return Votes(("", ""), {})
    source, thing, told = (columns[pair[0]], columns[pair[1]], pair[2])
    found = {}
    for place in told:
        marks = {row: wrong for (row, at), wrong in (marked or {}).items() if at == place}
        found[place] = vote(source, thing, columns[place], marks)
    return Votes((source.name, thing.name), found)


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
            if source is thing or len(told) < 2 or thing.moment:
                continue
            if _pairs(source, thing) < _UNIQUE * rows:
                continue
            gain = _agreement(source, thing, told, some)
            if gain >= _AGREE_ON_AVERAGE and (best is None or gain > best[0]):
                best = (gain, source.place, thing.place, [c.place for c in told])
    return None if best is None else best[1:]


def _pairs(source: Values, thing: Values) -> int:
    """Return how many pairs of a value of each there are; ticked off, as to sort them is slow."""
    most = len(source.texts) * len(thing.texts)
    if most < _UNIQUE * source.rows:
        return most
    keys = source.codes * len(thing.texts) + thing.codes
    if most > _MOST_TICKS:
        return int(np.unique(keys).size)
    met = np.zeros(most, dtype=np.bool_)
    met[keys] = True
    return int(np.count_nonzero(met))


def _may_report(column: Values) -> bool:
    few = 3 <= len(column.texts) <= min(_MOST_SOURCES, column.rows / 5)
    return few and column.empty < 0 and column.numeric_share < 0.1 and not column.moment


def _agreement(source: Values, thing: Values, told: Sequence[Values], some: Ints) -> float:
    """Return how much the thing explains of the columns; 0 where of one it explains too little."""
    rng = np.random.default_rng(1)
    gains = []
    for y in told:
        plain = canonical(y)
        mixed = plain.codes[some][rng.permutation(some.size)]
        _, gain = strength(thing, plain, some, mixed)
        _, other = strength(source, plain, some, mixed)
        if other >= gain:
            return 0.0
        gains.append(gain)
        if gain < _AGREE:
            return 0.0
    return float(np.mean(gains))


def canonical(column: Values) -> Values:
    """Return a column of times of day with different spellings of a time made one."""
    if not column.moment:
        return column
    clocks = [_CLOCK.search(text) for text in column.texts]
    dated = sum(
        int(n) for n, t in zip(column.counts, column.texts, strict=True) if _DATED.search(t)
    )
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


def vote(
    source: Values, thing: Values, column: Values, marks: Mapping[int, bool] | None = None
) -> Vote:
    """Return what the sources together say of each thing, each weighed by its estimated accuracy.

    `marks` says of rows whether a person found the value wrong; what they say of one row holds for
    all rows of that thing, and so teaches which sources to trust.

    The weights, the truth and who copies whom are found in turn, as in Dong, Berti-Equille and
    Srivastava (2009), "Integrating conflicting data: the role of source dependence": sources that
    share what is likely wrong share where they have it from, and then count little more than one.
    """
    y = canonical(column)
    said = y.codes != y.empty
    who, what, value = source.codes[said], thing.codes[said], y.codes[said]
    base = len(y.texts)
    pairs, of_pair = np.unique(what * base + value, return_inverse=True)
    about = pairs // base
    voices = np.bincount(what, minlength=len(thing.texts))
    said_by = _Said(who, what, of_pair, about, (len(source.texts), len(thing.texts)))
    posterior, accuracy = _truth(
        said_by, _seen(column.rows, said, of_pair, pairs.size, marks or {})
    )
    top = np.full(len(thing.texts), -1, dtype=np.int64)
    certainty = np.zeros(len(thing.texts))
    order = np.argsort(posterior, kind="stable")
    top[about[order]] = pairs[order] % base
    certainty[about[order]] = posterior[order]
    right = np.full(column.rows, np.nan)
    right[said] = posterior[of_pair]
    at = thing.codes
    # Of the spellings of the likeliest value, the one that most rows of the thing have.
    told = grouping(thing, column, said & (y.codes == top[at]))
    likeliest = np.where(told.usual >= 0, told.usual, top[at])
    otherwise = (y.codes == top[at]) & (column.codes != likeliest) & (told.most >= 2 * told.same)
    return Vote(right, likeliest, certainty[at], voices[at], accuracy, otherwise & said)


@dataclass(frozen=True)
class _Said:
    """Who says what of which thing: rows, and of which thing each pair of thing and value is."""

    who: Ints
    what: Ints
    of_pair: Ints
    about: Ints
    shape: tuple[int, int]


def _truth(said: _Said, seen: Floats) -> tuple[Floats, Floats]:
    """Return how likely each value is, and the accuracy of each source, by the likeliest account.

    A crowd of copies and a crowd of good sources look alike at first. So the search begins three
    times: all count alike; those who agree beyond chance count as one; a part of that.
    """
    if said.who.size > _MOST_SAID or said.shape[0] > _MOST_COPIERS or not said.who.size:
        posterior, accuracy, _ = _rounds(said, seen, None)
        return posterior, accuracy
    alike = _copies(said, np.full(said.about.size, 0.5), np.full(said.shape[0], _PRIOR))
    found = [_rounds(said, seen, start) for start in (0.0 * alike, alike, 0.5 * alike)]
    posterior, accuracy, _ = max(found, key=lambda one: one[2])
    return posterior, accuracy


def _rounds(said: _Said, seen: Floats, copies: Floats | None) -> tuple[Floats, Floats, float]:
    """Return the worth of values and sources from one start, and how likely the account is."""
    accuracy = np.full(said.shape[0], _PRIOR)
    rows = np.bincount(said.who, minlength=accuracy.size)
    posterior = np.zeros(said.about.size)
    learns = copies is not None
    for turn in range(_ROUNDS):
        weight = np.log(_FALSE_VALUES * accuracy / (1.0 - accuracy))[said.who]
        if copies is not None and copies.any():
            weight = weight * _independence(said, accuracy, copies)
        score = np.bincount(said.of_pair, weights=weight, minlength=posterior.size) + seen
        posterior = _posterior(score, said.about, said.shape[1])
        hits = np.bincount(said.who, weights=posterior[said.of_pair], minlength=accuracy.size)
        accuracy = np.clip((hits + _PRIOR * _PRIOR_ROWS) / (rows + _PRIOR_ROWS), 0.02, 0.98)
        if learns and turn >= 1:
            copies = _copies(said, posterior, accuracy)
    return posterior, accuracy, _likelihood(said, posterior, accuracy) if learns else 0.0


def _likelihood(said: _Said, posterior: Floats, accuracy: Floats) -> float:
    """Return the log-likelihood of all reports where a source may copy from better ones."""
    table = _table(said)
    spoken = table >= 0
    true = spoken & (posterior[np.maximum(table, 0)] >= 0.5)
    alone = np.where(true, accuracy, (1.0 - accuracy) / _FALSE_VALUES)
    order = np.argsort(-accuracy, kind="stable")
    total = 0.0
    for rank, one in enumerate(order):
        own = np.log(alone[:, one]) * spoken[:, one]
        best = own.sum()
        if rank:
            others = order[:rank]
            both = spoken[:, [one]] & spoken[:, others]
            same = table[:, [one]] == table[:, others]
            copied = np.log(_COPIED * same + (1.0 - _COPIED) * alone[:, [one]])
            gain = np.where(both, copied - own[:, None], 0.0).sum(axis=0)
            kin = gain > 0
            if kin.any():
                voices = both[:, kin].sum(axis=1)
                share = (same & both)[:, kin].sum(axis=1) / np.maximum(1, voices)
                copied = np.log(_COPIED * share + (1.0 - _COPIED) * alone[:, one])
                made = np.where(voices > 0, copied, own).sum()
                best = max(best, float(made) + np.log(_COPIER))
        total += float(best)
    return total


def _table(said: _Said) -> Ints:
    """Return what each source (across) says of each thing (down), -1 where it says nothing."""
    table = np.full((said.shape[1], said.shape[0]), -1, dtype=np.int64)
    table[said.what, said.who] = said.of_pair
    return table


def _seen(rows: int, said: Bools, of_pair: Ints, pairs: int, marks: Mapping[int, bool]) -> Floats:
    """Return how much the marks of a person speak for or against each value of a thing."""
    seen = np.zeros(pairs)
    of_row = np.full(rows, -1, dtype=np.int64)
    of_row[said] = of_pair
    for row, wrong in marks.items():
        if of_row[row] >= 0:
            seen[of_row[row]] += -_SEEN if wrong else _SEEN
    return seen


def _posterior(score: Floats, about: Ints, things: int) -> Floats:
    """Return how likely each value of a thing is, with one more voice for what nobody says."""
    top = np.zeros(things)
    np.maximum.at(top, about, score)
    part = np.exp(score - top[about])
    total = np.bincount(about, weights=part, minlength=things) + np.exp(-top)
    likely: Floats = part / total[about]
    return likely


def _copies(said: _Said, posterior: Floats, accuracy: Floats) -> Floats:
    """Return for each two sources how likely one has its values from the other."""
    n = accuracy.size
    table = _table(said)
    true = np.where(table >= 0, posterior[np.maximum(table, 0)], 0.0)
    both = (table >= 0).astype(np.float64)
    overlap = both.T @ both
    same_true, same_false = np.zeros((n, n)), np.zeros((n, n))
    for one in range(n):
        same = (table == table[:, [one]]) & (table[:, [one]] >= 0)
        same_true[one] = (same * true).sum(axis=0)
        same_false[one] = (same * (1.0 - true)).sum(axis=0)
    differ = overlap - same_true - same_false
    a, b = accuracy[:, None], accuracy[None, :]
    by_chance = a * b, (1.0 - a) * (1.0 - b) / _FALSE_VALUES
    ratio = np.zeros((n, n))
    for count, chance, copied in (
        (same_true, by_chance[0], np.minimum(a, b)),
        (same_false, by_chance[1], 1.0 - np.maximum(a, b)),
    ):
        ratio += count * np.log((_COPIED * copied + (1.0 - _COPIED) * chance) / chance)
    ratio += differ * np.log(1.0 - _COPIED)
    before = np.log(_COPIER / (1.0 - _COPIER))
    likely: Floats = 1.0 / (1.0 + np.exp(-np.clip(ratio + before, -50, 50)))
    np.fill_diagonal(likely, 0.0)
    return likely


def _independence(said: _Said, accuracy: Floats, copies: Floats) -> Floats:
    """Return for each report how likely it is the source's own, the best sources counted first."""
    table = _table(said)
    share = np.ones(table.shape)
    order = np.argsort(-accuracy, kind="stable")
    for rank, one in enumerate(order[1:], 1):
        better = order[:rank]
        own = np.log(1.0 - _COPIED * copies[one, better])
        share[:, one] = np.exp((table[:, [one]] == table[:, better]) @ own)
    out: Floats = share[said.what, said.who]
    return out
