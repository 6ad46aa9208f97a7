"""Rows as the texts that stand in a source, before types are given to them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence

import polars as pl

from evermodel.project import Reading
from evermodel.tables.delimited import Delimited
from evermodel.tables.patches import Patch, patched
from evermodel.tables.raw import TypedSource
from evermodel.tables.reader import raw_batches
from evermodel.tables.sources import open_source, require_same, state_of
from evermodel.tables.typed import written
from evermodel.tables.understanding import Rejected

__all__ = ["kinds_of", "row_reader", "scan_texts", "texts"]

_UNTOLD = Reading()


def texts(
    source: object,
    *,
    reading: Reading = _UNTOLD,
    patches: Sequence[Patch] = (),
    most: int | None = None,
) -> pl.DataFrame:
    r"""Return the rows of a source as the texts that stand in it, "" where there is nothing.

    They are the rows that `read` returns, in the same order, before anything but the corrections
    of people is made of them; with `most`, no more than so many, and no more is read than these.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "days.csv"
    >>> _ = path.write_text("day;price\n31.01.2020; 1,5\n;n/a\n")
    >>> texts(path).rows()
    [('31.01.2020', ' 1,5'), ('', 'n/a')]

    Raises
    ------
    DataError
        When there is no table there, or it changes while it is read.
    """
    before = state_of(source)
    opened = open_source(source, reading)
    if isinstance(opened, Delimited):
        opened.settle()
    batches = raw_batches(opened, 65_536)
    if patches:
        batches = iter(patched(batches, patches, where=opened.where)[0])
    frames: list[pl.DataFrame] = []
    rows = 0
    for batch in batches:
        frame = batch if isinstance(batch, pl.DataFrame) else batch.frame
        if most is not None:
            frame = frame.head(most - rows)
        if isinstance(batch, pl.DataFrame):
            frame = frame.with_columns(written(series) for series in frame.get_columns())
        frames.append(frame)
        rows += frame.height
        if most is not None and rows >= most:
            break
    require_same(before)
    return pl.concat(frames).with_columns(pl.all().fill_null(""))


def scan_texts(
    source: object,
    *,
    reading: Reading = _UNTOLD,
    rejects: Callable[[Rejected], object] | None = None,
    batch_rows: int = 65_536,
) -> Iterator[pl.DataFrame]:
    r"""Yield the rows of a source as they are written, in memory that does not grow.

    Columns of a source that has types keep them. `rejects` is called with each row that is none of
    the table: it cannot be read, or holds a total or a note.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "days.csv"
    >>> _ = path.write_text("day;price\n31.01.2020;1,50\n")
    >>> [batch.rows() for batch in scan_texts(path)]
    [[('31.01.2020', '1,50')]]

    Raises
    ------
    DataError
        When there is no table there, or it changes while it is read.
    """
    before = state_of(source)
    opened = open_source(source, reading)
    if isinstance(opened, Delimited):
        opened.settle()
    for batch in raw_batches(opened, batch_rows):
        if isinstance(batch, pl.DataFrame):
            yield batch
            continue
        if rejects is not None:
            for row in batch.rejected:
                rejects(row)
        yield batch.frame
    require_same(before)


def kinds_of(source: object, *, reading: Reading = _UNTOLD) -> dict[str, pl.DataType]:
    """Return the types that the columns of a source come with; none where they come as texts.

    Examples
    --------
    >>> kinds_of(pl.DataFrame({"n": pl.Series([1], dtype=pl.UInt8)}))
    {'n': UInt8}

    Raises
    ------
    DataError
        When there is no table there.
    """
    opened = open_source(source, reading)
    if not isinstance(opened, TypedSource):
        return {}
    first = next(iter(opened.frames(1)), None)
    return {} if first is None else dict(first.schema)


def row_reader(source: object, *, reading: Reading = _UNTOLD) -> Callable[[str], list[str]]:
    r"""Return what divides a row into its cells as a source writes them; several rows are none.

    A source that is no delimited text has a tab between two cells.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "days.csv"
    >>> _ = path.write_text('day;said\n31.01.2020;"a; b"\n01.02.2020;c\n')
    >>> row_reader(path)('02.02.2020;"d; e"')
    ['02.02.2020', 'd; e']
    """
    opened = open_source(source, reading)
    dialect = opened.dialect if isinstance(opened, Delimited) else None

    def cells(text: str) -> list[str]:
        rows = list(
            csv.reader(
                io.StringIO(text, newline=""),
                delimiter=dialect.separator if dialect else "\t",
                quotechar=(dialect.quote if dialect else "") or None,
                skipinitialspace=dialect.padded if dialect else False,
            )
        )
        return rows[0] if len(rows) == 1 else []

    return cells
