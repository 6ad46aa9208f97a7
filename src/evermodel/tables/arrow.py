"""Tables that come as streams of Arrow: files, DuckDB's results, and other libraries' frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from evermodel.errors import DataError
from evermodel.tables.objects import batch_of
from evermodel.tables.sniff import check_names

__all__ = ["ArrowFile", "Frame", "is_frame"]


def is_frame(source: object) -> bool:
    """Return whether this is a table of some library rather than the name of one.

    Examples
    --------
    >>> is_frame(pl.DataFrame()), is_frame("table.csv")
    (True, False)
    """
    if isinstance(source, (str, Path)):
        return False
    marks = ("__arrow_c_stream__", "__dataframe__", "collect_schema")
    return any(hasattr(source, mark) for mark in marks)


class Frame:
    """A DataFrame of any library that speaks Arrow (pandas, polars, pyarrow, DuckDB, Ibis, ...).

    Parameters
    ----------
    table : object
        With Arrow's PyCapsule interface, or known to narwhals.
    """

    kind = "frame"

    def __init__(self, table: Any) -> None:
        self.where = f"a {type(table).__module__.partition('.')[0]} {type(table).__name__}"
        self._frame = _as_polars(table, self.where)
        if not self._frame.width:
            what = "the table has no columns"
            raise DataError(what, where=self.where, hint="give one with rows and columns")

    def frame(self) -> pl.DataFrame:
        """Return the whole table."""
        return self._frame

    def frames(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield the table in order, about `rows` rows at a time."""
        yield from self._frame.iter_slices(rows)


def _as_polars(table: Any, where: str) -> pl.DataFrame:
    if isinstance(table, pl.LazyFrame):
        table = table.collect()
    # The columns of a pyarrow table are its data.
    names = getattr(table, "column_names", None) or getattr(table, "columns", None)
    if names is not None and not callable(names):
        check_names([str(name) for name in names], where)
    try:
        return _through_arrow(table)
    except Exception as error:  # noqa: BLE001
        # Other libraries raise whatever they like: a column of mixed objects, an unknown type.
        if names is not None and not callable(names):
            with suppress(Exception):
                return pl.DataFrame([_column(table, name) for name in names])
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        what = "this table cannot be read through Arrow"
        hint = "give every column one type, or save the table as parquet and name the file"
        raise DataError(what, where=where, found=said, hint=hint) from None


def _through_arrow(table: Any) -> pl.DataFrame:
    if hasattr(table, "__arrow_c_stream__"):
        return pl.DataFrame(table)
    import narwhals

    frame: pl.DataFrame = narwhals.from_native(table, eager_only=True).to_polars()
    return frame


def _column(table: Any, name: Any) -> pl.Series:
    """Return a column of pandas; one of mixed objects as the texts that a file would hold."""
    try:
        return _through_arrow(table[[name]]).to_series().alias(str(name))
    except Exception:  # noqa: BLE001 - as above
        values = table[name].tolist()
        known = [None if _is_absent(value) else value for value in values]
        texts = batch_of([str(name)], [[value] for value in known], range(1, len(known) + 1))
        return texts.frame.to_series()


def _is_absent(value: Any) -> bool:
    """Whether a value of an object column is none: of what compares to nothing, pandas says NA."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"


class ArrowFile:
    """An Arrow (Feather) file, in the form of a file or of a stream.

    Parameters
    ----------
    path : Path
        The file.
    """

    kind = "Arrow"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)
        with self._reading() as reader:
            check_names(reader.schema.names, self.where)

    def frame(self) -> pl.DataFrame:
        """Return the whole table."""
        with self._reading() as reader:
            return _of_arrow(reader.read_all())

    def frames(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield the table in order, at most `rows` rows at a time."""
        with self._reading() as reader:
            count = getattr(reader, "num_record_batches", None)
            if count is None:
                batches: Iterator[Any] = iter(reader)
            else:
                batches = (reader.get_batch(place) for place in range(count))
            for batch in batches:
                yield from _of_arrow(batch).iter_slices(rows)

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        import pyarrow as pa

        with _told(self.where), pa.memory_map(str(self.path)) as file:
            head = file.read(6)
            file.seek(0)
            opens: Callable[..., Any] = (
                pa.ipc.open_file if head == b"ARROW1" else pa.ipc.open_stream
            )
            with opens(file) as reader:
                yield reader


def _of_arrow(table: Any) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


@contextmanager
def _told(where: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        said = str(error).splitlines()[0][:200]
        what = "this Arrow file is damaged, or is none"
        raise DataError(what, where=where, found=said, hint="copy or export it again") from None
