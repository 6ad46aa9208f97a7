"""Rows that stand in a table more than once: word for word, but for their key, or nearly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.bands import column
from evermodel.data.copies.likeness import plain_writing
from evermodel.data.copies.near_twins import near_pairs
from evermodel.data.copies.repeats import (
    chance_of,
    first_alike,
    row_codes,
    share_by_groups,
)
from evermodel.data.intake import row_text, take
from evermodel.data.naming import is_identifier, is_row_number
from evermodel.data.target import labels, target_advice
from evermodel.errors import DataError
from evermodel.records import CheckResult, Verdict
from evermodel.stats.intervals import Interval

__all__ = ["duplicates", "twin_groups"]

Ids = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_MATERIAL = 0.01
_CONFLICT = 0.02
_MOST_BY_CHANCE = 1 / 3
_FEW_BY_CHANCE = 0.05
_OWN = 0.95
_SAME_DIGITS = 9
_COARSE_DIGITS = 3
_SHOWN_GROUPS = 3
_FEW_VALUES = "; the columns have so few values that rows are often alike by chance"


def duplicates(
    frame: Any,
    *,
    key: Sequence[str] = (),
    target: str = "",
    features: Sequence[str] | None = None,
) -> Iterator[CheckResult]:
    """Yield how many rows repeat an earlier one, and how: each row is counted once at most.

    - `duplicate_rows`: equal in every column.
    - `duplicate_but_key`: equal in all but the key and what numbers the rows.
    - `near_duplicate_rows`: equal but for the key, once case, blanks, accents, punctuation and
      the order of words are set aside; or alike but for slips of typing, or for rounding (see
      `near_pairs` for what is looked at; `evidence["complete"]` says whether that was all).
    - `conflicting_labels`: rows whose columns are equal and whose outcomes differ, where `target`
      has classes; `evidence["best_accuracy"]` is the most that any model can reach on these rows.

    Nothing is held against rows that are alike by chance, because their columns have few values
    (see `copies_by_chance`). Intervals take equal rows as one case.

    Parameters
    ----------
    frame : DataFrame or Table
        The data.
    key : sequence of str
        Columns that name who or what a row is about. Identifiers and row numbers of which nearly
        every row has its own are set aside as well.
    target : str
        Column of the outcome; without it labels are not compared.
    features : sequence of str, optional
        Columns that are learned from, for `conflicting_labels`: by default all but the key, the
        target and what names the rows.

    References
    ----------
    Elmagarmid, Ipeirotis, Verykios (2007), "Duplicate Record Detection: A Survey"; Cochran (1977),
    "Sampling Techniques", 6.4 (variance of a ratio over groups).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> table = pl.DataFrame({"id": range(100), "kg": rng.normal(70, 9, 100)})
    >>> found = duplicates(pl.concat([table, table[:5]]))
    >>> [(result.name, result.value, result.verdict) for result in found][:2]
    [('duplicate_rows', 5.0, 'warn'), ('duplicate_but_key', 0.0, 'pass')]

    Raises
    ------
    DataError
        When it is no table, or a column is not there.
    """
    data = take(frame).frame
    for name in (*key, *([target] if target else []), *(features or ())):
        column(data, name)
    if data.is_empty():
        return
    away = _row_names(data, key)
    found = _Likeness.of(data, away)
    n = data.height
    yield _repeats(
        "duplicate_rows", data, found.equal, np.arange(n), chance_of(data, found.equal),
        "a row that stands in training and test alike makes the test too good",
    )  # fmt: skip
    if away and data.width > len(away):
        yield _repeats(
            "duplicate_but_key", data, found.but_key, found.equal,
            found.chance, f"equal in everything but {', '.join(away)}: one row entered twice, "
            "or two that nothing tells apart",
        )  # fmt: skip
    yield _near(data, found)
    if target:
        used = features if features is not None else data.columns
        yield from _conflicts(data, target, [n for n in used if n not in (*away, target)])


def twin_groups(frame: Any, key: Sequence[str] = ()) -> pl.Series:
    """Return a number for each row that rows share which are equal, or nearly, but for the key.

    For a split that keeps twins together. Numbers count from 0 in the order of first rows. Name
    the target in `key`, where rows of other outcomes are to be twins too. Where more than 5 % of
    the rows are alike by chance, because their columns have few values, these are no twins: a
    split that kept them together would part the table by its columns.

    Examples
    --------
    >>> texts = ["I lost my passport today", "Where is my card?", "i lost my pasport today!"]
    >>> twin_groups(pl.DataFrame({"text": texts})).to_list()
    [0, 1, 0]

    Raises
    ------
    DataError
        When it is no table, or a column is not there.
    """
    data = take(frame).frame
    for name in key:
        column(data, name)
    found = _Likeness.of(data, _row_names(data, key))
    groups = np.arange(data.height)
    for wider, chance in ((found.but_key, found.chance), (found.near, found.near_chance)):
        if chance <= _MOST_BY_CHANCE or _in_groups(wider) <= _FEW_BY_CHANCE * data.height:
            groups = wider
    return pl.Series("twins", np.unique(groups, return_inverse=True)[1].astype(np.int64))


class _Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """For each row the first row that it is like, in three senses, each wider than the last."""

    equal: Ids
    but_key: Ids
    near: Ids
    chance: float
    near_chance: float
    looked_at: int
    complete: bool

    @classmethod
    def of(cls, data: pl.DataFrame, away: Sequence[str]) -> _Likeness:
        used = [name for name in data.columns if name not in away]
        equal = first_alike(row_codes(data))
        if not used:
            own = np.arange(data.height)
            return cls(
                equal=equal, but_key=equal, near=own, chance=1.0, near_chance=1.0,
                looked_at=0, complete=True,
            )  # fmt: skip
        but_key = first_alike(row_codes(data.select(used)))
        chance = chance_of(data.select(used), but_key)
        kinds, place = np.unique(but_key, return_inverse=True)
        each = data.select(used)[kinds]
        plain = each.with_columns(_plain(series) for series in each)
        written = first_alike(row_codes(plain))
        own_writing, of_writing = np.unique(written, return_inverse=True)
        close = near_pairs(plain[own_writing])
        joined = _joined(len(own_writing), close.pairs)[of_writing]
        first = np.full(len(own_writing), data.height)
        np.minimum.at(first, joined, kinds)
        near = first[joined][place]
        coarse = plain.with_columns(_coarse(series) for series in plain)
        return cls(
            equal=equal,
            but_key=but_key,
            near=near,
            chance=chance,
            near_chance=max(chance, chance_of(coarse, first_alike(row_codes(coarse)))),
            looked_at=close.looked_at,
            complete=close.complete,
        )


def _row_names(data: pl.DataFrame, key: Sequence[str]) -> list[str]:
    """Return the key, and what names or numbers each row."""
    found = list(key)
    for name in data.columns:
        named = is_identifier(name) or is_row_number(name)
        if name not in found and named and data[name].n_unique() >= _OWN * data.height:
            found.append(name)
    return found


def _plain(series: pl.Series) -> pl.Series:
    if series.dtype == pl.String:
        return plain_writing(series)
    return series.round_sig_figs(_SAME_DIGITS) if series.dtype.is_float() else series


def _coarse(series: pl.Series) -> pl.Series:
    return series.round_sig_figs(_COARSE_DIGITS) if series.dtype.is_float() else series


def _joined(size: int, pairs: Ids) -> Ids:
    """Return a number for each of `size` things, the same for those that pairs join."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def _share(first: Ids, again: Flags) -> Interval:
    """Return the interval of a share of rows, those of one first row being one case."""
    sizes = np.bincount(first)
    hits = np.bincount(first, weights=again)
    return share_by_groups(hits[sizes > 0], sizes[sizes > 0])


