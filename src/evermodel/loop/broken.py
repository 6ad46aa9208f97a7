"""Is a table broken rather than changed: the same gate before training and before scoring."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from evermodel.bundle import Model
from evermodel.data import gate
from evermodel.errors import DataError
from evermodel.loop.state import State, load_version
from evermodel.loop.workspace import Workspace
from evermodel.records import CheckResult
from evermodel.tables import Profile

__all__ = ["Breaks", "broken_since"]

_PREDICTION = "prediction"


_MINOR = 0.05
"""A part of the rows up to this may be learned from: it is told, and a model survives it."""


def broken_since(workspace: Workspace, state: State, frame: pl.DataFrame) -> list[CheckResult]:
    """Return what looks broken in a table that is to be learned from, beside what is live.

    A column that is no longer there, and a slip in up to 5 % of the rows, are warned of: whoever
    brings the table knows of the one, and a model does not fail for the other. To learn from more
    slipped rows than that is worse than not to learn.
    """
    if state.live is None:
        return []
    model = load_version(workspace, state.version(state.live))
    found = [each for each in _gated(model, frame) if each.verdict == "fail"]
    return [
        msgspec.structs.replace(each, verdict="warn") if _minor(each) else each for each in found
    ]


def _minor(result: CheckResult) -> bool:
    slight = result.unit == "share" and (result.value or 0) <= _MINOR
    return result.name == "column_missing" or (result.name == "unit_slip" and slight)


def _gated(model: Model, frame: pl.DataFrame) -> tuple[CheckResult, ...]:
    reference = msgspec.json.decode(model.part("reference") or b"", type=Profile)
    known = [column.name for column in reference.columns if column.name in frame.columns]
    return gate(frame.select(known), reference, ignore=(_PREDICTION,)).results


class Breaks:
    """What looks broken in a file that is scored in batches, and what becomes of it.

    Parameters
    ----------
    model : Model
        Whose training rows are the measure.
    level : "fail", "warn" or "quarantine"
        Write nothing, predict all the same, or set whole batches aside.
    source : str
        What the file is called.
    target : Path
        Where predictions are written; what is set aside goes beside it.
    """

    def __init__(
        self, model: Model, level: Literal["fail", "warn", "quarantine"], source: str, target: Path
    ) -> None:
        self._model = model
        self._level = level
        self._source = source
        self._path = target.with_name(f"{target.stem}.quarantine.csv")
        self._part = self._path.with_name(f".{self._path.name}.part")
        self._found: dict[tuple[str, str], CheckResult] = {}
        self._rows: dict[tuple[str, str], int] = {}
        self._aside = 0

    @property
    def quarantine(self) -> str:
        """Where rows were set aside, or ""."""
        return str(self._path) if self._aside else ""

    def whole(self, batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield the batches that are to be predicted.

        Raises
        ------
        DataError
            When one looks broken and the level is "fail", or all do and are set aside.
        """
        seen = kept = 0
        self._part.unlink(missing_ok=True)
        for batch in batches:
            found = [each for each in _gated(self._model, batch) if each.verdict == "fail"]
            self._remember(found, seen, batch.height)
            seen += batch.height
            if found and self._level == "fail":
                what = "the rows look broken, not only changed: nothing was written"
                raise self._refusal(what)
            if found and self._level == "quarantine":
                self._set_aside(batch)
                continue
            kept += 1
            yield batch
        if self._aside and not kept:
            self.close()
            what = f"all rows look broken: they are in {self._path}, and none was predicted"
            raise self._refusal(what)

    def _refusal(self, what: str) -> DataError:
        said = "; ".join(f"{each.subject}: {each.why}" for each in self._found.values())
        hint = 'mend the feed, or set [data] gate_scoring = "warn" to predict them all the same'
        return DataError(what, where=self._source, found=said, hint=hint)

    def _remember(self, found: list[CheckResult], seen: int, rows: int) -> None:
        for each in found:
            key = each.name, each.subject
            places = [row + seen for row in each.evidence.get("rows", ())]
            placed = msgspec.structs.replace(each, evidence={**each.evidence, "rows": places})
            self._found.setdefault(key, placed)
            self._rows[key] = self._rows.get(key, 0) + rows

    def _set_aside(self, batch: pl.DataFrame) -> None:
        with self._part.open("ab") as file:
            batch.write_csv(file, include_header=not self._aside)
            file.flush()
            os.fsync(file.fileno())
        self._aside += batch.height

    def close(self) -> None:
        """Give what was set aside its name."""
        if self._part.exists():
            self._part.replace(self._path)

    def discard(self) -> None:
        """Take away what was set aside of a file that is not through; nothing after `close`."""
        self._part.unlink(missing_ok=True)

    def results(self) -> tuple[CheckResult, ...]:
        """Return one warning for each break, with how many rows lie in batches that show it."""
        then = "the rows were predicted all the same"
        if self._level == "quarantine":
            then = f"{self._aside:,} rows are set aside in {self._path}, and not predicted"
        return tuple(
            msgspec.structs.replace(
                each, verdict="warn", n=self._rows[key], why=f"{each.why}; {then}"
            )
            for key, each in self._found.items()
        )
