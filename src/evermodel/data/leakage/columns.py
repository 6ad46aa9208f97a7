"""Columns that already hold the target: copies, parts that add up to it, and tell-tale gaps.

A column is accused only when it is all but perfect and by evidence that chance cannot give, for
an unjust accusation costs a good feature; what is only suspicious is said in a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.intake import average, extremes, numbers
from evermodel.data.proposal import Advice
from evermodel.data.target import labels

__all__ = [
    "FEW_CLASSES",
    "NEARLY",
    "Leak",
    "class_leaks",
    "nearly",
    "number_leaks",
    "sums",
    "suspects",
]

Floats = npt.NDArray[np.float64]

NEARLY = 0.9
"""The share of the errors of guessing the most frequent class from which a column is suspect."""
FEW_CLASSES = 10
"""Of more classes an honest column may tell as much, by some rule that connects them."""
_ALMOST_ALL = 0.999
_ALIKE = 0.99
_MOST_ROWS = 50_000
_LEAST_ROWS = 50
_LEAST_OF_CLASS = 10
_PROBES = 96
_MOST_FOR_TRIPLES = 40
_MOST_FOR_PAIRS = 200
_SAID_IN_TEXT = 0.995
_SAME = 0.98
_IN_ORDER = 0.9995
_BY_GROUP = 0.9999
_ADDS_UP = 0.99


class Leak(Advice, frozen=True, kw_only=True):
    """A column that gives the target away: how far, where that begins, and what shows it.

    `value` is a share of the `rows` looked at (or a rank correlation, without a `unit`), `most`
    what it stays below in a column that may be learned from, `shown` the columns to look at.
    """

    value: float
    most: float
    rows: int
    unit: str = "share"
    shown: tuple[str, ...] = ()


class _Told(msgspec.Struct, frozen=True):
    """By how much a column tells, from where on that is too much, and in words."""

    value: float
    most: float
    why: str
    unit: str = "share"

    def leak(self, column: str, rows: int, *shown: str) -> Leak:
        return Leak(
            column=column, why=self.why, value=self.value, most=self.most, rows=rows,
            unit=self.unit, shown=shown or (column,),
        )  # fmt: skip


def class_leaks(columns: Mapping[str, pl.Series], target: pl.Series) -> tuple[Leak, ...]:
    """Return the columns that alone tell the class of nearly every row.

    Examples
    --------
    >>> y = pl.Series("y", ["a", "b"] * 50)
    >>> [leak.column for leak in class_leaks({"copy": y.replace({"a": "x", "b": "z"})}, y)]
    ['copy']
    """
    rows = _some_rows(target)
    aim = labels(target.gather(rows))
    if not _can_be_told(aim):
        return ()
    found = []
    for name, series in columns.items():
        told = _tells_class(series.gather(rows), aim)
        if told is not None:
            found.append(told.leak(name, aim.len()))
    return tuple(found)


def suspects(
    columns: Mapping[str, pl.Series], target: pl.Series, *, number: bool
) -> tuple[Advice, ...]:
    """Return the columns that nearly tell the target, so that a person looks at them.

    Examples
    --------
    >>> y = pl.Series("y", ["a", "b"] * 100)
    >>> near = pl.Series(["a", "b"] * 96 + ["a", "a", "b", "b"] * 2)
    >>> [advice.column for advice in suspects({"near": near}, y, number=False)]
    ['near']
    """
    return tuple(
        Advice(column=near.column, why=near.why) for near in nearly(columns, target, number=number)
    )


@dataclass(frozen=True, slots=True)
class Near:
    """A column that nearly tells the target: by how much more than guessing, of how many rows."""

    column: str
    strength: float
    rows: int
    why: str


def nearly(columns: Mapping[str, pl.Series], target: pl.Series, *, number: bool) -> Iterator[Near]:
    """Yield the columns that nearly tell the target, each with how much it tells.

    Of classes that is the share of the errors of guessing the most frequent one that it saves; of
    numbers the size of the rank correlation.
    """
    rows = _some_rows(target)
    aim = target.gather(rows)
    aim = _finite(numbers(aim)) if number else labels(aim)
    if aim.len() < _LEAST_ROWS if number else not _can_be_told(aim):
        return
    base = 0.0 if number else _base(aim)
    for name, series in columns.items():
        some = series.gather(rows)
        if number:
            strength = _rank_correlation(_finite(some), aim) if some.dtype.is_numeric() else 0.0
            said = f"rank correlation {strength:.3f}"
        else:
            share = max((share for share, _ in _told(some, aim)), default=0.0)
            strength, said = (share - base) / (1.0 - base), f"in {share:.1%} of the rows"
        if strength >= (_ALIKE if number else NEARLY):
            yield Near(name, strength, aim.len(), f"alone it nearly tells the target ({said})")


def _some_rows(target: pl.Series) -> pl.Series:
    """Return which rows stand for the table, in random order: files are often sorted."""
    known = target.is_not_null().arg_true()
    return known.gather(np.random.default_rng(0).permutation(known.len())[:_MOST_ROWS])


def _can_be_told(aim: pl.Series) -> bool:
    """Say whether there are classes to tell apart; of one class any column tells all rows."""
    sizes = aim.alias("value").value_counts().get_column("count")
    if aim.len() < _LEAST_ROWS or sizes.len() < 2:
        return False
    return sizes.len() > 2 or extremes(sizes)[0] >= _LEAST_OF_CLASS


def _base(aim: pl.Series) -> float:
    """Return the share of the most frequent class."""
    return extremes(aim.alias("value").value_counts().get_column("count"))[1] / aim.len()


def _tells_class(series: pl.Series, aim: pl.Series) -> _Told | None:
    # Hits must be far above what the most frequent class alone gives.
    needed = max(_ALMOST_ALL, 1.0 - 0.01 * (1.0 - _base(aim)))
    for share, why in _told(series, aim):
        if share >= needed:
            return _Told(share, needed, why)
    if series.dtype == pl.String and series.n_unique() > aim.n_unique():
        share = _says(series, aim)
        if share >= _SAID_IN_TEXT:
            why = f"its text says the target in {share:.1%} of the rows"
            return _Told(share, _SAID_IN_TEXT, why)
    return None


def _told(series: pl.Series, aim: pl.Series) -> Iterator[tuple[float, str]]:
    """Yield in how many rows the column tells the class, by its gaps, its values or one cut."""
    absent = series.is_null()
    if 0 < int(absent.sum()) < aim.len():
        why = "it is filled in or empty according to the target, so it is written afterwards"
        yield _purity(absent.cast(pl.String), aim), why
    distinct, classes = series.n_unique(), aim.n_unique()
    if distinct <= max(20, 3 * classes) and aim.len() >= 5 * distinct:
        purity = _purity(series.cast(pl.String, strict=False), aim)
        yield purity, f"alone it tells the target in {purity:.1%} of the rows"
    if series.dtype.is_numeric() and classes == 2 and distinct > 20:
        purity = _cut(series, aim)
        yield purity, f"one cut of it tells the target in {purity:.1%} of the rows"


def _purity(series: pl.Series, aim: pl.Series) -> float:
    """Return the share of rows in the most frequent class of their value."""
    pair = pl.DataFrame({"v": series, "y": aim}).group_by("v", "y").len()
    best = pair.group_by("v").agg(pl.col("len").max()).get_column("len").sum()
    return float(best) / aim.len()


def _cut(series: pl.Series, aim: pl.Series) -> float:
    """Return the share of rows that the best single threshold puts in the right class."""
    known = series.is_not_null()
    if int(known.sum()) < 0.98 * aim.len():
        return 0.0
    pair = pl.DataFrame({"x": series.filter(known), "y": aim.filter(known)})
    first = pair.get_column("y")[0]
    steps = (
        pair.group_by("x")
        .agg(n=pl.len(), hits=(pl.col("y") == first).sum())
        .sort("x")
        .select(pl.col("n").cum_sum(), pl.col("hits").cum_sum())
        .to_numpy()
        .astype(np.float64)
    )
    total, hits = steps[-1]
    right = steps[:, 1] + (total - hits) - (steps[:, 0] - steps[:, 1])
    return float(max(right.max(), total - right.min())) / aim.len()


def _says(series: pl.Series, aim: pl.Series) -> float:
    """Return the share of rows whose text holds the name of their own class and no other's."""
    names = [name for name in aim.unique().to_list() if len(name.strip()) >= 3]
    if len(names) < aim.n_unique() or len(names) > 50:
        return 0.0
    text = series.fill_null("").head(5000).str.to_lowercase()
    own = aim.head(5000)
    good = pl.repeat(value=True, n=text.len(), eager=True)
    for name in names:
        holds = text.str.contains(name.strip().lower(), literal=True)
        good = good & (holds == (own == name))
    return average(good)


