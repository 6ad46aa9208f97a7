"""The prediction log of files that are scored: what a file was answered counts as served."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import msgspec
import polars as pl

from evermodel.bundle import Blocks, Model, Predictions
from evermodel.loop.keys import ROUTE
from evermodel.loop.state import State
from evermodel.loop.workspace import Workspace
from evermodel.serve.gate import Gate
from evermodel.store.durable import forget_old
from evermodel.tables import digest, row_hashes, versions

__all__ = ["BatchLog"]

_PREFIX = "scored-"


class BatchLog:
    """Holds what each batch was answered, and writes all of it down when the file is through.

    Until `commit` nothing of a file is in the log, which may yet be refused; what is held lies on
    the disk for as long as a `with` block. The same batch of rows counts once in a reign: a
    file that is scored again, or whose writing was cut short, adds nothing that is there already;
    a batch in which one row differs is a new one.

    Parameters
    ----------
    workspace : Workspace
    state : State
        Names the reign.
    model : Model
        The live version.
    name : str
        What the rows are called; with the same name they count once whoever reigns, and whatever
        they hold. Without, they are known by what they hold.
    served : tuple of reign and version, optional
        Who answered, where it is not what is live.
    """

    def __init__(
        self,
        workspace: Workspace,
        state: State,
        model: Model,
        *,
        name: str = "",
        served: tuple[str, int] | None = None,
    ) -> None:
        self._name = name
        self._workspace = workspace
        self._reign, self._version = served or (state.reign(workspace.project.name), state.live)
        self._inputs = model.manifest.inputs
        self._gate = Gate(model.manifest)
        self._began = time.perf_counter()
        self._held: list[str] = []
        forget_old(workspace.root, f"{_PREFIX}*")
        self._folder = TemporaryDirectory(prefix=_PREFIX, dir=workspace.root)
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def commit(self) -> None:
        """Write down what is held, which has to be done before the file of answers appears.

        The time of a prediction is that of its commit, each later than the one before: what lies in
        the past of a look that was taken meanwhile, no later look would see.
        """
        last = datetime.min
        for place, key in enumerate(self._held):
            now = self._workspace.ports.clock.now().astimezone(UTC).replace(tzinfo=None)
            last = max(now, last + timedelta(microseconds=1))
            time = pl.lit(last).cast(pl.Datetime("us"))
            rows = pl.read_parquet(self._part(place)).with_columns(time=time)
            if versions.append(self._workspace.table("predictions"), rows, key=key):
                self.rows += rows.height
        self._held.clear()

    def _part(self, place: int) -> Path:
        return Path(self._folder.name) / f"{place}.parquet"

    def add(self, batch: pl.DataFrame, blocks: Blocks, predictions: Predictions) -> pl.Series:
        """Hold one batch of N rows and return the id of each prediction [N]."""
        project = self._workspace.project
        key = f"{ROUTE} {self._reign} {digest(batch)}"
        if self._name:
            key = f"{self._name} {len(self._held)}"
        ids = _ids(key, batch)
        keys = batch.select(name for name in project.data.key if name in batch.columns)
        answers = predictions.rows()
        spent, self._began = time.perf_counter() - self._began, time.perf_counter()
        classes = predictions.label is not None
        actions = [_text(answer["prediction"]) if classes else None for answer in answers]
        rows = pl.DataFrame(
            {
                "id": ids,
                "key": _json(_as_sent(keys) if keys.width else batch, keys.columns),
                "features": self._features(batch),
                "output": [_text(answer) for answer in answers],
                "action": actions,
                "gate": ["warn" if warned else "pass" for warned in self._gate.warns(blocks)],
            },
            schema_overrides={"action": pl.String, "key": pl.String, "features": pl.String},
        ).with_columns(
            deployment=pl.lit(self._reign),
            arm=pl.lit("champion"),
            propensity=pl.lit(1.0),
            version=pl.lit(self._version, pl.Int64),
            route=pl.lit(ROUTE),
            latency_us=pl.lit(int(spent * 1e6 / max(1, batch.height)), pl.Int64),
        )
        rows.write_parquet(self._part(len(self._held)))
        self._held.append(key)
        return ids

    def _features(self, batch: pl.DataFrame) -> pl.Series:
        kept = self._workspace.project.serve.log_features
        names = [item.name for item in self._inputs] if kept else []
        return _json(_as_sent(batch.select(names)) if kept else batch, names)


def _ids(key: str, batch: pl.DataFrame) -> pl.Series:
    """Return the id of each row's prediction: the same rows have the same ids in any order.

    So an outcome joins whichever file it was read from. Rows that are equal in all columns are
    told apart by their rank among one another, which their answers do not depend on.
    """
    prefix = hashlib.blake2b(key.encode(), digest_size=12).hexdigest()
    rows = pl.DataFrame({"row": pl.Series(row_hashes(batch), dtype=pl.UInt64)})
    ranks = rows.select(pl.int_range(pl.len()).over("row"))["literal"]
    pairs = zip(rows["row"].to_list(), ranks.to_list(), strict=True)
    return pl.Series("id", [f"{prefix}{row:016x}{rank:x}" for row, rank in pairs], dtype=pl.String)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _json(frame: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    """Return the named columns of each row as a JSON object, or nothing [N] where none is named."""
    if not names:
        return pl.Series([None] * frame.height, dtype=pl.String)
    return frame.select(pl.struct(names).struct.json_encode()).to_series()


def _as_sent(frame: pl.DataFrame) -> pl.DataFrame:
    """Return values as a request would carry them: times in ISO 8601, no infinity."""
    columns = []
    for column in frame.get_columns():
        if column.dtype in (pl.Date, pl.Datetime):
            column = column.cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
        elif column.dtype.is_float():
            finite = column.is_finite()
            column = pl.select(pl.when(finite).then(column)).to_series().alias(column.name)
        columns.append(column)
    return pl.DataFrame(columns)
