"""Which rows a project holds out: its columns, as the split takes them."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evermodel.errors import DataError
from evermodel.project import Project
from evermodel.records import REGRESSION
from evermodel.train.columns import (
    Target,
    draw_hashes,
    outcome_gap,
    read_target,
    row_times,
    timed_rows,
    with_target,
    without_key,
)
from evermodel.train.split import Split, choose_split

__all__ = ["entities", "held_out", "hold_out"]


def held_out(
    frame: pl.DataFrame, project: Project, twins: NDArray[np.int64] | None = None
) -> pl.Series | None:
    r"""Return for each row whether a training would test on it; None where it would not begin.

    A row that it would neither test on nor learn from, as one without an outcome, is missing.
    `twins` is what that training would be given.

    Examples
    --------
    >>> from evermodel.project import parse_project
    >>> data = 'source = "a.csv"\ntarget = "y"\ntask = "regression"\nsplit = "part"'
    >>> made = parse_project('[project]\nname = "a"\n[data]\n' + data)
    >>> rows = pl.DataFrame({"y": [1.0, None, 2.0], "part": ["train", "test", "test"]})
    >>> held_out(rows, made).to_list()
    [False, None, True]
    """
    place = "evermodel place"
    try:
        known, _ = with_target(frame.with_row_index(place), project)
        known, _ = timed_rows(known, project)
        places = known[place].to_numpy()
        known = known.drop(place)
        target = read_target(known[project.data.target], project)
        split = hold_out(
            known, project, target, project.train.seed, None if twins is None else twins[places]
        )
    except DataError:
        return None
    tested = np.full(frame.height, None, dtype=object)
    tested[places] = False
    tested[places[split.test]] = True
    return pl.Series("tested", tested.tolist(), dtype=pl.Boolean)


def hold_out(
    known: pl.DataFrame,
    project: Project,
    target: Target,
    seed: int,
    twins: NDArray[np.int64] | None = None,
) -> Split:
    """Return the split of the rows with an outcome that a project asks for.

    Raises
    ------
    DataError
        When a column that it goes by is not there, or one side would be empty.
    """
    data = project.data
    for name in (*data.key, data.split):
        if name and name not in known.columns:
            raise DataError(f"there is no column {name!r}", found=", ".join(known.columns[:20]))
    named = known[data.split].cast(pl.String).fill_null("").to_numpy() if data.split else None
    return choose_split(
        rows=known.height,
        y=None if data.task == REGRESSION else target.y,
        named=named,
        time=row_times(known, project),
        groups=entities(known, project),
        hashes=draw_hashes(known, project, seed),
        share=project.train.test,
        gap=outcome_gap(known, project),
        twins=twins,
    )


def entities(frame: pl.DataFrame, project: Project) -> NDArray[np.object_] | None:
    """Return the entity of each row, or None where no entity has two rows.

    A row without a key is an entity of its own.
    """
    keys = [name for name in project.data.key if name in frame.columns]
    alone = without_key(frame, keys)
    if alone.all() or not frame.filter(~alone).select(keys).is_duplicated().any():
        return None
    text = pl.concat_str(pl.col(keys).cast(pl.String).fill_null(""), separator="\x1f")
    names = frame.select(text).to_series().to_numpy(writable=True)
    # One separator more than a key's text has.
    names[alone] = [f"{name}\x1f{row}" for row, name in enumerate(names[alone])]
    return names