def number_leaks(columns: Mapping[str, pl.Series], target: pl.Series) -> tuple[Leak, ...]:
    """Return the columns that hold a number to be predicted: copies, in order, or as parts of it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, b = (pl.Series(rng.integers(0, 99, 200)) for _ in "ab")
    >>> [leak.column for leak in number_leaks({"a": a, "b": b}, a + b)]
    ['a', 'b']
    """
    rows = _some_rows(target)
    aim = _finite(numbers(target.gather(rows)))
    if aim.len() < _LEAST_ROWS:
        return ()
    found: dict[str, Leak] = {}
    values: dict[str, Floats] = {}
    for name, series in columns.items():
        some = series.gather(rows)
        if some.dtype.is_numeric():
            some = _finite(some)
            values[name] = some.cast(pl.Float64).to_numpy().astype(np.float64)
            told = _copies(some, aim)
        else:
            told = _group_tells(some, aim)
        if told is not None:
            found[name] = told.leak(name, aim.len())
    rest = {name: column for name, column in values.items() if name not in found}
    for parts, formula, share in sums(rest, aim.to_numpy().astype(np.float64), target.name):
        why = f"{formula}, so it is only known together with the target"
        for name in parts:
            found.setdefault(name, _Told(share, _ADDS_UP, why).leak(name, aim.len(), *parts))
    return tuple(found.values())


