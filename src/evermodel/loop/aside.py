"""Rows of a scored file that are set aside: as they stand in the source, for somebody to repair."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import IO
from uuid import uuid4

import msgspec
import numpy as np
import polars as pl

from evermodel.errors import DataError, NotFoundError, masked
from evermodel.loop.sheets import FORMULA
from evermodel.loop.workspace import Workspace
from evermodel.records import Record
from evermodel.store.durable import forget_old, refusals, sync_folder, write_durably
from evermodel.tables import Understanding, row_hashes
from evermodel.tables.typed import written

__all__ = ["Aside", "Delivery", "Taking", "delivery_of", "keep_delivery", "titles"]

_FORMAT = "evermodel.aside/1"
_TITLES = ("line", "reason", "delivery")
_NAME = re.compile(r"score-[0-9a-f]{16}")


class Taking(Record, frozen=True, kw_only=True):
    """Rows that are being taken back: decided, and not yet known to be predicted."""

    number: int
    version: int
    reign: str


class Delivery(Record, frozen=True, kw_only=True):
    """What a file of rows that were set aside belongs to, and what became of them.

    `lines` and `marks` say of each row where it stood and what it held in the columns that were at
    fault, which are those that `sets` names for its place in `at_fault`; `taken` are the lines that
    were predicted since. `typed` says that the source had types, which the texts have not.
    `version` answered the other rows, 0 being whichever is live, and they were `logged` or not.
    """

    format: str = _FORMAT
    name: str
    source: str
    target: str
    understood: Understanding
    typed: bool = False
    lines: tuple[int, ...] = ()
    marks: tuple[int, ...] = ()
    sets: tuple[tuple[str, ...], ...] = ()
    at_fault: tuple[int, ...] = ()
    version: int = 0
    logged: bool = True
    taken: tuple[int, ...] = ()
    done: int = 0
    pending: Taking | None = None


class Aside:
    """Writes rows that are set aside; their file has its name once all of them are on the disk.

    The name tells what is in it: the same rows of the same file, scored again, are set aside once,
    and a file that somebody is repairing is not written over.

    Parameters
    ----------
    workspace : Workspace
    source : str
        What the file is called that is scored.
    target : Path
        Where the predictions of its other rows are written.
    understood : Understanding
    """

    def __init__(
        self, workspace: Workspace, source: str, target: Path, understood: Understanding
    ) -> None:
        self._workspace = workspace
        self._source = masked(source)
        self._target = target.absolute()
        self._understood = msgspec.structs.replace(understood, missing={}, notes=(), rejected=())
        # Who repairs it opens it with what wrote the source.
        found = understood.separator
        self._separator = found if found in (";", "\t", "|") else ","
        self._folder = workspace.set_aside
        self._part = self._folder / f".score-{uuid4().hex}.part"
        self._file: IO[bytes] | None = None
        self._digest = blake2b(f"{self._source}\n{self._target}".encode(), digest_size=8)
        self._lines: list[int] = []
        self._marks: list[int] = []
        self._sets: dict[tuple[str, ...], int] = {}
        self._at_fault: list[int] = []
        self._typed = False
        self._version, self._logged = 0, True
        self.path: Path | None = None
        self.answered = 0
        """How many of the rows were predicted since, when they were set aside before."""

    @property
    def rows(self) -> int:
        """How many rows were set aside."""
        return len(self._lines)

    def answer(self, *, version: int, logged: bool) -> None:
        """Say who answers the other rows (0: whoever is live), and whether these are logged."""
        self._version, self._logged = version, logged

    def add(
        self,
        rows: pl.DataFrame,
        lines: np.ndarray,
        reasons: Sequence[str],
        columns: Sequence[tuple[str, ...]],
    ) -> None:
        """Set rows aside, each with its line, its reason, and the columns that are at fault."""
        self._typed |= any(kind != pl.String for kind in rows.dtypes)
        texts = rows.with_columns(written(one).fill_null("") for one in rows.get_columns())
        line, reason, delivery = titles(rows.columns)
        head = [pl.Series(line, lines.astype(np.int64)), pl.Series(reason, reasons, pl.String)]
        held = pl.DataFrame([head[0], *texts.get_columns()])
        self._digest.update(held.write_csv().encode())
        came = f"{Path(self._source).name} at {self._workspace.now()[:19]}"
        head.append(pl.Series(delivery, [came] * rows.height, pl.String))
        table = pl.DataFrame([*head, *texts.get_columns()])
        with refusals(self._part):
            if self._file is None:
                self._file = self._begun()
            _safe(table).write_csv(
                self._file, include_header=not self._lines, separator=self._separator
            )
        self._lines += lines.tolist()
        self._at_fault += [self._sets.setdefault(each, len(self._sets)) for each in columns]
        self._marks += marks_of(texts, columns)

    def _begun(self) -> IO[bytes]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        forget_old(self._folder, ".score-*.part")
        file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        # With the mark in front, spreadsheet programs know the encoding.
        file.write(b"\xef\xbb\xbf")
        return file

    def close(self) -> None:
        """Give the file its name, durably; nothing where no row was set aside."""
        if self._file is None:
            return
        name = f"score-{self._digest.hexdigest()}"
        self.path = self._folder / f"{name}.csv"
        with refusals(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
            # Of a file that went away it is still known which rows were taken back.
            if (self._folder / f"{name}.json").exists():
                with suppress(DataError):  # whoever repairs is told that it is damaged
                    known = delivery_of(self._workspace, self.path)
                    self.answered = 0 if known is None else len(known.taken)
            if self.path.exists():
                self._part.unlink()
                return
            if not (self._folder / f"{name}.json").exists():
                keep_delivery(self._workspace, self._delivery(name))
            self._part.replace(self.path)
            sync_folder(self._folder)

    def _delivery(self, name: str) -> Delivery:
        return Delivery(
            name=name,
            source=self._source,
            target=str(self._target),
            understood=self._understood,
            typed=self._typed,
            lines=tuple(self._lines),
            marks=tuple(self._marks),
            sets=tuple(self._sets),
            at_fault=tuple(self._at_fault),
            version=self._version,
            logged=self._logged,
        )

    def discard(self) -> None:
        """Take away what was set aside of a file that is not through; nothing after `close`."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._part.unlink(missing_ok=True)


