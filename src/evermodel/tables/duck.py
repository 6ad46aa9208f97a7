"""Tables in DuckDB files, streamed as Arrow: no copy goes through Python's own values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl

from evermodel.errors import DataError, MissingExtraError, nearest
from evermodel.tables.addresses import parsed
from evermodel.tables.sniff import check_names

__all__ = ["DuckDb"]


class DuckDb:
    """A table or a query of a DuckDB file, opened for reading alone.

    Parameters
    ----------
    address : str
        Such as ``duckdb:///shop.duckdb?table=orders`` or
        ``duckdb:///shop.duckdb#query=select * from orders``.
    """

    kind = "database"

    def __init__(self, address: str) -> None:
        parts = parsed(address)
        self._table, self._query = parts.table, parts.query
        # As in SQLAlchemy's addresses: three strokes are a relative path, four an absolute one.
        self._path = Path(unquote(parts.path)[1:])
        self.where = f"duckdb:///{self._path}"
        if not (self._table or self._query):
            what = "the address names no table"
            raise DataError(what, where=self.where, hint="add ?table=NAME or ?query=SELECT ...")
        if not self._path.is_file():
            raise DataError("there is no such database", where=self.where, hint="check the path")
        with self._opened() as connection:
            names = connection.sql(self._sql(connection)).columns
        check_names(names, self.where)

    def frame(self) -> pl.DataFrame:
        """Return the whole table."""
        parts = list(self.frames(1 << 20))
        return pl.concat(parts) if len(parts) > 1 else parts[0]

    def frames(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield the table in order, about `rows` rows at a time."""
        with self._opened() as connection:
            reader = connection.sql(self._sql(connection)).to_arrow_reader(rows)
            seen = False
            for batch in reader:
                seen = True
                frame = pl.from_arrow(batch)
                assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a batch has columns
                yield frame
            if not seen:
                empty = pl.from_arrow(reader.schema.empty_table())
                assert isinstance(empty, pl.DataFrame)  # noqa: S101 - as above
                yield empty

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            import duckdb
        except ImportError as error:
            raise MissingExtraError("reading from DuckDB", "duckdb", found=str(error)) from None
        try:
            # Nothing from the query may load extensions or reach other files.
            settings: dict[str, Any] = {
                "autoload_known_extensions": "false",
                "enable_external_access": "false",
            }
            with duckdb.connect(str(self._path), read_only=True, config=settings) as connection:
                yield connection
        except duckdb.Error as error:
            said = str(error).strip().splitlines()[0][:200]
            what = "the database refuses the query"
            if "not a valid DuckDB" in said or "Could not read" in said:
                what = "this is not a DuckDB database, or of a version that is not known"
            hint = "check the address and the query"
            raise DataError(what, where=self.where, found=said, hint=hint) from None

    def _sql(self, connection: Any) -> str:
        if self._query:
            return self._query
        schema, _, name = self._table.rpartition(".")
        found = "SELECT table_schema, table_name FROM information_schema.tables"
        known = connection.execute(found).fetchall()
        names = [table for place, table in known if not schema or place == schema]
        if name not in names:
            near = nearest(name, names)
            hint = f"did you mean {near!r}?" if near else f"it has {', '.join(names[:10])}"
            raise DataError("there is no such table", where=self.where, found=name, hint=hint)
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, name) if part)
        return f"SELECT * FROM {quoted}"  # noqa: S608 - quoted, and only read
