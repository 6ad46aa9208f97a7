"""Whether consecutive rows depend on one another, so that the order of the rows is time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from evermodel.data.naming import is_identifier

__all__ = ["RowOrder", "codes", "lag_one", "row_order"]

Floats = npt.NDArray[np.float64]

_WINDOW = 51
_EFFECT = 0.1
_PERMUTATIONS = 199
_MOST_PERMUTED = 8_000
_MOST_ROWS = 60_000
_LEAST_ROWS = 200


class RowOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: `effect` is the lag-1 correlation of the target, slow trends taken out."""

    depends: bool
    effect: float
    p: float
    columns: tuple[str, ...] = ()
    why: str = ""


def codes(series: pl.Series) -> Floats:
    """Return a column as mid-ranks (texts as the rank of their frequency), gaps as the mean."""
    if series.dtype in (pl.String, pl.Boolean):
        counts = series.alias("value").value_counts(sort=True, name="n").get_column("value")
        order = pl.DataFrame({series.name: counts, "_rank": np.arange(float(counts.len()))})
        ranked = series.to_frame().join(order, on=series.name, how="left", maintain_order="left")
        column = ranked.get_column("_rank")
    else:
        column = series.cast(pl.Float64, strict=False).rank("average")
    values: Floats = np.empty(column.len(), dtype=np.float64)
    values[:] = column.cast(pl.Float64).to_numpy()
    gaps = np.isnan(values)
    values[gaps] = 0.0 if gaps.all() else float(np.mean(values[~gaps]))
    return values


def _without_trend(values: Floats) -> Floats:
    """Take out the centred moving mean, so that sorting and slow trends do not count."""
    centred: Floats = values - values.mean()
    sums = np.concatenate([[0.0], np.cumsum(centred)])
    at = np.arange(values.size)
    low = np.maximum(at - _WINDOW // 2, 0)
    high = np.minimum(at + _WINDOW // 2 + 1, values.size)
    means: Floats = (sums[high] - sums[low]) / (high - low)
    return np.subtract(centred, means)


def lag_one(values: Floats) -> float:
    """Return the correlation of consecutive values once slow trends are taken out.

    Examples
    --------
    >>> bool(lag_one(np.sin(np.arange(500.0))) > 0.4)
    True
    >>> bool(abs(lag_one(np.random.default_rng(0).normal(size=5000))) < 0.06)
    True
    """
    rest = _without_trend(values)
    square = float(rest @ rest)
    return float(rest[1:] @ rest[:-1]) / square if square > 1e-12 * values.size else 0.0


def _p_value(values: Floats, effect: float, rng: np.random.Generator) -> float:
    """Permutation test of serial dependence (Wald and Wolfowitz 1943), one-sided."""
    reached = sum(lag_one(rng.permutation(values)) >= effect for _ in range(_PERMUTATIONS))
    return (1 + reached) / (1 + _PERMUTATIONS)


def _blocks(series: pl.Series) -> npt.NDArray[np.int64] | None:
    """Return the number of each row's block where equal values stand together, else None."""
    distinct = series.n_unique()
    if distinct < 2 or distinct > series.len() // 2:
        return None
    starts = (series != series.shift(1)).fill_null(value=True).to_numpy()
    block = np.cumsum(starts, dtype=np.int64)
    return block if block[-1] <= 1.5 * distinct + 1 else None


def _within(values: Floats, block: npt.NDArray[np.int64]) -> float:
    """Return the lag-1 correlation within blocks, corrected for the blocks' own means."""
    index = block - block[0]
    sizes = np.bincount(index)
    means = np.bincount(index, weights=values) / np.maximum(sizes, 1)
    rest = values - means[index]
    square = float(rest @ rest)
    same = index[1:] == index[:-1]
    pairs = int(same.sum())
    if square <= 1e-12 * values.size or pairs < _LEAST_ROWS // 2:
        return 0.0
    free = float(np.sum((sizes - 1)[sizes > 1]))
    # Under independence E[e_t e_(t+1)] = -s2/m in a block of m rows.
    variance = square / max(free, 1.0)
    expected = -variance * float(np.mean(1.0 / sizes[index[1:]][same]))
    return (float((rest[1:] * rest[:-1])[same].mean()) - expected) / variance


def row_order(
    frame: pl.DataFrame,
    target: str,
    features: Sequence[str],
    *,
    keys: Sequence[str] = (),
    seed: int = 0,
    named: Mapping[str, pl.Series] | None = None,
) -> RowOrder:
    """Test whether the rows stand in time order, judged by the target and the features.

    The target's lag-1 correlation, slow trends taken out, must reach 0.1 and pass a permutation
    test; a feature must agree; and it must hold within the blocks of any column whose equal
    values stand together, so that a table that is merely sorted or grouped is not mistaken for
    a stream. `named` gives columns after their repair.

    References
    ----------
    Wald, A. and Wolfowitz, J. (1943), An exact test for randomness in the non-parametric case
    based on serial correlation, Annals of Mathematical Statistics 14(4).

    Examples
    --------
    >>> walk = np.cumsum(np.random.default_rng(0).normal(size=600))
    >>> found = row_order(pl.DataFrame({"x": walk, "y": walk > np.roll(walk, 9)}), "y", ["x"])
    >>> found.depends
    True
    """
    frame = frame.head(_MOST_ROWS)
    columns = {name: (named or {}).get(name, frame[name]).head(_MOST_ROWS) for name in features}
    aim = (named or {}).get(target, frame[target]).head(_MOST_ROWS)
    if frame.height < _LEAST_ROWS:
        return RowOrder(depends=False, effect=0.0, p=1.0, why="too few rows to tell")
    values = codes(aim)
    effect = lag_one(values)
    if effect < _EFFECT:
        return RowOrder(depends=False, effect=effect, p=1.0, why=_no(effect))
    if _blocks(aim) is not None or aim.is_sorted() or aim.is_sorted(descending=True):
        why = "the rows are sorted by the target"
        return RowOrder(depends=False, effect=effect, p=1.0, why=why)
    rng = np.random.default_rng(seed)
    p = _p_value(values[:_MOST_PERMUTED], lag_one(values[:_MOST_PERMUTED]), rng)
    blocks = {name: _blocks(column) for name, column in columns.items()}
    agree = [n for n, c in columns.items() if blocks[n] is None and lag_one(codes(c)) >= _EFFECT]
    for name in (*keys, *columns):
        block = blocks[name] if name in blocks else _blocks(frame[name])
        if block is None or not _groups(columns.get(name, frame[name]), block, name in keys):
            continue
        left = 0.0 if name in keys else _within(values, block)
        if left < _EFFECT / 2:
            why = f"equal values of {name!r} stand together, which explains it"
            return RowOrder(depends=False, effect=effect, p=p, why=why)
    if p > 0.01 or not agree:
        return RowOrder(depends=False, effect=effect, p=p, why=_no(effect))
    why = (
        f"consecutive rows depend on one another (target: lag-1 correlation {effect:.2f}, "
        f"p = {p:.3f})"
    )
    return RowOrder(depends=True, effect=effect, p=p, columns=tuple(agree), why=why)


def _groups(series: pl.Series, block: npt.NDArray[np.int64], is_key: bool) -> bool:
    """Say whether blocks are groups of rows; a slowly rising number is a trend instead."""
    if is_key or series.dtype in (pl.String, pl.Boolean) or is_identifier(series.name):
        return True
    return series.len() / float(block[-1] - block[0] + 1) >= 5


def _no(effect: float) -> str:
    return f"consecutive rows do not depend on one another (lag-1 correlation {effect:.2f})"