def titles(columns: Sequence[str]) -> tuple[str, str, str]:
    """Return what the columns line, reason and delivery are called beside those of a source.

    Examples
    --------
    >>> titles(["line", "amount"])
    ('evermodel_line', 'reason', 'delivery')
    """
    named = []
    for name in _TITLES:
        while name in columns:
            name = f"evermodel_{name}"
        named.append(name)
    return named[0], named[1], named[2]


def marks_of(texts: pl.DataFrame, columns: Sequence[tuple[str, ...]]) -> list[int]:
    """Return for each row of texts a number that is another once a cell that is at fault is.

    Where none of these columns is there, as for a row that came twice, all cells count.
    """
    marks = np.zeros(texts.height, np.uint64)
    places: dict[tuple[str, ...], list[int]] = {}
    for row, names in enumerate(columns):
        places.setdefault(names, []).append(row)
    for names, rows in places.items():
        held = sorted(set(names) & set(texts.columns)) or sorted(texts.columns)
        marks[rows] = row_hashes(texts[rows].select(held)).astype(np.uint64)
    return [int(mark) for mark in marks]


def _safe(table: pl.DataFrame) -> pl.DataFrame:
    """Return texts that no spreadsheet runs as formulas; `sheets.as_given` takes it back."""
    texts = pl.col(pl.String)
    return table.with_columns(
        pl.when(texts.str.contains(f"^{FORMULA.pattern}"))
        .then("'" + texts)
        .otherwise(texts)
        .name.keep()
    )


def delivery_of(workspace: Workspace, path: Path) -> Delivery | None:
    """Return what a file of rows set aside belongs to, or None where it is no such file.

    Raises
    ------
    NotFoundError
        When nothing is known of it here.
    DataError
        When what is known of it is damaged.
    """
    found = _NAME.match(path.name)
    if found is None:
        return None
    kept = workspace.set_aside / f"{found[0]}.json"
    if not kept.exists():
        what = "these rows were set aside in another project, or their delivery was removed"
        raise NotFoundError(what, where=str(path), found=f"no {kept}")
    try:
        delivery = msgspec.json.decode(kept.read_bytes(), type=Delivery)
    except msgspec.DecodeError as error:
        what = "what is known of rows that were set aside is damaged"
        raise DataError(what, where=str(kept), found=str(error)) from None
    if delivery.format != _FORMAT:
        what = "these rows were set aside by a later Evermodel"
        raise DataError(what, where=str(kept), found=delivery.format, hint="install that one")
    return delivery


def keep_delivery(workspace: Workspace, delivery: Delivery) -> None:
    """Write down what became of a delivery, durably."""
    path = workspace.set_aside / f"{delivery.name}.json"
    write_durably(path, msgspec.json.encode(delivery), mode=0o600)