def _finite(series: pl.Series) -> pl.Series:
    return series.set(series.is_infinite(), None) if series.dtype.is_float() else series


def _copies(series: pl.Series, aim: pl.Series) -> _Told | None:
    rank = _rank_correlation(series, aim)
    if rank < 0.95:
        return None
    same = average(series == aim)
    if same >= _SAME:
        of = "rows" if series.null_count() == 0 else "rows that have it"
        return _Told(same, _SAME, f"it equals the target in {same:.1%} of the {of}")
    if rank >= _IN_ORDER:
        why = f"it rises or falls with the target all but exactly (rank correlation {rank:.4f})"
        return _Told(rank, _IN_ORDER, why, unit="")
    return None


def _rank_correlation(series: pl.Series, aim: pl.Series) -> float:
    """Return the size of Spearman's correlation, 0 where there is too little to tell."""
    known = series.is_not_null() & aim.is_not_null()
    x, y = series.filter(known), aim.filter(known)
    if x.len() < max(_LEAST_ROWS, 0.5 * aim.len()) or x.n_unique() < 10 or y.n_unique() < 10:
        return 0.0
    return abs(float(np.corrcoef(x.rank().to_numpy(), y.rank().to_numpy())[0, 1]))


def _group_tells(series: pl.Series, aim: pl.Series) -> _Told | None:
    distinct = series.n_unique()
    if distinct < 2 or aim.len() < 5 * distinct:
        return None
    total = float(((aim - aim.mean()) ** 2).sum())
    group = pl.DataFrame({"v": series, "y": aim}).with_columns(m=pl.col("y").mean().over("v"))
    left = float(((group["y"] - group["m"]) ** 2).sum())
    if total > 0 and 1 - left / total >= _BY_GROUP:
        why = f"its {distinct} values tell the target all but exactly"
        return _Told(1 - left / total, _BY_GROUP, why)
    return None