def _repeats(
    name: str, data: pl.DataFrame, first: Ids, narrower: Ids, chance: float, why: str
) -> CheckResult:
    """Rows with an earlier one of their kind that are no repeat in the narrower sense."""
    own = np.arange(data.height)
    again = (first != own) & (narrower == own)
    rows, n = int(again.sum()), data.height
    bounds = _share(first, again)
    by_chance = rows > 0 and chance > _MOST_BY_CHANCE
    verdict: Verdict = "warn" if rows / n > _MATERIAL and not by_chance else "pass"
    return CheckResult(
        name=name,
        subject="rows",
        value=float(rows),
        unit="rows",
        low=bounds.low * n,
        high=bounds.high * n,
        level=bounds.level,
        n=n,
        max=_MATERIAL * n,
        verdict=verdict,
        why=why + (_FEW_VALUES if by_chance else ""),
        method=bounds.method,
        evidence={
            "rows": np.flatnonzero(again)[:5].tolist(),
            "examples": [row_text(data.row(int(row))) for row in np.flatnonzero(again)[:3]],
            "groups": _groups(first, again),
            "rows_in_groups": int(np.isin(first, first[again]).sum()),
            "by_chance": round(chance, 3),
        },
    )


def _in_groups(first: Ids) -> int:
    """How many rows are like another."""
    sizes = np.bincount(first)
    return int(sizes[sizes > 1].sum())


