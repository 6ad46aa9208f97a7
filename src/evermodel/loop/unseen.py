"""Scored rows that a version was trained on: they do not tell how it does on new ones."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evermodel.bundle import read_manifest
from evermodel.errors import NotFoundError
from evermodel.loop.datasets import kept_data
from evermodel.loop.keys import ROUTE, keys_of
from evermodel.loop.predictions import features_of
from evermodel.loop.state import Version
from evermodel.loop.training import learned_from
from evermodel.loop.workspace import Workspace

__all__ = ["unseen"]

_TOLD_APART = 0.9
"""Share of distinct training rows from which on equal rows are taken for the same."""


def unseen(workspace: Workspace, log: pl.DataFrame, *versions: Version) -> NDArray[np.bool_]:
    """Return for each of N logged predictions whether it may judge the versions, [N].

    A file that is scored may hold the very rows that a version learned from, as the first file that
    anybody tries does; what a server is asked is new. Rows are known by their key and features.
    Where many training rows are equal in these, or features are not written down, rows cannot be
    told to be the same, and all of them count.

    Parameters
    ----------
    workspace : Workspace
    log : polars.DataFrame
        N rows of the prediction log.
    *versions : Version
        Those that are to be judged.
    """
    fresh = np.ones(log.height, np.bool_)
    scored = (log["route"] == ROUTE).to_numpy() & log["features"].is_not_null().to_numpy()
    if scored.any():
        rows = log.filter(scored)
        for version in versions:
            fresh[scored] &= ~_known(workspace, rows, version)
    return fresh


def _known(workspace: Workspace, log: pl.DataFrame, version: Version) -> NDArray[np.bool_]:
    """Return for each of N logged rows whether a version was trained on it, [N].

    Rows that carry the same columns are looked up together, by just these: a file without the key
    is no other file for that.
    """
    known = np.zeros(log.height, np.bool_)
    try:
        kept = kept_data(workspace, version.trained)
    except NotFoundError:
        return known  # erased since: nobody can tell any more
    rows = _as_kept(workspace, log, version, kept)
    keys = [name for name in workspace.project.data.key if name in rows.columns]
    carried = rows.select(pl.col(keys).is_not_null(), row=pl.int_range(pl.len()))
    for _, place in carried.group_by(keys or pl.lit(0)):
        group = place["row"].to_numpy()
        some = rows[group]
        names = [name for name in rows.columns if some[name].null_count() < some.height]
        if kept.select(names).n_unique() >= _TOLD_APART * kept.height:
            known[group] = learned_from(workspace, version.trained, some, names, kept=kept)
    return known


def _as_kept(
    workspace: Workspace, log: pl.DataFrame, version: Version, kept: pl.DataFrame
) -> pl.DataFrame:
    """Return features and keys of logged rows, as far as they are columns of the kept data."""
    manifest = read_manifest(workspace.bundles / str(version.number))
    types = {item.name: item.type for item in manifest.inputs if item.name in kept.columns}
    names = [name for name in workspace.project.data.key if name in kept.columns]
    keys = keys_of(log, {name: kept.schema[name] for name in names if name not in types})
    return features_of(log, types).with_columns(keys)