def sums(
    columns: Mapping[str, Floats], target: Floats, name: str = "the target"
) -> list[tuple[tuple[str, ...], str, float]]:
    """Return the smallest sets of two or three columns whose signed sum or product is it.

    Every candidate is tried on a few telling rows first and then on all of them; it must hold in
    99 % of the rows in which each of its columns plays a part. The share of all rows in which it
    holds stands beside it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.integers(1, 99, 100) * 1.0, rng.integers(1, 99, 100) * 1.0
    >>> sums({"a": a, "b": b}, a - b, "y")
    [(('a', 'b'), "'a' - 'b' = 'y'", 1.0)]
    """
    usable = {n: c for n, c in columns.items() if np.unique(c[~np.isnan(c)]).size > 2}
    names = list(usable)[:_MOST_FOR_PAIRS]
    if np.unique(target[~np.isnan(target)]).size < 10 or not names:
        return []
    full = np.column_stack([usable[n] for n in names])
    whole = ~np.isnan(full).any(axis=1) & ~np.isnan(target)
    if whole.sum() < _LEAST_ROWS:
        full, whole = np.nan_to_num(full), ~np.isnan(target)
    full, goal = full[whole], target[whole]
    rows = np.linspace(0, goal.size - 1, min(_PROBES, goal.size)).astype(int)
    found: list[tuple[tuple[str, ...], str, float]] = []
    for chosen, signs in (*_pairs(full[rows], goal[rows]), *_triples(full[rows], goal[rows])):
        used = {n for parts, *_ in found for n in parts}
        parts = tuple(names[i] for i in chosen)
        if used & set(parts):
            continue
        share = _holds(full[:, chosen] @ np.array(signs), goal, full, chosen)
        if share:
            said = "".join(
                f"{' + ' if s > 0 else ' - '}{n!r}" for n, s in zip(parts, signs, strict=True)
            )
            found.append((parts, f"{said.removeprefix(' + ').lstrip()} = {name!r}", share))
    for first, second in _products(full[rows], goal[rows]):
        parts = (names[first], names[second])
        if {n for p, *_ in found for n in p} & set(parts):
            continue
        share = _holds(full[:, first] * full[:, second], goal, full, (first, second))
        if share:
            found.append((parts, f"{parts[0]!r} x {parts[1]!r} = {name!r}", share))
    return found


def _near(a: Floats, b: Floats) -> npt.NDArray[np.bool_]:
    # Where all numbers are small, a millionth is none of a rounding.
    slack = 1e-6 * min(1.0, float(np.abs(b).mean()))
    return np.abs(a - b) <= slack + 1e-6 * np.abs(b)


def _holds(made: Floats, goal: Floats, full: Floats, chosen: Sequence[int]) -> float:
    """Return in which share it holds: of nearly all rows, and not only where a column is zero.

    0 where that is not so.
    """
    right = _near(made, goal)
    if right.mean() < _ADDS_UP:
        return 0.0
    plays = np.all(full[:, list(chosen)] != 0, axis=1) & (goal != 0)
    enough = plays.sum() >= max(20, 0.01 * goal.size)
    return float(right.mean()) if enough and right[plays].mean() >= _ADDS_UP else 0.0


def _pairs(full: Floats, goal: Floats) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    found: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for first in range(full.shape[1]):
        for sign in (1, -1):
            rest = goal - sign * full[:, first]
            for other in (1, -1):
                hit = _near(other * full[:, first + 1 :], rest[:, None]).mean(axis=0) >= 0.95
                found += [((first, first + 1 + int(i)), (sign, other)) for i in np.flatnonzero(hit)]
    return found


def _triples(full: Floats, goal: Floats) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    if full.shape[1] > _MOST_FOR_TRIPLES:
        return []
    found: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    # A few rows refuse nearly every candidate; only what passes them is tried on all probes.
    few = slice(0, full.shape[0], max(1, full.shape[0] // 12))
    for first, second in combinations(range(full.shape[1]), 2):
        for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            rest = goal - signs[0] * full[:, first] - signs[1] * full[:, second]
            third = full[few, second + 1 :]
            for sign in (1, -1):
                hit = _near(sign * third, rest[few, None]).mean(axis=0) >= 0.8
                for i in np.flatnonzero(hit):
                    at = second + 1 + int(i)
                    if _near(sign * full[:, at], rest).mean() >= 0.95:
                        found.append(((first, second, at), (*signs, sign)))
    return found


def _products(full: Floats, goal: Floats) -> list[tuple[int, int]]:
    found = []
    for first in range(full.shape[1]):
        made = full[:, [first]] * full[:, first + 1 :]
        hit = _near(made, goal[:, None]).mean(axis=0) >= 0.95
        found += [(first, first + 1 + int(i)) for i in np.flatnonzero(hit)]
    return found