def _groups(first: Ids, again: Flags) -> list[list[int]]:
    """Return the rows of the first few groups, five of each at most."""
    heads = list(dict.fromkeys(first[again][:50].tolist()))[:_SHOWN_GROUPS]
    return [np.flatnonzero(first == head)[:5].tolist() for head in heads]


def _near(data: pl.DataFrame, found: _Likeness) -> CheckResult:
    why = (
        "the same but for spelling, case, punctuation, rounding or the order of words: "
        "parted between training and test they make the test too good"
    )
    if not found.complete:
        why += f"; {found.looked_at:,} rows drawn at random were compared closely, so more may be"
    result = _repeats(
        "near_duplicate_rows", data, found.near, found.but_key, found.near_chance, why
    )
    head = [group for group in result.evidence["groups"] if len(group) > 1][:1]
    more: dict[str, Any] = {"looked_at": found.looked_at, "complete": found.complete}
    if head:  # both of a pair tell more than a second one of others
        pair = head[0][:2]
        more |= {"rows": pair, "examples": [row_text(data.row(row)) for row in pair]}
    return msgspec.structs.replace(result, evidence={**result.evidence, **more})


def _conflicts(data: pl.DataFrame, target: str, used: Sequence[str]) -> Iterator[CheckResult]:
    """Equal rows of different classes: label errors, or a column that would tell is not there."""
    known = data.filter(pl.col(target).is_not_null())
    try:
        task = target_advice(known[target], where=target).task if known.height else "regression"
    except DataError:
        return
    if task == "regression" or not used:
        return
    features = known.select(used)
    first = first_alike(row_codes(features))
    table = pl.DataFrame({"g": first, "y": labels(known[target])})
    counts = table.group_by("g", "y").len("rows")
    kinds = counts.group_by("g").agg(
        pl.col("rows").sum().alias("all"), pl.col("rows").max().alias("most")
    )
    mixed = kinds.filter(pl.col("most") < pl.col("all"))
    sizes = kinds["all"].to_numpy()
    most = kinds["most"].to_numpy()
    bounds = share_by_groups(np.where(most < sizes, sizes, 0), sizes)
    share, best = float(mixed["all"].sum()) / known.height, float(most.sum()) / known.height
    right = share_by_groups(most, sizes)
    chance = chance_of(features, first)
    by_chance = share > 0 and chance > _MOST_BY_CHANCE
    inside = table.with_row_index("row").filter(pl.col("g").is_in(mixed["g"].to_list()))
    places = data[target].is_not_null().arg_true()
    groups = [
        places.gather(part["row"]).head(5).to_list()
        for part in inside.partition_by("g", maintain_order=True)[:_SHOWN_GROUPS]
    ]
    why = "rows that are equal but for the truth: label errors, or a telling column is missing"
    why += f"; no model can be right in more than {best:.1%} of these rows"
    yield CheckResult(
        name="conflicting_labels",
        subject=target,
        value=share,
        unit="share",
        low=bounds.low,
        high=bounds.high,
        level=bounds.level,
        n=known.height,
        max=_CONFLICT,
        verdict="warn" if share > _CONFLICT and not by_chance else "pass",
        why=why + (_FEW_VALUES if by_chance else ""),
        method=bounds.method,
        evidence={
            "rows": [row for group in groups for row in group][:6],
            "examples": [row_text(data.row(row)) for group in groups[:1] for row in group[:3]],
            "groups": groups,
            "best_accuracy": best,
            "best_accuracy_interval": [right.low, right.high],
            "by_chance": round(chance, 3),
        },
    )
